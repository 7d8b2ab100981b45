"""The page of live weights: what a risk factor above its usual level does to the rate of each category, in words."""

from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.forecasts.models import LiveWeights
from webapp.forecasts.selectors import category_labels
from webapp.forecasts.selectors.live_weights import WeightLine, live_weights_list, weight_lines
from webapp.forecasts.sentences import live_verdict_sentence
from webapp.live.wording import factor_label

if TYPE_CHECKING:
    from webapp.accounts.models import User

WIDEST = log(4)  # the picture ends at a quarter and at four times
SURE = 0.02  # a log change of less is no change in words
VERSIONS = 10


@dataclass(frozen=True)
class ShownWeight:
    """One factor: what one unit of excess multiplies the rate by (with its 95 % interval, and by the prior alone).

    mean, low, high, prior: the same as places in the picture, 0 to 100 per cent from a quarter to four times.
    """

    label: str
    sentence: str
    times: float
    times_low: float
    times_high: float
    prior_times: float
    mean: float
    low: float
    high: float
    prior: float
    is_sure: bool


@dataclass(frozen=True)
class WeightsPage:
    """`row`: the weights in service, None before the first. `versions`: newest first, each with why it is where it is."""

    row: LiveWeights | None
    verdict: str
    categories: list[tuple[str, str]]
    category: str
    weights: list[ShownWeight]
    versions: list[tuple[LiveWeights, str]]


def weights_page(*, user: "User", category: str = "") -> WeightsPage:
    """The page for this person and category (blank or unknown: the first). Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    assert user.jurisdiction is not None  # noqa: S101 (nobody without one may do anything)
    rows = list(live_weights_list(user=user)[:VERSIONS])
    row = next((one for one in rows if one.state == LiveWeights.State.IN_SERVICE), None)
    row = row or live_weights_list(user=user).filter(state=LiveWeights.State.IN_SERVICE).first()
    labels = category_labels(jurisdiction=user.jurisdiction)
    codes = [code for code in labels if row is None or code in row.category_codes]
    chosen = category if category in codes else next(iter(codes), "")
    lines = [line for line in weight_lines(row) if line.category == chosen] if row else []
    shown = [_shown(line, labels.get(chosen, chosen)) for line in lines]
    return WeightsPage(
        row=row,
        verdict=live_verdict_sentence(row) if row else "",
        categories=[(code, labels[code]) for code in codes],
        category=chosen,
        weights=sorted(shown, key=lambda one: -abs(log(one.times))),
        versions=[(one, live_verdict_sentence(one)) for one in rows],
    )


def _shown(line: WeightLine, category: str) -> ShownWeight:
    is_sure = line.low > 0 or line.high < 0
    return ShownWeight(
        label=factor_label(line.factor),
        sentence=_sentence(line, category, is_sure=is_sure),
        times=line.times,
        times_low=exp(line.low),
        times_high=exp(line.high),
        prior_times=exp(line.prior_mean),
        mean=_place(line.mean),
        low=_place(line.low),
        high=_place(line.high),
        prior=_place(line.prior_mean),
        is_sure=is_sure,
    )


def _place(value: float) -> float:
    return round(50 + 50 * max(-1.0, min(1.0, value / WIDEST)), 1)


def _sentence(line: WeightLine, category: str, *, is_sure: bool) -> str:
    named = {"category": category, "percent": f"{abs(line.times - 1) * 100:.0f}"}
    if abs(line.mean) < SURE:
        return _("tells nothing about %(category)s") % named
    if line.mean > 0:
        told = _("raises the risk of %(category)s by %(percent)s %%") % named
    else:
        told = _("lowers the risk of %(category)s by %(percent)s %%") % named
    return told if is_sure else _("%(told)s, but that is not sure") % {"told": told}
