"""Looking at the masked picture of an event: for those who plan the watch, and always in the trail."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.cameras.event_selectors import event_thumbnail
from webapp.common.errors import NotFound

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User


@transaction.atomic
def read_thumbnail(*, user: "User", key: str, request: "HttpRequest | None" = None) -> bytes:
    """The picture, a JPEG. Raises `NotAllowed`, or `NotFound` where there is none (any more)."""
    require(user, Act.MAKE_PLAN)
    jpeg = None if user.jurisdiction is None else event_thumbnail(jurisdiction=user.jurisdiction, key=key)
    if jpeg is None:
        raise NotFound(_("There is no picture of this event, or it is past its hours."))
    record(action=AuditEntry.Action.READ_THUMBNAIL, actor=user, target=f"event:{key}"[:120], request=request)
    return jpeg
