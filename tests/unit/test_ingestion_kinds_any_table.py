"""Whatever stands in a table: every row ends in a record or a finding, and nothing but a refusal is raised."""

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.areas import AREA_KINDS, guess_area_kind, read_areas
from ingestion.cameras import guess_unit, read_cameras
from ingestion.errors import REASONS, REFUSALS, WARNINGS, FileRefused
from ingestion.kinds import FIELDS, Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.places_file import guess_place_kind, read_places
from ingestion.records_copy import copy_lines
from ingestion.statistics import guess_statistics, read_statistics
from tests.tables import table_of

HERE = Boundary.around(shapely.box(126.9, 37.4, 127.1, 37.6))
_NUMBERS = "37.49|127.01|0|1|1,395|-1|1e999|nan|2020|2020.1|2020-02-27|2019-13|20200230|1899|2/30/2020|00:00-02:59"
_WORDS = (
    "-|없음|360도|북서|120도|생활방범|폐업|영업/정상|소계|합계|서울 종로구|살인|발생|미상|MULTIPOLYGON EMPTY|POINT (127.01 37.5)"
)
_RINGS = (
    "127 37.4, 127.1 37.4, 127.1 37.5",
    "127 37.4, 127.1 37.4, 127.1 37.5, 127 37.4",
    "127 37.4, 127.1 37.5, 127.1 37.4, 127 37.5, 127 37.4",
)
_OUTLINES = [f"POLYGON (({ring}))" for ring in _RINGS]
SEEN_IN_FILES = st.sampled_from([*_NUMBERS.split("|"), *_WORDS.split("|"), *_OUTLINES, "", "\x00", "9" * 400])
CELLS = SEEN_IN_FILES | st.text(max_size=12)


@st.composite
def tables(draw, kind: Kind):
    """A table of any texts and a mapping of any of its columns to any fields of a kind."""
    width = draw(st.integers(1, 5))
    titles = [f"{draw(CELLS)} {place}" for place in range(width)]
    fields_of_row = st.lists(CELLS, min_size=width, max_size=width) | st.lists(CELLS, max_size=6)
    rows = draw(st.lists(fields_of_row, max_size=8))
    names = [one.name for one in FIELDS[kind]]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=len(names)))
    columns = {name: draw(st.sampled_from(titles)) for name in chosen}
    return table_of(titles, rows, at_once=draw(st.integers(1, 9))), columns, rows


def settled(batches, rows):
    """Every row in one place, every code known, every record fit for COPY."""
    try:
        made = list(batches)
    except FileRefused as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert refused.code in REFUSALS
        return []
    records = [one for batch in made for one in batch.records]
    assert sum(batch.rows for batch in made) == len(rows)
    for batch in made:
        assert {one.reason for one in batch.findings} <= REASONS.keys()
        assert batch.warnings.keys() <= WARNINGS.keys()
        assert len({one.line for one in batch.findings}) == len(batch.findings)
    return records, sum(len(batch.findings) for batch in made)


@settings(max_examples=300, deadline=None)
@given(tables(Kind.CAMERAS))
def test_any_table_as_cameras(made):
    table, columns, rows = made
    guess_unit(table.header, rows, columns)
    found = settled(read_cameras(table, ColumnMapping(Kind.CAMERAS, columns=columns), HERE), rows)
    if found:
        records, findings = found
        assert len(records) + findings == len(rows)
        assert all(one.count >= 1 and 0 < one.angle_deg <= 360 and 0 < one.range_m <= 2000 for one in records)
        assert all(one.bearing_deg is None or 0 <= one.bearing_deg < 360 for one in records)
        copied = copy_lines([[one.line, one.site, one.name, one.bearing_deg, one.details] for one in records]).getvalue()
        assert copied.count(b"\n") == len(records)
        assert b"\0" not in copied
        assert b"u0000" not in copied


@settings(max_examples=300, deadline=None)
@given(tables(Kind.PLACES))
def test_any_table_as_places(made):
    table, columns, rows = made
    guess_place_kind(table.name, table.header, rows)
    found = settled(read_places(table, ColumnMapping(Kind.PLACES, columns=columns, place_kind="bar"), HERE), rows)
    if found:
        records, findings = found
        assert len(records) + findings == len(rows)
        assert all(one.opened_on is None or one.closed_on is None or one.closed_on >= one.opened_on for one in records)
        assert all(len(one.name) <= 80 and len(one.address) <= 200 and len(one.source_id) <= 80 for one in records)


@settings(max_examples=300, deadline=None)
@given(tables(Kind.AREAS), st.sampled_from([*AREA_KINDS, ""]), st.booleans())
def test_any_table_as_areas(made, kind, is_mended):
    table, columns, rows = made
    guess_area_kind(table.name, table.header, rows)
    mends = frozenset({"make_valid"} if is_mended else ())
    mapping = ColumnMapping(Kind.AREAS, columns=columns, options={"area_kind": kind}, mends=mends)
    found = settled(read_areas(table, mapping, HERE), rows)
    if found:
        records, findings = found
        assert len(records) + findings == len(rows)
        assert all(one.boundary.is_valid and one.boundary.geom_type == "MultiPolygon" and one.code for one in records)


@settings(max_examples=400, deadline=None)
@given(tables(Kind.STATISTICS), st.booleans(), st.booleans())
def test_any_table_as_figures(made, is_guessed, is_counted):
    table, columns, rows = made
    guessed, options = guess_statistics(table, rows)
    if is_guessed:
        columns = guessed
    else:
        options = {}
    mapping = ColumnMapping(Kind.STATISTICS, columns=columns, options=options | {"count_rows": is_counted})
    found = settled(read_statistics(table, mapping), rows)
    if found:
        records, findings = found
        assert findings <= len(rows)
        assert all(one.value is None or abs(one.value) < float("inf") for one in records)
        assert all(one.hour_from is None or 0 <= one.hour_from < (one.hour_to or 0) <= 24 for one in records)
        assert all(len(one.area) <= 80 and len(one.measure) <= 80 and len(one.area_code) <= 20 for one in records)
