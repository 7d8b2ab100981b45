"""From the stream into the table: nothing lost, nothing twice, whoever is killed and whatever is away."""

import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone

from tests.events import JPEG, fresh_stream, make_event, make_events
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera, CameraEvent, EventThumbnail
from webapp.cameras.services.event_days import EVENTS, THUMBNAILS, ensure_days, keep_events
from webapp.cameras.services.event_writing import EventWriter, store
from webapp.cameras.services.events import publish
from webapp.cameras.stream import EventReader, client, counts_key, stream_key, stream_state, writer_key
from webapp.cameras.tasks import keep_events as keep_events_task

ROOT = Path(__file__).resolve().parents[2]
Here = tuple[Jurisdiction, list[Camera]]


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    transactional = request.node.get_closest_marker("django_db").kwargs.get("transaction")
    request.getfixturevalue("transactional_db" if transactional else "db")
    yield from fresh_stream(request.getfixturevalue("jurisdiction"))


@pytest.fixture
def here(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> Here:
    return jurisdiction, cameras(jurisdiction, 5)


def send(here: Here, events: list[Any], **how: Any) -> list[Any]:
    done = publish(jurisdiction_id=here[0].pk, events=events, **how)
    assert done.accepted == len(events)
    return events


def write() -> None:
    call_command("write_events", "--once", "--name", "test", stdout=io.StringIO())


def partitions(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1", [table])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
def test_an_event_is_stored_as_it_was_said(here):
    jurisdiction, cameras = here
    box = (0.125, 0.25, 0.5, 0.75)
    said = make_event(cameras[1], value=12.5, box=box, track="7\\N '뒤'", lon=127.01, lat=37.49, model="hog 1", thumbnail=JPEG)
    send(here, [said, make_event(cameras[2])])
    write()
    kept = CameraEvent.objects.of(jurisdiction).get(key=said.key)
    assert (kept.camera_id, kept.at, kept.factor, kept.value, tuple(kept.box)) == (cameras[1].pk, said.at, "fall", 12.5, box)
    assert kept.confidence == pytest.approx(0.8)
    assert (kept.point.x, kept.point.y, kept.track, kept.model, kept.is_late) == (127.01, 37.49, said.track, "hog 1", False)
    assert kept.day == said.at.astimezone(UTC).date()
    assert abs((kept.received_at - timezone.now()).total_seconds()) < 60
    assert bytes(EventThumbnail.objects.of(jurisdiction).get().jpeg) == JPEG
    other = CameraEvent.objects.of(jurisdiction).exclude(key=said.key).get()
    assert (other.value, other.box, other.point, other.track) == (None, None, None, "")


@pytest.mark.django_db
def test_what_was_stored_and_not_acknowledged_is_not_stored_twice(here):
    jurisdiction, cameras = here
    events = send(here, make_events(cameras, 50, thumbnail=JPEG))
    entries = EventReader([jurisdiction.pk], "writer", "test").read(100, 10)
    assert store(entries) == 50  # and here the writer dies
    write()
    assert CameraEvent.objects.of(jurisdiction).count() == EventThumbnail.objects.of(jurisdiction).count() == len(events)
    assert stream_state(jurisdiction.pk).groups["writer"].pending == 0


@pytest.mark.django_db
def test_a_key_that_comes_again_after_redis_forgot_it_is_refused_by_the_table(here):
    jurisdiction, cameras = here
    event = make_event(cameras[0])
    for _ in range(3):
        send(here, [event])
        write()
        for key in client().scan_iter(f"events:{jurisdiction.pk}:seen:*"):
            client().delete(key)
    assert CameraEvent.objects.of(jurisdiction).count() == 1


@pytest.mark.django_db
def test_late_and_old_events_are_stored_on_their_own_day(here):
    jurisdiction, cameras = here
    now = timezone.now()
    send(here, [make_event(cameras[0], at=now - timedelta(days=days)) for days in (0.1, 5, 20)], may_be_old=True)
    write()
    kept = CameraEvent.objects.of(jurisdiction).between(now - timedelta(days=6), now)
    assert [event.is_late for event in kept] == [True, True]
    assert CameraEvent.objects.of(jurisdiction).count() == 3


@pytest.mark.django_db
def test_an_event_of_a_camera_that_left_the_register_meanwhile_is_dropped_and_counted(here, caplog):
    jurisdiction, cameras = here
    send(here, make_events(cameras[:2], 4))
    Camera.objects.filter(pk=cameras[0].pk).delete()
    from webapp.cameras.camera_ids import forget_camera_ids

    forget_camera_ids()
    write()
    assert CameraEvent.objects.of(jurisdiction).count() == 2
    assert client().hget(counts_key(jurisdiction.pk), "unstorable") == b"2"


@pytest.mark.django_db
def test_an_event_that_the_database_refuses_does_not_hold_up_the_others(here, caplog):
    jurisdiction, cameras = here
    bad = make_event(cameras[0], factor="x" * 30)
    good = make_events(cameras, 9)
    entries = [(jurisdiction.pk, b"1795406600000-%d" % i, event) for i, event in enumerate([*good[:5], bad, *good[5:]])]
    writer = EventWriter("test")
    assert writer._is_stored(entries)
    assert CameraEvent.objects.of(jurisdiction).count() == 9
    assert f"event {bad.key}" in caplog.text


@pytest.mark.django_db
def test_days_are_made_ahead_and_dropped_when_they_are_old_and_thumbnails_to_the_hour(here, settings):
    jurisdiction, cameras = here
    settings.EVENT_DAYS, settings.THUMBNAIL_HOURS = 30, 48
    now = datetime.now(UTC).replace(hour=12, minute=0)
    now = now if now <= datetime.now(UTC) else now - timedelta(days=1)
    ages = [timedelta(hours=1), timedelta(hours=47), timedelta(hours=49), timedelta(days=29)]
    send(here, [make_event(cameras[0], at=now - age, thumbnail=JPEG) for age in ages], now=now, may_be_old=True)
    write()
    assert EventThumbnail.objects.of(jurisdiction).count() == 4
    kept = keep_events(now=now)
    assert kept.thumbnails == 1  # that of 29 days ago went with its day
    assert EventThumbnail.objects.of(jurisdiction).count() == 2
    assert CameraEvent.objects.of(jurisdiction).count() == 4
    assert f"{EVENTS}_{now + timedelta(days=3):%Y%m%d}" in partitions(EVENTS)
    keep_events(now=now + timedelta(days=2))
    assert CameraEvent.objects.of(jurisdiction).count() == 3
    assert partitions(THUMBNAILS)[0] == f"{THUMBNAILS}_{now:%Y%m%d}"
    again = keep_events(now=now + timedelta(days=2))
    assert (again.made, again.dropped, again.thumbnails) == ((), (), 0)


@pytest.mark.django_db(transaction=True)
def test_days_that_two_make_at_once_are_made_once(here):
    days = [(timezone.now() + timedelta(days=100 + ahead)).date() for ahead in range(5)]
    made: list[str] = []

    def run() -> None:
        made.extend(ensure_days(days))
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = [name for name in partitions(EVENTS) if name >= f"{EVENTS}_{days[0]:%Y%m%d}"]
    assert len(there) == 5
    pictures = {name.replace(EVENTS, THUMBNAILS) for name in there}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE " + ", ".join([*there, *pictures]))
    assert set(made) == set(there) | pictures


@pytest.mark.django_db
def test_the_hourly_task_makes_the_days_to_come(settings):
    assert settings.CELERY_BEAT_SCHEDULE["keep-events"]["task"] == keep_events_task.name
    keep_events_task()
    assert f"{EVENTS}_{timezone.now() + timedelta(days=3):%Y%m%d}" in partitions(EVENTS)


@pytest.mark.django_db
def test_without_hours_no_thumbnail_is_kept_at_all(here, settings):
    settings.THUMBNAIL_HOURS = 0
    send(here, [make_event(here[1][0], thumbnail=JPEG)])
    write()
    assert CameraEvent.objects.of(here[0]).count() == 1
    assert not EventThumbnail.objects.of(here[0]).exists()


@pytest.mark.django_db
def test_reading_some_days_opens_no_other_partitions(here):
    now = timezone.now()
    ensure_days((now - timedelta(days=days)).date() for days in range(10))
    plan = CameraEvent.objects.of(here[0]).between(now - timedelta(hours=1), now).explain()
    assert plan.count("cameras_cameraevent_2") <= 2 * 3
    assert f"{EVENTS}_{now - timedelta(days=5):%Y%m%d}" not in plan


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_said_and_waited_for_and_nothing_is_lost(here, caplog, monkeypatch):
    jurisdiction, cameras = here
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("webapp.cameras.services.event_writing.SHORTEST_WAIT_S", 0.05)
    ensure_days([timezone.now().date()])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        cursor.execute("CREATE TRIGGER full_disk BEFORE INSERT ON cameras_cameraevent FOR EACH ROW EXECUTE FUNCTION full_disk()")
    events = send(here, make_events(cameras, 20))
    writer = EventWriter("test")
    thread = threading.Thread(target=lambda: (writer.round(block_ms=100), connections.close_all()))
    thread.start()
    try:
        await_true(lambda: b"its disk is full" in (client().get(writer_key(jurisdiction.pk)) or b""))
        assert thread.is_alive()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION full_disk CASCADE")
        thread.join(timeout=20)
    assert CameraEvent.objects.of(jurisdiction).count() == len(events)
    assert "the database refuses, its disk is full; the writer waits" in caplog.text
    assert "the database takes events again" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_to_the_database_loses_and_doubles_nothing(here):
    jurisdiction, cameras = here
    send(here, make_events(cameras, 10))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    killer = threading.Thread(target=end_session, args=[pid])
    killer.start()
    killer.join()
    write()
    assert CameraEvent.objects.of(jurisdiction).count() == 10


@pytest.mark.django_db(transaction=True)
def test_writers_that_are_killed_again_and_again_store_every_event_once(here):
    """Two writers beside each other, one and the other killed in the middle of its work, while events come in."""
    jurisdiction, cameras = here
    writers = {name: start_writer(name) for name in ("one", "two")}
    keys = []
    for name in ("one", "two"):
        length = CameraEvent.objects.of(jurisdiction).count()
        for _ in range(10):
            keys += [event.key for event in send(here, make_events(cameras, 500))]
        await_true(lambda length=length: CameraEvent.objects.of(jurisdiction).count() > length)
        writers[name].send_signal(signal.SIGKILL)
        writers[name].wait(timeout=20)
        writers[name] = start_writer(name)
    await_true(lambda: CameraEvent.objects.of(jurisdiction).count() >= len(keys))
    await_true(lambda: stream_state(jurisdiction.pk).groups["writer"].pending == 0)
    for process in writers.values():
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=20) for process in writers.values()] == [0, 0]
    assert sorted(CameraEvent.objects.of(jurisdiction).values_list("key", flat=True)) == sorted(keys)


