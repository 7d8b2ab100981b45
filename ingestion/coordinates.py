"""Text to points in WGS84 under a mapping: what is wrong with each row, and the mend that its own position proves.

A mend is carried out only where the mapping accepts its code; it is proposed only where the row lies outside the jurisdiction
as it stands and inside in exactly one other way. Nothing is moved silently: mended rows are marked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ingestion.coordinates_crs import box_in, crs_code, false_points, in_use_at, is_geographic, is_near, to_degrees
from ingestion.coordinates_guess import CrsCandidate, CrsGuess, guess_crs
from ingestion.coordinates_shapes import EMPTY, UNREADABLE, looks_like_degrees, points_of, read_shapes
from ingestion.coordinates_text import MISSING, NOT_A_NUMBER, OK, read_numbers
from ingestion.geocoding.hits import Hit
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary

__all__ = [
    "COORDINATE_MENDS", "COORDINATE_REASONS", "CrsCandidate", "CrsGuess", "Located", "crs_code", "guess_crs", "locate",
    "points_of", "read_numbers", "read_shapes",
]  # fmt: skip

Float64Array = NDArray[np.float64]
Rows = NDArray[np.int64]
FindPlaces = Callable[[Sequence[str]], Sequence[Hit | None]]

COORDINATE_REASONS = (
    "", "coordinate_missing", "half_coordinate", "not_a_number", "coordinate_zero", "false_point", "swapped_coordinates",
    "sign_lost", "metres_among_degrees", "metres_unclear", "degrees_among_metres", "address_only", "outside",
    "geometry_unreadable", "geometry_empty",
)  # fmt: skip
COORDINATE_MENDS = ("", "swap", "sign", "metres", "degrees", "geocode")
_REASON = {code: number for number, code in enumerate(COORDINATE_REASONS)}
_MEND = {code: number for number, code in enumerate(COORDINATE_MENDS)}
_REASON_OF_MEND = {
    "swap": "swapped_coordinates",
    "sign": "sign_lost",
    "metres": "metres_among_degrees",
    "degrees": "degrees_among_metres",
}

_FALSE_POINT_DEG = 0.0006  # false points come rounded to three decimals
_SAME_SPOT_M = 10.0  # systems that put a row this near to each other prove the same
_M_PER_DEGREE = 111_320.0
_TEXT_SHOWN = 60


@dataclass(frozen=True, eq=False)
class Located:
    """Where the rows lie. All arrays have one entry a row.

    `latitude`, `longitude`: Float64[n] degrees WGS84, NaN where there is no point; a rejected row keeps where it stands.
    `reason`: Int8[n], index into `COORDINATE_REASONS`, 0 for a good row. `mend`: Int8[n], index into `COORDINATE_MENDS`:
    what would make the row good or, where `mended`, has made it good. `texts`: what stood in the file, for findings.
    """

    latitude: Float64Array
    longitude: Float64Array
    reason: NDArray[np.int8]
    mend: NDArray[np.int8]
    mended: NDArray[np.bool_]
    at_fault: tuple[str, ...]
    texts: tuple[Sequence[str], ...]
    boundary: Boundary
    notes: Mapping[int, str] = field(default_factory=dict)
    faulty_second: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def code(self, row: int) -> str:
        """Code of `REASONS`, blank for a good row."""
        return COORDINATE_REASONS[self.reason[row]]

    def mend_code(self, row: int) -> str:
        """Code of `MENDS` that would make the row good, or has made it good; blank where nothing is proven."""
        return COORDINATE_MENDS[self.mend[row]]

    def field(self, row: int) -> str:
        """The field at fault: "latitude", "longitude" or "geometry"."""
        return self.at_fault[int(self.faulty_second[row]) if len(self.at_fault) > 1 else 0]

    def value(self, row: int) -> str:
        """What a sentence names: both coordinates as they stood and, for a point outside, how far off it lies."""
        given = [texts[row].strip()[:_TEXT_SHOWN] for texts in self.texts]
        code = self.code(row)
        if code == "not_a_number":
            return given[int(self.faulty_second[row]) if len(given) > 1 else 0]
        both = ", ".join(one for one in given if one)
        if row in self.notes:
            return " = ".join(one for one in (both, self.notes[row]) if one)
        if code == "outside" and row in self._off_m:
            return f"{both} ({_distance(self._off_m[row])})"
        return both

    @cached_property
    def _off_m(self) -> dict[int, float]:
        """Metres from the boundary, by row, of the rows outside."""
        rows = np.flatnonzero((self.reason == _REASON["outside"]) & np.isfinite(self.latitude))
        return dict(zip(rows.tolist(), self.boundary.distance_m(self.latitude[rows], self.longitude[rows]).tolist(), strict=True))

    def mended_rows(self) -> dict[str, Rows]:
        """Rows that were mended, by the code of the mend, for the report's warnings ("mended_swap" …)."""
        return {code: np.flatnonzero(self.mended & (self.mend == number)) for code, number in _MEND.items() if number}


