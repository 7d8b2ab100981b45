"""The feed of events: what the fusion showed last of the whole jurisdiction, or all of one camera."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import redis
from django.utils.translation import gettext as _

from webapp.cameras import event_selectors
from webapp.cameras.models import Camera, EventThumbnail
from webapp.common.channel import redis_client
from webapp.common.errors import NotFound
from webapp.live import keys
from webapp.live.selectors.picture import LiveAway, jurisdiction_of

if TYPE_CHECKING:
    from webapp.accounts.models import User

MOST = 200


@dataclass(frozen=True)
class ShownEvent:
    """One event of the feed, as the live message carries it."""

    id: str
    camera_id: int
    camera_name: str
    at: datetime
    factor: str
    confidence: float
    value: float | None
    has_thumbnail: bool


def recent_events(*, user: "User", limit: int = 50, camera_id: int | None = None) -> list[ShownEvent]:
    """Newest first, at most 200. Of the whole jurisdiction: a few a second, those that the pages were shown; of one camera: all
    of its last day. Raises `NotFound`, `LiveAway`."""
    limit = max(1, min(limit, MOST))
    return _of_all(user, limit) if camera_id is None else _of_camera(user, camera_id, limit)


def _of_all(user: "User", limit: int) -> list[ShownEvent]:
    try:
        found: Any = redis_client().lrange(keys.events(jurisdiction_of(user)), 0, limit - 1)
    except redis.RedisError as error:
        raise LiveAway(_("The live picture cannot be read just now. The forecast is still there; try again soon.")) from error
    shown = [json.loads(content)["event"] for content in found]
    return [ShownEvent(**(event | {"at": datetime.fromisoformat(event["at"])})) for event in shown]


def _of_camera(user: "User", camera_id: int, limit: int) -> list[ShownEvent]:
    camera = Camera.objects.visible_to(user).filter(pk=camera_id).first()
    if camera is None:
        raise NotFound(_("There is no such camera."))
    # By the index on (camera, at), from the newest on: no more rows are read than are shown.
    events = list(event_selectors.recent_events(user=user, limit=limit, camera=camera.pk))
    if not events:
        return []
    start, end = events[-1].at, events[0].at + timedelta(seconds=1)
    names = [event.key for event in events]
    pictured = set(
        EventThumbnail.objects.visible_to(user).between(start, end).filter(key__in=names).values_list("key", flat=True)
    )
    return [
        ShownEvent(
            id=event.key,
            camera_id=camera.pk,
            camera_name=camera.name,
            at=event.at,
            factor=event.factor,
            confidence=event.confidence,
            value=event.value,
            has_thumbnail=event.key in pictured,
        )
        for event in events
    ]
