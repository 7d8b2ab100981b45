"""Cameras, places, areas and figures from a file into their tables: taken in once, changed, and undone exactly."""

import json
from datetime import UTC, date, datetime

import pytest
from django.db import connection

from ingestion.errors import FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from tests import factories
from webapp.cameras.models import Camera
from webapp.cameras.services import CameraRecord, register_cameras
from webapp.common.errors import HaechiError, NotAllowed
from webapp.common.intake import Intake, later_uploads, taker_of, undo_rows
from webapp.common.services import no_progress
from webapp.crimes.models import Area, Place, PlaceKind, Statistic, StatisticSet
from webapp.crimes.selectors.places import places_open_on
from webapp.crimes.selectors.statistics import crime_figures
from webapp.crimes.services import PlaceRecord, register_places
from webapp.crimes.services.place_kinds import add_place_kind, ensure_place_kinds
from webapp.imports.models import RejectedRow, Upload

LON, LAT = factories.CENTRE
STANDARD = {
    "agency": "관리기관명",
    "address": "소재지도로명주소",
    "purpose": "설치목적구분",
    "count": "카메라대수",
    "view": "촬영방면정보",
    "installed": "설치년월",
    "latitude": "위도",
    "longitude": "경도",
    "reference_date": "데이터기준일자",
}
CAMERA_HEADER = ",".join(STANDARD.values())
LAMPS = {"name": "위치명", "count": "설치개수", "address": "주소", "latitude": "위도", "longitude": "경도"}
BARS = {
    "source_id": "관리번호",
    "name": "사업장명",
    "opened_on": "인허가일자",
    "closed_on": "폐업일자",
    "status": "영업상태명",
    "latitude": "Y",
    "longitude": "X",
}


@pytest.fixture
def take(jurisdiction, tmp_path):
    """`take(kind, text, columns, **mapping)`: take a file in as an upload of its own; the upload and its report."""
    number = 0

    def run(kind, text, columns, file_name="file.csv", **mapping):
        nonlocal number
        number += 1
        upload = Upload.objects.create(
            jurisdiction=jurisdiction, file_name=file_name, sha256=f"{number:064x}", size_bytes=1, kind=kind, preset=""
        )
        path = tmp_path / f"{number}-{file_name}"
        path.write_text(text, encoding="utf-8")
        intake = Intake(
            jurisdiction=jurisdiction,
            upload_id=upload.pk,
            path=path,
            file_name=file_name,
            mapping=ColumnMapping(Kind(kind), columns=columns, **mapping),
            max_content_bytes=10_000_000,
            now=datetime(2026, 3, 1, tzinfo=UTC),
            progress=no_progress,
        )
        return upload, taker_of(kind).take(intake)

    return run


