"""How much must be left out because the readers of the event stream do not keep up."""

import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.conf import settings

from cctv.events import CameraEvent
from cctv.factors import BY_CODE, Kind
from webapp.cameras.stream import Group, StreamState, client, count, stream_key, stream_state

EVERY_S = 0.1  # how often a process looks
GROWN_S = 0.5  # a lag is compared with that of so long ago
READING_S = 2.0  # a fusion that asked within this time is running; one that is being restarted is waited for …
CATCHES_UP_S = 5.0  # … and so long after it is back its lag is not held against it
FUSION_LAG = (10_000, 20_000, 40_000)  # entries; the first is two and a half seconds of 4,000 cameras
FILLED = (0.5, 0.75, 0.9)  # of the bound
PICTURES_BYTES = 256 * 1024**2  # of a stream: beyond that thumbnails are left off, a hundred times as large as their events
LOW_CONFIDENCE, HIGH_CONFIDENCE = 0.5, 0.9


class Pressure(IntEnum):
    """Each step leaves out what the one before does, and more. Blindness of a camera is never left out."""

    NONE = 0
    MEASURES = 1  # no measures, no thumbnails
    LOW = 2  # no risk factors below confidence 0.5
    MOST = 3  # none below 0.9


@dataclass
class _Seen:
    at: float = float("-inf")
    pressure: Pressure = Pressure.NONE
    size: int = 0
    lag: int = 0
    lag_at: float = float("-inf")
    away_at: float = float("-inf")  # when fusion was last seen not to read


_seen: dict[int, _Seen] = {}


def pressure(jurisdiction_id: int) -> Pressure:
    """Asked of Redis ten times a second at most. Raises `redis.RedisError`."""
    seen, now = _seen.setdefault(jurisdiction_id, _Seen()), time.monotonic()
    if now - seen.at >= EVERY_S:
        state = stream_state(jurisdiction_id)
        seen.size = state.size
        seen.pressure = max(_by_lag(state, seen, now), _by_length(jurisdiction_id, state))
        seen.at = now
    return seen.pressure


def pictures_fit(jurisdiction_id: int) -> bool:
    """Whether the stream has room for thumbnails; as `pressure` saw it last."""
    seen = _seen.get(jurisdiction_id)
    return seen is None or (seen.pressure is Pressure.NONE and seen.size < PICTURES_BYTES)


def leaves_out(pressure: Pressure, event: CameraEvent) -> bool:
    """Whether an event is shed."""
    kind = BY_CODE[event.factor].kind
    if kind is Kind.BLIND or pressure is Pressure.NONE:
        return False
    if kind is Kind.MEASURE:
        return True
    return event.confidence < (0.0, 0.0, LOW_CONFIDENCE, HIGH_CONFIDENCE)[pressure]


def _by_lag(state: StreamState, seen: _Seen, now: float) -> Pressure:
    """A running fusion that falls behind. One that catches up after a restart does not fall behind."""
    fusion = state.groups.get(Group.FUSION)
    lag = 0 if fusion is None else fusion.lag
    if fusion is None or fusion.idle_s is None or fusion.idle_s > READING_S:
        seen.away_at = now
    grows = lag > seen.lag
    if now - seen.away_at <= CATCHES_UP_S or seen.lag_at < 0:
        grows, seen.lag, seen.lag_at = False, lag, now
    elif now - seen.lag_at >= GROWN_S:
        seen.lag, seen.lag_at = lag, now
    return _step(lag, FUSION_LAG) if grows else Pressure.NONE


def _by_length(jurisdiction_id: int, state: StreamState) -> Pressure:
    """A stream that fills because a reader stands still.

    Where only the writer stands (its disk is full) the live picture goes on: the oldest unwritten entries make room, counted.
    """
    bound = settings.EVENT_STREAM_MAX
    step = _step(state.length, [share * bound for share in FILLED])
    fusion = state.groups.get(Group.FUSION)
    fusion_keeps_up = fusion is not None and fusion.is_reading and fusion.lag + fusion.pending < bound / 4
    if step is not Pressure.MOST or not fusion_keeps_up:
        return step
    if state.length >= 0.95 * bound:
        removed: Any = client().xtrim(stream_key(jurisdiction_id), maxlen=int(0.9 * bound), approximate=False)
        count(jurisdiction_id, unwritten=removed)
    return Pressure.LOW


def _step(value: float, limits: "tuple[float, ...] | list[float]") -> Pressure:
    return Pressure(sum(value > limit for limit in limits))


def forget_pressure() -> None:
    """Look anew next time; for tests."""
    _seen.clear()
