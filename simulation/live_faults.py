"""Cameras that do not tell the truth: dead ones, lying ones, and those that cannot see in the dark or the rain.

In: what happened before the cameras (`LiveEvents`). Out: what the cameras tell of it, which is all that a system ever gets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from simulation.errors import SimulationError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

BLIND_FACTORS = ("too_dark", "weather")
DARK_HOURS = (19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5)
BLIND_EVERY_S = 600.0  # a blind camera says so this often
SEES_WHILE_BLIND = 0.2  # share of what happens that a blind camera still tells
CONSTANT_EVERY_S = 600.0
CONSTANT_CONFIDENCE = 0.9
STORM_HOURS = 0.04  # share of the hours in which a storming camera storms
STORM_PER_HOUR = 60.0
STUCK_FOR_S = 43_200.0  # a stuck clock stands still until it is set again
RAINY_HOURS = 0.06  # share of six-hour spells with rain
RAIN_BLINDS = 0.3  # share of the cameras without light or shelter that rain blinds


class Fault(IntEnum):
    """What is wrong with a camera; the last four are the ways of lying."""

    NONE = 0
    DEAD = 1
    CONSTANT = 2  # one factor at a fixed beat, whatever happens
    STORM = 3  # hours of random events
    STUCK_CLOCK = 4  # tells old times
    WRONG_PLACE = 5  # stands where another camera is registered


LIES = (Fault.CONSTANT, Fault.STORM, Fault.STUCK_CLOCK, Fault.WRONG_PLACE)


@dataclass(frozen=True, eq=False)
class LiveEvents:
    """Events in order of `heard`, one array a column.

    camera: Int32[n]; factor: Int16[n] into the factors of the city; at: Float64[n], when it was seen by the camera's clock;
    heard: Float64[n], when it was told; both in seconds since 1970-01-01 UTC; weight: Float32[n], the detector's confidence.
    """

    camera: npt.NDArray[np.int32]
    factor: npt.NDArray[np.int16]
    at: Float64
    heard: Float64
    weight: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.camera)

    def __getitem__(self, chosen: Bool | Int64 | slice) -> LiveEvents:
        return LiveEvents(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @staticmethod
    def join(parts: list[LiveEvents]) -> LiveEvents:
        """All parts, in order of `heard`; events heard at one moment keep the order of the parts."""
        whole = LiveEvents(*(np.concatenate([getattr(part, c.name) for part in parts]) for c in fields(LiveEvents)))
        return whole[np.argsort(whole.heard, kind="stable")]

    @staticmethod
    def of(camera: Int64, factor: Int64, at: Float64, weight: Float64) -> LiveEvents:
        """Events told at the moment they happen, put in order."""
        order = np.argsort(at, kind="stable")
        at = at[order]
        return LiveEvents(
            camera[order].astype(np.int32), factor[order].astype(np.int16), at, at, weight[order].astype(np.float32)
        )


@dataclass(frozen=True, eq=False)
class Faults:
    """Which camera has which fault, fixed for the whole simulation.

    kind: Int8[cameras] of Fault; dark: Bool[cameras], blind at night; wet: Bool[cameras], blind in the rain;
    factor: Int64[cameras], what a CONSTANT one tells; other: Int64[cameras], before which camera a WRONG_PLACE one really stands.
    """

    kind: npt.NDArray[np.int8]
    dark: Bool
    wet: Bool
    factor: Int64
    other: Int64

    @property
    def is_lying(self) -> Bool:
        return np.isin(self.kind, LIES)

    @property
    def is_dead(self) -> Bool:
        return np.asarray(self.kind == Fault.DEAD)


def draw_faults(
    cameras: int, factors: int, *, dead: float, lying: float, blind: float, rng: np.random.Generator, silent: Bool | None = None
) -> Faults:
    """Shares `dead`, `lying` and `blind` (0 to 1) of the cameras, rounded; the ways of lying come equally often.

    `silent`: Bool[cameras], cameras known to be dead, beside those drawn. Raises `SimulationError`.
    """
    if not (0 <= dead <= 1 and 0 <= lying <= 1 and 0 <= blind <= 1 and dead + lying <= 1):
        raise SimulationError(
            "The shares of dead, lying and blind cameras must lie between 0 and 1, dead and lying together too."
        )
    order = rng.permutation(cameras)
    count_dead, count_lying = round(dead * cameras), round(lying * cameras)
    kind = np.zeros(cameras, dtype=np.int8)
    kind[order[:count_dead]] = Fault.DEAD
    liars = order[count_dead : count_dead + count_lying]
    kind[liars] = np.resize(np.array(LIES, dtype=np.int8), len(liars))
    if silent is not None:
        kind[silent] = Fault.DEAD
    weak = rng.permutation(cameras)[: round(blind * cameras)]
    dark, wet = np.zeros(cameras, dtype=np.bool_), np.zeros(cameras, dtype=np.bool_)
    dark[weak] = True
    wet[weak[: round(RAIN_BLINDS * len(weak))]] = True
    other = (np.arange(cameras) + rng.integers(1, max(cameras, 2), size=cameras)) % max(cameras, 1)
    return Faults(kind, dark, wet, rng.integers(0, factors, size=cameras), other)


def it_rains(at_s: float, seed: int) -> bool:
    """Whether the six-hour spell of this moment is rainy, the same for all cameras."""
    return bool(np.random.default_rng([seed, 11, int(at_s // 21_600)]).random() < RAINY_HOURS)


def blind_now(faults: Faults, *, hour_of_day: int, rain: bool) -> tuple[Bool, Bool]:
    """Bool[cameras] twice: blind by darkness, and by rain (where it is not dark anyway). Dead cameras say nothing at all."""
    dark = faults.dark & (hour_of_day in DARK_HOURS) & (faults.kind != Fault.DEAD)
    wet = faults.wet & rain & (faults.kind != Fault.DEAD) & ~dark
    return dark, wet


def as_told(
    happened: LiveEvents,
    faults: Faults,
    *,
    factors: int,
    hour_of_day: int,
    rain: bool,
    begin_s: float,
    length_s: float,
    seed: int,
) -> LiveEvents:
    """What the cameras tell of `happened` in the block of time [begin_s, begin_s + length_s).

    Blindness is told with the factor numbers `factors` (too dark) and `factors` + 1 (weather).
    """
    rng = np.random.default_rng([seed, 12, int(begin_s), int(length_s)])
    dark, wet = blind_now(faults, hour_of_day=hour_of_day, rain=rain)
    parts = [_of_honest_and_late(happened, faults, dark | wet, rng), _of_misplaced(happened, faults)]
    parts += [_constant(faults, begin_s, length_s), _storms(faults, factors, begin_s, length_s, seed=seed, rng=rng)]
    for number, blind in enumerate((dark, wet)):
        camera, at = beats(np.flatnonzero(blind), BLIND_EVERY_S, begin_s, length_s)
        parts.append(LiveEvents.of(camera, np.full(len(camera), factors + number), at, np.full(len(camera), 0.95)))
    return LiveEvents.join(parts)


def _of_honest_and_late(happened: LiveEvents, faults: Faults, blind: Bool, rng: np.random.Generator) -> LiveEvents:
    kind = faults.kind[happened.camera]
    heard = np.isin(kind, (Fault.NONE, Fault.STUCK_CLOCK))
    heard &= ~blind[happened.camera] | (rng.random(len(happened)) < SEES_WHILE_BLIND)
    told = happened[heard]
    stuck = faults.kind[told.camera] == Fault.STUCK_CLOCK
    at = np.where(stuck, told.heard // STUCK_FOR_S * STUCK_FOR_S, told.at)
    return LiveEvents(told.camera, told.factor, at, told.heard, told.weight)


def _of_misplaced(happened: LiveEvents, faults: Faults) -> LiveEvents:
    """A misplaced camera tells what happens before another one, and nothing of its own place."""
    misplaced = np.flatnonzero(faults.kind == Fault.WRONG_PLACE)
    order = np.argsort(happened.camera, kind="stable")
    sorted_camera = happened.camera[order]
    first = np.searchsorted(sorted_camera, faults.other[misplaced], side="left")
    last = np.searchsorted(sorted_camera, faults.other[misplaced], side="right")
    chosen = [order[a:b] for a, b in zip(first, last, strict=True)]
    picked = np.concatenate([*chosen, np.zeros(0, np.int64)])
    told = happened[picked]
    camera = np.repeat(misplaced, last - first).astype(np.int32)
    return LiveEvents(camera, told.factor, told.at, told.heard, told.weight)


def _constant(faults: Faults, begin_s: float, length_s: float) -> LiveEvents:
    camera, at = beats(np.flatnonzero(faults.kind == Fault.CONSTANT), CONSTANT_EVERY_S, begin_s, length_s)
    return LiveEvents.of(camera, faults.factor[camera], at, np.full(len(camera), CONSTANT_CONFIDENCE))


def _storms(faults: Faults, factors: int, begin_s: float, length_s: float, *, seed: int, rng: np.random.Generator) -> LiveEvents:
    storming = np.flatnonzero(faults.kind == Fault.STORM)
    in_hour = np.random.default_rng([seed, 13, int(begin_s // 3600)]).random(len(storming)) < STORM_HOURS
    number = rng.poisson(STORM_PER_HOUR * length_s / 3600, size=int(in_hour.sum()))
    camera = np.repeat(storming[in_hour], number)
    at = begin_s + rng.random(len(camera)) * length_s
    return LiveEvents.of(camera, rng.integers(0, factors, size=len(camera)), at, rng.uniform(0.5, 1.0, size=len(camera)))


def beats(cameras: Int64, every_s: float, begin_s: float, length_s: float) -> tuple[Int64, Float64]:
    """Camera and time of beats every `every_s`, each camera with its own phase, that fall into the block of time."""
    phase = (cameras * 97.0) % every_s
    first = np.ceil((begin_s - phase) / every_s)
    number = np.maximum(np.ceil((begin_s + length_s - phase) / every_s) - first, 0).astype(np.int64)
    camera = np.repeat(cameras, number)
    step = np.arange(len(camera)) - np.repeat(np.cumsum(number) - number, number)
    return camera, (np.repeat(first, number) + step) * every_s + np.repeat(phase, number)
