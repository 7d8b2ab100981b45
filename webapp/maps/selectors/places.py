"""Layers of uploaded places: which kinds there are, and their points as vector tiles of what is open on a day."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound

if TYPE_CHECKING:
    from webapp.accounts.models import User

FINEST_ZOOM = 18

# One pass by the index on (jurisdiction, kind): 40 ms for 200,000 places. The drawing of the set-up has no upload.
_KINDS_SQL = """
SELECT p.kind, coalesce(CASE WHEN %(english)s THEN k.name_en ELSE k.name END, p.kind), count(*), sum(p.count)
FROM crimes_place p
LEFT JOIN crimes_placekind k ON k.jurisdiction_id = p.jurisdiction_id AND k.code = p.kind
WHERE p.jurisdiction_id = %(jurisdiction)s AND p.upload_id IS NOT NULL
  AND (p.opened_on IS NULL OR p.opened_on <= %(day)s) AND (p.closed_on IS NULL OR p.closed_on > %(day)s)
GROUP BY 1, 2, k.position ORDER BY k.position, 2
"""
# Points that fall on the same 1/512 of the tile are one: a whole city's lamps stay a small tile from afar.
_TILE_SQL = """
WITH tile AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS edge),
inside AS (
    SELECT ST_Transform(ST_PointOnSurface(p.geometry), 3857) AS point, p.count,
           CASE WHEN %(english)s AND p.name_en <> '' THEN p.name_en ELSE p.name END AS name
    FROM crimes_place p, tile
    WHERE p.jurisdiction_id = %(jurisdiction)s AND p.kind = %(kind)s AND p.upload_id IS NOT NULL
      AND p.geometry && ST_Transform(tile.edge, 4326)
      AND (p.opened_on IS NULL OR p.opened_on <= %(day)s) AND (p.closed_on IS NULL OR p.closed_on > %(day)s)
),
merged AS (
    SELECT ST_SnapToGrid(point, (ST_XMax(tile.edge) - ST_XMin(tile.edge)) / 512) AS spot, count(*) AS places,
           sum(count) AS count, CASE WHEN count(*) = 1 THEN min(name) ELSE '' END AS name
    FROM inside, tile GROUP BY 1
)
SELECT ST_AsMVT(row, 'places', 4096, 'shape') FROM (
    SELECT ST_AsMVTGeom(merged.spot, tile.edge) AS shape, merged.places, merged.count, merged.name FROM merged, tile
) AS row WHERE row.shape IS NOT NULL
"""


@dataclass(frozen=True)
class PlaceLayer:
    """One kind of place on the map: how many places, and how many things at them (lamps on a pole)."""

    code: str
    label: str
    places: int
    count: int


def today_of(user: "User") -> date:
    """The day it is now where the person's jurisdiction lies."""
    zone = ZoneInfo(user.jurisdiction.time_zone if user.jurisdiction else "UTC")
    return timezone.now().astimezone(zone).date()


def place_layers(*, user: "User", day: date) -> list[PlaceLayer]:
    """Kinds of uploaded places that are there on a day, in the jurisdiction's order, named in the page's language."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS_SQL, _names(user, day))
        return [PlaceLayer(code, label, int(places), int(count)) for code, label, places, count in cursor.fetchall()]


def place_tile(*, user: "User", kind: str, tile: tuple[int, int, int], day: date) -> bytes:
    """A Mapbox vector tile (zoom, column, row; EPSG:3857) of one kind. Raises `NotFound` for a tile that there is not."""
    zoom, column, row = tile
    if not (0 <= zoom <= FINEST_ZOOM and 0 <= column < 2**zoom and 0 <= row < 2**zoom):
        raise NotFound(_("There is no such tile."))
    with connection.cursor() as cursor:
        cursor.execute(_TILE_SQL, _names(user, day) | {"kind": kind, "z": zoom, "x": column, "y": row})
        (content,) = cursor.fetchone()
    return bytes(content)


def _names(user: "User", day: date) -> dict[str, Any]:
    return {"jurisdiction": user.jurisdiction_id, "english": get_language() == "en", "day": day}
