"""The blocks that carry data: calendar, weather, places, figures of areas, rulings. What they say, and that none looks ahead."""

import pickle
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely

from prediction.errors import PredictionError
from prediction.features import FeatureMaker
from prediction.features.calendar import TERMS_KR, Calendar, Terms
from prediction.features.figures import AreaFigures, Edition, overlaps
from prediction.features.projected import cell_shapes, to_metres
from prediction.features.rulings import RulingPriors, RulingTable
from prediction.features.surroundings import ALWAYS, NEAREST_AT_MOST_M, NEVER, Places, PlacesOfKind
from prediction.features.weather import DailyWeather, Outlook, Weather
from prediction.grid import Grid
from prediction.learners.catalogue import make
from prediction.panel import DAY_S, Incidents, Panel

DOCS = Path(__file__).resolve().parents[2] / "docs" / "methods" / "features.md"
ZONE = "Asia/Seoul"
CUTOFF = datetime(2026, 3, 1, 15, tzinfo=UTC)  # midnight in Seoul, the beginning of 2 March
HOUR_S = 3600


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 9))


@pytest.fixture(scope="module")
def moments(grid):
    """`moments(start, horizon_days=7)`: a moment of an origin; its counts are those of a handful of incidents."""
    made = {}

    def moment(start, horizon_days=7):
        key = (horizon_days,)
        if key not in made:
            at = int(CUTOFF.timestamp()) - np.arange(1, 400) * DAY_S
            incidents = Incidents.at(np.zeros(399, dtype=np.int32), at, at, np.zeros(399, dtype=np.int16))
            panel = Panel.build(incidents, cells=len(grid), categories=1, anchor=CUTOFF)
            made[key] = FeatureMaker(grid, 1, horizon_days=horizon_days).moment(panel, 0)
        return replace(made[key], start=start, origin_day=0)

    return moment


def seoul(year, month, day, hour=0):
    return datetime(year, month, day, hour, tzinfo=UTC) - timedelta(hours=9)


def said(block, moment, target=0):
    """Name → its column."""
    values = np.asarray(block.read(moment, target))
    assert values.shape[1] == len(block.columns(target))
    return {name: values[:, place] for place, (_, name) in enumerate(block.columns(target))}


# --- calendar ------------------------------------------------------------------------------------


def test_the_week_of_chuseok_is_a_long_break(moments):
    calendar = Calendar(ZONE, country="KR", terms=TERMS_KR)
    week = said(calendar, moments(seoul(2023, 9, 28)))  # Thursday to Wednesday: 28–30 Sept., 2 and 3 October are holidays
    assert week["holiday_share"] == pytest.approx(5 / 7)
    assert week["free_share"] == pytest.approx(6 / 7)  # and Sunday 1 October
    assert week["longest_break"] == 6
    assert week["days_to_holiday"] == 0
    assert week["feast_share"] == pytest.approx(4 / 7)  # two days on both sides of the 29th: 28 September to 1 October
    assert week["school_share"] == pytest.approx(1 / 7)
    assert week["first_weekday"] == 3


def test_a_usual_week_in_summer_holds_no_holiday_and_no_school(moments):
    week = said(Calendar(ZONE, country="KR", terms=TERMS_KR), moments(seoul(2023, 7, 31)))
    assert week["holiday_share"] == week["feast_share"] == week["school_share"] == 0
    assert week["longest_break"] == 2
    assert week["days_to_holiday"] == 10  # Liberation Day is 15 days ahead: as far as is read
    assert week["days_since_holiday"] == 28


def test_independence_day_is_a_peak_in_the_united_states_only(moments):
    american = Calendar("America/Chicago", country="US")
    on, off = (said(american, moments(datetime(2023, 7, day, 5, tzinfo=UTC), 1)) for day in (4, 12))
    assert on["peak_independence_day"] == pytest.approx(1)
    assert on["holiday_share"] == 1
    assert off["peak_independence_day"] < 1e-6
    assert "school_share" not in on
    assert "peak_independence_day" not in said(Calendar(ZONE, country="KR"), moments(seoul(2023, 7, 4)))


