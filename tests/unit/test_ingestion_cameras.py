"""Camera registers: their words, their two units, and the traps of the national standard form."""

import pytest
import shapely

from ingestion import cameras_words as words
from ingestion.cameras import guess_unit, read_cameras
from ingestion.errors import REASONS, WARNINGS, FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from tests.tables import table_of

HERE = Boundary.around(shapely.box(126.9, 37.4, 127.1, 37.6))
COLUMNS = {
    "address": "소재지도로명주소",
    "purpose": "설치목적구분",
    "count": "카메라대수",
    "view": "촬영방면정보",
    "retention_days": "보관일수",
    "installed": "설치년월",
    "latitude": "위도",
    "longitude": "경도",
    "reference_date": "데이터기준일자",
}
ROW = {
    "address": "서울특별시 서초구 사임당로 1",
    "purpose": "생활방범",
    "count": "1",
    "view": "360도",
    "retention_days": "30",
    "installed": "2018-09",
    "latitude": "37.49",
    "longitude": "127.01",
    "reference_date": "2020-02-27",
}


def read(*rows, columns=COLUMNS, at_once=1000):
    """Records, findings and warnings of rows given by field."""
    table = table_of(list(columns.values()), [[(ROW | row)[name] for name in columns] for row in rows], at_once=at_once)
    batches = list(read_cameras(table, ColumnMapping(Kind.CAMERAS, columns=columns), HERE))
    warnings: dict[str, int] = {}
    for batch in batches:
        for code, noted in batch.warnings.items():
            warnings[code] = warnings.get(code, 0) + noted.count
    records = [one for batch in batches for one in batch.records]
    findings = [one for batch in batches for one in batch.findings]
    assert len(records) + len(findings) == sum(batch.rows for batch in batches)
    assert {one.reason for one in findings} <= REASONS.keys()
    assert warnings.keys() <= WARNINGS.keys()
    return records, findings, warnings


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("생활방범", "crime_prevention"),
        ("방범 CCTV", "crime_prevention"),
        ("다목적", "crime_prevention"),
        ("어린이보호", "child_safety"),
        ("스쿨존 CCTV", "child_safety"),
        ("공원방범", "park"),
        ("교통단속", "traffic"),
        ("차량방범", "traffic"),
        ("주정차단속 CCTV", "parking"),
        ("그린파킹", "parking"),
        ("시설물 관리", "facility"),
        ("시설물관리", "facility"),
        ("쓰레기무단투기 CCTV", "waste"),
        ("재난재해", "other"),
        ("기타", "other"),
        ("", "crime_prevention"),
        ("crime_prevention", "crime_prevention"),
        ("Waste dumping", "waste"),
        ("우주 관측", None),
    ],
)
def test_a_purpose_is_understood_in_its_spellings(text, code):
    assert words.purpose_of(text) == code


@pytest.mark.parametrize(
    ("text", "bearing", "angle", "is_understood"),
    [
        ("", None, 360, True),
        ("0", None, 360, True),
        ("360도 전방면", None, 360, True),
        ("360전방면", None, 360, True),
        ("360", None, 360, True),
        ("회전형", None, 360, True),
        ("회전/고정2", None, 360, True),
        ("고정", None, 360, True),
        ("120도", None, 120, True),
        ("60", None, 60, True),
        ("정면 90도", None, 90, True),
        ("60도 단방향", None, 60, True),
        ("북서", 315, 90, True),
        ("남동쪽 60도", 135, 60, True),
        ("동향", 90, 90, True),
        ("SW", 225, 90, True),
        ("북서 남동", None, 360, True),
        ("반경 30~150미터 이내(기종따라 다름)", None, 360, True),
        ("02-901-5897", None, 360, False),
        ("창선동우체국 방면", None, 360, False),
        ("부산-7-남구-0152", None, 360, False),
    ],
)
def test_a_view_is_a_direction_only_where_the_text_says_so(text, bearing, angle, is_understood):
    view = words.read_view(text)
    assert (view.bearing_deg, view.angle_deg, view.is_understood) == (bearing, angle, is_understood)


def test_rows_at_one_point_with_one_purpose_share_a_site_and_others_do_not():
    records, _findings, warnings = read({}, {"address": "다른 주소"}, {"purpose": "쓰레기단속"}, {"latitude": "37.491"})
    assert records[0].site == records[1].site
    assert len({one.site for one in records}) == 3
    assert warnings == {"same_site": 1}


def test_the_site_does_not_depend_on_how_many_zeros_a_register_writes():
    records, _findings, _warnings = read({"latitude": "37.490000000", "longitude": "127.0100"}, {})
    assert records[0].site == records[1].site


def test_a_full_repeat_is_counted_also_across_chunks():
    _records, _findings, warnings = read({}, {}, {}, at_once=1)
    assert warnings == {"camera_again": 2, "same_site": 2}


def test_days_kept_that_were_dragged_down_are_noted_and_plain_ones_are_not():
    _records, _findings, warnings = read(*[{"retention_days": str(30 + step)} for step in range(8)], at_once=3)
    assert warnings["retention_filled"] == 8
    _records, _findings, warnings = read(*[{"retention_days": "30"} for _ in range(8)])
    assert "retention_filled" not in warnings


def test_a_month_of_installation_after_the_registers_date_is_noted():
    _records, _findings, warnings = read({"installed": "2020-12"}, {"installed": "2020-02", "reference_date": "2020.3.24"})
    assert warnings["installed_later"] == 1


