"""One chunk of text fields to good incidents and findings about the rest. Vectorised; every row ends in exactly one place.

Times are epoch seconds UTC, coordinates degrees WGS84, cells H3 indexes at resolution 10 with their parent at 9.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from ingestion import places, times
from ingestion.errors import REASONS
from ingestion.header import Layout
from ingestion.places import Boundary
from ingestion.presets import Preset
from ingestion.reader import Chunk
from ingestion.report import Finding

ID_MAX_LENGTH = 80
RAW_MAX_LENGTH = 4000
VALUE_MAX_LENGTH = 200
_CODES = ("", *REASONS)
_NUMBER = {code: number for number, code in enumerate(_CODES)}
_TIME = np.array([_NUMBER[code] for code in times.TIME_REASONS], np.uint8)
_PLACE = np.array([_NUMBER[code] for code in places.PLACE_REASONS], np.uint8)


@dataclass(frozen=True)
class Rules:
    """What a row is held against. `categories`: lower-case source value to the number written for it.

    `time_zone`: of clock times without an offset; `week_zone`: of the jurisdiction, for the hour of the week;
    `now`: aware, handed in.
    """

    preset: Preset
    categories: Mapping[str, int]
    boundary: Boundary
    time_zone: str
    week_zone: str
    now: datetime


@dataclass(frozen=True, eq=False)
class Incidents:
    """The good rows of a chunk, in file order; all arrays have one entry a row. `source_id` is None without such a column."""

    line: NDArray[np.int64]
    category: NDArray[np.int64]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    hour_of_week: NDArray[np.int16]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    cell: NDArray[np.uint64]
    parent: NDArray[np.uint64]
    source_id: list[str | None] | None

    def __len__(self) -> int:
        return len(self.line)


@dataclass(eq=False)
class Checked:
    """A chunk after validation. `good_rows[i]` is the row of the chunk from which incident i was made."""

    incidents: Incidents
    findings: list[Finding]
    warnings: dict[str, list[int]] = field(default_factory=dict)
    good_rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class _Sheet:
    """The columns of a chunk's readable rows, and the reason found for each row so far (0: none)."""

    def __init__(self, chunk: Chunk, layout: Layout):
        self.chunk, self.layout = chunk, layout
        self.reason = np.zeros(len(chunk.rows), np.uint8)
        self.column_at_fault: dict[int, str] = {}
        widths = np.fromiter(map(len, chunk.rows), np.int64, len(chunk.rows))
        self.reason[widths != layout.width] = _NUMBER["field_count"]
        for row, code in chunk.broken.items():
            self.reason[row] = _NUMBER[code]
        self.rows = np.flatnonzero(self.reason == 0)
        readable = chunk.rows if self.rows.size == len(chunk.rows) else [chunk.rows[row] for row in self.rows.tolist()]
        self.fields = {name: list(map(itemgetter(place), readable)) for name, place in layout.position.items()}

    def blame(self, name: str, codes: NDArray[np.uint8]) -> None:
        """Note the codes of a field for readable rows that have none yet."""
        fresh = np.flatnonzero((codes != 0) & (self.reason[self.rows] == 0))
        for place in fresh.tolist():
            self.column_at_fault[int(self.rows[place])] = name
        self.reason[self.rows[fresh]] = codes[fresh]


def check(chunk: Chunk, layout: Layout, rules: Rules) -> Checked:
    """Validate a chunk (without its header) against the rules."""
    sheet = _Sheet(chunk, layout)
    warnings: dict[str, list[int]] = {}
    category = _categories(sheet, rules.categories)
    start_s, end_s, doubtful = _times(sheet, rules)
    latitude, longitude = _coordinates(sheet, rules.boundary)
    source_id = _identifiers(sheet)

    good = sheet.reason[sheet.rows] == 0
    rows = sheet.rows[good]
    lines = np.array(chunk.lines, np.int64)
    for code, mask in doubtful.items():
        if (mask & good).any():
            warnings[code] = lines[sheet.rows[mask & good]].tolist()
    if chunk.blank_lines:
        warnings["blank_lines"] = chunk.blank_lines
    cell = places.cells_of(latitude[good], longitude[good])
    middle_s = start_s[good] + (end_s[good] - start_s[good]) // 2
    incidents = Incidents(
        line=lines[rows],
        category=category[good],
        start_s=start_s[good],
        end_s=end_s[good],
        hour_of_week=times.hour_of_week(middle_s, time_zone=rules.week_zone),
        latitude=latitude[good],
        longitude=longitude[good],
        cell=cell,
        parent=places.parents_of(cell),
        source_id=None if source_id is None else [source_id[place] for place in np.flatnonzero(good).tolist()],
    )
    return Checked(incidents, _findings(sheet), warnings, rows)


def tidy(text: str, length: int) -> str:
    """Text that the database takes: no NUL bytes, no line end, not too long."""
    return text.rstrip("\r\n").replace("\0", "␀")[:length]


