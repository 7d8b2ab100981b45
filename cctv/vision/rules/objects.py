"""Something was left behind: abandoned object."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.model import OBJECT, PERSON, Finding, Picture, Scene
from cctv.vision.rules.base import BaseRule, Latch, parameter
from cctv.vision.rules.past import NOMINAL_HEIGHT_M, OTHER_HEIGHT_M, Point, Trail

FloatPicture = npt.NDArray[np.float32]
MOST_CHANGED = 0.25  # more of the picture than this changed for good: the light did, not a thing


@dataclass
class _Spot:
    """One still, new thing: where (pixels of `grey`), since when, how often seen, and when an owner was last near."""

    number: int
    box: tuple[int, int, int, int]
    since: float
    last_at: float
    with_owner: bool = False
    alone_since: float = math.inf


@dataclass
class Abandoned(BaseRule):
    """A thing that was not there stands still for `seconds`, and nobody is within `away_m` of it for `alone_s`.

    Two backgrounds of different memory (Porikli, Ivanov and Haga 2008): what differs from the slow one but not from the quick
    one is new and still. A thing carried away leaves such a patch too; it is told apart by the edges, which are in the newer
    picture where something was added (Connell et al. 2004). Where the detector names things (`object`), its still tracks count
    as well. Confidence is half where nobody was seen to bring it.
    """

    seconds: float = parameter(8.0, "s", 1, 3600)
    alone_s: float = parameter(4.0, "s", 0, 3600)
    away_m: float = parameter(2.0, "m", 0.3, 50)
    contrast: float = parameter(22.0, "grey levels", 5, 120)
    least_m: float = parameter(0.15, "m", 0.02, 2)
    most_m: float = parameter(1.4, "m", 0.1, 10)
    repeat_s: float = parameter(60.0, "s", 1, 3600)
    code = "abandoned"
    quick_s: float = 1.5
    slow_s: float = 120.0
    _quick: FloatPicture | None = field(default=None, init=False)
    _slow: FloatPicture | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._latch = Latch(hold_s=0.0, release_s=5.0, repeat_s=self.repeat_s)
        self._spots: list[_Spot] = []
        self._told: list[tuple[float, float, float]] = []  # when, and the upper left corner
        self._next = 0
        self._at = math.inf
        self._scale_m: float | None = None  # metres per pixel of the frame at a person's size, where people were seen

    def watch(self, scene: Scene) -> Iterable[Finding]:
        people = [trail for trail in self.past.now if trail.kind == PERSON]
        if people:
            heights = sorted(trail.height_px for trail in people)
            newest = NOMINAL_HEIGHT_M[PERSON] / heights[len(heights) // 2]
            self._scale_m = newest if self._scale_m is None else self._scale_m + 0.05 * (newest - self._scale_m)
        yield from self._still_tracks(scene, people)
        yield from self._still_patches(scene, people)

    def _still_tracks(self, scene: Scene, people: list[Trail]) -> Iterable[Finding]:
        for thing in self.past.of(OBJECT):
            nearest = min((_apart_m(thing.last.foot, person) for person in people), default=math.inf)
            stands = thing.moved_m(self.seconds) <= OTHER_HEIGHT_M and thing.age_s >= self.seconds
            if self._latch.step(("track", thing.key), scene.at, stands and nearest > self.away_m):
                evidence = {"stood_s": thing.age_s, "nearest_m": min(nearest, 999.0)}
                strength = thing.age_s / self.seconds - 1
                yield self.of_trail(thing, at=scene.at, value=thing.age_s, strength=strength, evidence=evidence)

    def _still_patches(self, scene: Scene, people: list[Trail]) -> Iterable[Finding]:
        mask = self._still(scene)
        if mask is None:
            return
        for box in self._patches(mask, scene):
            spot = self._spot(box, scene.at)
            if spot is None:
                continue
            foot = (spot.box[0] + spot.box[2]) / 2 / scene.scale, spot.box[3] / scene.scale
            nearest = min((_apart_m(foot, person) for person in people), default=math.inf)
            if nearest <= self.away_m:
                spot.with_owner |= scene.at - spot.since <= 3 * self.quick_s + 2
                spot.alone_since = math.inf
            elif math.isinf(spot.alone_since):
                spot.alone_since = scene.at
            stood, alone = scene.at - spot.since, scene.at - spot.alone_since
            if self._latch.step(spot.number, scene.at, stood >= self.seconds and alone >= self.alone_s):
                if self._is_told_beside(spot, scene) or not _was_added(spot.box, scene.grey, self._slow):
                    continue
                self._told.append((scene.at, *spot.box[:2]))
                confidence = self.sure(stood / self.seconds - 1) * (1.0 if spot.with_owner else 0.5)
                evidence = {
                    "stood_s": round(stood, 1),
                    "alone_s": round(alone, 1),
                    "brought": float(spot.with_owner),
                    "nearest_m": min(round(nearest, 2), 999.0),
                }
                whole = tuple(side / scene.scale for side in spot.box)
                yield Finding(
                    self.code,
                    scene.at,
                    round(confidence, 3),
                    round(stood, 1),
                    (whole[0], whole[1], whole[2], whole[3]),
                    evidence=evidence,
                )
        self._spots = [spot for spot in self._spots if scene.at - spot.last_at <= 5.0]

    def _still(self, scene: Scene) -> Picture | None:
        """UInt8[h, w]: 255 where something new stands still. None at first and after a change of light."""
        grey = cv2.GaussianBlur(scene.grey, (5, 5), 0).astype(np.float32)
        if self._slow is None or self._quick is None or self._slow.shape != grey.shape or scene.at < self._at:
            self._quick, self._slow, self._at = grey.copy(), grey.copy(), scene.at
            self._spots = []
            return None
        passed, self._at = scene.at - self._at, scene.at
        self._quick += (grey - self._quick) * np.float32(1 - math.exp(-passed / self.quick_s))
        new = np.abs(self._quick - self._slow) > self.contrast
        still = np.abs(grey - self._quick) < self.contrast / 2
        if new.mean() > MOST_CHANGED:
            self._slow = self._quick.copy()
            self._spots = []
            return None
        # What is new is learnt slowly, the rest ten times as quickly, so that the light of the day is followed.
        rate = np.where(new, 1 - math.exp(-passed / self.slow_s), 1 - math.exp(-passed / (self.slow_s / 10))).astype(np.float32)
        self._slow += (grey - self._slow) * rate
        mask = (new & still).astype(np.uint8) * 255
        return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.uint8)

    def _patches(self, mask: Picture, scene: Scene) -> list[tuple[int, int, int, int]]:
        """Boxes (pixels of `grey`) of the patches of a bag's size, 20 at most; people themselves left out."""
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        metres = self._metres(scene)
        found = []
        for x, y, width, height, area in stats[1:count]:
            if self.least_m <= max(width, height) * metres and max(width, height) * metres <= self.most_m and area >= 12:
                box = int(x), int(y), int(x + width), int(y + height)
                if area >= 0.3 * width * height and not _holds_person(box, scene):
                    found.append((int(area), box))
        return [box for _, box in sorted(found, reverse=True)[:20]]

    def _is_told_beside(self, spot: _Spot, scene: Scene) -> bool:
        """Whether a patch within a bag's length was told a moment ago: the same thing, its parts or its shadow."""
        near = self.most_m / self._metres(scene)
        self._told = [(at, x, y) for at, x, y in self._told if scene.at - at < self.repeat_s]
        return any(math.dist((x, y), spot.box[:2]) <= near for _, x, y in self._told)

    def _metres(self, scene: Scene) -> float:
        """Metres per pixel of `grey` at a person's place; without any person seen, a quarter of the picture is one."""
        per_pixel = self._scale_m if self._scale_m is not None else NOMINAL_HEIGHT_M[PERSON] / (scene.size[1] / 4)
        return per_pixel / scene.scale

    def _spot(self, box: tuple[int, int, int, int], at: float) -> _Spot | None:
        for spot in self._spots:
            if _overlap(spot.box, box) >= 0.3:
                spot.box, spot.last_at = box, at
                return spot
        if len(self._spots) >= 50:
            return None
        self._next += 1
        self._spots.append(_Spot(self._next, box, at, at))
        return self._spots[-1]


