"""What each camera sees of each cell.

In: camera positions (WGS84), directions, angles and ranges; H3 cells. Out: `Views`, which sample points of which cells lie in
each camera's view, and from it the share of each cell's area in view.

A view is a circular sector around the camera (a full circle where the direction is unknown). Buildings are not known here, so a
view is what the camera could see on open ground. Every cell carries the same lattice of 96 sample points, each standing for 1/96
of its area: the centroids of the triangles that cut each of the hexagon's six wedges into 16 equal parts. Against exact polygons
the share of a resolution-10 cell (15,000 m²) is off by 0.007 on average and by 0.05 at most, for circles and sectors of 30 to
100 m (measured by bench/watch.py).
"""

from dataclasses import dataclass

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
CellArray = npt.NDArray[np.uint64]

WEDGE_PARTS = 4  # each edge of a wedge is cut into this many parts, the wedge into its square
POINTS_PER_CELL = 6 * WEDGE_PARTS**2
PAIRS_AT_ONCE = 20_000  # × 96 points × 8 bytes ≈ 15 MB a temporary array

WGS84_EQUATOR_M = 6_378_137.0
WGS84_E2 = 0.00669437999014
MEAN_RADIUS_M = 6_371_008.8


class CameraGeometryError(ValueError):
    """The camera arrays do not fit together or hold values that describe no view."""


