"""Reads of alerts: the ranked list, one of them, and the message that open pages get."""

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import F, QuerySet
from django.db.models.functions import Extract, Greatest, Ln
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.watch.models import Alert

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import User

OPEN = "open"
FADES = timedelta(minutes=15)
LEAST_SCORE = 1e-6  # has a logarithm
PRESSING = Ln(Greatest(F("score"), LEAST_SCORE)) + Extract("last_at", "epoch") * (math.log(2) / FADES.total_seconds())
OPEN_STATES = (Alert.State.NEW, Alert.State.SEEN)


def alerts_for(*, user: "User | AnonymousUser", state: str = OPEN, camera_id: int | None = None) -> QuerySet[Alert]:
    """The alerts of the person's jurisdiction, the most pressing first (closed ones: newest first).

    Pressing: the score, halved for each `FADES` since the scene was last seen, so that what happens now is not buried under what
    nobody has closed. The order of two alerts does not change as time goes by.
    state: `open` (new and seen), `new`, `seen` or `closed`; blank: all, newest first.
    """
    alerts: QuerySet[Alert] = Alert.objects.visible_to(user).select_related("camera")
    if state:
        alerts = alerts.filter(state__in=OPEN_STATES) if state == OPEN else alerts.filter(state=state)
    if camera_id is not None:
        alerts = alerts.filter(camera_id=camera_id)
    ranked = state in (OPEN, *OPEN_STATES)
    return alerts.order_by(PRESSING.desc(), "-pk") if ranked else alerts.order_by("-last_at", "-pk")


def alert_for(*, user: "User | AnonymousUser", alert_id: int) -> Alert:
    """An alert of the person's jurisdiction. Raises `NotFound`."""
    alert = Alert.objects.visible_to(user).select_related("camera", "jurisdiction").filter(pk=alert_id).first()
    if alert is None:
        raise NotFound(_("There is no such alert."))
    return alert


def open_alert_count(*, user: "User | AnonymousUser") -> int:
    """How many alerts nobody has closed yet."""
    return Alert.objects.visible_to(user).filter(state__in=OPEN_STATES).count()


def alert_message(alert: Alert) -> dict[str, Any]:
    """The alert as a live message carries it: codes and numbers; each page makes the sentence in its own language."""
    return {
        "id": alert.pk,
        "at": alert.last_at.isoformat(),
        "opened_at": alert.opened_at.isoformat(),
        "camera_id": alert.camera_id,
        "camera_name": alert.camera.name,
        "lon": round(alert.point.x, 6),
        "lat": round(alert.point.y, 6),
        "cell": f"{alert.cell:x}",
        "factor": alert.factor,
        "category": alert.category,
        "score": alert.score,
        "confidence": alert.confidence,
        "count": alert.event_count,
        "state": alert.state,
        "is_false": alert.is_false,
        "has_thumbnail": alert.has_thumbnail,
        "reason": alert.reason,
    }