def _categories(sheet: _Sheet, known: Mapping[str, int]) -> NDArray[np.int64]:
    texts = sheet.fields["category"]
    number = {text: known.get(text.strip().casefold(), 0 if text.strip() else -1) for text in set(texts)}
    found = np.fromiter(map(number.__getitem__, texts), np.int64, len(texts))
    codes = np.where(found == 0, _NUMBER["unknown_category"], np.where(found < 0, _NUMBER["category_missing"], 0))
    sheet.blame("category", codes.astype(np.uint8))
    return found


def _times(sheet: _Sheet, rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    """Start and end in epoch seconds UTC, and which rows deserve a warning, by its code."""
    start, start_at, doubtful = _one_time(sheet, "occurred_from", rules)
    end = np.where(start.day_only, start_at + times.DAY_S - 1, start_at)
    if "occurred_to" in sheet.fields:
        texts = sheet.fields["occurred_to"]
        given = np.fromiter((bool(text.strip()) for text in texts), np.bool_, len(texts))
        if given.any():
            last, last_at, last_doubtful = _one_time(sheet, "occurred_to", rules, given)
            last_at = np.where(last.day_only, last_at + times.DAY_S - 1, last_at)
            end = np.where(given, last_at, end)
            sheet.blame("occurred_to", _coded(given & (last_at < start_at), "end_before_start"))
            doubtful = {code: mask | (last_doubtful[code] & given) for code, mask in doubtful.items()}
    now_s = int(rules.now.timestamp())
    sheet.blame("occurred_from", _coded(start_at > now_s, "in_future"))
    if "occurred_to" in sheet.fields:
        sheet.blame("occurred_to", _coded(given & (last_at > now_s + times.DAY_S), "in_future") if given.any() else _none(sheet))
    return start_at, np.maximum(end, start_at), doubtful


def _one_time(
    sheet: _Sheet, name: str, rules: Rules, given: NDArray[np.bool_] | None = None
) -> tuple[times.ParsedTimes, NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    parsed = times.parse_times(sheet.fields[name], layouts=rules.preset.time_layouts, iso=rules.preset.iso)
    sheet.blame(name, _TIME[parsed.reason] if given is None else np.where(given, _TIME[parsed.reason], 0).astype(np.uint8))
    instants = times.to_utc(parsed.seconds, parsed.has_offset, time_zone=rules.time_zone)
    readable = parsed.reason == times.OK
    doubtful = {
        "skipped_hour": instants.skipped & readable & ~parsed.day_only,
        "doubled_hour": instants.doubled & readable & ~parsed.day_only,
        "day_only": parsed.day_only & readable,
    }
    return parsed, instants.seconds, doubtful


def _coordinates(sheet: _Sheet, boundary: Boundary) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    latitude, latitude_code = places.parse_degrees(sheet.fields["latitude"])
    longitude, longitude_code = places.parse_degrees(sheet.fields["longitude"])
    sheet.blame("latitude", _PLACE[latitude_code])
    sheet.blame("longitude", _PLACE[longitude_code])
    ready = np.flatnonzero((latitude_code == 0) & (longitude_code == 0))
    judged = np.zeros(len(latitude), np.int8)
    judged[ready] = boundary.judge(latitude[ready], longitude[ready])
    sheet.blame("latitude", _PLACE[judged])
    return latitude, longitude


def _identifiers(sheet: _Sheet) -> list[str | None] | None:
    texts = sheet.fields.get("incident_id")
    if texts is None:
        return None
    identifiers = [text.strip() or None for text in texts]
    too_long = np.fromiter((len(name or "") > ID_MAX_LENGTH for name in identifiers), np.bool_, len(texts))
    sheet.blame("incident_id", _coded(too_long, "id_too_long"))
    return identifiers


def _coded(mask: NDArray[np.bool_], code: str) -> NDArray[np.uint8]:
    return np.where(mask, _NUMBER[code], 0).astype(np.uint8)


def _none(sheet: _Sheet) -> NDArray[np.uint8]:
    return np.zeros(sheet.rows.size, np.uint8)


def _findings(sheet: _Sheet) -> list[Finding]:
    """One finding for each row with a reason, in file order."""
    chunk, layout = sheet.chunk, sheet.layout
    findings = []
    for row in np.flatnonzero(sheet.reason).tolist():
        name = sheet.column_at_fault.get(row, "")
        findings.append(
            Finding(
                line=chunk.lines[row],
                column=layout.title.get(name, ""),
                reason=_CODES[sheet.reason[row]],
                value=tidy(_value(chunk.rows[row], layout, name, _CODES[sheet.reason[row]]), VALUE_MAX_LENGTH),
                raw=tidy(chunk.raw[row], RAW_MAX_LENGTH),
                fields=tuple(chunk.rows[row]),
            )
        )
    return findings


def _value(record: Sequence[str], layout: Layout, name: str, code: str) -> str:
    if code == "field_count":
        return str(len(record))
    if code in ("outside", "swapped_coordinates"):
        return f"{record[layout.position['latitude']].strip()}, {record[layout.position['longitude']].strip()}"
    return record[layout.position[name]].strip() if name else ""
