"""The site's own programs: web server, Celery worker and beat; watched in the foreground and ended in order.

The programs of the live part stand beside them (`live.py`): the site lives without those.
"""

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.launcher import live, processes
from deploy.launcher.commands import while_deaf
from deploy.launcher.layout import Layout, read_text, write_atomically
from deploy.launcher.messages import Trouble, say
from deploy.launcher.progress import Progress

# Two processes of four threads: pages wait for the database most of the time. Long uploads keep a thread, hence the patience.
WEB_OPTIONS = (
    "--worker-class",
    "gthread",
    "--workers",
    "2",
    "--threads",
    "4",
    "--preload",
    "--timeout",
    "300",
    "--access-logfile",
    "-",
)
QUEUES = "ingest,train,default"
WORKER_PROCESSES = 2
PREFERRED_PORT = 8000
PORTS_TRIED = 50
START_PATIENCE_S = 90
LOOK_EVERY_S = 0.5
# In this order: nobody asks any more, no new work is handed out, running work is finished or handed back to the queue.
# A worker ends its current task within the first patience, else gives it back (late acknowledgement) on SIGQUIT.
STOP_ORDERS: Mapping[str, tuple[tuple[signal.Signals, float], ...]] = {
    "web": ((signal.SIGTERM, 10.0),),
    "beat": ((signal.SIGTERM, 5.0),),
    "worker": ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 5.0)),
}
FOREGROUND = "foreground"


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @property
    def url(self) -> str:
        shown = {"0.0.0.0": processes.LOOPBACK, "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{shown}:{self.port}/"


def choose_address(*, host: str, port: int | None) -> Address:
    """The asked port, or the first free one from 8000 on; raises Trouble where the asked one is in use."""
    if port is not None:
        if not processes.is_free(port, host):
            raise Trouble(
                f"Port {port} on {host} is in use or not allowed. "
                "Choose another with --port, or leave --port away to take the next free one."
            )
        return Address(host, port)
    for candidate in range(PREFERRED_PORT, PREFERRED_PORT + PORTS_TRIED):
        if processes.is_free(candidate, host):
            if candidate != PREFERRED_PORT:
                say(f"Port {PREFERRED_PORT} is in use by another program; taking {candidate}.")
            return Address(host, candidate)
    raise Trouble(
        f"All ports from {PREFERRED_PORT} to {PREFERRED_PORT + PORTS_TRIED - 1} on {host} are in use. Name one with --port."
    )


def already_serving(layout: Layout) -> str | None:
    """Address of the site that another `./run` of this checkout serves now."""
    if processes.alive(layout, "web") is None:
        return None
    return read_text(layout.running / "address") or None


@contextmanager
def site(
    layout: Layout, progress: Progress, env: Mapping[str, str], address: Address
) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Web server, worker and beat for the block. Yields once the first page answers."""
    python = str(layout.python)
    bind = f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
    celery = [python, "-m", "celery", "-A", "webapp.celery"]
    level = env.get("HAECHI_LOG_LEVEL", "INFO")
    commands = {
        "web": [python, "-m", "gunicorn", "webapp.wsgi:application", "--bind", bind, *WEB_OPTIONS],
        "worker": [*celery, "worker", "-Q", QUEUES, "-c", str(WORKER_PROCESSES), "-l", level, "-n", "haechi@%h"],
        "beat": [*celery, "beat", "-l", level, "-s", str(layout.running / "beat-schedule"), "--pidfile="],
    }
    programs: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with progress.step("Start the web server", key="site", default_s=6):
            for name in commands:
                end_left_over(layout, name)
            programs["web"] = processes.start(layout, "web", commands["web"], env=env)
            _wait_for_page(layout, programs["web"], address)
            write_atomically(layout.running / "address", address.url)
        # The page first, with the machine to itself; worker and timetable are ready a few seconds later. Django's checks,
        # which every management command makes, would bring all pages into their memory: 200 MB in each.
        for name in ("worker", "beat"):
            programs[name] = processes.start(layout, name, commands[name], env={"CELERY_SKIP_CHECKS": "1", **env})
        yield programs
    finally:
        with while_deaf():
            stop(layout)


def end_left_over(layout: Layout, name: str) -> None:
    if processes.end(layout, name, orders=STOP_ORDERS[name]):
        say(f"  A {name} left over from an earlier start was ended.")


def _wait_for_page(layout: Layout, web: "subprocess.Popen[bytes]", address: Address) -> None:
    until = time.monotonic() + START_PATIENCE_S
    while (status := _status_of(address.url)) is None:
        if web.poll() is not None or time.monotonic() > until:
            raise Trouble(f"{live.tail(layout, 'web')}\nThe web server did not start on {address.url} Log: {layout.log('web')}")
        time.sleep(0.1)
    if status >= 500:
        raise Trouble(f"{live.tail(layout, 'web')}\nThe first page answers with an error ({status}). Log: {layout.log('web')}")


def _status_of(url: str) -> int | None:
    """HTTP status of a page; None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=20) as page:  # noqa: S310
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def watch(
    layout: Layout, programs: Mapping[str, "subprocess.Popen[bytes]"], live_programs: live.LivePrograms | None = None
) -> None:
    """Wait until Ctrl-C or `./run stop`; raises Trouble where one of the site's programs ends by itself."""
    try:
        _watch(layout, programs, live_programs)
    except KeyboardInterrupt:
        say("\nStopping ...")


def _watch(layout: Layout, programs: Mapping[str, "subprocess.Popen[bytes]"], live_programs: live.LivePrograms | None) -> None:
    while True:
        for name, program in programs.items():
            if program.poll() is not None:
                raise Trouble(
                    f"{live.tail(layout, name)}\n"
                    f"The {name} ended by itself (status {program.returncode}). Log: {layout.log(name)}"
                )
        if live_programs is not None:
            live_programs.look()
        time.sleep(LOOK_EVERY_S)


def stop(layout: Layout) -> list[str]:
    """End the programs that run, the live ones before those that they need least; returns their names."""
    ended = ["web"] if processes.end(layout, "web", orders=STOP_ORDERS["web"]) else []
    ended += live.stop(layout)
    return ended + [name for name, orders in STOP_ORDERS.items() if processes.end(layout, name, orders=orders)]
