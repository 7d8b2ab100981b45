"""Simulated cameras, laid out like a real register: sites along streets with one to six cameras, their views and purposes.

`lay_out_city_cameras` is for the demo city; `lay_out` for any boundary with incident points, as for a real city
whose camera register is not at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from simulation.figures import CameraFigures
from simulation.geography import Geography, Plane, points_inside
from simulation.incidents import SimulatedIncidents
from simulation.streets import Streets

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

SPACING_M = 38.0  # least distance between sites; half of the real ones are within 64 m of the next
WORKING_SHARE = 0.975
NEAR_M = 150.0  # a site this near to a school, park or main road may serve it
PURPOSE_NAMES = {
    "crime_prevention": "방범",
    "child_safety": "어린이보호",
    "park": "공원",
    "traffic": "교통",
    "parking": "주차단속",
    "facility": "시설",
    "waste": "쓰레기단속",
    "other": "기타",
}


@dataclass(frozen=True)
class CameraSpot:
    """One simulated camera. WGS84; bearing clockwise from north, None for an all-round lens."""

    source_id: str
    name: str
    longitude: float
    latitude: float
    bearing_deg: float | None
    angle_deg: float
    range_m: float
    purpose: str
    is_working: bool


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Where a site may stand: points Float64[n, 2] metres, weight Float64[n], street_bearing_deg Float64[n]."""

    points: Float64
    weight: Float64
    street_bearing_deg: Float64


def lay_out_city_cameras(
    geography: Geography, streets: Streets, incidents: SimulatedIncidents, figures: CameraFigures, *, rng: np.random.Generator
) -> tuple[CameraSpot, ...]:
    """Cameras of the demo city: as many as published, more where people live and where crime has been."""
    plane = geography.plane
    population = np.array([dong.population for dong in geography.dongs], dtype=float)
    per_point = population / np.maximum(np.bincount(streets.lane_dong, minlength=len(population)), 1)
    people = np.concatenate([per_point[streets.lane_dong], np.full(len(streets.road_points), per_point.mean())])
    candidates = _Candidates(streets.points, people / people.mean(), streets.bearing_deg)
    where = plane.to_metres(np.array([incidents.longitude, incidents.latitude]).T)
    candidates = _drawn_to_crime(candidates, where)
    anchors = {
        "child_safety": _anchor_points(geography, "school"),
        "park": _anchor_points(geography, "park"),
        "traffic": streets.road_points,
    }
    dongs = [(dong.name, dong.boundary) for dong in geography.dongs]
    return _cameras(candidates, figures, plane, count=figures.total, prefix="SC", areas=dongs, anchors=anchors, rng=rng)


def lay_out(
    boundary: BaseGeometry,
    longitude: Float64,
    latitude: Float64,
    figures: CameraFigures,
    *,
    count: int,
    prefix: str,
    city_name: str,
    rng: np.random.Generator,
) -> tuple[CameraSpot, ...]:
    """`count` cameras for a city of which only the boundary and incident points (WGS84) are known.

    Sites stand at or near places of incidents, which lie along streets; a point with many incidents counts only by the
    root of their number, as cameras are spread for people and not for one door.
    """
    plane = Plane.around(boundary)
    degrees, number = np.unique(np.round(np.column_stack([longitude, latitude]), 4), axis=0, return_counts=True)
    points = plane.to_metres(np.asarray(degrees, dtype=np.float64))
    points = points + rng.normal(scale=8.0, size=points.shape)
    inside = points_inside(plane.flat(boundary), points)
    candidates = _Candidates(points[inside], np.sqrt(number[inside]), rng.choice([0.0, 90.0], size=int(inside.sum())))
    return _cameras(candidates, figures, plane, count=count, prefix=prefix, areas=[(city_name, boundary)], anchors={}, rng=rng)


def _drawn_to_crime(candidates: _Candidates, incidents_m: Float64) -> _Candidates:
    """The candidates with half of their weight from the incidents within 120 m, by the root of their number."""
    near = cKDTree(incidents_m).query_ball_point(candidates.points, 120.0, return_length=True)
    crime = np.sqrt(np.asarray(near, dtype=float))
    weight = 0.5 * candidates.weight / candidates.weight.mean() + 0.5 * crime / crime.mean()
    return _Candidates(candidates.points, weight, candidates.street_bearing_deg)


def _anchor_points(geography: Geography, kind: str) -> Float64:
    found = [geography.plane.flat(feature.geometry.centroid) for feature in geography.of_kind(kind)]
    return np.asarray(shapely.get_coordinates(found), dtype=np.float64)


