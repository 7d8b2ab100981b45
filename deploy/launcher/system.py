"""What the machine itself must have: found by looking, installed by apt where missing, with root or a sudo that asks nothing."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.launcher.commands import output_of, run_logged
from deploy.launcher.layout import Layout
from deploy.launcher.messages import Trouble, say
from deploy.launcher.progress import Progress

POSTGRES_PROGRAMS = Path("/usr/lib/postgresql")
POSTGRES_SHARE = Path("/usr/share/postgresql")
POSTGRES_LEAST = 15
NODE_LEAST = 20
REDIS_NAMES = ("redis-server", "valkey-server")
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/snap/bin/chromium")
PEERS = {"ingest": ("ogr2ogr", "gdal-bin")}  # of a benchmark: program and its package
# For the tests only, by Debian package: a program on PATH, or a file in Debian's layout. GStreamer's bindings work with
# Debian's own Python alone, so that is asked for too.
MQTT_BROKER = ("mosquitto", Path("/usr/sbin/mosquitto"))
TEST_PACKAGES = {
    "python3": "/usr/bin/python3",
    "python3-gi": "/usr/lib/python3/dist-packages/gi/__init__.py",
    "gir1.2-gst-rtsp-server-1.0": "/usr/lib/*/girepository-1.0/GstRtspServer-1.0.typelib",
    "gstreamer1.0-plugins-base": "/usr/lib/*/gstreamer-1.0/libgsttypefindfunctions.so",
    "gstreamer1.0-plugins-good": "/usr/lib/*/gstreamer-1.0/libgstrtp.so",
    "gstreamer1.0-plugins-bad": "/usr/lib/*/gstreamer-1.0/libgstvideoparsersbad.so",
}
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
FONT_PATTERNS = ("NotoSansCJK*", "NotoSansKR*", "Nanum*", "Pretendard*", "UnDotum*")


@dataclass(frozen=True)
class Postgres:
    """One installed major version."""

    version: int
    programs: Path  # folder with initdb, pg_ctl, postgres
    has_postgis: bool


def postgres_versions(programs: Path = POSTGRES_PROGRAMS, share: Path = POSTGRES_SHARE) -> list[Postgres]:
    """All installed versions in Debian's layout, newest first."""
    found = []
    for folder in programs.glob("*"):
        if folder.name.isdigit() and (folder / "bin" / "initdb").exists() and (folder / "bin" / "pg_ctl").exists():
            control = share / folder.name / "extension" / "postgis.control"
            found.append(Postgres(version=int(folder.name), programs=folder / "bin", has_postgis=control.exists()))
    return sorted(found, key=lambda one: -one.version)


def usable_postgres(programs: Path = POSTGRES_PROGRAMS, share: Path = POSTGRES_SHARE) -> Postgres | None:
    """The newest version of 15 or later that has PostGIS."""
    fitting = [one for one in postgres_versions(programs, share) if one.version >= POSTGRES_LEAST and one.has_postgis]
    return fitting[0] if fitting else None


def redis_program() -> str | None:
    return _first_program(REDIS_NAMES)


def browser_program() -> str | None:
    """A Chromium or Chrome that really answers; Ubuntu's `chromium-browser` may be an empty stand-in for a snap."""
    for name in BROWSER_NAMES:
        path = shutil.which(name)
        if path and output_of([path, "--version"]):
            return path
    return None


