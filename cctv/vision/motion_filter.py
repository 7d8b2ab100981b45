"""How a tracked thing is thought to move between two pictures: a Kalman filter in seconds and in heights of the thing itself.

ByteTrack's own filter counts in pixels and frames and trusts each box nearly wholly; a detector's boxes tremble by a twentieth of
their height, which makes wild velocities and lost identities behind every lamp post. Here noise is a share of the height (as in
DeepSORT, Wojke et al. 2017), acceleration is white noise per second, and what is not seen slows down. Import this module lazily:
it loads `trackers`.
"""

import math

import numpy as np
import numpy.typing as npt
from trackers.utils.state_representations import XCYCWHStateEstimator

# Shares of the height, for centre x, centre y, width, height.
MEASURED = np.array([0.07, 0.077, 0.084, 0.084])  # scatter of a detector's box
ACCELERATION = np.array([1.2, 0.8, 0.3, 0.3])  # per s²; a person changes pace by up to two metres per second each second
FIRST_SPEED = np.array([0.8, 0.4, 0.05, 0.05])  # per s
SLOWING_S = 3.0  # time constant with which an unseen thing loses its speed


class WalkerFilter(XCYCWHStateEstimator):
    """State: centre x, centre y, width, height in pixels, and their change per second."""

    def __init__(self, bbox: npt.NDArray[np.float64]) -> None:
        super().__init__(bbox)
        height = max(float(bbox[3] - bbox[1]), 1.0)
        self.kf.state_covariance = np.diag(np.concatenate([(MEASURED * height) ** 2, (FIRST_SPEED * height) ** 2]))
        self.kf.measurement_noise = np.diag((MEASURED * height) ** 2)
        self._unseen = False

    def update(self, bbox: npt.NDArray[np.float64] | None) -> None:
        """Take in where the thing was seen."""
        self._unseen = bbox is None
        super().update(bbox)

    def set_kf_covariances(self, *_: object, **__: object) -> None:
        """The tracker's own noise, in pixels and frames, is not taken over."""

    def predict(self, frame_step: float = 1.0, frame_rate: float | None = None) -> None:
        """Go on by `frame_step` frames of `frame_rate` frames/s (10 where it is not known)."""
        seconds = frame_step / (frame_rate or 10.0)
        height = max(float(self.kf.state[3, 0]), 1.0)
        spread = (ACCELERATION * height) ** 2
        position, both, speed = seconds**4 / 4 * spread, seconds**3 / 2 * spread, seconds**2 * spread
        slowed = math.exp(-seconds / SLOWING_S) if self._unseen else 1.0
        self._unseen = True
        self.kf.transition_mtx = np.block([[np.eye(4), seconds * np.eye(4)], [np.zeros((4, 4)), slowed * np.eye(4)]])
        self.kf.process_noise = np.block([[np.diag(position), np.diag(both)], [np.diag(both), np.diag(speed)]])
        self.kf.measurement_noise = np.diag((MEASURED * height) ** 2)
        self.kf.predict()
