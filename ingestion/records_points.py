"""Where the rows of a sheet lie: longitude and latitude in degrees WGS84, and a finding for each row without a usable place."""

import math
from typing import TypeVar

import numpy as np
import shapely
from shapely import affinity

from ingestion import coordinates
from ingestion.coordinates import FindPlaces, Located
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.records import Batch, Sheet

METRES_PER_DEGREE = 111_195.0

Record = TypeVar("Record")


def locate(sheet: Sheet, mapping: ColumnMapping, boundary: Boundary, find: FindPlaces | None = None) -> Located:
    """Where each readable row lies; rows without a usable place are rejected in the sheet. `find`: places by address."""
    names = ("latitude", "longitude", "geometry", *(("address", "lot_address") if find else ()))
    fields = {name: text for name in names if (text := sheet.text(name)) is not None}
    found = coordinates.locate(fields or {"": [""] * len(sheet)}, mapping, boundary, find=find)
    for place in np.flatnonzero(found.reason).tolist():
        sheet.reject(place, found.field(place), found.code(place), found.value(place), found.mend_code(place))
    return found


def note_points(batch: Batch[Record], sheet: Sheet, found: Located) -> None:
    """Give the batch its rows' points, for the map beside a report, and say which of them were mended."""
    usable = np.isfinite(found.longitude) & (np.abs(found.longitude) <= 180) & (np.abs(found.latitude) <= 90)
    batch.points = [
        (round(float(found.longitude[place]), 6), round(float(found.latitude[place]), 6), sheet.is_good(place))
        for place in np.flatnonzero(usable).tolist()
    ]
    for code, rows in found.mended_rows().items():
        for place in rows.tolist():
            batch.warn(f"mended_{code}", sheet.line(place))


def with_slack(outline: shapely.Geometry, metres: float) -> Boundary:
    """The jurisdiction's outline widened by so many metres: what stands across its border road still bears on it."""
    middle = outline.centroid
    squeeze = max(math.cos(math.radians(middle.y)), 0.01)
    local = affinity.scale(outline, squeeze, 1.0, origin=middle)
    wide = affinity.scale(local.buffer(metres / METRES_PER_DEGREE), 1 / squeeze, 1.0, origin=middle)
    shapely.prepare(wide)
    return Boundary(wide)
