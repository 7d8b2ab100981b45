"""Sign-ins and sign-outs are acts of Django's own views; its signals are the only place to hear of them."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.audit.models import AuditEntry
from webapp.audit.services import record


@receiver(user_logged_in)
def on_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    record(action=AuditEntry.Action.SIGN_IN, actor=user, request=request)


@receiver(user_logged_out)
def on_sign_out(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record(action=AuditEntry.Action.SIGN_OUT, actor=user, request=request)


@receiver(user_login_failed)
def on_failed_sign_in(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    name = str(credentials.get("username", ""))
    record(action=AuditEntry.Action.SIGN_IN_FAILED, actor=None, actor_name=name, request=request)
