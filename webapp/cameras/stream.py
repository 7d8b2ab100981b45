"""The event stream in Redis: its keys, how full it is, and the reader that a consumer uses.

One stream a jurisdiction, `events:{id}`, with two consumer groups: the writer (stream → table) and fusion (stream → live risk).
An entry stays until both have acknowledged it. Every consumer may be killed at any time: what it had read and not
acknowledged it gets again. `services/events.py` puts events in.
"""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import BusyLoadingError, ConnectionError, ResponseError, TimeoutError

from cctv.events import CameraEvent, from_fields
from cctv.events_errors import EventError

logger = logging.getLogger(__name__)

Entry = tuple[int, bytes, CameraEvent]  # jurisdiction, id of the entry, event

# What Redis answers while it is down, starting, or cannot write: wait and try again.
OUTAGE = (ConnectionError, TimeoutError, BusyLoadingError)
LATE = b"l"  # field of an entry that is stored, and not fused
CLAIM_IDLE_MS = 60_000  # entries of a consumer that was silent so long go to another one
CLAIM_EVERY_S = 20.0
BLOCK_MARGIN_S = 5.0
LONGEST_WAIT_S = 5.0
MOST_TRIES = 3  # at groups that vanish again
FUSION_ALIVE_S = 60.0  # a fusion that has not read for so long is not waited for when room gets short


class Group(StrEnum):
    """Who reads the stream."""

    WRITER = "writer"
    FUSION = "fusion"


@cache
def _client(url: str, timeout_s: float) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=5, socket_keepalive=True, health_check_interval=15
    )


def client(*, timeout_s: float = 10.0) -> "redis.Redis":
    """The process's connections to Redis; answers are bytes. They connect anew by themselves."""
    return _client(settings.REDIS_URL, timeout_s)


def stream_key(jurisdiction_id: int) -> str:
    return f"events:{jurisdiction_id}"


def counts_key(jurisdiction_id: int) -> str:
    """Hash: what came in and what became of it, since the stream was made."""
    return f"events:{jurisdiction_id}:counts"


def refused_key(jurisdiction_id: int) -> str:
    """Hash of a week: `camera|code` → how many events were refused."""
    return f"events:{jurisdiction_id}:refused"


def writer_key(jurisdiction_id: int) -> str:
    """JSON: what the writer last said of itself."""
    return f"events:{jurisdiction_id}:writer"


def count(jurisdiction_id: int, **amounts: int) -> None:
    """Add to the counts; lost where Redis is away, never waited for."""
    try:
        pipeline = client().pipeline(transaction=False)
        for name, amount in amounts.items():
            if amount:
                pipeline.hincrby(counts_key(jurisdiction_id), name, amount)
        pipeline.execute()
    except redis.RedisError as error:
        logger.warning("counts of jurisdiction %d were not kept: %s", jurisdiction_id, error)


@dataclass(frozen=True)
class GroupState:
    """How far a group has come. `lag`: entries it has not been given; `idle_s`: since its last consumer asked, None: never."""

    name: str
    lag: int
    pending: int
    idle_s: float | None
    position: bytes  # everything up to here is acknowledged

    @property
    def is_reading(self) -> bool:
        return self.idle_s is not None and self.idle_s < FUSION_ALIVE_S


@dataclass(frozen=True)
class StreamState:
    """How full a stream is; no groups where there is no stream yet."""

    length: int
    groups: dict[str, GroupState]
    size: int = 0  # bytes, estimated by Redis


def stream_state(jurisdiction_id: int) -> StreamState:
    """Two round trips. Raises `redis.RedisError`."""
    key = stream_key(jurisdiction_id)
    pipeline = client().pipeline(transaction=False)
    pipeline.xlen(key)
    pipeline.memory_usage(key, samples=5)
    pipeline.xinfo_groups(key)
    length, size, groups = pipeline.execute(raise_on_error=False)
    if isinstance(length, Exception):
        raise length
    if isinstance(groups, Exception):  # no such key
        return StreamState(0, {})
    for group in groups:
        pipeline.xinfo_consumers(key, group["name"])
        pipeline.xpending(key, group["name"])
    answers = pipeline.execute()
    states = [_group(group, answers[2 * i], answers[2 * i + 1], length) for i, group in enumerate(groups)]
    return StreamState(length, {state.name: state for state in states}, size or 0)