@dataclass(eq=False)
class _Sheet:
    """Rows in the making: x and y as numbers of the file, and the result so far."""

    x: Float64Array
    y: Float64Array
    latitude: Float64Array
    longitude: Float64Array
    reason: NDArray[np.int8]
    mend: NDArray[np.int8]
    mended: NDArray[np.bool_]
    second: NDArray[np.bool_]
    notes: dict[int, str]

    @classmethod
    def of(cls, x: Float64Array, y: Float64Array) -> "_Sheet":
        n = len(x)
        return cls(
            x, y, np.full(n, np.nan), np.full(n, np.nan),
            np.zeros(n, np.int8), np.zeros(n, np.int8), np.zeros(n, np.bool_), np.zeros(n, np.bool_), {},
        )  # fmt: skip

    def blame(self, mask: NDArray[np.bool_], code: str, *, second: bool = False) -> None:
        """Give rows without a reason this one."""
        fresh = mask & (self.reason == 0)
        self.reason[fresh] = _REASON[code]
        self.second[fresh] = second


def locate(
    fields: Mapping[str, Sequence[str]], mapping: ColumnMapping, boundary: Boundary, *, find: FindPlaces | None = None
) -> Located:
    """Points of the rows. `fields`: "latitude" and "longitude" (northing and easting in the mapping's CRS), or "geometry".

    Where neither is given, every row is "coordinate_missing". `find`: places by text, for rows without coordinates whose
    "address" or "lot_address" is given (mend "geocode"). Raises `FileRefused("unknown_crs")`.
    """
    crs = crs_code(mapping.crs)
    if "latitude" in fields or "longitude" in fields:
        names, texts, sheet = _read_pairs(fields, crs, is_swapped=mapping.swapped)
    elif "geometry" in fields:
        names, texts = ("geometry",), (fields["geometry"],)
        sheet = _read_geometry(texts[0], is_swapped=mapping.swapped)
    else:
        n = max(map(len, fields.values()), default=0)
        names, texts, sheet = ("latitude",), (), _Sheet.of(np.full(n, np.nan), np.full(n, np.nan))
        sheet.blame(np.ones(n, np.bool_), "coordinate_missing")
    ready = np.flatnonzero(sheet.reason == 0)
    if ready.size:
        sheet.longitude[ready], sheet.latitude[ready] = to_degrees(crs, sheet.x[ready], sheet.y[ready])
        bad = ready[~boundary.holds(sheet.latitude[ready], sheet.longitude[ready])]
        if bad.size:
            _Examiner(sheet, mapping, crs, boundary).examine(bad)
    if find is not None:
        _geocode(sheet, fields, find, mapping, boundary)
    return Located(
        sheet.latitude, sheet.longitude, sheet.reason, sheet.mend, sheet.mended, names, texts, boundary, sheet.notes, sheet.second
    )


