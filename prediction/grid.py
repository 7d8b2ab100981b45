"""The cells of a city: H3 hexagons, metric squares, or given polygons (beats, neighbourhoods), in one fixed order.

Everything in this core addresses a cell by its position in the grid (Int32), never by its identifier.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from prediction import areas as given_areas
from prediction.errors import PredictionError

EARTH_RADIUS_M = 6_371_008.8
UInt64 = npt.NDArray[np.uint64]
Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells in a fixed order.

    cell_ids: UInt64[cells], distinct; centres_m: Float64[cells, 2], x and y in metres in a local projection (H3:
    equirectangular around the mean centre; else: the EPSG of `epsg`); area_km2: mean area of a cell, `areas_km2` that of
    each; kind: "h3", "square" or "areas". `spacing_m` is the (mean) distance between neighbouring centres. `polygons` and
    `codes`: the shapes (WGS84) and names of given areas, in the order of the cells.
    """

    cell_ids: UInt64
    centres_m: Float64
    area_km2: float
    kind: str
    spacing_m: float
    resolution: int = -1
    epsg: int = 0
    polygons: tuple[BaseGeometry, ...] = ()
    codes: tuple[str, ...] = ()
    _order: npt.NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.cell_ids, kind="stable")
        if len(order) == 0:
            raise PredictionError("A grid needs at least one cell; the outline given holds none.")
        if np.any(np.diff(self.cell_ids[order]) == 0):
            raise PredictionError("The same cell is named twice in the grid; give each cell once.")
        object.__setattr__(self, "_order", order)

    def __len__(self) -> int:
        return len(self.cell_ids)

    @classmethod
    def from_h3(cls, cells: UInt64) -> Self:
        """Grid of the H3 cells UInt64[n], all of one resolution, kept in the order given."""
        ids = np.asarray(cells, dtype=np.uint64)
        if len(ids) == 0:
            raise PredictionError("A grid needs at least one cell; the list given is empty.")
        if not all(h3.is_valid_cell(int(cell)) for cell in ids):
            raise PredictionError("The list of cells holds a number that is no H3 cell.")
        resolutions = {h3.get_resolution(int(cell)) for cell in ids}
        if len(resolutions) != 1:
            raise PredictionError(f"All cells of a grid must have one resolution; found {sorted(resolutions)}.")
        lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in ids], dtype=np.float64)
        lat0, lon0 = lat_lon.mean(axis=0)
        metres = np.radians(lat_lon[:, ::-1] - (lon0, lat0)) * EARTH_RADIUS_M * (np.cos(np.radians(lat0)), 1.0)
        area = float(np.mean([h3.cell_area(int(cell), unit="km^2") for cell in ids[:: max(1, len(ids) // 500)]]))
        # A hexagon of area a has its neighbours' centres at sqrt(2a / sqrt 3).
        spacing = float(np.sqrt(2 * area / np.sqrt(3)) * 1000)
        return cls(ids, metres, area, "h3", spacing, resolution=resolutions.pop())

    @classmethod
    def squares(cls, polygon: BaseGeometry, *, size_m: float, epsg: int, points: tuple[Float64, Float64] | None = None) -> Self:
        """Squares of `size_m` whose centre lies in the polygon (WGS84), plus every square that holds one of `points` (lon, lat).

        The origin is the corner of the polygon's bounds rounded down to the cell size, so that the grid is the same for everyone.
        """
        to_metric = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        metric = shapely.transform(polygon, lambda xy: np.column_stack(to_metric.transform(xy[:, 0], xy[:, 1])))
        west, south, east, north = np.floor(np.array(metric.bounds) / size_m).astype(np.int64)
        columns, rows = np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1))
        shapely.prepare(metric)
        inside = shapely.contains_xy(metric, (columns + 0.5) * size_m, (rows + 0.5) * size_m)
        ids = _square_ids(columns[inside], rows[inside])
        if points is not None:
            x, y = to_metric.transform(np.asarray(points[0]), np.asarray(points[1]))
            found = _square_ids(np.floor(x / size_m).astype(np.int64), np.floor(y / size_m).astype(np.int64))
            ids = np.concatenate([ids, found])
        ids = np.unique(ids)
        centres = ((np.column_stack(_square_columns_rows(ids)) + 0.5) * size_m).astype(np.float64)
        return cls(ids, centres, size_m**2 / 1e6, "square", float(size_m), epsg=epsg)

    @classmethod
    def areas(cls, polygons: Sequence[BaseGeometry], *, epsg: int, codes: Sequence[str]) -> Self:
        """One cell for each polygon or multipolygon (WGS84), in the order given; `epsg`: a projection in metres for the place.

        Raises `PredictionError` where there is none, where one is broken, named twice, or overlaps another.
        """
        given_areas.check(polygons, codes)
        metric = given_areas.to_metric(polygons, epsg)
        given_areas.check_overlaps(metric, codes)
        middle = shapely.centroid(np.array(metric, dtype=object))
        centres = np.column_stack([shapely.get_x(middle), shapely.get_y(middle)])
        area = float(given_areas.areas_km2(polygons).mean())
        return cls(
            given_areas.ids_of(polygons, codes),
            centres,
            area,
            "areas",
            float(np.sqrt(area) * 1000),
            epsg=epsg,
            polygons=tuple(polygons),
            codes=tuple(codes),
        )

    @cached_property
    def areas_km2(self) -> Float64:
        """Float64[cells]: the area of each cell."""
        if self.kind == "h3":
            return np.array([h3.cell_area(int(cell), unit="km^2") for cell in self.cell_ids], dtype=np.float64)
        if self.kind == "areas":
            return given_areas.areas_km2(self.polygons)
        return np.full(len(self), self.area_km2)

    def index_of(self, ids: UInt64) -> Int32:
        """Positions Int32[m] of the cells UInt64[m]; -1 where a cell is not in the grid."""
        wanted = np.asarray(ids, dtype=np.uint64)
        sorted_ids = self.cell_ids[self._order]
        place = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
        return np.where(sorted_ids[place] == wanted, self._order[place], -1).astype(np.int32)

    def index_of_points(self, lon: Float64, lat: Float64) -> Int32:
        """Positions Int32[m] of the cells that hold the points (WGS84 degrees); -1 outside the grid."""
        lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        if self.kind == "h3":
            # Many incidents share a point (places are snapped), and the lookup is per point.
            both, inverse = np.unique(np.column_stack([lat, lon]), axis=0, return_inverse=True)
            cells = np.fromiter((h3.latlng_to_cell(a, o, self.resolution) for a, o in both), np.uint64, len(both))
            return self.index_of(cells[inverse.ravel()])
        if self.kind == "areas":
            return given_areas.holding(self.polygons, lon, lat)
        x, y = pyproj.Transformer.from_crs(4326, self.epsg, always_xy=True).transform(lon, lat)
        columns, rows = (np.floor(axis / self.spacing_m).astype(np.int64) for axis in (x, y))
        return self.index_of(_square_ids(columns, rows))


def _square_ids(columns: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> UInt64:
    """One number per square: row in the high half, column in the low half, both moved so that they are never negative."""
    shift = 1 << 30
    return ((rows + shift).astype(np.uint64) << np.uint64(32)) | (columns + shift).astype(np.uint64)


def _square_columns_rows(ids: UInt64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    shift = 1 << 30
    columns = (ids & np.uint64(0xFFFFFFFF)).astype(np.int64) - shift
    return columns, (ids >> np.uint64(32)).astype(np.int64) - shift


def cells_in_polygon(geometry: BaseGeometry, resolution: int) -> UInt64:
    """H3 cells UInt64[n], ascending, whose centre lies in the polygon or multipolygon (WGS84)."""
    cells = h3.geo_to_cells(json.loads(shapely.to_geojson(geometry)), resolution)
    return np.sort(np.asarray(cells, dtype=np.uint64))


def cells_covering(geometry: BaseGeometry, resolution: int) -> UInt64:
    """H3 cells UInt64[n], ascending, that touch the polygon or multipolygon (WGS84): every point of it lies in one of them."""
    shape = h3.geo_to_h3shape(json.loads(shapely.to_geojson(geometry)))
    return np.unique(np.asarray(h3.h3shape_to_cells_experimental(shape, resolution, "overlap"), dtype=np.uint64))


def boundary_of_points(lon: Float64, lat: Float64, *, resolution: int = 8, least_share: float = 0.01) -> shapely.MultiPolygon:
    """Outline of a city drawn from its incidents (WGS84): H3 cells with incidents, closed over gaps of one cell, holes filled.

    Parts that hold fewer than `least_share` of the incidents are strays (mistyped places) and are dropped.
    """
    if len(lon) == 0:
        raise PredictionError("An outline cannot be drawn from no incidents.")
    cells = np.fromiter((h3.latlng_to_cell(a, o, resolution) for o, a in zip(lon, lat, strict=True)), np.uint64, len(lon))
    ids, counts = np.unique(cells, return_counts=True)
    grown = {int(near) for cell in ids for near in h3.grid_disk(int(cell), 1)}
    seeds = {int(cell) for cell in ids}
    kept: set[int] = set()
    for part in _connected(grown):
        share = counts[np.isin(ids, np.fromiter(part, np.uint64, len(part)))].sum() / len(cells)
        if share >= least_share:
            kept |= {cell for cell in part if cell in seeds or all(int(near) in part for near in h3.grid_disk(cell, 1))}
    outline = shapely.geometry.shape(h3.cells_to_geo(np.fromiter(kept, np.uint64, len(kept))))
    polygons: list[Any] = list(getattr(outline, "geoms", [outline]))
    filled = shapely.union_all([shapely.Polygon(polygon.exterior) for polygon in polygons])
    return filled if isinstance(filled, shapely.MultiPolygon) else shapely.MultiPolygon([filled])


def _connected(cells: set[int]) -> list[set[int]]:
    """Connected parts of a set of H3 cells, in order of their least cell."""
    left, parts = set(cells), []
    for start in sorted(cells):
        if start not in left:
            continue
        left.discard(start)
        part, edge = {start}, [start]
        while edge:
            near = {int(cell) for cell in h3.grid_disk(edge.pop(), 1)} & left
            left -= near
            part |= near
            edge.extend(sorted(near))
        parts.append(part)
    return parts
