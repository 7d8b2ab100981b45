"""Reads of camera events: what came in and what became of it, the newest ones, one camera's minutes, a thumbnail."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import TruncMinute
from django.utils import timezone

from webapp.cameras.models import Camera, CameraEvent, EventSender, EventThumbnail
from webapp.cameras.stream import GroupState, client, counts_key, refused_key, stream_state, writer_key

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import Jurisdiction, User

MOST_SHOWN = 500
RECENT_DAYS = 2  # the newest events are looked for no further back
MOST_MINUTES = 31 * 24 * 60


@dataclass(frozen=True)
class RefusedByCamera:
    """How often events of a camera were refused for one reason, within a week. camera "*": all further ones together."""

    camera: str
    code: str
    count: int


@dataclass(frozen=True)
class EventCounts:
    """What came into a jurisdiction's stream since it was made, and what became of it.

    `shed`: events left out under pressure by priority: `measure`, `risk`, `full` (any but blindness, at the bound).
    `unwritten`: went out of the full stream before they were stored. `unstorable`: named cameras that are gone, or nonsense.
    `is_up`: whether Redis could be asked; if not, all is zero. `keeps`: whether Redis keeps the stream through a restart.
    """

    is_up: bool = False
    keeps: bool = False
    since: datetime | None = None
    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    refused: int = 0
    unwritten: int = 0
    unstorable: int = 0
    thumbnails_left_off: int = 0
    shed: dict[str, int] = field(default_factory=dict)
    refused_by_camera: tuple[RefusedByCamera, ...] = ()
    length: int = 0
    bound: int = 0
    groups: tuple[GroupState, ...] = ()
    writer: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MinuteCount:
    """Events of one factor in one minute. `confidence`: the highest."""

    minute: datetime
    factor: str
    count: int
    confidence: float


def event_counts(*, jurisdiction_id: int) -> EventCounts:
    """Counts, lags and the state of the writer; says so where Redis is away."""
    try:
        counts, refused, writer = _kept(jurisdiction_id)
        state = stream_state(jurisdiction_id)
        keeps = client().info("persistence").get("aof_enabled") == 1  # type: ignore[union-attr]
    except redis.RedisError:
        return EventCounts(bound=settings.EVENT_STREAM_MAX)
    names = ("accepted", "duplicates", "late", "refused", "unwritten", "unstorable", "thumbnails_left_off")
    return EventCounts(
        is_up=True,
        keeps=keeps,
        since=datetime.fromtimestamp(counts["since"], UTC) if counts["since"] else None,
        shed={kind: counts[f"shed_{kind}"] for kind in ("measure", "risk", "full")},
        refused_by_camera=refused,
        length=state.length,
        bound=settings.EVENT_STREAM_MAX,
        groups=tuple(state.groups.values()),
        writer=writer,
        **{name: counts[name] for name in names},
    )


def recent_events(
    *, user: "User | AnonymousUser", limit: int = 50, camera: int | None = None, since: datetime | None = None
) -> QuerySet[CameraEvent]:
    """The newest stored events that the person may see, with their cameras; at most 500, at most two days back."""
    now = timezone.now()
    since = max(since or now - timedelta(days=1), now - timedelta(days=RECENT_DAYS))
    events: QuerySet[CameraEvent] = CameraEvent.objects.visible_to(user).between(since, now + timedelta(minutes=5))  # type: ignore[assignment]
    if camera is not None:
        events = events.filter(camera_id=camera)
    return events.select_related("camera").order_by("-at")[: max(0, min(limit, MOST_SHOWN))]


def minute_counts(*, jurisdiction: "Jurisdiction", camera: Camera, start: datetime, end: datetime) -> list[MinuteCount]:
    """Events of one camera per minute and factor, start ≤ at < end, at most 31 days; ordered by minute and factor."""
    start = max(start, end - timedelta(minutes=MOST_MINUTES))
    rows = (
        CameraEvent.objects.of(jurisdiction)
        .between(start, end)
        .filter(camera_id=camera.pk)
        .annotate(minute=TruncMinute("at", tzinfo=UTC))
        .values("minute", "factor")
        .annotate(count=Count("key"), confidence=Max("confidence"))
        .order_by("minute", "factor")
    )
    return [MinuteCount(row["minute"], row["factor"], row["count"], row["confidence"]) for row in rows]


def event_thumbnail(*, jurisdiction: "Jurisdiction", key: str, day: date | None = None) -> bytes | None:
    """The masked picture of an event, or None where it has none or it is past its hours.

    `day`: UTC day of the event, where known. The caller sees to the right to look, and to the trail.
    """
    since = timezone.now() - timedelta(hours=settings.THUMBNAIL_HOURS)
    found = EventThumbnail.objects.of(jurisdiction).filter(key=key, at__gte=since, day__gte=since.date())
    if day is not None:
        found = found.filter(day=day)
    jpeg = found.order_by("-day").values_list("jpeg", flat=True).first()
    return None if jpeg is None else bytes(jpeg)


def senders_for(*, user: "User | AnonymousUser") -> QuerySet[EventSender]:
    """The systems that may send, or might, newest first."""
    return EventSender.objects.visible_to(user).order_by("-created_at", "-pk")


def _kept(jurisdiction_id: int) -> tuple[Counter[str], tuple[RefusedByCamera, ...], dict[str, Any]]:
    pipeline = client().pipeline(transaction=False)
    pipeline.hgetall(counts_key(jurisdiction_id))
    pipeline.hgetall(refused_key(jurisdiction_id))
    pipeline.get(writer_key(jurisdiction_id))
    counts, refused, writer = pipeline.execute()
    by_camera = []
    for name, amount in refused.items():
        camera, _, code = name.decode(errors="replace").rpartition("|")
        by_camera.append(RefusedByCamera(camera, code, int(amount)))
    by_camera.sort(key=lambda one: (-one.count, one.camera, one.code))
    kept = Counter({name.decode(): int(amount) for name, amount in counts.items()})
    return kept, tuple(by_camera), json.loads(writer) if writer else {}
