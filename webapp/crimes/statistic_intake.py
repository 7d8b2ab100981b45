"""An uploaded table of published figures into a set of figures of its own."""

from datetime import UTC, datetime, time
from pathlib import PurePath
from typing import Any

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
COPY crimes_statistic (dataset_id, area, area_code, is_total, period_from, period_to, category, category_code, hour_from,
                       hour_to, weekday, place_kind, measure, value, source_line) FROM STDIN
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
    measures: dict[str, None] = {}
    sums = {"figures": 0, "totals": 0, "unknown": 0}
    days: list[Any] = []
    with connection.cursor() as cursor:

        def write(figures: list[Figure]) -> None:
            measures.update(dict.fromkeys(figure.measure for figure in figures))
            sums["figures"] += len(figures)
            sums["totals"] += sum(figure.is_total for figure in figures)
            sums["unknown"] += sum(figure.value is None for figure in figures)
            starts = [figure.period_from for figure in figures if figure.period_from]
            ends = [figure.period_to for figure in figures if figure.period_to]
            days[:] = (
                [min([*starts, *days[:1]], default=None), max([*ends, *days[1:]], default=None)] if starts and ends else days
            )
            cursor.copy_expert(_COPY, copy_lines(_row(dataset.pk, figure, known) for figure in figures))

        report = collect(
            read_statistics(table, intake.mapping),
            write=write,
            write_findings=lambda findings: write_findings(cursor, upload_id=intake.upload_id, findings=findings),
            progress=intake.progress,
        )
    dataset.measures = list(measures)
    dataset.save(update_fields=["measures"])
    report.columns, report.sums = len(table.header), dict(sums)
    if days:
        report.first, report.last = (datetime.combine(day, time(), UTC) for day in days)
    return report


def _title(intake: Intake, table_name: str) -> str:
    given = str(intake.mapping.options.get("title") or "") or intake.file_name or table_name
    return PurePath(given.removesuffix(".gz")).stem[:200]


def _row(dataset_id: int, figure: Figure, known: set[str]) -> tuple[Any, ...]:
    """A figure as a row of the table. A category's code counts only where the jurisdiction has the category."""
    code = figure.category_code if figure.category_code in known else ""
    when = (figure.hour_from, figure.hour_to, figure.weekday)
    what = (figure.category, code, *when, figure.place_kind, figure.measure, figure.value, figure.line)
    return (dataset_id, figure.area, figure.area_code, figure.is_total, figure.period_from, figure.period_to, *what)
