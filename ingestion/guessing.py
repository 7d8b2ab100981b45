"""What a file holds and how it is to be understood: guessed by titles and by values, with the evidence for each decision.

`guess` looks at a sample of rows, and for dates and categories over many more. What the evidence does not settle is an open
question for a person, never a silent choice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

import shapely

from ingestion.areas import guess_area_kind
from ingestion.cameras import guess_unit
from ingestion.categories import Names, Taxonomy, map_categories, offences_named
from ingestion.codes import recognise_codes
from ingestion.errors import FileRefused
from ingestion.guessing_columns import Column, Sheet, sample_of
from ingestion.guessing_crs import guess_crs_of
from ingestion.guessing_kind import KindGuess, guess_kind
from ingestion.guessing_words import DISTRICT_TITLES, TITLES
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping, Evidence, Guess
from ingestion.places import Boundary
from ingestion.places_file import guess_place_kind, kinds_with
from ingestion.readers import Table
from ingestion.statistics import guess_statistics
from ingestion.times_guess import OrderTally, TimesGuess

_NAMED_SHARE = 0.8
ROWS_COUNTED = 100_000  # rows in which categories are counted


@dataclass(frozen=True)
class GuessContext:
    """What is known beside the file. `categories`, `place_kinds`: code to Korean and English name; `areas`: shapes in WGS84 by
    name; `kind`: where a person has chosen it.
    """

    file_name: str
    boundary: Boundary
    time_zone: str
    now: datetime
    categories: Mapping[str, Names] = field(default_factory=dict)
    place_kinds: Mapping[str, Names] = field(default_factory=dict)
    areas: Mapping[str, shapely.Geometry] = field(default_factory=dict)
    kind: Kind | None = None


def guess(tables: Sequence[Table], context: GuessContext) -> Guess:
    """Guess how the file's chief table is to be understood. Raises `FileRefused` for a file without a table."""
    if not tables:
        raise FileRefused("empty", file=context.file_name)
    table = max(tables, key=lambda one: (bool(one.header), len(one.header) > 1, -tables.index(one)))
    sheet = Sheet(table, sample_of(table))
    said = guess_kind(sheet, context.file_name, context.kind)
    maker = _Maker(sheet, context, said)
    by_kind = {
        Kind.INCIDENTS: maker.incidents,
        Kind.CAMERAS: maker.cameras,
        Kind.PLACES: maker.places,
        Kind.AREAS: maker.areas,
        Kind.STATISTICS: maker.statistics,
    }
    return by_kind[said.kind]()


