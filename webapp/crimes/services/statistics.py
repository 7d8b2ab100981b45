"""An uploaded table of published figures into a set of figures of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from ingestion.records import collect, open_table
from ingestion.records_copy import copy_lines
from ingestion.report import Report
from ingestion.statistics import Figure, read_statistics
from ingestion.writer import write_findings
from webapp.common.intake import Intake
from webapp.crimes.models import Category, StatisticSet

TABLE = "crimes_statisticset"

_COPY = """
COPY crimes_statistic (jurisdiction_id, dataset_id, area, area_code, is_total, period_from, period_to, category,
                       category_code, hour_from, hour_to, weekday, place_kind, measure, value, source_line) FROM STDIN
"""


def take_statistics(intake: Intake) -> Report:
    """Take published figures in. Raises `FileRefused`; the caller holds the transaction. Sums: `figures`, `totals`, `unknown`."""
    table = open_table(
        intake.path, file_name=intake.file_name, max_content_bytes=intake.max_content_bytes, mapping=intake.mapping
    )
    known = set(Category.objects.of(intake.jurisdiction).values_list("code", flat=True))
    dataset = StatisticSet.objects.create(
        jurisdiction=intake.jurisdiction, upload_id=intake.upload_id, title=_title(intake, table.name)
    )
    tally = _Tally()
    with connection.cursor() as cursor:

        def write(figures: list[Figure]) -> None:
            tally.add(figures)
            cursor.copy_expert(_COPY, copy_lines(_row(dataset, figure, known) for figure in figures))

        report = collect(
            read_statistics(table, intake.mapping),
            write=write,
            write_findings=lambda findings: write_findings(cursor, upload_id=intake.upload_id, findings=findings),
            progress=intake.progress,
        )
    dataset.measures = list(tally.measures)
    dataset.save(update_fields=["measures"])
    report.columns = len(table.header)
    report.sums = {"figures": tally.figures, "totals": tally.totals, "unknown": tally.unknown}
    zone = intake.jurisdiction.zone
    report.first, report.last = _midnight(tally.first, zone), _midnight(tally.last, zone)
    return report


@dataclass(eq=False)
class _Tally:
    """Counts over a whole table. `measures`: in the order of the file."""

    figures: int = 0
    totals: int = 0
    unknown: int = 0
    measures: dict[str, None] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None

    def add(self, figures: Sequence[Figure]) -> None:
        """Count these figures."""
        self.figures += len(figures)
        self.totals += sum(one.is_total for one in figures)
        self.unknown += sum(one.value is None for one in figures)
        self.measures.update(dict.fromkeys(one.measure for one in figures))
        starts = [day for day in (self.first, *(one.period_from for one in figures)) if day]
        ends = [day for day in (self.last, *(one.period_to for one in figures)) if day]
        self.first, self.last = min(starts, default=None), max(ends, default=None)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None


def _title(intake: Intake, table_name: str) -> str:
    given = str(intake.mapping.options.get("title") or "") or intake.file_name or table_name
    return PurePath(given.removesuffix(".gz")).stem[:200]


def _row(dataset: StatisticSet, figure: Figure, known: set[str]) -> tuple[Any, ...]:
    """A figure as a row of the table. A category's code counts only where the jurisdiction has the category."""
    code = figure.category_code if figure.category_code in known else ""
    when = (figure.hour_from, figure.hour_to, figure.weekday)
    what = (figure.category, code, *when, figure.place_kind, figure.measure, figure.value, figure.line)
    whose = (dataset.jurisdiction_id, dataset.pk, figure.area, figure.area_code, figure.is_total)
    return (*whose, figure.period_from, figure.period_to, *what)
