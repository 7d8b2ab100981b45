"""The motion gate: a small grey picture and the foreground in it, so that the dear stages work only where something is.

The background is a mixture of Gaussians for each pixel (Zivkovic 2004, OpenCV's MOG2), learnt by time and not by frames, so that
a camera read at 2 frames/s forgets a parked car after as many minutes as one read at 10.
"""

import math

import cv2
import numpy as np

from cctv.vision.model import Motion, Picture

WIDTH = 320  # pixels of the small picture: a person of 1 % of the picture's area still has some 100 of them
MEMORY_S = 120.0  # time constant with which the background learns
WARM_UP_FRAMES = 3
ALL_AT_ONCE = 0.6  # share of the picture that never moves at once: a light was switched or the camera turned
SPECK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
GAP = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


class MotionGate:
    """Keeps one camera's background. Memory: five Gaussians for each pixel of the small picture."""

    def __init__(self, *, width: int = WIDTH, memory_s: float = MEMORY_S) -> None:
        self.width = width
        self.memory_s = memory_s
        self._shape: tuple[int, ...] = ()
        self._last_at = 0.0
        self._forget()

    def look(self, picture: Picture, at: float) -> Motion:
        """The foreground of `picture`, seen at `at` (epoch s)."""
        if picture.shape != self._shape:
            self._shape = picture.shape
            self._forget()
        scale = min(1.0, self.width / picture.shape[1])
        grey = small_grey(picture, scale)
        raw = self._background.apply(grey, learningRate=self._learning_rate(at))
        mask = np.where(raw == 255, np.uint8(255), np.uint8(0))  # 127 is shadow
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, SPECK)
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, GAP)
        self._frames += 1
        share = float(np.count_nonzero(mask)) / mask.size
        if share > ALL_AT_ONCE:
            self._forget()
        return Motion(grey, mask.astype(np.uint8, copy=False), scale, share, fresh=self._frames <= WARM_UP_FRAMES)

    def _forget(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=25, detectShadows=True)
        self._frames = 0

    def _learning_rate(self, at: float) -> float:
        step_s, self._last_at = at - self._last_at, at
        if self._frames == 0:
            return 1.0
        lasting = 1 - math.exp(-min(max(step_s, 0.0), 10.0) / self.memory_s)
        return max(lasting, 1.0 / (self._frames + 1) if self._frames < 2 * WARM_UP_FRAMES else 0.0)


def small_grey(picture: Picture, scale: float) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """UInt8[h, w]: the picture shrunk by `scale` without its colours."""
    if scale < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
