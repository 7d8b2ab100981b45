"""The hours that live weights are learnt from: kept at each full hour by the live service, read here as the core's `History`."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _
from scipy.sparse import csr_array, vstack

from prediction.fusion.weights import History
from prediction.grid import Grid
from prediction.panel import Incidents
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.crimes.models import CellGrid
from webapp.crimes.selectors import incident_arrays
from webapp.forecasts.models import ForecastRun, LiveHour
from webapp.forecasts.selectors.material import incidents_on
from webapp.forecasts.selectors.runs import rates_by_category

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR = timedelta(hours=1)
HOUR_S = 3_600
ENTRIES_AT_MOST = 20_000  # of one hour; those furthest from usual are kept
ROWS_AT_MOST = 1_500_000  # cell-hours learnt from, the newest: three months of 700 an hour; some 500 MB at five categories
KEEP_FOR = timedelta(weeks=52)
LEARN_FROM = timedelta(weeks=26)
STEP = 40  # parts of one unit of excess that are told apart; ±3 fits a signed byte
SEEN_LEAST = 0.5
VAGUE_S = 2 * HOUR_S  # an incident whose time is known less well than this tells nothing of an hour
ENTRY = np.dtype([("cell", "<u4"), ("factor", "u1"), ("excess", "i1")])
# How long an event of a factor goes on to matter: seconds until half. Of what is over at once, shorter.
HALF_LIFE_S = {
    "fight": 600.0,
    "weapon": 600.0,
    "scream": 600.0,
    "running": 900.0,
    "scatter": 900.0,
    "glass": 900.0,
    "crowding": 2_700.0,
    "loitering": 2_700.0,
    "emptiness": 3_600.0,
    "vehicle_circling": 3_600.0,
}
OTHER_HALF_LIFE_S = 1_800.0


def half_lives(factor_codes: Sequence[str]) -> Float64:
    """Float64[factors]: seconds after which an event of each factor counts half. For the service and for learning alike."""
    return np.array([HALF_LIFE_S.get(code, OTHER_HALF_LIFE_S) for code in factor_codes])


def keep_live_hour(
    *,
    jurisdiction: Jurisdiction,
    run: ForecastRun,
    slot: int,
    at: datetime,
    factors: Sequence[str],
    excess: Float32,
    seen: Float32,
) -> LiveHour:
    """Keep what was unusual when an hour began. Kept twice, the first stays: what was known then must not change.

    excess: Float32[factors, cells]; seen: Float32[cells], 0..1, both in the order of the run's cells. Raises `HaechiError`
    where the shapes do not fit.
    """
    cells = run.grid.cell_count
    if excess.shape != (len(factors), cells) or seen.shape != (cells,):
        raise HaechiError(
            _("The live hour is not of the forecast's cells. Start the live service again, so that it reads the new cells."),
            code="live_shape",
            fields={"excess": list(excess.shape), "seen": list(seen.shape), "factors": len(factors), "cells": cells},
        )
    start = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    entries = _entries(excess)
    kept, _made = LiveHour.objects.get_or_create(
        jurisdiction=jurisdiction,
        at=start,
        defaults={
            "run": run,
            "slot": slot,
            "factor_codes": list(factors),
            "entries": zlib.compress(entries.tobytes(), 6),
            "entry_count": len(entries),
            "seen": zlib.compress(np.packbits(seen >= SEEN_LEAST).tobytes(), 6),
        },
    )
    return kept


def forget_old_hours(*, jurisdiction: Jurisdiction, now: datetime) -> int:
    """Delete the hours that are older than a year; how many."""
    deleted, _by_model = LiveHour.objects.of(jurisdiction).filter(at__lt=now - KEEP_FOR).delete()
    return deleted


def read_history(
    *, jurisdiction: Jurisdiction, grid: CellGrid, categories: Sequence[str], factors: Sequence[str], until: datetime
) -> History:
    """The kept hours of the last half year that ended by `until`, on this grid, with the incidents of each.

    The newest are read where there are too many. An hour of another grid is left out.
    """
    wanted = LiveHour.objects.of(jurisdiction).filter(at__gte=until - LEARN_FROM, at__lte=until - HOUR, run__grid=grid)
    reader = _Reader(grid.cell_count, categories, factors)
    parts: list[_Hour] = []
    rows = 0
    for kept in wanted.select_related("run").order_by("-at").iterator(chunk_size=100):
        parts.append(reader.hour(kept))
        rows += len(parts[-1].cells)
        if rows >= ROWS_AT_MOST:
            break
    parts.reverse()
    incidents = _well_timed(jurisdiction=jurisdiction, grid=grid, categories=categories, until=until)
    return _joined(parts, categories, factors, incidents)


def _entries(excess: Float32) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    """The cells and factors that are not usual, as stored; of too many, those furthest from usual."""
    small = np.clip(np.rint(np.nan_to_num(excess) * STEP), -127, 127).astype(np.int8)
    factor, cell = np.nonzero(small)
    if len(cell) > ENTRIES_AT_MOST:
        strength = np.abs(small[factor, cell].astype(np.int16))
        chosen = np.sort(np.argpartition(-strength, ENTRIES_AT_MOST)[:ENTRIES_AT_MOST])
        factor, cell = factor[chosen], cell[chosen]
    entries = np.zeros(len(cell), dtype=ENTRY)
    entries["cell"], entries["factor"], entries["excess"] = cell, factor, small[factor, cell]
    return entries


@dataclass(frozen=True, eq=False)
class _Hour:
    """One kept hour as arrays: its rows are the seen cells with excess.

    cells: Int64[rows]; excess: sparse Float64[rows, factors]; rates: Float64[rows, categories], expected in this hour;
    seen: Bool[cells]; rest: Float64[categories], rates of the seen cells without excess, added up.
    """

    at_s: int
    cells: Ints
    excess: csr_array
    rates: Float64
    seen: npt.NDArray[np.bool_]
    rest: Float64


class _Reader:
    """Unpacks kept hours; reads the rates of each slot once."""

    def __init__(self, cells: int, categories: Sequence[str], factors: Sequence[str]) -> None:
        self.cells, self.categories, self.factors = cells, categories, factors
        self._slot: tuple[tuple[int, int], Float64] | None = None

    def hour(self, kept: LiveHour) -> _Hour:
        entries = np.frombuffer(zlib.decompress(bytes(kept.entries)), dtype=ENTRY)
        bits = np.frombuffer(zlib.decompress(bytes(kept.seen)), dtype=np.uint8)
        seen = np.unpackbits(bits, count=self.cells).astype(bool)
        column = np.array([self.factors.index(code) if code in self.factors else -1 for code in kept.factor_codes])
        entries = entries[seen[entries["cell"]] & (column[entries["factor"]] >= 0)]
        cells, row = np.unique(entries["cell"], return_inverse=True)
        values = entries["excess"].astype(np.float64) / STEP
        shape = (len(cells), len(self.factors))
        excess = csr_array((values, (row, column[entries["factor"]])), shape=shape)
        rates = self._rates(kept)
        cells = cells.astype(np.int64)
        rest = rates[:, seen].sum(axis=1) - rates[:, cells].sum(axis=1)
        return _Hour(int(kept.at.timestamp()), cells, excess, rates[:, cells].T, seen, np.maximum(rest, 0.0))

    def _rates(self, kept: LiveHour) -> Float64:
        """Float64[categories, cells]: plain expected incidents of one hour of the slot."""
        key = kept.run_id, kept.slot
        if self._slot is None or self._slot[0] != key:
            starts = [*kept.run.slot_starts, kept.run.horizon_end]
            hours = (starts[kept.slot + 1] - starts[kept.slot]) / HOUR
            by_code = rates_by_category(run=kept.run, slot=kept.slot)
            nothing = np.zeros(self.cells, dtype=np.float32)
            self._slot = key, np.stack([by_code.get(code, nothing) for code in self.categories]).astype(np.float64) / hours
        return self._slot[1]


def _joined(hours: Sequence[_Hour], categories: Sequence[str], factors: Sequence[str], incidents: Incidents) -> History:
    """The hours one after the other, with the incidents that began in each."""
    size = len(categories)
    rest_counts = np.zeros((len(hours), size))
    counts = [np.zeros((len(hour.cells), size)) for hour in hours]
    began = incidents.start_s // HOUR_S * HOUR_S
    order = np.argsort(began, kind="stable")
    began = began[order]
    for number, hour in enumerate(hours):
        these = order[slice(*np.searchsorted(began, [hour.at_s, hour.at_s + 1]))]
        cells, category = incidents.cell_index[these].astype(np.int64), incidents.category[these]
        cells, category = cells[hour.seen[cells]], category[hour.seen[cells]]
        place = np.searchsorted(hour.cells, cells)
        is_row = np.zeros(len(cells), dtype=bool)
        if len(hour.cells):
            is_row = hour.cells[np.minimum(place, len(hour.cells) - 1)] == cells
        np.add.at(counts[number], (place[is_row], category[is_row]), 1.0)
        np.add.at(rest_counts[number], category[~is_row], 1.0)
    rows = [len(hour.cells) for hour in hours]
    excess = csr_array(vstack([hour.excess for hour in hours], format="csr")) if hours else csr_array((0, len(factors)))
    return History(
        categories=tuple(categories),
        factors=tuple(factors),
        hours=np.array([hour.at_s for hour in hours], dtype=np.int64),
        hour=np.repeat(np.arange(len(hours)), rows),
        excess=cast("csr_array[np.float64, tuple[int, int]]", excess),
        rates=np.concatenate([hour.rates for hour in hours]) if hours else np.zeros((0, size)),
        counts=np.concatenate(counts) if hours else np.zeros((0, size)),
        rest_rates=np.stack([hour.rest for hour in hours]) if hours else np.zeros((0, size)),
        rest_counts=rest_counts,
        cells=np.concatenate([hour.cells for hour in hours]) if hours else np.zeros(0, dtype=np.int64),
    )


def _well_timed(*, jurisdiction: Jurisdiction, grid: CellGrid, categories: Sequence[str], until: datetime) -> Incidents:
    """The incidents on the grid whose time is known to two hours, their category an index into `categories`."""
    arrays = incident_arrays(jurisdiction=jurisdiction, before=until)
    incidents = incidents_on(Grid.from_h3(grid.array()), arrays, resolution=grid.resolution)
    column = np.array([categories.index(code) if code in categories else -1 for code in arrays.categories], dtype=np.int16)
    kept = (incidents.end_s - incidents.start_s <= VAGUE_S) & (column[incidents.category] >= 0)
    chosen = incidents.take(kept)
    return replace(chosen, category=column[chosen.category])
