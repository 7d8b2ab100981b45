"""Coordinates, codes and addresses of the real files: every trap that the data sets name."""

import csv
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from ingestion.codes import CodeSystem, gu_of_code, recognise_codes, seoul_gu
from ingestion.coordinates import CrsGuess, Located, guess_crs, locate, points_of, read_numbers
from ingestion.geocoding import AreaEntry, Gazetteer, PlaceEntry, Precision, only_hit
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary

pytestmark = pytest.mark.real

Table = dict[str, list[str]]


def table(path: Path, encoding: str) -> Table:
    """Title → column."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    header, *rows = csv.reader(io.StringIO(raw.decode(encoding)))
    return {title.strip(): [row[place] for row in rows] for place, title in enumerate(header)}


def outlines(path: Path) -> shapely.Geometry:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return shapely.union_all([shapely.make_valid(shape(one["geometry"])) for one in features])


@pytest.fixture(scope="module")
def gu_areas(shared_data: Path) -> dict[str, shapely.Geometry]:
    """The 25 gu, from the dong of 2021: the gu outlines of 2013 lie some 200 m off."""
    parts: dict[str, list[shapely.Geometry]] = {}
    for one in json.loads((shared_data / "korea-boundaries" / "seoul_hdong_2021.geojson").read_text(encoding="utf-8"))[
        "features"
    ]:
        parts.setdefault(one["properties"]["sggnm"], []).append(shape(one["geometry"]))
    return {name: shapely.union_all(found) for name, found in parts.items()}


@pytest.fixture(scope="module")
def seoul(gu_areas: dict[str, shapely.Geometry]) -> Boundary:
    return Boundary.around(shapely.union_all(list(gu_areas.values())))


def located(columns: tuple[list[str], list[str]], boundary: Boundary, **mapping: Any) -> tuple[Located, Counter[str]]:
    found = locate({"latitude": columns[0], "longitude": columns[1]}, ColumnMapping(Kind.PLACES, **mapping), boundary)
    return found, Counter(found.code(row) for row in range(len(columns[0])))


LICENCES = [
    ("entertainment_bars_yuheung.csv.gz", "좌표정보(X)", "좌표정보(Y)", "지번주소"),
    ("karaoke_bars_danran.csv.gz", "좌표정보(X)", "좌표정보(Y)", "지번주소"),
    ("singing_rooms_noraebang.csv.gz", "좌표정보x(epsg5174)", "좌표정보y(epsg5174)", "소재지전체주소"),
]


def guessed(file: Table, licence: tuple[str, ...], boundary: Boundary, areas: dict[str, shapely.Geometry]) -> CrsGuess:
    _, x, y, address = licence
    numbers = [read_numbers(file[name], is_degrees=False)[0] for name in (x, y)]
    return guess_crs(*numbers, boundary=boundary, address_areas=[seoul_gu(text) for text in file[address]], areas=areas)


@pytest.mark.parametrize("licence", LICENCES)
def test_licence_files_are_known_for_5174_by_their_own_addresses(shared_data, seoul, gu_areas, licence):
    file = table(shared_data / "seoul-facilities" / licence[0], "utf-8")
    guess = guessed(file, licence, seoul, gu_areas)
    assert (guess.best.crs, guess.best.swapped, guess.decided) == ("EPSG:5174", False, True)
    assert guess.best.in_own_area >= 0.994
    rival = next(one for one in guess.candidates if one.crs == "EPSG:2097")
    assert 0.92 <= rival.in_own_area <= 0.95


@pytest.mark.parametrize("licence", LICENCES)
def test_one_district_decides_the_same_for_a_file_of_the_whole_city(shared_data, gu_areas, licence):
    file = table(shared_data / "seoul-facilities" / licence[0], "utf-8")
    own = Boundary.around(gu_areas["서초구"])
    for areas in (gu_areas, {"서초구": gu_areas["서초구"]}):
        guess = guessed(file, licence, own, areas)
        assert (guess.best.crs, guess.decided) == ("EPSG:5174", True)
        assert guess.best.inside < 0.1
    assert not guess_crs(*(read_numbers(file[one], is_degrees=False)[0] for one in licence[1:3]), boundary=own).decided


def test_licence_points_are_those_derived_from_5174(shared_data, seoul):
    file = table(shared_data / "seoul-facilities" / LICENCES[0][0], "utf-8")
    found, counts = located((file["좌표정보(Y)"], file["좌표정보(X)"]), seoul, crs="EPSG:5174")
    given = np.array([float(text or "nan") for text in file["lat_from_5174"]])
    both = np.isfinite(given) & np.isfinite(found.latitude)
    assert both.sum() == counts[""] > 4600
    assert np.abs(found.latitude - given)[both].max() < 1e-6


def test_displaced_outlines_decide_nothing(shared_data, seoul):
    features = json.loads((shared_data / "korea-boundaries" / "seoul_gu_kostat_2013.geojson").read_text(encoding="utf-8"))[
        "features"
    ]
    areas = {one["properties"]["name"]: shape(one["geometry"]) for one in features}
    file = table(shared_data / "seoul-facilities" / LICENCES[0][0], "utf-8")
    assert not guessed(file, LICENCES[0], seoul, areas).decided


def test_child_zones_are_5179_and_agree_with_their_own_degrees(shared_data, seoul, gu_areas):
    file = table(shared_data / "seoul-facilities" / "child_protection_zones_seoul.csv.gz", "cp949")
    x, y, _ = points_of(file["geometry"])
    guess = guess_crs(x, y, boundary=seoul, address_areas=file["구"], areas=gu_areas)
    assert (guess.best.crs, guess.decided) == ("EPSG:5179", True)
    found = locate({"geometry": file["geometry"]}, ColumnMapping(Kind.PLACES, crs="EPSG:5179"), seoul)
    assert not found.reason.any()
    assert np.abs(found.longitude - np.array(file["x좌표"], float)).max() < 1e-8


def test_the_swapped_parks_are_found_and_mended_by_mapping_or_by_row(shared_data, seoul):
    file = table(shared_data / "seoul-facilities" / "parks_seoul.csv", "cp949")
    y, x = (read_numbers(file[name], is_degrees=True)[0] for name in ("위도", "경도"))
    guess = guess_crs(x, y, boundary=seoul)
    assert (guess.best.crs, guess.best.swapped, guess.decided) == ("EPSG:4326", True, True)
    columns = file["위도"], file["경도"]
    assert located(columns, seoul)[1] == {"swapped_coordinates": 126, "coordinate_missing": 1, "outside": 3}
    assert located(columns, seoul, swapped=True)[1] == {"": 126, "coordinate_missing": 1, "outside": 3}
    found, counts = located(columns, seoul, mends=frozenset({"swap"}))
    assert (counts[""], len(found.mended_rows()["swap"])) == (126, 126)


def test_zero_points_and_the_point_in_the_sea_are_told(shared_data, seoul):
    lights = table(shared_data / "seoul-facilities" / "road_streetlights_seoul.csv.gz", "cp949")
    assert located((lights["위도"], lights["경도"]), seoul)[1]["coordinate_zero"] == 25
    bells = table(shared_data / "seoul-facilities" / "emergency_bells_seoul.csv.gz", "cp949")
    found, counts = located((bells["위도"], bells["경도"]), seoul)
    assert counts == {"": 13084, "outside": 4}
    assert "32.53129, 123.77474 (612 km)" in {found.value(row) for row in np.flatnonzero(found.reason).tolist()}


def test_a_district_with_latitudes_only_has_10883_half_coordinates(shared_data, gu_areas):
    files = (table(path, "cp949") for path in sorted((shared_data / "seoul-streetlights" / "raw").glob("*.gz")))
    file = next(one for one in files if "강북구" in one["소재지지번주소"][0])
    counts = located((file["위도"], file["경도"]), Boundary.around(gu_areas["강북구"]))[1]
    assert counts["half_coordinate"] == 10883


def test_portland_is_read_in_feet(shared_data):
    city = Boundary.around(outlines(shared_data / "portland-nij" / "police_districts.geojson"))
    file = table(shared_data / "portland-nij" / "crimes_bur_2012_2017.csv.gz", "utf-8")
    x, y = (read_numbers(file[name], is_degrees=False)[0] for name in ("x_coordina", "y_coordina"))
    guess = guess_crs(x, y, boundary=city)
    assert (guess.best.crs, guess.decided) == ("EPSG:2913", True)
    assert "EPSG:2269" in guess.best.same_as
    assert located((file["y_coordina"], file["x_coordina"]), city, crs="EPSG:2913")[1] == {"": 5364}


def test_chicago_is_read_in_feet_and_agrees_with_its_own_degrees(shared_data):
    city = Boundary.around(outlines(shared_data / "chicago-boundaries" / "community_areas.geojson"))
    file = table(shared_data / "chicago-2019-sample" / "chicago_2019_sample50k.csv.gz", "utf-8")
    x, y = (read_numbers(file[name], is_degrees=False)[0] for name in ("x_coordinate", "y_coordinate"))
    guess = guess_crs(x, y, boundary=city)
    assert (guess.best.crs, guess.decided) == ("EPSG:3435", True)
    found, counts = located((file["y_coordinate"], file["x_coordinate"]), city, crs="EPSG:3435")
    assert counts == {"": 49732, "coordinate_missing": 266, "coordinate_zero": 1, "outside": 1}
    given = np.array([float(text or "nan") for text in file["longitude"]])
    assert np.nanmax(np.abs(found.longitude - given)) < 1e-8


def test_the_codes_of_every_boundary_file_are_recognised(shared_data):
    folder = shared_data / "korea-boundaries"
    both = table(folder / "seoul_hdong_bdong_codes.csv", "utf-8-sig")
    assert recognise_codes(both["행정동코드"]).level == "dong"
    assert recognise_codes(both["법정동코드"]).level == "legal_dong"
    features = json.loads((folder / "seoul_hdong_2024.geojson").read_text(encoding="utf-8"))["features"]
    for key, system in (("adm_cd", "statistics"), ("adm_cd2", "administrative"), ("adm_cd8", "statistics")):
        codes = [one["properties"][key] for one in features]
        guess = recognise_codes(codes)
        assert (guess.system, guess.level, guess.decided) == (system, "dong", True)
        names = [one["properties"]["sggnm"] for one in features]
        assert [gu_of_code(code, CodeSystem(system)).name for code in codes] == names


def test_police_stations_without_coordinates_find_their_place_in_the_older_list(shared_data, gu_areas):
    older = table(shared_data / "seoul-facilities" / "police_stations_seoul.csv", "utf-8-sig")
    rows = zip(older["관서명"], older["경도"], older["위도"], older["주소"], strict=True)
    places = [PlaceEntry(name, float(lon), float(lat), address) for name, lon, lat, address in rows if lat]
    areas = [AreaEntry("gu", name, name, area) for name, area in gu_areas.items()]
    gazetteer = Gazetteer(areas=areas, places=places, home_sido="서울특별시")
    newest = table(shared_data / "seoul-facilities" / "police_stations_seoul_20231231_nocoords.csv", "cp949")
    hits = [gazetteer.find(text) for text in newest["주소"]]
    exact = sum(only_hit(one, least=Precision.LOT) is not None for one in hits)
    assert len(hits) == 244
    assert exact >= 190
    assert all(one for one, text in zip(hits, newest["주소"], strict=True) if text.strip())
