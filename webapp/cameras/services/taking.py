"""An uploaded camera register into the registry: rows at one point with one purpose become one site of several cameras."""

from typing import Any

from django.db import connection

from ingestion.cameras import CameraRow, UnitTally, read_cameras
from ingestion.records import collect, open_table
from ingestion.records_copy import copy_lines
from ingestion.records_points import with_slack
from ingestion.report import Report
from ingestion.writer import write_findings
from webapp.cameras.services.storing import BOUNDARY_SLACK_M, create_staging, store_staged
from webapp.common.intake import Intake
from webapp.crimes.selectors import boundary_shape

_CREATE = """
CREATE TEMPORARY TABLE incoming_camera (line integer, site text, name text, longitude float8, latitude float8,
    bearing_deg float8, angle_deg float8, range_m float8, count integer, purpose text, is_working boolean, details jsonb)
ON COMMIT DROP
"""
# The first row of a site names it. Cameras of one site that look different ways see all round between them.
_MERGE = """
INSERT INTO camera_staging (source_id, name, longitude, latitude, bearing_deg, angle_deg, range_m, count, purpose,
                            is_working, is_simulated, details)
SELECT site, (array_agg(name ORDER BY line))[1], (array_agg(longitude ORDER BY line))[1],
       (array_agg(latitude ORDER BY line))[1],
       CASE WHEN count(DISTINCT coalesce(bearing_deg, -1)) = 1 THEN min(bearing_deg) END,
       CASE WHEN count(DISTINCT (coalesce(bearing_deg, -1), angle_deg)) = 1 THEN min(angle_deg) ELSE 360 END,
       max(range_m), least(sum(count), 32767), (array_agg(purpose ORDER BY line))[1], bool_or(is_working), false,
       (array_agg(details ORDER BY line))[1] || jsonb_build_object('lines', jsonb_agg(line ORDER BY line))
FROM incoming_camera GROUP BY site
"""


def take_cameras(intake: Intake) -> Report:
    """Take a camera register in. Raises `FileRefused`; the caller holds the transaction.

    The report's sums: `cameras` and `sites` of the file, `added` and `changed` sites of the registry.
    """
    jurisdiction = intake.jurisdiction
    table = open_table(
        intake.path, file_name=intake.file_name, max_content_bytes=intake.max_content_bytes, mapping=intake.mapping
    )
    boundary = with_slack(boundary_shape(jurisdiction=jurisdiction), BOUNDARY_SLACK_M)
    tally = UnitTally()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_camera")
        cursor.execute(_CREATE)
        create_staging(cursor)

        def write(records: list[CameraRow]) -> None:
            tally.add(records)
            cursor.copy_expert("COPY incoming_camera FROM STDIN", copy_lines(map(_incoming, records)))

        report = collect(
            read_cameras(table, intake.mapping, boundary),
            write=write,
            write_findings=lambda findings: write_findings(cursor, upload_id=intake.upload_id, findings=findings),
            progress=intake.progress,
        )
        cursor.execute(_MERGE)
        sites: int = cursor.rowcount
        stored = store_staged(cursor, jurisdiction_id=jurisdiction.pk, upload_id=intake.upload_id)
        cursor.execute("DROP TABLE incoming_camera")
    report.columns = len(table.header)
    report.warn(tally.warning(sites), tally.rows, [])
    report.sums = {"cameras": tally.cameras, "sites": sites, "added": stored.added, "changed": stored.changed}
    report.quality = {"located": report.accepted / report.rows} if report.rows else {}
    return report


def _incoming(row: CameraRow) -> tuple[Any, ...]:
    """A row as it goes into `incoming_camera`."""
    place = (row.longitude, row.latitude, row.bearing_deg, row.angle_deg, row.range_m)
    return (row.line, row.site, row.name, *place, row.count, row.purpose, row.is_working, row.details)