def test_days_tell_weekdays_apart(moments):
    calendar = Calendar(ZONE)
    days = [said(calendar, moments(seoul(2024, 6, 3 + step), 1)) for step in range(7)]
    assert [day["first_weekday"][0] for day in days] == [0, 1, 2, 3, 4, 5, 6]
    assert [day["weekend_share"][0] for day in days] == [0, 0, 0, 0, 0, 1, 1]
    assert set(days[0]) == {"first_weekday", "weekend_share", "friday_share"}


def test_a_day_is_the_one_on_which_most_of_it_lies(moments):
    late = said(Calendar(ZONE), moments(seoul(2024, 6, 3, 22), 1))  # Monday 22:00: the 24 hours are Tuesday's
    assert late["first_weekday"] == 1


def test_a_holiday_declared_at_short_notice_is_not_known_long_before(moments):
    calendar = Calendar(ZONE, country="KR")
    # 2 October 2023 was declared a holiday on 5 September; 27 January 2025 on 14 January.
    early, late = (said(calendar, moments(seoul(2025, 1, day), 28)) for day in (6, 20))
    assert early["holiday_share"] * 28 == pytest.approx(3)  # Seollal alone, 28–30 January
    assert late["holiday_share"] * 28 == pytest.approx(4)
    known = said(calendar, moments(seoul(2025, 2, 3)))
    assert known["days_since_holiday"] == 4


def test_beyond_the_tables_holidays_are_unknown(moments):
    far = said(Calendar(ZONE, country="KR"), moments(seoul(2060, 1, 4)))
    assert np.isnan(far["holiday_share"])
    assert far["first_weekday"] == 6


@pytest.mark.parametrize("country", ["XX", "Korea", ""])
def test_a_country_without_a_table_is_refused_with_its_name(country):
    with pytest.raises(PredictionError, match=f"No table of public holidays is known for the country “{country}”"):
        Calendar(ZONE, country=country)


@pytest.mark.parametrize(("span", "sentence"), [(((3, 2), (13, 1)), "is none"), (((9, 1), (2, 10)), "write one that passes")])
def test_terms_that_are_none_are_refused(span, sentence):
    with pytest.raises(PredictionError, match=sentence):
        Terms((span,))


# --- weather -------------------------------------------------------------------------------------

DAYS = np.arange(date(2023, 1, 1).toordinal(), date(2025, 12, 31).toordinal() + 1)


def year_of_weather():
    """Warm in summer; each day's rain is its number."""
    warm = 12 - 14 * np.cos(2 * np.pi * (DAYS - DAYS[0]) / 365.2425)
    return DailyWeather(DAYS, {"temperature": warm, "rain": (DAYS - DAYS[0]).astype(np.float64)})


def test_weather_is_the_mean_of_the_days_before_the_origin(moments):
    weather = said(Weather(year_of_weather(), time_zone=ZONE), moments(seoul(2024, 8, 1, 14)))
    today = date(2024, 8, 1).toordinal() - DAYS[0]
    assert weather["rain_1d"] == today - 1  # today is not over
    assert weather["rain_7d"] == pytest.approx(today - 4)
    assert weather["rain_28d"] == pytest.approx(today - 14.5)
    assert weather["temperature_usual"] == pytest.approx(23.7, abs=0.1)  # 25 July to 14 August 2023


def test_the_first_year_knows_nothing_usual_and_before_the_series_nothing_at_all(moments):
    weather = Weather(year_of_weather(), time_zone=ZONE)
    assert np.isnan(said(weather, moments(seoul(2023, 6, 1)))["temperature_usual"])
    assert np.isnan(weather.read(moments(seoul(2022, 6, 1)), 0)).all()
    late = said(weather, moments(seoul(2026, 6, 1)))  # the series ended five months ago
    assert np.isnan(late["temperature_28d"])
    assert late["temperature_usual"] == pytest.approx(24.3, abs=0.1)  # of three years


