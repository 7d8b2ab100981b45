"""Cameras from a list: all of them or none, with a sentence for the first that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils.translation import gettext as _

from ingestion.records_copy import copy_lines
from ingestion.records_points import with_slack
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.cameras.services.storing import BOUNDARY_SLACK_M, create_staging, store_staged
from webapp.common.errors import HaechiError
from webapp.crimes.selectors import boundary_shape

MAX_RANGE_M = 2000
ERRORS_NAMED = 20


@dataclass(frozen=True)
class CameraRecord:
    """One camera, or one site of `count` cameras, as a register lists it.

    Position in degrees WGS84; `bearing_deg` clockwise from north, None where unknown or all round; `angle_deg` in (0, 360];
    `range_m` in (0, 2000]; `purpose` a value of `Camera.Purpose`.
    """

    source_id: str
    name: str
    longitude: float
    latitude: float
    bearing_deg: float | None = None
    angle_deg: float = 360.0
    range_m: float = 50.0
    count: int = 1
    purpose: str = Camera.Purpose.CRIME_PREVENTION
    is_working: bool = True
    is_simulated: bool = False


class CameraError(HaechiError):
    """Cameras that cannot be registered. `fields["errors"]`: the first of them as {"camera", "field", "message"}."""

    code = "camera_invalid"


@transaction.atomic
def register_cameras(*, jurisdiction: Jurisdiction, cameras: Sequence[CameraRecord]) -> int:
    """Add cameras, or bring those of the same `source_id` up to date; returns how many rows were added or changed.

    All or nothing. Cameras of the jurisdiction that are not in the list stay as they are. Raises `CameraError`, which names
    the first wrong cameras and what is wrong with each.
    """
    _check(jurisdiction, cameras)
    if not cameras:
        return 0
    with connection.cursor() as cursor:
        create_staging(cursor)
        cursor.copy_expert("COPY camera_staging FROM STDIN", copy_lines(map(_staged, cameras)))
        stored = store_staged(cursor, jurisdiction_id=jurisdiction.pk)
    return stored.added + stored.changed


def _check(jurisdiction: Jurisdiction, cameras: Sequence[CameraRecord]) -> None:
    errors = [error for camera in cameras for error in _wrong_values(camera)]
    errors += _repeated(cameras)
    if not errors:
        errors = _outside(jurisdiction, cameras)
    if errors:
        first = errors[0]
        message = _("Camera %(camera)s: %(message)s Nothing was registered; correct the list and send it again.") % first
        raise CameraError(message, fields={"count": len(errors), "errors": errors[:ERRORS_NAMED]})


def _wrong_values(camera: CameraRecord) -> list[dict[str, str]]:
    """What is wrong with the values of one camera, each for itself."""
    bearing = camera.bearing_deg
    rules = {
        "source_id": (0 < len(camera.source_id) <= 80, _("it needs a number of its own, of at most 80 characters.")),
        "name": (0 < len(camera.name) <= 120, _("it needs a name of at most 120 characters.")),
        "longitude": (-180 <= camera.longitude <= 180, _("its longitude must be a number from -180 to 180.")),
        "latitude": (-90 <= camera.latitude <= 90, _("its latitude must be a number from -90 to 90.")),
        "bearing_deg": (
            bearing is None or 0 <= bearing <= 360,
            _("its direction must be degrees clockwise from north, from 0 to 360, or be left empty where unknown."),
        ),
        "angle_deg": (0 < camera.angle_deg <= 360, _("its angle of view must be above 0 and at most 360 degrees.")),
        "range_m": (0 < camera.range_m <= MAX_RANGE_M, _("its range must be above 0 and at most 2000 metres.")),
        "count": (1 <= camera.count <= 1000, _("its number of cameras must be from 1 to 1000.")),
        "purpose": (camera.purpose in Camera.Purpose.values, _("its purpose is none of the known ones.")),
    }
    return [_error(camera, field, message) for field, (fits, message) in rules.items() if not fits]


def _repeated(cameras: Sequence[CameraRecord]) -> list[dict[str, str]]:
    seen: set[str] = set()
    errors = []
    for camera in cameras:
        if camera.source_id in seen:
            errors.append(_error(camera, "source_id", _("this number stands in the list twice.")))
        seen.add(camera.source_id)
    return errors


def _outside(jurisdiction: Jurisdiction, cameras: Sequence[CameraRecord]) -> list[dict[str, str]]:
    """Cameras farther than the slack from the boundary."""
    boundary = with_slack(boundary_shape(jurisdiction=jurisdiction), BOUNDARY_SLACK_M)
    longitude = np.array([camera.longitude for camera in cameras], np.float64)
    latitude = np.array([camera.latitude for camera in cameras], np.float64)
    inside = boundary.holds(latitude, longitude)
    message = _("it lies more than 500 m outside %(jurisdiction)s. Check that latitude and longitude are not swapped.")
    return [
        _error(camera, "point", message % {"jurisdiction": jurisdiction.label})
        for camera, fits in zip(cameras, inside, strict=True)
        if not fits
    ]


def _error(camera: CameraRecord, field: str, message: str) -> dict[str, str]:
    return {"camera": camera.source_id or camera.name or "?", "field": field, "message": message}


def _staged(camera: CameraRecord) -> tuple[Any, ...]:
    """A camera as a row of the staging table. No details: those of an upload stay as they are."""
    bearing = None if camera.bearing_deg is None else float(camera.bearing_deg) % 360
    place = (camera.longitude, camera.latitude, bearing, camera.angle_deg, camera.range_m)
    state = (camera.count, camera.purpose, camera.is_working, camera.is_simulated, None)
    return (camera.source_id, camera.name, *place, *state)
