"""Neighbourhoods of a grid: rings of cells, and Gaussian smoothing on the local metric coordinates.

Both work for hexagons and for squares, for the whole city or for a grid with gaps. Smoothing goes over a fine raster with two
banded sparse matrices (a Gaussian is separable), which is exact for squares, and close to exact for hexagons, whose counts
are shared out bilinearly. One thread, so the same input gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.spatial import cKDTree

from prediction.grid import Grid

Float64 = npt.NDArray[np.float64]
REACH = 3.0  # a Gaussian is cut off at this many standard deviations


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What lies around each cell of one grid.

    rings: two csr matrices [cells, cells] of ones: the direct neighbours, and the ring behind them (of squares 8 and 16, of
    hexagons 6 and 12); to_raster: csr [pixels, cells]; shape: rows and columns of the raster; pixel_m; scale: cells per pixel.
    """

    rings: tuple[sparse.csr_array, sparse.csr_array]
    to_raster: sparse.csr_array
    shape: tuple[int, int]
    pixel_m: float
    scale: float

    @classmethod
    def of(cls, grid: Grid) -> Self:
        pixel = grid.spacing_m * (1.0 if grid.kind == "square" else 0.8)
        to_raster, shape = _raster_weights(grid, pixel)
        scale = grid.area_km2 * 1e6 / pixel**2
        return cls(_rings(grid), to_raster, shape, pixel, scale)

    def ring_sums(self, fields: Float64, ring: int) -> Float64:
        """Float64[..., cells] summed over ring 1 or 2 of each cell."""
        flat = fields.reshape(-1, fields.shape[-1])
        return np.asarray((self.rings[ring - 1] @ flat.T).T.reshape(fields.shape), dtype=np.float64)

    def smooth(self, fields: Float64, sigma_m: float) -> Float64:
        """Float64[..., cells]: Gaussian-smoothed counts, again per cell; mass that would fall outside the city is lost."""
        flat = fields.reshape(-1, fields.shape[-1])
        rows, columns = self.shape
        count = len(flat)
        raster = np.ascontiguousarray((self.to_raster @ flat.T).reshape(rows, columns * count))
        down = _band(rows, sigma_m / self.pixel_m) @ raster
        across = np.ascontiguousarray(down.reshape(rows, columns, count).transpose(1, 0, 2)).reshape(columns, rows * count)
        both = (_band(columns, sigma_m / self.pixel_m) @ across).reshape(columns, rows, count)
        image = np.ascontiguousarray(both.transpose(1, 0, 2)).reshape(rows * columns, count)
        # to_raster's transpose reads the image bilinearly at the cells' centres.
        return np.asarray((self.to_raster.T @ image).T.reshape(fields.shape) * self.scale, dtype=np.float64)


@lru_cache(maxsize=32)
def _band(size: int, sigma: float) -> sparse.csr_array:
    """Banded matrix [size, size] of a normalised Gaussian of `sigma` pixels."""
    reach = min(int(np.ceil(REACH * sigma)), size - 1)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / max(sigma, 1e-9)) ** 2)
    weights /= weights.sum()
    bands = np.repeat(weights[:, np.newaxis], size, axis=1)
    return sparse.csr_array(sparse.dia_array((bands, offsets), shape=(size, size)))


def _raster_weights(grid: Grid, pixel: float) -> tuple[sparse.csr_array, tuple[int, int]]:
    """Bilinear weights csr [pixels, cells] of the cells' centres on a raster with a margin of one pixel."""
    origin = grid.centres_m.min(axis=0) - pixel
    position = (grid.centres_m - origin) / pixel
    if grid.kind == "square":
        position = np.round(position)
    corner = np.floor(position).astype(np.int64)
    part = position - corner
    columns, rows = (int(n) + 2 for n in corner.max(axis=0))
    cells = np.arange(len(grid))
    pixels, weights = [], []
    for right, up in ((0, 0), (1, 0), (0, 1), (1, 1)):
        pixels.append((corner[:, 1] + up) * columns + corner[:, 0] + right)
        weights.append(np.abs(1 - right - part[:, 0]) * np.abs(1 - up - part[:, 1]))
    table = sparse.coo_array(
        (np.concatenate(weights), (np.concatenate(pixels), np.tile(cells, 4))), shape=(rows * columns, len(grid))
    ).tocsr()
    table.eliminate_zeros()
    return table, (rows, columns)


def _rings(grid: Grid) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Rings by distance of centres: in both kinds of grid the rings are well apart, also where a map projection bends them."""
    near, far = (1.2, 2.3) if grid.kind == "h3" else (1.7, 2.9)
    near = near * 1.12 if grid.kind == "h3" else near
    tree = cKDTree(grid.centres_m)
    pairs = tree.query_pairs(far * grid.spacing_m, output_type="ndarray")
    distance = np.linalg.norm(grid.centres_m[pairs[:, 0]] - grid.centres_m[pairs[:, 1]], axis=1) / grid.spacing_m
    return _adjacency(pairs[distance <= near], len(grid)), _adjacency(pairs[distance > near], len(grid))


def _adjacency(pairs: npt.NDArray[np.intp], cells: int) -> sparse.csr_array:
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(cells, cells)).tocsr()
