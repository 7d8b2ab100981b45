"""How models and their reasons are said to people: learners, groups of reasons and the sentences made of them."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Contributions between ×0.91 and ×1.1 are not worth a sentence. In log rate.
NOTICEABLE = 0.095

LEARNERS: dict[str, Promise] = {
    "stack": gettext_lazy("stack of models"),
    "lightgbm": gettext_lazy("LightGBM (learning model)"),
    "tweedie": gettext_lazy("LightGBM, Tweedie counts"),
    "xgboost": gettext_lazy("XGBoost"),
    "ranking": gettext_lazy("LightGBM aimed at the top 5 %"),
    "network": gettext_lazy("neural network"),
    "etas": gettext_lazy("near-repeat process (ETAS)"),
    "eb": gettext_lazy("shrunken count (empirical Bayes)"),
    "ewkde": gettext_lazy("time-weighted density (KDE)"),
    "kde": gettext_lazy("density (KDE)"),
    "ewcount": gettext_lazy("time-weighted count"),
    "count": gettext_lazy("historic count"),
    "seasonal": gettext_lazy("seasonal count"),
    "regional": gettext_lazy("level and shares (large areas)"),
}

# No learners: what could be reached at most, scored on the same windows. See docs/methods/backtest.md.
CEILINGS: dict[str, Promise] = {
    "hindsight": gettext_lazy("hindsight (knows the weeks after, too)"),
    "oracle": gettext_lazy("perfect foresight"),
}

# The learners that learn from features; the others are what a centre could draw by itself.
LEARNING = ("stack", "lightgbm", "tweedie", "xgboost", "ranking", "network")

HORIZONS: dict[str, Promise] = {
    "shift": gettext_lazy("next shift"),
    "day": gettext_lazy("next day"),
    "week": gettext_lazy("next 7 days"),
    "month": gettext_lazy("next 4 weeks"),
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
    "calendar": GroupWording(
        gettext_lazy("calendar and holidays"),
        gettext_lazy("Days on which more happens here (holidays, school terms, pay days)"),
        gettext_lazy("Days on which less happens here (holidays, school terms, pay days)"),
    ),
    "weather": GroupWording(
        gettext_lazy("weather"),
        gettext_lazy("Weather in which more happens"),
        gettext_lazy("Weather in which less happens"),
    ),
    "surroundings": GroupWording(
        gettext_lazy("places, lamps and people around"),
        gettext_lazy("Places and people around at which more happens"),
        gettext_lazy("Places and people around at which less happens"),
    ),
    "rulings": GroupWording(
        gettext_lazy("what court rulings tell of such places"),
        gettext_lazy("A kind of place and hour that rulings name often"),
        gettext_lazy("A kind of place and hour that rulings seldom name"),
    ),
    "place": GroupWording(
        gettext_lazy("part of the city"),
        gettext_lazy("A part of the city where incidents are more frequent"),
        gettext_lazy("A part of the city where incidents are less frequent"),
    ),
}


@dataclass(frozen=True)
class ChangeWording:
    """A question "what if": as a short label, and why it may stay without an answer."""

    label: Promise
    unanswered: Promise


CHANGES: dict[str, ChangeWording] = {
    "history": ChangeWording(
        gettext_lazy("If nothing had happened here in the last 4 weeks"),
        gettext_lazy("This model does not look at single weeks."),
    ),
    "calendar": ChangeWording(
        gettext_lazy("At the yearly average of season, calendar and weather"),
        gettext_lazy("This model knows neither season nor calendar nor weather."),
    ),
    "place": ChangeWording(
        gettext_lazy("With the places, lamps and people of the city's median cell"),
        gettext_lazy("This model knows no places. Upload places (shops, schools, street lamps) and train again."),
    ),
    "live": ChangeWording(
        gettext_lazy("With what the cameras see now"),
        gettext_lazy("No live risk reaches the forecast yet."),
    ),
}


def learner_label(learner: str) -> str:
    """The name of a learner in the language of the page; its code where it has none."""
    known = LEARNERS.get(learner) or CEILINGS.get(learner)
    return str(known) if known else learner


def is_ceiling(learner: str) -> bool:
    """Whether the scores are those of a bound, not of a method that could be used."""
    return learner in CEILINGS


def horizon_label(horizon: str) -> str:
    """The name of a horizon in the language of the page; its code where it has none."""
    return str(HORIZONS.get(horizon, horizon))


def change_label(code: str) -> str:
    """A question "what if" in the language of the page."""
    return str(CHANGES[code].label) if code in CHANGES else code


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
