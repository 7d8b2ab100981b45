"""Near-repeats: are incidents close in place also close in time, more often than chance would have it?

The Knox test counts pairs of incidents by distance and by time between them, and compares the counts with those after
the times have been dealt out anew among the places (permutations): that keeps where and when crime happens as it is and
breaks only their tie. The table of ratios and p-values is what the near-repeat calculator shows.

Sources: Knox 1964 (the statistic); Besag and Diggle 1977 (its Monte Carlo p-value); Johnson et al. 2007 (ratio by
distance and time for burglary in ten cities); Ratcliffe and Rengert 2008 (the calculator's bands and its rule of reading).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from prediction.errors import PredictionError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
DISTANCE_EDGES_M = (0.0, 100.0, 200.0, 300.0, 400.0, 500.0)
TIME_EDGES_DAYS = (7.0, 14.0, 21.0, 28.0)
PAIRS_AT_MOST = 20_000_000  # 1.2 GB while they are being counted
NOTABLE_RATIO = 1.2  # Ratcliffe and Rengert: a band counts where it is significant and at least a fifth above chance
NOTABLE_P = 0.05


@dataclass(frozen=True, eq=False)
class NearRepeats:
    """Pairs of incidents by distance and by time between them, with what chance would give.

    distance_edges_m: upper edges of the distance bands (a first edge of 0 is "the same place"), Float64[distances];
    time_edges_days: upper edges of the time bands, Float64[times]; edges belong to the band below them.
    observed: Int64[distances, times] pairs; expected: Float64[distances, times], mean over the permutations;
    p_value: Float64[distances, times], one-sided: (1 + permutations with at least as many) / (1 + permutations).
    """

    distance_edges_m: Float64
    time_edges_days: Float64
    observed: Int64
    expected: Float64
    p_value: Float64
    permutations: int
    incidents: int

    @property
    def ratio(self) -> Float64:
        """Float64[distances, times]: observed ÷ expected (the Knox ratio); NaN where chance gives no pair at all."""
        quotient = np.divide(self.observed, self.expected, out=np.full(self.expected.shape, np.nan), where=self.expected > 0)
        return np.asarray(quotient, dtype=np.float64)

    @property
    def notable(self) -> npt.NDArray[np.bool_]:
        """Bool[distances, times]: bands that are significant and at least a fifth above chance (Ratcliffe and Rengert 2008)."""
        return np.asarray((self.p_value <= NOTABLE_P) & (self.ratio >= NOTABLE_RATIO), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Following:
    """How many incidents follow, or are followed by, another one nearby and soon.

    originators: incidents with a later one within the distance and days; repeats: those with an earlier one. An incident
    may be both. Those at the same instant are neither earlier nor later.
    """

    incidents: int
    originators: int
    repeats: int


def near_repeats(
    points_m: Float64,
    days: Float64,
    *,
    rng: np.random.Generator,
    distance_edges_m: Sequence[float] = DISTANCE_EDGES_M,
    time_edges_days: Sequence[float] = TIME_EDGES_DAYS,
    permutations: int = 99,
) -> NearRepeats:
    """The near-repeat calculator: Knox test over bands of distance and time.

    points_m: Float64[n, 2] in a metric projection; days: Float64[n], times in days from any zero. With 99 permutations
    the smallest p-value is 0.01. Only pairs within the greatest distance are ever held, found by a k-d tree; each
    permutation then costs one pass over them. Raises `PredictionError` where the input cannot be read or the pairs
    would not fit into memory.
    """
    points, times = _checked(points_m, days)
    edges_m, edges_days = _edges(distance_edges_m, "distance"), _edges(time_edges_days, "time")
    if permutations < 1:
        raise PredictionError(f"The Knox test needs at least one permutation, not {permutations}; 99 are usual.")
    first, second, bounds = _pairs_by_band(points, edges_m)
    # Differences of days keep their bands in single precision to about a second over ten years.
    clock = (times - times.min()).astype(np.float32)
    limits = edges_days.astype(np.float32)
    observed = _count(clock, first, second, bounds, limits)
    total = np.zeros(observed.shape, dtype=np.int64)
    at_least = np.zeros(observed.shape, dtype=np.int64)
    for _ in range(permutations):
        dealt = _count(rng.permutation(clock), first, second, bounds, limits)
        total += dealt
        at_least += dealt >= observed
    return NearRepeats(
        edges_m, edges_days, observed, total / permutations, (1 + at_least) / (1 + permutations), permutations, len(times)
    )


def following(points_m: Float64, days: Float64, *, within_m: float, within_days: float) -> Following:
    """Originators and repeats for one distance and one time (Haberman and Ratcliffe 2012), from the same input."""
    points, times = _checked(points_m, days)
    first, second, _ = _pairs_by_band(points, _edges((within_m,), "distance"))
    gap = times[second] - times[first]
    soon = (np.abs(gap) <= within_days) & (gap != 0)
    earlier = np.where(gap > 0, first, second)[soon]
    later = np.where(gap > 0, second, first)[soon]
    return Following(len(times), len(np.unique(earlier)), len(np.unique(later)))


def _checked(points_m: Float64, days: Float64) -> tuple[Float64, Float64]:
    points, times = np.asarray(points_m, dtype=np.float64), np.asarray(days, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or times.shape != points.shape[:1]:
        raise PredictionError(
            f"The near-repeat test needs one point (x, y) and one time per incident; got {points.shape} and {times.shape}."
        )
    if len(times) < 2:
        raise PredictionError(
            f"The near-repeat test compares pairs of incidents, but there are only {len(times)}; choose a longer time."
        )
    unreadable = int((~np.isfinite(points).all(axis=1) | ~np.isfinite(times)).sum())
    if unreadable:
        raise PredictionError(
            f"{unreadable} of {len(times)} incidents have no place or no time; leave them out before the near-repeat test."
        )
    return points, times


def _edges(edges: Sequence[float], what: str) -> Float64:
    array = np.asarray(edges, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all() or array[0] < 0 or (np.diff(array) <= 0).any():
        raise PredictionError(f"The upper edges of the {what} bands must be finite, not negative and rising; got {list(edges)}.")
    return array


def _pairs_by_band(points: Float64, edges_m: Float64) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Int64]:
    """Pairs within the greatest distance, band after band: first and second Int[pairs], bounds Int64[bands + 1]."""
    tree = cKDTree(points)
    pairs = (int(tree.count_neighbors(tree, edges_m[-1])) - len(points)) // 2
    if pairs > PAIRS_AT_MOST:
        raise PredictionError(
            f"{pairs:,} pairs of incidents lie within {edges_m[-1]:,.0f} m of each other; at most {PAIRS_AT_MOST:,} can be "
            "counted. Ask for a shorter distance or a shorter time."
        )
    found = tree.query_pairs(edges_m[-1], output_type="ndarray")
    apart = np.hypot(*(points[found[:, 0]] - points[found[:, 1]]).T)
    # The tree's own arithmetic may let a pair in that is a rounding error beyond the last edge.
    band = np.minimum(np.searchsorted(edges_m, apart, side="left"), len(edges_m) - 1)
    # Within a band in the order of the first incident, so that the times are read from near each other.
    order = np.lexsort((found[:, 0], band))
    bounds = np.searchsorted(band[order], np.arange(len(edges_m) + 1))
    return found[order, 0], found[order, 1], bounds.astype(np.int64)


def _count(
    clock: npt.NDArray[np.float32],
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.intp],
    bounds: Int64,
    limits: npt.NDArray[np.float32],
) -> Int64:
    """Int64[distances, times]: pairs of each band; clock: Float32[n] days."""
    gap = np.abs(clock[first] - clock[second])
    within = np.zeros((len(bounds) - 1, len(limits) + 1), dtype=np.int64)
    for number, limit in enumerate(limits):
        near = gap <= limit
        for band in range(len(bounds) - 1):
            within[band, number + 1] = np.count_nonzero(near[bounds[band] : bounds[band + 1]])
    return np.diff(within, axis=1)
