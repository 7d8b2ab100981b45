"""docs/settings.md lists every variable that the program reads, with its default, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
# Rooms whose own variables start with HAECHI_, wherever they are read.
ROOMS = ("webapp", "deploy", "bench", "ingestion", "prediction", "cctv", "simulation")
READERS = {"str", "bool", "int", "float", "list", "path", "db_url", "json", "url"}


def _documented() -> dict[str, str]:
    """Variable → its default cell, from the first columns of the tables."""
    found: dict[str, str] = {}
    for line in DOCUMENT.splitlines():
        if line.startswith("| `"):
            names, default = (cell.strip() for cell in line.split("|")[1:3])
            found = dict.fromkeys(re.findall(r"`([A-Z_]+)`", names), default) | found  # the first table that names it counts
    return found


def _settings_calls() -> Iterator[tuple[str, ast.expr | None]]:
    """Name and default of each `env.reader("NAME", default=…)` in the settings."""
    tree = ast.parse((ROOT / "webapp" / "settings.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
            owner, name = node.func.value, node.args[0] if node.args else None
            if isinstance(owner, ast.Name) and owner.id == "env" and isinstance(name, ast.Constant):
                yield str(name.value), next((word.value for word in node.keywords if word.arg == "default"), None)


def _named_anywhere() -> set[str]:
    """Every HAECHI_… text in the program's own rooms."""
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            found |= set(re.findall(r"\bHAECHI_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    return {name.removesuffix("_FILE") for name in found}


def test_every_setting_is_documented() -> None:
    read = {name for name, _ in _settings_calls()}
    assert len(read) >= 12
    assert read - set(_documented()) == set()


def test_every_variable_named_in_the_program_is_documented() -> None:
    assert _named_anywhere() - set(_documented()) == set()


def test_nothing_is_documented_that_nobody_reads() -> None:
    read = {name for name, _ in _settings_calls()} | _named_anywhere()
    assert set(_documented()) - read == set()


@pytest.mark.parametrize(
    ("name", "default"),
    [(name, default) for name, default in _settings_calls() if isinstance(default, ast.Constant) and default.value != ""],
)
def test_the_documented_default_is_the_real_one(name: str, default: ast.Constant) -> None:
    shown = str(default.value).lower() if isinstance(default.value, bool) else str(default.value)
    assert f"`{shown}`" in _documented()[name]
