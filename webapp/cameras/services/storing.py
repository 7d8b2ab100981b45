"""The one way in which cameras get into their table: through a staging table, and only what differs is written."""

from dataclasses import dataclass
from typing import Any

from webapp.common.intake import keep_before

TABLE = "cameras_camera"
BOUNDARY_SLACK_M = 500  # cameras of a neighbour's road that look in are welcome; a wrong city is not

_CREATE = """
CREATE TEMPORARY TABLE camera_staging (source_id text PRIMARY KEY, name text, longitude float8, latitude float8,
    bearing_deg float8, angle_deg float8, range_m float8, count integer, purpose text, is_working boolean,
    is_simulated boolean, details jsonb)
ON COMMIT DROP
"""
# Two registers at once would both find a camera missing; the lock ends with the transaction.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('cameras_camera'), %(jurisdiction)s::int)"

# Rows that are there as given are not written again, so that a second call changes nothing and is quick. Line numbers do
# not count: the same camera in another line of a later register is the same camera.
_CHANGED = """
SELECT c.id FROM cameras_camera c JOIN camera_staging s USING (source_id)
WHERE c.jurisdiction_id = %(jurisdiction)s
  AND (c.name, c.point::text, c.bearing_deg, c.angle_deg, c.range_m, c.count, c.purpose, c.is_working, c.is_simulated,
       c.details - 'lines')
    IS DISTINCT FROM (s.name, ST_SetSRID(ST_MakePoint(s.longitude, s.latitude), 4326)::text, s.bearing_deg, s.angle_deg,
                      s.range_m, s.count, s.purpose, s.is_working, s.is_simulated, coalesce(s.details, c.details) - 'lines')
ORDER BY c.id
"""
_UPDATE = """
UPDATE cameras_camera c SET
    name = s.name, point = ST_SetSRID(ST_MakePoint(s.longitude, s.latitude), 4326), bearing_deg = s.bearing_deg,
    angle_deg = s.angle_deg, range_m = s.range_m, count = s.count, purpose = s.purpose, is_working = s.is_working,
    is_simulated = s.is_simulated, details = coalesce(s.details, c.details), upload_id = %(upload)s
FROM camera_staging s WHERE c.source_id = s.source_id AND c.id = ANY(%(ids)s)
"""
_INSERT = """
INSERT INTO cameras_camera (jurisdiction_id, upload_id, source_id, name, point, bearing_deg, angle_deg, range_m, count,
                            purpose, is_working, is_simulated, details)
SELECT %(jurisdiction)s, %(upload)s, s.source_id, s.name, ST_SetSRID(ST_MakePoint(s.longitude, s.latitude), 4326),
       s.bearing_deg, s.angle_deg, s.range_m, s.count, s.purpose, s.is_working, s.is_simulated, coalesce(s.details, '{}')
FROM camera_staging s
WHERE NOT EXISTS (SELECT 1 FROM cameras_camera c WHERE c.jurisdiction_id = %(jurisdiction)s AND c.source_id = s.source_id)
ORDER BY s.source_id COLLATE "C"
"""


@dataclass(frozen=True)
class Stored:
    """How many rows were added and changed."""

    added: int
    changed: int


def create_staging(cursor: Any) -> None:
    """Make the empty staging table `camera_staging`, columns as in `_CREATE`."""
    cursor.execute("DROP TABLE IF EXISTS pg_temp.camera_staging")
    cursor.execute(_CREATE)


def store_staged(cursor: Any, *, jurisdiction_id: int, upload_id: int | None = None) -> Stored:
    """Bring the registry up to date with the staged cameras; rows that an upload changes are kept as they were before."""
    names: dict[str, Any] = {"jurisdiction": jurisdiction_id, "upload": upload_id}
    cursor.execute(_LOCK, names)
    cursor.execute(_CHANGED, names)
    ids = [row[0] for row in cursor.fetchall()]
    if ids:
        if upload_id is not None:
            keep_before(upload_id=upload_id, table=TABLE, row_ids=ids)
        cursor.execute(_UPDATE, names | {"ids": ids})
    cursor.execute(_INSERT, names)
    added: int = cursor.rowcount
    cursor.execute("DROP TABLE camera_staging")
    return Stored(added, len(ids))
