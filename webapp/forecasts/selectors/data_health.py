"""How sound the incidents are that the forecasts learn from: category by category, what is covered, missing, doubtful or odd."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from prediction.coverage import Coverage
from webapp.accounts.permissions import Act, require
from webapp.crimes.models import CellGrid
from webapp.crimes.selectors import INCIDENT_RESOLUTION
from webapp.forecasts.selectors.runs import category_labels

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

LATE_AFTER_D = 7
CROWDED_POINT = 10  # incidents on one exact point: below, it may well be a busy door
GAPS_SHOWN = 3
REMEMBERED_S = 24 * 3600
# Shares from which a figure is marked as worth a look. Police files commonly hold some of each.
WORTH_A_LOOK = {"midnight": 0.15, "intervals": 0.5, "late": 0.2, "outside": 0.02, "crowded": 0.1}


@dataclass(frozen=True)
class Share:
    """`count` of `of` incidents; `is_odd`: worth a look. `value` is None where there is nothing to count from."""

    count: int
    of: int
    is_odd: bool

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def percent(self) -> float | None:
        return None if self.value is None else 100 * self.value


@dataclass(frozen=True)
class Gap:
    """Days in a row that the data do not cover, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class CategoryHealth:
    """One category. `covered_days` of the `days` from the first incident of all to the newest of all; `gaps`: the longest first.

    midnight: at 00:00 local to the minute; intervals: only a span of time is known; late: taken in more than a week after they
    happened, of those since the first upload; outside: in no cell of the grid; crowded: on points with ten incidents or more.
    """

    code: str
    label: str
    incidents: int
    first: datetime | None
    last: datetime | None
    days: int
    covered_days: int
    gaps: list[Gap]
    more_gaps: int
    midnight: Share
    intervals: Share
    late: Share
    outside: Share
    crowded: Share

    @property
    def covered_percent(self) -> float:
        return 100 * self.covered_days / self.days if self.days else 0.0


@dataclass(frozen=True)
class DataHealthPage:
    """`rows`: the categories in their order; `every`: all together. Empty without incidents. `as_of`: when it was read."""

    as_of: datetime
    rows: list[CategoryHealth]
    every: CategoryHealth | None
    is_sound: bool


def data_health_page(*, user: "User") -> DataHealthPage:
    """The page for this person, remembered until an upload is taken in or undone. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    jurisdiction = user.jurisdiction
    labels = category_labels(jurisdiction=jurisdiction)
    key = _key(jurisdiction, list(labels))
    page: DataHealthPage | None = cache.get(key)
    if page is None:
        page = _measured(jurisdiction, list(labels))
        cache.set(key, page, REMEMBERED_S)
    # Remembered without names: they come in the language of whoever looks.
    return replace(page, rows=[replace(row, label=labels[row.code]) for row in page.rows])


def _key(jurisdiction: "Jurisdiction", codes: list[str]) -> str:
    """Names the state of the data: it changes with every upload that is taken in or undone, with the cells and the categories."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE_SQL, {"jurisdiction": jurisdiction.pk})
        state = cursor.fetchone()
    return "data-health:" + hashlib.sha256(repr((jurisdiction.pk, jurisdiction.time_zone, codes, state)).encode()).hexdigest()


def _measured(jurisdiction: "Jurisdiction", codes: list[str]) -> DataHealthPage:
    sums = _sums(jurisdiction)
    if not sums:
        return DataHealthPage(timezone.now(), [], None, is_sound=True)
    daily, first_day = _daily(jurisdiction, codes)
    gaps = _gaps(daily, first_day)
    outside = _outside(jurisdiction)
    days = daily.shape[1]
    rows = [
        _row(sums.get(code, {}), gaps[place], code=code, days=days, outside=outside.get(code, 0))
        for place, code in enumerate(codes)
    ]
    every = _row(_together(sums), gaps[-1], code="", days=days, outside=sum(outside.values()))
    flags = [share.is_odd for row in rows for share in (row.midnight, row.intervals, row.late, row.outside, row.crowded)]
    return DataHealthPage(timezone.now(), rows, every, is_sound=not any(flags) and not any(row.gaps for row in rows))


_STATE_SQL = """
SELECT (SELECT (count(*), max(id), max(committed_at), max(undone_at))::text FROM imports_upload
        WHERE jurisdiction_id = %(jurisdiction)s),
       (SELECT max(digest) FROM crimes_cellgrid WHERE jurisdiction_id = %(jurisdiction)s AND is_current)
"""

# With 500,000 incidents: 1.6 s for this one, 0.7 s for the days, 1.2 s for the cells (two busy cores); hence remembered.
_SUMS_SQL = """
WITH uploaded AS (
  SELECT min(committed_at) AS first FROM imports_upload
  WHERE jurisdiction_id = %(jurisdiction)s AND kind = 'incidents' AND committed_at IS NOT NULL
), points AS (
  SELECT category_id, point, count(*) AS n FROM crimes_incident WHERE jurisdiction_id = %(jurisdiction)s GROUP BY 1, 2
), crowded AS (
  SELECT category_id, coalesce(sum(n) FILTER (WHERE n >= %(crowded)s), 0) AS n FROM points GROUP BY 1
)
SELECT c.code, count(*), min(i.occurred_from), max(i.occurred_from),
       count(*) FILTER (WHERE date_trunc('day', i.occurred_from AT TIME ZONE %(zone)s)
                              = date_trunc('minute', i.occurred_from AT TIME ZONE %(zone)s)),
       count(*) FILTER (WHERE i.occurred_to > i.occurred_from),
       count(*) FILTER (WHERE i.occurred_from >= u.first AND up.committed_at > i.occurred_from + %(late)s),
       count(*) FILTER (WHERE i.occurred_from >= u.first),
       max(cr.n)
FROM crimes_incident i
JOIN crimes_category c ON c.id = i.category_id
JOIN imports_upload up ON up.id = i.upload_id
JOIN crowded cr ON cr.category_id = i.category_id
CROSS JOIN uploaded u
WHERE i.jurisdiction_id = %(jurisdiction)s
GROUP BY c.code
"""
_FIELDS = ("incidents", "first", "last", "midnight", "intervals", "late", "since_upload", "crowded")

