"""Places of many kinds round each cell (bars, stations, schools, lamps), as they stood open on the day of the origin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from prediction.errors import PredictionError
from prediction.features.base import Float32, Moment
from prediction.features.projected import check_degrees, local_day, to_metres
from prediction.grid import Grid

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

SIGMAS_M = (100.0, 300.0, 1000.0)
REACH = 3.0  # a Gaussian is cut off at this many standard deviations
PIXEL_M = 40.0
PIXELS_AT_MOST = 4_000_000
NEAREST_AT_MOST_M = 5_000.0
ALWAYS, NEVER = -1, 1 << 40  # opened, closed: of places without dates
KEPT_BYTES = 200_000_000


@dataclass(frozen=True, eq=False)
class PlacesOfKind:
    """Places of one kind. lon, lat Float64[places] (WGS84); count Float64[places]: things at each (lamps on a pole).

    opened, closed Int64[places]: ordinals of the first local day open and of the first day closed again (`ALWAYS`, `NEVER`).
    Raises `PredictionError` where a coordinate is none, a count is negative, or a place closes before it opens.
    """

    kind: str
    lon: Float64
    lat: Float64
    count: Float64
    opened: Int64
    closed: Int64

    def __post_init__(self) -> None:
        lengths = {len(self.lon), len(self.lat), len(self.count), len(self.opened), len(self.closed)}
        if len(lengths) > 1:
            raise PredictionError(f"The places of the kind “{self.kind}” have columns of different lengths: {sorted(lengths)}.")
        check_degrees(self.lon, self.lat, f"Places of the kind “{self.kind}”")
        if not (self.count >= 0).all():  # NaN is not
            raise PredictionError(
                f"A place of the kind “{self.kind}” counts less than nothing, or nobody knows what; give a number."
            )
        wrong = np.flatnonzero(self.closed < self.opened)
        if len(wrong):
            raise PredictionError(
                f"{len(wrong)} places of the kind “{self.kind}” close before they open, first number {wrong[0] + 1}: mend them."
            )

    @classmethod
    def undated(cls, kind: str, lon: Float64, lat: Float64) -> PlacesOfKind:
        """Places that were always there, one thing at each."""
        whole = np.ones(len(lon))
        return cls(kind, lon, lat, whole, np.full(len(lon), ALWAYS), np.full(len(lon), NEVER))

    def open_on(self, day: int) -> Bool:
        """Bool[places]: opened by that local day, not closed by then."""
        return np.asarray((self.opened <= day) & (self.closed > day))

    def content(self) -> bytes:
        parts = (self.lon.astype("<f8"), self.lat.astype("<f8"), self.count.astype("<f8"))
        dates = (self.opened.astype("<i8"), self.closed.astype("<i8"))
        return self.kind.encode() + b"".join(part.tobytes() for part in (*parts, *dates))


class Places:
    """A plug-in block: for each kind that has a place, what is in the cell, how dense it lies around, how far the nearest is.

    A kind without any place gives no column. Counts are things (`count`); densities are things a km² under a Gaussian of
    100, 300, 1,000 m at the cell's centre, places outside the grid included; the nearest is in metres, 5,000 at most.
    """

    name = "places"

    def __init__(self, grid: Grid, kinds: Sequence[PlacesOfKind], *, time_zone: str) -> None:
        twice = {kind.kind for kind in kinds if sum(other.kind == kind.kind for other in kinds) > 1}
        if twice:
            raise PredictionError(f"The kind of place “{min(twice)}” is given twice; join its places into one.")
        self.zone = ZoneInfo(time_zone)
        self.kinds = tuple(sorted((kind for kind in kinds if len(kind.lon)), key=lambda kind: kind.kind))
        self._centres = grid.centres_m
        self._spot = [to_metres(grid, kind.lon, kind.lat) for kind in self.kinds]
        self._cell = [grid.index_of_points(kind.lon, kind.lat) for kind in self.kinds]
        digest = hashlib.sha256(time_zone.encode())
        for kind in self.kinds:
            digest.update(hashlib.sha256(kind.content()).digest())
        self._hash = digest.hexdigest()
        self._kept: dict[tuple[int, bytes], Float32] = {}
        self._last: tuple[int, Float32] | None = None

    @property
    def signature(self) -> str:
        return self._hash

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        fields = ("here", *(f"{sigma:.0f}m" for sigma in SIGMAS_M), "nearest_m")
        return [("surroundings", f"{kind.kind}_{name}") for kind in self.kinds for name in fields]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[cells, 5 × kinds] of the local day on which the origin lies; the same array until another day is asked for."""
        return self.read_on(local_day(moment.start, self.zone))

    def read_on(self, day: int) -> Float32:
        """The same for a local day, as an ordinal."""
        if self._last is None or self._last[0] != day:
            none = np.empty((len(self._centres), 0), dtype=np.float32)
            self._last = (day, np.concatenate([none, *(self.of_kind(kind, day) for kind in range(len(self.kinds)))], axis=1))
        return self._last[1]

    def of_kind(self, position: int, day: int) -> Float32:
        """Float32[cells, 5] of one kind on a day: here, the densities, the nearest; kept while the same places are open."""
        is_open = self.kinds[position].open_on(day)
        key = (position, np.packbits(is_open).tobytes())
        if key not in self._kept:
            made = self._made(position, is_open)
            while self._kept and (len(self._kept) + 1) * made.nbytes > KEPT_BYTES:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = made
        return self._kept[key]

    def _made(self, position: int, is_open: Bool) -> Float32:
        count, spot, cell = self.kinds[position].count[is_open], self._spot[position][is_open], self._cell[position][is_open]
        cells = len(self._centres)
        here = np.bincount(cell[cell >= 0], weights=count[cell >= 0], minlength=cells)
        around = densities(spot, count, self._centres)
        nearest = np.full(cells, NEAREST_AT_MOST_M)
        if len(spot):
            nearest = np.minimum(cKDTree(spot).query(self._centres, distance_upper_bound=NEAREST_AT_MOST_M)[0], NEAREST_AT_MOST_M)
        return np.column_stack([here, *around, nearest]).astype(np.float32)

    def __getstate__(self) -> dict[str, object]:
        """What travels to another process: all but what can be made again."""
        return {**self.__dict__, "_kept": {}, "_last": None}


