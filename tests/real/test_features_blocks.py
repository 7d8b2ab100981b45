"""The blocks on Seoul's own files: a year of hourly weather, its holidays, licensed bars with dates, residents by dong."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import shapely

from prediction.features.calendar import TERMS_KR, Calendar
from prediction.features.figures import AreaFigures, Edition
from prediction.features.surroundings import ALWAYS, NEVER, Places, PlacesOfKind
from prediction.features.weather import DailyWeather, Weather
from prediction.grid import Grid, cells_in_polygon

pytestmark = pytest.mark.real

SHARED = Path(os.environ.get("HAECHI_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
WEATHER = SHARED / "seoul-population-weather" / "seoul_hourly_weather_bike_2017_2018.csv"
BARS = SHARED / "seoul-facilities" / "entertainment_bars_yuheung.csv.gz"
DONG = SHARED / "korea-boundaries" / "seoul_hdong_2024.geojson"
RESIDENTS = SHARED / "seoul-population-weather" / "seoul_dong_registered_population_202501.csv"
ZONE = "Asia/Seoul"
GANGNAM = "강남구"


def path_of(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def said(block, day, horizon_days=7):
    """Name → its column at midnight in Seoul."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9)
    values = block.read(SimpleNamespace(start=start, horizon_days=horizon_days), 0)
    return {name: values[:, place] for place, (_, name) in enumerate(block.columns(0))}


@pytest.fixture(scope="module")
def weather_table():
    return pd.read_csv(path_of(WEATHER), encoding="cp1252")


@pytest.fixture(scope="module")
def dongs():
    features = json.loads(path_of(DONG).read_text(encoding="utf-8"))["features"]
    return {f["properties"]["temp"]: shapely.geometry.shape(f["geometry"]) for f in features}


@pytest.fixture(scope="module")
def gangnam(dongs):
    """Cells of Gangnam-gu at resolution 9."""
    whole = shapely.union_all([shape for name, shape in dongs.items() if name.startswith(GANGNAM)])
    return Grid.from_h3(cells_in_polygon(whole, 9))


def test_a_year_of_hours_becomes_the_days_that_seoul_had(weather_table):
    table = weather_table
    local = pd.to_datetime(table["Date"], format="%d/%m/%Y") + pd.to_timedelta(table["Hour"], unit="h")
    seconds = (local - pd.Timedelta(hours=9)).to_numpy().astype("datetime64[s]").astype(np.int64)
    columns = {"temperature": "Temperature", "rain": "Rainfall(mm)", "snow": "Snowfall (cm)", "humidity": "Humidity"}
    values = {name: table[title].to_numpy(dtype=np.float64) for name, title in columns.items()}
    daily = DailyWeather.from_hourly(seconds, values, time_zone=ZONE)
    assert len(daily.day) == 365
    assert (date.fromordinal(daily.day[0]), date.fromordinal(daily.day[-1])) == (date(2017, 12, 1), date(2018, 11, 30))
    hottest = date.fromordinal(daily.day[int(np.nanargmax(daily.values["temperature"]))])
    assert hottest in (date(2018, 8, 1), date(2018, 8, 2))  # 39.6 degrees on 1 August 2018, the record of Seoul
    weather = said(Weather(daily, time_zone=ZONE), date(2018, 8, 3))
    by_day = table.groupby("Date", sort=False)["Temperature"].mean()
    assert weather["temperature_1d"] == pytest.approx(by_day["02/08/2018"] if "02/08/2018" in by_day else by_day["2/8/2018"])
    assert weather["temperature_7d"] > 31
    assert weather["rain_28d"] < 3  # the dry summer of 2018
    winter = said(Weather(daily, time_zone=ZONE), date(2018, 1, 28))
    assert winter["temperature_1d"] < -10


def test_hours_without_a_reading_are_unknown_and_not_zero(weather_table):
    table = weather_table[weather_table["Hour"] < 10]
    local = pd.to_datetime(table["Date"], format="%d/%m/%Y") + pd.to_timedelta(table["Hour"], unit="h")
    seconds = (local - pd.Timedelta(hours=9)).to_numpy().astype("datetime64[s]").astype(np.int64)
    daily = DailyWeather.from_hourly(seconds, {"rain": table["Rainfall(mm)"].to_numpy(dtype=np.float64)}, time_zone=ZONE)
    assert np.isnan(daily.values["rain"]).all()


