"""What a table holds and how it is understood, guessed by titles and values; what is open stays open."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.categories import numbers_of
from ingestion.errors import EVIDENCE, REASONS, WARNINGS, FileRefused
from ingestion.guessing import GuessContext, guess
from ingestion.header import layout_of
from ingestion.kinds import FIELDS, Kind
from ingestion.mapping import ColumnMapping, Guess
from ingestion.places import Boundary
from ingestion.readers import Chunk, Table
from ingestion.validation import Rules, check

CITY = Boundary.around(shapely.box(127.000, 37.484, 127.018, 37.497))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = {"theft": ("절도", "Theft"), "violence": ("폭력", "Violence"), "robbery": ("강도", "Robbery")}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], name: str = "file.csv", **more: object) -> Table:
    def chunks() -> Iterator[Chunk]:
        chunk = Chunk()
        for line, row in enumerate(rows, 2):
            chunk.add(list(row), line)
        yield chunk

    return Table(name=name, format="csv", header=tuple(header), chunks=chunks, **more)  # type: ignore[arg-type]


def guessed(header: Sequence[str], rows: Sequence[Sequence[str]], name: str = "file.csv", kind: Kind | None = None) -> Guess:
    context = GuessContext(name, CITY, "Asia/Seoul", NOW, NAMES, kind=kind)
    found = guess([table(header, rows, name)], context)
    for one in found.evidence:
        EVIDENCE[one.code].format(**one.fields)  # every sentence has what it names
    for choices in found.options.values():
        for _, one in choices:
            EVIDENCE[one.code].format(**one.fields)
    return found


def test_a_korean_incident_file_is_understood():
    rows = [[f"K-{n}", "절도", f"2025. 3. {n + 1}. 23:40", "37.4900", "127.0100"] for n in range(20)]
    found = guessed(["사건번호", "죄종", "발생일시", "위도", "경도"], rows)
    assert found.mapping.kind == Kind.INCIDENTS
    assert found.mapping.columns == {
        "latitude": "위도",
        "longitude": "경도",
        "occurred_from": "발생일시",
        "incident_id": "사건번호",
        "category": "죄종",
    }
    assert found.mapping.categories == {"절도": "theft"}
    assert found.open_questions == ()


def test_day_and_clock_in_two_columns_both_count():
    rows = [["폭력", "2025-03-01", "오후 11:05", "37.4900", "127.0100"]] * 5
    assert guessed(["범죄명", "발생일자", "발생시각", "위도", "경도"], rows).mapping.columns["clock"] == "발생시각"


def test_swapped_columns_are_found_by_where_the_points_fall():
    rows = [["theft", f"2025-03-{n + 1:02} 10:00", "127.0100", "37.4900"] for n in range(20)]
    found = guessed(["category", "date", "latitude", "longitude"], rows)
    assert (found.mapping.swapped, found.mapping.crs) == (True, "EPSG:4326")


def test_a_coordinate_system_named_in_a_title_decides_between_those_that_fit():
    rows = [[f"노래방 {n}", str(203600.0 + n), str(444500.0 + n)] for n in range(30)]  # 5174 and 5181 differ by some 300 m
    found = guessed(["사업장명", "좌표정보x(epsg5174)", "좌표정보y(epsg5174)"], rows)
    assert (found.mapping.crs, "crs" in found.open_questions) == ("EPSG:5174", False)
    open_one = guessed(["사업장명", "좌표정보x", "좌표정보y"], rows)
    assert "crs" in open_one.open_questions
    assert "EPSG:5174" in [value for value, _ in open_one.options["crs"]]


def test_dates_that_can_be_read_in_two_ways_are_an_open_question():
    rows = [["theft", f"{n % 9 + 1}/{n % 8 + 2}/2025", "37.4900", "127.0100"] for n in range(20)]
    found = guessed(["category", "date", "latitude", "longitude"], rows)
    assert "time" in found.open_questions
    assert [value for value, _ in found.options["time"]] == ["mdy", "dmy"]


def test_one_value_far_down_the_file_settles_the_order():
    rows = [["theft", "3/4/2025", "37.4900", "127.0100"]] * 9000 + [["theft", "25/4/2025", "37.4900", "127.0100"]]
    found = guessed(["category", "date", "latitude", "longitude"], rows)
    assert (found.mapping.time_order, "time" in found.open_questions) == ("dmy", False)


def test_unknown_categories_are_an_open_question_with_their_rows():
    rows = [["theft", "2025-03-01 10:00", "37.49", "127.01"]] * 3 + [["arson", "2025-03-01 10:00", "37.49", "127.01"]] * 2
    found = guessed(["category", "date", "latitude", "longitude"], rows)
    assert found.open_questions == ("category",)
    (unknown,) = [one for one in found.evidence if one.code == "category_unknown"]
    assert unknown.fields["value"] == "arson (2)"


def test_a_file_of_one_offence_is_known_by_its_name_and_otherwise_asked_for():
    header, rows = ["date", "latitude", "longitude"], [["2025-03-01 10:00", "37.49", "127.01"]] * 5
    assert guessed(header, rows, "theft_2025.csv").mapping.options == {"category": "theft"}
    assert guessed(header, rows, "data_2025.csv").open_questions == ("category",)


def test_incidents_without_coordinates_are_to_be_counted_and_get_no_points():
    rows = [[f"2025-03-{n % 28 + 1:02} 10:00", "theft", "서초동", "street"] for n in range(50)]
    found = guessed(["발생일시", "죄종", "행정동", "장소"], rows)
    assert found.mapping.kind == Kind.STATISTICS
    assert found.mapping.options["count_rows"] is True
    assert found.mapping.columns == {"period": "발생일시", "category": "죄종", "area": "행정동"}


@pytest.mark.parametrize(
    ("header", "row", "kind"),
    [
        (["카메라대수", "위도", "경도"], ["2", "37.49", "127.01"], Kind.CAMERAS),
        (["공원명", "위도", "경도"], ["서리풀", "37.49", "127.01"], Kind.PLACES),
        (["자치구", "2023", "2024"], ["서초구", "120", "130"], Kind.STATISTICS),
        (["name", "geometry"], ["서초동", "POLYGON ((127 37.4, 127.1 37.4, 127.1 37.5, 127 37.4))"], Kind.AREAS),
    ],
)
def test_each_kind_is_told_by_its_columns(header, row, kind):
    assert guessed(header, [row] * 10).mapping.kind == kind


def test_a_person_chooses_the_kind():
    found = guessed(["공원명", "위도", "경도"], [["서리풀", "37.49", "127.01"]] * 3, kind=Kind.CAMERAS)
    assert found.mapping.kind == Kind.CAMERAS
    assert found.evidence[0].code == "kind_chosen"


def test_a_table_of_names_and_codes_is_an_open_question():
    found = guessed(["code", "name"], [["11650", "서초구"], ["11680", "강남구"]])
    assert "kind" in found.open_questions


def test_a_file_without_a_table_is_refused():
    with pytest.raises(FileRefused) as refused:
        guess([], GuessContext("x.csv", CITY, "Asia/Seoul", NOW))
    assert refused.value.code == "empty"


def test_a_guess_survives_json():
    found = guessed(["죄종", "발생일시", "위도", "경도"], [["절도", "2025-03-01 10:00", "37.49", "127.01"]] * 3)
    assert ColumnMapping.from_json(found.mapping.to_json()) == found.mapping


_VALUE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "절도",
            "theft",
            "37.49",
            "127.01",
            "2025-03-01 10:00",
            "3/4/2025",
            "-1",
            "1",
            "0",
            "",
            "미상",
            "99999999",
            "nan",
            "1e400",
            "POINT (127 37)",
            "POLYGON ((1 1, 2 2, 3 3, 1 1))",
            "190315",
            "오후 11시",
            "4664046.125",
            "\x00",
            "−",
            "서울 서초구 서초동 1",
        ]
    ),
)
_TITLE = st.one_of(
    st.text(min_size=1, max_size=8),
    st.sampled_from(
        ["위도", "경도", "Date", "죄종", "count", "time", "id", "x", "y", "geometry", "date_end", "신고일시", "area"]
    ),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(_TITLE, min_size=1, max_size=7, unique=True))
    width = st.integers(len(header) - 1, len(header) + 1) if draw(st.booleans()) else st.just(len(header))
    rows = draw(st.lists(width.flatmap(lambda n: st.lists(_VALUE, min_size=max(n, 0), max_size=max(n, 0))), max_size=12))
    return header, rows


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from([None, *[kind for kind in Kind if kind != Kind.RULINGS]]))
def test_no_table_whatever_raises_when_it_is_guessed(given_table, kind):
    header, rows = given_table
    found = guessed(header, rows, kind=kind)
    known = {one.name for one in FIELDS[found.mapping.kind]} | {"area_code"}
    assert set(found.mapping.columns) <= known
    assert set(found.mapping.columns.values()) <= set(header)


@settings(max_examples=200, deadline=None)
@given(tables(), st.data())
def test_every_row_of_any_table_is_accepted_or_rejected_under_any_mapping(given_table, data):
    header, rows = given_table
    fields = [one.name for one in FIELDS[Kind.INCIDENTS] if one.name not in ("address", "area")]
    columns = {name: data.draw(st.sampled_from(header)) for name in fields if data.draw(st.booleans())}
    columns |= {name: data.draw(st.sampled_from(header)) for name in ("category", "occurred_from", "latitude", "longitude")}
    order = data.draw(st.sampled_from(["ymd", "mdy", "dmy"]))
    mapping = ColumnMapping(Kind.INCIDENTS, columns, time_order=order, swapped=data.draw(st.booleans()), categories={"0": ""})
    rules = Rules(mapping, numbers_of(mapping.categories, NAMES, dict.fromkeys(NAMES, 1)), CITY, "Asia/Seoul", "Asia/Seoul", NOW)
    one = table(header, rows)
    layout = layout_of(one.header, mapping, file_name="x")
    for chunk in one.chunks():
        checked = check(chunk, layout, rules)
        back = 0 if checked.takes_back is None else len(checked.takes_back)
        assert len(checked.incidents) + back + len(checked.findings) == len(chunk.rows)
        assert all(finding.reason in REASONS for finding in checked.findings)
        assert set(checked.warnings) <= set(WARNINGS)
