"""The small file that says how a centre's own model is fed and read (TOML; docs/vision.md explains every key).

It is read strictly: an unknown key, a wrong type or a number out of range is refused with a sentence that names it.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_DESCRIPTOR = 65_536  # bytes
LARGEST_SIDE = 4_096
KIND = re.compile(r"[a-z][a-z_]{0,23}")


class ModelFileError(Exception):
    """A model or its descriptor cannot be used. `code` for programs; the message says what, where and how to mend it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ModelDescriptor:
    """input_size: width, height. kinds: for each class of the model a kind of thing, or "" for a class that is left out."""

    name: str
    file: Path
    input_size: tuple[int, int]
    input_layout: str  # nchw, nhwc
    colour: str  # rgb, bgr
    scale: float  # a pixel is (value × scale − mean) / std
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    letterbox: bool
    output_layout: str  # yolov5: [1, n, 5 + c]; yolov8: [1, 4 + c, n]; boxes: [1, n, 6]
    units: str  # pixels of the input, or fractions of it
    kinds: tuple[str, ...]
    score: float
    overlap: float
    sha256: str = ""


def read_descriptor(path: Path) -> ModelDescriptor:
    """Read a descriptor; the model's file is sought beside it. Raises ModelFileError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelFileError("descriptor_missing", f"The descriptor {path.name} cannot be read: {error.strerror}.") from error
    if len(raw) > LARGEST_DESCRIPTOR:
        raise ModelFileError("descriptor", f"The descriptor {path.name} has {len(raw):,} bytes; at most 65,536 are read.")
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelFileError("descriptor", f"The descriptor {path.name} is not TOML in UTF-8: {error}.") from error
    return _Reader(path, table).descriptor()


class _Reader:
    """Takes keys out of the table one by one; what is left at the end is unknown."""

    def __init__(self, path: Path, table: Mapping[str, Any]) -> None:
        self.path = path
        self.tables: dict[str, dict[str, Any]] = {"": dict(table)}
        for name in ("input", "output", "kinds"):
            inner = self.tables[""].pop(name, {})
            if not isinstance(inner, dict):
                raise self.error(f"`{name}` must be a table, as in [{name}]")
            self.tables[name] = dict(inner)

    def error(self, what: str) -> ModelFileError:
        return ModelFileError("descriptor", f"In the descriptor {self.path.name}, {what}. See the descriptor in docs/vision.md.")

    def descriptor(self) -> ModelDescriptor:
        file = self.text("", "file")
        if Path(file).name != file or file.startswith("."):
            raise self.error(f"`file` must name a file beside the descriptor, not {file!r}")
        made = ModelDescriptor(
            name=self.text("", "name"),
            file=self.path.parent / file,
            input_size=(self.side("width"), self.side("height")),
            input_layout=self.choice("input", "layout", ("nchw", "nhwc")),
            colour=self.choice("input", "colour", ("rgb", "bgr")),
            scale=self.number("input", "scale", 1 / 255, 1e-6, 1e3),
            mean=self.three("mean", 0.0),
            std=self.three("std", 1.0),
            letterbox=self.flag("input", "letterbox"),
            output_layout=self.choice("output", "layout", ("yolov8", "yolov5", "boxes")),
            units=self.choice("output", "units", ("pixels", "fractions")),
            kinds=self.kinds(),
            score=self.number("", "score", 0.25, 0.001, 1.0),
            overlap=self.number("", "overlap", 0.45, 0.05, 1.0),
            sha256=self.digest(),
        )
        for table, values in self.tables.items():
            if values and table != "kinds":
                raise self.error(f"the key {'.'.join(filter(None, (table, min(values))))!r} is not known")
        return made

    def take(self, table: str, key: str, usual: Any, kinds: type | tuple[type, ...]) -> Any:
        value = self.tables[table].pop(key, usual)
        where = ".".join(filter(None, (table, key)))
        if value is None:
            raise self.error(f"`{where}` is missing")
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            raise self.error(f"`{where}` has the wrong type")
        return value

    def text(self, table: str, key: str, usual: str | None = None) -> str:
        value = str(self.take(table, key, usual, str))
        if not 0 < len(value) <= 100 or not value.isprintable():
            raise self.error(f"`{key}` must have 1 to 100 printable characters")
        return value

    def choice(self, table: str, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(table, key, allowed[0])
        if value not in allowed:
            raise self.error(f"`{table}.{key}` must be one of {', '.join(allowed)}")
        return value

    def number(self, table: str, key: str, usual: float | None, least: float, most: float) -> float:
        value = float(self.take(table, key, usual, (int, float)))
        if not least <= value <= most:
            raise self.error(f"`{key}` must lie between {least:g} and {most:g}")
        return value

    def side(self, key: str) -> int:
        value = self.take("input", key, None, int)
        if not 32 <= value <= LARGEST_SIDE:
            raise self.error(f"`input.{key}` must lie between 32 and {LARGEST_SIDE} pixels")
        return int(value)

    def flag(self, table: str, key: str) -> bool:
        return bool(self.take(table, key, True, bool))

    def three(self, key: str, usual: float) -> tuple[float, float, float]:
        values = self.take("input", key, [usual] * 3, list)
        numbers = [float(value) for value in values if isinstance(value, int | float) and abs(value) <= 1e6]
        if len(values) != 3 or len(numbers) != 3 or (key == "std" and min(map(abs, numbers)) < 1e-9):
            raise self.error(f"`input.{key}` must be three numbers, one for each colour" + (", not 0" if key == "std" else ""))
        return numbers[0], numbers[1], numbers[2]

    def kinds(self) -> tuple[str, ...]:
        classes = self.take("", "classes", None, list)
        if not 1 <= len(classes) <= 1000 or not all(isinstance(name, str) for name in classes):
            raise self.error("`classes` must list the model's class names in their order")
        kinds = self.tables["kinds"]
        for name, kind in kinds.items():
            if name not in classes:
                raise self.error(f"[kinds] names the class {name!r}, which `classes` lacks")
            if not isinstance(kind, str) or not KIND.fullmatch(kind):
                raise self.error(f"the kind of {name!r} must be a word such as person, vehicle or object")
        chosen = tuple(kinds.get(name, "") for name in classes)
        if not any(chosen):
            raise self.error('[kinds] must keep at least one class, for example person = "person"')
        return chosen

    def digest(self) -> str:
        value = self.take("", "sha256", "", str)
        if value and not re.fullmatch(r"[0-9a-f]{64}", value):
            raise self.error("`sha256` must be 64 hexadecimal digits in lower case")
        return str(value)
