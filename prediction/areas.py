"""Given polygons as the cells of a grid (beats, wards): checks, borders, pixels; `Grid.areas` puts them together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from prediction.errors import PredictionError

Float64 = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.intp]

OVERLAP_SHARE = 0.02  # of the smaller polygon; less is the noise of digitised borders
BORDER_GAP_M = 10.0  # neighbours' borders may be this far apart
BORDER_LEAST_M = 40.0  # a shorter stretch is a corner
PIXELS_AT_MOST = 1_000_000
PIXEL_LEAST_M = 20.0


def check(polygons: Sequence[BaseGeometry], codes: Sequence[str]) -> None:
    """Raise `PredictionError` where the polygons (WGS84) cannot be the cells of a grid; overlaps are looked for later."""
    if len(polygons) == 0:
        raise PredictionError("A grid of areas needs at least one polygon; the list given is empty.")
    if len(polygons) != len(codes):
        raise PredictionError(f"Each area needs one code: there are {len(polygons)} polygons and {len(codes)} codes.")
    seen: set[str] = set()
    for shape, code in zip(polygons, codes, strict=True):
        if code in seen:
            raise PredictionError(f"The code '{code}' is given to two areas; join their shapes into one, or give each its own.")
        seen.add(code)
        if shape.geom_type not in {"Polygon", "MultiPolygon"} or shape.is_empty:
            raise PredictionError(f"The area '{code}' has no polygon but {shape.geom_type} (perhaps empty); leave it out.")
        west, south, east, north = shape.bounds
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise PredictionError(f"The area '{code}' is not in degrees of longitude and latitude (WGS84); convert it first.")
        if not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            raise PredictionError(f"The shape of the area '{code}' is broken ({reason}); repair it and upload it again.")


def check_overlaps(metric: Sequence[BaseGeometry], codes: Sequence[str]) -> None:
    """Raise where two areas (metres) share more than a sliver: an incident must lie in one of them."""
    shapes = np.array(metric, dtype=object)
    first, second = _pairs(shapes, 0.0)
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    share = shared / np.minimum(shapely.area(shapes[first]), shapely.area(shapes[second]))
    if len(share) and share.max() > OVERLAP_SHARE:
        worst = int(share.argmax())
        one, other = codes[first[worst]], codes[second[worst]]
        raise PredictionError(
            f"The areas '{one}' and '{other}' overlap by {share[worst]:.0%} of the smaller one; "
            "areas of a grid must lie beside each other. Use areas of one level only."
        )


def to_metric(polygons: Sequence[BaseGeometry], epsg: int) -> list[BaseGeometry]:
    """Polygons of WGS84 in the metres of a projection."""
    change = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    return [shapely.transform(shape, lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1]))) for shape in polygons]


def ids_of(polygons: Sequence[BaseGeometry], codes: Sequence[str]) -> npt.NDArray[np.uint64]:
    """UInt64[n]: a number of each area's code and shape, so that a change of a boundary makes another grid."""
    digests = [hashlib.sha256(f"{code}\n".encode() + shape.wkb).digest() for shape, code in zip(polygons, codes, strict=True)]
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)


def areas_km2(polygons: Sequence[BaseGeometry]) -> Float64:
    """Float64[n]: area on the ellipsoid of polygons in WGS84."""
    earth = pyproj.Geod(ellps="WGS84")
    return np.array([abs(earth.geometry_area_perimeter(shape)[0]) / 1e6 for shape in polygons], dtype=np.float64)


def holding(polygons: Sequence[BaseGeometry], lon: Float64, lat: Float64) -> npt.NDArray[np.int32]:
    """Int32[m]: position of the polygon that holds each point, -1 for none; on a shared border the first of them."""
    out = np.full(len(lon), len(polygons), dtype=np.int32)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    tree = shapely.STRtree(list(polygons))
    point, area = tree.query(shapely.points(lon[known], lat[known]), predicate="intersects")
    np.minimum.at(out, known[point], area.astype(np.int32))
    return np.where(out == len(polygons), -1, out).astype(np.int32)


def neighbours(metric: Sequence[BaseGeometry]) -> tuple[Pairs, Pairs]:
    """Pairs [n, 2] of positions (the lower first): areas that share a border, and areas behind one neighbour."""
    shapes = np.array(metric, dtype=object)
    first, second = _pairs(shapes, BORDER_GAP_M)
    near = shapely.buffer(shapes[second], BORDER_GAP_M)
    border = shapely.length(shapely.intersection(shapely.boundary(shapes[first]), near))
    pairs = np.column_stack([first, second])[border >= BORDER_LEAST_M]
    beside: list[set[int]] = [set() for _ in metric]
    for one, other in pairs:
        beside[one].add(int(other))
        beside[other].add(int(one))
    behind = {
        (one, far)
        for one in range(len(beside))
        for near_one in beside[one]
        for far in beside[near_one] - beside[one]
        if far > one
    }
    return pairs.astype(np.intp), np.array(sorted(behind), dtype=np.intp).reshape(-1, 2)


def pixel_size(metric: Sequence[BaseGeometry]) -> float:
    """Metres: fine enough for the smallest area to hold some pixels, coarse enough for a raster of a million."""
    sizes = shapely.area(np.array(metric, dtype=object))
    west, south, east, north = shapely.total_bounds(np.array(metric, dtype=object))
    wanted = max(PIXEL_LEAST_M, min(np.sqrt(sizes.min()) / 3, np.sqrt(sizes.mean()) / 8))
    return float(max(wanted, np.sqrt((east - west) * (north - south) / PIXELS_AT_MOST)))


def pixels_of(metric: Sequence[BaseGeometry], pixel: float) -> tuple[Pairs, Pairs, tuple[int, int]]:
    """Pixel and area Int[m] of each pixel whose centre lies in an area (at least one an area), and the raster's rows, columns."""
    west, south, east, north = shapely.total_bounds(np.array(metric, dtype=object))
    columns, rows = int(np.ceil((east - west) / pixel)) + 2, int(np.ceil((north - south) / pixel)) + 2
    west, south = west - pixel, south - pixel
    found, owner = [], []
    for position, shape in enumerate(metric):
        low_x, low_y, high_x, high_y = shape.bounds
        xs = np.arange(int((low_x - west) / pixel), int((high_x - west) / pixel) + 1)
        ys = np.arange(int((low_y - south) / pixel), int((high_y - south) / pixel) + 1)
        x, y = (axis.ravel() for axis in np.meshgrid(xs, ys))
        shapely.prepare(shape)
        inside = shapely.contains_xy(shape, west + (x + 0.5) * pixel, south + (y + 0.5) * pixel)
        if not inside.any():
            point = shape.representative_point()
            x, y, inside = (
                np.array([int((point.x - west) / pixel)]),
                np.array([int((point.y - south) / pixel)]),
                np.ones(1, dtype=np.bool_),
            )
        found.append(y[inside] * columns + x[inside])
        owner.append(np.full(int(inside.sum()), position))
    return np.concatenate(found).astype(np.intp), np.concatenate(owner).astype(np.intp), (rows, columns)


def _pairs(shapes: npt.NDArray[np.object_], distance: float) -> tuple[Pairs, Pairs]:
    """Positions of shapes no further apart than the distance, each pair once."""
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance)
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    return first[first < second], second[first < second]
