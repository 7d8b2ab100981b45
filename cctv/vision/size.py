"""How tall a person is at each place of the picture: height as a linear function of the foot's y, learnt from sure detections.

On flat ground under a camera without tilt to the side this is exact (Hoiem, Efros and Hebert 2008, "Putting objects in
perspective"). It is learnt by recursive weighted least squares, forgetting slowly, so that a moved camera is learnt anew.
"""

import numpy as np
import numpy.typing as npt

from cctv.vision.model import Boxes

FORGETTING = 0.999  # of each person seen
ENOUGH = 60.0  # people seen before the prior is used
SPREAD = 0.16  # of the height: people differ by 8 %, boxes by more
STEEP = 1.0  # margin lost for each squared spread beyond the first
MOST = 3.0


class SizePrior:
    """Two numbers and their sums; `ready` when enough people were seen."""

    def __init__(self) -> None:
        self._moments = np.zeros((2, 2))
        self._target = np.zeros(2)
        self._line = np.zeros(2)
        self.weight = 0.0

    @property
    def ready(self) -> bool:
        """Whether heights are known well enough to judge by."""
        return self.weight >= ENOUGH

    def learn(self, boxes: Boxes) -> None:
        """Take in people that were surely seen: Float32[n, 4]."""
        for box in boxes:
            foot, height = float(box[3]), float(box[3] - box[1])
            if self.ready and abs(np.log(height / max(self.height(foot), 1.0))) > 3 * SPREAD:
                continue
            row = np.array([1.0, foot])
            self._moments = FORGETTING * self._moments + np.outer(row, row)
            self._target = FORGETTING * self._target + row * height
            self.weight = FORGETTING * self.weight + 1
        if len(boxes) and self.weight >= 2:
            mean_foot = self._moments[0, 1] / self._moments[0, 0]
            ridge = np.diag([1e-6, 0.02 * self.weight * max(mean_foot, 1.0)])  # towards one height for all, until feet differ
            mean = self._target[0] / self._moments[0, 0]
            centred = np.linalg.solve(self._moments + ridge, self._target - self._moments @ (mean, 0.0))
            self._line = centred + np.array([mean, 0.0])

    def height(self, foot: float) -> float:
        """Expected height in pixels of a person whose feet are at y = `foot`."""
        return max(float(self._line[0] + self._line[1] * foot), 1.0)

    def heights(self, feet: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Float32[n]: expected heights for many feet."""
        return np.asarray(np.maximum(self._line[0] + self._line[1] * feet, 1.0), np.float32)

    def penalty(self, boxes: Boxes) -> npt.NDArray[np.float32]:
        """Float32[n]: how much margin each box loses for its unlikely height; 0 until the prior is ready."""
        if not self.ready or not len(boxes):
            return np.zeros(len(boxes), np.float32)
        off = np.log((boxes[:, 3] - boxes[:, 1]) / self.heights(boxes[:, 3])) / SPREAD
        return np.asarray(np.clip(STEEP * np.clip(off**2 - 1, 0, None), 0, MOST), np.float32)
