"""Camera events into the stream: checked, the repeated ones left out, the least important shed when readers lag."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from cctv.events import EPOCH, CameraEvent, check, to_fields
from cctv.events_errors import EventError
from cctv.factors import BY_CODE, Kind
from webapp.cameras.camera_ids import camera_ids
from webapp.cameras.event_sentences import sentence
from webapp.cameras.pressure import Pressure, leaves_out, pictures_fit, pressure
from webapp.cameras.stream import Group, client, counts_key, refused_key, stream_key
from webapp.common.errors import HaechiError

logger = logging.getLogger(__name__)

BATCH = 500  # events a call of the script: about 2 ms in which Redis does nothing else
BUCKET_S = 10  # keys seen are remembered by the ten seconds in which their events happened …
SHARDS = 1024  # … in sets of whole numbers, small enough (512) for Redis to keep them as plain arrays: about 10 bytes a key
REFUSED_NAMED = 2000  # counters of refusals a jurisdiction; further ones share one, so that invented cameras fill no memory
REFUSED_KEPT_S = 7 * 86_400
OTHER = "*"

# KEYS: stream, counts. ARGV: bound, prefix of the keys seen, seconds they are remembered, writer, fusion, number of counters,
# number of events; for each counter: name, amount; for each event: bucket, hash of its key, flags ("b" blind, "l" late),
# packed event, thumbnail. Answers one letter an event: a accepted, d duplicate, s shed, f full; and how many are late.
_ADD = """
local stream, counts, bound, seen, ttl = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3]
if redis.call('EXISTS', stream) == 0 then
  redis.call('XGROUP', 'CREATE', stream, ARGV[4], '0', 'MKSTREAM')
  redis.call('XGROUP', 'CREATE', stream, ARGV[5], '0')
  redis.call('HSETNX', counts, 'since', redis.call('TIME')[1])