def test_missing_days_count_only_where_half_are_known(moments):
    daily = year_of_weather()
    rain = daily.values["rain"].copy()
    end = date(2024, 8, 1).toordinal() - DAYS[0]
    rain[end - 3 : end] = np.nan
    weather = said(Weather(replace(daily, values={"rain": rain}), time_zone=ZONE), moments(seoul(2024, 8, 1)))
    assert np.isnan(weather["rain_1d"])
    assert weather["rain_7d"] == pytest.approx(rain[end - 7 : end - 3].mean())
    rain[end - 4] = np.nan
    weather = said(Weather(replace(daily, values={"rain": rain}), time_zone=ZONE), moments(seoul(2024, 8, 1)))
    assert np.isnan(weather["rain_7d"])
    assert np.isfinite(weather["rain_28d"])


def test_hourly_readings_become_local_days():
    start = int(seoul(2024, 1, 1).timestamp())
    hours = np.concatenate([np.arange(24), [23], np.arange(24, 24 + 11), np.arange(48, 72, 2)])  # one twice, 11 hours, 12 hours
    values = {"rain": np.where(hours < 24, 0.5, 1.0), "temperature": (hours % 24).astype(np.float64)}
    daily = DailyWeather.from_hourly(start + hours[::-1] * HOUR_S, {k: v[::-1] for k, v in values.items()}, time_zone=ZONE)
    assert [date.fromordinal(day).isoformat() for day in daily.day] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert daily.values["rain"][0] == pytest.approx(12)
    assert np.isnan(daily.values["rain"][1])
    assert daily.values["rain"][2] == pytest.approx(24)  # scaled to a whole day
    assert daily.values["temperature"][0] == pytest.approx(11.5)


def test_the_outlook_is_the_last_one_issued_by_the_origin(moments):
    origin = seoul(2024, 8, 1)
    day = np.repeat(np.arange(origin.toordinal() + 1, origin.toordinal() + 8), 3)
    issued = np.tile([int(origin.timestamp()) + hours * HOUR_S for hours in (-20, -2, 2)], 7)
    outlook = Outlook(issued, day, {"rain": np.tile([1.0, 5.0, 99.0], 7)})
    weather = Weather(year_of_weather(), time_zone=ZONE, outlook=outlook)
    assert said(weather, moments(origin))["rain_ahead"] == 5
    assert said(weather, moments(origin - timedelta(hours=12), 1))["rain_ahead"] == 1
    assert np.isnan(said(weather, moments(origin - timedelta(days=3)))["rain_ahead"])


def test_what_comes_after_the_origin_changes_no_weather_feature(moments):
    origin = seoul(2024, 8, 1, 14)
    daily = year_of_weather()
    later = date(2024, 8, 1).toordinal() <= DAYS
    changed = {name: np.where(later, -999.0, column) for name, column in daily.values.items()}
    issued = np.array([origin.timestamp() - 60, origin.timestamp() + 60], dtype=np.int64)
    day = np.repeat(date(2024, 8, 1).toordinal() + 1, 2)
    outlooks = [Outlook(issued, day, {"rain": np.array([4.0, last])}) for last in (5.0, 70.0)]
    for horizon in (1, 7, 28):
        moment = moments(origin, horizon)
        blocks = [
            Weather(DailyWeather(DAYS, values), time_zone=ZONE, outlook=outlook)
            for values, outlook in zip((daily.values, changed), outlooks, strict=True)
        ]
        assert blocks[0].read(moment, 0).tobytes() == blocks[1].read(moment, 0).tobytes()
        assert blocks[0].signature != blocks[1].signature


