"""One camera's last hour: events by minute and factor, beside what is usual at this hour of the week."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from cctv.factors import BY_CODE, FACTORS
from webapp.cameras.models import Camera
from webapp.common.errors import NotFound
from webapp.live import keys
from webapp.live.selectors.cells import camera_state, last_at_of
from webapp.live.selectors.picture import LiveAway, arrays_of, kept

if TYPE_CHECKING:
    from webapp.accounts.models import User

MINUTES = 60
# By the index on (camera, at) within one or two days' partitions: 3,600 rows an hour at one event a second, 4 ms.
_MINUTES_SQL = """
SELECT factor, floor(extract(epoch FROM at - %(start)s) / 60)::int, count(*), avg(value)
FROM cameras_cameraevent
WHERE jurisdiction_id = %(jurisdiction)s AND camera_id = %(camera)s AND day BETWEEN %(first)s AND %(last)s
  AND at >= %(start)s AND at < %(end)s
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class FactorHour:
    """One factor: events and mean value of each minute (None where there was none), and its usual events an hour (None:
    unknown, or a measure)."""

    factor: str
    kind: str
    unit: str
    counts: list[int]
    values: list[float | None]
    usual_per_hour: float | None


@dataclass(frozen=True)
class CameraHour:
    """start: of the first minute. state and last_at as the fusion knows them; state "unknown" where it does not run."""

    camera: Camera
    start: datetime
    state: str
    last_at: datetime | None
    factors: list[FactorHour]


def camera_last_hour(*, user: "User", camera_id: int, now: datetime | None = None) -> CameraHour:
    """The last 60 whole minutes of a camera of the person's jurisdiction, the minute that is on included. Raises `NotFound`."""
    camera = Camera.objects.visible_to(user).filter(pk=camera_id).first()
    if camera is None:
        raise NotFound(_("There is no such camera."))
    now = now or timezone.now()
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    end = start + timedelta(minutes=MINUTES)
    counts: dict[str, list[int]] = {}
    values: dict[str, list[float | None]] = {}
    with connection.cursor() as cursor:
        names: dict[str, Any] = {"jurisdiction": camera.jurisdiction_id, "camera": camera.pk, "start": start, "end": end}
        cursor.execute(_MINUTES_SQL, names | {"first": start.date(), "last": end.date()})
        for factor, minute, count, value in cursor.fetchall():
            counts.setdefault(factor, [0] * MINUTES)[minute] = count
            values.setdefault(factor, [None] * MINUTES)[minute] = None if value is None else round(float(value), 3)
    state, last_at, usual = _live(camera)
    shown = [factor.code for factor in FACTORS if factor.code in counts]
    factors = [
        FactorHour(code, BY_CODE[code].kind, BY_CODE[code].unit, counts[code], values[code], usual.get(code)) for code in shown
    ]
    return CameraHour(camera, start, state, last_at, factors)


def _live(camera: Camera) -> tuple[str, datetime | None, Mapping[str, float]]:
    """State, last word, and usual events an hour by factor; nothing of it where the fusion does not run."""
    try:
        frame, levels = kept(keys.frame(camera.jurisdiction_id), keys.levels(camera.jurisdiction_id))
    except LiveAway:
        frame = levels = None
    if frame is None or levels is None:
        return "unknown", None, {}
    fixed, now = arrays_of(frame), arrays_of(levels)
    places = np.flatnonzero(fixed["cameras"] == camera.pk)
    if not len(places) or now["level"].shape[0] != len(fixed["cameras"]):
        return "unknown", None, {}
    row = int(places[0])
    rates = now["rate"][row].astype(np.float64)
    usual = {str(code): round(float(rate), 3) for code, rate in zip(fixed["factors"], rates, strict=True)}
    return camera_state(now, row), last_at_of(now, row), usual
