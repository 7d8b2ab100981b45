"""Every real file of cameras, lamps, places, boundaries and figures, as a new user would give it: no hand work, exact counts."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from ingestion.areas import read_areas
from ingestion.cameras import read_cameras
from ingestion.guessing import GuessContext, guess
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.places_file import read_places
from ingestion.readers import Limits, open_tables
from ingestion.records_points import with_slack
from ingestion.statistics import Figure, read_statistics
from tests.factories import make_jurisdiction
from webapp.cameras.models import Camera
from webapp.common.intake import Intake, taker_of, undo_rows
from webapp.common.services import no_progress
from webapp.imports.models import RejectedRow, Upload

pytestmark = pytest.mark.real

LIMITS = Limits(max_content_bytes=1024**3)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
CCTV = "seoul-cctv/raw"
LAMPS = "seoul-streetlights/raw"
NO_LAMP_POINTS = {"gangnam", "nowon", "dongdaemun", "mapo", "seodaemun", "songpa", "yangcheon", "yeongdeungpo", "jungnang"}


@dataclass
class City:
    """Seoul by its gu, and the folder of the data."""

    folder: Path
    areas: dict[str, Any]
    outline: Any = field(init=False)

    def __post_init__(self):
        self.outline = shapely.union_all(list(self.areas.values()))


@pytest.fixture(scope="module")
def seoul(shared_data):
    path = shared_data / "korea-boundaries" / "seoul_gu_kostat_2013.geojson"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    features = json.loads(path.read_text())["features"]
    return City(shared_data, {one["properties"]["name"]: shapely.from_geojson(json.dumps(one["geometry"])) for one in features})


@dataclass
class Read:
    """What became of a file that was guessed and read."""

    mapping: ColumnMapping
    open_questions: tuple[str, ...]
    rows: int = 0
    records: list[Any] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(one.count for one in self.records)


def read(city: City, path: Path, boundary: Boundary | None = None) -> Read:
    """Open, guess and read a file. Without a boundary: Seoul and 500 m round it, as uploads have it."""
    if not path.exists():
        pytest.skip(f"{path} is not there")
    boundary = boundary or with_slack(city.outline, 500)
    tables = open_tables(path, file_name=path.name, limits=LIMITS)
    made = guess(tables, GuessContext(file_name=path.name, boundary=boundary, time_zone="Asia/Seoul", now=NOW, areas=city.areas))
    mapping, table = made.mapping, tables[0]
    readers = {
        Kind.CAMERAS: lambda: read_cameras(table, mapping, boundary),
        Kind.PLACES: lambda: read_places(table, mapping, boundary),
        Kind.AREAS: lambda: read_areas(table, mapping, Boundary(city.outline)),
        Kind.STATISTICS: lambda: read_statistics(table, mapping),
    }
    found = Read(mapping, made.open_questions)
    for batch in readers[mapping.kind]():
        found.rows += batch.rows
        found.records += batch.records
        found.reasons.update(one.reason for one in batch.findings)
        found.warnings.update({code: noted.count for code, noted in batch.warnings.items()})
    return found


# --- cameras ---------------------------------------------------------------------------------------------------------


def test_the_24_camera_registers_come_in_without_hand_work(seoul):
    files = sorted((seoul.folder / CCTV).glob("*.csv.gz"))
    if not files:
        pytest.skip("the camera registers are not there")
    box = Boundary(shapely.box(126.75, 37.41, 127.19, 37.72))  # what "outside Seoul" means in the data's description
    found = {path.name.split("_")[0]: read(seoul, path, box) for path in files}
    assert len(found) == 24
    assert {one.mapping.kind for one in found.values()} == {Kind.CAMERAS}
    assert all(not one.open_questions for one in found.values())
    assert sum(one.rows for one in found.values()) == 26_270
    outside = {name: one.reasons.total() for name, one in found.items() if one.reasons}
    assert outside == {"geumcheon": 18, "jongno": 6, "gwangjin": 1, "jungnang": 1}
    assert (found["seocho"].rows, found["seocho"].count, len({one.site for one in found["seocho"].records})) == (2372, 2372, 861)
    assert (found["gangnam"].rows, found["gangnam"].count) == (1933, 5830)
    warnings = sum((one.warnings for one in found.values()), Counter())
    assert warnings["camera_again"] == 1717
    assert warnings["installed_later"] == 3747
    assert (found["gangnam"].warnings["installed_later"], found["seocho"].warnings["installed_later"]) == (1808, 1668)
    assert found["gwangjin"].warnings["retention_filled"] == 46
    assert "purpose_unknown" not in warnings


def test_the_one_file_of_all_registers_gives_the_same(seoul):
    found = read(seoul, seoul.folder / "seoul-cctv" / "seoul_cctv_standard_utf8.csv.gz")
    assert (found.mapping.kind, found.rows, found.warnings["installed_later"]) == (Kind.CAMERAS, 26_270, 3747)
    raw = [read(seoul, path).count for path in sorted((seoul.folder / CCTV).glob("*.csv.gz"))]
    assert found.count == sum(raw)


def test_the_points_of_the_whole_city_keep_their_cameras(seoul):
    found = read(seoul, seoul.folder / "seoul-cctv" / "seoul_ansimi_cctv_points_2025.csv.gz")
    assert (found.rows, len(found.records), found.count) == (83_734, 83_734, 84_013)
    assert found.warnings["same_site"] == 43_664


def test_another_citys_register_comes_in_too(seoul):
    boundary = Boundary(shapely.box(128.7, 34.8, 129.4, 35.5))
    found = read(seoul, seoul.folder / "cctv-busan-register" / "busan_cctv_standard.csv.gz", boundary)
    assert (found.mapping.kind, found.rows) == (Kind.CAMERAS, 15_737)
    assert found.reasons.total() == 6
    assert found.count == 20_526 - 9  # of the six rows outside or at zero


# --- lamps -----------------------------------------------------------------------------------------------------------


def test_the_24_lamp_registers_give_their_missing_coordinates(seoul):
    files = sorted((seoul.folder / LAMPS).glob("*.csv.gz"))
    if not files:
        pytest.skip("the lamp registers are not there")
    found = {path.name.split("_")[0]: read(seoul, path) for path in files}
    assert {one.mapping.place_kind for one in found.values()} == {"lane_lamp"}
    assert sum(one.rows for one in found.values()) == 226_236
    reasons = sum((one.reasons for one in found.values()), Counter())
    assert reasons["coordinate_missing"] == 88_355
    assert found["gangbuk"].reasons["half_coordinate"] == 10_883
    assert found["seocho"].reasons["coordinate_missing"] == 4_939
    assert found["gangdong"].reasons == {"outside": 5}
    assert {name for name, one in found.items() if not one.records} == NO_LAMP_POINTS


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "rows", "rejected"),
    [
        ("police_stations_seoul.csv", "police_box", 453, {}),
        ("police_stations_seoul_20231231_nocoords.csv", "police_box", 244, {"coordinate_missing": 244}),
        ("police_box_risk_grade_top8gu.csv", "police_box", 87, {}),
        ("police_box_risk_grade_low6gu.csv", "police_box", 53, {}),
        ("emergency_bells_seoul.csv.gz", "bell", 13_088, {"outside": 2}),
        ("child_protection_zones_seoul.csv.gz", "child_zone", 1_559, {}),
        ("cafes_seocho_geocoded.csv.gz", "cafe", 7_714, {}),
        ("cafes_gangnam_geocoded.csv.gz", "cafe", 13_858, {"outside": 11}),
        ("cafes_seocho_raw_licence.csv.gz", "cafe", 7_714, {"coordinate_missing": 7_714}),
        ("parks_seoul.csv", "park", 130, {"outside": 2, "coordinate_missing": 1}),
        ("subway_stations.csv", "subway", 589, {"outside": 291}),
        ("police_stations_korea_20200409.csv.gz", "police_box", 2_264, {"outside": 1_986}),
        ("road_streetlights_seoul.csv.gz", "road_lamp", 19_316, {"coordinate_zero": 25, "outside": 201}),
    ],
)
def test_a_file_of_places_is_recognised_and_counted(seoul, name, kind, rows, rejected):
    found = read(seoul, seoul.folder / "seoul-facilities" / name)
    assert (found.mapping.kind, found.mapping.place_kind, found.rows) == (Kind.PLACES, kind, rows)
    assert found.reasons == rejected
    assert found.mapping.swapped == (kind == "park")


@pytest.mark.parametrize(
    ("name", "kind", "rows", "opened"),
    [
        ("entertainment_bars_yuheung.csv.gz", "bar", 4_971, 1_727),
        ("karaoke_bars_danran.csv.gz", "karaoke_bar", 11_587, 1_993),
        ("singing_rooms_noraebang.csv.gz", "singing_room", 12_737, 5_295),
    ],
)
def test_licence_registers_tell_what_is_open(seoul, name, kind, rows, opened):
    path = seoul.folder / "seoul-facilities" / name
    found = read(seoul, path)
    assert (found.mapping.place_kind, found.rows) == (kind, rows)
    assert set(found.reasons) <= {"coordinate_missing", "outside"}
    still = [one for one in found.records if one.closed_on is None]
    assert 0.94 * opened <= len(still) <= opened  # of those open, 4–6 % have no coordinates
    assert not any(
        one.closed_on is not None and one.opened_on is not None and one.closed_on < one.opened_on for one in found.records
    )


# --- boundaries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "features", "taken"),
    [
        ("seoul_gu_kostat_2013.geojson", "gu", 25, 25),
        ("seoul_gu_juso_2015_simple.geojson", "gu", 25, 25),
        ("seoul_hdong_kostat_2013_simple.geojson", "dong", 423, 423),
        ("seoul_hdong_2021.geojson", "dong", 425, 425),
        ("seoul_hdong_2024.geojson", "dong", 426, 426),
        ("seoul_bdong_juso_2015_simple.geojson", "legal_dong", 467, 466),
        ("korea_sigungu_kostat_2018_simple.topojson", "gu", 250, 25),
    ],
)
def test_boundaries_of_gu_and_dong_come_in(seoul, name, kind, features, taken):
    found = read(seoul, seoul.folder / "korea-boundaries" / name)
    assert (found.mapping.kind, found.mapping.options["area_kind"]) == (Kind.AREAS, kind)
    assert (found.rows, len(found.records)) == (features, taken)
    if kind == "legal_dong":  # two cross themselves: one is only cleaned, the other would change its size by 0.2 %
        assert found.reasons == {"geometry_invalid": 1}
        assert found.warnings["outline_cleaned"] == 1
    if kind == "gu":
        assert {one.codes["administrative"] for one in found.records if one.name == "강동구"} == {"11740"}


# --- figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "figures"),
    [
        ("korea-crime-stats/seoul_gu_5crimes_2015_2024.csv", 260, 260 * 12),
        ("korea-crime-stats/seoul_gu_5crimes_2023_kosis_raw.csv", 26, 26 * 12),
        ("korea-crime-stats/seoul_station_5crimes_2015_cp949.csv", 31, 310),
        ("korea-crime-stats/seoul_station_5crimes_2015_with_gu.csv", 31, 310),
        ("korea-crime-stats/seoul_station_5crimes_2018_long_cp949.csv", 310, 310),
        ("korea-crime-stats/seoul_5crimes_by_place_2023_cp949.csv", 308, 308),
        ("korea-crime-stats/korea_crime_by_region_2024_cp949.csv", 38, 38 * 247),
        ("korea-crime-stats/korea_crime_by_place_2021_2023.xlsx", 12, 12 * 84),
        ("korea-crime-stats/seoul_gu_crime_2023_2024.xlsx", 18, 18 * 52),
        ("korea-crime-stats/korea_crime_by_time_of_day_2020_2024.csv", 32, 32 * 50),
        ("korea-crime-stats/korea_crime_by_weekday_2020_2024.csv", 37, 37 * 40),
        ("korea-crime-stats/drunk_driving_stops_by_station_hour_2023.csv", 5_976, 5_976),
        ("seoul-population-weather/seoul_gu_population_2015_2024.csv", 260, 260 * 12),
        ("seoul-population-weather/seoul_dong_registered_population_202501.csv", 426, 426),
        ("seoul-population-weather/seoul_dong_living_population_monthly_2025.csv.gz", 5_434, 5_434),
        ("seoul-population-weather/seoul_dong_income_spending_quarterly.csv.gz", 8_925, 8_925 * 12),
        ("seoul-population-weather/seoul_hourly_weather_bike_2017_2018.csv", 8_760, 8_760 * 9),
        ("seoul-cctv/seoul_cctv_by_gu_2013_2016.csv", 25, 125),
        ("seoul-cctv/seoul_cctv_by_gu_2015_2025.csv", 28, 26 * 11),
        ("seoul-cctv/dirty_xlsx_named_csv.csv", 27, 27 * 11),
        ("seoul-facilities/streetlight_on_off_2023_2026.csv", 726, 726 * 6),
    ],
)
def test_a_published_table_is_recognised_and_every_figure_read(seoul, name, rows, figures):
    found = read(seoul, seoul.folder / name)
    assert (found.mapping.kind, found.rows, len(found.records)) == (Kind.STATISTICS, rows, figures)
    assert set(found.reasons) <= {"row_empty"}
    assert "sum_differs" not in found.warnings


def figure(found: Read, **wanted: object) -> Figure:
    (one,) = [one for one in found.records if all(getattr(one, name) == value for name, value in wanted.items())]
    return one


def test_the_yearly_table_of_seoul_says_what_it_says(seoul):
    found = read(seoul, seoul.folder / "korea-crime-stats" / "seoul_gu_5crimes_2015_2024.csv")
    year = {"period_from": date(2015, 1, 1), "period_to": date(2015, 12, 31)}
    assert figure(found, area="종로구", category="절도", measure="검거", **year).value == 1145
    whole = figure(found, area="소계", category="소계", measure="발생", **year)
    assert (whole.value, whole.is_total) == (126_401, True)
    parts = [
        one.value for one in found.records if not one.is_total and one.measure == "발생" and one.period_from == date(2015, 1, 1)
    ]
    assert (len(parts), sum(parts)) == (125, 126_401)
    assert {one.area_code for one in found.records if one.area == "서초구"} == {"11650"}


def test_hours_days_and_stations_are_read_as_such(seoul):
    folder = seoul.folder / "korea-crime-stats"
    hours = read(seoul, folder / "korea_crime_by_time_of_day_2020_2024.csv")
    theft = {"category": "절도", "period_from": date(2020, 1, 1)}
    assert figure(hours, hour_from=18, hour_to=21, **theft).value == 25_809
    assert figure(hours, measure="건수 (시간 미상)", **theft).value == 20_393
    days = read(seoul, folder / "korea_crime_by_weekday_2020_2024.csv")
    assert figure(days, weekday=6, **theft).value == 23_840
    stations = read(seoul, folder / "seoul_station_5crimes_2018_long_cp949.csv")
    assert figure(stations, area="수서", category="폭력", measure="검거").value == 1_443
    assert figure(stations, area="수서", category="폭력", measure="검거").area_code == ""
    regions = read(seoul, folder / "korea_crime_by_region_2024_cp949.csv")
    assert figure(regions, area="서울 서초구", category="강력범죄 / 강도").area_code == "11650"


def test_latin_1_weather_by_day_before_month(seoul):
    found = read(seoul, seoul.folder / "seoul-population-weather" / "seoul_hourly_weather_bike_2017_2018.csv")
    assert found.mapping.time_order == "dmy"
    titles = {one.measure for one in found.records}
    assert not any("캜" in title for title in titles)
    assert figure(found, measure="Temperature", period_from=date(2017, 12, 1), hour_from=0).value == -5.2


def test_incidents_without_coordinates_can_go_in_as_counts(seoul):
    path = seoul.folder / "chicago-2022-no-coords" / "crimes-2022-slim.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    table = open_tables(path, file_name=path.name, limits=LIMITS)[0]
    columns = {"area": "Community Area", "period": "Date", "category": "Primary Type"}
    batches = list(read_statistics(table, ColumnMapping(Kind.STATISTICS, columns=columns, options={"count_rows": True})))
    rejected = Counter(one.reason for batch in batches for one in batch.findings)
    figures = [one for batch in batches for one in batch.records]
    assert sum(batch.rows for batch in batches) == 215_551
    assert sum(one.value for one in figures) == 215_551 - rejected.total()
    assert len({one.category for one in figures}) == 31
    assert {one.period_from.month for one in figures} == set(range(1, 12))


# --- all the way into the database -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_register_of_seocho_goes_in_once_and_out_again(seoul):
    path = seoul.folder / CCTV / "seocho_20190529.csv.gz"
    mapping = read(seoul, path).mapping
    jurisdiction = make_jurisdiction("seocho", seoul.areas["서초구"], h3_resolution=8)

    def take(digest: str) -> Upload:
        upload = Upload.objects.create(
            jurisdiction=jurisdiction, file_name=path.name, sha256=digest * 64, size_bytes=1, kind="cameras", preset=""
        )
        intake = Intake(jurisdiction, upload.pk, path, path.name, mapping, 10**9, NOW, no_progress)
        report = taker_of("cameras").take(intake)
        assert report.rows == 2372 == report.accepted + report.rejected
        assert RejectedRow.objects.filter(upload=upload).count() == report.rejected
        assert "row_per_camera" in report.warnings
        upload.report = {"sums": report.sums}
        return upload

    first = take("1")
    sites = Camera.objects.of(jurisdiction)
    assert sites.count() == first.report["sums"]["sites"]
    assert sum(sites.values_list("count", flat=True)) == first.report["sums"]["cameras"]
    second = take("2")
    assert (second.report["sums"]["added"], second.report["sums"]["changed"]) == (0, 0)
    undo_rows(upload_id=first.pk, tables=taker_of("cameras").tables)
    assert not sites.exists()
