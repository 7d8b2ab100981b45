"""The arrays that papers on crime forecasting report on, as dense daily panels with the papers' own splits.

A `DailySet` holds days x areas x types in their order in time; a forecast of day t may read only the days before t.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
# Days before the first forecast day of each HAGEN set: its daily totals equal those of AGL-STAN's Chicago 2015 from there on.
HAGEN_OFFSETS = {8: 22, 9: 50, 10: 81, 11: 111, 12: 142}
HAGEN_WINDOW = 8
# Months of AGL-STAN's test as its code cuts them; the first eight days of each are only looked back at.
AGL_MONTHS = {"Aug": (212, 242), "Sep": (242, 273), "Oct": (273, 304), "Nov": (304, 334), "Dec": (334, 365)}
AGL_WINDOW, AGL_TRAIN_END, AGL_VAL_END = 8, 196, 212
AGL_BATCH = 4


class TensorError(ValueError):
    """An array is not as the papers' code leaves it; says which file and what was expected."""


@dataclass(frozen=True, eq=False)
class DailySet:
    """counts Float32[days, areas, types]; neighbours Float32[areas, areas], rows adding up to one or zero; first_day: day 0.

    Days before `train_end` are for learning, up to `val_end` for choosing, the rest (up to the end) is the test.
    """

    name: str
    counts: Float32
    neighbours: Float32
    types: tuple[str, ...]
    first_day: date
    train_end: int
    val_end: int
    sha256: str

    @property
    def days(self) -> int:
        return len(self.counts)


def load_sthsl(folder: Path, city: str) -> DailySet:
    """ST-SHN's and ST-HSL's set of "chicago" or "nyc": 3 km squares, train / 30 days / 92 days as they are split."""
    path = folder / f"sthsl_{city}.npz"
    with np.load(path, allow_pickle=False) as held:
        parts = [held[part] for part in ("trn", "val", "tst")]
        types = tuple(str(name).title() for name in held["types"])
    rows, columns = parts[0].shape[:2]
    cube = np.concatenate(parts, axis=2).transpose(2, 0, 1, 3).reshape(-1, rows * columns, len(types))
    place = np.stack(np.divmod(np.arange(rows * columns), columns), axis=1)
    apart = np.abs(place[:, np.newaxis] - place[np.newaxis]).max(axis=2)
    train_end = parts[0].shape[2]
    return DailySet(
        name={"chicago": "CHI", "nyc": "NYC"}[city],
        counts=cube.astype(np.float32),
        neighbours=_rows_to_one((apart == 1).astype(np.float32)),
        types=types,
        first_day={"chicago": date(2016, 1, 1), "nyc": date(2014, 1, 1)}[city],
        train_end=train_end,
        val_end=train_end + parts[1].shape[2],
        sha256=_sha256(path),
    )


def load_agl(folder: Path) -> DailySet:
    """AGL-STAN's Chicago 2015: 77 community areas, 8 types without names, counts of each day."""
    path = folder / "agl_stan" / "chi_crime.npz"
    with np.load(path, allow_pickle=False) as held:
        counts = held["data"].astype(np.float32)
    with np.load(folder / "agl_stan" / "chi_adj_mat.npz", allow_pickle=False) as held:
        adjacent = held["data"].astype(np.float32)
    np.fill_diagonal(adjacent, 0)
    return DailySet(
        name="AGL-STAN CHI",
        counts=counts,
        neighbours=_rows_to_one(adjacent),
        types=tuple(f"type {n}" for n in range(counts.shape[2])),
        first_day=date(2015, 1, 1),
        train_end=AGL_TRAIN_END,
        val_end=AGL_VAL_END,
        sha256=_sha256(path),
    )


def load_hagen(folder: Path, city: str, month: int) -> DailySet:
    """HAGEN's set of "chicago" or "la" with the test month: did it happen (0/1), 77 or 113 neighbourhoods, 8 types.

    The windows are laid end to end again. In Chicago's files the types of `x` stand one place later than those of `y` (found by
    comparing the same day in both); here they are in the order of `y`.
    """
    digest = hashlib.sha256()
    pieces: list[npt.NDArray[np.bool_]] = []
    lengths: list[int] = []
    for part in ("train", "val", "test"):
        path = folder / "hagen" / f"crime-{city}_{month}_{part}.npz"
        digest.update(path.read_bytes())
        with np.load(path, allow_pickle=False) as held:
            x, y = held["x"] > 0.5, held["y"][:, 0] > 0.5
        if not np.array_equal(x[1:, -1], y[:-1]):
            x = np.roll(x, -1, axis=-1)
        if not np.array_equal(x[1:, -1], y[:-1]):
            raise TensorError(f"{path}: the windows do not follow one another day by day; fetch the file again.")
        if pieces and not np.array_equal(x[0], np.concatenate(pieces)[-HAGEN_WINDOW:]):
            raise TensorError(f"{path}: it does not begin where the part before it ends; fetch the files of one month together.")
        pieces.append(y if pieces else np.concatenate([x[0], y]))
        lengths.append(len(pieces[-1]))
    with np.load(folder / "hagen" / f"adj_mx_{city}.npz", allow_pickle=False) as held:
        near = held["adj"].astype(np.float32)
    np.fill_diagonal(near, 0)
    near[near < np.sort(near, axis=1)[:, [-8]]] = 0  # the graph is dense: the eight nearest stand for the neighbours
    counts = np.concatenate(pieces).astype(np.float32)
    return DailySet(
        name=f"HAGEN {'CHI' if city == 'chicago' else 'LA'}-{month}",
        counts=counts,
        neighbours=_rows_to_one(near),
        types=tuple(f"type {n}" for n in range(counts.shape[2])),
        first_day=date.fromordinal(date(2015, 1, 1).toordinal() + HAGEN_OFFSETS[month]),
        train_end=lengths[0],
        val_end=lengths[0] + lengths[1],
        sha256=digest.hexdigest(),
    )


def _rows_to_one(matrix: Float32) -> Float32:
    total = matrix.sum(axis=1, keepdims=True)
    return np.asarray(matrix / np.where(total > 0, total, 1), dtype=np.float32)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
