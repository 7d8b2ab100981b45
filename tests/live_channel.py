"""A real uvicorn with the live channel on the test database, and a Redis of its own that a test may stop and start.

Redis hands published messages to every listener, whatever the number of its database: a Redis shared with other
programs would mix their jurisdictions into the test's.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection
from redis import Redis

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def url_of_test_database() -> str:
    """The address of the database that this test session uses, for programs started by a test."""
    database = settings.DATABASES["default"]
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    host, name = str(database["HOST"] or "localhost"), connection.settings_dict["NAME"]
    if host.startswith("/"):
        host = host.replace("/", "%2F")
    return f"postgis://{database['USER']}{password}@{host}:{database['PORT'] or 5432}/{name}"


class OwnRedis:
    """A Redis on a free port; `stop()` and `start()` are a restart that loses everything."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = Redis.from_url(self.url)
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except OSError:
            return False
        except Exception as error:
            if "connect" in str(error).lower() or "loading" in str(error).lower():
                return False
            raise

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)


@contextmanager
def running_channel(*, redis_url: str, origins: str = "", log: Path, port: int = 0, **environment: str) -> Iterator[str]:
    """The channel's address, for as long as the block lasts."""
    port = port or free_port()
    env = (
        os.environ
        | {"DATABASE_URL": url_of_test_database(), "REDIS_URL": redis_url, "HAECHI_LIVE_ORIGINS": origins}
        | environment
    )
    command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--timeout-graceful-shutdown", "1"], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_for(lambda: process.poll() is not None or status_of(f"http://127.0.0.1:{port}/live/health/") == 200)
            if process.poll() is not None:
                raise RuntimeError(log.read_text(errors="replace")[-2000:])
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=15)


def status_of(url: str) -> int:
    """HTTP status; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(holds: object, limit_s: float = PATIENCE_S) -> None:
    """Until `holds()` is true; fails after `limit_s`."""
    assert callable(holds)
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
