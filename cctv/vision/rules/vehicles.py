"""What vehicles do: stop where they came by, go round and round."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cctv.vision.model import VEHICLE, Finding, Scene
from cctv.vision.rules.base import REMEMBERED, BaseRule, Latch, parameter
from cctv.vision.rules.past import Point, Sample, gap_m


@dataclass
class VehicleStop(BaseRule):
    """A vehicle that came moving (`came_m` at least) stays within `radius_m` for `seconds`.

    In drawn zones only, where any were drawn; otherwise everywhere. A car that was parked when the camera began is no news.
    """

    seconds: float = parameter(20.0, "s", 1, 7200)
    radius_m: float = parameter(1.0, "m", 0.2, 10)
    came_m: float = parameter(4.0, "m", 0.5, 100)
    repeat_s: float = parameter(60.0, "s", 1, 7200)
    code = "vehicle_stop"
    trust = 0.8

    def __post_init__(self) -> None:
        self._spots: dict[int, tuple[Sample, float]] = {}  # where it stands since when, and how far it had come by then
        self._latch = Latch(hold_s=self.seconds, release_s=3.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            self._spots.pop(trail.key, None)
        for trail in self.past.of(VEHICLE):
            known = self._spots.get(trail.key)
            if known is None or gap_m(known[0], trail.last) > self.radius_m:
                if len(self._spots) >= REMEMBERED:
                    self._spots.clear()
                known = self._spots[trail.key] = trail.last, trail.travelled_m
            spot, came = known
            foot = trail.last.foot[0] / scene.size[0], trail.last.foot[1] / scene.size[1]
            is_here = not self.drawn.zones or any(zone.holds(*foot) for zone in self.drawn.zones)
            if self._latch.step((trail.key, spot.at), scene.at, came >= self.came_m and is_here, since=spot.at):
                stood = scene.at - spot.at
                evidence = {"stood_s": stood, "came_m": came}
                yield self.of_trail(trail, at=scene.at, value=stood, strength=stood / self.seconds - 1, evidence=evidence)


@dataclass
class _Round:
    """The way of one vehicle: last point and heading (degrees), the sum of its turns with sign, metres driven."""

    last: Sample
    heading: float | None = None
    turned_deg: float = 0.0
    path_m: float = 0.0
    start: Point = (0.0, 0.0)


@dataclass
class VehicleCircling(BaseRule):
    """A vehicle turns the same way round until it has made `rounds` (360° each) over at least `path_m`.

    Only what one camera sees without losing it; round the block is a matter for plate or hand-over, not for this rule.
    """

    rounds: float = parameter(1.5, "rounds", 0.5, 50)
    path_m: float = parameter(25.0, "m", 1, 5000)
    repeat_s: float = parameter(60.0, "s", 1, 7200)
    code = "vehicle_circling"
    STEP_M = 1.0

    def __post_init__(self) -> None:
        self._ways: dict[int, _Round] = {}
        self._latch = Latch(hold_s=0.0, release_s=5.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            self._ways.pop(trail.key, None)
        for trail in self.past.of(VEHICLE):
            if trail.key not in self._ways and len(self._ways) >= REMEMBERED:
                continue
            way = self._ways.setdefault(trail.key, _Round(trail.last))
            step = gap_m(way.last, trail.last)
            if step >= self.STEP_M:
                self._go_on(way, trail.last, step)
            rounds = abs(way.turned_deg) / 360
            if self._latch.step(trail.key, scene.at, rounds >= self.rounds and way.path_m >= self.path_m):
                evidence = {"rounds": rounds, "path_m": way.path_m}
                yield self.of_trail(trail, at=scene.at, value=rounds, strength=rounds / self.rounds - 1, evidence=evidence)

    @staticmethod
    def _go_on(way: _Round, sample: Sample, step: float) -> None:
        heading = math.degrees(math.atan2(sample.point[1] - way.last.point[1], sample.point[0] - way.last.point[0]))
        if way.heading is not None:
            way.turned_deg += (heading - way.heading + 180) % 360 - 180
        way.heading, way.last = heading, sample
        way.path_m += step
