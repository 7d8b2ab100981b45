"""When a charged event happened, in the forms that Korean rulings use.

`find_moments` gives each time expression of a text as one `Moment`: the parts that it names and the characters of each. What
it leaves open ("같은 날", "동년", a bare clock) is filled in by `follow` from the moment before it.
"""

import re
from dataclasses import dataclass, replace

_YEAR = r"(?P<y>(?:19|20)\d{2}|42\d{2}|43\d{2})"
_FULL = re.compile(
    rf"{_YEAR}\s?(?:[.년]\s?|-)(?P<m>\d{{1,2}})\s?(?:[.월]\s?|-)(?P<d>\d{{1,2}})(?:(?=\d{{2}}[:：]\d\d)|"
    rf"(?!\s?[:：]\s?\d|\d|\s?시(?!경까|간)\s?(?:\d|경|반)))\s?(?:\.|"
    rf"일)?"
)
_MONTH = re.compile(rf"{_YEAR}\s?[.년]\s?(?P<m>\d{{1,2}})(?!\d|\s?[:：])\s?[.월]?")
_YEAR_ONLY = re.compile(rf"{_YEAR}\s?년\s?경")
_SAME_YEAR = re.compile(
    r"(?:위 )?(?:같은 ?해|동년|같은 ?연도)\s?(?P<m>\d{1,2})\s?[.월]\s?(?:(?P<d>\d{1,2})(?!\s?[:：]\d|\d)\s?[.일]?)?"
)
_SAME_MONTH = re.compile(r"(?:같은 ?달|동월|같은 ?월)\s?(?:(?P<d>\d{1,2})(?!\s?[:：]\d|\d|\s?시)\s?[.일]?)?")
_SAME_DAY = re.compile(
    r"(?:위 )?(?:같은 ?날|동일(?=\s?\d{1,2}\s?[:：시]|\s?(?:오전|오후|"
    r"새벽|밤|저녁|낮|상오|하오))|동일자|당일|그날|같은 ?일시|위 일시(?:경|"
    r"에|·|,| 장소|\s?및)|위 시간|같은 ?시각|동시경)(?!부터 현재)"
)
_NEXT_DAY = re.compile(r"다음 ?날|이튿날|익일|그 다음날")
_DAY_BEFORE = re.compile(r"전날|전일")
_REF = re.compile(
    r"(?:위 )?(?:전항|제?\s?\d{0,2}[가-하]?항|위|앞)\s?(?:의|과 같은|"
    r"기재와? ?같은|기재|에서 본)?\s?(?:일시|일자)(?:\s?[·ㆍ및,와과경]?\s?(?:경|"
    r"장소))?"
)
_CLOCK = re.compile(
    r"(?P<half>오전|오후|상오|하오|새벽|아침|저녁|밤|낮|심야)?\s?(?:(?<![\d:：,])|"
    r"(?<=\.\d\d)|(?<=\.\d))(?P<h>\d{1,2})\s?(?:[:：]\s?(?P<min>\d{2})(?![\d분])(?:[:：]\d{2}(?!\d))?|"
    r"시(?![간가-힣]*\s?간)(?:\s?(?P<min2>\d{1,2})분|\s?(?P<halfpast>반))?(?=[경께쯤에 ,.~]|"
    r"부터|까지|무렵|이후|이전|$))"
)
_BAND = re.compile(r"새벽|아침|오전(?!\s?\d)|오후(?!\s?\d)|저녁|심야|한밤|밤중|야간|(?<![가-힣])밤(?!나무)|대낮")
_THIRD = re.compile(
    r"초순|중순|하순|(?<=월 )[초말]|일자\s?불상|날짜\s?불상|일시\s?불상|"
    r"불상(?:의)? ?(?:일시|일자|시각)|시각\s?(?:은\s)?불상|시간\s?불상|"
    r"일시를 알 수 없"
)
_GLUE = re.compile(
    r"[\s,.~∼\-–(]*(?:경|께|쯤|무렵|부터|에서|내지|사이(?:에)?|까지|"
    r"일자|자|및|의|그|위|날|중|하순|초순|중순|일|월)*[\s,.~∼\-–(]*"
)
MAX_GLUE = 10
_BANDS = {
    "새벽": "dawn",
    "아침": "morning",
    "오전": "morning",
    "오후": "afternoon",
    "저녁": "evening",
    "심야": "night",
    "한밤": "night",
    "밤중": "night",
    "야간": "night",
    "밤": "night",
    "대낮": "day",
}
DANGI = 2333  # the Dangi year 4294 is 1961


