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
from ingestion.categories import LEFT_OUT
from ingestion.coordinates import COORDINATE_REASONS, FindPlaces, Located, locate
from ingestion.errors import REASONS
from ingestion.header import Layout
from ingestion.incidents_tally import Tally
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.readers import Chunk
from ingestion.report import Finding
from ingestion.times_text import split_interval

ID_MAX_LENGTH = 80
RAW_MAX_LENGTH = 4000
VALUE_MAX_LENGTH = 200
_MISSING = -1
_CODES = tuple(dict.fromkeys(("", *REASONS, *COORDINATE_REASONS)))
_NUMBER = {code: number for number, code in enumerate(_CODES)}
_TIME = np.array([_NUMBER[code] for code in times.TIME_REASONS], np.uint8)
_PLACE = np.array([_NUMBER[code] for code in COORDINATE_REASONS], np.uint8)

BoolArray = NDArray[np.bool_]
Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """What a row is held against. `categories`: case-folded source value to the number written for it, or `LEFT_OUT`.

    `time_zone`: of clock times without an offset; `week_zone`: of the jurisdiction, for the hour of the week;
    `now`: aware, handed in; `find`: places by address, for rows without coordinates.
    """

    mapping: ColumnMapping
    categories: Mapping[str, int]
    boundary: Boundary
    time_zone: str
    week_zone: str
    now: datetime
    find: FindPlaces | None = None


@dataclass(frozen=True, eq=False)
class Incidents:
    """The good rows of a chunk, in file order; all arrays have one entry a row. `source_id` is None without such a column."""

    line: Int64Array
    category: Int64Array
    start_s: Int64Array
    end_s: Int64Array
    hour_of_week: NDArray[np.int16]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    cell: NDArray[np.uint64]
    parent: NDArray[np.uint64]
    source_id: list[str | None] | None

    def __len__(self) -> int:
        return len(self.line)

    def only(self, mask: BoolArray) -> "Incidents":
        """Those incidents for which the mask holds."""
        names = None if self.source_id is None else [self.source_id[place] for place in np.flatnonzero(mask).tolist()]
        return Incidents(
            self.line[mask], self.category[mask], self.start_s[mask], self.end_s[mask], self.hour_of_week[mask],
            self.latitude[mask], self.longitude[mask], self.cell[mask], self.parent[mask], names,
        )  # fmt: skip


@dataclass(eq=False)
class Checked:
    """A chunk after validation. `good_rows[i]` is the row of the chunk from which incident i was made.

    `takes_back`: good rows that do not report an incident but take an earlier one back (count −1), and `back_rows` theirs.
    """

    incidents: Incidents
    findings: list[Finding]
    warnings: dict[str, list[int]] = field(default_factory=dict)
    good_rows: Int64Array = field(default_factory=lambda: np.empty(0, np.int64))
    takes_back: Incidents | None = None
    tally: Tally = field(default_factory=Tally)


