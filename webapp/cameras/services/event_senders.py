"""Who may send events over HTTP: made and revoked by an administrator, recognised by the signature of each request."""

import hashlib
import hmac
import logging
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.cameras.models import EventSender
from webapp.cameras.services.events import StreamDown
from webapp.cameras.stream import client
from webapp.common.errors import Conflict, HaechiError, NotFound
from webapp.common.sealing import seal, unseal

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import Jurisdiction, User

logger = logging.getLogger(__name__)

REPLAY_WINDOW_S = 300
THROTTLE_S = 10
FAILURES_A_MINUTE = 60  # wrong signatures from one address
MOST_PER_S = 20_000


class SenderError(HaechiError):
    """The values of a sender are wrong."""

    code = "sender_invalid"


class NotSigned(HaechiError):
    """The request is not signed by a sender that may send."""

    code = "not_signed"
    status = 401


class TooMany(HaechiError):
    """Too much in too little time. `fields["retry_after_s"]`."""

    code = "too_many"
    status = 429


@dataclass(frozen=True)
class MadeSender:
    """A new sender, and its key, which is shown this once."""

    sender: EventSender
    key: str


@transaction.atomic
def make_sender(
    *,
    jurisdiction: "Jurisdiction",
    name: str,
    events_per_s: int = 200,
    user: "User | None" = None,
    request: "HttpRequest | None" = None,
) -> MadeSender:
    """Let a system send events. `user`: who does it, None on the command line. Raises `SenderError`, `Conflict`, `NotAllowed`."""
    if user is not None:
        require(user, Act.MANAGE_CAMERAS)
    name = name.strip()
    if not 0 < len(name) <= 80 or not name.isprintable():
        raise SenderError(_("A sender needs a name of 1 to 80 characters. Correct it."), fields={"field": "name"})
    if not 1 <= events_per_s <= MOST_PER_S:
        message = _("The events a second must be from 1 to %(most)d. Correct them.") % {"most": MOST_PER_S}
        raise SenderError(message, fields={"field": "events_per_s"})
    if EventSender.objects.of(jurisdiction).filter(name=name, revoked_at__isnull=True).exists():
        message = _("There is a sender “%(name)s” already. Revoke it first, or choose another name.") % {"name": name}
        raise Conflict(message, fields={"field": "name"})
    key = secrets.token_urlsafe(32)
    sender = EventSender.objects.create(
        jurisdiction=jurisdiction, name=name, sealed_key=seal(key), events_per_s=events_per_s, created_by=user
    )
    _record(AuditEntry.Action.MAKE_SENDER, sender, user, request)
    return MadeSender(sender, key)


@transaction.atomic
def revoke_sender(*, sender: EventSender, user: "User | None" = None, request: "HttpRequest | None" = None) -> EventSender:
    """Let it send no longer, from its next request on. Raises `Conflict` where it was revoked before."""
    if user is not None:
        require(user, Act.MANAGE_CAMERAS)
    now = timezone.now()
    if not EventSender.objects.of(sender.jurisdiction).filter(pk=sender.pk, revoked_at__isnull=True).update(revoked_at=now):
        raise Conflict(_("This sender was revoked before."))
    _record(AuditEntry.Action.REVOKE_SENDER, sender, user, request)
    sender.revoked_at = now
    return sender


def sender_of(*, user: "User", sender_id: int) -> EventSender:
    """A sender of the person's jurisdiction. Raises `NotFound`."""
    sender = EventSender.objects.visible_to(user).filter(pk=sender_id).select_related("jurisdiction").first()
    if sender is None:
        raise NotFound(_("There is no such sender."))
    return sender


def signature(key: str, at: str, body: bytes) -> str:
    """Hex of HMAC-SHA256 over the time, a dot and the body."""
    return hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()


def recognise(*, sender_id: str, at: str, signed: str, body: bytes, address: str) -> EventSender:
    """The sender that signed this request. Raises `NotSigned`, `TooMany`, or `StreamDown` where Redis is away.

    `at`: Unix seconds as sent; requests older or newer than five minutes are turned away, so that a recorded one is worth
    nothing later; within the five minutes a repetition changes nothing, as each event's key is known.
    """
    if _spent(f"events:failures:{address}", 0, 60) > FAILURES_A_MINUTE:
        raise TooMany(
            _("Too many requests with a wrong signature came from this address. Wait a minute."), fields={"retry_after_s": 60}
        )
    try:
        return _recognised(sender_id, at, signed, body)
    except NotSigned:
        _spent(f"events:failures:{address}", 1, 60)
        raise


def spend(*, sender: EventSender, events: int) -> None:
    """Count these against what the sender may send in ten seconds. Raises `TooMany`."""
    allowed = sender.events_per_s * THROTTLE_S
    if _spent(f"events:sender:{sender.pk}", events, THROTTLE_S) > allowed:
        wait_s = THROTTLE_S - int(time.time()) % THROTTLE_S
        message = _("This sender may send %(rate)d events a second. Wait %(wait)d s, or ask the centre for more.") % {
            "rate": sender.events_per_s,
            "wait": wait_s,
        }
        raise TooMany(message, fields={"retry_after_s": wait_s})


def _recognised(sender_id: str, at: str, signed: str, body: bytes) -> EventSender:
    if not (sender_id and at and signed):
        raise NotSigned(
            _("The request is not signed. Send X-Haechi-Sender, X-Haechi-Time and X-Haechi-Signature; see docs/events.md.")
        )
    sender = _sender(sender_id)
    # The same answer for an unknown sender and a wrong signature: nobody learns which senders there are.
    expected = signature(unseal(sender.sealed_key) if sender else secrets.token_hex(16), at, body)
    if not hmac.compare_digest(signed.removeprefix("sha256=").lower().encode(), expected.encode()) or sender is None:
        raise NotSigned(_("The signature does not fit, or the sender is unknown or revoked. Check the key and what is signed."))
    age_s = time.time() - int(at) if at.isascii() and at.isdigit() and len(at) < 12 else None
    if age_s is None or abs(age_s) > REPLAY_WINDOW_S:
        raise NotSigned(
            _("The request was signed more than five minutes from now. Set the sender's clock (NTP) and sign each request anew."),
            code="clock_off",
        )
    return sender


def _sender(sender_id: str) -> EventSender | None:
    if not (sender_id.isascii() and sender_id.isdigit() and len(sender_id) < 18):
        return None
    # By its number alone, before it is known whose request this is: the signature decides.
    return EventSender.objects.filter(pk=int(sender_id), revoked_at__isnull=True).select_related("jurisdiction").first()


def _spent(name: str, amount: int, window_s: int) -> int:
    """Add to what was spent in this window; in all, so far."""
    key = f"{name}:{int(time.time()) // window_s}"
    try:
        pipeline = client().pipeline()
        pipeline.incrby(key, amount)
        pipeline.expire(key, window_s * 2)
        return int(pipeline.execute()[0])
    except redis.RedisError as error:
        logger.warning("a sender's requests cannot be counted: %s", error)
        raise StreamDown(_("The event stream cannot be written to at the moment. Send the events again.")) from error


def _record(action: AuditEntry.Action, sender: EventSender, user: "User | None", request: "HttpRequest | None") -> None:
    record(
        action=action,
        actor=user,
        jurisdiction=sender.jurisdiction,
        target=f"sender:{sender.pk}",
        detail={"sender": sender.name},
        request=request,
        actor_name="" if user else "command line",
    )
