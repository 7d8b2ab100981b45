"""The cells with the highest rates of a slot: the map as a list, for the keyboard and for reading aloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h3.api.numpy_int as h3
import numpy as np
from django.db import connection
from django.utils.translation import get_language

from webapp.crimes.selectors import named_area_kind
from webapp.forecasts import selectors as forecasts

if TYPE_CHECKING:
    from webapp.forecasts.models import ForecastRun


@dataclass(frozen=True)
class TopCell:
    """One cell: its place in the order (1 = highest), rate (expected incidents in the slot), and where it is."""

    rank: int
    cell: str
    rate: float
    probability: float
    longitude: float
    latitude: float
    area: str


# A handful of points against tens of polygons by the spatial index: under 2 ms. The nearest area and not only the one
# that covers the point, because the cells at the edge have their centre a little outside.
_AREA_OF_POINTS_SQL = """
SELECT p.position, near.name
FROM unnest(%(longitudes)s::float8[], %(latitudes)s::float8[]) WITH ORDINALITY AS p(longitude, latitude, position)
CROSS JOIN LATERAL (
    SELECT CASE WHEN %(english)s AND a.name_en <> '' THEN a.name_en ELSE a.name END AS name
    FROM crimes_area a WHERE a.jurisdiction_id = %(jurisdiction)s AND a.kind = %(kind)s
    ORDER BY a.boundary <-> ST_SetSRID(ST_MakePoint(p.longitude, p.latitude), 4326) LIMIT 1
) AS near
"""


def top_cells(*, run: "ForecastRun", slot: int, category_code: str = "", limit: int = 20) -> list[TopCell]:
    """The `limit` cells with the highest rates of a slot, highest first. Raises `NotFound` for an unknown slot or category."""
    rates = forecasts.rates_vector(run=run, slot=slot, category_code=category_code)
    order = np.argsort(-rates, kind="stable")[:limit]
    cells = run.grid.array()[order]
    points = [h3.cell_to_latlng(cell) for cell in cells]
    areas = _areas_of(run.jurisdiction_id, [point[1] for point in points], [point[0] for point in points])
    return [
        TopCell(
            rank=position + 1,
            cell=f"{int(cell):x}",
            rate=float(rates[index]),
            probability=float(-np.expm1(-rates[index])),
            longitude=point[1],
            latitude=point[0],
            area=areas.get(position, ""),
        )
        for position, (index, cell, point) in enumerate(zip(order, cells, points, strict=True))
    ]


def _areas_of(jurisdiction_id: int, longitudes: Sequence[float], latitudes: Sequence[float]) -> dict[int, str]:
    """Name of the area that covers each point, or else is nearest, by position."""
    values: dict[str, Any] = {"jurisdiction": jurisdiction_id, "longitudes": list(longitudes), "latitudes": list(latitudes)}
    values["kind"] = named_area_kind(jurisdiction_id=jurisdiction_id)
    with connection.cursor() as cursor:
        cursor.execute(_AREA_OF_POINTS_SQL, values | {"english": get_language() == "en"})
        return {int(position) - 1: name for position, name in cursor.fetchall()}
