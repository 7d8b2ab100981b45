"""The video streams through the API."""

import pytest
from django.core.cache import cache

from webapp.audit.models import AuditEntry
from webapp.cameras.models import Stream
from webapp.cameras.services.streams import register_stream
from webapp.cameras.stream_selectors import still_key

URL = "/api/v1/cameras/streams/"
BODY = {"camera": "T-0000", "address": "rtsp://kim:s3cret@10.0.0.5/live", "fps": 2}


@pytest.fixture
def camera(jurisdiction, cameras):
    return cameras(jurisdiction, 2)[0]


def test_an_administrator_registers_changes_and_removes_a_stream(api, administrator, camera):
    client = api(administrator)
    made = client.post(URL, BODY, format="json")
    assert made.status_code == 201
    body = made.json()
    assert (body["address"], body["has_password"], body["state"]) == ("rtsp://10.0.0.5/live", True, "waiting")
    assert "s3cret" not in made.content.decode()
    one = f"{URL}{body['id']}/"
    zones = {"zones": [{"name": "yard", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]}]}
    changed = client.patch(one, {"is_on": False, "rules": zones}, format="json").json()
    assert (changed["state"], changed["rules"], changed["fps"], changed["budget_fps"]) == ("off", zones, 0, 2)
    assert client.get(one).json()["is_on"] is False
    assert client.delete(one).status_code == 204
    assert not Stream.objects.of(administrator.jurisdiction).exists()


def test_a_forbidden_address_is_refused_in_the_common_form(api, administrator, camera):
    answer = api(administrator).post(URL, BODY | {"address": "http://127.0.0.1:6379/"}, format="json")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["fields"]["field"]) == ("address_forbidden", "address")


def test_everybody_of_the_centre_sees_health_and_only_administrators_see_addresses(api, operator, camera):
    stream = register_stream(jurisdiction=camera.jurisdiction, camera="T-0000", address="rtsp://10.0.0.5/live")
    client = api(operator)
    body = client.get(URL).json()
    assert (body["counts"]["waiting"], body["streams"][0]["camera_name"]) == (1, "시험 카메라 0")
    assert "10.0.0.5" not in client.get(URL).content.decode()
    assert client.get(f"{URL}{stream.pk}/").status_code == 403
    assert client.post(URL, BODY, format="json").status_code == 403


def test_the_streams_of_another_jurisdiction_are_not_found(api, outsider, camera):
    stream = register_stream(jurisdiction=camera.jurisdiction, camera="T-0000", address="rtsp://10.0.0.5/live")
    client = api(outsider)
    assert client.get(URL).json()["streams"] == []
    assert client.get(f"{URL}{stream.pk}/").status_code == 404
    assert client.delete(f"{URL}{stream.pk}/").status_code == 404
    assert client.get(f"/api/v1/cameras/{camera.pk}/still/").status_code == 404


def test_health_takes_as_many_queries_for_one_stream_as_for_many(
    api, operator, jurisdiction, cameras, django_assert_max_num_queries
):
    cameras(jurisdiction, 9)
    for n in range(9):
        register_stream(jurisdiction=jurisdiction, camera=f"T-000{n}", address="rtsp://10.0.0.5/live")
    client = api(operator)
    with django_assert_max_num_queries(4):  # session, person, jurisdiction, streams
        assert len(client.get(URL).json()["streams"]) == 9


def test_a_still_is_shown_and_the_looking_is_written_down_once_a_minute(api, operator, camera):
    cache.delete_many([still_key(camera.pk), f"still-seen:{operator.pk}:{camera.pk}"])
    client = api(operator)
    address = f"/api/v1/cameras/{camera.pk}/still/"
    assert client.get(address).status_code == 404
    cache.set(still_key(camera.pk), b"\xff\xd8jpeg", 60)
    for _ in range(2):
        answer = client.get(address)
        assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/jpeg", b"\xff\xd8jpeg")
    entries = AuditEntry.objects.filter(action="read_thumbnail", target=f"camera:{camera.pk}")
    assert [entry.actor for entry in entries] == [operator]
    cache.delete_many([still_key(camera.pk), f"still-seen:{operator.pk}:{camera.pk}"])
