"""A table of published figures in long form: one figure with its area, period, category, hours, weekday, kind of place.

Never incidents: a figure stays a figure. Totals that a table gives itself are kept, marked, and held against their parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from ingestion import statistics_words as words
from ingestion.codes import gu_of_name
from ingestion.errors import FileRefused
from ingestion.mapping import ColumnMapping
from ingestion.readers.table import Table
from ingestion.records import Batch, Layout, Sheet
from ingestion.statistics_guess import DIMENSIONS, guess_statistics
from ingestion.statistics_sums import SumCheck

__all__ = ["DIMENSIONS", "Figure", "guess_statistics", "read_statistics"]

TEXT_MAX_LENGTH = 80
MAX_COUNTED = 1_000_000  # combinations of area, month and category that rows are counted into


@dataclass(frozen=True)
class Figure:
    """One figure. What the table leaves open is None or blank. `value`: None where the source gives none; "-" is 0.

    `period_to`: last day; `hour_to`: first hour after the band; `weekday`: 0 for Monday; `total_of`: dimensions that it is
    the sum over.
    """

    line: int
    area: str
    area_code: str
    period_from: date | None
    period_to: date | None
    category: str
    category_code: str
    hour_from: int | None
    hour_to: int | None
    weekday: int | None
    place_kind: str
    measure: str
    value: float | None
    total_of: tuple[str, ...] = ()

    @property
    def is_total(self) -> bool:
        return bool(self.total_of)


@dataclass(frozen=True)
class _Plan:
    """Where each dimension stands in a row, and what each column of figures says of itself."""

    layout: Layout
    dims: Mapping[str, tuple[int, ...]]
    values: tuple[tuple[int, Mapping[str, Any]], ...]
    fixed: Mapping[str, str]
    order: str
    codes: Mapping[str, str]


def read_statistics(table: Table, mapping: ColumnMapping) -> Iterator[Batch[Figure]]:
    """Yield the table's figures, chunk by chunk; the last batch holds what the check of the sums says. Raises `FileRefused`.

    `mapping.options`: as `guess_statistics` gives them; without "values", the column mapped as `value` holds the figures.
    With "count_rows" every row counts as one, by area, month and category (incidents that have no coordinates).
    """
    plan = _plan(table, mapping)
    if mapping.options.get("count_rows"):
        yield from _count(table, plan)
        return
    check = SumCheck()
    for chunk in table.chunks():
        sheet = Sheet(chunk, plan.layout)
        reader = _RowReader(sheet, plan)
        made: list[Figure] = []
        for place in range(len(sheet)):
            if sheet.is_good(place):
                made += reader.figures(place)
        for figure in made:
            check.add(figure)
        yield sheet.batch(made)
    yield check.batch()


def _plan(table: Table, mapping: ColumnMapping) -> _Plan:
    options = mapping.options
    places = {title: place for place, title in enumerate(table.header)}
    given = {name: title for name, title in mapping.columns.items() if title}
    titles: dict[str, list[str]] = {name: list(group) for name, group in (options.get("dims") or {}).items()}
    for name, title in given.items():  # what a person has changed in the form counts
        if name != "value" and title not in titles.get(name, ()):
            titles[name] = [title]
    values = list(options.get("values") or ())
    if not values and "value" in given:
        values = [{"column": given["value"]}]
    if not values and not options.get("count_rows"):
        raise FileRefused("no_figures", file=table.name)
    named = [title for group in titles.values() for title in group] + [entry["column"] for entry in values]
    for title in named:
        if title not in places:
            found = ", ".join(table.header)[:300]
            raise FileRefused("missing_column", file=table.name, line=table.first_line, column=title, value=found)
    codes = words.FIVE | {text.strip().casefold(): code for text, code in mapping.categories.items() if code}
    fixed = {name: str(options[name]) for name in ("period", "area", "category", "measure") if options.get(name)}
    dims = {name: tuple(places[title] for title in group) for name, group in titles.items()}
    position = {name: group[-1] for name, group in dims.items() if group}
    layout = Layout(len(table.header), position, {name: table.header[place] for name, place in position.items()})
    return _Plan(layout, dims, tuple((places[one["column"]], one) for one in values), fixed, mapping.time_order, codes)


class _RowReader:
    """Makes the figures of a sheet's rows."""

    def __init__(self, sheet: Sheet, plan: _Plan):
        self.sheet, self.plan = sheet, plan

    def figures(self, place: int) -> list[Figure]:
        """The figures of one row; a row with an unreadable one, or without any, is rejected as a whole."""
        sheet, plan = self.sheet, self.plan
        fields = sheet.chunk.rows[sheet.rows[place]]
        if not any(text.strip() for text in fields):
            sheet.reject(place, "", "row_empty")
            return []
        own, total = self.dimensions(fields)
        period_text = own.get("period", "")
        if period_text and words.read_period(period_text, plan.order) is None:
            sheet.reject(place, "period", "period_unreadable", period_text)
            return []
        hour_text = own.get("hour", "")
        if hour_text and words.read_hours(hour_text) is None and not words.is_total(hour_text):
            sheet.reject(place, "hour", "hour_unreadable", hour_text)
            return []
        code = fields[plan.dims["area_code"][-1]].strip() if plan.dims.get("area_code") else ""
        made = []
        for column, entry in plan.values:
            value, is_read = (words.read_clock if entry.get("form") == "clock" else words.read_value)(fields[column])
            if not is_read:
                sheet.reject(place, entry["column"], "figure_unreadable", fields[column])
                return []
            said = dict(plan.fixed) | own | {name: str(entry[name]) for name in DIMENSIONS if entry.get(name)}
            if own.get("measure") and entry.get("measure"):
                said["measure"] = own["measure"]
            totals = tuple(sorted(total | set(entry.get("total", ()))))
            made.append(self.figure(sheet.line(place), said, code, value, totals))
        if not code and not any(own.values()) and all(figure.value is None for figure in made):
            sheet.reject(place, "", "row_empty", next(text for text in fields if text.strip()))
            return []
        return made

    def dimensions(self, fields: Sequence[str]) -> tuple[dict[str, str], set[str]]:
        """What the row's own columns say, by dimension, and the dimensions in which it is a sum."""
        own: dict[str, str] = {}
        total: set[str] = set()
        for name in DIMENSIONS:
            texts = [" ".join(fields[place].split()) for place in self.plan.dims.get(name, ())]
            if not texts:
                continue
            own[name], is_sum = _joined(name, texts)
            if is_sum:
                total.add(name)
        return own, total

    def figure(self, line: int, said: Mapping[str, str], code: str, value: float | None, totals: tuple[str, ...]) -> Figure:
        """One figure out of what is said of it."""
        period = words.read_period(said.get("period", ""), self.plan.order) or (None, None)
        hours = words.read_hours(said.get("hour", "")) or (None, None)
        measure = said.get("measure") or "건수"
        if "".join(said.get("hour", "").split()) in words.UNKNOWN:
            measure = f"{measure} (시간 미상)"
        category = said.get("category", "")
        weekday = words.read_weekday(said.get("weekday", ""))
        leaf = category.rsplit(" / ", 1)[-1].strip().casefold()
        return Figure(
            line=line,
            area=said.get("area", "")[:TEXT_MAX_LENGTH],
            area_code=code[:20] or _gu_code(said.get("area", "")),
            period_from=period[0],
            period_to=period[1],
            category=category[:TEXT_MAX_LENGTH],
            category_code="" if "category" in totals else self.plan.codes.get(leaf, ""),
            hour_from=hours[0],
            hour_to=hours[1],
            weekday=weekday,
            place_kind=said.get("place_kind", "")[:TEXT_MAX_LENGTH],
            measure=measure[:TEXT_MAX_LENGTH],
            value=value,
            total_of=totals,
        )


