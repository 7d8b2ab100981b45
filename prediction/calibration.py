"""Rates that mean what they say: a monotone map per category, learnt from forecasts of weeks the learner had not seen.

In: rates and counts of windows that were forecast out of fold. Out: a `Calibration`, that maps the rates of a city to better
ones and keeps the order of the cells. Shape and total are separate: the map bends the rates of the cells, and the city's total
stays the learner's, or is mended by one factor where it is far and steadily off.

The maps themselves, and their sources, are in `monotone.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.metrics import LEAST_RATE
from prediction.monotone import Bands, Ranked, best_power, common_log_ratios, isotonic_knots
from prediction.uncertainty import Dispersion, fit_dispersion

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Floats = npt.NDArray[np.floating[Any]]

STEADY = 0.75  # share of the windows
# The power bends the top as well, where ratios drift most: it is taken only where it is clearly better.
KINDS = ("kept", "isotonic", "power")


@dataclass(frozen=True)
class CalibrationSettings:
    """`blocks`: into how many stretches of time the windows are cut to choose between the maps, each scored by its likelihood on

    stretches not used to find it; `harm`: what the isotonic map may lose before the rates are left alone; `gain`: what the power
    must gain over it; `least_incidents`: with fewer a category is left alone; `tolerance`: by how much a total may be off before
    it is mended. A season makes a quarter of a year's total differ from the next one's by some ten percent: a small bias of the
    weeks held out says nothing of the weeks to come (docs/methods/stack.md).
    """

    bands: Bands = field(default_factory=Bands)
    blocks: int = 4
    least_incidents: float = 150.0
    gain: float = 25.0
    harm: float = 3.0
    tolerance: float = 0.2


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
        before = np.maximum(log_rates, np.log(LEAST_RATE))
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
        logs = np.log(np.maximum(rates, LEAST_RATE))
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
    """Learn from out-of-fold rates and counts Float[windows, categories, cells], windows in the order of time.

    Which map is chosen per category by what each would have gained on stretches of weeks that were left out when it was fitted.
    Dispersions are measured around rates calibrated the same way, without the own stretch.
    """
    settings = settings or CalibrationSettings()
    if rates.shape != counts.shape or rates.ndim != 3:
        raise PredictionError(
            f"Rates and counts must be of one shape [windows, categories, cells]; found {rates.shape} and {counts.shape}."
        )
    windows, categories = rates.shape[:2]
    if windows < 2 or not categories or counts.sum() < settings.least_incidents:
        return replace(Calibration.none(categories), windows=windows)
    given = np.maximum(np.asarray(rates, dtype=np.float64), LEAST_RATE)
    happened = np.asarray(counts, dtype=np.float64)
    blocks = np.array_split(np.arange(windows), min(settings.blocks, windows))
    rests = [np.setdiff1d(np.arange(windows), block) for block in blocks]
    shapes = [_shapes(given[rows], happened[rows], settings) for rows in (*rests, np.arange(windows))]
    curves, dispersions, every = [], [], np.zeros((windows, rates.shape[2]))
    for category in range(categories):
        own = [by_category[category] for by_category in shapes]
        curve, held_out = _chosen(own, given[:, category], happened[:, category], blocks, settings)
        curves.append(curve)
        dispersions.append(fit_dispersion(held_out, happened[:, category]))
        every += held_out
    dispersions.append(fit_dispersion(every, happened.sum(axis=1)))
    return Calibration(tuple(curves), tuple(dispersions), windows)


def _shapes(rates: Float64, counts: Float64, settings: CalibrationSettings) -> list[dict[str, Curve]]:
    """Every kind of curve of each category, fitted to these windows."""
    ranked = [Ranked.of(rates[:, category], counts[:, category]) for category in range(rates.shape[1])]
    common = common_log_ratios(ranked, settings.bands)
    out = []
    for category, own in enumerate(ranked):
        curves = {"kept": Curve()}
        if counts[:, category].sum() >= settings.least_incidents:
            knots, values = isotonic_knots(own, common, settings.bands)
            curves["isotonic"] = Curve("isotonic", tuple(knots.tolist()), tuple(values.tolist()))
            curves["power"] = Curve("power", slope=best_power(rates[:, category], counts[:, category]))
        out.append(curves)
    return out


def _chosen(
    shapes: Sequence[Mapping[str, Curve]], rates: Float64, counts: Float64, blocks: Sequence[Index], settings: CalibrationSettings
) -> tuple[Curve, Float64]:
    """The curve of one category, and rates Float64[windows, cells] calibrated without the own stretch of weeks.

    shapes: curves by kind, fitted without each block in turn, and last to all windows.
    """
    kinds = [kind for kind in KINDS if all(kind in curves for curves in shapes)]
    gains = {
        kind: sum(_gain(curves[kind], rates[block], counts[block]) for curves, block in zip(shapes[:-1], blocks, strict=True))
        for kind in kinds
    }
    best = kinds[0]
    if "isotonic" in gains:
        # Its ratios are drawn to one already, so that it is kept unless it does harm.
        best = "isotonic" if gains["isotonic"] > -settings.harm else best
        best = "power" if gains["power"] > gains[best] + settings.gain else best
    out = np.empty_like(rates)
    for curves, block in zip(shapes[:-1], blocks, strict=True):
        rest = np.setdiff1d(np.arange(len(rates)), block)
        total = _total_factor(rates[rest], counts[rest], settings.tolerance)
        out[block] = _calibrated(replace(curves[best], total=total), rates[block])
    return replace(shapes[-1][best], total=_total_factor(rates, counts, settings.tolerance)), out


def _calibrated(curve: Curve, rates: Float64) -> Float64:
    return np.exp(np.stack([curve.log_rates(row) for row in np.log(rates)]))


def _gain(curve: Curve, rates: Float64, counts: Float64) -> float:
    """Log-likelihood of where the incidents fell (given their number) over that of the rates as they were."""
    after = np.log(_calibrated(curve, rates))
    return float((counts * (after - np.log(rates))).sum())


def _total_factor(rates: Float64, counts: Float64, tolerance: float) -> float:
    """Observed over expected where three in four windows agree that it is off by more than the tolerance; one where not."""
    expected, seen = rates.sum(axis=1), counts.sum(axis=1)
    ratio = float(seen.sum() / expected.sum())
    if ratio > 1 + tolerance:
        agree = seen > (1 + tolerance) * expected
    elif ratio < 1 / (1 + tolerance):
        agree = seen < expected / (1 + tolerance)
    else:
        return 1.0
    return ratio if seen.sum() > 0 and agree.mean() >= STEADY else 1.0
