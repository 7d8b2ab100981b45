"""`./run demo` and `./run serve`: the running site in the foreground, with or without a city to look at."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.launcher import environment, live, preparation, processes, web
from deploy.launcher.commands import failure_text, run_attached, text_from
from deploy.launcher.layout import Layout, digest_of, files_below, read_json
from deploy.launcher.messages import Trouble, say, table
from deploy.launcher.progress import Progress

TERMINAL_LANGUAGE = {"HAECHI_LANGUAGE": "en"}  # commands speak as this script does; the pages keep their own
BACKTEST_WEEKS = 12


@dataclass(frozen=True)
class City:
    """What to load: the simulated city, or a real file with its preset."""

    data: Path | None = None
    preset: str = ""

    @property
    def command(self) -> list[str]:
        return ["load_city", str(self.data), "--preset", self.preset] if self.data else ["load_demo"]

    @property
    def key(self) -> str:
        """Name of this city's marker and summary."""
        return f"city-{digest_of([], str(self.data), self.preset)[:12]}" if self.data else "city-demo"

    def digest(self, layout: Layout, database: str) -> str:
        """Changes with the database, the real file, or the program and figures that make the simulated city."""
        if self.data:
            seen = self.data.stat()
            return digest_of([], database, self.preset, str(seen.st_size), str(seen.st_mtime_ns))
        sources = [*files_below(layout.root / "simulation", "*.py"), *files_below(layout.root / "webapp" / "demo", "*.py")]
        return digest_of(
            [*sources, *files_below(layout.root / "fixtures", "*")], database, time.strftime("%Y-%m-%d", time.gmtime())
        )


def serve(layout: Layout, progress: Progress, *, host: str, port: int | None) -> int:
    """Serve what is in the database."""
    began = time.monotonic()
    if _served_already(layout):
        return 0
    address = web.choose_address(host=host, port=port)
    channel = live.choose_channel(os.environ, host=address.host, page_port=address.port)
    with _foreground(layout):
        preparation.everything(layout, progress, browser=False)
        with preparation.migrated(layout, progress) as running:
            env = running.env | channel.env
            with web.site(layout, progress, env, address) as programs:
                say(
                    f"\nHaechi runs at {address.url} ({time.monotonic() - began:.1f} s to the first page). "
                    "Ctrl-C or ./run stop ends it."
                )
                live_programs = live.LivePrograms(layout, env, live.commands(layout, channel))
                live_programs.start()
                web.watch(layout, programs, live_programs)
    return 0


def demo(layout: Layout, progress: Progress, *, city: City, host: str, port: int | None) -> int:
    """Load a city, forecast through the worker, plan the watch, and serve it; the simulated city with simulated events."""
    began = time.monotonic()
    if _served_already(layout):
        return 0
    address = web.choose_address(host=host, port=port)
    channel = live.choose_channel(os.environ, host=address.host, page_port=address.port)
    with _foreground(layout):
        preparation.everything(layout, progress, browser=False)
        with preparation.migrated(layout, progress) as running:
            summary = _load(layout, city, running)
            code = str(summary["jurisdiction"])
            env = running.env | channel.env
            with web.site(layout, progress, env, address) as programs:
                say(f"First page after {time.monotonic() - began:.1f} s: {address.url}")
                _forecast_and_plan(layout, progress, env, code)
                simulated = "" if city.data else code
                live_programs = live.LivePrograms(layout, env, live.commands(layout, channel, simulated=simulated))
                live_programs.start()
                _welcome(address, summary, simulated=bool(simulated))
                web.watch(layout, programs, live_programs)
    return 0


def _served_already(layout: Layout) -> bool:
    url = web.already_serving(layout)
    other = processes.alive(layout, web.FOREGROUND)
    if url:
        say(f"Haechi already runs at {url} `./run stop` ends it.")
    elif other:
        say(f"Another ./run (process {other}) is just starting the site. `./run stop` ends it.")
    return bool(url or other)


def _load(layout: Layout, city: City, running: preparation.Running) -> dict[str, Any]:
    """The city in the database; skipped where it was loaded before from the same inputs. Returns the command's summary."""
    summary_file = layout.local / f"{city.key}.json"
    digest = city.digest(layout, running.database)
    if running.database and layout.is_done(city.key, digest) and read_json(summary_file).get("jurisdiction"):
        return read_json(summary_file)
    say(f"Load {city.data.name}:" if city.data else "Make and load the simulated city:")
    args = [str(layout.python), "manage.py", *city.command, "--summary", str(summary_file)]
    log = layout.log("manage")
    with log.open("ab") as errors:  # on Ctrl-C only the log gets Python's traceback
        start = errors.tell()
        env = {**running.env, **TERMINAL_LANGUAGE}
        code = run_attached(args, cwd=layout.root, env=env, errors=errors)  # it draws its own progress bar
    if code:
        raise Trouble(failure_text("Loading (nothing of it was kept)", text_from(log, start), code=code, log=log))
    summary = read_json(summary_file)
    if not summary.get("jurisdiction"):
        raise Trouble(f"`manage.py {city.command[0]}` left no summary in {summary_file}.")
    layout.mark_done(city.key, digest)
    return summary


def _forecast_and_plan(layout: Layout, progress: Progress, env: Mapping[str, str], jurisdiction: str) -> None:
    """A fresh forecast through the worker, a back-test behind it, and the plan of the next shift."""
    env = {**env, **TERMINAL_LANGUAGE}
    manage = [str(layout.python), "manage.py"]
    scope = ["--jurisdiction", jurisdiction]
    # It draws its own progress bar from what the worker reports.
    if run_attached([*manage, "forecast", *scope, "--if-needed", "--wait"], cwd=layout.root, env=env):
        raise Trouble(f"The forecast failed; the lines above say why. The worker's log: {layout.log('worker')}")
    with progress.step("Plan the next shift's watch", key="plan", default_s=5):
        environment.manage(layout, ["plan_watch", *scope], env=env, what="Planning the watch")
    with progress.step("Queue the back-test", key="backtest", default_s=3):
        weeks = ["--weeks", str(BACKTEST_WEEKS)]
        environment.manage(layout, ["backtest", *scope, *weeks, "--if-needed"], env=env, what="Starting the back-test")


def _welcome(address: web.Address, summary: Mapping[str, Any], *, simulated: bool) -> None:
    say(f"\n{summary.get('name', summary['jurisdiction'])}: {address.url}\n")
    logins = [
        (str(one.get("role", "")), str(one.get("username", "")), str(summary.get("password", "")))
        for one in summary.get("logins", [])
    ]
    if logins:
        say(table([("role", "user name", "password"), *logins]))
    if simulated:
        say("\nIts cameras are at work: the live map and the event feed show simulated events.")
    say(f"\nA back-test over {BACKTEST_WEEKS} weeks is worked off in the background. Ctrl-C or ./run stop ends everything.")


@contextmanager
def _foreground(layout: Layout) -> Iterator[None]:
    """Leaves this process's pid file for the block, so that `./run stop` can ask it to end in order."""
    processes.remember(layout, web.FOREGROUND, os.getpid(), program_path="launcher")
    try:
        yield
    finally:
        processes.pid_file(layout, web.FOREGROUND).unlink(missing_ok=True)
