"""Text to coordinates, the test against the jurisdiction's boundary, and the H3 cell of each point.

Degrees are WGS84. Codes are those of `ingestion.errors.REASONS`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import h3.api.basic_int as h3
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity

Float64Array = NDArray[np.float64]

CELL_RESOLUTION = 10
PARENT_RESOLUTION = 9
BOUNDARY_SLACK_M = 50.0  # block-level and rounded coordinates may fall just over the line
_M_PER_DEGREE = 111_320.0

PLACE_REASONS = ("", "coordinate_missing", "not_a_number", "coordinate_zero", "swapped_coordinates", "outside")
OK, MISSING, NOT_A_NUMBER, ZERO, SWAPPED, OUTSIDE = range(6)


def parse_degrees(texts: Sequence[str]) -> tuple[Float64Array, NDArray[np.int8]]:
    """Read a column of degrees; the reason is OK, MISSING, NOT_A_NUMBER or ZERO (exactly 0 stands for "unknown")."""
    try:
        values = np.array(texts, dtype="S32").astype(np.float64)
        reason = np.zeros(len(texts), np.int8)
    except (ValueError, UnicodeEncodeError):
        pairs = [_degree(text.strip()) for text in texts]
        values = np.array([value for value, _ in pairs], np.float64)
        reason = np.array([code for _, code in pairs], np.int8)
    reason[(reason == OK) & ~np.isfinite(values)] = NOT_A_NUMBER
    reason[(reason == OK) & (values == 0)] = ZERO
    return values, reason


@dataclass(frozen=True, eq=False)
class Boundary:
    """The jurisdiction's outline, widened by `BOUNDARY_SLACK_M` and prepared for many point tests."""

    shape: shapely.Geometry

    @classmethod
    def around(cls, outline: shapely.Geometry) -> "Boundary":
        """Widen an outline in degrees WGS84 by the slack in metres (locally stretched, so that it is round in metres)."""
        middle = outline.centroid
        squeeze = max(math.cos(math.radians(middle.y)), 0.01)
        origin = (middle.x, middle.y)
        local = affinity.scale(outline, squeeze, 1.0, origin=origin)
        wide = affinity.scale(local.buffer(BOUNDARY_SLACK_M / _M_PER_DEGREE, 4), 1 / squeeze, 1.0, origin=origin)
        shapely.prepare(wide)
        return cls(wide)

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of its box."""
        west, south, east, north = self.shape.bounds
        return (west + east) / 2, (south + north) / 2

    @cached_property
    def _coarse(self) -> shapely.Geometry:
        """The outline to about 100 m, east-west squeezed to the scale of north-south: enough to tell a distance."""
        squeeze = max(math.cos(math.radians(self.centre[1])), 0.01)
        return affinity.scale(self.shape.simplify(100 / _M_PER_DEGREE), squeeze, 1.0, origin=self.centre)

    def holds(self, latitude: Float64Array, longitude: Float64Array) -> NDArray[np.bool_]:
        """Whether each point lies inside; NaN does not."""
        inside: NDArray[np.bool_] = shapely.contains_xy(self.shape, longitude, latitude)
        return inside

    def distance_m(self, latitude: Float64Array, longitude: Float64Array) -> Float64Array:
        """Metres to the outline, 0 inside, NaN for NaN; to about 100 m nearby, to some percent some hundred kilometres off."""
        middle, squeeze = self.centre[0], max(math.cos(math.radians(self.centre[1])), 0.01)
        points = shapely.points(middle + (longitude - middle) * squeeze, latitude)
        distance: Float64Array = shapely.distance(self._coarse, points) * _M_PER_DEGREE
        return distance

    def judge(self, latitude: Float64Array, longitude: Float64Array) -> NDArray[np.int8]:
        """OK, SWAPPED or OUTSIDE for each point."""
        inside = shapely.contains_xy(self.shape, longitude, latitude)
        reason = np.zeros(len(latitude), np.int8)
        out = np.flatnonzero(~inside)
        if out.size:
            swapped = shapely.contains_xy(self.shape, latitude[out], longitude[out])
            reason[out] = np.where(swapped, SWAPPED, OUTSIDE)
        return reason


def cells_of(latitude: Float64Array, longitude: Float64Array) -> NDArray[np.uint64]:
    """H3 index at resolution 10 of each point."""
    found = map(h3.latlng_to_cell, latitude.tolist(), longitude.tolist(), repeat(CELL_RESOLUTION))
    return np.fromiter(found, np.uint64, len(latitude))


def parents_of(cells: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The parents at resolution 9: the resolution bits lowered, the last digit set to 7 ("unused")."""
    resolution_bits = np.uint64(0xF << 52)
    last_digit = np.uint64(7 << 3 * (15 - CELL_RESOLUTION))
    return (cells & ~resolution_bits) | np.uint64(PARENT_RESOLUTION << 52) | last_digit


def _degree(text: str) -> tuple[float, int]:
    if not text:
        return math.nan, MISSING
    if "_" in text:  # float() would read 37_5 as 375
        return math.nan, NOT_A_NUMBER
    try:
        return float(text), OK
    except ValueError:
        return math.nan, NOT_A_NUMBER
