"""Every table of the real data is understood as it should be: kind, columns, coordinate system, order of dates."""

# ruff: noqa: E501  (Hangul counts double)

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from ingestion.guessing import GuessContext, guess
from ingestion.places import Boundary
from ingestion.readers import Limits, open_tables

pytestmark = pytest.mark.real

US_CODES = (
    "theft", "battery", "criminal_damage", "assault", "burglary", "robbery", "motor_vehicle_theft", "homicide", "sexual_violence",
    "grand_larceny", "felony_assault", "street_crimes",
)  # fmt: skip
US = {code: (code, code.replace("_", " ")) for code in US_CODES}
KOREAN = {
    "homicide": ("살인", "Homicide"),
    "robbery": ("강도", "Robbery"),
    "sexual_violence": ("성폭력", "Sexual violence"),
    "theft": ("절도", "Theft"),
    "violence": ("폭력", "Violence"),
}
CITIES = {
    "chicago": ((-87.95, 41.63, -87.51, 42.04), "America/Chicago"),
    "nyc": ((-74.26, 40.49, -73.70, 40.92), "America/New_York"),
    "portland": ((-122.84, 45.43, -122.47, 45.66), "America/Los_Angeles"),
}
YX = {"latitude": "위도", "longitude": "경도"}
REGISTER = YX | {
    "address": "소재지도로명주소", "lot_address": "소재지지번주소", "purpose": "설치목적구분", "count": "카메라대수", "view": "촬영방면정보",
    "megapixels": "카메라화소수", "retention_days": "보관일수", "installed": "설치년월", "agency": "관리기관명", "reference_date": "데이터기준일자",
}  # fmt: skip
LAMPS = YX | {
    "address": "소재지도로명주소", "lot_address": "소재지지번주소", "name": "보안등위치명", "count": "설치개수", "reference_date": "데이터기준일자",
}  # fmt: skip
LICENCE = {
    "latitude": "좌표정보(Y)",
    "longitude": "좌표정보(X)",
    "source_id": "관리번호",
    "name": "사업장명",
    "opened_on": "인허가일자",
}
LICENCE |= {"status": "영업상태명", "closed_on": "폐업일자", "address": "도로명주소", "lot_address": "지번주소"}

