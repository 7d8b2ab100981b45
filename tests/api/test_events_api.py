"""Events over HTTP: signed batches of other systems, the counts, thumbnails with their trail, and who may send."""

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cctv.events import to_json
from tests.events import JPEG, fresh_stream, make_event, make_events
from tests.redis_server import free_port
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera, EventSender
from webapp.cameras.services import event_senders
from webapp.cameras.services.event_senders import MadeSender, make_sender, signature
from webapp.cameras.services.events import publish
from webapp.cameras.stream import client, stream_key

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/events/"


@pytest.fixture(autouse=True)
def _fresh(jurisdiction: Jurisdiction, other_jurisdiction: Jurisdiction) -> Iterator[None]:
    for key in client().scan_iter("events:failures:*"):
        client().delete(key)
    for key in client().scan_iter("events:sender:*"):
        client().delete(key)
    yield from fresh_stream(jurisdiction, other_jurisdiction)


@pytest.fixture
def known(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> list[Camera]:
    return cameras(jurisdiction, 5)


@pytest.fixture
def made(jurisdiction: Jurisdiction) -> MadeSender:
    return make_sender(jurisdiction=jurisdiction, name="VMS")


def post(made: MadeSender, value: Any, *, at: int | None = None, key: str = "", body: bytes | None = None, **headers: str) -> Any:
    body = json.dumps(value).encode() if body is None else body
    time_ = str(int(time.time()) if at is None else at)
    signed = {
        "X-Haechi-Sender": str(made.sender.pk),
        "X-Haechi-Time": time_,
        "X-Haechi-Signature": "sha256=" + signature(key or made.key, time_, body),
    }
    return APIClient().post(ADDRESS, data=body, content_type="application/json", headers=signed | headers)


def batch(events: list[Any]) -> dict[str, Any]:
    return {"events": [to_json(event) for event in events]}


def test_a_signed_batch_goes_into_the_stream_and_again_changes_nothing(made, known):
    value = batch([make_event(known[0], thumbnail=JPEG), *make_events(known, 9)])
    first, again = post(made, value), post(made, value)
    assert (first.status_code, first.json()) == (
        202,
        {"accepted": 10, "duplicates": 0, "late": 0, "shed": 0, "refused": []},
    )
    assert again.json()["duplicates"] == 10
    assert client().xlen(stream_key(made.sender.jurisdiction_id)) == 10


def test_a_list_and_a_single_event_are_taken_too(made, known):
    events = [to_json(event) for event in make_events(known, 3)]
    assert post(made, events[:2]).json()["accepted"] == 2
    assert post(made, events[2]).json()["accepted"] == 1


def test_wrong_events_are_named_by_their_place_and_the_others_are_taken(made, known):
    good = [to_json(event) for event in make_events(known, 3)]
    values = [good[0], {"camera": "x"}, good[1], 7, to_json(make_event("nobody")), good[2]]
    answer = post(made, {"events": values}).json()
    assert answer["accepted"] == 3
    assert [(one["index"], one["code"]) for one in answer["refused"]] == [
        (1, "field_missing"),
        (3, "not_an_object"),
        (4, "unknown_camera"),
    ]
    assert answer["refused"][0]["message"] == "The field “at” is missing. Every event needs camera, at, factor and confidence."


def test_letters_that_nothing_can_write_are_refused_and_not_a_fault(made, known):
    good = to_json(make_events(known, 1)[0])
    body = json.dumps(
        [good | {name: "\ud800\x00"} for name in ("camera", "key", "track", "factor", "at")] + [{"\udfff": 1}]
    ).encode()
    answer = post(made, None, body=body)
    assert answer.status_code == 202
    codes = [one["code"] for one in answer.json()["refused"]]
    assert codes == ["text_invalid"] * 4 + ["time_unreadable", "field_unknown"]


@pytest.mark.korean
def test_the_sentences_come_in_the_language_of_the_site(made, known):
    assert post(made, [7]).json()["refused"][0]["code"] == "not_an_object"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "batch_unreadable"),
        (b"\xff\xfe", "batch_unreadable"),
        (b"[" * 100_000, "batch_unreadable"),
        (b'"text"', "batch_unreadable"),
        (b'{"events": 3}', "batch_unreadable"),
        (json.dumps([{}] * 501).encode(), "batch_too_large"),
    ],
)
def test_a_body_that_is_no_batch_is_refused_whole_with_a_sentence(made, known, body, code):
    answer = post(made, None, body=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert answer.json()["error"]["message"].endswith(".")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(made, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = post(made, ["x" * 2000])
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


def test_only_a_right_signature_of_now_lets_in(made, known):
    value = batch(make_events(known, 1))
    now = int(time.time())
    turned_away = {
        "other key": post(made, value, key="wrong"),
        "no headers": APIClient().post(ADDRESS, data=json.dumps(value), content_type="application/json"),
        "old": post(made, value, at=now - 400),
        "ahead": post(made, value, at=now + 400),
        "other sender": post(made, value, **{"X-Haechi-Sender": "999999"}),
        "no number": post(made, value, **{"X-Haechi-Sender": "１"}),
        "other time": post(made, value, **{"X-Haechi-Time": str(now - 1)}),
        "strange time": post(made, value, **{"X-Haechi-Time": "soon"}),
    }
    assert {name: answer.status_code for name, answer in turned_away.items()} == dict.fromkeys(turned_away, 401)
    assert turned_away["old"].json()["error"]["code"] == "clock_off"
    assert client().xlen(stream_key(made.sender.jurisdiction_id)) == 0
    assert post(made, value, at=now - 200).status_code == 202


def test_a_changed_body_does_not_fit_the_signature(made, known):
    body = json.dumps(batch(make_events(known, 1))).encode()
    at = str(int(time.time()))
    signed = "sha256=" + signature(made.key, at, body)
    answer = post(made, None, body=body.replace(b"fall", b"fire"), **{"X-Haechi-Time": at, "X-Haechi-Signature": signed})
    assert answer.status_code == 401


def test_a_revoked_sender_is_turned_away_at_once(made, known, administrator, api):
    assert post(made, batch(make_events(known, 1))).status_code == 202
    path = f"{ADDRESS}senders/{made.sender.pk}/revoke/"
    assert api(administrator).post(path).json()["revoked_at"]
    assert post(made, batch(make_events(known, 1))).status_code == 401
    assert api(administrator).post(path).status_code == 409
    assert AuditEntry.objects.get(action="revoke_sender").target == f"sender:{made.sender.pk}"


def test_a_sender_that_sends_too_much_is_told_when_to_come_back(jurisdiction, known):
    slow = make_sender(jurisdiction=jurisdiction, name="slow", events_per_s=1)
    answers = [post(slow, batch(make_events(known, 10))) for _ in range(4)]
    codes = {answer.status_code for answer in answers}
    assert codes == {202, 429}
    answer = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert "1 events a second" in answer.json()["error"]["message"]


def test_an_address_that_guesses_is_turned_away_for_a_while(made, known, monkeypatch):
    monkeypatch.setattr(event_senders, "FAILURES_A_MINUTE", 3)
    codes = [post(made, [], key="guess").status_code for _ in range(12)]
    assert codes[:3] == [401, 401, 401]
    assert 429 in codes  # also where a minute ends in between


def test_without_redis_the_sender_is_told_to_send_again(made, known, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = post(made, batch(make_events(known, 1)))
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["Retry-After"]) == (503, "stream_down", "5")


def test_a_sender_reaches_its_own_jurisdiction_only(made, known, other_jurisdiction):
    theirs = make_sender(jurisdiction=other_jurisdiction, name="VMS")
    assert post(theirs, batch(make_events(known, 1))).json()["refused"][0]["code"] == "unknown_camera"


def test_an_administrator_makes_a_sender_and_sees_its_key_once(api, administrator, operator, outsider, known):
    given = api(administrator).post(ADDRESS + "senders/", {"name": "edge box 7", "events_per_s": 50}, format="json")
    assert given.status_code == 201
    sender = EventSender.objects.get()
    assert given.json()["key"] not in sender.sealed_key
    assert post(MadeSender(sender, given.json()["key"]), batch(make_events(known, 2))).json()["accepted"] == 2
    (listed,) = api(administrator).get(ADDRESS + "senders/").json()
    assert (listed["name"], "key" in listed) == ("edge box 7", False)
    assert AuditEntry.objects.get(action="make_sender").detail == {"sender": "edge box 7"}
    assert api(operator).get(ADDRESS + "senders/").status_code == 403
    assert api(outsider).get(ADDRESS + "senders/").json() == []
    assert api(outsider).post(f"{ADDRESS}senders/{sender.pk}/revoke/").status_code == 404


@pytest.mark.parametrize(
    ("values", "status"),
    [({}, 400), ({"name": " "}, 400), ({"name": "a\x07"}, 400), ({"name": "x", "events_per_s": 0}, 400), ({"name": "VMS"}, 409)],
)
def test_a_wrong_sender_gets_a_sentence(api, administrator, made, values, status):
    answer = api(administrator).post(ADDRESS + "senders/", values, format="json")
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_the_command_makes_lists_and_revokes(jurisdiction, known):
    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("event_sender", *arguments, "--jurisdiction", jurisdiction.code, stdout=out)
        return out.getvalue()

    number, key = (line.split()[1] for line in run("make", "--name", "box").splitlines())
    sender = EventSender.objects.get(pk=number)
    assert post(MadeSender(sender, key), batch(make_events(known, 1))).status_code == 202
    assert "box\t200 events/s" in run("list")
    assert "may send no longer" in run("revoke", "--name", "box")
    with pytest.raises(CommandError, match="no sender 'box'"):
        run("revoke", "--name", "box")
    with pytest.raises(CommandError, match="needs a name"):
        run("make")
    with pytest.raises(CommandError, match=f"Known: .*{jurisdiction.code}"):
        call_command("event_sender", "list", "--jurisdiction", "nowhere")


def test_the_counts_tell_what_became_of_the_events_in_few_queries(api, operator, jurisdiction, known):
    now = timezone.now()
    events = [*make_events(known, 3), make_event(known[0], at=now - timedelta(hours=1)), make_event("nobody")]
    publish(jurisdiction_id=jurisdiction.pk, events=events + events[:1], now=now)
    signed_in = api(operator)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = signed_in.get(ADDRESS + "counts/").json()
    assert len(queries) <= 3
    assert {name: answer[name] for name in ("is_up", "accepted", "duplicates", "late", "refused", "length")} == {
        "is_up": True,
        "accepted": 4,
        "duplicates": 1,
        "late": 1,
        "refused": 1,
        "length": 4,
    }
    assert answer["refused_by_camera"] == [{"camera": "nobody", "code": "unknown_camera", "count": 1}]
    assert [(group["name"], group["lag"], group["idle_s"]) for group in answer["groups"]] == [
        ("fusion", 4, None),
        ("writer", 4, None),
    ]


def test_the_counts_say_that_redis_is_away(api, operator, settings):
    signed_in = api(operator)
    signed_in.get(ADDRESS + "counts/")
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert signed_in.get(ADDRESS + "counts/").json()["is_up"] is False


def test_a_thumbnail_is_shown_to_those_who_plan_and_each_look_is_kept(api, users, outsider, jurisdiction, known):
    event = make_event(known[0], thumbnail=JPEG)
    publish(jurisdiction_id=jurisdiction.pk, events=[event])
    call_command("write_events", "--once", stdout=io.StringIO())
    path = f"{ADDRESS}{event.key}/thumbnail/"
    answer = api(users["operator"]).get(path)
    assert (answer.content, answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (JPEG, "image/jpeg", "no-store")
    entry = AuditEntry.objects.get(action="read_thumbnail")
    assert (entry.actor, entry.target) == (users["operator"], f"event:{event.key}")
    assert api(users["auditor"]).get(path).status_code == 403
    assert api(outsider).get(path).status_code == 404
    assert api(users["operator"]).get(f"{ADDRESS}other/thumbnail/").status_code == 404
    assert AuditEntry.objects.filter(action="read_thumbnail").count() == 1


def test_a_thumbnail_past_its_hours_is_not_shown_though_it_is_not_yet_deleted(api, operator, jurisdiction, known, settings):
    event = make_event(known[0], thumbnail=JPEG, at=timezone.now() - timedelta(hours=3))
    publish(jurisdiction_id=jurisdiction.pk, events=[event])
    call_command("write_events", "--once", stdout=io.StringIO())
    settings.THUMBNAIL_HOURS = 2
    assert api(operator).get(f"{ADDRESS}{event.key}/thumbnail/").status_code == 404
