"""A camera register as a table to camera records: the national standard form, a city's own, a bare list of points.

A register lists either one row per camera or one row per site with a number of cameras; which of the two shows in its own
rows (`guess_unit`). Both come out the same: rows at one point with one purpose carry the same `site`, and whoever stores them
adds their counts up to one site.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingestion import cameras_words, records_points
from ingestion.kinds import FIELDS, Kind
from ingestion.mapping import ColumnMapping, Evidence
from ingestion.places import Boundary
from ingestion.readers.table import Table
from ingestion.records import (
    ID_MAX_LENGTH,
    Batch,
    Seen,
    Sheet,
    content_key,
    is_unique,
    layout_of,
    mend_address,
    point_key,
    read_count,
    read_day,
    read_month,
    row_digest,
    tidy,
)

NAME_MAX_LENGTH = 120
MANY_CAMERAS = 50  # one pole rarely carries more
FILLED_RUN = 5  # days kept that run up by one over as many rows were dragged down in a spreadsheet


@dataclass(frozen=True)
class CameraRow:
    """One row of a register. Degrees WGS84; `bearing_deg` clockwise from north, None where unknown or all round.

    `site`: identifier in the register where it has one, else made of point and purpose, so that a later register finds the
    same site again. `details`: what else the row says, as plain JSON values.
    """

    line: int
    site: str
    name: str
    longitude: float
    latitude: float
    bearing_deg: float | None
    angle_deg: float
    range_m: float
    count: int
    purpose: str
    is_working: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class _Memory:
    """What must be remembered from one chunk to the next: row digests, the run of days kept, identifiers."""

    rows: Seen = field(default_factory=Seen)
    names: Seen = field(default_factory=Seen)
    sites: Seen = field(default_factory=Seen)
    retention: int = 0
    run: list[int] = field(default_factory=list)
    has_identifiers: bool = False


def read_cameras(table: Table, mapping: ColumnMapping, boundary: Boundary) -> Iterator[Batch[CameraRow]]:
    """Yield the register's rows, chunk by chunk. Raises `FileRefused`."""
    layout = layout_of(table, mapping)
    memory = _Memory()
    title = layout.title.get("source_id")
    memory.has_identifiers = bool(title) and is_unique(table, layout.title["source_id"])
    is_first = True
    for chunk in table.chunks():
        sheet = Sheet(chunk, layout)
        batch = _read(sheet, mapping, boundary, memory)
        if is_first and title and not memory.has_identifiers:
            batch.warn("ids_repeat", table.first_line, title)
        is_first = False
        yield batch


def _read(sheet: Sheet, mapping: ColumnMapping, boundary: Boundary, memory: _Memory) -> Batch[CameraRow]:
    located = records_points.locate(sheet, mapping, boundary)
    columns = _Columns(sheet)
    _check_values(sheet, columns, memory)
    reader = _RowReader(sheet, columns, memory)
    points = zip(located.longitude.tolist(), located.latitude.tolist(), strict=True)
    made = [reader.record(place, point) for place, point in enumerate(points) if sheet.is_good(place)]
    batch = sheet.batch(made)
    for code, line, value in reader.notes:
        batch.warn(code, line, value)
    records_points.note_points(batch, sheet, located)
    return batch


class _Columns:
    """The texts of a sheet's fields, each column read once."""

    def __init__(self, sheet: Sheet):
        names = [one.name for one in FIELDS[Kind.CAMERAS]]
        self.text = {name: sheet.texts(name) for name in names}
        self.has = set(sheet.layout.position)

    def __call__(self, name: str, place: int) -> str:
        return self.text[name][place]


def _check_values(sheet: Sheet, columns: _Columns, memory: _Memory) -> None:
    """Reject rows whose numbers cannot be meant, and identifiers that stand twice."""
    for place in range(len(sheet)):
        text = columns("count", place)
        if text and not read_count(text):
            sheet.reject(place, "count", "not_a_count", text)
        for name, low, high in (("bearing_deg", 0.0, 360.0), ("angle_deg", 0.1, 360.0), ("range_m", 0.1, 2000.0)):
            text = columns(name, place)
            if text and not _within(text, low, high):
                sheet.reject(place, name, "camera_value", text)
        text = columns("is_working", place)
        if text and cameras_words.is_working(text) is None:
            sheet.reject(place, "is_working", "not_yes_or_no", text)
        if memory.has_identifiers and sheet.is_good(place):
            _check_identifier(sheet, columns("source_id", place), place, memory)


def _check_identifier(sheet: Sheet, text: str, place: int, memory: _Memory) -> None:
    if len(text) > ID_MAX_LENGTH:
        sheet.reject(place, "source_id", "id_too_long", text)
    elif text and memory.names.meet(row_digest([text])):
        sheet.reject(place, "source_id", "duplicate_in_file", text)