# path: kind, columns that must be mapped so, and what else the mapping must say.
EXPECTED: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "chicago-2016-2017/chicago_2016_2017.csv.gz": (
        "incidents",
        {"category": "Primary Type", "occurred_from": "Date", "latitude": "Latitude", "longitude": "Longitude"},
        {"time_order": "mdy", "crs": "EPSG:4326", "open": ()},
    ),
    "chicago-2010-2019-agg-assault/chicago_aggravated_assaults_2010_2019.csv.gz": (
        "incidents",
        {"occurred_from": "date", "latitude": "latitude"},
        {"category": "felony_assault", "open": ()},
    ),
    "chicago-2019-sample/chicago_2019_sample50k.csv.gz": (
        "incidents",
        {"category": "primary_type", "occurred_from": "date", "incident_id": "id", "latitude": "latitude"},
        {"open": ("category",)},
    ),
    "chicago-2022-no-coords/crimes-2022-slim.csv.gz": (
        "statistics",
        {"area": "Community Area", "period": "Date", "category": "Primary Type"},
        {"count_rows": True},
    ),
    "nyc-2014-2015/nyc_2014_2015.csv.gz": (
        "incidents",
        {"category": "Offense", "occurred_from": "Occurrence Date"},
        {"time_order": "mdy", "open": ()},
    ),
    "nyc-vehicle-thefts-2014-2017/nyc_vehicle_thefts.csv.gz": (
        "incidents",
        {"occurred_from": "date_start", "occurred_to": "date_end", "incident_id": "uid"},
        {"category": "motor_vehicle_theft", "open": ()},
    ),
    "portland-nij/crimes_bur_2012_2017.csv.gz": (
        "incidents",
        {"occurred_from": "occ_date", "latitude": "y_coordina", "longitude": "x_coordina"},
        {"crs": "EPSG:2913", "category": "burglary"},
    ),
    "portland-nij/crimes_veh_2012_2017.csv.gz": (
        "incidents",
        {"occurred_from": "occ_date"},
        {"crs": "EPSG:2913", "category": "motor_vehicle_theft"},
    ),
    "portland-nij/nij_cfs_2016_08_10.csv.gz": (
        "incidents",
        {"category": "CATEGORY", "occurred_from": "occ_date"},
        {"crs": "EPSG:2913", "open": ("category",)},
    ),
    "portland-nij/police_districts.geojson": ("areas", {"code": "DISTRICT", "geometry": "geometry"}, {}),
    "chicago-boundaries/beat_bounds.geojson": ("areas", {"code": "beat_num"}, {"area_kind": "beat"}),
    "chicago-boundaries/community_areas.geojson": ("areas", {"code": "area_numbe", "name": "community"}, {}),
    "nyc-boundaries/nyc_precincts.geojson": ("areas", {"code": "Precinct"}, {"area_kind": "precinct"}),
    "korea-boundaries/seoul_gu_kostat_2013.geojson": ("areas", {"code": "code", "name": "name"}, {"area_kind": "gu"}),
    "korea-boundaries/seoul_gu_juso_2015_simple.geojson": ("areas", {"code": "SIG_CD"}, {"area_kind": "gu"}),
    "korea-boundaries/seoul_hdong_kostat_2013_simple.geojson": ("areas", {"code": "code"}, {"area_kind": "dong"}),
    "korea-boundaries/seoul_hdong_2021.geojson": ("areas", {"code": "adm_cd2", "name": "adm_nm"}, {"area_kind": "dong"}),
    "korea-boundaries/seoul_hdong_2024.geojson": ("areas", {"code": "adm_cd2", "name": "adm_nm"}, {"area_kind": "dong"}),
    "korea-boundaries/seoul_bdong_juso_2015_simple.geojson": ("areas", {"code": "EMD_CD"}, {"area_kind": "legal_dong"}),
    "korea-boundaries/korea_sigungu_kostat_2018_simple.topojson": (
        "areas",
        {"code": "code", "name": "name"},
        {"area_kind": "gu"},
    ),
    "seoul-cctv/seoul_cctv_standard_utf8.csv.gz": ("cameras", {"latitude": "lat", "count": "cameras", "purpose": "purpose"}, {}),
    "seoul-cctv/seoul_ansimi_cctv_points_2025.csv.gz": ("cameras", {"latitude": "latitude", "count": "CCTV대수"}, {}),
    "seoul-cctv/dirty_xlsx_named_csv.csv": ("statistics", {"area": "자치구"}, {}),
    "seoul-cctv/seoul_cctv_by_gu_2013_2016.csv": ("statistics", {"area": "기관명"}, {}),
    "seoul-cctv/seoul_cctv_by_gu_2015_2025.csv": ("statistics", {"area": "구분"}, {}),
    "seoul-facilities/entertainment_bars_yuheung.csv.gz": ("places", LICENCE, {"crs": "EPSG:5174", "place_kind": "bar"}),
    "seoul-facilities/karaoke_bars_danran.csv.gz": ("places", LICENCE, {"crs": "EPSG:5174", "place_kind": "karaoke_bar"}),
    "seoul-facilities/singing_rooms_noraebang.csv.gz": (
        "places",
        {"latitude": "좌표정보y(epsg5174)", "status": "영업상태명", "opened_on": "인허가일자"},
        {"crs": "EPSG:5174", "place_kind": "singing_room"},
    ),
    "seoul-facilities/cafes_seocho_geocoded.csv.gz": ("places", {"latitude": "Y", "longitude": "X"}, {"place_kind": "cafe"}),
    "seoul-facilities/cafes_gangnam_geocoded.csv.gz": ("places", {"latitude": "Y", "longitude": "X"}, {"place_kind": "cafe"}),
    "seoul-facilities/cafes_seocho_raw_licence.csv.gz": (
        "places",
        {"name": "업소명", "closed_on": "폐업일자", "lot_address": "소재지지번"},
        {"place_kind": "cafe"},
    ),
    "seoul-facilities/child_protection_zones_seoul.csv.gz": (
        "places",
        {"latitude": "y좌표", "longitude": "x좌표", "name": "시설명"},
        {"crs": "EPSG:4326", "place_kind": "child_zone"},
    ),
    "seoul-facilities/emergency_bells_seoul.csv.gz": ("places", YX, {"place_kind": "bell"}),
    "seoul-facilities/parks_seoul.csv": ("places", YX | {"name": "공원명"}, {"swapped": True, "place_kind": "park"}),
    "seoul-facilities/police_box_risk_grade_top8gu.csv": ("places", YX, {"place_kind": "police_box"}),
    "seoul-facilities/police_box_risk_grade_low6gu.csv": ("places", YX, {"place_kind": "police_box"}),
    "seoul-facilities/police_stations_korea_20200409.csv.gz": (
        "places",
        {"latitude": "Y좌표", "longitude": "X좌표"},
        {"crs": "EPSG:4326", "place_kind": "police_box", "open": ()},
    ),
    "seoul-facilities/police_stations_seoul.csv": ("places", YX | {"name": "관서명"}, {"place_kind": "police_box"}),
    "seoul-facilities/police_stations_seoul_20231231_nocoords.csv": ("places", {"address": "주소"}, {"place_kind": "police_box"}),
    "seoul-facilities/road_streetlights_seoul.csv.gz": ("places", YX, {"place_kind": "road_lamp"}),
    "seoul-facilities/subway_stations.csv": ("places", {"latitude": "y", "longitude": "x"}, {"place_kind": "subway"}),
    "seoul-facilities/streetlight_on_off_2023_2026.csv": ("statistics", {"period": "가로등 점소등 날짜(년월일)"}, {}),
    "korea-crime-stats/drunk_driving_accident_hotspots_2019_2022.csv.gz": ("places", YX, {"place_kind": "accident_spot"}),
    "korea-crime-stats/drunk_driving_stops_by_station_hour_2023.csv": ("statistics", {"area": "경찰서", "hour": "시간대"}, {}),
    "korea-crime-stats/korea_crime_by_place_2021_2023.xlsx": ("statistics", {"category": "범죄별(1)"}, {}),
    "korea-crime-stats/korea_crime_by_region_2024_cp949.csv": ("statistics", {"category": "범죄중분류"}, {}),
    "korea-crime-stats/korea_crime_by_time_of_day_2020_2024.csv": ("statistics", {"category": "범죄별(1)"}, {}),
    "korea-crime-stats/korea_crime_by_weekday_2020_2024.csv": ("statistics", {"category": "범죄별(1)"}, {}),
    "korea-crime-stats/seoul_5crimes_by_place_2023_cp949.csv": ("statistics", {"place_kind": "장소", "category": "범죄명"}, {}),
    "korea-crime-stats/seoul_gu_5crimes_2015_2024.csv": ("statistics", {"period": "시점", "area": "자치구별(2)"}, {}),
    "korea-crime-stats/seoul_gu_5crimes_2023_kosis_raw.csv": ("statistics", {"area": "자치구별(2)"}, {}),
    "korea-crime-stats/seoul_gu_crime_2023_2024.xlsx": ("statistics", {"category": "죄종별(2)"}, {}),
    "korea-crime-stats/seoul_station_5crimes_2015_cp949.csv": ("statistics", {"area": "관서명"}, {}),
    "korea-crime-stats/seoul_station_5crimes_2015_with_gu.csv": ("statistics", {"area": "관서명"}, {}),
    "korea-crime-stats/seoul_station_5crimes_2018_long_cp949.csv": ("statistics", {"area": "구분", "category": "죄종"}, {}),
    "seoul-population-weather/seoul_dong_income_spending_quarterly.csv.gz": ("statistics", {"area": "행정동_코드_명"}, {}),
    "seoul-population-weather/seoul_dong_living_population_monthly_2025.csv.gz": ("statistics", {"period": "month"}, {}),
    "seoul-population-weather/seoul_dong_registered_population_202501.csv": ("statistics", {"area": "행정동"}, {}),
    "seoul-population-weather/seoul_gu_population_2015_2024.csv": ("statistics", {"period": "시점"}, {}),
    "seoul-population-weather/seoul_hourly_weather_bike_2017_2018.csv": (
        "statistics",
        {"period": "Date", "hour": "Hour"},
        {"time_order": "dmy"},
    ),
}


