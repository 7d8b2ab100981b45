"""Every file of the real data: opened with its encoding, header and number of rows, or refused by what it is."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import shapely

from ingestion.errors import FileRefused
from ingestion.readers import Limits, Table, open_tables

pytestmark = pytest.mark.real

LIMITS = Limits(max_content_bytes=4 * 1024**3)
CP949 = {
    "korea_crime_by_region_2024_cp949.csv", "seoul_5crimes_by_place_2023_cp949.csv", "seoul_station_5crimes_2015_cp949.csv",
    "seoul_station_5crimes_2018_long_cp949.csv", "police_stations_seoul_20231231_nocoords.csv", "emergency_bells_seoul.csv.gz",
    "child_protection_zones_seoul.csv.gz", "road_streetlights_seoul.csv.gz", "streetlight_on_off_2023_2026.csv",
    "cafes_seocho_geocoded.csv.gz", "cafes_gangnam_geocoded.csv.gz", "cafes_seocho_raw_licence.csv.gz", "parks_seoul.csv",
    "subway_stations.csv", "seoul_dong_income_spending_quarterly.csv.gz",
}  # fmt: skip
HEADER_ROWS = {
    "seoul_gu_5crimes_2015_2024.csv": 3, "seoul_gu_5crimes_2023_kosis_raw.csv": 4, "seoul_gu_crime_2023_2024.xlsx": 4,
    "korea_crime_by_place_2021_2023.xlsx": 2, "korea_crime_by_time_of_day_2020_2024.csv": 2,
    "korea_crime_by_weekday_2020_2024.csv": 2, "seoul_gu_population_2015_2024.csv": 2,
    "appearance.csv.gz": 0, "movementB.csv.gz": 0,
}  # fmt: skip
FEATURES = {
    "beat_bounds.geojson": 277, "community_areas.geojson": 77, "nyc_precincts.geojson": 77, "police_districts.geojson": 60,
    "seoul_gu_kostat_2013.geojson": 25, "seoul_gu_juso_2015_simple.geojson": 25, "seoul_hdong_2021.geojson": 425,
    "seoul_hdong_2024.geojson": 426, "seoul_hdong_kostat_2013_simple.geojson": 423, "seoul_bdong_juso_2015_simple.geojson": 467,
    "korea_sigungu_kostat_2018_simple.topojson": 250, "korea_sido_kostat_2018_simple.topojson": 17,
    "study_region_chicago.geojson": 1, "study_region_nyc.geojson": 1, "kernel_glitches_hotspots_epsg2269.geojson": 290,
}  # fmt: skip
WHAT_IT_IS = {
    ".npz": "a NumPy archive", ".mp4": "an MP4 video", ".avi": "an AVI video", ".jpg": "a JPEG picture", ".png": "a PNG picture",
    ".ogg": "an Ogg sound file", ".md": "running text", ".ini": "a file of settings",
    ".jsonl": "a list of JSON objects, one a line", ".jsonl.gz": "a list of JSON objects, one a line",
}  # fmt: skip


def ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def files(folder: Path, *endings: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and ending(path) in endings)


def open_one(path: Path) -> Table:
    (table,) = open_tables(path, file_name=path.name, limits=LIMITS)
    return table


def count(table: Table) -> int:
    return sum(len(chunk.rows) for chunk in table.chunks())


@pytest.fixture(scope="session")
def manifest(shared_data) -> dict[str, int]:
    with open(shared_data / "MANIFEST.tsv", encoding="utf-8") as listed:
        return {row["path"]: int(row["rows"]) for row in csv.DictReader(listed, delimiter="\t") if row["rows"]}


def test_every_table_of_text_opens_with_its_encoding_header_and_rows(shared_data, manifest):
    paths = [path for path in files(shared_data, ".csv", ".csv.gz", ".tsv") if path.name != "dirty_xlsx_named_csv.csv"]
    assert len(paths) > 100
    for path in paths:
        table, name = open_one(path), str(path.relative_to(shared_data))
        is_cp949 = path.name in CP949 or (path.parent.name == "raw" and path.name != "dongjak_20200325.csv.gz")
        latin = path.name == "seoul_hourly_weather_bike_2017_2018.csv"
        assert table.choice.encoding == ("cp949" if is_cp949 else "latin-1" if latin else "utf-8"), name
        assert table.choice.header_rows == HEADER_ROWS.get(path.name, 1), name
        if name in manifest:  # the manifest counts every line under the first
            assert count(table) == manifest[name] - max((table.choice.header_rows or 0) - 1, 0), name
        assert "�" not in "".join(table.header), name
        assert all(title and title == title.strip() for title in table.header), name


def test_every_row_has_as_many_fields_as_its_header(shared_data):
    odd = {"appearance.csv.gz", "movementB.csv.gz"}  # lists of events of several lengths, no tables
    for path in files(shared_data, ".csv", ".csv.gz", ".xlsx"):
        if path.name not in odd:
            table = open_one(path)
            widths = Counter(len(row) for chunk in table.chunks() for row in chunk.rows)
            assert set(widths) == {len(table.header)}, path.name


def test_every_map_opens_with_its_features_and_their_shapes(shared_data):
    paths = files(shared_data, ".geojson", ".topojson")
    assert {path.name for path in paths} == set(FEATURES)
    for path in paths:
        table = open_one(path)
        rows = [row for chunk in table.chunks() for row in chunk.rows]
        assert len(rows) == FEATURES[path.name], path.name
        shapes = shapely.from_wkt([row[-1] for row in rows])
        assert not shapely.is_empty(shapes).any(), path.name
    assert open_one(shared_data / "bench-nij-portland-kg" / "kernel_glitches_hotspots_epsg2269.geojson").crs == "EPSG:2269"
    assert open_one(shared_data / "korea-boundaries" / "seoul_hdong_2021.geojson").crs == "OGC:CRS84"


def test_the_provinces_of_the_topology_make_up_the_country(shared_data):
    table = open_one(shared_data / "korea-boundaries" / "korea_sido_kostat_2018_simple.topojson")
    shapes = shapely.from_wkt([row[-1] for chunk in table.chunks() for row in chunk.rows])
    country = shapely.union_all(shapely.make_valid(shapes))
    assert country.bounds == pytest.approx((124.6, 33.11, 131.87, 38.61), abs=0.02)
    assert country.area == pytest.approx(sum(shapely.area(shapes)), rel=0.001)  # neighbours touch and do not overlap


def test_workbooks_open_with_their_header_rows(shared_data):
    folder = shared_data / "korea-crime-stats"
    by_gu = open_one(folder / "seoul_gu_crime_2023_2024.xlsx")
    assert (by_gu.choice.header_rows, len(by_gu.header), count(by_gu)) == (4, 54, 18)
    assert by_gu.header[:4] == ("죄종별(1)", "죄종별(2)", "2023 / 한국 / 소계", "2023 / 한국 / 서울 / 종로구")
    assert next(iter(by_gu.chunks())).rows[1][:6] == ["강력범죄", "살인기수", "277", "2", "-", "1"]
    by_place = open_one(folder / "korea_crime_by_place_2021_2023.xlsx")
    assert (by_place.choice.header_rows, count(by_place)) == (2, 12)
    assert by_place.header[1:3] == ("2021 / 합계", "2021 / 아파트ㆍ연립ㆍ다세대")


def test_the_workbook_under_the_name_of_a_csv_opens_under_its_titles(shared_data):
    table = open_one(shared_data / "seoul-cctv" / "dirty_xlsx_named_csv.csv")
    assert (table.format, table.first_line) == ("xlsx", 3)
    assert table.header[1:5] == ("자치구", "총 계", "2016년 이전", "2017년")
    rows = {row[1]: row for chunk in table.chunks() for row in chunk.rows}
    assert rows["종로구"][3:] == ["38", "55", "115", "45", "223", "85", "225", "1026", "1041", "272"]
    assert sum(name.replace(" ", "").endswith("구") for name in rows) == 25


def test_the_degree_sign_of_the_weather_stays_one(shared_data):
    table = open_one(shared_data / "seoul-population-weather" / "seoul_hourly_weather_bike_2017_2018.csv")
    assert "Dew point temperature(°C)" in table.header
    assert [one.code for one in table.evidence if one.topic == "encoding"] == ["encoding_latin"]


def test_blanks_in_header_names_and_columns_without_a_name_are_told(shared_data):
    dongjak = open_one(shared_data / "seoul-cctv" / "raw" / "dongjak_20200325.csv.gz")
    assert {"카메라대수", "위도"} <= set(dongjak.header)
    with_gu = open_one(shared_data / "korea-crime-stats" / "seoul_station_5crimes_2015_with_gu.csv")
    assert with_gu.header[:2] == ("column 1", "관서명")


def test_everything_else_is_refused_by_what_it_is(shared_data):
    found: Counter[str] = Counter()
    for path in files(shared_data, *WHAT_IT_IS):
        with pytest.raises(FileRefused) as refused:
            open_tables(path, file_name=path.name, limits=LIMITS)
        assert (refused.value.code, refused.value.fields["value"]) == ("not_a_table", WHAT_IT_IS[ending(path)]), path.name
        found[ending(path)] += 1
    assert set(found) == set(WHAT_IT_IS)
    assert found.total() > 1_000


def test_no_file_is_left_out(shared_data):
    known = {".csv", ".csv.gz", ".tsv", ".xlsx", ".geojson", ".topojson", ".txt", *WHAT_IT_IS}
    assert {ending(path) for path in shared_data.rglob("*") if path.is_file()} <= known
    for path in files(shared_data, ".txt"):  # boxes and labels, without a header or with tabs
        assert count(open_one(path)) >= 1, path.name
