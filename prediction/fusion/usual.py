"""What is usual: how many events of each factor a camera reports in each hour of the week.

A gamma-Poisson posterior, shrunk twice: a camera's own hour of the week to (the camera's mean × the weekly profile of all
cameras), and the camera's mean to the mean of all. So a new camera starts as the others are, and takes on its own rhythm with
its own evidence. Beside the level stands the dispersion (variance over mean of hourly counts), shrunk likewise, because events
come in bursts. Old hours fade, so that a street that changed becomes usual again.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.fusion.packing import UnreadableStateError, packed, unpacked

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

VERSION = 1
HOUR_S = 3_600
WEEK_H = 168
HALF_LIFE_H = 12 * 7 * 24.0
OWN_HOUR = 5.0  # expected events in an hour of the week after which a camera's own rhythm counts as much as the profile
CAMERA = 2.0  # expected events after which a camera's own mean counts as much as the mean of all
PROFILE_DAY, PROFILE_WEEK = 20.0, 50.0  # events of all cameras in an hour of the day, of the week
DISPERSION = 20.0  # expected events after which a camera's own dispersion counts as much as that of all
DISPERSION_LIMITS = (1.0, 100.0)
START_RATE, START_H = 0.01, 5.0  # events per camera and hour before anything was learnt, and the hours that it counts for
KNOWN = 20.0  # events after which a camera's departures from its level count half as dispersion: before, the level is wrong
CLOCKWORK_LEVEL, CLOCKWORK_SHARE = 8.0, 0.1  # events per hour; variance over mean below which they are no street's
EVEN_SHARE = 0.08  # of a new hour in the running evenness: a half-life of eight hours
PARTS = ("own", "hours", "_squares", "_expected", "_last", "_level", "_jumps")
SUMS = ("of_cameras", "of_hours", "watched")
BURST_SD = 10.0  # an hour is believed up to so many deviations above what was usual, or a runaway camera would go deaf


class UsualLevels:
    """Usual events per hour by camera × factor × hour of the week (Monday 00 local = 0). Cameras and factors are indices.

    `version` grows with each hour learnt: store `to_bytes()` where it changed.
    """

    def __init__(self, cameras: int, factors: int, *, zone: ZoneInfo) -> None:
        if cameras < 0 or factors < 1:
            raise PredictionError(f"Usual levels need cameras and at least one factor, not {cameras} and {factors}.")
        self.zone = zone
        self.version = 0
        # By hour first: an hour of the week, the only thing that is read and written at once, lies together.
        self._weeks = np.zeros((WEEK_H, cameras, factors), dtype=np.float32)
        self._watched = np.zeros((WEEK_H, cameras), dtype=np.float32)
        self._squares = np.zeros((cameras, factors), dtype=np.float64)
        self._expected = np.zeros((cameras, factors), dtype=np.float64)
        self._last = np.zeros((cameras, factors), dtype=np.float64)
        self._level = np.zeros((cameras, factors), dtype=np.float64)
        self._jumps = np.zeros((cameras, factors), dtype=np.float64)
        self._hour_of_week: dict[int, int] = {}
        # Of all hours [cameras, factors], of all cameras [factors, 168], and hours that all cameras saw [168].
        self._sums: tuple[Float64, Float64, Float64] | None = None
        self._cached: tuple[int, Float64, Float64, Float64] | None = None

    @property
    def own(self) -> Float32:
        """Float32[cameras, factors, 168]: counts by hour of the week; a view, written to before the first hour only."""
        return self._weeks.transpose(1, 2, 0)

    @property
    def hours(self) -> Float32:
        """Float32[cameras, 168]: how many such hours each camera saw, faded; a view like `own`."""
        return self._watched.T

    @property
    def cameras(self) -> int:
        return self._weeks.shape[1]

    @property
    def factors(self) -> int:
        return self._weeks.shape[2]

    def hour_of_week(self, at_s: float) -> int:
        """Local hour of the week, 0..167, of an instant in epoch seconds."""
        hour = int(at_s // HOUR_S)
        if hour not in self._hour_of_week:
            if len(self._hour_of_week) > 10_000:
                self._hour_of_week.clear()
            local = datetime.fromtimestamp(hour * HOUR_S, self.zone)
            self._hour_of_week[hour] = local.weekday() * 24 + local.hour
        return self._hour_of_week[hour]

    def rates(self, hour_of_week: int) -> Float64:
        """Float64[cameras, factors]: usual events per hour in that hour of the week."""
        _version, mean, profile, _variance = self._levels()
        usual = mean * profile[:, hour_of_week]
        seen = self._watched[hour_of_week][:, np.newaxis] * usual
        return np.asarray(usual * (self._weeks[hour_of_week] + OWN_HOUR) / (seen + OWN_HOUR), dtype=np.float64)

    def relative_variance(self) -> Float64:
        """Float64[cameras, factors]: variance of the usual level over its square: 1/2 when new, towards 0 with evidence."""
        return self._levels()[3]

    def sure(self) -> Float64:
        """Float64[cameras, factors]: 0..1, how well the level is known: a half after 20 events."""
        total = 1 / self.relative_variance() - CAMERA
        return np.asarray(total / (total + KNOWN), dtype=np.float64)

    def dispersion(self) -> Float64:
        """Float64[cameras, factors]: variance of an hour's count over its mean, 1 (Poisson) to 100, shrunk to all cameras'."""
        every = (self._squares.sum(axis=0) + DISPERSION) / (self._expected.sum(axis=0) + DISPERSION)
        own = (self._squares + DISPERSION * every) / (self._expected + DISPERSION)
        return np.asarray(np.clip(own, *DISPERSION_LIMITS), dtype=np.float64)

    def is_clockwork(self) -> npt.NDArray[np.bool_]:
        """Bool[cameras, factors]: counts of the last day far more even than any street's: a stuck detector, not a rhythm."""
        return np.asarray((self._level > CLOCKWORK_LEVEL) & (self._jumps < CLOCKWORK_SHARE * self._level))

    def learn(self, hour_s: float, counts: npt.NDArray[np.floating], hours_seen: npt.NDArray[np.floating]) -> None:
        """Take in one hour: counts Float[cameras, factors], hours_seen Float[cameras]: 0..1, how much of it the camera saw.

        Hours in which a camera was blind or silent teach nothing of it.
        """
        week_hour = self.hour_of_week(hour_s)
        expected = self.rates(week_hour) * hours_seen[:, np.newaxis]
        spread = np.sqrt(self.dispersion() * expected + self.relative_variance() * expected**2 + 1.0)
        believed = np.minimum(counts, expected + BURST_SD * spread)
        believed = np.where(hours_seen[:, np.newaxis] > 0, believed, 0.0)
        sure = np.where(hours_seen[:, np.newaxis] > 0, self.sure(), 0.0)
        self._squares += sure * (believed - expected) ** 2
        self._expected += sure * expected
        self._learn_evenness(np.asarray(counts, dtype=np.float64), hours_seen > 0.5)
        self._weeks[week_hour] += believed.astype(np.float32)
        if self._sums is not None:
            self._sums[0][...] += believed
            self._sums[1][:, week_hour] += believed.sum(axis=0)
            self._sums[2][week_hour] += hours_seen.sum()
        self._watched[week_hour] += hours_seen.astype(np.float32)
        self.version += 1
        if self.version % 24 == 0:
            fade = 0.5 ** (24 / HALF_LIFE_H)
            self._sums = None
            for kept in (self._weeks, self._watched, self._squares, self._expected):
                kept *= fade  # noqa: PLW2901 (in place)
        self._cached = None

    def _learn_evenness(self, counts: Float64, seen: npt.NDArray[np.bool_]) -> None:
        """Half the squared step from hour to hour estimates the variance without knowing the level."""
        step = np.where(self._last > 0, 0.5 * (counts - self._last) ** 2, counts)
        share = (EVEN_SHARE * seen)[:, np.newaxis]
        for kept, new in ((self._level, counts), (self._jumps, step)):
            kept += share * (new - kept)  # noqa: PLW2901 (in place)
        np.copyto(self._last, counts, where=seen[:, np.newaxis])

    def add_late(self, camera: Ints, factor: Ints, at_s: Float64, weight: Float64) -> None:
        """Events that came after their hour was learnt; indices in range."""
        hours = np.array([self.hour_of_week(moment) for moment in at_s], dtype=np.int64)
        np.add.at(self._weeks, (hours, camera, factor), weight.astype(np.float32))
        self._sums = None

    def rearranged(self, rows: Ints) -> UsualLevels:
        """The same for another list of cameras: rows[new] is the old index, or −1 for a camera that is new."""
        other = UsualLevels(len(rows), self.factors, zone=self.zone)
        known = rows >= 0
        for name in PARTS:
            getattr(other, name)[known] = getattr(self, name)[rows[known]]
        other.version = self.version + 1
        return other

    def to_bytes(self) -> bytes:
        """For a checkpoint: 45 MB for 4,000 cameras and 17 factors before compression."""
        parts = {name: getattr(self, name) for name in PARTS}
        # The running sums too: added up anew they differ in the last digit, and a restart must change nothing.
        sums = dict(zip(SUMS, self._sums or (), strict=False))
        return packed({"version": np.array(VERSION), "learnt": np.array(self.version), **parts, **sums})

    @classmethod
    def from_bytes(cls, content: bytes, *, zone: ZoneInfo) -> UsualLevels:
        """What `to_bytes` gave. Raises `UnreadableStateError`."""
        arrays = unpacked(content, what="usual levels", version=VERSION)
        try:
            own = np.asarray(arrays["own"], dtype=np.float32)
            levels = cls(own.shape[0], own.shape[1], zone=zone)
            levels.version = int(arrays["learnt"])
            for name in PARTS:
                getattr(levels, name)[...] = arrays[name]
            if SUMS[0] in arrays:
                first, second, third = (np.asarray(arrays[name], dtype=np.float64) for name in SUMS)
                levels._sums = first, second, third
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise UnreadableStateError("usual levels", str(error)) from error
        return levels

    def _levels(self) -> tuple[int, Float64, Float64, Float64]:
        """Mean per hour [cameras, factors], profile [factors, 168] around 1, and the mean's relative variance, as learnt."""
        if self._cached is None or self._cached[0] != self.version:
            if self._sums is None:
                by_camera, by_hour = (self._weeks.sum(axis=axis, dtype=np.float64) for axis in (0, 1))
                self._sums = by_camera, by_hour.T.copy(), self.hours.sum(axis=0, dtype=np.float64)
            total, counted, watched = self._sums
            every = (counted.sum(axis=1) + START_H * START_RATE) / (watched.sum() + START_H)
            profile = _profile(counted, watched, every)
            exposure = (profile.astype(np.float32) @ self._watched).T
            mean = every * (total + CAMERA) / (every * exposure + CAMERA)
            self._cached = (self.version, mean, profile, 1.0 / (total + CAMERA))
        return self._cached


def _profile(counted: Float64, watched: Float64, every: Float64) -> Float64:
    """Float64[factors, 168]: the week of all cameras around 1: hour of the day shrunk to flat, hour of the week to that."""
    expected = every[:, np.newaxis] * watched
    by_day = counted.reshape(-1, 7, 24).sum(axis=1), expected.reshape(-1, 7, 24).sum(axis=1)
    day = (by_day[0] + PROFILE_DAY) / (by_day[1] + PROFILE_DAY)
    prior = np.tile(day, (1, 7))
    return np.asarray(prior * (counted + PROFILE_WEEK) / (expected * prior + PROFILE_WEEK), dtype=np.float64)