def densities(spot: Float64, count: Float64, centres: Float64) -> list[Float64]:
    """One Float64[cells] a sigma: things a km² under a Gaussian, at each centre. spot, centres: metres; count: things at each.

    Over a raster of 40 m (coarser where that would be more than four million pixels): shared out to four pixels, smoothed, read
    from four pixels; the little width that this adds is taken off the sigma.
    """
    margin = REACH * SIGMAS_M[-1]
    low, high = centres.min(axis=0) - margin, centres.max(axis=0) + margin
    near = ((spot > low) & (spot < high)).all(axis=1) if len(spot) else np.zeros(0, dtype=np.bool_)
    if not near.any():
        return [np.zeros(len(centres)) for _ in SIGMAS_M]
    pixel = max(PIXEL_M, float(np.sqrt((high - low).prod() / PIXELS_AT_MOST)))
    shape = tuple(int(n) + 3 for n in (high - low) / pixel)
    raster = np.zeros(shape)
    for weight, at in _corners((spot[near] - low) / pixel):
        np.add.at(raster, at, weight * count[near])
    out = []
    reading = _corners((centres - low) / pixel)
    for sigma in SIGMAS_M:
        width = float(np.sqrt(max((sigma / pixel) ** 2 - 1 / 3, 0.04)))  # a share-out and a reading add a sixth of a pixel² each
        down = gaussian_filter1d(raster, width, axis=0, mode="constant", truncate=REACH)
        smooth = gaussian_filter1d(down, width, axis=1, mode="constant", truncate=REACH)
        # `+=` of four terms in a fixed order: the same bits on every run.
        value = np.zeros(len(centres))
        for weight, at in reading:
            value += weight * smooth[at]
        out.append(value / (pixel / 1000) ** 2)
    return out


def _corners(position: Float64) -> list[tuple[Float64, tuple[Int64, Int64]]]:
    """Bilinear weights and indices of the four pixels round each position Float64[n, 2] in pixels."""
    corner = np.floor(position).astype(np.int64)
    part = position - corner
    return [
        (np.abs(1 - a - part[:, 0]) * np.abs(1 - b - part[:, 1]), (corner[:, 0] + a, corner[:, 1] + b))
        for a, b in ((0, 0), (1, 0), (0, 1), (1, 1))
    ]
