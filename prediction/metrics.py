"""Scores of a ranking or of rates against what happened: capture rate, PAI, PEI, AUC, A@p, likelihood, calibration.

Sources: PAI: Chainey, Tompson, Uhlig 2008; PEI: Hunt 2016 and the NIJ challenge 2017; formulas in docs/methods.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln
from scipy.stats import rankdata

Float64 = npt.NDArray[np.float64]
AREA_PERCENTS = (1, 2, 5, 10, 20)


def ranking(scores: Float64, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Cells from the highest score to the lowest, ties in random (seeded) order."""
    return np.lexsort((rng.random(len(scores)), -scores))


def cells_of_area(cells: int, percent: float) -> int:
    return max(1, round(cells * percent / 100))


def captured(counts: Float64, order: npt.NDArray[np.intp]) -> Float64:
    """Float64[percents]: incidents in the first 1, 2, 5, 10, 20 % of the cells."""
    running = np.cumsum(counts[order])
    return np.array([running[cells_of_area(len(counts), p) - 1] for p in AREA_PERCENTS])


def area_for_share(curve: Float64, share: float) -> float:
    """Percent of the area whose cells hold `share` of the incidents; curve: running sums in the order of the ranking."""
    if curve[-1] <= 0:
        return float("nan")
    return float((np.searchsorted(curve, share * curve[-1] - 1e-9) + 1) / len(curve) * 100)


def auc(scores: Float64, counts: Float64) -> float:
    """Rank AUC of "the cell has at least one incident"; NaN where all or none have."""
    hit = counts > 0
    hits, misses = int(hit.sum()), int((~hit).sum())
    if hits == 0 or misses == 0:
        return float("nan")
    return float((rankdata(scores)[hit].sum() - hits * (hits + 1) / 2) / (hits * misses))


def poisson_log_likelihood(rates: Float64, counts: Float64) -> float:
    """Sum over the cells of log P(count | rate); counts may be fractions of interval incidents."""
    safe = np.maximum(rates, 1e-9)
    return float((counts * np.log(safe) - safe - gammaln(counts + 1)).sum())


def poisson_deviance(rates: Float64, counts: Float64) -> float:
    """Mean Poisson deviance over the cells."""
    safe = np.maximum(rates, 1e-9)
    ratio = np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-12) / safe), 0.0)
    return float(2 * (ratio - counts + safe).mean())


def calibration_bands(rates: Float64, counts: Float64, bands: int = 6) -> list[list[float]]:
    """[predicted, observed] sums of `bands` equally large groups of cells × windows, from the lowest rates to the highest."""
    parts = np.array_split(np.argsort(rates, kind="stable"), bands)
    return [[float(rates[part].sum()), float(counts[part].sum())] for part in parts]


def bootstrap_interval(numerators: Float64, denominators: Float64, *, draws: int, rng: np.random.Generator) -> list[float]:
    """95 % interval of Σ numerators / Σ denominators over windows drawn with replacement."""
    chosen = rng.integers(0, len(numerators), size=(draws, len(numerators)))
    below = denominators[chosen].sum(axis=1)
    shares = numerators[chosen].sum(axis=1) / np.where(below > 0, below, np.nan)
    if np.isnan(shares).all():
        return [float("nan"), float("nan")]
    low, high = np.nanpercentile(shares, [2.5, 97.5])
    return [float(low), float(high)]
