"""The parts of `./run` that need no other program: markers, texts, ports, room on the disk."""

import errno
import socket
import threading
import time
from pathlib import Path

import pytest

from deploy.launcher import environment, live, postgres, processes, system, web
from deploy.launcher.layout import Layout, digest_of, files_below, read_json, write_atomically
from deploy.launcher.messages import Trouble, cause_in, sentence_of, table
from deploy.launcher.progress import Progress, bar_text, duration_text
from deploy.launcher.services import Given


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.of(tmp_path, {})
    made.make_folders()
    return made


# --- markers and files ------------------------------------------------------------------------------
def test_a_step_counts_as_done_only_for_the_inputs_it_was_done_with(layout: Layout) -> None:
    source = layout.root / "requirements.txt"
    source.write_text("one==1\n")
    layout.mark_done("venv", digest_of([source]))
    assert layout.is_done("venv", digest_of([source]))
    source.write_text("one==2\n")
    assert not layout.is_done("venv", digest_of([source]))


def test_the_bare_requirements_count_where_there_are_any(layout: Layout) -> None:
    plain, bare = layout.root / "requirements.txt", layout.root / "requirements-bare.txt"
    plain.write_text("one==1\n")
    assert environment.requirement_files(layout) == [plain]
    bare.write_text("two==2\n")
    assert environment.requirement_files(layout) == [plain, bare]


def test_a_digest_tells_a_moved_border_between_two_texts() -> None:
    assert digest_of([], "ab", "c") != digest_of([], "a", "bc")


def test_files_below_leaves_named_folders_out(tmp_path: Path) -> None:
    (tmp_path / "node_modules" / "x").mkdir(parents=True)
    (tmp_path / "node_modules" / "x" / "a.js").write_text("")
    (tmp_path / "b.js").write_text("")
    assert files_below(tmp_path, "*", without=["node_modules"]) == [tmp_path / "b.js"]


