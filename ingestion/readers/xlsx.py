"""The inside of an .xlsx workbook (ECMA-376): its sheets row by row, straight from the XML and in bounded memory.

Only the shared strings lie in memory. Entities are refused, so that no XML can blow up or fetch a file.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.parsers import expat

from defusedxml import ElementTree  # type: ignore[import-untyped]
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from ingestion.readers.cells import moment_text, text_of

MAX_COLUMN = 16_384
_BLOCK = 256 * 1024
_SMALL_PART_BYTES = 32 * 1024**2
_CLOCK = re.compile(r"[hHsS]")
_PLAIN_NUMBER = re.compile(r"-?\d{1,15}")
_TAGS = frozenset({"row", "c", "v", "t", "is", "si", "rPh"})
Row = tuple[int, list[str], float]


class BadWorkbook(Exception):
    """The workbook is damaged; `row`: the last row that was read, 0 before the first."""

    def __init__(self, row: int = 0):
        super().__init__(row)
        self.row = row


@dataclass(eq=False)
class XlsxBook:
    """`parts`: sheet name to its part, in the order of the workbook. `dates`: format of a style where it shows a date."""

    path: Path
    parts: dict[str, str]
    dates: dict[str, str]
    epoch: datetime
    strings: list[str] = field(default_factory=list)

    def rows(self, sheet: str) -> Iterator[Row]:
        """Row number, fields (the last one not blank) and share read of every row that holds something."""
        reader = _SheetReader(self)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.parts[sheet]) as part:
                size = max(archive.getinfo(self.parts[sheet]).file_size, 1)
                for share in _parsed(part, reader.parser, size):
                    for line, row in reader.taken():
                        yield line, row, share
        except GeneratorExit:
            raise
        except Exception as error:
            raise BadWorkbook(reader.line) from error


def open_book(path: Path) -> XlsxBook:
    """What the workbook says of itself, and its shared strings. Raises `BadWorkbook`."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            book = _small(archive, "xl/workbook.xml")
            links = _small(archive, "xl/_rels/workbook.xml.rels")
            styles = _small(archive, "xl/styles.xml") if "xl/styles.xml" in names else None
            targets = {_get(one, "Id"): _get(one, "Target") for one in links if _get(one, "Type").endswith("/worksheet")}
            parts = {
                _get(one, "name"): _located(targets[_get(one, "id")])
                for one in book.iter()
                if _plain(one.tag) == "sheet" and _get(one, "id") in targets
            }
            is_1904 = any(_get(one, "date1904") in ("1", "true") for one in book.iter() if _plain(one.tag) == "workbookPr")
            strings: list[str] = []
            for name in names & {"xl/sharedStrings.xml", "xl/SharedStrings.xml"}:
                with archive.open(name) as part:
                    strings = _shared_strings(part)
    except Exception as error:
        raise BadWorkbook from error
    epoch = CALENDAR_MAC_1904 if is_1904 else CALENDAR_WINDOWS_1900
    return XlsxBook(path, parts, _date_styles(styles), epoch, strings)


