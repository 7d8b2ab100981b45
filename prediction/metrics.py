"""Scores of a ranking or of rates against what happened; formulas and sources stand in docs/methods/backtest.md.

In: rates (expected incidents) and counts Float64[cells] of one window, or sums over windows. Out: numbers. Nothing here knows of
time, learners or categories. Counts may be fractions where incidents are known only as intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, hyp2f1, i0e, i1e, pdtr
from scipy.stats import nbinom, rankdata

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

AREA_PERCENTS = (1, 2, 5, 10, 20)
# Below this a rate is a way of saying "never"; its log stands for the log of zero.
LEAST_RATE = 1e-9  # smaller rates count as this: a map that calls a cell impossible is punished, but not for ever
# Edges of the predicted chance of at least one incident, for the reliability table.
CHANCE_EDGES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
NORMAL_95 = 1.959963984540054


# --- rankings ------------------------------------------------------------------------------------


def ranking(scores: Float64, rng: np.random.Generator) -> Index:
    """Cells from the highest score to the lowest, ties in random (seeded) order."""
    return np.lexsort((rng.random(len(scores)), -scores))


def cells_of_area(cells: int, percent: float) -> int:
    """How many of `cells` equal cells make `percent` of the area; at least one.

    >>> cells_of_area(250, 1), cells_of_area(40, 1), cells_of_area(7, 20)
    (2, 1, 1)
    """
    return max(1, round(cells * percent / 100))


def captured(counts: Float64, order: Index) -> Float64:
    """Float64[percents]: incidents in the first 1, 2, 5, 10, 20 % of the (equal) cells.

    >>> captured(np.array([0.0, 3.0, 1.0, 0.0, 2.0]), np.array([1, 0, 4, 2, 3])).tolist()
    [3.0, 3.0, 3.0, 3.0, 3.0]
    """
    running = np.cumsum(counts[order])
    return np.array([running[cells_of_area(len(counts), p) - 1] for p in AREA_PERCENTS])


def area_for_share(curve: Float64, share: float) -> float:
    """Percent of the area whose cells hold `share` of the incidents; curve: running sums in the order of the ranking.

    >>> area_for_share(np.array([5.0, 8.0, 9.0, 10.0]), 0.809)
    75.0
    """
    if curve[-1] <= 0:
        return float("nan")
    return float((np.searchsorted(curve, share * curve[-1] - 1e-9) + 1) / len(curve) * 100)


def pai(captured_share: float, area_share: float) -> float:
    """Predictive accuracy index (n/N)/(a/A).

    >>> pai(0.5, 0.125)
    4.0
    """
    return captured_share / area_share


def auc(scores: Float64, counts: Float64) -> float:
    """Rank AUC of "the cell has at least one incident"; NaN where all or none have.

    >>> auc(np.array([0.9, 0.8, 0.1, 0.1]), np.array([1.0, 0.0, 2.0, 0.0]))
    0.625
    """
    hit = counts > 0
    hits, misses = int(hit.sum()), int((~hit).sum())
    if hits == 0 or misses == 0:
        return float("nan")
    return float((rankdata(scores)[hit].sum() - hits * (hits + 1) / 2) / (hits * misses))


def auc_of_sorted(falling: Float64, scores_of_hits: Float64) -> float:
    """The same, from all scores sorted from high to low and the scores of the cells with incidents: no ranking of all cells."""
    hits = len(scores_of_hits)
    misses = len(falling) - hits
    if hits == 0 or misses == 0:
        return float("nan")
    rising = falling[::-1]
    below = np.searchsorted(rising, scores_of_hits, side="left").astype(np.float64)
    ranks = (below + np.searchsorted(rising, scores_of_hits, side="right") + 1) / 2
    return float((ranks.sum() - hits * (hits + 1) / 2) / (hits * misses))


# --- areas that are not equal --------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cover:
    """How cells cover the area. areas_km2: Float64[cells]; None where all count alike (squares, hexagons).

    `bins`: steps of the pooled curve of incidents by area: one a cell, or 10,000 where the areas differ.
    """

    cells: int
    areas_km2: Float64 | None = None

    @property
    def bins(self) -> int:
        return self.cells if self.areas_km2 is None else 10_000

    def of_some(self, chosen: npt.NDArray[np.bool_]) -> Cover:
        """Of the chosen cells only, in their order."""
        return Cover(int(chosen.sum()), None if self.areas_km2 is None else self.areas_km2[chosen])

    def density(self, rates: Float64) -> Float64:
        """What the cells are ranked by: incidents, or incidents per km² where the areas differ."""
        return rates if self.areas_km2 is None else rates / self.areas_km2

    def prefixes(self, order: Index) -> tuple[npt.NDArray[np.int64], Float64]:
        """Int64[percents]: how many of the first cells come closest to 1, 2, 5, 10, 20 % of the area; the share they take."""
        if self.areas_km2 is None:
            numbers = np.array([cells_of_area(self.cells, percent) for percent in AREA_PERCENTS])
            return numbers, numbers / self.cells
        running = np.cumsum(self.areas_km2[order]) / self.areas_km2.sum()
        wanted = np.array(AREA_PERCENTS) / 100
        after = np.minimum(np.searchsorted(running, wanted), self.cells - 1)
        before = np.maximum(after - 1, 0)
        numbers = np.where(wanted - running[before] < running[after] - wanted, before, after) + 1
        return numbers, running[numbers - 1]

    def most(self, counts: Float64, shares: Float64) -> Float64:
        """Float64[percents], n*: the most incidents that any choice of cells with these shares of the area could hold.

        Where the areas differ this is the bound of the fractional knapsack: cells by their density, the last one in part.
        """
        if self.areas_km2 is None:
            best = np.sort(counts)[::-1].cumsum()
            return np.asarray(best[np.round(shares * self.cells).astype(np.int64) - 1], dtype=np.float64)
        order = np.argsort(-counts / self.areas_km2, kind="stable")
        running = np.cumsum(self.areas_km2[order]) / self.areas_km2.sum()
        best = np.cumsum(counts[order])
        return np.asarray(np.interp(shares, np.append(0.0, running), np.append(0.0, best)), dtype=np.float64)

    def by_area(self, counts: Float64, order: Index) -> Float64:
        """Float64[bins]: incidents in the order of the ranking, along the area."""
        if self.areas_km2 is None:
            return counts[order]
        running = np.cumsum(self.areas_km2[order]) / self.areas_km2.sum()
        place = np.minimum(np.ceil(running * self.bins - 1e-9).astype(np.int64) - 1, self.bins - 1)
        return np.asarray(np.bincount(place, weights=counts[order], minlength=self.bins), dtype=np.float64)


# --- rates as probabilities ----------------------------------------------------------------------


def poisson_log_likelihood(rates: Float64, counts: Float64) -> float:
    """Sum over the cells of log P(count | rate); counts may be fractions of interval incidents.

    >>> round(poisson_log_likelihood(np.array([1.0, 2.0]), np.array([0.0, 2.0])), 6)
    -2.306853
    """
    safe = np.maximum(rates, LEAST_RATE)
    return float((counts * np.log(safe) - safe - gammaln(counts + 1)).sum())


def poisson_deviance(rates: Float64, counts: Float64) -> float:
    """Mean Poisson deviance over the cells.

    >>> round(poisson_deviance(np.array([1.0, 2.0]), np.array([0.0, 4.0])), 6)
    1.772589
    """
    safe = np.maximum(rates, LEAST_RATE)
    ratio = np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-12) / safe), 0.0)
    return float(2 * (ratio - counts + safe).mean())


def chance_of_one(rates: Float64, alpha: float = 0.0) -> Float64:
    """Probability of at least one incident: Poisson, or negative binomial with variance λ + alpha λ².

    >>> chance_of_one(np.array([0.0, np.log(2)])).tolist()
    [0.0, 0.5]
    >>> chance_of_one(np.array([1.0]), alpha=1.0).tolist()
    [0.5]
    """
    if alpha <= 0:
        return np.asarray(-np.expm1(-rates), dtype=np.float64)
    return np.asarray(-np.expm1(-np.log1p(alpha * rates) / alpha), dtype=np.float64)


def brier(chances: Float64, counts: Float64) -> float:
    """Mean squared error of the predicted probability of at least one incident.

    >>> round(brier(np.array([0.5, 0.2]), np.array([2.0, 0.0])), 6)
    0.145
    """
    return float(((chances - (counts > 0)) ** 2).mean())


def crps_poisson(rates: Float64, counts: Float64) -> Float64:
    """Float64[cells]: continuous ranked probability score of Poisson forecasts, in incidents (0 is perfect).

    (y − λ)(2F(y) − 1) + 2λ f(⌊y⌋) − λ e^(−2λ) (I₀(2λ) + I₁(2λ)): Wei and Held 2014; Jordan, Krüger, Lerch 2019.
    """
    spread = rates * (i0e(2 * rates) + i1e(2 * rates))
    out = rates - spread  # what the formula becomes for a count of zero
    some = counts > 0
    rate, count = rates[some], counts[some]
    whole = np.floor(count)
    density = np.exp(whole * np.log(np.maximum(rate, 1e-300)) - rate - gammaln(whole + 1))
    out[some] = (count - rate) * (2 * pdtr(whole, rate) - 1) + 2 * rate * density - spread[some]
    return np.asarray(out, dtype=np.float64)


def crps_negative_binomial(rates: Float64, counts: Float64, alpha: float) -> Float64:
    """Float64[cells]: the same for negative binomial forecasts of mean λ and variance λ + alpha λ² (Wei and Held 2014).

    Where the hypergeometric function has no value in floating point (a mean of many hundreds, nearly no dispersion), Poisson's.
    """
    safe = np.maximum(rates, LEAST_RATE)
    size = 1 / alpha
    chance = size / (size + safe)
    whole = np.floor(counts)
    below = nbinom.cdf(whole, size, chance)
    shifted = nbinom.cdf(whole - 1, size + 1, chance)
    odds = (1 - chance) / chance**2
    spread = hyp2f1(size + 1, 0.5, 2.0, -4 * odds)
    out = counts * (2 * below - 1) - size * odds * (chance * (2 * shifted - 1) + spread)
    lost = ~np.isfinite(out)
    out[lost] = crps_poisson(rates[lost], counts[lost])
    return np.asarray(out, dtype=np.float64)


def calibration_bands(rates: Float64, counts: Float64, bands: int = 6) -> list[list[float]]:
    """[predicted, observed] sums of `bands` equally large groups of cells × windows, from the lowest rates to the highest."""
    parts = np.array_split(np.argsort(rates, kind="stable"), bands)
    return [[float(rates[part].sum()), float(counts[part].sum())] for part in parts]


def wilson_interval(hits: float, trials: float) -> list[float]:
    """95 % interval of a share (Wilson 1927); [0, 1] where nothing was tried.

    >>> [round(edge, 4) for edge in wilson_interval(10, 100)]
    [0.0552, 0.1744]
    """
    if trials <= 0:
        return [0.0, 1.0]
    share, z2 = hits / trials, NORMAL_95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_95 / (1 + z2 / trials) * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    # At the ends rounding must not push the edge past the share itself.
    return [float(max(0.0, min(middle - half, share))), float(min(1.0, max(middle + half, share)))]


# --- rates as counts, and as calls ---------------------------------------------------------------


def count_accuracy(absolute_error: float, incidents: float) -> float | None:
    """1 − WAPE = 1 − Σ|λ − y| / Σ y; None where nothing happened.

    >>> count_accuracy(20.0, 80.0)
    0.75
    """
    return 1 - absolute_error / incidents if incidents > 0 else None


def likeliest_calls(falling_chances: Float64) -> int:
    """How many of the first cells to call "one will happen here" so that the expected F1 is highest, from the forecast alone.

    Calling the first k gives 2 Σ p of these / (k + Σ p of all) in expectation (Lewis 1995; Lipton, Elkan, Naryanaswamy 2014). The
    threshold is so chosen before the window begins, and never from what happened.

    >>> likeliest_calls(np.array([0.9, 0.6, 0.3, 0.1, 0.1]))
    2
    """
    running = np.cumsum(falling_chances)
    if len(running) == 0 or running[-1] <= 0:
        return 0
    return int(np.argmax(running / (np.arange(1, len(running) + 1) + running[-1]))) + 1


def f1(true_positive: float, false_positive: float, false_negative: float) -> float | None:
    """2TP / (2TP + FP + FN); None where there was neither a call nor an incident.

    >>> f1(3, 1, 2)
    0.6666666666666666
    """
    below = 2 * true_positive + false_positive + false_negative
    return 2 * true_positive / below if below > 0 else None


def micro_f1(calls: Sequence[tuple[float, float, float]]) -> float | None:
    """F1 of (TP, FP, FN) added up over the categories.

    >>> micro_f1([(3, 1, 2), (0, 1, 1)])
    0.5454545454545454
    """
    return f1(*(sum(parts) for parts in zip(*calls, strict=True))) if calls else None


def macro_f1(calls: Sequence[tuple[float, float, float]]) -> float | None:
    """Mean of the categories' F1, over those that have one.

    >>> macro_f1([(3, 1, 2), (0, 1, 1)])
    0.3333333333333333
    """
    known = [value for value in (f1(*parts) for parts in calls) if value is not None]
    return sum(known) / len(known) if known else None


# --- uncertainty ---------------------------------------------------------------------------------


def block_sums(values: Float64, blocks: npt.NDArray[np.int64]) -> Float64:
    """Float64[blocks, ...]: values Float64[windows, ...] added up over the windows of each block of time.

    >>> block_sums(np.array([1.0, 2.0, 4.0]), np.array([5, 5, 9])).tolist()
    [3.0, 4.0]
    """
    _, place = np.unique(blocks, return_inverse=True)
    out = np.zeros((int(place.max()) + 1 if len(place) else 0, *values.shape[1:]))
    np.add.at(out, place, values)
    return out


def bootstrap_interval(numerators: Float64, denominators: Float64, *, draws: int, rng: np.random.Generator) -> list[float]:
    """95 % interval of Σ numerators / Σ denominators over windows (or blocks of windows) drawn with replacement."""
    chosen = rng.integers(0, len(numerators), size=(draws, len(numerators)))
    return _interval(_ratios(numerators[chosen].sum(axis=1), denominators[chosen].sum(axis=1)))


def p_values(differences: Float64) -> Float64:
    """Float64[...]: two-sided p-value of "no difference" from bootstrapped differences Float64[draws, ...].

    (1 + draws on the other side) / (1 + draws), doubled: never zero (Davison and Hinkley 1997, 4.2).

    >>> p_values(np.array([1.0, 2.0, 3.0, -1.0])).item()
    0.8
    """
    draws = len(differences)
    under, over = (differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0)
    return np.asarray(np.minimum(1.0, 2 * (1 + np.minimum(under, over)) / (1 + draws)), dtype=np.float64)


def _ratios(above: Float64, below: Float64) -> Float64:
    return np.asarray(above / np.where(below > 0, below, np.nan), dtype=np.float64)


def _interval(ratios: Float64) -> list[float]:
    if np.isnan(ratios).all():
        return [float("nan"), float("nan")]
    low, high = np.nanpercentile(ratios, [2.5, 97.5])
    return [float(low), float(high)]
