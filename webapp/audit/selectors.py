"""Reads of the audit trail."""

from typing import TYPE_CHECKING

from django.db.models import QuerySet

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry

if TYPE_CHECKING:
    from webapp.accounts.models import User


def trail(*, user: "User", action: str = "", actor_name: str = "") -> QuerySet[AuditEntry]:
    """The lines of the person's jurisdiction, newest first. Raises `NotAllowed` unless the role is auditor."""
    require(user, Act.READ_AUDIT)
    lines = AuditEntry.objects.visible_to(user).select_related("actor")
    if action:
        lines = lines.filter(action=action)
    if actor_name:
        lines = lines.filter(actor_name__icontains=actor_name)
    return lines.order_by("-at", "-pk")
