"""What bodies do: fall, or move against one another as in a fight."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from cctv.vision.model import PERSON, Boxes, Finding, Picture, Scene
from cctv.vision.rules.base import REMEMBERED, BaseRule, Latch, parameter
from cctv.vision.rules.past import Trail, gap_m, middle

Box = tuple[float, float, float, float]


@dataclass
class Fall(BaseRule):
    """A person who stood becomes wider than high, and stays down without going anywhere for `seconds`.

    The box's aspect and its drop against the person's own usual height (as in Rougier et al. 2011 and the rule-based fall
    detectors compared there). Who is hidden from below loses height too, but grows no wider: both are asked for.
    """

    aspect: float = parameter(0.9, "width/height", 0.5, 3)
    shrunk: float = parameter(0.7, "of usual height", 0.2, 1)
    within_s: float = parameter(2.5, "s", 0.3, 10)
    seconds: float = parameter(2.0, "s", 0.2, 120)
    still_m_s: float = parameter(0.6, "m/s", 0.1, 3)
    repeat_s: float = parameter(20.0, "s", 1, 3600)
    code = "fall"

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=1.5, repeat_s=self.repeat_s)
        self._upright: dict[int, tuple[float, float, float]] = {}  # last upright at, height and width then (pixels)
        self._down: dict[int, float] = {}  # quick enough from upright to down: since when

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            self._upright.pop(trail.key, None)
            self._down.pop(trail.key, None)
        for trail in self.past.of(PERSON):
            width, height = trail.box[2] - trail.box[0], max(trail.box[3] - trail.box[1], 1.0)
            if width / height < 0.75 * self.aspect and height >= 0.85 * trail.height_px:
                if len(self._upright) < REMEMBERED:
                    self._upright[trail.key] = scene.at, trail.height_px, trail.width_px
                self._down.pop(trail.key, None)
                self._latch.step(trail.key, scene.at, is_on=False)
                continue
            stood = self._upright.get(trail.key)
            if stood is None:
                continue
            is_down = (
                width / height >= self.aspect
                and height <= self.shrunk * stood[1]
                and width >= 1.2 * stood[2]
                and not _touches_edge(trail.box, scene)
            )
            if is_down and trail.key not in self._down and scene.at - stood[0] <= self.within_s:
                self._down[trail.key] = scene.at
            lies = is_down and trail.key in self._down and trail.speed_m_s(1.0) <= self.still_m_s + 1.0
            if self._latch.step(trail.key, scene.at, lies):
                evidence = {
                    "aspect": width / height,
                    "height_left": height / stood[1],
                    "took_s": self._down[trail.key] - stood[0],
                }
                lasted = scene.at - self._down[trail.key]
                strength = (width / height / self.aspect - 1) + (self.shrunk - height / stood[1]) / self.shrunk
                yield self.of_trail(trail, at=scene.at, value=lasted, strength=strength, evidence=evidence)


def _touches_edge(box: Box, scene: Scene) -> bool:
    """Whether the picture's edge cuts the box, so that its form says nothing."""
    width, height = scene.size
    return box[0] <= 2 or box[1] <= 2 or box[2] >= width - 2 or box[3] >= height - 2