def _group(group: dict[str, Any], consumers: list[dict[str, Any]], pending: dict[str, Any], length: int) -> GroupState:
    lag = group["lag"]
    return GroupState(
        name=group["name"].decode(),
        lag=length if lag is None else lag,  # Redis cannot tell after it lost entries
        pending=pending["pending"],
        idle_s=_idle_s(consumers),
        position=pending["min"] or group["last-delivered-id"],
    )


def _idle_s(consumers: list[dict[str, Any]]) -> float | None:
    return min(consumer["idle"] for consumer in consumers) / 1000 if consumers else None


def make_groups(jurisdiction_id: int) -> None:
    """The stream with both groups, from its beginning; does nothing where they are there."""
    for group in Group:
        try:
            client().xgroup_create(stream_key(jurisdiction_id), group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def trim(jurisdiction_id: int, *, now_s: float) -> None:
    """Let go of what both groups have acknowledged. Fusion is waited for only while its events are young enough to matter.

    Where more than a quarter of the bound is full and no fusion has read for a minute, the stream waits for the writer alone.
    """
    state = stream_state(jurisdiction_id)
    writer, fusion = state.groups.get(Group.WRITER), state.groups.get(Group.FUSION)
    if writer is None or fusion is None:
        return
    oldest = b"%d-0" % int((now_s - settings.EVENT_LATE_MINUTES * 60) * 1000)
    waited_for = max(fusion.position, oldest, key=_order)
    if state.length > settings.EVENT_STREAM_MAX / 4 and not fusion.is_reading:
        waited_for = writer.position
    least = min(writer.position, waited_for, key=_order)
    client().xtrim(stream_key(jurisdiction_id), minid=least.decode(), approximate=False)


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence or 0)


