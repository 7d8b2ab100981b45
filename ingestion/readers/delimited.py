"""CSV and its kin (semicolons, tabs, bars): what separates the columns is found by what cuts most lines alike."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ingestion.errors import FileRefused, gettext_noop
from ingestion.mapping import Choice, Evidence
from ingestion.readers.chunk import Chunk
from ingestion.readers.content import prose_kind
from ingestion.readers.encoding import decide_encoding
from ingestion.readers.records import Layout, read_records
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import SAMPLE_ROWS, Titles, find_titles

DELIMITERS = (",", "\t", ";", "|")
DELIMITER_NAMES = {
    ",": gettext_noop("comma"),
    "\t": gettext_noop("tab"),
    ";": gettext_noop("semicolon"),
    "|": gettext_noop("bar"),
}
_SNIFFED_LINES = 200
_SNIFF_BYTES = 256 * 1024


def open_delimited(source: Source, limits: Limits, choice: Choice) -> Table:
    """The one table of a text file. Raises `FileRefused` where the text is no table."""
    decided = decide_encoding(source, choice.encoding)
    layout = Layout(encoding=decided.encoding, bom_bytes=decided.bom_bytes)
    text = _head_text(source, layout)
    delimiter, quote, delimiter_evidence = _sniff(text, source, choice.delimiter)
    layout = replace(layout, delimiter=delimiter, quote=quote)
    first = _first_records(source, layout)
    titles = find_titles(first.rows, chosen=choice.header_rows)
    _check_header(first, titles, source, limits)
    skipped = titles.above + titles.rows
    return Table(
        name=source.name,
        format="csv",
        header=titles.header,
        header_levels=titles.levels,
        first_line=first.lines[titles.above] if titles.above < len(first.lines) else 1,
        wrappers=source.wrappers,
        chunks=lambda: _under_header(source, layout, skipped),
        choice=replace(choice, encoding=decided.encoding, delimiter=delimiter, header_rows=titles.rows),
        evidence=(decided.evidence, delimiter_evidence, titles.evidence),
    )


def _under_header(source: Source, layout: Layout, skipped: int) -> Iterator[Chunk]:
    left = skipped
    for chunk in read_records(source, layout):
        if left:
            taken = min(left, len(chunk.rows))
            chunk.drop_first(taken)
            left -= taken
        yield chunk


def _first_records(source: Source, layout: Layout) -> Chunk:
    """The first records of the file: at least as many as a header is looked for in, or all."""
    found = Chunk()
    for chunk in read_records(source, layout, block_bytes=_SNIFF_BYTES):
        found.broken |= {row + len(found.rows): code for row, code in chunk.broken.items()}
        found.rows += chunk.rows
        found.lines += chunk.lines
        if len(found.rows) >= SAMPLE_ROWS:
            break
    if not found.rows:
        raise FileRefused("empty", file=source.file_name)
    return found


def _check_header(first: Chunk, titles: Titles, source: Source, limits: Limits) -> None:
    for row in range(titles.above, titles.above + titles.rows):
        if row in first.broken:
            raise FileRefused("broken_header", file=source.file_name, line=first.lines[row])
    width = max(len(titles.header), *map(len, first.rows))
    if width > limits.max_columns:
        raise FileRefused("too_many_columns", file=source.file_name, value=width, limit=limits.max_columns)


def _head_text(source: Source, layout: Layout) -> str:
    data = source.head(_SNIFF_BYTES + layout.bom_bytes)[layout.bom_bytes :]
    whole = len(data) < _SNIFF_BYTES
    text = data.decode(layout.encoding, "ignore")
    return text if whole or "\n" not in text else text[: text.rfind("\n") + 1]


def _sniff(text: str, source: Source, chosen: str | None) -> tuple[str, str, Evidence]:
    """Delimiter, quotation mark, and why."""
    lines = [line for line in text.splitlines(keepends=True) if line.strip()][:_SNIFFED_LINES]
    quote = _quote(lines)
    if chosen is not None:
        if len(chosen) != 1 or chosen in '"\r\n\0':
            raise FileRefused("unknown_delimiter", file=source.file_name, value=chosen[:20])
        return chosen, quote, Evidence("delimiter", "delimiter_chosen", {"value": DELIMITER_NAMES.get(chosen, chosen)})
    best = max(((*_alike(lines, one, quote), one) for one in DELIMITERS), key=lambda found: (found[0], found[1]))
    share, columns, delimiter = best
    words = prose_kind(lines, share)
    if words:
        raise FileRefused("not_a_table", file=source.file_name, value=words)
    if share < 0.5:
        return ",", quote, Evidence("delimiter", "delimiter_none", {"value": "comma"})
    fields = {"value": DELIMITER_NAMES[delimiter], "columns": columns, "percent": round(100 * share)}
    return delimiter, quote, Evidence("delimiter", "delimiter_found", fields)


def _alike(lines: list[str], delimiter: str, quote: str) -> tuple[float, int]:
    """Share of the records that have the usual number of columns (0 where that is one), and that number."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter, quotechar=quote) if row)
    except csv.Error:
        return 0.0, 1
    several = {width: count for width, count in widths.items() if width > 1}
    if not several:
        return 0.0, 1
    usual = max(several, key=lambda width: (several[width], width))
    share = several[usual] / widths.total()
    ragged = 1 not in widths and len(lines) > 3  # lines of many lengths, but every one of them cut
    return max(share, 0.51 if ragged else 0.0), usual


def _quote(lines: list[str]) -> str:
    """The quotation mark: " unless there is none and fields stand between ' and '."""
    if any('"' in line for line in lines):
        return '"'
    single = sum(line.strip().startswith("'") and line.strip().endswith("'") and line.count("'") >= 4 for line in lines)
    return "'" if lines and single >= 0.8 * len(lines) else '"'
