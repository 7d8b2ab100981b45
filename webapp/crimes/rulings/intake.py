"""How files of rulings are taken in: read one by one, masked, facts found, stored with their evidence in one transaction."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from django.db import connection

from ingestion.readers.table import Limits
from ingestion.report import Finding, Report
from ingestion.rulings.documents import read_documents
from ingestion.rulings.extraction import extract
from ingestion.rulings.model import Document, Extraction
from ingestion.writer import write_findings
from webapp.common.intake import Intake
from webapp.crimes.models import Ruling, RulingFact

BATCH = 100
VALUE_LENGTH = 120
Found = tuple[Document, Extraction]
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half a letter, as broken JSON holds it; no database keeps it
_FACT_COLUMNS = """
    jurisdiction_id, ruling_id, event, field, value, start, "end", is_allegation,
    origin, created_by_id, superseded_by_id, created_at
"""


def take_rulings(intake: Intake) -> Report:
    """Take a file of rulings in. Raises `FileRefused`; the caller holds the transaction.

    A ruling that is there already (same court and case number, or same text) counts as accepted, with a warning, and is not
    stored again. Memory holds one batch.
    """
    with connection.cursor() as cursor:  # one file of rulings after the other: two may hold the same ruling
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rulings:{intake.jurisdiction.pk}"])
    report = Report(columns=0)
    findings: list[Finding] = []
    shares = _Shares(intake.jurisdiction.zone)
    expected = _documents_about(intake.path)
    documents = read_documents(
        intake.path,
        file_name=intake.file_name,
        limits=Limits(max_content_bytes=intake.max_content_bytes),
        on_bad=findings.append,
    )
    found = ((document, extract(document)) for document in map(_storable, documents))
    while batch := list(islice(found, BATCH)):
        _store(intake, report, batch)
        shares.add(report, batch)
        report.rows += len(batch)
        report.accepted += len(batch)
        report.last_line = batch[-1][0].line
        _reject(intake, report, findings)
        intake.progress(min(0.97, report.rows / max(expected, report.rows + 1)), "read")
    _reject(intake, report, findings)
    shares.finish(report)
    intake.progress(0.99, "commit")
    return report


def _reject(intake: Intake, report: Report, findings: list[Finding]) -> None:
    """Keep what could not be read, with its reason; empties the list."""
    if not findings:
        return
    for finding in findings:
        report.reject(finding)
    report.rows += len(findings)
    with connection.cursor() as cursor:
        write_findings(cursor, upload_id=intake.upload_id, findings=findings)
    findings.clear()


def _storable(document: Document) -> Document:
    """The document without what the database cannot keep; every letter stays at its place."""
    if not any(map(_LONE_SURROGATE.search, (document.text, document.source_id, document.court, document.case_name))):
        return document
    return replace(
        document,
        text=_LONE_SURROGATE.sub("\ufffd", document.text),
        source_id=_LONE_SURROGATE.sub("\ufffd", document.source_id),
        court=_LONE_SURROGATE.sub("\ufffd", document.court),
        case_no=_LONE_SURROGATE.sub("\ufffd", document.case_no),
        case_name=_LONE_SURROGATE.sub("\ufffd", document.case_name),
    )


def _store(intake: Intake, report: Report, batch: Sequence[Found]) -> None:
    """Store the new rulings of a batch with their facts, and warn about those that are there."""
    ids = [document.source_id for document, _extraction in batch]
    there = set(Ruling.objects.of(intake.jurisdiction).filter(source_id__in=ids).values_list("source_id", flat=True))
    new: list[Found] = []
    for document, extraction in batch:
        if document.source_id in there:
            report.warn("ruling_there", 1, [document.line], [document.source_id])
            continue
        there.add(document.source_id)
        new.append((document, extraction))
        if not extraction.events:
            report.warn("ruling_without_event", 1, [document.line], [document.source_id])
    rows = Ruling.objects.bulk_create([_row(intake, document, extraction) for document, extraction in new])
    _copy_facts(intake, [(row.pk, extraction) for row, (_document, extraction) in zip(rows, new, strict=True)])
    report.sums["new"] = report.sums.get("new", 0) + len(rows)


def _row(intake: Intake, document: Document, extraction: Extraction) -> Ruling:
    return Ruling(
        jurisdiction=intake.jurisdiction,
        upload_id=intake.upload_id,
        source_id=document.source_id[:80],
        court=document.court[:80],
        case_no=document.case_no[:80],
        case_name=document.case_name[:200],
        decided_on=document.decided_on,
        verdict=str(extraction.verdict),
        text=document.text,
        sections=[[str(section.kind), section.start, section.end] for section in extraction.sections],
        source_line=document.line,
    )


def _copy_facts(intake: Intake, found: Sequence[tuple[int, Extraction]]) -> None:
    """All facts of a batch by COPY: ten times as fast as INSERT, and there are twenty of them to a ruling."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    for ruling_id, extraction in found:
        for event in extraction.events:
            for fact in event.facts:
                values = (str(fact.field), fact.value[:VALUE_LENGTH], fact.start, fact.end, fact.is_allegation)
                writer.writerow(
                    (
                        intake.jurisdiction.pk,
                        ruling_id,
                        event.index,
                        *values,
                        RulingFact.Origin.EXTRACTED.value,
                        "",
                        "",
                        intake.now,
                    )
                )
    lines.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY crimes_rulingfact ({_FACT_COLUMNS}) FROM STDIN WITH (FORMAT csv)", lines)


class _Shares:
    """How much the rulings say: counts for the report, among them the shares that the quality score shows."""

    def __init__(self, zone: ZoneInfo):
        self.zone = zone
        self.rulings = self.events = self.facts = self.dated = self.timed = self.placed = self.located = self.sorted = 0

    def add(self, report: Report, batch: Sequence[Found]) -> None:
        for document, extraction in batch:
            self.rulings += 1
            self.events += len(extraction.events)
            fields = {str(fact.field) for event in extraction.events for fact in event.facts}
            self.facts += sum(len(event.facts) for event in extraction.events)
            self.dated += "date" in fields
            self.timed += "time" in fields or "time_band" in fields
            self.placed += "place_kind" in fields
            self.located += "sigungu" in fields or "dong" in fields
            self.sorted += "category" in fields
            if document.decided_on:
                report.months[f"{document.decided_on:%Y-%m}"] += 1
                moment = datetime.combine(document.decided_on, time.min, self.zone)
                report.first = min(report.first or moment, moment)
                report.last = max(report.last or moment, moment)
            for event in extraction.events:
                if (clock := event.value("time")) and clock[:2].isdigit():
                    report.hours[int(clock[:2]) % 24] += 1

    def finish(self, report: Report) -> None:
        if not self.rulings:
            return
        counts = {"events": self.events, "facts": self.facts, "with_date": self.dated, "with_time": self.timed}
        counts |= {"with_place_kind": self.placed, "with_area": self.located, "with_category": self.sorted}
        report.sums |= {name: float(count) for name, count in counts.items()}
        report.quality = {"located": self.located / self.rulings, "timed": self.timed / self.rulings}


def _documents_about(path: Path) -> int:
    """About how many rulings a file holds, for the progress: lines of a text, members of an archive; read in small blocks."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return len(archive.infolist())
        return sum(block.count(b"\n") for block in _blocks(path))
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, NotImplementedError):
        return 1  # the reader will say what is wrong


def _blocks(path: Path, most_bytes: int = 512 * 1024**2) -> Iterator[bytes]:
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_gzip else path.open("rb") as stream:
        while most_bytes > 0 and (block := stream.read(1024**2)):
            most_bytes -= len(block)
            yield block
