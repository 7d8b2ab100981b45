"""Writes of the upload room: receive a file once, take it in as a whole or not at all."""

import hashlib
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import shapely
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ingestion.errors import FileRefused
from ingestion.first_load import NOTHING, put_aside
from ingestion.pipeline import Source, take_in
from ingestion.places import Boundary
from ingestion.presets import PRESETS, Preset
from ingestion.reader import readable_size
from ingestion.report import Report
from ingestion.validation import Rules
from ingestion.writer import IncidentWriter
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import HaechiError
from webapp.common.models import Job
from webapp.common.services import JobCancelled, Progress, create_job, no_progress
from webapp.crimes.models import Category
from webapp.imports.models import Upload
from webapp.imports.selectors import same_incidents
from webapp.imports.sentences import Sentences

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import Jurisdiction, User

logger = logging.getLogger(__name__)

COPY_BYTES = 1024**2
FIRST_LOAD_MAX_BYTES = 64 * 1024**2  # the empty table is locked meanwhile: seconds, not minutes


class UploadRefused(HaechiError):
    """The file cannot be taken in; the database is as it was, but for the record of the refusal."""

    code = "upload_refused"
    status = 422


class UploadTooLarge(HaechiError):
    """The file is beyond the size that this server takes."""

    code = "too_large"
    status = 413


def check_size(*, size_bytes: int, file_name: str = "") -> None:
    """Refuse a file by its size alone, before anything of it is read. Raises `UploadTooLarge`."""
    limit = settings.UPLOAD_MAX_BYTES
    if size_bytes > limit:
        raise UploadTooLarge(
            _(
                "%(file)s is %(size)s large; this server takes in at most %(limit)s. Split it by year, or compress it with gzip, "
                "and upload the parts."
            )
            % {"file": file_name or _("The file"), "size": readable_size(size_bytes), "limit": readable_size(limit)},
            fields={"size_bytes": size_bytes, "limit_bytes": limit},
        )


def check_announced_size(*, content_length: str | None) -> None:
    """Refuse an upload by what the browser announces, before its body is read. Raises `UploadTooLarge`."""
    form_around_the_file = 64 * 1024
    check_size(size_bytes=max(int(content_length or 0) - form_around_the_file, 0))


def receive_upload(
    *,
    user: "User",
    source: "Path | str | IO[bytes]",
    file_name: str,
    preset: str,
    request: "HttpRequest | None" = None,
) -> Upload:
    """Store a file and send its job; the same content again gives the upload that is there, with `already_there` set.

    Raises `NotAllowed`, `UploadTooLarge`, `HaechiError` for an unknown format or a full disk.
    """
    require(user, Act.UPLOAD)
    _preset(preset)
    jurisdiction = user.jurisdiction
    name = _plain_name(file_name)
    stored, sha256, size = _store(source, name)
    try:
        with transaction.atomic():
            _lock_content(jurisdiction, preset, sha256)
            existing = _same_content(jurisdiction, preset, sha256, waiting=True)
            if existing is not None:
                existing.already_there = True
                return existing
            job = create_job(jurisdiction=jurisdiction, kind=Job.Kind.INGEST, created_by=user)
            upload = _new_upload(jurisdiction, user, name, _Content(preset, sha256, size), job)
            job.parameters = {**job.parameters, "upload": upload.pk, "address": _address(request)}
            job.save(update_fields=["parameters"])
            os.replace(stored, stored_path(upload))
            transaction.on_commit(lambda: _send(job))
        return upload
    finally:
        stored.unlink(missing_ok=True)


def ingest_upload(*, upload_id: int, progress: Progress = no_progress) -> Upload:
    """Take a received upload in. Called by the task; a second call finds nothing left to do. Raises `UploadRefused`."""
    upload = Upload.objects.select_related("jurisdiction", "created_by", "job").get(pk=upload_id)
    if upload.state != Upload.State.WAITING:
        return upload
    path = stored_path(upload)
    try:
        upload = _take_in(upload, path, progress)
    except Exception:  # the job has failed for good; a killed worker, whose job runs again, never comes here
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    return upload


