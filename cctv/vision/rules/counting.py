"""How many people there are: in view, per area, for how long; too many in one place; hardly anybody."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from cctv.vision.model import PERSON, Finding, Scene
from cctv.vision.rules.base import BaseRule, Latch, parameter
from cctv.vision.rules.past import Trail, gap_m, middle


@dataclass
class _Mean:
    """A mean over time of a number that is seen now and then; an observation counts until the next, for 5 s at most."""

    since: float | None = None
    last_at: float = 0.0
    last: float = 0.0
    weight_s: float = 0.0
    total: float = 0.0
    most: float = 0.0

    def add(self, at: float, number: float) -> None:
        if self.since is None or at < self.last_at:
            self.since, self.weight_s, self.total, self.most = at, 0.0, 0.0, number
        else:
            passed = min(at - self.last_at, 5.0)
            self.total += passed * (self.last + number) / 2
            self.weight_s += passed
        self.last_at, self.last, self.most = at, number, max(self.most, number)

    def value(self) -> float:
        return self.total / self.weight_s if self.weight_s > 0 else self.last

    def begin_anew(self) -> None:
        self.since, self.weight_s, self.total, self.most = self.last_at, 0.0, 0.0, self.last


@dataclass
class People(BaseRule):
    """Mean number of people in view since the last finding."""

    every_s: float = parameter(60.0, "s", 5, 3600)
    _mean: _Mean = field(default_factory=_Mean, init=False)
    code = "people"
    trust = 0.9

    def watch(self, scene: Scene) -> Iterable[Finding]:
        people = [one for one in scene.seen if one.kind == PERSON]
        self._mean.add(scene.at, len(people))
        if self._mean.weight_s < self.every_s and scene.at - (self._mean.since or scene.at) < self.every_s:
            return
        value, seen_s, most = self._mean.value(), self._mean.weight_s, self._mean.most
        since = self._mean.since if self._mean.since is not None else scene.at
        self._mean.begin_anew()
        share = min(seen_s / max(scene.at - since, 1e-6), 1.0)
        evidence = {"most": float(most), "seen_s": round(seen_s, 1), "observed_share": round(share, 3)}
        yield Finding(self.code, scene.at, round(self.trust * (0.5 + 0.5 * share), 3), round(value, 2), evidence=evidence)


def _around(trail: Trail, others: list[Trail], radius_m: float) -> list[Trail]:
    """Everybody within the radius, the person in the middle with them."""
    return [other for other in others if other is trail or gap_m(trail.last, other.last) <= radius_m]


@dataclass
class Density(BaseRule):
    """People per m² where they stand closest: the most in any circle round one of them, over its area.

    The local density of Helbing, Johansson and Al-Abideen (2007) with a sharp edge in place of a Gaussian one.
    """

    radius_m: float = parameter(2.5, "m", 0.5, 20)
    every_s: float = parameter(60.0, "s", 5, 3600)
    _mean: _Mean = field(default_factory=_Mean, init=False)
    code = "density"
    trust = 0.7

    def watch(self, scene: Scene) -> Iterable[Finding]:
        people = self.past.of(PERSON)
        most = max((len(_around(one, people, self.radius_m)) for one in people), default=0)
        self._mean.add(scene.at, most / (math.pi * self.radius_m**2))
        if scene.at - (self._mean.since or scene.at) < self.every_s:
            return
        value, densest = self._mean.value(), self._mean.most
        self._mean.begin_anew()
        evidence = {"densest": round(densest, 3), "radius_m": self.radius_m, "calibrated": float(scene.calibrated)}
        # Without a calibrated ground, depth is squeezed and people stand closer in the picture than they do.
        yield Finding(self.code, scene.at, self.trust if scene.calibrated else self.trust / 2, round(value, 3), evidence=evidence)


@dataclass
class Dwell(BaseRule):
    """How long a person who has gone was in view."""

    least_s: float = parameter(2.0, "s", 0.5, 600)
    code = "dwell"
    trust = 0.8

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            if trail.kind == PERSON and trail.is_sure and trail.age_s >= self.least_s:
                evidence = {"links": float(trail.links), "travelled_m": trail.travelled_m}
                yield self.of_trail(trail, at=trail.last_at, value=trail.age_s, strength=1 / (1 + trail.links), evidence=evidence)


@dataclass
class Crowding(BaseRule):
    """Many people close together for a while: at least `people` within `radius_m` of one of them."""

    people: float = parameter(8.0, "people", 2, 500)
    radius_m: float = parameter(3.0, "m", 0.5, 50)
    seconds: float = parameter(5.0, "s", 0, 600)
    repeat_s: float = parameter(60.0, "s", 5, 3600)
    code = "crowding"

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=5.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        people = self.past.of(PERSON)
        crowd: list[Trail] = max((_around(one, people, self.radius_m) for one in people), key=len, default=[])
        # One fewer keeps it going: a single person lost for a moment does not end a crowd.
        known = self._latch.lasted_s("", scene.at) > 0
        if self._latch.step("", scene.at, len(crowd) >= self.people - (1 if known else 0)):
            evidence = {
                "people": float(len(crowd)),
                "radius_m": self.radius_m,
                "lasted_s": round(self._latch.lasted_s("", scene.at), 1),
                "density": round(len(crowd) / (math.pi * self.radius_m**2), 3),
            }
            confidence = self.sure(len(crowd) / self.people - 1, sum(one.score for one in crowd) / len(crowd))
            box = middle(one.box for one in crowd)
            yield Finding(self.code, scene.at, confidence, float(len(crowd)), box, ground=crowd[0].ground, evidence=evidence)


@dataclass
class Emptiness(BaseRule):
    """Hardly anybody about: no more than `people` in view for `seconds`, while the camera can see.

    Told at first and every `repeat_s`; whether that is unusual for the hour is judged where events are weighed.
    """

    people: float = parameter(1.0, "people", 0, 20)
    seconds: float = parameter(300.0, "s", 10, 7200)
    repeat_s: float = parameter(600.0, "s", 10, 7200)
    code = "emptiness"
    trust = 0.8

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=2.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        present = len(self.past.of(PERSON))
        if self._latch.step("", scene.at, present <= self.people):
            lasted = self._latch.lasted_s("", scene.at)
            evidence = {"people": float(present), "lasted_s": round(lasted, 1)}
            yield Finding(self.code, scene.at, self.sure(lasted / self.seconds - 1), round(lasted, 1), evidence=evidence)
