"""Streets of the demo city: the main roads of the base map and a schematic grid of lanes in every dong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from simulation.geography import Dong, Geography, line_points

Float64 = npt.NDArray[np.float64]

BLOCK_M = (130.0, 72.0)  # a block of lanes in a dense dong: long side, short side
DENSE_PER_KM2 = 22_000  # people per km² of such a dong; thinner ones have wider blocks
GRID_TILT_DEG = 21.0  # the lanes south of the river run about parallel to Gangnam-daero
POINT_EVERY_M = 15.0


@dataclass(frozen=True, eq=False)
class Streets:
    """Lanes (WGS84, one MultiLineString a dong) and points along all streets in metres.

    lane_points, road_points: Float64[n, 2]; lane_dong: Int64[n], position of the point's dong; lane_bearing_deg,
    road_bearing_deg: Float64[n], clockwise from north.
    """

    lanes: tuple[BaseGeometry, ...]
    lane_points: Float64
    lane_dong: npt.NDArray[np.int64]
    lane_bearing_deg: Float64
    road_points: Float64
    road_bearing_deg: Float64

    @property
    def points(self) -> Float64:
        """Float64[n, 2]: points along lanes, then along main roads."""
        return np.concatenate([self.lane_points, self.road_points])

    @property
    def bearing_deg(self) -> Float64:
        return np.concatenate([self.lane_bearing_deg, self.road_bearing_deg])


def lay_streets(geography: Geography) -> Streets:
    """Draw the lanes of every dong and take points along them and along the main roads (expressways left out)."""
    plane = geography.plane
    buildable = plane.flat(geography.buildable).buffer(-15)
    parks = shapely.union_all([plane.flat(park.geometry) for park in geography.of_kind("park")])
    ground = shapely.difference(buildable, parks)
    lanes = [_lanes(plane.flat(dong.boundary), ground, dong, index) for index, dong in enumerate(geography.dongs)]
    found = [line_points(list(shapely.get_parts(part)), POINT_EVERY_M) for part in lanes]
    roads = [plane.flat(road.geometry) for road in geography.of_kind("road") if "고속도로" not in road.name]
    road_points, road_bearing = line_points(roads, POINT_EVERY_M)
    inside = shapely.contains_xy(buildable, road_points[:, 0], road_points[:, 1])
    return Streets(
        lanes=tuple(plane.round_earth(part) for part in lanes),
        lane_points=np.concatenate([points for points, _bearing in found]),
        lane_dong=np.repeat(np.arange(len(found)), [len(points) for points, _bearing in found]),
        lane_bearing_deg=np.concatenate([bearing for _points, bearing in found]),
        road_points=road_points[inside],
        road_bearing_deg=road_bearing[inside],
    )


def _lanes(dong: BaseGeometry, ground: BaseGeometry, facts: Dong, index: int) -> shapely.MultiLineString:
    """A tilted grid of lanes clipped to where the dong is built; wider where fewer people live."""
    built = shapely.intersection(dong, ground)
    per_km2 = max(facts.population / max(built.area / 1e6, 0.1), 1.0)
    wider = float(np.clip(np.sqrt(DENSE_PER_KM2 / per_km2), 1.0, 2.2))
    tilt = GRID_TILT_DEG + 9.0 * np.sin(2.4 * index)
    centre = built.centroid
    level = affinity.rotate(built, -tilt, origin=centre)
    west, south, east, north = level.bounds
    up = [shapely.LineString([(x, south), (x, north)]) for x in np.arange(west + 20, east, BLOCK_M[0] * wider)]
    along = [shapely.LineString([(west, y), (east, y)]) for y in np.arange(south + 20, north, BLOCK_M[1] * wider)]
    grid = affinity.rotate(shapely.MultiLineString(up + along), tilt, origin=centre)
    cut = shapely.get_parts(shapely.intersection(grid, built))
    return shapely.MultiLineString([line for line in cut if isinstance(line, shapely.LineString) and line.length > 30])