@dataclass(frozen=True)
class Part:
    """One piece of a time expression: `value` as the fact will say it, and its characters."""

    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Moment:
    """One time expression: `start` to `end`; what it says outright, and `refers` to the moment before it for the rest.

    `date`: "YYYY-MM-DD", "YYYY-MM" or "YYYY". `refers`: "", "day", "next_day", "day_before", "month:D", "year:M:D", "ref".
    """

    start: int
    end: int
    date: Part | None = None
    date_end: Part | None = None
    time: Part | None = None
    time_end: Part | None = None
    band: Part | None = None
    precision: str = "exact"
    refers: str = ""
    ref_span: tuple[int, int] | None = None


def find_moments(text: str, offset: int = 0) -> list[Moment]:
    """The time expressions of a text, in order; `offset` is added to every character."""
    pieces = _pieces(text)
    groups: list[list[tuple[int, int, str, re.Match[str]]]] = []
    for piece in pieces:
        gap = text[groups[-1][-1][1] : piece[0]] if groups else ""
        if groups and len(gap) <= MAX_GLUE and _GLUE.fullmatch(gap) and _may_join(groups[-1], piece, gap):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [moment for group in groups if (moment := _moment(text, group, offset)) is not None]


_PATTERNS = (
    ("full", _FULL),
    ("same_year", _SAME_YEAR),
    ("month", _MONTH),
    ("year", _YEAR_ONLY),
    ("ref", _REF),
    ("same_month", _SAME_MONTH),
    ("same_day", _SAME_DAY),
    ("next_day", _NEXT_DAY),
    ("day_before", _DAY_BEFORE),
    ("clock", _CLOCK),
    ("band", _BAND),
    ("third", _THIRD),
)


def _pieces(text: str) -> list[tuple[int, int, str, re.Match[str]]]:
    """The parts that patterns find, the earlier pattern first where two overlap."""
    taken: list[tuple[int, int, str, re.Match[str]]] = []
    covered = bytearray(len(text))
    for name, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            start, end = found.span()
            start += len(found[0]) - len(found[0].lstrip())
            if not any(covered[start:end]) and _possible(name, found):
                covered[start:end] = b"\1" * (end - start)
                taken.append((start, end, name, found))
    return sorted(taken, key=lambda one: one[0])


def _possible(name: str, found: re.Match[str]) -> bool:
    if name == "clock":
        return int(found["h"]) <= 24 and int(found["min"] or found["min2"] or 0) < 60
    if name in ("full", "month", "same_year"):
        return 1 <= int(found["m"]) <= 12 and (name == "month" or found["d"] is None or 1 <= int(found["d"]) <= 31)
    return True


def _may_join(group: list[tuple[int, int, str, re.Match[str]]], piece: tuple[int, int, str, re.Match[str]], gap: str) -> bool:
    """A second date or clock belongs to the first only as the end of an interval."""
    names = [one[2] for one in group]
    dates = ("full", "month", "year", "same_year", "same_month", "same_day", "next_day", "day_before", "ref")
    is_interval = any(word in gap for word in ("부터", "~", "∼", "–", "-", "내지", "에서")) or "부터" in "".join(
        one[3][0] for one in group
    )
    if piece[2] == "clock" and "clock" in names:
        return is_interval or (names[-1] in dates and _opened(group))
    if piece[2] in dates and any(name in dates for name in names):
        return is_interval
    if piece[2] in dates and "clock" in names:
        return is_interval
    return True


def _opened(group: list[tuple[int, int, str, re.Match[str]]]) -> bool:
    """Whether the group is an interval whose second date has come but not its clock ("19:01경부터 같은 날 19:22경까지")."""
    return group[-1][2] != "clock" and any(one[2] == "clock" for one in group[:-1])


def _moment(text: str, group: list[tuple[int, int, str, re.Match[str]]], offset: int) -> Moment | None:
    start, end = group[0][0] + offset, group[-1][1] + offset
    tail = re.match(r"\s?(?:경|께|쯤|무렵)?(?:까지)?", text[group[-1][1] :])
    end += len(tail[0].rstrip()) if tail else 0
    moment = Moment(start, end)
    for at, to, name, found in group:
        moment = _with(moment, at + offset, to + offset, name, found)
    if moment.date is None and not moment.refers and moment.time is None and all(one[2] in ("band", "third") for one in group):
        return replace(moment, precision="unknown" if any(one[2] == "third" for one in group) else "exact")
    if moment.precision == "exact" and moment.date and len(moment.date.value) < 10:
        moment = replace(moment, precision="month" if len(moment.date.value) > 4 else "year")
    if moment.precision == "exact" and moment.date and re.match(r"[.일]?\s?(?:경|무렵|께)", text[moment.date.end - offset :]):
        moment = replace(moment, precision="approximate")
    if moment.date_end is not None:
        moment = replace(moment, precision="interval")
    return moment