@lru_cache(maxsize=4096)
def _gu_code(area: str) -> str:
    """Administrative code of the gu of Seoul that an area's name begins with ("서울 종로구", "종로구 사직동"), else blank."""
    parts = area.split()
    if parts and parts[0] in words.SIDO:
        parts = parts[1:] if parts[0] == "서울" else []
    gu = gu_of_name(parts[0]) if parts else None
    return gu.administrative if gu else ""


def _joined(name: str, texts: Sequence[str]) -> tuple[str, bool]:
    """Several columns of one dimension as one text, outermost first, and whether it is a sum over the last of them.

    "합계", "종로구" is 종로구; "강력범죄", "소계" is the sum 강력범죄; "종로구", "사직동" is 종로구 사직동.
    """
    outer = [text for text in texts[:-1] if text and not words.is_total(text)]
    leaf = texts[-1]
    if words.is_total(leaf):
        return (outer[-1] if outer else leaf), True
    if name == "category":
        return (" / ".join([*outer, leaf]) if outer and outer[-1] != leaf else leaf), False
    if name == "area":
        outer = [text for text in outer if not text.endswith("경찰청") and not leaf.startswith(text)]
        return " ".join([*outer, leaf]), False
    return leaf, False


def _count(table: Table, plan: _Plan) -> Iterator[Batch[Figure]]:
    """Rows counted by area, month and category; the figures come with the last batch."""
    counted: dict[tuple[str, date, str], tuple[int, int]] = {}
    months: dict[str, words.Period | None] = {}
    for chunk in table.chunks():
        sheet = Sheet(chunk, plan.layout)
        reader = _RowReader(sheet, plan)
        for place in range(len(sheet)):
            if not sheet.is_good(place):
                continue
            own, _total = reader.dimensions(chunk.rows[sheet.rows[place]])
            text = own.get("period", "").split(" ")[0]
            if text not in months:
                months[text] = words.read_period(text, plan.order)
            period = months[text]
            if not own.get("area") or own["area"] == "0":
                sheet.reject(place, "area", "area_missing", own.get("area", ""))
            elif period is None or period[0] is None:
                sheet.reject(place, "period", "period_unreadable", own.get("period", ""))
            else:
                key = (own["area"], period[0].replace(day=1), own.get("category", ""))
                line, number = counted.get(key, (sheet.line(place), 0))
                counted[key] = (line, number + 1)
        if len(counted) > MAX_COUNTED:
            raise FileRefused("too_many_figures", file=table.name, value=f"{MAX_COUNTED:,}")
        yield sheet.batch([])
    yield Batch([_counted(plan, key, *counted[key]) for key in sorted(counted)], [], 0, fraction=1.0)


def _counted(plan: _Plan, key: tuple[str, date, str], line: int, number: int) -> Figure:
    area, first, category = key
    start, end = words.month_of(first)
    code = plan.codes.get(category.strip().casefold(), "")
    return Figure(line, area, _gu_code(area), start, end, category, code, None, None, None, "", "건수", float(number))