@dataclass(frozen=True, eq=False)
class Views:
    """Which sample points each camera sees.

    first: Int64[cameras + 1] and points: Int64[seen], row-compressed: camera i sees `points[first[i]:first[i + 1]]`, ascending.
    Point `p` belongs to cell `p // POINTS_PER_CELL` in the given order of cells and stands for 1 / POINTS_PER_CELL of its area.
    """

    first: IntArray
    points: IntArray
    cell_count: int

    @property
    def camera_count(self) -> int:
        return len(self.first) - 1

    def of(self, camera: int) -> IntArray:
        """The points that one camera sees: Int64[seen by it]."""
        return self.points[self.first[camera] : self.first[camera + 1]]

    def subset(self, cameras: IntArray) -> "Views":
        """The views of these cameras only, in this order."""
        parts = [self.of(int(camera)) for camera in cameras]
        first = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return Views(first, np.concatenate([*parts, np.zeros(0, np.int64)]), self.cell_count)

    def coverage(self) -> csr_array:
        """Share of each cell's area in view: sparse Float32[cameras, cells], 0 to 1."""
        cameras = np.repeat(np.arange(self.camera_count), np.diff(self.first))
        shares = np.full(len(self.points), 1 / POINTS_PER_CELL, np.float64)
        shape = (self.camera_count, self.cell_count)
        matrix = csr_array((shares, (cameras, self.points // POINTS_PER_CELL)), shape=shape)
        matrix.sum_duplicates()
        return matrix.astype(np.float32)


def coverage_matrix(
    lon: FloatArray, lat: FloatArray, bearing_deg: FloatArray, angle_deg: FloatArray, range_m: FloatArray, *, cell_ids: CellArray
) -> csr_array:
    """Share of each cell's area in each camera's view: sparse Float32[cameras, cells]. Arguments as of `look`."""
    return look(lon, lat, bearing_deg, angle_deg, range_m, cell_ids=cell_ids).coverage()


def look(
    lon: FloatArray, lat: FloatArray, bearing_deg: FloatArray, angle_deg: FloatArray, range_m: FloatArray, *, cell_ids: CellArray
) -> Views:
    """Find the sample points in each camera's view.

    lon, lat: Float64[cameras], degrees WGS84. bearing_deg: Float64[cameras], middle of the view clockwise from north, NaN where
    unknown (the view is then a circle). angle_deg: Float64[cameras] in (0, 360]. range_m: Float64[cameras] > 0.
    cell_ids: UInt64[cells], H3 indexes of one resolution. Raises `CameraGeometryError`.
    """
    arrays = [np.asarray(values, np.float64) for values in (lon, lat, bearing_deg, angle_deg, range_m)]
    lon, lat, bearing_deg, angle_deg, range_m = arrays
    _check(arrays)
    cells = np.asarray(cell_ids, np.uint64)
    if len(lon) == 0 or len(cells) == 0:
        return Views(np.zeros(len(lon) + 1, np.int64), np.zeros(0, np.int64), len(cells))
    camera, cell = _near_pairs(lon, lat, range_m, cells)
    near, position = np.unique(cell, return_inverse=True)
    lattice = cell_points(cells[near])
    seen = np.zeros(len(lon), np.int64)
    found: list[IntArray] = []
    for start in range(0, len(camera), PAIRS_AT_ONCE):
        chunk = slice(start, start + PAIRS_AT_ONCE)
        i = camera[chunk]
        east, north = metres_from(lon[i, None], lat[i, None], lattice[position[chunk], :, 0], lattice[position[chunk], :, 1])
        inside = in_view(east, north, bearing_deg[i, None], angle_deg[i, None], range_m[i, None])
        seen += np.bincount(i, weights=inside.sum(axis=1), minlength=len(lon)).astype(np.int64)
        row, point = np.nonzero(inside)
        found.append(cell[chunk][row] * POINTS_PER_CELL + point)
    first = np.concatenate([[0], np.cumsum(seen)]).astype(np.int64)
    return Views(first, np.concatenate([*found, np.zeros(0, np.int64)]), len(cells))


def in_view(
    east_m: FloatArray, north_m: FloatArray, bearing_deg: FloatArray, angle_deg: FloatArray, range_m: FloatArray
) -> npt.NDArray[np.bool_]:
    """Whether points at these offsets from the camera lie in its view; all arguments broadcast together.

    The sector is half-open (its left edge belongs to it, its right edge does not), so that two halves make the whole exactly.
    """
    near = east_m**2 + north_m**2 <= range_m**2
    direction_deg = np.degrees(np.arctan2(east_m, north_m))
    from_left_edge = np.mod(direction_deg - (bearing_deg - angle_deg / 2), 360.0)
    all_round = np.isnan(bearing_deg) | (angle_deg >= 360.0)
    return np.asarray(near & (all_round | (from_left_edge < angle_deg)))


def metres_from(lon: FloatArray, lat: FloatArray, to_lon: FloatArray, to_lat: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Offsets east and north, in metres, on the plane that touches WGS84 at (lon, lat); within 0.02 % up to 2 km away."""
    sine = np.sin(np.radians(lat))
    curvature = 1 - WGS84_E2 * sine**2
    meridian_m = WGS84_EQUATOR_M * (1 - WGS84_E2) / curvature**1.5
    parallel_m = WGS84_EQUATOR_M / np.sqrt(curvature) * np.cos(np.radians(lat))
    turn = np.mod(to_lon - lon + 180.0, 360.0) - 180.0  # the short way round, also across the date line
    return np.radians(turn) * parallel_m, np.radians(to_lat - lat) * meridian_m


def cell_points(cell_ids: CellArray) -> FloatArray:
    """The sample points of each cell: Float64[cells, POINTS_PER_CELL, 2] as (lon, lat)."""
    corners = np.array([_corners(cell) for cell in np.asarray(cell_ids).tolist()], np.float64).reshape(-1, 6, 2)
    centres = _centres(cell_ids)
    corners[..., 0] = centres[:, None, 0] + np.mod(corners[..., 0] - centres[:, None, 0] + 180.0, 360.0) - 180.0
    a = corners - centres[:, None, :]
    b = np.roll(corners, -1, axis=1) - centres[:, None, :]
    u, v = _wedge_lattice()
    offsets = a[:, :, None, :] * u[:, None] + b[:, :, None, :] * v[:, None]
    return np.asarray(centres[:, None, :] + offsets.reshape(len(corners), POINTS_PER_CELL, 2))


def _check(arrays: list[FloatArray]) -> None:
    lon, lat, bearing_deg, angle_deg, range_m = arrays
    if any(values.shape != lon.shape or values.ndim != 1 for values in arrays):
        raise CameraGeometryError("The five camera arrays must be one-dimensional and of one length.")
    wrong = ~(np.isfinite(lon) & np.isfinite(lat) & (angle_deg > 0) & (angle_deg <= 360) & (range_m > 0) & np.isfinite(range_m))
    wrong |= np.isinf(bearing_deg)
    if wrong.any():
        raise CameraGeometryError(
            f"Camera {int(np.argmax(wrong))} has no usable view: "
            "it needs a finite position, an angle in (0, 360] and a range above 0."
        )


def _near_pairs(lon: FloatArray, lat: FloatArray, range_m: FloatArray, cells: CellArray) -> tuple[IntArray, IntArray]:
    """Camera and cell numbers of all pairs close enough to touch, ordered by camera, then cell."""
    # A chord is never longer than its arc, so the tree over unit vectors misses no cell; the factor covers the most stretched
    # hexagon of a resolution (its corners lie up to 1.3 average edges from the centre).
    edge_m = h3.average_hexagon_edge_length(h3.get_resolution(int(cells[0])), unit="m")
    tree = cKDTree(_sphere_m(*_centres(cells).T))
    lists = tree.query_ball_point(_sphere_m(lon, lat), range_m + 1.5 * edge_m, return_sorted=True)
    lengths = np.array([len(found) for found in lists], np.int64)
    camera = np.repeat(np.arange(len(lon), dtype=np.int64), lengths)
    cell = np.fromiter((cell for found in lists for cell in found), np.int64, int(lengths.sum()))
    return camera, cell


def _sphere_m(lon: FloatArray, lat: FloatArray) -> FloatArray:
    x, y = np.radians(lon), np.radians(lat)
    return MEAN_RADIUS_M * np.column_stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])


def _centres(cells: CellArray) -> FloatArray:
    """Float64[cells, 2] as (lon, lat)."""
    centres = np.array([h3.cell_to_latlng(cell) for cell in np.asarray(cells).tolist()], np.float64).reshape(-1, 2)
    return centres[:, ::-1]


def _corners(cell: int) -> list[tuple[float, float]]:
    """The six corners of a cell as (lon, lat)."""
    boundary = h3.cell_to_boundary(cell)
    if len(boundary) != 6:
        # A cell across an edge of H3's icosahedron has extra points on its sides, and the twelve pentagons (all at sea)
        # lack a corner, which is made up by repeating one.
        boundary = [h3.vertex_to_latlng(vertex) for vertex in h3.cell_to_vertexes(cell) if vertex]
        boundary = [*boundary, *boundary[-1:] * (6 - len(boundary))]
    return [(lon, lat) for lat, lon in boundary]


def _wedge_lattice() -> tuple[FloatArray, FloatArray]:
    """Centroids of the WEDGE_PARTS² equal triangles of a wedge, as weights of its two outer corners."""
    n = WEDGE_PARTS
    upright = [(i + 1 / 3, j + 1 / 3) for i in range(n) for j in range(n - i)]
    hanging = [(i + 2 / 3, j + 2 / 3) for i in range(n) for j in range(n - i - 1)]
    u, v = np.array(upright + hanging, np.float64).T / n
    return u, v
