"""The programs of the live part as `./run` keeps them: told and started again where one ends, ended with the site."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.launcher import live, processes, web
from deploy.launcher.layout import Layout

SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Layout]:
    made = Layout.of(tmp_path, {})
    made.make_folders()
    yield made
    live.stop(made)


def _until(told: Callable[[], bool], *, programs: live.LivePrograms, patience_s: float = 10.0) -> None:
    until = time.monotonic() + patience_s
    while not told():
        assert time.monotonic() < until
        programs.look()
        time.sleep(0.02)


def test_all_are_started_with_one_thread_for_arrays_and_ended_in_order(own: Layout) -> None:
    shows = [sys.executable, "-c", "import os, time; print(os.environ['OMP_NUM_THREADS'], flush=True); time.sleep(60)"]
    programs = live.LivePrograms(own, os.environ, {"simulator": SLEEPER, "writer": SLEEPER, "fusion": shows})
    programs.start()
    _until(lambda: own.log("fusion").read_text().strip() == "1", programs=programs)
    assert all(processes.alive(own, name) for name in ("simulator", "writer", "fusion"))
    assert web.stop(own) == ["simulator", "writer", "fusion"]
    assert not any(processes.alive(own, name) for name in live.STOP_ORDERS)


def test_one_that_ends_is_told_and_started_again_while_the_others_go_on(
    own: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "WAITS_S", (0.1, 0.2, 30.0))
    failing = [sys.executable, "-c", "print('the database is away'); raise SystemExit(3)"]
    programs = live.LivePrograms(own, os.environ, {"fusion": failing, "writer": SLEEPER})
    programs.start()
    writer = processes.alive(own, "writer")
    _until(lambda: programs.started["fusion"].failures == 3, programs=programs)
    said = capsys.readouterr().out
    assert said.count("The fusion ended by itself (status 3). The site goes on, and it is started again in ") == 3
    assert "    the database is away\nThe fusion ended" in said
    assert "started again in 30 s. Log: " in said  # longer each time
    assert own.log("fusion").read_text().count("the database is away") == 3
    assert processes.alive(own, "writer") == writer


def test_one_left_over_from_a_killed_launcher_is_ended_first(own: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    left = processes.start(own, "writer", SLEEPER, env=os.environ)
    live.LivePrograms(own, os.environ, {"writer": SLEEPER}).start()
    assert capsys.readouterr().out == "  A writer left over from an earlier start was ended.\n"
    assert processes.alive(own, "writer") not in (None, left.pid)


def test_the_tail_of_a_long_log_is_read_from_its_end(own: Layout) -> None:
    own.log("writer").write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert live.tail(own, "writer", lines=2) == "    line 99998\n    line 99999"
    assert live.tail(own, "nobody") == ""