@dataclass
class Fight(BaseRule):
    """Two or more people within `near_m` of one another move violently about one place for `seconds`.

    Violence of motion is the change of the picture within their boxes against what walking people change here (a median over
    the last minutes, per camera), or how abruptly their feet change speed, whichever is greater; the second serves where only
    positions are known. After the motion-energy detectors (Datta, Shah and Lobo 2002; ViF, Hassner et al. 2012) in their
    plainest form. Embraces, dances and play look alike: this is fight-LIKE motion.
    """

    near_m: float = parameter(2.0, "m", 0.3, 10)
    violence: float = parameter(2.0, "times usual", 1.1, 20)
    jerk_m_s2: float = parameter(1.7, "m/s²", 0.5, 50)
    seconds: float = parameter(1.0, "s", 0.2, 60)
    place_m: float = parameter(3.0, "m", 0.5, 20)
    repeat_s: float = parameter(15.0, "s", 1, 3600)
    code = "fight"

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=1.5, repeat_s=self.repeat_s)
        self._usual: deque[float] = deque(maxlen=400)
        self._before: Picture | None = None
        self._smooth: dict[tuple[int, int], float] = {}

    def watch(self, scene: Scene) -> Iterable[Finding]:
        change = _change(self._before, scene.grey)
        self._before = scene.grey
        people = self.past.of(PERSON)
        energy = {trail.key: _energy(change, trail.box, scene.scale) for trail in people}
        usual = median(self._usual) if len(self._usual) >= 30 else math.inf
        close = set()
        for number, one in enumerate(people):
            for other in people[number + 1 :]:
                if gap_m(one.last, other.last) > self.near_m:
                    continue
                close |= {one.key, other.key}
                pair = (min(one.key, other.key), max(one.key, other.key))
                violence = self._violence(pair, one, other, energy, usual)
                stays = max(one.moved_m(2.0), other.moved_m(2.0)) <= self.place_m
                if self._latch.step(pair, scene.at, violence >= 1.0 and stays):
                    yield self._told(pair, one, other, violence, scene.at)
        for trail in people:
            if trail.key not in close and trail.speed_m_s(1.0) >= 0.5:
                self._usual.append(energy[trail.key])
        self._smooth = {pair: value for pair, value in self._smooth.items() if pair[0] in close and pair[1] in close}

    def _violence(self, pair: tuple[int, int], one: Trail, other: Trail, energy: dict[int, float], usual: float) -> float:
        """1 at the threshold; smoothed over about half a second."""
        seen = min(energy[one.key], energy[other.key]) / usual / self.violence if usual > 0 else 0.0
        jerk = min(_jerk(one), _jerk(other)) / self.jerk_m_s2
        smooth = self._smooth.get(pair, 0.0)
        self._smooth[pair] = smooth + (max(seen, jerk) - smooth) * 0.4
        return self._smooth[pair]

    def _told(self, pair: tuple[int, int], one: Trail, other: Trail, violence: float, at: float) -> Finding:
        lasted = self._latch.lasted_s(pair, at)
        evidence = {
            "violence": round(violence, 3),
            "apart_m": round(gap_m(one.last, other.last), 2),
            "lasted_s": round(lasted, 2),
        }
        confidence = self.sure(violence - 1, (one.score + other.score) / 2)
        box = middle((one.box, other.box))
        return Finding(self.code, at, confidence, round(lasted, 2), box, str(one.track), one.ground, evidence)


def _change(before: Picture | None, now: Picture) -> Boxes | None:
    """Change of each pixel since the scene before, Float32[h, w] in 0..255."""
    if before is None or before.shape != now.shape:
        return None
    return np.abs(now.astype(np.float32) - before.astype(np.float32))


def _energy(change: Boxes | None, box: Box, scale: float) -> float:
    """Mean change within the box."""
    if change is None:
        return 0.0
    x0, y0, x1, y1 = (round(side * scale) for side in box)
    part = change[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    return float(part.mean()) if part.size else 0.0


def _jerk(trail: Trail) -> float:
    """Mean size of the change of velocity between thirds of the last second and a half, m/s²."""
    velocities = []
    for newest in (0.0, 0.4, 0.8):
        new, old = trail.before(newest) if newest else trail.last, trail.before(newest + 0.4)
        passed = new.at - old.at
        if passed <= 0:
            return 0.0
        metres = (new.metres + old.metres) / 2 / passed
        velocities.append(((new.point[0] - old.point[0]) * metres, (new.point[1] - old.point[1]) * metres))
    changes = [math.hypot(b[0] - a[0], b[1] - a[1]) / 0.4 for a, b in pairwise(velocities)]
    return sum(changes) / len(changes)
