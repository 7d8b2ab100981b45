"""Undo an upload: exactly the rows it brought go, exactly the rows it displaced come back."""

from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import Conflict, HaechiError
from webapp.common.intake import later_uploads, taker_of, undo_rows
from webapp.common.services import Progress, no_progress
from webapp.imports.models import RejectedRow, Upload

if TYPE_CHECKING:
    from webapp.accounts.models import User


def check_undo(upload: Upload) -> None:
    """Raises `Conflict` where the upload is not taken in, or later uploads have changed its rows, naming them."""
    if upload.state != Upload.State.COMMITTED:
        raise Conflict(
            _("Only an upload that was taken in can be undone; this one is: %(state)s.") % {"state": upload.get_state_display()}
        )
    try:
        taker = taker_of(upload.kind)
    except KeyError as error:
        raise HaechiError(_("This kind of data cannot be taken in or undone on this server.")) from error
    later = later_uploads(upload_id=upload.pk, tables=taker.tables)
    if later:
        rows = Upload.objects.of(upload.jurisdiction).filter(pk__in=later).order_by("-pk")
        names = ", ".join(_("%(file)s (upload %(number)s)") % {"file": one.file_name, "number": one.pk} for one in rows)
        raise Conflict(
            _("Later uploads have changed rows of this one. Undo them first, the newest first: %(names)s.") % {"names": names},
            code="later_uploads",
            fields={"uploads": later},
        )
    if taker.before_undo is not None:
        taker.before_undo(upload.pk)


def run_undo(
    *,
    upload_id: int,
    reason: str,
    user: "User | None" = None,
    progress: Progress = no_progress,
) -> Upload:
    """Undo an upload in one transaction; a second call finds nothing left to do. Raises `Conflict`."""
    try:
        with transaction.atomic():
            upload = Upload.objects.select_for_update(of=("self",)).select_related("jurisdiction").get(pk=upload_id)
            if upload.state == Upload.State.UNDONE:
                return upload
            lock_kind(upload, alone=True)
            check_undo(upload)
            progress(0.1, "undo")
            _undo(upload, reason, user)
            progress(0.99, "commit")
    except IntegrityError as error:
        raise Conflict(
            _("Something made since rests on rows of this upload (a watch plan on its cameras, for instance), so it cannot go."),
            code="rows_in_use",
        ) from error
    return upload


def _undo(upload: Upload, reason: str, user: "User | None") -> None:
    restored = upload.displaced.count()
    removed = undo_rows(upload_id=upload.pk, tables=taker_of(upload.kind).tables)
    RejectedRow.objects.filter(upload=upload).delete()
    upload.state, upload.undone_at, upload.undone_by = Upload.State.UNDONE, timezone.now(), user
    upload.undo_reason = reason[:200]
    upload.save(update_fields=["state", "undone_at", "undone_by", "undo_reason"])
    record(
        action=AuditEntry.Action.UNDO_UPLOAD,
        actor=user,
        actor_name="command line",
        jurisdiction=upload.jurisdiction,
        target=f"upload:{upload.pk}",
        detail={"file": upload.file_name, "reason": reason, "removed": sum(removed.values()), "restored": restored},
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what rests on the rows is found here, with a sentence


def lock_kind(upload: Upload, *, alone: bool = False) -> None:
    """Uploads of a kind may be taken in side by side, but none while one of them is being undone."""
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 1))", [f"{upload.jurisdiction_id}:{upload.kind}"])
