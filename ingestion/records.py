"""What cameras, places, areas and figures share on their way from a table to records: columns by field, findings, warnings.

In: one `Table` and its `ColumnMapping`. Out: `Batch`es of records, one a chunk, and in the end a `Report`. Every row ends in
exactly one place: in a record, or in a finding.
"""

import hashlib
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingestion.errors import FileRefused
from ingestion.kinds import FIELDS
from ingestion.mapping import ColumnMapping
from ingestion.readers import Limits, open_tables
from ingestion.readers.chunk import Chunk
from ingestion.readers.table import Table
from ingestion.report import LINES_SHOWN, POINTS_SHOWN, VALUES_SHOWN, Finding, Report

VALUE_MAX_LENGTH = 200
RAW_MAX_LENGTH = 4000
ID_MAX_LENGTH = 80
COUNT_DIGITS = 6  # nothing stands a million times at one place
UNIQUE_SHARE = 0.99  # a column whose values repeat more than this is no identifier, whatever its title says

# What people write where there is nothing to say.
NIL = frozenset({"", "-", "없음", "해당없음", "미상", "null", "none", "n/a", "nan"})

BoolArray = NDArray[np.bool_]
Float64Array = NDArray[np.float64]
Record = TypeVar("Record")


@dataclass(eq=False)
class Noted:
    """Rows of one batch with the same warning: their number, first lines and values."""

    count: int = 0
    lines: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Batch(Generic[Record]):
    """What became of one chunk. `points`: (longitude, latitude, is accepted) of rows that have a readable point."""

    records: list[Record]
    findings: list[Finding]
    rows: int
    warnings: dict[str, Noted] = field(default_factory=dict)
    points: list[tuple[float, float, bool]] = field(default_factory=list)
    fraction: float = 0.0
    last_line: int = 1

    def warn(self, code: str, line: int, value: str = "") -> None:
        """Note a row that is taken in but deserves a look."""
        noted = self.warnings.setdefault(code, Noted())
        noted.count += 1
        if len(noted.lines) < LINES_SHOWN and noted.lines[-1:] != [line]:
            noted.lines.append(line)
        if value and len(noted.values) < VALUES_SHOWN and value not in noted.values:
            noted.values.append(value)


@dataclass(frozen=True)
class Layout:
    """Where the mapped columns stand: `position` and `title` by field; `width`: fields that a row must have."""

    width: int
    position: dict[str, int]
    title: dict[str, str]


def open_table(path: Path, *, file_name: str, max_content_bytes: int, mapping: ColumnMapping) -> Table:
    """The table of a file that a mapping speaks of. Raises `FileRefused`."""
    limits = Limits(max_content_bytes=max_content_bytes)
    tables = open_tables(path, file_name=file_name, limits=limits, choice=mapping.reading)
    if not tables:
        raise FileRefused("empty", file=file_name)
    return tables[0]


def layout_of(table: Table, mapping: ColumnMapping) -> Layout:
    """Find every mapped column. Raises `FileRefused` for one that the table lacks, or a required field without a column."""
    places = {title: place for place, title in enumerate(table.header)}
    position: dict[str, int] = {}
    for name, title in mapping.columns.items():
        if not title:
            continue
        if title not in places:
            found = ", ".join(table.header)[:300]
            raise FileRefused("missing_column", file=table.name, line=table.first_line, column=title, value=found)
        position[name] = places[title]
    for one in FIELDS[mapping.kind]:
        if one.required and one.name not in position:
            found = ", ".join(table.header)[:300]
            raise FileRefused("missing_column", file=table.name, line=table.first_line, column=one.label, value=found)
    return Layout(len(table.header), position, {name: table.header[place] for name, place in position.items()})