def system_node() -> tuple[str, str] | None:
    """Paths of the machine's own node (20 or later) and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = re.match(r"v(\d+)\.", output_of([node, "--version"]))
    return (node, npm) if version and int(version[1]) >= NODE_LEAST else None


def has_korean_fonts() -> bool:
    return any(True for folder in FONT_FOLDERS if folder.is_dir() for pattern in FONT_PATTERNS for _ in folder.rglob(pattern))


def _first_program(names: Sequence[str]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def elevation(*, euid: int | None = None) -> list[str] | None:
    """Words to put before a command that needs root: none for root, `sudo -n` where it asks nothing, None where neither works."""
    if (os.geteuid() if euid is None else euid) == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and output_of([sudo, "-n", "echo", "yes"]) == "yes":
        return [sudo, "-n"]
    return None


def ensure_services(layout: Layout, progress: Progress, *, database: bool, redis: bool) -> None:
    """Install PostgreSQL with PostGIS and Redis where they are needed and missing."""
    packages = []
    if database and not any(one.version >= POSTGRES_LEAST for one in postgres_versions()):
        packages.append("postgresql")
    if redis and redis_program() is None:
        packages.append("redis-server")
    if packages:
        install(layout, progress, packages)
    if database and usable_postgres() is None:
        versions = [one.version for one in postgres_versions() if one.version >= POSTGRES_LEAST]
        if not versions:
            raise Trouble(
                f"PostgreSQL {POSTGRES_LEAST} or later is needed, and this release of the system has an older one. "
                "Use Debian 12, Ubuntu 24.04 or later, or give DATABASE_URL of a server that has it."
            )
        install(layout, progress, [f"postgresql-{versions[0]}-postgis-3"])


def ensure_browser(layout: Layout, progress: Progress) -> str | None:
    """A browser and Korean fonts for the browser tests; says plainly where there is none and goes on."""
    packages = []
    if browser_program() is None:
        packages.append("chromium")
    if not has_korean_fonts():
        packages.append("fonts-noto-cjk")
    if packages:
        try:
            install(layout, progress, packages)
        except Trouble as trouble:
            say(f"Browser tests: {trouble}")
    found = browser_program()
    if found is None:
        say(
            "No working Chromium or Chrome was found, so tests and benches in a browser cannot run. "
            "Install one (Ubuntu: sudo snap install chromium)."
        )
    return found


def missing_for_tests(packages: Mapping[str, str] = TEST_PACKAGES, root: Path = Path("/")) -> list[str]:
    """Packages of the tests' MQTT broker and RTSP server that are not there."""
    missing = [] if shutil.which(MQTT_BROKER[0]) or MQTT_BROKER[1].exists() else [MQTT_BROKER[0]]
    return missing + [package for package, file in packages.items() if not any(root.glob(file.lstrip("/")))]


def ensure_test_servers(layout: Layout, progress: Progress) -> None:
    """A real MQTT broker and a real RTSP server for the tests; says plainly where there are none and goes on."""
    missing = missing_for_tests()
    if not missing:
        return
    try:
        install(layout, progress, missing)
    except Trouble as trouble:
        say(f"Tests with a real MQTT broker or RTSP server are skipped: {trouble}")


def ensure_peers(layout: Layout, progress: Progress, bench: str) -> None:
    """The program that a benchmark measures beside Haechi; without it the benchmark runs and leaves that figure out."""
    program, package = PEERS.get(bench, ("", ""))
    if package and shutil.which(program) is None:
        try:
            install(layout, progress, [package])
        except Trouble as trouble:
            say(f"{program} will not be measured beside: {trouble}")


def install(layout: Layout, progress: Progress, packages: Sequence[str], *, euid: int | None = None) -> None:
    """Install packages by apt without asking anything; raises Trouble with the exact command where that is not possible."""
    names = " ".join(packages)
    by_hand = f"sudo apt-get install -y {names}"
    if shutil.which("apt-get") is None:
        raise Trouble(f"These are missing: {names}. This system has no apt-get; install them by hand and run this again.")
    rights = elevation(euid=euid)
    if rights is None:
        raise Trouble(
            f"These system packages are missing: {names}. "
            f"Installing them needs root or sudo without a password. Ask an administrator to run: {by_hand}"
        )
    log = layout.log("apt")
    apt = [*rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-o", "DPkg::Lock::Timeout=120"]
    with progress.step(f"Install system packages: {names}", key="apt", default_s=60.0 * len(packages)):
        try:
            run_logged([*apt, "update"], what="apt-get update", log=log, cwd=layout.root)
        except Trouble as trouble:
            say(f"  apt-get update failed, going on with the package lists that are there. Log: {log}") if "network" in str(
                trouble
            ) else None
        if any(Path("/var/lib/dpkg/updates").glob("[0-9]*")):  # an earlier installation was cut in the middle
            run_logged([*rights, "dpkg", "--configure", "-a"], what="dpkg --configure -a", log=log, cwd=layout.root)
        run_logged(
            [*apt, "install", "--no-install-recommends", *packages],
            what=f"Installing {names} ({by_hand})",
            log=log,
            cwd=layout.root,
        )


def require_space(path: Path, *, least_bytes: int, purpose: str) -> None:
    """Raises Trouble where the file system of `path` has less room than a step needs."""
    free = shutil.disk_usage(path).free
    if free < least_bytes:
        raise Trouble(
            f"The disk is nearly full: {purpose} needs about {_gigabytes(least_bytes)} below {path}, "
            f"and {_gigabytes(free)} are free. Free some space and run this again."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
