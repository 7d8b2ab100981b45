"""The site's programs as `./run serve` starts them: real gunicorn, Celery worker and beat."""

import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from deploy.launcher import environment, live, processes, web
from deploy.launcher.layout import Layout
from deploy.launcher.messages import Trouble
from deploy.launcher.progress import Progress

from .launcher_project import await_file

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["web", "beat", "worker"]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """The real project with a `.local/` of its own, whose virtual environment is the one that runs the tests."""
    made = Layout(root=ROOT, local=tmp_path_factory.mktemp("site") / "local")
    made.make_folders()
    made.venv.symlink_to(sys.prefix)
    environment.ensure_static(made, _progress(made), _environment(made))
    yield made
    web.stop(made)


@pytest.fixture
def env(layout: Layout) -> dict[str, str]:
    return _environment(layout)


def _environment(layout: Layout) -> dict[str, str]:
    """The tests' own services."""
    return os.environ | {"HAECHI_STATIC_ROOT": str(layout.static), "HAECHI_SECRET_KEY": settings.SECRET_KEY}


def _address() -> web.Address:
    return web.Address(processes.LOOPBACK, processes.free_port())


def _progress(layout: Layout) -> Progress:
    return Progress(layout.local / "durations.json", terminal=False)


def test_web_server_worker_and_beat_run_for_the_block_and_end_with_it(layout: Layout, env: dict[str, str]) -> None:
    address = _address()
    with web.site(layout, _progress(layout), env, address) as programs:
        assert sorted(programs) == sorted(NAMES)
        assert all(processes.alive(layout, name) == program.pid for name, program in programs.items())
        assert web.already_serving(layout) == address.url
        with urllib.request.urlopen(f"{address.url}accounts/login/") as page:  # noqa: S310
            assert page.status == 200
    assert [processes.alive(layout, name) for name in NAMES] == [None, None, None]
    assert web.already_serving(layout) is None
    assert processes.is_free(address.port)


def test_a_program_that_ends_by_itself_is_told_and_the_others_are_ended(layout: Layout, env: dict[str, str]) -> None:
    with web.site(layout, _progress(layout), env, _address()) as programs:
        os.kill(programs["worker"].pid, signal.SIGKILL)
        with pytest.raises(Trouble, match=r"The worker ended by itself \(status -9\)\. Log: .+worker\.log"):
            web.watch(layout, programs)
    assert [processes.alive(layout, name) for name in NAMES] == [None, None, None]


def test_a_web_server_that_cannot_start_shows_its_last_words(layout: Layout, env: dict[str, str]) -> None:
    said = _refusal(layout, env | {"HAECHI_SECRET_KEY": ""}, _address())
    assert "HAECHI_SECRET_KEY is not set." in said
    assert said.splitlines()[-1].startswith("The web server did not start on http://127.0.0.1:")
    assert said.endswith(f"Log: {layout.log('web')}")


def test_a_port_that_was_taken_meanwhile_is_told(layout: Layout, env: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind((processes.LOOPBACK, 0))
        taken.listen()
        said = _refusal(layout, env, web.Address(processes.LOOPBACK, taken.getsockname()[1]))
    assert "in use" in said
    assert "The web server did not start on" in said


def test_a_first_page_that_fails_is_told_at_once(layout: Layout, env: dict[str, str]) -> None:
    said = _refusal(layout, env | {"HAECHI_STATIC_ROOT": str(layout.local / "none")}, _address())
    assert "The first page answers with an error (500). Log: " in said


@pytest.mark.django_db(transaction=True)
def test_the_live_programs_run_beside_the_pages_and_end_with_them(layout: Layout, env: dict[str, str]) -> None:
    given = connection.settings_dict
    database = f"postgis://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    for name in live.STOP_ORDERS:
        layout.log(name).unlink(missing_ok=True)
    channel = live.choose_channel({}, host=processes.LOOPBACK, page_port=processes.free_port())
    programs = live.LivePrograms(layout, {**env, **channel.env, "DATABASE_URL": database}, live.commands(layout, channel))
    programs.start()
    try:
        told = {"writer": "storing events", "fusion": "this process fuses", "cameras": "watching streams", "channel": "complete"}
        for name, words in told.items():
            await_file(layout.log(name), words)
        with urllib.request.urlopen(f"http://127.0.0.1:{channel.port}/live/health/", timeout=10) as answer:
            assert answer.status == 200
        programs.look()
        assert [one.failures for one in programs.started.values()] == [0, 0, 0, 0]
    finally:
        ended = web.stop(layout)
    assert ended == ["channel", "cameras", "writer", "fusion"]
    assert not any(processes.alive(layout, name) for name in live.STOP_ORDERS)


def _refusal(layout: Layout, env: dict[str, str], address: web.Address) -> str:
    """What the launcher says where the site does not come up; nothing of it may be left running."""
    with pytest.raises(Trouble) as caught, web.site(layout, _progress(layout), env, address):
        pytest.fail("it must not come up")
    assert [processes.alive(layout, name) for name in NAMES] == [None, None, None]
    return str(caught.value)
