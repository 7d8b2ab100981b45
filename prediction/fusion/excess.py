"""What is unusual now: per factor and cell, kept incrementally; an event costs the same whatever came before.

Each camera and factor holds a sum of its events that fades (S), and beside it what that sum would usually be (E), which grows
only while the camera sees. The level is g = bound((S − E) / sd): standardised, so that busy streets do not win; blank within one
deviation; bounded, so that one camera cannot blow up a cell. A cell takes the mean of the cameras that see it, by the share that
each sees and by how far each is to be believed, drawn towards 0 where little of it is seen; where nobody looks it is exactly 0,
which is "unknown" and not "nothing".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from prediction.errors import PredictionError
from prediction.fusion.packing import UnreadableStateError, packed, unpacked
from prediction.fusion.trust import Trust
from prediction.fusion.usual import HOUR_S, UsualLevels

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Matrix = Any  # of scipy.sparse, whose stubs tell its kinds apart too finely

VERSION = 1
BLANK = 1.0  # deviations that mean nothing
BOUND = 3.0  # the most that a level reaches, up or down
GLIMPSE = 0.1  # share of a cell in view at which what is seen counts half for the whole of it
FLOOR_SD = 0.4  # in events: one fresh event where none is usual stands 2.5 deviations out
STALE_S, STALE_LONGEST_S = 300.0, 12 * 3_600.0
QUIET_GAPS = 5.0  # of its usual gaps, after which a silent camera is stale
FADE_S = 900.0  # from stale to not believed at all
BLIND_S = 120.0
LATE_HALF_LIVES = 12.0  # events older than this no longer matter now
CATCH_UP_H = 48


@dataclass(frozen=True, eq=False)
class Health:
    """The cameras now, each array [cameras]: `fresh` 0..1 (0: silent for long), `trust` 0..1, `age_s` since it last spoke."""

    fresh: Float32
    blind: Bools
    trust: Float32
    age_s: Float64

    @property
    def stale(self) -> Bools:
        """Spoke once, and has faded."""
        return np.asarray((self.fresh < 1) & np.isfinite(self.age_s))


@dataclass(frozen=True, eq=False)
class CellNow:
    """One cell now. cameras: Int64[seeing it]; share: Float32, of the cell that each sees; now, usual, level: Float32[cameras,
    factors]: fading sum of events, what it usually is, and what of it counts; believed: Float32[cameras], 0..1."""

    cameras: Ints
    share: Float32
    now: Float32
    usual: Float32
    level: Float32
    believed: Float32


class Excess:
    """Keeps the excess of one jurisdiction. Times are epoch seconds; cameras, cells and factors are indices.

    coverage: sparse Float[cameras, cells], 0..1, the share of the cell that the camera sees. half_life_s: Float[factors].
    Time only moves forward: by `advance`, or by the newest event of `add`.
    """

    def __init__(
        self,
        coverage: Matrix,
        usual: UsualLevels,
        *,
        half_life_s: npt.ArrayLike,
        start_s: float,
    ) -> None:
        self.coverage = csr_array(coverage).astype(np.float32)
        self.half_life_s = np.asarray(half_life_s, dtype=np.float64)
        if self.coverage.shape[0] != usual.cameras or self.half_life_s.shape != (usual.factors,):
            raise PredictionError(
                f"The coverage has {self.coverage.shape[0]} cameras and there are {self.half_life_s.size} half-lives, but the "
                f"usual levels are of {usual.cameras} cameras and {usual.factors} factors. Build all three of the same lists."
            )
        if not np.all(self.half_life_s > 0):
            raise PredictionError("Half-lives must be above 0 seconds.")
        self._by_cell = csr_array(self.coverage.T)
        self.usual = usual
        self.tau_s = self.half_life_s / np.log(2)
        cameras, factors = usual.cameras, usual.factors
        self.at_s = float(start_s)
        self._sum = np.zeros((cameras, factors), dtype=np.float64)
        self._expected = np.zeros((cameras, factors), dtype=np.float64)
        self._hour_counts = np.zeros((cameras, factors), dtype=np.float64)
        self._hour_seen = np.zeros(cameras, dtype=np.float64)
        self.last_s = np.full(cameras, -np.inf)
        self._gap_s = np.full(cameras, STALE_S / QUIET_GAPS)
        self.blind_until_s = np.full(cameras, -np.inf)
        self.trust = Trust(self.coverage)
        self.late = 0

    @property
    def cameras(self) -> int:
        return self.usual.cameras

    @property
    def now(self) -> Float64:
        """Float64[cameras, factors]: the fading sum of the events. Not to be written."""
        return self._sum

    @property
    def expected(self) -> Float64:
        """Float64[cameras, factors]: what that sum would usually be. Not to be written."""
        return self._expected

    # --- What comes in ----------------------------------------------------------------------------
    def add(self, camera: npt.ArrayLike, factor: npt.ArrayLike, at_s: npt.ArrayLike, weight: npt.ArrayLike = 1.0) -> None:
        """Events as arrays: Int camera and factor, epoch seconds, weight 0..1 (confidence). In any order; late ones fade."""
        where = np.asarray(camera, dtype=np.int64), np.asarray(factor, dtype=np.int64)
        seconds = np.asarray(at_s, dtype=np.float64)
        weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), seconds.shape)
        if not seconds.size:
            return
        self._check(where, seconds, weights)
        self.saw(where[0], seconds)
        self.advance(float(seconds.max()))
        age = (self.at_s - seconds) / self.tau_s[where[1]]
        # An event ahead of the state's clock cannot be: `advance` has just moved it to the newest.
        size = self._sum.shape
        flat = where[0] * size[1] + where[1]
        self._sum += np.bincount(flat, weights=weights * np.exp(-age), minlength=self._sum.size).reshape(size)
        late = seconds < self._hour_start_s
        self._hour_counts += np.bincount(flat, weights=np.where(late, 0.0, weights), minlength=self._sum.size).reshape(size)
        if late.any():
            self.late += int(late.sum())
            self.usual.add_late(where[0][late], where[1][late], seconds[late], weights[late])

    def saw(self, camera: npt.ArrayLike, at_s: npt.ArrayLike) -> None:
        """The cameras spoke, whatever they said: an event of any kind, a measure, a heartbeat."""
        cameras = np.asarray(camera, dtype=np.int64)
        seconds = np.broadcast_to(np.asarray(at_s, dtype=np.float64), cameras.shape)
        newest = self.last_s.copy()
        np.maximum.at(newest, cameras, seconds)
        times = np.bincount(cameras, minlength=self.cameras)
        moved = (newest > self.last_s) & np.isfinite(self.last_s)
        gap = (newest[moved] - self.last_s[moved]) / times[moved]
        # A long silence is an outage and not this camera's way: it moves the usual gap little.
        known = self._gap_s[moved]
        self._gap_s[moved] = known + (np.minimum(gap, 4 * known + 60.0) - known) * (1 - 0.95 ** times[moved])
        self.last_s = newest

    def blind(self, camera: npt.ArrayLike, at_s: npt.ArrayLike, for_s: npt.ArrayLike = BLIND_S) -> None:
        """The cameras cannot see from then on for so many seconds (again and again while it lasts)."""
        cameras = np.asarray(camera, dtype=np.int64)
        self.saw(cameras, at_s)
        until = np.asarray(at_s, dtype=np.float64) + np.asarray(for_s, dtype=np.float64)
        np.maximum.at(self.blind_until_s, cameras, np.broadcast_to(until, cameras.shape))

    def advance(self, now_s: float) -> None:
        """Let time pass: fade, and close the hours that ended into the usual levels. Earlier than the state: nothing happens."""
        if now_s - self.at_s > CATCH_UP_H * HOUR_S:  # nothing was kept so long: there is nothing to fade hour by hour
            started = self._hour_start_s
            self._step(started + HOUR_S - 1e-6)
            self._close_hour(started)
            self.at_s = now_s - now_s % HOUR_S
            self._sum[:], self._expected[:] = 0.0, 0.0
        while now_s >= (end := self._hour_start_s + HOUR_S):
            started = self._hour_start_s
            self._step(end - 1e-6)
            self._close_hour(started)
            self.at_s = end
        self._step(now_s)

    # --- What comes out ---------------------------------------------------------------------------
    def values(self, now_s: float) -> Float32:
        """Float32[factors, cells]: the excess of every cell, −3..3, 0 where it is usual or unknown."""
        self.advance(now_s)
        believed = self.believed()
        weighed = (self.levels() * believed[:, np.newaxis]).astype(np.float32)
        total = self._by_cell @ weighed
        total /= (self._by_cell @ believed + np.float32(GLIMPSE))[:, np.newaxis]
        return np.ascontiguousarray(total.T)

    def seen(self, now_s: float) -> Float32:
        """Float32[cells]: 0..1, how far what cameras see now speaks for the cell: a half where a tenth of it is in view."""
        self.advance(now_s)
        shares = self._by_cell @ self.believed()
        return np.asarray(shares / (shares + GLIMPSE), dtype=np.float32)

    def of_cell(self, cell: int, now_s: float) -> CellNow:
        """The cameras that see a cell, and what each says."""
        self.advance(now_s)
        row = self._by_cell[[cell]].tocoo()
        cameras = np.asarray(row.coords[1], dtype=np.int64)
        shares = np.asarray(row.data, dtype=np.float32)
        now, usual, level = (part[cameras].astype(np.float32) for part in (self._sum, self._expected, self.levels()))
        return CellNow(cameras, shares, now, usual, level, self.believed()[cameras])

    def health(self, now_s: float) -> Health:
        """How the cameras are now."""
        self.advance(now_s)
        blind = np.asarray(self.blind_until_s > self.at_s)
        return Health(self._fresh(), blind, self.trust.values.astype(np.float32), self.at_s - self.last_s)

    def levels(self) -> Float64:
        """Float64[cameras, factors]: bound((S − E) / sd), −3..3; a stuck detector counts as 0."""
        variance = self._dispersion * self._expected / 2 + self._relative * self._expected**2 + FLOOR_SD**2
        out = (self._sum - self._expected) / np.sqrt(variance)
        beyond = np.maximum(np.abs(out) - BLANK, 0.0)
        bounded = np.copysign(BOUND * np.tanh(beyond / BOUND), out)
        bounded[self._clockwork | (beyond == 0)] = 0.0
        return np.asarray(bounded, dtype=np.float64)

    def believed(self) -> Float32:
        """Float32[cameras]: 0..1: fresh, not blind, and trusted."""
        seeing = self._fresh() * (self.blind_until_s <= self.at_s)
        return np.asarray(seeing * self.trust.values, dtype=np.float32)

    # --- Keeping ----------------------------------------------------------------------------------
    def to_bytes(self) -> bytes:
        """For a checkpoint; without the usual levels, which change once an hour only (`usual.version`)."""
        parts = {name: getattr(self, name) for name in PARTS}
        head = {"version": np.array(VERSION), "at_s": np.array(self.at_s), "late": np.array(self.late)}
        return packed({**head, **parts, **self.trust.arrays()})

    @classmethod
    def from_bytes(cls, content: bytes, *, coverage: Matrix, usual: UsualLevels, half_life_s: npt.ArrayLike) -> Excess:
        """What `to_bytes` gave, for the same cameras and factors. Raises `UnreadableStateError`."""
        arrays = unpacked(content, what="live state", version=VERSION)
        try:
            excess = cls(coverage, usual, half_life_s=half_life_s, start_s=float(arrays["at_s"]))
            excess.late = int(arrays["late"])
            for name in PARTS:
                getattr(excess, name)[...] = arrays[name]
            excess.trust.restore(arrays)
        except (KeyError, ValueError, TypeError) as error:
            raise UnreadableStateError("live state", str(error)) from error
        return excess

    def rearranged(self, rows: Ints, coverage: Matrix) -> Excess:
        """The same for another list of cameras or cells: rows[new] is the old index of a camera, or −1 for a new one."""
        other = Excess(coverage, self.usual.rearranged(rows), half_life_s=self.half_life_s, start_s=self.at_s)
        known = rows >= 0
        for name in PARTS:
            getattr(other, name)[known] = getattr(self, name)[rows[known]]
        other.late = self.late
        return other

    # --- Within -----------------------------------------------------------------------------------
    @property
    def _hour_start_s(self) -> float:
        return self.at_s - self.at_s % HOUR_S

    @property
    def _dispersion(self) -> Float64:
        return self._of_hour()[1]

    @property
    def _relative(self) -> Float64:
        return self._of_hour()[2]

    @property
    def _clockwork(self) -> Bools:
        return self._of_hour()[3]

    _hour_cache: tuple[tuple[int, int], tuple[Float64, Float64, Float64, Bools]] | None = None

    def _of_hour(self) -> tuple[Float64, Float64, Float64, Bools]:
        """Usual rate, dispersion, relative variance and stuck detectors of the hour that is on."""
        key = (int(self.at_s // HOUR_S), self.usual.version)
        if self._hour_cache is None or self._hour_cache[0] != key:
            rates = self.usual.rates(self.usual.hour_of_week(self.at_s))
            self._hour_cache = key, (rates, self.usual.dispersion(), self.usual.relative_variance(), self.usual.is_clockwork())
        return self._hour_cache[1]

    def _fresh(self) -> Float32:
        """Float32[cameras]: 1 while it speaks as often as it does, then 0 in a quarter of an hour; 0 before its first word."""
        stale_s = np.clip(QUIET_GAPS * self._gap_s, STALE_S, STALE_LONGEST_S)
        late = (self.at_s - self.last_s - stale_s) / FADE_S
        return np.asarray(np.clip(1.0 - late, 0.0, 1.0), dtype=np.float32)

    def _step(self, to_s: float) -> None:
        """Within one hour: fade the sums, and let what is usual grow where the cameras see."""
        passed = to_s - self.at_s
        if passed <= 0:
            return
        sees = self._fresh() * (self.blind_until_s <= self.at_s)
        keep = np.exp(-passed / self.tau_s)
        gained = self._of_hour()[0] * (self.tau_s / HOUR_S * (1 - keep))
        self._sum *= keep
        self._expected *= keep
        self._expected += gained * sees[:, np.newaxis]
        self._hour_seen += sees * (passed / HOUR_S)
        self.at_s = to_s

    def _close_hour(self, started_s: float) -> None:
        seen = np.where(self._hour_seen > 0.1, np.minimum(self._hour_seen, 1.0), 0.0)
        expected = self._of_hour()[0] * seen[:, np.newaxis]
        self.trust.learn(self._hour_counts, expected, self._dispersion, sure=self.usual.sure(), seen=seen)
        self.usual.learn(started_s, self._hour_counts, seen)
        self._hour_counts[:], self._hour_seen[:] = 0.0, 0.0

    def _check(self, where: tuple[Ints, Ints], seconds: Float64, weights: Float64) -> None:
        for indices, size, what in ((where[0], self.cameras, "camera"), (where[1], self.usual.factors, "factor")):
            if indices.shape != seconds.shape or indices.min() < 0 or indices.max() >= size:
                raise PredictionError(f"Events name a {what} outside 0..{size - 1}, or the arrays differ in length.")
        if not np.all(np.isfinite(seconds)) or not np.all((weights >= 0) & (weights <= 1)):
            raise PredictionError("Events need a time in epoch seconds and a weight from 0 to 1.")


PARTS = ("_sum", "_expected", "_hour_counts", "_hour_seen", "last_s", "_gap_s", "blind_until_s")
