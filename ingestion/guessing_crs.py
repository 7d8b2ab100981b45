"""The CRS of a sampled table: its points are handed to `ingestion.coordinates.guess_crs` with what their addresses name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from ingestion.coordinates import crs_code, guess_crs
from ingestion.errors import FileRefused
from ingestion.guessing_columns import Sheet
from ingestion.mapping import WGS84, ColumnMapping, Evidence
from ingestion.places import Boundary

_FIRST_PAIR = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?[\s,]+[-+]?\d+(?:\.\d+)?")
_DISTRICT = re.compile(r"\S+?[구군시](?=\s|$|\()")
_EPSG_IN_TITLE = re.compile(r"epsg\D{0,2}(\d{4,5})", re.I)
_PLAIN_SHARE = 0.9
_WGS84_FORMATS = frozenset(("geojson", "topojson"))


@dataclass(frozen=True)
class CrsFound:
    """The CRS to read the table with. `options`: what a person may choose from where it is not decided."""

    crs: str
    swapped: bool
    decided: bool
    evidence: tuple[Evidence, ...]
    options: tuple[tuple[str, Evidence], ...] = ()


def guess_crs_of(
    sheet: Sheet, mapping: ColumnMapping, boundary: Boundary, areas: Mapping[str, shapely.Geometry]
) -> CrsFound | None:
    """Guess the CRS of the mapped columns; None for a table that has no coordinates."""
    points = _points(sheet, mapping)
    if points is None:
        return None
    x, y = points
    stated = _stated(sheet)
    if not np.isfinite(x * y).any():
        return CrsFound(stated or WGS84, False, True, ())
    settled = _settled(sheet, stated, x, y) if "geometry" in mapping.columns else None
    return settled or _plain_degrees(x, y, boundary, stated) or _tried(sheet, mapping, stated, (x, y), boundary, areas)


def _tried(  # noqa: PLR0917
    sheet: Sheet,
    mapping: ColumnMapping,
    stated: str | None,
    points: tuple[NDArray[np.float64], NDArray[np.float64]],
    boundary: Boundary,
    areas: Mapping[str, shapely.Geometry],
) -> CrsFound:
    """Every system in use at the place is tried."""
    x, y = points
    named = _named_areas(sheet, mapping, areas)
    titled = _in_title(mapping)
    also = [crs for crs in (titled[0], stated) if crs]
    found = guess_crs(x, y, boundary=boundary, address_areas=named, areas=areas if named else None, also=also)
    best = found.best
    if best is None:
        return CrsFound(stated or WGS84, False, False, found.evidence)
    fitting = next(
        (one for one in found.candidates if titled[0] in (one.crs, *one.same_as) and one.near >= 0.5 * best.near), None
    )
    if not found.decided and fitting is not None:
        said = (*found.evidence, Evidence("crs", "crs_by_title", {"crs": titled[0], "column": titled[1]}))
        return CrsFound(titled[0], fitting.swapped, True, said, found.options())
    if not found.decided and best.crs == WGS84 and not best.swapped and _are_degrees(x, y):
        said = (*found.evidence, Evidence("crs", "crs_degrees", {"crs": WGS84}))  # a file of a wider region
        return CrsFound(WGS84, False, True, said, found.options())
    return CrsFound(best.crs, best.swapped, found.decided, found.evidence, found.options())


def _in_title(mapping: ColumnMapping) -> tuple[str, str]:
    """The CRS that a column's title names ("좌표정보x(epsg5174)") and that title; blank where none does."""
    for name in ("latitude", "longitude", "geometry"):
        if found := _EPSG_IN_TITLE.search(mapping.columns.get(name, "")):
            return f"EPSG:{found[1]}", mapping.columns[name]
    return "", ""


def _plain_degrees(x: NDArray[np.float64], y: NDArray[np.float64], boundary: Boundary, stated: str | None) -> CrsFound | None:
    """Degrees that fall inside as they stand are WGS84: no other system need be tried."""
    if stated not in (None, WGS84) or not _are_degrees(x, y):
        return None
    known = np.isfinite(x) & np.isfinite(y)
    inside = float(boundary.holds(y[known], x[known]).mean())
    if inside < _PLAIN_SHARE:
        return None
    given = {"crs": WGS84, "title": "WGS 84", "count": int(known.sum()), "inside": f"{inside:.1%}", "near": f"{inside:.1%}"}
    return CrsFound(WGS84, False, True, (Evidence("crs", "crs_shares", given),))


def _are_degrees(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    known = np.isfinite(x) & np.isfinite(y)
    return bool(known.any() and (np.abs(x[known]) <= 180).all() and (np.abs(y[known]) <= 90).all())


def _points(sheet: Sheet, mapping: ColumnMapping) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    by_title = {column.title: column for column in sheet.columns}
    columns = mapping.columns
    if "latitude" in columns and "longitude" in columns:
        return by_title[columns["longitude"]].numbers, by_title[columns["latitude"]].numbers
    if "geometry" not in columns:
        return None
    pairs = [_first_pair(value) for value in by_title[columns["geometry"]].values]
    return np.array([one[0] for one in pairs], np.float64), np.array([one[1] for one in pairs], np.float64)


def _first_pair(text: str) -> tuple[float, float]:
    found = _FIRST_PAIR.search(text)
    if found is None:
        return np.nan, np.nan
    x, y = found[0].replace(",", " ").split()
    return float(x), float(y)


def _stated(sheet: Sheet) -> str | None:
    """What the file itself says of its CRS, if that is a known one."""
    if sheet.table.crs is None:
        return None
    try:
        return crs_code(sheet.table.crs)
    except FileRefused:
        return None


def _settled(sheet: Sheet, stated: str | None, x: NDArray[np.float64], y: NDArray[np.float64]) -> CrsFound | None:
    """Formats whose standard, or whose file, names the CRS, where the numbers do not contradict it."""
    degrees = _are_degrees(x, y)
    if sheet.table.format in _WGS84_FORMATS and degrees and stated in (None, WGS84):
        return CrsFound(WGS84, False, True, (Evidence("crs", "crs_by_format", {"crs": WGS84, "value": sheet.table.format}),))
    if stated is not None and stated != WGS84 and not degrees:
        return CrsFound(stated, False, True, (Evidence("crs", "crs_stated", {"crs": stated}),))
    return None


def _named_areas(sheet: Sheet, mapping: ColumnMapping, areas: Mapping[str, shapely.Geometry]) -> list[str] | None:
    """For each row the district that its address names, blank where it names none; None where no district is known."""
    if not any(_DISTRICT.fullmatch(name) for name in areas):
        return None
    titles = [mapping.columns[name] for name in ("address", "lot_address") if name in mapping.columns]
    columns = [column for column in sheet.columns if column.title in titles]
    if not columns:
        columns = [column for column in sheet.columns if column.address_share > 0.5][:1]
    if not columns:
        return None
    return [_area_of([column.values[row] for column in columns], areas) for row in range(len(sheet.rows))]


def _area_of(texts: Sequence[str], areas: Mapping[str, shapely.Geometry]) -> str:
    """The district that an address names: one that is known, else another, whose row then lies outside those that are."""
    named = [str(name) for text in texts for name in _DISTRICT.findall(text)]
    return next((name for name in named if name in areas), next((name for name in reversed(named) if name[-1] in "구군"), ""))
