"""Rates that mean what they say: a monotone map per category, learnt from forecasts of weeks the learner had not seen.

In: rates and counts of windows that were forecast out of fold. Out: a `Calibration`, that maps the rates of a city to better
ones and keeps the order of the cells. Shape and total are separate: the map bends the rates of the cells, and the city's total
stays the learner's, or is mended by one factor where that would have helped in weeks not used to find it.

Sources: isotonic regression as the Poisson maximum likelihood under order (Robertson, Wright, Dykstra 1988); the power map
a + b log λ is Platt's (1999) for rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize_scalar

from prediction.errors import PredictionError
from prediction.uncertainty import Dispersion, fit_dispersion

Float64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

FLOOR = 1e-9  # incidents; smaller rates count as this
KINDS = ("kept", "power", "isotonic")  # from the simplest to the freest


@dataclass(frozen=True)
class CalibrationSettings:
    """`bands`: at most so many groups of cells for the isotonic map; `least_expected`: incidents a group must expect;

    `prior`: incidents with which a group's ratio is drawn to one, so that none becomes nought; `blocks`: into how many stretches
    of time the windows are cut to choose between the maps; `least_incidents`: with fewer the rates are left alone; `gain`:
    log-likelihood that a freer map must gain on weeks not used to find it.
    """

    bands: int = 40
    least_expected: float = 15.0
    prior: float = 0.5
    blocks: int = 4
    least_incidents: float = 150.0
    gain: float = 1.0


@dataclass(frozen=True)
class Curve:
    """Log rate → log of the calibrated rate, but for a constant: straight between the knots, sloping on with `slope` outside.

    `total`: what the city's total is multiplied by.
    """

    kind: str = "kept"
    knots: tuple[float, ...] = (0.0,)
    values: tuple[float, ...] = (0.0,)
    slope: float = 1.0
    total: float = 1.0

    def shape(self, log_rates: Float64) -> Float64:
        """Rises strictly wherever the log rates do."""
        first, last = self.knots[0], self.knots[-1]
        inside = np.interp(log_rates, self.knots, self.values)
        beyond = np.minimum(log_rates - first, 0) + np.maximum(log_rates - last, 0)
        return np.asarray(inside + self.slope * beyond, dtype=np.float64)

    def log_rates(self, log_rates: Float64) -> Float64:
        """Log of the calibrated rates of a whole city, Float64[cells]: the shape, scaled to the city's total times `total`."""
        before = np.maximum(log_rates, np.log(FLOOR))
        if self.kind == "kept":
            return np.asarray(before + np.log(self.total), dtype=np.float64)
        bent = self.shape(before)
        top = bent.max()
        scale = np.log(np.exp(before).sum()) - np.log(np.exp(bent - top).sum()) - top
        return np.asarray(bent + scale + np.log(self.total), dtype=np.float64)


