"""The whole way of one file: read, validate, assign cells, write; while the database works, the next chunk is prepared."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import FileRefused
from ingestion.header import Layout, read_header
from ingestion.reader import Chunk, read_chunks
from ingestion.report import Finding, Report
from ingestion.validation import RAW_MAX_LENGTH, VALUE_MAX_LENGTH, Checked, Rules, check, tidy
from ingestion.writer import IncidentWriter, encode_incidents

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Source:
    """The file: where it lies, the name a person knows it by, and how much text it may hold."""

    path: Path
    name: str
    max_content_bytes: int


@dataclass(eq=False)
class _Prepared:
    chunk: Chunk
    layout: Layout
    checked: Checked
    encoded: bytes


def _no_progress(fraction: float, step: str) -> None:
    pass


def take_in(source: Source, rules: Rules, writer: IncidentWriter, *, progress: Progress = _no_progress) -> Report:
    """Take a file in through the writer. Raises `FileRefused`; the caller's transaction must then be rolled back."""
    report = Report()
    with ThreadPoolExecutor(1, "ingest") as beside:
        prepared = _prepare(source, rules)
        waiting = beside.submit(next, prepared, None)
        while (current := waiting.result()) is not None:
            waiting = beside.submit(next, prepared, None)
            _write(current, writer, report)
            progress(min(current.chunk.fraction, 0.99), "write")
    if report.rows == 0:
        raise FileRefused("no_rows", file=source.name, line=report.last_line)
    return report


def _prepare(source: Source, rules: Rules) -> Iterator[_Prepared]:
    """Chunks ready to be written. Runs in its own thread, one chunk ahead; touches no database."""
    layout: Layout | None = None
    chunks = read_chunks(source.path, file_name=source.name, max_content_bytes=source.max_content_bytes)
    for chunk in chunks:
        if layout is None:
            if not chunk.rows:
                continue
            if 0 in chunk.broken:
                raise FileRefused("broken_header", file=source.name, line=1)
            layout = read_header(chunk.rows[0], columns=rules.preset.columns, file_name=source.name)
            chunk.broken = {row - 1: code for row, code in chunk.broken.items()}
            del chunk.rows[0], chunk.lines[0], chunk.raw[0]
        checked = check(chunk, layout, rules)
        yield _Prepared(chunk, layout, checked, encode_incidents(checked.incidents))
    if layout is None:
        raise FileRefused("empty", file=source.name)


def _write(current: _Prepared, writer: IncidentWriter, report: Report) -> None:
    chunk, checked = current.chunk, current.checked
    left_out = writer.write(checked.incidents, current.encoded)
    findings = checked.findings + _doubles(current, left_out)
    writer.write_findings(findings)
    report.rows += len(chunk.rows)
    report.columns = current.layout.width
    report.accepted += len(checked.incidents) - len(left_out)
    for finding in sorted(findings, key=lambda one: one.line):
        report.reject(finding)
    for code, lines in checked.warnings.items():
        report.warn(code, len(lines), lines)
    if chunk.lines:
        report.last_line = chunk.lines[-1]
    if len(checked.incidents):
        first = datetime.fromtimestamp(int(checked.incidents.start_s.min()), UTC)
        last = datetime.fromtimestamp(int(checked.incidents.end_s.max()), UTC)
        report.first = min(report.first or first, first)
        report.last = max(report.last or last, last)


def _doubles(current: _Prepared, left_out: list[tuple[int, str, bool]]) -> list[Finding]:
    """Findings for rows whose identifier the database knew already: line, identifier, whether from this file."""
    if not left_out:
        return []
    row_of = {line: row for row, line in enumerate(current.chunk.lines)}
    return [
        Finding(
            line=line,
            column=current.layout.title["incident_id"],
            reason="duplicate_in_file" if in_file else "duplicate_stored",
            value=tidy(name, VALUE_MAX_LENGTH),
            raw=tidy(current.chunk.raw[row_of[line]], RAW_MAX_LENGTH),
            fields=tuple(current.chunk.rows[row_of[line]]),
        )
        for line, name, in_file in left_out
    ]
