"""What the rows of a table are: incidents, cameras, places, areas or published figures, by columns and by values."""

# ruff: noqa: PLR0911  (one way out for each kind)

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingestion.guessing_columns import Column, Sheet
from ingestion.guessing_words import CAMERA_NAMES, CAMERA_TITLES, NOT_OCCURRED
from ingestion.kinds import Kind
from ingestion.mapping import Evidence
from ingestion.places_file import guess_place_kind
from ingestion.statistics import guess_statistics

_FILLED = 0.3  # share of the rows that must name an address, where nothing else says where a thing is


@dataclass(frozen=True)
class KindGuess:
    """`counts_rows`: incidents without a place, to be counted by area and month."""

    kind: Kind
    evidence: tuple[Evidence, ...]
    decided: bool = True
    counts_rows: bool = False
    options: Mapping[str, tuple[tuple[str, Evidence], ...]] = field(default_factory=dict)


def guess_kind(sheet: Sheet, file_name: str, chosen: Kind | None) -> KindGuess:
    """Decide the kind; a person's choice comes first."""
    if chosen is not None:
        counts = chosen == Kind.STATISTICS and _has_no_figures(sheet) and _occurred(sheet) is not None
        return KindGuess(chosen, (Evidence("kind", "kind_chosen", {}),), counts_rows=counts)
    if sheet.has_outlines and sheet.geometry is not None and sheet.pair(Kind.PLACES) is None:
        return KindGuess(Kind.AREAS, (_said("kind_areas", sheet.geometry),))
    place = _where(sheet)
    if place is not None and (word := _camera_word(sheet, file_name)):
        return KindGuess(Kind.CAMERAS, (Evidence("kind", "kind_cameras", {"value": word}),))
    moment, offence = _occurred(sheet), _offence(sheet)
    if moment is not None and _has_point(sheet) and not _named_place(sheet, file_name, offence):
        columns = ", ".join(column.title for column in (offence, moment) if column is not None)
        return KindGuess(Kind.INCIDENTS, (Evidence("kind", "kind_incidents", {"value": columns}),))
    if moment is not None and offence is not None and _has_no_figures(sheet):
        return KindGuess(Kind.STATISTICS, (_said("kind_counted", offence),), counts_rows=True)
    named = guess_place_kind(file_name, sheet.table.header, sheet.rows[:400])
    if place is not None and (_has_point(sheet) or named is not None):
        return KindGuess(Kind.PLACES, (_said("kind_places", place),))
    if sheet.rows and guess_statistics(sheet.table, sheet.rows)[1]["values"] and not _is_code_table(sheet):
        return KindGuess(Kind.STATISTICS, (Evidence("kind", "kind_statistics", {}),))
    options = tuple((str(kind), Evidence("kind", "kind_open", {})) for kind in (Kind.STATISTICS, Kind.PLACES, Kind.INCIDENTS))
    return KindGuess(Kind.STATISTICS, (Evidence("kind", "kind_open", {}),), decided=False, options={"kind": options})


def _said(code: str, column: Column) -> Evidence:
    return Evidence("kind", code, {"value": column.title})


def _has_point(sheet: Sheet) -> bool:
    return sheet.pair(Kind.PLACES) is not None or (sheet.geometry is not None and not sheet.has_outlines)


def _where(sheet: Sheet) -> Column | None:
    """The column that says where a row's thing is: a coordinate, geometry, or an address in enough rows."""
    pair = sheet.pair(Kind.PLACES)
    if pair is not None:
        return pair[0]
    if sheet.geometry is not None and not sheet.has_outlines:
        return sheet.geometry
    for name in ("address", "lot_address"):
        column = sheet.find(Kind.PLACES, name)
        if column is not None and column.address_share > 0.5 and len(column.given) >= _FILLED * len(column.values):
            return column
    return None


def _camera_word(sheet: Sheet, file_name: str) -> str:
    """What says that the rows are cameras: a title, the file's name, or the values of a column."""
    for column in sheet.columns:
        if any(word in column.plain for word in CAMERA_TITLES):
            return column.title
    plain = file_name.casefold()
    for word in CAMERA_NAMES:
        if word in plain:
            return word
    for column in sheet.columns:
        shown = column.given[:200]
        if shown and sum("cctv" in value.casefold() for value in shown) > 0.5 * len(shown):
            return shown[0].strip()[:40]
    return ""


def _occurred(sheet: Sheet) -> Column | None:
    """The column that says when something happened."""
    column = sheet.find(Kind.INCIDENTS, "occurred_from")
    if column is not None and not any(word in column.plain for word in NOT_OCCURRED):
        return column
    return None


def _offence(sheet: Sheet) -> Column | None:
    column = sheet.find(Kind.INCIDENTS, "category")
    return column if column is not None and column.offence_share >= 0.2 else None


def _named_place(sheet: Sheet, file_name: str, offence: Column | None) -> bool:
    """Whether a table with dates and points is one of places after all: named things, licences, and no offences."""
    if offence is not None:
        return False
    return guess_place_kind(file_name, sheet.table.header, sheet.rows[:400]) is not None and (
        sheet.find(Kind.PLACES, "name") is not None or sheet.find(Kind.PLACES, "opened_on") is not None
    )


def _has_no_figures(sheet: Sheet) -> bool:
    """Whether the rows are single things rather than figures: hardly a column of plain numbers beside codes."""
    words = [column for column in sheet.columns if column.given and column.numeric_share < 0.5]
    return len(words) >= 0.5 * len([column for column in sheet.columns if column.given])


def _is_code_table(sheet: Sheet) -> bool:
    """A list of names and codes: every number is a code."""
    numbers = [column for column in sheet.columns if column.numeric_share > 0.8]
    return all("코드" in column.plain or "code" in column.plain or column.plain.endswith("area") for column in numbers)
