"""Text to time: fixed-width layouts read by numpy, every other form once per different text, and the city's clock to UTC.

All instants are Int64 epoch seconds, UTC. Codes are those of `ingestion.errors.REASONS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingestion import times_text

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

WIDTH = 40  # bytes looked at; the longest ISO 8601 text with fraction and offset has 35
DAY_S = 86_400
HOUR_S = 3_600
_FIRST_YEAR = times_text.FIRST_YEAR

ISO_LAYOUTS = ("YYYY-MM-DD hh:mm:ss", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm", "YYYY-MM-DDThh:mm", "YYYY-MM-DD")
AMERICAN_LAYOUTS = ("MM/DD/YYYY hh:mm:ss pM", "MM/DD/YYYY hh:mm", "MM/DD/YYYY")
_MDY_LAYOUTS = (*AMERICAN_LAYOUTS, "MM/DD/YYYY hh:mm:ss")
_DMY_LAYOUTS = ("DD/MM/YYYY hh:mm:ss", "DD/MM/YYYY hh:mm", "DD/MM/YYYY", "DD/MM/YYYY hh:mm:ss pM")
_SLASHES = ("YYYY/MM/DD hh:mm:ss", "YYYY/MM/DD hh:mm", "YYYY/MM/DD", "YYYY.MM.DD hh:mm", "YYYY.MM.DD")
LAYOUTS = {"ymd": ISO_LAYOUTS + _SLASHES, "mdy": _MDY_LAYOUTS + ISO_LAYOUTS, "dmy": _DMY_LAYOUTS + ISO_LAYOUTS}


@dataclass(frozen=True, eq=False)
class ParsedTimes:
    """One column of times. `seconds`: as on the clock, or UTC where `has_offset`; valid only where `reason` is 0.

    `reason`: Int8[rows], index into `TIME_REASONS`; `span_s`: seconds that the text leaves open: 0 for a moment, 86,400 for
    a day, more for a month.
    """

    seconds: Int64Array
    has_offset: BoolArray
    span_s: Int64Array
    reason: NDArray[np.int8]

    @property
    def day_only(self) -> BoolArray:
        """Which rows give no time of day."""
        return self.span_s > 0


TIME_REASONS = ("", "time_missing", "unreadable_time", "impossible_date", "before_1900")
OK, MISSING, UNREADABLE, IMPOSSIBLE, TOO_EARLY = range(5)


def read_times(texts: Sequence[str], *, order: str = "ymd") -> ParsedTimes:
    """Read a column of times in any known form. `order`: ymd, mdy or dmy, for dates whose text leaves it open."""
    parsed = parse_times(texts, layouts=LAYOUTS[order], iso=False)
    odd = np.flatnonzero((parsed.reason == UNREADABLE) | (parsed.reason == IMPOSSIBLE))
    if not odd.size:
        return parsed
    rows = odd.tolist()
    read = {text: _one(text, order) for text in {texts[row] for row in rows}}
    found = [read[texts[row]] for row in rows]
    parsed.seconds[odd] = [one.seconds for one in found]
    parsed.span_s[odd] = [one.span_s for one in found]
    parsed.has_offset[odd] = [one.has_offset for one in found]
    parsed.reason[odd] = [one.reason for one in found]
    return parsed


def _one(text: str, order: str) -> times_text.OneTime:
    found = times_text.read_iso(text.strip())
    return found if found.reason == OK else times_text.read_time(text, order)


def with_clock(day: ParsedTimes, texts: Sequence[str]) -> tuple[ParsedTimes, NDArray[np.int8]]:
    """Dates with their times of day from a column beside them, and the reason of each clock (MISSING: the day alone counts)."""
    read = {text: times_text.read_clock(text) for text in set(texts)}
    found = [read[text] for text in texts]
    reason = np.array([one.reason for one in found], np.int8)
    clock = np.array([one.seconds for one in found], np.int64)
    joined = (reason == OK) & (day.span_s <= DAY_S)
    midnight = day.seconds - np.where(day.has_offset, 0, day.seconds % DAY_S)  # a date may carry an idle 00:00:00
    seconds = np.where(joined & ~day.has_offset, midnight + clock, day.seconds)
    return ParsedTimes(seconds, day.has_offset, np.where(joined, 0, np.maximum(day.span_s, DAY_S)), day.reason), reason


def parse_times(texts: Sequence[str], *, layouts: Sequence[str], iso: bool) -> ParsedTimes:
    """Read a column of times, each row by the first layout whose length, digits and signs fit."""
    count = len(texts)
    table, lengths = _byte_table(texts)
    seconds = np.zeros(count, np.int64)
    reason = np.where(lengths == 0, np.int8(MISSING), np.int8(UNREADABLE))
    span_s = np.zeros(count, np.int64)
    has_offset = np.zeros(count, np.bool_)
    left = lengths > 0
    for layout in layouts:
        if not left.any():
            break
        rows = np.flatnonzero(left & (lengths == len(layout)))
        rows = rows[_fits(table[rows], layout)]
        if rows.size:
            seconds[rows], reason[rows] = _read(table[rows], layout)
            span_s[rows] = 0 if "h" in layout else DAY_S
            left[rows] = False
    if iso:
        for row in np.flatnonzero(left).tolist():
            one = times_text.read_iso(texts[row].strip())
            seconds[row], has_offset[row], reason[row] = one.seconds, one.has_offset, one.reason
    return ParsedTimes(seconds, has_offset, span_s, reason)


@dataclass(frozen=True, eq=False)
class Instants:
    """UTC instants, and which of them stood in an hour that the clock skips or passes twice."""

    seconds: Int64Array
    skipped: BoolArray
    doubled: BoolArray


def to_utc(seconds: Int64Array, has_offset: BoolArray, *, time_zone: str) -> Instants:
    """Clock seconds of `time_zone` to UTC, except rows that carried their own offset.

    A time in the skipped hour is read with the offset before the change (so one hour later on the new clock); of a
    doubled hour the first, summer-time one is meant. Both as PEP 495 has it for fold 0, hence the same every time.
    """
    local = pd.DatetimeIndex(seconds.view("M8[s]"))
    strict = local.tz_localize(time_zone, ambiguous="NaT", nonexistent="NaT")
    odd = np.asarray(strict.isna())
    utc = np.where(odd, seconds, _epoch_s(strict))
    skipped = np.zeros(len(seconds), np.bool_)
    doubled = np.zeros(len(seconds), np.bool_)
    if odd.any():
        rows = np.flatnonzero(odd)
        first = np.ones(rows.size, np.bool_)
        settled = local[rows].tz_localize(time_zone, ambiguous=first, nonexistent="NaT")
        gap = np.asarray(settled.isna())
        moved = local[rows].tz_localize(time_zone, ambiguous=first, nonexistent=pd.Timedelta(hours=1))
        utc[rows] = _epoch_s(moved)
        skipped[rows], doubled[rows] = gap, ~gap
    return Instants(
        seconds=np.where(has_offset, seconds, utc).astype(np.int64), skipped=skipped & ~has_offset, doubled=doubled & ~has_offset
    )


def hour_of_week(seconds: Int64Array, *, time_zone: str) -> NDArray[np.int16]:
    """Local hour of the week, 0 = Monday 00:00–00:59, of UTC epoch seconds."""
    aware = pd.DatetimeIndex(seconds.view("M8[s]")).tz_localize("UTC").tz_convert(time_zone)
    clock = np.asarray(aware.tz_localize(None)).astype("M8[s]").astype(np.int64)
    # 1970-01-01 was a Thursday: three days after a Monday.
    return ((clock + 3 * DAY_S) // HOUR_S % 168).astype(np.int16)


def local_months(seconds: Int64Array, *, time_zone: str) -> Int64Array:
    """Months since January 1970 on the clock of the zone, of UTC epoch seconds."""
    aware = pd.DatetimeIndex(seconds.view("M8[s]")).tz_localize("UTC").tz_convert(time_zone)
    return np.asarray(aware.tz_localize(None)).astype("M8[M]").astype(np.int64)


def _epoch_s(index: pd.DatetimeIndex) -> Int64Array:
    return np.asarray(index.tz_convert("UTC").tz_localize(None)).astype("M8[s]").astype(np.int64)


def _byte_table(texts: Sequence[str]) -> tuple[NDArray[np.uint8], Int64Array]:
    """UInt8[rows, WIDTH] of the texts' ASCII without outer blanks, and their lengths; other letters become `?`."""
    try:
        plain = np.array(texts, dtype=f"S{WIDTH}")
    except UnicodeEncodeError:
        plain = np.array([text.encode("ascii", "replace") for text in texts], dtype=f"S{WIDTH}")
    table = plain.view(np.uint8).reshape(len(texts), WIDTH)
    lengths = np.char.str_len(plain).astype(np.int64)
    last = table[np.arange(len(texts)), np.maximum(lengths - 1, 0)]
    if (lengths > 0).any() and ((table[:, 0] <= ord(" ")) | (last <= ord(" "))).any():
        plain = np.char.strip(plain).astype(f"S{WIDTH}")
        table = plain.view(np.uint8).reshape(len(texts), WIDTH)
        lengths = np.char.str_len(plain).astype(np.int64)
    return table, lengths


