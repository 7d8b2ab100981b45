"""How much an excess of each factor means for each category: a prior from court rulings, learnt on from the centre's own hours.

The model of an hour: incidents of category c in a cell ~ Poisson(λ · exp(a_c + Σ_f w_cf · x_f)), x the excess when the hour began
and λ the plain forecast; a_c takes up what the plain forecast has wrong in total. w_cf = ρ · prior_cf + shared_f + own_cf, both
parts Gaussian around 0: what holds for one category is believed of the others at first. How far weights may leave zero, and how
much of the rulings' prior is believed (ρ), is chosen by the evidence (Laplace's approximation), so that noise leaves them at
nothing. Newton's method on the joint log posterior, which is concave. The standard deviations are those under a wide prior: a
weight drawn to nothing for lack of data must not look sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from prediction.errors import PredictionError

Float64 = npt.NDArray[np.float64]

PRESENCE = 2.0  # excess of a factor that is plainly there
BELIEF = 0.5  # of a ruling's log ratio, for a detector is not a judge
DOUBT = 0.15  # sd of a weight that no ruling speaks of
SCALES = (0.01, 0.03, 0.1, 0.3)  # sd of a category's own departure; the shared part may go as far
WIDE = 0.5  # sd under which the standard deviations are told
RHOS = (0.0, 0.5, 1.0)
OFFSET_SD = 0.5
WEIGHT_MOST = 1.5
STEPS_AT_MOST = 50
ETA_MOST = 4.0  # log lifts beyond this do not occur in service


@dataclass(frozen=True, eq=False)
class LiveWeights:
    """mean, sd: Float64[categories, factors]: weight per unit of excess, and how far off it may be. centre: Float64[categories],
    what keeps the total of seen cells right. scale, rho: the shrinkage that the evidence chose (0 and 1 if nothing was learnt).
    """

    categories: tuple[str, ...]
    factors: tuple[str, ...]
    mean: Float64
    sd: Float64
    centre: Float64
    scale: float = 0.0
    rho: float = 1.0

    def __post_init__(self) -> None:
        shape = (len(self.categories), len(self.factors))
        if self.mean.shape != shape or self.sd.shape != shape or self.centre.shape != shape[:1]:
            raise PredictionError(f"Live weights of {shape[0]} categories and {shape[1]} factors need arrays of that shape.")
        if not all(np.all(np.isfinite(part)) for part in (self.mean, self.sd, self.centre)):
            raise PredictionError("Live weights must be finite numbers.")

    def interval(self, z: float = 1.96) -> tuple[Float64, Float64]:
        """Lower and upper bounds, Float64[categories, factors]."""
        return self.mean - z * self.sd, self.mean + z * self.sd

    def reordered(self, categories: Sequence[str], factors: Sequence[str]) -> LiveWeights:
        """The same for other lists: what was not known before gets weight 0 and the doubt's sd."""
        rows = [self.categories.index(code) if code in self.categories else -1 for code in categories]
        columns = [self.factors.index(code) if code in self.factors else -1 for code in factors]
        known = np.ix_([i for i, row in enumerate(rows) if row >= 0], [j for j, column in enumerate(columns) if column >= 0])
        from_ = np.ix_([row for row in rows if row >= 0], [column for column in columns if column >= 0])
        mean, sd = np.zeros((len(rows), len(columns))), np.full((len(rows), len(columns)), DOUBT)
        mean[known], sd[known] = self.mean[from_], self.sd[from_]
        centre = np.array([self.centre[row] if row >= 0 else 0.0 for row in rows])
        return replace(self, categories=tuple(categories), factors=tuple(factors), mean=mean, sd=sd, centre=centre)


@dataclass(frozen=True, eq=False)
class History:
    """Hours to learn from. Only the seen cell-hours with excess are rows; the seen rest enters through sums.

    excess: sparse Float[rows, factors]; rates, counts: Float64[rows, categories]: plain expected incidents and incidents of the
    hour that followed; hour: Int64[rows], number of the hour. rest_rates, rest_counts: Float64[hours, categories]: sums over the
    seen cells without excess. `hours`: epoch seconds at which each hour began.
    """

    categories: tuple[str, ...]
    factors: tuple[str, ...]
    hours: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    excess: csr_array
    rates: Float64
    counts: Float64
    rest_rates: Float64
    rest_counts: Float64
    cells: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        rows, categories = self.excess.shape[0], len(self.categories)
        fits = (
            self.excess.shape[1] == len(self.factors)
            and self.rates.shape == self.counts.shape == (rows, categories)
            and self.hour.shape == (rows,)
            and self.rest_rates.shape == self.rest_counts.shape == (len(self.hours), categories)
        )
        if not fits:
            raise PredictionError("The live history's arrays do not fit together: rows, categories, factors or hours differ.")
        if np.any(self.rates < 0) or np.any(self.counts < 0) or not np.all(np.isfinite(self.excess.data)):
            raise PredictionError("The live history holds negative rates or counts, or an excess that is not a number.")

    @property
    def incidents(self) -> float:
        return float(self.counts.sum() + self.rest_counts.sum())

    def between(self, first: int, last: int) -> History:
        """The hours numbered first..last − 1."""
        rows = np.flatnonzero((self.hour >= first) & (self.hour < last))
        return replace(
            self,
            hours=self.hours[first:last],
            hour=self.hour[rows] - first,
            excess=csr_array(self.excess[rows]),
            rates=self.rates[rows],
            counts=self.counts[rows],
            rest_rates=self.rest_rates[first:last],
            rest_counts=self.rest_counts[first:last],
            cells=self.cells[rows] if self.cells.size else self.cells,
        )


