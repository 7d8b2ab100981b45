"""The ground of the demo city: outline, dong, schematic places, and a flat plane to work on in metres.

Read from hand-written fixtures (`outline.geojson`, `dong.csv`, `places.geojson`); nothing here is a survey.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from simulation.errors import SimulationError

EARTH_RADIUS_M = 6_371_008.8
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Equirectangular plane around a centre: good to a few metres over a city. Degrees are WGS84."""

    longitude: float
    latitude: float

    @classmethod
    def around(cls, geometry: BaseGeometry) -> Plane:
        centre = geometry.centroid
        return cls(round(centre.x, 3), round(centre.y, 3))

    @property
    def metres_per_degree(self) -> Float64:
        """Float64[2]: metres in one degree of longitude and of latitude."""
        one = np.radians(1.0) * EARTH_RADIUS_M
        return np.array([one * np.cos(np.radians(self.latitude)), one])

    def to_metres(self, degrees: Float64) -> Float64:
        """Longitude and latitude Float64[n, 2] to x and y in metres."""
        return np.asarray((np.asarray(degrees) - (self.longitude, self.latitude)) * self.metres_per_degree)

    def to_degrees(self, metres: Float64) -> Float64:
        """x and y in metres Float64[n, 2] to longitude and latitude."""
        return np.asarray(np.asarray(metres) / self.metres_per_degree + (self.longitude, self.latitude))

    def flat(self, geometry: BaseGeometry) -> BaseGeometry:
        """A geometry in degrees, in metres."""
        return shapely.transform(geometry, self.to_metres)

    def round_earth(self, geometry: BaseGeometry) -> BaseGeometry:
        """A geometry in metres, in degrees."""
        return shapely.transform(geometry, self.to_degrees)


@dataclass(frozen=True)
class Feature:
    """One place of the base map (WGS84). `size` is its draw relative to others of its kind."""

    kind: str
    name: str
    name_en: str
    geometry: BaseGeometry
    size: float = 1.0


@dataclass(frozen=True)
class Dong:
    """One administrative dong: its polygon (WGS84) and registered population."""

    code: str
    name: str
    name_en: str
    population: int
    boundary: BaseGeometry


@dataclass(frozen=True)
class Geography:
    """The ground that incidents and cameras stand on. All geometries WGS84; `buildable` is where people live and walk."""

    outline: shapely.Polygon | shapely.MultiPolygon
    plane: Plane
    dongs: tuple[Dong, ...]
    features: tuple[Feature, ...]
    buildable: BaseGeometry

    def of_kind(self, *kinds: str) -> list[Feature]:
        return [feature for feature in self.features if feature.kind in kinds]


def read_geography(folder: Path) -> Geography:
    """Read the fixtures of one city. Raises `SimulationError` where the outline is not one valid polygon."""
    outline = shape(_read_features(folder / "outline.geojson")[0]["geometry"])
    if not isinstance(outline, shapely.Polygon) or not outline.is_valid:
        raise SimulationError(f"{folder / 'outline.geojson'}: the outline must be one polygon that does not cross itself.")
    features = tuple(_read_feature(raw) for raw in _read_features(folder / "places.geojson"))
    plane = Plane.around(outline)
    wild = [feature.geometry for feature in features if feature.kind in {"river", "forest"} and feature.geometry.area > 0]
    buildable = shapely.difference(outline, shapely.union_all(wild))
    return Geography(outline, plane, _read_dongs(folder / "dong.csv", outline, plane), features, buildable)


