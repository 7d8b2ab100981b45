"""Cells that hold a geometry (WKT, EWKT, GeoJSON, hexadecimal WKB, "(latitude, longitude)") to shapes in WGS84.

Shapes of the cores are shapely geometries in x, y order: longitude, latitude.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingestion.coordinates_crs import is_geographic, to_degrees
from ingestion.coordinates_text import NOTHING
from ingestion.mapping import ColumnMapping

SHAPE_REASONS = ("", "geometry_missing", "geometry_unreadable", "geometry_empty", "geometry_invalid")
GOOD, MISSING, UNREADABLE, EMPTY, INVALID = range(5)

_SRID = re.compile(r"^\s*SRID=(\d+)\s*;\s*", re.IGNORECASE)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{20,}")
_PAIR = re.compile(r"\(\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)")


@dataclass(frozen=True, eq=False)
class Shapes:
    """Shapes of a column. `shape`: Object[n], shapely in WGS84 or None; `reason`: Int8[n], index into `SHAPE_REASONS`.

    `mended`: Bool[n], rows whose crossing lines were taken apart because the mapping accepts the mend "make_valid".
    """

    shape: NDArray[np.object_]
    reason: NDArray[np.int8]
    mended: NDArray[np.bool_]

    def code(self, row: int) -> str:
        """Code of `REASONS`, blank for a good row."""
        return SHAPE_REASONS[self.reason[row]]

    def mend_code(self, row: int) -> str:
        """Code of the mend that would make the row good, or has made it good."""
        return "make_valid" if self.reason[row] == INVALID or self.mended[row] else ""


def read_shapes(texts: Sequence[str], mapping: ColumnMapping) -> Shapes:
    """Shapes of any type, in WGS84. Areas that cross themselves are taken apart only where `make_valid` is accepted."""
    shapes, reason = parse_shapes(texts)
    mended = np.zeros(len(shapes), np.bool_)
    crossing = np.flatnonzero((reason == GOOD) & ~shapely.is_valid(shapes))
    if crossing.size and "make_valid" in mapping.mends:
        shapes[crossing] = shapely.make_valid(shapes[crossing])
        mended[crossing] = True
    else:
        reason[crossing] = INVALID
    good = np.flatnonzero(reason == GOOD)
    shapes[good] = shapes_to_wgs84(shapes[good], mapping.crs, is_swapped=mapping.swapped)
    lost = good[~np.isfinite(shapely.bounds(shapes[good])).all(axis=1)]
    reason[lost] = UNREADABLE
    shapes[reason != GOOD] = None
    return Shapes(shapes, reason, mended)


def parse_shapes(texts: Sequence[str]) -> tuple[NDArray[np.object_], NDArray[np.int8]]:
    """Shapes as they stand, in the coordinates of the file: Object[n] and Int8[n] of GOOD, MISSING, UNREADABLE or EMPTY."""
    shapes = shapely.from_wkt(np.array(texts, dtype=object), on_invalid="ignore") if len(texts) else np.empty(0, object)
    reason = np.zeros(len(texts), np.int8)
    for row in np.flatnonzero(shapely.is_missing(shapes)).tolist():
        if texts[row].strip().casefold() in NOTHING:
            reason[row] = MISSING
        else:
            shapes[row] = _other_form(texts[row])
            reason[row] = UNREADABLE if shapes[row] is None else GOOD
    there = np.flatnonzero(reason == GOOD)
    reason[there[shapely.is_empty(shapes[there])]] = EMPTY
    there = np.flatnonzero(reason == GOOD)
    reason[there[~np.isfinite(shapely.bounds(shapes[there])).all(axis=1)]] = UNREADABLE
    return shapes, reason


def points_of(texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """One point a row in the coordinates of the file: x, y and the reason. A line or an area gives a point on itself."""
    shapes, reason = parse_shapes(texts)
    x, y = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    good = np.flatnonzero(reason == GOOD)
    shown = shapes[good]
    wide = shapely.get_type_id(shown) != shapely.GeometryType.POINT
    shown[wide] = shapely.point_on_surface(shown[wide])
    x[good], y[good] = shapely.get_x(shown), shapely.get_y(shown)
    return x, y, reason


def shapes_to_wgs84(shapes: NDArray[np.object_], crs: str, *, is_swapped: bool = False) -> NDArray[np.object_]:
    """The same shapes in longitude and latitude, without height."""

    def turn(corners: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = (corners[:, 1], corners[:, 0]) if is_swapped else (corners[:, 0], corners[:, 1])
        longitude, latitude = to_degrees(crs, x, y)
        return np.column_stack([longitude, latitude])

    turned: NDArray[np.object_] = shapely.transform(shapely.force_2d(shapes), turn)
    return turned


def stated_crs(texts: Sequence[str]) -> str | None:
    """The CRS that the cells themselves name (`SRID=5179;POINT(…)`), where all that do agree."""
    found = {match[1] for text in texts if (match := _SRID.match(text))} - {"0"}
    return f"EPSG:{found.pop()}" if len(found) == 1 else None


def _other_form(text: str) -> Any:
    """A cell that is no WKT, or None."""
    bare = _SRID.sub("", text).strip()
    pair = _PAIR.fullmatch(bare)
    if pair:  # as open-data portals export a "location": latitude first
        return shapely.Point(float(pair[2]), float(pair[1]))
    try:
        if bare.startswith("{"):
            return shapely.from_geojson(bare)
        if _HEX.fullmatch(bare):
            return shapely.from_wkb(bare)
        return shapely.from_wkt(bare) if bare != text.strip() else None
    except (shapely.errors.GEOSException, ValueError):
        return None


def looks_like_degrees(crs: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points of a file in metres or feet could be degrees: no register reaches the axes of its CRS that closely."""
    if is_geographic(crs):
        return np.ones(len(x), np.bool_)
    return (np.abs(x) <= 180) & (np.abs(y) <= 180)
