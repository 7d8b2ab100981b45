"""The figures in fixtures/seocho are those of the published tables, number by number."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest
import shapely
from shapely.geometry import shape

from simulation.figures import CATEGORIES
from simulation.geography import Plane, read_geography, read_table

pytestmark = pytest.mark.real

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "seocho"
NATIONAL = {
    "homicide": ["살인"],
    "robbery": ["강도"],
    "sexual_violence": ["성폭력"],
    "theft": ["절도"],
    "violence": [
        "폭행",
        "상해",
        "협박",
        "공갈",
        "약취와유인",
        "체포와감금",
        "폭력행위등(손괴·강요·주거침입등)",
        "폭력행위등(단체등의구성·활동)",
    ],
}


def fixture(name: str, key: str) -> dict[str, list[int]]:
    """key → counts in the order of CATEGORIES."""
    return {row[key]: [int(row[category]) for category in CATEGORIES] for row in read_table(FIXTURES / name)}


def published(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def national(path: Path, columns: list[str]) -> list[list[int]]:
    """For each column name the sums over 2020–2024, in the order of CATEGORIES."""
    _years, names, *rows = published(path)
    by_offence = {row[0]: row for row in rows}
    sums = []
    for column in columns:
        places = [index for index, name in enumerate(names) if name == column]
        assert len(places) == 5
        sums.append(
            [sum(int(by_offence[line][place]) for line in NATIONAL[category] for place in places) for category in CATEGORIES]
        )
    return sums


def test_yearly_totals_are_those_of_the_district(shared_data: Path) -> None:
    rows = published(shared_data / "korea-crime-stats" / "seoul_gu_5crimes_2015_2024.csv")
    wanted = {
        row[0]: [int(row[column]) for column in (5, 7, 9, 11, 13)] for row in rows if row[2] == "서초구" and row[0] >= "2020"
    }
    assert fixture("totals.csv", "year") == wanted


def test_weekdays_are_the_national_ones(shared_data: Path) -> None:
    wanted = national(shared_data / "korea-crime-stats" / "korea_crime_by_weekday_2020_2024.csv", list("월화수목금토일"))
    assert list(fixture("weekday.csv", "weekday").values()) == wanted


def test_hours_are_the_national_ones(shared_data: Path) -> None:
    bands = [f"{hour:02d}:00-{hour + 2:02d}:59" for hour in range(0, 24, 3)]
    wanted = national(shared_data / "korea-crime-stats" / "korea_crime_by_time_of_day_2020_2024.csv", bands)
    assert list(fixture("time_of_day.csv", "start_hour").values()) == wanted


def test_kinds_of_place_are_those_of_seoul(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "korea-crime-stats" / "seoul_5crimes_by_place_2023_cp949.csv", encoding="cp949")
    published_names = dict(zip(CATEGORIES, ["살인", "강도", "강간·강제추행", "절도", "폭력"], strict=True))
    used: set[str] = set()
    for row in read_table(FIXTURES / "places.csv"):
        kinds = row["published_kinds"].split(" | ")
        used |= set(kinds)
        for category, name in published_names.items():
            of_both = table[(table["범죄명"] == name) & table["장소"].isin(kinds)]
            assert int(row[category]) == of_both["발생건수"].sum()
    assert used == set(table["장소"])


def test_populations_are_the_registered_ones(shared_data: Path) -> None:
    folder = shared_data / "seoul-population-weather"
    table = pd.read_csv(folder / "seoul_dong_registered_population_202501.csv")
    wanted = table[table["자치구"] == "서초구"].set_index("행정동")["인구수"].to_dict()
    assert {row["name"]: int(row["population"]) for row in read_table(FIXTURES / "dong.csv")} == wanted


def test_camera_figures_are_those_of_the_register(shared_data: Path) -> None:
    measures: dict[str, dict[str, int]] = {}
    for row in read_table(FIXTURES / "cameras.csv"):
        measures.setdefault(row["measure"], {})[row["key"]] = int(row["value"])
    by_gu = published(shared_data / "seoul-cctv" / "seoul_cctv_by_gu_2015_2025.csv")
    (district,) = [row for row in by_gu if row[1].strip() == "서초구"]
    assert measures["total"]["2024"] == int(district[by_gu[0].index("2024년")].replace(",", ""))
    register = pd.read_csv(shared_data / "seoul-cctv" / "seoul_cctv_standard_utf8.csv.gz", dtype=str)
    register["cameras"] = register["cameras"].astype(float).fillna(0).astype(int)
    district_rows = register[register["gu"] == "서초구"]
    sizes = district_rows.groupby(["lat", "lon"])["cameras"].sum().clip(upper=6).value_counts()
    assert measures["cameras_at_site"] == {str(size): int(count) for size, count in sizes.sort_index().items()}
    assert measures["view"] == district_rows["view"].value_counts().to_dict()
    prevention = register[register["purpose"].isin(["생활방범", "다목적", "차량방범", "방범 CCTV"])]["cameras"].sum()
    assert measures["purpose"]["crime_prevention"] == prevention


def test_the_hand_drawn_outline_covers_the_real_district(shared_data: Path) -> None:
    features = json.loads((shared_data / "korea-boundaries" / "seoul_gu_kostat_2013.geojson").read_text())["features"]
    (real,) = [shape(feature["geometry"]) for feature in features if feature["properties"]["name"] == "서초구"]
    drawn = read_geography(FIXTURES).outline
    plane = Plane.around(drawn)
    real_flat, drawn_flat = plane.flat(real), plane.flat(drawn)
    overlap = real_flat.intersection(drawn_flat).area
    assert overlap / real_flat.area > 0.95
    assert overlap / drawn_flat.area > 0.95
    corners = {tuple(point) for point in shapely.get_coordinates(drawn).round(6)}
    assert not corners & {tuple(point) for point in shapely.get_coordinates(real).round(6)}  # drawn, not copied


def test_the_dong_lie_about_where_the_real_ones_lie(shared_data: Path) -> None:
    features = json.loads((shared_data / "korea-boundaries" / "seoul_hdong_2021.geojson").read_text())["features"]
    real = {feature["properties"]["adm_cd2"]: shape(feature["geometry"]) for feature in features}
    geography = read_geography(FIXTURES)
    shared = {dong.name: dong.boundary.intersection(real[dong.code]).area / real[dong.code].area for dong in geography.dongs}
    assert sum(shared.values()) / len(shared) > 0.6
