"""Which role may do what: one table, used by services, API, pages and tests."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webapp.accounts.models import User
from webapp.common.errors import NotAllowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest


class Act(StrEnum):
    """Everything that not everybody may do."""

    SEE_MAP = "see_map"
    READ_INCIDENTS = "read_incidents"
    READ_RULINGS = "read_rulings"
    CORRECT_RULINGS = "correct_rulings"
    START_RUN = "start_run"
    PROMOTE_MODEL = "promote_model"
    MAKE_PLAN = "make_plan"
    PUBLISH_PLAN = "publish_plan"
    UPLOAD = "upload"
    MANAGE_CAMERAS = "manage_cameras"
    READ_AUDIT = "read_audit"


ALLOWED: dict[str, frozenset[Act]] = {
    User.Role.ANALYST: frozenset(
        {
            Act.SEE_MAP,
            Act.READ_INCIDENTS,
            Act.READ_RULINGS,
            Act.CORRECT_RULINGS,
            Act.START_RUN,
            Act.PROMOTE_MODEL,
            Act.MAKE_PLAN,
        }
    ),
    User.Role.OPERATOR: frozenset({Act.SEE_MAP, Act.MAKE_PLAN, Act.PUBLISH_PLAN}),
    User.Role.ADMINISTRATOR: frozenset(set(Act) - {Act.READ_AUDIT}),
    User.Role.AUDITOR: frozenset({Act.SEE_MAP, Act.READ_AUDIT}),
}


def may(user: "User | AnonymousUser", act: Act) -> bool:
    """Whether this person's role includes the act; nobody without a jurisdiction may do anything."""
    if not user.is_authenticated or not user.is_active or user.jurisdiction_id is None:
        return False
    return act in ALLOWED.get(user.role, frozenset())


def require(user: "User | AnonymousUser", act: Act) -> None:
    """Raise `NotAllowed` unless this person's role includes the act."""
    if not may(user, act):
        raise NotAllowed(_("Your role does not include this. Ask an administrator of your centre."), fields={"act": act.value})


def caller(request: "HttpRequest | Request") -> User:
    """The signed-in person behind a request. Raises `NotAllowed` for nobody."""
    if not isinstance(request.user, User):
        raise NotAllowed(_("Sign in first."))
    return request.user


def allows(act: Act, *, write: Act | None = None) -> type[BasePermission]:
    """A DRF permission: `act` for safe methods, `write` (default: the same) for the others."""

    class RolePermission(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            safe = request.method in ("GET", "HEAD", "OPTIONS")
            return may(request.user, act if safe or write is None else write)

    return RolePermission
