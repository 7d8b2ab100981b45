"""Writes of the camera registry."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely import affinity

from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.common.errors import HaechiError
from webapp.crimes.selectors import boundary_shape

BOUNDARY_SLACK_M = 500  # cameras of a neighbour's road that look in are welcome; a wrong city is not
METRES_PER_DEGREE = 111_195.0
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


# Rows that are already there as given are not written again, so that a second call changes nothing and is quick.
_UPSERT_SQL = """
INSERT INTO cameras_camera AS c (jurisdiction_id, source_id, name, point, bearing_deg, angle_deg, range_m, count, purpose,
                                 is_working, is_simulated)
SELECT %(jurisdiction)s, source_id, name, ST_SetSRID(ST_MakePoint(longitude, latitude), 4326), bearing_deg, angle_deg, range_m,
       count, purpose, is_working, is_simulated
FROM camera_staging ORDER BY position
ON CONFLICT (jurisdiction_id, source_id) DO UPDATE SET
    name = excluded.name, point = excluded.point, bearing_deg = excluded.bearing_deg, angle_deg = excluded.angle_deg,
    range_m = excluded.range_m, count = excluded.count, purpose = excluded.purpose, is_working = excluded.is_working,
    is_simulated = excluded.is_simulated
WHERE (c.name, c.point::text, c.bearing_deg, c.angle_deg, c.range_m, c.count, c.purpose, c.is_working, c.is_simulated)
    IS DISTINCT FROM (excluded.name, excluded.point::text, excluded.bearing_deg, excluded.angle_deg, excluded.range_m,
                      excluded.count, excluded.purpose, excluded.is_working, excluded.is_simulated)
"""

_STAGING_SQL = """
CREATE TEMPORARY TABLE camera_staging (position integer, source_id text, name text, longitude float8, latitude float8,
    bearing_deg float8, angle_deg float8, range_m float8, count integer, purpose text, is_working boolean, is_simulated boolean)
ON COMMIT DROP
"""


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
        cursor.execute("DROP TABLE IF EXISTS pg_temp.camera_staging")
        cursor.execute(_STAGING_SQL)
        cursor.copy_expert("COPY camera_staging FROM STDIN", _copy_lines(cameras))
        cursor.execute(_UPSERT_SQL, {"jurisdiction": jurisdiction.pk})
        changed: int = cursor.rowcount
        cursor.execute("DROP TABLE camera_staging")
    return changed


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
    """Cameras farther than the slack from the boundary, on a plane stretched so that a degree is as long both ways."""
    boundary = boundary_shape(jurisdiction=jurisdiction)
    narrowing = math.cos(math.radians(boundary.centroid.y))
    wide = affinity.scale(boundary, xfact=narrowing, yfact=1.0, origin=(0, 0)).buffer(BOUNDARY_SLACK_M / METRES_PER_DEGREE)
    shapely.prepare(wide)
    longitude = np.array([camera.longitude for camera in cameras], np.float64)
    latitude = np.array([camera.latitude for camera in cameras], np.float64)
    inside = shapely.contains_xy(wide, longitude * narrowing, latitude)
    message = _("it lies more than 500 m outside %(jurisdiction)s. Check that latitude and longitude are not swapped.")
    return [
        _error(camera, "point", message % {"jurisdiction": jurisdiction.label})
        for camera, fits in zip(cameras, inside, strict=True)
        if not fits
    ]


def _error(camera: CameraRecord, field: str, message: str) -> dict[str, str]:
    return {"camera": camera.source_id or camera.name or "?", "field": field, "message": message}


def _copy_lines(cameras: Sequence[CameraRecord]) -> io.StringIO:
    """The rows in COPY's text format."""
    lines = []
    for position, camera in enumerate(cameras):
        bearing = "\\N" if camera.bearing_deg is None else repr(float(camera.bearing_deg) % 360)
        values = (camera.longitude, camera.latitude, bearing, camera.angle_deg, camera.range_m, camera.count, camera.purpose)
        flags = ("t" if camera.is_working else "f", "t" if camera.is_simulated else "f")
        texts = (_escape(camera.source_id), _escape(camera.name))
        lines.append("\t".join(str(value) for value in (position, *texts, *values, *flags)))
    return io.StringIO("\n".join(lines) + "\n")


def _escape(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\x00", "")):
        text = text.replace(plain, escaped)
    return text