end
local at = 7
for i = 1, tonumber(ARGV[6]) do
  redis.call('HINCRBY', counts, ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
local length, answer = redis.call('XLEN', stream), {}
local amounts = {a = 0, d = 0, s = 0, f = 0, l = 0}
for i = 1, tonumber(ARGV[7]) do
  local hash, flags, thumbnail, letter = ARGV[at + 2], ARGV[at + 3], ARGV[at + 5], 'a'
  local blind = string.find(flags, 'b', 1, true)
  local key = seen .. ARGV[at + 1]
  if length >= bound * 1.1 or (length >= bound and not blind) then
    letter = blind and 'f' or 's'
  elseif redis.call('SADD', key, hash) == 0 then
    letter = 'd'
  else
    redis.call('EXPIRE', key, ttl)
    local fields = {'1', ARGV[at + 4]}
    if thumbnail ~= '' then fields[3] = 't'; fields[4] = thumbnail end
    if string.find(flags, 'l', 1, true) then
      fields[#fields + 1] = 'l'; fields[#fields + 1] = '1'
      amounts.l = amounts.l + 1
    end
    redis.call('XADD', stream, '*', unpack(fields))
    length = length + 1
  end
  answer[i] = letter
  amounts[letter] = amounts[letter] + 1
  at = at + 5
end
local names = {a = 'accepted', d = 'duplicates', s = 'shed_full', f = 'refused', l = 'late'}
for letter, amount in pairs(amounts) do
  if amount > 0 then redis.call('HINCRBY', counts, names[letter], amount) end
end
return {table.concat(answer), amounts.l}
"""


class StreamDown(HaechiError):
    """Redis is away or cannot write. Nothing or a part of the batch went in: send it again, nothing is doubled."""

    code = "stream_down"
    status = 503


@dataclass(frozen=True)
class Refusal:
    """One event that was not taken. `index`: its place in the batch; `message`: for a person."""

    index: int
    key: str
    camera: str
    code: str
    message: str


@dataclass(frozen=True)
class Published:
    """What became of a batch. The `late` ones are among the accepted: stored, not fused."""

    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    shed: int = 0
    refused: tuple[Refusal, ...] = ()

    def __add__(self, other: "Published") -> "Published":
        return Published(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.late + other.late,
            self.shed + other.shed,
            self.refused + other.refused,
        )


@dataclass
class _Batch:
    """Events that passed the checks, and what is to be counted of the others."""

    events: list[tuple[int, CameraEvent]] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def publish(
    *, jurisdiction_id: int, events: Sequence[CameraEvent], now: datetime | None = None, may_be_old: bool = False
) -> Published:
    """Put events into the jurisdiction's stream; one round trip for up to 500.

    An event whose key came in within `HAECHI_EVENT_DEDUPE_MINUTES` is a duplicate and not put in again. One older than
    `HAECHI_EVENT_LATE_MINUTES` is stored but not fused. `may_be_old`: also take those older than six hours (a replay).
    Wrong ones are refused one by one and counted per camera. Raises `StreamDown`; then send the batch again.
    """
    now = now or timezone.now()
    try:
        batch = _checked(jurisdiction_id, events, now, may_be_old)
        if batch.refused:
            count_refused(jurisdiction_id=jurisdiction_id, refused=[(one.camera, one.code) for one in batch.refused])
        step = pressure(jurisdiction_id)
        if step is not Pressure.NONE or not pictures_fit(jurisdiction_id):
            _shed(batch, step)
        done = Published(shed=batch.counts["shed_measure"] + batch.counts["shed_risk"], refused=tuple(batch.refused))
        for start in range(0, max(len(batch.events), 1), BATCH):
            done += _add(jurisdiction_id, batch.events[start : start + BATCH], batch.counts if start == 0 else Counter(), now)
    except redis.RedisError as error:
        logger.warning("events of jurisdiction %d cannot go in: %s", jurisdiction_id, error)
        message = _("The event stream cannot be written to at the moment. Send the events again; none is counted twice.")
        raise StreamDown(message) from error
    return done


def count_refused(*, jurisdiction_id: int, refused: Sequence[tuple[str, str]]) -> None:
    """Count refusals (camera, code) in all and per camera; the counters of cameras are bounded. Raises `redis.RedisError`."""
    key, amounts = refused_key(jurisdiction_id), Counter(f"{camera[:80]}|{code}" for camera, code in refused)
    room = REFUSED_NAMED - int(client().hlen(key))  # type: ignore[arg-type]
    pipeline = client().pipeline(transaction=False)
    pipeline.hincrby(counts_key(jurisdiction_id), "refused", len(refused))
    for name, amount in amounts.items():
        if room <= 0:
            name = OTHER + name[name.rindex("|") :]  # noqa: PLW2901
        pipeline.hincrby(key, name, amount)
        room -= 1
    pipeline.expire(key, REFUSED_KEPT_S, nx=True)
    pipeline.execute()


def _checked(jurisdiction_id: int, events: Sequence[CameraEvent], now: datetime, may_be_old: bool) -> _Batch:
    batch = _Batch()
    cameras = camera_ids(jurisdiction_id)
    oldest = now - timedelta(days=settings.EVENT_DAYS)
    for index, event in enumerate(events):
        try:
            check(event, now=now, may_be_old=may_be_old)
            if event.at < oldest:
                raise EventError("too_old", field="at", value=event.at.isoformat(), days=settings.EVENT_DAYS)
            if event.camera not in cameras:
                cameras = camera_ids(jurisdiction_id, missing=True)
                if event.camera not in cameras:
                    raise EventError("unknown_camera", field="camera", value=event.camera)
        except EventError as error:
            batch.refused.append(Refusal(index, event.key, event.camera, error.code, sentence(error)))
        else:
            batch.events.append((index, event))
    return batch


def _shed(batch: _Batch, step: Pressure) -> None:
    """Leave out what this step of pressure leaves out, and all thumbnails."""
    kept = []
    for index, event in batch.events:
        if leaves_out(step, event):
            batch.counts["shed_measure" if BY_CODE[event.factor].kind is Kind.MEASURE else "shed_risk"] += 1
            continue
        if event.thumbnail:
            batch.counts["thumbnails_left_off"] += 1
            event = replace(event, thumbnail=b"")  # noqa: PLW2901
        kept.append((index, event))
    batch.events = kept


def _add(jurisdiction_id: int, events: list[tuple[int, CameraEvent]], counts: Counter[str], now: datetime) -> Published:
    if not events and not counts:
        return Published()
    late_before = now - timedelta(minutes=settings.EVENT_LATE_MINUTES)
    head = (settings.EVENT_STREAM_MAX, f"events:{jurisdiction_id}:seen:", _remembered_s(), Group.WRITER.value, Group.FUSION.value)
    arguments: list[Any] = [*head, len(counts), len(events)]
    for name, amount in counts.items():
        arguments += (name, amount)
    for _index, event in events:
        arguments += _arguments(event, late_before)
    keys = [stream_key(jurisdiction_id), counts_key(jurisdiction_id)]
    letters, late = _script(settings.REDIS_URL)(keys=keys, args=arguments)
    full = (
        [_full(index, event) for (index, event), letter in zip(events, letters.decode(), strict=True) if letter == "f"]
        if b"f" in letters
        else []
    )
    return Published(letters.count(b"a"), letters.count(b"d"), late, letters.count(b"s"), tuple(full))


@cache
def _script(url: str) -> Any:
    return client().register_script(_ADD)


def _remembered_s() -> int:
    return int(settings.EVENT_DEDUPE_MINUTES * 60) + BUCKET_S


def _arguments(event: CameraEvent, late_before: datetime) -> tuple[Any, ...]:
    digest = int.from_bytes(hashlib.blake2b(event.key.encode(), digest_size=8).digest(), "big", signed=True)
    since = event.at - EPOCH
    bucket = (since.days * 86_400 + since.seconds) // BUCKET_S
    flags = ("b" if BY_CODE[event.factor].kind is Kind.BLIND else "") + ("l" if event.at < late_before else "")
    fields = to_fields(event)
    return f"{bucket}:{digest % SHARDS}", digest, flags, fields[b"1"], event.thumbnail


def _full(index: int, event: CameraEvent) -> Refusal:
    error = EventError("stream_full")
    return Refusal(index, event.key, event.camera, error.code, sentence(error))
