"""Programs that go on running: started in sessions of their own, remembered by pid file, and ended only if they are really ours.

A pid file holds the process id, the moment the kernel started it and the program's path: a process id that came back for
another program after a crash or a restart is never touched.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from deploy.launcher.commands import start_program
from deploy.launcher.layout import Layout, read_json, write_atomically
from deploy.launcher.messages import say

LOG_KEPT_BYTES = 10_000_000
LOOPBACK = "127.0.0.1"


def pid_file(layout: Layout, name: str) -> Path:
    return layout.running / f"{name}.pid"


def start(layout: Layout, name: str, args: Sequence[str | Path], *, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a lasting program with its output in .local/log/NAME.log and leave its pid file."""
    log = layout.log(name)
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output, hold_interrupts():  # never started without its pid file
        program = start_program(args, cwd=layout.root, env=env, output=output)
        remember(layout, name, program.pid, program_path=str(args[0]))
    return program


def remember(layout: Layout, name: str, pid: int, *, program_path: str) -> None:
    entry = {"pid": pid, "started": started_at(pid), "program": Path(program_path).name}
    write_atomically(pid_file(layout, name), json.dumps(entry))


def started_at(pid: int) -> int | None:
    """Clock ticks since boot at which the process began; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def alive(layout: Layout, name: str) -> int | None:
    """The process id behind a pid file while that very process runs; a stale pid file is removed."""
    entry = read_json(pid_file(layout, name))
    pid = entry.get("pid")
    if (
        isinstance(pid, int)
        and started_at(pid) == entry.get("started") is not None
        and entry.get("program", "") in command_line(pid)
    ):
        return pid
    if entry:
        pid_file(layout, name).unlink(missing_ok=True)
    return None


def end(layout: Layout, name: str, *, orders: Sequence[tuple[signal.Signals, float]], group: bool = True) -> bool:
    """End the program behind a pid file: each order in turn with its patience in seconds, SIGKILL at last. True if it ran."""
    pid = alive(layout, name)
    if pid is None:
        return False
    for order, patience_s in (*orders, (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(pid, order) if group and order == signal.SIGKILL else os.kill(pid, order)
        if _gone(layout, name, pid, patience_s):
            break
    pid_file(layout, name).unlink(missing_ok=True)
    return True


def _gone(layout: Layout, name: str, pid: int, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with suppress(ChildProcessError):  # a child of ours must be reaped before it counts as gone
            os.waitpid(pid, os.WNOHANG)
        if alive(layout, name) is None:
            return True
        time.sleep(0.05)
    return False


# --- ports ------------------------------------------------------------------------------------------
def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """The preferred port where it is free, else any free one; on loopback."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


# --- interrupts and locks ---------------------------------------------------------------------------
@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Keep a Ctrl-C back until the block's end, so that it is not cut in the middle; then it counts."""
    came: list[int] = []
    before = {
        order: signal.signal(order, lambda number, _frame: came.append(number)) for order in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)
        if came:
            raise KeyboardInterrupt


@contextmanager
def set_up_lock(layout: Layout) -> Iterator[None]:
    """Only one `./run` at a time installs, builds or starts services; another waits for it."""
    with (layout.running / "set-up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./run is setting things up; waiting for it ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Users:
    """Counts the `./run` processes that use the private services: the last one to leave stops them.

    Each holds a shared lock that the kernel drops when the process dies, so that nobody is counted who is gone.
    """

    def __init__(self, layout: Layout) -> None:
        self._path = layout.running / "users.lock"
        self._file: IO[str] | None = None

    def enter(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """True where nobody else uses the services; newcomers then wait until this process has stopped them and ended."""
        if self._file is None:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            self._file = None
            return False
        return True
