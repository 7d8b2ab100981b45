"""A small stand-in project with the real `./run` in it, for tests of the launcher as a whole."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Prints what the launcher gave it as JSON, then waits where it is told to.
MANAGE = """\
import json, os, sys, time
print(json.dumps({name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL", "HAECHI_SECRET_KEY")}), flush=True)
print("arguments", sys.argv[1:], flush=True)
if sys.argv[1:] == ["wait"]:
    time.sleep(120)
sys.exit(3 if sys.argv[1:] == ["fail"] else 0)
"""


@dataclass(frozen=True)
class Project:
    """Root folder of the stand-in project."""

    root: Path

    @property
    def local(self) -> Path:
        return self.root / ".local"

    def environment(self, **changes: str) -> dict[str, str]:
        """This process's environment without its services, so that the launcher brings its own."""
        left_out = {"DATABASE_URL", "REDIS_URL", "HAECHI_SECRET_KEY", "HAECHI_DATA_DIR", "HAECHI_STATIC_ROOT", "VIRTUAL_ENV"}
        return {name: value for name, value in os.environ.items() if name not in left_out} | changes

    def start(self, *args: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.root / "run"), *args],
            env=dict(env) if env is not None else self.environment(),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *args: str, env: Mapping[str, str] | None = None, timeout_s: float = 120) -> tuple[int, str]:
        """Exit status and everything said."""
        program = self.start(*args, env=env)
        try:
            said, _ = program.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
        return program.returncode, said

    def processes(self) -> list[int]:
        """Processes whose command line names this project."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                line = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if str(self.root) in line and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        return found


def make_project(root: Path, *, requirements: str = "", bare: str | None = None, with_venv: bool = True) -> Project:
    """The launcher beside a manage.py that only reports. `with_venv`: the tests' own packages stand in for installed ones."""
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "run", root / "run")
    shutil.copytree(ROOT / "deploy", root / "deploy", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "requirements.txt").write_text(requirements)
    if bare is not None:
        (root / "requirements-bare.txt").write_text(bare)
    (root / "manage.py").write_text(MANAGE)
    if with_venv:
        local = root / ".local"
        (local / "done").mkdir(parents=True)
        (local / "venv" / "bin").mkdir(parents=True)
        (local / "venv" / "bin" / "python").symlink_to(sys.executable)
        sys.path.insert(0, str(ROOT))
        from deploy.launcher.environment import requirement_files
        from deploy.launcher.layout import Layout, digest_of

        files = requirement_files(Layout.of(root, {}))
        (local / "done" / "venv").write_text(digest_of(files, str(local / "venv")))
    return Project(root)


def make_wheel(folder: Path, name: str, version: str, *, requires: str = "") -> None:
    """The smallest wheel that pip accepts. `requires`: another package that it asks for."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        asks = f"Requires-Dist: {requires}\n" if requires else ""
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{asks}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def make_program(path: Path, script: str) -> None:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def await_file(path: Path, needle: str, *, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not path.exists() or needle not in path.read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{needle!r} did not appear in {path}")
        time.sleep(0.05)


def interrupt(program: "subprocess.Popen[str]") -> tuple[int, str]:
    """Ctrl-C for the launcher alone, as `kill -INT` sends it; exit status and the rest of what it said."""
    program.send_signal(signal.SIGINT)
    said, _ = program.communicate(timeout=60)
    return program.returncode, said
