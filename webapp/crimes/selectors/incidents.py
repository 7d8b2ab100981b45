"""Reads of incidents, cells and areas for the other rooms."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from django.db import connection
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from ingestion.places import CELL_RESOLUTION as INCIDENT_RESOLUTION
from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import NotFound
from webapp.crimes.models import Area, Category, CellGrid, Incident

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User


@dataclass(frozen=True, eq=False)
class IncidentArrays:
    """Incidents of a jurisdiction in the order (occurred_from, id), one array a column.

    `cell`: UInt64[n] H3 indexes at resolution 10; `start_s`, `end_s`: Int64[n] epoch seconds UTC; `category`: Int16[n],
    index into `categories`; `lon`, `lat`: Float64[n] degrees WGS84; `sha256`: hash of all of it, which names the data a model
    has learnt from.
    """

    cell: npt.NDArray[np.uint64]
    start_s: npt.NDArray[np.int64]
    end_s: npt.NDArray[np.int64]
    category: npt.NDArray[np.int16]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    categories: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.cell)


_ROWS_SQL = "SELECT * FROM crimes_incident WHERE jurisdiction_id = %(jurisdiction)s"

# One sequential scan with a sort: 0.6 s for 320,000 rows. Packed by the server into one binary value a column, because
# building 320,000 Python tuples costs four times as much.
_ARRAYS_SQL = """
SELECT string_agg(int8send(i.cell), ''::bytea ORDER BY i.occurred_from, i.id),
       string_agg(int8send(extract(epoch FROM i.occurred_from)::bigint), ''::bytea ORDER BY i.occurred_from, i.id),
       string_agg(int8send(extract(epoch FROM i.occurred_to)::bigint), ''::bytea ORDER BY i.occurred_from, i.id),
       string_agg(int2send(c.position), ''::bytea ORDER BY i.occurred_from, i.id),
       string_agg(float8send(ST_X(i.point)), ''::bytea ORDER BY i.occurred_from, i.id),
       string_agg(float8send(ST_Y(i.point)), ''::bytea ORDER BY i.occurred_from, i.id)
FROM ({rows}) i JOIN crimes_category c ON c.id = i.category_id
WHERE %(before)s IS NULL OR i.occurred_from < %(before)s::timestamptz
"""


def incident_arrays(*, jurisdiction: Jurisdiction, before: datetime | None = None) -> IncidentArrays:
    """All incidents that began before an instant, as arrays for the prediction core."""
    return arrays_of_rows(jurisdiction=jurisdiction, rows_sql=_ROWS_SQL, names={}, before=before)


def arrays_of_rows(
    *, jurisdiction: Jurisdiction, rows_sql: str, names: dict[str, datetime], before: datetime | None
) -> IncidentArrays:
    """Rows of the form of crimes_incident that a statement of this room gives, as arrays. It may use %(jurisdiction)s."""
    categories = tuple(Category.objects.of(jurisdiction).order_by("position").values_list("code", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_ARRAYS_SQL.format(rows=rows_sql), {"jurisdiction": jurisdiction.pk, "before": before, **names})
        columns = [bytes(column or b"") for column in cursor.fetchone()]
    digest = hashlib.sha256("\n".join(categories).encode())
    for column in columns:
        digest.update(column)
    return IncidentArrays(
        cell=np.frombuffer(columns[0], dtype=">u8").astype(np.uint64),
        start_s=np.frombuffer(columns[1], dtype=">i8").astype(np.int64),
        end_s=np.frombuffer(columns[2], dtype=">i8").astype(np.int64),
        category=np.frombuffer(columns[3], dtype=">i2").astype(np.int16),
        lon=np.frombuffer(columns[4], dtype=">f8").astype(np.float64),
        lat=np.frombuffer(columns[5], dtype=">f8").astype(np.float64),
        categories=categories,
        sha256=digest.hexdigest(),
    )


def current_grid(*, jurisdiction: Jurisdiction) -> CellGrid:
    """The jurisdiction's cells. Raises `NotFound` where none were laid."""
    grid = CellGrid.objects.of(jurisdiction).filter(is_current=True).first()
    if grid is None:
        raise NotFound(_("%(name)s has no cells yet. Set its boundary first.") % {"name": jurisdiction.name})
    return grid


def newest_incident_time(*, jurisdiction: Jurisdiction) -> datetime | None:
    """When the latest recorded incident began, or None where there is none."""
    return Incident.objects.of(jurisdiction).order_by("-occurred_from").values_list("occurred_from", flat=True).first()


def boundary_shape(*, jurisdiction: Jurisdiction) -> BaseGeometry:
    """The jurisdiction's outline as a shapely geometry in WGS84, for the cores."""
    return shapely.from_wkb(bytes(jurisdiction.boundary.wkb))


# By which areas people name a place, the first kind that the jurisdiction has; a gu holds too much, a legal dong is for lots.
NAMING_KINDS = (
    Area.Kind.DONG,
    Area.Kind.NEIGHBOURHOOD,
    Area.Kind.BEAT,
    Area.Kind.PRECINCT,
    Area.Kind.LEGAL_DONG,
    Area.Kind.GU,
)


def named_area_kind(*, jurisdiction_id: int | None) -> str:
    """The kind of area by which places of the jurisdiction are named on maps and in lists; blank where it has none."""
    if jurisdiction_id is None:
        return ""
    present = set(Area.objects.filter(jurisdiction_id=jurisdiction_id).values_list("kind", flat=True).distinct())
    return next((kind for kind in NAMING_KINDS if kind in present), "")


@dataclass(frozen=True)
class IncidentLine:
    """What is shown of one incident: never more than when, what kind and where from."""

    id: int
    category: str
    category_code: str
    occurred_from: datetime
    occurred_to: datetime
    source: str
    source_line: int


def recent_incidents(*, user: "User", cell: int, limit: int = 20, request: "HttpRequest | None" = None) -> list[IncidentLine]:
    """The latest incidents of one cell, newest first; leaves a line in the audit trail.

    `cell`: H3 index at the jurisdiction's resolution, 10 or coarser. Raises `NotAllowed` where the role does not include
    reading incidents.
    """
    require(user, Act.READ_INCIDENTS)
    inside = Incident.objects.visible_to(user).filter(cell__range=_finest_cells(cell))
    rows = inside.select_related("category", "upload").order_by("-occurred_from", "-pk")
    lines = [
        IncidentLine(
            id=row.pk,
            category=row.category.label,
            category_code=row.category.code,
            occurred_from=row.occurred_from,
            occurred_to=row.occurred_to,
            source=row.upload.file_name,
            source_line=row.source_line,
        )
        for row in rows[:limit]
    ]
    record(
        action=AuditEntry.Action.READ_INCIDENTS,
        actor=user,
        target=f"cell:{cell:x}",
        detail={"rows": len(lines)},
        request=request,
    )
    return lines


def _finest_cells(cell: int) -> tuple[int, int]:
    """First and last H3 index at the incidents' resolution inside a cell: its children's indexes lie next to one another.

    An index holds its resolution in bits 52–55 and three bits a digit below; each digit of a child is 0 to 6.
    """
    resolution = cell >> 52 & 15
    first = cell & ~(15 << 52) | INCIDENT_RESOLUTION << 52
    last = first
    for digit in range(resolution + 1, INCIDENT_RESOLUTION + 1):
        shift = 3 * (15 - digit)
        first &= ~(7 << shift)
        last = last & ~(7 << shift) | 6 << shift
    return first, last
