"""Empirical-Bayes count: each cell's own incidents, drawn towards what its neighbours and the other categories say of it.

The rate of a cell is gamma-distributed around a prior mean, the count Poisson around the rate (Robbins 1956; Clayton and Kaldor
1987). The prior mean is a mixture of fields that leave the cell's own count out; its weights and the gamma's shape are those
under which the counts were most likely, a negative binomial (marginal likelihood), one set a category.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from prediction.features import HALF_LIVES_D as MOMENT_HALF_LIVES_D
from prediction.features import WEEK_DAYS, FeatureMaker, Moment, history_days
from prediction.learners.base import (
    Learner,
    NotFittedError,
    Progress,
    contributions,
    explain_all,
    log_of,
    no_progress,
    pack,
    shares,
    unpack,
    with_all,
)
from prediction.learners.choosing import BLOCK_D, block_origins, decay_of, log_shares
from prediction.learners.decay import horizon_level
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

HALF_LIVES_D = (120.0, 240.0, 480.0, 960.0)  # each also one of the moment's
BLOCKS = 3
CLOSE_M, WIDE_M = 250.0, 600.0
# Fields of the prior mean: this category's incidents in ring 1, in ring 2, within some 250 m and 600 m; the last of them again,
# but only where any other crime ever happened (many a fine cell is no address); the other categories' here and in ring 1; the
# geometric mean of the first and of the others here (a place must have both); and the same everywhere.
FIELDS = ("ring1", "ring2", "close", "wide", "lively", "others_here", "others_ring1", "both", "even")
OF_OTHERS = [FIELDS.index(name) for name in ("lively", "others_here", "others_ring1", "both")]
USUAL_WEIGHTS = np.array([0.1, 0.05, 0.1, 0.1, 0.1, 0.15, 0.1, 0.2, 0.1])
USUAL_SHAPE = 1.0
LEAST_INCIDENTS = 20.0
SHAPES = (1e-2, 1e3)


class EmpiricalBayes(Learner):
    """Gamma-Poisson counts with a prior from rings and categories. Half-life by category as in the time-weighted count.

    A category with fewer than 20 (faded) incidents takes usual weights and shape 1: it is laid out like the others.
    """

    name = "eb"

    def __init__(self, maker: FeatureMaker, *, horizon_days: int = WEEK_DAYS) -> None:
        self.maker = maker
        self.horizon_days = horizon_days
        self.weights_: Float64 | None = None  # [categories, fields]
        self.shapes_: Float64 | None = None
        self.half_lives_: Float64 | None = None

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        known = panel.before(cutoff_day)
        origins = block_origins(known, cutoff_day, at_most=BLOCKS)
        weights, shapes, half_lives = [], [], []
        for category in range(known.categories):
            progress(category / known.categories, "fit")
            half_life = self._half_life(known, category, origins)
            fields, count = self._fields(known, cutoff_day, category, half_life)
            weight, shape = _most_likely(fields, count)
            weights.append(weight)
            shapes.append(shape)
            half_lives.append(half_life)
        self.weights_, self.shapes_, self.half_lives_ = np.stack(weights), np.array(shapes), np.array(half_lives)
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        expected = np.stack([self._parts(known, origin_day, category)[0] for category in range(known.categories)])
        return with_all(shares(expected) * horizon_level(known, origin_day, self.horizon_days))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        known = panel.before(origin_day)
        expected, prior, nearby = self._parts(known, origin_day, target)
        level = horizon_level(known, origin_day, self.horizon_days)[target]
        return contributions(log_of(expected / expected.sum() * level), _parts_of_log(expected, prior, nearby))

    def at(self, moment: Moment, category: int) -> tuple[Float64, dict[str, Float64]]:
        """The same from a moment's arrays: rates Float64[cells] of the moment's horizon, and the parts of their log by group.

        What is older than the moment remembers is left out.
        """
        weights, shapes, half_lives = self._fitted()
        half_life = half_lives[category]
        faded = moment.decayed[MOMENT_HALF_LIVES_D.index(int(half_life)), :-1]
        fading = 0.5 ** (np.arange(moment.coverage.covered.shape[1]) / half_life)
        days, days2 = (max(float(moment.coverage.weighed(part)[category]), 1e-9) for part in (fading, fading**2))
        count = faded[category] * (days / WEEK_DAYS) * (days / days2)
        expected, prior, nearby = _posterior(self._prior(faded, category), count, weights[category], shapes[category])
        return expected / expected.sum() * moment.level[category], _parts_of_log(expected, prior, nearby)

    def save(self) -> bytes:
        return pack(self.name, {}, self.state())

    def load(self, content: bytes) -> None:
        self.restore(unpack(self.name, content)[1])

    def state(self) -> dict[str, Float64]:
        """What was fitted, by name."""
        weights, shapes, half_lives = self._fitted()
        return {"weights": weights, "shapes": shapes, "half_lives": half_lives}

    def restore(self, arrays: Mapping[str, Float64]) -> None:
        """Take up what `state` gave."""
        self.weights_, self.shapes_, self.half_lives_ = arrays["weights"], arrays["shapes"], arrays["half_lives"]

    def _fitted(self) -> tuple[Float64, Float64, Float64]:
        if self.weights_ is None or self.shapes_ is None or self.half_lives_ is None:
            raise NotFittedError(self.name)
        return self.weights_, self.shapes_, self.half_lives_

    def _parts(self, known: Panel, origin_day: int, category: int) -> tuple[Float64, Float64, Float64]:
        """Posterior mean, prior mean and the prior mean's part without other categories, Float64[cells] each, all above zero."""
        weights, shapes, half_lives = self._fitted()
        fields, count = self._fields(known, origin_day, category, half_lives[category])
        return _posterior(fields, count, weights[category], shapes[category])

    def _half_life(self, known: Panel, category: int, origins: list[int]) -> float:
        """The half-life under which the last blocks were most likely; prior and shape are learnt once, before the first."""
        if not origins or known.counts(origins[0], origins[-1] + BLOCK_D)[category].sum() < LEAST_INCIDENTS:
            return HALF_LIVES_D[1]
        scores = []
        for half_life in HALF_LIVES_D:
            weights, shape = _most_likely(*self._fields(known.before(origins[0]), origins[0], category, half_life))
            score = 0.0
            for origin in origins:
                fields, count = self._fields(known.before(origin), origin, category, half_life)
                expected = _posterior(fields, count, weights, shape)[0]
                score += log_shares(known.counts(origin, origin + BLOCK_D)[category], expected / expected.sum())
            scores.append(score)
        return HALF_LIVES_D[int(np.argmax(scores))]

    def _fields(self, known: Panel, origin_day: int, category: int, half_life: float) -> tuple[Float64, Float64]:
        """Fields Float64[fields, cells], each adding up to one, and effective counts Float64[cells].

        A sum of fading weights w has mean λ Σ w and variance λ Σ w²: times Σ w ÷ Σ w² it spreads like a Poisson count.
        """
        faded = known.weighted(decay_of(known, origin_day, half_life))
        ages = 0.5 ** (np.arange(history_days(known, origin_day)) / half_life)
        return self._prior(faded, category), faded[category] * ages.sum() / (ages**2).sum()

    def _prior(self, faded: Float64, category: int) -> Float64:
        """Float64[fields, cells], each adding up to one, from the faded counts Float64[categories, cells] (of any scale)."""
        own, others = faded[category], np.maximum(faded.sum(axis=0) - faded[category], 0.0)
        around = self.maker.around
        near = np.maximum(around.ring_sums(own, 1), 0.0)
        wide = self._without_itself(own, WIDE_M)
        return shares(
            np.stack(
                [
                    near,
                    around.ring_sums(own, 2),
                    self._without_itself(own, CLOSE_M),
                    wide,
                    wide * (others > 0),
                    others,
                    around.ring_sums(others, 1),
                    np.sqrt(near * others),
                    np.ones(len(own)),
                ]
            )
        )

    def _without_itself(self, own: Float64, sigma_m: float) -> Float64:
        """Float64[cells]: smoothed counts, less the cell's own part of them (the kernel's weight on its own cell)."""
        itself = np.minimum(1.0, self.maker.grid.areas_km2 * 1e6 / (2 * np.pi * sigma_m**2))
        return np.asarray(np.maximum(self.maker.around.smooth(own, sigma_m) - itself * own, 0.0), dtype=np.float64)


