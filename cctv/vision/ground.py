"""From picture to ground: the homography that four or more clicked points give (Hartley and Zisserman 2004, chapter 4).

Points of the picture are fractions of its width and height, so that a stream may change its size; ground positions are metres
east and north of the camera; places are WGS84. The ground is taken as flat.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

EARTH_M = 6_371_008.8
FEWEST_POINTS = 4
FARTHEST_M = 1_000.0  # no street camera tells people apart farther away
LARGEST_ERROR_M = 5.0  # root mean square over more than four points

Point = tuple[float, float]


class CalibrationError(ValueError):
    """The points do not make a ground plane. `code` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, eq=False)
class Homography:
    """matrix: Float64[3, 3], picture to metres; camera_lon, camera_lat: where metres begin; error_m: RMS of the points."""

    matrix: npt.NDArray[np.float64]
    camera_lon: float
    camera_lat: float
    error_m: float

    @classmethod
    def from_points(cls, points: Sequence[Point], places: Sequence[Point], *, lon: float, lat: float) -> "Homography":
        """Fit to `points` (x, y as fractions of the picture) and their `places` (longitude, latitude).

        Raises CalibrationError: too few, not finite or outside the picture, on one line, too far, not on one plane.
        """
        picture, ground = _checked(points, places, lon, lat)
        matrix, _ = cv2.findHomography(picture, ground, 0)
        if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
            raise CalibrationError("degenerate", "The points give no ground plane. Choose points farther apart.")
        weight = np.column_stack([picture, np.ones(len(picture))]) @ matrix[2]
        matrix = np.array(matrix, np.float64) * np.sign(weight[0])
        if (weight.min() < 0) != (weight.max() < 0) or np.linalg.det(matrix) > 0:  # y goes down in the picture, up on the map
            raise CalibrationError(
                "crossed", "Seen from above, no camera sees the places in this order. Check that none were exchanged."
            )
        fitted = cls(matrix, lon, lat, 0.0)
        away = np.array([fitted.to_metres(x, y) or (np.inf, np.inf) for x, y in picture]) - ground
        error_m = float(np.sqrt((away**2).sum(axis=1).mean()))
        if not error_m <= LARGEST_ERROR_M:
            raise CalibrationError("error", f"The points miss one flat ground by {error_m:.1f} m. Move or leave out the worst.")
        return cls(fitted.matrix, lon, lat, error_m)

    def to_metres(self, x: float, y: float) -> Point | None:
        """Metres east and north of the camera for a point of the picture (fractions); None above the horizon or beyond 1 km."""
        east, north, weight = self.matrix @ (x, y, 1.0)
        if weight <= 1e-9:
            return None
        east, north = float(east / weight), float(north / weight)
        return (east, north) if math.hypot(east, north) <= 2 * FARTHEST_M else None

    def to_wgs84(self, east_m: float, north_m: float) -> Point:
        """Longitude and latitude of a ground position."""
        degree_m = math.radians(1) * EARTH_M
        return self.camera_lon + east_m / (
            degree_m * math.cos(math.radians(self.camera_lat))
        ), self.camera_lat + north_m / degree_m

    def to_picture(self, east_m: float, north_m: float) -> Point | None:
        """The point of the picture (fractions, may lie outside 0 … 1) where a ground position is seen."""
        x, y, weight = np.linalg.inv(self.matrix) @ (east_m, north_m, 1.0)
        return (float(x / weight), float(y / weight)) if abs(weight) > 1e-12 else None


def metres_from(lon: float, lat: float, places: Sequence[Point]) -> npt.NDArray[np.float64]:
    """Float64[n, 2]: metres east and north of (lon, lat), on the local tangent plane (error below 1 cm within 1 km)."""
    degree_m = math.radians(1) * EARTH_M
    away = np.asarray(places, np.float64) - (lon, lat)
    return away * (degree_m * math.cos(math.radians(lat)), degree_m)


def _checked(
    points: Sequence[Point], places: Sequence[Point], lon: float, lat: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if len(points) < FEWEST_POINTS or len(points) != len(places):
        raise CalibrationError("count", f"{len(points)} points and {len(places)} places were given; at least 4 pairs are needed.")
    picture, ground = np.asarray(points, np.float64), metres_from(lon, lat, places)
    if not np.isfinite(picture).all() or not np.isfinite(ground).all() or picture.min() < 0 or picture.max() > 1:
        raise CalibrationError("outside", "A point lies outside the picture. Its x and y are fractions from 0 to 1.")
    far_m = float(np.hypot(*ground.T).max())
    if far_m > FARTHEST_M:
        raise CalibrationError("far", f"A place lies {far_m:,.0f} m from the camera; at most 1,000 m can be. Check the place.")
    for name, spread in (("picture", picture), ("ground", ground)):
        strengths = np.linalg.svd(spread - spread.mean(axis=0), compute_uv=False)
        if strengths[1] <= 0.05 * strengths[0]:
            raise CalibrationError("line", f"The points lie on one line in the {name}. Choose one well beside it.")
    return picture, ground