def prior_weights(
    categories: Sequence[str],
    factors: Sequence[str],
    *,
    log_ratio: npt.ArrayLike | None = None,
    sd: npt.ArrayLike | None = None,
) -> LiveWeights:
    """What rulings say: Float[categories, factors], log of how much more often a factor is named in rulings of a category than
    in all, and its sd; NaN (or None) where they say nothing: weight 0 with the doubt's sd.

    Given the factor, a category's rate rises by the same ratio (Bayes); a detector is believed half, and an excess of 2 is taken
    for "plainly there".
    """
    shape = (len(categories), len(factors))
    told = np.full(shape, np.nan) if log_ratio is None else np.asarray(log_ratio, dtype=np.float64)
    spread = np.zeros(shape) if sd is None else np.nan_to_num(np.asarray(sd, dtype=np.float64))
    mean = np.clip(np.nan_to_num(told) * BELIEF / PRESENCE, -WEIGHT_MOST, WEIGHT_MOST)
    # A loose figure says little: it is drawn to zero by how loose it is.
    loose = (spread * BELIEF / PRESENCE) ** 2
    mean *= DOUBT**2 / (DOUBT**2 + loose)
    return LiveWeights(tuple(categories), tuple(factors), mean, np.sqrt(DOUBT**2 + loose), np.zeros(shape[0]))


def learn_weights(prior: LiveWeights, history: History) -> LiveWeights:
    """The posterior over the history; the prior itself where the history holds no incident. Raises `PredictionError`."""
    if history.categories != prior.categories or history.factors != prior.factors:
        raise PredictionError("The live history and the prior are of different categories or factors. Reorder the prior first.")
    if not history.incidents or not history.excess.nnz:
        return prior
    squares = _squares(history.excess)
    best: tuple[float, Float64, float, float] | None = None
    start: Float64 | None = None
    for rho in RHOS if prior.mean.any() else (0.0,):
        for scale in SCALES:
            fit = _Fit(prior.mean * rho, scale, history, squares)
            start = fit.solve(start)
            evidence = fit.evidence()
            if best is None or evidence > best[0]:
                best = evidence, fit.mode, scale, rho
    assert best is not None  # noqa: S101 (there is always a scale)
    _evidence, mean, scale, rho = best
    wide = _Fit(prior.mean * rho, WIDE, history, squares)
    wide.solve(start)
    return LiveWeights(prior.categories, prior.factors, mean, wide.deviations(), centre_of(mean, history), scale=scale, rho=rho)


def centre_of(mean: Float64, history: History) -> Float64:
    """Float64[categories]: what to add to the log lift so that the expected total of seen cells stays the forecast's."""
    eta = np.clip(history.excess @ mean.T, -ETA_MOST, ETA_MOST)
    rest = history.rest_rates.sum(axis=0)
    plain = history.rates.sum(axis=0) + rest
    lifted = (history.rates * np.exp(eta)).sum(axis=0) + rest
    return np.where(plain > 0, -np.log(np.maximum(lifted, 1e-300) / np.maximum(plain, 1e-300)), 0.0)


def log_likelihoods(weights: LiveWeights | None, history: History) -> Float64:
    """Float64[hours, categories]: Poisson log likelihood of each hour's seen cells less that of the plain forecast (None: 0)."""
    if weights is None:
        return np.zeros(history.rest_rates.shape)
    eta = np.clip(history.excess @ weights.mean.T, -ETA_MOST, ETA_MOST) + weights.centre
    gain = history.counts * eta - history.rates * np.expm1(eta)
    hours, categories = history.rest_rates.shape
    rows = np.stack([np.bincount(history.hour, weights=gain[:, c], minlength=hours) for c in range(categories)], axis=1)
    return np.asarray(rows + history.rest_counts * weights.centre - history.rest_rates * np.expm1(weights.centre))


def _squares(excess: csr_array) -> csr_array:
    """Sparse Float64[rows, factors × factors]: each row's products of two excesses, each pair once. They make the Hessians of all
    categories, scales and steps by one product each."""
    excess = csr_array(excess)
    excess.sort_indices()
    columns = excess.shape[1]
    lengths = np.diff(excess.indptr)
    rows, places, values = [], [], []
    for length in np.unique(lengths[lengths > 0]):
        these = np.flatnonzero(lengths == length)
        entries = excess.indptr[these][:, np.newaxis] + np.arange(length)
        first, second = np.triu_indices(length)
        column, value = excess.indices[entries].astype(np.int64), excess.data[entries]
        rows.append(np.repeat(these, len(first)))
        places.append((column[:, first] * columns + column[:, second]).ravel())
        values.append((value[:, first] * value[:, second]).ravel())
    joined = tuple(np.concatenate(part) for part in (values, rows, places))
    return csr_array((joined[0], joined[1:]), shape=(excess.shape[0], columns**2))


