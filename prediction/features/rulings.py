"""Where court rulings tell that a category happens, carried over to the places of those kinds round each cell.

Only rulings known before the origin count: tables come with the day from which they stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.features.base import Float32, Moment
from prediction.features.projected import local_day
from prediction.features.surroundings import SIGMAS_M, Places

Float64 = npt.NDArray[np.float64]
NEAR = 1 + SIGMAS_M.index(300.0)  # column of a kind's density at 300 m
NIGHT_H = (22, 23, 0, 1, 2, 3, 4, 5)


@dataclass(frozen=True, eq=False)
class RulingTable:
    """What the rulings known from a day on tell. place_hour Float64[categories, kinds, 24]: share of the category's events."""

    known_from: date
    kinds: tuple[str, ...]  # of places named in rulings
    place_hour: Float64

    def __post_init__(self) -> None:
        if self.place_hour.ndim != 3 or self.place_hour.shape[1:] != (len(self.kinds), 24):
            raise PredictionError(
                f"The table of rulings has the shape {self.place_hour.shape}, but {len(self.kinds)} kinds × 24 hours."
            )
        if not (np.isfinite(self.place_hour) & (self.place_hour >= 0)).all():
            raise PredictionError("The table of rulings holds a share that is none (negative, or not a number).")


class RulingPriors:
    """A plug-in block. For category c: Σ over kinds k of P(k | c) × d_k(cell), over Σ P(k | c), and the night's part of it.

    d_k: density of the kind's places at 300 m, over its mean in the grid. `place_kinds`: kinds of `places` that stand for each
    kind in rulings (several share its probability by their number of places). A category without rulings is NaN.
    """

    name = "ruling priors"

    def __init__(
        self, places: Places, tables: Sequence[RulingTable], *, categories: int, place_kinds: Mapping[str, Sequence[str]]
    ) -> None:
        self.places = places
        self.categories = categories
        self.tables = tuple(sorted(tables, key=lambda table: table.known_from))
        for table in self.tables:
            if len(table.place_hour) != categories:
                raise PredictionError(
                    f"The table of rulings has {len(table.place_hour)} categories, the forecast {categories}; give one row each."
                )
        known = {kind.kind: position for position, kind in enumerate(places.kinds)}
        self._sources = {
            kind: tuple(known[one] for one in sorted(set(codes)) if one in known) for kind, codes in place_kinds.items()
        }
        digest = hashlib.sha256(places.signature.encode())
        digest.update(repr(sorted(self._sources.items())).encode())
        for table in self.tables:
            digest.update(f"{table.known_from}|{table.kinds}|".encode() + table.place_hour.astype("<f8").tobytes())
        self._hash = digest.hexdigest()
        self._last: tuple[int, Float32] | None = None

    @property
    def signature(self) -> str:
        return self._hash

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        return [("rulings", "ruling_prior"), ("rulings", "ruling_prior_night")]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[cells, 2] of a category; of all crimes (the target after the last category) the mean over the categories."""
        day = local_day(moment.start, self.places.zone)
        if self._last is None or self._last[0] != day:
            self._last = (day, self._all(day))
        values = self._last[1]
        if target < self.categories:
            return np.asarray(values[target], dtype=np.float32)
        told = ~np.isnan(values[:, :1, :1])
        total = np.where(told, values, 0.0).sum(axis=0)
        return np.asarray(total / told.sum() if told.any() else np.full_like(total, np.nan), dtype=np.float32)

    def _all(self, day: int) -> Float32:
        """Float32[categories, cells, 2]."""
        known = [table for table in self.tables if table.known_from.toordinal() <= day]
        cells = len(self.places.read_on(day))
        out = np.full((self.categories, cells, 2), np.nan, dtype=np.float32)
        if not known:
            return out
        table = known[-1]
        placed, density = self._densities(table, day)
        if not placed:
            return out
        shares = table.place_hour[:, placed]
        whole, night = shares.sum(axis=2), shares[:, :, NIGHT_H].sum(axis=2)
        told = whole.sum(axis=1) > 0
        of_kind = whole[told] @ density
        out[told, :, 0] = of_kind / whole[told].sum(axis=1, keepdims=True)
        out[told, :, 1] = (night[told] @ density) / np.maximum(of_kind, 1e-12)
        return out

    def _densities(self, table: RulingTable, day: int) -> tuple[list[int], Float64]:
        """Positions of the table's kinds that have a place open, and their relative densities Float64[kinds, cells]."""
        placed, fields = [], []
        for position, kind in enumerate(table.kinds):
            found = [self.places.of_kind(source, day)[:, NEAR].astype(np.float64) for source in self._sources.get(kind, ())]
            total = np.sum(found, axis=0) if found else np.zeros(0)
            if found and total.mean() > 0:
                placed.append(position)
                fields.append(total / total.mean())
        return placed, np.array(fields)
