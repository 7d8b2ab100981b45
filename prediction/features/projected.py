"""Points and shapes in the metres of a grid, for the blocks that know places and areas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from prediction.errors import PredictionError
from prediction.grid import EARTH_RADIUS_M, Grid

Float64 = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


def to_metres(grid: Grid, lon: Float64, lat: Float64) -> Float64:
    """Float64[points, 2] in the projection of `grid.centres_m`, from degrees (WGS84)."""
    if grid.kind == "h3":
        middle = _middle(grid)
        degrees = np.column_stack([lon, lat]) - middle
        return np.asarray(np.radians(degrees) * EARTH_RADIUS_M * (np.cos(np.radians(middle[1])), 1.0), dtype=np.float64)
    x, y = pyproj.Transformer.from_crs(4326, grid.epsg, always_xy=True).transform(lon, lat)
    return np.column_stack([x, y]).astype(np.float64)


def shapes_in_metres(grid: Grid, shapes: Sequence[BaseGeometry]) -> Shapes:
    """The same shapes (WGS84) in the projection of `grid.centres_m`."""
    given = np.array(list(shapes), dtype=object)
    return np.asarray(shapely.transform(given, lambda xy: to_metres(grid, xy[:, 0], xy[:, 1])), dtype=object)


def cell_shapes(grid: Grid) -> Shapes:
    """The outline of each cell in the projection of `grid.centres_m`."""
    if grid.kind == "areas":
        return shapes_in_metres(grid, grid.polygons)
    if grid.kind == "square":
        half = grid.spacing_m / 2
        x, y = grid.centres_m.T
        return np.asarray(shapely.box(x - half, y - half, x + half, y + half), dtype=object)
    corners = [np.asarray(h3.cell_to_boundary(int(cell)), dtype=np.float64)[:, ::-1] for cell in grid.cell_ids]
    owner = np.repeat(np.arange(len(corners)), [len(ring) for ring in corners])
    metric = to_metres(grid, *np.concatenate(corners).T)
    return np.asarray(shapely.polygons(shapely.linearrings(metric, indices=owner)), dtype=object)


def local_day(moment: datetime, zone: ZoneInfo) -> int:
    """The local calendar day of an instant as an ordinal (1 = 1 January of the year 1)."""
    return moment.astimezone(zone).toordinal()


def ordinals(days: Sequence[date | None], *, missing: int) -> npt.NDArray[np.int64]:
    """Int64[days] ordinals; `missing` where there is no date."""
    return np.array([missing if day is None else day.toordinal() for day in days], dtype=np.int64)


def check_degrees(lon: Float64, lat: Float64, what: str) -> None:
    """Raise `PredictionError` where a coordinate is none in degrees (WGS84)."""
    good = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)  # NaN is not
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise PredictionError(
            f"{what}: number {first + 1} lies at longitude {lon[first]}, latitude {lat[first]}, which are no degrees (WGS84). "
            "Give its place, or leave it out."
        )


def _middle(grid: Grid) -> Float64:
    return np.array(_middle_of(grid.cell_ids.tobytes()))


@lru_cache(maxsize=4)
def _middle_of(cells: bytes) -> tuple[float, float]:
    """Longitude and latitude of the middle that `Grid.from_h3` projects around."""
    lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in np.frombuffer(cells, np.uint64)], dtype=np.float64)
    lat, lon = lat_lon.mean(axis=0)
    return float(lon), float(lat)
