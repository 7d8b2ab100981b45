"""Coordinate reference systems: names people write, transformers to WGS84, and those that are in use at a place.

Everywhere x is easting or longitude and y northing or latitude, whatever order the authority gives its axes.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType, TransformDirection
from pyproj.exceptions import CRSError

from ingestion.errors import FileRefused
from ingestion.mapping import WGS84

Float64Array = NDArray[np.float64]

# Tried first, and named where several give the same points.
PREFERRED = (
    WGS84, "EPSG:5174", "EPSG:5186", "EPSG:5179", "EPSG:5181", "EPSG:2097", "EPSG:5187", "EPSG:5185", "EPSG:5188",
    "EPSG:3857", "EPSG:32652", "EPSG:3435", "EPSG:2913",
)  # fmt: skip
_EVERYWHERE = (WGS84, "EPSG:3857")
_WIDEST_USE_DEG = 30.0  # systems of whole continents are for maps, not for registers

# How Korean files and offices call them.
_NAMES = {
    "wgs84": WGS84, "경위도": WGS84, "grs80경위도": WGS84, "utmk": "EPSG:5179", "네이버utmk": "EPSG:5179",
    "중부원점tm": "EPSG:5174", "중부원점bessel": "EPSG:5174", "중부원점grs80": "EPSG:5186", "grs80중부원점": "EPSG:5186",
    "bessel중부원점": "EPSG:5174", "googlemercator": "EPSG:3857", "webmercator": "EPSG:3857",
}  # fmt: skip


def crs_code(text: str) -> str:
    """The name of a CRS as mappings keep it: "EPSG:5174" for "5174" or "epsg 5174", or the WKT itself.

    Raises `FileRefused("unknown_crs")` for what is no horizontal CRS.
    """
    bare = text.strip()
    plain = re.sub(r"[\s_\-()]", "", bare).casefold()
    if plain in _NAMES:
        return _NAMES[plain]
    numbered = re.fullmatch(r"(?:urn:ogc:def:crs:)?(epsg|esri)?[:\s]*(?:[\d.]*:)?(\d{4,6})", bare, re.IGNORECASE)
    if numbered:
        bare = f"{(numbered[1] or 'EPSG').upper()}:{numbered[2]}"
    elif "crs84" in plain:
        bare = WGS84
    return _known(bare)


@lru_cache(256)
def _known(name: str) -> str:
    try:
        crs = pyproj.CRS.from_user_input(name)
    except CRSError:
        raise FileRefused("unknown_crs", value=name[:80]) from None
    if not (crs.is_geographic or crs.is_projected) or len(crs.axis_info) < 2:
        raise FileRefused("unknown_crs", value=name[:80])
    if len(name) > 40:  # a WKT, as in a .prj file; its code is easier to read
        authority = crs.to_authority(min_confidence=90)
        return ":".join(authority) if authority else name
    return name


@lru_cache(256)
def is_geographic(crs: str) -> bool:
    """Whether its coordinates are degrees."""
    return bool(pyproj.CRS.from_user_input(crs_code(crs)).is_geographic)


@lru_cache(256)
def crs_title(crs: str) -> str:
    """The authority's name of the CRS, such as "Korean 1985 / Modified Central Belt"."""
    return str(pyproj.CRS.from_user_input(crs_code(crs)).name)


