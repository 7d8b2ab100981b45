"""How much of a cell's crime repeats at the same addresses: the same number of incidents at one door promises more than at many.

A *spot* is one exact published point within one cell (`Panel.spot`). Incidents without a point count for nothing here, and a
city without repeated points gets fields that say just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Sums = tuple[Float64, Float64, Float64]

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
        factors = [
            np.broadcast_to(np.asarray(weekly, dtype=np.float64), (known.categories,)) for weekly in (long_weekly, recent_weekly)
        ]
        fields = [np.empty((known.categories + 1, known.cells)) for _ in range(8)]
        # One target after another: a city has more spots than cells.
        for target, sums in enumerate(_sums_by_target(known, age, *factors)):
            for field, values in zip(fields, _fields_of(known, *sums), strict=True):
                field[target] = values
        return cls(*fields)


def _sums_by_target(known: Panel, age: npt.NDArray[np.int64], long_weekly: Float64, recent_weekly: Float64) -> Iterator[Sums]:
    """Float64[spots] each: plain count, long and recent weekly rate, category by category and then of all crimes."""
    spots = len(known.spot_cell)
    weights = (known.weight.astype(np.float64), known.weight * 0.5 ** (age / LONG_D), known.weight * 0.5 ** (age / RECENT_D))
    same = bool((long_weekly == long_weekly[0]).all())
    every = [np.zeros(spots) for _ in weights]
    for category in range(known.categories):
        own = known.category == category
        spot = known.spot[own]
        plain, long, recent = (np.bincount(spot, weights=w[own], minlength=spots).astype(np.float64) for w in weights)
        rates = (plain, long * long_weekly[category], recent * recent_weekly[category])
        # All crimes: the sum of the rates; where they share one factor, that of the sums, which is the same but for rounding.
        for total, part in zip(every, (plain, long, recent) if same else rates, strict=True):
            np.add(total, part, out=total)
        yield rates
    yield (every[0], every[1] * long_weekly[0], every[2] * recent_weekly[0]) if same else (every[0], every[1], every[2])


def _fields_of(known: Panel, plain: Float64, long: Float64, recent: Float64) -> tuple[Float64, ...]:
    """Float64[cells] each, in the order of `Concentration`, of one target."""

    def by_cell(values: Float64) -> Float64:
        return np.asarray(np.bincount(known.spot_cell, weights=values, minlength=known.cells), dtype=np.float64)

    busiest, second = _two_highest(known, long)
    many = plain > 1.5
    return (
        busiest,
        second,
        by_cell((plain > 0).astype(np.float64)),
        by_cell(np.where(many, long, 0.0)),
        by_cell(np.where(plain > 4.5, long, 0.0)),
        by_cell(np.where(many, recent, 0.0)),
        by_cell(long * np.maximum(plain - DISCOUNT, 0.0) / np.maximum(plain, 1e-9)),
        by_cell(long) ** 2 / np.maximum(by_cell(long**2), 1e-12),
    )


def _two_highest(known: Panel, values: Float64) -> tuple[Float64, Float64]:
    """Float64[cells] each: the highest and the second highest of the spots' values in a cell, zero where there is none."""
    first, second = np.zeros(known.cells), np.zeros(known.cells)
    if len(known.spot_cell) == 0:
        return first, second
    # Spots lie in the order of their cells.
    begins = np.flatnonzero(np.diff(known.spot_cell, prepend=-1))
    cells = known.spot_cell[begins]
    highest = np.maximum.reduceat(values, begins)
    first[cells] = highest
    rest = values.copy()
    group = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(known.spot_cell)))
    tops = np.flatnonzero(values == highest[group])
    rest[tops[np.flatnonzero(np.diff(group[tops], prepend=-1))]] = 0.0  # only one of equals is taken away
    second[cells] = np.maximum.reduceat(rest, begins)
    return first, second
