"""Regular rectangular cells that may be turned and shifted: a forecast is free to choose how the city is cut into cells.

Where every cell has the same small area, the same hot addresses fall into fewer cells under one lattice than under another. Units
are those of the points (metres or feet); angles in radians, counter-clockwise. Source of the idea: the rotational grid of Mohler
and Porter 2018, the winners of the 2017 forecasting contest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
BOX_AT_MOST = 20_000_000
HALF = 1 << 30  # rows and columns are moved by it, so that numbers of cells are positive and ascend with the rows


@dataclass(frozen=True)
class Lattice:
    """Cells of width × height, turned by `angle` around the origin, then moved along their own sides by `along` and `across`."""

    width: float
    height: float
    angle: float = 0.0
    along: float = 0.0
    across: float = 0.0

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0 and math.isfinite(self.angle + self.along + self.across)):
            raise PredictionError(f"The cells of a lattice need a width and a height; got {self.width} × {self.height}.")

    @property
    def area(self) -> float:
        return self.width * self.height

    def cells(self, points: Float64) -> Int64:
        """Int64[n]: the cell of each point Float64[n, 2]; equal numbers mean the same cell."""
        column, row = self._column_row(points)
        return np.asarray((row + HALF) << 32 | (column + HALF), dtype=np.int64)

    def grouped(self, points: Float64) -> tuple[Int64, Int64]:
        """Distinct cells Int64[m], ascending, and the position Int64[n] of each point's cell among them."""
        column, row = self._column_row(points)
        if not len(column):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        # Numbering the box of all columns and rows is several times quicker than sorting.
        column_0, row_0 = int(column.min()), int(row.min())
        columns = int(column.max()) - column_0 + 1
        if columns * (int(row.max()) - row_0 + 1) > BOX_AT_MOST:
            ids, place = np.unique(self.cells(points), return_inverse=True)
            return ids, place.ravel().astype(np.int64)
        flat = (row - row_0) * columns + (column - column_0)
        taken = np.zeros(int(flat.max()) + 1, dtype=np.bool_)
        taken[flat] = True
        place = np.cumsum(taken) - 1
        box = np.flatnonzero(taken)
        ids = (box // columns + row_0 + HALF) << 32 | (box % columns + column_0 + HALF)
        return ids.astype(np.int64), place[flat].astype(np.int64)

    def corners(self, cells: Int64) -> Float64:
        """Float64[m, 4, 2]: corners of the cells, counter-clockwise from the lower left in the lattice's own directions."""
        row, column = (cells >> 32) - HALF, (cells & 0xFFFFFFFF) - HALF
        right, up = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
        u = (column[:, None] + right) * self.width - self.along
        v = (row[:, None] + up) * self.height - self.across
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.stack([cos * u - sin * v, sin * u + cos * v], axis=-1)

    def _column_row(self, points: Float64) -> tuple[Int64, Int64]:
        if not np.isfinite(points).all():
            raise PredictionError("A point without coordinates lies in no cell; leave such rows out.")
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        u = cos * points[:, 0] + sin * points[:, 1] + self.along
        v = cos * points[:, 1] - sin * points[:, 0] + self.across
        return np.floor(u / self.width).astype(np.int64), np.floor(v / self.height).astype(np.int64)


def draw_lattices(count: int, *, area: float, shapes: Sequence[float], rng: np.random.Generator) -> list[Lattice]:
    """Lattices with cells of one area, taking turns through `shapes` (height ÷ width), with random angles and offsets.

    The same generator gives the same first lattices whatever the count.
    """
    if count < 1 or not shapes or min(shapes) <= 0:
        raise PredictionError("Lattices need a count of at least one and positive shapes (height divided by width).")
    drawn = []
    for number in range(count):
        shape = shapes[number % len(shapes)]
        width = math.sqrt(area / shape)
        angle, along, across = rng.random(3)
        turn = math.pi / 2 if shape == 1 else math.pi  # turned further, the cells are the same
        drawn.append(Lattice(width, width * shape, angle * turn, along * width, across * width * shape))
    return drawn


def nudged(lattice: Lattice, *, angle: float, shift: float, rng: np.random.Generator) -> Lattice:
    """A lattice close by: turned by a normal angle, moved by a normal shift (both given as standard deviations)."""
    turn, along, across = rng.normal(size=3) * (angle, shift, shift)
    return replace(lattice, angle=lattice.angle + turn, along=lattice.along + along, across=lattice.across + across)


def top_cells(scores: Float64, count: int) -> npt.NDArray[np.intp]:
    """Positions of the `count` highest scores, highest first; of equal ones the first comes first."""
    return np.argsort(-scores, kind="stable")[:count]