class _Fit:
    """Newton on θ = (a[C], shared[F], own[C, F]) around a prior mean, for one scale of the departures."""

    def __init__(self, mean: Float64, scale: float, history: History, squares: csr_array) -> None:
        self.mean, self.history = mean, history
        self.pulls, self.squares = csr_array(history.excess.T), csr_array(squares.T)
        categories, factors = mean.shape
        self.shape = (categories, factors)
        self.precision = np.concatenate(
            [
                np.full(categories, OFFSET_SD**-2),
                np.full(factors, scale**-2.0),
                np.full(categories * factors, scale**-2.0),
            ]
        )
        self.theta = np.zeros(self.precision.size)

    def solve(self, start: Float64 | None) -> Float64:
        """The mode. Steps are halved until the log posterior rises."""
        if start is not None:
            self.theta = start.copy()
        value = self._value(self.theta)
        for _step in range(STEPS_AT_MOST):
            gradient, hessian = self._derivatives()
            step = np.linalg.solve(hessian, gradient)
            size = 1.0
            while size > 1e-4:
                trial = self.theta + size * step
                reached = self._value(trial)
                if reached >= value - 1e-12:
                    break
                size /= 2
            else:
                break
            gained, self.theta, value = reached - value, trial, reached
            if gained < 1e-7:
                break
        self.value, self.hessian = value, self._derivatives()[1]
        return self.theta

    def evidence(self) -> float:
        """Laplace's log evidence, up to what all scales share."""
        return float(self.value + 0.5 * np.log(self.precision).sum() - 0.5 * np.linalg.slogdet(self.hessian)[1])

    @property
    def mode(self) -> Float64:
        """The weights, Float64[categories, factors]."""
        return self._parts(self.theta)[1]

    def deviations(self) -> Float64:
        """Posterior sd of the weights, Float64[categories, factors]."""
        covariance = np.linalg.inv(self.hessian)
        categories, factors = self.shape
        shared = categories + np.arange(factors)
        own = categories + factors + np.arange(categories * factors).reshape(self.shape)
        variance = covariance[shared, shared] + covariance[own, own] + 2 * covariance[shared[np.newaxis], own]
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)

    def _parts(self, theta: Float64) -> tuple[Float64, Float64]:
        categories, factors = self.shape
        own = theta[categories + factors :].reshape(self.shape)
        return theta[:categories], self.mean + theta[categories : categories + factors] + own

    def _expected(self, theta: Float64) -> tuple[Float64, Float64, Float64]:
        """Log lift and expected counts of the rows, and those of the rest's sums by category."""
        offset, weights = self._parts(theta)
        eta = np.clip(self.history.excess @ weights.T, -ETA_MOST, ETA_MOST) + offset
        return eta, self.history.rates * np.exp(eta), self.history.rest_rates.sum(axis=0) * np.exp(offset)

    def _value(self, theta: Float64) -> float:
        eta, expected, rest = self._expected(theta)
        counts = self.history.counts
        told = (counts * eta).sum() + (self.history.rest_counts.sum(axis=0) * theta[: self.shape[0]]).sum()
        return float(told - expected.sum() - rest.sum() - 0.5 * (self.precision * theta**2).sum())

    def _derivatives(self) -> tuple[Float64, Float64]:
        """Gradient of the log posterior, and minus its Hessian."""
        categories, factors = self.shape
        _eta, expected, rest = self._expected(self.theta)
        left = self.history.counts - expected
        size = self.theta.size
        gradient, hessian = np.zeros(size), np.diag(self.precision)
        shared = categories + np.arange(factors)
        pulls, crosses = self.pulls @ left, self.pulls @ expected
        upper = (self.squares @ expected).reshape(factors, factors, categories)
        square = upper + upper.transpose(1, 0, 2)
        square[np.arange(factors), np.arange(factors)] /= 2
        gradient[:categories] = left.sum(axis=0) + self.history.rest_counts.sum(axis=0) - rest
        gradient[shared] = pulls.sum(axis=1)
        hessian[shared[:, np.newaxis], shared] += square.sum(axis=2)
        for c in range(categories):
            own = categories + factors + c * factors + np.arange(factors)
            gradient[own] = pulls[:, c]
            hessian[c, c] += expected[:, c].sum() + rest[c]
            for block in (shared, own):
                hessian[c, block] += crosses[:, c]
                hessian[block, c] += crosses[:, c]
            hessian[np.ix_(own, own)] += square[:, :, c]
            hessian[np.ix_(own, shared)] += square[:, :, c]
            hessian[np.ix_(shared, own)] += square[:, :, c]
        return gradient - self.precision * self.theta, hessian
