"""Trees that aim at the top of the list: which cells belong into the busiest 5 %, whatever their rates beyond.

The objective is the capture rate at that share of the cells, with the hard edge of the list smoothed: Σ y σ((s − t)/τ), the edge
t moving so that the list keeps its length. Its gradient for a cell is w κ (y − ȳ): the cell's count against the mean count ȳ of
the cells near the edge of the same origin, weighed by its closeness κ to the edge: a comparison of all pairs across the edge,
as in LambdaRank truncated there (Burges 2010), but linear in the cells. A part of the Poisson gradient holds the scores in place.

Scores become rates by a monotone map, learnt on later weeks than the trees it is learnt with (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from prediction.features import WEEK_DAYS, FeatureMaker, Moment
from prediction.learners.base import NotFittedError, Progress, no_progress
from prediction.learners.boosting import LightGbmTrees
from prediction.learners.rows import TrainingRows, level
from prediction.learners.trees import BoostingSettings, part_of
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Objective = Callable[[Float64, lgb.Dataset], tuple[Float64, Float64]]

EDGE_HOLDS_TREES = 10  # the edge of each list is sought again after so many trees
POISSON_STEP = np.exp(0.7)  # as in LightGBM's own Poisson objective: steps that cannot run away
HELD_OUT_SHARE = 0.25
LEAST_ORIGINS = 8
BANDS = 40


@dataclass(frozen=True)
class RankingSettings(BoostingSettings):
    """top_share: the part of the list that counts; focus: share of the gradient that comes from its edge, the rest is Poisson;

    softness: how far from the edge a cell still counts, in log rate.
    """

    trees: int = 300
    top_share: float = 0.05
    focus: float = 0.3
    softness: float = 0.5


class Ranking(LightGbmTrees):
    """`maps_[category]` Float64[2, knots]: log share of the city's incidents by score, and by what was seen at such scores."""

    name = "ranking"

    def __init__(self, maker: FeatureMaker, settings: RankingSettings, *, horizon_days: int = WEEK_DAYS) -> None:
        super().__init__(maker, settings, horizon_days=horizon_days)
        self.aim = settings
        self.maps_: dict[int, Float64] = {}

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        self.maps_ = {}
        super().fit(panel, cutoff_day, seed=seed, progress=progress)

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return super()._state() | {f"map:{target:04d}": knots for target, knots in self.maps_.items()}

    def _restore(self, categories: int, by_kind: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> None:
        super()._restore(categories, by_kind)
        self.maps_ = {int(name): knots for name, knots in by_kind.get("map", {}).items()}

    def log_rate(self, moment: Moment, target: int) -> tuple[Float64, float]:
        if not self.boosters_:
            raise NotFittedError(self.name)
        score = np.log(self.offset(moment, target))
        if self.boosters_[target] is None:
            return score, 0.0
        score = score + self._raw(self.boosters_[target], self.maker.table(moment, target))
        seen = _mapped(score - np.log(np.exp(score).sum()), self.maps_[target])
        total = np.log(level(moment, target, self.horizon_days)) - np.log(np.exp(seen).sum())
        return np.asarray(seen + total, dtype=np.float64), float(total)

    def _train(self, rows: TrainingRows, target: int, seed: int, *, progress: Progress = no_progress) -> lgb.Booster:
        origins = np.unique(rows.origin)
        if len(origins) >= LEAST_ORIGINS:
            first_held = origins[-int(len(origins) * HELD_OUT_SHARE) :][0]
            earlier = rows.origin + max(self.horizon_days, self.settings.learn_days) <= first_held
            fold = self._grown(_chosen(rows, earlier), target, seed, progress=part_of(progress, 0.0, 0.4))
            held = _chosen(rows, rows.origin >= first_held)
            self.maps_[target] = _map_of(held, held.offset + self._raw(fold, held.table))
        else:
            self.maps_[target] = np.zeros((2, 1))
        return self._grown(rows, target, seed, progress=part_of(progress, 0.4, 0.6))

    def _grown(self, rows: TrainingRows, target: int, seed: int, *, progress: Progress) -> lgb.Booster:
        parameters = self._parameters(target, seed)
        data = self._dataset(rows, target, parameters)
        trees = self.settings.trees
        objective = _top_objective(rows, self.aim, cells=len(self.maker.grid))

        def heard(state: lgb.callback.CallbackEnv) -> None:
            progress((state.iteration + 1) / trees, "fit")

        return lgb.train(parameters | {"objective": objective}, data, num_boost_round=trees, callbacks=[heard])


def _chosen(rows: TrainingRows, mask: npt.NDArray[np.bool_]) -> TrainingRows:
    return TrainingRows(*(getattr(rows, field.name)[mask] for field in fields(TrainingRows)))


def _top_objective(rows: TrainingRows, aim: RankingSettings, *, cells: int) -> Objective:
    """Gradient and Hessian of the loss; the scores that LightGBM hands over hold the offset already."""
    _, origin = np.unique(rows.origin, return_inverse=True)
    counts, weight = rows.counts, rows.weight
    listed = max(1, round(aim.top_share * cells))
    edge = np.zeros(0)
    asked = 0

    def objective(scores: Float64, _data: lgb.Dataset) -> tuple[Float64, Float64]:
        nonlocal edge, asked
        if asked % EDGE_HOLDS_TREES == 0:
            edge = _edges(scores, weight, origin, listed)
        asked += 1
        close = 1 / np.cosh(np.clip((scores - edge[origin]) / (2 * aim.softness), -20, 20)) ** 2
        near = weight * close
        mean = np.bincount(origin, weights=near * counts) / np.maximum(np.bincount(origin, weights=near), 1e-12)
        mean = np.maximum(mean, 1e-6)[origin]
        rate = np.exp(scores)
        slope = aim.focus * near * (mean - counts) + (1 - aim.focus) * weight * (rate - counts)
        bend = aim.focus * near * mean + (1 - aim.focus) * weight * rate
        return slope, bend * POISSON_STEP

    return objective


def _edges(scores: Float64, weight: Float64, origin: npt.NDArray[np.intp], listed: int) -> Float64:
    """Float64[origins]: the score of the last cell on each origin's list; a row stands for `weight` cells."""
    order = np.lexsort((-scores, origin))
    running = np.cumsum(weight[order])
    begins = np.flatnonzero(np.diff(origin[order], prepend=-1))
    before = np.concatenate([[0.0], running])[begins]
    ends = np.append(begins[1:], len(order)) - 1
    last = np.clip(np.searchsorted(running, before + listed), begins, ends)
    return np.asarray(scores[order][last], dtype=np.float64)


def _map_of(held: TrainingRows, scores: Float64) -> Float64:
    """Float64[2, knots], ascending in both: log share of a cell by its score, and as seen in weeks the trees did not know."""
    _, origin = np.unique(held.origin, return_inverse=True)
    spread = np.log(np.bincount(origin, weights=held.weight * np.exp(scores)))[origin]
    level_ = np.bincount(origin, weights=held.weight * np.exp(held.offset))[origin]
    log_share = scores - spread
    mass = held.weight * level_ * np.exp(log_share)  # expected incidents
    order = np.argsort(log_share, kind="stable")
    running = np.cumsum(mass[order])
    band = np.minimum((running / running[-1] * BANDS).astype(np.int64), BANDS - 1)
    exposure = np.bincount(band, weights=(held.weight * level_)[order], minlength=BANDS)
    called = np.bincount(band, weights=mass[order], minlength=BANDS)
    seen = np.bincount(band, weights=(held.weight * held.counts)[order], minlength=BANDS)
    full = (exposure > 0) & (called > 0)
    fitted = isotonic_regression(seen[full] / exposure[full], weights=exposure[full])
    begins = fitted.blocks[:-1]
    middle = np.log(np.add.reduceat(called[full], begins) / np.add.reduceat(exposure[full], begins))
    shares = fitted.x[begins]
    positive = shares > 0
    if not positive.any():
        return np.zeros((2, 1))
    return np.stack([middle[positive], np.log(shares[positive])])


def _mapped(log_share: Float64, knots: Float64) -> Float64:
    """Straight lines between the knots, slope one beyond them: the order of the cells is kept."""
    inside = np.interp(log_share, knots[0], knots[1])
    return np.asarray(
        inside + np.minimum(log_share - knots[0, 0], 0.0) + np.maximum(log_share - knots[0, -1], 0.0), dtype=np.float64
    )
