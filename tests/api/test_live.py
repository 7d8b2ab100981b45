"""The live part of the API on what the fusion really wrote: values, one cell, one camera, events, health, the switch."""

import gzip
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests import factories
from tests.events import make_event, make_events
from tests.live import Service, fresh_live, make_weights
from webapp.accounts.models import Jurisdiction, User
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera
from webapp.cameras.services.events import publish
from webapp.common.channel import redis_client
from webapp.forecasts.models import ForecastRun, Rates
from webapp.forecasts.selectors.values import value_bytes
from webapp.live import keys

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
ADDRESS = "/api/v1/live/"


@pytest.fixture(autouse=True)
def _fresh(jurisdiction: Jurisdiction, other_jurisdiction: Jurisdiction) -> Iterator[None]:
    yield from fresh_live(jurisdiction, other_jurisdiction)


@pytest.fixture
def seen(jurisdiction: Jurisdiction) -> list[Camera]:
    made = factories.make_cameras(jurisdiction, 12)
    Camera.objects.of(jurisdiction).update(bearing_deg=None, angle_deg=360.0, range_m=70.0)
    return made


@pytest.fixture
def run(jurisdiction: Jurisdiction, seen: list[Camera]) -> ForecastRun:
    made = factories.make_published_run(jurisdiction, first_slot=timezone.now() - timedelta(hours=2))
    make_weights(jurisdiction, fall=0.6, running=0.1)
    return made


@pytest.fixture
def service(jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]) -> Service:
    """Fused once: two falls at camera 9, someone running at camera 10."""
    made = Service(jurisdiction)
    events = [*make_events([seen[9]], 2), make_event(seen[10], factor="running"), make_event(seen[3], factor="blackout")]
    assert publish(jurisdiction_id=jurisdiction.pk, events=events).accepted == 4
    made.step(2.5)
    return made


def cell_of(service: Service, camera: str) -> int:
    """The cell that a camera sees most of."""
    picture = service.fuser.picture
    assert picture is not None
    row = picture.material.coverage[[picture.material.cameras.index[camera]]].tocoo()
    return int(row.coords[1][np.argmax(row.data)])


# --- Values ---------------------------------------------------------------------------------------
def test_values_are_the_bytes_that_the_fusion_drew_with_their_time_run_and_slot(
    api: Api, operator: User, run: ForecastRun, service: Service
) -> None:
    answer = api(operator).get(f"{ADDRESS}values/", {"category": "theft"}, headers={"Accept-Encoding": "gzip"})
    drawn = np.frombuffer(gzip.decompress(answer.content), np.uint8)
    plain = np.frombuffer(gzip.decompress(value_bytes(run=run, slot=0, category_code="theft")), np.uint8)
    higher = cell_of(service, "T-0009")
    assert drawn[higher] > plain[higher]
    assert (answer["X-Live-Run"], answer["X-Live-Slot"]) == (str(run.pk), "0")
    assert answer["X-Live-At"].endswith("+00:00")
    assert answer["Cache-Control"] == "private, no-store"
    assert api(operator).get(f"{ADDRESS}values/", {"category": "theft"}).content == drawn.tobytes()


def test_where_nothing_was_fused_it_is_said(api: Api, operator: User, run: ForecastRun) -> None:
    for address in ("values/", "cells/3/", "health/"):
        answer = api(operator).get(f"{ADDRESS}{address}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_live")
    assert api(operator).get(f"{ADDRESS}events/").json() == {"results": []}


def test_another_jurisdiction_sees_nothing_of_it(api: Api, outsider: User, service: Service, seen: list[Camera]) -> None:
    client = api(outsider)
    for address in ("values/", f"cells/{cell_of(service, 'T-0009')}/", "health/", f"cameras/{seen[9].pk}/"):
        assert client.get(f"{ADDRESS}{address}").status_code == 404
    assert client.get(f"{ADDRESS}events/").json() == {"results": []}
    assert client.get(f"{ADDRESS}events/", {"camera": seen[9].pk}).status_code == 404


def test_an_unknown_category_or_cell_is_not_found(api: Api, operator: User, service: Service) -> None:
    client = api(operator)
    assert client.get(f"{ADDRESS}values/", {"category": "arson"}).json()["error"]["code"] == "not_found"
    assert client.get(f"{ADDRESS}cells/1/", {"category": "arson"}).json()["error"]["code"] == "not_found"
    assert client.get(f"{ADDRESS}cells/99999/").json()["error"]["code"] == "not_found"