@pytest.fixture(scope="module")
def gu(shared_data: Path) -> dict[str, shapely.Geometry]:
    """The 25 gu of Seoul, of their dong of 2024."""
    features = json.loads((shared_data / "korea-boundaries" / "seoul_hdong_2024.geojson").read_text())["features"]
    parts: dict[str, list[shapely.Geometry]] = {}
    for feature in features:
        parts.setdefault(feature["properties"]["sggnm"], []).append(shapely.from_geojson(json.dumps(feature["geometry"])))
    return {name: shapely.union_all(shapes) for name, shapes in parts.items()}


def understood(path: Path, gu: dict[str, shapely.Geometry]) -> Any:
    city = next((name for name in CITIES if name in str(path.parent)), None)
    if city is None:
        boundary, zone, names, areas = Boundary.around(shapely.union_all(list(gu.values()))), "Asia/Seoul", KOREAN, gu
    else:
        extent, zone = CITIES[city]
        boundary, names, areas = Boundary.around(shapely.box(*extent)), US, {}
    context = GuessContext(path.name, boundary, zone, datetime(2026, 1, 1, tzinfo=UTC), names, areas=areas)
    return guess(open_tables(path, file_name=path.name, limits=Limits(1 << 33)), context)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_table_is_understood(name, shared_data, gu):
    kind, columns, more = EXPECTED[name]
    found = understood(shared_data / name, gu)
    mapping = found.mapping
    assert mapping.kind == kind
    assert {field: mapping.columns.get(field) for field in columns} == columns
    given = {
        "open": found.open_questions, "crs": mapping.crs, "swapped": mapping.swapped, "time_order": mapping.time_order,
        "place_kind": mapping.place_kind, **mapping.options,
    }  # fmt: skip
    assert {key: given.get(key) for key in more} == more
    if kind == "statistics" and "count_rows" not in more:
        assert mapping.options["values"], "the columns of figures"
    if "swapped" not in more:
        assert not mapping.swapped


