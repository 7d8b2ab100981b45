"""Receive a file once, and let go of what nobody takes in."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from ingestion.errors import FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.presets import PRESETS
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.common.services import create_job
from webapp.imports.models import Upload
from webapp.imports.selectors import is_stalled
from webapp.imports.selectors import upload as find_upload
from webapp.imports.sentences import Sentences
from webapp.imports.services.storing import (
    OPEN_JOBS,
    OPEN_STATES,
    Content,
    UploadTooLarge,
    check_announced_size,
    check_size,
    committed_twin,
    lock_content,
    part_of,
    plain_name,
    store,
    stored_path,
    under_way,
)
from webapp.imports.services.understanding import understand

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import Jurisdiction, User

__all__ = ["UploadRefused", "UploadTooLarge", "check_announced_size", "check_size", "stored_path"]

KEPT_DAYS = 30  # a file that nobody took in is then let go
PART_KEPT_HOURS = 24


class UploadRefused(HaechiError):
    """The file cannot be taken in; the database is as it was, but for the record of the refusal."""

    code = "upload_refused"
    status = 422


def receive_upload(
    *,
    user: "User",
    source: "Path | str | IO[bytes]",
    file_name: str,
    preset: str = "",
    again: bool = False,
    request: "HttpRequest | None" = None,
) -> Upload:
    """Store a file and say how it is understood; the same content again gives the upload that is there (`already_there`).

    With a built-in `preset` it is taken in at once, by a job. `again`: understand it although it was taken in before, for
    another sheet or another kind. Raises `NotAllowed`, `UploadTooLarge`, `HaechiError` for an unknown format or a full disk.
    """
    require(user, Act.UPLOAD)
    check_preset(preset)
    jurisdiction = user.jurisdiction
    name = plain_name(file_name)
    stored, content = store(source, name)
    upload: Upload | None = None
    try:
        with transaction.atomic():
            lock_content(jurisdiction, content.sha256)
            existing = _known(jurisdiction, content, preset=preset, again=again)
            if existing is not None:
                existing.already_there = True
                return existing
            upload = new_upload(jurisdiction, user, name, content, preset=preset)
            os.replace(stored, stored_path(upload))
            if preset:
                _send_at_once(upload, user, request)
            else:
                upload = _understood(upload, again=again)
        return upload
    except BaseException:
        if upload is not None:
            stored_path(upload).unlink(missing_ok=True)
        raise
    finally:
        stored.unlink(missing_ok=True)


def _known(jurisdiction: "Jurisdiction", content: Content, *, preset: str, again: bool) -> Upload | None:
    """The upload that this content has already; with a preset, only one that was or is being taken in."""
    waiting = under_way(jurisdiction, content.sha256)
    if not preset:
        return waiting
    committed = committed_twin(jurisdiction, content.sha256, part_of(Kind.INCIDENTS, {}))
    if committed is None and waiting is not None and waiting.state == Upload.State.WAITING:
        return waiting
    return None if again else committed


def _understood(upload: Upload, *, again: bool) -> Upload:
    """Guess how the file is to be read. A file that cannot be read is refused at once."""
    try:
        understand(upload, stored_path(upload))
    except FileRefused as error:
        refuse(upload, error)
        return upload
    twin = committed_twin(upload.jurisdiction, upload.sha256, part_of(upload.kind, upload.mapping))
    if twin is not None and not again:
        stored_path(upload).unlink(missing_ok=True)
        upload.delete()
        twin.already_there = True
        return twin
    return upload


def _send_at_once(upload: Upload, user: "User", request: "HttpRequest | None") -> None:
    parameters = {"upload": upload.pk, "address": address_of(request)}
    job = create_job(jurisdiction=upload.jurisdiction, kind=Job.Kind.INGEST, created_by=user, parameters=parameters)
    upload.state, upload.job = Upload.State.WAITING, job
    upload.save(update_fields=["state", "job"])
    send("ingest", job)


def new_upload(jurisdiction: "Jurisdiction", user: "User | None", name: str, content: Content, *, preset: str = "") -> Upload:
    """Record a file that was received. With a built-in preset its mapping is settled."""
    mapping = ColumnMapping(kind=Kind.INCIDENTS, options={"preset": preset}).to_json() if preset else {}
    upload: Upload = Upload.objects.create(
        jurisdiction=jurisdiction,
        file_name=name,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        preset=preset,
        mapping=mapping,
        state=Upload.State.RECEIVED,
        created_by=user,
    )
    return upload


def refuse(upload: Upload, error: FileRefused) -> None:
    """Record why a file was refused. Nothing of it is in the database at this point."""
    code, fields = error.code, dict(error.fields)
    kept = ("reasons", "problems", "columns") if code == "nothing_good" else ()
    report = {name: upload.report.get(name) for name in kept}
    upload.state = Upload.State.REFUSED
    upload.rows_read = upload.rows_rejected = sum((report.get("reasons") or {}).values())
    upload.rows_accepted, upload.committed_at = 0, None
    upload.report = {"columns": None, "reasons": {}} | report | {"refusal": {"code": code, "fields": fields}}
    upload.message = Sentences(upload).message()
    upload.save()
    stored_path(upload).unlink(missing_ok=True)


@transaction.atomic
def discard_upload(*, user: "User", upload_id: int, request: "HttpRequest | None" = None) -> Upload:
    """Let go of a file that was not taken in. A second call changes nothing. Raises `Conflict` once it is being taken in."""
    require(user, Act.UPLOAD)
    upload = locked_upload(user, upload_id)
    if upload.state == Upload.State.DISCARDED:
        return upload
    if upload.state not in OPEN_STATES:
        raise Conflict(_("Only a file that is not taken in yet can be discarded; this one is: %(state)s.") % _state(upload))
    if upload.job is not None and upload.job.state in OPEN_JOBS:
        raise Conflict(_("The file is being checked. Cancel the check first, or wait until it is done."))
    _let_go(upload)
    record(
        action=AuditEntry.Action.DISCARD_UPLOAD,
        actor=user,
        target=f"upload:{upload.pk}",
        detail={"file": upload.file_name, "sha256": upload.sha256},
        request=request,
    )
    return upload


def _state(upload: Upload) -> dict[str, str]:
    return {"state": str(upload.get_state_display())}


def _let_go(upload: Upload) -> None:
    upload.state, upload.guess, upload.report = Upload.State.DISCARDED, {}, {}
    upload.save(update_fields=["state", "guess", "report"])
    path = stored_path(upload)
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def locked_upload(user: "User", upload_id: int) -> Upload:
    """One upload of the person's jurisdiction, locked until the transaction ends. Raises `NotFound`."""
    find_upload(user=user, upload_id=upload_id)
    rows = Upload.objects.visible_to(user).select_for_update(of=("self",)).select_related("jurisdiction", "job", "created_by")
    found: Upload = rows.get(pk=upload_id)
    if is_stalled(found):
        found.state = Upload.State.CHECKED
        found.save(update_fields=["state"])
    return found


