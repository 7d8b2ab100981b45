"""The simulated city's events as a stream of `CameraEvent`s: what the cameras tell, with measures, boxes and places of their own.

The same seed and moment give the same events with the same keys, so a feed that is stopped and started again doubles nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from cctv.events import CameraEvent
from cctv.factors import BY_CODE
from simulation.cameras import CameraSpot
from simulation.errors import SimulationError
from simulation.geography import EARTH_RADIUS_M
from simulation.live_city import BLOCK_S, LiveCity
from simulation.live_faults import Fault, LiveEvents, beats, blind_now, it_rains

Float64 = npt.NDArray[np.float64]

MODEL = "simulated/1"  # what every simulated event says saw it
MEASURES = ("people", "dwell")
PEOPLE_SHARE = 0.8  # of the measures; the rest tell how long somebody stayed
MEAN_PEOPLE = 4.0
MEDIAN_DWELL_S = 25.0
ALWAYS_PICTURED = frozenset({"fight", "fall", "weapon", "fire", "scream", "glass"})
PICTURED_SHARE = 0.1  # of all other risk events
# Median and spread (sd of the logarithm) of an event's value by the factor's unit.
VALUES = {"s": (60.0, 0.6), "people": (14.0, 0.4), "m/s": (3.6, 0.2), "m": (1.5, 0.5), "rounds": (3.0, 0.2)}
HEIGHT_SHARE = (0.12, 0.4)  # height of a person's box against the picture

Picture = Callable[[str, int], bytes]  # masked JPEG for a factor's code and a number


def no_picture(_factor: str, _number: int) -> bytes:
    return b""


@dataclass(frozen=True, eq=False)
class _Told:
    """One block, ready to be handed out. codes: names of the numbers in `events.factor`; the rest one entry an event."""

    events: LiveEvents
    codes: tuple[str, ...]
    value: Float64
    box: Float64  # [n, 4], NaN where the event has none
    place: Float64  # [n, 2] longitude and latitude, NaN where it has none
    pictured: npt.NDArray[np.bool_]


class LiveFeed:
    """`between` gives the events of any span of time. measures_per_hour: counts and stays that a seeing camera tells an hour."""

    def __init__(
        self,
        city: LiveCity,
        cameras: Sequence[CameraSpot],
        *,
        measures_per_hour: float = 0.0,
        picture: Picture = no_picture,
        label: str = "",
    ):
        """`label`: part of every key, to tell feeds of one seed from one another."""
        if len(cameras) != city.cameras:
            raise SimulationError(f"The city has {city.cameras} cameras, but {len(cameras)} were named.")
        if not 0 <= measures_per_hour <= 3600:
            raise SimulationError("A camera can tell 0 to 3,600 measures an hour.")
        self.city, self.picture = city, picture
        self.prefix = f"sim{city.seed}{label}"
        self.names = [camera.source_id for camera in cameras]
        self.measures_per_hour = measures_per_hour
        self.codes = (*city.all_factors, *MEASURES)
        self._at = np.array([(camera.longitude, camera.latitude) for camera in cameras], np.float64).reshape(-1, 2)
        bearing = [0.0 if camera.bearing_deg is None else camera.bearing_deg for camera in cameras]
        self._bearing_deg, self._angle_deg, self._range_m = (
            np.array(column, np.float64)
            for column in (bearing, [camera.angle_deg for camera in cameras], [camera.range_m for camera in cameras])
        )
        self._block: tuple[int, _Told] | None = None

    @property
    def usual_per_s(self) -> float:
        """Events a second over the whole week, on average; blindness, lies and silence not counted."""
        return float(self.city.level.sum() + self.measures_per_hour * self.city.cameras) / 3600

    def between(self, begin_s: float, end_s: float, *, clock: Callable[[float], float] | None = None) -> list[CameraEvent]:
        """Events told in [begin_s, end_s), in order; seconds since 1970-01-01 UTC.

        clock: the moment at which a moment of the story is told, where it is told faster or slower than it happens.
        """
        found: list[CameraEvent] = []
        for block in range(int(begin_s // BLOCK_S), int(np.ceil(end_s / BLOCK_S))):
            told = self._told(block)
            first, last = np.searchsorted(told.events.heard, (begin_s, end_s))
            found += [self._event(told, block, index, clock) for index in range(first, last)]
        return found

    def _event(self, told: _Told, block: int, index: int, clock: Callable[[float], float] | None) -> CameraEvent:
        events = told.events
        at_s, heard_s = float(events.at[index]), float(events.heard[index])
        if clock is not None:
            at_s = clock(heard_s) - (heard_s - at_s)
        factor = told.codes[events.factor[index]]
        box, place, value = told.box[index], told.place[index], float(told.value[index])
        return CameraEvent(
            key=f"{self.prefix}-{block}-{index}",
            camera=self.names[events.camera[index]],
            at=datetime.fromtimestamp(round(at_s, 3), UTC),
            factor=factor,
            confidence=round(float(events.weight[index]), 3),
            value=None if np.isnan(value) else value,
            box=None if np.isnan(box[0]) else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            track="" if np.isnan(box[0]) else str(index),
            lon=None if np.isnan(place[0]) else float(place[0]),
            lat=None if np.isnan(place[0]) else float(place[1]),
            model=MODEL,
            thumbnail=self.picture(factor, index) if told.pictured[index] else b"",
        )

    def _told(self, block: int) -> _Told:
        if self._block is None or self._block[0] != block:
            self._block = (block, self._made(block))
        return self._block[1]

    def _made(self, block: int) -> _Told:
        # A generator of its own: with or without measures the same things happen.
        rng = np.random.default_rng([self.city.seed, 21, block])
        events = LiveEvents.join([self.city.told(block), *self._measures(block, rng)])
        is_risk = events.factor < len(self.city.factors)
        box, place = np.full((len(events), 4), np.nan), np.full((len(events), 2), np.nan)
        box[is_risk] = _boxes(int(is_risk.sum()), rng)
        place[is_risk] = self._places(events.camera[is_risk], rng)
        serious = np.isin(events.factor, [n for n, code in enumerate(self.codes) if code in ALWAYS_PICTURED])
        pictured = is_risk & (serious | (rng.random(len(events)) < PICTURED_SHARE))
        return _Told(events, self.codes, self._values(events, block, rng), box, place, pictured)

    def _measures(self, block: int, rng: np.random.Generator) -> list[LiveEvents]:
        """How many people each seeing camera counts, at its own beat, and how long some of them stayed."""
        if not self.measures_per_hour:
            return []
        city, begin_s = self.city, float(block * BLOCK_S)
        hour = city.hour_at(begin_s)
        dark, wet = blind_now(city.faults, hour_of_day=hour % 24, rain=it_rains(begin_s, city.seed))
        seeing = np.flatnonzero(~dark & ~wet & (city.faults.kind != Fault.DEAD))
        every_s = 3600 / (self.measures_per_hour * PEOPLE_SHARE)
        camera, at = beats(seeing, every_s, begin_s, float(BLOCK_S))
        people = LiveEvents.of(camera, np.full(len(camera), self.codes.index("people")), at, rng.uniform(0.7, 1.0, len(camera)))
        lively = self._lively(hour)[seeing]
        number = rng.poisson(self.measures_per_hour * (1 - PEOPLE_SHARE) * BLOCK_S / 3600 * lively)
        camera = np.repeat(seeing, number)
        at = begin_s + rng.random(len(camera)) * BLOCK_S
        stays = LiveEvents.of(camera, np.full(len(camera), self.codes.index("dwell")), at, rng.uniform(0.6, 1.0, len(camera)))
        return [people, stays]

    def _lively(self, hour: int) -> Float64:
        """Float64[cameras]: how much goes on before a camera in this hour of the week, against the week's mean of all."""
        busy = self.city.level.sum(axis=1)
        return np.asarray(busy / max(busy.mean(), 1e-9) * self.city.rhythm[self.city.place].mean(axis=1)[:, hour])

    def _values(self, events: LiveEvents, block: int, rng: np.random.Generator) -> Float64:
        found = np.full(len(events), np.nan)
        lively = self._lively(self.city.hour_at(float(block * BLOCK_S)))
        for number, code in enumerate(self.codes):
            chosen = np.flatnonzero(events.factor == number)
            if code == "people":
                found[chosen] = rng.poisson(MEAN_PEOPLE * lively[events.camera[chosen]])
            elif code == "dwell":
                found[chosen] = np.round(rng.lognormal(np.log(MEDIAN_DWELL_S), 0.9, size=len(chosen)), 1)
            elif (shape := VALUES.get(BY_CODE[code].unit)) is not None:
                drawn = rng.lognormal(np.log(shape[0]), shape[1], size=len(chosen))
                found[chosen] = np.ceil(drawn) if BY_CODE[code].unit in {"people", "rounds"} else np.round(drawn, 1)
        return found

    def _places(self, camera: npt.NDArray[np.int32], rng: np.random.Generator) -> Float64:
        """Float64[n, 2]: somewhere in the view of each camera, longitude and latitude."""
        turn = self._bearing_deg[camera] + (rng.random(len(camera)) - 0.5) * self._angle_deg[camera]
        away_m = self._range_m[camera] * np.sqrt(rng.uniform(0.05, 1.0, size=len(camera)))
        east_north = away_m[:, None] * np.column_stack([np.sin(np.radians(turn)), np.cos(np.radians(turn))])
        centre = self._at[camera]
        degree_m = np.radians(1.0) * EARTH_RADIUS_M
        scale = np.column_stack([np.cos(np.radians(centre[:, 1])) * degree_m, np.full(len(camera), degree_m)])
        return np.asarray(np.round(centre + east_north / scale, 6))


def _boxes(count: int, rng: np.random.Generator) -> Float64:
    """Float64[count, 4]: upright boxes inside the picture, as fractions of it."""
    height = rng.uniform(*HEIGHT_SHARE, size=count)
    width = 0.35 * height
    x0, y0 = rng.random(count) * (1 - width), rng.random(count) * (1 - height)
    return np.asarray(np.round(np.column_stack([x0, y0, x0 + width, y0 + height]), 4), np.float64)
