"""Writes of the places whose people are counted: set one up, switch the public view, count the hours."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import connection, transaction
from django.utils.translation import gettext as _

from cctv.statistics import HourCounts, combine, usual_in_view
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.cameras.models import Camera, CountedPlace, PlaceHour, PublicStatistics
from webapp.cameras.place_selectors import CACHE_VERSION
from webapp.common.errors import HaechiError

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

HOUR = timedelta(hours=1)
SETTLE = timedelta(minutes=10)  # events of an hour may come late by so much
LOOK_BACK_HOURS = 6  # hours counted anew at each call, for what came later still
USUAL_WEEKS = 8
MOST_CAMERAS = 50

# One row per camera and hour. Watched is each sixth of an hour in which the camera told a count; people are told each minute.
_COUNT_SQL = """
SELECT e.camera_id, date_trunc('hour', e.at, 'UTC') AS hour,
       count(*) FILTER (WHERE e.factor = 'dwell'),
       avg(e.value) FILTER (WHERE e.factor = 'people'),
       percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY e.value) FILTER (WHERE e.factor = 'dwell'),
       count(DISTINCT floor(extract(epoch FROM e.at) / 600)) FILTER (WHERE e.factor = 'people') / 6.0
FROM cameras_cameraevent e
WHERE e.jurisdiction_id = %(jurisdiction)s AND e.camera_id = ANY(%(cameras)s) AND e.factor IN ('people', 'dwell')
  AND e.day BETWEEN %(first_day)s AND %(last_day)s AND e.at >= %(start)s AND e.at < %(end)s
