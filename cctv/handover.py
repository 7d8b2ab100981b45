"""Following across cameras: who leaves one view and enters another, and who comes behind whom on both.

In: per scene, the people a camera sees (track, longitude, latitude). Out: `FollowedAcross`. Nothing of how people look is
compared: only where and when one track ends and another begins. So it works where few walk and says little where many do.

A track that begins on one camera is joined to one that ended on another by its travel time: log-normal about the distance at
walking pace, against the rate at which people appear on that camera anyway (the camera topology inference of Makris, Ellis and
Black 2004, with the distance known instead of learnt). Two are told as follower and leader when they came one behind the other,
at much the same lag, on at least two cameras.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

PACE_M_S = 1.3  # median walking speed of adults
PACE_SPREAD = 0.35  # of its logarithm: from 0.65 to 2.6 m/s in 95 %
GONE_S = 2.0
SURE_S = 1.0
OVERLAP_M = 2.0  # seen by two cameras at once: how far apart their ground positions may lie
MOST_PASSAGES = 3000
HEADS_ON = 0.7  # share of those who leave towards a camera that do arrive there
MOST_TRUST = 0.7


@dataclass(frozen=True)
class FollowedAcross:
    """One person came behind another on several cameras. cameras: in order, the newest last; track: the follower's there.

    place: longitude and latitude of the follower on entering. evidence: lag_s, cameras, link_leader, link_follower.
    """

    at: float
    cameras: tuple[str, ...]
    track: str
    place: tuple[float, float]
    confidence: float
    evidence: Mapping[str, float]


@dataclass(eq=False)
class _Passage:
    """One track on one camera; `before`: the passage on another camera that it is believed to continue."""

    camera: str
    track: str
    entered_at: float
    entered: tuple[float, float]
    last_at: float
    last: tuple[float, float]
    velocity: tuple[float, float] = (0.0, 0.0)  # metres a second east and north, smoothed
    is_judged: bool = False
    before: "_Passage | None" = None
    link: float = 0.0
    links: dict[int, float] = field(default_factory=dict)  # probability of each passage that it might continue, by id()
    is_continued: bool = False
    told: set[int] = field(default_factory=set)


class Handovers:
    """Watches all calibrated cameras of one worker. Feed every scene of each, from any thread; memory is bounded by `longest_s`.

    longest_s: the longest way between two cameras in seconds. least_lag_s, most_lag_s: how far behind a follower walks.
    least_confidence: below it nothing is told.
    """

    def __init__(
        self,
        *,
        longest_s: float = 180.0,
        least_lag_s: float = 2.0,
        most_lag_s: float = 25.0,
        least_confidence: float = 0.1,
    ) -> None:
        self._longest_s, self._lags, self._least = longest_s, (least_lag_s, most_lag_s), least_confidence
        self._lock = threading.Lock()
        self._present: dict[tuple[str, str], _Passage] = {}
        self._gone: list[_Passage] = []
        self._entries: dict[str, list[float]] = {}  # first seen at, smoothed entries a second, newest at

    def see(self, *, camera: str, at: float, people: Iterable[tuple[int | str, float, float]]) -> list[FollowedAcross]:
        """Take in what one camera sees now. at: epoch seconds, in order per camera. people: track, longitude, latitude."""
        with self._lock:
            return self._see(camera, at, people)

    def _see(self, camera: str, at: float, people: Iterable[tuple[int | str, float, float]]) -> list[FollowedAcross]:
        found: list[FollowedAcross] = []
        for number, longitude, latitude in people:
            passage = self._passage(camera, str(number), at, (longitude, latitude))
            if not passage.is_judged and at - passage.entered_at >= SURE_S:
                passage.is_judged = True
                self._join(passage)
                found += self._followed(passage)
        self._clear(camera, at)
        return found

    def _passage(self, camera: str, track: str, at: float, place: tuple[float, float]) -> _Passage:
        known = self._present.get((camera, track))
        if known is None or at < known.last_at or at - known.last_at > GONE_S:
            known = self._present[camera, track] = _Passage(camera, track, at, place, at, place)
            return known
        passed = at - known.last_at
        if passed > 0:
            east, north = metres_between(known.last, place)
            share = min(passed / 1.0, 1.0)
            known.velocity = (
                known.velocity[0] + share * (east / passed - known.velocity[0]),
                known.velocity[1] + share * (north / passed - known.velocity[1]),
            )
        known.last_at, known.last = at, place
        return known

    def _join(self, passage: _Passage) -> None:
        """Find the passage elsewhere that this one continues, with its probability, if any is more likely than not."""
        others = [one for one in (*self._gone, *self._present.values()) if one.camera != passage.camera and not one.is_continued]
        weights = [(_likelihood(one, passage), one) for one in others]
        weights = [pair for pair in weights if pair[0] > 0]
        total = sum(weight for weight, _ in weights) + self._entry_rate(passage)
        if weights:
            weight, best = max(weights, key=lambda pair: pair[0])
            if weight / total >= 0.4:
                passage.before, passage.link, best.is_continued = best, weight / total, True
                passage.links = {id(one): share / total for share, one in weights}

    def _entry_rate(self, passage: _Passage) -> float:
        """People a second who appear on this camera whatever happens elsewhere; one in two minutes until more is known."""
        first, rate, newest = self._entries.setdefault(passage.camera, [passage.entered_at, 1 / 120, passage.entered_at])
        fade = math.exp(-max(passage.entered_at - newest, 0.0) / 600)
        rate = rate * fade + 1 / 600
        self._entries[passage.camera] = [first, rate, passage.entered_at]
        return max(rate, 1 / 300)

    def _followed(self, follower: _Passage) -> Sequence[FollowedAcross]:
        found: list[FollowedAcross] = []
        if follower.before is None:
            return found
        for leader in self._on(follower.camera):
            if leader is follower or leader.before is None or id(leader) in follower.told:
                continue
            lags, probability = self._common_way(leader, follower)
            if len(lags) < 2 or max(lags) - min(lags) > max(5.0, 0.5 * max(lags)):
                continue
            # The joins bear each other out where the lag stays the same, so their mean counts, not their product.
            joins = len(lags) - 1
            confidence = MOST_TRUST * probability ** (1 / joins) * (1 - 0.5**joins)
            if confidence < self._least:
                continue
            follower.told.add(id(leader))
            evidence = {
                "cameras": float(len(lags)),
                "lag_s": round(sum(lags) / len(lags), 2),
                "link_leader": round(leader.link, 3),
                "link_follower": round(follower.link, 3),
            }
            cameras = tuple(one.camera for one in _chain(follower)[: len(lags)][::-1])
            found.append(
                FollowedAcross(follower.entered_at, cameras, follower.track, follower.entered, round(confidence, 3), evidence)
            )
        return found

    def _on(self, camera: str) -> list[_Passage]:
        return [one for one in (*self._gone, *self._present.values()) if one.camera == camera]

    def _common_way(self, leader: _Passage, follower: _Passage) -> tuple[list[float], float]:
        """Lags on the cameras that both passed in the same order up to here, newest first; probability that the joins hold."""
        lags: list[float] = []
        probability = 1.0
        for one, other in zip(_chain(leader), _chain(follower), strict=False):
            lag = other.entered_at - one.entered_at
            if one.camera != other.camera or one is other or not self._lags[0] <= lag <= self._lags[1]:
                break
            lags.append(lag)
            if one.before is not None and other.before is not None and one.before.camera == other.before.camera:
                # Which of the two is which does not matter: two who came one behind the other still do.
                both = id(one.before), id(other.before)
                probability *= sum(one.links.get(key, 0.0) for key in both) * sum(other.links.get(key, 0.0) for key in both)
        return lags, probability

    def _clear(self, camera: str, at: float) -> None:
        for key, one in [(key, one) for key, one in self._present.items() if one.camera == camera]:
            if at - one.last_at > GONE_S or at < one.last_at:
                self._gone.append(self._present.pop(key))
        old = [one for one in self._gone if at - one.last_at <= self._longest_s]
        if len(old) != len(self._gone) or len(old) > MOST_PASSAGES:
            self._gone = old[-MOST_PASSAGES:]
            for one in self._gone:
                _shorten(one)


def _chain(passage: _Passage, longest: int = 8) -> list[_Passage]:
    """The passage and those it continues, newest first."""
    chain = [passage]
    while chain[-1].before is not None and len(chain) < longest:
        chain.append(chain[-1].before)
    return chain


def _shorten(passage: _Passage, longest: int = 8) -> None:
    """Let go of what lies more than `longest` cameras back."""
    chain = _chain(passage, longest)
    chain[-1].before = chain[-1].before if len(chain) < longest else None


def _likelihood(left: _Passage, entered: _Passage) -> float:
    """Density (per second) of entering just then, for somebody who left there and then; 0 where it cannot be."""
    took_s = entered.entered_at - left.last_at
    east, north = metres_between(left.last, entered.entered)
    away_m = math.hypot(east, north)
    if took_s <= SURE_S:
        # Both cameras see the spot: the one place tells it, give or take the errors of two calibrations.
        return 1.0 if away_m <= OVERLAP_M and took_s >= -SURE_S - 1e-6 else 0.0
    away_m = max(away_m, OVERLAP_M)
    off = math.log(took_s * PACE_M_S / away_m) / PACE_SPREAD
    if abs(off) > 3.5:
        return 0.0
    speed = math.hypot(*left.velocity)
    towards = (left.velocity[0] * east + left.velocity[1] * north) / (speed * away_m) if speed > 0.2 and away_m > 0 else 0.0
    heading = HEADS_ON * (0.5 + 0.5 * towards)
    return heading * math.exp(-off * off / 2) / (took_s * PACE_SPREAD * math.sqrt(2 * math.pi))


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Metres east and north from one (longitude, latitude) to the other; good within some kilometres."""
    scale = 111_320.0
    return (other[0] - one[0]) * scale * math.cos(math.radians(one[1])), (other[1] - one[1]) * scale
