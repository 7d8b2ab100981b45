"""The detector that needs no weights of its own: OpenCV's people detector (HOG, Dalal and Triggs 2005) helped by the foreground.

It looks where something moves and where somebody was a moment ago, enlarged so that the smallest person fills the detector's
window. A person's height at each foot point, learnt from the scene (`SizePrior`), tells which sizes are searched, believed and
reported; the foreground in a box counts as evidence; and foreground of a person's size that the detector missed is reported with
a score by which a tracker goes on but does not begin. Wide foreground that no person explains is a vehicle.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.boxes import Region, Scores, inside, iou, joined, suppressed
from cctv.vision.model import PERSON, VEHICLE, Boxes, Detections, Motion, Picture
from cctv.vision.size import SizePrior

WINDOW_H = 128  # pixels of the detector's window (64 × 128)
NO_BOXES = np.zeros((0, 4), np.float32)
NO_SCORES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class PeopleSettings:
    """Weights are the support vector machine's margins; the logistic numbers were fitted (docs/vision.md says on what)."""

    first_height: int = 720  # pixels to which a whole picture is brought until the scene's sizes are known
    most_pixels: int = 1_500_000  # of one enlarged region: bounds the time
    scale_step: float = 1.1
    smallest_weight: float = -0.6
    person_in_window: float = 0.73  # height of a person in the window's height
    width_of_height: float = 0.39
    overlap: float = 0.45  # of two boxes (IoU) that are one person
    averaged_overlap: float = 0.5  # windows that overlap the best so far are averaged with it
    towards_prior: float = 0.6  # how far a box's height is drawn to the expected one
    logit_weight: float = 1.8
    logit_foreground: float = 5.9
    logit_hidden: float = -1.3  # for the share of a box that lies in a better one
    logit_constant: float = -2.2
    enough_foreground: float = 0.3  # of a box; more says nothing more
    least_score: float = 0.04
    sure_score: float = 0.9  # the size prior learns from these
    blob_score: float = 0.4
    vehicle_score: float = 0.65
    vehicle_area: float = 0.006  # of the picture
    sweep_every: int = 40  # detections; then the whole picture is searched for those who never moved


