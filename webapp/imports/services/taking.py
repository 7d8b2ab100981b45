"""Try a file and take it in: one transaction, in which the kind's own taker writes. A dry run is the commit rolled back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DataError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ingestion.errors import FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.presets import PRESETS
from ingestion.report import Report
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import HaechiError
from webapp.common.intake import Intake, taker_of
from webapp.common.services import JobCancelled, Progress, is_lost_connection, no_progress
from webapp.imports.models import Upload
from webapp.imports.sentences import Sentences
from webapp.imports.services.receiving import UploadRefused, check_preset, new_upload, refuse
from webapp.imports.services.storing import (
    OPEN_STATES,
    committed_twin,
    content_of,
    lock_content,
    part_key,
    part_of,
    plain_name,
    stored_path,
)
from webapp.imports.services.understanding import header_of, understand
from webapp.imports.services.undoing import lock_kind

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

# What is remembered of how a file was understood; its first rows and values are not, for they live in the database now.
KEPT_OF_GUESS = ("format", "wrappers", "header", "digest", "preset", "evidence", "guessed")
DISK_FULL = "53100"  # PostgreSQL's code


def run_check(*, upload_id: int, path: Path | None = None, progress: Progress = no_progress) -> Upload:
    """The dry run: take the file in, look, and roll everything back. Raises `UploadRefused` for a file that cannot be read."""
    upload = _loaded(upload_id)
    if upload.state not in OPEN_STATES:
        return upload
    try:
        with transaction.atomic():
            report = _take(upload, path or stored_path(upload), progress, is_dry_run=True)
            transaction.set_rollback(True)
    except FileRefused as error:
        upload.report = {"refusal": {"code": error.code, "fields": dict(error.fields)}}
        upload.state, upload.message = Upload.State.RECEIVED, Sentences(upload).message()
        upload.save(update_fields=["report", "state", "message"])
        raise UploadRefused(upload.message, fields={"upload": upload.pk, "reason": error.code}) from error
    upload.report = report_json(report)
    upload.state, upload.message = Upload.State.CHECKED, ""
    upload.save(update_fields=["report", "state", "message"])
    return upload


def ingest_upload(*, upload_id: int, progress: Progress = no_progress) -> Upload:
    """Take a received upload in. Called by the task; a second call finds nothing left to do. Raises `UploadRefused`."""
    upload = _loaded(upload_id)
    if upload.state != Upload.State.WAITING:
        return upload
    path = stored_path(upload)
    upload = commit_file(upload=upload, path=path, progress=progress)
    path.unlink(missing_ok=True)
    return upload


def commit_file(*, upload: Upload, path: Path, progress: Progress = no_progress) -> Upload:
    """Take the file in as a whole or not at all; a refusal is recorded after everything has been rolled back."""
    was_checked = bool(upload.report.get("rows"))
    try:
        with transaction.atomic():
            _commit(upload, path, progress)
    except FileRefused as error:
        refuse(upload, error)
        raise UploadRefused(upload.message, fields={"upload": upload.pk, "reason": error.code, **error.fields}) from error
    except JobCancelled:
        _step_back(upload, was_checked=was_checked, code="cancelled")
        raise
    except Exception as error:
        if is_lost_connection(error):
            raise  # the job runs again by itself
        code = "disk_full" if _is_out_of_room(error) else "unexpected"
        _step_back(upload, was_checked=was_checked, code=code)
        if code == "unexpected":
            raise
        raise HaechiError(Sentences(upload).refusal(code, {"file": upload.file_name}), code="storage") from error
    return upload


def import_file(
    *,
    jurisdiction: "Jurisdiction",
    path: Path | str,
    preset: str,
    user: "User | None" = None,
    progress: Progress = no_progress,
) -> Upload:
    """Take a file of incidents on this machine in, at once, by a built-in preset. Raises `UploadRefused` and the like."""
    if user is not None:
        require(user, Act.UPLOAD)
    check_preset(preset)
    path = Path(path)
    content = content_of(path)
    existing = committed_twin(jurisdiction, content.sha256, part_of(Kind.INCIDENTS, {}))
    if existing is not None:
        existing.already_there = True
        return existing
    upload = new_upload(jurisdiction, user, plain_name(path.name), content, preset=preset)
    return commit_file(upload=upload, path=path, progress=progress)


def open_file(
    *, jurisdiction: "Jurisdiction", path: Path | str, user: "User | None" = None, kind: str | None = None, preset: str = ""
) -> Upload:
    """Understand a file on this machine, as the page does. `preset`: mapping preset or built-in. Raises `UploadRefused`."""
    path = Path(path)
    if preset in PRESETS:
        return _twin_or_itself(new_upload(jurisdiction, user, plain_name(path.name), content_of(path), preset=preset))
    upload = new_upload(jurisdiction, user, plain_name(path.name), content_of(path))
    try:
        understand(upload, path, kind=kind, preset_name=preset)
    except FileRefused as error:
        refuse(upload, error)
        raise UploadRefused(upload.message, fields={"upload": upload.pk, "reason": error.code}) from error
    except HaechiError:
        upload.delete()
        raise
    return _twin_or_itself(upload)


def _twin_or_itself(upload: Upload) -> Upload:
    """The upload that holds the same part of the same content already; else this one."""
    twin = committed_twin(upload.jurisdiction, upload.sha256, part_of(upload.kind, upload.mapping))
    if twin is None:
        return upload
    upload.delete()
    twin.already_there = True
    return twin


def _loaded(upload_id: int) -> Upload:
    found: Upload = Upload.objects.select_related("jurisdiction", "created_by", "job").get(pk=upload_id)
    return found


def _commit(upload: Upload, path: Path, progress: Progress) -> None:
    lock_content(upload.jurisdiction, upload.sha256)
    report = _take(upload, path, progress, is_dry_run=False)
    _note(upload, report)
    if not upload.guess.get("header") and upload.mapping.get("options", {}).get("preset"):
        upload.guess = {"header": header_of(path, upload.file_name)}  # for the download of rejected rows
    if report.accepted == 0:
        first = report.first_finding
        fields = {"line": first.line, "column": first.column, "reason": first.reason, "value": first.value} if first else {}
        raise FileRefused("nothing_good", file=upload.file_name, rows=f"{report.rows:,}", first=fields)
    upload.state, upload.committed_at, upload.message = Upload.State.COMMITTED, timezone.now(), ""
    upload.guess = {name: upload.guess[name] for name in KEPT_OF_GUESS if name in upload.guess}
    if not upload.preset:
        upload.preset = part_key(part_of(upload.kind, upload.mapping))
    upload.save()
    record(
        action=AuditEntry.Action.UPLOAD,
        actor=upload.created_by,
        actor_name="command line",
        jurisdiction=upload.jurisdiction,
        target=f"upload:{upload.pk}",
        detail={"file": upload.file_name, "sha256": upload.sha256, "accepted": report.accepted, "rejected": report.rejected},
    )


def _take(upload: Upload, path: Path, progress: Progress, *, is_dry_run: bool) -> Report:
    """Run the kind's taker, after making sure that the same part of this content is not in the database already."""
    twin = committed_twin(upload.jurisdiction, upload.sha256, part_of(upload.kind, upload.mapping))
    if twin is not None and twin.pk != upload.pk:
        raise FileRefused("same_content", file=upload.file_name, value=twin.pk)
    lock_kind(upload)
    try:
        taker = taker_of(upload.kind)
    except KeyError as error:
        raise HaechiError(_("This kind of data cannot be taken in or undone on this server.")) from error
    intake = Intake(
        jurisdiction=upload.jurisdiction,
        upload_id=upload.pk,
        path=path,
        file_name=upload.file_name,
        mapping=ColumnMapping.from_json(upload.mapping),
        max_content_bytes=settings.UPLOAD_MAX_BYTES,
        now=timezone.now(),
        progress=progress,
        is_dry_run=is_dry_run,
    )
    try:
        return taker.take(intake)
    except DataError as error:
        raise FileRefused("not_storable", file=upload.file_name, value=str(error).splitlines()[0][:200]) from error


