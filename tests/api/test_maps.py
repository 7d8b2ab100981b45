"""The map's part of the API: what is sent once, what is sent for each step, and that nobody sees another's map."""

import gzip
import math
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pyogrio
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories
from webapp.accounts.models import Jurisdiction, User
from webapp.crimes.models import CellGrid, Place, PlaceKind
from webapp.crimes.services import AreaRecord, PlaceRecord, register_areas, register_places
from webapp.forecasts.models import ForecastRun, Rates
from webapp.maps import selectors

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]


@pytest.fixture
def grid(jurisdiction: Jurisdiction) -> CellGrid:
    return CellGrid.objects.of(jurisdiction).get(is_current=True)


@pytest.fixture
def run(jurisdiction: Jurisdiction) -> ForecastRun:
    return factories.make_published_run(jurisdiction)


# --- What the page starts from --------------------------------------------------------------------
def test_the_map_starts_with_the_jurisdiction_its_categories_and_the_current_run(
    api: Api, analyst: User, run: ForecastRun
) -> None:
    start = api(analyst).get("/api/v1/map/").json()
    assert start["jurisdiction"]["code"] == "testgu"
    assert start["jurisdiction"]["is_simulated"] is True
    assert [category["code"] for category in start["categories"]] == [
        "homicide",
        "robbery",
        "sexual_violence",
        "theft",
        "violence",
    ]
    assert start["run"]["id"] == run.pk
    assert len(start["run"]["slot_starts"]) == 21
    expected = Rates.objects.get(run=run, slot=3, category__code="theft").total
    assert start["run"]["totals"][3][3] == pytest.approx(expected)
    west, south, east, north = start["bounds"]
    assert west < 127.01 < east
    assert south < 37.49 < north


def test_the_map_starts_without_a_run_before_the_first_forecast(api: Api, analyst: User) -> None:
    start = api(analyst).get("/api/v1/map/").json()
    assert start["run"] is None
    assert start["grid"]["cell_count"] > 100


def test_the_map_says_what_the_role_may_do(api: Api, users: dict[str, User], run: ForecastRun) -> None:
    assert "publish_plan" in api(users["operator"]).get("/api/v1/map/").json()["allowed"]
    assert "publish_plan" not in api(users["analyst"]).get("/api/v1/map/").json()["allowed"]


def test_names_come_in_the_language_of_the_page(api: Api, analyst: User) -> None:
    client = api(analyst)
    client.cookies["django_language"] = "en"
    assert client.get("/api/v1/map/").json()["jurisdiction"]["name"] == "Test-gu"
    assert {area["properties"]["name"] for area in client.get("/api/v1/areas/").json()["features"]} == {
        "Seo 1-dong",
        "Dong 1-dong",
    }


