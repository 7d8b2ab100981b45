"""Reads of the upload room."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ingestion.presets import PRESETS
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import NotFound
from webapp.imports.models import MappingPreset, RejectedRow, Upload
from webapp.imports.sentences import OWN_TITLES, Sentences

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

# One hash aggregation over the upload's rows: 0.2 s for 320,000.
_SAME_INCIDENTS = """
WITH again AS (
    SELECT count(*) - 1 AS more, max(source_line) AS line
    FROM crimes_incident
    WHERE upload_id = %s AND source_id IS NULL
    GROUP BY category_id, occurred_from, occurred_to, point
    HAVING count(*) > 1
)
SELECT (SELECT coalesce(sum(more), 0) FROM again), ARRAY(SELECT line FROM again ORDER BY line LIMIT 20)
"""
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(, [+-]?[\d.]+)?")


@dataclass(frozen=True)
class Format:
    """A format that the upload page offers."""

    name: str
    label: str


def formats() -> list[Format]:
    """Every format a file may be in, Haechi's own first."""
    return [Format(preset.name, preset.label) for preset in PRESETS.values()]


def uploads(*, user: "User") -> QuerySet[Upload]:
    """The jurisdiction's uploads, newest first. Raises `NotAllowed`."""
    require(user, Act.UPLOAD)
    rows: QuerySet[Upload] = Upload.objects.visible_to(user)
    return rows.select_related("jurisdiction", "created_by", "job").order_by("-created_at", "-pk")


def upload(*, user: "User", upload_id: int) -> Upload:
    """One upload. Raises `NotAllowed`, `NotFound`."""
    found = uploads(user=user).filter(pk=upload_id).first()
    if found is None:
        raise NotFound(_("There is no such upload."))
    return found


@dataclass(frozen=True)
class RejectedLine:
    """One rejected row with its sentence."""

    line: int
    column: str
    reason: str
    sentence: str
    value: str
    raw: str
    fields: Sequence[str] = ()


def rejected_rows(
    *, user: "User", upload_id: int, limit: int | None = None, request: "HttpRequest | None" = None
) -> Iterator[RejectedLine]:
    """Rows that were not taken in, in file order. They hold incident data, so reading them leaves a line in the trail."""
    found = upload(user=user, upload_id=upload_id)
    record(
        action=AuditEntry.Action.READ_INCIDENTS,
        actor=user,
        target=f"upload:{found.pk}",
        detail={"rejected_rows": min(found.rows_rejected, limit or found.rows_rejected)},
        request=request,
    )
    return _lines(found, limit)


def _lines(found: Upload, limit: int | None) -> Iterator[RejectedLine]:
    sentences = Sentences(found)
    rows = RejectedRow.objects.filter(upload=found).order_by("line")
    for row in rows[:limit] if limit else rows.iterator(chunk_size=2000):
        yield RejectedLine(row.line, row.column, row.reason, sentences.rejected(row), row.value, row.raw, row.fields)


@dataclass(frozen=True)
class UploadPage:
    """All that the page of one upload shows."""

    upload: Upload
    label: str
    message: str
    stage: str
    reasons: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    first: datetime | None
    last: datetime | None
    rejected: list[RejectedLine]
    job_is_open: bool


def upload_page(*, user: "User", upload_id: int, rows: int = 200, request: "HttpRequest | None" = None) -> UploadPage:
    """One upload with its counts, sentences and first rejected rows; showing rows leaves a line in the trail."""
    found = upload(user=user, upload_id=upload_id)
    sentences = Sentences(found)
    has_rejected = found.state == Upload.State.COMMITTED and found.rows_rejected
    return UploadPage(
        upload=found,
        label=format_label(found),
        message=sentences.message(),
        stage=stage_of(found),
        reasons=sentences.reasons(),
        warnings=sentences.warnings(),
        first=_moment(found.report.get("first")),
        last=_moment(found.report.get("last")),
        rejected=list(rejected_rows(user=user, upload_id=upload_id, limit=rows, request=request)) if has_rejected else [],
        job_is_open=found.job is not None and not found.job.is_over,
    )


def format_label(found: Upload) -> str:
    """How the file was read: the built-in preset, the mapping preset, or the kind alone."""
    if found.preset in PRESETS:
        return PRESETS[found.preset].label
    preset = found.guess.get("preset") if found.guess else None
    kind = str(found.get_kind_display())
    return f"{kind} · {preset['name']}" if preset else kind


def stage_of(found: Upload) -> str:
    """Where on the way from file to database an upload stands: understanding, check, taking or end."""
    if found.state in (Upload.State.RECEIVED, Upload.State.CHECKED):
        is_checking = found.job is not None and not found.job.is_over
        return "check" if found.state == Upload.State.CHECKED or is_checking else "understanding"
    return "taking" if found.state == Upload.State.WAITING else "end"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class _Echo:
    """A file that hands back what is written to it, so that the CSV can be streamed line by line."""

    def write(self, text: str) -> str:
        return text


def rejected_csv(*, user: "User", upload_id: int, request: "HttpRequest | None" = None) -> Iterator[str]:
    """The rejected rows under the file's own columns, with line, column and reason beside them, streamed as CSV.

    It begins with a byte-order mark, so that Excel reads it as UTF-8. Mended and uploaded again, the rows come in: the
    columns that stand beside the file's own are passed over.
    """
    found = upload(user=user, upload_id=upload_id)
    rows = rejected_rows(user=user, upload_id=upload_id, request=request)
    writer: Any = csv.writer(_Echo())
    header = list(found.guess.get("header", []))

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow([*map(_harmless, header), *OWN_TITLES])
        for row in rows:
            fields = (list(row.fields) + [""] * len(header))[: len(header)] if header else []
            raw = "" if header and row.fields else row.raw  # a row that could not be cut into fields is given as it stood
            yield writer.writerow([*map(_harmless, fields), row.line, *map(_harmless, (row.column, row.sentence, raw))])

    return lines()


def _harmless(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; an apostrophe keeps it text. Plain numbers stay as they are."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text and not _NUMBER.fullmatch(text) else text


def presets(*, user: "User") -> QuerySet[MappingPreset]:
    """The jurisdiction's mapping presets by name. Raises `NotAllowed`."""
    require(user, Act.UPLOAD)
    rows: QuerySet[MappingPreset] = MappingPreset.objects.visible_to(user)
    return rows.select_related("created_by").order_by("name")


def same_incidents(*, upload: Upload) -> tuple[int, list[int]]:
    """How many incidents of an upload repeat another of it exactly (without an identifier), and the first such lines."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(_SAME_INCIDENTS, [upload.pk])
        count, lines = cursor.fetchone()
    return int(count), list(lines)
