"""One text to a time, in every form that people and offices write: Korean, English, compact digits, Excel's day numbers.

The careful way beside the fixed-width layouts of `ingestion.times`: it looks at one text at a time, each different text once.
"""

# ruff: noqa: PLR0911  (one way out for each form that a text may have)

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

OK, MISSING, UNREADABLE, IMPOSSIBLE, TOO_EARLY = range(5)
DAY_S = 86_400
FIRST_YEAR = 1900
_EPOCH = date(1970, 1, 1)
_EXCEL_EPOCH = date(1899, 12, 30)  # day 60 and later; Excel counts a 29 February 1900 that never was
_EXCEL_FIRST, _EXCEL_LAST = 20_000, 80_000  # 1954 to 2119: smaller numbers are no dates that anybody uploads

_NOTHING_WORDS = """
- -- . .. / ? 0 x 미상 불상 불명 모름 미확인 미기재 일시불상 일자불상 시간불상 시각불상 일시미상 시간미상 없음 해당없음
unknown unk n/a na nan none null nil nat tbd 0000-00-00 00000000
"""
NOTHING = frozenset((*_NOTHING_WORDS.split(), "0000-00-00 00:00:00", "not known", "일시 불상", "일시 미상", "시간 미상"))
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: place for place, name in enumerate(_MONTH_NAMES, 1)}
_PM_WORDS = frozenset(("오후", "pm", "p.m.", "p.m", "밤", "저녁", "낮"))
_AM_WORDS = frozenset(("오전", "am", "a.m.", "a.m", "새벽", "아침"))

_WEEKDAY = r"(?:\s*[(\[]?(?:[월화수목금토일](?:요일)?|mon|tue|wed|thu|fri|sat|sun)[a-z]*[)\]]?[.,]?(?=\s|$|\d|[T오새밤낮저아]))?"
_YMD = re.compile(r"(\d{4})\s*(?:[-./]|년)\s*(\d{1,2})\s*(?:[-./]|월)\s*(\d{1,2})\s*(?:\.|일)?" + _WEEKDAY, re.I)
_XXY = re.compile(r"(\d{1,2})\s*[-./]\s*(\d{1,2})\s*[-./]\s*(\d{4})(?!\d)\.?" + _WEEKDAY, re.I)
_SHORT = re.compile(r"'?(\d{1,2})\s*[-./]\s*(\d{1,2})\s*[-./]\s*(\d{1,2})(?![\d:])\.?" + _WEEKDAY, re.I)
_NAMED_DMY = re.compile(r"(?:[a-z]{3,9},?\s+)?(\d{1,2})(?:st|nd|rd|th)?[-\s.]*([a-z]{3,9})\.?[-\s,]*(\d{4}|\d{2})(?!\d)", re.I)
_NAMED_MDY = re.compile(r"(?:[a-z]{3,9},?\s+)?([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)", re.I)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[\sT_-]?(\d{2})(?:(\d{2})(\d{2})?)?)?(?:\.0+)?$")
_COMPACT_CLOCK = re.compile(r"((?:1[89]|20)\d{2})(\d{2})(\d{2})[\sT]+(?=\S*[:시])")
_MONTH_ONLY = re.compile(r"((?:19|20)\d{2})\s*(?:[-./]|년)?\s*(\d{1,2})\s*(?:월|\.)?$")
_CLOCK = re.compile(
    r"(?:(?P<before>오전|오후|새벽|아침|낮|저녁|밤|[ap]\.?m\.?)\s*)?"
    r"(?:(?P<hour>\d{1,2})(?:\s*(?::|시)\s*(?:(?P<minute>\d{1,2})\s*(?:분|(?=:|\s|$|[apz+\-.경]))"
    r"(?:\s*:?\s*(?P<second>\d{1,2})(?:\.\d+)?\s*초?)?)?)?|(?P<packed>\d{4}(?:\d{2})?))"
    r"\s*(?P<after>[ap]\.?m\.?|오전|오후)?\s*경?\s*(?P<offset>z|utc|[+-]\d{2}:?\d{2})?\s*\.?$",
    re.I,
)
_NUMBER = re.compile(r"\d{5}(?:\.\d+)?$")
_EPOCH_TEXT = re.compile(r"1[0-8]\d{8}(?:\d{3})?(?:\.0+)?$")  # 2001 to 2030 in seconds, or in milliseconds