@dataclass(frozen=True)
class Calibration:
    """A curve per category, and the dispersion per target (categories, then all crimes); `windows` it was learnt from."""

    curves: tuple[Curve, ...]
    dispersions: tuple[Dispersion, ...]
    windows: int = 0

    @classmethod
    def none(cls, categories: int) -> Self:
        """Leaves every rate as it is."""
        return cls((Curve(),) * categories, (Dispersion(),) * (categories + 1))

    def apply(self, rates: Float64) -> Float64:
        """Float64[categories, cells] → calibrated rates; the order of the cells stays within each category."""
        if len(rates) != len(self.curves):
            raise PredictionError(f"The calibration knows {len(self.curves)} categories, but rates of {len(rates)} were given.")
        logs = np.log(np.maximum(rates, FLOOR))
        return np.exp(np.stack([curve.log_rates(row) for curve, row in zip(self.curves, logs, strict=True)]))

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON; `from_plain` reads them."""
        return {
            "curves": [
                {"kind": c.kind, "knots": list(c.knots), "values": list(c.values), "slope": c.slope, "total": c.total}
                for c in self.curves
            ],
            "dispersions": [[d.cell, d.level] for d in self.dispersions],
            "windows": self.windows,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        curves = tuple(Curve(c["kind"], tuple(c["knots"]), tuple(c["values"]), c["slope"], c["total"]) for c in plain["curves"])
        return cls(curves, tuple(Dispersion(cell, level) for cell, level in plain["dispersions"]), plain["windows"])


def fit_calibration(rates: Floats, counts: Floats, settings: CalibrationSettings | None = None) -> Calibration:
    """Learn from out-of-fold rates and counts Float64[windows, categories, cells], windows in the order of time.

    Which map, and whether to mend the total, is chosen per category by what each would have gained on stretches of weeks that
    were left out when it was fitted. Dispersions are measured around rates calibrated the same way, without the own stretch.
    """
    settings = settings or CalibrationSettings()
    if rates.shape != counts.shape or rates.ndim != 3:
        raise PredictionError(
            f"Rates and counts must be of one shape [windows, categories, cells]; found {rates.shape} and {counts.shape}."
        )
    categories = rates.shape[1]
    if len(rates) < 2:
        return replace(Calibration.none(categories), windows=len(rates))
    curves, dispersions, every = [], [], np.zeros((len(rates), rates.shape[2]))
    for category in range(categories):
        curve, held_out = _fit_curve(rates[:, category], counts[:, category], settings)
        curves.append(curve)
        dispersions.append(fit_dispersion(held_out, counts[:, category].astype(np.float64)))
        every += held_out
    dispersions.append(fit_dispersion(every, counts.sum(axis=1, dtype=np.float64)))
    return Calibration(tuple(curves), tuple(dispersions), len(rates))


def _fit_curve(given: Floats, happened: Floats, settings: CalibrationSettings) -> tuple[Curve, Float64]:
    """The curve of one category, and rates Float64[windows, cells] calibrated without the own stretch of weeks."""
    rates = np.maximum(np.asarray(given, dtype=np.float64), FLOOR)
    counts = np.asarray(happened, dtype=np.float64)
    if counts.sum() < settings.least_incidents:
        return Curve(), rates
    blocks = np.array_split(np.arange(len(rates)), min(settings.blocks, len(rates)))
    rests = [np.setdiff1d(np.arange(len(rates)), block) for block in blocks]
    held = {kind: [_shape_curve(kind, rates[rest], counts[rest], settings) for rest in rests] for kind in KINDS}
    gained = {kind: sum(map(_shape_gain, held[kind], (rates[b] for b in blocks), (counts[b] for b in blocks))) for kind in KINDS}
    kind = KINDS[0]
    for rival in KINDS[1:]:
        if gained[rival] > gained[kind] + settings.gain:
            kind = rival
    factors = [_total_factor(rates[rest], counts[rest]) for rest in rests]
    mends = (
        sum(_total_gain(factor, rates[block], counts[block]) for factor, block in zip(factors, blocks, strict=True))
        > settings.gain
    )
    out = np.empty_like(rates)
    for curve, factor, block in zip(held[kind], factors, blocks, strict=True):
        out[block] = _calibrated(replace(curve, total=factor if mends else 1.0), rates[block])
    total = _total_factor(rates, counts) if mends else 1.0
    return replace(_shape_curve(kind, rates, counts, settings), total=total), out


def _calibrated(curve: Curve, rates: Float64) -> Float64:
    return np.exp(np.stack([curve.log_rates(row) for row in np.log(rates)]))


def _shape_gain(curve: Curve, rates: Float64, counts: Float64) -> float:
    """Log-likelihood of where the incidents fell (given their number) over that of the rates as they were."""
    after = np.log(_calibrated(replace(curve, total=1.0), rates))
    return float((counts * (after - np.log(rates))).sum())


def _total_factor(rates: Float64, counts: Float64) -> float:
    """Observed over expected, drawn to one by the noise of the windows' own ratios: what is not steady is not mended."""
    expected, seen = rates.sum(axis=1), counts.sum(axis=1)
    ratio = float(seen.sum() / expected.sum())
    if len(expected) < 2 or seen.sum() == 0:
        return 1.0
    errors = seen - ratio * expected
    noise = float((errors**2).sum()) * len(expected) / (len(expected) - 1) / float(expected.sum()) ** 2
    bias = (ratio - 1) ** 2
    return 1 + (ratio - 1) * max(0.0, bias - noise) / max(bias, 1e-12)


