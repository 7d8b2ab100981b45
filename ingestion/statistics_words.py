"""What the words of published tables mean: periods, bands of hours, days of the week, totals, areas, offences, places."""

import calendar
import math
import re
import unicodedata
from datetime import date, timedelta

from ingestion.records import NIL

TOTALS = frozenset({"합계", "소계", "계", "총계", "전체", "총합", "total", "all", "sum"})
UNKNOWN = frozenset({"미상", "불상", "unknown"})

Period = tuple[date | None, date | None]
Hours = tuple[int | None, int | None]

_YEAR = re.compile(r"((?:19|20)\d\d)\s*(?:년도?)?")
_BEFORE = re.compile(r"((?:19|20)\d\d)\s*년?도?\s*(?:이전|까지)")
_QUARTER = re.compile(r"((?:19|20)\d\d)\s*(?:년)?\s*[-./ ]?\s*(?:Q?([1-4])\s*/?\s*(?:분기|Q)|Q([1-4]))|((?:19|20)\d\d)([1-4])")
_MONTH = re.compile(r"((?:19|20)\d\d)\s*[-./년]\s*(\d{1,2})\s*월?\.?|((?:19|20)\d\d)(\d\d)")
_DAY = re.compile(r"((?:19|20)\d\d)\s*[-./년]\s*(\d{1,2})\s*[-./월]\s*(\d{1,2})\s*일?\.?|((?:19|20)\d\d)(\d\d)(\d\d)")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/((?:19|20)\d\d)")
_CLOCK = re.compile(r"[T\s]+\d{1,2}:\d\d.*$")


def read_period(text: str, time_order: str = "ymd") -> Period | None:
    """First and last day of a period: a year, quarter, month or day; a clock time behind it is passed over. None: no period.

    >>> read_period("20231")
    (datetime.date(2023, 1, 1), datetime.date(2023, 3, 31))
    """
    plain = _CLOCK.sub("", text.strip())
    if found := _BEFORE.fullmatch(plain):
        return None, date(int(found[1]), 12, 31)
    if found := _YEAR.fullmatch(plain):
        return date(int(found[1]), 1, 1), date(int(found[1]), 12, 31)
    try:
        if found := _QUARTER.fullmatch(plain):
            year, quarter = int(found[1] or found[4]), int(found[2] or found[3] or found[5])
            return date(year, quarter * 3 - 2, 1), _last_of(year, quarter * 3)
        if found := _MONTH.fullmatch(plain):
            year, month = int(found[1] or found[3]), int(found[2] or found[4])
            return date(year, month, 1), _last_of(year, month)
        day = _read_day(plain, time_order)
    except ValueError:
        return None
    return (day, day) if day else None


def _read_day(text: str, time_order: str) -> date | None:
    if found := _DAY.fullmatch(text):
        return date(int(found[1] or found[4]), int(found[2] or found[5]), int(found[3] or found[6]))
    if found := _SLASHED.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        return date(year, second, first) if time_order == "dmy" else date(year, first, second)
    return None