@dataclass(frozen=True)
class OneTime:
    """A text read. `seconds`: as on the clock, or UTC where `has_offset`; `span_s`: what the text leaves open, 0 for a moment."""

    seconds: int = 0
    span_s: int = 0
    has_offset: bool = False
    reason: int = OK


_NO_TIME = OneTime(reason=MISSING)
_NOT_READ = OneTime(reason=UNREADABLE)
_NOT_POSSIBLE = OneTime(reason=IMPOSSIBLE)


def read_time(text: str, order: str) -> OneTime:
    """Read one text; `order`, one of ymd, mdy, dmy, settles dates whose text leaves it open."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    if not plain or plain.casefold() in NOTHING:
        return _NO_TIME
    if plain[0].isdigit() and plain.replace(".", "", 1).replace(" ", "", 1).isdigit():
        numeric = _number(plain)
        if numeric is not None:
            return numeric
    found = _date(plain, order)
    if found is None:
        return read_month(plain)
    numbers, rest = found
    clock = read_clock(rest) if rest else None
    if clock is not None and clock.reason == UNREADABLE:
        return _NOT_READ
    try:
        days = (date(*numbers) - _EPOCH).days
    except ValueError:
        return _NOT_POSSIBLE
    if clock is not None and clock.reason == IMPOSSIBLE:
        return _NOT_POSSIBLE
    if numbers[0] < FIRST_YEAR:
        return OneTime(reason=TOO_EARLY)
    if clock is None or clock.reason == MISSING:
        return OneTime(days * DAY_S, DAY_S)
    return OneTime(days * DAY_S + clock.seconds, 0, clock.has_offset)


def split_interval(text: str, order: str) -> tuple[str, str]:
    """Start and end of an interval in one text ("2019. 3. 15. 22:00 ~ 23:30"); the end is blank where there is none.

    An end that is a clock alone stands on the start's day, or on the next where it would lie before the start.
    """
    start, sign, end = (part.strip() for part in text.partition("~"))
    if not sign or not end or read_time(end, order).reason == OK:
        return start, end
    first, clock = read_time(start, order), read_clock(end)
    if first.reason != OK or clock.reason != OK or clock.has_offset:
        return start, end
    at = first.seconds - first.seconds % DAY_S + clock.seconds
    at += DAY_S if at < first.seconds else 0
    return start, datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def read_clock(text: str) -> OneTime:
    """Read a time of day; `seconds` from midnight, 24:00 being the end of the day. Never of a day of its own."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split()).lstrip("Tt,;· ")
    if not plain or plain.casefold() in NOTHING - {"0"}:
        return _NO_TIME
    if plain.startswith("0.") and plain[2:].isdigit():  # Excel's share of a day
        return OneTime(round(float(plain) * DAY_S))
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    found = _CLOCK.match(plain)
    if found is None:
        return _NOT_READ
    if packed := found["packed"]:
        hour, minute, second = int(packed[:2]), int(packed[2:4]), int(packed[4:] or 0)
    else:
        hour, minute, second = int(found["hour"]), int(found["minute"] or 0), int(found["second"] or 0)
    word = (found["before"] or found["after"] or "").casefold()
    if word:
        hour = _of_half_day(hour, word)
    if not (hour < 24 and minute < 60 and second < 60) and (hour, minute, second) != (24, 0, 0):
        return _NOT_POSSIBLE
    offset = found["offset"]
    return OneTime(hour * 3600 + minute * 60 + second - _offset_s(offset), 0, offset is not None)


def _of_half_day(hour: int, word: str) -> int:
    """Hour of the day; 99 where the half of the day contradicts the hour."""
    if hour > 12:  # "오후 23시": said twice, but not wrong; "오전 23시" is
        return hour if word in _PM_WORDS and word not in ("pm", "p.m.", "p.m") else 99
    if word in _AM_WORDS:
        return hour % 12 if hour else (0 if word in ("오전", "새벽") else 99)
    if word == "밤" and (hour == 12 or hour < 5):  # "밤 12시" is midnight, "밤 1시" the small hours
        return 24 if hour == 12 else hour
    return hour % 12 + 12 if hour or word == "오후" else 99


