"""Near-repeat process on a grid (ETAS), fitted by EM in the form of Mohler (2015), without a loop over incidents.

In each cell incidents come at λ(t) = μ_cell + θ Σ_{tᵢ < t} ω exp(−ω (t − tᵢ)): a constant background, and each incident sets
off θ others on average, with a mean delay of 1/ω days. The sums over earlier incidents obey a recursion along the incidents of a
cell, xₖ = aₖ xₖ₋₁ + bₖ, which is solved for all cells at once by doubling (Blelloch 1990): log₂ passes instead of one a pair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from prediction.errors import PredictionError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FORGOTTEN = 1e-18
Z_95 = 1.959963984540054
TELLS_NOTHING = 30.0  # in the log: a factor of 10¹³
LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class EtasFit:
    """background Float64[cells]: incidents a day; theta: incidents set off by each; omega: 1 / mean delay in days.

    theta_se, omega_se: standard errors from the observed information with the backgrounds profiled out; NaN where the
    likelihood has no curvature (no near-repeats at all). log_likelihood: of the incidents in the window; steps: EM steps taken.
    """

    background: Float64
    theta: float
    omega: float
    theta_se: float
    omega_se: float
    log_likelihood: float
    steps: int

    def interval(self, name: str) -> tuple[float, float]:
        """95 % interval of "theta", "omega" or "delay_days" (1/ω), normal in the log so that it stays above zero."""
        if name == "delay_days":
            low, high = self.interval("omega")
            return 1 / high, 1 / low if low > 0 else float("inf")
        value, error = (self.theta, self.theta_se) if name == "theta" else (self.omega, self.omega_se)
        # So wide an interval says nothing: hardly any incident sets off another, so nobody can tell when it would.
        if not np.isfinite(error) or value <= 0 or Z_95 * error / value > TELLS_NOTHING:
            return 0.0, float("inf")
        reach = float(np.exp(Z_95 * error / value))
        return value / reach, value * reach

    def expected(self, excited: Float64, days: float) -> Float64:
        """Float64[cells]: incidents expected in the next `days`, those set off on the way included.

        excited Float64[cells]: Σ exp(−ω age) over the known incidents. The mean intensity obeys λ' = −ω (λ − μ) + θ ω λ.
        """
        now = self.background + self.theta * self.omega * excited
        rate = self.omega * (1 - self.theta)
        if rate < 1e-9:  # each incident sets off another one for ever: the intensity grows in a straight line
            return np.asarray(now * days + self.omega * self.background * days**2 / 2, dtype=np.float64)
        rest = self.background / (1 - self.theta)
        return np.asarray(rest * days + (now - rest) * (1 - np.exp(-rate * days)) / rate, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Stream:
    """Incidents in the order of cell and day, equal (cell, day) as one entry; all Float64[entries] but the cells.

    count: incidents that happen; source: what they set off from (differs from `count` where offspring spread to neighbours);
    gap: days since the entry before it in the same cell, infinite for the first; level: the background's factor of that day.
    """

    cell: Int64
    day: Float64
    count: Float64
    source: Float64
    gap: Float64
    level: Float64

    def excited(self, omega: float) -> tuple[Float64, Float64]:
        """A = Σ exp(−ω d) and B = Σ d exp(−ω d) over the earlier sources of the cell, at each entry."""
        decay = np.exp(-omega * self.gap)
        first = np.zeros_like(decay)
        first[1:] = decay[1:] * self.source[:-1]
        a = _scan(decay, first)
        return a, _scan(decay, self._gaps() * a)

    def curvature(self, omega: float, a: Float64, b: Float64) -> Float64:
        """C = Σ d² exp(−ω d)."""
        gap = self._gaps()
        return _scan(np.exp(-omega * self.gap), 2 * gap * b - gap**2 * a)

    def _gaps(self) -> Float64:
        return np.where(np.isfinite(self.gap), self.gap, 0.0)


@dataclass(frozen=True, eq=False)
class _Window:
    """What was seen. left Float64[n]: days from each incident to the end; sources Float64[n]: its weight, less offspring that

    leaves the grid; exposure: days, each by its level; pattern Float64[cells], adding up to one, where the background's is given.
    """

    left: Float64
    sources: Float64
    exposure: float
    pattern: Float64 | None

    def backgrounds(self, own: Float64) -> Float64:
        """Incidents a day by cell, from the (expected) number of background incidents Float64[cells]."""
        return own / self.exposure if self.pattern is None else self.pattern * (own.sum() / self.exposure)

    def moved(self, born: float, delays: float, before: tuple[float, float]) -> tuple[float, float]:
        """θ and ω after one step: offspring per incident seen long enough, and offspring per day of their delays."""
        theta, omega = before
        faded = self.sources * np.exp(-omega * self.left)
        edge = theta * float((faded * self.left).sum())
        theta = born / max(float((self.sources - faded).sum()), LEAST)
        return max(theta, LEAST), min(max(born / max(delays + edge, LEAST), 1e-6), 1e3)


def fit_etas(
    cell: npt.ArrayLike,
    day: npt.ArrayLike,
    cells: int,
    *,
    start: float | None = None,
    end: float | None = None,
    weight: npt.ArrayLike | None = None,
    steps: int = 20,
    tolerance: float = 0.0,
    background: Float64 | None = None,
    daily_level: Float64 | None = None,
    spread: sparse.csr_array | None = None,
    first: tuple[float, float] = (0.1, 0.1),
    moving: bool = True,
) -> EtasFit:
    """Fit the process to incidents at cell Int[n] and day Float[n] (any unit of a day; fractions welcome) seen from start to end.

    steps: EM steps at most; tolerance: stop when θ and ω move by less than this share (0: take all the steps).
    background Float64[cells]: a given pattern of which only the height is fitted; None: each cell has its own (Mohler 2015).
    daily_level Float64[days]: known factor of the background on each whole day from `start` on, mean one; None: constant.
    spread csr[cells, cells]: share of the offspring of a cell's (column) incidents that falls into each cell (row); None: all
    stay. first: θ and ω to begin with; moving: False holds them and fits the background alone.
    Incidents of the same cell and instant do not set off one another. Raises `PredictionError` where the arrays do not fit.
    """
    where, when, mass = _checked(cell, day, weight, cells)
    begin = float(when.min()) if start is None and len(when) else float(start or 0.0)
    finish = max(float(when.max()) + 1.0 if end is None and len(when) else float(end or 0.0), begin + 1e-6)
    stream = _stream(where, when, mass, spread=spread, begin=begin, daily_level=daily_level)
    window = _Window(
        left=finish - when,
        sources=mass * _kept_share(where, spread),
        exposure=float(finish - begin if daily_level is None else daily_level[: int(np.ceil(finish - begin))].sum()),
        pattern=None if background is None else np.maximum(background, 0.0) / max(float(np.sum(background)), LEAST),
    )
    theta, omega = first
    mu = window.backgrounds(np.bincount(where, weights=mass * (1 - theta), minlength=cells).astype(np.float64))
    taken, still = 0, False
    while taken < steps and not still:
        a, b = stream.excited(omega)
        base = mu[stream.cell] * stream.level
        per = stream.count / np.maximum(base + theta * omega * a, LEAST)
        mu = window.backgrounds(np.bincount(stream.cell, weights=per * base, minlength=cells).astype(np.float64))
        if moving:
            before, set_off = (theta, omega), per * theta * omega
            theta, omega = window.moved(float((set_off * a).sum()), float((set_off * b).sum()), before)
            still = max(abs(theta / before[0] - 1), abs(omega / before[1] - 1)) < tolerance
        taken += 1
    return _finished(stream, window, mu, (theta, omega), steps=taken)


def without_bias(fit: EtasFit, halves: tuple[EtasFit, EtasFit]) -> EtasFit:
    """The fit with θ and ω mended by the fits of the first and second half of its days (Dhaene and Jochmans 2015).

    A background of its own for each cell, estimated from few incidents, draws θ down and ω up by an amount that shrinks with
    one over the days; twice the whole less the mean of the halves takes it out. Not needed where the background's pattern is
    given.
    """
    theta = max(2 * fit.theta - (halves[0].theta + halves[1].theta) / 2, LEAST)
    omega = max(2 * fit.omega - (halves[0].omega + halves[1].omega) / 2, LEAST)
    return replace(fit, theta=theta, omega=omega)


def excited_at(
    cell: npt.ArrayLike, day: npt.ArrayLike, cells: int, *, at: float, omega: float, weight: npt.ArrayLike | None = None
) -> Float64:
    """Float64[cells]: Σ exp(−ω (at − day)) over the incidents of each cell before the instant `at`."""
    where, when, mass = _checked(cell, day, weight, cells)
    earlier = when < at
    faded = mass[earlier] * np.exp(-omega * (at - when[earlier]))
    return np.asarray(np.bincount(where[earlier], weights=faded, minlength=cells), dtype=np.float64)


def _checked(cell: npt.ArrayLike, day: npt.ArrayLike, weight: npt.ArrayLike | None, cells: int) -> tuple[Int64, Float64, Float64]:
    where, when = np.asarray(cell, dtype=np.int64), np.asarray(day, dtype=np.float64)
    mass = np.ones(len(when)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(where) == len(when) == len(mass):
        raise PredictionError(
            f"The near-repeat fit needs one cell, day and weight an incident; got {len(where)}, {len(when)} and {len(mass)}."
        )
    if len(where) and (where.min() < 0 or where.max() >= cells or not np.isfinite(when).all()):
        raise PredictionError("The near-repeat fit got a cell outside the grid or a day that is no number; leave those rows out.")
    return where, when, mass


def _stream(
    where: Int64,
    when: Float64,
    mass: Float64,
    *,
    spread: sparse.csr_array | None,
    begin: float,
    daily_level: Float64 | None,
) -> _Stream:
    source_cell, source_day, source = where, when, mass
    if spread is not None:
        table = sparse.csc_array(spread)
        reach = np.diff(table.indptr)[where]
        row = np.repeat(np.arange(len(where)), reach)
        step = np.arange(len(row)) - np.repeat(np.cumsum(reach) - reach, reach)
        place = table.indptr[where][row] + step
        source_cell, source_day, source = table.indices[place].astype(np.int64), when[row], mass[row] * table.data[place]
    cells_, days_ = np.concatenate([where, source_cell]), np.concatenate([when, source_day])
    happened = np.concatenate([mass, np.zeros(len(source))])
    set_off = np.concatenate([np.zeros(len(mass)), source])
    order = np.lexsort((days_, cells_))
    cells_, days_ = cells_[order], days_[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (cells_[1:] != cells_[:-1]) | (days_[1:] != days_[:-1])
    begins = np.flatnonzero(new)
    cell, day = cells_[begins], days_[begins]
    gap = np.full(len(begins), np.inf)
    gap[1:] = np.where(cell[1:] == cell[:-1], np.diff(day), np.inf)
    count = np.add.reduceat(happened[order], begins) if len(begins) else happened
    source = np.add.reduceat(set_off[order], begins) if len(begins) else set_off
    level = np.ones(len(begins)) if daily_level is None else _level_on(daily_level, day - begin)
    return _Stream(cell, day, count, source, gap, level)


def _level_on(daily_level: Float64, since: Float64) -> Float64:
    place = np.clip(np.floor(since).astype(np.int64), 0, len(daily_level) - 1)
    return np.asarray(daily_level[place], dtype=np.float64)


def _kept_share(where: Int64, spread: sparse.csr_array | None) -> Float64:
    """Share of each incident's offspring that stays on the grid."""
    if spread is None:
        return np.ones(len(where))
    return np.asarray(spread.sum(axis=0), dtype=np.float64).ravel()[where]


