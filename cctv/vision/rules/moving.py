"""How people move: running, scattering all at once, going against the way."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from cctv.vision.model import PERSON, VEHICLE, Finding, Scene
from cctv.vision.rules.base import BaseRule, Latch, parameter
from cctv.vision.rules.past import Point, Trail, middle

COLUMNS, ROWS = 12, 8
WALKING_M_S = 0.4
LEARNT = 30  # walkers' samples before a tile's usual speed counts
TOO_FAST_M_S = 12.0  # nobody runs so fast: the tracker jumped


@dataclass
class Running(BaseRule):
    """A person moves faster than people walk, for a while: on a calibrated ground faster than `speed_m_s`, elsewhere faster than
    `least_m_s` and `usual` times what nine of ten do at that place of the picture.

    People change from walking to running at about 2.1 m/s (Hreljac 1993); `speed_m_s` lies above it, since boxes tremble. A
    picture without a calibrated ground hides slopes and depths: there the 90 % quantile of the speeds is learnt per tile
    (6 × 4), and counts once enough were seen.
    """

    speed_m_s: float = parameter(2.6, "m/s", 1.0, 10)
    least_m_s: float = parameter(2.0, "m/s", 0.5, 10)
    usual: float = parameter(1.5, "times usual", 1.0, 10)
    seconds: float = parameter(0.3, "s", 0.0, 30)
    over_s: float = parameter(1.0, "s", 0.3, 5)
    repeat_s: float = parameter(15.0, "s", 1, 3600)
    code = "running"
    trust = 0.6

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=self.seconds, release_s=2.0, repeat_s=self.repeat_s)
        self._speeds: dict[tuple[int, int], list[float]] = {}  # per tile: the quantile, how many seen

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.of(PERSON):
            speed = trail.speed_m_s(self.over_s)
            # The slower of the whole and of both halves: one jump of a box is not a run.
            half = trail.speed_m_s(self.over_s / 2)
            steady = min(speed, 1.25 * half, _speed_before(trail, self.over_s / 2, self.over_s) * 1.25)
            usual = 0.0 if scene.calibrated else self._usual(trail, scene, speed)
            least = max(self.least_m_s, self.usual * usual) if usual else self.speed_m_s
            is_on = least <= steady and speed <= TOO_FAST_M_S
            if self._latch.step(trail.key, scene.at, is_on):
                evidence = {"speed_m_s": speed, "least_m_s": least, "calibrated": float(scene.calibrated)}
                yield self.of_trail(trail, at=scene.at, value=speed, strength=(steady / least - 1) * 2, evidence=evidence)

    def _usual(self, trail: Trail, scene: Scene, speed: float) -> float:
        """What nine of ten who move at this place do not exceed, m/s; 0 until enough did. Learns from this one as well."""
        x, y = tile_of(trail.last.foot, scene)
        known = self._speeds.setdefault((x // 2, y // 2), [1.3, 0.0])
        if WALKING_M_S <= speed <= TOO_FAST_M_S:
            known[1] += 1
            # A step towards the quantile (Robbins and Monro 1951): smaller the more is known, but never nothing.
            known[0] *= math.exp((0.9 if speed > known[0] else -0.1) * max(1 / math.sqrt(known[1]), 0.02))
        return known[0] if known[1] >= LEARNT else 0.0


def _speed_before(trail: Trail, newest_s: float, oldest_s: float) -> float:
    """Speed between two moments of the past, m/s."""
    new, old = trail.before(newest_s), trail.before(oldest_s)
    passed = new.at - old.at
    if passed <= 0:
        return 0.0
    pixels = math.hypot(new.point[0] - old.point[0], new.point[1] - old.point[1])
    return pixels * (new.metres + old.metres) / 2 / passed


@dataclass
class Scatter(BaseRule):
    """Several people who were near one another hurry apart all at once.

    All of: at least `people` move at `speed_m_s` or more; on the whole they had been slower by half `calm_s` before; and they
    move away from their common middle (mean cosine at least `outward`). The divergence of the flow of people, as in the panic
    detectors measured on UMN (Mehran, Oyama and Shah 2009), from tracks.
    """

    people: float = parameter(4.0, "people", 2, 200)
    speed_m_s: float = parameter(1.8, "m/s", 0.5, 10)
    calm_s: float = parameter(4.0, "s", 1, 30)
    outward: float = parameter(0.6, "cosine", 0, 1)
    near_m: float = parameter(15.0, "m", 1, 100)
    repeat_s: float = parameter(30.0, "s", 1, 3600)
    code = "scatter"

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=0.4, release_s=3.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        fast = [trail for trail in self.past.of(PERSON) if self.speed_m_s <= trail.speed_m_s(1.0) <= TOO_FAST_M_S]
        fast = [trail for trail in fast if _speed_before(trail, 1.5, self.calm_s + 1.5) <= trail.speed_m_s(1.0) / 1.5]
        fast = self._near_their_middle(fast)
        outward = _outwardness(fast) if len(fast) >= self.people else 0.0
        if self._latch.step("", scene.at, len(fast) >= self.people and outward >= self.outward):
            strength = (len(fast) / self.people - 1) + (outward - self.outward)
            confidence = self.sure(strength, sum(trail.score for trail in fast) / len(fast))
            speed = sum(trail.speed_m_s(1.0) for trail in fast) / len(fast)
            evidence = {"people": float(len(fast)), "outward": round(outward, 3), "speed_m_s": round(speed, 3)}
            box = middle(trail.box for trail in fast)
            yield Finding(self.code, scene.at, confidence, float(len(fast)), box, ground=fast[0].ground, evidence=evidence)

    def _near_their_middle(self, trails: list[Trail]) -> list[Trail]:
        if not trails:
            return []
        x, y = _middle(trails)
        return [t for t in trails if math.hypot(t.last.point[0] - x, t.last.point[1] - y) * t.last.metres <= self.near_m]


def _middle(trails: list[Trail]) -> Point:
    """The common middle of where they stood a second ago, before they ran."""
    then = [trail.before(1.0).point for trail in trails]
    return sum(point[0] for point in then) / len(then), sum(point[1] for point in then) / len(then)


def _outwardness(trails: list[Trail]) -> float:
    """Mean cosine between where each goes and the way out of their middle: 1 all outward, 0 at random, -1 all inward."""
    if not trails:
        return 0.0
    x, y = _middle(trails)
    total = 0.0
    for trail in trails:
        east, north = trail.velocity(1.0)
        then = trail.before(1.0).point
        out = then[0] - x, then[1] - y
        lengths = math.hypot(east, north) * math.hypot(*out)
        total += (east * out[0] + north * out[1]) / lengths if lengths > 0 else 0.0
    return total / len(trails)


@dataclass
class WrongWay(BaseRule):
    """Somebody or something goes against the way for `metres`: the drawn one, or the one that nearly all take here.

    The usual way is learnt per tile of the picture (12 × 8) and per kind, as a mean direction of the trails that passed, each
    counted once a tile; old ones count half after `half_life_s`. It holds where at least `passes` were seen and they agree
    (mean resultant length, Mardia and Jupp 2000, at least `agreement`).
    """

    metres: float = parameter(4.0, "m", 0.5, 100)
    passes: float = parameter(15.0, "trails", 3, 1000)
    agreement: float = parameter(0.8, "0 to 1", 0.5, 1)
    half_life_s: float = parameter(3600.0, "s", 60, 1e6)
    repeat_s: float = parameter(30.0, "s", 1, 3600)
    code = "wrong_way"
    _tiles: dict[tuple[str, int, int], list[float]] = field(default_factory=dict, init=False)  # sums x, y, weight; last at
    _counted: dict[int, tuple[int, int]] = field(default_factory=dict, init=False)
    _against: dict[int, list[float]] = field(default_factory=dict, init=False)  # metres, seconds, last at

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=0.0, release_s=2.0, repeat_s=self.repeat_s)

    def watch(self, scene: Scene) -> Iterable[Finding]:
        for trail in self.past.ended:
            self._counted.pop(trail.key, None)
            self._against.pop(trail.key, None)
        for trail in self.past.of(PERSON, VEHICLE):
            if trail.speed_m_s(1.0) < WALKING_M_S:
                continue
            # In the picture, because what is drawn is drawn there.
            then, now = trail.before(1.0).foot, trail.last.foot
            way = now[0] - then[0], now[1] - then[1]
            length = math.hypot(*way)
            if length < 1.0:
                continue
            way = way[0] / length, way[1] / length
            tile = trail.kind, *tile_of(trail.last.foot, scene)
            usual, agreement = self._usual(tile, scene)
            cosine = way[0] * usual[0] + way[1] * usual[1]
            against = self._against.setdefault(trail.key, [0.0, 0.0, scene.at])
            passed, against[2] = scene.at - against[2], scene.at
            if agreement >= self.agreement and cosine < -0.5:
                against[0] += trail.speed_m_s(1.0) * passed
                against[1] += passed
            elif cosine > 0:
                against[0] = against[1] = 0.0
            if self._counted.get(trail.key) != tile[1:] and against[0] == 0.0:
                self._counted[trail.key] = tile[1], tile[2]
                self._learn(tile, way, scene.at)
            if self._latch.step(trail.key, scene.at, against[0] >= self.metres):
                evidence = {"metres": against[0], "cosine": cosine, "agreement": agreement}
                strength = against[0] / self.metres - 1 + max(-cosine - 0.5, 0)
                yield self.of_trail(trail, at=scene.at, value=against[1], strength=strength, evidence=evidence)

    def _usual(self, tile: tuple[str, int, int], scene: Scene) -> tuple[Point, float]:
        """The way that is right here, as a unit vector in the picture, and how far trails agree on it."""
        if self.drawn.direction is not None:
            (x1, y1), (x2, y2) = self.drawn.direction
            x, y = (x2 - x1) * scene.size[0], (y2 - y1) * scene.size[1]
            return (x / math.hypot(x, y), y / math.hypot(x, y)), 1.0
        known = self._tiles.get(tile)
        if known is None or known[2] < self.passes:
            return (0.0, 0.0), 0.0
        length = math.hypot(known[0], known[1])
        return ((known[0] / length, known[1] / length), length / known[2]) if length > 0 else ((0.0, 0.0), 0.0)

    def _learn(self, tile: tuple[str, int, int], way: Point, at: float) -> None:
        known = self._tiles.setdefault(tile, [0.0, 0.0, 0.0, at])
        fade = 0.5 ** (max(at - known[3], 0.0) / self.half_life_s)
        self._tiles[tile] = [known[0] * fade + way[0], known[1] * fade + way[1], known[2] * fade + 1.0, at]


def tile_of(foot: Point, scene: Scene) -> tuple[int, int]:
    """Column and row of the part of the picture in which a foot point lies."""
    column = min(max(int(foot[0] / scene.size[0] * COLUMNS), 0), COLUMNS - 1)
    return column, min(max(int(foot[1] / scene.size[1] * ROWS), 0), ROWS - 1)
