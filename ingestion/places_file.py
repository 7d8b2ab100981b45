"""A register of places as a table to place records: lamps, bells, licences of bars, schools, stations, parks, police boxes.

What was open on a given day can be told from `opened_on` and `closed_on`. A licence register keeps closed shops, and so do we.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ingestion import records_points
from ingestion.coordinates import FindPlaces
from ingestion.errors import FileRefused
from ingestion.kinds import FIELDS, Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.places_kinds import DEFAULT_PLACE_KINDS, PlaceKindEntry, guess_place_kind, kinds_with
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
    read_start,
    row_digest,
    tidy,
)

__all__ = ["DEFAULT_PLACE_KINDS", "PlaceKindEntry", "PlaceRow", "guess_place_kind", "kinds_with", "read_places"]

NAME_MAX_LENGTH = 80
ADDRESS_MAX_LENGTH = 200
MANY_AT_ONE_PLACE = 100
FIRST_REAL_YEAR = 1950  # licence registers write 1899, 1900 or 1904 where the year is not known
LONG_AGO = date(1900, 1, 1)

# Words of a licence's status, without blanks, that mean that the shop is not open.
CLOSED_WORDS = ("폐업", "취소", "말소", "만료", "정지", "중지", "휴업", "제외", "삭제", "전출", "closed")


@dataclass(frozen=True)
class PlaceRow:
    """One row of a register of places. Degrees WGS84.

    `source_id`: the register's identifier where it has one, else made of the row's point, name and address; rows that share
    it are one place, and whoever stores them adds their counts. `closed_on`: first day on which the place is no longer there;
    a place that is closed since an unknown day counts as open on no day (`closed_on` = `opened_on`).
    """

    line: int
    source_id: str
    name: str
    longitude: float
    latitude: float
    address: str
    count: int
    opened_on: date | None
    closed_on: date | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class _Memory:
    names: Seen = field(default_factory=Seen)
    has_identifiers: bool = False


def read_places(
    table: Table, mapping: ColumnMapping, boundary: Boundary, *, find: FindPlaces | None = None
) -> Iterator[Batch[PlaceRow]]:
    """Yield the register's rows, chunk by chunk. `find`: places by address, for rows without coordinates.

    Raises `FileRefused`, also where the mapping names no kind of place.
    """
    if not mapping.place_kind:
        raise FileRefused("place_kind_missing", file=table.name)
    layout = layout_of(table, mapping)
    memory = _Memory()
    title = layout.title.get("source_id")
    memory.has_identifiers = title is not None and is_unique(table, title)
    is_first = True
    for chunk in table.chunks():
        sheet = Sheet(chunk, layout)
        located = records_points.locate(sheet, mapping, boundary, find)
        reader = _RowReader(sheet, memory)
        reader.check()
        points = zip(located.longitude.tolist(), located.latitude.tolist(), strict=True)
        made = [reader.record(place, point) for place, point in enumerate(points) if sheet.is_good(place)]
        batch = sheet.batch(made)
        for code, line, value in reader.notes:
            batch.warn(code, line, value)
        records_points.note_points(batch, sheet, located)
        if is_first and title and not memory.has_identifiers:
            batch.warn("ids_repeat", table.first_line, title)
        is_first = False
        yield batch


class _RowReader:
    """Makes the records of a sheet's good rows. `notes`: (warning, line, value) of what deserves a look."""

    def __init__(self, sheet: Sheet, memory: _Memory):
        self.sheet, self.memory = sheet, memory
        self.text = {one.name: sheet.texts(one.name) for one in FIELDS[Kind.PLACES]}
        self.notes: list[tuple[str, int, str]] = []

    def check(self) -> None:
        """Reject rows whose count is no number, and identifiers that stand twice."""
        sheet, memory = self.sheet, self.memory
        for place in range(len(sheet)):
            if not sheet.is_good(place):
                continue
            text = self.text["count"][place]
            if text and not read_count(text):
                sheet.reject(place, "count", "not_a_count", text)
            name = self.text["source_id"][place] if memory.has_identifiers else ""
            if len(name) > ID_MAX_LENGTH:
                sheet.reject(place, "source_id", "id_too_long", name)
            elif name and memory.names.meet(row_digest([name])):
                sheet.reject(place, "source_id", "duplicate_in_file", name)

    def record(self, place: int, point: tuple[float, float]) -> PlaceRow:
        """The record of one row. `point`: longitude and latitude."""
        text, line = self.text, self.sheet.line(place)
        address, is_mended = mend_address(text["address"][place] or text["lot_address"][place])
        if is_mended:
            self.notes.append(("address_doubled", line, text["address"][place] or text["lot_address"][place]))
        count = read_count(text["count"][place]) or 1
        if count > MANY_AT_ONE_PLACE:
            self.notes.append(("large_count", line, text["count"][place]))
        opened, closed = self._open_days(place, line)
        name = " ".join(text["name"][place].split())
        identifier = text["source_id"][place] if self.memory.has_identifiers else ""
        key = identifier or content_key(point_key(*point), name, address)
        if not identifier and self.memory.names.meet(row_digest([key])):
            self.notes.append(("same_place", line, name))
        details = {
            "sort": text["sort"][place],
            "status": text["status"][place],
            "lot_address": mend_address(text["lot_address"][place])[0],
            "reference_date": text["reference_date"][place],
        }
        return PlaceRow(
            line=line,
            source_id=key,
            name=tidy(name, NAME_MAX_LENGTH),
            longitude=point[0],
            latitude=point[1],
            address=tidy(address, ADDRESS_MAX_LENGTH),
            count=count,
            opened_on=opened,
            closed_on=closed,
            details={name: value for name, value in details.items() if value and value != address},
        )

    def _open_days(self, place: int, line: int) -> tuple[date | None, date | None]:
        """First day open and first day closed. What the register leaves open or contradicts is None, and noted."""
        opened, closed = self._day("opened_on", place, line), self._day("closed_on", place, line)
        if opened is not None and opened.year < FIRST_REAL_YEAR:
            self.notes.append(("opening_placeholder", line, self.text["opened_on"][place]))
            opened = None
        if opened and closed and closed < opened:
            self.notes.append(("closed_before_opened", line, f"{opened} – {closed}"))
            opened = None
        status = "".join(self.text["status"][place].casefold().split())
        if closed is None and any(word in status for word in CLOSED_WORDS):
            self.notes.append(("closed_undated", line, self.text["status"][place]))
            closed = opened or LONG_AGO
        return opened, closed

    def _day(self, name: str, place: int, line: int) -> date | None:
        text = self.text[name][place]
        day = read_day(text) or read_start(text)
        if text and day is None:
            self.notes.append(("date_unread", line, text))
        return day
