"""`./run doctor`: what is there, what is missing, and how to mend each. Changes nothing."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from deploy.launcher import environment, live, postgres, processes, redis, system, web
from deploy.launcher.layout import Layout, digest_of
from deploy.launcher.messages import Trouble, say, table
from deploy.launcher.services import Given


class State(Enum):
    GOOD = "ok"
    NOTE = "note"  # ./run mends it by itself, or it is only needed for tests
    BAD = "MISSING"


@dataclass(frozen=True)
class Finding:
    name: str
    state: State
    found: str
    mend: str = ""


def doctor(layout: Layout) -> int:
    """Print the table; exit status 1 where something is missing that ./run cannot mend by itself."""
    findings = list(examine(layout))
    say(table([("", "what", "found"), *((one.state.value, one.name, one.found) for one in findings)]))
    to_mend = [one for one in findings if one.mend and one.state is not State.GOOD]
    if to_mend:
        say("\nHow to mend:")
        for one in to_mend:
            say(f"  {one.name}: {one.mend}")
    bad = [one for one in findings if one.state is State.BAD]
    say(f"\n{len(bad)} missing." if bad else "\nNothing is missing that ./run cannot install or make by itself.")
    return 1 if bad else 0


def examine(layout: Layout) -> Iterator[Finding]:
    """All findings, in the order in which they are needed."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("Python", State.GOOD, f"{version} ({sys.executable})")
    can_install = shutil.which("apt-get") is not None and system.elevation() is not None
    rights = (
        "root" if os.geteuid() == 0 else "sudo without a password" if can_install else "neither root nor sudo without a password"
    )
    yield Finding(
        "right to install packages",
        State.GOOD if can_install else State.NOTE,
        rights,
        "only needed while a package below is missing",
    )
    yield from _services(can_install)
    yield from _browser(can_install)
    yield from _for_tests(can_install)
    yield from _own_things(layout)
    yield from _running(layout)


def _missing(name: str, packages: str, *, can_install: bool, needed: bool = True) -> Finding:
    mend = f"sudo apt-get install -y {packages}"
    if can_install:
        return Finding(name, State.NOTE, "missing", f"./run installs it; by hand: {mend}")
    return Finding(
        name, State.BAD if needed else State.NOTE, "missing", mend if needed else f"{mend} (only for tests and benches)"
    )


def _services(can_install: bool) -> Iterator[Finding]:
    given = Given.by(os.environ)
    if given.database:
        yield Finding("PostgreSQL", State.GOOD, "DATABASE_URL is given, none is started")
    elif usable := system.usable_postgres():
        yield Finding("PostgreSQL with PostGIS", State.GOOD, f"{usable.version} ({usable.programs})")
    else:
        newest = next((one.version for one in system.postgres_versions() if one.version >= system.POSTGRES_LEAST), None)
        packages = f"postgresql-{newest}-postgis-3" if newest else "postgresql postgresql-postgis"
        yield _missing(
            "PostGIS" if newest else f"PostgreSQL {system.POSTGRES_LEAST} or later with PostGIS",
            packages,
            can_install=can_install,
        )
    if given.redis:
        yield Finding("Redis", State.GOOD, "REDIS_URL is given, none is started")
    elif program := system.redis_program():
        yield Finding("Redis", State.GOOD, program)
    else:
        yield _missing("Redis", "redis-server", can_install=can_install)


def _browser(can_install: bool) -> Iterator[Finding]:
    browser = system.browser_program()
    if browser:
        yield Finding("Chromium (tests, benches)", State.GOOD, browser)
    else:
        yield _missing("Chromium (tests, benches)", "chromium", can_install=can_install, needed=False)
    if system.has_korean_fonts():
        yield Finding("Korean fonts (tests, benches)", State.GOOD, "there")
    else:
        yield _missing("Korean fonts (tests, benches)", "fonts-noto-cjk", can_install=can_install, needed=False)


def _for_tests(can_install: bool) -> Iterator[Finding]:
    missing = system.missing_for_tests()
    name = "MQTT broker and RTSP server (tests)"
    if missing:
        yield _missing(name, " ".join(missing), can_install=can_install, needed=False)
    else:
        yield Finding(name, State.GOOD, "there")


def _own_things(layout: Layout) -> Iterator[Finding]:
    digest = digest_of(environment.requirement_files(layout), str(layout.venv))
    if layout.is_done("venv", digest) and layout.python.exists():
        yield Finding("Python packages", State.GOOD, str(layout.venv))
    else:
        yield Finding(
            "Python packages", State.NOTE, "not installed, or the requirement files have changed", "the next ./run installs them"
        )
    try:
        npm, _ = environment.node_tools(layout)
        yield Finding(f"Node {system.NODE_LEAST} or later with npm", State.GOOD, npm[0])
    except Trouble:
        yield Finding(f"Node {system.NODE_LEAST} or later with npm", State.NOTE, "missing", "comes with the Python packages")
    built = layout.root / "static" / "dist"
    is_built = built.is_dir() and any(built.iterdir())
    yield Finding(
        "front-end bundle",
        State.GOOD if is_built else State.NOTE,
        str(built) if is_built else "not built",
        "the next ./run builds it",
    )
    place = layout.local if layout.local.exists() else layout.root
    free = shutil.disk_usage(place).free
    enough = free >= (environment.LATER_BYTES if layout.python.exists() else environment.FIRST_INSTALL_BYTES)
    yield Finding(
        "free disk space", State.GOOD if enough else State.BAD, f"{free / 1e9:.1f} GB", f"free some space below {place}"
    )
    writable = os.access(place, os.W_OK)
    yield Finding(
        ".local/ writable", State.GOOD if writable else State.BAD, str(layout.local), f"sudo chown -R $(id -un) {layout.local}"
    )


def _running(layout: Layout) -> Iterator[Finding]:
    try:
        cluster = postgres.find(layout)
        running = cluster.postmaster() if cluster else None
        found = f"in {cluster.home}, {f'running on port {running[1]}' if running else 'stopped'}" if cluster else "not made yet"
        yield Finding("private database", State.GOOD, found)
    except Trouble as trouble:
        yield Finding("private database", State.BAD, "its PostgreSQL is gone", str(trouble))
    except PermissionError:
        yield Finding("private database", State.NOTE, "belongs to another user", "run as the user who made it")
    redis_pid = processes.alive(layout, redis.NAME)
    yield Finding("private Redis", State.GOOD, f"running (process {redis_pid})" if redis_pid else "stopped")
    yield Finding("site", State.GOOD, web.already_serving(layout) or "stopped")
    names = [name for name in live.STOP_ORDERS if processes.alive(layout, name)]
    yield Finding("live programs", State.GOOD, f"running: {', '.join(names)}" if names else "stopped")
    for home in postgres.abandoned():
        yield Finding(
            "abandoned database", State.NOTE, str(home), f"its checkout is gone; if you do not need its data: sudo rm -r {home}"
        )