class _Maker:
    """Builds the mapping of one kind and gathers evidence on the way."""

    def __init__(self, sheet: Sheet, context: GuessContext, said: KindGuess):
        self.sheet, self.context, self.kind = sheet, context, said.kind
        self.said = said
        self.mapping = ColumnMapping(kind=said.kind, reading=sheet.table.choice)
        self.evidence: list[Evidence] = list(said.evidence)
        self.open: list[str] = [] if said.decided else ["kind"]
        self.options: dict[str, tuple[tuple[str, Evidence], ...]] = dict(said.options)

    def incidents(self) -> Guess:
        """Category, time, place, identifier; the order of dates and the categories over many rows."""
        self._place_columns()
        self._columns("occurred_from", "occurred_to", "reported_at", "clock", "incident_id", "count", "area", "category")
        columns = dict(self.mapping.columns)
        self._drop_idle(columns)
        self.mapping = replace(self.mapping, columns=columns)
        self._read_through()
        if "occurred_from" not in columns:
            self.open.append("column:occurred_from")
        return self._done()

    def cameras(self) -> Guess:
        """Every field by its title; whether a row is a camera or a site."""
        self._place_columns()
        self._columns(*(name for name in TITLES[Kind.CAMERAS] if name not in _PLACE_FIELDS))
        if self.sheet.rows:
            self.evidence.append(guess_unit(self.sheet.table.header, self.sheet.rows, self.mapping.columns))
        return self._done()

    def places(self) -> Guess:
        """Every field by its title, and the kind of place."""
        self._place_columns()
        self._columns(*(name for name in TITLES[Kind.PLACES] if name not in _PLACE_FIELDS))
        name = f"{self.context.file_name} {self.sheet.table.name}"
        kinds = kinds_with(self.context.place_kinds)
        found = guess_place_kind(name, self.sheet.table.header, self.sheet.rows[:400], kinds)
        if found is None:
            self.open.append("place_kind")
        else:
            self.evidence.append(found[1])
            self.mapping = replace(self.mapping, place_kind=found[0])
        self._order("opened_on", "closed_on")
        return self._done()

    def areas(self) -> Guess:
        """Outline, code and name, and what sort of area."""
        geometry = self.sheet.geometry
        columns = {"geometry": geometry.title} if geometry else {}
        self.mapping = replace(self.mapping, columns=columns)
        self._columns("code", "name_en", "name")
        name_column, code = self._column("name"), self._column("code")
        if name_column is not None and code is not None and name_column.distinct < _NAMED_SHARE * code.distinct:
            self.mapping = replace(self.mapping, columns={**self.mapping.columns, "name": code.title})  # the name of a wider area
        name = f"{self.context.file_name} {self.sheet.table.name}"
        found = guess_area_kind(name, self.sheet.table.header, self.sheet.rows[:400])
        if found is None:
            self.open.append("area_kind")
        else:
            self.evidence.append(found[1])
            self.mapping = replace(self.mapping, options={"area_kind": found[0]})
        self._code_system()
        self._crs()
        return self._done()

    def _code_system(self) -> None:
        """Which of the code systems of Korea's districts the column of codes follows, if one of them."""
        code = self._column("code")
        if code is None:
            return
        district = next((column for column in self.sheet.columns if column.plain in DISTRICT_TITLES), None)
        if district is None and self.mapping.options.get("area_kind") == "gu":
            district = self._column("name")
        found = recognise_codes(code.values, district.values if district is not None else None)
        if found.system is not None and found.decided:
            self.evidence += found.evidence
            self.mapping = replace(self.mapping, options={**self.mapping.options, "code_system": str(found.system)})

    def statistics(self) -> Guess:
        """Dimensions and figures by their titles; or incidents without a place, which are counted by area and month."""
        if self.said.counts_rows:
            return self._counted_rows()
        columns, options = guess_statistics(self.sheet.table, self.sheet.rows)
        self.mapping = replace(self.mapping, columns=columns, options=options)
        self._order("period")
        return self._done()

    def _counted_rows(self) -> Guess:
        found = {
            "period": self.sheet.find(Kind.INCIDENTS, "occurred_from"),
            "category": self.sheet.find(Kind.INCIDENTS, "category"),
            "area": self.sheet.find(Kind.INCIDENTS, "area"),
        }
        columns = {name: column.title for name, column in found.items() if column is not None}
        self._note_columns(columns)
        self.mapping = replace(self.mapping, columns=columns, options={"count_rows": True, "title": self.sheet.table.name})
        self._order("period")
        self._categories_of(self._counted("category"))
        self.evidence.append(Evidence("kind", "no_coordinates", {"column": columns.get("area", "")}))
        return self._done()

    # --- columns --------------------------------------------------------------------------------------
    def _place_columns(self) -> None:
        """Latitude and longitude, or a geometry column, and the address."""
        pair = self.sheet.pair(self.kind)
        columns: dict[str, str] = {}
        if pair is not None:
            columns = {"latitude": pair[0].title, "longitude": pair[1].title}
        elif self.sheet.geometry is not None:
            columns = {"geometry": self.sheet.geometry.title}
        self._note_columns(columns)
        self.mapping = replace(self.mapping, columns=columns)
        self._columns("address", *(["lot_address"] if "lot_address" in TITLES[self.kind] else []))
        self._crs()

    def _columns(self, *names: str) -> None:
        """Find each field's column among those that no other field has yet."""
        columns = dict(self.mapping.columns)
        for name in names:
            column = self.sheet.find(self.kind, name, tuple(columns.values()) if name != "name" else ())
            if column is not None:
                columns[name] = column.title
                self._note_columns({name: column.title})
        self.mapping = replace(self.mapping, columns=columns)

    def _note_columns(self, columns: Mapping[str, str]) -> None:
        self.evidence += [Evidence("column", "column_title", {"column": title, "field": name}) for name, title in columns.items()]

    def _column(self, name: str) -> Column | None:
        title = self.mapping.columns.get(name)
        return next((column for column in self.sheet.columns if column.title == title), None) if title else None

    def _drop_idle(self, columns: dict[str, str]) -> None:
        """Fields that a table with a better one does not need."""
        start = self._column("occurred_from")
        if "clock" in columns and start is not None and start.time_shares[1] > 0.5:
            columns.pop("clock")  # the date has its time of day already
        if "latitude" in columns or "geometry" in columns:
            columns.pop("area", None)

    # --- coordinates ----------------------------------------------------------------------------------
    def _crs(self) -> None:
        found = guess_crs_of(self.sheet, self.mapping, self.context.boundary, self.context.areas)
        if found is None:
            return
        self.evidence += found.evidence
        self.mapping = replace(self.mapping, crs=found.crs, swapped=found.swapped)
        if not found.decided:
            self.open.append("crs")
            self.options["crs"] = found.options

    # --- times and categories -------------------------------------------------------------------------
    def _order(self, *names: str) -> None:
        """The order of year, month and day in the first of these columns that leaves it open to its text."""
        for name in names:
            column = self._column(name)
            if column is None:
                continue
            tally = OrderTally(column.title)
            tally.note(column.given)
            if tally.is_ambiguous or tally.proof:
                self._settle_order(self._whole_order(tally, column))
                return

    def _whole_order(self, tally: OrderTally, column: Column) -> TimesGuess:
        """Read on only while the order is open."""
        if tally.is_ambiguous:
            for chunk in self.sheet.table.chunks():
                tally.note(row[column.place] for row in chunk.rows if len(row) > column.place)
                if tally.proof:
                    break
        return tally.decide()

    def _settle_order(self, found: TimesGuess) -> None:
        self.evidence += found.evidence
        self.mapping = replace(self.mapping, time_order=found.order)
        if not found.decided:
            self.open.append("time")
            self.options["time"] = found.options

    def _read_through(self) -> None:
        """Dates and categories of incidents, over many rows."""
        self._order("occurred_from", "occurred_to", "reported_at")
        start = self._column("occurred_from")
        if start is not None and start.given:
            share, clock = start.time_shares
            code = "time_with_clock" if clock > 0.5 or "clock" in self.mapping.columns else "time_day_only"
            given = {"column": start.title, "example": start.given[0].strip()[:40], "share": f"{share:.0%}"}
            self.evidence.append(Evidence("time", code, given))
        if "category" in self.mapping.columns:
            self._categories_of(self._counted("category"))
        else:
            self._category_by_name()

    def _counted(self, name: str) -> Counter[str]:
        """The values of a column with their rows, over the first rows of the file."""
        column = self._column(name)
        found: Counter[str] = Counter()
        if column is None:
            return found
        for chunk in self.sheet.table.chunks():
            found.update(row[column.place].strip() for row in chunk.rows if len(row) > column.place)
            if found.total() >= ROWS_COUNTED or len(found) > 5000:
                break
        return found

    def _categories_of(self, values: Counter[str]) -> None:
        found = map_categories(values, self.context.categories)
        self.mapping = replace(self.mapping, categories=found.codes)
        rows = sum(count for value, count in values.items() if value)
        unknown = sum(found.unknown.values())
        given = {"count": len(found.codes), "share": f"{1 - unknown / max(rows, 1):.1%}"}
        self.evidence.append(Evidence("category", "category_known", given))
        if found.grouped:
            self.evidence.append(Evidence("category", "category_grouped", {"value": ", ".join(found.grouped[:6])}))
        if found.unknown:
            named = ", ".join(f"{value} ({count:,})" for value, count in list(found.unknown.items())[:6])
            self.evidence.append(Evidence("category", "category_unknown", {"count": len(found.unknown), "value": named}))
            if self.kind == Kind.INCIDENTS:
                self.open.append("category")

    def _category_by_name(self) -> None:
        """A file without a column of categories is of one category, if its name says so."""
        taxonomy = Taxonomy(self.context.categories)
        for offence in offences_named(self.context.file_name):
            found = taxonomy.code_of(offence)
            if found is not None:
                self.mapping = replace(self.mapping, options={**self.mapping.options, "category": found[0]})
                given = {"value": offence.replace("_", " "), "category": found[0]}
                self.evidence.append(Evidence("category", "category_by_name", given))
                return
        self.evidence.append(Evidence("category", "category_none", {}))
        self.open.append("category")

    def _done(self) -> Guess:
        return Guess(self.mapping, tuple(self.evidence), tuple(dict.fromkeys(self.open)), MappingProxyType(self.options))


_PLACE_FIELDS = frozenset(("latitude", "longitude", "geometry", "address", "lot_address"))