@pytest.mark.parametrize(
    ("make_it", "sentence"),
    [
        (lambda: DailyWeather(np.array([5, 5]), {"rain": np.zeros(2)}), "each may stand only once"),
        (lambda: DailyWeather(np.array([5, 6]), {"rain": np.zeros(3)}), "2 days, but 3 values of “rain”"),
        (lambda: DailyWeather(np.array([5]), {"rain": np.array([np.inf])}), "“rain” holds an infinite value"),
        (lambda: Weather(DailyWeather(np.array([], dtype=np.int64), {}), time_zone=ZONE), "leave the block out"),
    ],
)
def test_weather_that_is_none_is_refused(make_it, sentence):
    with pytest.raises(PredictionError, match=sentence):
        make_it()


# --- places --------------------------------------------------------------------------------------


def places_at(grid, metres, **columns):
    """Places of the kind "bar" at points given in metres from the grid's middle."""
    lon, lat = degrees_of(grid, metres)
    made = PlacesOfKind.undated("bar", lon, lat)
    return replace(made, **columns)


def degrees_of(grid, metres):
    lat0, lon0 = np.mean([h3.cell_to_latlng(int(cell)) for cell in grid.cell_ids], axis=0)
    x, y = np.asarray(metres, dtype=np.float64).T
    degree = np.pi / 180 * 6_371_008.8
    return lon0 + x / degree / np.cos(np.radians(lat0)), lat0 + y / degree


def test_places_count_where_they_lie_and_thin_out_around(grid, moments):
    spots = [(0.0, 0.0), (400.0, 300.0)]
    block = Places(grid, [places_at(grid, spots, count=np.array([1.0, 3.0]))], time_zone=ZONE)
    values = said(block, moments(CUTOFF))
    assert values["bar_here"].sum() == 4
    distance = np.linalg.norm(grid.centres_m[:, None] - np.array(spots)[None], axis=2)
    assert values["bar_here"][distance[:, 1].argmin()] == 3
    assert values["bar_nearest_m"] == pytest.approx(distance.min(axis=1), abs=0.1)
    for sigma in (100, 300, 1000):
        kernel = np.exp(-0.5 * (distance / sigma) ** 2) / (2 * np.pi * (sigma / 1000) ** 2)
        expected = kernel @ [1.0, 3.0]
        assert values[f"bar_{sigma}m"] == pytest.approx(expected, abs=0.03 * expected.max())


def test_a_place_outside_the_grid_is_felt_inside(grid, moments):
    edge = np.abs(grid.centres_m).max() + 150
    values = said(Places(grid, [places_at(grid, [(edge, 0.0)])], time_zone=ZONE), moments(CUTOFF))
    assert values["bar_here"].sum() == 0
    assert values["bar_300m"].max() > 0.5
    far = said(Places(grid, [places_at(grid, [(50_000.0, 0.0)])], time_zone=ZONE), moments(CUTOFF))
    assert (far["bar_nearest_m"] == NEAREST_AT_MOST_M).all()
    assert not far["bar_1000m"].any()


def test_only_places_open_on_the_day_count(grid, moments):
    opened = np.array([ALWAYS, date(2024, 5, 1).toordinal()])
    closed = np.array([date(2024, 6, 1).toordinal(), NEVER])
    block = Places(grid, [places_at(grid, [(0.0, 0.0), (0.0, 0.0)], opened=opened, closed=closed)], time_zone=ZONE)
    counts = [said(block, moments(seoul(*day)))["bar_here"].sum() for day in ((2024, 4, 30), (2024, 5, 1), (2024, 6, 1))]
    assert counts == [1, 2, 1]


def test_where_no_place_is_open_yet_none_is_near(grid, moments):
    block = Places(grid, [places_at(grid, [(0.0, 0.0)], opened=np.array([date(2024, 5, 1).toordinal()]))], time_zone=ZONE)
    before = said(block, moments(seoul(2024, 4, 30, 23)))
    assert (before["bar_nearest_m"] == NEAREST_AT_MOST_M).all()
    assert not before["bar_here"].any()


