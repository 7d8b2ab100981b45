"""What lies under the hexagons: areas and places as GeoJSON, put together by the database (100 times faster than rows)."""

from typing import TYPE_CHECKING

from django.db import connection
from django.utils.translation import get_language

from webapp.crimes.selectors import named_area_kind

if TYPE_CHECKING:
    from webapp.accounts.models import User

# Six decimals are 0.1 m. A municipality has tens of areas and hundreds of places: 1 to 5 ms each.
_AREAS_SQL = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
    'type', 'Feature',
    'id', a.id,
    'geometry', ST_AsGeoJSON(a.boundary, 6)::json,
    'properties', json_build_object(
        'kind', a.kind, 'code', a.code,
        'name', CASE WHEN %(english)s AND a.name_en <> '' THEN a.name_en ELSE a.name END,
        'longitude', ST_X(ST_PointOnSurface(a.boundary)), 'latitude', ST_Y(ST_PointOnSurface(a.boundary)))
    ) ORDER BY a.name), '[]'::json))::text
FROM crimes_area a WHERE a.jurisdiction_id = %(jurisdiction)s AND a.kind = %(area_kind)s
"""
_PLACES_SQL = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(json_build_object(
    'type', 'Feature',
    'id', p.id,
    'geometry', ST_AsGeoJSON(p.geometry, 6)::json,
    'properties', json_build_object(
        'kind', p.kind,
        'name', CASE WHEN %(english)s AND p.name_en <> '' THEN p.name_en ELSE p.name END)
    ) ORDER BY p.id), '[]'::json))::text
FROM crimes_place p WHERE p.jurisdiction_id = %(jurisdiction)s AND p.upload_id IS NULL
"""
_BOUNDARY_SQL = "SELECT ST_AsGeoJSON(boundary, 6) FROM accounts_jurisdiction WHERE id = %(jurisdiction)s"


def areas_geojson(*, user: "User") -> str:
    """The named areas of the person's jurisdiction: a GeoJSON FeatureCollection as text, names in the page's language."""
    return _collected(_AREAS_SQL, user, area_kind=named_area_kind(jurisdiction_id=user.jurisdiction_id))


def places_geojson(*, user: "User") -> str:
    """The places that the jurisdiction's map is drawn from, as GeoJSON text; uploaded ones are layers of their own."""
    return _collected(_PLACES_SQL, user)


def boundary_geojson(*, user: "User") -> str:
    """The outline of the person's jurisdiction as a GeoJSON geometry in text."""
    return _collected(_BOUNDARY_SQL, user)


def _collected(sql: str, user: "User", **names: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"jurisdiction": user.jurisdiction_id, "english": get_language() == "en", **names})
        (text,) = cursor.fetchone()
    return str(text)