def _cameras(
    candidates: _Candidates,
    figures: CameraFigures,
    plane: Plane,
    *,
    count: int,
    prefix: str,
    areas: list[tuple[str, BaseGeometry]],
    anchors: Mapping[str, Float64],
    rng: np.random.Generator,
) -> tuple[CameraSpot, ...]:
    sizes = _site_sizes(figures, count, rng)
    chosen = _spread(candidates, len(sizes), rng)
    sizes = sizes[: len(chosen)]
    points = candidates.points[chosen]
    degrees = np.round(plane.to_degrees(points), 6)
    purposes = _purposes(points, figures, anchors, rng)
    names = _area_names(degrees, areas)
    cameras: list[CameraSpot] = []
    for site, size in enumerate(sizes):
        views = _views(int(size), float(candidates.street_bearing_deg[chosen[site]]), figures.all_round_share, rng)
        for number, (bearing, angle, reach) in enumerate(views, start=1):
            cameras.append(
                CameraSpot(
                    source_id=f"{prefix}-{site + 1:04d}-{number}",
                    name=f"{names[site]} {PURPOSE_NAMES[purposes[site]]} {site + 1:04d}-{number}",
                    longitude=float(degrees[site, 0]),
                    latitude=float(degrees[site, 1]),
                    bearing_deg=bearing,
                    angle_deg=angle,
                    range_m=reach,
                    purpose=purposes[site],
                    is_working=bool(rng.random() < WORKING_SHARE),
                )
            )
    return tuple(cameras)


def _site_sizes(figures: CameraFigures, count: int, rng: np.random.Generator) -> Int64:
    """Cameras at each site Int64[sites], drawn from the register's shares, adding up to `count`."""
    options, shares = np.array(list(figures.site_sizes)), np.array(list(figures.site_sizes.values()))
    sizes = rng.choice(options, size=count, p=shares)
    filled = np.cumsum(sizes)
    last = int(np.searchsorted(filled, count))
    sizes = sizes[: last + 1].copy()
    sizes[last] -= filled[last] - count
    return np.asarray(sizes, dtype=np.int64)


def _spread(candidates: _Candidates, wanted: int, rng: np.random.Generator) -> Int64:
    """Positions of up to `wanted` candidates, drawn by weight, no two nearer than SPACING_M.

    Weighted order by exponential races (Efraimidis and Spirakis 2006), then one after another unless too near.
    """
    order = np.argsort(rng.exponential(size=len(candidates.weight)) / np.maximum(candidates.weight, 1e-9), kind="stable")
    tree = cKDTree(candidates.points)
    blocked = np.zeros(len(order), dtype=np.bool_)
    chosen: list[int] = []
    for index in order:
        if blocked[index]:
            continue
        chosen.append(int(index))
        if len(chosen) == wanted:
            break
        blocked[tree.query_ball_point(candidates.points[index], SPACING_M)] = True
    return np.array(chosen, dtype=np.int64)


def _purposes(points: Float64, figures: CameraFigures, anchors: Mapping[str, Float64], rng: np.random.Generator) -> list[str]:
    """A purpose for each site: published shares; those tied to a school, park or road go to sites near one."""
    purposes = np.full(len(points), "crime_prevention", dtype=object)
    free = np.ones(len(points), dtype=np.bool_)
    for purpose, share in sorted(figures.purposes.items(), key=lambda item: (item[0] not in anchors, item[1])):
        if purpose == "crime_prevention":
            continue
        weight = np.ones(len(points))
        if purpose in anchors and len(anchors[purpose]):
            distance, _nearest = cKDTree(anchors[purpose]).query(points)
            weight = np.exp(-np.asarray(distance) / NEAR_M)
        candidates = np.flatnonzero(free)
        number = min(round(share * len(points)), len(candidates))
        chosen = rng.choice(candidates, size=number, replace=False, p=weight[candidates] / weight[candidates].sum())
        purposes[chosen] = purpose
        free[chosen] = False
    return [str(purpose) for purpose in purposes]


def _views(
    size: int, street_bearing_deg: float, all_round_share: float, rng: np.random.Generator
) -> list[tuple[float | None, float, float]]:
    """Bearing (None: all round), angle and range of the cameras of one site: spread round it, the first along the street."""
    # A site of three or more has one all-round camera; smaller ones make up the rest of the register's share.
    all_round = 1 if size >= 3 else int(rng.random() < all_round_share)
    fixed = size - all_round
    turn = street_bearing_deg + rng.normal(scale=8.0)
    views: list[tuple[float | None, float, float]] = []
    for number in range(fixed):
        step = 180.0 if fixed == 2 else 360.0 / fixed
        bearing = round(float(turn + number * step + rng.normal(scale=10.0)) % 360, 1) % 360
        views.append((bearing, round(float(rng.uniform(60, 110))), round(float(rng.uniform(30, 80)))))
    views += [(None, 360.0, round(float(rng.uniform(30, 60)))) for _camera in range(all_round)]
    return views


def _area_names(degrees: Float64, areas: list[tuple[str, BaseGeometry]]) -> list[str]:
    """Name of the area each point Float64[n, 2] lies in; the nearest area where rounding put it just outside."""
    tree = shapely.STRtree([boundary for _name, boundary in areas])
    nearest = tree.nearest(shapely.points(degrees))
    return [areas[index][0] for index in nearest]
