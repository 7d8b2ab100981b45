"""The feature tables of a grid: moments of any origin, read by the blocks."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.coverage import Coverage
from prediction.errors import PredictionError
from prediction.features.base import GROUPS, WEEK_DAYS, Block, Float32, Moment
from prediction.features.blocks import Around, ColumnBlock, Here, OtherTypes, Place, Season
from prediction.features.moment import make_moment
from prediction.grid import Grid
from prediction.panel import Panel
from prediction.spatial import Surroundings

# The half-life of a cell's long-run rate: a fine cell holds so few incidents that it must remember longer.
LONG_D, LONG_OF_FINE_CELLS_D = 240, 480
FINE_CELL_KM2 = 0.03
MOMENT_FIELDS = 48  # arrays [targets, cells] of a moment
ROW_BYTES, SPOT_BYTES = 70, 90  # that making a moment takes for a while, per row and per spot of the panel
REMEMBERED = 3  # moments
REMEMBERED_BYTES = 400_000_000  # together; the last moment is remembered whatever its size


class FeatureMaker:
    """Makes the features of any origin for one grid: those of its counts, and those of further `blocks`.

    horizon_days: the days from the origin on that `level` and `expected` of its moments speak of; columns stay weekly rates.
    memory_limit_mb: where an estimate says that a moment needs more, a `PredictionError` says so before anything is made.
    """

    def __init__(
        self,
        grid: Grid,
        categories: int,
        *,
        horizon_days: int = WEEK_DAYS,
        blocks: Sequence[Block] = (),
        memory_limit_mb: float | None = None,
    ) -> None:
        if not 1 <= horizon_days <= 364:
            raise PredictionError(f"A forecast speaks of 1 to 364 days, not of {horizon_days}; choose a horizon among those.")
        self.memory_limit_mb = memory_limit_mb
        _check_memory(memory_limit_mb, cells=len(grid), categories=categories)
        self.grid = grid
        self.categories = categories
        self.horizon_days = horizon_days
        self.long_d = LONG_OF_FINE_CELLS_D if grid.area_km2 < FINE_CELL_KM2 else LONG_D
        self.around = Surroundings.of(grid)
        counted: tuple[Block, ...] = (Here(), Around(), OtherTypes(categories, long_d=self.long_d), Season(), Place(grid))
        self.blocks = (*counted, *blocks)
        self._remembered: list[tuple[weakref.ref[Panel], int, Moment]] = []
        for target in range(categories):
            _check_columns(self.blocks, target)

    @property
    def signature(self) -> str:
        """Hash of the blocks and the data they carry: part of a model's version."""
        listed = "\n".join(f"{block.name}\t{block.signature}" for block in self.blocks)
        return hashlib.sha256(listed.encode()).hexdigest()

    def moment(self, panel: Panel, origin_day: int) -> Moment:
        """Shared arrays of an origin. `panel` may reach further; only what was known before the origin is read.

        The last few moments are remembered, so that learners that share a maker do not compute them twice.
        """
        held = [entry for entry in self._remembered if entry[0]() is not None]
        for entry in held:
            if entry[0]() is panel and entry[1] == origin_day:
                self._remembered = [*(other for other in held if other is not entry), entry]
                return entry[2]
        self._check(panel, origin_day)
        # Room first: never more than the remembered moments and the new one at a time.
        held = held[-(REMEMBERED - 1) :]
        while held and sum(moment_bytes(entry[2]) for entry in held) * 2 > REMEMBERED_BYTES:
            held.pop(0)
        self._remembered = held  # always a new list: threads may share a maker
        moment = self.moment_covered(panel, origin_day, None)
        self._remembered = [*held, (weakref.ref(panel), origin_day, moment)]
        return moment

    def moment_covered(self, panel: Panel, origin_day: int, coverage: Coverage | None) -> Moment:
        """The same with the coverage of another moment of this origin (for a panel from which rows were taken out on purpose)."""
        return make_moment(panel, origin_day, self.around, long_d=self.long_d, horizon_days=self.horizon_days, coverage=coverage)

    def names(self, target: int) -> list[tuple[str, str]]:
        """(group, name) of each column that `table` gives for the target."""
        return [column for block in self.blocks for column in block.columns(target)]

    def table(self, moment: Moment, target: int, rows: npt.NDArray[np.intp] | None = None) -> Float32:
        """Float32[rows, features] of the target at the moment; all cells where no rows are given."""
        widths = [len(block.columns(target)) for block in self.blocks]
        out = np.empty((len(self.grid) if rows is None else len(rows), sum(widths)), dtype=np.float32)
        first = 0
        for block, width in zip(self.blocks, widths, strict=True):
            part = out[:, first : first + width]
            if isinstance(block, ColumnBlock):
                block.fill(part, moment, target, rows)
            else:
                values = self._read(block, moment, target, width)
                part[:] = values if rows is None or len(values) == 1 else values[rows]
            first += width
        return out

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: all but the remembered moments."""
        return {**self.__dict__, "_remembered": []}

    def _check(self, panel: Panel, origin_day: int) -> None:
        if (panel.cells, panel.categories) != (len(self.grid), self.categories):
            raise PredictionError(
                f"The panel has {panel.cells} cells and {panel.categories} categories, the features were made for "
                f"{len(self.grid)} and {self.categories}; build both from one grid and one list of categories."
            )
        rows, spots = int(np.searchsorted(panel.known_day, origin_day)), len(panel.spot_cell)
        _check_memory(self.memory_limit_mb, cells=len(self.grid), categories=self.categories, rows=rows, spots=spots)

    def _read(self, block: Block, moment: Moment, target: int, width: int) -> Float32:
        values = np.asarray(block.read(moment, target), dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != width or values.shape[0] not in {1, len(self.grid)}:
            raise PredictionError(
                f"The feature block '{block.name}' gave an array of shape {values.shape} where {len(self.grid)} cells (or 1) × "
                f"{width} columns were promised. Was it made for another grid?"
            )
        if np.isinf(values).any():
            raise PredictionError(f"The feature block '{block.name}' gave an infinite value; use NaN where nothing is known.")
        return values


def moment_bytes(moment: Moment) -> int:
    """Memory that the arrays of a moment hold."""
    total = 0
    for holder in (moment, moment.spots):
        values = (getattr(holder, field.name) for field in fields(holder))
        total += sum(value.nbytes for value in values if isinstance(value, np.ndarray))
    return total


def estimated_mb(*, cells: int, categories: int, rows: int = 0, spots: int = 0) -> float:
    """Most memory that making a moment takes, with one table and what is remembered. rows, spots: of the panel.

    Measured: 100,000 cells, 5 categories, 5 million rows, 1.3 million spots: 675 MB, estimated 975 MB.
    """
    moment = MOMENT_FIELDS * (categories + 1) * cells * 8
    table = 120 * cells * 4
    return (moment + min(moment, REMEMBERED_BYTES) + table + ROW_BYTES * rows + SPOT_BYTES * spots) / 1e6


def _check_memory(limit_mb: float | None, *, cells: int, categories: int, rows: int = 0, spots: int = 0) -> None:
    needed = estimated_mb(cells=cells, categories=categories, rows=rows, spots=spots)
    if limit_mb is not None and needed > limit_mb:
        raise PredictionError(
            f"The features of {cells:,} cells and {categories} categories need about {needed:,.0f} MB of memory, more than the "
            f"{limit_mb:,.0f} MB allowed. Choose larger cells, fewer categories or a shorter history, or allow more memory."
        )


def _check_columns(blocks: Sequence[Block], target: int) -> None:
    seen: dict[str, str] = {}
    for block in blocks:
        for group, name in block.columns(target):
            if group not in GROUPS:
                raise PredictionError(
                    f"The feature block '{block.name}' names the group '{group}'; the groups are {', '.join(GROUPS)}."
                )
            if name in seen:
                raise PredictionError(
                    f"The feature '{name}' is given by two blocks, '{seen[name]}' and '{block.name}'; rename it or leave one out."
                )
            seen[name] = block.name