def test_the_holidays_are_those_of_the_file(weather_table):
    """The file marks 18 days; 14 of them are public holidays."""
    marked = {pd.to_datetime(day, format="%d/%m/%Y").date() for day in weather_table.query("Holiday == 'Holiday'")["Date"]}
    calendar = Calendar(ZONE, country="KR", terms=TERMS_KR)
    days = [date(2017, 12, 1) + timedelta(days=step) for step in range(365)]
    found = {day for day in days if said(calendar, day, 1)["holiday_share"][0] == 1}
    # The file also marks two eves, the 22nd of December and Labour Day, and misses these four.
    assert marked - found == {date(2017, 12, 22), date(2017, 12, 24), date(2017, 12, 31), date(2018, 5, 1)}
    assert found - marked == {date(2018, 5, 5), date(2018, 5, 7), date(2018, 6, 13), date(2018, 9, 26)}
    assert said(calendar, date(2018, 9, 22))["longest_break"][0] == 5  # Saturday to Wednesday, the substitute at its end


def test_bars_of_gangnam_come_and_go_by_their_licences(gangnam):
    table = pd.read_csv(path_of(BARS), dtype=str)
    table = table[table["lon_from_5174"].notna()]
    days = {
        title: pd.to_datetime(table[title], errors="coerce").map(lambda day: day.toordinal() if pd.notna(day) else np.nan)
        for title in ("인허가일자", "폐업일자")
    }
    opened = days["인허가일자"].fillna(ALWAYS).to_numpy(dtype=np.int64)
    closed = days["폐업일자"].fillna(NEVER).to_numpy(dtype=np.int64)
    lon, lat = (table[name].to_numpy(dtype=np.float64) for name in ("lon_from_5174", "lat_from_5174"))
    sane = closed >= opened
    bars = PlacesOfKind("bar", lon[sane], lat[sane], np.ones(sane.sum()), opened[sane], closed[sane])
    block = Places(gangnam, [bars], time_zone=ZONE)
    inside = gangnam.index_of_points(bars.lon, bars.lat) >= 0
    for day in (date(2010, 1, 1), date(2018, 1, 1), date(2025, 8, 1)):
        here = said(block, day)
        expected = (inside & bars.open_on(day.toordinal())).sum()
        assert here["bar_here"].sum() == expected > 50
        assert here["bar_nearest_m"][here["bar_here"] > 0].max() < 210  # half the width of a cell
        total = (here["bar_300m"] * gangnam.areas_km2).sum()
        assert total == pytest.approx(expected, rel=0.2)  # some spread over the border, some from beyond it
    assert said(block, date(2018, 1, 1))["bar_here"].tobytes() != said(block, date(2025, 8, 1))["bar_here"].tobytes()


def test_residents_of_the_dong_add_up_over_the_cells(gangnam, dongs):
    table = pd.read_csv(path_of(RESIDENTS))
    named = table["자치구"] + " " + table["행정동"]
    known = dict(zip(named.str.replace("·", "."), table["인구수"].astype(float), strict=True))
    areas = {name: shape for name, shape in dongs.items() if name.replace("·", ".") in known}
    assert len(areas) > 400
    values = np.array([known[name.replace("·", ".")] for name in areas])
    block = AreaFigures(gangnam, [Edition("population", date(2025, 3, 1), list(areas.values()), values)], time_zone=ZONE)
    density = said(block, date(2025, 3, 1))["population"]
    of_gangnam = sum(value for name, value in known.items() if name.startswith(GANGNAM))
    assert np.nansum(density * gangnam.areas_km2) == pytest.approx(of_gangnam, rel=0.03)
    assert 20_000 < np.nanmax(density) < 80_000  # a dense dong of Seoul
    assert np.isnan(said(block, date(2025, 2, 28))["population"]).all()
