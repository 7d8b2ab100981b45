"""What a person asks for and a job then does: check, take in, undo. Each answers at once; a second click finds the first."""

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.common.services import create_job
from webapp.imports.models import Upload
from webapp.imports.services.receiving import address_of, locked_upload, send
from webapp.imports.services.storing import OPEN_JOBS, OPEN_STATES, stored_path
from webapp.imports.services.understanding import still_open
from webapp.imports.services.undoing import check_undo

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User


@transaction.atomic
def ask_for_check(*, user: "User", upload_id: int) -> Upload:
    """Send the dry run. Raises `NotFound`, `Conflict` while a question is open or once it is taken in."""
    require(user, Act.UPLOAD)
    upload = locked_upload(user, upload_id)
    if _has_job(upload, Job.Kind.CHECK):
        return upload
    _must_be_open(upload)
    _must_be_settled(upload)
    return _send(upload, user, Job.Kind.CHECK, "check")


@transaction.atomic
def ask_for_commit(*, user: "User", upload_id: int, request: "HttpRequest | None" = None) -> Upload:
    """Send the job that takes a checked file in. Raises `NotFound`, `Conflict`."""
    require(user, Act.UPLOAD)
    upload = locked_upload(user, upload_id)
    if upload.state == Upload.State.COMMITTED or _has_job(upload, Job.Kind.INGEST):
        return upload
    _must_be_open(upload)
    _must_be_settled(upload)
    if upload.state != Upload.State.CHECKED:
        raise Conflict(_("Check the file first; then it can be taken in as the check showed it."), code="not_checked")
    if upload.report.get("accepted") == 0:
        raise Conflict(_("Not one row of the file can be taken in. Change how it is read, then check it again."), code="no_rows")
    upload.state = Upload.State.WAITING
    return _send(upload, user, Job.Kind.INGEST, "ingest", {"address": address_of(request)})


@transaction.atomic
def ask_for_undo(*, user: "User", upload_id: int, reason: str, request: "HttpRequest | None" = None) -> Upload:
    """Send the job that undoes an upload. Raises `NotFound`, `Conflict`, `HaechiError` without a reason."""
    require(user, Act.UPLOAD)
    upload = locked_upload(user, upload_id)
    if upload.state == Upload.State.UNDONE or _has_job(upload, Job.Kind.UNDO):
        return upload
    if not reason.strip():
        raise HaechiError(_("Say why the upload is undone; the reason is kept in the trail."), code="reason_missing")
    check_undo(upload)
    more = {"reason": reason.strip()[:200], "user": user.pk, "address": address_of(request)}
    return _send(upload, user, Job.Kind.UNDO, "undo", more)


def _has_job(upload: Upload, kind: str) -> bool:
    """Whether a job of this kind is on its way for the upload."""
    return upload.job is not None and upload.job.kind == kind and upload.job.state in OPEN_JOBS


def _must_be_open(upload: Upload) -> None:
    if upload.state not in OPEN_STATES:
        raise Conflict(
            _("%(file)s is not open for this any more; it is: %(state)s.")
            % {"file": upload.file_name, "state": upload.get_state_display()}
        )
    if upload.job is not None and upload.job.state in OPEN_JOBS:
        raise Conflict(_("The file is being checked. Cancel the check first, or wait until it is done."))
    if not stored_path(upload).exists():
        raise Conflict(_("The file is no longer on the server. Upload it again."), code="file_gone")


def _must_be_settled(upload: Upload) -> None:
    """What a person has to decide before anything is read in."""
    questions = still_open(upload)
    if questions:
        sentences = " ".join(question.sentence for question in questions)
        topics = [question.topic for question in questions]
        raise Conflict(sentences, code="open_questions", fields={"open_questions": topics})


def _send(upload: Upload, user: "User", kind: str, task: str, more: dict[str, Any] | None = None) -> Upload:
    parameters = {"upload": upload.pk} | (more or {})
    upload.job = create_job(jurisdiction=upload.jurisdiction, kind=kind, created_by=user, parameters=parameters)
    upload.save(update_fields=["state", "job"])
    send(task, upload.job)
    return upload
