"""The whole way of one table of incidents: read, validate, assign cells, write.

While the database works on one chunk, the next is prepared. Rows that take an earlier row back (count −1) and rows that an
earlier upload holds already are settled at the end, when all rows of the file are in the database.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from ingestion.errors import FileRefused
from ingestion.header import Layout, layout_of, require_incident_fields
from ingestion.incidents_repeats import Repeats
from ingestion.incidents_tally import Tally
from ingestion.readers import Chunk, Table
from ingestion.report import Finding, Report
from ingestion.validation import RAW_MAX_LENGTH, VALUE_MAX_LENGTH, Checked, Incidents, Rules, check, tidy
from ingestion.writer import IncidentWriter

Progress = Callable[[float, str], None]

SKIP_STORED = "skip_stored"
STORED_SHARE = 0.9  # from here on the file is the same data again, and leaving those rows out is proposed


@dataclass(eq=False)
class _Prepared:
    chunk: Chunk
    checked: Checked
    encoded: bytes


def _no_progress(fraction: float, step: str) -> None:
    pass


def take_in(table: Table, rules: Rules, writer: IncidentWriter, *, file_name: str, progress: Progress = _no_progress) -> Report:
    """Take a table in through the writer. Raises `FileRefused`; the caller's transaction must then be rolled back."""
    layout = layout_of(table.header, rules.mapping, file_name=file_name, line=table.first_line)
    require_incident_fields(layout, table.header, rules.mapping, file_name=file_name)
    intake = _Intake(table, layout, rules, writer)
    with ThreadPoolExecutor(1, "ingest") as beside:
        prepared = intake.prepare()
        waiting = beside.submit(next, prepared, None)
        while (current := waiting.result()) is not None:
            waiting = beside.submit(next, prepared, None)
            intake.write(current)
            progress(min(current.chunk.fraction, 0.99), "write")
    if intake.report.rows == 0:
        raise FileRefused("no_rows", file=file_name, line=max(intake.report.last_line, table.first_line))
    intake.settle()
    return intake.report


class _Intake:
    """One table on its way. `prepare` runs in a thread of its own, one chunk ahead, and touches no database."""

    def __init__(self, table: Table, layout: Layout, rules: Rules, writer: IncidentWriter):
        self.table, self.layout, self.rules, self.writer = table, layout, rules, writer
        self.report = Report(columns=layout.width)
        self.tally = Tally()
        self.repeats = Repeats()
        self.takes_back: list[Incidents] = []
        self.is_changed = False  # rows were removed again, or never inserted, after they had been tallied

    def prepare(self) -> Iterator[_Prepared]:
        """Chunks ready to be written."""
        for chunk in self.table.chunks():
            checked = check(chunk, self.layout, self.rules)
            yield _Prepared(chunk, checked, self.writer.encode(checked.incidents))

    def write(self, current: _Prepared) -> None:
        """Write a chunk and count it."""
        chunk, checked, report = current.chunk, current.checked, self.report
        left_out = self.writer.write(checked.incidents, current.encoded)
        findings = sorted(checked.findings + self._doubles(chunk, left_out), key=lambda one: one.line)
        self.writer.write_findings(findings)
        self.is_changed |= bool(left_out)
        report.rows += len(chunk.rows)
        report.accepted += len(checked.incidents) - len(left_out)
        for finding in findings:
            report.reject(finding)
        for code, lines in checked.warnings.items():
            report.warn(code, len(lines), lines)
        if checked.takes_back is not None:
            self.takes_back.append(checked.takes_back)
        self.tally.add(checked.tally)
        self.repeats.note(checked.incidents)
        if chunk.lines:
            report.last_line = chunk.lines[-1]
        if len(checked.incidents):
            first = datetime.fromtimestamp(int(checked.incidents.start_s.min()), UTC)
            last = datetime.fromtimestamp(int(checked.incidents.end_s.max()), UTC)
            report.first = min(report.first or first, first)
            report.last = max(report.last or last, last)

    def settle(self) -> None:
        """What only the whole file shows: rows taken back, rows stored already, repeats, gaps and habits of rounding."""
        if self.takes_back:
            self._take_back()
        if self.writer.has_stored and self.report.accepted:
            self._compare_with_stored()
        if self.report.accepted:
            count, lines = self.writer.same_again() if self.is_changed else self.repeats.count()
            if count:
                self.report.warn("same_again", count, lines).share = count / self.report.accepted
        self.tally.tell(self.report)
        if self.is_changed:
            self.report.months, self.report.hours = self.writer.spread(time_zone=self.rules.week_zone)

    def _take_back(self) -> None:
        """Rows with count −1: the row that each takes back goes with it."""
        self.is_changed = True
        outcome = self.writer.take_back(self.takes_back)
        reasons = {one.line: ("takes_back_stored" if one.is_stored else "takes_back", str(one.taken_line)) for one in outcome}
        taken = {one.taken_line: ("taken_back", str(one.line)) for one in outcome if not one.is_stored}
        for incidents in self.takes_back:
            for line in incidents.line.tolist():
                reasons.setdefault(line, ("nothing_to_take_back", ""))
        self.report.accepted -= len(taken)
        self._reject_lines(reasons | taken, column=self.layout.title.get("count", ""))

    def _compare_with_stored(self) -> None:
        """Rows without identifier that an earlier upload holds already, beyond what this file itself repeats."""
        count, lines = self.writer.stored_already()
        if not count:
            return
        if SKIP_STORED in self.rules.mapping.mends:
            removed = self.writer.remove_stored()
            self.is_changed = True
            self.report.accepted -= len(removed)
            self._reject_lines(dict.fromkeys(removed, ("stored_already", "")), column="")
            return
        problem = self.report.warn("stored_already", count, lines)
        problem.share = count / self.report.accepted
        problem.mend = SKIP_STORED if problem.share >= STORED_SHARE else ""

    def _reject_lines(self, reasons: Mapping[int, tuple[str, str]], *, column: str) -> None:
        """Reject rows that were read before: the table is read once more, for the fields of just these."""
        for chunk in self.table.chunks():
            rows = [row for row, line in enumerate(chunk.lines) if line in reasons]
            findings = [_finding(chunk, row, column, *reasons[chunk.lines[row]]) for row in rows]
            self.writer.write_findings(findings)
            for finding in findings:
                self.report.reject(finding)

    def _doubles(self, chunk: Chunk, left_out: list[tuple[int, str, bool]]) -> list[Finding]:
        """Findings for rows whose identifier the database knew already: line, identifier, whether from this file."""
        if not left_out:
            return []
        row_of = {line: row for row, line in enumerate(chunk.lines)}
        column = self.layout.title["incident_id"]
        return [
            _finding(chunk, row_of[line], column, "duplicate_in_file" if in_file else "duplicate_stored", name)
            for line, name, in_file in left_out
        ]


def _finding(chunk: Chunk, row: int, column: str, reason: str, value: str) -> Finding:
    return Finding(
        line=chunk.lines[row],
        column=column,
        reason=reason,
        value=tidy(value, VALUE_MAX_LENGTH),
        raw=tidy(chunk.raw[row], RAW_MAX_LENGTH),
        fields=tuple(chunk.rows[row]),
    )