def test_an_address_with_the_gu_twice_is_written_once():
    records, _findings, warnings = read({"address": "서울특별시 강동구 강동구 명일로 248"}, {"address": "없음"})
    assert records[0].details["address"] == "서울특별시 강동구 명일로 248"
    assert "address" not in records[1].details
    assert warnings["address_doubled"] == 1


def test_a_blank_count_is_one_camera_and_a_wrong_one_is_rejected():
    records, findings, warnings = read({"count": ""}, {"count": "삼"}, {"count": "0"}, {"count": "-2"}, {"count": "86"})
    assert [one.count for one in records] == [1, 86]
    assert [(one.reason, one.value) for one in findings] == [("not_a_count", "삼"), ("not_a_count", "0"), ("not_a_count", "-2")]
    assert (warnings["count_blank"], warnings["large_count"]) == (1, 1)


def test_rows_without_a_usable_place_are_rejected_with_their_reason_and_fields():
    rows = ({"latitude": ""}, {"latitude": "", "longitude": ""}, {"latitude": "0"}, {"latitude": "35.5"}, {"latitude": "북위"})
    records, findings, _warnings = read(*rows)
    reasons = ["half_coordinate", "coordinate_missing", "coordinate_zero", "outside", "not_a_number"]
    assert records == []
    assert [one.reason for one in findings] == reasons
    assert [one.line for one in findings] == [2, 3, 4, 5, 6]
    assert findings[3].fields[COLUMNS_AT["latitude"]] == "35.5"


COLUMNS_AT = {name: place for place, name in enumerate(COLUMNS)}


def test_a_register_that_names_its_cameras_by_purpose_gets_its_purposes_from_there():
    columns = {"name": "명칭", "latitude": "위도", "longitude": "경도"}
    table = table_of(["명칭", "위도", "경도"], [["쓰레기무단투기 CCTV", "37.49", "127.01"], ["3번 카메라", "37.49", "127.02"]])
    (batch,) = read_cameras(table, ColumnMapping(Kind.CAMERAS, columns=columns), HERE)
    assert [one.purpose for one in batch.records] == ["waste", "crime_prevention"]


def with_identifiers(*names: str):
    columns = {"source_id": "관리번호", "latitude": "위도", "longitude": "경도"}
    rows = [[name, f"37.4{place % 10}", "127.01"] for place, name in enumerate(names)]
    (batch,) = read_cameras(table_of(list(columns.values()), rows), ColumnMapping(Kind.CAMERAS, columns=columns), HERE)
    return batch


def test_an_identifier_names_the_site_and_its_repeat_is_rejected():
    batch = with_identifiers(*[f"C-{number}" for number in range(200)], "C-7")
    assert batch.records[7].site == "C-7"
    assert [(one.reason, one.value, one.line) for one in batch.findings] == [("duplicate_in_file", "C-7", 202)]


def test_a_column_that_repeats_its_values_is_no_identifier():
    batch = with_identifiers("서초", "서초", "강남")
    assert len(batch.records) == 3
    assert all(one.site.startswith("h-") for one in batch.records)
    assert "ids_repeat" in batch.warnings


def test_an_identifier_that_is_too_long_is_rejected():
    assert [one.reason for one in with_identifiers("x" * 81).findings] == ["id_too_long"]


def test_values_that_cannot_be_are_rejected():
    names = ["latitude", "longitude", "bearing_deg", "angle_deg", "range_m", "is_working"]
    good = ["37.49", "127.01", "90", "60", "40", "고장"]
    wrong = [
        ["37.49", "127.01", "361", "", "", ""],
        ["37.49", "127.01", "", "0", "", ""],
        ["37.49", "127.01", "", "", "9999", ""],
    ]
    strange = ["37.49", "127.01", "", "", "", "아마도"]
    mapping = ColumnMapping(Kind.CAMERAS, columns={name: name for name in names})
    (batch,) = read_cameras(table_of(names, [good, *wrong, strange]), mapping, HERE)
    (one,) = batch.records
    assert (one.bearing_deg, one.angle_deg, one.range_m, one.is_working) == (90, 60, 40, False)
    assert [found.reason for found in batch.findings] == ["camera_value"] * 3 + ["not_yes_or_no"]


def test_rows_of_the_wrong_length_are_rejected_and_a_missing_column_refuses_the_file():
    table = table_of(["위도", "경도"], [["37.49", "127.01"], ["37.49"], ["37.49", "127.01", "x"]])
    (batch,) = read_cameras(table, ColumnMapping(Kind.CAMERAS, columns={"latitude": "위도", "longitude": "경도"}), HERE)
    assert [one.reason for one in batch.findings] == ["field_count", "field_count"]
    with pytest.raises(FileRefused) as refused:
        list(read_cameras(table, ColumnMapping(Kind.CAMERAS, columns={"latitude": "lat"}), HERE))
    assert (refused.value.code, refused.value.fields["column"]) == ("missing_column", "lat")


def test_the_unit_of_a_register_shows_in_its_rows():
    columns = {"latitude": "위도", "longitude": "경도", "count": "대수"}
    header = ["위도", "경도", "대수"]
    per_camera = guess_unit(header, [["37.1", "127", "1"], ["37.1", "127", "1"], ["37.2", "127", "1"]], columns)
    per_site = guess_unit(header, [["37.1", "127", "4"], ["37.2", "127", "2"]], columns)
    assert (per_camera.code, per_camera.fields) == ("row_per_camera", {"rows": 3, "points": 2, "cameras": 3})
    assert (per_site.code, per_site.fields["cameras"]) == ("row_per_site", 6)
