"""How much of a cell's crime repeats at the same addresses: the same number of incidents at one door promises more than at many.

A *spot* is one exact published point within one cell (`Panel.spot`). Incidents without a point count for nothing here, and a
city without repeated points gets fields that say just that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

LONG_D, RECENT_D = 240.0, 30.0  # half-lives
DISCOUNT = 0.75  # of each spot's count: what a single incident says of its address is mostly chance (absolute discounting)


@dataclass(frozen=True, eq=False)
class Concentration:
    """Fields Float64[targets, cells]; "weekly" ones are time-weighted sums, scaled by the caller's weekly factors.

    busiest: weekly rate of the busiest spot; second: of the next; spots: spots with any incident; repeated, often: weekly rate at
    spots with two and five incidents or more; repeated_recent: the recent weekly rate there; discounted: weekly rate when each
    spot's count is cut by `DISCOUNT`; evenness: effective number of spots, (Σ d)²/Σ d².
    """

    busiest: Float64
    second: Float64
    spots: Float64
    repeated: Float64
    often: Float64
    repeated_recent: Float64
    discounted: Float64
    evenness: Float64

    @classmethod
    def of(
        cls, known: Panel, age: npt.NDArray[np.int64], *, long_weekly: float | Float64, recent_weekly: float | Float64
    ) -> Self:
        """From incidents known before an origin and their ages in days; a weekly factor for all, or Float64[categories]."""
        placed = known.spot >= 0
        known, age = known.rows(placed), age[placed]
        plain = _by_spot(known, known.weight.astype(np.float64))
        long = _by_spot(known, known.weight * 0.5 ** (age / LONG_D), long_weekly)
        recent = _by_spot(known, known.weight * 0.5 ** (age / RECENT_D), recent_weekly)
        total, squares = known.by_cell(long), known.by_cell(long**2)
        busiest, second = _two_highest(known, long)
        many = plain > 1.5
        return cls(
            busiest=busiest,
            second=second,
            spots=known.by_cell((plain > 0).astype(np.float64)),
            repeated=known.by_cell(np.where(many, long, 0.0)),
            often=known.by_cell(np.where(plain > 4.5, long, 0.0)),
            repeated_recent=known.by_cell(np.where(many, recent, 0.0)),
            discounted=known.by_cell(long * np.maximum(plain - DISCOUNT, 0.0) / np.maximum(plain, 1e-9)),
            evenness=total**2 / np.maximum(squares, 1e-12),
        )


def _by_spot(known: Panel, weight: Float64, weekly: float | Float64 = 1.0) -> Float64:
    """[targets, spots]: sums of the weights at each spot times a factor (one, or Float64[categories]), then all crimes."""
    spots = len(known.spot_cell)
    flat = known.category.astype(np.int64) * spots + known.spot
    sums: Float64 = np.bincount(flat, weights=weight, minlength=known.categories * spots).astype(np.float64)
    sums = sums.reshape(known.categories, spots)
    factor = np.broadcast_to(np.asarray(weekly, dtype=np.float64), (known.categories,))
    if (factor == factor[0]).all():
        return np.asarray(np.vstack([sums, sums.sum(axis=0)]) * factor[0], dtype=np.float64)
    sums = sums * factor[:, np.newaxis]
    return np.vstack([sums, sums.sum(axis=0)])


def _two_highest(known: Panel, values: Float64) -> tuple[Float64, Float64]:
    """[targets, cells] each: the highest and the second highest of the spots' values in a cell, zero where there is none."""
    first, second = (np.zeros((len(values), known.cells)) for _ in range(2))
    if len(known.spot_cell) == 0:
        return first, second
    # Spots lie in the order of their cells.
    begins = np.flatnonzero(np.diff(known.spot_cell, prepend=-1))
    cells = known.spot_cell[begins]
    highest = np.maximum.reduceat(values, begins, axis=1)
    first[:, cells] = highest
    rest = values.copy()
    group = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(known.spot_cell)))
    for target in range(len(values)):
        tops = np.flatnonzero(values[target] == highest[target, group])
        rest[target, tops[np.flatnonzero(np.diff(group[tops], prepend=-1))]] = 0.0  # only one of equals is taken away
    second[:, cells] = np.maximum.reduceat(rest, begins, axis=1)
    return first, second
