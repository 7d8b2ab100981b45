"""How the reason for a camera and the why of an alert are said to a person, in the language of the page."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from cctv.factors import BY_CODE
from webapp.forecasts.wording import NOTICEABLE, format_factor
from webapp.forecasts.wording import reason_sentence as forecast_sentence

# Less than a twentieth of what was seen is no number worth a sentence: it is hardly ever seen.
RARE = 0.05


def reason_sentence(reason: Mapping[str, Any], category_labels: Mapping[str, str]) -> str:
    """One or two short sentences: how much risk the camera sees, and what raises it.

    `reason`: the fields of `choosing.WatchList.reasons`. `category_labels`: {code: label in the language of the page}.
    """
    category = category_labels.get(reason["category"], reason["category"])
    fields = {"category": category, "factor": format_factor(reason["vs_mean"])}
    first = _("The risk of %(category)s in its view is %(factor)s times the jurisdiction's mean.") % fields
    if not reason.get("group") or reason["factor"] < 1 + NOTICEABLE:
        return first
    return f"{first} {forecast_sentence(reason['group'], reason['factor'])}"


def factor_label(code: str) -> str:
    """The name of a risk factor in the language of the page; its code where it has none."""
    return str(_(BY_CODE[code].label)) if code in BY_CODE else code


def alert_sentence(factor: str, category: str, reason: Mapping[str, Any], category_labels: Mapping[str, str]) -> str:
    """Two short sentences: how unusual it is here at this hour, and how likely crime is here now.

    `reason`: `seen` and `usual` (events of the factor at this camera in the last while, and as many as usual), `place` (the
    category's rate here now as a multiple of the jurisdiction's mean cell).
    """
    seen, usual = float(reason.get("seen", 0)), float(reason.get("usual", 0))
    fields = {"what": factor_label(factor), "times": format_factor(seen / usual) if usual > 0 else ""}
    if usual > RARE * seen:
        first = _("%(what)s: %(times)s times as much as is usual here at this hour.") % fields
    else:
        first = _("%(what)s: hardly ever seen here at this hour.") % fields
    if not category or "place" not in reason:
        return first
    named = {"category": category_labels.get(category, category), "factor": format_factor(float(reason["place"]))}
    second = _("The risk of %(category)s here is now %(factor)s times the jurisdiction's mean.") % named
    return f"{first} {second}"