_DAILY_SQL = """
SELECT c.code, (i.occurred_from AT TIME ZONE %(zone)s)::date, count(*)
FROM crimes_incident i JOIN crimes_category c ON c.id = i.category_id
WHERE i.jurisdiction_id = %(jurisdiction)s GROUP BY 1, 2
"""

_CELLS_SQL = """
SELECT c.code, i.cell, i.cell_parent, count(*)
FROM crimes_incident i JOIN crimes_category c ON c.id = i.category_id
WHERE i.jurisdiction_id = %(jurisdiction)s GROUP BY 1, 2, 3
"""


def _sums(jurisdiction: "Jurisdiction") -> dict[str, dict[str, Any]]:
    values: dict[str, Any] = {
        "jurisdiction": jurisdiction.pk,
        "zone": jurisdiction.time_zone,
        "late": timedelta(days=LATE_AFTER_D),
        "crowded": CROWDED_POINT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUMS_SQL, values)
        return {row[0]: dict(zip(_FIELDS, row[1:], strict=True)) for row in cursor.fetchall()}


def _together(sums: dict[str, dict[str, Any]]) -> dict[str, Any]:
    rows = list(sums.values())
    added = {name: sum(row[name] for row in rows) for name in _FIELDS if name not in ("first", "last")}
    return added | {"first": min(row["first"] for row in rows), "last": max(row["last"] for row in rows)}


def _daily(jurisdiction: "Jurisdiction", codes: list[str]) -> "tuple[np.ndarray, date]":
    """Float64[categories, days]: incidents a local day, from the first day of all to the last; and the first day."""
    with connection.cursor() as cursor:
        cursor.execute(_DAILY_SQL, {"jurisdiction": jurisdiction.pk, "zone": jurisdiction.time_zone})
        rows = cursor.fetchall()
    first, last = min(day for _, day, _ in rows), max(day for _, day, _ in rows)
    daily = np.zeros((len(codes), (last - first).days + 1))
    position = {code: place for place, code in enumerate(codes)}
    for code, day, count in rows:
        daily[position[code], (day - first).days] = count
    return daily, first


def _gaps(daily: "np.ndarray", first_day: date) -> list[list[Gap]]:
    """Stretches without data of each category, all crimes last; as the forecasts see them (prediction.coverage)."""
    covered = Coverage.of(daily[:, ::-1]).covered[:, ::-1]
    found = []
    for row in covered:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (~row).astype(np.int8), [0]])))
        starts, ends = edges[::2], edges[1::2]
        gaps = [
            Gap(first_day + timedelta(days=int(a)), first_day + timedelta(days=int(b) - 1))
            for a, b in zip(starts, ends, strict=True)
        ]
        found.append(sorted(gaps, key=lambda gap: -gap.days))
    return found


def _outside(jurisdiction: "Jurisdiction") -> dict[str, int]:
    """Incidents of each category that lie in no cell of the current grid; none are counted where there is no grid yet."""
    grid = CellGrid.objects.of(jurisdiction).filter(is_current=True).first()
    if grid is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CELLS_SQL, {"jurisdiction": jurisdiction.pk})
        rows = cursor.fetchall()
    column = 1 if grid.resolution == INCIDENT_RESOLUTION else 2
    if grid.resolution not in (INCIDENT_RESOLUTION, INCIDENT_RESOLUTION - 1):
        return {}
    cells = np.array([row[column] for row in rows], dtype=np.int64).astype(np.uint64)
    missing = ~np.isin(cells, grid.array())
    out: dict[str, int] = {}
    for (code, _cell, _parent, count), is_missing in zip(rows, missing, strict=True):
        out[code] = out.get(code, 0) + (count if is_missing else 0)
    return out


def _row(sums: dict[str, Any], gaps: list[Gap], *, code: str, days: int, outside: int) -> CategoryHealth:
    total = sums.get("incidents", 0)

    def share(name: str, count: int, of: int) -> Share:
        return Share(count, of, is_odd=bool(of) and count / of > WORTH_A_LOOK[name])

    return CategoryHealth(
        code=code,
        label="",
        incidents=total,
        first=sums.get("first"),
        last=sums.get("last"),
        days=days,
        covered_days=days - sum(gap.days for gap in gaps) if total else 0,
        gaps=gaps[:GAPS_SHOWN] if total else [],
        more_gaps=max(0, len(gaps) - GAPS_SHOWN) if total else 0,
        midnight=share("midnight", sums.get("midnight", 0), total),
        intervals=share("intervals", sums.get("intervals", 0), total),
        late=share("late", sums.get("late", 0), sums.get("since_upload", 0)),
        outside=share("outside", outside, total),
        crowded=share("crowded", int(sums.get("crowded", 0)), total),
    )
