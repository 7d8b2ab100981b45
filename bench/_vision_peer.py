"""The peer: OpenCV's people detector on an enlarged picture, grouped by itself, and ByteTrack as it comes.

Enlarged to one and a half times the size that the labels speak of, as in the earlier measurement beside it: on the small clip of
PETS09 itself most people would be smaller than the detector's window, and the peer would lose by that alone.
"""

import cv2
import numpy as np
import numpy.typing as npt

from bench._vision_clips import Clip, Found, Labelled, pictures

ENLARGED = 1.5


def follow_plainly(clip: Clip) -> list[Found]:
    """Detections and tracks of the peer, frame by frame."""
    import supervision  # noqa: PLC0415
    from trackers import ByteTrackTracker  # noqa: PLC0415

    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
    tracker = ByteTrackTracker(frame_rate=clip.rate)
    enlarged = ENLARGED / clip.scale
    found = []
    for picture in pictures(clip):
        large = cv2.resize(picture, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
        windows, weights = hog.detectMultiScale(large, winStride=(8, 8), padding=(8, 8), scale=1.05)
        boxes = _people(np.asarray(windows, np.float32).reshape(-1, 4) / enlarged)
        scores = np.clip(np.asarray(weights, np.float32).reshape(-1), 0, 1)
        result = tracker.update(supervision.Detections(xyxy=boxes, confidence=scores))
        numbers = np.asarray(result.tracker_id if len(result) else np.zeros(0), int)
        chosen = numbers != -1
        tracks = Labelled(numbers[chosen], result.xyxy[chosen].astype(np.float32).reshape(-1, 4))
        found.append(Found(boxes, scores, tracks))
    return found


def _people(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The detector's windows without their margins, as its sample programs cut them."""
    x, y, width, height = windows.T
    return np.column_stack([x + 0.15 * width, y + 0.05 * height, x + 0.85 * width, y + 0.92 * height]).astype(np.float32)