def _small(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as part:
        return ElementTree.fromstring(part.read(_SMALL_PART_BYTES))


def _plain(name: str) -> str:
    return name.rsplit("}", 1)[-1].rsplit(":", 1)[-1]


def _get(element: Any, name: str) -> str:
    return next((str(value) for key, value in element.attrib.items() if _plain(key) == name), "")


def _located(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)


def _date_styles(styles: Any) -> dict[str, str]:
    if styles is None:
        return {}
    formats = {str(number): code for number, code in BUILTIN_FORMATS.items()}
    formats |= {_get(one, "numFmtId"): _get(one, "formatCode") for one in styles.iter() if _plain(one.tag) == "numFmt"}
    cells: Any = next((one for one in styles.iter() if _plain(one.tag) == "cellXfs"), [])
    codes = [formats.get(_get(one, "numFmtId"), "General") for one in cells]
    return {str(number): code for number, code in enumerate(codes) if is_date_format(code)}


def _new_parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity
    return parser


def _refuse_entity(*_: object) -> None:
    raise ValueError("a workbook declares no entities")


def _parsed(part: IO[bytes], parser: expat.XMLParserType, size: int) -> Iterator[float]:
    """Feed the part to the parser, block by block; yields the share read."""
    done = 0
    while block := part.read(_BLOCK):
        parser.Parse(block, False)
        done += len(block)
        yield min(done / size, 1.0)
    parser.Parse(b"", True)
    yield 1.0


def _shared_strings(part: IO[bytes]) -> list[str]:
    strings: list[str] = []
    pieces: list[str] = []
    state = {"in_text": False, "phonetic": False}

    def start(name: str, _: dict[str, str]) -> None:
        tag = name.rsplit(":", 1)[-1]
        state["in_text"] = tag == "t" and not state["phonetic"]
        state["phonetic"] = state["phonetic"] or tag == "rPh"

    def end(name: str) -> None:
        tag = name.rsplit(":", 1)[-1]
        state["in_text"] = False
        if tag == "rPh":
            state["phonetic"] = False
        elif tag == "si":
            strings.append("".join(pieces).replace("_x000D_", ""))
            pieces.clear()

    def text(data: str) -> None:
        if state["in_text"]:
            pieces.append(data)

    parser = _new_parser()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    for _ in _parsed(part, parser, 1):
        pass
    return strings


class _SheetReader:
    """Hears the XML of a sheet and gathers its rows."""

    def __init__(self, book: XlsxBook):
        self.line = 0
        self.parser = _new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._book, self._rows = book, list[tuple[int, list[str]]]()
        self._row: list[str] = []
        self._column, self._kind, self._style = 0, "n", "0"
        self._pieces: list[str] = []
        self._listens = False
        self._columns: dict[str, int] = {}

    def taken(self) -> list[tuple[int, list[str]]]:
        """The rows that are whole by now."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name if name in _TAGS else name.rsplit(":", 1)[-1]
        if tag in ("v", "t"):
            self._listens = True
        elif tag == "c":
            self._column = self._place(attributes.get("r", ""))
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._pieces.clear()
        elif tag == "row":
            self.line = int(attributes.get("r", self.line + 1))
            self._row, self._column = [], 0
        elif tag == "rPh":
            self._listens = False

    def _place(self, reference: str) -> int:
        """The column of a cell, 1 for the first."""
        letters = reference.rstrip("0123456789")
        if not letters:
            return self._column + 1
        place = self._columns.get(letters)
        if place is None:
            place = 0
            for letter in letters:
                place = place * 26 + ord(letter) - 64
            if not 0 < place <= MAX_COLUMN:
                raise ValueError("no such column")
            self._columns[letters] = place
        return place

    def _text(self, data: str) -> None:
        if self._listens:
            self._pieces.append(data)

    def _end(self, name: str) -> None:
        tag = name if name in _TAGS else name.rsplit(":", 1)[-1]
        if tag in ("v", "t"):
            self._listens = False
        elif tag == "c":
            if self._pieces and (text := self._cell("".join(self._pieces))):
                gap = self._column - 1 - len(self._row)
                if gap > 0:
                    self._row.extend([""] * gap)
                self._row[self._column - 1 :] = [text]
        elif tag == "row" and self._row:
            self._rows.append((self.line, self._row))

    def _cell(self, text: str) -> str:
        kind = self._kind
        if kind == "s":
            return self._book.strings[int(text)]
        if kind == "n":
            shown = self._book.dates.get(self._style)
            return self._number(text) if shown is None else self._moment(text, shown)
        if kind == "b":
            return "true" if text.strip() == "1" else "false"
        if kind == "d":
            return text.replace("T", " ").removesuffix(" 00:00:00")
        return "" if kind == "e" else text

    def _number(self, text: str) -> str:
        return text if _PLAIN_NUMBER.fullmatch(text) else text_of(float(text))

    def _moment(self, text: str, shown: str) -> str:
        try:
            value = from_excel(float(text), self._book.epoch, timedelta=is_timedelta_format(shown))
        except (ValueError, OverflowError):
            return self._number(text)
        if isinstance(value, datetime):
            return moment_text(value, has_clock=bool(_CLOCK.search(shown)))
        return (
            text_of(value)
            if isinstance(value, timedelta)
            else moment_text(datetime.combine(self._book.epoch, value), has_clock=True)[11:]
        )