def test_an_atomic_write_replaces_the_file_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, '{"port": 1}', mode=0o600)
    write_atomically(path, '{"port": 2}', mode=0o600)
    assert read_json(path) == {"port": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_state_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"port": ')
    assert read_json(tmp_path / "state.json") == {}


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(layout: Layout) -> None:
    first = layout.secret("secret_key")
    assert len(first) >= 50
    assert layout.secret("secret_key") == first
    assert (layout.local / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_file_in_the_place_of_local_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("")
    with pytest.raises(Trouble, match=r"\.local cannot be written \(.+\)\. It may belong to another user: run as that user"):
        Layout.of(tmp_path, {}).make_folders()


def test_local_may_lie_elsewhere(tmp_path: Path) -> None:
    assert Layout.of(tmp_path, {"HAECHI_LOCAL_DIR": "/elsewhere"}).local == Path("/elsewhere")


# --- texts ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "text"), [(0.3, "a moment"), (8.4, "8 s"), (60, "1 min"), (90, "1 min 30 s"), (605, "10 min"), (3600, "60 min")]
)
def test_durations_read_naturally(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_the_bar_estimates_what_is_left() -> None:
    line = bar_text("Install", elapsed_s=30, expected_s=120, width=100)
    assert line == "[######..................]  25%  Install (about 1 min 30 s left)"


def test_the_bar_says_when_a_step_takes_longer_than_expected() -> None:
    line = bar_text("Install", elapsed_s=150, expected_s=120, width=100)
    assert "99%" in line
    assert "(2 min 30 s, longer than expected)" in line


def test_the_bar_neither_promises_nor_blames_around_its_end() -> None:
    assert bar_text("Start", elapsed_s=0.2, expected_s=0.3, width=100).endswith("Start (almost done)")


def test_the_bar_never_exceeds_the_terminal() -> None:
    line = bar_text("Install " * 30, elapsed_s=1, expected_s=60, width=80)
    assert len(line) == 79
    assert line.endswith("(about 59 s left)")


def test_a_step_remembers_its_duration_and_only_after_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remembered = tmp_path / "durations.json"
    progress = Progress(remembered, terminal=False)
    with progress.step("Sleep", key="sleep", default_s=5):
        time.sleep(0.05)
    with pytest.raises(ZeroDivisionError), progress.step("Fail", key="fail", default_s=5):
        raise ZeroDivisionError
    assert set(read_json(remembered)) == {"sleep"}
    assert Progress(remembered).expected_s("sleep", 5) == pytest.approx(0.05, abs=0.04)
    assert capsys.readouterr().out.startswith("- Sleep (about 5 s) ...\n  Sleep: done in 0.")


def test_on_a_terminal_the_bar_is_drawn_and_cleared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(tmp_path / "durations.json", terminal=True).step("Sleep", key="sleep", default_s=5):
        time.sleep(0.3)
    said = capsys.readouterr().out
    assert "\r[" in said
    assert "left)" in said
    assert said.rstrip().endswith("s)")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("E: Temporary failure resolving 'deb.debian.org'", "There is no network"),
        ("npm error code ENOTFOUND", "There is no network"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("something else", ""),
    ],
)
def test_the_cause_is_read_from_a_failed_programs_output(said: str, sentence: str) -> None:
    assert cause_in(said).startswith(sentence)
    assert bool(cause_in(said)) == bool(sentence)


def test_a_full_disk_is_told_in_one_sentence() -> None:
    with pytest.raises(OSError, match="No space left") as caught, open("/dev/full", "w") as file:
        file.write("x" * 100_000)
    assert sentence_of(caught.value).startswith("The disk is full: this machine could not be written. Free some space")


def test_a_missing_permission_names_the_file() -> None:
    assert sentence_of(PermissionError(errno.EACCES, "Permission denied", "/x/y")).startswith(
        "No permission for /x/y. It may belong"
    )


def test_too_little_room_is_told_before_the_work_begins(tmp_path: Path) -> None:
    with pytest.raises(
        Trouble, match=r"The disk is nearly full: the database needs about 1000000\.0 GB below .+ Free some space"
    ):
        system.require_space(tmp_path, least_bytes=10**15, purpose="the database")


def test_a_table_aligns_its_columns() -> None:
    assert table([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b"


# --- ports ------------------------------------------------------------------------------------------
def test_a_named_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=rf"Port {port} on 127\.0\.0\.1 is in use or not allowed\. Choose another with --port"):
            web.choose_address(host="127.0.0.1", port=port)


def test_without_a_named_port_the_next_free_one_is_taken_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    host = "127.0.0.77"  # nobody else's
    with socket.socket() as taken:
        taken.bind((host, web.PREFERRED_PORT))
        taken.listen()
        assert web.choose_address(host=host, port=None) == web.Address(host, web.PREFERRED_PORT + 1)
    assert capsys.readouterr().out == "Port 8000 is in use by another program; taking 8001.\n"


def test_a_remembered_port_is_kept_while_it_is_free() -> None:
    port = processes.free_port()
    assert processes.free_port(port) == port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert processes.free_port(port) != port


def test_the_address_shown_can_be_opened() -> None:
    assert web.Address("0.0.0.0", 8000).url == "http://127.0.0.1:8000/"  # noqa: S104


# --- the live channel -------------------------------------------------------------------------------
HOST = "127.0.0.78"  # nobody else's


def test_the_live_channel_takes_the_next_free_port_behind_the_pages() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 8001))
        taken.listen()
        channel = live.choose_channel({}, host=HOST, page_port=8000)
    assert (channel.host, channel.port) == (HOST, 8002)
    assert channel.env == {
        "HAECHI_LIVE_URL": ":8002",
        "HAECHI_LIVE_ORIGINS": "http://127.0.0.1:8000,http://localhost:8000",
    }


def test_pages_asked_by_other_names_may_listen_too() -> None:
    names = {"HAECHI_ALLOWED_HOSTS": "localhost, haechi.example,*"}
    origins = live.choose_channel(names, host=HOST, page_port=8000).env["HAECHI_LIVE_ORIGINS"].split(",")
    assert origins == ["http://127.0.0.1:8000", "http://localhost:8000", "http://haechi.example:8000"]


