"""Detections of frame after frame joined to tracks: ByteTrack (Zhang et al. 2022) of the `trackers` library, one for each kind.

High scores continue or begin tracks, low scores only continue them, so that a person half hidden is not lost. What was hidden
altogether is carried on by its Kalman filter for a moment. Track numbers are the camera's own and never come twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cctv.vision.boxes import iou
from cctv.vision.model import PERSON, Boxes, Detections, Seen

SHORTEST_STEP_S = 0.001  # two pictures of the same instant still follow one another


@dataclass(frozen=True)
class TrackerSettings:
    """Scores are of a detector in [0, 1]; times in seconds."""

    begin_score: float = 0.7  # a new track needs this much
    least_score: float = 0.15  # below, a detection is not looked at
    high_score: float = 0.75  # joined first
    smallest_iou: float = 0.05
    apart: float = 0.45  # IoU with a better box above which no track begins
    begin_frames: int = 2  # seen this often in a row before it counts
    lost_s: float = 3.0  # kept so long without being seen
    carried_s: float = 0.45  # and shown so long where its filter puts it
    rate: float = 10.0  # frames/s for which the filter's noise is set


class Tracker:
    """The tracks of one camera. Memory grows only with the things in view and those lost within `lost_s`."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._by_kind: dict[str, Any] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._next = 1
        self._scores: dict[int, float] = {}
        self._last_at = -np.inf

    def update(self, detections: Detections, at: float) -> list[Seen]:
        """The tracks in view at `at` (epoch s), without ground positions. A time that runs backwards begins the tracks anew."""
        if at < self._last_at:
            self.forget()
        elif at == self._last_at:
            at += SHORTEST_STEP_S
        self._last_at = at
        seen: list[Seen] = []
        for kind in sorted({*detections.kinds, *self._by_kind}):
            chosen = [
                number
                for number, (name, score) in enumerate(zip(detections.kinds, detections.scores, strict=True))
                if name == kind and score >= self.settings.least_score
            ]
            seen += self._update_kind(kind, detections.boxes[chosen], detections.scores[chosen], at)
        return seen

    def forget(self) -> None:
        """Ends all tracks: the camera could not see, or was moved."""
        self._by_kind.clear()
        self._numbers.clear()
        self._scores.clear()

    def _update_kind(self, kind: str, boxes: Boxes, scores: npt.NDArray[np.float32], at: float) -> list[Seen]:
        import supervision  # noqa: PLC0415  # 0.7 s and 60 MB that only a camera worker needs

        tracker = self._by_kind.get(kind) or self._begin(kind)
        scores = self._none_begins_beside(boxes, scores)
        result = tracker.update(supervision.Detections(xyxy=boxes.reshape(-1, 4), confidence=scores), timestamp=at)
        rows = [row for row, raw in enumerate(result.tracker_id) if raw != -1] if len(result) else []
        found = {int(result.tracker_id[row]): float(result.confidence[row]) for row in rows}
        return self._shown(kind, tracker.tracks, found)

    def _none_begins_beside(self, boxes: Boxes, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores with those of boxes that overlap a better one held below `begin_score`: mostly they are one person twice."""
        if not len(boxes):
            return scores
        better = scores[None] > scores[:, None]
        beside = ((iou(boxes, boxes) > self.settings.apart) & better).any(axis=1)
        return np.where(beside, np.minimum(scores, self.settings.begin_score - 0.01), scores).astype(np.float32)

    def _begin(self, kind: str) -> Any:
        from cctv.vision.byte_tracker import CascadeTracker  # noqa: PLC0415
        from cctv.vision.motion_filter import WalkerFilter  # noqa: PLC0415

        one = self.settings
        self._by_kind[kind] = CascadeTracker(
            lost_track_buffer=round(30 * one.lost_s),
            frame_rate=one.rate,
            track_activation_threshold=one.begin_score,
            minimum_consecutive_frames=one.begin_frames,
            minimum_iou_threshold=one.smallest_iou,
            high_conf_det_threshold=one.high_score,
            state_estimator_class=WalkerFilter,
        )
        return self._by_kind[kind]

    def _shown(self, kind: str, tracklets: Sequence[Any], found: dict[int, float]) -> list[Seen]:
        """The tracks seen now and those hidden for a moment, each where its filter puts it."""
        seen = []
        for tracklet in tracklets:
            raw = int(tracklet.tracker_id)
            if raw == -1 or (raw not in found and tracklet.time_since_update_seconds > self.settings.carried_s):
                continue
            number = self._number(kind, raw)
            self._scores[number] = found.get(raw, 0.7 * self._scores.get(number, 0.0))
            x0, y0, x1, y1 = (float(edge) for edge in tracklet.get_state_bbox())
            if np.isfinite((x0, y0, x1, y1)).all() and x1 > x0 and y1 > y0:
                seen.append(Seen(number, kind, (x0, y0, x1, y1), self._scores[number]))
        self._drop({self._number(kind, int(one.tracker_id)) for one in tracklets if one.tracker_id != -1}, kind)
        return seen

    def _number(self, kind: str, raw: int) -> int:
        number = self._numbers.get((kind, raw))
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[kind, raw] = number
        return number

    def _drop(self, alive: set[int], kind: str) -> None:
        for key, number in list(self._numbers.items()):
            if key[0] == kind and number not in alive:
                del self._numbers[key]
                self._scores.pop(number, None)


def people(seen: Sequence[Seen]) -> int:
    """How many of them are people."""
    return sum(1 for one in seen if one.kind == PERSON)
