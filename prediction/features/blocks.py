"""The blocks that every model has: what happened here, around, of other types, at this season, and where the cell lies.

They carry no data of their own: all they know is in the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from prediction.features.base import (
    HALF_LIVES_D,
    RECENT_D,
    SIGMAS_LONG_M,
    SIGMAS_RECENT_M,
    WINDOWS_D,
    Float32,
    Float64,
    Moment,
)
from prediction.grid import Grid

OTHERS_AT_MOST = 4
OTHERS_HALF_LIVES_D = (7, 30, 120, 480)
SPOT_FIELDS = ("busiest", "second", "spots", "repeated", "often", "discounted", "evenness")
SPOT_FIELDS_OF_ALL = ("busiest", "spots", "repeated", "often", "evenness")

Read = Callable[..., Float64]  # a column of a moment: Float64[cells], or one number for all
Column = tuple[str, str, Read]  # group, name, reader


class ColumnBlock:
    """A block whose columns are read one by one, so that a table of few cells costs no more than those cells."""

    name = ""
    signature = ""

    def readers(self, target: int) -> list[Column]:
        """Group, name and reader of every column."""
        raise NotImplementedError

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        return [(group, name) for group, name, _ in self.readers(target)]

    def read(self, moment: Moment, target: int) -> Float32:
        columns = [np.asarray(read(moment), dtype=np.float32) for _, _, read in self.readers(target)]
        cells = max(column.size for column in columns) if columns else 1
        out = np.empty((cells, len(columns)), dtype=np.float32)
        for position, column in enumerate(columns):
            out[:, position] = column
        return out

    def fill(self, out: Float32, moment: Moment, target: int, rows: npt.NDArray[np.intp] | None) -> None:
        """Write the columns of the chosen cells into `out` Float32[rows, columns]."""
        for position, (_, _, read) in enumerate(self.readers(target)):
            values = np.asarray(read(moment))
            out[:, position] = values if rows is None or values.ndim == 0 else values[rows]


class Here(ColumnBlock):
    """The target's own incidents in the cell."""

    name = "here"

    def readers(self, target: int) -> list[Column]:
        out: list[Column] = []
        for position, days in enumerate(HALF_LIVES_D):
            group = "here_recent" if days <= RECENT_D else "here_long"
            out.append((group, f"decayed_{days}d", lambda m, p=position: m.decayed[p, target]))
        for position, days in enumerate(WINDOWS_D):
            group = "here_recent" if days <= RECENT_D else "here_long"
            out.append((group, f"sum_{days}d", lambda m, p=position: m.windowed[p, target]))
        out.append(("here_long", "ever", lambda m: m.ever[target]))
        out.append(("here_recent", "days_since", lambda m: m.days_since[target]))
        out.append(("here_long", "active_weeks", lambda m: m.active_weeks[target]))
        out += [("here_long", f"spot_{name}", _of_spots(name, target)) for name in SPOT_FIELDS]
        out.append(("here_recent", "spot_repeated_recent", _of_spots("repeated_recent", target)))
        return out


class Around(ColumnBlock):
    """The target's incidents in two rings of neighbours and under Gaussian kernels."""

    name = "around"

    def readers(self, target: int) -> list[Column]:
        out: list[Column] = []
        for ring in (0, 1):
            out.append(("around_recent", f"ring{ring + 1}_recent", lambda m, r=ring: m.ring_recent[r, target]))
            out.append(("around_long", f"ring{ring + 1}_long", lambda m, r=ring: m.ring_long[r, target]))
            out.append(("around_long", f"ring{ring + 1}_ever", lambda m, r=ring: m.ring_ever[r, target]))
        out.append(("around_long", "ring1_held", lambda m: m.held_around[0, target]))
        for position, sigma in enumerate(SIGMAS_RECENT_M):
            out.append(("around_recent", f"smooth_{sigma:.0f}m_recent", lambda m, p=position: m.smooth_recent[p, target]))
        for position, sigma in enumerate(SIGMAS_LONG_M):
            out.append(("around_long", f"smooth_{sigma:.0f}m_long", lambda m, p=position: m.smooth_long[p, target]))
        return out


class OtherTypes(ColumnBlock):
    """Other types as leading signs: all of them together, and the first few one by one."""

    name = "other types"

    def __init__(self, categories: int, *, long_d: int) -> None:
        self.categories = categories
        self.long_d = long_d

    def readers(self, target: int) -> list[Column]:
        if self.categories == 1:
            return []
        every = self.categories
        out: list[tuple[str, Read]] = []
        for position, days in enumerate(HALF_LIVES_D):
            if days in OTHERS_HALF_LIVES_D:
                out.append((f"others_decayed_{days}d", lambda m, p=position: m.decayed[p, every] - m.decayed[p, target]))
        out.append(("others_ring1", lambda m: m.ring_long[0, every] - m.ring_long[0, target]))
        out.append(("others_recent", lambda m: m.smooth_recent[0, every] - m.smooth_recent[0, target]))
        for position, sigma in enumerate(SIGMAS_LONG_M):
            out.append((f"others_{sigma:.0f}m_long", lambda m, p=position: m.smooth_long[p, every] - m.smooth_long[p, target]))
        out.append(("any_ever", lambda m: m.ever[every]))
        for ring in (0, 1):
            out.append((f"any_ring{ring + 1}_ever", lambda m, r=ring: m.ring_ever[r, every]))
            out.append((f"any_ring{ring + 1}_held", lambda m, r=ring: m.held_around[r, every]))
        out.append(("any_days_since", lambda m: m.days_since[every]))
        out.append(("any_active_weeks", lambda m: m.active_weeks[every]))
        out += [(f"any_spot_{name}", _of_spots(name, every)) for name in SPOT_FIELDS_OF_ALL]
        return [("other_types", name, read) for name, read in [*out, *self._rivals(target)]]

    def _rivals(self, target: int) -> list[tuple[str, Read]]:
        out: list[tuple[str, Read]] = []
        long = HALF_LIVES_D.index(self.long_d)
        for rival in [category for category in range(self.categories) if category != target][:OTHERS_AT_MOST]:
            out.append((f"type{rival}_here", lambda m, r=rival: m.decayed[long, r]))
            out.append((f"type{rival}_300m", lambda m, r=rival: m.smooth_long[1, r]))
            out.append((f"type{rival}_1000m", lambda m, r=rival: m.smooth_long[3, r]))
        return out


class Season(ColumnBlock):
    """The same weeks a year ago, and the time of the year."""

    name = "season"

    def readers(self, target: int) -> list[Column]:
        return [
            ("season", "last_year_here", lambda m: m.last_year[target]),
            ("season", "last_year_ring1", lambda m: m.ring_last_year[target]),
            ("season", "last_year_smooth", lambda m: m.smooth_last_year[target]),
            ("season", "year_sine", lambda m: np.asarray(np.sin(m.year_angle))),
            ("season", "year_cosine", lambda m: np.asarray(np.cos(m.year_angle))),
        ]


class Place(ColumnBlock):
    """Where the cell lies: kilometres east and north of the grid's middle."""

    name = "place"

    def __init__(self, grid: Grid) -> None:
        centred = grid.centres_m - grid.centres_m.mean(axis=0)
        self.east, self.north = (centred / 1000.0).T

    def readers(self, target: int) -> list[Column]:
        return [("place", "east_km", lambda m: self.east), ("place", "north_km", lambda m: self.north)]


def _of_spots(name: str, target: int) -> Read:
    """Reader of one field of `Concentration`."""
    return lambda moment: np.asarray(getattr(moment.spots, name)[target], dtype=np.float64)
