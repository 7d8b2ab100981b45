"""The feature blocks of a jurisdiction, from what has been taken in by a moment.

What they hold decides their signature, never the moment itself: it changes when an upload is taken in or undone.
docs/methods/blocks.md tells what each says.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from django.db import connection

from ingestion.rulings.model import Fact, Field
from ingestion.rulings.priors import prior_tables
from prediction.features.calendar import TERMS, Calendar
from prediction.features.figures import AreaFigures
from prediction.features.rulings import RulingPriors, RulingTable
from prediction.features.surroundings import ALWAYS, NEVER, Places, PlacesOfKind
from prediction.features.weather import Weather
from webapp.crimes.selectors import stood_sql
from webapp.forecasts.selectors.block_figures import editions_of, weather_of

if TYPE_CHECKING:
    from prediction.features import Block
    from prediction.grid import Grid
    from webapp.accounts.models import Jurisdiction

COUNTRIES = {"Asia/Seoul": "KR"} | dict.fromkeys(
    (
        "America/New_York", "America/Detroit", "America/Chicago", "America/Denver", "America/Boise", "America/Phoenix",
        "America/Los_Angeles", "America/Anchorage", "America/Juneau", "America/Indiana/Indianapolis",
        "America/Kentucky/Louisville", "Pacific/Honolulu",
    ),
    "US",
)  # fmt: skip
# Kinds of place that rulings name, and the kinds on the map that stand for them.
PLACES_OF_RULINGS = {
    "station": ("subway", "bus_stop"),
    "bar": ("bar", "karaoke_bar", "singing_room"),
    "school": ("school", "child_zone"),
    "park": ("park",),
    "public_office": ("police_box",),
}
RULING_YEARS = 3


def blocks_of(jurisdiction: "Jurisdiction", grid: "Grid", *, at: datetime, categories: Sequence[str]) -> "tuple[Block, ...]":
    """The blocks that have something to say of the grid. `at`: what was taken in later is left out; `categories`: codes."""
    zone = jurisdiction.time_zone
    country = COUNTRIES.get(zone)
    blocks: list[Block] = [Calendar(zone, country=country, terms=TERMS.get(country or ""))]
    daily = weather_of(jurisdiction, at=at)
    if daily is not None:
        blocks.append(Weather(daily, time_zone=zone))
    places = Places(grid, list(_kinds(jurisdiction, at)), time_zone=zone)
    if places.kinds:
        blocks.append(places)
    editions = list(editions_of(jurisdiction, at=at))
    if editions:
        blocks.append(AreaFigures(grid, editions, time_zone=zone))
    tables = list(_ruling_tables(jurisdiction, at, categories)) if places.kinds else []
    if tables:
        blocks.append(RulingPriors(places, tables, categories=len(categories), place_kinds=PLACES_OF_RULINGS))
    return tuple(blocks)


# --- places --------------------------------------------------------------------------------------

# Rows that later uploads have displaced count as they were before the first of those.
_COLUMNS = ("id", "kind", "geometry", "count", "opened_on", "closed_on", "upload_id")
_PLACES = f"""{stood_sql("crimes_place", _COLUMNS)}, points AS (
    SELECT s.id, s.kind, s.count, s.opened_on, s.closed_on,
           CASE WHEN GeometryType(s.geometry) = 'POINT' THEN s.geometry ELSE ST_PointOnSurface(s.geometry) END AS point
    FROM stood s LEFT JOIN imports_upload u ON u.id = s.upload_id
    WHERE s.upload_id IS NULL OR u.committed_at <= %(as_of)s
)
SELECT kind,
       string_agg(float8send(ST_X(point)), ''::bytea ORDER BY id),
       string_agg(float8send(ST_Y(point)), ''::bytea ORDER BY id),
       string_agg(int8send(count::bigint), ''::bytea ORDER BY id),
       string_agg(int8send(coalesce(opened_on - DATE '0001-01-01' + 1, %(always)s)::bigint), ''::bytea ORDER BY id),
       string_agg(int8send(coalesce((closed_on - DATE '0001-01-01' + 1)::bigint, %(never)s)), ''::bytea ORDER BY id)