def _offset_s(text: str | None) -> int:
    if not text or text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if text[0] == "-" else 1)


def _date(text: str, order: str) -> tuple[tuple[int, int, int], str] | None:
    """Year, month, day and what follows them, or None for a text without a date."""
    if found := _YMD.match(text) or _COMPACT_CLOCK.match(text):
        return (int(found[1]), int(found[2]), int(found[3])), text[found.end() :].strip()
    if found := _XXY.match(text):
        first, second = int(found[1]), int(found[2])
        numbers = (int(found[3]), second, first) if order == "dmy" else (int(found[3]), first, second)
        return numbers, text[found.end() :].strip()
    if found := _SHORT.match(text):
        parts = [int(found[place]) for place in (1, 2, 3)]
        year, month, day = {"ymd": parts, "mdy": [parts[2], parts[0], parts[1]], "dmy": parts[::-1]}[order]
        return (_century(year), month, day), text[found.end() :].strip()
    if (found := _NAMED_DMY.match(text)) and found[2][:3].casefold() in _MONTHS:
        return (_century(int(found[3])), _MONTHS[found[2][:3].casefold()], int(found[1])), text[found.end() :].strip()
    if (found := _NAMED_MDY.match(text)) and found[1][:3].casefold() in _MONTHS:
        return (int(found[3]), _MONTHS[found[1][:3].casefold()], int(found[2])), text[found.end() :].strip()
    return None


def _century(year: int) -> int:
    """A year of two digits lies between 1969 and 2068, as POSIX has it."""
    return year if year > 99 else year + (2000 if year < 69 else 1900)


def _number(text: str) -> OneTime | None:
    """A time written as one number: compact digits, a month, Excel's day number, epoch seconds. None: something else."""
    if found := _COMPACT.match(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
        clock = read_clock("".join(part or "" for part in found.group(4, 5, 6)) + ("00" if found[4] and not found[5] else ""))
        try:
            days = (date(year, month, day) - _EPOCH).days
        except ValueError:
            return _NOT_POSSIBLE
        if clock.reason == MISSING:
            return OneTime(days * DAY_S, DAY_S)
        return OneTime(days * DAY_S + clock.seconds) if clock.reason == OK else _NOT_POSSIBLE
    if _NUMBER.match(text) and _EXCEL_FIRST <= float(text) < _EXCEL_LAST:
        whole = int(float(text))
        start = ((_EXCEL_EPOCH - _EPOCH).days + whole) * DAY_S
        if "." not in text or not text.split(".")[1].strip("0"):
            return OneTime(start, DAY_S)
        return OneTime(start + round((float(text) - whole) * DAY_S))
    if _EPOCH_TEXT.match(text):
        number = int(float(text))
        return OneTime(number // 1000 if number > 10**11 else number, 0, has_offset=True)
    return None


def read_month(text: str) -> OneTime:
    """Read a month alone (201903, 2019-03, 2019년 3월): its first second and its length."""
    found = _MONTH_ONLY.match(" ".join(unicodedata.normalize("NFKC", text).split()))
    if found is None:
        return _NOT_READ
    year, month = int(found[1]), int(found[2])
    if not 1 <= month <= 12:
        return _NOT_POSSIBLE
    first = date(year, month, 1)
    last = (first + timedelta(days=31)).replace(day=1)
    return OneTime((first - _EPOCH).days * DAY_S, (last - first).days * DAY_S)


def read_iso(text: str) -> OneTime:
    """ISO 8601 with a fraction or an offset."""
    shape = len(text) >= 16 and text[:4].isdigit() and text[4] == text[7] == "-" and text[10] in "T "
    if not shape:
        return _NOT_READ
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        return _NOT_POSSIBLE if "must be in" in str(error) or "out of range" in str(error) else _NOT_READ
    aware = moment.tzinfo is not None
    if moment.year < FIRST_YEAR:
        return OneTime(reason=TOO_EARLY)
    return OneTime(int((moment if aware else moment.replace(tzinfo=UTC)).timestamp()), 0, aware)