def _read_features(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["features"]
    return found


def _read_feature(raw: dict[str, Any]) -> Feature:
    properties = raw["properties"]
    geometry = shape(raw["geometry"])
    return Feature(properties["kind"], properties["name"], properties["name_en"], geometry, float(properties.get("size", 1.0)))


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a fixture table: CSV (UTF-8) whose lines that begin with # name the source."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _read_dongs(path: Path, outline: shapely.Polygon, plane: Plane) -> tuple[Dong, ...]:
    rows = read_table(path)
    centres = plane.to_metres(np.array([[float(row["longitude"]), float(row["latitude"])] for row in rows]))
    weights = np.array([float(row["weight_km2"]) * 1e6 for row in rows])
    cells = power_cells(plane.flat(outline), centres, weights)
    return tuple(
        Dong(row["code"], row["name"], row["name_en"], int(row["population"]), plane.round_earth(cell))
        for row, cell in zip(rows, cells, strict=True)
    )


def power_cells(outline: BaseGeometry, centres_m: Float64, weights_m2: Float64) -> list[BaseGeometry]:
    """Cut an outline (metres) into one part per centre: the weighted Voronoi (power) diagram. The parts tile the outline.

    A point belongs to the centre with the least squared distance less weight (Aurenhammer 1987), so borders are straight
    and a greater weight makes a greater part. centres_m: Float64[n, 2]; weights_m2: Float64[n].
    """
    reach = 4 * float(np.ptp(np.array(outline.bounds).reshape(2, 2), axis=0).max())
    cells: list[BaseGeometry] = []
    for i, (centre, weight) in enumerate(zip(centres_m, weights_m2, strict=True)):
        part = outline
        for j, (other, other_weight) in enumerate(zip(centres_m, weights_m2, strict=True)):
            if i != j:
                part = shapely.intersection(part, _nearer_side(centre, other, weight - other_weight, reach))
        cells.append(_only_polygons(part))
    return cells


def _nearer_side(centre: Float64, other: Float64, advantage_m2: float, reach_m: float) -> shapely.Polygon:
    """The half-plane of points that belong to `centre` rather than `other`, as a square large enough."""
    apart = other - centre
    distance = float(np.hypot(*apart))
    along = apart / distance
    across = np.array([-along[1], along[0]])
    edge = centre + along * (distance / 2 + advantage_m2 / (2 * distance))
    corners = [edge + across * reach_m, edge - across * reach_m]
    back = along * reach_m
    return shapely.Polygon([corners[0], corners[1], corners[1] - back, corners[0] - back])


def _only_polygons(geometry: BaseGeometry) -> shapely.MultiPolygon:
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon) and part.area > 1e-6]
    return shapely.MultiPolygon(parts)


def points_inside(region: BaseGeometry, points_m: Float64) -> npt.NDArray[np.bool_]:
    """Bool[n]: which points Float64[n, 2] lie in the region (same plane)."""
    shapely.prepare(region)
    return np.asarray(shapely.contains_xy(region, points_m[:, 0], points_m[:, 1]))


def scatter(region: BaseGeometry, count: int, rng: np.random.Generator) -> Float64:
    """`count` points Float64[count, 2] spread evenly at random over a region."""
    west, south, east, north = region.bounds
    share = region.area / max((east - west) * (north - south), 1e-9)
    found: list[Float64] = []
    left = count
    while left > 0:
        trial = rng.uniform((west, south), (east, north), size=(int(left / share * 1.2) + 16, 2))
        inside = trial[points_inside(region, trial)][:left]
        found.append(inside)
        left -= len(inside)
    return np.concatenate(found) if found else np.empty((0, 2))


def line_points(lines: Sequence[BaseGeometry], spacing_m: float) -> tuple[Float64, Float64]:
    """Points every `spacing_m` along lines: Float64[n, 2] in metres, and the line's bearing there: Float64[n] in degrees."""
    points: list[Float64] = []
    bearings: list[Float64] = []
    for line in shapely.get_parts(np.array(lines, dtype=object)):
        steps = np.arange(spacing_m / 2, line.length, spacing_m)
        here = shapely.get_coordinates(shapely.line_interpolate_point(line, steps))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(steps + 1.0, line.length)))
        back = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(steps - 1.0, 0.0)))
        points.append(here)
        bearings.append(np.degrees(np.arctan2(*(ahead - back).T)) % 360)
    if not points:
        return np.empty((0, 2)), np.empty(0)
    return np.concatenate(points), np.concatenate(bearings)