@lru_cache(256)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def to_degrees(crs: str, x: Float64Array, y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Longitude and latitude in degrees WGS84; NaN where the CRS has no such point."""
    code = crs_code(crs)
    if code == WGS84:
        if not x.size or (np.abs(y).max() <= 90 and np.abs(x).max() <= 180):
            return x, y
        fits = (np.abs(y) <= 90) & (np.abs(x) <= 180)
        return np.where(fits, x, np.nan), np.where(fits, y, np.nan)
    longitude, latitude = _transformer(code, WGS84).transform(x, y)
    bad = ~(np.isfinite(longitude) & np.isfinite(latitude))
    return np.where(bad, np.nan, longitude), np.where(bad, np.nan, latitude)


@lru_cache(256)
def _projection(crs: str) -> pyproj.Transformer:
    """The projection alone, from the degrees of its own datum: made in a millisecond, while the search for the way between
    two datums takes up to 100. Within 2 km of the truth anywhere, which is enough to rule a system out."""
    full = pyproj.CRS.from_user_input(crs)
    return pyproj.Transformer.from_crs(full.geodetic_crs, full, always_xy=True)


_DATUM_SHIFT_DEG = 0.02


@lru_cache(64)
def box_in(crs: str, west: float, south: float, east: float, north: float) -> tuple[float, float, float, float]:
    """Box of degrees WGS84 as left, bottom, right, top in the CRS, 2 km too wide: for a first, cheap test."""
    shift = _DATUM_SHIFT_DEG
    wide = west - shift, max(south - shift, -90), east + shift, min(north + shift, 90)
    code = crs_code(crs)
    if is_geographic(code):
        return wide
    box: tuple[float, float, float, float] = _projection(code).transform_bounds(*wide)
    return box


@lru_cache(64)
def in_use_at(longitude: float, latitude: float) -> tuple[str, ...]:
    """Projected systems whose area of use holds the point, and WGS84; the preferred ones first, then by number."""
    spot = AreaOfInterest(longitude, latitude, longitude, latitude)
    found = {
        f"EPSG:{info.code}"
        for info in query_crs_info("EPSG", PJType.PROJECTED_CRS, spot, contains=True)
        if info.area_of_use and 0 < info.area_of_use.east - info.area_of_use.west < _WIDEST_USE_DEG
    }
    rank = {code: place for place, code in enumerate(PREFERRED)}
    return tuple(sorted({*found, *_EVERYWHERE}, key=lambda code: (rank.get(code, len(rank)), int(code.split(":")[1]))))


@dataclass(frozen=True)
class FalsePoint:
    """A point that no file means: where (0, 0) or the origin of a CRS falls. `what`: for a person, "0, 0 (EPSG:3435)".

    `longitude`, `latitude`: degrees of the system's own datum, within 2 km of WGS84; `exact`: the same in WGS84.
    """

    crs: str
    x: float
    y: float
    longitude: float
    latitude: float

    @property
    def what(self) -> str:
        return f"{self.x:.0f}, {self.y:.0f} ({self.crs if len(self.crs) < 40 else crs_title(self.crs)})"

    @cached_property
    def exact(self) -> tuple[float, float]:
        longitude, latitude = to_degrees(self.crs, np.array([self.x]), np.array([self.y]))
        return float(longitude[0]), float(latitude[0])


@lru_cache(64)
def false_points(crs: str, longitude: float, latitude: float) -> tuple[FalsePoint, ...]:
    """The images of (0, 0) and of the natural origin under the file's CRS and those in use at the place."""
    found = []
    for code in dict.fromkeys((crs_code(crs), *in_use_at(longitude, latitude))):
        if is_geographic(code):
            continue
        for x, y in [(0.0, 0.0), _natural_origin(code)]:
            lon, lat = _projection(code).transform(x, y, direction=TransformDirection.INVERSE)
            if np.isfinite(lon) and np.isfinite(lat):
                found.append(FalsePoint(code, x, y, float(lon), float(lat)))
    return tuple(found)


def is_near(point: FalsePoint, longitude: Float64Array, latitude: Float64Array, *, tolerance_deg: float) -> NDArray[np.bool_]:
    """Which points lie at a false point."""
    rough = _DATUM_SHIFT_DEG + tolerance_deg
    near: NDArray[np.bool_] = (np.abs(latitude - point.latitude) < rough) & (np.abs(longitude - point.longitude) < rough)
    if near.any():
        east, north = point.exact
        near &= (np.abs(latitude - north) < tolerance_deg) & (np.abs(longitude - east) < tolerance_deg)
    return near


def _natural_origin(crs: str) -> tuple[float, float]:
    """False easting and northing in the units of the CRS; 0, 0 where its projection names none."""
    operation = pyproj.CRS.from_user_input(crs).coordinate_operation
    given: dict[str, Any] = {one.name.casefold(): one.value for one in operation.params} if operation else {}
    east = given.get("false easting", given.get("easting at false origin", 0.0))
    north = given.get("false northing", given.get("northing at false origin", 0.0))
    return float(east), float(north)