def test_redis_away_is_a_sentence_and_not_a_crash(api: Api, operator: User, settings: pytest.FixtureRequest) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = api(operator).get(f"{ADDRESS}values/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "live_away")


# --- One cell -------------------------------------------------------------------------------------
def test_a_cell_says_now_against_usual_with_the_factor_and_camera_that_made_it(
    api: Api, operator: User, run: ForecastRun, seen: list[Camera], service: Service
) -> None:
    index = cell_of(service, "T-0009")
    cell = api(operator).get(f"{ADDRESS}cells/{index}/", {"category": "theft"}).json()
    usual = float(Rates.objects.get(run=run, slot=0, category__code="theft").array()[index])
    assert cell["usual"] == pytest.approx(usual)
    assert cell["now"] == pytest.approx(cell["usual"] * cell["factor"])
    assert cell["factor"] > 1.3
    assert cell["index"] == index
    (factor,) = cell["factors"]
    assert (factor["factor"], factor["label"]) == ("fall", "fall")
    assert factor["now"] > factor["usual"]
    assert factor["excess"] > 0
    assert factor["contribution"] == pytest.approx(0.6 * factor["excess"], rel=0.01)
    assert cell["factor"] == pytest.approx(factor["times"], rel=0.01)
    assert [camera["id"] for camera in factor["cameras"]] == [seen[9].pk]
    assert factor["cameras"][0]["state"] == "ok"
    assert cell["sentence"].startswith("Now ")
    assert factor["sentence"].startswith("fall: more than usual (×")


def test_a_cell_that_nobody_sees_says_so(api: Api, operator: User, service: Service) -> None:
    picture = service.fuser.picture
    assert picture is not None
    unseen = int(np.flatnonzero(np.asarray(picture.material.coverage.sum(axis=0)).ravel() == 0)[0])
    cell = api(operator).get(f"{ADDRESS}cells/{unseen}/").json()
    assert (cell["factor"], cell["factors"], cell["cameras"]) == (1.0, [], [])
    assert cell["sentence"] == "No camera sees this cell: the forecast stands as it is."


def test_reading_a_cell_takes_the_same_queries_whatever_is_seen(
    api: Api, operator: User, service: Service, django_assert_num_queries: Callable[..., object]
) -> None:
    client = api(operator)
    for camera in ("T-0009", "T-0001"):
        with django_assert_num_queries(6):
            client.get(f"{ADDRESS}cells/{cell_of(service, camera)}/")


# --- Events, cameras, health ----------------------------------------------------------------------
def test_the_feed_shows_events_newest_first_with_their_words(
    api: Api, operator: User, seen: list[Camera], service: Service
) -> None:
    events = api(operator).get(f"{ADDRESS}events/", {"limit": 2}).json()["results"]
    assert 1 <= len(events) <= 2
    assert set(events[0]) == {
        "id", "camera_id", "camera_name", "at", "factor", "label", "confidence", "value", "unit", "has_thumbnail",
    }  # fmt: skip
    assert events[0]["camera_id"] in {seen[3].pk, seen[9].pk, seen[10].pk}


def test_a_camera_shows_its_last_hour_and_its_state(
    api: Api, operator: User, jurisdiction: Jurisdiction, seen: list[Camera], service: Service
) -> None:
    hour = api(operator).get(f"{ADDRESS}cameras/{seen[3].pk}/").json()
    assert (hour["id"], hour["state"], hour["factors"]) == (seen[3].pk, "blind", [])
    assert api(operator).get(f"{ADDRESS}cameras/{seen[0].pk}/").json()["state"] == "silent"


def test_health_counts_the_cameras_and_says_whether_they_move_the_map(api: Api, operator: User, service: Service) -> None:
    health = api(operator).get(f"{ADDRESS}health/").json()
    assert health["cameras"] == {"ok": 2, "stale": 0, "blind": 1, "silent": 9}
    assert (health["is_on"], health["moves"], health["shed"]) == (True, True, 0)
    assert health["counts"]["events"] == 4


# --- The switch -----------------------------------------------------------------------------------
def test_the_switch_is_for_those_who_may_promote_models_and_leaves_a_line(
    api: Api, analyst: User, operator: User, service: Service, run: ForecastRun
) -> None:
    address = f"{ADDRESS}switch/"
    assert api(operator).post(address, {"is_on": False}, format="json").status_code == 403
    assert api(analyst).get(address).json() == {"is_on": True}
    for _time in range(2):
        assert api(analyst).post(address, {"is_on": False}, format="json").json() == {"is_on": False}
    assert [entry.detail for entry in AuditEntry.objects.filter(action="switch_live")] == [{"after": "off"}]
    service.step(1.5)
    assert api(operator).get(f"{ADDRESS}values/").content == gzip.decompress(value_bytes(run=run, slot=0))
    index = cell_of(service, "T-0009")
    assert api(operator).get(f"{ADDRESS}cells/{index}/").json()["factor"] == 1.0


def test_a_stored_picture_that_does_not_fit_is_refused_and_not_misread(api: Api, operator: User, service: Service) -> None:
    redis_client().delete(keys.frame(service.jurisdiction.pk))
    assert api(operator).get(f"{ADDRESS}cells/1/").json()["error"]["code"] == "no_live"
