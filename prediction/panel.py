"""Incidents as a sparse panel: (cell, day, category) with a weight; never a dense cube of the whole history.

Days are counted in steps of 24 hours from an anchor instant, so that a forecast origin always lies on the edge of a day.
An incident that is only known to lie in an interval is spread evenly over it (aoristic weights, Ratcliffe 2000), but it
counts as known only after the interval has ended: that is what keeps every feature strictly causal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.grid import Grid

DAY_S = 86_400
SPREAD_AT_MOST = 31  # days an interval is spread over; a longer one gets 31 evenly spaced days

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Incidents:
    """Incidents on a grid: cell_index Int32[n], start_s and end_s Int64[n] (epoch seconds UTC), category Int16[n].

    place: Int32[n], a number for each exact point, equal where the points are (see `places_of`), -1 where unknown; or None.
    """

    cell_index: Int32
    start_s: Int64
    end_s: Int64
    category: Int16
    place: Int32 | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.cell_index), len(self.start_s), len(self.end_s), len(self.category)}
        lengths |= set() if self.place is None else {len(self.place)}
        if len(lengths) != 1:
            raise PredictionError(f"The columns of the incidents must have one length; found {sorted(lengths)}.")

    def __len__(self) -> int:
        return len(self.cell_index)

    @classmethod
    def on_grid(
        cls,
        grid: Grid,
        cells: npt.NDArray[np.uint64],
        start_s: Int64,
        end_s: Int64,
        category: Int16,
        *,
        place: Int32 | None = None,
    ) -> Self:
        """Incidents of the given cells (identifiers UInt64[n]); those outside the grid are dropped."""
        return cls.at(grid.index_of(cells), start_s, end_s, category, place=place)

    @classmethod
    def at(cls, cell_index: Int32, start_s: Int64, end_s: Int64, category: Int16, *, place: Int32 | None = None) -> Self:
        """Incidents at positions in the grid; rows with -1 are dropped, and an end before its start becomes the start."""
        index = np.asarray(cell_index, dtype=np.int32)
        kept = index >= 0
        start = np.asarray(start_s, dtype=np.int64)[kept]
        end = np.maximum(np.asarray(end_s, dtype=np.int64)[kept], start)
        places = None if place is None else np.asarray(place, dtype=np.int32)[kept]
        return cls(index[kept], start, end, np.asarray(category, dtype=np.int16)[kept], places)

    def known_before(self, moment: datetime) -> Incidents:
        """Those whose interval had ended before the instant."""
        return self.take(self.end_s < int(moment.timestamp()))

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Incidents:
        place = None if self.place is None else self.place[rows]
        return Incidents(self.cell_index[rows], self.start_s[rows], self.end_s[rows], self.category[rows], place)


def places_of(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> Int32:
    """Int32[n]: the number of each point (degrees WGS84), the same for points that agree to a millionth of a degree.

    Numbers follow the points' order from west to east, so they keep their order whatever other points there are.
    """
    east = np.round(np.asarray(lon, dtype=np.float64) * 1e6).astype(np.int64)
    north = np.round(np.asarray(lat, dtype=np.float64) * 1e6).astype(np.int64)
    _, number = np.unique(east * 1_000_000_000 + north, return_inverse=True)
    return np.asarray(number, dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Panel:
    """Sparse counts in the order of `known_day`.

    cell Int32[m], category Int16[m], day Int32[m] (24-hour steps from the anchor; the anchor's own day is 0, the past is
    negative), weight Float32[m] (adding up to one per incident), known_day Int32[m]: the day on which the interval ended,
    spot Int32[m]: the point within the cell, or -1; spot_cell Int32[spots]: the cell of each spot, ascending.
    At an origin `o` only entries with known_day < o may be used. There may be spots that no entry has yet.
    """

    cell: Int32
    category: Int16
    day: Int32
    weight: Float32
    known_day: Int32
    spot: Int32
    spot_cell: Int32
    cells: int
    categories: int
    anchor_s: int

    @classmethod
    def build(cls, incidents: Incidents, *, cells: int, categories: int, anchor: datetime) -> Self:
        """Panel of the incidents, whatever their time; causality is a matter of who reads it."""
        if len(incidents) and (incidents.cell_index.max() >= cells or incidents.category.max() >= categories):
            raise PredictionError("An incident names a cell or a category beyond those of the grid and the list of categories.")
        anchor_s = int(anchor.timestamp())
        first = _day(incidents.start_s, anchor_s)
        last = _day(incidents.end_s, anchor_s)
        copies = np.minimum(last - first + 1, SPREAD_AT_MOST)
        row = np.repeat(np.arange(len(incidents)), copies)
        step = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        day, weight = _spread(incidents, row, step, copies=copies, first=first, last=last, anchor_s=anchor_s)
        # A fixed order whatever the order of the file: sums of floats must not depend on it.
        spot, spot_cell = _spots(incidents)
        order = np.lexsort((weight, day, spot[row], incidents.cell_index[row], incidents.category[row], last[row]))
        return cls(
            cell=incidents.cell_index[row][order],
            category=incidents.category[row][order],
            day=day[order].astype(np.int32),
            weight=weight[order].astype(np.float32),
            known_day=last[row][order].astype(np.int32),
            spot=spot[row][order],
            spot_cell=spot_cell,
            cells=cells,
            categories=categories,
            anchor_s=anchor_s,
        )

    def before(self, origin_day: int) -> Panel:
        """The part that was known when `origin_day` began."""
        end = int(np.searchsorted(self.known_day, origin_day))
        return self.rows(slice(0, end))

    def rows(self, chosen: slice | npt.NDArray[np.bool_]) -> Panel:
        return Panel(
            self.cell[chosen],
            self.category[chosen],
            self.day[chosen],
            self.weight[chosen],
            self.known_day[chosen],
            self.spot[chosen],
            self.spot_cell,
            self.cells,
            self.categories,
            self.anchor_s,
        )

    def counts(self, first_day: int, end_day: int) -> npt.NDArray[np.float64]:
        """Float64[categories, cells]: weight in first_day ≤ day < end_day."""
        return self.weighted(((self.day >= first_day) & (self.day < end_day)).astype(np.float64))

    def weighted(self, factor: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Float64[categories, cells]: sum of weight × factor Float64[m]."""
        flat = self.category.astype(np.int64) * self.cells + self.cell
        sums = np.bincount(flat, weights=self.weight * factor, minlength=self.categories * self.cells)
        return np.asarray(sums.reshape(self.categories, self.cells), dtype=np.float64)

    def by_cell(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Float64[rows, cells]: values of spots Float64[rows, spots] added up in each cell."""
        # One after another, so that a spot without incidents (a zero) changes no bit.
        sums = [np.bincount(self.spot_cell, weights=row, minlength=self.cells) for row in values]
        return np.asarray(np.stack(sums), dtype=np.float64)


def _spots(incidents: Incidents) -> tuple[Int32, Int32]:
    """Spot of each incident Int32[n] (-1 where its place is unknown), and cell of each spot, in the order of cell and place."""
    spot = np.full(len(incidents), -1, dtype=np.int32)
    if incidents.place is None or not (placed := incidents.place >= 0).any():
        return spot, np.zeros(0, dtype=np.int32)
    key = incidents.cell_index[placed].astype(np.int64) << 32 | incidents.place[placed]
    keys, back = np.unique(key, return_inverse=True)
    spot[placed] = back
    return spot, (keys >> 32).astype(np.int32)


def _day(epoch_s: Int64, anchor_s: int) -> Int64:
    return np.asarray(np.floor_divide(epoch_s - anchor_s, DAY_S), dtype=np.int64)


def _spread(
    incidents: Incidents, row: Int64, step: Int64, *, copies: Int64, first: Int64, last: Int64, anchor_s: int
) -> tuple[Int64, npt.NDArray[np.float64]]:
    """Day and weight of each copy: the share of the interval that lies in that day; even where the interval is too long."""
    whole = copies == last - first + 1
    gaps = np.maximum(copies - 1, 1)
    day = np.where(whole[row], first[row] + step, first[row] + (step * (last - first)[row]) // gaps[row])
    begins = day * DAY_S + anchor_s
    overlap = np.minimum(incidents.end_s[row], begins + DAY_S) - np.maximum(incidents.start_s[row], begins)
    length = np.maximum(incidents.end_s - incidents.start_s, 1)[row]
    weight = np.where(whole[row], overlap / length, 1.0 / copies[row])
    return day, np.where(copies[row] == 1, 1.0, weight).astype(np.float64)
