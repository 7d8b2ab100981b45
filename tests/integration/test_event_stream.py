"""The event stream on a real Redis: what goes in, what is left out and counted, and what a killed reader gets again."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.utils import timezone

from tests.events import JPEG, fresh_stream, make_event, make_events
from tests.redis_server import RedisServer
from webapp.accounts.models import Jurisdiction
from webapp.cameras import pressure as pressing
from webapp.cameras.models import Camera
from webapp.cameras.services.events import REFUSED_NAMED, Published, StreamDown, publish
from webapp.cameras.stream import EventReader, Group, client, counts_key, refused_key, stream_key, stream_state, trim

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_redis(tmp_path: Path, settings: Any) -> Iterator[Callable[..., RedisServer]]:
    started: list[RedisServer] = []

    def start(**options: Any) -> RedisServer:
        server = RedisServer(tmp_path, **options).start()
        settings.REDIS_URL = server.url
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(autouse=True)
def _fresh(jurisdiction: Jurisdiction) -> Iterator[None]:
    yield from fresh_stream(jurisdiction)


@pytest.fixture
def here(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> tuple[int, list[Camera]]:
    return jurisdiction.pk, cameras(jurisdiction, 5)


def send(jurisdiction_id: int, events: list[Any], **how: Any) -> Published:
    return publish(jurisdiction_id=jurisdiction_id, events=events, **how)


def reader(jurisdiction_id: int, group: str = "writer", consumer: str = "one") -> EventReader:
    return EventReader([jurisdiction_id], group, consumer)


def counts(jurisdiction_id: int) -> dict[str, int]:
    kept = client().hgetall(counts_key(jurisdiction_id))
    return {name.decode(): int(amount) for name, amount in kept.items() if name != b"since"}


def test_events_come_out_of_both_groups_as_they_went_in(here):
    jid, cameras = here
    events = [*make_events(cameras, 3), make_event(cameras[0], thumbnail=JPEG, box=(0.1, 0.2, 0.3, 0.4), value=2.5)]
    assert send(jid, events) == Published(accepted=4)
    for group in Group:
        assert [event for _, _, event in reader(jid, group).read(10, 10)] == events
    assert counts(jid) == {"accepted": 4}


def test_the_same_event_sent_again_and_again_goes_in_once_and_fills_no_memory(here):
    jid, cameras = here
    event = make_event(cameras[0])
    for _ in range(40):
        send(jid, [event] * 500)
    assert client().xlen(stream_key(jid)) == 1
    assert counts(jid) == {"accepted": 1, "duplicates": 19_999}
    assert sum(client().memory_usage(key) or 0 for key in client().scan_iter(f"events:{jid}:seen:*")) < 300


def test_a_remembered_key_costs_few_bytes(here):
    jid, cameras = here
    now = timezone.now()
    for _ in range(20):
        send(jid, make_events(cameras, 1000, at=now - timedelta(seconds=1)), now=now)
    used = sum(client().memory_usage(key) or 0 for key in client().scan_iter(f"events:{jid}:seen:*"))
    assert used / 20_000 < 16


def test_a_key_is_forgotten_after_its_time(here, settings):
    jid, cameras = here
    send(jid, [make_event(cameras[0])])
    (key,) = client().scan_iter(f"events:{jid}:seen:*")
    assert 0 < client().ttl(key) <= settings.EVENT_DEDUPE_MINUTES * 60 + 10


def test_wrong_events_are_refused_one_by_one_and_counted_by_camera(here):
    jid, cameras = here
    now = timezone.now()
    wrong = [
        make_event("nobody"),
        make_event(cameras[0], at=now + timedelta(minutes=2)),
        make_event(cameras[0], at=now + timedelta(hours=9)),
        make_event(cameras[1], at=now - timedelta(hours=9)),
        make_event(cameras[1], confidence=float("nan")),
    ]
    done = send(jid, [make_event(cameras[0]), *wrong], now=now)
    assert done.accepted == 1
    assert [(one.index, one.code) for one in done.refused] == [
        (1, "unknown_camera"),
        (2, "in_future"),
        (3, "clock_ahead"),
        (4, "clock_behind"),
        (5, "out_of_range"),
    ]
    assert "“nobody” is not in the register" in done.refused[0].message
    assert counts(jid) == {"accepted": 1, "refused": 5}
    by_camera = client().hgetall(refused_key(jid))
    assert by_camera[f"{cameras[1].source_id}|clock_behind".encode()] == b"1"


def test_invented_cameras_do_not_fill_the_memory(here):
    jid, _ = here
    for start in range(0, REFUSED_NAMED + 1000, 500):
        send(jid, [make_event(f"invented-{start + i}") for i in range(500)])
    kept = client().hgetall(refused_key(jid))
    assert len(kept) == REFUSED_NAMED + 1
    assert kept[b"*|unknown_camera"] == b"1000"
    assert client().xlen(stream_key(jid)) == 0


def test_a_camera_that_was_just_registered_is_known_without_a_restart(here, jurisdiction, cameras, monkeypatch):
    jid, _ = here
    monkeypatch.setattr("webapp.cameras.camera_ids.ASK_AGAIN_S", 0.0)
    assert send(jid, [make_event("CAM-0005")]).refused[0].code == "unknown_camera"
    Camera.objects.of(jurisdiction).filter(source_id="CAM-0004").update(source_id="CAM-0005")
    names = list(Camera.objects.of(jurisdiction).values_list("source_id", flat=True))
    assert send(jid, [make_event(name) for name in names]).accepted == 5


def test_late_events_reach_the_table_and_not_the_fusion(here):
    jid, cameras = here
    now = timezone.now()
    late, fresh = make_event(cameras[0], at=now - timedelta(minutes=11)), make_event(cameras[0])
    assert send(jid, [late, fresh], now=now) == Published(accepted=2, late=1)
    assert [event for _, _, event in reader(jid, "writer").read(10, 10)] == [late, fresh]
    assert [event for _, _, event in reader(jid, "fusion").read(10, 10)] == [fresh]
    assert stream_state(jid).groups["fusion"].pending == 1


def test_a_killed_reader_gets_what_it_had_not_acknowledged_before_anything_new(here):
    jid, cameras = here
    events = make_events(cameras, 10)
    send(jid, events)
    first = reader(jid)
    given = first.read(10, 10)
    assert first.acknowledge([(j, entry) for j, entry, _ in given[:4]])
    more = make_event(cameras[0])
    send(jid, [more])
    again = reader(jid)  # the same name, as after a restart
    assert [event for _, _, event in again.read(10, 10)] == events[4:]
    assert [event for _, _, event in again.read(10, 10)] == [more]


def test_another_writer_takes_over_what_a_dead_one_left(here, monkeypatch):
    jid, cameras = here
    events = make_events(cameras, 5)
    send(jid, events)
    reader(jid, consumer="dead").read(10, 10)
    assert reader(jid, consumer="alive").read(10, 10) == []
    monkeypatch.setattr("webapp.cameras.stream.CLAIM_IDLE_MS", 0)
    assert [event for _, _, event in reader(jid, consumer="alive").read(10, 10)] == events


def test_the_stream_lets_go_only_of_what_both_groups_have_acknowledged(here):
    jid, cameras = here
    send(jid, make_events(cameras, 6))
    readers = [reader(jid, group) for group in Group]
    given = [one.read(10, 10) for one in readers]
    now_s = timezone.now().timestamp()
    for one, entries, acknowledged in zip(readers, given, (6, 2), strict=True):
        one.acknowledge([(j, entry) for j, entry, _ in entries[:acknowledged]])
    trim(jid, now_s=now_s)
    assert client().xlen(stream_key(jid)) == 4
    trim(jid, now_s=now_s + 11 * 60)  # fusion is not waited for beyond the minutes after which nothing is fused
    assert client().xlen(stream_key(jid)) == 1


def test_a_filling_stream_sheds_measures_first_then_low_confidence_and_never_blindness(here, settings):
    jid, cameras = here
    settings.EVENT_STREAM_MAX = 1000
    kinds = {
        "measure": {"factor": "people", "confidence": 1.0},
        "low": {"confidence": 0.4},
        "middle": {"confidence": 0.7},
        "high": {"confidence": 0.95},
        "blind": {"factor": "blackout", "confidence": 0.1},
    }

    def taken() -> list[str]:
        pressing.forget_pressure()
        return [name for name, values in kinds.items() if send(jid, [make_event(cameras[0], **values)]).accepted]

    def fill(length: int) -> None:
        while (missing := length - stream_state(jid).length) > 0:
            send(jid, make_events(cameras, missing, confidence=1.0))

    assert taken() == ["measure", "low", "middle", "high", "blind"]
    fill(510)
    assert taken() == ["low", "middle", "high", "blind"]
    fill(760)
    assert taken() == ["middle", "high", "blind"]
    fill(910)
    assert taken() == ["high", "blind"]
    fill(1000)
    assert taken() == ["blind"]
    assert counts(jid)["shed_measure"] == 4
    assert counts(jid)["shed_risk"] == 1 + 2 + 2
    assert counts(jid)["shed_full"] == 1
    send(jid, make_events(cameras, 99, factor="blackout"))
    full = send(jid, [make_event(cameras[0], factor="blackout")])
    assert [one.code for one in full.refused] == ["stream_full"]
    assert client().xlen(stream_key(jid)) <= 1101


def test_thumbnails_are_left_off_before_an_event_is(here, settings):
    jid, cameras = here
    settings.EVENT_STREAM_MAX = 1000
    send(jid, make_events(cameras, 510))
    pressing.forget_pressure()
    send(jid, [make_event(cameras[0], thumbnail=JPEG)])
    assert reader(jid).read(1000, 10)[-1][2].thumbnail == b""
    assert counts(jid)["thumbnails_left_off"] == 1


def test_thumbnails_are_left_off_where_they_fill_the_memory(here, monkeypatch):
    jid, cameras = here
    monkeypatch.setattr(pressing, "PICTURES_BYTES", 100_000)
    monkeypatch.setattr(pressing, "EVERY_S", 0.0)
    for _ in range(100):
        send(jid, make_events(cameras, 1, thumbnail=JPEG))
    pictures = [bool(event.thumbnail) for _, _, event in reader(jid).read(1000, 10)]
    assert pictures[:20] == [True] * 20
    assert pictures[-20:] == [False] * 20
    assert counts(jid)["accepted"] == 100
    assert counts(jid)["thumbnails_left_off"] == pictures.count(False)


def test_a_burst_that_fusion_cannot_follow_is_shed_and_counted_and_a_restart_is_not(here, monkeypatch):
    jid, cameras = here
    monkeypatch.setattr(pressing, "FUSION_LAG", (200, 400, 800))
    monkeypatch.setattr(pressing, "EVERY_S", 0.0)
    send(jid, make_events(cameras, 500))
    assert send(jid, make_events(cameras, 100, factor="people")).shed == 0  # no fusion reads yet: it is being restarted
    fusion = reader(jid, "fusion")
    fusion.read(1, 10)
    assert send(jid, make_events(cameras, 100, factor="people")).shed == 0  # it is back, and catches up
    monkeypatch.setattr(pressing, "CATCHES_UP_S", -1.0)
    send(jid, make_events(cameras, 300, confidence=0.9))
    burst = send(jid, make_events(cameras, 100, factor="people") + make_events(cameras, 100, confidence=0.3))
    assert (burst.accepted, burst.shed) == (0, 200)
    assert counts(jid)["shed_measure"] == counts(jid)["shed_risk"] == 100
    assert send(jid, make_events(cameras, 10, factor="blackout")).accepted == 10
    monkeypatch.setattr(pressing, "GROWN_S", 0.0)
    send(jid, make_events(cameras, 1, factor="blackout"))
    fusion.read(500, 10)
    assert send(jid, make_events(cameras, 100, factor="people")).shed == 0  # the lag is long, but it falls


def test_where_only_the_writer_stands_still_the_live_picture_goes_on_and_what_is_not_written_is_counted(here, settings):
    jid, cameras = here
    settings.EVENT_STREAM_MAX = 1000
    fusion = reader(jid, "fusion")
    for _ in range(75):
        pressing.forget_pressure()
        send(jid, make_events(cameras, 40, confidence=0.9))
        given = fusion.read(1000, 10)
        fusion.acknowledge([(j, entry) for j, entry, _ in given])
        assert len(given) == 40
    length: Any = client().xlen(stream_key(jid))
    assert length <= 1000
    assert counts(jid)["unwritten"] == 3000 - length


def test_a_restart_of_a_redis_that_keeps_its_file_loses_nothing(here, own_redis):
    jid, cameras = here
    server = own_redis(keeps=True)
    events = make_events(cameras, 20)
    assert send(jid, events[:10]).accepted == 10
    one = reader(jid)
    assert len(one.read(4, 10)) == 4
    server.kill()
    with pytest.raises(StreamDown, match="Send the events again"):
        send(jid, events[10:])
    assert one.read(10, 10) == []
    server.start()
    assert send(jid, events) == Published(accepted=10, duplicates=10)
    got = [event for _ in range(8) for _, _, event in one.read(4, 10)]
    assert [event.key for event in got] == [event.key for event in events]


def test_a_restart_of_a_redis_that_keeps_nothing_is_said_and_reading_goes_on(here, own_redis, caplog):
    jid, cameras = here
    server = own_redis(keeps=False)
    send(jid, make_events(cameras, 3))
    one = reader(jid)
    one.read(10, 10)
    server.kill()
    assert one.read(10, 10) == []
    assert "redis cannot be read" in caplog.text
    server.start()
    for _ in range(3):
        one.read(10, 10)
    assert "events that were not yet written are lost" in caplog.text
    event = make_event(cameras[0])
    send(jid, [event])
    assert [given for _, _, given in one.read(10, 10)] == [event]


def test_a_redis_whose_memory_is_full_refuses_with_a_sentence(here, own_redis):
    jid, cameras = here
    own_redis()
    client().config_set("maxmemory", "1")
    with pytest.raises(StreamDown):
        send(jid, make_events(cameras, 3))
    client().config_set("maxmemory", "0")
    assert send(jid, make_events(cameras, 3)).accepted == 3


def test_a_foreign_entry_does_not_stop_the_reader(here, caplog):
    jid, cameras = here
    send(jid, make_events(cameras, 1))
    client().xadd(stream_key(jid), {"1": "rubbish"})
    send(jid, make_events(cameras, 1))
    assert len(reader(jid).read(10, 10)) == 2
    assert "Something else writes to it" in caplog.text
    assert stream_state(jid).groups["writer"].pending == 2


def test_an_empty_batch_changes_nothing(here):
    assert send(here[0], []) == Published()
    with pytest.raises(redis.ResponseError):
        client().xinfo_stream(stream_key(here[0]))
