"""Figures of given areas (residents, households, income) spread over the cells, each from the day on which it was known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import shapely
from scipy import sparse
from shapely.geometry.base import BaseGeometry

from prediction.errors import PredictionError
from prediction.features.base import Float32, Moment
from prediction.features.projected import cell_shapes, local_day, shapes_in_metres
from prediction.grid import Grid

Float64 = npt.NDArray[np.float64]
COVERED_AT_LEAST = 0.5  # of a cell, by areas with a figure; below, nothing is known of it


@dataclass(frozen=True, eq=False)
class Edition:
    """One figure of all areas. name: what it is; known_from: the first local day on which it could be read (for a year's figure
    the first day of the year after).

    areas: polygons (WGS84); values Float64[areas], NaN where none is given; is_total: a number of people or the like, which is
    spread evenly over its area (the column is per km²); else an average, which holds everywhere in it.
    """

    name: str
    known_from: date
    areas: Sequence[BaseGeometry]
    values: Float64
    is_total: bool = True

    def __post_init__(self) -> None:
        if len(self.areas) != len(self.values):
            raise PredictionError(
                f"“{self.name}” has {len(self.values)} figures for {len(self.areas)} areas; give one each, empty where unknown."
            )
        if np.isinf(self.values).any():
            raise PredictionError(f"“{self.name}” holds an infinite figure; leave it empty where nothing is known.")


class AreaFigures:
    """A plug-in block: one column a name, the newest edition known on the day of the origin; NaN before the first."""

    name = "area figures"

    def __init__(self, grid: Grid, editions: Sequence[Edition], *, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)
        self.editions = tuple(sorted(editions, key=lambda edition: (edition.name, edition.known_from)))
        self._names = tuple(dict.fromkeys(edition.name for edition in self.editions))
        digest = hashlib.sha256(time_zone.encode())
        shares: dict[str, sparse.csr_array] = {}
        self._fields: list[Float32] = []
        for edition in self.editions:
            where = hashlib.sha256(b"".join(shapely.to_wkb(shape) for shape in edition.areas)).hexdigest()
            if where not in shares:
                shares[where] = overlaps(grid, edition.areas)
            head = f"{edition.name}|{edition.known_from}|{edition.is_total}|{where}|"
            digest.update(head.encode() + edition.values.astype("<f8").tobytes())
            self._fields.append(_spread(edition, grid, shares[where]))
        self._hash = digest.hexdigest()
        self._cells = len(grid)

    @property
    def signature(self) -> str:
        return self._hash

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        return [("surroundings", name) for name in self._names]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[cells, names]."""
        today = local_day(moment.start, self.zone)
        out = np.full((self._cells, len(self._names)), np.nan, dtype=np.float32)
        for edition, values in zip(self.editions, self._fields, strict=True):  # the newest of a name comes last
            if edition.known_from.toordinal() <= today:
                out[:, self._names.index(edition.name)] = values
        return out


def overlaps(grid: Grid, areas: Sequence[BaseGeometry]) -> sparse.csr_array:
    """Shared surface csr [cells, areas] in km²."""
    cells, shapes = cell_shapes(grid), shapes_in_metres(grid, areas)
    empty = sparse.csr_array((len(cells), len(shapes)), dtype=np.float64)
    if len(shapes) == 0:
        return empty
    shapes = shapely.make_valid(shapes)
    tree = shapely.STRtree(cells)
    area, cell = tree.query(shapes, predicate="intersects")
    if len(cell) == 0:
        return empty
    # Most cells lie wholly within one area: only those on a border are cut.
    shapely.prepare(shapes)
    whole = shapely.contains_properly(shapes[area], cells[cell])
    shared = shapely.area(cells[cell])
    shared[~whole] = shapely.area(shapely.intersection(shapes[area[~whole]], cells[cell[~whole]]))
    return sparse.coo_array((shared / 1e6, (cell, area)), shape=empty.shape).tocsr()


def _spread(edition: Edition, grid: Grid, shared: sparse.csr_array) -> Float32:
    """Float32[cells]: things a km² (totals) or the average, over the part of the cell whose areas have a figure."""
    known = ~np.isnan(edition.values)
    values = np.where(known, edition.values, 0.0)
    if edition.is_total:
        metric = shapely.area(shapely.make_valid(shapes_in_metres(grid, edition.areas))) / 1e6
        values = np.divide(values, metric, out=np.zeros(len(values)), where=metric > 0)
    covered = shared @ known.astype(np.float64)
    surface = shapely.area(cell_shapes(grid)) / 1e6
    enough = covered >= COVERED_AT_LEAST * surface
    return np.where(enough, (shared @ values) / np.where(enough, covered, 1.0), np.nan).astype(np.float32)
