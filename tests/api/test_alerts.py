"""Alerts: one row a scene, ranked, changed by people, seen by the own jurisdiction only, gone after their time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from webapp.accounts.models import Jurisdiction, User
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera
from webapp.common.channel import channel_name, redis_client
from webapp.watch.models import Alert
from webapp.watch.services import SceneAlert, drop_old_alerts, raise_alerts

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
ADDRESS = "/api/v1/alerts/"


@pytest.fixture
def camera(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> Camera:
    return cameras(jurisdiction, 3)[1]


@pytest.fixture
def scene(camera: Camera) -> SceneAlert:
    now = timezone.now().replace(microsecond=0)
    return SceneAlert(
        scene="event-1",
        opened_at=now - timedelta(seconds=40),
        last_at=now,
        camera_id=camera.pk,
        place=(127.01, 37.49),
        cell=0x8A30E1D8D2AFFFF,
        factor="loitering",
        category="theft",
        score=3.5,
        confidence=0.8,
        event_count=4,
        event_key="event-3",
        has_thumbnail=False,
        reason={"seen": 4.0, "usual": 0.5, "place": 5.25, "beyond": 0.875},
    )


def test_a_scene_told_twice_is_one_alert_with_its_newest_numbers(jurisdiction: Jurisdiction, scene: SceneAlert) -> None:
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[scene])
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[scene, replace(scene, score=4.0, event_count=6)])
    alert = Alert.objects.get()
    assert (alert.score, alert.event_count, alert.state, alert.opened_at) == (4.0, 6, "new", scene.opened_at)


def test_what_happens_now_stands_above_a_higher_alert_of_an_hour_ago(
    api: Api, operator: User, jurisdiction: Jurisdiction, scene: SceneAlert
) -> None:
    """Each quarter of an hour halves the weight: 9.0 counts as 0.6 after an hour, and as 2.25 after half of one."""
    at = scene.opened_at
    hour = replace(scene, scene="hour", score=9.0, opened_at=at - timedelta(hours=1), last_at=at - timedelta(hours=1))
    half = replace(scene, scene="half", score=9.5, opened_at=at - timedelta(minutes=30), last_at=at - timedelta(minutes=30))
    now = replace(scene, score=1.0, last_at=at)
    silent = replace(now, scene="zero", score=0.0)
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[hour, silent, now, half])
    found = api(operator).get(ADDRESS).json()["results"]
    assert [alert["score"] for alert in found] == [9.5, 1.0, 9.0, 0.0]


def test_alerts_are_ranked_by_their_score_and_not_by_their_time(
    api: Api, operator: User, jurisdiction: Jurisdiction, scene: SceneAlert
) -> None:
    newer = replace(scene, scene="event-9", score=1.0, last_at=scene.last_at + timedelta(seconds=30))
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[newer, scene])
    found = api(operator).get(ADDRESS).json()["results"]
    assert [alert["score"] for alert in found] == [3.5, 1.0]
    assert found[0] | {"id": 0} == {
        "id": 0,
        "at": scene.last_at.isoformat().replace("+00:00", "Z"),
        "opened_at": scene.opened_at.isoformat().replace("+00:00", "Z"),
        "camera_id": scene.camera_id,
        "camera_name": "시험 카메라 1",
        "lon": 127.01,
        "lat": 37.49,
        "cell": "8a30e1d8d2affff",
        "factor": "loitering",
        "label": "loitering",
        "category": "theft",
        "sentence": "loitering: 8.0 times as much as is usual here at this hour. "
        "The risk of Theft here is now 5.2 times the jurisdiction's mean.",
        "score": 3.5,
        "confidence": 0.8,
        "count": 4,
        "state": "new",
        "state_label": "new",
        "is_false": None,
        "has_thumbnail": False,
        "thumbnail": None,
        "reason": {"seen": 4.0, "usual": 0.5, "place": 5.25, "beyond": 0.875},
    }


def test_what_is_hardly_ever_seen_is_said_without_a_number(
    api: Api, operator: User, jurisdiction: Jurisdiction, scene: SceneAlert
) -> None:
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[replace(scene, reason={"seen": 1.0, "usual": 0.01})])
    (alert,) = api(operator).get(ADDRESS).json()["results"]
    assert alert["sentence"] == "loitering: hardly ever seen here at this hour."


def test_a_person_marks_it_as_seen_and_closes_it_as_a_false_alarm(
    api: Api,
    operator: User,
    jurisdiction: Jurisdiction,
    scene: SceneAlert,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    (alert,) = raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[scene])
    heard = redis_client().pubsub()
    heard.subscribe(channel_name(jurisdiction.pk))
    client, address = api(operator), f"{ADDRESS}{alert.pk}/"
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, {"state": "seen"}, format="json").json()["state"] == "seen"
        assert client.post(address, {"state": "seen"}, format="json").json()["state"] == "seen"
    with django_capture_on_commit_callbacks(execute=True):
        closed = client.post(address, {"state": "closed", "is_false": True}, format="json").json()
    assert (closed["state"], closed["is_false"]) == ("closed", True)
    assert client.get(ADDRESS).json()["results"] == []
    assert [one["id"] for one in client.get(ADDRESS, {"state": "closed"}).json()["results"]] == [alert.pk]
    assert client.post(address, {"state": "closed", "is_false": False}, format="json").status_code == 409
    entries = AuditEntry.objects.filter(action="change_alert").order_by("pk")
    assert [entry.detail for entry in entries] == [{"state": "seen"}, {"state": "closed", "false_alarm": True}]
    messages = [heard.get_message(timeout=1) for _ in range(3)]
    assert [m["data"].count(b'"state":"closed"') for m in messages if m and m["type"] == "message"] == [0, 1]


def test_a_closed_alert_is_not_opened_again_by_its_scene(
    api: Api, operator: User, jurisdiction: Jurisdiction, scene: SceneAlert
) -> None:
    (alert,) = raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[scene])
    api(operator).post(f"{ADDRESS}{alert.pk}/", {"state": "closed"}, format="json")
    assert raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[replace(scene, score=9.0)]) == []
    alert.refresh_from_db()
    assert (alert.state, alert.score, alert.closed_by_id) == ("closed", 3.5, operator.pk)


def test_nobody_sees_or_changes_the_alerts_of_another_jurisdiction(
    api: Api, outsider: User, auditor: User, jurisdiction: Jurisdiction, scene: SceneAlert
) -> None:
    (alert,) = raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[replace(scene, has_thumbnail=True)])
    client = api(outsider)
    assert client.get(ADDRESS).json()["results"] == []
    for address in (f"{ADDRESS}{alert.pk}/", f"{ADDRESS}{alert.pk}/thumbnail/"):
        assert client.get(address).status_code == 404
        assert api(auditor).get(address).status_code == 403
    assert client.post(f"{ADDRESS}{alert.pk}/", {"state": "closed"}, format="json").status_code == 404
    assert Alert.objects.get().state == "new"


@pytest.mark.parametrize("body", [{}, {"state": "new"}, {"state": "gone"}, {"state": "closed", "is_false": "perhaps"}])
def test_a_wrong_change_is_refused_and_changes_nothing(
    api: Api, operator: User, jurisdiction: Jurisdiction, scene: SceneAlert, body: dict[str, str]
) -> None:
    (alert,) = raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[scene])
    assert api(operator).post(f"{ADDRESS}{alert.pk}/", body, format="json").status_code == 400
    assert Alert.objects.get().state == "new"


def test_the_list_takes_the_same_number_of_queries_for_one_alert_and_for_fifty(
    api: Api,
    operator: User,
    jurisdiction: Jurisdiction,
    scene: SceneAlert,
    django_assert_num_queries: Callable[..., object],
) -> None:
    client = api(operator)
    raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[replace(scene, scene=f"event-{n}") for n in range(50)])
    with django_assert_num_queries(6):
        assert client.get(ADDRESS).json()["count"] == 50


def test_alerts_that_nobody_looked_at_are_closed_and_old_ones_go(jurisdiction: Jurisdiction, scene: SceneAlert) -> None:
    now = timezone.now()
    ages = {"fresh": 1, "stale": 13, "old": 24 * 91}
    for name, hours in ages.items():
        then = now - timedelta(hours=hours)
        raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=[replace(scene, scene=name, opened_at=then, last_at=then)])
    assert drop_old_alerts(now=now) == (2, 1)
    assert dict(Alert.objects.values_list("scene", "state")) == {"fresh": "new", "stale": "closed"}
