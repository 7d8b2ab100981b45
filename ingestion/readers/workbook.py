"""Excel workbooks: XLSX row by row as a stream, the older XLS (at most 65,536 rows a sheet) at once. One table a sheet.

A cell becomes the text a person would type: 12 and not 12.0, dates as ISO 8601, true and false; an error such as #N/A is blank.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import time

import xlrd

from ingestion.errors import FileRefused
from ingestion.mapping import Choice
from ingestion.readers.cells import moment_text, text_of
from ingestion.readers.chunk import Chunk, readable_size, sentence_list
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import SAMPLE_ROWS, find_titles
from ingestion.readers.xlsx import BadWorkbook, Row, XlsxBook, open_book

CHUNK_CELLS = 200_000
MAX_SHARED_TEXT_BYTES = 128 * 1024**2  # the one part of a workbook that must lie in memory
MAX_BLANK_ROWS = 10_000
Rows = Callable[[], Iterator[Row]]


def open_xlsx(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """Every sheet of an .xlsx workbook that holds something. Raises `FileRefused`."""
    _check_parts(source, limits)
    try:
        book = open_book(source.on_disk())
    except BadWorkbook as error:
        raise FileRefused("broken_workbook", file=source.file_name, value="xlsx") from error
    names = list(book.parts)

    def rows_of(name: str) -> Rows:
        return lambda: _xlsx_rows(source, book, name)

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
    chunk, cells, last = Chunk(), 0, body_from - 1
    for line, row, fraction in rows():
        if line <= last or not any(row):
            continue
        chunk.blank_lines += range(last + 1, min(line, last + MAX_BLANK_ROWS))
        last = line
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


def _xlsx_rows(source: Source, book: XlsxBook, name: str) -> Iterator[Row]:
    try:
        yield from book.rows(name)
    except BadWorkbook as error:
        raise FileRefused("broken_workbook_row", file=source.file_name, line=error.row + 1, value=name) from error


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


def _xls_rows(source: Source, name: str) -> Iterator[Row]:
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
