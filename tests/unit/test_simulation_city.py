"""The demo city: its figures are the published ones, its risk is known, and one seed gives one city."""

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree
from scipy.stats import chisquare

from prediction.grid import cells_covering, cells_in_polygon
from simulation.city import City, incidents_csv, make_city
from simulation.errors import SimulationError
from simulation.figures import CATEGORIES, read_camera_figures, read_crime_figures
from simulation.geography import Plane, power_cells, read_geography
from simulation.incidents import year_starts
from simulation.profiles import week_shares

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "seocho"
UNTIL = date(2026, 3, 31)
REAL_AREA_KM2 = 46.98
DAY_S = 86_400


def simulated(seed: int, until: date = UNTIL) -> City:
    return make_city(FIXTURES, until=until, rng=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def city() -> City:
    return simulated(seed=1)


def fingerprint(city: City) -> str:
    return hashlib.sha256(incidents_csv(city.incidents, prefix="SC") + repr(city.cameras).encode()).hexdigest()


class TestSeeds:
    def test_the_same_seed_gives_the_same_bytes(self, city: City) -> None:
        assert fingerprint(simulated(seed=1)) == fingerprint(city)

    def test_another_seed_gives_another_city(self, city: City) -> None:
        assert fingerprint(simulated(seed=2)) != fingerprint(city)

    def test_another_day_gives_another_city(self, city: City) -> None:
        assert fingerprint(simulated(seed=1, until=date(2026, 3, 30))) != fingerprint(city)


class TestGround:
    def test_the_outline_has_the_area_of_the_real_district(self, city: City) -> None:
        area_km2 = city.geography.plane.flat(city.geography.outline).area / 1e6
        assert area_km2 == pytest.approx(REAL_AREA_KM2, rel=0.02)

    def test_eighteen_dong_tile_the_outline(self, city: City) -> None:
        plane = city.geography.plane
        outline = plane.flat(city.geography.outline)
        dongs = [plane.flat(dong.boundary) for dong in city.geography.dongs]
        assert len(dongs) == 18
        assert sum(dong.area for dong in dongs) == pytest.approx(outline.area, rel=1e-9)
        assert shapely.union_all(dongs).symmetric_difference(outline).area < 1.0  # m²

    def test_the_dong_have_the_real_populations(self, city: City) -> None:
        population = {dong.name: dong.population for dong in city.geography.dongs}
        assert population["양재1동"] == 41_621
        assert population["반포본동"] == 237

    def test_its_cells_are_as_many_as_its_area_holds(self, city: City) -> None:
        # A cell of resolution 10 has 0.0106 km² here (0.0151 is the world's mean).
        assert len(cells_in_polygon(city.geography.outline, 10)) == pytest.approx(47.8 / 0.0104, rel=0.02)
        assert len(cells_covering(city.geography.outline, 10)) == pytest.approx(4_850, rel=0.03)

    def test_power_cells_of_equal_weight_are_the_nearest_centre(self) -> None:
        centres = np.array([[10.0, 10.0], [80.0, 30.0], [40.0, 90.0]])
        cells = power_cells(shapely.box(0, 0, 100, 100), centres, np.zeros(3))
        points = np.random.default_rng(0).uniform(0, 100, size=(200, 2))
        nearest = np.asarray(cKDTree(centres).query(points)[1])
        assert all(cells[index].contains(shapely.Point(point)) for index, point in zip(nearest, points, strict=True))

    def test_an_outline_that_crosses_itself_is_refused(self, tmp_path: Path) -> None:
        bow = shapely.Polygon([(127.0, 37.0), (127.1, 37.1), (127.1, 37.0), (127.0, 37.1)])
        feature = {"properties": {}, "geometry": json.loads(shapely.to_geojson(bow))}
        (tmp_path / "outline.geojson").write_text(json.dumps({"features": [feature]}))
        with pytest.raises(SimulationError, match="does not cross itself"):
            read_geography(tmp_path)

    def test_the_plane_goes_there_and_back(self) -> None:
        plane = Plane(127.02, 37.48)
        degrees = np.array([[127.0, 37.45], [127.09, 37.52]])
        assert plane.to_degrees(plane.to_metres(degrees)) == pytest.approx(degrees, abs=1e-12)
        assert np.hypot(*plane.to_metres(np.array([[127.02, 37.49]]))[0]) == pytest.approx(1_112, rel=0.001)


class TestFigures:
    def test_every_year_and_category_has_exactly_the_published_number(self, city: City) -> None:
        incidents = city.incidents
        starts = year_starts(UNTIL, len(city.figures.totals))
        year = np.searchsorted(starts, incidents.moment.astype("datetime64[D]"), side="right") - 1
        found = np.zeros_like(city.figures.totals)
        np.add.at(found, (year, incidents.category), 1)
        assert found.tolist() == city.figures.totals.tolist()

    @pytest.mark.parametrize("category", ["theft", "violence", "sexual_violence"])
    def test_weekdays_follow_the_published_shares(self, city: City, category: str) -> None:
        index = CATEGORIES.index(category)
        moments = city.incidents.moment[city.incidents.category == index]
        found = np.bincount((moments.astype("datetime64[D]").astype(int) + 3) % 7, minlength=7)
        assert np.abs(found / found.sum() - city.figures.weekday[:, index]).max() < 0.02
        assert chisquare(found, city.figures.weekday[:, index] * found.sum()).pvalue > 0.001

    @pytest.mark.parametrize("category", ["theft", "violence", "sexual_violence"])
    def test_three_hour_bands_follow_the_published_shares(self, city: City, category: str) -> None:
        index = CATEGORIES.index(category)
        moments = city.incidents.moment[city.incidents.category == index]
        found = np.bincount(moments.astype("datetime64[h]").astype(int) % 24 // 3, minlength=8)
        assert np.abs(found / found.sum() - city.figures.band[:, index]).max() < 0.025

    @pytest.mark.parametrize("category", ["theft", "violence", "sexual_violence"])
    def test_kinds_of_place_follow_the_published_shares(self, city: City, category: str) -> None:
        index = CATEGORIES.index(category)
        kinds = city.incidents.kind[city.incidents.category == index]
        found = np.bincount(kinds, minlength=len(city.figures.kinds)) / len(kinds)
        assert np.abs(found - city.figures.place[:, index]).max() < 0.03

    def test_months_follow_the_assumed_level(self, city: City) -> None:
        month = city.incidents.moment.astype("datetime64[M]").astype(int) % 12
        days = city.incidents.moment.astype("datetime64[D]")
        found = np.bincount(month, minlength=12) / len(month)
        calendar = np.arange(days.min(), days.max() + 1).astype("datetime64[M]").astype(int) % 12
        wanted = city.figures.month * np.bincount(calendar, minlength=12)
        assert np.abs(found - wanted / wanted.sum()).max() < 0.008

    def test_fitted_shares_keep_all_three_margins(self) -> None:
        figures = read_crime_figures(FIXTURES)
        for index in range(len(CATEGORIES)):
            place, weekday, band = figures.place[:, index], figures.weekday[:, index], figures.band[:, index]
            shares = week_shares(figures.kinds, place, weekday, band)
            assert shares.sum(axis=(1, 2)) == pytest.approx(place, abs=1e-8)
            assert shares.sum(axis=(0, 2)) == pytest.approx(weekday, abs=1e-8)
            assert shares.sum(axis=(0, 1)) == pytest.approx(band, abs=1e-8)

    def test_bars_are_a_matter_of_the_night_and_shops_of_the_day(self) -> None:
        figures = read_crime_figures(FIXTURES)
        violence = CATEGORIES.index("violence")
        shares = week_shares(figures.kinds, figures.place[:, violence], figures.weekday[:, violence], figures.band[:, violence])
        by_band = {kind: shares[index].sum(axis=0) / shares[index].sum() for index, kind in enumerate(figures.kinds)}
        assert by_band["bar"][[0, 1, 7]].sum() > 0.6
        assert by_band["mall"][3:7].sum() > 0.8

    @pytest.mark.parametrize(("until", "first"), [(date(2024, 2, 28), date(2019, 2, 28)), (date(2025, 12, 31), date(2021, 1, 1))])
    def test_years_end_with_the_given_day(self, until: date, first: date) -> None:
        starts = year_starts(until, 5)
        assert starts[-1] == np.datetime64(until) + 1
        assert len(starts) == 6
        assert starts[0] in (np.datetime64(first), np.datetime64(first) + 1)
        assert set(np.diff(starts).astype(int)) <= {365, 366}


class TestPlaces:
    def test_no_incident_lies_outside_or_in_the_river(self, city: City) -> None:
        incidents = city.incidents
        assert shapely.contains_xy(city.geography.outline, incidents.longitude, incidents.latitude).all()
        river = [place.geometry for place in city.geography.of_kind("river") if place.geometry.area > 0]
        assert not shapely.contains_xy(shapely.union_all(river), incidents.longitude, incidents.latitude).any()

    def test_few_incidents_lie_in_forests_and_none_deep_in_them(self, city: City) -> None:
        incidents, plane = city.incidents, city.geography.plane
        forest = shapely.union_all([plane.flat(place.geometry) for place in city.geography.of_kind("forest")])
        x, y = plane.to_metres(np.array([incidents.longitude, incidents.latitude]).T).T
        assert shapely.contains_xy(forest, x, y).mean() < 0.03
        assert not shapely.contains_xy(forest.buffer(-150), x, y).any()

    def test_incidents_are_as_uneven_as_in_a_real_city(self, city: City) -> None:
        incidents = city.incidents
        cells = np.round(np.array([incidents.longitude / 0.00115, incidents.latitude / 0.0009]).T).astype(int)  # about 100 m
        counts = np.sort(np.unique(cells, axis=0, return_counts=True)[1])[::-1]
        share = counts[: 4_600 // 20].sum() / counts.sum()
        assert 0.3 < share < 0.5

    def test_near_repeats_are_more_than_chance(self, city: City) -> None:
        theft = city.incidents.category == CATEGORIES.index("theft")
        where = city.geography.plane.to_metres(np.array([city.incidents.longitude, city.incidents.latitude]).T[theft])
        days = city.incidents.moment[theft].astype("datetime64[s]").astype(np.int64) / DAY_S
        pairs = cKDTree(where).query_pairs(200, output_type="ndarray")
        observed = (np.abs(days[pairs[:, 0]] - days[pairs[:, 1]]) <= 7).sum()
        rng = np.random.default_rng(0)
        by_chance = []
        for _draw in range(19):
            shuffled = rng.permutation(days)
            by_chance.append((np.abs(shuffled[pairs[:, 0]] - shuffled[pairs[:, 1]]) <= 7).sum())
        assert observed > max(by_chance)
        assert observed / np.mean(by_chance) > 1.2  # Knox ratio, 0–200 m and 0–7 days

    def test_offspring_are_about_the_assumed_branching_ratio(self, city: City) -> None:
        theft = city.incidents.category == CATEGORIES.index("theft")
        assert city.incidents.is_offspring[theft].mean() == pytest.approx(0.15, abs=0.03)


class TestFile:
    def test_the_file_has_distinct_ids_and_ends_before_midnight(self, city: City) -> None:
        lines = incidents_csv(city.incidents, prefix="SC").decode().splitlines()
        assert lines[0] == "incident_id,category,occurred_from,occurred_to,latitude,longitude"
        rows = [line.split(",") for line in lines[1:]]
        assert len({row[0] for row in rows}) == len(rows) == int(city.figures.totals.sum())
        assert max(max(row[2], row[3]) for row in rows) < "2026-04-01"
        assert [row[2] for row in rows] == sorted(row[2] for row in rows)

    def test_some_thefts_are_known_only_as_an_interval_around_their_moment(self, city: City) -> None:
        incidents = city.incidents
        vague = incidents.start < incidents.end
        assert set(incidents.category[vague]) == {CATEGORIES.index("theft")}
        assert 0.05 < vague.mean() < 0.08
        assert (incidents.start <= incidents.moment).all()
        assert (incidents.moment <= incidents.end).all()


class TestCameras:
    def test_there_are_as_many_as_published(self, city: City) -> None:
        assert len(city.cameras) == read_camera_figures(FIXTURES).total == 3_916
        assert len({camera.source_id for camera in city.cameras}) == len(city.cameras)

    def test_sites_have_one_to_six_cameras_as_in_the_register(self, city: City) -> None:
        figures = read_camera_figures(FIXTURES)
        sizes = np.unique([camera.source_id.rsplit("-", 1)[0] for camera in city.cameras], return_counts=True)[1]
        found = {size: float((sizes == size).mean()) for size in figures.site_sizes}
        assert found == pytest.approx(dict(figures.site_sizes), abs=0.04)

    def test_sites_keep_their_distance_and_lie_inside(self, city: City) -> None:
        sites = np.unique([(camera.longitude, camera.latitude) for camera in city.cameras], axis=0)
        metres = city.geography.plane.to_metres(sites)
        distances = np.asarray(cKDTree(metres).query(metres, 2)[0])
        assert distances[:, 1].min() > 37
        assert shapely.contains_xy(city.geography.outline, *sites.T).all()

    def test_views_are_spread_round_a_site(self, city: City) -> None:
        for camera in city.cameras:
            assert camera.bearing_deg is None or 0 <= camera.bearing_deg < 360
            assert 30 <= camera.range_m <= 80
            assert camera.angle_deg == 360 if camera.bearing_deg is None else 60 <= camera.angle_deg <= 110
        all_round = np.mean([camera.bearing_deg is None for camera in city.cameras])
        assert all_round == pytest.approx(read_camera_figures(FIXTURES).all_round_share, abs=0.04)

    def test_purposes_follow_the_register(self, city: City) -> None:
        purposes = [camera.purpose for camera in city.cameras]
        found = {purpose: purposes.count(purpose) / len(purposes) for purpose in set(purposes)}
        assert found == pytest.approx(dict(read_camera_figures(FIXTURES).purposes), abs=0.02)

    def test_few_are_out_of_order(self, city: City) -> None:
        assert 0.95 < np.mean([camera.is_working for camera in city.cameras]) < 0.995

    def test_names_tell_the_dong_and_the_purpose(self, city: City) -> None:
        dongs = {dong.name for dong in city.geography.dongs}
        assert {camera.name.split()[0] for camera in city.cameras} <= dongs
        assert city.cameras[0].name.split()[2] == city.cameras[0].source_id.removeprefix("SC-")
