"""The writer: takes events from the stream, stores them, and only then acknowledges them.

Killed between the two it gets them again, and the table's key refuses what is there. While the database is away or its disk
is full it waits, says so, and keeps its place; the stream holds what comes meanwhile, up to its bound.
"""

import io
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from redis.exceptions import RedisError

from cctv.events import CameraEvent
from webapp.accounts.models import Jurisdiction
from webapp.cameras.camera_ids import camera_ids
from webapp.cameras.services.event_days import ensure_days
from webapp.cameras.stream import Entry, EventReader, Group, count, say_writer, trim

logger = logging.getLogger(__name__)

MOST = 2000  # events a transaction: 40 MB if each had a thumbnail
GATHER_S = 0.2  # a round is at least so long, so that few events do not make many transactions
TEND_EVERY_S = 1.0
JURISDICTIONS_EVERY_S = 10.0
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
DISK_FULL = "53100"  # SQLSTATE

_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS event_staging (jurisdiction_id bigint, day date, key text, camera_id bigint, at text,
    received_at text, factor text, confidence real, value real, box text, track text, lon float8, lat float8, model text,
    is_late boolean, jpeg text)
ON COMMIT DELETE ROWS
"""
# In the order of the key, so that two writers with the same events wait for one another instead of dead-locking.
_EVENTS = """
INSERT INTO cameras_cameraevent (jurisdiction_id, day, key, camera_id, at, received_at, factor, confidence, value, box, track,
                                 point, model, is_late)
SELECT jurisdiction_id, day, key, camera_id, at::timestamptz, received_at::timestamptz, factor, confidence, value, box::real[],
       track, CASE WHEN lon IS NOT NULL THEN ST_SetSRID(ST_MakePoint(lon, lat), 4326) END, model, is_late
FROM event_staging ORDER BY jurisdiction_id, day, key
ON CONFLICT DO NOTHING
"""
_THUMBNAILS = """
INSERT INTO cameras_eventthumbnail (jurisdiction_id, day, key, at, jpeg)
SELECT s.jurisdiction_id, s.day, s.key, e.at, decode(s.jpeg, 'hex')
FROM event_staging s JOIN cameras_cameraevent e USING (jurisdiction_id, day, key)
WHERE s.jpeg IS NOT NULL ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""


class EventWriter:
    """One writer; several may run at once, under different names. `round()` for ever, or until `stop()`."""

    def __init__(self, consumer: str):
        self.reader = EventReader([], Group.WRITER, consumer)
        self.written = 0
        self._known_days: set[date] = set()
        self._next_tend = self._next_jurisdictions = 0.0
        self._wait_s = 0.0
        self._stopping = False

    def stop(self) -> None:
        """End after the round that is on."""
        self._stopping = True

    def run(self) -> None:
        while not self._stopping:
            self.round()

    def round(self, *, block_ms: int = 1000) -> int:
        """Read, store, acknowledge; how many entries. Waits where there is nothing, or where a service is away."""
        started = time.monotonic()
        self._refresh_jurisdictions(started)
        entries = self.reader.read(MOST, block_ms)
        if entries and self._is_stored(entries):
            self.reader.acknowledge((jurisdiction_id, entry_id) for jurisdiction_id, entry_id, _ in entries)
        self._tend(entries)
        if len(entries) < MOST:
            time.sleep(max(0.0, min(GATHER_S, block_ms / 1000) - (time.monotonic() - started)))
        return len(entries)

    def _is_stored(self, entries: list[Entry]) -> bool:
        """Store, waiting as long as the database is away. False only where it is stopped while it waits."""
        while True:
            try:
                self.written += self._store(entries)
                break
            except (OperationalError, InterfaceError) as error:
                self._wait(entries, error)
                if self._stopping:
                    return False
        if self._wait_s:
            logger.info("the database takes events again")
            self._wait_s = 0.0
        return True

    def _store(self, entries: Sequence[Entry]) -> int:
        """Where the database refuses a value, it is found by halves, left out, counted and named in the log."""
        try:
            return store(entries, ensure=self._ensure)
        except (DataError, IntegrityError) as error:
            self._known_days.clear()  # a day may have been dropped meanwhile
            if len(entries) > 1:
                half = len(entries) // 2
                return self._store(entries[:half]) + self._store(entries[half:])
            jurisdiction_id, entry_id, event = entries[0]
            logger.error(
                "event %s (entry %s of jurisdiction %d) cannot be stored: %s", event.key, entry_id, jurisdiction_id, error
            )
            count(jurisdiction_id, unstorable=1)
            return 0

    def _wait(self, entries: list[Entry], error: Exception) -> None:
        why = "its disk is full" if getattr(error.__cause__, "pgcode", "") == DISK_FULL else "it cannot be reached"
        if not self._wait_s:
            logger.error("events cannot be stored: the database refuses, %s; the writer waits (%s)", why, str(error).strip())
        connection.close()
        self._known_days.clear()
        self._wait_s = min(max(self._wait_s * 2, SHORTEST_WAIT_S), LONGEST_WAIT_S)
        for jurisdiction_id in {jurisdiction_id for jurisdiction_id, _, _ in entries}:
            say_writer(jurisdiction_id, at=time.time(), state="waiting", why=why, waiting=len(entries))
        time.sleep(self._wait_s)

    def _refresh_jurisdictions(self, now: float) -> None:
        if now < self._next_jurisdictions:
            return
        for last in (False, True):  # a connection that broke while nothing was to do is made anew at once
            try:
                self.reader.jurisdiction_ids = list(Jurisdiction.objects.order_by("pk").values_list("pk", flat=True))
                self._next_jurisdictions = now + JURISDICTIONS_EVERY_S
                return
            except (OperationalError, InterfaceError) as error:
                connection.close()
                if last:
                    logger.warning("the jurisdictions cannot be read: %s", str(error).strip())
                    self._next_jurisdictions = now + SHORTEST_WAIT_S

    def _tend(self, entries: list[Entry]) -> None:
        """Once a second: let the streams go behind both groups, and say that the writer lives."""
        if time.monotonic() < self._next_tend:
            return
        self._next_tend = time.monotonic() + TEND_EVERY_S
        now_s = time.time()
        last = {jurisdiction_id: _received_s(entry_id) for jurisdiction_id, entry_id, _ in entries}
        for jurisdiction_id in self.reader.jurisdiction_ids:
            try:
                trim(jurisdiction_id, now_s=now_s)
            except RedisError as error:
                logger.debug("the stream of %d was not trimmed: %s", jurisdiction_id, error)
                return
            lag_s = max(0.0, now_s - last[jurisdiction_id]) if jurisdiction_id in last else 0.0
            say_writer(jurisdiction_id, at=now_s, state="ok", why="", lag_s=round(lag_s, 3))

    def _ensure(self, days: set[date]) -> None:
        missing = days - self._known_days
        if missing:
            ensure_days(missing)
            self._known_days |= missing


