"""What the fusion tells: messages on the channel and keys that pages and API read. docs/live.md lists both."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from cctv.events import CameraEvent
from webapp.common.channel import channel_name
from webapp.live import keys
from webapp.live.services.checkpoint import EntryNumber
from webapp.live.services.material import FACTORS, Cameras, Material, Slot
from webapp.live.services.picture import Changes, Picture, Rendered, Taken

if TYPE_CHECKING:
    import redis


SHOWN_AT_MOST = 200


def iso(at_s: float) -> str:
    """An instant in epoch seconds as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def dumps(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


# --- Messages -------------------------------------------------------------------------------------
def reload_message(slot: Slot, now_s: float) -> str:
    """Everything may be other than it was: the page fetches the values."""
    return dumps({"type": "reload", "at": iso(now_s), "run": slot.run, "slot": slot.index})


def cells_message(slot: Slot, changes: Changes, now_s: float, upto: EntryNumber) -> str:
    """The cells that changed, with their bytes by category, and the newest entry of the stream that is in them."""
    message = {
        "type": "cells",
        "at": iso(now_s),
        "run": slot.run,
        "slot": slot.index,
        "upto": f"{upto[0]}-{upto[1]}",
        "cells": changes.cells.tolist(),
        "values": {code: row.tolist() for code, row in changes.values.items()},
    }
    return dumps(message)


def event_message(event: CameraEvent, cameras: Cameras) -> str:
    """One event for the feed."""
    position = cameras.index[event.camera]
    shown = {
        "id": event.key,
        "camera_id": int(cameras.ids[position]),
        "camera_name": cameras.names[position],
        "at": event.at.isoformat(),
        "factor": event.factor,
        "confidence": round(event.confidence, 3),
        "value": event.value,
        "has_thumbnail": bool(event.thumbnail),
    }
    return dumps({"type": "event", "event": shown})


def sample(since: Sequence[Taken], most: int) -> list[CameraEvent]:
    """A few of the events for the feed: of the newest ones, those of highest confidence."""
    events = [event for taken in since for event in (*taken.risks[-50:], *taken.blind[-50:])]
    return sorted(events, key=lambda event: -event.confidence)[:most]


def health_message(picture: Picture, now_s: float, *, lag_s: float, shed: int, events_per_s: float) -> str:
    """How the cameras and the stream are. Silent: never heard; stale: not heard for long; blind: cannot see now."""
    health = picture.excess.health(now_s)
    silent = ~np.isfinite(health.age_s)
    blind = health.blind & ~silent
    stale = health.stale & ~blind & ~silent
    counts = {"ok": ~(silent | blind | stale), "stale": stale, "blind": blind, "silent": silent}
    message = {
        "type": "health",
        "at": iso(now_s),
        "cameras": {name: int(which.sum()) for name, which in counts.items()},
        "lag_s": round(max(lag_s, 0.0), 3),
        "shed": shed,
        "events_per_s": round(events_per_s, 1),
    }
    return dumps(message)


# --- Keys -----------------------------------------------------------------------------------------
def put_values(pipeline: "redis.client.Pipeline", jurisdiction_id: int, rendered: Rendered) -> None:
    """The whole picture, for a page that begins."""
    for code, row in rendered.values.items():
        pipeline.set(keys.values(jurisdiction_id, code), row.tobytes(), ex=keys.EXPIRE_S)
    pipeline.set(keys.lift(jurisdiction_id), rendered.lift.astype("<f4").tobytes(), ex=keys.EXPIRE_S)


def put_state(
    pipeline: "redis.client.Pipeline", material: Material, now_s: float, counts: Mapping[str, int], upto: EntryNumber
) -> None:
    """What the picture is of, and how the service fares."""
    slot = material.slot
    state = {
        "at": iso(now_s),
        "run": slot.run if slot else None,
        "slot": slot.index if slot else None,
        "slot_until": slot.until.isoformat() if slot else None,
        "is_past": slot.is_past if slot else None,
        "is_on": material.signature.is_on,
        "moves": material.moves,
        "upto": f"{upto[0]}-{upto[1]}",
        "counts": dict(counts),
    }
    pipeline.set(keys.state(material.jurisdiction.pk), dumps(state), ex=keys.EXPIRE_S)


def show_events(pipeline: "redis.client.Pipeline", jurisdiction_id: int, messages: Sequence[str]) -> None:
    """Events to the pages, and into the list that a page begins with."""
    if not messages:
        return
    key = keys.events(jurisdiction_id)
    for message in messages:
        pipeline.publish(channel_name(jurisdiction_id), message)
    pipeline.lpush(key, *messages)
    pipeline.ltrim(key, 0, SHOWN_AT_MOST - 1)
    pipeline.expire(key, keys.EXPIRE_S)


def put_health(pipeline: "redis.client.Pipeline", jurisdiction_id: int, message: str) -> None:
    """The last health message, for a page that begins."""
    pipeline.set(keys.health(jurisdiction_id), message, ex=keys.EXPIRE_S)


def put_frame(pipeline: "redis.client.Pipeline", material: Material) -> None:
    """What changes seldom: which cameras, what they see, which factors."""
    by_cell = material.coverage.T.tocsr()
    arrays = {
        "run": np.array(material.slot.run if material.slot else 0),
        "slot": np.array(material.slot.index if material.slot else 0),
        "cells": material.cells,
        "cameras": material.cameras.ids,
        "factors": np.array(FACTORS),
        "first": by_cell.indptr,
        "camera": by_cell.indices,
        "share": by_cell.data.astype(np.float32),
    }
    pipeline.set(keys.frame(material.jurisdiction.pk), _packed(arrays), ex=keys.EXPIRE_S)


def put_levels(pipeline: "redis.client.Pipeline", picture: Picture, rendered: Rendered, now_s: float) -> None:
    """What each camera says and each cell's excess, in half precision: 0.7 MB for 4,000 cameras and 5,000 cells."""
    excess = picture.excess
    health = excess.health(now_s)
    arrays = {
        "at": np.array(now_s),
        "now": excess.now.astype(np.float16),
        "usual": excess.expected.astype(np.float16),
        "rate": excess.usual.rates(excess.usual.hour_of_week(now_s)).astype(np.float16),
        "level": excess.levels().astype(np.float16),
        "believed": excess.believed().astype(np.float16),
        "blind": health.blind,
        "stale": health.stale,
        "last": excess.last_s,
        "excess": rendered.excess.astype(np.float16),
        "seen": rendered.seen.astype(np.float16),
    }
    pipeline.set(keys.levels(picture.material.jurisdiction.pk), _packed(arrays), ex=keys.EXPIRE_S)


def _packed(arrays: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
