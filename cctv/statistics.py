"""Statistics of a place from what its cameras counted: people per hour, time in view, congestion against the usual.

In: the counts of one hour (`people` and `dwell` events of the place's cameras) and what was usual in the weeks before. Out: plain
numbers with their uncertainty, and `published`, the form in which they may leave the building. No person, track or picture is
known here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

LEAST_SHOWN = 5  # smaller counts are told as "<5"
LEAST_SEEN = 0.5  # share of the hour that must have been watched
Z_95 = 1.959964
SHRINK_HOURS = 2.0  # an hour of the week seen so often counts half against the place's mean
USUAL_NEEDS_HOURS = 48
LIFT = 0.5  # people in view; added to both sides, so that 1 instead of 0.2 is no crush
FloatArray = npt.NDArray[np.float64]


class Congestion(StrEnum):
    """How many people are in view against what is usual for the place and hour of the week."""

    QUIET = "quiet"  # less than half of the usual
    USUAL = "usual"
    BUSY = "busy"  # half as many again
    VERY_BUSY = "very_busy"  # two and a half times
    UNKNOWN = "unknown"  # not watched long enough, now or before


@dataclass(frozen=True)
class HourCounts:
    """One hour of one place. passages: people who left a view (a person who passes two cameras counts at both, unless their
    views overlap). in_view: mean people in view at once, None where not counted. stay_s: median and quartiles of the time in
    view. observed: share of the hour that was watched.
    """

    passages: int
    in_view: float | None
    stay_s: tuple[float, float, float] | None  # lower quartile, median, upper quartile
    observed: float


@dataclass(frozen=True)
class PlaceHour:
    """An hour as it may be shown. None: not known, or withheld because fewer than five people passed.

    people_per_hour with its 95 % interval; text: "<5" or the rounded number.
    """

    people_per_hour: float | None
    people_low: float | None
    people_high: float | None
    people_text: str
    in_view: float | None
    stay_s: tuple[float, float, float] | None
    congestion: Congestion
    ratio: float | None
    observed: float


def combine(cameras: Sequence[HourCounts], *, views_overlap: bool) -> HourCounts:
    """One hour of a place from its cameras' hours. Where views overlap the busiest camera counts for all, else they add up."""
    if not cameras:
        return HourCounts(0, None, None, 0.0)
    seen = [one.in_view for one in cameras if one.in_view is not None]
    together = max if views_overlap else sum
    stays = [(one.passages, one.stay_s) for one in cameras if one.stay_s is not None and one.passages > 0]
    weights = np.array([weight for weight, _ in stays], np.float64)
    # The median of all is not to be had from medians; weighted by counts it is near enough for places of one kind.
    stay = np.average(np.array([stay for _, stay in stays]), axis=0, weights=weights) if stays else None
    return HourCounts(
        passages=int(together(one.passages for one in cameras)),
        in_view=float(together(seen)) if seen else None,
        stay_s=None if stay is None else (float(stay[0]), float(stay[1]), float(stay[2])),
        observed=float(np.mean([one.observed for one in cameras])),
    )


def people_per_hour(passages: int, observed: float) -> tuple[float, float, float]:
    """Rate an hour with its 95 % Poisson interval, for a count over this share of an hour.

    Byar's approximation (Breslow and Day 1987) of Garwood's exact interval: within 1 % of it from five people on.

    >>> tuple(round(x, 1) for x in people_per_hour(60, 1.0))
    (60.0, 45.8, 77.2)
    >>> tuple(round(x, 1) for x in people_per_hour(0, 0.5))
    (0.0, 0.0, 7.3)
    """
    share = min(max(observed, 1e-6), 1.0)
    low = passages * max(1 - 1 / (9 * passages) - Z_95 / (3 * math.sqrt(passages)), 0.0) ** 3 if passages > 0 else 0.0
    more = passages + 1
    return passages / share, low / share, more * (1 - 1 / (9 * more) + Z_95 / (3 * math.sqrt(more))) ** 3 / share


def stay_quantiles(stays_s: Sequence[float]) -> tuple[float, float, float] | None:
    """Lower quartile, median and upper quartile of times in view; None without any."""
    if len(stays_s) == 0:
        return None
    low, middle, high = np.quantile(np.asarray(stays_s, np.float64), [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def usual_in_view(hour_of_week: npt.NDArray[np.int64], in_view: FloatArray) -> FloatArray | None:
    """Usual people in view per hour of the week, Float64[168], from past hours; None where there are too few of them.

    Each hour's mean is drawn towards the place's: (Σ + 2 · place mean) / (n + 2).
    """
    if len(in_view) < USUAL_NEEDS_HOURS:
        return None
    sums = np.bincount(hour_of_week, weights=in_view, minlength=168)
    times = np.bincount(hour_of_week, minlength=168)
    usual: FloatArray = (sums + SHRINK_HOURS * in_view.mean()) / (times + SHRINK_HOURS)
    return usual


def congestion(in_view: float | None, usual: float | None, observed: float = 1.0) -> tuple[Congestion, float | None]:
    """The level, and how many times the usual it is.

    >>> congestion(6.0, 2.0)
    (<Congestion.VERY_BUSY: 'very_busy'>, 2.6)
    >>> congestion(1.0, 0.2)[0].value
    'busy'
    >>> congestion(3.0, None)
    (<Congestion.UNKNOWN: 'unknown'>, None)
    """
    if in_view is None or usual is None or observed < LEAST_SEEN:
        return Congestion.UNKNOWN, None
    ratio = (in_view + LIFT) / (usual + LIFT)
    level = Congestion.VERY_BUSY
    if ratio < 0.5:
        level = Congestion.QUIET
    elif ratio < 1.5:
        level = Congestion.USUAL
    elif ratio < 2.5:
        level = Congestion.BUSY
    return level, round(ratio, 2)


def published(counts: HourCounts, usual: float | None) -> PlaceHour:
    """The hour as it may be shown: nothing that tells of fewer than five people, and no finer than whole people and seconds."""
    level, ratio = congestion(counts.in_view, usual, counts.observed)
    if counts.observed < LEAST_SEEN:
        return PlaceHour(None, None, None, "", None, None, Congestion.UNKNOWN, None, round(counts.observed, 2))
    rate, low, high = people_per_hour(counts.passages, counts.observed)
    whole = PlaceHour(
        people_per_hour=float(round(rate)),
        people_low=float(np.floor(low)),
        people_high=float(np.ceil(high)),
        people_text=f"{round(rate)}",
        in_view=None if counts.in_view is None else round(counts.in_view, 1),
        stay_s=None if counts.stay_s is None else tuple(float(round(one)) for one in counts.stay_s),  # type: ignore[arg-type]
        congestion=level,
        ratio=ratio,
        observed=round(counts.observed, 2),
    )
    if counts.passages >= LEAST_SHOWN:
        return whole
    quiet = level if level in (Congestion.QUIET, Congestion.USUAL) else Congestion.UNKNOWN
    withheld = {"people_per_hour": None, "people_low": None, "people_high": None, "in_view": None, "stay_s": None, "ratio": None}
    return replace(whole, people_text=f"<{LEAST_SHOWN}", congestion=quiet, **withheld)  # type: ignore[arg-type]
