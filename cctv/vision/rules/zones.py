"""What was drawn on the picture is crossed: intrusion into a zone, approach to a line."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cctv.vision.model import PERSON, VEHICLE, Finding, Scene
from cctv.vision.rules.base import BaseRule, Latch, parameter
from cctv.vision.rules.drawn import Line
from cctv.vision.rules.past import Point, Trail


@dataclass
class Intrusion(BaseRule):
    """The foot point of a person or vehicle lies in a drawn zone for `seconds`."""

    seconds: float = parameter(1.0, "s", 0, 600)
    repeat_s: float = parameter(30.0, "s", 1, 3600)
    code = "intrusion"
    trust = 0.9

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=1.5, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for number, zone in enumerate(self.drawn.zones):
            for trail in self.past.of(PERSON, VEHICLE):
                x, y = trail.last.foot[0] / scene.size[0], trail.last.foot[1] / scene.size[1]
                subject = (number, trail.key)
                if self._latch.step(subject, scene.at, zone.holds(x, y)):
                    inside = self._latch.lasted_s(subject, scene.at)
                    evidence = {"zone": float(number), "inside_s": inside}
                    strength = inside / max(self.seconds, 1.0)
                    yield self.of_trail(trail, at=scene.at, value=inside, strength=strength, evidence=evidence)


@dataclass
class Approach(BaseRule):
    """A person comes within `metres` of a drawn line, moving towards it, or stands there; like a railing or a platform's edge."""

    metres: float = parameter(1.5, "m", 0.1, 50)
    seconds: float = parameter(0.5, "s", 0, 600)
    repeat_s: float = parameter(30.0, "s", 1, 3600)
    code = "approach"
    trust = 0.8

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=1.5, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for number, line in enumerate(self.drawn.lines):
            for trail in self.past.of(PERSON):
                now = self._off_m(trail, line, scene, trail.last.foot)
                then = self._off_m(trail, line, scene, trail.before(1.0).foot)
                is_on = now <= self.metres and now <= then + 0.2
                if self._latch.step((number, trail.key), scene.at, is_on):
                    evidence = {"line": float(number), "off_m": now, "closing_m_s": max(then - now, 0.0)}
                    strength = 1 - now / self.metres
                    yield self.of_trail(trail, at=scene.at, value=now, strength=strength, evidence=evidence)

    @staticmethod
    def _off_m(trail: Trail, line: Line, scene: Scene, foot: Point) -> float:
        """Metres between a foot point and the line, by the person's size in the picture: the line has no ground position."""
        width, height = scene.size
        start = line.start[0] * width, line.start[1] * height
        end = line.end[0] * width, line.end[1] * height
        along = end[0] - start[0], end[1] - start[1]
        length = math.hypot(*along)
        share = ((foot[0] - start[0]) * along[0] + (foot[1] - start[1]) * along[1]) / length**2 if length > 0 else 0.0
        share = min(max(share, 0.0), 1.0)
        nearest = start[0] + share * along[0], start[1] + share * along[1]
        return math.hypot(foot[0] - nearest[0], foot[1] - nearest[1]) * 1.7 / trail.height_px