def test_what_is_given_for_the_live_channel_stays() -> None:
    given = {"HAECHI_LIVE_URL": "/", "HAECHI_LIVE_PORT": "8111", "HAECHI_LIVE_ORIGINS": "https://haechi.example"}
    channel = live.choose_channel(given, host=HOST, page_port=8000)
    assert channel.port == 8111
    assert channel.env == {"HAECHI_LIVE_URL": "/", "HAECHI_LIVE_ORIGINS": "https://haechi.example"}
    assert live.choose_channel({"HAECHI_LIVE_URL": ":8222"}, host=HOST, page_port=8000).port == 8222


def test_a_port_named_for_the_live_channel_that_cannot_be_had_is_one_sentence() -> None:
    with pytest.raises(Trouble, match="HAECHI_LIVE_PORT is 'many'; it must be a port from 1 to 65535"):
        live.choose_channel({"HAECHI_LIVE_PORT": "many"}, host=HOST, page_port=8000)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Trouble, match=rf"Port {port} on {HOST}, named for the live channel, is in use"):
            live.choose_channel({"HAECHI_LIVE_URL": f":{port}"}, host=HOST, page_port=8000)


def test_only_a_simulated_city_gets_simulated_events(layout: Layout) -> None:
    channel = live.Channel(HOST, 8001, {})
    real, simulated = live.commands(layout, channel), live.commands(layout, channel, simulated="seocho")
    assert set(simulated) - set(real) == {"simulator"}
    assert simulated["simulator"][1:] == ["manage.py", "simulate_live", "--jurisdiction", "seocho"]
    assert set(simulated) == set(live.STOP_ORDERS)


# --- what is on the machine -------------------------------------------------------------------------
def _postgres(programs: Path, share: Path, version: int, *, postgis: bool) -> None:
    (programs / str(version) / "bin").mkdir(parents=True)
    for name in ("initdb", "pg_ctl"):
        (programs / str(version) / "bin" / name).write_text("")
    (share / str(version) / "extension").mkdir(parents=True)
    if postgis:
        (share / str(version) / "extension" / "postgis.control").write_text("")


def test_the_newest_postgresql_that_has_postgis_is_taken(tmp_path: Path) -> None:
    programs, share = tmp_path / "lib", tmp_path / "share"
    for version, postgis in ((14, True), (15, True), (16, True), (17, False)):
        _postgres(programs, share, version, postgis=postgis)
    found = system.usable_postgres(programs, share)
    assert found is not None
    assert found.version == 16


def test_a_postgresql_older_than_15_does_not_count(tmp_path: Path) -> None:
    programs, share = tmp_path / "lib", tmp_path / "share"
    _postgres(programs, share, 14, postgis=True)
    assert system.usable_postgres(programs, share) is None


def test_given_addresses_mean_that_nothing_is_started() -> None:
    assert Given.by({"DATABASE_URL": "postgis://x/y"}) == Given(database=True, redis=False)
    assert Given.by({"REDIS_URL_FILE": "/run/secrets/redis"}) == Given(database=False, redis=True)
    assert Given.by({"DATABASE_URL": ""}) == Given(database=False, redis=False)


def test_the_cluster_elsewhere_depends_on_the_checkout_only(tmp_path: Path) -> None:
    one, other = Layout.of(tmp_path / "a", {}), Layout.of(tmp_path / "b", {})
    assert postgres._elsewhere(one) == postgres._elsewhere(Layout.of(tmp_path / "a", {}))
    assert postgres._elsewhere(one) != postgres._elsewhere(other)


# --- who uses the services --------------------------------------------------------------------------
def test_only_the_last_user_stops_the_services(layout: Layout) -> None:
    first, second = processes.Users(layout), processes.Users(layout)
    first.enter()
    second.enter()
    assert not first.leave()
    assert second.leave()


def test_a_second_set_up_waits_for_the_first(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with processes.set_up_lock(layout):
            order.append("second")

    thread = threading.Thread(target=second)
    with processes.set_up_lock(layout):
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "Another ./run is setting things up; waiting for it ..." in capsys.readouterr().out
