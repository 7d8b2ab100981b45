"""Where the header of a table stands, how many rows it has, and the titles that come of it.

Titles above the table are passed over; a header may have several rows (KOSIS: year / crime / found or cleared), with blanks
that go on from the left and titles that repeat; a file may have no header at all.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingestion.mapping import Evidence

SAMPLE_ROWS = 200
MAX_HEADER_ROWS = 8
MAX_TITLE_ROWS = 12
UNNAMED = "column"
_NUMBER = re.compile(r"[-+(]?[₩$]?\s*\d[\d,\s]*(\.\d+)?([eE][-+]?\d+)?\s*[%)]?")
_DATE = re.compile(r"\d{1,4}\s*[-./]\s*\d{1,2}\s*[-./]\s*\d{1,4}.*|\d{1,2}:\d{2}(:\d{2})?|\d{4}-\d{2}")
_YEAR = re.compile(r"(19|20)\d\d([-./]\d{1,2}){0,2}")  # also 2024-01 and 2024.01.31; 2020.1 may be a second 2020
_NIL = frozenset({"-", "–", "—", "…", "N/A", "n/a", "NA", "NaN", "null", "NULL"})
_COPY = re.compile(r"(.+)\.(\d{1,3})")
_UNIT = re.compile(r"^\s*[(（\[<※*]|단위|unit", re.IGNORECASE)


@dataclass(frozen=True)
class Titles:
    """`above`: records to pass over before the header; `rows`: records of the header; `header`, `levels`: see `Table`."""

    above: int
    rows: int
    header: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    evidence: Evidence


def find_titles(sample: Sequence[Sequence[str]], *, chosen: int | None = None) -> Titles:
    """The titles of a table whose first records are `sample` (text fields, the blank lines left out already)."""
    rows = [[tidy_title(value) for value in row] for row in sample[:SAMPLE_ROWS]]
    width = _usual_width(rows)
    above = _rows_above(rows, width)
    rows = rows[above:]
    if chosen is not None:
        count = min(chosen, len(rows))
        evidence = Evidence("header", "header_chosen", {"rows": count})
    else:
        count, evidence = _header_rows(rows, width)
    levels = rows[:count]
    width = max((len(row) for row in levels), default=width)
    filled = _filled(levels, width)
    return Titles(above, count, numbered(_joined(filled, width)), filled, evidence)


def tidy_title(value: str) -> str:
    """Stripped, inner white space evened out."""
    return " ".join(value.replace("\ufeff", "").replace("\u200b", "").split())


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Every title once: a blank one becomes “column 3”, a repeated one gets “ (2)”."""
    taken: set[str] = set()
    named = []
    for place, name in enumerate(names, 1):
        plain = name or f"{UNNAMED} {place}"
        unique, count = plain, 1
        while unique in taken:
            count += 1
            unique = f"{plain} ({count})"
        taken.add(unique)
        named.append(unique)
    return tuple(named)


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(row) for row in rows)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _used(row: Sequence[str]) -> list[int]:
    return [place for place, value in enumerate(row) if value]


