"""One camera's vision from frame to findings: motion gate → detector → tracker → ground → rules.

The detector works only when something moved or `idle_s` has passed; while nothing moves the last scene is still true. A camera
that cannot see gives its blind finding and no people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cctv.vision.ground import Homography
from cctv.vision.model import Detections, Detector, Finding, Frame, Motion, Rule, Scene, Seen
from cctv.vision.motion import MotionGate
from cctv.vision.tracking import Tracker
from cctv.vision.visibility import Visibility

Box = tuple[float, float, float, float]

QUIET_SHARE = 0.0005  # of the picture: below, nothing moves
IDLE_S = 2.0


@dataclass(frozen=True, eq=False)
class Result:
    """What one frame gave. `detected`: whether the detector had to work. `masks`: boxes of all that may be a person in this very
    frame, also of those not yet followed, for `masked_thumbnail`; None where nobody can tell (the whole picture is then hidden).
    """

    scene: Scene
    findings: Sequence[Finding]
    detected: bool = True
    masks: Sequence[Box] | None = None


class Pipeline:
    """The vision of one camera. Feed frames in the order of their times; a time that runs backwards begins the tracks anew."""

    def __init__(
        self,
        detector: Detector,
        rules: Sequence[Rule] = (),
        *,
        ground: Homography | None = None,
        gate: MotionGate | None = None,
        tracker: Tracker | None = None,
        visibility: Visibility | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        self.detector = detector
        self.rules = list(rules)
        self.ground = ground
        self.gate = gate or MotionGate()
        self.tracker = tracker or Tracker()
        self.visibility = visibility or Visibility()
        self.idle_s = idle_s
        self._seen: Sequence[Seen] = ()
        self._masks: Sequence[Box] | None = None
        self._detected_at = float("-inf")

    def feed(self, frame: Frame) -> Result:
        """Look at one frame."""
        motion = self.gate.look(frame.picture, frame.at)
        hindered = self.visibility.look(motion, frame.at)
        blind = self.visibility.blind
        detected = not blind and self._due(motion, frame.at)
        if detected:
            self._detected_at = frame.at
            detections = self.detector.detect(frame.picture, motion)
            self._seen = [self._placed(one, frame) for one in self.tracker.update(detections, frame.at)]
            self._masks = _boxes(detections)
        elif blind:
            self._seen, self._masks = (), None
            self.tracker.forget()
        scene = Scene(
            at=frame.at,
            number=frame.number,
            size=(frame.picture.shape[1], frame.picture.shape[0]),
            seen=self._seen,
            foreground=motion.foreground,
            grey=motion.grey,
            scale=motion.scale,
            calibrated=self.ground is not None,
            blind=blind,
        )
        findings = [*hindered, *(finding for rule in self.rules for finding in rule.look(scene))]
        masks = None if blind or self._masks is None else [*self._masks, *(one.box for one in self._seen)]
        return Result(scene, findings, detected, masks)

    def _due(self, motion: Motion, at: float) -> bool:
        return motion.fresh or motion.share > QUIET_SHARE or not 0 <= at - self._detected_at < self.idle_s

    def _placed(self, seen: Seen, frame: Frame) -> Seen:
        if self.ground is None:
            return seen
        height, width = frame.picture.shape[:2]
        x, y = seen.foot
        return replace(seen, ground=self.ground.to_metres(x / width, y / height))


def _boxes(detections: Detections) -> list[Box]:
    return [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in detections.boxes]
