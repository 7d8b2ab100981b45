"""Excel workbooks: XLSX row by row as a stream, the older XLS (at most 65,536 rows a sheet) at once. One table a sheet.

A cell becomes the text a person would type: 12 and not 12.0, dates as ISO 8601, true and false; an error such as #N/A is blank.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

import openpyxl
import xlrd

from ingestion.errors import FileRefused
from ingestion.mapping import Choice
from ingestion.readers.cells import moment_text, text_of
from ingestion.readers.chunk import Chunk, readable_size, sentence_list
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import SAMPLE_ROWS, find_titles

CHUNK_CELLS = 200_000
MAX_SHARED_TEXT_BYTES = 160 * 1024**2  # the one part of a workbook that must lie in memory
MAX_BLANK_ROWS = 100_000
_CLOCK_FORMAT = re.compile(r"[hHsS]")
Rows = Callable[[], Iterator[tuple[int, list[str], float]]]


def open_xlsx(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """Every sheet of an .xlsx workbook that holds something. Raises `FileRefused`."""
    _check_parts(source, limits)
    with _Book(source) as book:
        names = [sheet.title for sheet in book.workbook.worksheets]

    def rows_of(name: str) -> Rows:
        return lambda: _xlsx_rows(source, name)

    return _tables(_Workbook(source, limits, choice, "xlsx", names, rows_of))


def open_xls(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """Every sheet of an old .xls workbook that holds something. Raises `FileRefused`."""
    with _old_book(source) as book:
        names = list(book.sheet_names())

    def rows_of(name: str) -> Rows:
        return lambda: _xls_rows(source, name)

    return _tables(_Workbook(source, limits, choice, "xls", names, rows_of))


@dataclass(frozen=True, eq=False)
class _Workbook:
    """A workbook of either kind. `rows_of(name)()`: line, fields and share read, for each row of a sheet."""

    source: Source
    limits: Limits
    choice: Choice
    kind: str
    names: list[str]
    rows_of: Callable[[str], Rows]


def _tables(book: _Workbook) -> list[Table]:
    wanted = [name for name in book.names if book.choice.sheet in (None, name)]
    file = book.source.file_name
    if not wanted and book.choice.sheet is not None:
        raise FileRefused("no_such_sheet", file=file, value=book.choice.sheet, known=sentence_list(book.names))
    tables = [table for table in (_table(book, name) for name in wanted) if table is not None]
    if not tables:
        raise FileRefused("empty", file=file)
    return tables


def _table(book: _Workbook, sheet: str) -> Table | None:
    source, rows = book.source, book.rows_of(sheet)
    sample: list[list[str]] = []
    lines: list[int] = []
    for line, row, _ in rows():
        if any(row):
            sample.append(row)
            lines.append(line)
        if len(sample) >= SAMPLE_ROWS:
            break
    if not sample:
        return None
    width = max(map(len, sample))
    if width > book.limits.max_columns:
        raise FileRefused("too_many_columns", file=source.file_name, value=width, limit=book.limits.max_columns)
    padded = [row + [""] * (width - len(row)) for row in sample]
    titles = find_titles(padded, chosen=book.choice.header_rows)
    body_from = lines[titles.above + titles.rows - 1] + 1 if titles.above + titles.rows else lines[0]
    return Table(
        name=sheet if source.member is None else f"{source.name} / {sheet}",
        format=book.kind,
        header=titles.header,
        header_levels=titles.levels,
        first_line=lines[min(titles.above, len(lines) - 1)],
        wrappers=source.wrappers,
        chunks=lambda: _chunks(rows, body_from, len(titles.header)),
        choice=replace(book.choice, sheet=sheet, header_rows=titles.rows),
        sheets=tuple(book.names),
        evidence=(titles.evidence,),
    )


def _chunks(rows: Rows, body_from: int, width: int) -> Iterator[Chunk]:
    """The rows under the header, each as wide as the header (wider only where it holds more)."""
    chunk, cells = Chunk(), 0
    blank: list[int] = []
    for line, row, fraction in rows():
        if line < body_from:
            continue
        if not any(row):
            blank.append(line)  # blank lines at the very end are no lines
            continue
        chunk.blank_lines += blank[:MAX_BLANK_ROWS]
        blank.clear()
        chunk.add(row + [""] * (width - len(row)), line)
        chunk.fraction = fraction
        cells += width
        if cells >= CHUNK_CELLS:
            yield chunk
            chunk, cells = Chunk(), 0
    chunk.fraction = 1.0
    yield chunk


def _trimmed(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row.pop()
    return row


def _check_parts(source: Source, limits: Limits) -> None:
    """Refuse a workbook whose parts unpack to more than allowed."""
    with _archive_of(source) as parts:
        infos = parts.infolist()
    if sum(info.file_size for info in infos) > limits.max_content_bytes:
        raise FileRefused("too_large", file=source.file_name, value=readable_size(limits.max_content_bytes))
    for info in infos:
        if info.file_size > 100 * 1024**2 and info.file_size > 300 * max(info.compress_size, 1):
            raise FileRefused("archive_bomb", file=source.file_name, value=str(info.file_size // max(info.compress_size, 1)))
        if info.filename.endswith("sharedStrings.xml") and info.file_size > MAX_SHARED_TEXT_BYTES:
            raise FileRefused("workbook_too_wordy", file=source.file_name, value=readable_size(MAX_SHARED_TEXT_BYTES))


def _archive_of(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source.on_disk())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise FileRefused("broken_workbook", file=source.file_name, value="xlsx") from error


class _Book:
    """An open workbook; whatever goes wrong in it is a refusal."""

    def __init__(self, source: Source):
        self._source = source
        self._file = open(source.on_disk(), "rb")  # noqa: SIM115 - closed by __exit__
        try:
            self.workbook = openpyxl.load_workbook(self._file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:
            self._file.close()
            raise FileRefused("broken_workbook", file=source.file_name, value="xlsx") from error

    def __enter__(self) -> "_Book":
        return self

    def __exit__(self, *args: object) -> None:
        self.workbook.close()
        self._file.close()


def _xlsx_rows(source: Source, name: str) -> Iterator[tuple[int, list[str], float]]:
    with _Book(source) as book:
        sheet = book.workbook[name]
        said = sheet.max_row or 0  # what the file says of its own size may be wrong; it serves the progress bar only
        sheet.reset_dimensions()
        rows = sheet.iter_rows()
        line = 0
        while True:
            try:
                cells = next(rows, None)
            except Exception as error:
                raise FileRefused("broken_workbook_row", file=source.file_name, line=line + 1, value=name) from error
            if cells is None:
                return
            line += 1
            yield line, _trimmed([_cell_text(cell) for cell in cells]), min(line / max(said, line), 0.99)


def _cell_text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return "" if cell.data_type == "e" else value
    if isinstance(value, datetime):
        return moment_text(value, has_clock=bool(_CLOCK_FORMAT.search(cell.number_format)))
    return text_of(value)


@contextmanager
def _old_book(source: Source, sheet: str | None = None) -> Iterator[xlrd.book.Book]:
    """An open .xls workbook, one sheet of it loaded; whatever goes wrong in it is a refusal."""
    try:
        with xlrd.open_workbook(
            source.on_disk(), on_demand=True, formatting_info=False, logfile=io.StringIO(), ignore_workbook_corruption=True
        ) as book:
            if sheet is not None:
                book.sheet_by_name(sheet)
            loaded = book
    except FileRefused:
        raise
    except Exception as error:
        code = "password" if "encrypted" in str(error).lower() else "broken_workbook"
        raise FileRefused(code, file=source.file_name, value="xls") from error
    yield loaded


def _xls_rows(source: Source, name: str) -> Iterator[tuple[int, list[str], float]]:
    with _old_book(source, name) as book:
        sheet = book.sheet_by_name(name)
        for row in range(sheet.nrows):
            fields = [_xls_text(cell, book) for cell in sheet.row(row)]
            yield row + 1, _trimmed(fields), (row + 1) / sheet.nrows


def _xls_text(cell: xlrd.sheet.Cell, book: xlrd.book.Book) -> str:
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return ""
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return text_of(bool(cell.value))
    if cell.ctype != xlrd.XL_CELL_DATE:
        return text_of(cell.value)
    try:
        moment = xlrd.xldate_as_datetime(cell.value, book.datemode)
    except (ValueError, OverflowError):
        return text_of(cell.value)
    if 0 <= cell.value < 1:  # a clock time without a day
        return moment_text(moment, has_clock=True)[11:]
    return moment_text(moment, has_clock=bool(moment.time() != time()))