def test_a_kind_without_a_place_gives_no_column(grid, moments):
    none = PlacesOfKind.undated("school", np.zeros(0), np.zeros(0))
    block = Places(grid, [places_at(grid, [(0.0, 0.0)]), none], time_zone=ZONE)
    assert {name.split("_")[0] for _, name in block.columns(0)} == {"bar"}
    empty = Places(grid, [none], time_zone=ZONE)
    assert empty.columns(0) == []
    assert FeatureMaker(grid, 1, blocks=[empty]).names(0) == FeatureMaker(grid, 1).names(0)
    assert empty.read(moments(CUTOFF), 0).shape == (len(grid), 0)


def test_what_opens_and_closes_after_the_origin_changes_no_feature(grid, moments):
    origin = seoul(2024, 5, 1, 14)
    day = date(2024, 5, 1).toordinal()
    spots = [(0.0, 0.0), (200.0, 0.0), (0.0, 500.0)]
    plain = places_at(grid, spots, opened=np.array([ALWAYS, day, day + 1]), closed=np.array([NEVER, day + 1, NEVER]))
    other = places_at(
        grid,
        [*spots[:2], (-300.0, -20.0)],
        opened=np.array([ALWAYS, day, day + 400]),
        closed=np.array([day + 2, NEVER, NEVER]),
        count=np.array([1.0, 1.0, 50.0]),
    )
    blocks = [Places(grid, [kind], time_zone=ZONE) for kind in (plain, other)]
    assert blocks[0].read(moments(origin), 0).tobytes() == blocks[1].read(moments(origin), 0).tobytes()
    assert blocks[0].read(moments(origin + timedelta(days=2)), 0).tobytes() != (
        blocks[1].read(moments(origin + timedelta(days=2)), 0).tobytes()
    )


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"lon": np.array([np.nan])}, "kind “bar”: number 1 lies at longitude nan"),
        ({"lat": np.array([270.0])}, "no degrees"),
        ({"count": np.array([-1.0])}, "counts less than nothing"),
        ({"opened": np.array([100]), "closed": np.array([99])}, "close before they open"),
        ({"lat": np.zeros(2)}, "different lengths"),
    ],
)
def test_places_that_cannot_be_are_refused(grid, columns, sentence):
    with pytest.raises(PredictionError, match=sentence):
        places_at(grid, [(0.0, 0.0)], **columns)


def test_a_kind_given_twice_is_refused(grid):
    with pytest.raises(PredictionError, match="“bar” is given twice"):
        Places(grid, [places_at(grid, [(0.0, 0.0)])] * 2, time_zone=ZONE)


@pytest.mark.parametrize("kind", ["square", "areas"])
def test_places_lie_right_on_other_grids(kind, moments):
    box = shapely.box(127.0, 37.48, 127.02, 37.50)
    squares = Grid.squares(box, size_m=250, epsg=32652)
    lon, lat = np.array([127.0101]), np.array([37.4902])
    grid = squares
    if kind == "areas":
        left, right = shapely.box(127.0, 37.48, 127.01, 37.5), shapely.box(127.01, 37.48, 127.02, 37.5)
        grid = Grid.areas([left, right], epsg=32652, codes=["left", "right"])
    values = said(Places(grid, [PlacesOfKind.undated("bar", lon, lat)], time_zone=ZONE), moments(CUTOFF))
    assert values["bar_here"].argmax() == grid.index_of_points(lon, lat)[0]
    assert values["bar_nearest_m"].min() < (180 if kind == "square" else 500)


# --- figures of areas ----------------------------------------------------------------------------


