"""An uploaded register of places into the places' table: equal rows become one place with their numbers added up."""

from typing import Any

from django.db import connection

from ingestion.errors import FileRefused
from ingestion.places_file import PlaceRow, read_places
from ingestion.records import collect, open_table
from ingestion.records_copy import copy_lines
from ingestion.records_points import with_slack
from ingestion.report import Report
from ingestion.writer import write_findings
from webapp.common.intake import Intake, keep_before
from webapp.crimes.geocoding.services import find_places
from webapp.crimes.models import PlaceKind
from webapp.crimes.selectors import boundary_shape
from webapp.crimes.services.place_kinds import ensure_place_kinds

TABLE = "crimes_place"
BOUNDARY_SLACK_M = 500  # a bar or a lamp across the border road bears on this side too

_CREATE = """
CREATE TEMPORARY TABLE incoming_place (line integer, source_id text, name text, longitude float8, latitude float8,
    address text, count bigint, opened_on date, closed_on date, details jsonb)
ON COMMIT DROP
"""
# The first row of a place says what it is. Both tables have this column order.
_MERGE = """
CREATE TEMPORARY TABLE merged_place ON COMMIT DROP AS
SELECT source_id, (array_agg(name ORDER BY line))[1] AS name,
       ST_SetSRID(ST_MakePoint((array_agg(longitude ORDER BY line))[1], (array_agg(latitude ORDER BY line))[1]), 4326) AS point,
       (array_agg(address ORDER BY line))[1] AS address, least(sum(count), 2147483647)::int AS count,
       (array_agg(opened_on ORDER BY line))[1] AS opened_on, (array_agg(closed_on ORDER BY line))[1] AS closed_on,
       (array_agg(details ORDER BY line))[1] AS details
FROM incoming_place GROUP BY source_id
"""
_INDEX = "CREATE UNIQUE INDEX ON merged_place (source_id)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('crimes_place'), %(jurisdiction)s::int)"
# Rows that are there as given are not written again: the same register a second time changes nothing.
_CHANGED = """
SELECT p.id FROM crimes_place p JOIN merged_place m USING (source_id)
WHERE p.jurisdiction_id = %(jurisdiction)s AND p.kind = %(kind)s
  AND (p.name, p.geometry::text, p.address, p.count, p.opened_on, p.closed_on, p.details)
    IS DISTINCT FROM (m.name, m.point::text, m.address, m.count, m.opened_on, m.closed_on, m.details)
ORDER BY p.id
"""
_UPDATE = """
UPDATE crimes_place p SET name = m.name, geometry = m.point, address = m.address, count = m.count, opened_on = m.opened_on,
    closed_on = m.closed_on, details = m.details, upload_id = %(upload)s
FROM merged_place m WHERE p.source_id = m.source_id AND p.id = ANY(%(ids)s)
"""
_INSERT = """
INSERT INTO crimes_place (jurisdiction_id, upload_id, kind, source_id, name, name_en, geometry, address, count, opened_on,
                          closed_on, details)
SELECT %(jurisdiction)s, %(upload)s, %(kind)s, m.source_id, m.name, '', m.point, m.address, m.count, m.opened_on,
       m.closed_on, m.details
FROM merged_place m
WHERE NOT EXISTS (SELECT 1 FROM crimes_place p
                  WHERE p.jurisdiction_id = %(jurisdiction)s AND p.kind = %(kind)s AND p.source_id = m.source_id)
ORDER BY m.source_id COLLATE "C"
"""


def take_places(intake: Intake) -> Report:
    """Take a register of places in. Raises `FileRefused`; the caller holds the transaction.

    The report's sums: `items` (numbers added up) and `places` of the file, `added` and `changed` places of the table.
    """
    kind = _kind(intake)
    table = open_table(
        intake.path, file_name=intake.file_name, max_content_bytes=intake.max_content_bytes, mapping=intake.mapping
    )
    boundary = with_slack(boundary_shape(jurisdiction=intake.jurisdiction), BOUNDARY_SLACK_M)
    items = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming_place, pg_temp.merged_place")
        cursor.execute(_CREATE)

        def write(records: list[PlaceRow]) -> None:
            nonlocal items
            items += sum(one.count for one in records)
            cursor.copy_expert("COPY incoming_place FROM STDIN", copy_lines(map(_incoming, records)))

        report = collect(
            read_places(table, intake.mapping, boundary, find=find_places(jurisdiction=intake.jurisdiction)),
            write=write,
            write_findings=lambda findings: write_findings(cursor, upload_id=intake.upload_id, findings=findings),
            progress=intake.progress,
        )
        sums = _store(cursor, {"jurisdiction": intake.jurisdiction.pk, "upload": intake.upload_id, "kind": kind})
    report.columns = len(table.header)
    report.sums = {"items": items, **sums}
    report.quality = {"located": report.accepted / report.rows} if report.rows else {}
    return report


def _kind(intake: Intake) -> str:
    """The kind of place that the mapping names. Raises `FileRefused` where it is none of the jurisdiction's."""
    ensure_place_kinds(jurisdiction=intake.jurisdiction)
    kind = intake.mapping.place_kind
    if not PlaceKind.objects.of(intake.jurisdiction).filter(code=kind).exists():
        raise FileRefused("place_kind_missing", file=intake.file_name)
    return kind


def _store(cursor: Any, names: dict[str, Any]) -> dict[str, int]:
    cursor.execute(_MERGE)
    places: int = cursor.rowcount
    cursor.execute(_INDEX)
    cursor.execute(_LOCK, names)
    cursor.execute(_CHANGED, names)
    ids = [row[0] for row in cursor.fetchall()]
    if ids:
        keep_before(upload_id=names["upload"], table=TABLE, row_ids=ids)
        cursor.execute(_UPDATE, names | {"ids": ids})
    cursor.execute(_INSERT, names)
    added: int = cursor.rowcount
    cursor.execute("DROP TABLE incoming_place, merged_place")
    return {"places": places, "added": added, "changed": len(ids)}


def _incoming(row: PlaceRow) -> tuple[Any, ...]:
    """A row as it goes into `incoming_place`."""
    place = (row.longitude, row.latitude, row.address, row.count)
    return (row.line, row.source_id, row.name, *place, row.opened_on, row.closed_on, row.details)