FROM points
WHERE NOT ST_IsEmpty(point) AND abs(ST_X(point)) <= 180 AND abs(ST_Y(point)) <= 90
GROUP BY kind ORDER BY kind
"""  # noqa: S608


def _kinds(jurisdiction: "Jurisdiction", at: datetime) -> Iterator[PlacesOfKind]:
    """The places of each kind with their dates, ordered by id: 0.4 s for 121,000 lamps."""
    names: dict[str, int | datetime | None] = {"jurisdiction": jurisdiction.pk, "as_of": at, "always": ALWAYS, "never": NEVER}
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, names)
        rows = cursor.fetchall()
    for kind, lon, lat, *whole in rows:
        x, y = (np.frombuffer(bytes(part), ">f8").astype(np.float64) for part in (lon, lat))
        count, opened, closed = (np.frombuffer(bytes(part), ">i8").astype(np.int64) for part in whole)
        yield PlacesOfKind(kind, x, y, count.astype(np.float64), opened, closed)


# --- rulings -------------------------------------------------------------------------------------

# The facts as they stood: corrections made later are left out, what they replaced is there.
_FACTS = """
SELECT f.ruling_id, f.event, f.field, f.value, f.is_allegation,
       coalesce(r.decided_on, (u.committed_at AT TIME ZONE %(zone)s)::date)
FROM crimes_rulingfact f
JOIN crimes_ruling r ON r.id = f.ruling_id
JOIN imports_upload u ON u.id = r.upload_id
LEFT JOIN crimes_rulingfact later ON later.id = f.superseded_by_id
WHERE f.jurisdiction_id = %(jurisdiction)s AND u.committed_at <= %(at)s
  AND (f.created_at <= %(at)s OR f.origin = 'extracted') AND (later.id IS NULL OR later.created_at > %(at)s)
  AND f.value <> '' AND f.field IN ('category', 'place_kind', 'time')
ORDER BY f.ruling_id, f.event, coalesce(f.start, 0), f.id
"""


def _ruling_tables(jurisdiction: "Jurisdiction", at: datetime, categories: Sequence[str]) -> Iterator[RulingTable]:
    """What the rulings decided before some days tell of kinds of place and hours, by the jurisdiction's categories."""
    events: list[tuple[date, tuple[Fact, ...]]] = []
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"jurisdiction": jurisdiction.pk, "at": at, "zone": jurisdiction.time_zone})
        for _event, rows in groupby(cursor.fetchall(), key=lambda row: row[:2]):
            facts = [(Fact(Field(name), value, 0, 1, alleged), day) for _r, _e, name, value, alleged, day in rows]
            events.append((facts[0][1], tuple(fact for fact, _day in facts)))
    for day in _days_of_tables([decided for decided, _facts in events]):
        priors = prior_tables(facts for decided, facts in events if decided < day)
        row = {code: position for position, code in enumerate(priors.categories)}
        told = np.zeros((len(categories), len(priors.place_kinds), 24))
        for position, code in enumerate(categories):
            if code in row and priors.place_hour_counts[row[code]].sum() + priors.events[row[code]] > 0:
                told[position] = priors.place_hour[row[code]]
        if told.any():
            yield RulingTable(day, priors.place_kinds, told)


def _days_of_tables(decided: Iterable[date]) -> list[date]:
    """The last three Januaries that have a ruling before them, and the quarter after the last ruling."""
    days = sorted(decided)
    if not days:
        return []
    last = days[-1]
    after = date(last.year + (last.month > 9), (last.month - 1) // 3 * 3 + 4 if last.month <= 9 else 1, 1)
    januaries = [date(last.year - back, 1, 1) for back in range(RULING_YEARS)]
    return sorted({after, *(day for day in januaries if days[0] < day)})