def _apart_m(foot: Point, person: Trail) -> float:
    """Metres between a place in the picture and a person, by the person's size in the picture."""
    beside = max(abs(foot[0] - person.last.foot[0]) - (person.box[2] - person.box[0]) / 2, 0.0)
    return math.hypot(beside, foot[1] - person.box[3]) * NOMINAL_HEIGHT_M[PERSON] / person.height_px


def _holds_person(box: tuple[int, int, int, int], scene: Scene) -> bool:
    """Whether a person's box covers most of the patch: somebody who stands still."""
    area = max((box[2] - box[0]) * (box[3] - box[1]), 1)
    for one in scene.seen:
        if one.kind != PERSON:
            continue
        x0, y0, x1, y1 = (side * scene.scale for side in one.box)
        common = max(min(x1, box[2]) - max(x0, box[0]), 0) * max(min(y1, box[3]) - max(y0, box[1]), 0)
        if common >= 0.5 * area:
            return True
    return False


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Common area over the area of both together."""
    common = max(min(one[2], other[2]) - max(one[0], other[0]), 0) * max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    both = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - common
    return common / both if both > 0 else 0.0


def _was_added(box: tuple[int, int, int, int], grey: Picture, slow: FloatPicture | None) -> bool:
    """Whether the patch's outline shows in the picture of now rather than in the background: added, not taken away."""
    if slow is None:
        return True
    x0, y0, x1, y1 = max(box[0] - 3, 0), max(box[1] - 3, 0), box[2] + 3, box[3] + 3
    now, then = grey[y0:y1, x0:x1].astype(np.float32), slow[y0:y1, x0:x1]
    if min(now.shape) < 5:
        return True
    ring = np.ones(now.shape, bool)
    ring[6:-6, 6:-6] = False

    def edges(part: FloatPicture) -> float:
        return float(np.hypot(cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1))[ring].mean())

    return edges(now) >= 0.9 * edges(then)