def import_file(
    *,
    jurisdiction: "Jurisdiction",
    path: Path | str,
    preset: str,
    user: "User | None" = None,
    progress: Progress = no_progress,
) -> Upload:
    """Take a file on this machine in, at once: the same steps, for the command line. Raises `UploadRefused` and the like."""
    if user is not None:
        require(user, Act.UPLOAD)
    _preset(preset)
    path = Path(path)
    try:
        size = path.stat().st_size
        check_size(size_bytes=size, file_name=path.name)
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise HaechiError(_("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror}) from error
    existing = _same_content(jurisdiction, preset, sha256, waiting=False)
    if existing is not None:
        existing.already_there = True
        return existing
    upload = _new_upload(jurisdiction, user, _plain_name(path.name), _Content(preset, sha256, size), job=None)
    return _take_in(upload, path, progress)


def stored_path(upload: Upload) -> Path:
    """Where a received file lies until it has been taken in or refused."""
    return Path(settings.UPLOAD_DIR) / f"{upload.pk}.upload"


def _take_in(upload: Upload, path: Path, progress: Progress) -> Upload:
    """Run the core in one transaction; a refusal is recorded after everything has been rolled back."""
    try:
        with transaction.atomic():
            _commit(upload, path, progress)
    except FileRefused as error:
        _refuse(upload, path, error.code, error.fields)
        raise UploadRefused(upload.message, fields={"upload": upload.pk, "reason": error.code, **error.fields}) from error
    except JobCancelled:
        _refuse(upload, path, "cancelled", {"file": upload.file_name})
        raise
    return upload


def _commit(upload: Upload, path: Path, progress: Progress) -> None:
    jurisdiction, preset = upload.jurisdiction, PRESETS[upload.preset]
    _lock_content(jurisdiction, upload.preset, upload.sha256)
    twin = _same_content(jurisdiction, upload.preset, upload.sha256, waiting=False)
    if twin is not None:
        raise FileRefused("same_content", file=upload.file_name, value=twin.pk)
    source = Source(path, upload.file_name, settings.UPLOAD_MAX_BYTES)
    with connection.cursor() as cursor:
        is_small = upload.size_bytes <= FIRST_LOAD_MAX_BYTES
        aside = put_aside(cursor, database_error=DatabaseError) if is_small else NOTHING
        writer = IncidentWriter(cursor, jurisdiction_id=jurisdiction.pk, upload_id=upload.pk)
        report = take_in(source, _rules(jurisdiction, preset), writer, progress=progress)
        progress(0.99, "commit")
        aside.restore(cursor)
    count, lines = same_incidents(upload=upload)
    if count:
        report.warn("same_again", count, lines)
    _note(upload, report)
    if report.accepted == 0:
        first = report.first_finding
        fields = {"line": first.line, "column": first.column, "reason": first.reason, "value": first.value} if first else {}
        raise FileRefused("nothing_good", file=upload.file_name, rows=f"{report.rows:,}", first=fields)
    upload.state, upload.committed_at = Upload.State.COMMITTED, timezone.now()
    upload.save()
    record(
        action=AuditEntry.Action.UPLOAD,
        actor=upload.created_by,
        actor_name="command line",
        jurisdiction=jurisdiction,
        target=f"upload:{upload.pk}",
        detail={"file": upload.file_name, "sha256": upload.sha256, "accepted": report.accepted, "rejected": report.rejected},
    )


def _note(upload: Upload, report: Report) -> None:
    upload.rows_read, upload.rows_accepted, upload.rows_rejected = report.rows, report.accepted, report.rejected
    upload.report = dict(report.to_json()) | {
        "problems": [vars(problem) for problem in report.reasons.values()],
        "reasons": {code: problem.count for code, problem in report.reasons.items()},
        "warnings": [
            {"code": problem.code, "count": problem.count, "lines": problem.lines} for problem in report.warnings.values()
        ],
    }


def _refuse(upload: Upload, path: Path, code: str, fields: dict[str, Any]) -> None:
    """Record why a file was refused. Nothing of it is in the database at this point."""
    reasons = upload.report.get("reasons", {}) if code == "nothing_good" else {}
    columns = upload.report.get("columns") if code == "nothing_good" else None
    upload.state = Upload.State.REFUSED
    upload.rows_read = upload.rows_rejected = sum(reasons.values())
    upload.rows_accepted, upload.committed_at = 0, None
    upload.report = {"columns": columns, "reasons": reasons, "refusal": {"code": code, "fields": fields}}
    upload.message = Sentences(upload).message()
    upload.save()
    if path == stored_path(upload):
        path.unlink(missing_ok=True)


def _rules(jurisdiction: "Jurisdiction", preset: Preset) -> Rules:
    by_code = {category.code: category for category in Category.objects.of(jurisdiction)}
    numbers = {value: by_code[code].pk for value, code in preset.mapping.items() if code in by_code}
    for category in by_code.values():
        for spelled in (category.name_en, category.name, category.code):
            numbers[spelled.strip().casefold()] = category.pk
    return Rules(
        preset=preset,
        categories=numbers,
        boundary=Boundary.around(shapely.from_wkb(bytes(jurisdiction.boundary.wkb))),
        time_zone=preset.time_zone or jurisdiction.time_zone,
        week_zone=jurisdiction.time_zone,
        now=timezone.now(),
    )


@dataclass(frozen=True)
class _Content:
    """What makes an upload the same as another, and its size."""

    preset: str
    sha256: str
    size_bytes: int


def _new_upload(jurisdiction: "Jurisdiction", user: "User | None", name: str, content: _Content, job: Job | None) -> Upload:
    upload: Upload = Upload.objects.create(
        jurisdiction=jurisdiction,
        file_name=name,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        preset=content.preset,
        job=job,
        created_by=user,
    )
    return upload


def _same_content(jurisdiction: "Jurisdiction", preset: str, sha256: str, *, waiting: bool) -> Upload | None:
    """The upload that already holds this content; with `waiting` also one whose job is still to run or running."""
    same = Upload.objects.of(jurisdiction).filter(sha256=sha256, preset=preset).select_related("jurisdiction", "job")
    committed = same.filter(state=Upload.State.COMMITTED).first()
    if committed is not None or not waiting:
        return committed
    open_jobs = [Job.State.QUEUED, Job.State.RUNNING]
    return same.filter(state=Upload.State.WAITING, job__state__in=open_jobs).first()


def _lock_content(jurisdiction: "Jurisdiction", preset: str, sha256: str) -> None:
    """Let only one transaction at a time decide about this content: a second click waits and then finds the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{jurisdiction.pk}:{preset}:{sha256}"])


def _store(source: "Path | str | IO[bytes]", name: str) -> tuple[Path, str, int]:
    """Copy a file into the upload folder in small blocks; returns its path, SHA-256 and size in bytes."""
    target = Path(settings.UPLOAD_DIR) / f"{uuid.uuid4().hex}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(source, Path | str):
            return target, *_copy(source, target, name)
        with open(source, "rb") as stream:
            return target, *_copy(stream, target, name)
    except OSError as error:
        target.unlink(missing_ok=True)
        logger.exception("upload could not be stored")
        raise HaechiError(
            _("%(file)s could not be stored on the server: %(reason)s. Ask whoever runs the server to make room.")
            % {"file": name, "reason": error.strerror},
            code="storage",
        ) from error
    except UploadTooLarge:
        target.unlink(missing_ok=True)
        raise


def _copy(stream: "IO[bytes]", target: Path, name: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as output:
        while block := stream.read(COPY_BYTES):
            size += len(block)
            check_size(size_bytes=size, file_name=name)
            digest.update(block)
            output.write(block)
    return digest.hexdigest(), size


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise HaechiError(
            _("There is no format “%(name)s”. Choose one of: %(known)s.") % {"name": name, "known": ", ".join(PRESETS)},
            code="unknown_preset",
        )
    return PRESETS[name]


def _plain_name(file_name: str) -> str:
    return os.path.basename(file_name.replace("\\", "/")).replace("\0", "")[:255] or "upload.csv"


def _address(request: "HttpRequest | None") -> str:
    return (request.META.get("REMOTE_ADDR") or "") if request else ""


def _send(job: Job) -> None:
    from webapp.imports.tasks import ingest  # noqa: PLC0415  (the task imports this module)

    ingest.delay(str(job.pk))
