"""Neighbourhoods of a grid: rings of cells, and Gaussian smoothing on the local metric coordinates.

Both work for hexagons, squares and given areas, for the whole city or for a grid with gaps. Smoothing goes over a fine raster
with two banded sparse matrices (a Gaussian is separable), which is exact for squares, and close to exact for hexagons, whose
counts are shared out bilinearly; an area's count is spread evenly over its pixels and collected from them again. Parts of a
grid that lie far apart have rasters of their own. One thread, so the same input gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage, sparse
from scipy.spatial import cKDTree

from prediction import areas
from prediction.grid import Grid

Float64 = npt.NDArray[np.float64]
REACH = 3.0  # a Gaussian is cut off at this many standard deviations
APART_M = 4_000.0  # between parts of a grid with rasters of their own; the widest kernel reaches 3,000 m
ROOMY_PIXELS, ROOMY_PER_CELL = 500_000, 8  # a raster of up to so many pixels serves all parts at once
TILES_AT_MOST = 4_000
BENT_M = 300_000.0  # north to south: beyond, the local projection bends the rings too much


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What lies around each cell of one grid.

    rings: two csr matrices [cells, cells] of ones: the direct neighbours, and the ring behind them (of squares 8 and 16, of
    hexagons 6 and 12, of areas those that share a border); to_raster: csr [pixels, cells], the rasters of all parts one after
    another; shapes: rows and columns of each raster; pixel_m; scale: pixels per cell, one number or Float64[cells].
    """

    rings: tuple[sparse.csr_array, sparse.csr_array]
    to_raster: sparse.csr_array
    shapes: tuple[tuple[int, int], ...]
    pixel_m: float
    scale: float | Float64

    @classmethod
    def of(cls, grid: Grid) -> Self:
        if grid.kind == "areas":
            metric = areas.to_metric(grid.polygons, grid.epsg)
            pixel = areas.pixel_size(metric)
            to_raster, shape, scale = _area_weights(metric, pixel)
            near, behind = areas.neighbours(metric)
            return cls((_adjacency(near, len(grid)), _adjacency(behind, len(grid))), to_raster, (shape,), pixel, scale)
        pixel = grid.spacing_m * (1.0 if grid.kind == "square" else 0.8)
        to_raster, shapes = _raster_weights(grid, pixel)
        return cls(_rings(grid), to_raster, shapes, pixel, grid.area_km2 * 1e6 / pixel**2)

    def ring_sums(self, fields: Float64, ring: int) -> Float64:
        """Float64[..., cells] summed over ring 1 or 2 of each cell."""
        flat = fields.reshape(-1, fields.shape[-1])
        return np.asarray((self.rings[ring - 1] @ flat.T).T.reshape(fields.shape), dtype=np.float64)

    def smooth(self, fields: Float64, sigma_m: float) -> Float64:
        """Float64[..., cells]: Gaussian-smoothed counts, again per cell; mass that would fall outside the city is lost.

        Parts more than `APART_M` apart do not reach each other, whatever the sigma.
        """
        flat = fields.reshape(-1, fields.shape[-1])
        raster = self.to_raster @ flat.T
        begin, sigma = 0, sigma_m / self.pixel_m
        for rows, columns in self.shapes:
            part = slice(begin, begin + rows * columns)
            raster[part] = _smoothed(raster[part], rows, columns, sigma)
            begin += rows * columns
        # to_raster's transpose reads the image at the cells: bilinearly at their centres, or as the mean of an area's pixels.
        return np.asarray((self.to_raster.T @ raster).T.reshape(fields.shape) * self.scale, dtype=np.float64)


def _smoothed(raster: Float64, rows: int, columns: int, sigma: float) -> Float64:
    """Float64[rows × columns, fields]: down, then across; sigma in pixels."""
    count = raster.shape[1]
    down = _band(rows, sigma) @ np.ascontiguousarray(raster.reshape(rows, columns * count))
    across = np.ascontiguousarray(down.reshape(rows, columns, count).transpose(1, 0, 2)).reshape(columns, rows * count)
    both = (_band(columns, sigma) @ across).reshape(columns, rows, count)
    return np.ascontiguousarray(both.transpose(1, 0, 2)).reshape(rows * columns, count)


@lru_cache(maxsize=32)
def _band(size: int, sigma: float) -> sparse.csr_array:
    """Banded matrix [size, size] of a normalised Gaussian of `sigma` pixels."""
    reach = min(int(np.ceil(REACH * sigma)), size - 1)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / max(sigma, 1e-9)) ** 2)
    weights /= weights.sum()
    bands = np.repeat(weights[:, np.newaxis], size, axis=1)
    return sparse.csr_array(sparse.dia_array((bands, offsets), shape=(size, size)))


