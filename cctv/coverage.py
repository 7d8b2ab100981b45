"""Which cameras to watch so that their views capture the most expected incidents.

In: `Views` and a risk per cell. Out: a `Choice`: cameras in the order of choice, what each adds, an upper bound of the optimum.

The expected captured risk of a set of cameras is the risk of the union of their views, taken over the cells' sample points, each
with an equal part of its cell's risk. So a spot that two cameras see counts once. The other usual objective,
Σ λ · (1 − Π (1 − share)), takes views for independent of one another: it credits two cameras on one pole that see the same
quarter of a cell with 44 % instead of 25 %. Over points the problem is maximal covering location (Church and ReVelle 1974),
whose objective is monotone and submodular: the greedy choice captures at least 1 − 1/e of the best set of its size
(Nemhauser, Wolsey and Fisher 1978). Gains only ever shrink, so the lazy form (Minoux 1978) needs few of them computed anew.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cctv.views import POINTS_PER_CELL, FloatArray, IntArray, Views

BOUND_CHECKS = 24  # prefixes of the choice at which the upper bound is computed; the least counts


class CoverageError(ValueError):
    """The risk does not fit the views, or cannot be a risk."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Cameras in the order of choice.

    order: Int64[chosen], camera numbers. gains: Float64[chosen], what each adds to those before it. captured: sum of the gains,
    in the unit of the risk. upper_bound: no set of as many cameras as were asked for can capture more than this.
    """

    order: IntArray
    gains: FloatArray
    captured: float
    upper_bound: float

    @property
    def gap(self) -> float:
        """How far the choice may be from the optimum at most, as a share of the upper bound: 0 to 1."""
        return 1 - self.captured / self.upper_bound if self.upper_bound > 0 else 0.0


def choose_cameras(views: Views, risk: npt.ArrayLike, *, count: int, fill: bool = False) -> Choice:
    """Choose up to `count` cameras by lazy greedy maximal covering.

    risk: Float[cells], at least 0. Equal gains are decided by the lower camera number, so the same input gives the same choice.
    Cameras that add nothing are left out, unless `fill` asks for the full number (in camera order). Raises `CoverageError`.
    """
    weights = _point_weights(views, risk)
    heap = [(-float(weights[views.of(camera)].sum()), camera, 0) for camera in range(views.camera_count)]
    heapq.heapify(heap)
    left = weights.copy()
    order: list[int] = []
    gains: list[float] = []
    limit = min(count, views.camera_count)
    checks = {round(share * limit) for share in np.linspace(0, 1, BOUND_CHECKS)}
    bound = float(weights.sum()) if count > 0 else 0.0
    while heap:
        if len(order) in checks:
            checks.discard(len(order))
            bound = min(bound, sum(gains) + _best_gains(views, left, count))
        if len(order) >= limit:
            break
        negative, camera, round_of = heapq.heappop(heap)
        if round_of < len(order):
            # Stale: the gain was computed before the last choice, and can only have become smaller.
            heapq.heappush(heap, (-float(left[views.of(camera)].sum()), camera, len(order)))
            continue
        if negative >= 0 and not fill:
            break
        order.append(camera)
        gains.append(-negative)
        left[views.of(camera)] = 0.0
    captured = float(sum(gains))
    bound = min(bound, captured + _best_gains(views, left, count))
    return Choice(np.array(order, np.int64), np.array(gains, np.float64), captured, max(bound, captured))


def captured_risk(views: Views, risk: npt.ArrayLike, cameras: npt.ArrayLike) -> float:
    """Risk of the union of these cameras' views, in the unit of the risk. `cameras`: Int[chosen]."""
    weights = _point_weights(views, risk)
    seen = np.unique(views.subset(np.asarray(cameras, np.int64)).points)
    return float(weights[seen].sum())


def _point_weights(views: Views, risk: npt.ArrayLike) -> FloatArray:
    """Float64[cells × POINTS_PER_CELL]: each point's part of its cell's risk."""
    values = np.asarray(risk, np.float64)
    if values.shape != (views.cell_count,):
        raise CoverageError(f"The risk has the shape {values.shape}, but the views were made for {views.cell_count} cells.")
    if not np.isfinite(values).all() or (values < 0).any():
        raise CoverageError("A risk must be a finite number of at least 0 in every cell.")
    return np.repeat(values / POINTS_PER_CELL, POINTS_PER_CELL)


def _best_gains(views: Views, left: FloatArray, count: int) -> float:
    """Sum of the `count` greatest gains over what is left: the optimum cannot exceed the captured risk by more."""
    sums = np.concatenate([[0.0], np.cumsum(left[views.points])])
    gains = np.sort(np.diff(sums[views.first]))[::-1]
    return float(gains[:count].sum())
