"""Reads of the camera registry."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from django.db import connection

from webapp.cameras.stream_selectors import camera_still

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import Jurisdiction, User

__all__ = ["CameraArrays", "camera_still", "cameras_geojson", "working_cameras"]

FloatColumn = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CameraArrays:
    """The working cameras of a jurisdiction, ordered by source_id; one array a column, all of length `cameras`.

    lon, lat: degrees WGS84. bearing_deg: clockwise from north, NaN where unknown or all round.
    """

    id: npt.NDArray[np.int64]
    lon: FloatColumn
    lat: FloatColumn
    bearing_deg: FloatColumn
    angle_deg: FloatColumn
    range_m: FloatColumn

    def __len__(self) -> int:
        return len(self.id)


# 12 ms for 4,000 cameras, against about a second through model instances and a serializer.
_GEOJSON_SQL = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
    'type', 'Feature',
    'id', c.id,
    'geometry', json_build_object('type', 'Point', 'coordinates',
                                  json_build_array(round(ST_X(c.point)::numeric, 7), round(ST_Y(c.point)::numeric, 7))),
    'properties', json_build_object('id', c.id, 'source_id', c.source_id, 'name', c.name, 'bearing_deg', c.bearing_deg,
                                    'angle_deg', c.angle_deg, 'range_m', c.range_m, 'count', c.count, 'purpose', c.purpose,
                                    'is_working', c.is_working, 'is_simulated', c.is_simulated)
) ORDER BY c.source_id COLLATE "C"), '[]'::json))::text
FROM cameras_camera c WHERE c.jurisdiction_id = %(jurisdiction)s
"""

_ARRAYS_SQL = """
SELECT id, ST_X(point), ST_Y(point), coalesce(bearing_deg, 'NaN'::float8), angle_deg, range_m
FROM cameras_camera WHERE jurisdiction_id = %(jurisdiction)s AND is_working
ORDER BY source_id COLLATE "C"
"""


def cameras_geojson(*, user: "User | AnonymousUser") -> str:
    """All cameras of the person's jurisdiction, working or not, as a GeoJSON FeatureCollection (text)."""
    with connection.cursor() as cursor:
        cursor.execute(_GEOJSON_SQL, {"jurisdiction": getattr(user, "jurisdiction_id", None)})
        text: str = cursor.fetchone()[0]
    return text


def working_cameras(*, jurisdiction: "Jurisdiction") -> CameraArrays:
    """The cameras that a plan can choose from, in a fixed order."""
    with connection.cursor() as cursor:
        cursor.execute(_ARRAYS_SQL, {"jurisdiction": jurisdiction.pk})
        rows = cursor.fetchall()
    columns = np.array([row[1:] for row in rows], np.float64).reshape(-1, 5).T
    return CameraArrays(np.array([row[0] for row in rows], np.int64), *columns)
