"""`./run` on machines where something is missing: real pip, real sockets, small shell stand-ins for apt-get and sudo."""

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.launcher import system
from deploy.launcher.layout import Layout
from deploy.launcher.messages import Trouble
from deploy.launcher.progress import Progress

from .launcher_project import Project, await_file, interrupt, make_program, make_project, make_wheel

GIVEN = {"DATABASE_URL": "postgis://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
BASIC_PROGRAMS = ("sh", "env", "id", "dirname", "mktemp", "rm", "cat", "echo", "ln")
NOBODY = 65534


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: the basic programs only."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BASIC_PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout.of(tmp_path / "project", {})
    made.make_folders()
    return made


@pytest.fixture
def progress(layout: Layout) -> Progress:
    return Progress(layout.local / "durations.json", terminal=False)


# --- Python -----------------------------------------------------------------------------------------
def test_without_python_root_installs_it_and_goes_on(tmp_path: Path, bare_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the stand-in for apt-get is only asked directly by root")
    base = getattr(sys, "_base_executable", sys.executable)
    make_program(
        bare_path / "apt-get",
        f'echo "$@" >> {tmp_path}/calls\n[ "$1" = install ] && ln -s {base} {bare_path}/python3 || true',
    )
    code, said = make_project(tmp_path / "project").run("help", env={"PATH": str(bare_path)})
    assert code == 0
    assert said.startswith("Installing Python (python3, python3-venv) ...\n./run, the one script of Haechi.")
    assert (tmp_path / "calls").read_text() == "update\ninstall -y --no-install-recommends python3 python3-venv\n"


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path, bare_path: Path) -> None:
    make_program(bare_path / "python3", "exit 1")
    (bare_path / "python3.11").symlink_to(getattr(sys, "_base_executable", sys.executable))
    code, said = make_project(tmp_path / "project").run("help", env={"PATH": str(bare_path)})
    assert (code, said[:5]) == (0, "./run")


def test_without_python_and_apt_one_sentence_says_what_to_install(tmp_path: Path, bare_path: Path) -> None:
    code, said = make_project(tmp_path / "project").run("help", env={"PATH": str(bare_path)})
    assert code == 1
    assert said == (
        "./run: Python 3.11 or later with its venv module was not found, and there is no apt-get to install it. "
        "Install it and run this again.\n"
    )


def test_where_python_cannot_be_installed_the_log_is_named(tmp_path: Path, bare_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("the stand-in for apt-get is only asked directly by root")
    make_program(bare_path / "apt-get", "echo \"Temporary failure resolving 'deb.debian.org'\"; exit 100")
    code, said = make_project(tmp_path / "project").run("help", env={"PATH": str(bare_path), "TMPDIR": str(tmp_path)})
    assert code == 1
    assert "Python 3.11 or later could not be installed (no network, or a release that is too old" in said
    log = Path(said.rpartition("Log: ")[2].strip())
    assert "Temporary failure resolving" in log.read_text()


# --- system packages --------------------------------------------------------------------------------
def test_a_plain_user_without_sudo_is_told_the_exact_command(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path / "apt-get", "exit 0")
    monkeypatch.setenv("PATH", str(bare_path))
    with pytest.raises(Trouble) as caught:
        system.install(layout, progress, ["postgresql", "redis-server"], euid=1000)
    assert str(caught.value) == (
        "These system packages are missing: postgresql redis-server. Installing them needs root or sudo without a password. "
        "Ask an administrator to run: sudo apt-get install -y postgresql redis-server"
    )


def test_a_sudo_that_asks_for_a_password_is_not_used(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path / "sudo", 'echo "sudo: a password is required" >&2; exit 1')
    make_program(bare_path / "apt-get", "exit 0")
    monkeypatch.setenv("PATH", str(bare_path))
    assert system.elevation(euid=1000) is None
    with pytest.raises(Trouble, match="needs root or sudo without a password"):
        system.install(layout, progress, ["redis-server"], euid=1000)


def test_a_plain_user_with_sudo_installs_without_being_asked(
    layout: Layout, progress: Progress, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path / "sudo", 'shift\nexec "$@"')
    make_program(bare_path / "apt-get", f'echo "$DEBIAN_FRONTEND $@" >> {tmp_path}/calls')
    monkeypatch.setenv("PATH", str(bare_path))
    system.install(layout, progress, ["redis-server"], euid=1000)
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update == "noninteractive -y -o DPkg::Lock::Timeout=120 update"
    assert install == "noninteractive -y -o DPkg::Lock::Timeout=120 install --no-install-recommends redis-server"


def test_apt_without_network_is_one_sentence_with_the_log(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path / "apt-get", "echo \"E: Temporary failure resolving 'deb.debian.org'\" >&2; exit 100")
    monkeypatch.setenv("PATH", str(bare_path))
    with pytest.raises(Trouble) as caught:
        system.install(layout, progress, ["redis-server"], euid=0)
    last = str(caught.value).splitlines()[-1]
    assert last.startswith("Installing redis-server (sudo apt-get install -y redis-server) failed. There is no network")
    assert last.endswith(f"Log: {layout.log('apt')}")


def test_a_system_without_apt_names_what_is_missing(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare_path))
    with pytest.raises(Trouble, match=r"These are missing: redis-server\. This system has no apt-get; install them by hand"):
        system.install(layout, progress, ["redis-server"])


def test_a_peer_of_a_bench_that_cannot_be_installed_is_left_out_and_said(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(bare_path))
    system.ensure_peers(layout, progress, "ingest")
    assert "ogr2ogr will not be measured beside: These are missing: gdal-bin." in capsys.readouterr().out


def test_a_peer_of_a_bench_that_is_there_is_not_installed_again(
    layout: Layout, progress: Progress, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_program(bare_path / "apt-get", f'echo "$@" >> {tmp_path}/calls')
    make_program(bare_path / "ogr2ogr", "exit 0")
    monkeypatch.setenv("PATH", str(bare_path))
    system.ensure_peers(layout, progress, "ingest")
    system.ensure_peers(layout, progress, "watch")
    assert not (tmp_path / "calls").exists()


def test_what_the_tests_servers_lack_is_named_by_package(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(bare_path))
    monkeypatch.setattr(system, "MQTT_BROKER", ("mosquitto", tmp_path / "sbin" / "mosquitto"))
    packages = {"python3-gi": "/usr/lib/gi.py", "gstreamer1.0-plugins-bad": "/usr/lib/*/libbad.so"}
    assert system.missing_for_tests(packages, tmp_path) == ["mosquitto", "python3-gi", "gstreamer1.0-plugins-bad"]
    (tmp_path / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "usr" / "lib" / "x86_64-linux-gnu" / "libbad.so").write_text("")
    assert system.missing_for_tests(packages, tmp_path) == ["mosquitto", "python3-gi"]
    (tmp_path / "usr" / "lib" / "gi.py").write_text("")
    make_program(bare_path / "mosquitto", "exit 0")
    assert system.missing_for_tests(packages, tmp_path) == []


def test_servers_of_the_tests_that_cannot_be_installed_are_left_out_and_said(
    layout: Layout, progress: Progress, bare_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(bare_path))
    monkeypatch.setattr(system, "missing_for_tests", lambda: ["mosquitto", "python3-gi"])
    system.ensure_test_servers(layout, progress)
    said = capsys.readouterr().out
    assert said.startswith("Tests with a real MQTT broker or RTSP server are skipped: These are missing: mosquitto python3-gi.")


def test_servers_of_the_tests_are_installed_in_one_go(
    layout: Layout, progress: Progress, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("the stand-in for apt-get is only asked directly by root")
    make_program(bare_path / "apt-get", f'echo "$@" >> {tmp_path}/calls')
    monkeypatch.setenv("PATH", str(bare_path))
    monkeypatch.setattr(system, "missing_for_tests", lambda: ["mosquitto", "python3-gi"])
    system.ensure_test_servers(layout, progress)
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("install --no-install-recommends mosquitto python3-gi")


def test_an_empty_stand_in_for_a_snap_is_no_browser(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(bare_path / "chromium-browser", 'echo "requires the chromium snap to be installed" >&2; exit 1')
    monkeypatch.setenv("PATH", str(bare_path))
    assert system.browser_program() is None or system.browser_program() == "/snap/bin/chromium"


def test_a_node_that_is_too_old_is_not_used(bare_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(bare_path / "npm", "exit 0")
    make_program(bare_path / "node", "echo v18.19.0")
    monkeypatch.setenv("PATH", str(bare_path))
    assert system.system_node() is None
    make_program(bare_path / "node", "echo v20.1.0")
    assert system.system_node() == (str(bare_path / "node"), str(bare_path / "npm"))


# --- the virtual environment ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def installing(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that needs one package, with no virtual environment yet; the tests below use it in their order."""
    return make_project(tmp_path_factory.mktemp("installing") / "project", requirements="haechi-probe==1.0\n", with_venv=False)


def test_pip_without_network_is_one_sentence_with_the_log(installing: Project) -> None:
    # A real pip that asks a port where nobody listens.
    env = installing.environment(PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0", PIP_CONFIG_FILE="/dev/null", **GIVEN)
    code, said = installing.run("manage", "check", env=env)
    assert code == 1
    last = said.strip().splitlines()[-1]
    assert last.startswith("Installing the Python packages failed. There is no network")
    assert last.endswith(f"Log: {installing.local / 'log' / 'pip.log'}")
    assert not (installing.local / "done" / "venv").exists()


def test_interrupted_in_the_middle_of_pip_it_ends_cleanly_and_leaves_no_process(installing: Project) -> None:
    with socket.socket() as silent:  # accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        (installing.local / "log" / "pip.log").unlink(missing_ok=True)
        program = installing.start(
            "manage", "check", env=installing.environment(PIP_INDEX_URL=index, PIP_CONFIG_FILE="/dev/null", **GIVEN)
        )
        await_file(installing.local / "log" / "pip.log", "Looking in indexes")
        code, said = interrupt(program)
    assert code == 130
    assert said.strip().endswith("./run manage: stopped. Run it again at any time; finished steps are not repeated.")
    assert installing.processes() == []


def test_run_again_after_the_interrupt_it_finishes_and_then_skips_what_is_done(installing: Project, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "haechi_probe", "1.0")
    env = installing.environment(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "wheels"), **GIVEN)
    code, said = installing.run("manage", "check", env=env)
    assert code == 0, said
    assert "Install the Python packages: done" in said
    assert "Make the virtual environment" not in said  # the first attempt's is still good
    code, said = installing.run("manage", "check", env=installing.environment(**GIVEN))
    assert code == 0
    assert "Install" not in said


def test_a_bare_package_is_installed_without_what_it_asks_for(installing: Project, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "haechi_probe", "1.0")
    make_wheel(tmp_path / "wheels", "haechi_bare", "2.0", requires="haechi-second-opencv==9.9")
    (installing.root / "requirements-bare.txt").write_text("haechi-bare==2.0\n")
    env = installing.environment(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "wheels"), **GIVEN)
    code, said = installing.run("manage", "check", env=env)
    assert code == 0, said
    assert "Install the Python packages: done" in said  # the new file alone is reason enough
    packages = [path.name for path in (installing.local / "venv").glob("lib/python3*/site-packages/haechi_*.py")]
    assert sorted(packages) == ["haechi_bare.py", "haechi_probe.py"]
    code, said = installing.run("manage", "check", env=installing.environment(**GIVEN))
    assert code == 0
    assert "Install" not in said


def test_a_broken_virtual_environment_is_made_anew(installing: Project, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "haechi_probe", "1.0")
    make_wheel(tmp_path / "wheels", "haechi_bare", "2.0")
    (installing.local / "venv" / "bin" / "python").unlink()  # as when the system's Python was removed
    env = installing.environment(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path / "wheels"), **GIVEN)
    code, said = installing.run("manage", "check", env=env)
    assert code == 0, said
    assert "Make the virtual environment: done" in said


# --- permissions ------------------------------------------------------------------------------------
@pytest.fixture
def open_project() -> Iterator[Project]:
    """A project that every user of this machine can read, in a folder outside pytest's private ones."""
    folder = Path(tempfile.mkdtemp(prefix="haechi-open-"))
    folder.chmod(0o755)
    yield make_project(folder / "project", with_venv=False)
    shutil.rmtree(folder)


def _as_plain_user(project: Project, *args: str) -> tuple[int, str]:
    """Run as a user without rights: `nobody` where the tests run as root."""
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(project.root / "run"), *args],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", **GIVEN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **identity,  # type: ignore[call-overload]
    )
    return done.returncode, done.stdout + done.stderr


def _system_python_fits() -> bool:
    asked = ["/usr/bin/python3", "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"]
    return Path(asked[0]).exists() and subprocess.run(asked, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _system_python_fits(), reason="the system's own Python is older than 3.11 or has no venv module")
def test_a_local_folder_of_another_user_is_one_sentence(open_project: Project) -> None:
    open_project.local.mkdir()
    open_project.local.chmod(0o555)
    assert not open_project.local.stat().st_mode & stat.S_IWOTH
    code, said = _as_plain_user(open_project, "serve")
    assert code == 1
    assert said.strip() == (
        f"./run serve: {open_project.local} cannot be written (Permission denied). "
        f"It may belong to another user: run as that user, or change the owner with: sudo chown -R $(id -un) {open_project.local}"
    )


# --- the command line -------------------------------------------------------------------------------
def test_an_unknown_verb_points_to_help(tmp_path: Path) -> None:
    code, said = make_project(tmp_path / "project").run("start")
    assert (code, said) == (2, "./run: there is no verb 'start'. `./run help` lists them.\n")


def test_help_names_every_verb(tmp_path: Path) -> None:
    code, said = make_project(tmp_path / "project").run("help")
    assert code == 0
    for verb in ("demo", "serve", "stop", "test", "check", "bench", "manage", "doctor", "help"):
        assert f"./run {verb}" in said


def test_a_file_that_is_not_there_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    code, said = make_project(tmp_path / "project").run("demo", "--data", "missing.csv", "--preset", "chicago")
    assert code == 1
    assert said.strip() == "./run demo: There is no file missing.csv. Give the path of a CSV file (it may be compressed by gzip)."


def test_a_file_without_its_preset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("")
    code, said = make_project(tmp_path / "project").run("demo", "--data", str(tmp_path / "some.csv"))
    assert code == 1
    assert said.strip() == "./run demo: --data and --preset belong together: ./run demo --data FILE --preset chicago"


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    code, said = make_project(tmp_path / "project").run("serve", "--port", port)
    assert code == 2
    assert f"'{port}' is not a port; give a number from 1 to 65535" in said


def test_a_named_port_in_use_is_told_before_anything_is_installed(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = make_project(tmp_path / "project").run("serve", "--port", port)
    assert code == 1
    assert said.strip() == (
        f"./run serve: Port {port} on 127.0.0.1 is in use or not allowed. "
        "Choose another with --port, or leave --port away to take the next free one."
    )


def test_a_bench_that_does_not_exist_lists_those_that_do(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project.root / "bench").mkdir()
    (project.root / "bench" / "ingest.py").write_text("")
    (project.root / "bench" / "_common.py").write_text("")
    code, said = project.run("bench", "speed")
    assert (code, said) == (2, "There is no bench named 'speed'. Usage: ./run bench NAME, with NAME one of: ingest.\n")


def test_doctor_says_how_to_mend_what_is_missing(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", with_venv=False)
    code, said = project.run("doctor")
    assert code == 0
    assert "Python packages: the next ./run installs them" in said
    assert "front-end bundle: the next ./run builds it" in said
    assert not project.local.exists()  # it looks and changes nothing