def _raster_weights(grid: Grid, pixel: float) -> tuple[sparse.csr_array, tuple[tuple[int, int], ...]]:
    """Bilinear weights csr [pixels, cells] of the cells' centres on the rasters, each with a margin of one pixel."""
    pixels, weights, owners, shapes = [], [], [], []
    begin = 0
    for cells in _parts(grid, pixel):
        origin = grid.centres_m[cells].min(axis=0) - pixel
        position = (grid.centres_m[cells] - origin) / pixel
        if grid.kind == "square":
            position = np.round(position)
        corner = np.floor(position).astype(np.int64)
        part = position - corner
        columns, rows = (int(n) + 2 for n in corner.max(axis=0))
        for right, up in ((0, 0), (1, 0), (0, 1), (1, 1)):
            pixels.append(begin + (corner[:, 1] + up) * columns + corner[:, 0] + right)
            weights.append(np.abs(1 - right - part[:, 0]) * np.abs(1 - up - part[:, 1]))
            owners.append(cells)
        shapes.append((rows, columns))
        begin += rows * columns
    where = (np.concatenate(pixels), np.concatenate(owners))
    table = sparse.coo_array((np.concatenate(weights), where), shape=(begin, len(grid))).tocsr()
    table.eliminate_zeros()
    return table, tuple(shapes)


def _parts(grid: Grid, pixel: float) -> list[npt.NDArray[np.intp]]:
    """Positions of the cells of each part: all together, unless their common raster were mostly empty."""
    spread = (grid.centres_m.max(axis=0) - grid.centres_m.min(axis=0)) / pixel + 3
    if spread.prod() <= ROOMY_PIXELS + ROOMY_PER_CELL * len(grid):
        return [np.arange(len(grid))]
    # Cells in tiles that do not touch are more than a tile apart.
    size = max(APART_M, 4 * grid.spacing_m, float(np.ptp(grid.centres_m, axis=0).max()) / TILES_AT_MOST)
    tile = np.floor((grid.centres_m - grid.centres_m.min(axis=0)) / size).astype(np.int64)
    held = np.zeros(tile.max(axis=0) + 1, dtype=np.bool_)
    held[tile[:, 0], tile[:, 1]] = True
    labels, _ = ndimage.label(held, structure=np.ones((3, 3), dtype=np.int8))  # type: ignore[misc]  # no output array given
    label = labels[tile[:, 0], tile[:, 1]]
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def _area_weights(
    metric: list[shapely.geometry.base.BaseGeometry], pixel: float
) -> tuple[sparse.csr_array, tuple[int, int], Float64]:
    """Even weights csr [pixels, cells], the raster's shape, and each area's number of pixels Float64[cells]."""
    pixels, owner, shape = areas.pixels_of(metric, pixel)
    held = np.bincount(owner, minlength=len(metric)).astype(np.float64)
    table = sparse.coo_array((1 / held[owner], (pixels, owner)), shape=(shape[0] * shape[1], len(metric))).tocsr()
    return table, shape, held


def _rings(grid: Grid) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Rings by distance of centres: in both kinds of grid the rings are well apart, also where a map projection bends them."""
    if grid.kind == "h3" and np.ptp(grid.centres_m[:, 1]) > BENT_M:
        return _h3_rings(grid)
    near, far = (1.2, 2.3) if grid.kind == "h3" else (1.7, 2.9)
    near = near * 1.12 if grid.kind == "h3" else near
    tree = cKDTree(grid.centres_m)
    pairs = tree.query_pairs(far * grid.spacing_m, output_type="ndarray")
    distance = np.linalg.norm(grid.centres_m[pairs[:, 0]] - grid.centres_m[pairs[:, 1]], axis=1) / grid.spacing_m
    return _adjacency(pairs[distance <= near], len(grid)), _adjacency(pairs[distance > near], len(grid))


def _h3_rings(grid: Grid) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Rings as H3 tells them, cell by cell: slower, and right however far the grid reaches."""
    out = []
    for ring in (1, 2):
        found = [np.setdiff1d(h3.grid_disk(int(cell), ring), h3.grid_disk(int(cell), ring - 1)) for cell in grid.cell_ids]
        owner = np.repeat(np.arange(len(grid)), [len(near) for near in found])
        other = grid.index_of(np.concatenate(found))
        inside = (other >= 0) & (owner < other)
        out.append(_adjacency(np.column_stack([owner[inside], other[inside]]).astype(np.intp), len(grid)))
    return out[0], out[1]


def _adjacency(pairs: npt.NDArray[np.intp], cells: int) -> sparse.csr_array:
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(cells, cells)).tocsr()
