"""The one way to write the audit trail."""

from typing import TYPE_CHECKING, Any

from webapp.audit.models import AuditEntry

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import Jurisdiction, User


def record(
    *,
    action: AuditEntry.Action,
    actor: "User | None",
    jurisdiction: "Jurisdiction | None" = None,
    target: str = "",
    detail: dict[str, Any] | None = None,
    request: "HttpRequest | None" = None,
    actor_name: str = "",
) -> AuditEntry:
    """Add one line to the trail, in the transaction of the act itself: an act that rolls back leaves no line."""
    return AuditEntry.objects.create(
        action=action,
        actor=actor,
        actor_name=actor.get_username() if actor else actor_name[:150],
        jurisdiction=jurisdiction or (actor.jurisdiction if actor else None),
        target=target,
        detail=detail or {},
        address=request.META.get("REMOTE_ADDR") or None if request else None,
    )