class EventReader:
    """Reads the streams of some jurisdictions for one consumer of a group.

    After a start, and after every outage, it first gives what this consumer had been given and not acknowledged; so a
    consumer may see an event twice, never not at all. Of a consumer that died under another name it takes over what
    was left, after a minute (only in the writer's group: fusion keeps one order and one consumer).
    """

    def __init__(self, jurisdiction_ids: Iterable[int], group: str, consumer: str):
        self.jurisdiction_ids = list(jurisdiction_ids)
        self.group, self.consumer = Group(group), consumer
        self._own: dict[int, bytes] = {}  # where the reading of own pending entries stands; absent: not begun
        self._done: set[int] = set()  # own pending entries are all read
        self._wait_s = 0.0
        self._claim_at = 0.0
        self._tries = 0
        self._known: set[int] = set()  # streams that were there

    def read(self, count: int = 1000, block_ms: int = 1000) -> list[Entry]:
        """At most `count` new entries a stream, in stream order; waits up to `block_ms` where there are none.

        During an outage it says so in the log once, waits up to five seconds and returns nothing.
        """
        try:
            entries = self._read(count, block_ms)
        except OUTAGE as error:
            self._outage(error)
            return []
        except ResponseError as error:
            if "NOGROUP" not in str(error) and "UNBLOCKED" not in str(error):
                self._outage(error)
                return []
            self._groups_again()
            return self.read(count, block_ms) if self._tries < MOST_TRIES else []
        self._tries = 0
        if self._wait_s:
            logger.info("redis is back; %s goes on", self.group)
            self._wait_s = 0.0
        return entries

    def acknowledge(self, entries: Iterable[tuple[int, bytes]]) -> bool:
        """These need not be given again. False where Redis is away: they will be given again."""
        ids: dict[int, list[bytes]] = {}
        for jurisdiction_id, entry_id in entries:
            ids.setdefault(jurisdiction_id, []).append(entry_id)
        try:
            pipeline = client().pipeline(transaction=False)
            for jurisdiction_id, some in ids.items():
                pipeline.xack(stream_key(jurisdiction_id), self.group, *some)
            pipeline.execute()
        except (*OUTAGE, ResponseError) as error:
            self._outage(error)
            return False
        return True

    def _read(self, count: int, block_ms: int) -> list[Entry]:
        for jurisdiction_id in self.jurisdiction_ids:
            while jurisdiction_id not in self._done:
                entries = self._read_own(jurisdiction_id, count)
                if entries:
                    return entries
        self._known.update(self._done)
        if not self.jurisdiction_ids:
            time.sleep(block_ms / 1000)
            return []
        if self.group is Group.WRITER and time.monotonic() >= self._claim_at:
            self._claim_at = time.monotonic() + CLAIM_EVERY_S
            claimed = [entry for jid in self.jurisdiction_ids for entry in self._claim(jid, count)]
            if claimed:
                return claimed
        redis_ = client(timeout_s=block_ms / 1000 + BLOCK_MARGIN_S)
        streams: dict[Any, Any] = {stream_key(jid): ">" for jid in self.jurisdiction_ids}
        answer: Any = redis_.xreadgroup(self.group, self.consumer, streams, count=count, block=max(block_ms, 1))
        return [entry for key, raw in answer for entry in self._entries(int(key.rpartition(b":")[2]), raw)]

    def _read_own(self, jurisdiction_id: int, count: int) -> list[Entry]:
        """The next of its own pending entries; marks the jurisdiction as done where there are no more."""
        since = self._own.get(jurisdiction_id, b"0")
        key = stream_key(jurisdiction_id)
        answer: Any = client().xreadgroup(self.group, self.consumer, {key: since}, count=count)
        raw = answer[0][1] if answer else []
        if raw:
            self._own[jurisdiction_id] = raw[-1][0]
        else:
            self._done.add(jurisdiction_id)
        return self._entries(jurisdiction_id, raw)

    def _claim(self, jurisdiction_id: int, count: int) -> list[Entry]:
        answer: Any = client().xautoclaim(
            stream_key(jurisdiction_id), self.group, self.consumer, min_idle_time=CLAIM_IDLE_MS, count=count
        )
        return self._entries(jurisdiction_id, answer[1])

    def _entries(self, jurisdiction_id: int, raw: Sequence[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Entry]:
        """Decoded; what is no event, is gone, or is too late for fusion is acknowledged here."""
        entries: list[Entry] = []
        gone, passed = 0, []
        for entry_id, fields in raw:
            if not fields:
                gone += 1
                passed.append((jurisdiction_id, entry_id))
            elif self.group is Group.FUSION and LATE in fields:
                passed.append((jurisdiction_id, entry_id))
            else:
                try:
                    entries.append((jurisdiction_id, entry_id, from_fields(fields)))
                except EventError as error:
                    logger.error("entry %s of jurisdiction %d: %s", entry_id.decode(), jurisdiction_id, error)
                    passed.append((jurisdiction_id, entry_id))
        if gone:
            logger.warning("%d entries of jurisdiction %d were trimmed before %s had them", gone, jurisdiction_id, self.group)
        if passed:
            self.acknowledge(passed)
        return entries

    def _outage(self, error: Exception) -> None:
        """Say so once, wait longer each time, and read the own pending entries again afterwards."""
        if not self._wait_s:
            logger.warning("redis cannot be read (%s); %s waits and tries again", error, self.group)
        self._own.clear()
        self._done.clear()
        self._wait_s = min(max(self._wait_s * 2, 0.1), LONGEST_WAIT_S)
        time.sleep(self._wait_s)

    def _groups_again(self) -> None:
        """The stream is new: never used yet, or lost by a Redis that keeps nothing on disk."""
        self._tries += 1
        try:
            for jurisdiction_id in self.jurisdiction_ids:
                if jurisdiction_id in self._known and not client().exists(stream_key(jurisdiction_id)):
                    logger.error(
                        "the event stream of jurisdiction %d is gone: Redis was restarted without its append-only file; "
                        "events that were not yet written are lost",
                        jurisdiction_id,
                    )
                make_groups(jurisdiction_id)
        except (*OUTAGE, ResponseError) as error:
            self._outage(error)
        self._own.clear()
        self._done.clear()


def say_writer(jurisdiction_id: int, **said: Any) -> None:
    """What the writer is doing, for the page; kept for a minute, so that a dead writer is seen to be dead."""
    try:
        client().set(writer_key(jurisdiction_id), json.dumps(said), ex=60)
    except redis.RedisError:
        logger.debug("the writer's state was not kept", exc_info=True)