@dataclass
class PeopleDetector:
    """Finds people in the pictures of one camera; learns the scene's sizes as it goes."""

    settings: PeopleSettings = field(default_factory=PeopleSettings)
    name: str = "hog-foreground-1"
    shared: bool = False

    def __post_init__(self) -> None:
        self.sizes = SizePrior()
        self._hogs: dict[int, cv2.HOGDescriptor] = {}
        self._calls = 0
        self._last = NO_BOXES

    def detect(self, picture: Picture, motion: Motion | None = None) -> Detections:
        """People and vehicles in `picture`; where `motion` is given, only beside its foreground but for a sweep now and then."""
        height, width = picture.shape[:2]
        trusted = motion if motion is not None and not motion.fresh else None
        sweep = trusted is None or self._calls % self.settings.sweep_every == 0
        self._calls += 1
        whole = (0, 0, width, height)
        regions = [whole] if sweep or trusted is None else self._regions(trusted, (width, height))
        found = [self._windows(picture, region) for region in regions]
        windows = np.concatenate([NO_BOXES, *(one[0] for one in found)])
        weights = np.concatenate([NO_SCORES, *(one[1] for one in found)])
        return self.judge(windows, weights, trusted)

    def judge(self, windows: Boxes, weights: Scores, motion: Motion | None) -> Detections:
        """Raw windows of the people detector (x, y, width, height: Float32[n, 4]; their margins: Float32[n]) made to people."""
        one = self.settings
        boxes = person_boxes(windows, one.person_in_window, one.width_of_height)
        weights = weights - self.sizes.penalty(boxes)
        likely = weights >= one.smallest_weight - 0.4
        boxes, weights = boxes[likely], weights[likely]
        kept = suppressed(boxes, weights, one.overlap)
        people = self._drawn_to_prior(_averaged(boxes, weights, kept, one.averaged_overlap))
        share = covered(people, motion) if motion is not None else np.full(len(people), one.enough_foreground / 2, np.float32)
        hidden = np.tril(inside(people, people), -1).max(axis=1, initial=0)  # the best comes first
        logit = one.logit_constant + one.logit_weight * weights[kept] + one.logit_hidden * hidden
        logit = logit + one.logit_foreground * np.minimum(share, one.enough_foreground)
        scores = np.asarray(1 / (1 + np.exp(-logit)), np.float32)
        people, scores = people[scores >= one.least_score], scores[scores >= one.least_score]
        self.sizes.learn(people[scores >= one.sure_score])
        self._last = people[scores >= 0.5]
        return self._with_blobs(people, scores, motion)

    def _windows(self, picture: Picture, region: Region) -> tuple[Boxes, Scores]:
        """Windows in one region of the picture, over the sizes that a person may have there."""
        one = self.settings
        x0, y0, x1, y1 = region
        cut = picture[y0:y1, x0:x1]
        enlarge, levels = one.first_height / picture.shape[0], 64
        if self.sizes.ready:
            low, high = sorted((self.sizes.height(y0 + 0.2 * (y1 - y0)), self.sizes.height(y1)))
            low, high = max(0.85 * low, 16.0), max(1.2 * high, 20.0)
            enlarge = float(np.clip(one.person_in_window * WINDOW_H / low, 0.1, 3.0))
            levels = int(np.ceil(np.log(high / low) / np.log(one.scale_step))) + 1
        enlarge = min(enlarge, (one.most_pixels / max(cut.shape[0] * cut.shape[1], 1)) ** 0.5)
        if min(cut.shape[0] / 2, cut.shape[1]) * enlarge < WINDOW_H / 4:
            return NO_BOXES, NO_SCORES
        way = cv2.INTER_CUBIC if enlarge > 1 else cv2.INTER_AREA
        cut = np.asarray(cv2.resize(cut, None, fx=enlarge, fy=enlarge, interpolation=way), np.uint8)
        below, right = max(0, WINDOW_H - cut.shape[0]), max(0, WINDOW_H // 2 - cut.shape[1])
        if below or right:
            cut = np.asarray(cv2.copyMakeBorder(cut, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        room = min(cut.shape[0] / WINDOW_H, cut.shape[1] / (WINDOW_H / 2))  # the library reads beyond a picture that has none
        levels = min(levels, int(np.log(room) / np.log(one.scale_step)) + 1)
        found, weights = self._hog(levels).detectMultiScale(
            cut, hitThreshold=one.smallest_weight, winStride=(8, 8), padding=(16, 16), scale=one.scale_step, groupThreshold=0
        )
        windows = np.asarray(found, np.float32).reshape(-1, 4) / enlarge + np.array([x0, y0, 0, 0], np.float32)
        return np.asarray(windows, np.float32), np.asarray(weights, np.float32).reshape(-1)

    def _hog(self, levels: int) -> cv2.HOGDescriptor:
        if levels not in self._hogs:
            hog = cv2.HOGDescriptor((64, 128), (16, 16), (8, 8), (8, 8), 9, 1, -1, 0, 0.2, True, levels)
            hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
            self._hogs[levels] = hog
        return self._hogs[levels]

    def _regions(self, motion: Motion, size: tuple[int, int]) -> list[Region]:
        """Where to look, in pixels of the frame: foreground, and those seen last, each with a person's margin; joined."""
        width, height = size
        count, _, stats, _ = cv2.connectedComponentsWithStats(motion.foreground)
        near = [(x / motion.scale, y / motion.scale, (x + w) / motion.scale, (y + h) / motion.scale)
                for x, y, w, h, area in stats[1:count] if area >= 12]  # fmt: skip
        rectangles: list[Region] = []
        for x0, y0, x1, y1 in [*near, *self._last.tolist()]:
            person = self.sizes.height(y1) if self.sizes.ready else 0.25 * height
            if self.sizes.ready and y1 - y0 < 0.25 * person:
                continue
            beside, above = 0.35 * person, max(0.3 * person, 1.1 * person - (y1 - y0))
            low = max(0, int(x0 - beside)), max(0, int(y0 - above))
            rectangles.append((*low, min(width, int(x1 + beside) + 1), min(height, int(y1 + 0.3 * person) + 1)))
        return joined(rectangles)

    def _drawn_to_prior(self, boxes: Boxes) -> Boxes:
        """Boxes with their heights drawn to what the scene expects; the middle stays."""
        if not self.sizes.ready or not len(boxes):
            return boxes
        one = self.settings
        middle_x, middle_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        expected = self.sizes.heights_by_middle(middle_y)
        half_h = ((1 - one.towards_prior) * (boxes[:, 3] - boxes[:, 1]) + one.towards_prior * expected) / 2
        half_w = half_h * one.width_of_height
        return np.column_stack([middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h]).astype(np.float32)

    def _with_blobs(self, people: Boxes, scores: Scores, motion: Motion | None) -> Detections:
        """People, and what foreground they leave unexplained: missed people (only once sizes are known) and vehicles."""
        kinds = [PERSON] * len(people)
        if motion is None or not 0 < motion.share < 0.5:
            return Detections(people, scores, tuple(kinds))
        one = self.settings
        blobs = blob_boxes(motion)
        new: list[tuple[npt.NDArray[np.float32], float, str]] = []
        for blob in blobs:
            wide, tall = float(blob[2] - blob[0]), float(blob[3] - blob[1])
            explained = float(inside(people, blob[None]).ravel() @ _areas(people)) / max(wide * tall, 1.0) if len(people) else 0.0
            expected = self.sizes.height(float(blob[3])) if self.sizes.ready else 0.0
            large = wide * tall >= max(one.vehicle_area * motion.foreground.size / motion.scale**2, 2.2 * expected**2)
            if wide > 1.15 * tall and large and explained < 0.3:
                new.append((blob, one.vehicle_score, VEHICLE))
            elif expected and 0.7 <= tall / expected <= 1.25 and 0.2 <= wide / tall <= 0.75 and _apart(blob, people):
                new.append((self._drawn_to_prior(blob[None])[0], one.blob_score, PERSON))
        boxes = np.concatenate([people, *(blob[None] for blob, _, _ in new)])
        all_scores = np.concatenate([scores, np.array([score for _, score, _ in new], np.float32)])
        return Detections(boxes, all_scores, (*kinds, *(kind for _, _, kind in new)))


def person_boxes(windows: Boxes, person_in_window: float, width_of_height: float) -> Boxes:
    """Windows (x, y, width, height) to the boxes of the people in their middle (x0, y0, x1, y1)."""
    middle_x, middle_y = windows[:, 0] + windows[:, 2] / 2, windows[:, 1] + windows[:, 3] / 2
    half_h = windows[:, 3] * person_in_window / 2
    half_w = half_h * width_of_height
    return np.column_stack([middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h]).astype(np.float32)


def covered(boxes: Boxes, motion: Motion) -> npt.NDArray[np.float32]:
    """Float32[n]: the share of each box that is foreground."""
    height, width = motion.foreground.shape
    total = cv2.integral(motion.foreground // 255)
    scaled = boxes * motion.scale
    x0, x1 = (np.clip(np.round(scaled[:, i]), 0, width).astype(int) for i in (0, 2))
    y0, y1 = (np.clip(np.round(scaled[:, i]), 0, height).astype(int) for i in (1, 3))
    found = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
    return np.asarray(found / np.maximum((x1 - x0) * (y1 - y0), 1), np.float32)


def blob_boxes(motion: Motion) -> Boxes:
    """Float32[n, 4]: boxes round the foreground's parts, in pixels of the frame; parts of one thing are closed together first."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 9))
    closed = cv2.morphologyEx(motion.foreground, cv2.MORPH_CLOSE, kernel)
    count, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    boxes = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:count] if area >= 0.3 * w * h and area >= 30]
    return np.asarray(np.array(boxes, np.float32).reshape(-1, 4) / motion.scale, np.float32)


def _averaged(boxes: Boxes, weights: Scores, kept: npt.NDArray[np.intp], overlap: float) -> Boxes:
    """Each kept box averaged with the windows that overlap it, by their margins: steadier than the best window alone."""
    if not len(kept):
        return NO_BOXES
    pull = np.where(iou(boxes[kept], boxes) > overlap, np.exp(2 * weights)[None], 0.0)
    pull[np.arange(len(kept)), kept] = np.exp(2 * weights[kept])
    return np.asarray(pull @ boxes / pull.sum(axis=1, keepdims=True), np.float32)


def _apart(blob: npt.NDArray[np.float32], people: Boxes) -> bool:
    return not len(people) or float(iou(blob[None], people).max()) < 0.25


def _areas(boxes: Boxes) -> Scores:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