def _fits(table: NDArray[np.uint8], layout: str) -> BoolArray:
    """Which rows have digits where the layout has letters, and its signs elsewhere."""
    good = np.ones(len(table), np.bool_)
    for place, sign in enumerate(layout):
        column = table[:, place]
        if sign in "YMDhms" and not (sign == "M" and layout[place - 1] == "p"):
            good &= (column >= 48) & (column <= 57)
        elif sign == "p":
            good &= (column | 32 == ord("a")) | (column | 32 == ord("p"))
        elif sign == "M":
            good &= column | 32 == ord("m")
        else:
            good &= column == ord(sign)
    return good


def _read(table: NDArray[np.uint8], layout: str) -> tuple[Int64Array, NDArray[np.int8]]:
    """Clock seconds and reason of rows that fit the layout."""

    def number(letter: str, size: int = 2) -> Int64Array:
        start = layout.find(letter * size)
        if start < 0:
            return np.zeros(len(table), np.int64)
        digits = table[:, start : start + size].astype(np.int64) - 48
        return digits @ (10 ** np.arange(size - 1, -1, -1))

    year, month, day = number("Y", 4), number("M"), number("D")
    hour, minute, second = number("h"), number("m"), number("s")
    possible = (month >= 1) & (month <= 12) & (day >= 1) & (minute < 60) & (second < 60)
    if "p" in layout:
        possible &= (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * (table[:, layout.index("p")] | 32 == ord("p"))
    possible &= hour < 24
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    first_day = months.view("M8[M]").astype("M8[D]").astype(np.int64)
    next_month = (months + 1).view("M8[M]").astype("M8[D]").astype(np.int64)
    possible &= day <= next_month - first_day
    seconds = (first_day + day - 1) * DAY_S + hour * HOUR_S + minute * 60 + second
    reason = np.where(possible, np.where(year < _FIRST_YEAR, TOO_EARLY, OK), IMPOSSIBLE)
    return seconds, reason.astype(np.int8)