def halves(grid):
    """West and east of the grid, as polygons in degrees."""
    lon, lat = degrees_of(grid, [(-9000.0, -9000.0), (0.0, 9000.0), (9000.0, 9000.0)])
    return [shapely.box(lon[0], lat[0], lon[1], lat[1]), shapely.box(lon[1], lat[0], lon[2], lat[1])]


def test_people_are_spread_evenly_over_their_areas(grid, moments):
    areas = halves(grid)
    block = AreaFigures(grid, [Edition("population", date(2020, 1, 1), areas, np.array([16_200.0, 32_400.0]))], time_zone=ZONE)
    density = said(block, moments(CUTOFF))["population"]
    x = grid.centres_m[:, 0]
    assert density[x < -100] == pytest.approx(100, rel=0.01)  # 16,200 people on 162 km²
    assert density[x > 100] == pytest.approx(200, rel=0.01)
    assert ((density[np.abs(x) < 20] > 120) & (density[np.abs(x) < 20] < 180)).all()  # cut by the border


def test_the_surface_shared_with_areas_adds_up_to_that_of_the_cells(grid):
    shared = overlaps(grid, halves(grid))
    assert np.asarray(shared.sum(axis=1)).ravel() == pytest.approx(shapely.area(cell_shapes(grid)) / 1e6, rel=1e-6)
    assert shared.sum() == pytest.approx(grid.areas_km2.sum(), rel=0.002)


def test_a_year_is_known_from_the_next_one_on_and_an_old_one_until_then(grid, moments):
    areas = halves(grid)
    editions = [
        Edition("income", date(2024, 1, 1), areas, np.array([2.0, 2.0]), is_total=False),
        Edition("income", date(2026, 1, 1), areas, np.array([9.0, np.nan]), is_total=False),
    ]
    block = AreaFigures(grid, editions, time_zone=ZONE)
    assert np.isnan(said(block, moments(seoul(2023, 12, 31)))["income"]).all()
    assert (said(block, moments(seoul(2025, 12, 31, 23)))["income"] == 2).all()
    newest = said(block, moments(seoul(2026, 1, 1)))["income"]
    assert (newest[grid.centres_m[:, 0] < -100] == 9).all()
    assert np.isnan(newest[grid.centres_m[:, 0] > 100]).all()


def test_a_later_edition_changes_nothing_before_it_is_known(grid, moments):
    first = Edition("population", date(2024, 1, 1), halves(grid), np.array([1.0, 2.0]))
    blocks = [
        AreaFigures(grid, [first, replace(first, known_from=date(2025, 1, 1), values=np.array([a, 5.0]))], time_zone=ZONE)
        for a in (3.0, 4.0)
    ]
    at = moments(seoul(2024, 12, 31, 23))
    assert blocks[0].read(at, 0).tobytes() == blocks[1].read(at, 0).tobytes()
    assert blocks[0].signature != blocks[1].signature


def test_areas_elsewhere_tell_nothing_of_the_cells(grid, moments):
    away = [shapely.box(129.0, 35.0, 129.1, 35.1)]
    block = AreaFigures(grid, [Edition("population", date(2020, 1, 1), away, np.array([1e6]))], time_zone=ZONE)
    assert np.isnan(said(block, moments(CUTOFF))["population"]).all()


def test_figures_that_are_none_are_refused(grid):
    with pytest.raises(PredictionError, match="3 figures for 2 areas"):
        Edition("population", date(2020, 1, 1), halves(grid), np.zeros(3))
    with pytest.raises(PredictionError, match="infinite figure"):
        Edition("population", date(2020, 1, 1), halves(grid), np.array([1.0, np.inf]))


# --- rulings -------------------------------------------------------------------------------------