GROUP BY 1, 2
"""


class PlaceError(HaechiError):
    """A place that cannot be set up so."""

    code = "place_invalid"


@dataclass(frozen=True)
class Counted:
    """How many hours were written."""

    places: int
    hours: int


@transaction.atomic
def set_place(
    *,
    jurisdiction: "Jurisdiction",
    code: str,
    name: str,
    name_en: str,
    kind: str,
    source_ids: Sequence[str],
    views_overlap: bool = False,
    is_public: bool = False,
    actor: "User | None" = None,
) -> CountedPlace:
    """Add a place, or change the one of this code. Raises `PlaceError`; nothing is half-changed."""
    cameras = _checked(jurisdiction, code, name, kind, source_ids)
    values: dict[str, Any] = {"name": name[:80], "name_en": (name_en or name)[:80], "kind": kind}
    values |= {"views_overlap": views_overlap, "is_public": is_public}
    place, added = CountedPlace.objects.of(jurisdiction).update_or_create(
        code=code, defaults=values, create_defaults=values | {"jurisdiction": jurisdiction}
    )
    place.cameras.set(cameras)
    _show_anew()
    record(
        action=AuditEntry.Action.CHANGE_PLACE,
        actor=actor,
        jurisdiction=jurisdiction,
        target=f"place:{code}",
        detail={"name": place.name, "changed": "added" if added else "changed", "after": "public" if is_public else "not public"},
    )
    return place


def _checked(jurisdiction: "Jurisdiction", code: str, name: str, kind: str, source_ids: Sequence[str]) -> list[Camera]:
    try:
        validate_slug(code)
    except ValidationError as error:
        raise PlaceError(_("“%(code)s” is no code: use letters, digits, - and _ only.") % {"code": code[:60]}) from error
    if CountedPlace.objects.exclude(jurisdiction=jurisdiction).filter(code=code).exists():
        raise PlaceError(_("The code “%(code)s” is taken. Choose another.") % {"code": code})
    if not name.strip():
        raise PlaceError(_("A place needs a name."))
    if kind not in CountedPlace.Kind.values:
        fields = {"kind": kind, "known": ", ".join(CountedPlace.Kind.values)}
        raise PlaceError(_("“%(kind)s” is no kind of place. Known are: %(known)s.") % fields, fields=fields)
    wanted = list(dict.fromkeys(source_ids))
    if not 1 <= len(wanted) <= MOST_CAMERAS:
        raise PlaceError(_("A place needs 1 to %(most)s cameras.") % {"most": MOST_CAMERAS})
    cameras = list(Camera.objects.of(jurisdiction).filter(source_id__in=wanted))
    missing = set(wanted) - {camera.source_id for camera in cameras}
    if missing:
        fields = {"camera": min(missing)}
        raise PlaceError(_("There is no camera “%(camera)s” in the register. Register it first.") % fields, fields=fields)
    return cameras


@transaction.atomic
def switch_public_statistics(*, jurisdiction: "Jurisdiction", is_on: bool, actor: "User | None" = None) -> None:
    """Let everybody see the public places of a jurisdiction, or nobody. Kept in the trail."""
    PublicStatistics.objects.update_or_create(jurisdiction=jurisdiction, defaults={"is_on": is_on, "changed_by": actor})
    _show_anew()
    record(
        action=AuditEntry.Action.CHANGE_PLACE,
        actor=actor,
        jurisdiction=jurisdiction,
        target="public statistics",
        detail={"after": "on" if is_on else "off"},
    )


def _show_anew() -> None:
    """Let go of what the public API keeps: now, and once more when others can see the change."""

    def raise_version() -> None:
        cache.set(CACHE_VERSION, time.time_ns(), None)

    raise_version()
    transaction.on_commit(raise_version)


def count_places(*, now: datetime, look_back_hours: int = LOOK_BACK_HOURS) -> Counted:
    """Count the last whole hours of every place anew; the same call twice changes nothing. Sent by beat every quarter.

    An hour is counted once it has been over for ten minutes. Events themselves may be dropped later: hours stay.
    """
    end = (now.astimezone(UTC) - SETTLE).replace(minute=0, second=0, microsecond=0)
    start = end - look_back_hours * HOUR
    by_jurisdiction: dict[int, list[CountedPlace]] = defaultdict(list)
    for place in CountedPlace.objects.select_related("jurisdiction").prefetch_related("cameras").order_by("pk"):
        by_jurisdiction[place.jurisdiction_id].append(place)
    hours = sum(_count(places, start, end) for places in by_jurisdiction.values())
    return Counted(places=sum(map(len, by_jurisdiction.values())), hours=hours)


@transaction.atomic
def _count(places: list[CountedPlace], start: datetime, end: datetime) -> int:
    cameras = {place.pk: [camera.pk for camera in place.cameras.all()] for place in places}
    found = _counts(places[0].jurisdiction_id, sorted({one for many in cameras.values() for one in many}), start, end)
    rows = [row for place in places for row in _rows(place, cameras[place.pk], found, start, end)]
    PlaceHour.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["place", "start"],
        update_fields=["passages", "in_view", "stay_low_s", "stay_median_s", "stay_high_s", "observed", "usual_in_view"],
    )
    return len(rows)


def _counts(jurisdiction_id: int, cameras: list[int], start: datetime, end: datetime) -> dict[tuple[int, datetime], HourCounts]:
    names: dict[str, Any] = {"jurisdiction": jurisdiction_id, "cameras": cameras, "start": start, "end": end}
    names |= {"first_day": start.date(), "last_day": (end - timedelta(microseconds=1)).date()}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SQL, names)
        return {
            (camera, hour): HourCounts(passages, in_view, tuple(stay) if stay else None, float(observed))
            for camera, hour, passages, in_view, stay, observed in cursor.fetchall()
        }


def _rows(
    place: CountedPlace,
    cameras: list[int],
    found: dict[tuple[int, datetime], HourCounts],
    start: datetime,
    end: datetime,
) -> Iterator[PlaceHour]:
    """Hours in which any of the place's cameras was watched; a camera that told nothing was not watched."""
    usual: dict[int, float] | None = None
    hour = start
    while hour < end:
        told = [found.get((camera, hour)) for camera in cameras]
        if any(told):
            if usual is None:
                usual = _usual(place, start)
            counts = combine([one or HourCounts(0, None, None, 0.0) for one in told], views_overlap=place.views_overlap)
            low, middle, high = counts.stay_s or (None, None, None)
            yield PlaceHour(
                jurisdiction_id=place.jurisdiction_id,
                place=place,
                start=hour,
                passages=counts.passages,
                in_view=counts.in_view,
                stay_low_s=low,
                stay_median_s=middle,
                stay_high_s=high,
                observed=min(counts.observed, 1.0),
                usual_in_view=usual.get(_hour_of_week(place, hour)),
            )
        hour += HOUR


def _usual(place: CountedPlace, before: datetime) -> dict[int, float]:
    """Usual people in view by hour of the week (0: Monday 0–1 local), from the eight weeks before; empty where unknown."""
    known = PlaceHour.objects.of(place.jurisdiction).filter(
        place=place,
        start__gte=before - timedelta(weeks=USUAL_WEEKS),
        start__lt=before,
        observed__gte=0.5,
        in_view__isnull=False,
    )
    rows = list(known.values_list("start", "in_view"))
    hours = np.array([_hour_of_week(place, start) for start, _number in rows], np.int64)
    usual = usual_in_view(hours, np.array([number for _start, number in rows], np.float64))
    return {} if usual is None else dict(enumerate(usual.tolist()))


def _hour_of_week(place: CountedPlace, hour: datetime) -> int:
    local = hour.astimezone(place.jurisdiction.zone)
    return local.weekday() * 24 + local.hour