def _total_gain(factor: float, rates: Float64, counts: Float64) -> float:
    return float(counts.sum() * np.log(factor) - (factor - 1) * rates.sum())


def _shape_curve(kind: str, rates: Float64, counts: Float64, settings: CalibrationSettings) -> Curve:
    if kind == "power":
        return Curve("power", slope=_best_power(rates, counts))
    if kind == "isotonic":
        return _isotonic(rates, counts, settings)
    return Curve()


def _best_power(rates: Float64, counts: Float64) -> float:
    """The exponent under which the places of the incidents, given each window's number, were most likely; concave in it."""
    logs = np.log(rates)
    tops = logs.max(axis=1, keepdims=True)
    seen, placed = counts.sum(axis=1), float((counts * (logs - tops)).sum())

    def loss(power: float) -> float:
        return float((seen * np.log(np.exp(power * (logs - tops)).sum(axis=1))).sum()) - power * placed

    found = minimize_scalar(loss, bounds=(0.3, 2.0), method="bounded", options={"xatol": 1e-4})
    return float(found.x)


def _isotonic(rates: Float64, counts: Float64, settings: CalibrationSettings) -> Curve:
    """Isotonic regression over bands of rates; each pooled stretch of bands becomes one knot, so that it rises strictly."""
    scaled = rates * (counts.sum(axis=1) / rates.sum(axis=1))[:, np.newaxis]
    order = np.argsort(rates, axis=None, kind="stable")
    flat = np.log(rates).ravel()[order]
    expected, seen = scaled.ravel()[order], counts.ravel()[order]
    edges = _band_edges(expected, settings)
    cells = np.diff(np.append(edges, len(flat))).astype(np.float64)
    band_expected = np.add.reduceat(expected, edges)
    ratio = (np.add.reduceat(seen, edges) + settings.prior) / (band_expected + settings.prior)
    pooled = isotonic_regression(band_expected / cells * ratio, weights=cells)
    logs = np.add.reduceat(flat * expected, edges)
    starts = pooled.blocks[:-1]
    knots = np.add.reduceat(logs, starts) / np.add.reduceat(band_expected, starts)
    values = np.log(pooled.x[starts])
    # A pooled stretch's value stands for its mean rate, and the knot for its mean log rate: the difference is taken off.
    means = np.log(np.add.reduceat(band_expected, starts) / np.add.reduceat(cells, starts))
    return Curve("isotonic", tuple(map(float, knots)), tuple(map(float, values + knots - means)))


def _band_edges(expected: Float64, settings: CalibrationSettings) -> npt.NDArray[np.intp]:
    """First positions of bands of ascending rates, equal half by number of cells and half by incidents; none expects too few."""
    running = np.cumsum(expected)
    position = 0.5 * np.arange(1, len(expected) + 1) / len(expected) + 0.5 * running / running[-1]
    wanted = np.searchsorted(position, np.arange(1, settings.bands) / settings.bands)
    edges = [0]
    for edge in wanted:
        since = running[edge - 1] - (running[edges[-1] - 1] if edges[-1] else 0.0) if edge else 0.0
        left = running[-1] - (running[edge - 1] if edge else 0.0)
        if since >= settings.least_expected and left >= settings.least_expected:
            edges.append(int(edge))
    return np.array(edges, dtype=np.intp)
