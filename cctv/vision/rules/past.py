"""What one camera saw in the last seconds: a trail per person or thing, shared by all rules of the camera.

In: scenes in their order of time. Out: `Past.now`, `Past.ended`; a `Trail` answers how far, how fast and how long in metres.

Metres: on the ground where the camera was calibrated; otherwise pixels measured in the thing's own height, which is taken for
1.7 m (a person) or 1.5 m (a vehicle). That is right across the line of sight and too short along it, so uncalibrated speeds are
lower bounds.

A tracker loses people behind poles and gives them a new number. A new track that begins where a lost one must be by now
continues its trail: no appearance is compared, only place and time.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from cctv.vision.model import PERSON, VEHICLE, Scene, Seen

NOMINAL_HEIGHT_M = {PERSON: 1.7, VEHICLE: 1.5}
OTHER_HEIGHT_M = 0.5  # a bag or box
SAMPLE_S = 0.15  # a trail keeps at most about seven points a second
SAMPLES = 150  # so at least 20 s of them
MAX_TRAILS = 300
LOST_MOVING_S = 2.5
LOST_STANDING_S = 20.0
STANDING_M_S = 0.35
RELINK_M = 0.8  # how far beside the expected place a continued track may begin
RELINK_SPREAD_M_S = 0.8  # and how much further with each second that it was not seen
LEAST_SCORE = 0.25  # mean score of a track below which it may be nothing
WAY_M = 0.5
FORGET_S = 60.0  # a longer hole in the stream starts a new past

Point = tuple[float, float]


@dataclass(slots=True)
class Sample:
    """Where something stood: `point` in metres of the ground or pixels of the picture, `metres` per unit of it."""

    at: float
    point: Point
    metres: float
    foot: Point


@dataclass(slots=True, eq=False)
class Trail:
    """One person or thing. `key` stays when the tracker changes its number; `box` in pixels of the frame."""

    key: int
    kind: str
    track: int
    first_at: float
    last_at: float
    box: tuple[float, float, float, float]
    score: float
    ground: Point | None
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    heights: deque[float] = field(default_factory=lambda: deque(maxlen=25))
    widths: deque[float] = field(default_factory=lambda: deque(maxlen=25))
    seen_times: int = 0
    travelled_m: float = 0.0
    counted: Sample | None = None  # up to where the way is counted
    links: int = 0

    @property
    def age_s(self) -> float:
        return self.last_at - self.first_at

    @property
    def is_sure(self) -> bool:
        """Seen often enough not to be a flicker of the detector."""
        return self.seen_times >= 3 and self.age_s >= 0.4 and self.score >= LEAST_SCORE

    @property
    def height_px(self) -> float:
        """The usual height of its box."""
        return float(median(self.heights))

    @property
    def width_px(self) -> float:
        return float(median(self.widths))

    @property
    def last(self) -> Sample:
        return self.samples[-1]

    def before(self, seconds: float) -> Sample:
        """The newest sample at least this old, or the oldest kept."""
        limit = self.last.at - seconds
        for sample in reversed(self.samples):
            if sample.at <= limit + 1e-6:
                return sample
        return self.samples[0]

    def moved_m(self, seconds: float) -> float:
        """Distance between now and then, as the crow flies."""
        return gap_m(self.before(seconds), self.last)

    def speed_m_s(self, seconds: float = 1.0) -> float:
        """Mean speed as the crow flies over the last seconds; 0 while it is known for less than a third of them."""
        then = self.before(seconds)
        passed = self.last.at - then.at
        return gap_m(then, self.last) / passed if passed >= seconds / 3 else 0.0

    def velocity(self, seconds: float = 1.0) -> Point:
        """Metres a second along the two axes of the ground, or of the picture (down is positive)."""
        then = self.before(seconds)
        passed = self.last.at - then.at
        if passed < seconds / 3:
            return 0.0, 0.0
        metres = (then.metres + self.last.metres) / 2 / passed
        return (self.last.point[0] - then.point[0]) * metres, (self.last.point[1] - then.point[1]) * metres

    def expected(self, at: float) -> tuple[Point, float]:
        """Where it should be by then if it goes on as it went (for 2.5 s at most), and metres per unit there."""
        east, north = self.velocity(1.0)
        ahead = min(at - self.last.at, LOST_MOVING_S) / self.last.metres
        return (self.last.point[0] + east * ahead, self.last.point[1] + north * ahead), self.last.metres


def gap_m(one: Sample, other: Sample) -> float:
    """Metres between two samples of one camera."""
    pixels = math.hypot(one.point[0] - other.point[0], one.point[1] - other.point[1])
    return pixels * (one.metres + other.metres) / 2


class Past:
    """The trails of one camera. `now`: those of the newest scene; `ended`: those given up at it (each told once)."""

    def __init__(self) -> None:
        self.now: list[Trail] = []
        self.ended: list[Trail] = []
        self.at = -math.inf
        self._number = -1
        self._trails: dict[int, Trail] = {}
        self._lost: dict[int, Trail] = {}
        self._next_key = 0
        self._calibrated = False

    def look(self, scene: Scene) -> None:
        """Take a scene in; the second call with the same scene does nothing, so that each rule may call it."""
        if scene.number == self._number and scene.at == self.at:
            return
        if scene.at < self.at or scene.at - self.at > FORGET_S or scene.calibrated != self._calibrated:
            # The stream began anew or was calibrated in between: what was known does not join on.
            self._trails, self._lost = {}, {}
        self._number, self.at, self._calibrated = scene.number, scene.at, scene.calibrated
        # On a calibrated camera, what has no place on the ground (above the horizon) cannot be measured with the rest.
        seen = {one.track: one for one in scene.seen if one.ground is not None or not scene.calibrated}
        for track in [track for track in self._trails if track not in seen]:
            self._lost[track] = self._trails.pop(track)
        self.now = []
        for track, one in list(seen.items())[:MAX_TRAILS]:
            trail = self._trails.get(track) or self._lost.pop(track, None)
            if trail is None or trail.kind != one.kind:
                trail = self._continued(one, scene.at) or self._started(one, scene.at)
            self._trails[track] = trail
            _extend(trail, one, scene)
            self.now.append(trail)
        self._give_up(scene.at)

    def of(self, *kinds: str) -> list[Trail]:
        """Sure trails of the newest scene, of these kinds."""
        return [trail for trail in self.now if trail.kind in kinds and trail.is_sure]

    def _started(self, one: Seen, at: float) -> Trail:
        self._next_key += 1
        return Trail(self._next_key, one.kind, one.track, at, at, one.box, one.score, one.ground)

    def _continued(self, one: Seen, at: float) -> Trail | None:
        """The lost trail whose expected place is nearest to where this track begins, if near enough."""
        best, best_m = None, math.inf
        point = one.ground if one.ground is not None else one.foot
        for lost in self._lost.values():
            if lost.kind != one.kind or not lost.is_sure:
                continue
            (x, y), metres = lost.expected(at)
            off_m = math.hypot(point[0] - x, point[1] - y) * metres
            if off_m <= RELINK_M + RELINK_SPREAD_M_S * min(at - lost.last_at, LOST_MOVING_S) and off_m < best_m:
                best, best_m = lost, off_m
        if best is not None:
            del self._lost[best.track]
            best.track = one.track
            best.links += 1
        return best

    def _give_up(self, at: float) -> None:
        self.ended = []
        for track, trail in list(self._lost.items()):
            patience = LOST_STANDING_S if trail.is_sure and trail.speed_m_s(2.0) < STANDING_M_S else LOST_MOVING_S
            if at - trail.last_at > patience or len(self._lost) > MAX_TRAILS:
                self.ended.append(self._lost.pop(track))


def _extend(trail: Trail, one: Seen, scene: Scene) -> None:
    height = max(one.box[3] - one.box[1], 1.0)
    trail.track, trail.box, trail.last_at, trail.ground = one.track, one.box, scene.at, one.ground
    trail.score += (one.score - trail.score) / min(trail.seen_times + 1, 20)
    trail.seen_times += 1
    if trail.samples and scene.at - trail.last.at < SAMPLE_S:
        return
    trail.heights.append(height)
    trail.widths.append(max(one.box[2] - one.box[0], 1.0))
    if one.ground is not None:
        sample = Sample(scene.at, one.ground, 1.0, one.foot)
    else:
        sample = Sample(scene.at, one.foot, NOMINAL_HEIGHT_M.get(one.kind, OTHER_HEIGHT_M) / trail.height_px, one.foot)
    # Less than this is the trembling of the box, not a way.
    step = gap_m(trail.counted, sample) if trail.counted is not None else math.inf
    if step >= WAY_M:
        trail.travelled_m += step if math.isfinite(step) else 0.0
        trail.counted = sample
    trail.samples.append(sample)


def middle(boxes: Iterable[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """The box that holds all of these."""
    columns = list(zip(*boxes, strict=True))
    return min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3])