def _last_of(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def month_of(day: date) -> Period:
    """First and last day of the month in which a day lies."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


_BAND = re.compile(r"(\d{1,2})(?::00|시)?\s*[-~]\s*(\d{1,2})(?::(\d\d)|시)?")
_HOUR = re.compile(r"(\d{1,2})\s*(?:시|:00)?")


def read_hours(text: str) -> Hours | None:
    """First hour and first hour after a band: "00:00-02:59" is (0, 3), "7" is (7, 8). Unknown hours are (None, None)."""
    plain = "".join(text.split())
    if plain in UNKNOWN:
        return None, None
    if found := _BAND.fullmatch(plain):
        end = int(found[2]) + (1 if found[3] and found[3] != "00" else 0)
        start = int(found[1])
        return (start, end) if 0 <= start < end <= 24 else None
    if found := _HOUR.fullmatch(plain):
        start = int(found[1])
        return (start, start + 1) if start < 24 else None
    return None


_WEEKDAYS = {name: number for number, name in enumerate("월화수목금토일")}
_WEEKDAYS |= {f"{name}요일": number for name, number in tuple(_WEEKDAYS.items())}
_WEEKDAYS |= {name.casefold(): number for number, name in enumerate(calendar.day_name)}
_WEEKDAYS |= {name.casefold(): number for number, name in enumerate(calendar.day_abbr)}


def read_weekday(text: str) -> int | None:
    """0 for Monday to 6 for Sunday, None for anything else."""
    return _WEEKDAYS.get(text.strip().casefold())


def is_total(text: str) -> bool:
    """Whether a word stands for the sum of the others."""
    return "".join(without_unit(text).casefold().split()) in TOTALS


_UNIT = re.compile(r"\s*\([^()]*\)\s*$")


def without_unit(text: str) -> str:
    """ "계 (명)" without its unit."""
    return _UNIT.sub("", text)


_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][+-]?\d+)?%?|[+-]?\.\d+")


def read_value(text: str) -> tuple[float | None, bool]:
    """A figure and whether it could be read: "-" is 0, because that is how tables write nil; a blank is unknown (None)."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("−", "-")
    if plain in ("-", "–", "—"):
        return 0.0, True
    if plain.casefold() in NIL or plain in ("…", "...", "x", "X"):
        return None, True
    if _NUMBER.fullmatch(plain) is None:
        return None, False
    value = float(plain.replace(",", "").rstrip("%"))
    return (value, True) if math.isfinite(value) else (None, False)


def read_clock(text: str) -> tuple[float | None, bool]:
    """A time of day written HHMMSS as hours since midnight, and whether it could be read."""
    plain = text.strip()
    if not plain:
        return None, True
    if not re.fullmatch(r"\d{6}", plain) or int(plain[2:4]) > 59 or int(plain[4:]) > 59:
        return None, False
    return round(int(plain[:2]) + int(plain[2:4]) / 60 + int(plain[4:]) / 3600, 4), True


_PROVINCES = "서울 부산 대구 인천 광주 대전 울산 세종 경기 강원 충북 충남 전북 전남 경북 경남 제주"
SIDO = frozenset(_PROVINCES.split(" "))
_AREA = re.compile(r"(?:[가-힣]{2,7}(?:시|도)?\s+)?[가-힣0-9·.,]{1,10}(?:구|시|군|동|읍|면|가|서|경찰서|경찰청)")
_CRIMES = (
    "살인",
    "강도",
    "강간",
    "추행",
    "절도",
    "폭력",
    "폭행",
    "상해",
    "방화",
    "사기",
    "성폭력",
    "강력범죄",
    "지능범죄",
    "손괴",
)
_PLACES = (
    "아파트",
    "단독주택",
    "노상",
    "상점",
    "고속도로",
    "사무실",
    "공장",
    "창고",
    "숙박",
    "유흥",
    "지하철",
    "병원",
    "학교",
    "공원",
)
_MEASURES = (
    "발생",
    "검거",
    "건수",
    "인구",
    "세대",
    "남자",
    "여자",
    "인원",
    "금액",
    "사고",
    "사망",
    "부상",
    "면적",
    "비율",
    "대수",
)


def is_area(text: str) -> bool:
    """Whether a text looks like the name of a gu, city, county, dong or police station."""
    plain = " ".join(text.split())
    return plain in SIDO or (_AREA.fullmatch(plain) is not None and not is_total(plain))


def is_crime(text: str) -> bool:
    """Whether a text names an offence."""
    return any(word in text for word in _CRIMES)


def is_place(text: str) -> bool:
    """Whether a text names a kind of place."""
    return any(word in text for word in _PLACES)


def is_measure(text: str) -> bool:
    """Whether a text says what is counted."""
    return any(word in text for word in _MEASURES) or without_unit(text) != text


# The taxonomy's codes of Korea's five, by the words that the yearly tables use for them.
FIVE = {
    "살인": "homicide",
    "강도": "robbery",
    "강간": "sexual_violence",
    "강간·강제추행": "sexual_violence",
    "강간,추행": "sexual_violence",
    "성폭력": "sexual_violence",
    "절도": "theft",
    "절도범죄": "theft",
    "폭력": "violence",
    "폭력범죄": "violence",
}
