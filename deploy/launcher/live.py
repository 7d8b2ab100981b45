"""The programs of the live part, beside the site: events into tables, fusion, cameras, the live channel, the demo's simulator.

The pages work without them and say so. One that ends by itself is therefore told, with the end of its log, and started again
at longer and longer intervals; the others and the site go on.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from deploy.launcher import processes
from deploy.launcher.layout import Layout
from deploy.launcher.messages import Trouble, say

# Orders to end each, with patience; what they have not stored or fused yet waits in Redis.
STOP_ORDERS: Mapping[str, tuple[tuple[signal.Signals, float], ...]] = {
    "channel": ((signal.SIGTERM, 6.0),),
    "simulator": ((signal.SIGTERM, 5.0),),
    "cameras": ((signal.SIGTERM, 8.0),),
    "writer": ((signal.SIGTERM, 8.0),),
    "fusion": ((signal.SIGTERM, 8.0),),
}
WAITS_S = (2.0, 10.0, 60.0)  # before a program that ended is started again: the first, second, and any later time in a row
LONG_S = 600.0  # a program that ran so long has not failed in a row
PORTS_TRIED = 50


@dataclass(frozen=True)
class Channel:
    """Where the live channel listens, and what the pages and it are told of that."""

    host: str
    port: int
    env: dict[str, str]


def choose_channel(environ: Mapping[str, str], *, host: str, page_port: int) -> Channel:
    """The port named in HAECHI_LIVE_URL or HAECHI_LIVE_PORT, else the next free one behind the page's.

    What is given in the environment stays: HAECHI_LIVE_URL, HAECHI_LIVE_ORIGINS. Raises Trouble where a named port is in use.
    """
    url = environ.get("HAECHI_LIVE_URL", "").strip()
    on_page_host = re.fullmatch(r":(\d{1,5})", url)
    named = on_page_host[1] if on_page_host else environ.get("HAECHI_LIVE_PORT", "").strip()
    if named:
        if not named.isdigit() or not 1 <= int(named) <= 65535:
            raise Trouble(f"HAECHI_LIVE_PORT is {named!r}; it must be a port from 1 to 65535.")
        port = int(named)
        if not processes.is_free(port, host):
            raise Trouble(f"Port {port} on {host}, named for the live channel, is in use or not allowed. Name another one.")
    else:
        candidates = range(page_port + 1, min(page_port + 1 + PORTS_TRIED, 65536))
        port = next((port for port in candidates if processes.is_free(port, host)), 0) or processes.free_port()
    hosts = [name.strip() for name in environ.get("HAECHI_ALLOWED_HOSTS", "").split(",") if name.strip(" *")]
    origins = [f"http://{name}:{page_port}" for name in ("127.0.0.1", "localhost", *hosts)]
    env = {"HAECHI_LIVE_URL": url or f":{port}", "HAECHI_LIVE_ORIGINS": ",".join(dict.fromkeys(origins))}
    if environ.get("HAECHI_LIVE_ORIGINS"):
        env["HAECHI_LIVE_ORIGINS"] = environ["HAECHI_LIVE_ORIGINS"]
    return Channel(host, port, env)


def commands(layout: Layout, channel: Channel, *, simulated: str = "") -> dict[str, list[str]]:
    """What to start. `simulated`: code of the city whose cameras are simulated; blank for none."""
    python = str(layout.python)
    manage = [python, "manage.py"]
    listen = ["--host", channel.host, "--port", str(channel.port)]
    uvicorn = ["--no-access-log", "--timeout-graceful-shutdown", "3", "--lifespan", "on"]
    found = {
        "writer": [*manage, "write_events"],
        "fusion": [*manage, "fuse_events"],
        "channel": [python, "-m", "uvicorn", "webapp.asgi:application", *listen, *uvicorn],
        "cameras": [*manage, "run_cameras"],
    }
    if simulated:
        found["simulator"] = [*manage, "simulate_live", "--jurisdiction", simulated]
    return found


@dataclass
class _Started:
    program: "subprocess.Popen[bytes]"
    at: float
    failures: int = 0
    again_at: float | None = None  # when it is started again; None while it runs


@dataclass
class LivePrograms:
    """Starts the programs and keeps them running; `processes.end` by STOP_ORDERS ends them."""

    layout: Layout
    env: Mapping[str, str]
    commands: Mapping[str, list[str]]
    started: dict[str, _Started] = field(default_factory=dict)

    def start(self) -> None:
        for name in self.commands:
            if processes.end(self.layout, name, orders=STOP_ORDERS[name]):
                say(f"  A {name} left over from an earlier start was ended.")
        for name in self.commands:
            self.started[name] = _Started(self._start(name), time.monotonic())

    def look(self) -> None:
        """Say what has ended by itself since the last look, and start again whose time has come. Called now and then."""
        for name, one in self.started.items():
            now = time.monotonic()
            if one.again_at is not None:
                if now >= one.again_at:
                    one.program, one.at, one.again_at = self._start(name), now, None
            elif one.program.poll() is not None:
                one.failures = 1 if now - one.at > LONG_S else one.failures + 1
                wait_s = WAITS_S[min(one.failures, len(WAITS_S)) - 1]
                one.again_at = now + wait_s
                say(
                    f"{tail(self.layout, name)}\nThe {name} ended by itself (status {one.program.returncode}). The site goes on, "
                    f"and it is started again in {wait_s:.0f} s. Log: {self.layout.log(name)}"
                )

    def _start(self, name: str) -> "subprocess.Popen[bytes]":
        # One thread each for numerical libraries: these programs share the machine with the site and its worker.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return processes.start(self.layout, name, self.commands[name], env={**threads, **self.env})


def stop(layout: Layout) -> list[str]:
    """End the programs that run; returns their names. All are asked at once, for each finishes what it holds by itself."""
    running = {name: pid for name in STOP_ORDERS if (pid := processes.alive(layout, name)) is not None}
    for name, pid in running.items():
        if name != "channel":  # asked twice, it would drop its pages without a word
            with suppress(ProcessLookupError):
                os.kill(pid, STOP_ORDERS[name][0][0])
    for name in running:
        processes.end(layout, name, orders=STOP_ORDERS[name])
    return list(running)


def tail(layout: Layout, name: str, lines: int = 15) -> str:
    """The end of a program's log, indented."""
    log = layout.log(name)
    said = ""
    if log.exists():
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
            said = file.read().decode("utf-8", "replace")
    return "\n".join(f"    {line}" for line in said.strip().splitlines()[-lines:])