def test_all_24_raw_camera_files_are_understood(shared_data, gu):
    paths = sorted((shared_data / "seoul-cctv" / "raw").glob("*.csv.gz"))
    assert len(paths) == 24
    for path in paths:
        found = understood(path, gu)
        wanted = YX | {"address": "좌표주소", "name": "명칭"} if path.name.startswith("geumcheon") else REGISTER
        assert (found.mapping.kind, dict(found.mapping.columns)) == ("cameras", wanted), path.name
        assert (found.mapping.crs, found.mapping.swapped, found.open_questions) == ("EPSG:4326", False, ()), path.name


def test_all_24_lane_lamp_files_are_understood(shared_data, gu):
    paths = sorted((shared_data / "seoul-streetlights" / "raw").glob("*.csv.gz"))
    assert len(paths) == 24
    for path in paths:
        found = understood(path, gu)
        assert (found.mapping.kind, found.mapping.place_kind) == ("places", "lane_lamp"), path.name
        named = {field: found.mapping.columns[field] for field in LAMPS if field in found.mapping.columns}
        assert named == {field: title for field, title in LAMPS.items() if field in named}, path.name
        assert {"name", "count"} <= set(named), path.name
        assert found.open_questions == (), path.name


@pytest.mark.parametrize(
    "name", ["korea-boundaries/seoul_hdong_bdong_codes.csv", "chicago-2022-no-coords/chicago-community-areas.csv"]
)
def test_a_list_of_codes_is_left_to_a_person(name, shared_data, gu):
    assert "kind" in understood(shared_data / name, gu).open_questions


def test_every_table_has_its_expectation(shared_data):
    tables = {
        str(path.relative_to(shared_data))
        for folder in ("chicago-*", "nyc-*", "portland-nij", "korea-*", "seoul-*")
        for path in shared_data.glob(f"{folder}/*.*")
    }
    codes = {"korea-boundaries/seoul_hdong_bdong_codes.csv", "chicago-2022-no-coords/chicago-community-areas.csv"}
    sido = {"korea-boundaries/korea_sido_kostat_2018_simple.topojson"}  # provinces: no kind of area that a jurisdiction keeps
    assert tables - codes - sido == set(EXPECTED)
