"""How far counts stray from their rates: negative-binomial dispersion, intervals and the chance of at least one.

A rate λ with dispersion α stands for a count of mean λ and variance λ + α λ² (NB2, Cameron and Trivedi 1986): a gamma factor of
mean one and variance α multiplies the rate. A part of it, δ ("level"), is shared by all cells of a window (a cold week, a
festival), so that a sum over cells strays more than independent cells would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import nbinom, poisson

from prediction.errors import PredictionError
from prediction.metrics import chance_of_one

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

LEAST_COUNTS = 50.0  # incidents below which dispersion is not measured but taken as none
ALPHA_LOW, ALPHA_HIGH = 1e-4, 20.0
POISSON_BELOW = 1e-6  # a dispersion that small is none


@dataclass(frozen=True)
class Dispersion:
    """`cell`: α of one cell and window; `level`: δ, the part of it that all cells of a window share. Both ≥ 0; 0 is Poisson."""

    cell: float = 0.0
    level: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.cell) and np.isfinite(self.level) and self.cell >= 0 and self.level >= 0):
            raise PredictionError(f"A dispersion must be a number from 0 on; found {self.cell} and {self.level}.")


def fit_dispersion(rates: Float64, counts: Float64) -> Dispersion:
    """Dispersion of counts around out-of-fold rates, Float64[windows, cells] each; none where there are too few incidents.

    α is the most likely one of the negative binomial; where the Poisson law is as likely, it is 0. (Its moments,
    Σ((y − λ)² − λ) / Σ λ², rest on the few liveliest cells alone.) δ is by moments of the windows' totals:
    ((Y − Λ)² − Λ − α Σλ²) over Λ², from 0 on.
    """
    if counts.sum() < LEAST_COUNTS:
        return Dispersion()
    safe = np.maximum(rates, 1e-9)
    alpha = _most_likely_alpha(safe, counts)
    expected, seen = safe.sum(axis=1), counts.sum(axis=1)
    surplus = float(((seen - expected) ** 2 - expected - alpha * (safe**2).sum(axis=1)).sum())
    return Dispersion(alpha, max(0.0, surplus / float((expected**2).sum())))


def interval(rate: float | Float64, dispersion: Dispersion, *, level: float = 0.9) -> tuple[Int64, Int64]:
    """(low, high) Int64 in the shape of `rate`: the counts between which a cell's count falls with at least that chance."""
    if not 0 < level < 1:
        raise PredictionError(f"The level of an interval must lie between 0 and 1; found {level}. Give for instance 0.9.")
    return _quantiles(np.asarray(rate, dtype=np.float64), dispersion.cell, level)


def interval_of_sum(rates: Float64, dispersion: Dispersion, *, level: float = 0.9) -> tuple[int, int]:
    """(low, high) of the incidents in all the given cells (rates of one window, any shape) together.

    The sum's variance is Σλ + max(α − δ, 0) Σλ² + δ (Σλ)²; a negative binomial of that mean and variance stands for it.
    """
    total = float(np.sum(rates))
    if total <= 0:
        return 0, 0
    own = max(dispersion.cell - dispersion.level, 0.0) * float(np.sum(np.square(rates)))
    low, high = interval(total, Dispersion(own / total**2 + dispersion.level), level=level)
    return int(low), int(high)


def chance_of_any(rate: float | Float64, dispersion: Dispersion | None = None) -> Float64:
    """Probability of at least one incident: 1 − (1 + αλ)^(−1/α), and 1 − exp(−λ) without dispersion."""
    alpha = 0.0 if dispersion is None or dispersion.cell < POISSON_BELOW else dispersion.cell
    return chance_of_one(np.maximum(np.asarray(rate, dtype=np.float64), 0.0), alpha)


def log_likelihood(rates: Float64, counts: Float64, alpha: float) -> float:
    """Σ log P(count | rate, α); counts may be fractions of interval incidents."""
    safe = np.maximum(rates, 1e-9)
    if alpha < POISSON_BELOW:
        return float((counts * np.log(safe) - safe - gammaln(counts + 1)).sum())
    size = 1.0 / alpha
    whole = -size * float(np.log1p(alpha * safe).sum())
    held = counts > 0
    y, mean = counts[held], safe[held]
    odds = np.log(alpha * mean) - np.log1p(alpha * mean)
    return whole + float((gammaln(y + size) - gammaln(size) - gammaln(y + 1) + y * odds).sum())


def _most_likely_alpha(rates: Float64, counts: Float64) -> float:
    found = minimize_scalar(
        lambda log_alpha: -log_likelihood(rates, counts, float(np.exp(log_alpha))),
        bounds=(np.log(ALPHA_LOW), np.log(ALPHA_HIGH)),
        method="bounded",
        options={"xatol": 1e-3, "maxiter": 60},
    )
    alpha = float(np.exp(found.x))
    better = -float(found.fun) > log_likelihood(rates, counts, 0.0)
    return alpha if better and alpha > 2 * ALPHA_LOW else 0.0


def _quantiles(rates: Float64, alpha: float, level: float) -> tuple[Int64, Int64]:
    tails = (1 - level) / 2, (1 + level) / 2
    safe = np.maximum(rates, 1e-12)
    if alpha < POISSON_BELOW:
        found = [poisson.ppf(tail, safe) for tail in tails]
    else:
        found = [nbinom.ppf(tail, 1 / alpha, 1 / (1 + alpha * safe)) for tail in tails]
    low, high = (np.asarray(np.maximum(values, 0), dtype=np.int64) for values in found)
    return low, high
