"""Delimited text to records with their exact line numbers, in bounded memory: any mix of line ends, quoted line breaks,
quotation marks that never close."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.errors import FileRefused
from ingestion.readers.chunk import Chunk, readable_size
from ingestion.readers.source import BLOCK_BYTES, Source, Stream

MAX_LINE_CHARACTERS = 1024**2
MAX_RECORD_LINES = 20  # a quoted field that runs on longer was never closed
NUL_SIGN = "␀"


@dataclass(frozen=True)
class Layout:
    """How the text is cut into fields. `encoding`: a codec; `bom_bytes`: to skip at the front."""

    encoding: str = "utf-8"
    bom_bytes: int = 0
    delimiter: str = ","
    quote: str = '"'


def read_records(source: Source, layout: Layout, *, block_bytes: int = BLOCK_BYTES) -> Iterator[Chunk]:
    """Yield all records of a text file, the header among them, chunk by chunk. Raises `FileRefused`."""
    with source.open() as stream:
        pending: list[str] = []
        next_line = 1
        for text, is_last in _text_blocks(stream, layout, source.file_name, block_bytes):
            lines = pending + list(io.StringIO(text, newline=""))
            chunk = Chunk(fraction=stream.fraction)
            used = _parse(lines, next_line, chunk, layout, is_last)
            pending = lines[used:]
            next_line += used
            yield chunk


def _text_blocks(stream: Stream, layout: Layout, file_name: str, block_bytes: int) -> Iterator[tuple[str, bool]]:
    """Yield decoded text in whole lines, and whether it is the last."""
    decoder = codecs.getincrementaldecoder(layout.encoding)()
    line, rest = 1, ""
    if layout.bom_bytes:
        stream.read(layout.bom_bytes)
    while True:
        block = stream.read(block_bytes)
        try:
            text = rest + decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = line + rest.count("\n") + bytes(error.object)[: error.start].count(b"\n")
            raise FileRefused("encoding", file=file_name, line=at, value=layout.encoding.upper()) from error
        is_last = not block
        cut = len(text) if is_last else _last_line_end(text)
        if not is_last and len(text) - cut > MAX_LINE_CHARACTERS:
            at = line + text[:cut].count("\n")
            raise FileRefused("line_too_long", file=file_name, line=at, value=readable_size(MAX_LINE_CHARACTERS))
        if cut or is_last:
            yield text[:cut], is_last
        line += text.count("\n", 0, cut)
        rest = text[cut:]
        if is_last:
            return


def _last_line_end(text: str) -> int:
    """Where the last whole line ends; a closing CR may be the first half of CR LF, so it does not count."""
    cut = text.rfind("\n") + 1
    if cut == 0:  # an old Macintosh file, or one very long line
        cut = text.rfind("\r", 0, len(text) - 1) + 1
    return cut


def _parse(lines: list[str], first_line: int, chunk: Chunk, layout: Layout, is_last: bool) -> int:
    """Parse lines into records of the chunk; returns how many lines were used (the rest waits for more text)."""
    if any(layout.quote in line for line in lines):
        return _parse_quoted(lines, first_line, chunk, layout, is_last)
    try:
        records = list(csv.reader(lines, delimiter=layout.delimiter))  # without quotation marks one line is one record
    except csv.Error:  # a field beyond the module's limit
        return _parse_quoted(lines, first_line, chunk, layout, is_last)
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


def _parse_quoted(lines: list[str], first_line: int, chunk: Chunk, layout: Layout, is_last: bool) -> int:
    """The careful way: records may span lines, and a quotation mark that never closes spoils its own line only."""
    feed = _Feed(lines, 0)
    reader = csv.reader(feed, delimiter=layout.delimiter, quotechar=layout.quote, strict=True)
    while feed.record_start < len(lines):
        start = feed.record_start
        try:
            record = next(reader, None)
        except csv.Error as error:
            too_long = "field larger" in str(error)
            runs_into_end = feed.next >= len(lines) and feed.next - start < MAX_RECORD_LINES
            if runs_into_end and not is_last and not too_long:
                return start  # perhaps only the block ended; ask again with more text
            chunk.add_broken("field_too_long" if too_long else "broken_quotes", first_line + start, _plain(lines[start]))
            feed.next = feed.record_start = start + 1
            reader = csv.reader(feed, delimiter=layout.delimiter, quotechar=layout.quote, strict=True)
            continue
        if record is None:
            break
        _append(chunk, record, first_line + start, "".join(lines[start : feed.next]))
        feed.record_start = feed.next
    return feed.record_start


def _append(chunk: Chunk, record: list[str], line: int, raw: str) -> None:
    if len(record) < 2 and not "".join(record).strip():
        chunk.blank_lines.append(line)
    elif "\0" in raw:
        chunk.add_broken("nul_byte", line, _plain(raw))
    else:
        chunk.rows.append(record)
        chunk.lines.append(line)
        chunk.raw.append(raw)


def _plain(raw: str) -> str:
    return raw.replace("\0", NUL_SIGN)
