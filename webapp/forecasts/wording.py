"""How models and their reasons are said to people: learners, groups of reasons and the sentences made of them."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Contributions between ×0.91 and ×1.1 are not worth a sentence. In log rate.
NOTICEABLE = 0.095

LEARNERS: dict[str, Promise] = {
    "lightgbm": gettext_lazy("LightGBM (learning model)"),
    "kde": gettext_lazy("time-weighted density (KDE)"),
    "count": gettext_lazy("historic count"),
    "seasonal": gettext_lazy("seasonal count"),
}


@dataclass(frozen=True)
class GroupWording:
    """The name of a group of features, and what a rate above or below the average because of it means."""

    label: Promise
    more: Promise
    less: Promise


GROUPS: dict[str, GroupWording] = {
    "here_recent": GroupWording(
        gettext_lazy("recent incidents here"),
        gettext_lazy("Many incidents in this cell in the last 4 weeks"),
        gettext_lazy("Few incidents in this cell in the last 4 weeks"),
    ),
    "here_long": GroupWording(
        gettext_lazy("incidents here over the years"),
        gettext_lazy("Many incidents in this cell over a long time"),
        gettext_lazy("Few incidents in this cell over a long time"),
    ),
    "around_recent": GroupWording(
        gettext_lazy("recent incidents around"),
        gettext_lazy("Many incidents around this cell in the last 4 weeks"),
        gettext_lazy("Few incidents around this cell in the last 4 weeks"),
    ),
    "around_long": GroupWording(
        gettext_lazy("incidents around over the years"),
        gettext_lazy("Many incidents around this cell over a long time"),
        gettext_lazy("Few incidents around this cell over a long time"),
    ),
    "other_types": GroupWording(
        gettext_lazy("other types of crime"),
        gettext_lazy("Other types of crime occur often here"),
        gettext_lazy("Other types of crime seldom occur here"),
    ),
    "season": GroupWording(
        gettext_lazy("season and day"),
        gettext_lazy("A time of the year with many incidents"),
        gettext_lazy("A time of the year with few incidents"),
    ),
    "place": GroupWording(
        gettext_lazy("kind of place"),
        gettext_lazy("A place where incidents are more frequent"),
        gettext_lazy("A place where incidents are less frequent"),
    ),
}


def learner_label(learner: str) -> str:
    """The name of a learner in the language of the page; its code where it has none."""
    return str(LEARNERS.get(learner, learner))


def group_label(group: str) -> str:
    """The name of a group of reasons in the language of the page; its code where it has none."""
    return str(GROUPS[group].label) if group in GROUPS else group


def reason_sentence(group: str, factor: float) -> str:
    """One reason as a sentence: what raises (factor > 1) or lowers the rate, and by how much against the average cell."""
    wording = GROUPS.get(group)
    what = group if wording is None else (wording.more if factor >= 1 else wording.less)
    return _("%(what)s (×%(factor)s)") % {"what": what, "factor": format_factor(factor)}


def format_factor(factor: float) -> str:
    """A factor with two significant digits: 0.52, 1.8, 12."""
    if factor >= 9.95:
        return f"{factor:.0f}"
    return f"{factor:.1f}" if factor >= 0.995 else f"{factor:.2f}"