def store(entries: Sequence[Entry], *, ensure: Callable[[set[date]], object] = ensure_days) -> int:
    """Store events in one transaction; returns how many are new. `ensure`: makes the partitions of some days.

    Events of cameras that left the register meanwhile, and those too old to be kept, are dropped and counted.
    """
    rows = _rows(entries)
    if not rows:
        return 0
    ensure({row[1] for row in rows})
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STAGING)
        cursor.copy_expert("COPY event_staging FROM STDIN", _lines(rows))
        cursor.execute(_EVENTS)
        new: int = cursor.rowcount
        if any(row[-1] is not None for row in rows):
            cursor.execute(_THUMBNAILS)
        if connection.savepoint_ids:  # part of a larger transaction, whose end would come too late
            cursor.execute("TRUNCATE event_staging")
    return new


def _rows(entries: Iterable[Entry]) -> list[tuple[Any, ...]]:
    """As they go into `event_staging`."""
    rows = []
    late = timedelta(minutes=settings.EVENT_LATE_MINUTES)
    oldest = datetime.now(UTC) - timedelta(days=settings.EVENT_DAYS)
    for jurisdiction_id, entry_id, event in entries:
        camera_id = camera_ids(jurisdiction_id).get(event.camera)
        if camera_id is None or event.at < oldest:
            count(jurisdiction_id, unstorable=1)
            continue
        received = datetime.fromtimestamp(_received_s(entry_id), UTC)
        rows.append(_row(jurisdiction_id, camera_id, event, received, received - event.at > late))
    return rows


def _row(jurisdiction_id: int, camera_id: int, event: CameraEvent, received: datetime, is_late: bool) -> tuple[Any, ...]:
    at = event.at.astimezone(UTC)
    box = None if event.box is None else "{" + ",".join(map(repr, event.box)) + "}"
    jpeg = event.thumbnail.hex() if event.thumbnail and settings.THUMBNAIL_HOURS else None
    place = (event.track, event.lon, event.lat, event.model)
    head = (jurisdiction_id, at.date(), event.key, camera_id, at.isoformat(), received.isoformat())
    return (*head, event.factor, event.confidence, event.value, box, *place, is_late, jpeg)


def _lines(rows: list[tuple[Any, ...]]) -> io.BytesIO:
    """As COPY reads them. Texts of events are printable, so that only the backslash is special; a row takes 4 µs."""
    text = "".join(
        ["\t".join(["\\N" if value is None else str(value).replace("\\", "\\\\") for value in row]) + "\n" for row in rows]
    )
    return io.BytesIO(text.encode("utf-8", "replace"))


def _received_s(entry_id: bytes) -> float:
    return int(entry_id.partition(b"-")[0]) / 1000
