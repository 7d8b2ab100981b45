"""Scores of cells for the 2017 contest: what an address, its neighbourhood and calls for service say of the next month.

A *map* gives each cell its share of the expected crimes: decayed counts, or a mixture of many signs whose weights are learnt on
past months by EM (a Poisson regression with weights that cannot be negative; Richardson 1972, Lucy 1974). A *base* is one map or
the mean of several; calls for service are mixed in with a share. Everything is a value of a point, so any lattice can be scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.spatial import cKDTree

from bench._nij_data import Events, Known
from prediction.rotated import Lattice, draw_lattices, top_cells

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
MONTH = 30
CELL_SQFT = 62_500.0  # the least that the rules allow
CELLS = 112  # and the fewest of them that fill the least forecast area, 0.25 square miles
SHAPES = (4.0, 1.0, 2.8, 1.7)  # height ÷ width: from 125 × 500 ft to 250 × 250 ft
HALF_LIVES = (20.0, 60.0, 180.0, 500.0, 1500.0, 6000.0)
SIGMAS_FT = (100.0, 250.0, 600.0, 1500.0)
OTHER_SIGMAS_FT = SIGMAS_FT[:3]
NAMES = (
    *(f"own {half_life:.0f} d" for half_life in HALF_LIVES),
    "repeated 500 d",
    "repeated 1500 d",
    "beyond four 1500 d",
    "beyond nine 1500 d",
    *(f"within {sigma:.0f} ft, {half_life:.0f} d" for sigma in SIGMAS_FT for half_life in (60, 500, 6000)),
    *(f"other class within {sigma:.0f} ft" for sigma in OTHER_SIGMAS_FT),
    "everywhere",
)
OWN = 10  # the first so many are added up over a cell's addresses, the rest are averaged
FEW = (
    "own 180 d",
    "own 500 d",
    "own 6000 d",
    "within 100 ft, 60 d",
    "within 250 ft, 60 d",
    "within 100 ft, 6000 d",
    "within 250 ft, 6000 d",
    "other class within 100 ft",
    "everywhere",
)
# Map by name: a sign alone, or the signs whose mixture is learnt.
MAPS: dict[str, tuple[str, ...]] = {
    "count, half-life 500 d": ("own 500 d",),
    "count, half-life 1500 d": ("own 1500 d",),
    "count, half-life 6000 d": ("own 6000 d",),
    "mixture of own counts": NAMES[:OWN],
    "mixture of few signs": FEW,
    "mixture of all signs": NAMES,
}
BASES: dict[str, tuple[str, ...]] = {
    "count, half-life 1500 d": ("count, half-life 1500 d",),
    "mixture of few signs": ("mixture of few signs",),
    "mean of the six maps": tuple(MAPS),
}
# Calls for service enter as the mean of three maps: group, and whether a cell's number of calls counts by its square root.
CALL_MAPS = (("property calls", False), ("all calls", False), ("all calls", True))
TRAINING_MONTHS, TRAINING_LATTICES, TRAINING_CELLS, EM_STEPS = 48, 4, 1000, 100


@dataclass(frozen=True, eq=False)
class City:
    """Addresses of one class and how they lie to each other; nothing in it says when anything happened.

    addresses Float64[a, 2] feet; near: csr [a, a] kernels, each address itself left out; other_near: csr [a, b] kernels to the
    other class's addresses Float64[b, 2]. Kernels are densities for one cell's area.
    """

    addresses: Float64
    other: Float64
    near: tuple[sparse.csr_array, ...]
    other_near: tuple[sparse.csr_array, ...]

    @classmethod
    def of(cls, known: Known) -> "City":
        addresses, other = np.unique(known.crimes.points, axis=0), np.unique(known.other.points, axis=0)
        near = tuple(_kernel(addresses, addresses, sigma, itself=False) for sigma in SIGMAS_FT)
        other_near = tuple(_kernel(addresses, other, sigma, itself=True) for sigma in OTHER_SIGMAS_FT)
        return cls(addresses, other, near, other_near)

    def numbers(self, events: Events) -> Int64:
        """Int64[n]: the address of each event."""
        return _numbers(self.addresses, events.points)

    def other_numbers(self, events: Events) -> Int64:
        return _numbers(self.other, events.points)


@dataclass(frozen=True, eq=False)
class Signs:
    """Of one origin: table Float64[addresses, names] at the addresses that had a crime before it (positions Int64)."""

    positions: Int64
    points: Float64
    table: Float64

    @classmethod
    def of(cls, city: City, known: Known) -> "Signs":
        """Reads only what is known at its origin."""
        number, age = city.numbers(known.crimes), known.origin - 1 - known.crimes.day
        size = len(city.addresses)
        own = [np.bincount(number, np.exp2(-age / half_life), minlength=size) for half_life in HALF_LIVES]
        total = np.bincount(number, minlength=size)
        above = {cut: np.maximum(total - cut, 0) / np.maximum(total, 1) for cut in (1, 4, 9)}
        repeated = [own[3] * above[1], own[4] * above[1], own[4] * above[4], own[4] * above[9]]
        around = [kernel @ own[position] for kernel in city.near for position in (1, 3, 5)]
        other_age = known.origin - 1 - known.other.day
        other = np.bincount(city.other_numbers(known.other), np.exp2(-other_age / 1500.0), minlength=len(city.other))
        here = np.flatnonzero(total > 0)
        columns = [*own, *repeated, *around, *(kernel @ other for kernel in city.other_near), np.ones(size)]
        return cls(here, city.addresses[here], np.column_stack(columns)[here])

    def values(self, weights: Float64) -> tuple[Float64, Float64]:
        """Float64[addresses] twice: what is added up over a cell, and what is averaged over it."""
        return self.table[:, :OWN] @ weights[:OWN], self.table[:, OWN:] @ weights[OWN:]

    def by_cell(self, lattice: Lattice) -> tuple[Int64, Float64]:
        """Cells with at least one address, and their signs Float64[cells, names]."""
        cells, place = lattice.grouped(self.points)
        sums = np.column_stack([np.bincount(place, column) for column in self.table.T]).astype(np.float64)
        sums[:, OWN:] /= np.bincount(place)[:, None]
        return cells, sums


@dataclass(frozen=True)
class Scorer:
    """A base, and the share of the map of calls mixed into it."""

    base: str
    calls: float = 0.0

    def __str__(self) -> str:
        return f"{self.base} + {self.calls:.0%} calls" if self.calls else self.base


@dataclass(frozen=True, eq=False)
class Scored:
    """A scorer at one origin, ready for any lattice.

    points Float64[addresses, 2]; maps: for each map what is added up over a cell's addresses and what is averaged over them, both
    Float64[addresses]; calls: points Float64[n, 2] and number of calls Float64[n] of each group.
    """

    points: Float64
    maps: tuple[tuple[Float64, Float64], ...]
    calls: dict[str, tuple[Float64, Float64]]
    share: float

    def of_cells(self, lattice: Lattice) -> tuple[Int64, Float64]:
        """Cells with a crime before the origin Int64[m] (ascending), and the share of expected crimes in each, Float64[m]."""
        cells, place = lattice.grouped(self.points)
        addresses = np.bincount(place)
        score = np.zeros(len(cells))
        for own, around in self.maps:
            field = np.bincount(place, own) + np.bincount(place, around) / addresses
            score += field / (field.sum() * len(self.maps))
        if self.share == 0:
            return cells, score
        numbers = {group: _sum_in(cells, lattice.cells(points), count) for group, (points, count) in self.calls.items()}
        calls = np.zeros(len(cells))
        for group, by_root in CALL_MAPS:
            field = np.sqrt(numbers[group]) if by_root else numbers[group]
            calls += field / (max(field.sum(), 1e-12) * len(CALL_MAPS))
        return cells, (1 - self.share) * score + self.share * calls


def scored(signs: Signs, weights: Sequence[Float64], known: Known, scorer: Scorer) -> Scored:
    """The scorer at the origin of `known`; weights: Float64[names] of each map of its base."""
    calls = {}
    if scorer.calls:
        for group, events in known.calls.items():
            points, count = np.unique(events.points, axis=0, return_counts=True)
            calls[group] = (points, count.astype(np.float64))
    return Scored(signs.points, tuple(signs.values(one) for one in weights), calls, scorer.calls)


def map_weights(name: str, rows: Float64, counts: Float64) -> Float64:
    """Float64[names]: one for a sign alone, else learnt on the rows Float64[n, names] and counts Float64[n] of past months."""
    chosen = [NAMES.index(sign) for sign in MAPS[name]]
    weights = np.zeros(len(NAMES))
    weights[chosen] = 1.0 if len(chosen) == 1 else mixture(rows[:, chosen], counts)
    return weights


def mixture(rows: Float64, counts: Float64, steps: int = EM_STEPS) -> Float64:
    """Weights w ≥ 0 that make Poisson counts with mean rows @ w likely, by EM from equal contributions."""
    total = np.maximum(rows.sum(axis=0), 1e-9)
    weights: Float64 = counts.sum() / rows.shape[1] / total
    for _ in range(steps):
        expected = rows @ weights + 1e-12
        weights = weights * ((counts / expected) @ rows) / total
    return weights


def training_rows(signs: Signs, crimes: Events, origin: int, *, seed: int) -> tuple[Float64, Float64]:
    """Signs and counts of the month from an origin, of the busiest cells of a few lattices; read only once that month is past."""
    month = crimes.between(origin, origin + MONTH)
    rows, counts = [], []
    for lattice in draw_lattices(TRAINING_LATTICES, area=CELL_SQFT, shapes=SHAPES, rng=np.random.default_rng(seed)):
        cells, table = signs.by_cell(lattice)
        keep = top_cells(table[:, NAMES.index("own 1500 d")] + 0.05 * table[:, OWN:-1].sum(axis=1), TRAINING_CELLS)
        rows.append(table[keep])
        counts.append(count_in(cells, lattice, month)[keep])
    return np.concatenate(rows), np.concatenate(counts)


def count_in(cells: Int64, lattice: Lattice, events: Events) -> Float64:
    """Float64[cells]: events in each of the cells (ascending)."""
    return _sum_in(cells, lattice.cells(events.points), np.ones(len(events)))


def _sum_in(cells: Int64, wanted: Int64, values: Float64) -> Float64:
    """Float64[cells]: values Float64[n] of the cells `wanted` Int64[n], added up where they are among `cells` (ascending)."""
    found = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
    inside = cells[found] == wanted
    return np.asarray(np.bincount(found[inside], values[inside], minlength=len(cells)), dtype=np.float64)


def _kernel(points: Float64, others: Float64, sigma: float, *, itself: bool) -> sparse.csr_array:
    pairs = cKDTree(points).sparse_distance_matrix(cKDTree(others), 3 * sigma, output_type="coo_matrix")
    weight = np.exp(-0.5 * (pairs.data / sigma) ** 2) / (2 * np.pi * sigma**2) * CELL_SQFT
    keep = np.ones(len(weight), dtype=np.bool_) if itself else pairs.row != pairs.col
    table = sparse.coo_array((weight[keep], (pairs.row[keep], pairs.col[keep])), shape=pairs.shape)
    kernel = sparse.csr_array(table)
    kernel.sort_indices()  # sums must not depend on addresses that had nothing yet
    return kernel


def _numbers(addresses: Float64, points: Float64) -> Int64:
    rows = {point: number for number, point in enumerate(map(tuple, addresses.tolist()))}
    return np.array([rows[point] for point in map(tuple, points.tolist())], dtype=np.int64)