# --- Geometry, once -------------------------------------------------------------------------------
def test_the_cells_come_in_the_grids_order_with_corners_within_20_cm(api: Api, analyst: User, grid: CellGrid) -> None:
    answer = api(analyst).get(f"/api/v1/grids/{grid.digest}/cells/")
    cells = selectors.decode_cells(answer.content)
    assert cells.ids.tolist() == grid.array().tolist()
    for position in (0, len(cells.ids) // 2, len(cells.ids) - 1):
        ring = np.array(h3.cell_to_boundary(f"{int(cells.ids[position]):x}"))[:, ::-1]
        assert np.abs(cells.corners[position] - ring).max() < 2e-6


def test_the_cells_are_compressed_and_never_asked_for_again(api: Api, analyst: User, grid: CellGrid) -> None:
    client = api(analyst)
    plain = client.get(f"/api/v1/grids/{grid.digest}/cells/")
    packed = client.get(f"/api/v1/grids/{grid.digest}/cells/", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    again = client.get(
        f"/api/v1/grids/{grid.digest}/cells/", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    )
    assert again.status_code == 304
    assert again.content == b""


def test_another_jurisdictions_grid_does_not_exist(api: Api, outsider: User, grid: CellGrid) -> None:
    answer = api(outsider).get(f"/api/v1/grids/{grid.digest}/cells/")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


# --- Values, one byte a cell ----------------------------------------------------------------------
def test_values_are_one_byte_a_cell_that_gives_the_rate_back_within_two_percent(
    api: Api, analyst: User, run: ForecastRun
) -> None:
    client = api(analyst)
    answer = client.get(f"/api/v1/runs/{run.pk}/values/?slot=4&category=theft")
    scale = client.get(f"/api/v1/runs/{run.pk}/scale/").json()["theft"]
    values = np.frombuffer(answer.content, dtype=np.uint8)
    rates = Rates.objects.get(run=run, slot=4, category__code="theft").array()
    assert len(values) == run.grid.cell_count
    shown = values > 0
    assert (shown == (rates >= np.float32(scale["minimum"]))).all()
    back = scale["minimum"] * (scale["maximum"] / scale["minimum"]) ** ((values[shown] - 1) / 254)
    assert np.abs(back / np.minimum(rates[shown], scale["maximum"]) - 1).max() < 0.02


def test_all_categories_together_are_the_sum(api: Api, analyst: User, run: ForecastRun) -> None:
    values = np.frombuffer(api(analyst).get(f"/api/v1/runs/{run.pk}/values/?slot=20").content, dtype=np.uint8)
    assert values.max() == 255
    assert values[-1] == 255  # the factory's rates rise with the cell's position and with the slot


def test_the_scale_is_the_same_for_all_slots_so_later_slots_show_more(api: Api, analyst: User, run: ForecastRun) -> None:
    client = api(analyst)
    first, last = (np.frombuffer(client.get(f"/api/v1/runs/{run.pk}/values/?slot={slot}").content, np.uint8) for slot in (0, 20))
    assert (last >= first).all()
    assert (last > first).any()


def test_values_are_immutable_and_answered_by_304(api: Api, analyst: User, run: ForecastRun) -> None:
    client = api(analyst)
    address = f"/api/v1/runs/{run.pk}/values/?slot=1"
    answer = client.get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get(f"/api/v1/runs/{run.pk}/values/?slot=2").headers["ETag"] != answer.headers["ETag"]


@pytest.mark.parametrize(
    ("query", "status"), [("slot=21", 404), ("slot=-1", 400), ("slot=x", 400), ("slot=0&category=arson", 404)]
)
def test_an_unknown_slot_or_category_is_refused_with_a_sentence(
    api: Api, analyst: User, run: ForecastRun, query: str, status: int
) -> None:
    answer = api(analyst).get(f"/api/v1/runs/{run.pk}/values/?{query}")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("part", ["values/?slot=0", "scale/", "top-cells/"])
def test_another_jurisdictions_run_does_not_exist(api: Api, outsider: User, run: ForecastRun, part: str) -> None:
    assert api(outsider).get(f"/api/v1/runs/{run.pk}/{part}").status_code == 404


@pytest.mark.parametrize("address", ["map/", "areas/", "places/", "runs/1/values/?slot=0", "grids/abc/cells/"])
def test_nobody_sees_anything_without_signing_in(api: Api, db: None, address: str) -> None:
    assert api(None).get(f"/api/v1/{address}").status_code == 403


# --- Scale and bytes by themselves ----------------------------------------------------------------
def test_nothing_expected_gives_an_empty_scale_and_only_transparent_cells() -> None:
    rates = np.zeros((21, 50), dtype=np.float32)
    scale = selectors.scale_of(rates)
    assert (scale.minimum, scale.maximum, scale.breaks) == (0.0, 0.0, [])
    assert not selectors.to_bytes(rates[0], scale).any()


def test_equal_rates_are_all_shown() -> None:
    rates = np.full((21, 50), 0.01, dtype=np.float32)
    assert (selectors.to_bytes(rates[0], selectors.scale_of(rates)) == 255).all()


def test_the_highest_thousandth_shares_the_last_colour() -> None:
    rates = np.full((1, 10_000), 0.001, dtype=np.float32)
    rates[0, :20] = 0.1
    rates[0, 0] = 50.0
    scale = selectors.scale_of(rates)
    assert scale.maximum == pytest.approx(0.1)
    assert (selectors.to_bytes(rates[0], scale)[:20] == 255).all()


def test_the_lower_half_stays_transparent() -> None:
    rates = np.tile(np.linspace(0.001, 0.1, 100, dtype=np.float32), (3, 1))
    values = selectors.to_bytes(rates[0], selectors.scale_of(rates))
    assert 45 <= np.count_nonzero(values == 0) <= 50
    assert (np.diff(values.astype(int)) >= 0).all()


# --- The list beside the map ----------------------------------------------------------------------
def test_the_highest_cells_come_in_order_with_their_dong(api: Api, analyst: User, run: ForecastRun) -> None:
    cells = api(analyst).get(f"/api/v1/runs/{run.pk}/top-cells/?slot=0&category=violence&limit=5").json()
    rates = Rates.objects.get(run=run, slot=0, category__code="violence").array()
    assert [cell["rank"] for cell in cells] == [1, 2, 3, 4, 5]
    assert [cell["rate"] for cell in cells] == pytest.approx(sorted(rates.tolist(), reverse=True)[:5])
    assert cells[0]["cell"] == f"{int(run.grid.array()[int(rates.argmax())]):x}"
    assert cells[0]["area"] in {"Seo 1-dong", "Dong 1-dong"}
    assert cells[0]["probability"] == pytest.approx(1 - np.exp(-cells[0]["rate"]))


# --- Layers ---------------------------------------------------------------------------------------
def test_areas_and_places_are_geojson_of_the_own_jurisdiction_only(
    api: Api, analyst: User, outsider: User, jurisdiction: Jurisdiction
) -> None:
    station = PlaceRecord("station", "시험역", "Test Station", factories.SMALL_CITY.centroid)
    register_places(jurisdiction=jurisdiction, places=[station])
    places = api(analyst).get("/api/v1/places/").json()
    assert [place["properties"]["name"] for place in places["features"]] == ["Test Station"]
    assert places["features"][0]["geometry"]["type"] == "Point"
    assert api(outsider).get("/api/v1/places/").json()["features"] == []
    areas = api(analyst).get("/api/v1/areas/").json()["features"]
    assert {area["properties"]["name"] for area in areas} == {"Seo 1-dong", "Dong 1-dong"}
    assert all(127.0 <= area["properties"]["longitude"] <= 127.018 for area in areas)


def test_a_jurisdiction_with_gu_and_dong_is_named_by_its_dong(api: Api, analyst: User, jurisdiction: Jurisdiction) -> None:
    whole = AreaRecord("11999", "시험구", "Test-gu", factories.SMALL_CITY)
    register_areas(jurisdiction=jurisdiction, kind="gu", areas=[whole])
    names = {area["properties"]["name"] for area in api(analyst).get("/api/v1/areas/").json()["features"]}
    assert names == {"Seo 1-dong", "Dong 1-dong"}


# --- Layers of uploaded places --------------------------------------------------------------------
@pytest.fixture
def bars(jurisdiction: Jurisdiction) -> list[Place]:
    """Three bars at one corner, one of them closed in 2020 and one not opened before 2024, and one far away in the city."""
    upload = factories.make_upload(jurisdiction)
    PlaceKind.objects.of(jurisdiction).filter(code="bar").update(name="유흥주점", name_en="Bars", position=1)
    near, far = "POINT(127.005 37.49)", "POINT(127.015 37.495)"
    times = [(near, "2010-01-01", None), (near, "2010-01-01", "2020-06-01"), (near, "2024-02-01", None), (far, None, None)]
    return [
        Place.objects.create(
            jurisdiction=jurisdiction,
            kind="bar",
            name=f"주점 {number}",
            geometry=where,
            opened_on=opened,
            closed_on=closed,
            upload=upload,
            source_id=str(number),
        )
        for number, (where, opened, closed) in enumerate(times)
    ]


def test_layers_count_what_is_open_on_the_day(api: Api, analyst: User, outsider: User, bars: list[Place]) -> None:
    address = "/api/v1/place-layers/"
    assert api(analyst).get(address, {"on": "2020-05-31"}).json() == [{"code": "bar", "label": "Bars", "places": 3, "count": 3}]
    assert api(analyst).get(address, {"on": "2020-06-01"}).json()[0]["places"] == 2  # the closing day is no longer open
    assert api(analyst).get(address).json()[0]["places"] == 3
    assert api(outsider).get(address).json() == []


def test_uploaded_places_are_not_part_of_the_drawing_and_stay_when_it_is_renewed(
    api: Api, analyst: User, jurisdiction: Jurisdiction, bars: list[Place]
) -> None:
    register_places(jurisdiction=jurisdiction, places=[])
    assert api(analyst).get("/api/v1/places/").json()["features"] == []
    assert Place.objects.of(jurisdiction).count() == 4


def test_a_tile_holds_the_points_of_the_day_and_only_the_own_ones(
    api: Api, analyst: User, outsider: User, bars: list[Place]
) -> None:
    address = f"/api/v1/place-tiles/bar/{tile_of(127.01, 37.4925, 12)}.mvt"
    whole = read_tile(api(analyst).get(address, {"on": "2020-05-31"}).content)
    assert sorted(point["places"] for point in whole) == [1, 2]  # two at one corner are one point
    assert next(point for point in whole if point["places"] == 1)["name"] == "주점 3"
    assert read_tile(api(outsider).get(address).content) == []
    assert read_tile(api(analyst).get(f"/api/v1/place-tiles/bar/{tile_of(126.0, 37.0, 12)}.mvt").content) == []


@pytest.mark.parametrize("tile", ["3/8/0", "2/0/4", "19/0/0"])
def test_a_tile_that_there_is_not_is_not_found(api: Api, analyst: User, tile: str) -> None:
    answer = api(analyst).get(f"/api/v1/place-tiles/bar/{tile}.mvt")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "There is no such tile."


def test_an_administrator_adds_a_kind_of_place_and_an_analyst_may_not(api: Api, analyst: User, users: dict[str, User]) -> None:
    answer = api(users["administrator"]).post("/api/v1/place-kinds/", {"name": "무인점포", "name_en": "Unmanned shop"})
    assert (answer.status_code, answer.json()["code"]) == (201, "unmanned-shop")
    assert "unmanned-shop" in [kind["code"] for kind in api(analyst).get("/api/v1/place-kinds/").json()]
    assert api(users["administrator"]).post("/api/v1/place-kinds/", {"name": ""}).status_code == 400
    assert api(analyst).post("/api/v1/place-kinds/", {"name": "은행"}).status_code == 403


def test_a_wrong_day_is_refused(api: Api, analyst: User) -> None:
    assert api(analyst).get("/api/v1/place-layers/", {"on": "yesterday"}).status_code == 400


def tile_of(longitude: float, latitude: float, zoom: int) -> str:
    """`z/x/y` of the tile that holds a point (EPSG:3857)."""
    column = int((longitude + 180) / 360 * 2**zoom)
    row = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * 2**zoom)
    return f"{zoom}/{column}/{row}"


def read_tile(content: bytes) -> list[dict[str, Any]]:
    """The attributes of a tile's points, read by GDAL as any client would."""
    if not content:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0.mvt"
        path.write_bytes(content)
        table = pyogrio.raw.read(path)
    return [dict(zip(table[0]["fields"], values, strict=True)) for values in zip(*table[3], strict=True)]


# --- The page -------------------------------------------------------------------------------------
def test_the_page_without_a_forecast_says_what_to_do_next(api: Api, users: dict[str, User]) -> None:
    for_administrator = api(users["administrator"]).get("/").content.decode()
    for_operator = api(users["operator"]).get("/").content.decode()
    assert 'href="/runs/"' in for_administrator.split("map-empty")[1]
    assert "button-primary" not in for_operator.split("map-empty")[1].split("</div>")[0]


def test_the_page_shows_a_past_run_and_says_that_it_is_not_the_newest(
    api: Api, analyst: User, jurisdiction: Jurisdiction, run: ForecastRun
) -> None:
    factories.make_published_run(jurisdiction)
    assert 'class="badge badge-warn" href="/"' in api(analyst).get(f"/?run={run.pk}").content.decode()
    assert 'class="badge badge-warn" href="/"' not in api(analyst).get("/").content.decode()


def test_the_page_refuses_another_jurisdictions_run(api: Api, outsider: User, run: ForecastRun) -> None:
    assert api(outsider).get(f"/?run={run.pk}", headers={"Accept": "text/html"}).status_code == 404
    assert api(outsider).get("/?run=abc", headers={"Accept": "text/html"}).status_code == 404


def test_the_page_sends_nobody_to_the_sign_in(api: Api, db: None) -> None:
    answer = api(None).get("/?slot=x")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=/")


def test_a_forecast_that_ended_is_said_to_be_of_the_past(analyst, client, published_run):
    run = published_run(analyst.jurisdiction, first_slot=timezone.now() - timedelta(days=30))
    client.force_login(analyst)
    assert "A past week" in client.get("/").content.decode()
    assert client.get("/api/v1/map/").json()["run"]["is_past"] is True
    published_run(analyst.jurisdiction)
    assert "A past week" not in client.get("/").content.decode()
    assert client.get(f"/?run={run.pk}").status_code == 200
