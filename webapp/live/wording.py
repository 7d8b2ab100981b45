"""How the live picture is said to a person, in the language of the page."""

from typing import TYPE_CHECKING

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cctv.factors import BY_CODE
from webapp.forecasts.wording import NOTICEABLE, format_factor
from webapp.watch.wording import alert_sentence, factor_label

if TYPE_CHECKING:
    from webapp.live.selectors import CellNow, FactorNow

CAMERA_STATES: dict[str, Promise] = {
    "ok": gettext_lazy("speaks"),
    "stale": gettext_lazy("has fallen silent"),
    "blind": gettext_lazy("cannot see"),
    "silent": gettext_lazy("never heard"),
    "unknown": gettext_lazy("not known yet"),
}
__all__ = [
    "CAMERA_STATES",
    "alert_sentence",
    "camera_state_label",
    "cell_sentence",
    "factor_label",
    "factor_sentence",
    "factor_unit",
]


def camera_state_label(state: str) -> str:
    """The state of a camera as the fusion sees it; its code where it has no name."""
    return str(CAMERA_STATES.get(state, state))


def factor_unit(code: str) -> str:
    """The unit of a factor's value; blank where it has none."""
    return BY_CODE[code].unit if code in BY_CODE else ""


def cell_sentence(now: "CellNow") -> str:
    """One sentence: how the rate here stands against what is usual for this slot, because of the cameras."""
    if not now.cameras:
        return _("No camera sees this cell: the forecast stands as it is.")
    if abs(now.factor - 1) < NOTICEABLE:
        return _("As usual: the cameras see nothing that would change the forecast here.")
    fields = {"factor": format_factor(now.factor if now.factor >= 1 else 1 / now.factor)}
    if now.factor >= 1:
        return _("Now %(factor)s times what is usual here, because of what the cameras see.") % fields
    return _("Now lower than usual here by a factor of %(factor)s, because of what the cameras see.") % fields


def factor_sentence(factor: "FactorNow") -> str:
    """One factor of a cell: more or less of it than usual, and by what it multiplies the rate."""
    fields = {"what": factor_label(factor.factor), "times": format_factor(factor.times)}
    if factor.excess == 0:
        return _("%(what)s: as usual.") % fields
    if factor.excess > 0:
        return _("%(what)s: more than usual (×%(times)s).") % fields
    return _("%(what)s: less than usual (×%(times)s).") % fields
