"""The live pages: who may see them, what they say, and that their queries do not grow with the number of cameras."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera, CountedPlace, PlaceHour, PublicStatistics, Stream
from webapp.common.channel import redis_client
from webapp.forecasts.models import LiveWeights
from webapp.forecasts.services.live_weights import make_prior
from webapp.live import keys

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


@pytest.fixture
def camera(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> Camera:
    return cameras(jurisdiction, 5)[2]


@pytest.fixture
def stream(camera: Camera) -> Stream:
    return Stream.objects.create(
        jurisdiction=camera.jurisdiction,
        camera=camera,
        kind="rtsp",
        address="rtsp://10.0.0.7/live",
        state="ok",
        reported_at=timezone.now(),
        last_frame_at=timezone.now() - timedelta(seconds=2),
        measured_fps=4.5,
        calibration={"points": [[0.1, 0.9]], "places": [[127.01, 37.49]], "error_m": 0.25},
    )


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_cameras_page_names_it_and_its_streams(operator: User, camera: Camera, stream: Stream) -> None:
    page = signed_in(operator).get(f"/cameras/{camera.pk}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert camera.name in text
    assert "pictures come" in text
    assert "Fitted to the ground, error 0.25 m." in text
    assert f"/cameras/{camera.pk}/calibration/" not in text  # an operator may not change it


def test_a_camera_of_another_jurisdiction_is_not_there(outsider: User, camera: Camera, stream: Stream) -> None:
    client = signed_in(outsider)
    assert client.get(f"/cameras/{camera.pk}/").status_code == 404
    assert client.get(f"/cameras/{camera.pk}/calibration/").status_code == 404
    assert client.get("/cameras/streams/now/").json() == {"cameras": []}


def test_only_an_administrator_fits_a_camera_to_the_ground(
    operator: User, administrator: User, camera: Camera, stream: Stream
) -> None:
    address = f"/cameras/{camera.pk}/calibration/"
    assert signed_in(operator).get(address).status_code == 403
    page = signed_in(administrator).get(address)
    assert page.context["page"].start["points"] == [[0.1, 0.9]]
    assert page.context["page"].start["save"] == f"/api/v1/cameras/streams/{stream.pk}/"
    assert signed_in(administrator).get(f"{address}?stream=999999").status_code == 404


def test_a_camera_without_stream_cannot_be_fitted_and_the_page_says_why(administrator: User, camera: Camera) -> None:
    page = signed_in(administrator).get(f"/cameras/{camera.pk}/calibration/", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "This camera has no video stream. Register one first." in page.content.decode()


def test_all_streams_show_every_camera_with_its_state_in_a_fixed_number_of_queries(
    operator: User, stream: Stream, jurisdiction: Jurisdiction, django_assert_num_queries: Queries
) -> None:
    client = signed_in(operator)
    with django_assert_num_queries(4):  # session, person, streams, cameras
        rows = client.get("/cameras/streams/now/").json()["cameras"]
    assert {row["name"]: row["state"] for row in rows}[stream.camera.name] == "ok"
    assert [row["state"] for row in rows].count("none") == 4
    Camera.objects.bulk_create(
        Camera(jurisdiction=jurisdiction, source_id=f"X-{n}", name=f"X {n}", point=stream.camera.point) for n in range(50)
    )
    with django_assert_num_queries(4):
        assert len(client.get("/cameras/streams/now/").json()["cameras"]) == 55


def test_a_camera_that_another_system_watches_has_the_state_that_the_fusion_hears(
    operator: User, camera: Camera, jurisdiction: Jurisdiction
) -> None:
    ids = list(Camera.objects.of(jurisdiction).order_by("pk").values_list("pk", flat=True))
    last = np.full(5, np.nan)
    last[[0, 1]] = 1_700_000_000.0
    flags: dict[str, Any] = {"stale": np.array([False, True, False, False, False]), "blind": np.zeros(5, bool), "last": last}
    frame: dict[str, Any] = {"cameras": np.array(ids)}
    for key, arrays in ((keys.frame(jurisdiction.pk), frame), (keys.levels(jurisdiction.pk), flags)):
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        redis_client().set(key, packed.getvalue(), ex=60)
    rows = {row["id"]: row for row in signed_in(operator).get("/cameras/streams/now/").json()["cameras"]}
    assert [rows[number]["state"] for number in ids] == ["ok", "stale", "none", "none", "none"]
    assert rows[ids[0]]["last_at"] == "2023-11-14T22:13:20+00:00"
    redis_client().delete(keys.frame(jurisdiction.pk), keys.levels(jurisdiction.pk))


def test_the_live_weights_say_in_words_what_a_factor_does(analyst: User, jurisdiction: Jurisdiction) -> None:
    client = signed_in(analyst)
    assert "No live weights yet" in client.get("/runs/live-weights/").content.decode()
    make_prior(jurisdiction=jurisdiction)
    page = client.get("/runs/live-weights/?category=theft").context["page"]
    assert page.category == "theft"
    assert {weight.sentence for weight in page.weights} == {"tells nothing about Theft"}  # no rulings: the prior is nought
    assert {weight.mean for weight in page.weights} == {50.0}
    assert client.get("/runs/live-weights/?category=nonsense").context["page"].category == "homicide"


def test_a_learnt_weight_is_told_with_its_doubt(analyst: User, jurisdiction: Jurisdiction) -> None:
    make_prior(jurisdiction=jurisdiction)
    row = LiveWeights.objects.of(jurisdiction).get()
    place = row.category_codes.index("theft") * len(row.factor_codes) + row.factor_codes.index("loitering")
    row.mean[place], row.sd[place] = 0.4, 0.05
    row.save()
    loitering = signed_in(analyst).get("/runs/live-weights/?category=theft").context["page"].weights[0]
    assert (loitering.label, loitering.sentence) == ("loitering", "raises the risk of Theft by 49 %")
    row.sd[place] = 0.4
    row.save()
    unsure = signed_in(analyst).get("/runs/live-weights/?category=theft").context["page"].weights[0]
    assert unsure.sentence == "raises the risk of Theft by 49 %, but that is not sure"


def test_anybody_sees_the_counts_of_places_that_are_switched_on_and_of_no_other(jurisdiction: Jurisdiction) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    for code, is_public in (("open-park", True), ("closed-park", False)):
        place = CountedPlace.objects.create(
            jurisdiction=jurisdiction, code=code, name=code, name_en=code, kind="park", is_public=is_public
        )
        PlaceHour.objects.create(jurisdiction=jurisdiction, place=place, start=hour, passages=64, in_view=3, observed=1.0)
    nobody = Client()
    assert "No place is shown to the public" in nobody.get("/statistics/places/").content.decode()
    PublicStatistics.objects.create(jurisdiction=jurisdiction, is_on=True)
    shown = nobody.get("/statistics/places/")
    text = shown.content.decode()
    assert "open-park" in text
    assert "closed-park" not in text
    assert [bar.height for bar in shown.context["places"][0].bars] == [100]
    assert "<b>64</b>" in text


def test_the_page_names_the_live_channel_only_where_there_is_one(operator: User, settings: Any) -> None:
    client = signed_in(operator)
    factories.make_published_run(operator.jurisdiction)
    plain = client.get("/")
    assert "live-stream" not in plain.content.decode()
    assert "connect-src" not in plain.headers["Content-Security-Policy"]
    settings.LIVE_URL = ":8123"
    live = client.get("/", headers={"host": "localhost:8000"})
    assert '<meta name="live-stream" content="http://localhost:8123/live/stream/">' in live.content.decode()
    assert "connect-src 'self' http://localhost:8123" in live.headers["Content-Security-Policy"]
    settings.LIVE_URL = "/"
    same = client.get("/")
    assert 'content="/live/stream/"' in same.content.decode()
    assert "connect-src" not in same.headers["Content-Security-Policy"]