def _read_pairs(
    fields: Mapping[str, Sequence[str]], crs: str, *, is_swapped: bool
) -> tuple[tuple[str, ...], tuple[Sequence[str], ...], _Sheet]:
    """Names and texts of the columns of y and x, and their numbers with the reasons that the texts alone give."""
    names = ("longitude", "latitude") if is_swapped else ("latitude", "longitude")
    n = max(len(texts) for name, texts in fields.items() if name in names)
    texts = tuple(fields.get(name, [""] * n) for name in names)
    degrees = is_geographic(crs)
    y, y_code = read_numbers(texts[0], is_degrees=degrees)
    x, x_code = read_numbers(texts[1], is_degrees=degrees)
    sheet = _Sheet.of(x, y)
    if y_code.any() or x_code.any():
        sheet.blame((y_code == MISSING) & (x_code == MISSING), "coordinate_missing")
        sheet.blame((y_code == MISSING) & (x_code == OK), "half_coordinate")
        sheet.blame((x_code == MISSING) & (y_code == OK), "half_coordinate", second=True)
        sheet.blame(y_code == NOT_A_NUMBER, "not_a_number")
        sheet.blame(x_code == NOT_A_NUMBER, "not_a_number", second=True)
    sheet.blame(y == 0, "coordinate_zero")
    sheet.blame(x == 0, "coordinate_zero", second=True)
    return names, texts, sheet


def _read_geometry(texts: Sequence[str], *, is_swapped: bool) -> _Sheet:
    x, y, code = points_of(texts)
    sheet = _Sheet.of(y, x) if is_swapped else _Sheet.of(x, y)
    sheet.blame(code == MISSING, "coordinate_missing")
    sheet.blame(code == UNREADABLE, "geometry_unreadable")
    sheet.blame(code == EMPTY, "geometry_empty")
    sheet.blame((x == 0) | (y == 0), "coordinate_zero")
    return sheet


