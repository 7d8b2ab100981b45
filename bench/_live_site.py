"""The live part of the site for `bench/live.py`: a Redis of its own, the writer, the fusion and the channel as processes."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bench.ingest import ROOT

START_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def own_redis() -> Iterator[None]:
    """A Redis on a free port that keeps its stream on disk once a second, as `./run` starts it; REDIS_URL names it."""
    program = next((path for name in ("redis-server", "valkey-server") if (path := shutil.which(name))), None)
    if program is None:
        sys.exit("No redis-server or valkey-server is installed: ./run doctor tells how.")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="haechi-bench-redis-") as folder:
        options = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--dir", folder]
        server = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        client = redis.Redis.from_url(os.environ["REDIS_URL"])
        try:
            for _attempt in range(200):
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    break
                time.sleep(0.05)
            yield
        finally:
            client.close()
            server.terminate()
            server.wait(timeout=20)


@dataclass
class Programs:
    """The long-running programs by name: `start`, `kill` (as a power cut does), `stop` (as an operator does)."""

    environment: dict[str, str]
    port: int
    pages_port: int
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def commands(self) -> dict[str, list[str]]:
        channel = ["-m", "uvicorn", "webapp.asgi:application", "--host", "127.0.0.1", "--port", str(self.port)]
        return {
            "write_events": ["manage.py", "write_events", "--name", "bench"],
            "fuse_events": ["manage.py", "fuse_events"],
            "channel": [*channel, "--no-access-log", "--log-level", "warning", "--lifespan", "on"],
        }

    def start(self, name: str) -> None:
        command = [sys.executable, *self.commands()[name]]
        self.running[name] = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running[name].wait(timeout=20)

    def stop(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            if process.poll() is None:
                process.kill()

    def rss_mb(self) -> dict[str, float]:
        """Memory held now by each, in MB (10⁶ bytes)."""
        return {name: _status(process.pid, "VmRSS") for name, process in self.running.items() if process.poll() is None}

    def peak_mb(self) -> dict[str, float]:
        """Most memory held so far by each."""
        return {name: _status(process.pid, "VmHWM") for name, process in self.running.items() if process.poll() is None}

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        found = {}
        for name, process in self.running.items():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
                found[name] = (int(fields[11]) + int(fields[12])) / ticks
        return found


def _status(pid: int, name: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


@contextlib.contextmanager
def running_programs() -> Iterator[Programs]:
    """All three, ready: the fusion has drawn, the channel answers."""
    from django.conf import settings  # noqa: PLC0415

    database = settings.DATABASES["default"]
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    host = str(database["HOST"] or "localhost").replace("/", "%2F")
    url = f"postgis://{login}@{host}:{database['PORT'] or 5432}/{database['NAME']}"
    port, pages_port = free_port(), free_port()
    addresses = {"HAECHI_LIVE_URL": f":{port}", "HAECHI_LIVE_ORIGINS": f"http://127.0.0.1:{pages_port}"}
    environment = os.environ | {"DATABASE_URL": url, "HAECHI_LOG_LEVEL": "WARNING"} | addresses
    programs = Programs(environment, port, pages_port)
    try:
        for name in programs.commands():
            programs.start(name)
        await_port(programs.port)
        yield programs
    finally:
        programs.stop()


def await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    sys.exit("The live channel did not start.")


def await_key(key: str) -> None:
    """Wait until the fusion has written a key."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    deadline = time.monotonic() + START_S
    while not client.exists(key):
        if time.monotonic() > deadline:
            sys.exit(f"The fusion wrote no {key}.")
        time.sleep(0.1)
    client.close()
