"""A batch of events as another system sends it, over HTTP or MQTT: read, checked one by one, published."""

import json
from dataclasses import replace
from datetime import datetime

import redis
from django.utils.translation import gettext as _

from cctv.events import CameraEvent, from_json
from cctv.events_errors import EventError
from webapp.cameras.event_sentences import sentence
from webapp.cameras.services.events import OTHER, Published, Refusal, StreamDown, count_refused, publish
from webapp.common.errors import HaechiError

MOST_EVENTS = 500


class BatchError(HaechiError):
    """The batch as a whole cannot be read; nothing of it was taken."""

    code = "batch_unreadable"


def read_batch(body: bytes) -> list[object]:
    """The events of a JSON text: `{"events": […]}`, a list, or one event. Raises `BatchError`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        place = f" ({error})" if isinstance(error, json.JSONDecodeError) else ""
        raise BatchError(_("The body is not JSON%(place)s. Send an object with a list “events”.") % {"place": place}) from error
    if isinstance(value, dict) and "events" in value:
        value = value["events"]
    elif isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise BatchError(_("The body holds no list of events. Send an object with a list “events”; see docs/events.md."))
    if len(value) > MOST_EVENTS:
        message = _("The batch has %(count)d events; at most %(most)d are taken at once. Send it in parts.")
        raise BatchError(message % {"count": len(value), "most": MOST_EVENTS}, code="batch_too_large")
    return value


def take_batch(*, jurisdiction_id: int, values: list[object], now: datetime) -> Published:
    """Publish what is right of these; the rest is refused one by one. Raises `StreamDown`; then send it again."""
    events: list[CameraEvent] = []
    places: list[int] = []
    refused: list[Refusal] = []
    for index, value in enumerate(values):
        try:
            events.append(from_json(value, now=now))
            places.append(index)
        except EventError as error:
            refused.append(_refusal(index, value, error))
    if refused:
        try:
            count_refused(jurisdiction_id=jurisdiction_id, refused=[(one.camera, one.code) for one in refused])
        except redis.RedisError as error:
            raise StreamDown(_("The event stream cannot be written to at the moment. Send the events again.")) from error
    done = publish(jurisdiction_id=jurisdiction_id, events=events, now=now)
    refused += [replace(one, index=places[one.index]) for one in done.refused]
    return replace(done, refused=tuple(sorted(refused, key=lambda one: one.index)))


def _refusal(index: int, value: object, error: EventError) -> Refusal:
    said = value if isinstance(value, dict) else {}
    key, camera = (_shown(said.get(name)) for name in ("key", "camera"))
    return Refusal(index, key, camera or OTHER, error.code, sentence(error))


def _shown(value: object) -> str:
    """A text that can be shown and counted; blank for anything else."""
    return value[:80] if isinstance(value, str) and value.isprintable() else ""