def _finished(stream: _Stream, window: _Window, mu: Float64, found: tuple[float, float], *, steps: int) -> EtasFit:
    """Standard errors: the observed information of (θ, ω), less what the fitted backgrounds take of it (Schur complement)."""
    theta, omega = found
    a, b = stream.excited(omega)
    c = stream.curvature(omega, a, b)
    g, dg, ddg = omega * a, a - omega * b, omega * c - 2 * b
    rate = np.maximum(mu[stream.cell] * stream.level + theta * g, LEAST)
    per, per2 = stream.count / rate, stream.count / rate**2
    faded = window.sources * np.exp(-omega * window.left)
    slopes = np.stack([g, theta * dg])
    cross = float((faded * window.left).sum() - (per * dg).sum())
    bend = -theta * float((per * ddg).sum() + (faded * window.left**2).sum())
    info = (slopes * per2) @ slopes.T + np.array([[0.0, cross], [cross, bend]])
    pattern = window.pattern
    height = stream.level if pattern is None else stream.level * pattern[stream.cell]
    group = stream.cell if pattern is None else np.zeros(len(stream.cell), dtype=np.int64)
    own = np.bincount(group, weights=per2 * height**2)
    with_both = np.stack([np.bincount(group, weights=per2 * height * slope) for slope in slopes])
    fitted = own > 0
    info -= (with_both[:, fitted] / own[fitted]) @ with_both[:, fitted].T
    expected = mu.sum() * window.exposure + theta * float((window.sources - faded).sum())
    likelihood = float((stream.count * np.log(rate)).sum() - expected)
    return EtasFit(mu, theta, omega, *_errors(info), likelihood, steps)


def _errors(info: Float64) -> tuple[float, float]:
    if not np.isfinite(info).all() or np.linalg.det(info) <= 0 or info[0, 0] <= 0:
        return float("nan"), float("nan")
    theta_variance, omega_variance = np.diag(np.linalg.inv(info))
    return float(np.sqrt(theta_variance)), float(np.sqrt(omega_variance))


def _scan(decay: Float64, added: Float64) -> Float64:
    """x with xₖ = decayₖ xₖ₋₁ + addedₖ, by doubling; ends as soon as nothing reaches further back."""
    a, x = decay.copy(), added.copy()
    step = 1
    while step < len(x) and a.max() > FORGOTTEN:
        x[step:] += a[step:] * x[:-step]
        a[step:] = a[step:] * a[:-step]
        a[:step] = 0.0
        step *= 2
    return x