def _note(upload: Upload, report: Report) -> None:
    upload.rows_read, upload.rows_accepted, upload.rows_rejected = report.rows, report.accepted, report.rejected
    upload.report = report_json(report)


def report_json(report: Report) -> dict[str, Any]:
    """A report as it is kept: counts, problems, warnings, spread in time and on the ground."""
    return dict(report.to_json()) | {
        "rows": report.rows,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "problems": [vars(problem) for problem in report.reasons.values()],
        "reasons": {code: problem.count for code, problem in report.reasons.items()},
        "warnings": [
            {name: value for name, value in vars(problem).items() if name in ("code", "count", "lines") or value}
            for problem in report.warnings.values()
        ],
    }


def _step_back(upload: Upload, *, was_checked: bool, code: str) -> None:
    """A file that was checked stays, to be taken in again later; one of the one-step way is refused."""
    if not was_checked:
        refuse(upload, FileRefused(code, file=upload.file_name))
        return
    fresh = _loaded(upload.pk)
    fresh.state, fresh.message = Upload.State.CHECKED, Sentences(fresh).refusal(code, {"file": fresh.file_name})
    fresh.save(update_fields=["state", "message"])


def _is_out_of_room(error: Exception) -> bool:
    cause = error.__cause__
    return getattr(cause, "pgcode", None) == DISK_FULL or getattr(error, "errno", None) in (28, 27)
