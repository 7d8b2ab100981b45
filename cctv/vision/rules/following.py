"""One person goes behind another on the same way for a while."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cctv.vision.model import PERSON, Finding, Scene
from cctv.vision.rules.base import REMEMBERED, BaseRule, Latch, parameter
from cctv.vision.rules.past import Sample, Trail, gap_m

WALKING_M_S = 0.4
LEG_M = 2.0  # the way's direction is taken over so far: boxes sway
LEAST_TURN_DEG = 25.0
MOST_WALKERS = 40  # in a crowd everybody goes behind somebody: nothing can be told there


@dataclass
class _Pair:
    """How far the follower has come on the leader's way: metres, turns (degrees), the lags seen."""

    since: float
    last_at: float
    path_m: float = 0.0
    turned_deg: float = 0.0
    corner: Sample | None = None
    heading: float | None = None
    lags: list[float] = field(default_factory=list)


@dataclass
class Following(BaseRule):
    """A follower stays on the way that a leader took a few seconds earlier: within `near_m` of it, between `gap_m` and `far_m`
    behind, for `seconds` and `path_m`, at a lag that hardly changes.

    Two who walk abreast are company; two on a straight pavement may be chance. So a straight way must be twice as long and is
    believed little, and the confidence grows with the turns that the follower made after the leader.
    """

    seconds: float = parameter(8.0, "s", 1, 600)
    path_m: float = parameter(8.0, "m", 1, 500)
    near_m: float = parameter(1.0, "m", 0.2, 10)
    gap_m: float = parameter(1.5, "m", 0.5, 20)
    far_m: float = parameter(15.0, "m", 2, 100)
    most_lag_s: float = parameter(12.0, "s", 1, 120)
    steady: float = parameter(0.3, "of the lag", 0.05, 1)
    repeat_s: float = parameter(30.0, "s", 1, 3600)
    code = "following"
    trust = 0.5

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=0.0, release_s=4.0, repeat_s=self.repeat_s)
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def watch(self, scene: Scene) -> Iterable[Finding]:
        walkers = [trail for trail in self.past.of(PERSON) if trail.speed_m_s(1.0) >= WALKING_M_S]
        for over in [key for key, known in self._pairs.items() if scene.at - known.last_at > 4.0]:
            del self._pairs[over]
        if len(walkers) > MOST_WALKERS:
            return
        for follower in walkers:
            for leader in walkers:
                lag = self._lag_s(leader, follower)
                if lag is None or len(self._pairs) >= REMEMBERED:
                    continue
                pair = self._pairs.setdefault((leader.key, follower.key), _Pair(scene.at, scene.at))
                _go_on(pair, follower, lag, scene.at)
                if self._latch.step((leader.key, follower.key), scene.at, self._is_following(pair)):
                    yield self._told(pair, leader, follower, scene.at)

    def _lag_s(self, leader: Trail, follower: Trail) -> float | None:
        """How long ago the leader stood where the follower stands now; None if not on the leader's way or not behind."""
        if leader is follower or not self.gap_m <= gap_m(leader.last, follower.last) <= self.far_m:
            return None
        nearest: Sample | None = None
        nearest_m = self.near_m
        for sample in leader.samples:
            if 0.8 <= leader.last.at - sample.at <= self.most_lag_s and (off := gap_m(sample, follower.last)) <= nearest_m:
                nearest, nearest_m = sample, off
        return None if nearest is None else follower.last.at - nearest.at

    def _is_following(self, pair: _Pair) -> bool:
        times = 1 if pair.turned_deg >= LEAST_TURN_DEG else 2
        enough = pair.last_at - pair.since >= times * self.seconds and pair.path_m >= times * self.path_m
        return enough and _spread(pair.lags) <= self.steady * sum(pair.lags) / len(pair.lags)

    def _told(self, pair: _Pair, leader: Trail, follower: Trail, at: float) -> Finding:
        lasted = pair.last_at - pair.since
        evidence = {
            "lasted_s": lasted,
            "path_m": pair.path_m,
            "turned_deg": pair.turned_deg,
            "lag_s": sum(pair.lags) / len(pair.lags),
            "leader": float(leader.track),
        }
        strength = pair.turned_deg / 90 + 0.25 * (pair.path_m / self.path_m - 1)
        found = self.of_trail(follower, at=at, value=lasted, strength=strength, evidence=evidence)
        straight = 0.6 if pair.turned_deg < LEAST_TURN_DEG else 1.0
        return replace(found, confidence=round(found.confidence * straight, 3))


def _go_on(pair: _Pair, follower: Trail, lag: float, at: float) -> None:
    pair.path_m += follower.speed_m_s(1.0) * (at - pair.last_at)
    pair.last_at = at
    pair.lags.append(lag)
    del pair.lags[:-100]
    if pair.corner is None:
        pair.corner = follower.last
    if gap_m(pair.corner, follower.last) < LEG_M:
        return
    x, y = (now - then for now, then in zip(follower.last.point, pair.corner.point, strict=True))
    heading, pair.corner = math.degrees(math.atan2(y, x)), follower.last
    if pair.heading is not None:
        turn = abs((heading - pair.heading + 180) % 360 - 180)
        pair.turned_deg += turn if turn >= LEAST_TURN_DEG else 0.0
    pair.heading = heading


def _spread(numbers: list[float]) -> float:
    middle = sum(numbers) / len(numbers)
    return math.sqrt(sum((one - middle) ** 2 for one in numbers) / len(numbers))