class Sheet:
    """The readable rows of a chunk under a layout, and the finding of every row that cannot be taken in.

    `rows[i]` is the row of the chunk that the i-th readable row stands in; `text(name)` gives a field's column, stripped.
    """

    def __init__(self, chunk: Chunk, layout: Layout):
        self.chunk, self.layout = chunk, layout
        self.found: dict[int, Finding] = {}
        self.rows: list[int] = []
        for row, fields in enumerate(chunk.rows):
            if row in chunk.broken:
                self._find(row, "", chunk.broken[row], "", "")
            elif len(fields) != layout.width:
                self._find(row, "", "field_count", str(len(fields)), "")
            else:
                self.rows.append(row)

    def __len__(self) -> int:
        return len(self.rows)

    def text(self, name: str) -> list[str] | None:
        """A field's texts without outer blanks, one a readable row; None where no column is named for it."""
        place = self.layout.position.get(name)
        if place is None:
            return None
        rows = self.chunk.rows
        return [rows[row][place].strip() for row in self.rows]

    def texts(self, name: str) -> list[str]:
        """As `text`, blanks where there is no such column; what stands for nothing ("없음", "-") is blank."""
        column = self.text(name)
        if column is None:
            return [""] * len(self.rows)
        return ["" if text.casefold() in NIL else text for text in column]

    def line(self, place: int) -> int:
        """Line of the file of a readable row."""
        return self.chunk.lines[self.rows[place]]

    def reject(self, place: int, name: str, reason: str, value: str = "", mend: str = "") -> None:
        """Find a readable row wanting; only its first reason counts."""
        self._find(self.rows[place], self.layout.title.get(name, name), reason, value, mend)

    def is_good(self, place: int) -> bool:
        """Whether nothing was found against a readable row."""
        return self.rows[place] not in self.found

    def good(self) -> Iterator[int]:
        """Readable rows against which nothing was found."""
        found = self.found
        return (place for place, row in enumerate(self.rows) if row not in found)

    def batch(self, records: list[Record]) -> Batch[Record]:
        """What became of the chunk."""
        findings = [self.found[row] for row in sorted(self.found)]
        last = self.chunk.lines[-1] if self.chunk.lines else 1
        made = Batch(records, findings, len(self.chunk.rows), fraction=self.chunk.fraction, last_line=last)
        for line in self.chunk.blank_lines:
            made.warn("blank_lines", line)
        return made

    def _find(self, row: int, column: str, reason: str, value: str, mend: str) -> None:
        if row in self.found:
            return
        chunk = self.chunk
        raw = chunk.raw[row] if row < len(chunk.raw) else ",".join(chunk.rows[row])
        self.found[row] = Finding(
            line=chunk.lines[row],
            column=column[:80],
            reason=reason,
            value=tidy(value, VALUE_MAX_LENGTH),
            raw=tidy(raw, RAW_MAX_LENGTH),
            fields=tuple(tidy(text, RAW_MAX_LENGTH) for text in chunk.rows[row]),
            mend=mend,
        )


def tidy(text: str, length: int) -> str:
    """Text that the database takes: no NUL bytes, no line end at its end, not too long."""
    return text.rstrip("\r\n").replace("\0", "␀")[:length]


def collect(
    batches: Iterable[Batch[Record]],
    *,
    write: Callable[[list[Record]], None],
    write_findings: Callable[[list[Finding]], None],
    progress: Callable[[float, str], None],
) -> Report:
    """Run through all batches, hand their records and findings on, and add up the report."""
    report = Report()
    sample = PointSample()
    for batch in batches:
        write(batch.records)
        write_findings(batch.findings)
        report.rows += batch.rows
        report.accepted += batch.rows - len(batch.findings)
        for finding in batch.findings:
            report.reject(finding)
        for code, noted in batch.warnings.items():
            report.warn(code, noted.count, noted.lines, noted.values)
        sample.add(batch.points)
        report.last_line = max(report.last_line, batch.last_line)
        progress(min(batch.fraction, 0.99), "write")
    report.points = sample.points
    return report


