"""Which cameras a jurisdiction has, remembered by the process: events name them by their number in the register."""

import logging
import time
from dataclasses import dataclass

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

KNOWN_S = 60.0  # a camera that left the register is known so long
ASK_AGAIN_S = 2.0  # a number that is not known is looked up so often: a flood of wrong ones costs one query in two seconds


@dataclass(frozen=True)
class _Known:
    ids: dict[str, int]
    at: float  # monotonic


_known: dict[int, _Known] = {}


def camera_ids(jurisdiction_id: int, *, missing: bool = False) -> dict[str, int]:
    """source_id → id of all cameras. `missing`: one was not found, so ask the register again if that is not just done.

    While the database is away, what was known last goes on being true.
    """
    known, now = _known.get(jurisdiction_id), time.monotonic()
    if known is not None and now - known.at < (ASK_AGAIN_S if missing else KNOWN_S):
        return known.ids
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT source_id, id FROM cameras_camera WHERE jurisdiction_id = %s", [jurisdiction_id])
            ids = dict(cursor.fetchall())
    except DatabaseError as error:
        if known is None:
            raise
        logger.warning("the camera register cannot be read, the last one is used: %s", error)
        ids = known.ids
    _known[jurisdiction_id] = _Known(ids, now)
    return ids


def forget_camera_ids() -> None:
    """Ask anew next time; for tests that change the register."""
    _known.clear()