def rows_of(table: str) -> list[tuple]:
    """Every column of every row, so that two states can be told apart to the last bit."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(t::text), id FROM {table} t ORDER BY id")  # noqa: S608  (names of our own tables)
        return cursor.fetchall()


def undo(upload, kind):
    tables = taker_of(kind).tables
    assert later_uploads(upload_id=upload.pk, tables=tables) == []
    undo_rows(upload_id=upload.pk, tables=tables)


def camera(count="1", purpose="생활방범", lat=LAT, view="360도 전방면"):
    return f"시험구청,시험로 1,{purpose},{count},{view},2018-09,{lat},{LON},2020-02-27"


def cameras(*rows: str) -> str:
    return "\n".join([CAMERA_HEADER, *rows]) + "\n"


# --- cameras ---------------------------------------------------------------------------------------------------------


def test_rows_at_one_point_with_one_purpose_are_one_site_with_their_cameras_added_up(take, jurisdiction):
    text = cameras(camera(), camera(), camera(purpose="쓰레기단속"), camera(count="4", lat=LAT + 0.001))
    upload, report = take("cameras", text, STANDARD)
    sites = Camera.objects.of(jurisdiction)
    assert sorted(sites.values_list("count", "purpose")) == [(1, "waste"), (2, "crime_prevention"), (4, "crime_prevention")]
    assert sites.get(count=2).details["lines"] == [2, 3]
    assert sites.get(count=2).upload_id == upload.pk
    assert (report.rows, report.accepted, report.sums["cameras"], report.sums["sites"]) == (4, 4, 7, 3)
    assert report.warnings["same_site"].count == 1
    assert report.warnings["camera_again"].lines == [3]
    assert "row_per_site" in report.warnings


def test_a_register_with_one_row_per_camera_is_told_as_such(take):
    _upload, report = take("cameras", cameras(camera(), camera(), camera(lat=LAT + 0.001)), STANDARD)
    assert "row_per_camera" in report.warnings


def test_cameras_of_one_site_that_look_two_ways_see_all_round(take, jurisdiction):
    take("cameras", cameras(camera(view="북서"), camera(view="남동")), STANDARD)
    site = Camera.objects.of(jurisdiction).get()
    assert (site.bearing_deg, site.angle_deg, site.count) == (None, 360.0, 2)


def test_the_same_register_again_changes_nothing(take, jurisdiction):
    text = cameras(camera(), camera(count="3", lat=LAT + 0.001))
    take("cameras", text, STANDARD)
    before = rows_of("cameras_camera")
    _upload, report = take("cameras", text, STANDARD)
    assert rows_of("cameras_camera") == before
    assert (report.sums["added"], report.sums["changed"]) == (0, 0)


def test_the_same_site_in_another_line_of_a_later_register_is_not_rewritten(take, jurisdiction):
    one, two = camera(), camera(count="3", lat=LAT + 0.001)
    take("cameras", cameras(one, two), STANDARD)
    before = rows_of("cameras_camera")
    take("cameras", cameras(two, one), STANDARD)
    assert rows_of("cameras_camera") == before


def test_undoing_a_later_register_brings_the_former_sites_back_to_the_last_bit(take, jurisdiction):
    take("cameras", cameras(camera(), camera(lat=LAT + 0.001)), STANDARD)
    before = rows_of("cameras_camera")
    upload, report = take("cameras", cameras(camera(count="5"), camera(lat=LAT + 0.002)), STANDARD)
    assert (report.sums["added"], report.sums["changed"]) == (1, 1)
    assert Camera.objects.of(jurisdiction).count() == 3
    undo(upload, "cameras")
    assert rows_of("cameras_camera") == before


def test_rows_far_outside_are_rejected_with_their_line_and_fields(take, jurisdiction):
    upload, report = take("cameras", cameras(camera(), camera(lat="35.547640")), STANDARD)
    row = RejectedRow.objects.get(upload=upload)
    assert (row.line, row.reason, row.column) == (3, "outside", "위도")
    assert row.fields[6] == "35.547640"
    assert (report.rows, report.accepted, report.rejected) == (2, 1, 1)


def test_a_camera_changed_by_hand_stays_when_its_upload_is_undone(take, jurisdiction):
    upload, _report = take(
        "cameras", "id,lat,lon\nC-1,37.49,127.01\n", {"source_id": "id", "latitude": "lat", "longitude": "lon"}
    )
    register_cameras(jurisdiction=jurisdiction, cameras=[CameraRecord("C-1", "역 앞", 127.011, 37.49)])
    undo(upload, "cameras")
    assert Camera.objects.of(jurisdiction).get().name == "역 앞"


# --- places ----------------------------------------------------------------------------------------------------------


def test_lamps_at_one_point_with_one_name_are_one_place_with_their_numbers_added_up(take, jurisdiction):
    text = f"위치명,설치개수,주소,위도,경도\n가,1,길 1,{LAT},{LON}\n가,2,길 1,{LAT},{LON}\n나,1,길 1,{LAT},{LON}\n다,1,길 2,,\n"
    upload, report = take("places", text, LAMPS, place_kind="lane_lamp")
    assert sorted(Place.objects.of(jurisdiction).values_list("name", "count")) == [("가", 3), ("나", 1)]
    assert report.reasons["coordinate_missing"].count == 1
    assert (report.sums["items"], report.sums["places"]) == (4, 2)
    before = rows_of("crimes_place")
    take("places", text, LAMPS, place_kind="lane_lamp")
    assert rows_of("crimes_place") == before
    undo(upload, "places")
    assert not Place.objects.of(jurisdiction).exists()


def test_what_was_open_on_a_day_is_told_by_the_licence_dates(take, jurisdiction):
    text = "\n".join(
        [
            "관리번호,사업장명,인허가일자,폐업일자,영업상태명,Y,X",
            f"1,가,2000-01-05,,영업/정상,{LAT},{LON}",
            f"2,나,2001-02-03,2010-06-30,폐업,{LAT},{LON}",
            f"3,다,2001-02-03,,폐업,{LAT},{LON}",
            f"4,라,1899-12-30,,영업/정상,{LAT},{LON}",
        ]
    )
    _upload, report = take("places", text, BARS, place_kind="bar")
    assert report.accepted == 4
    assert report.warnings["closed_undated"].lines == [4]
    assert report.warnings["opening_placeholder"].lines == [5]
    count = {
        year: len(places_open_on(jurisdiction=jurisdiction, kind="bar", day=date(year, 1, 1))) for year in (1990, 2005, 2020)
    }
    assert count == {1990: 1, 2005: 3, 2020: 2}
    closing_day = places_open_on(jurisdiction=jurisdiction, kind="bar", day=date(2010, 6, 30))
    assert len(closing_day) == 2
    assert closing_day.lon.tolist() == [LON] * 2


def test_a_changed_licence_is_renewed_and_undo_brings_the_former_one_back(take, jurisdiction):
    head = "관리번호,사업장명,인허가일자,폐업일자,영업상태명,Y,X\n"
    take("places", f"{head}1,가,2000-01-05,,영업/정상,{LAT},{LON}\n", BARS, place_kind="bar")
    before = rows_of("crimes_place")
    upload, _report = take("places", f"{head}1,가,2000-01-05,2025-01-01,폐업,{LAT},{LON}\n", BARS, place_kind="bar")
    assert Place.objects.of(jurisdiction).get().closed_on == date(2025, 1, 1)
    undo(upload, "places")
    assert rows_of("crimes_place") == before


def test_a_kind_that_nobody_has_named_is_refused(take):
    with pytest.raises(FileRefused) as refused:
        take("places", f"위치명,설치개수,주소,위도,경도\n가,1,,{LAT},{LON}\n", LAMPS, place_kind="volcano")
    assert refused.value.code == "place_kind_missing"


def test_an_administrator_adds_a_kind_and_files_of_it_come_in(take, administrator, operator, jurisdiction):
    add_place_kind(user=administrator, code="pawnshop", name="전당포", name_en="Pawnshop")
    take("places", f"위치명,설치개수,주소,위도,경도\n가,1,,{LAT},{LON}\n", LAMPS, place_kind="pawnshop")
    assert Place.objects.of(jurisdiction).get().kind == "pawnshop"
    with pytest.raises(HaechiError, match="pawnshop already"):
        add_place_kind(user=administrator, code="pawnshop", name="전당포")
    with pytest.raises(HaechiError, match="called “전당포” already"):
        add_place_kind(user=administrator, name="전당포")
    assert add_place_kind(user=administrator, name="은행", name_en="Bank branch").code == "bank-branch"
    assert add_place_kind(user=administrator, name="편의점").code.startswith("kind-")
    with pytest.raises(NotAllowed):
        add_place_kind(user=operator, code="bank", name="은행")


def test_the_kinds_of_the_list_are_added_once_and_a_persons_name_for_one_stays(jurisdiction):
    ensure_place_kinds(jurisdiction=jurisdiction)
    PlaceKind.objects.of(jurisdiction).filter(code="bar").update(name="유흥업소")
    ensure_place_kinds(jurisdiction=jurisdiction)
    assert PlaceKind.objects.of(jurisdiction).get(code="bar").name == "유흥업소"


def test_renewing_the_maps_own_places_leaves_uploaded_ones(take, jurisdiction):
    take("places", f"위치명,설치개수,주소,위도,경도\n가,1,,{LAT},{LON}\n", LAMPS, place_kind="lane_lamp")
    register_places(jurisdiction=jurisdiction, places=[PlaceRecord("park", "공원", "Park", factories.SMALL_CITY.centroid)])
    assert sorted(Place.objects.of(jurisdiction).values_list("kind", flat=True)) == ["lane_lamp", "park"]


# --- areas -----------------------------------------------------------------------------------------------------------


def area_file(*features: tuple[str, str, object]) -> str:
    made = [
        {"type": "Feature", "properties": {"code": code, "name": name}, "geometry": geometry} for code, name, geometry in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": made})


def square(west, south, size=0.005):
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


AREAS = {"code": "code", "name": "name", "geometry": "geometry"}


def test_areas_come_in_and_those_elsewhere_do_not(take, jurisdiction):
    west, south = factories.SMALL_CITY.bounds[:2]
    beyond = square(west - 0.005, south)  # shares a border only
    text = area_file(("11", "가동", square(west, south)), ("12", "나동", beyond), ("13", "다동", square(129.0, 35.1)))
    upload, report = take("areas", text, AREAS, "a.geojson", options={"area_kind": "beat"})
    assert list(Area.objects.of(jurisdiction).filter(kind="beat").values_list("code", "name")) == [("11", "가동")]
    assert report.reasons["outside"].count == 2
    undo(upload, "areas")
    assert not Area.objects.of(jurisdiction).filter(kind="beat").exists()


def test_an_area_that_was_there_is_renewed_and_undo_restores_it(take, jurisdiction):
    before = rows_of("crimes_area")
    west, south = factories.SMALL_CITY.bounds[:2]
    text = area_file(("0", "새이름동", square(west, south)))
    upload, report = take("areas", text, AREAS, "a.geojson", options={"area_kind": "dong"})
    assert (report.sums["added"], report.sums["changed"]) == (0, 1)
    assert Area.objects.of(jurisdiction).get(kind="dong", code="0").name == "새이름동"
    undo(upload, "areas")
    assert rows_of("crimes_area") == before


# --- figures ---------------------------------------------------------------------------------------------------------

FIGURES = '자치구,죄종,발생검거,건수\n서초구,살인,발생,3\n서초구,절도,발생,"1,395"\n서초구,강도,발생,-\n서초구,방화,발생,\n'
FIGURE_COLUMNS = {"area": "자치구", "category": "죄종", "measure": "발생검거", "value": "건수"}


def test_figures_come_in_with_nil_as_zero_and_blank_as_unknown(take, jurisdiction):
    _upload, report = take("statistics", FIGURES, FIGURE_COLUMNS, "crimes_2023.csv", options={"period": "2023"})
    found = Statistic.objects.order_by("source_line").values_list("category", "category_code", "value", "area_code")
    assert list(found) == [
        ("살인", "homicide", 3, "11650"),
        ("절도", "theft", 1395, "11650"),
        ("강도", "robbery", 0, "11650"),
        ("방화", "", None, "11650"),
    ]
    assert StatisticSet.objects.of(jurisdiction).get().title == "crimes_2023"
    assert StatisticSet.objects.of(jurisdiction).get().measures == ["발생"]
    assert (report.sums["figures"], report.sums["unknown"]) == (4, 1)
    assert (report.first, report.last) == (
        datetime(2023, 1, 1, tzinfo=jurisdiction.zone),
        datetime(2023, 12, 31, tzinfo=jurisdiction.zone),
    )


def test_undoing_figures_removes_their_set(take, jurisdiction):
    upload, _report = take("statistics", FIGURES, FIGURE_COLUMNS)
    undo(upload, "statistics")
    assert not StatisticSet.objects.exists()
    assert not Statistic.objects.exists()


def test_figures_for_priors_leave_out_totals_unknown_values_and_other_jurisdictions(take, jurisdiction, other_jurisdiction):
    take("statistics", FIGURES + "서초구,합계,발생,1398\n", FIGURE_COLUMNS, options={"period": "2023"})
    found = [(one.category, one.value) for one in crime_figures(jurisdiction=jurisdiction, area_code="11650")]
    assert found == [("homicide", 3.0), ("theft", 1395.0), ("robbery", 0.0)]
    assert list(crime_figures(jurisdiction=jurisdiction, category="theft", measure="검거")) == []
    assert list(crime_figures(jurisdiction=other_jurisdiction)) == []


def test_rows_without_coordinates_are_counted_by_area_and_month(take, jurisdiction):
    times = ("2022-01-05 10:00:00", "2022-01-31 23:00:00", "2022-02-01 00:00:00")
    text = "\n".join(["Date,Primary Type,Community Area", *(f"{time},THEFT,1" for time in times)])
    columns = {"period": "Date", "category": "Primary Type", "area": "Community Area"}
    _upload, report = take("statistics", text, columns, categories={"theft": "theft"}, options={"count_rows": True})
    found = Statistic.objects.order_by("period_from").values_list("period_from", "period_to", "category_code", "value")
    assert list(found) == [
        (date(2022, 1, 1), date(2022, 1, 31), "theft", 2),
        (date(2022, 2, 1), date(2022, 2, 28), "theft", 1),
    ]
    assert (report.rows, report.accepted, report.sums["figures"]) == (3, 3, 2)
