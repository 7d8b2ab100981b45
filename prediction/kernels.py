"""The hotspot maps that the field compares itself with, computed on a raster in about a millisecond.

Counting grid, kernel density (Gaussian or quartic), RetroHotSpot and ProHotspot. The usual programs ask for each cell how far
every event lies; here events are first counted into cells, and one pass over the raster does the rest.

Sources: Silverman 1986 (quartic kernel); Chainey, Tompson, Uhlig 2008 (retrospective hotspots); Bowers, Johnson, Pease 2004
(prospective hotspots, weight 1/(1 + weeks) · 1/(1 + rings of cells)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.fft import irfft2, next_fast_len, rfft2

from prediction.errors import PredictionError
from prediction.grid import Grid

Float64 = npt.NDArray[np.float64]
Kernel = Literal["gaussian", "quartic"]
REACH = 3.0  # a Gaussian is cut off at this many standard deviations
SMALL_STENCIL = 81  # up to this many weights, adding shifted rasters is quicker than a Fourier transform


@dataclass(frozen=True)
class Raster:
    """Squares of `size_m`, rows from south to north and columns from west to east; its corner in a metric projection."""

    west_m: float
    south_m: float
    size_m: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if not (self.size_m > 0 and self.rows > 0 and self.columns > 0):
            raise PredictionError(
                f"A raster needs at least one square with a size; got {self.rows} × {self.columns} of {self.size_m} m."
            )

    @classmethod
    def of(cls, grid: Grid) -> Self:
        """The smallest raster that holds all cells of a grid of squares."""
        if grid.kind != "square":
            raise PredictionError(f"A raster is made from a grid of squares, not from one of kind {grid.kind}.")
        size = grid.spacing_m
        corner = grid.centres_m.min(axis=0) - size / 2
        columns, rows = np.rint((grid.centres_m.max(axis=0) - corner) / size + 0.5).astype(int)
        return cls(float(corner[0]), float(corner[1]), size, int(rows), int(columns))

    def positions(self, grid: Grid) -> npt.NDArray[np.int64]:
        """Int64[cells]: where in a flattened raster the cells of its grid lie: `field.ravel()[raster.positions(grid)]`."""
        column, row = np.floor((grid.centres_m - (self.west_m, self.south_m)) / self.size_m).astype(np.int64).T
        return np.asarray(row * self.columns + column, dtype=np.int64)

    def count(self, x_m: Float64, y_m: Float64, weights: Float64 | None = None) -> Float64:
        """Float64[rows, columns]: events (or their weights Float64[n]) in each square; those outside are left out."""
        column, row = self._column_row(x_m, y_m)
        # In floats, so that points far away or without a place (NaN) cannot wrap into the raster.
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        if not inside.all():
            column, row = column[inside], row[inside]
            weights = None if weights is None else weights[inside]
        flat = (row * self.columns + column).astype(np.int64)
        sums = np.bincount(flat, weights, minlength=self.rows * self.columns)
        return np.asarray(sums.reshape(self.rows, self.columns), dtype=np.float64)

    def _column_row(self, x_m: Float64, y_m: Float64) -> tuple[Float64, Float64]:
        x, y = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
        return np.floor((x - self.west_m) / self.size_m), np.floor((y - self.south_m) / self.size_m)


def density(
    raster: Raster, x_m: Float64, y_m: Float64, *, bandwidth_m: float, kernel: Kernel = "gaussian", weights: Float64 | None = None
) -> Float64:
    """Kernel density Float64[rows, columns], events per square; what spreads beyond the raster is lost.

    bandwidth_m: standard deviation of the Gaussian, or the reach of the quartic kernel. Weights Float64[n] make it
    time-weighted. Events stand at the middle of their square (an error below half a square).
    """
    _positive(bandwidth_m, "bandwidth")
    counts = raster.count(x_m, y_m, weights)
    if kernel == "gaussian":
        down, across = (_band(size, bandwidth_m / raster.size_m) for size in counts.shape)
        return np.asarray(down @ np.ascontiguousarray((across @ counts.T).T), dtype=np.float64)
    return _spread(counts, _quartic_stencil(bandwidth_m / raster.size_m))


def retro_hotspot(
    raster: Raster, x_m: Float64, y_m: Float64, age_days: Float64, *, window_days: float = 60.0, bandwidth_m: float = 500.0
) -> Float64:
    """Retrospective hotspots Float64[rows, columns]: (1 − d²/b²)² over the events of the last `window_days`, d from the
    event itself to the middle of the square. Any scale; only the order of squares means something."""
    _positive(bandwidth_m, "bandwidth")
    age = np.asarray(age_days, dtype=np.float64)
    recent = (age >= 0) & (age <= window_days) & np.isfinite(x_m) & np.isfinite(y_m)
    x = (np.asarray(x_m, dtype=np.float64)[recent] - raster.west_m) / raster.size_m
    y = (np.asarray(y_m, dtype=np.float64)[recent] - raster.south_m) / raster.size_m
    reach = bandwidth_m / raster.size_m
    steps = np.arange(-int(reach) - 1, int(reach) + 2)
    column = np.floor(x)[:, None] + steps
    row = np.floor(y)[:, None] + steps
    # Only squares in the raster: the others are moved out of reach, where the kernel is zero.
    east = np.where((column >= 0) & (column < raster.columns), (column + 0.5 - x[:, None]) ** 2, np.inf)
    north = np.where((row >= 0) & (row < raster.rows), (row + 0.5 - y[:, None]) ** 2, np.inf)
    weight = np.maximum(1 - (north[:, :, None] + east[:, None, :]) / reach**2, 0.0) ** 2
    event, up, right = np.nonzero(weight)
    flat = (row[event, up] * raster.columns + column[event, right]).astype(np.int64)
    sums = np.bincount(flat, weight[event, up, right], minlength=raster.rows * raster.columns)
    return np.asarray(sums.reshape(raster.rows, raster.columns), dtype=np.float64)


def pro_hotspot(
    raster: Raster, x_m: Float64, y_m: Float64, age_days: Float64, *, reach_cells: int = 8, reach_weeks: int = 8
) -> Float64:
    """Prospective hotspots Float64[rows, columns] (Bowers, Johnson, Pease 2004): Σ 1/(1 + whole weeks) · 1/(1 + rings).

    Rings are counted in squares, diagonals as one step; events of `reach_weeks` or more weeks, or `reach_cells` or more
    rings away, do not count. Any scale; only the order of squares means something.
    """
    if reach_cells < 1 or reach_weeks < 1:
        raise PredictionError(
            f"A prospective map must reach at least one square and one week, not {reach_cells} and {reach_weeks}."
        )
    weeks = np.floor(np.asarray(age_days, dtype=np.float64) / 7)
    recent = (weeks >= 0) & (weeks < reach_weeks)
    counts = raster.count(np.asarray(x_m)[recent], np.asarray(y_m)[recent], 1 / (1 + weeks[recent]))
    # 1/(1 + ring) is a stack of square boxes, and a box is four corners of the running sum.
    margin = reach_cells
    running = np.pad(counts, margin).cumsum(axis=0).cumsum(axis=1)
    running = np.pad(running, ((1, 0), (1, 0)))
    field = np.zeros_like(counts)
    for ring in range(reach_cells):
        height = 1 / (1 + ring) - (1 / (2 + ring) if ring + 1 < reach_cells else 0.0)
        low, high = margin - ring, margin + ring + 1
        top, left = slice(high, high + raster.rows), slice(low, low + raster.columns)
        bottom, right = slice(low, low + raster.rows), slice(high, high + raster.columns)
        field += height * (running[top, right] - running[bottom, right] - running[top, left] + running[bottom, left])
    return field


def _positive(value: float, what: str) -> None:
    if not value > 0:
        raise PredictionError(f"The {what} of a kernel must be greater than zero, not {value}.")


@lru_cache(maxsize=32)
def _band(size: int, sigma: float) -> sparse.csr_array:
    """Banded matrix [size, size] of a normalised Gaussian of `sigma` squares."""
    reach = min(int(np.ceil(REACH * sigma)), size - 1)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    bands = np.repeat((weights / weights.sum())[:, np.newaxis], size, axis=1)
    return sparse.csr_array(sparse.dia_array((bands, offsets), shape=(size, size)))


@lru_cache(maxsize=32)
def _quartic_stencil(reach: float) -> Float64:
    """Float64[2r + 1, 2r + 1], adding up to one: (1 − d²/reach²)² at whole squares."""
    steps = np.arange(-int(reach), int(reach) + 1)
    stencil = np.maximum(1 - (steps[:, None] ** 2 + steps**2) / reach**2, 0.0) ** 2
    return np.asarray(stencil / stencil.sum(), dtype=np.float64)


def _spread(counts: Float64, stencil: Float64) -> Float64:
    """Counts under a symmetric stencil, Float64[rows, columns] again."""
    rows, columns = counts.shape
    reach = len(stencil) // 2
    if stencil.size <= SMALL_STENCIL:
        padded = np.pad(counts, reach)
        field = np.zeros_like(counts)
        for row, line in enumerate(stencil):
            for column, weight in enumerate(line):
                if weight > 0:
                    field += weight * padded[row : row + rows, column : column + columns]
        return field
    shape = [next_fast_len(size + 2 * reach, real=True) for size in counts.shape]
    image = irfft2(rfft2(counts, shape) * rfft2(stencil, shape), shape)[reach : reach + rows, reach : reach + columns]
    # The transform leaves rounding errors around zero.
    return np.asarray(np.where(image > 1e-12 * max(1.0, float(counts.max())), image, 0.0), dtype=np.float64)
