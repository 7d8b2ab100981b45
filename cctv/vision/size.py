"""How tall a person is at each place of the picture: height as a linear function of the foot's y, learnt from sure detections.

On flat ground under a camera without tilt to the side this is exact (Hoiem, Efros and Hebert 2008, "Putting objects in
perspective"). It is fitted to the last people seen, outliers weighing little (Cauchy), so that a moved camera is learnt anew.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from cctv.vision.model import Boxes

KEPT = 400  # people remembered: their feet and heights
ENOUGH = 40  # people seen before the prior is used
SPREAD = 0.12  # of the height: people differ by 8 %, boxes by more
STEEP = 0.3  # margin lost for each squared spread beyond the first
MOST = 3.0
FLAT = 0.04  # towards one height for all, until feet differ: their spread that counts as much as no spread, in heights
ROUNDS = 5


class SizePrior:
    """A line and the people it was fitted to; `ready` when enough were seen."""

    def __init__(self) -> None:
        self._people: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._line = np.zeros(2)

    @property
    def ready(self) -> bool:
        """Whether heights are known well enough to judge by."""
        return len(self._people) >= ENOUGH

    def learn(self, boxes: Boxes) -> None:
        """Take in people that were surely seen: Float32[n, 4]."""
        if not len(boxes):
            return
        self._people.extend((float(box[3]), float(box[3] - box[1])) for box in boxes)
        if len(self._people) >= 2:
            self._line = _robust_line(np.array(self._people))

    def height(self, foot: float) -> float:
        """Expected height in pixels of a person whose feet are at y = `foot`."""
        return max(float(self._line[0] + self._line[1] * foot), 1.0)

    def heights(self, feet: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Float32[n]: expected heights for many feet."""
        return np.asarray(np.maximum(self._line[0] + self._line[1] * feet, 1.0), np.float32)

    def heights_by_middle(self, middles: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Float32[n]: expected heights of people the middles of whose boxes are at these y."""
        steep = min(float(self._line[1]), 1.8)
        return np.asarray(np.maximum((self._line[0] + steep * middles) / (1 - steep / 2), 1.0), np.float32)

    def penalty(self, boxes: Boxes) -> npt.NDArray[np.float32]:
        """Float32[n]: how much margin each box loses for its unlikely height; 0 until the prior is ready."""
        if not self.ready or not len(boxes):
            return np.zeros(len(boxes), np.float32)
        off = np.log((boxes[:, 3] - boxes[:, 1]) / self.heights(boxes[:, 3])) / SPREAD
        return np.asarray(np.clip(STEEP * np.clip(off**2 - 1, 0, None), 0, MOST), np.float32)


def _robust_line(people: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Float64[2]: height at foot 0 and its growth with the foot's y; people: Float64[n, 2] of foot and height."""
    foot, height = people.T
    weight = np.ones(len(foot))
    line = np.zeros(2)
    for _ in range(ROUNDS):
        mean_foot, mean = np.average(foot, weights=weight), np.average(height, weights=weight)
        away = foot - mean_foot
        slope = (weight * away * (height - mean)).sum() / ((weight * away**2).sum() + weight.sum() * (FLAT * mean) ** 2)
        line = np.array([mean - slope * mean_foot, slope])
        off = np.log(height / np.maximum(line[0] + line[1] * foot, 1.0)) / SPREAD
        weight = 1 / (1 + off**2) ** 2
    return line
