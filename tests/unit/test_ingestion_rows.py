"""Coordinates, cells, whole chunks, and the binary form in which rows go to the database."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely

from ingestion.errors import FileRefused
from ingestion.header import read_header
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import PLACE_REASONS, Boundary, cells_of, parents_of, parse_degrees
from ingestion.presets import PRESETS
from ingestion.reader import Chunk, read_chunks
from ingestion.validation import Checked, Rules, check
from ingestion.writer import encode_incidents, encode_points

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"
CITY = shapely.box(127.000, 37.484, 127.018, 37.497)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = ("category", "occurred_from", "occurred_to", "latitude", "longitude", "incident_id")
RULES = Rules(
    mapping=ColumnMapping(kind=Kind.INCIDENTS, columns={name: name for name in FIELDS}),
    categories={"theft": 4, "절도": 4, "violence": 5, "폭력": 5, "robbery": 2},
    boundary=Boundary.around(CITY),
    time_zone="Asia/Seoul",
    week_zone="Asia/Seoul",
    now=NOW,
)


def checked(name: str) -> Checked:
    chunk = Chunk()
    for part in read_chunks(BROKEN / name, file_name=name, max_content_bytes=1 << 30):
        chunk.broken |= {len(chunk.rows) + place: code for place, code in part.broken.items()}
        chunk.rows += part.rows
        chunk.lines += part.lines
        chunk.raw += part.raw
    layout = read_header(chunk.rows[0], columns=PRESETS["haechi"].columns, file_name=name)
    chunk.broken = {row - 1: code for row, code in chunk.broken.items()}
    del chunk.rows[0], chunk.lines[0], chunk.raw[0]
    return check(chunk, layout, RULES)


def test_every_kind_of_bad_row_gets_its_reason_line_and_column():
    result = checked("every_reason.csv")
    found = {one.line: (one.reason, one.column) for one in result.findings}
    assert found == {
        3: ("unknown_category", "category"),
        4: ("category_missing", "category"),
        5: ("time_missing", "occurred_from"),
        6: ("unreadable_time", "occurred_from"),
        7: ("impossible_date", "occurred_from"),
        8: ("impossible_date", "occurred_from"),
        9: ("before_1900", "occurred_from"),
        10: ("in_future", "occurred_from"),
        11: ("end_before_start", "occurred_to"),
        12: ("coordinate_missing", "latitude"),
        13: ("coordinate_zero", "latitude"),
        14: ("not_a_number", "latitude"),
        15: ("swapped_coordinates", "latitude"),
        16: ("outside", "latitude"),
        18: ("id_too_long", "incident_id"),
        19: ("not_a_number", "longitude"),
        21: ("field_count", ""),
        22: ("broken_quotes", ""),
        23: ("nul_byte", ""),
    }
    assert result.incidents.line.tolist() == [2, 17, 20, 24]  # 17 repeats an identifier: that the database finds


def test_a_finding_carries_the_value_and_the_row_as_it_stood():
    found = {one.line: one for one in checked("every_reason.csv").findings}
    assert found[3].value == "arson"
    assert found[3].raw == "B-02,arson,2025-03-01 22:30,,37.4900,127.0100"
    assert found[15].value == "127.0100, 37.4900"
    assert found[21].value == "5"


def test_an_interval_and_a_day_without_time_are_understood():
    incidents = checked("every_reason.csv").incidents
    start = datetime(2025, 3, 1, 13, 30, 15, tzinfo=UTC).timestamp()
    end = datetime(2025, 3, 2, 14, 59, 59, tzinfo=UTC).timestamp()  # the last second of 2 March in Seoul
    assert (incidents.start_s[2], incidents.end_s[2]) == (start, end)


def test_a_time_zone_offset_in_the_file_wins_over_the_local_zone():
    incidents = checked("mixed_line_ends.csv").incidents
    assert incidents.start_s[3] == datetime(2025, 3, 4, 13, 30, tzinfo=UTC).timestamp()
    assert incidents.start_s[0] == datetime(2025, 3, 1, 13, 30, tzinfo=UTC).timestamp()
    assert incidents.source_id is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("37.49", ""),
        (" 37.49 ", ""),
        ("", "coordinate_missing"),
        ("  ", "coordinate_missing"),
        ("0.000000", "coordinate_zero"),
        ("nan", "not_a_number"),
        ("inf", "not_a_number"),
        ("37,49", "not_a_number"),
        ("37_49", "not_a_number"),
        ("북위 37", "not_a_number"),
    ],
)
def test_degrees_are_read_or_get_their_reason(text, reason):
    values, codes = parse_degrees([text, "x"])  # the "x" forces the careful way
    assert PLACE_REASONS[codes[0]] == reason
    if not reason:
        assert values[0] == 37.49
        assert parse_degrees([text])[0][0] == 37.49


def test_a_point_just_over_the_line_is_inside_and_one_100_m_off_is_not():
    metre = 1 / 111_320
    latitude = np.array([37.497 + 40 * metre, 37.497 + 100 * metre, 37.49, 127.01])
    longitude = np.array([127.01, 127.01, 127.018 + 40 * metre / np.cos(np.radians(37.49)), 37.49])
    assert [PLACE_REASONS[code] for code in Boundary.around(CITY).judge(latitude, longitude)] == [
        "",
        "outside",
        "",
        "swapped_coordinates",
    ]


def test_cells_and_parents_are_those_of_h3():
    rng = np.random.default_rng(3)
    latitude, longitude = rng.uniform(37.4, 37.6, 200), rng.uniform(126.9, 127.1, 200)
    cells = cells_of(latitude, longitude)
    assert cells[0] == h3.latlng_to_cell(latitude[0], longitude[0], 10)
    assert parents_of(cells).tolist() == [h3.cell_to_parent(cell, 9) for cell in cells.tolist()]


def test_points_are_written_as_ewkb_of_wgs84():
    (point,) = encode_points(np.array([127.01]), np.array([37.49]))
    assert point.tobytes() == struct.pack("<BIIdd", 1, 0x20000001, 4326, 127.01, 37.49)


def test_identifiers_of_any_length_fit_between_fixed_fields():
    incidents = checked("every_reason.csv").incidents
    encoded = encode_incidents(incidents)
    assert encoded.startswith(b"PGCOPY\n\xff\r\n\0")
    assert encoded.endswith(struct.pack(">i", 4) + b"B-23" + struct.pack(">h", -1))


def test_an_empty_chunk_gives_no_rows():
    layout = read_header(["category", "occurred_from", "latitude", "longitude"], columns=PRESETS["haechi"].columns, file_name="x")
    result = check(Chunk(), layout, RULES)
    assert len(result.incidents) == 0
    assert result.findings == []


@pytest.mark.parametrize(
    ("header", "code", "column"),
    [
        (["category", "occurred_from", "latitude"], "missing_column", "longitude"),
        (["category", "occurred_from", "latitude", "longitude", "Latitude "], "double_column", "Latitude"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(header, code, column):
    with pytest.raises(FileRefused) as refused:
        read_header(header, columns=PRESETS["haechi"].columns, file_name="f.csv")
    assert refused.value.code == code
    assert refused.value.fields.get("column") == column


@pytest.mark.parametrize("name", ["Primary Type", "primary_type", " PRIMARY TYPE"])
def test_header_names_are_found_whatever_their_case_and_blanks(name):
    layout = read_header([name, "date", "latitude", "longitude", "id"], columns=PRESETS["chicago"].columns, file_name="f.csv")
    assert layout.position == {"category": 0, "occurred_from": 1, "latitude": 2, "longitude": 3, "incident_id": 4}


@pytest.mark.parametrize("preset", [PRESETS["chicago"], PRESETS["nyc"]], ids=lambda preset: preset.name)
def test_every_category_of_a_preset_can_be_reached(preset):
    assert {entry.code for entry in preset.taxonomy} <= set(preset.mapping.values())
    assert all(value == value.casefold() for value in preset.mapping)
