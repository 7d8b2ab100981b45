"""The private database and Redis of `./run`, really started: where they lie, who gets in, and how they survive accidents."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2  # type: ignore[import-untyped]
import pytest
import redis

from deploy.launcher import postgres, processes
from deploy.launcher.layout import Layout, read_json, write_atomically

from .launcher_project import Project, await_file, interrupt, make_project

STARTS = "Start the private database"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One project with one cluster for all tests here; in a folder that only its owner may enter, as a fresh clone may be."""
    made = make_project(tmp_path_factory.mktemp("services") / "project")
    yield made
    made.run("stop")
    home = read_json(made.local / "postgres.json").get("home")
    if home:
        shutil.rmtree(home)


@pytest.fixture
def layout(project: Project) -> Layout:
    return Layout.of(project.root, {})


def _start_waiting(project: Project, **env: str) -> "tuple[subprocess.Popen[str], dict[str, str]]":
    """`./run manage wait`, and what it was given, as soon as it says so."""
    program = project.start("manage", "wait", env=project.environment(**env))
    assert program.stdout is not None
    for line in program.stdout:
        if line.startswith("{"):
            return program, json.loads(line)
    raise AssertionError(f"it ended with status {program.wait()}")


def _ask(url: str, question: str) -> str:
    parts = urlsplit(url)
    link = psycopg2.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        dbname=parts.path[1:],
        connect_timeout=5,
    )
    try:
        with link.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            assert row is not None
            return str(row[0])
    finally:
        link.close()


def test_a_verb_gets_a_database_with_postgis_and_checksums_and_a_redis_and_leaves_nothing_running(project: Project) -> None:
    program, given = _start_waiting(project)
    url = given["DATABASE_URL"]
    assert _ask(url, "SHOW data_checksums") == "on"
    assert _ask(url, "SHOW listen_addresses") == "127.0.0.1"
    assert _ask(url, "SHOW unix_socket_directories") == ""
    assert _ask(url, "SELECT extname FROM pg_extension WHERE extname = 'postgis'") == "postgis"
    assert redis.Redis.from_url(given["REDIS_URL"]).ping() is True
    code, said = interrupt(program)
    assert code == 130
    assert "Redis stopped." in said
    assert "The private database stopped." in said
    with pytest.raises(psycopg2.OperationalError):
        _ask(url, "SELECT 1")
    assert project.processes() == []


def test_nobody_gets_in_without_the_password(project: Project) -> None:
    program, given = _start_waiting(project)
    parts = urlsplit(given["DATABASE_URL"])
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host=parts.hostname, port=parts.port, user=parts.username, password="guess", dbname=parts.path[1:])
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host="127.0.0.1", port=urlsplit(given["REDIS_URL"]).port or 0).ping()
    interrupt(program)


def test_as_root_another_user_runs_postgresql_from_a_place_it_can_reach(project: Project, layout: Layout) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root needs another user")
    program, _ = _start_waiting(project)
    cluster = postgres.find(layout)
    assert cluster is not None
    running = cluster.postmaster()
    assert running is not None
    assert cluster.account in postgres.ACCOUNTS
    assert Path(f"/proc/{running[0]}").stat().st_uid == cluster.data.stat().st_uid != 0
    assert cluster.home.parent == postgres.ELSEWHERE  # pytest's own folders are closed to others
    interrupt(program)


