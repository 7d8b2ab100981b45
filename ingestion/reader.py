"""A file on disk to chunks of text fields with their exact line numbers, in bounded memory.

Takes plain or gzip-compressed CSV in UTF-8 (with or without a byte-order mark), any mix of line ends. A file that is
no such thing is refused with its line (`FileRefused`); a record that cannot be read as CSV is marked in its chunk.
"""

import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from ingestion.errors import FileRefused

BLOCK_BYTES = 2 * 1024**2  # about 35,000 rows of Chicago: few statements, yet small in memory
MAX_LINE_BYTES = 1024**2
MAX_RECORD_LINES = 20  # a quoted field that runs on longer was never closed
NUL_SIGN = "␀"

_MAGIC = (
    (b"PK\x03\x04", "excel"),  # .xlsx is a zip archive
    (b"\xd0\xcf\x11\xe0", "excel"),  # .xls is an OLE document
    (b"%PDF", "PDF"),
    (b"PAR1", "Parquet"),
    (b"SQLite format 3", "SQLite"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x7fELF", "ELF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
)


@dataclass(eq=False)
class Chunk:
    """Some records of the file, in order. `lines[i]`: line of the file where record i begins (the header is line 1).

    `broken[i]`: the code of a record that is no CSV (its fields are then empty). `blank_lines`: lines passed over.
    `fraction`: share of the file read so far.
    """

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    blank_lines: list[int] = field(default_factory=list)
    fraction: float = 0.0


def read_chunks(path: Path, *, file_name: str, max_content_bytes: int, block_bytes: int = BLOCK_BYTES) -> Iterator[Chunk]:
    """Yield the records of a file, chunk by chunk; the first record of the first chunk is the header.

    `max_content_bytes` bounds the text after decompression. Raises `FileRefused`.
    """
    size = max(os.path.getsize(path), 1)
    with open(path, "rb") as raw:
        blocks = _text_blocks(_opened(raw), file_name, max_content_bytes, block_bytes)
        pending: list[str] = []
        next_line = 1
        for text, is_last in blocks:
            lines = pending + list(io.StringIO(text, newline=""))
            chunk = Chunk(fraction=min(raw.tell() / size, 1.0))
            used = _parse(lines, next_line, chunk, is_last)
            pending = lines[used:]
            next_line += used
            yield chunk


def _opened(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(2)
    raw.seek(0)
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw


def _text_blocks(stream: BinaryIO, file_name: str, max_content_bytes: int, block_bytes: int) -> Iterator[tuple[str, bool]]:
    """Yield decoded text in whole lines, and whether it is the last; refuse what is no UTF-8 text."""
    line, total, rest, is_first = 1, 0, b"", True
    while True:
        block = _read(stream, block_bytes, file_name, line)
        total += len(block)
        if total > max_content_bytes:
            raise FileRefused("too_large", file=file_name, value=readable_size(max_content_bytes))
        data = rest + block
        if is_first:
            data = _checked_start(data, file_name)
        is_last = not block
        cut = len(data) if is_last else _last_line_end(data)
        if not is_last and len(data) - cut > MAX_LINE_BYTES:
            at = line + data[:cut].count(b"\n")
            raise FileRefused("line_too_long", file=file_name, line=at, value=readable_size(MAX_LINE_BYTES))
        whole, rest = data[:cut], data[cut:]
        if whole or is_last:
            yield _decoded(whole, line, file_name), is_last
        line += whole.count(b"\n")
        is_first = is_first and not block
        if is_last:
            return


def _read(stream: BinaryIO, count: int, file_name: str, line: int) -> bytes:
    try:
        return stream.read(count)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileRefused("broken_gzip", file=file_name, line=line) from error


def _checked_start(data: bytes, file_name: str) -> bytes:
    """Refuse a file that begins like something else; drop the byte-order mark."""
    if not data.strip():
        raise FileRefused("empty", file=file_name)
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            if kind == "excel":
                raise FileRefused("excel", file=file_name)
            raise FileRefused("binary", file=file_name, line=1, value=kind)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused("encoding", file=file_name, line=1, value="UTF-16")
    data = data.removeprefix(b"\xef\xbb\xbf")
    head = data[: 64 * 1024]
    odd = sum(head.count(bytes([byte])) for byte in range(32) if byte not in (9, 10, 12, 13))
    if odd > max(len(head) // 100, 4) or b"\0" in head.split(b"\n", 1)[0]:
        at = head[: min(i for i in range(len(head)) if head[i] < 32 and head[i] not in (9, 10, 12, 13))].count(b"\n") + 1
        raise FileRefused("binary", file=file_name, line=at, value="NUL" if b"\0" in head else "control bytes")
    return data


def _last_line_end(data: bytes) -> int:
    """Where the last whole line ends; a closing CR may be the first half of CR LF, so it does not count."""
    cut = data.rfind(b"\n") + 1
    if cut == 0:  # an old Macintosh file, or one very long line
        cut = data.rfind(b"\r", 0, len(data) - 1) + 1
    return cut


def _decoded(data: bytes, first_line: int, file_name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data[: error.start].count(b"\n")
        raise FileRefused("encoding", file=file_name, line=line, value=_guess_encoding(data)) from error


def _guess_encoding(data: bytes) -> str:
    """CP949 (what Korean Excel writes) if the text decodes so into Hangul, else Windows-1252."""
    start = data.rfind(b"\n", 0, 64 * 1024) + 1
    sample = data[: start or 64 * 1024]
    try:
        text = sample.decode("cp949")
    except UnicodeDecodeError:
        return "Windows-1252 (Latin)"
    return "CP949 (EUC-KR)" if any("가" <= letter <= "힣" for letter in text) else "Windows-1252 (Latin)"


def _parse(lines: list[str], first_line: int, chunk: Chunk, is_last: bool) -> int:
    """Parse lines into records of the chunk; returns how many lines were used (the rest waits for more text)."""
    if any('"' in line for line in lines):
        return _parse_quoted(lines, first_line, chunk, is_last)
    try:
        records = list(csv.reader(lines))  # without quotation marks one line is one record
    except csv.Error:  # a field beyond the module's limit
        return _parse_quoted(lines, first_line, chunk, is_last)
    if min(map(len, records), default=2) < 2 or any("\0" in line for line in lines):
        for offset, (record, line) in enumerate(zip(records, lines, strict=True)):
            _append(chunk, record, first_line + offset, line)
    else:
        chunk.rows, chunk.raw = records, lines
        chunk.lines = list(range(first_line, first_line + len(lines)))
    return len(lines)


class _Feed:
    """Hands lines to the csv module and stops it where a record runs on too long."""

    def __init__(self, lines: list[str], start: int):
        self.lines, self.next, self.record_start = lines, start, start

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.next >= len(self.lines) or self.next - self.record_start >= MAX_RECORD_LINES:
            raise StopIteration
        self.next += 1
        return self.lines[self.next - 1]


def _parse_quoted(lines: list[str], first_line: int, chunk: Chunk, is_last: bool) -> int:
    """The careful way: records may span lines, and a quotation mark that never closes spoils its own line only."""
    feed = _Feed(lines, 0)
    reader = csv.reader(feed, strict=True)
    while feed.record_start < len(lines):
        start = feed.record_start
        try:
            record = next(reader, None)
        except csv.Error as error:
            too_long = "field larger" in str(error)
            runs_into_end = feed.next >= len(lines) and feed.next - start < MAX_RECORD_LINES
            if runs_into_end and not is_last and not too_long:
                return start  # perhaps only the block ended; ask again with more text
            chunk.broken[len(chunk.rows)] = "field_too_long" if too_long else "broken_quotes"
            _append(chunk, [], first_line + start, lines[start], is_broken=True)
            feed.next = feed.record_start = start + 1
            reader = csv.reader(feed, strict=True)
            continue
        if record is None:
            break
        _append(chunk, record, first_line + start, "".join(lines[start : feed.next]))
        feed.record_start = feed.next
    return feed.record_start


def _append(chunk: Chunk, record: list[str], line: int, raw: str, *, is_broken: bool = False) -> None:
    if not is_broken and len(record) < 2 and not "".join(record).strip():
        chunk.blank_lines.append(line)
        return
    if "\0" in raw:
        chunk.broken[len(chunk.rows)] = "nul_byte"
        record, raw = [], raw.replace("\0", NUL_SIGN)
    chunk.rows.append(record)
    chunk.lines.append(line)
    chunk.raw.append(raw)


def readable_size(count: int) -> str:
    """Bytes as a person reads them."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"
