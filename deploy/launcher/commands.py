"""Run other programs: output into a log file, its last lines shown where they fail, ended cleanly on Ctrl-C."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from deploy.launcher.messages import Trouble, cause_in

TAIL_LINES = 20
END_GRACE_S = 15


def run_logged(
    args: Sequence[str | Path],
    *,
    what: str,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    account: str | None = None,
) -> None:
    """Run a program to its end, appending its output to `log`; raises Trouble with the last lines where it fails.

    It runs in a session of its own, so that Ctrl-C reaches this process only, which then ends it in order.
    `account` (needs root) runs it as that user.
    """
    with log.open("ab") as output:
        output.write(f"\n$ {' '.join(str(arg) for arg in args)}\n".encode())
        output.flush()
        start = output.tell()
        code = wait_for(start_program(args, cwd=cwd, env=env, account=account, output=output))
    if code:
        raise Trouble(failure_text(what, text_from(log, start), code=code, log=log))


def start_program(
    args: Sequence[str | Path],
    *,
    cwd: Path,
    output: object,
    env: Mapping[str, str] | None = None,
    account: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a program in its own session without input; raises Trouble where it is not there."""
    try:
        return subprocess.Popen(
            [str(arg) for arg in args],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **identity(account),
        )
    except FileNotFoundError as error:
        raise Trouble(f"The program {args[0]} was not found. `./run doctor` says what is missing and how to mend it.") from error


def identity(account: str | None) -> dict[str, object]:
    """Arguments of Popen that run a program as another user; none for the same user."""
    if account is None:
        return {}
    entry = pwd.getpwnam(account)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def wait_for(program: "subprocess.Popen[bytes]") -> int:
    """Wait for the program's end. On Ctrl-C its whole group is interrupted, waited for, and at last killed."""
    try:
        return program.wait()
    except KeyboardInterrupt:
        with while_deaf():
            for order in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(program.pid, order)
                with suppress(subprocess.TimeoutExpired):
                    program.wait(timeout=END_GRACE_S)
                    break
        raise


def run_attached(args: Sequence[str], *, cwd: Path, env: Mapping[str, str], errors: IO[bytes] | None = None) -> int:
    """Run with this terminal's input and output, in its process group; Ctrl-C reaches it directly. Returns the exit status.

    `errors`: a file for what it says on standard error, instead of the terminal.
    """
    sys.stdout.flush()
    program = subprocess.Popen(args, cwd=cwd, env=dict(env), stderr=errors)
    try:
        return program.wait()
    except KeyboardInterrupt:
        with while_deaf():
            try:  # the terminal has told it already; a signal to this process alone has not
                program.wait(timeout=1)
            except subprocess.TimeoutExpired:
                program.send_signal(signal.SIGINT)
                try:
                    program.wait(timeout=END_GRACE_S)
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.wait()
        raise


@contextmanager
def while_deaf() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM during a short block that must not be cut in the middle."""
    before = {order: signal.signal(order, signal.SIG_IGN) for order in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for order, handler in before.items():
            signal.signal(order, handler)


def failure_text(what: str, said: str, *, code: int, log: Path) -> str:
    """Last lines of a failed program, then one sentence with the likely cause and the place of the whole log."""
    tail = "\n".join(f"    {line}" for line in said.strip().splitlines()[-TAIL_LINES:])
    reason = cause_in(said) or f"It ended with status {code}."
    return f"{tail}\n{what} failed. {reason} Log: {log}".lstrip("\n")


def text_from(log: Path, start: int) -> str:
    """What a log says from a position on."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode("utf-8", "replace")


def output_of(args: Sequence[str | Path], *, timeout_s: float = 20, env: Mapping[str, str] | None = None) -> str:
    """A program's standard output; an empty text where it is not there, fails or takes too long."""
    try:
        done = subprocess.run(
            [str(arg) for arg in args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env=dict(env) if env is not None else None,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
