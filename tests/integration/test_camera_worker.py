"""The camera worker from a real RTSP stream to a real event stream, and what it does when something fails."""

import io
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.conf import settings as site
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection, connections

from tests.clips import draw_figure, street, stroll, write_clip
from tests.events import fresh_stream, make_event
from tests.redis_server import RedisServer
from tests.rtsp import RtspServer, rtsp_server
from webapp.cameras.models import Stream
from webapp.cameras.selectors import camera_still
from webapp.cameras.services import camera_worker, watching
from webapp.cameras.services.camera_worker import CameraWorker
from webapp.cameras.services.streams import change_stream, register_stream, set_rules
from webapp.cameras.stream import EventReader
from webapp.cameras.stream_selectors import still_key, streams_health

ROOT = Path(__file__).resolve().parents[2]
YARD = {"zones": [{"name": "yard", "polygon": [[0.2, 0.2], [0.98, 0.2], [0.98, 1], [0.2, 1]]}]}
SIZE = (480, 360)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    clip = write_clip(tmp_path_factory.mktemp("clips") / "stroll.mp4", seconds=40, fps=5, size=SIZE, draw=stroll)
    with rtsp_server({"/gate": clip, "/yard": clip}) as running:
        yield running


@pytest.fixture(autouse=True)
def _reach(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is named, and everything goes round quickly."""
    settings.STREAM_NETWORKS = ["127.0.0.1/32"]
    settings.STREAM_DIR = tmp_path
    monkeypatch.setattr(watching, "TIMEOUT_S", 2.0)
    for name in ("RELOAD_EVERY_S", "REPORT_EVERY_S", "STILLS_EVERY_S"):
        monkeypatch.setattr(camera_worker, name, 0.2)


@pytest.fixture
def here(request: pytest.FixtureRequest, jurisdiction: Any, cameras: Any) -> Any:
    made = cameras(jurisdiction, 4)
    cache.delete_many([still_key(camera.pk) for camera in made])
    fresh = fresh_stream(jurisdiction)
    next(fresh)
    yield jurisdiction, made
    next(fresh, None)
    cache.delete_many([still_key(camera.pk) for camera in made])


@pytest.fixture
def worker() -> Any:
    made = CameraWorker()
    yield made
    made.stop()
    made.run()


def until(worker: CameraWorker, true: Callable[[], Any], limit_s: float = 25.0) -> Any:
    """Let the worker do its rounds until this holds; what it gave last."""
    deadline = time.monotonic() + limit_s
    while not (found := true()) and time.monotonic() < deadline:
        worker.round()
        time.sleep(0.05)
    return found


def state_of(stream: Stream) -> str:
    stream.refresh_from_db()
    return stream.state


def reader(jurisdiction: Any) -> EventReader:
    return EventReader([jurisdiction.pk], group="fusion", consumer="test")


# --- The whole way ----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_clip_through_a_real_rtsp_server_raises_its_factor_with_a_masked_thumbnail(here, server, worker, operator):
    jurisdiction, cameras = here
    stream = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=server.url("/gate"), fps=4)
    set_rules(stream=stream, rules=YARD)
    events = reader(jurisdiction)
    seen: list[Any] = []

    def intrusion() -> Any:
        seen.extend(event for _, _, event in events.read(count=100, block_ms=1))
        return next((event for event in seen if event.factor == "intrusion"), None)

    event = until(worker, intrusion)
    assert event is not None, [one.factor for one in seen]
    assert (event.camera, event.model[:3]) == ("T-0000", "hog")
    assert abs(event.at.timestamp() - time.time()) < 10
    x0, y0, x1, y1 = event.box
    assert 0.2 < (x0 + x1) / 2 < 0.9
    assert y1 > 0.7
    shown = cv2.imdecode(np.frombuffer(event.thumbnail, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[:2] == (240, 320)
    assert len(event.thumbnail) <= 20_000
    # Head and legs are gone: within the person's box nothing is finer than the blocks.
    box = shown[int(y0 * 240) + 4 : int(y1 * 240) - 4, int(x0 * 320) + 4 : int(x1 * 320) - 4]
    drawn = street((320, 240))
    draw_figure(drawn, (x0 + x1) * 160, y1 * 240, (y1 - y0) * 240)
    plain = drawn[int(y0 * 240) + 4 : int(y1 * 240) - 4, int(x0 * 320) + 4 : int(x1 * 320) - 4]
    assert cv2.Laplacian(box, cv2.CV_64F).var() < 0.35 * cv2.Laplacian(plain, cv2.CV_64F).var()

    assert until(worker, lambda: state_of(stream) == "ok" and stream.measured_fps > 0.5)
    (health,) = streams_health(user=operator)
    assert (health.state, health.sentence) == ("ok", "")
    assert until(worker, lambda: camera_still(cameras[0]))
    assert camera_still(cameras[0])[:3] == b"\xff\xd8\xff"


@pytest.mark.django_db
def test_streams_are_taken_up_changed_and_let_go_while_it_runs(here, server, worker):
    jurisdiction, _ = here
    worker.round()
    assert worker.streams == 0
    first = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=server.url("/gate"), fps=1)
    assert until(worker, lambda: worker.streams == 1)
    before = worker._watchers[first.pk]
    change_stream(stream=first, fps=2)
    assert until(worker, lambda: first.pk in worker._watchers and worker._watchers[first.pk] is not before)
    assert worker._watchers[first.pk].task.fps == 2
    before.join(5)
    assert not before.is_alive()
    change_stream(stream=first, is_on=False)
    assert until(worker, lambda: worker.streams == 0)


@pytest.mark.django_db
def test_a_stalled_camera_and_a_wrong_one_hold_no_other(here, server, worker):
    import socket

    jurisdiction, _ = here
    with socket.create_server(("127.0.0.1", 0)) as mute:
        addresses = [f"rtsp://127.0.0.1:{mute.getsockname()[1]}/a", server.url("/nowhere"), server.url("/yard")]
        streams = [
            register_stream(jurisdiction=jurisdiction, camera=f"T-000{n}", address=address, fps=2)
            for n, address in enumerate(addresses)
        ]
        assert until(worker, lambda: [state_of(one) for one in streams] == ["reconnecting", "refused", "ok"])
        assert [one.error_code for one in streams] == ["timeout", "not_found", ""]


@pytest.mark.django_db
def test_settings_that_cannot_be_used_are_said_and_harm_no_other(here, worker, tmp_path, settings):
    jurisdiction, _ = here
    write_clip(tmp_path / "brief.mp4", seconds=0.6, fps=5)
    streams = [register_stream(jurisdiction=jurisdiction, camera=f"T-000{n}", address="brief.mp4") for n in range(3)]
    Stream.objects.of(jurisdiction).filter(pk=streams[0].pk).update(rules={"zones": 3})
    Stream.objects.of(jurisdiction).filter(pk=streams[1].pk).update(detector="gone")
    states = ["refused", "refused", "silent"]
    assert until(worker, lambda: [state_of(one) for one in streams] == states), [state_of(one) for one in streams]
    assert [one.error_code for one in streams] == ["rules_unusable", "detector_unusable", "clip_ended"]


@pytest.mark.django_db
def test_a_picture_that_vision_chokes_on_ends_no_stream(here, worker, tmp_path, monkeypatch):
    jurisdiction, _ = here
    write_clip(tmp_path / "clip.mp4", seconds=2, fps=5)

    def choke(self: Any, frame: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(watching.Pipeline, "feed", choke)
    stream = register_stream(jurisdiction=jurisdiction, camera="T-0000", address="clip.mp4", loop=True)
    assert until(worker, lambda: state_of(stream) == "refused")
    assert stream.error_code == "vision_failed"


# --- Redis and the database go away -----------------------------------------------------------------
@pytest.mark.django_db
def test_events_wait_while_redis_is_away_and_go_in_once(here, worker, settings, tmp_path):
    jurisdiction, cameras = here
    own = RedisServer(tmp_path).start()
    settings.REDIS_URL = own.url
    try:
        worker._outbox.put(jurisdiction.pk, [make_event(cameras[0]) for _ in range(5)])
        own.kill()
        worker.round()
        assert (len(worker._outbox), worker.published) == (5, 0)
        own.start()
        assert until(worker, lambda: worker.published == 5)
        assert len(reader(jurisdiction).read(count=10, block_ms=1)) == 5
    finally:
        own.kill()


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_to_the_database_is_made_again(here, server, worker):
    jurisdiction, _ = here
    stream = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=server.url("/gate"), fps=1)
    assert until(worker, lambda: worker.streams == 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [own])
    finally:
        other.close()
    worker._due.clear()
    worker.round()
    assert worker._failures
    assert until(worker, lambda: not worker._failures and state_of(stream) == "ok")


# --- The command ------------------------------------------------------------------------------------
def start_command(*args: str, no_files: bool = False) -> "subprocess.Popen[str]":
    database = site.DATABASES["default"]
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    host = str(database["HOST"] or "localhost").replace("/", "%2F")
    name = connection.settings_dict["NAME"]
    environment = os.environ | {
        "DATABASE_URL": f"postgis://{database['USER']}{password}@{host}:{database['PORT'] or 5432}/{name}",
        "HAECHI_STREAM_NETWORKS": "127.0.0.1/32",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def forbid_files() -> None:
        # As on a full disk: not one byte can be written to any file.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    return subprocess.Popen(
        [sys.executable, "manage.py", "run_cameras", *args],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=forbid_files if no_files else None,  # noqa: PLW1509 - nothing of this process holds a lock that it needs
    )


@pytest.mark.django_db(transaction=True)
def test_the_command_runs_on_a_full_disk_and_ends_cleanly_when_told(here, server: RtspServer):
    jurisdiction, cameras = here
    stream = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=server.url("/gate"), fps=2)
    events = reader(jurisdiction)
    process = start_command("--jurisdiction", jurisdiction.code, no_files=True)
    errors: list[str] = []
    draining = threading.Thread(target=lambda: errors.extend(iter(process.stderr) if process.stderr else ()), daemon=True)
    draining.start()
    try:
        deadline = time.monotonic() + 40
        while (state_of(stream) != "ok" or camera_still(cameras[0]) is None) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert (stream.state, stream.error_code) == ("ok", ""), "".join(errors)[-2000:]
        assert camera_still(cameras[0]) is not None
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert said.startswith("watching streams, part 1 of 1\n")
        assert said.endswith(" events published\n")
    finally:
        process.kill()
        process.wait()
    draining.join(5)
    assert not [line for line in errors if "Traceback" in line], "".join(errors)[-2000:]
    assert state_of(stream) == "waiting"  # nobody looks at it any more
    assert int(said.split()[-3]) == len(events.read(count=500, block_ms=1))


def test_the_parts_of_the_work_are_written_like_a_fraction():
    for wrong in ("0/2", "3/2", "x", "1"):
        with pytest.raises(CommandError):
            call_command("run_cameras", "--part", wrong, stdout=io.StringIO())
