"""Somebody stays about one spot: loitering."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cctv.vision.model import PERSON, Finding, Scene
from cctv.vision.rules.base import REMEMBERED, BaseRule, Latch, parameter
from cctv.vision.rules.past import Sample, gap_m


@dataclass
class Loitering(BaseRule):
    """A person stays within `radius_m` of one spot for `seconds`, standing or pacing.

    Who never moved since the camera first saw them may be a post that the detector takes for a person: half the confidence.
    Time-in-place as in the visual-surveillance literature (Bird et al. 2005; PETS 2007), by place instead of by appearance.
    """

    seconds: float = parameter(60.0, "s", 2, 3600)
    radius_m: float = parameter(4.0, "m", 0.5, 50)
    repeat_s: float = parameter(60.0, "s", 5, 3600)
    code = "loitering"
    trust = 0.75

    def __post_init__(self) -> None:
        self._spots: dict[int, Sample] = {}
        self._latch = Latch(hold_s=self.seconds, release_s=3.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            self._spots.pop(trail.key, None)
        for trail in self.past.of(PERSON):
            spot = self._spots.get(trail.key)
            if spot is None or gap_m(spot, trail.last) > self.radius_m:
                if len(self._spots) >= REMEMBERED:
                    self._spots.clear()
                spot = self._spots[trail.key] = trail.last
            stayed = scene.at - spot.at
            if self._latch.step((trail.key, spot.at), scene.at, is_on=True, since=spot.at):
                evidence = {
                    "stayed_s": stayed,
                    "radius_m": self.radius_m,
                    "travelled_m": trail.travelled_m,
                    "links": float(trail.links),
                }
                strength = stayed / self.seconds - 1
                found = self.of_trail(trail, at=scene.at, value=stayed, strength=strength, evidence=evidence)
                yield found if trail.travelled_m >= 1.0 else halved(found)


def halved(found: Finding) -> Finding:
    """The same finding, believed half as much."""
    return replace(found, confidence=round(found.confidence / 2, 3))
