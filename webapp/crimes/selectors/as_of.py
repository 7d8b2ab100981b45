"""Incidents as they stood at an earlier instant: what was taken in later is left out, what was changed since is as it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from webapp.accounts.models import Jurisdiction
from webapp.crimes.selectors.incidents import IncidentArrays, arrays_of_rows


def stood_sql(table: str, columns: Sequence[str]) -> str:
    """SQL of two common table expressions, the second of which, `stood`, holds the rows of a table as they were at `as_of`.

    Of rows that later uploads displaced it has the image from before the first of those. The caller's statement leaves out what
    was not there by then, images too, by the upload. Parameters: `jurisdiction`, `as_of`. One scan of the table with a sort, as
    for all of its rows; images are few. `table` and `columns` are names of this project's code, never of a request.
    """
    rows, images = (", ".join(f"{row}.{column}" for column in columns) for row in ("r", "(d.was)"))
    return f"""
WITH displaced AS (
    SELECT DISTINCT ON (d.row_id) d.row_id, jsonb_populate_record(NULL::{table}, d.before) AS was
    FROM common_displacedrow d JOIN imports_upload u ON u.id = d.upload_id
    WHERE d."table" = '{table}' AND u.jurisdiction_id = %(jurisdiction)s AND u.committed_at > %(as_of)s
    ORDER BY d.row_id, u.committed_at, d.id
), stood AS (
    SELECT {rows} FROM {table} r
    WHERE r.jurisdiction_id = %(jurisdiction)s AND NOT EXISTS (SELECT 1 FROM displaced d WHERE d.row_id = r.id)
    UNION ALL
    SELECT {images} FROM displaced d
)"""  # noqa: S608


_COLUMNS = ("id", "category_id", "upload_id", "cell", "occurred_from", "occurred_to", "point")
_ROWS_SQL = f"""{stood_sql("crimes_incident", _COLUMNS)}
SELECT i.* FROM stood i JOIN imports_upload u ON u.id = i.upload_id WHERE u.committed_at <= %(as_of)s
"""  # noqa: S608


@dataclass(frozen=True)
class UndoneUpload:
    """An upload that was taken in by then and has been undone since: its rows are gone."""

    id: int
    file_name: str
    undone_at: datetime


_UNDONE_SQL = """
SELECT id, file_name, undone_at FROM imports_upload
WHERE jurisdiction_id = %(jurisdiction)s AND kind = 'incidents'
  AND committed_at <= %(as_of)s AND undone_at > %(as_of)s ORDER BY id
"""


def incident_arrays_as_of(*, jurisdiction: Jurisdiction, before: datetime, as_of: datetime) -> IncidentArrays:
    """The incidents that began before `before`, as `incident_arrays` would have given them at `as_of`.

    Rows of uploads that were undone since are gone and not among them; `uploads_undone_since` names those.
    """
    return arrays_of_rows(jurisdiction=jurisdiction, rows_sql=_ROWS_SQL, names={"as_of": as_of}, before=before)


def uploads_undone_since(*, jurisdiction: Jurisdiction, as_of: datetime) -> list[UndoneUpload]:
    """The uploads of incidents that were there at `as_of` and have been undone since."""
    with connection.cursor() as cursor:
        cursor.execute(_UNDONE_SQL, {"jurisdiction": jurisdiction.pk, "as_of": as_of})
        return [UndoneUpload(*row) for row in cursor.fetchall()]


_TIMES_SQL = """
SELECT committed_at FROM imports_upload
WHERE jurisdiction_id = %(jurisdiction)s AND kind = 'incidents' AND committed_at BETWEEN %(first)s AND %(last)s
ORDER BY committed_at DESC
"""


def commit_times(*, jurisdiction: Jurisdiction, between: tuple[datetime, datetime]) -> list[datetime]:
    """When uploads of incidents were taken in, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES_SQL, {"jurisdiction": jurisdiction.pk, "first": between[0], "last": between[1]})
        return [row[0] for row in cursor.fetchall()]