def _within(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


class _RowReader:
    """Makes the records of a sheet's good rows. `notes`: (warning, line, value) of what deserves a look."""

    def __init__(self, sheet: Sheet, columns: _Columns, memory: _Memory):
        self.sheet, self.columns, self.memory = sheet, columns, memory
        self.notes: list[tuple[str, int, str]] = []

    def record(self, place: int, point: tuple[float, float]) -> CameraRow:
        """The record of one row. `point`: longitude and latitude."""
        columns, line = self.columns, self.sheet.line(place)
        purpose = self._purpose(place, line)
        view = cameras_words.read_view(columns("view", place))
        if columns("view", place) and not view.is_understood:
            self.notes.append(("view_unread", line, columns("view", place)))
        identifier = columns("source_id", place) if self.memory.has_identifiers else ""
        site = identifier or content_key("camera", point_key(*point), purpose)
        self._note_repeats(place, line, site, is_named=bool(identifier))
        address = self._address(place, line)
        bearing = float(columns("bearing_deg", place)) % 360 if columns("bearing_deg", place) else view.bearing_deg
        return CameraRow(
            line=line,
            site=site,
            name=tidy(columns("name", place) or address or f"CCTV {point_key(*point)}", NAME_MAX_LENGTH),
            longitude=point[0],
            latitude=point[1],
            bearing_deg=bearing,
            angle_deg=float(columns("angle_deg", place) or view.angle_deg),
            range_m=float(columns("range_m", place) or cameras_words.RANGE_M),
            count=self._count(place, line),
            purpose=purpose,
            is_working=cameras_words.is_working(columns("is_working", place)) is not False,
            details=self._details(place, line, address),
        )

    def _purpose(self, place: int, line: int) -> str:
        columns = self.columns
        if "purpose" not in columns.has:  # 금천구 names its cameras by their purpose: 방범 CCTV
            return cameras_words.purpose_of(columns("name", place)) or "crime_prevention"
        text = columns("purpose", place)
        found = cameras_words.purpose_of(text)
        if found is None:
            self.notes.append(("purpose_unknown", line, text))
        return found or "other"

    def _count(self, place: int, line: int) -> int:
        text = self.columns("count", place)
        count = (read_count(text) or 1) if text else 1
        if not text and "count" in self.columns.has:
            self.notes.append(("count_blank", line, ""))
        if count > MANY_CAMERAS:
            self.notes.append(("large_count", line, text))
        return count

    def _address(self, place: int, line: int) -> str:
        given = self.columns("address", place) or self.columns("lot_address", place)
        address, is_mended = mend_address(given)
        if is_mended:
            self.notes.append(("address_doubled", line, given))
        return address

    def _note_repeats(self, place: int, line: int, site: str, *, is_named: bool) -> None:
        memory = self.memory
        if memory.rows.meet(row_digest(self.sheet.chunk.rows[self.sheet.rows[place]])):
            self.notes.append(("camera_again", line, ""))
        if not is_named and memory.sites.meet(row_digest([site])):
            self.notes.append(("same_site", line, ""))

    def _details(self, place: int, line: int, address: str) -> dict[str, Any]:
        """What else the row says. Impossible months and days kept that a spreadsheet has counted up stay, and are noted."""
        columns = self.columns
        retention = read_count(columns("retention_days", place)) or 0
        self._note_run(line, retention)
        reference = read_day(columns("reference_date", place))
        installed = read_month(columns("installed", place))
        for name, day in (("reference_date", reference), ("installed", installed)):
            if columns(name, place) and day is None:
                self.notes.append(("date_unread", line, columns(name, place)))
        if installed and reference and installed > reference:
            self.notes.append(("installed_later", line, columns("installed", place)))
        details: dict[str, Any] = {
            "address": address,
            "lot_address": mend_address(columns("lot_address", place))[0],
            "agency": columns("agency", place),
            "view": columns("view", place),
            "purpose": columns("purpose", place),
            "retention_days": retention,
            "megapixels": (read_count(columns("megapixels", place)) or 0) / 100,  # registers count in units of 10,000
            "installed": f"{installed:%Y-%m}" if installed else "",
            "reference_date": reference.isoformat() if reference else "",
        }
        return {name: value for name, value in details.items() if value}

    def _note_run(self, line: int, retention: int) -> None:
        """Days kept that go up by one from row to row were dragged down in a spreadsheet."""
        memory = self.memory
        memory.run = [*memory.run, line] if retention and retention == memory.retention + 1 else [line]
        memory.retention = retention
        if len(memory.run) >= FILLED_RUN:
            fresh = memory.run if len(memory.run) == FILLED_RUN else [line]
            self.notes.extend(("retention_filled", one, str(retention)) for one in fresh)


def guess_unit(header: Sequence[str], sample: Sequence[Sequence[str]], columns: Mapping[str, str]) -> Evidence:
    """Whether a register lists cameras or sites, from its first rows: counts above one are sites, repeated points are cameras."""
    places = [list(header).index(columns[name]) for name in ("latitude", "longitude") if columns.get(name) in header]
    points = {tuple(row[place].strip() for place in places) for row in sample if len(row) == len(header)}
    at = list(header).index(columns["count"]) if columns.get("count") in header else None
    counts = [read_count(row[at]) or 1 for row in sample if len(row) == len(header)] if at is not None else []
    cameras = sum(counts) or len(sample)
    fields = {"rows": len(sample), "points": len(points), "cameras": cameras}
    is_per_camera = cameras == len(sample) and len(points) < len(sample)
    return Evidence("unit", "row_per_camera" if is_per_camera else "row_per_site", fields)


@dataclass(eq=False)
class UnitTally:
    """Counts over a whole register by which it shows whether a row is a camera or a site."""

    rows: int = 0
    cameras: int = 0

    def add(self, records: Sequence[CameraRow]) -> None:
        """Count these rows."""
        self.rows += len(records)
        self.cameras += sum(one.count for one in records)

    def warning(self, sites: int) -> str:
        """The code that says what a row of this register is. `sites`: how many sites its rows came to."""
        return "row_per_camera" if self.cameras == self.rows and sites < self.rows else "row_per_site"
