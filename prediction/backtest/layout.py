"""From the rate of a learner's own horizon to the rate of a window: the slots of the week share out a week's incidents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.backtest.windows import Window, instant
from prediction.panel import DAY_S, Incidents
from prediction.profile import ProfileSettings, choose_settings, slot_shares, spread_points
from prediction.slot_shape import SlotFields, SlotShape
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

PROFILE_DAYS = 28  # shares of the slots are learnt again this often; they remember a year


@dataclass(frozen=True, eq=False)
class Layout:
    """Shares of the slots of the week Float32[categories, slots, cells], from what was known before `known_s`."""

    scheme: SlotScheme
    shares: Float32
    settings: ProfileSettings

    @classmethod
    def learnt(cls, incidents: Incidents, around: Surroundings, *, scheme: SlotScheme, categories: int, known_s: int) -> Self:
        known = incidents.take(incidents.end_s < known_s)
        settings = choose_settings(known, around, scheme=scheme, categories=categories, cutoff=instant(known_s))
        shares = [
            slot_shares(
                known, around, scheme=scheme, category=category, categories=categories, known_s=known_s, settings=settings
            )
            for category in range(categories)
        ]
        return cls(scheme, np.stack(shares).astype(np.float32), settings)

    def bent(self, shape: SlotShape, fields: SlotFields, window: Window) -> Layout:
        """The same, with the days that the window touches bent by the trees of the day's shape."""
        slots = np.flatnonzero(_weights(self.scheme, window)).tolist()
        rows = [shape.bent(row.astype(np.float64), fields, category, slots) for category, row in enumerate(self.shares)]
        return replace(self, shares=np.stack(rows).astype(np.float32))

    def laid_out(self, rates: Float64, window: Window, *, days: int) -> Float64:
        """Float64[targets, cells]: the part of the rates of `days` days that falls in the window.

        All crimes keep their ratio to the sum of the categories, whether or not the learner gave just that sum.
        """
        share = np.tensordot(_weights(self.scheme, window), self.shares, axes=(0, 1)) * (7 / days)
        parts = rates[:-1] * share
        whole = rates[:-1].sum(axis=0)
        ratio = np.divide(rates[-1], whole, out=np.ones_like(whole), where=whole > 0)
        return np.vstack([parts, parts.sum(axis=0) * ratio])


def _weights(scheme: SlotScheme, window: Window) -> Float32:
    """Float32[slots of the week]: how much of each slot lies in the window, a slot cut by its edge in part."""
    first, last = instant(window.start_s), instant(window.end_s)
    count = 2 * scheme.per_day * (2 + (window.end_s - window.start_s) // DAY_S)
    edges = np.array([int(start.timestamp()) for start in scheme.starts(instant(window.start_s - 2 * DAY_S), count)])
    begins, ends = edges[:-1], edges[1:]
    overlap = np.minimum(ends, int(last.timestamp())) - np.maximum(begins, int(first.timestamp()))
    part = np.clip(overlap, 0, None) / (ends - begins)
    inside = part > 0
    slots = scheme.slot_of_week(begins[inside])
    return np.asarray(np.bincount(slots, weights=part[inside], minlength=scheme.per_week), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Instants:
    """Incidents as instants, sorted by time, to count in windows shorter than a day: an interval is spread over 24 at most."""

    second: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int32]
    category: npt.NDArray[np.int16]
    weight: Float64

    @classmethod
    def of(cls, incidents: Incidents) -> Self:
        points = spread_points(incidents)
        order = np.lexsort((incidents.cell_index[points.row], incidents.category[points.row], points.second))
        row = points.row[order]
        return cls(points.second[order], incidents.cell_index[row], incidents.category[row], points.weight[order])

    def counts(self, start_s: int, end_s: int, *, categories: int, cells: int) -> Float64:
        """Float64[categories, cells]: weight in start_s ≤ instant < end_s."""
        inside = slice(*np.searchsorted(self.second, [start_s, end_s]))
        flat = self.category[inside].astype(np.int64) * cells + self.cell[inside]
        sums = np.bincount(flat, weights=self.weight[inside], minlength=categories * cells)
        return np.asarray(sums.reshape(categories, cells), dtype=np.float64)
