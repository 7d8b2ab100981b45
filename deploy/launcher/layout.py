"""Where everything lies: the project's root, `.local/` below it, and the small files there that remember what is done.

A marker holds the digest of a step's inputs and is written only after the step succeeded, by an atomic rename, so that a step
that was interrupted is simply done again.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.launcher.messages import Trouble


@dataclass(frozen=True)
class Layout:
    """Paths of one checkout. `local` is `<root>/.local` unless HAECHI_LOCAL_DIR says otherwise."""

    root: Path
    local: Path

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str]) -> "Layout":
        chosen = environ.get("HAECHI_LOCAL_DIR", "")
        return cls(root=root, local=Path(chosen).absolute() if chosen else root / ".local")

    @property
    def venv(self) -> Path:
        return self.local / "venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def logs(self) -> Path:
        return self.local / "log"

    @property
    def running(self) -> Path:
        """Pid files and locks."""
        return self.local / "run"

    @property
    def markers(self) -> Path:
        return self.local / "done"

    @property
    def data(self) -> Path:
        return self.local / "data"

    @property
    def static(self) -> Path:
        return self.local / "static"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make_folders(self) -> None:
        """Make the folders of `.local/`; raises Trouble where they cannot be written."""
        try:
            for folder in (self.local, self.logs, self.running, self.markers, self.data):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.local / f".probe-{os.getpid()}"
            probe.write_text("", encoding="utf-8")
            probe.unlink()
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            raise Trouble(
                f"{self.local} cannot be written ({error.strerror}). It may belong to another user: "
                f"run as that user, or change the owner with: sudo chown -R $(id -un) {self.local}"
            ) from error

    # --- markers ----------------------------------------------------------------------------------
    def is_done(self, step: str, digest: str) -> bool:
        return read_text(self.markers / step) == digest

    def mark_done(self, step: str, digest: str) -> None:
        write_atomically(self.markers / step, digest)

    def secret(self, name: str) -> str:
        """A random secret made once and kept in `.local/NAME`, readable by its owner only."""
        path = self.local / name
        if not read_text(path):
            write_atomically(path, secrets.token_urlsafe(48), mode=0o600)
        return read_text(path)


def read_text(path: Path) -> str:
    """The file's text without white space around it; an empty text where there is no such file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def read_json(path: Path) -> dict[str, Any]:
    """The file's JSON object; an empty one where the file is missing or damaged (it is then made anew)."""
    try:
        found = json.loads(read_text(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def files_below(folder: Path, *patterns: str, without: Iterable[str] = ()) -> list[Path]:
    """All files below a folder that match one of the patterns, sorted; folders named in `without` are left out."""
    left_out = set(without)
    found = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    return sorted(path for path in found if not left_out.intersection(path.relative_to(folder).parts))


def digest_of(files: Iterable[Path], *texts: str) -> str:
    """SHA-256 over names and contents of files and over further texts."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:{text}\n".encode())
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path}:{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