def _posterior(fields: Float64, count: Float64, weights: Float64, shape: float) -> tuple[Float64, Float64, Float64]:
    """Posterior mean of the counts, their prior mean, and the prior mean from the category's own surroundings alone."""
    total = max(float(count.sum()), 1e-9)
    prior = weights @ fields * total
    own = weights.copy()
    own[OF_OTHERS] = 0.0
    nearby = own @ fields / own.sum() * total
    return prior * (count + shape) / (prior + shape), prior, nearby


def _parts_of_log(expected: Float64, prior: Float64, nearby: Float64) -> dict[str, Float64]:
    return {
        "here_long": np.log(expected / prior),
        "around_long": np.log(nearby) - np.log(nearby).mean(),
        "other_types": np.log(prior / nearby),
    }


def _most_likely(fields: Float64, count: Float64) -> tuple[Float64, float]:
    """Weights Float64[fields] (adding up to one, each at least 0.1 %) and shape of greatest marginal likelihood."""
    total = float(count.sum())
    if total < LEAST_INCIDENTS:
        return USUAL_WEIGHTS.copy(), USUAL_SHAPE
    low, high = np.log(SHAPES[0]), np.log(SHAPES[1])

    def unlikely(point: Float64) -> tuple[float, Float64]:
        soft = np.exp(point[:-1] - point[:-1].max())
        soft /= soft.sum()
        weights, shape = _floored(soft), float(np.exp(point[-1]))
        mean = weights @ fields * total
        both = mean + shape
        value = gammaln(count + shape) - gammaln(shape) + shape * np.log(shape / both) + count * np.log(mean / both)
        by_weight = fields @ (count / mean - (count + shape) / both) * total * (1 - len(fields) * LEAST_WEIGHT)
        by_soft = soft * (by_weight - soft @ by_weight)
        by_shape = (digamma(count + shape) - digamma(shape) + np.log(shape / both) + 1 - (count + shape) / both).sum()
        return -float(value.sum()) / total, -np.append(by_soft, by_shape * shape) / total

    first = np.append(np.log(USUAL_WEIGHTS), np.log(USUAL_SHAPE))
    bounds = [(-12.0, 6.0)] * len(fields) + [(low, high)]
    best = minimize(unlikely, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    soft = np.exp(best.x[:-1] - best.x[:-1].max())
    return _floored(soft / soft.sum()), float(np.exp(best.x[-1]))


LEAST_WEIGHT = 0.001


def _floored(soft: Float64) -> Float64:
    return np.asarray(LEAST_WEIGHT + (1 - len(soft) * LEAST_WEIGHT) * soft, dtype=np.float64)
