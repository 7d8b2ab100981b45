"""The detector that needs no weights of its own: OpenCV's people detector (HOG, Dalal and Triggs 2005) helped by the foreground.

It looks only where something moves, enlarged so that the smallest person fills the detector's window; a person's height at
each foot point, learnt from the scene, tells which sizes are likely and which scales need no search; foreground of a person's
size that the detector missed is reported with a low score, by which a tracker may go on but not begin.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.model import PERSON, Boxes, Detections, Motion, Picture
from cctv.vision.size import SizePrior

Scores = npt.NDArray[np.float32]
Region = tuple[int, int, int, int]

WINDOW_H = 128  # pixels of the HOG window; a person fills PERSON_IN_WINDOW of it
NO_BOXES = np.zeros((0, 4), np.float32)
NO_SCORES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class PeopleSettings:
    """Weights are the support vector machine's margins; shares are of a person's or window's height."""

    first_enlargement: float = 1.5  # until the scene's sizes are known
    most_pixels: int = 1_600_000  # of one enlarged region: bounds the time
    scale_step: float = 1.06
    smallest_weight: float = -0.2
    person_in_window: float = 0.72  # height of a person in the window's height
    width_of_height: float = 0.36
    overlap: float = 0.45  # of two boxes (IoU) that are one person
    sweep_s: float = 2.0
    foreground_share: float = 0.12  # of a box that must be foreground
    blob_score: float = 0.35
    weight_at_half: float = 0.25  # the margin that is right every second time
    weight_slope: float = 3.0


@dataclass
class PeopleDetector:
    """Finds people in the pictures of one camera; learns the scene's sizes as it goes."""

    settings: PeopleSettings = field(default_factory=PeopleSettings)
    name: str = "hog-foreground-1"
    shared: bool = False

    def __post_init__(self) -> None:
        self.sizes = SizePrior()
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))

    def detect(self, picture: Picture, motion: Motion | None = None) -> Detections:
        """People in `picture`: where `motion` is given, only those who stand in or beside its foreground."""
        height, width = picture.shape[:2]
        trusted = motion if motion is not None and not motion.fresh else None
        regions = regions_of(trusted, (width, height)) if trusted else [(0, 0, width, height)]
        found = [self._windows(picture, region) for region in regions]
        boxes = np.concatenate([NO_BOXES, *(one[0] for one in found)])
        weights = np.concatenate([NO_SCORES, *(one[1] for one in found)])
        return self.judge(boxes, weights, trusted)

    def judge(self, windows: Boxes, weights: Scores, motion: Motion | None) -> Detections:
        """Raw windows of the people detector (Float32[n, 4] and their margins) made to people."""
        one = self.settings
        boxes = person_boxes(windows, one.person_in_window, one.width_of_height)
        weights = weights - self.sizes.penalty(boxes)
        if motion is not None and len(boxes):
            weights = np.where(covered(boxes, motion) >= one.foreground_share, weights, weights - 1.0).astype(np.float32)
        keep = weights >= one.smallest_weight
        boxes, weights = boxes[keep], weights[keep]
        kept = suppressed(boxes, weights, one.overlap)
        boxes, weights = boxes[kept], weights[kept]
        scores = (1 / (1 + np.exp(-one.weight_slope * (weights - one.weight_at_half)))).astype(np.float32)
        self.sizes.learn(boxes[scores >= 0.8])
        return Detections(boxes, scores, (PERSON,) * len(boxes))

    def _windows(self, picture: Picture, region: Region) -> tuple[Boxes, Scores]:
        x0, y0, x1, y1 = region
        one = self.settings
        enlarge = one.first_enlargement
        cut = picture[y0:y1, x0:x1]
        enlarge = min(enlarge, (one.most_pixels / max(cut.shape[0] * cut.shape[1], 1)) ** 0.5)
        if min(cut.shape[0] * enlarge / 2, cut.shape[1] * enlarge) < WINDOW_H / 2:
            return NO_BOXES, NO_SCORES
        enlarged = cv2.resize(cut, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_LINEAR)
        found, weights = self._hog.detectMultiScale(
            enlarged, hitThreshold=one.smallest_weight, winStride=(8, 8), padding=(16, 16), scale=one.scale_step, groupThreshold=0
        )
        boxes = np.asarray(found, np.float32).reshape(-1, 4) / enlarge + np.array([x0, y0, 0, 0], np.float32)
        return boxes, np.asarray(weights, np.float32).reshape(-1)


def person_boxes(windows: Boxes, person_in_window: float, width_of_height: float) -> Boxes:
    """Windows (x, y, width, height) to the boxes of the people in their middle (x0, y0, x1, y1)."""
    middle_x, middle_y = windows[:, 0] + windows[:, 2] / 2, windows[:, 1] + windows[:, 3] / 2
    half_h = windows[:, 3] * person_in_window / 2
    half_w = half_h * width_of_height
    return np.column_stack([middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h]).astype(np.float32)


def suppressed(boxes: Boxes, scores: Scores, overlap: float) -> npt.NDArray[np.intp]:
    """Which boxes stay, best first, when of two that overlap by more than `overlap` (IoU) the better stays."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[iou(boxes[best : best + 1], boxes[order])[0] <= overlap]
    return np.array(kept, np.intp)


def iou(one: Boxes, other: Boxes) -> npt.NDArray[np.float32]:
    """Float32[n, m]: intersection over union of every box of `one` with every box of `other`."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area, other_area = (np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (one, other))
    return np.asarray(shared / np.maximum(area[:, None] + other_area[None] - shared, 1e-6), np.float32)


def covered(boxes: Boxes, motion: Motion) -> npt.NDArray[np.float32]:
    """Float32[n]: the share of each box that is foreground."""
    height, width = motion.foreground.shape
    total = cv2.integral(motion.foreground // 255)
    scaled = boxes * motion.scale
    x0, x1 = (np.clip(np.round(scaled[:, i]), 0, width).astype(int) for i in (0, 2))
    y0, y1 = (np.clip(np.round(scaled[:, i]), 0, height).astype(int) for i in (1, 3))
    inside = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return np.asarray(inside / np.maximum((x1 - x0) * (y1 - y0), 1), np.float32)


def regions_of(motion: Motion, size: tuple[int, int], margin: float = 0.1) -> list[Region]:
    """Rectangles (x0, y0, x1, y1 in pixels of the frame of `size`) round the foreground, grown and joined where they touch."""
    width, height = size
    reach = max(3, round(margin * motion.foreground.shape[0]))
    grown = cv2.dilate(motion.foreground, cv2.getStructuringElement(cv2.MORPH_RECT, (reach, reach)))
    count, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    rectangles = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count]]
    regions = []
    for x0, y0, x1, y1 in joined(rectangles):
        pixels = np.array([x0, y0, x1, y1]) / motion.scale
        regions.append((int(pixels[0]), int(pixels[1]), min(width, int(pixels[2]) + 1), min(height, int(pixels[3]) + 1)))
    return regions


def joined(rectangles: list[Region]) -> list[Region]:
    """Rectangles of which no two overlap: those that do are replaced by the one round both."""
    apart: list[Region] = []
    for rectangle in rectangles:
        growing = rectangle
        while hit := [one for one in apart if _overlap(one, growing)]:
            for one in hit:
                apart.remove(one)
                growing = (min(one[0], growing[0]), min(one[1], growing[1]), max(one[2], growing[2]), max(one[3], growing[3]))
        apart.append(growing)
    return apart


def _overlap(one: Region, other: Region) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