@pytest.mark.django_db(transaction=True)
def test_two_writers_that_store_the_same_events_at_once_store_them_once(here):
    jurisdiction, cameras = here
    events = make_events(cameras, 2000)
    entries = [(jurisdiction.pk, b"1795406600000-%d" % i, event) for i, event in enumerate(events)]
    stored: list[int] = []
    ensure_days({event.at.date() for event in events})

    def run(given: list[Any]) -> None:
        stored.append(store(given))
        connections.close_all()

    threads = [threading.Thread(target=run, args=[given]) for given in (entries, entries[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored) == CameraEvent.objects.of(jurisdiction).count() == 2000


def end_session(pid: int) -> None:
    """From another thread, which has a connection of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    connections.close_all()


def start_writer(name: str) -> "subprocess.Popen[bytes]":
    database = connection.settings_dict
    url = f"postgis://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    if str(database["HOST"]).startswith("/") or not database["HOST"]:
        url = f"postgis://{database['USER']}@{str(database['HOST']).replace('/', '%2F')}:{database['PORT']}/{database['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "write_events", "--name", name],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "REDIS_URL": site.REDIS_URL},
        stdout=subprocess.DEVNULL,
    )


def await_true(holds: Callable[[], bool], *, limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.django_db
def test_what_is_stored_is_let_go_from_the_stream_once_fusion_has_it(here):
    jurisdiction, cameras = here
    send(here, make_events(cameras, 30))
    fusion = EventReader([jurisdiction.pk], "fusion", "test")
    fusion.acknowledge([(j, entry) for j, entry, _ in fusion.read(100, 10)])
    writer = EventWriter("test")
    writer.round(block_ms=10)
    writer._next_tend = 0
    writer.round(block_ms=10)
    assert client().xlen(stream_key(jurisdiction.pk)) == 1