def _with(moment: Moment, at: int, to: int, name: str, found: re.Match[str]) -> Moment:
    """The moment with one more piece."""
    if name == "clock":
        part = Part(_clock(found), at, to)
        return replace(moment, time_end=part) if moment.time else replace(moment, time=part)
    if name in ("full", "month", "year"):
        part = Part(_date(found, name), at, to)
        return replace(moment, date_end=part) if moment.date or moment.refers else replace(moment, date=part)
    if name == "band":
        return replace(moment, band=moment.band or Part(_BANDS[found[0].strip()], at, to))
    if name == "third":
        is_third = "순" in found[0] or found[0] in "초말" or moment.date is not None
        return replace(moment, precision="third" if is_third else "unknown")
    return _with_reference(moment, at, to, name, found)


def _with_reference(moment: Moment, at: int, to: int, name: str, found: re.Match[str]) -> Moment:
    """The moment with a piece that points to another: "the same day", "the same year 7. 12."."""
    if moment.date or moment.refers or moment.time:  # the end of an interval, or a clock before its day
        if name == "same_year":
            value = f"?-{int(found['m']):02d}" + (f"-{int(found['d']):02d}" if found["d"] else "")
            return replace(moment, date_end=Part(value, at, to))
        return moment
    refers = {"same_day": "day", "next_day": "next_day", "day_before": "day_before", "ref": "ref"}.get(name, "")
    if name == "same_month":
        refers = f"month:{found['d'] or ''}"
    if name == "same_year":
        refers = f"year:{found['m']}:{found['d'] or ''}"
    return replace(moment, refers=refers, ref_span=(at, to))


def _clock(found: re.Match[str]) -> str:
    hour = int(found["h"])
    minute = 30 if found["halfpast"] else int(found["min"] or found["min2"] or 0)
    half = found["half"] or ""
    if (half in ("오후", "하오", "저녁", "낮") and hour < 12 and not (half == "낮" and hour in (10, 11))) or (
        half in ("밤", "심야") and 6 <= hour < 12
    ):
        hour += 12
    elif (half in ("오전", "상오", "새벽", "심야") and hour == 12) or (half == "밤" and hour == 12):
        hour = 0
    return f"{hour % 24:02d}:{minute:02d}"


def _date(found: re.Match[str], name: str) -> str:
    year = int(found["y"])
    if year > 4000:
        year -= DANGI
    if name == "year":
        return f"{year:04d}"
    if name == "month":
        return f"{year:04d}-{int(found['m']):02d}"
    return f"{year:04d}-{int(found['m']):02d}-{int(found['d']):02d}"


def follow(moment: Moment, before: Moment | None) -> Moment:
    """The moment with what it leaves open taken from the one before it."""
    known = before.date.value if before and before.date else None
    if moment.date_end and moment.date_end.value.startswith("?"):
        year = (moment.date.value if moment.date else known or "")[:4]
        fixed = replace(moment.date_end, value=year + moment.date_end.value[1:]) if year else None
        moment = replace(moment, date_end=fixed)
    if moment.date or not moment.refers or known is None:
        return moment
    start, end = moment.ref_span or (moment.start, moment.end)
    value = _referred(moment.refers, known)
    precision = moment.precision
    if value is None:
        return moment
    if before and moment.refers in ("day", "ref") and precision == "exact":
        precision = before.precision if before.precision != "interval" else "exact"
    if precision == "unknown":
        precision = "third"
    time = moment.time
    if moment.refers == "ref" and time is None and before and before.time:
        time = replace(before.time, start=start, end=end)
    return replace(moment, date=Part(value, start, end), time=time, precision=precision)


def _referred(refers: str, known: str) -> str | None:
    if refers in ("day", "ref"):
        return known
    if refers in ("next_day", "day_before"):
        return _shifted(known, 1 if refers == "next_day" else -1)
    kind, _, rest = refers.partition(":")
    if kind == "month":
        return known[:7] + (f"-{int(rest):02d}" if rest else "") if len(known) >= 7 else None
    month, _, day = rest.partition(":")
    return f"{known[:4]}-{int(month):02d}" + (f"-{int(day):02d}" if day else "")


def _shifted(known: str, days: int) -> str | None:
    from datetime import date, timedelta  # noqa: PLC0415  (named like the fields above)

    try:
        return (date.fromisoformat(known) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return None


def band_of(clock: str) -> str:
    """The quarter of the day of "HH:MM"."""
    return ("dawn", "morning", "afternoon", "evening")[int(clock[:2]) // 6]