def rulings_of(grid, later=0.9):
    """Category 0 happens at bars, by night; category 1 in stations; of category 2 no ruling tells. `later`: what 2025 says."""
    bar, station = places_at(grid, [(-500.0, 0.0)]), replace(places_at(grid, [(500.0, 0.0)]), kind="subway")
    places = Places(grid, [bar, station], time_zone=ZONE)
    tables = []
    for day, share in ((date(2024, 1, 1), 0.9), (date(2025, 1, 1), later)):
        table = np.zeros((3, 3, 24))
        table[0, 0, 23], table[0, 1, 12] = share, 1 - share
        table[1, 1, 12], table[1, 2, 12] = 0.5, 0.5
        tables.append(RulingTable(day, ("bar", "station", "lift"), table))
    kinds = {"bar": ("bar",), "station": ("subway", "bus_stop")}
    return RulingPriors(places, tables, categories=3, place_kinds=kinds)


def test_rulings_speak_of_where_their_kinds_of_place_lie(grid, moments):
    block = rulings_of(grid)
    west, east = (np.linalg.norm(grid.centres_m - at, axis=1).argmin() for at in ((-500.0, 0.0), (500.0, 0.0)))
    bars, stations = (said(block, moments(seoul(2024, 6, 1)), target) for target in (0, 1))
    assert bars["ruling_prior"][west] > 5 * bars["ruling_prior"][east] > 0
    assert bars["ruling_prior"].mean() == pytest.approx(1, rel=1e-4)
    assert bars["ruling_prior_night"][west] > 0.9
    assert bars["ruling_prior_night"][east] < 0.3
    assert stations["ruling_prior"].argmax() == east
    assert not stations["ruling_prior_night"].any()
    assert np.isnan(said(block, moments(seoul(2024, 6, 1)), 2)["ruling_prior"]).all()
    every = said(block, moments(seoul(2024, 6, 1)), 3)["ruling_prior"]
    assert every == pytest.approx((bars["ruling_prior"] + stations["ruling_prior"]) / 2, rel=1e-5)


def test_rulings_decided_after_the_origin_change_nothing(grid, moments):
    blocks = [rulings_of(grid, later) for later in (0.9, 0.1)]
    before, after = moments(seoul(2024, 12, 31, 23)), moments(seoul(2025, 1, 1))
    assert blocks[0].read(before, 0).tobytes() == blocks[1].read(before, 0).tobytes()
    assert blocks[0].read(after, 0).tobytes() != blocks[1].read(after, 0).tobytes()
    assert blocks[0].signature != blocks[1].signature
    assert np.isnan(blocks[0].read(moments(seoul(2023, 12, 31)), 0)).all()


def test_tables_of_rulings_that_do_not_fit_are_refused(grid):
    with pytest.raises(PredictionError, match="2 kinds × 24 hours"):
        RulingTable(date(2024, 1, 1), ("bar", "lift"), np.zeros((3, 3, 24)))
    with pytest.raises(PredictionError, match="a share that is none"):
        RulingTable(date(2024, 1, 1), ("bar",), np.full((3, 1, 24), np.nan))
    places = Places(grid, [], time_zone=ZONE)
    with pytest.raises(PredictionError, match="3 categories, the forecast 2"):
        RulingPriors(places, [RulingTable(date(2024, 1, 1), ("bar",), np.zeros((3, 1, 24)))], categories=2, place_kinds={})


# --- all of them ---------------------------------------------------------------------------------


def all_blocks(grid, categories=3):
    rulings = rulings_of(grid)
    edition = Edition("population", date(2020, 1, 1), halves(grid), np.array([1.0, 2.0]))
    return [
        Calendar(ZONE, country="KR", terms=TERMS_KR),
        Weather(year_of_weather(), time_zone=ZONE),
        rulings.places,
        AreaFigures(grid, [edition], time_zone=ZONE),
        rulings,
    ]


