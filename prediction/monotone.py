"""The monotone maps that calibration chooses from: a power of the rates, and isotonic regression over bands of them.

All take rates and counts of windows, Float64[windows, cells], and leave each window's total aside: they ask where the incidents
fell, not how many there were. Sources: isotonic regression as the Poisson maximum likelihood under order (Robertson, Wright,
Dykstra 1988); shrinkage (James, Stein 1961; Efron, Morris 1973); the power is Platt's (1999) a + b log λ for rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize_scalar

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

LEAST_POWER, MOST_POWER = 0.3, 2.0


@dataclass(frozen=True)
class Bands:
    """`at_most` groups of cells of similar rates, each with `least` incidents or more (expected and seen, their mean).

    `drift`: how far the log of observed over expected of a band wanders from one season to the next by itself.
    """

    at_most: int = 40
    least: float = 15.0
    drift: float = 0.1


@dataclass(frozen=True, eq=False)
class Ranked:
    """All cells × windows of one category in the order of their rates: log rate, expected and seen incidents, Float64[n] each."""

    log_rate: Float64
    expected: Float64
    seen: Float64

    @classmethod
    def of(cls, rates: Float64, counts: Float64) -> Self:
        """Expected incidents are scaled to each window's own total, so that a quiet week bends nothing."""
        scaled = rates * (np.maximum(counts.sum(axis=1), 0.5) / rates.sum(axis=1))[:, np.newaxis]
        order = np.argsort(rates, axis=None, kind="stable")
        return cls(np.log(rates.ravel()[order]), scaled.ravel()[order], counts.ravel()[order])


def common_log_ratios(categories: Sequence[Ranked], bands: Bands) -> Float64:
    """Float64[n]: log of observed over expected at each rank, all categories taken together; nought where it is only noise.

    The quietest cells of each category hold a few incidents a quarter: what is wrong with them shows only in all categories.
    """
    expected = np.sum([category.expected for category in categories], axis=0)
    seen = np.sum([category.seen for category in categories], axis=0)
    edges = band_edges(expected, seen, bands)
    sums = np.add.reduceat(expected, edges), np.add.reduceat(seen, edges)
    return np.repeat(_believed(*sums, np.zeros(len(edges)), bands.drift), np.diff(np.append(edges, len(expected))))


def isotonic_knots(ranked: Ranked, common: Float64, bands: Bands) -> tuple[Float64, Float64]:
    """Knots and values (log rates) of an isotonic map; both rise strictly.

    Each band's ratio is drawn to the `common` one at its ranks. Bands whose calibrated rates would fall are pooled, and each
    pooled stretch becomes one knot: straight lines between them rise strictly, and no two cells become equal.
    """
    edges = band_edges(ranked.expected, ranked.seen, bands)
    cells = np.diff(np.append(edges, len(common))).astype(np.float64)
    expected, seen = np.add.reduceat(ranked.expected, edges), np.add.reduceat(ranked.seen, edges)
    usual = np.log(np.add.reduceat(ranked.expected * np.exp(common), edges) / expected)
    pooled = isotonic_regression(expected / cells * np.exp(_believed(expected, seen, usual, bands.drift)), weights=cells)
    starts = pooled.blocks[:-1]
    mass = np.add.reduceat(expected, starts)
    knots = np.add.reduceat(np.add.reduceat(ranked.log_rate * ranked.expected, edges), starts) / mass
    # A stretch's value stands for its mean rate, and the knot for its mean log rate: the difference is taken off.
    means = np.log(mass / np.add.reduceat(cells, starts))
    return _rising(knots, np.log(pooled.x[starts]) + knots - means)


def best_power(rates: Float64, counts: Float64) -> float:
    """The exponent under which the places of the incidents, given each window's number, were most likely; concave in it."""
    logs = np.log(rates)
    tops = logs.max(axis=1, keepdims=True)
    seen, placed = counts.sum(axis=1), float((counts * (logs - tops)).sum())

    def loss(power: float) -> float:
        return float((seen * np.log(np.exp(power * (logs - tops)).sum(axis=1))).sum()) - power * placed

    found = minimize_scalar(loss, bounds=(LEAST_POWER, MOST_POWER), method="bounded", options={"xatol": 1e-4})
    return float(found.x)


def band_edges(expected: Float64, seen: Float64, bands: Bands) -> Index:
    """First positions of bands of ascending rates, equal half by number of cells and half by incidents.

    None holds too few incidents, expected and seen taken together: cells that a learner calls impossible expect nothing.
    """
    running = np.append(0.0, np.cumsum((expected + seen) / 2))
    position = 0.5 * np.arange(1, len(expected) + 1) / len(expected) + 0.5 * running[1:] / running[-1]
    edges = [0]
    for edge in np.searchsorted(position, np.arange(1, bands.at_most) / bands.at_most):
        enough = min(running[edge] - running[edges[-1]], running[-1] - running[edge])
        if enough >= bands.least:
            edges.append(int(edge))
    return np.array(edges, dtype=np.intp)


def _believed(expected: Float64, seen: Float64, usual: Float64, drift: float) -> Float64:
    """Log of observed over expected of each band, drawn to `usual` by its noise and its drift.

    The difference d is multiplied by 1 − (1/n + drift²)/d², from 0 on: what is small is left alone, what is large stays nearly
    whole.
    """
    tiny = np.minimum(0.5, expected / 30)  # so that no band becomes nought
    gap = np.log((seen + tiny) / (expected + tiny)) - usual
    noise = 1 / np.maximum(seen, 1.0) + drift**2
    return np.asarray(usual + gap * np.maximum(0.0, 1 - noise / np.maximum(gap**2, 1e-12)), dtype=np.float64)


def _rising(knots: Float64, values: Float64) -> tuple[Float64, Float64]:
    """Without knots that do not rise: ties of many cells at one rate can bring two means together."""
    kept = [0]
    for position in range(1, len(knots)):
        if knots[position] > knots[kept[-1]] + 1e-9 and values[position] > values[kept[-1]] + 1e-9:
            kept.append(position)
    return knots[kept], values[kept]