class PointSample:
    """At most `POINTS_SHOWN` points, evenly taken from however many there are, the same ones every time."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float, bool]] = []
        self.step = 1
        self.seen = 0

    def add(self, points: Sequence[tuple[float, float, bool]]) -> None:
        """Take every `step`-th point; when there are too many, every second goes and the step doubles."""
        for point in points:
            if self.seen % self.step == 0:
                self.points.append(point)
                if len(self.points) > POINTS_SHOWN:
                    self.points = self.points[::2]
                    self.step *= 2
            self.seen += 1


def content_key(*parts: object) -> str:
    """A stable identifier for what has none of its own: 26 letters that depend on these parts only."""
    text = "\x1f".join(str(part) for part in parts)
    return "h-" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def point_key(longitude: float, latitude: float) -> str:
    """A point to 1 cm, so that 37.5 and 37.50000001 are one place."""
    return f"{longitude:.7f},{latitude:.7f}"


def row_digest(fields: Sequence[str]) -> int:
    """64 bits by which full repeats of a row are found in little memory."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(fields).encode(), digest_size=8).digest())


class Seen:
    """Digests met so far, 8 bytes each: new ones in a set, older ones in one sorted array."""

    FRESH = 50_000

    def __init__(self) -> None:
        self.fresh: set[int] = set()
        self.older = array("Q")

    def meet(self, digest: int) -> bool:
        """Whether this digest was met before; from now on it was."""
        place = bisect_left(self.older, digest)
        if digest in self.fresh or (place < len(self.older) and self.older[place] == digest):
            return True
        self.fresh.add(digest)
        if len(self.fresh) > self.FRESH:
            merged = np.union1d(np.frombuffer(self.older, np.uint64), np.fromiter(self.fresh, np.uint64, len(self.fresh)))
            self.older = array("Q", merged.tobytes())
            self.fresh.clear()
        return False


def is_unique(table: Table, title: str) -> bool:
    """Whether a column can identify rows: hardly any of its values stands twice (blanks do not count).

    Reads the table once, 8 bytes a row.
    """
    place = table.header.index(title)
    digests: list[NDArray[np.uint64]] = []
    for chunk in table.chunks():
        texts = [row[place].strip() for row in chunk.rows if len(row) == len(table.header)]
        known = [row_digest([text]) for text in texts if text]
        digests.append(np.array(known, np.uint64))
    every = np.concatenate([*digests, np.zeros(0, np.uint64)])
    return len(np.unique(every)) >= UNIQUE_SHARE * every.size


_DAY = re.compile(r"((?:1[89]|20|21)\d\d)\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})\s*일?\.?(?:[T\s].*)?")
_MONTH = re.compile(r"((?:1[89]|20|21)\d\d)\s*[-./년]?\s*(\d{1,2})\s*월?\.?")
_TIGHT = re.compile(r"((?:1[89]|20|21)\d\d)(\d\d)(\d\d)(?:\d{6})?")


def read_day(text: str) -> date | None:
    """A day as registers write it (2020-02-27, 2020.3.24, 20200227, 2020-02-27 00:00:00), None where it is none."""
    found = _TIGHT.fullmatch(text) or _DAY.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def read_month(text: str) -> date | None:
    """First day of a month as registers write it (2018-09, 2018.9, 201809, or a whole day), None where it is none."""
    day = read_day(text)
    if day is not None:
        return day.replace(day=1)
    found = _MONTH.fullmatch(text)
    if found is None or not 1 <= int(found[2]) <= 12:
        return None
    return date(int(found[1]), int(found[2]), 1)


_YEAR = re.compile(r"((?:1[89]|20|21)\d\d)\s*년?도?")


def read_start(text: str) -> date | None:
    """First day of a month or of a year alone ("2008"), None where it is neither."""
    month = read_month(text)
    found = _YEAR.fullmatch(text)
    return month or (date(int(found[1]), 1, 1) if found else None)


_COUNT = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.0*)?\s*(?:대|개|등|명)?")


def read_count(text: str) -> int | None:
    """A whole number with or without thousands commas and unit ("1,395", "3대"), None where it is none."""
    found = _COUNT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    digits = found[1].replace(",", "") if found else ""
    return int(digits) if digits and len(digits) <= COUNT_DIGITS else None


_DOUBLED = re.compile(r"\b(\S+[시군구])(\s+\1)+(?=\s)")


def mend_address(text: str) -> tuple[str, bool]:
    """An address with single blanks and no part twice ("강동구 강동구 명일로 248"), and whether a part stood twice."""
    plain = " ".join(text.split())
    mended = _DOUBLED.sub(r"\1", plain)
    return mended, mended != plain
