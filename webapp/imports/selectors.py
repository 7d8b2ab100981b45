"""Reads of the upload room."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ingestion.presets import PRESETS
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import NotFound
from webapp.common.sheets import csv_lines
from webapp.imports.models import MappingPreset, RejectedRow, Upload
from webapp.imports.sentences import OWN_TITLES, Sentences

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User


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
    if is_stalled(found):
        found.state = Upload.State.CHECKED
    return found


def is_stalled(found: Upload) -> bool:
    """Whether a checked file waits for a job that will not come: cancelled before it began, or ended by an error."""
    return found.state == Upload.State.WAITING and bool(found.report.get("rows")) and found.job is not None and found.job.is_over


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


def rejected_csv(*, user: "User", upload_id: int, request: "HttpRequest | None" = None) -> Iterator[str]:
    """The rejected rows under the file's own columns, with line, column and reason beside them, streamed as CSV.

    Mended and uploaded again, the rows come in: the columns that stand beside the file's own are passed over.
    """
    found = upload(user=user, upload_id=upload_id)
    rows = rejected_rows(user=user, upload_id=upload_id, request=request)
    header = list(found.guess.get("header", []))

    def cells() -> Iterator[tuple[Any, ...]]:
        yield (*header, *OWN_TITLES)
        for row in rows:
            fields = (list(row.fields) + [""] * len(header))[: len(header)] if header else []
            raw = "" if header and row.fields else row.raw  # a row that could not be cut into fields is given as it stood
            yield (*fields, row.line, row.column, row.sentence, raw)

    return csv_lines(cells())


def presets(*, user: "User") -> QuerySet[MappingPreset]:
    """The jurisdiction's mapping presets by name. Raises `NotAllowed`."""
    require(user, Act.UPLOAD)
    rows: QuerySet[MappingPreset] = MappingPreset.objects.visible_to(user)
    return rows.select_related("created_by").order_by("name")
