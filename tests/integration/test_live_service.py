"""The fusing service as a process of its own: killed, started again, and with a Redis and a database that go away."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests import factories
from tests.events import make_event, make_events
from tests.live import Page, make_weights
from tests.redis_server import RedisServer
from webapp.accounts.models import Jurisdiction
from webapp.cameras.camera_ids import forget_camera_ids
from webapp.cameras.models import Camera
from webapp.cameras.pressure import forget_pressure
from webapp.cameras.services.events import publish
from webapp.cameras.stream import Group, stream_state
from webapp.common.channel import redis_client
from webapp.live import keys
from webapp.live.models import LiveSwitch
from webapp.live.selectors import live_health
from webapp.live.services import checkpoint
from webapp.live.services.material import read_material, read_signature
from webapp.watch.models import Alert

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def own_redis(tmp_path: Path, settings: Any) -> Iterator[RedisServer]:
    """A Redis that keeps what it is told, and that may be killed."""
    server = RedisServer(tmp_path, keeps=True).start()
    settings.REDIS_URL = server.url
    forget_camera_ids()
    forget_pressure()
    yield server
    server.kill()


@pytest.fixture
def seen(transactional_db: None) -> list[Camera]:
    jurisdiction = factories.make_jurisdiction()
    made = factories.make_cameras(jurisdiction, 12)
    Camera.objects.of(jurisdiction).update(bearing_deg=None, angle_deg=360.0, range_m=70.0)
    factories.make_published_run(jurisdiction, first_slot=timezone.now() - timedelta(hours=2))
    make_weights(jurisdiction)
    return made


@pytest.fixture
def start(own_redis: RedisServer, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """`start()`: the command as a process on the tests' database and Redis."""
    database = django_settings.DATABASES["default"]
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else str(database["USER"])
    host = str(database["HOST"]).replace("/", "%2F")
    url = f"postgis://{login}@{host}:{database['PORT']}/{connection.settings_dict['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "REDIS_URL": own_redis.url, "HAECHI_LOG_LEVEL": "INFO"}
    started: list[subprocess.Popen[bytes]] = []
    log = (tmp_path / "fusion.log").open("ab")

    def begin() -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "fuse_events"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=20)
    log.close()


def waits_until(is_so: Callable[[], bool], limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def is_all_counted(jurisdiction: Jurisdiction) -> bool:
    group = stream_state(jurisdiction.pk).groups.get(Group.FUSION)
    return group is not None and group.lag == 0 and group.pending == 0


def kept_sum(jurisdiction: Jurisdiction) -> float:
    """Events of this hour and of hours learnt, by confidence, as the checkpoint has them: each event once, however it fades."""
    material = read_material(jurisdiction, now=timezone.now(), signature=read_signature(jurisdiction))
    assert material is not None
    excess = checkpoint.read(material).excess
    assert excess is not None
    return float(excess._hour_counts.sum() + excess.usual.own.sum())


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)


def test_killed_again_and_again_it_loses_nothing_and_counts_nothing_twice(
    start: Callable[[], subprocess.Popen[bytes]], seen: list[Camera]
) -> None:
    jurisdiction = seen[0].jurisdiction
    process = start()
    waits_until(lambda: redis_client().exists(keys.state(jurisdiction.pk)) == 1)
    sent = 0
    for _kill in range(2):
        for _batch in range(8):
            publish(jurisdiction_id=jurisdiction.pk, events=make_events(seen, 25, confidence=0.5))
            sent += 25
            time.sleep(0.1)
        kill(process)
        process = start()
    waits_until(lambda: is_all_counted(jurisdiction))
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert kept_sum(jurisdiction) == pytest.approx(0.5 * sent)
    scenes = list(Alert.objects.values_list("scene", flat=True))
    assert scenes
    assert len(scenes) == len(set(scenes))


def test_it_goes_on_when_redis_was_killed_and_started_again(
    own_redis: RedisServer, start: Callable[[], subprocess.Popen[bytes]], seen: list[Camera], tmp_path: Path
) -> None:
    jurisdiction = seen[0].jurisdiction
    process = start()
    waits_until(lambda: redis_client().exists(keys.state(jurisdiction.pk)) == 1)
    publish(jurisdiction_id=jurisdiction.pk, events=make_events(seen, 12, confidence=0.5))
    waits_until(lambda: is_all_counted(jurisdiction))
    own_redis.kill()
    time.sleep(1.5)
    own_redis.start()
    publish(jurisdiction_id=jurisdiction.pk, events=make_events(seen, 12, confidence=0.5))
    waits_until(lambda: is_all_counted(jurisdiction))
    page = Page(jurisdiction)
    publish(jurisdiction_id=jurisdiction.pk, events=[make_event(seen[9], confidence=0.5)])
    assert page.wait_for("cells")["cells"]
    user = factories.make_user(jurisdiction, "operator")
    waits_until(lambda: live_health(user=user)["cameras"]["ok"] == 12)
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert kept_sum(jurisdiction) == pytest.approx(0.5 * 25)
    assert "redis" in (tmp_path / "fusion.log").read_text()


def test_a_database_that_cuts_its_connections_does_not_stop_the_picture(
    start: Callable[[], subprocess.Popen[bytes]], seen: list[Camera], tmp_path: Path
) -> None:
    jurisdiction = seen[0].jurisdiction
    start()
    waits_until(lambda: redis_client().exists(keys.state(jurisdiction.pk)) == 1)
    page = Page(jurisdiction)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] >= 1
    publish(jurisdiction_id=jurisdiction.pk, events=[make_event(seen[9])])
    assert page.wait_for("cells")["cells"]
    waits_until(lambda: "the database is back" in (tmp_path / "fusion.log").read_text())
    call_command("switch_live", "off", jurisdiction=jurisdiction.code)
    assert LiveSwitch.objects.get().is_on is False
    assert page.wait_for("reload")["run"]


def test_a_second_process_waits_and_takes_over_when_the_first_is_killed(
    start: Callable[[], subprocess.Popen[bytes]], seen: list[Camera]
) -> None:
    jurisdiction = seen[0].jurisdiction
    first = start()
    waits_until(lambda: redis_client().exists(keys.state(jurisdiction.pk)) == 1)
    second = start()
    publish(jurisdiction_id=jurisdiction.pk, events=make_events(seen, 12, confidence=0.5))
    waits_until(lambda: is_all_counted(jurisdiction))
    owner = redis_client().get(keys.owner())
    assert owner is not None
    assert owner.endswith(str(first.pid).encode())
    kill(first)
    publish(jurisdiction_id=jurisdiction.pk, events=make_events(seen, 12, confidence=0.5))
    waits_until(lambda: is_all_counted(jurisdiction))
    second.terminate()
    assert second.wait(timeout=20) == 0
    assert kept_sum(jurisdiction) == pytest.approx(0.5 * 24)
