"""Writes of alerts: the live service raises them, people mark them as seen and close them, time removes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.channel import send
from webapp.common.errors import Conflict, NotFound
from webapp.watch.models import Alert
from webapp.watch.selectors.alerts import OPEN_STATES, alert_for, alert_message

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

OPEN_AT_MOST = timedelta(hours=12)  # longer than a shift: what nobody looked at until then helps nobody
RENEWED = (
    "last_at",
    "camera",
    "point",
    "cell",
    "category",
    "score",
    "confidence",
    "event_count",
    "event_key",
    "has_thumbnail",
    "reason",
)


@dataclass(frozen=True)
class SceneAlert:
    """One scene as the live service knows it now: all of its events so far, not only the newest.

    scene: key of its first event. score: at least 0. confidence: 0 to 1. place: (longitude, latitude), WGS84. cell: H3 index.
    """

    scene: str
    opened_at: datetime
    last_at: datetime
    camera_id: int
    place: tuple[float, float]
    cell: int
    factor: str
    category: str
    score: float
    confidence: float
    event_count: int
    event_key: str
    has_thumbnail: bool
    reason: Mapping[str, Any]


def raise_alerts(*, jurisdiction_id: int, scenes: Sequence[SceneAlert]) -> list[Alert]:
    """Write these scenes as alerts: new ones are added, known ones renewed. Told twice, a scene changes nothing.

    A closed alert stays as the person closed it. Returns the alerts that are open, for the pages.
    """
    newest = {scene.scene: scene for scene in scenes}
    if not newest:
        return []
    closed = Alert.objects.filter(jurisdiction_id=jurisdiction_id, scene__in=newest, state=Alert.State.CLOSED)
    for scene in closed.values_list("scene", flat=True):
        del newest[scene]
    Alert.objects.bulk_create(
        [_alert(jurisdiction_id, scene) for scene in newest.values()],
        update_conflicts=True,
        unique_fields=["jurisdiction", "scene"],
        update_fields=RENEWED,
    )
    found = Alert.objects.filter(jurisdiction_id=jurisdiction_id, scene__in=newest)
    return list(found.select_related("camera").order_by("-score", "pk"))


def mark_seen(*, user: "User", alert_id: int, request: "HttpRequest | None" = None) -> Alert:
    """Say that a person looks at it. Marked twice, or closed before, it stays as it is. Raises `NotFound`, `NotAllowed`."""
    require(user, Act.MAKE_PLAN)
    return _change(user, alert_id, request, from_states=(Alert.State.NEW,), state=Alert.State.SEEN, seen_by=user)


def close_alert(*, user: "User", alert_id: int, is_false: bool | None = None, request: "HttpRequest | None" = None) -> Alert:
    """Close it, and say whether it was a false alarm, where the person knows. Raises `NotFound`, `NotAllowed`, `Conflict`."""
    require(user, Act.MAKE_PLAN)
    alert = alert_for(user=user, alert_id=alert_id)
    if alert.state == Alert.State.CLOSED and alert.is_false != is_false:
        raise Conflict(_("This alert was closed before. Reload the page and look again."))
    return _change(user, alert_id, request, from_states=OPEN_STATES, state=Alert.State.CLOSED, closed_by=user, is_false=is_false)


def read_thumbnail(*, user: "User", alert_id: int, request: "HttpRequest | None" = None) -> bytes:
    """The masked picture of the alert's best event, and a line in the audit trail. Raises `NotFound`, `NotAllowed`."""
    require(user, Act.MAKE_PLAN)
    alert = alert_for(user=user, alert_id=alert_id)
    from webapp.cameras.event_selectors import event_thumbnail  # noqa: PLC0415

    picture = event_thumbnail(jurisdiction=alert.jurisdiction, key=alert.event_key) if alert.has_thumbnail else None
    if not picture:
        raise NotFound(_("There is no picture of this alert, or its time of storage is over."))
    record(action=AuditEntry.Action.READ_THUMBNAIL, actor=user, target=f"alert:{alert.pk}", request=request)
    return bytes(picture)


def drop_old_alerts(*, now: datetime) -> tuple[int, int]:
    """Close the alerts that nobody looked at for half a day, and remove those past their time. Returns how many of each."""
    stale = Alert.objects.filter(state__in=OPEN_STATES, last_at__lt=now - OPEN_AT_MOST)
    closed = stale.update(state=Alert.State.CLOSED, closed_at=now)
    removed, _by_table = Alert.objects.filter(last_at__lt=now - timedelta(days=settings.ALERT_DAYS)).delete()
    return closed, removed


def _alert(jurisdiction_id: int, scene: SceneAlert) -> Alert:
    return Alert(
        jurisdiction_id=jurisdiction_id,
        scene=scene.scene,
        opened_at=scene.opened_at,
        last_at=max(scene.opened_at, scene.last_at),
        camera_id=scene.camera_id,
        point=Point(*scene.place, srid=4326),
        cell=scene.cell,
        factor=scene.factor,
        category=scene.category,
        score=scene.score,
        confidence=scene.confidence,
        event_count=scene.event_count,
        event_key=scene.event_key,
        has_thumbnail=scene.has_thumbnail,
        reason=dict(scene.reason),
    )


@transaction.atomic
def _change(user: "User", alert_id: int, request: "HttpRequest | None", *, from_states: Sequence[str], **values: Any) -> Alert:
    """Change the state by a conditional UPDATE, so that two people who click at once leave one line in the trail."""
    alert = alert_for(user=user, alert_id=alert_id)
    when = "seen_at" if values["state"] == Alert.State.SEEN else "closed_at"
    open_ones = Alert.objects.of(alert.jurisdiction).filter(pk=alert.pk, state__in=from_states)
    if not open_ones.update(**values, **{when: timezone.now()}):
        return alert
    changed = alert_for(user=user, alert_id=alert_id)
    detail = {"state": changed.state} | ({} if changed.is_false is None else {"false_alarm": changed.is_false})
    target = f"alert:{alert.pk}"
    record(action=AuditEntry.Action.CHANGE_ALERT, actor=user, target=target, detail=detail, request=request)
    transaction.on_commit(lambda: send(changed.jurisdiction_id, {"type": "alert", "alert": alert_message(changed)}))
    return changed
