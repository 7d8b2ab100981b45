"""An uploaded file of outlines into the areas' table: added, or renewed by kind and code."""

from typing import Any

import shapely
from django.db import connection

from ingestion.areas import AreaRow, read_areas
from ingestion.places import Boundary
from ingestion.records import collect, open_table
from ingestion.records_copy import copy_lines
from ingestion.report import Report
from ingestion.writer import write_findings
from webapp.common.intake import Intake, keep_before
from webapp.crimes.selectors import boundary_shape

TABLE = "crimes_area"

_CREATE = """
CREATE TEMPORARY TABLE incoming_area (kind text, code text, name text, name_en text, codes jsonb,
    boundary geometry(MultiPolygon, 4326))
ON COMMIT DROP
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('crimes_area'), %(jurisdiction)s::int)"
_CHANGED = """
SELECT a.id FROM crimes_area a JOIN incoming_area n USING (kind, code)
WHERE a.jurisdiction_id = %(jurisdiction)s
  AND (a.name, a.name_en, a.codes, ST_AsBinary(a.boundary)) IS DISTINCT FROM (n.name, n.name_en, n.codes, ST_AsBinary(n.boundary))
ORDER BY a.id
"""
_UPDATE = """
UPDATE crimes_area a SET name = n.name, name_en = n.name_en, codes = n.codes, boundary = n.boundary, upload_id = %(upload)s
FROM incoming_area n WHERE a.kind = n.kind AND a.code = n.code AND a.id = ANY(%(ids)s)
"""
_INSERT = """
INSERT INTO crimes_area (jurisdiction_id, upload_id, kind, code, name, name_en, codes, boundary)
SELECT %(jurisdiction)s, %(upload)s, n.kind, n.code, n.name, n.name_en, n.codes, n.boundary FROM incoming_area n
WHERE NOT EXISTS (SELECT 1 FROM crimes_area a
                  WHERE a.jurisdiction_id = %(jurisdiction)s AND a.kind = n.kind AND a.code = n.code)
ORDER BY n.code COLLATE "C"
"""


def take_areas(intake: Intake) -> Report:
    """Take outlines in. Raises `FileRefused`; the caller holds the transaction. Sums: `added` and `changed` areas.

    The jurisdiction's own boundary stays as it is: its cells, forecasts and plans rest on it.
    """
    table = open_table(
        intake.path, file_name=intake.file_name, max_content_bytes=intake.max_content_bytes, mapping=intake.mapping
    )
    outline = boundary_shape(jurisdiction=intake.jurisdiction)
    shapely.prepare(outline)
    names: dict[str, Any] = {"jurisdiction": intake.jurisdiction.pk, "upload": intake.upload_id}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_area")
        cursor.execute(_CREATE)
        report = collect(
            read_areas(table, intake.mapping, Boundary(outline)),
            write=lambda rows: cursor.copy_expert("COPY incoming_area FROM STDIN", copy_lines(map(_incoming, rows))),
            write_findings=lambda findings: write_findings(cursor, upload_id=intake.upload_id, findings=findings),
            progress=intake.progress,
        )
        cursor.execute(_LOCK, names)
        cursor.execute(_CHANGED, names)
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            keep_before(upload_id=intake.upload_id, table=TABLE, row_ids=ids)
            cursor.execute(_UPDATE, names | {"ids": ids})
        cursor.execute(_INSERT, names)
        report.sums = {"added": cursor.rowcount, "changed": len(ids)}
        cursor.execute("DROP TABLE incoming_area")
    report.columns = len(table.header)
    return report


def _incoming(row: AreaRow) -> tuple[Any, ...]:
    """A row as it goes into `incoming_area`."""
    shape = shapely.to_wkb(shapely.set_srid(row.boundary, 4326), hex=True, include_srid=True)
    return (row.kind, row.code, row.name, row.name_en, row.codes, shape)
