"""The partitions of the event tables: one a UTC day, made ahead, dropped when they are old enough.

Made beside the table and then attached, dropped whole: neither reads nor writes of other days wait longer than a moment.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction

logger = logging.getLogger(__name__)

EVENTS, THUMBNAILS = "cameras_cameraevent", "cameras_eventthumbnail"
AHEAD_DAYS = 3  # beat may be down for so long
LOCK = 5_710_603  # two that make the same day at once
PATIENCE = "SET LOCAL lock_timeout = '5s'"  # a partition that is being read is dropped an hour later

_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass ORDER BY c.relname
"""
_DELETE = "DELETE FROM cameras_eventthumbnail WHERE day <= %(day)s AND at < %(oldest)s"


@dataclass(frozen=True)
class Kept:
    """What a round of keeping did: partitions made and dropped, thumbnails deleted."""

    made: tuple[str, ...]
    dropped: tuple[str, ...]
    thumbnails: int


def ensure_days(days: Iterable[date]) -> tuple[str, ...]:
    """Partitions of both tables for these UTC days; the names of those that were missing."""
    made = []
    with transaction.atomic(), connection.cursor() as cursor:
        for table in (EVENTS, THUMBNAILS):
            there = set(_partitions(cursor, table))
            for day in sorted(set(days)):
                if _name(table, day) not in there:
                    _make(cursor, table, day)
                    made.append(_name(table, day))
    return tuple(made)


def keep_events(*, now: datetime) -> Kept:
    """Make the days to come, drop those older than they are kept, delete thumbnails to the hour. Safe to run at any time."""
    today = now.astimezone(UTC).date()
    made = ensure_days(today + timedelta(days=ahead) for ahead in range(-1, AHEAD_DAYS + 1))
    oldest_thumbnail = now - timedelta(hours=settings.THUMBNAIL_HOURS)
    dropped = [
        *_drop_before(EVENTS, (now - timedelta(days=settings.EVENT_DAYS)).astimezone(UTC).date()),
        *_drop_before(THUMBNAILS, oldest_thumbnail.astimezone(UTC).date()),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, {"oldest": oldest_thumbnail, "day": oldest_thumbnail.astimezone(UTC).date()})
        deleted: int = cursor.rowcount
    for name in dropped:
        logger.info("dropped %s", name)
    return Kept(made, tuple(dropped), deleted)


def _drop_before(table: str, oldest: date) -> list[str]:
    """Partitions whose whole day is before `oldest`."""
    dropped = []
    with connection.cursor() as cursor:
        names = [name for name in _partitions(cursor, table) if name < _name(table, oldest)]
    for name in names:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(PATIENCE)
                cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
        except OperationalError as error:  # somebody reads it
            logger.warning("%s is dropped an hour later: %s", name, str(error).strip())
        else:
            dropped.append(name)
    return dropped


def _make(cursor: Any, table: str, day: date) -> None:
    name = connection.ops.quote_name(_name(table, day))
    cursor.execute(PATIENCE)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    if _name(table, day) in _partitions(cursor, table):
        return
    cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    end = day + timedelta(days=1)
    cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{end}')")


def _partitions(cursor: Any, table: str) -> list[str]:
    cursor.execute(_PARTITIONS, [table])
    return [row[0] for row in cursor.fetchall()]


def _name(table: str, day: date) -> str:
    """Sorts by day."""
    return f"{table}_{day:%Y%m%d}"