def clean_received(*, now: datetime) -> int:
    """Let go of files that nobody took in for a month, and of pieces of files that never came whole; how many."""
    gone = 0
    stale = Upload.objects.filter(state__in=OPEN_STATES, created_at__lt=now - timedelta(days=KEPT_DAYS))
    for upload in stale.exclude(job__state__in=OPEN_JOBS):
        with transaction.atomic():
            _let_go(upload)
        gone += 1
    folder = Path(settings.UPLOAD_DIR)
    oldest = (now - timedelta(hours=PART_KEPT_HOURS)).timestamp()
    held = {f"{pk}.upload" for pk in _held()}
    for path in folder.glob("*.part") if folder.is_dir() else ():
        gone += _remove_older(path, oldest)
    for path in folder.glob("*.upload") if folder.is_dir() else ():
        gone += path.name not in held and _remove_older(path, oldest)
    return gone


def _held() -> "list[int]":
    """Uploads whose file is still needed: open ones, and those whose job may still run."""
    states = (*OPEN_STATES, Upload.State.WAITING)
    return list(Upload.objects.filter(state__in=states).values_list("pk", flat=True))


def _remove_older(path: Path, oldest: float) -> bool:
    if path.stat().st_mtime > oldest:
        return False
    path.unlink(missing_ok=True)
    return True


def check_preset(name: str) -> None:
    """Raises `HaechiError` for a built-in preset that there is not; blank is none."""
    if name and name not in PRESETS:
        raise HaechiError(
            _("There is no format “%(name)s”. Choose one of: %(known)s.") % {"name": name, "known": ", ".join(PRESETS)},
            code="unknown_preset",
        )


def address_of(request: "HttpRequest | None") -> str:
    """The caller's network address, for the trail; blank where there is none."""
    return (request.META.get("REMOTE_ADDR") or "") if request else ""


def send(task: str, job: Job) -> None:
    """Hand a job to the worker once the transaction is in the database."""
    from webapp.imports import tasks  # noqa: PLC0415  (the tasks import these services)

    transaction.on_commit(lambda: getattr(tasks, task).delay(str(job.pk)))