def test_every_block_stands_in_the_docs(grid):
    named = set(re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {block.name for block in all_blocks(grid)} <= named


def test_the_same_data_give_the_same_signature_and_bytes_also_in_another_process(grid, moments):
    first, second = all_blocks(grid), pickle.loads(pickle.dumps(all_blocks(grid)))  # noqa: S301  (made here)
    for one, other in zip(first, second, strict=True):
        assert one.signature == other.signature
        assert len(one.signature) == 64
        for target in range(4):
            assert (
                one.read(moments(seoul(2025, 3, 1)), target).tobytes() == other.read(moments(seoul(2025, 3, 1)), target).tobytes()
            )
    before = [block.signature for block in first]
    for block in first:
        block.read(moments(seoul(2025, 9, 1)), 0)
    assert [block.signature for block in first] == before  # time that passes changes no signature


def test_blocks_share_a_table_with_the_counts(grid):
    at = int(CUTOFF.timestamp()) - np.arange(1, 400) * DAY_S
    incidents = Incidents.at(np.zeros(399, dtype=np.int32), at, at, (np.arange(399) % 3).astype(np.int16))
    panel = Panel.build(incidents, cells=len(grid), categories=3, anchor=CUTOFF)
    maker = FeatureMaker(grid, 3, blocks=all_blocks(grid))
    for target in range(4):
        table = maker.table(maker.moment(panel, -7), target)
        assert table.shape == (len(grid), len(maker.names(target)))
        groups = {group for group, _ in maker.names(target)}
        assert {"calendar", "weather", "surroundings", "rulings"} <= groups


def test_metres_are_those_of_the_grids_centres(grid):
    lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in grid.cell_ids])
    assert to_metres(grid, lat_lon[:, 1], lat_lon[:, 0]) == pytest.approx(grid.centres_m, abs=1e-6)


# --- what they are worth -------------------------------------------------------------------------


def test_where_bars_drive_a_category_the_block_finds_the_cells_without_history():
    """Violence follows bars, which open and close; at the twenty newest nothing has happened yet."""
    rng = np.random.default_rng(11)
    grid = Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 9), 14))  # 631 cells of 0.1 km²
    days, bars, new = 400, 600, 20
    spot = np.concatenate([rng.integers(0, len(grid), bars), rng.choice(len(grid), new, replace=False)])
    opened = np.concatenate([rng.integers(10, days, bars), np.full(new, 3)])  # days before the cut-off
    closed = np.concatenate([opened[:bars] - 60, np.full(new, -NEVER)])
    rate = np.full((len(grid), days), 0.004)  # incidents a day, by age in days
    for cell, first, last in zip(spot[:bars], opened, closed, strict=False):
        rate[cell, max(0, last) : first] += 0.1
    rate[spot[bars:]] = 0.0
    cell, age = np.nonzero(rng.poisson(rate))
    at = int(CUTOFF.timestamp()) - (age + 1) * DAY_S + HOUR_S
    incidents = Incidents.at(cell.astype(np.int32), at, at, np.zeros(len(at), dtype=np.int16))
    panel = Panel.build(incidents, cells=len(grid), categories=1, anchor=CUTOFF)
    lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in grid.cell_ids])[spot]
    today = CUTOFF.toordinal() + 1
    kind = PlacesOfKind("bar", lat_lon[:, 1], lat_lon[:, 0], np.ones(len(spot)), today - opened, today - closed)
    rates = {}
    for name, blocks in (("without", []), ("with", [Places(grid, [kind], time_zone=ZONE)])):
        learner = make("lightgbm", FeatureMaker(grid, 1, blocks=blocks), settings={"trees": 110, "learning_rate": 0.1})
        learner.fit(panel, 0, seed=1)
        rates[name] = learner.rate(panel, 0)[0]
    open_now = kind.open_on(today)
    hot, quiet = np.unique(spot[open_now]), np.setdiff1d(np.arange(len(grid)), spot[open_now])
    found = {name: np.isin(spot[bars:], np.argsort(-values)[: len(hot)]).mean() for name, values in rates.items()}
    assert found["with"] > 0.8
    assert found["without"] < 0.3
    assert rates["with"][spot[bars:]].mean() > 4 * rates["with"][quiet].mean()