def _rows_above(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many rows at the top are a title, a unit or a remark above the table."""
    if width < 3 or len(rows) < 3:
        return 0
    body = rows[min(len(rows) // 3, MAX_TITLE_ROWS) :]
    starts = Counter(_used(row)[0] for row in body if _used(row))
    first_used = min((place for place, count in starts.items() if count * 4 >= len(body)), default=0)
    above = 0
    for row in rows[: min(MAX_TITLE_ROWS, len(rows) - 1)]:
        used = _used(row)
        one_cell = len(used) == 1 and (used[0] <= first_used or bool(_UNIT.search(row[used[0]])))
        two_cells = len(used) == 2 and len(row) < width and width > 4
        if used and not one_cell and not two_cells:
            break
        above += 1
    while above and not _used(rows[above - 1]) and above == len(rows):
        above -= 1
    return above


def _is_data(value: str) -> bool:
    return bool(_NUMBER.fullmatch(value) or _DATE.fullmatch(value)) or value in _NIL


def _data_columns(body: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns in which most values are numbers or dates."""
    found = []
    for place in range(width):
        values = [row[place] for row in body if place < len(row) and row[place]]
        if values and sum(map(_is_data, values)) >= 0.6 * len(values):
            found.append(place)
    return found


def _header_rows(rows: Sequence[Sequence[str]], width: int) -> tuple[int, Evidence]:
    if len(rows) <= 1:
        is_header = bool(rows) and not any(_is_data(value) for value in rows[0] if value)
        return int(is_header), _evidence(int(is_header), rows)
    body = rows[min(max(len(rows) // 3, 1), MAX_HEADER_ROWS) :]
    columns = _data_columns(body, width)
    if not columns:
        count = _header_rows_of_text(rows)
        return count, _evidence(count, rows)
    if not _is_header(rows[0], columns, body):
        return 0, _evidence(0, rows)
    count = 1
    while count < min(MAX_HEADER_ROWS, len(rows) - 1) and _goes_on(rows[count - 1], rows[count], columns, body):
        count += 1
    return count, _evidence(count, rows)


def _header_rows_of_text(rows: Sequence[Sequence[str]]) -> int:
    """A table without numbers: its first row is a header unless its values come again below, in their own columns."""
    first = rows[0]
    again = 0
    for place, value in enumerate(first):
        again += bool(value) and any(place < len(row) and row[place] == value for row in rows[1:])
    return int(again * 2 <= len(_used(first)))


def _is_header(row: Sequence[str], columns: Sequence[int], body: Sequence[Sequence[str]]) -> bool:
    values = [row[place] for place in columns if place < len(row) and row[place]]
    data = [value for value in values if _is_data(value)]
    if not data:
        return True
    return _all_years(row, columns, body) or _is_series(data)


def _all_years(row: Sequence[str], columns: Sequence[int], body: Sequence[Sequence[str]]) -> bool:
    """All numbers of the row are years, months or days, and those below them are not."""
    places = [place for place in columns if place < len(row) and _is_data(row[place])]
    if not all(_YEAR.fullmatch(row[place]) for place in places) or (len(row) > 1 and len(_used(row)) < 2):
        return False
    below = [line[place] for line in body for place in places if place < len(line) and line[place]]
    return sum(bool(_YEAR.fullmatch(value)) for value in below) < 0.5 * len(below)


def _is_series(values: Sequence[str]) -> bool:
    """Numbers that count upwards one by one, as the hours 0, 1, 2 … 23 over their columns."""
    if len(values) < 4 or not all(value.isdecimal() and len(value) < 5 for value in values):
        return False
    numbers = [int(value) for value in values]
    return all(after - before == 1 for before, after in pairwise(numbers))


def _goes_on(above: Sequence[str], row: Sequence[str], columns: Sequence[int], body: Sequence[Sequence[str]]) -> bool:
    """Whether this row is one more level of the header above it."""
    if not _is_header(row, columns, body):
        return False
    filled = sum(place < len(row) and bool(row[place]) for place in columns)
    if filled * 3 < len(columns):
        return False
    repeats = any(name and place < len(row) and row[place] == name for place, name in enumerate(above))
    groups = any(not above[place] or above[place] == above[place - 1] for place in range(1, len(above)) if place in columns)
    return repeats or groups


def _evidence(count: int, rows: Sequence[Sequence[str]]) -> Evidence:
    if count == 0:
        return Evidence("header", "header_none", {"example": ", ".join(rows[0])[:60] if rows else ""})
    if count == 1:
        return Evidence("header", "header_one", {"rows": 1, "example": ", ".join(rows[0])[:60]})
    return Evidence(
        "header", "header_levels", {"rows": count, "example": " / ".join(row[-1] for row in rows[:count] if row)[:60]}
    )


def _filled(levels: Sequence[Sequence[str]], width: int) -> tuple[tuple[str, ...], ...]:
    """The levels with blanks filled from the left within the group above, and “2020.1” (a repeated 2020) put back."""
    if len(levels) < 2:
        return tuple(tuple(_padded(row, width)) for row in levels)
    filled: list[list[str]] = []
    for depth, row in enumerate(levels):
        names = _without_copies(_padded(row, width))
        for place in range(1, width):
            has_below = any(place < len(lower) and lower[place] for lower in levels[depth + 1 :])
            same_group = all(level[place] == level[place - 1] for level in filled)
            if not names[place] and has_below and same_group:
                names[place] = names[place - 1]
        filled.append(names)
    return tuple(map(tuple, filled))


def _padded(row: Sequence[str], width: int) -> list[str]:
    return list(row[:width]) + [""] * (width - len(row))


def _without_copies(names: list[str]) -> list[str]:
    seen: set[str] = set()
    plain = []
    for name in names:
        copy = _COPY.fullmatch(name)
        base = copy.group(1) if copy and copy.group(1) in seen else name
        seen.add(base)
        plain.append(base)
    return plain


def _joined(levels: Sequence[Sequence[str]], width: int) -> list[str]:
    """The levels of each column in one title; a level that only repeats the one above is named once."""
    joined = []
    for place in range(width):
        parts: list[str] = []
        for level in levels:
            if level[place] and (not parts or parts[-1] != level[place]):
                parts.append(level[place])
        joined.append(" / ".join(parts))
    return joined
