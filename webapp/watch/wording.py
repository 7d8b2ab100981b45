"""How the reason for a camera is said to a person, in the language of the page."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from webapp.forecasts.wording import NOTICEABLE, format_factor
from webapp.forecasts.wording import reason_sentence as forecast_sentence


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