class _Sheet:
    """The columns of a chunk's readable rows, and the reason found for each row so far (0: none)."""

    def __init__(self, chunk: Chunk, layout: Layout):
        self.chunk, self.layout = chunk, layout
        self.reason = np.zeros(len(chunk.rows), np.uint8)
        self.column_at_fault: dict[int, str] = {}
        self.value_at_fault: dict[int, str] = {}
        self.mends: dict[int, str] = {}
        widths = np.fromiter(map(len, chunk.rows), np.int64, len(chunk.rows))
        self.reason[widths != layout.width] = _NUMBER["field_count"]
        for row, code in chunk.broken.items():
            self.reason[row] = _NUMBER[code]
        self.rows = np.flatnonzero(self.reason == 0)
        readable = chunk.rows if self.rows.size == len(chunk.rows) else [chunk.rows[row] for row in self.rows.tolist()]
        self.fields = {name: list(map(itemgetter(place), readable)) for name, place in layout.position.items()}

    def blame(self, name: str, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Note the codes of a field for readable rows that have none yet; returns those rows' places."""
        fresh = np.flatnonzero((codes != 0) & (self.reason[self.rows] == 0))
        for place in fresh.tolist():
            self.column_at_fault[int(self.rows[place])] = name
        self.reason[self.rows[fresh]] = codes[fresh]
        return fresh


def check(chunk: Chunk, layout: Layout, rules: Rules) -> Checked:
    """Validate a chunk (without its header) against the rules."""
    sheet = _Sheet(chunk, layout)
    category = _categories(sheet, rules)
    moments = _times(sheet, rules)
    located = _coordinates(sheet, rules)
    source_id = _identifiers(sheet)
    counts = _counts(sheet)

    good = sheet.reason[sheet.rows] == 0
    rows = sheet.rows[good]
    lines = np.array(chunk.lines, np.int64)
    warnings = {code: lines[sheet.rows[mask & good]].tolist() for code, mask in moments.doubtful.items() if (mask & good).any()}
    warnings |= {f"mended_{code}": lines[sheet.rows[places_]].tolist() for code, places_ in located.mended_rows().items()}
    if counts is not None and (counts[good] > 1).any():
        warnings["count_above_one"] = lines[rows[counts[good] > 1]].tolist()
    if chunk.blank_lines:
        warnings["blank_lines"] = chunk.blank_lines
    seen = _Seen(category, moments, located, source_id, good)
    incidents = _incidents(rules, seen, lines[rows])
    checked = Checked(incidents, _findings(sheet), {code: found for code, found in warnings.items() if found}, rows)
    checked.tally = _tally(sheet, rules, seen)
    if counts is not None and (counts[good] < 0).any():
        negative = counts[good] < 0
        checked.takes_back = incidents.only(negative)
        checked.incidents, checked.good_rows = incidents.only(~negative), rows[~negative]
    return checked


def tidy(text: str, length: int) -> str:
    """Text that the database takes: no NUL bytes, no line end, not too long."""
    return text.rstrip("\r\n").replace("\0", "␀")[:length]


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was read of the readable rows, field by field, and which of them are good."""

    category: Int64Array
    moments: "_Moments"
    located: Located
    source_id: list[str | None] | None
    good: BoolArray


def _incidents(rules: Rules, seen: _Seen, lines: Int64Array) -> Incidents:
    category, moments, located, source_id, good = seen.category, seen.moments, seen.located, seen.source_id, seen.good
    latitude, longitude = located.latitude[good], located.longitude[good]
    cell = places.cells_of(latitude, longitude)
    start_s, end_s = moments.start_s[good], moments.end_s[good]
    return Incidents(
        line=lines,
        category=category[good],
        start_s=start_s,
        end_s=end_s,
        hour_of_week=times.hour_of_week(start_s + (end_s - start_s) // 2, time_zone=rules.week_zone),
        latitude=latitude,
        longitude=longitude,
        cell=cell,
        parent=places.parents_of(cell),
        source_id=None if source_id is None else [source_id[place] for place in np.flatnonzero(good).tolist()],
    )


def _categories(sheet: _Sheet, rules: Rules) -> Int64Array:
    """The number of each row's category; 0 where it is not known."""
    if "category" not in sheet.fields:  # one category for the whole file, which a person named
        fixed = rules.categories[str(rules.mapping.options["category"]).casefold()]
        return np.full(sheet.rows.size, fixed, np.int64)
    texts = sheet.fields["category"]
    number = {text: _category(text, rules.categories) for text in set(texts)}
    found = np.fromiter(map(number.__getitem__, texts), np.int64, len(texts))
    codes = np.where(found == 0, _NUMBER["unknown_category"], np.where(found == _MISSING, _NUMBER["category_missing"], 0))
    sheet.blame("category", np.where(found == LEFT_OUT, _NUMBER["left_out"], codes).astype(np.uint8))
    return found


def _category(text: str, known: Mapping[str, int]) -> int:
    value = text.strip().casefold()
    return known.get(value, 0 if value else _MISSING)


@dataclass(frozen=True, eq=False)
class _Moments:
    """When the readable rows happened. `start`: as read; `doubtful`: rows that deserve a warning, by its code."""

    start: times.ParsedTimes
    start_s: Int64Array
    end_s: Int64Array
    clock_s: Int64Array
    doubtful: dict[str, BoolArray]
    delay_s: Int64Array | None = None


def _times(sheet: _Sheet, rules: Rules) -> _Moments:
    """Start and end in epoch seconds UTC."""
    _split_intervals(sheet, rules.mapping.time_order)
    start, clock_s, start_at, doubtful = _one_time(sheet, "occurred_from", rules)
    end = start_at + np.maximum(start.span_s - 1, 0)
    now_s = int(rules.now.timestamp())
    if "occurred_to" in sheet.fields:
        texts = sheet.fields["occurred_to"]
        given = np.fromiter((bool(text.strip()) for text in texts), np.bool_, len(texts))
        if given.any():
            last, _, last_at, last_doubtful = _one_time(sheet, "occurred_to", rules, given)
            given &= last.reason != times.MISSING
            last_at = last_at + np.maximum(last.span_s - 1, 0)
            end = np.where(given, last_at, end)
            sheet.blame("occurred_to", _coded(given & (last_at < start_at), "end_before_start"))
            doubtful = {code: mask | (last_doubtful[code] & given) for code, mask in doubtful.items()}
            sheet.blame("occurred_from", _coded(start_at > now_s, "in_future"))
            sheet.blame("occurred_to", _coded(given & (last_at > now_s + times.DAY_S), "in_future"))
            doubtful["end_unknown"] = ~given
    sheet.blame("occurred_from", _coded(start_at > now_s, "in_future"))
    end = np.maximum(end, start_at)
    return _Moments(start, start_at, end, clock_s, doubtful, _delays(sheet, rules, end))


def _split_intervals(sheet: _Sheet, order: str) -> None:
    """Intervals that stand in one column ("22:00 ~ 23:30") become two."""
    texts = sheet.fields["occurred_from"]
    if "occurred_to" in sheet.fields or not any("~" in text for text in texts):
        return
    parts = {text: split_interval(text, order) for text in set(texts)}
    sheet.fields["occurred_from"] = [parts[text][0] for text in texts]
    sheet.fields["occurred_to"] = [parts[text][1] for text in texts]


def _one_time(
    sheet: _Sheet, name: str, rules: Rules, given: BoolArray | None = None
) -> tuple[times.ParsedTimes, Int64Array, Int64Array, dict[str, BoolArray]]:
    """A column as read, its clock seconds, the same in UTC, and the rows that deserve a warning."""
    parsed = times.read_times(sheet.fields[name], order=rules.mapping.time_order)
    missing_is_fine = parsed.reason == times.MISSING if given is not None else np.zeros(len(parsed.reason), np.bool_)
    sheet.blame(name, np.where(missing_is_fine, 0, _TIME[parsed.reason]).astype(np.uint8))
    if name == "occurred_from" and "clock" in sheet.fields:
        parsed, clock_reason = times.with_clock(parsed, sheet.fields["clock"])
        bad = (clock_reason != times.OK) & (clock_reason != times.MISSING)
        sheet.blame("clock", np.where(bad, _TIME[clock_reason], 0).astype(np.uint8))
    instants = times.to_utc(parsed.seconds, parsed.has_offset, time_zone=rules.time_zone)
    readable = parsed.reason == times.OK
    doubtful = {
        "skipped_hour": instants.skipped & readable & ~parsed.day_only,
        "doubled_hour": instants.doubled & readable & ~parsed.day_only,
        "day_only": parsed.day_only & readable,
    }
    return parsed, parsed.seconds, instants.seconds, doubtful


def _delays(sheet: _Sheet, rules: Rules, end_s: Int64Array) -> Int64Array | None:
    """Seconds from the end of each incident to its report, −1 where that is not known."""
    if "reported_at" not in sheet.fields:
        return None
    reported = times.read_times(sheet.fields["reported_at"], order=rules.mapping.time_order)
    at = times.to_utc(reported.seconds, reported.has_offset, time_zone=rules.time_zone).seconds
    at = at + np.maximum(reported.span_s - 1, 0)
    known: Int64Array = np.where((reported.reason == times.OK) & (at >= end_s), at - end_s, -1)
    return known


def _coordinates(sheet: _Sheet, rules: Rules) -> Located:
    names: tuple[str, ...] = ("latitude", "longitude", "geometry", *(("address",) if rules.find else ()))
    given: dict[str, list[str]] = {name: sheet.fields[name] for name in names if name in sheet.fields}
    located = locate(given or {"latitude": [""] * sheet.rows.size}, rules.mapping, rules.boundary, find=rules.find)
    codes = _PLACE[located.reason]
    for place in sheet.blame("latitude", codes).tolist() if codes.any() else ():
        row = int(sheet.rows[place])
        sheet.column_at_fault[row] = located.field(place)
        sheet.value_at_fault[row] = located.value(place)
        if located.mend_code(place):
            sheet.mends[row] = located.mend_code(place)
    return located


def _identifiers(sheet: _Sheet) -> list[str | None] | None:
    texts = sheet.fields.get("incident_id")
    if texts is None:
        return None
    identifiers = [text.strip().replace("\0", "␀") or None for text in texts]
    too_long = np.fromiter((len(name or "") > ID_MAX_LENGTH for name in identifiers), np.bool_, len(texts))
    sheet.blame("incident_id", _coded(too_long, "id_too_long"))
    return identifiers


def _counts(sheet: _Sheet) -> Int64Array | None:
    """How many incidents each row stands for; −1 takes an earlier one back. A blank is one."""
    texts = sheet.fields.get("count")
    if texts is None:
        return None
    number = {text: _count(text) for text in set(texts)}
    unreadable = np.fromiter((number[text] is None for text in texts), np.bool_, len(texts))
    counts = np.fromiter((number[text] or 0 for text in texts), np.int64, len(texts))
    sheet.blame("count", _coded(unreadable | (counts < -1), "count_unreadable"))
    sheet.blame("count", _coded(counts == 0, "count_zero"))
    return counts


def _count(text: str) -> int | None:
    plain = text.strip().replace(",", "").replace("−", "-").removesuffix(".0")
    if not plain:
        return 1
    return int(plain) if plain.removeprefix("-").isdecimal() and len(plain) < 10 else None


def _tally(sheet: _Sheet, rules: Rules, seen: _Seen) -> Tally:
    """What the report says of the chunk's readable rows beside their reasons."""
    category, moments, located, good = seen.category, seen.moments, seen.located, seen.good
    tally = Tally(rows=len(sheet.chunk.rows), located=int((located.reason == 0).sum()), known=int((category != 0).sum()))
    timed = moments.start.reason == times.OK
    tally.note_times(moments.clock_s[timed], moments.start.span_s[timed])
    tally.note_months(times.local_months(moments.start_s[good], time_zone=rules.week_zone))
    if moments.delay_s is not None:
        tally.note_delays(moments.delay_s[good & (moments.delay_s >= 0)])
    for text, count in _unknown(sheet, category):
        tally.unknown[text] += count
    shown = np.flatnonzero(np.isfinite(located.latitude))
    tally.note_points(located.longitude[shown], located.latitude[shown], good[shown])
    return tally


def _unknown(sheet: _Sheet, category: Int64Array) -> list[tuple[str, int]]:
    rows = np.flatnonzero(category == 0)
    if not rows.size:
        return []
    texts = [sheet.fields["category"][row].strip()[:VALUE_MAX_LENGTH] for row in rows.tolist()]
    return [(text, texts.count(text)) for text in set(texts)]


def _coded(mask: BoolArray, code: str) -> NDArray[np.uint8]:
    return np.where(mask, _NUMBER[code], 0).astype(np.uint8)


def _findings(sheet: _Sheet) -> list[Finding]:
    """One finding for each row with a reason, in file order."""
    chunk, layout = sheet.chunk, sheet.layout
    findings = []
    for row in np.flatnonzero(sheet.reason).tolist():
        name = sheet.column_at_fault.get(row, "")
        value = sheet.value_at_fault.get(row)
        if value is None:
            value = _value(chunk.rows[row], layout, name, _CODES[sheet.reason[row]])
        findings.append(
            Finding(
                line=chunk.lines[row],
                column=layout.title.get(name, layout.title.get("occurred_from", "") if name else ""),
                reason=_CODES[sheet.reason[row]],
                value=tidy(value, VALUE_MAX_LENGTH),
                raw=tidy(chunk.raw[row], RAW_MAX_LENGTH),
                fields=tuple(chunk.rows[row]),
                mend=sheet.mends.get(row, ""),
            )
        )
    return findings


def _value(record: Sequence[str], layout: Layout, name: str, code: str) -> str:
    if code == "field_count":
        return str(len(record))
    place = layout.position.get(name, layout.position.get("occurred_from"))  # an interval's end may stand with its start
    return record[place].strip() if name and place is not None else ""