class _Examiner:
    """Finds out why rows do not lie inside, and what would prove where they lie."""

    def __init__(self, sheet: _Sheet, mapping: ColumnMapping, crs: str, boundary: Boundary):
        self.sheet, self.mapping, self.crs, self.boundary = sheet, mapping, crs, boundary

    def examine(self, rows: Rows) -> None:
        """Give every one of these rows its reason and, where proven, its mend."""
        sheet = self.sheet
        rows = self._false(rows)
        rows = self._try(rows, "swap", *to_degrees(self.crs, sheet.y[rows], sheet.x[rows]))
        if is_geographic(self.crs):
            rows = self._signs(rows)
            rows = self._metres(rows)
        else:
            rows = self._degrees(rows)
        sheet.reason[rows] = _REASON["outside"]

    def _false(self, rows: Rows) -> Rows:
        latitude, longitude = self.sheet.latitude[rows], self.sheet.longitude[rows]
        left = np.ones(rows.size, np.bool_)
        for point in false_points(self.crs, *self.boundary.centre):
            near = is_near(point, longitude, latitude, tolerance_deg=_FALSE_POINT_DEG)
            for row in rows[near & left].tolist():
                self.sheet.reason[row] = _REASON["false_point"]
                self.sheet.notes[row] = point.what
            left &= ~near
        return rows[left]

    def _try(self, rows: Rows, mend: str, longitude: Float64Array, latitude: Float64Array) -> Rows:
        """Rows that lie inside at these points get the mend; the others come back."""
        inside = self.boundary.holds(latitude, longitude)
        self._settle(rows[inside], mend, longitude[inside], latitude[inside])
        return rows[~inside]

    def _settle(self, rows: Rows, mend: str, longitude: Float64Array, latitude: Float64Array) -> None:
        sheet = self.sheet
        sheet.mend[rows] = _MEND[mend]
        if mend in self.mapping.mends:
            sheet.longitude[rows], sheet.latitude[rows] = longitude, latitude
            sheet.mended[rows] = True
        else:
            sheet.reason[rows] = _REASON[_REASON_OF_MEND[mend]]

    def _signs(self, rows: Rows) -> Rows:
        for north, east in ((1, -1), (-1, 1), (-1, -1)):
            if rows.size:
                rows = self._try(rows, "sign", east * self.sheet.x[rows], north * self.sheet.y[rows])
        return rows

    def _degrees(self, rows: Rows) -> Rows:
        """Rows of a file in metres or feet that are degrees, in either order."""
        sheet = self.sheet
        like = looks_like_degrees(self.crs, sheet.x[rows], sheet.y[rows])
        left = self._try(rows[like], "degrees", sheet.x[rows[like]], sheet.y[rows[like]])
        left = self._try(left, "degrees", sheet.y[left], sheet.x[left])
        return np.sort(np.concatenate([rows[~like], left]))

    def _metres(self, rows: Rows) -> Rows:
        """Rows of a file in degrees that are no degrees: metres or feet of a system in use here, where only one fits.

        A person who knows the system names it in `mapping.options["metres_crs"]`.
        """
        sheet = self.sheet
        like = (np.abs(sheet.x[rows]) > 180) | (np.abs(sheet.y[rows]) > 180)
        wide = rows[like]
        if not wide.size:
            return rows
        named = self.mapping.options.get("metres_crs")
        candidates = (crs_code(named),) if named else in_use_at(*self.boundary.centre)
        fits = [(crs, place, spots) for crs in candidates if not is_geographic(crs) for place, spots in self._fitting(wide, crs)]
        longitude, latitude = np.full(wide.size, np.nan), np.full(wide.size, np.nan)
        doubtful = np.zeros(wide.size, np.bool_)
        names: dict[int, list[str]] = {}
        for crs, place, (east, north) in fits:
            fresh = np.isnan(longitude[place])
            apart_m = np.hypot((latitude[place] - north) * _M_PER_DEGREE, (longitude[place] - east) * _M_PER_DEGREE)
            doubtful[place] |= ~fresh & (apart_m > _SAME_SPOT_M)
            longitude[place] = np.where(fresh, east, longitude[place])
            latitude[place] = np.where(fresh, north, latitude[place])
            for one, new in zip(place.tolist(), (fresh | (apart_m > _SAME_SPOT_M)).tolist(), strict=True):
                if new:
                    names.setdefault(int(wide[one]), []).append(crs)
        sheet.notes |= {row: " / ".join(found) for row, found in names.items()}
        sheet.reason[wide[doubtful]] = _REASON["metres_unclear"]
        proven = ~np.isnan(longitude) & ~doubtful
        self._settle(wide[proven], "metres", longitude[proven], latitude[proven])
        return np.sort(np.concatenate([rows[~like], wide[np.isnan(longitude)]]))

    def _fitting(self, rows: Rows, crs: str) -> list[tuple[NDArray[np.int64], tuple[Float64Array, Float64Array]]]:
        """Places in `rows` that lie inside under the CRS, in either order of its axes, with their longitude and latitude."""
        left, bottom, right, top = box_in(crs, *self.boundary.shape.bounds)
        found = []
        for x, y in ((self.sheet.x[rows], self.sheet.y[rows]), (self.sheet.y[rows], self.sheet.x[rows])):
            near = np.flatnonzero((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
            if near.size:
                longitude, latitude = to_degrees(crs, x[near], y[near])
                inside = self.boundary.holds(latitude, longitude)
                if inside.any():
                    found.append((near[inside], (longitude[inside], latitude[inside])))
        return found


_PLACELESS = [_REASON[code] for code in ("coordinate_missing", "half_coordinate", "coordinate_zero", "geometry_empty")]


def _geocode(
    sheet: _Sheet, fields: Mapping[str, Sequence[str]], find: FindPlaces, mapping: ColumnMapping, boundary: Boundary
) -> None:
    """Look rows without coordinates up by their address, the road-name address first; only places inside count."""
    rows = np.flatnonzero(np.isin(sheet.reason, _PLACELESS))
    for name in ("address", "lot_address"):
        texts = fields.get(name)
        if texts is None:
            continue
        rows = rows[[bool(texts[row].strip()) and not sheet.mend[row] for row in rows.tolist()]] if rows.size else rows
        hits = find([texts[row] for row in rows.tolist()]) if rows.size else ()
        found = [(row, hit) for row, hit in zip(rows.tolist(), hits, strict=True) if hit is not None]
        for row, hit in found:
            if not boundary.holds(np.array([hit.latitude]), np.array([hit.longitude]))[0]:
                continue
            sheet.mend[row] = _MEND["geocode"]
            sheet.notes[row] = f"{hit.matched} ({hit.precision.name.lower()}, {hit.source})"
            if "geocode" in mapping.mends:
                sheet.latitude[row], sheet.longitude[row] = hit.latitude, hit.longitude
                sheet.reason[row], sheet.mended[row] = 0, True
            else:
                sheet.reason[row] = _REASON["address_only"]
        rows = np.flatnonzero(np.isin(sheet.reason, _PLACELESS) & (sheet.mend == 0))


def _distance(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:,.0f} km" if metres >= 10_000 else f"{metres / 1000:.1f} km"
