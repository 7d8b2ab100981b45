"""How a published table is built: which columns say what a row is about, and what the titles over its figures mean.

In: a table with its header levels and its first rows. Out: columns by field, and options as `ingestion.statistics` takes them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingestion import statistics_words as words
from ingestion.readers.table import Table

DIMENSIONS = ("area", "period", "category", "hour", "weekday", "place_kind", "measure")

_TITLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("skip", ("순번", "번호", "연번", "일련번호", "objectid", "fid", "구간코드", "지점코드")),
    ("period", ("시점", "연도", "년도", "년월", "날짜", "일자", "기간", "기준년", "month", "year", "date")),
    ("hour", ("시간대", "hour", "시간")),
    ("weekday", ("요일", "dayofweek", "weekday")),
    ("measure", ("발생검거", "항목", "measure")),
    ("category", ("범죄", "죄종", "primarytype", "offense", "category")),
    ("place_kind", ("장소",)),
    ("area", ("자치구", "구별", "시군구", "동별", "행정동", "법정동", "지역", "관서", "경찰", "기관명", "communityarea", "area")),
)
_CODE_IN_TITLE = re.compile(r"(구|동|지역)_?코드$")
_INNER_AREA = ("관서", "동별", "행정동", "법정동", "경찰서")
_YEAR_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])?(?!\d)")
_AGAIN = re.compile(r"\s\(\d+\)$")
_SHARE = 0.6


def guess_statistics(table: Table, sample: Sequence[Sequence[str]]) -> tuple[dict[str, str], dict[str, Any]]:
    """Columns by field of `Kind.STATISTICS`, and the options {"dims", "values", "period", "title"} of `read_statistics`.

    `dims`: dimension to the titles of the columns that say it, outermost first. `values`: one entry a column of figures:
    {"column": title} and whatever its own titles say of it, with "total": dimensions that it is the sum over.
    """
    rows = [row for row in sample if len(row) == len(table.header)]
    levels = [list(level) for level in table.header_levels] or [list(table.header)]
    dims: dict[str, list[str]] = {}
    values: list[int] = []
    for place, title in enumerate(table.header):
        role = _role(levels[0][place], [row[place] for row in rows])
        if role == "value":
            values.append(place)
        elif role:
            dims.setdefault(role, []).append(title)
    if "area" in dims:  # the outer area first: 종로구, then its dong or its station
        dims["area"].sort(key=lambda title: any(word in title for word in _INNER_AREA))
    options: dict[str, Any] = {"title": table.name, "dims": dims, "values": _values(table.header, levels, values, dims)}
    years = {found[0] for found in _YEAR_IN_NAME.finditer(table.name)}
    if len(years) == 1 and "period" not in dims and not any("period" in one for one in options["values"]):
        options["period"] = years.pop()
    columns = {name: titles[-1] for name, titles in dims.items() if name in DIMENSIONS}
    if len(values) == 1:
        columns["value"] = table.header[values[0]]
    return columns, options


def _role(title: str, values: Sequence[str]) -> str:
    """What a column is for: a dimension, "value", "skip", or blank for a text that says nothing countable."""
    plain = "".join(words.without_unit(title).casefold().replace("_", "").split())
    given = [value.strip() for value in values if value.strip()]
    is_number = all(words.read_value(value)[1] for value in given)
    if _CODE_IN_TITLE.search(title):
        return "area_code"
    named = next((role for role, titles in _TITLES if any(word in plain for word in titles)), "")
    if named in ("area", "category", "place_kind", "measure") and is_number and given and plain not in ("communityarea",):
        named = ""  # "범죄 발생 건수" is a figure, whatever its title says
    if named == "hour" and not _most(given, lambda text: words.read_hours(text) is not None):
        named = ""
    if named == "period" and not _most(given, lambda text: words.read_period(text, "dmy") is not None):
        named = ""
    if named:
        return named
    if is_number and given:
        is_index = not plain and given == [str(place) for place in range(len(given))]
        return "skip" if is_index or not plain or "코드" in title else "value"
    for role, test in (("area", words.is_area), ("category", words.is_crime), ("place_kind", words.is_place)):
        if _most([value for value in given if not words.is_total(value)], test):
            return role
    return ""


def _most(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    return bool(values) and sum(map(test, values)) >= _SHARE * len(values)


def _values(
    header: Sequence[str], levels: list[list[str]], places: list[int], dims: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """What the titles over each column of figures say."""
    tokens = [[level[place] for place in places] for level in levels]
    if len(tokens) == 1:
        tokens = _split([_AGAIN.sub("", token) for token in tokens[0]])
    found: list[dict[str, Any]] = [{"column": header[place]} for place in places]
    for depth, level in enumerate(tokens):
        level[:] = _without_suffix(level)
        role = _role_of_level(level, dims, is_last=depth == len(tokens) - 1)
        if not role:
            continue
        for at, (entry, token) in enumerate(zip(found, level, strict=True)):
            before = [[one[other] for one in tokens[:depth]] for other in range(len(level))]
            siblings = {other for other, path in zip(level, before, strict=True) if path == before[at]}
            _add(entry, role, token, has_parts=any(not words.is_total(one) for one in siblings))
    for entry, place in zip(found, places, strict=True):
        if "시분초" in header[place]:
            entry["form"] = "clock"
        if not entry.get("measure") and "measure" not in dims:
            is_plain = len(entry) == 1
            entry["measure"] = words.without_unit(header[place]) if is_plain else "건수"
    return found


def _split(tokens: list[str]) -> list[list[str]]:
    """One title row "살인 발생", "살인 검거" as two: the offence and what is counted."""
    parts = [token.rsplit(maxsplit=1) for token in tokens]
    if tokens and all(len(part) == 2 and part[1] in ("발생", "검거") for part in parts):
        return [[part[0] for part in parts], [part[1] for part in parts]]
    return [tokens]


def _without_suffix(level: list[str]) -> list[str]:
    """Years that a spreadsheet program has numbered apart (2020, 2020.1, 2020.2 …) as the years that they are."""
    bases = {token for token in level if re.fullmatch(r"(19|20)\d\d", token)}
    found = [re.fullmatch(r"((?:19|20)\d\d)\.(\d+)", token) for token in level]
    return [one[1] if one and one[1] in bases else token for one, token in zip(found, level, strict=True)]


def _role_of_level(level: Sequence[str], dims: Mapping[str, Sequence[str]], *, is_last: bool) -> str:
    """Which dimension a title row tells, blank for one that tells nothing (the same word throughout, or totals only)."""
    distinct = list(dict.fromkeys(token for token in level if token.strip() and not words.is_total(token)))
    if not distinct:
        return ""
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("period", lambda token: words.read_period(token) is not None),
        ("hour", lambda token: len(token) > 1 and words.read_hours(token) is not None),
        ("weekday", lambda token: words.read_weekday(token) is not None),
        ("area", words.is_area),
        ("category", lambda token: words.is_crime(token) and not token.endswith(("발생", "검거"))),
        ("place_kind", lambda token: words.is_place(token) or words.is_crime(token)),
    )
    for role, test in tests:
        share = 0.2 if role == "place_kind" else _SHARE
        if role not in dims and sum(map(test, distinct)) >= share * len(distinct):
            return role
    if len(distinct) == 1 and not is_last and not words.is_measure(distinct[0]):
        return ""
    return "measure"


def _add(entry: dict[str, Any], role: str, token: str, *, has_parts: bool) -> None:
    """Join a title to what the titles above it have said of the same dimension; the sum over others is marked as such."""
    above = entry.get(role, "")
    if role == "measure" and above and not words.is_total(token):
        entry[role] = f"{above} {token}"
        return
    if words.is_total(token):
        if has_parts:
            entry["total"] = sorted({*entry.get("total", []), role})
        entry[role] = above or token
        return
    entry[role] = f"{above} {token}" if above and not words.is_total(above) else token