def test_data_ports_and_secret_are_the_same_the_next_time(project: Project) -> None:
    program, first = _start_waiting(project)
    assert _ask(first["DATABASE_URL"], "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "0"
    parts = urlsplit(first["DATABASE_URL"])
    with psycopg2.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, dbname="haechi"
    ) as link:
        link.cursor().execute("CREATE TABLE kept (x int)")
    link.close()
    interrupt(program)
    program, second = _start_waiting(project)
    assert second == first
    assert _ask(second["DATABASE_URL"], "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "1"
    interrupt(program)


def test_a_remembered_port_that_somebody_took_is_replaced(project: Project) -> None:
    old = read_json(project.local / "postgres.json")["port"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # links of the stopped server may linger
        taken.bind(("127.0.0.1", old))
        taken.listen()
        program, given = _start_waiting(project)
        new = urlsplit(given["DATABASE_URL"]).port
        assert new not in (None, old)
        assert _ask(given["DATABASE_URL"], "SELECT 1") == "1"
        interrupt(program)
    assert read_json(project.local / "postgres.json")["port"] == new


def test_after_a_killed_launcher_stop_ends_what_it_left(project: Project) -> None:
    program, given = _start_waiting(project)
    program.kill()
    program.wait()
    assert _ask(given["DATABASE_URL"], "SELECT 1") == "1"  # nobody could stop it
    code, said = project.run("stop")
    assert code == 0
    assert said.splitlines() == ["Redis stopped.", "The private database stopped.", "Stopped."]
    assert project.run("stop") == (0, "Nothing was running.\n")


def test_a_killed_database_server_is_started_again_and_recovers(project: Project, layout: Layout) -> None:
    program, _ = _start_waiting(project)
    program.kill()
    program.wait()
    cluster = postgres.find(layout)
    assert cluster is not None
    running = cluster.postmaster()
    assert running is not None
    os.kill(running[0], signal.SIGKILL)
    redis_pid = processes.alive(layout, "redis")
    assert redis_pid is not None
    os.kill(redis_pid, signal.SIGKILL)
    time.sleep(1)  # its other processes see that and end
    assert (cluster.data / "postmaster.pid").exists()
    program, given = _start_waiting(project)
    assert _ask(given["DATABASE_URL"], "SELECT 1") == "1"
    assert redis.Redis.from_url(given["REDIS_URL"]).ping() is True
    interrupt(program)


def test_two_verbs_share_the_services_and_the_last_one_stops_them(project: Project) -> None:
    one, given = _start_waiting(project)
    other, same = _start_waiting(project)
    assert same == given
    _, said = interrupt(one)
    assert "stopped." not in said.replace("manage: stopped", "")
    assert _ask(given["DATABASE_URL"], "SELECT 1") == "1"
    _, said = interrupt(other)
    assert "The private database stopped." in said


def test_interrupted_while_the_cluster_is_made_it_is_made_on_the_next_start(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    try:
        program = project.start("manage", "done")
        await_file(project.local / "log" / "postgres.log", "initdb")
        code, _ = interrupt(program)
        assert code == 130
        assert not (project.local / "postgres.json").exists()
        code, said = project.run("manage", "done")
        assert code == 0, said
        assert "Make the private database cluster: done" in said
        assert "arguments ['done']" in said
    finally:
        project.run("stop")
        shutil.rmtree(read_json(project.local / "postgres.json")["home"])


def test_given_addresses_are_passed_on_and_nothing_is_started(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    given = {"DATABASE_URL": "postgis://me@db.example/x", "REDIS_URL": "redis://cache.example/0", "HAECHI_SECRET_KEY": "given"}
    code, said = project.run("manage", "done", env=project.environment(**given))
    assert code == 0
    assert json.loads(said.splitlines()[0]) == given
    assert STARTS not in said
    assert not (project.local / "postgres.json").exists()
    assert not (project.local / "secret_key").exists()


def test_the_status_of_a_management_command_is_passed_on(tmp_path: Path) -> None:
    env = make_project(tmp_path / "project").environment(DATABASE_URL="postgis://x/y", REDIS_URL="redis://x/0")
    code, said = Project(tmp_path / "project").run("manage", "fail", env=env)
    assert code == 3
    assert "arguments ['fail']" in said


# --- pid files --------------------------------------------------------------------------------------
@pytest.fixture
def own(tmp_path: Path) -> Layout:
    made = Layout.of(tmp_path, {})
    made.make_folders()
    return made


def test_a_lasting_program_is_found_by_its_pid_file_and_ended(own: Layout) -> None:
    program = processes.start(own, "sleeper", ["sleep", "60"], env=os.environ)
    assert processes.alive(own, "sleeper") == program.pid
    assert processes.end(own, "sleeper", orders=((signal.SIGTERM, 5.0),))
    assert processes.alive(own, "sleeper") is None
    assert not processes.pid_file(own, "sleeper").exists()


def test_a_program_that_ignores_requests_is_killed_at_last(own: Layout) -> None:
    program = processes.start(
        own, "stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], env=os.environ
    )
    await_file(own.log("stubborn"), "ready")
    assert processes.end(own, "stubborn", orders=((signal.SIGTERM, 0.3),))
    assert processes.started_at(program.pid) is None


def test_a_stale_pid_file_never_ends_the_process_that_has_the_number_now(own: Layout) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        entry = {"pid": stranger.pid, "started": 1, "program": "sleep"}  # the same number and name, begun at another time
        write_atomically(processes.pid_file(own, "web"), json.dumps(entry))
        assert processes.alive(own, "web") is None
        assert not processes.end(own, "web", orders=((signal.SIGTERM, 1.0),))
        assert stranger.poll() is None
        assert not processes.pid_file(own, "web").exists()
        stranger.kill()


def test_a_pid_file_of_a_process_that_is_gone_is_removed(own: Layout) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    write_atomically(processes.pid_file(own, "web"), json.dumps({"pid": gone.pid, "started": 1, "program": "true"}))
    assert processes.alive(own, "web") is None
    assert not processes.pid_file(own, "web").exists()
