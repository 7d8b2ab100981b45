"""Thumbnails that show what happened and nobody's face.

Every person's box, with a margin, every face that OpenCV's cascade finds and all that moves is replaced by the mean colours of a
few coarse blocks, with their last bits dropped: what was averaged away cannot be computed back. Pixelating comes after shrinking
and before coding, so that no finer picture ever leaves this module.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.model import Picture

LARGEST_BYTES = 20_000
WIDTH = 320
BLOCKS_ACROSS = 3  # a person's box is this many blocks wide: a face then is about one
SMALLEST_BLOCK = 8  # pixels of the thumbnail
SMALLEST_FACE = 20  # pixels of the thumbnail
MARGIN = 0.15  # of the box on each side: boxes are seldom exact
KEPT_BITS = 0xF0  # of each colour: sixteen shades

Box = tuple[float, float, float, float]


def masked_thumbnail(
    picture: Picture,
    boxes: Iterable[Box] | None,
    *,
    width: int = WIDTH,
    foreground: npt.NDArray[np.uint8] | None = None,
) -> bytes:
    """A JPEG of at most 20,000 bytes with all `boxes` (x0, y0, x1, y1 in pixels of `picture`) and all `foreground` pixelated.

    `boxes` is None where nobody knows where people are: then the whole picture is pixelated.
    """
    scale = min(1.0, width / picture.shape[1])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if boxes is None:
        return _jpeg(_pixelated(small, max(SMALLEST_BLOCK, size[0] // 24)))
    masked = small.copy()
    if foreground is not None and foreground.size:
        moving = cv2.dilate(cv2.resize(foreground, size, interpolation=cv2.INTER_NEAREST), np.ones((5, 5), np.uint8)) > 0
        masked[moving] = _pixelated(small, SMALLEST_BLOCK)[moving]
    faces = [(x / scale, y / scale, (x + w) / scale, (y + h) / scale) for x, y, w, h in _faces(small)]
    for box in [*boxes, *faces]:
        x0, y0, x1, y1 = _with_margin(box, scale, size)
        if x1 > x0 and y1 > y0:
            block = max(SMALLEST_BLOCK, (x1 - x0) // BLOCKS_ACROSS)
            masked[y0:y1, x0:x1] = _pixelated(small[y0:y1, x0:x1], block)
    return _jpeg(masked)


def _faces(small: Picture) -> npt.NDArray[np.int32]:
    """Int32[n, 4]: x, y, width, height of faces large enough to know somebody by, also of people whom no detector found."""
    found = _face_cascade().detectMultiScale(small, scaleFactor=1.1, minNeighbors=2, minSize=(SMALLEST_FACE, SMALLEST_FACE))
    return np.asarray(found, np.int32).reshape(-1, 4)


@cache
def _face_cascade() -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))


def _with_margin(box: Box, scale: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box in whole pixels of the thumbnail, grown by its margin; a box that is not finite covers the whole picture."""
    if not np.isfinite(box).all():
        return 0, 0, *size
    x, y = MARGIN * (box[2] - box[0]), MARGIN * (box[3] - box[1])
    grown = np.array([box[0] - x, box[1] - y, box[2] + x, box[3] + y]) * scale
    limits = np.array([*size, *size])
    x0, y0, x1, y1 = np.clip([*np.floor(grown[:2]), *np.ceil(grown[2:])], 0, limits).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def _pixelated(region: Picture, block: int) -> Picture:
    height, width = region.shape[:2]
    blocks = max(1, width // block), max(1, height // block)
    means = np.asarray(cv2.resize(region, blocks, interpolation=cv2.INTER_AREA), np.uint8) & np.uint8(KEPT_BITS)
    return np.asarray(cv2.resize(means, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _jpeg(picture: Picture) -> bytes:
    """The picture coded as finely as 20,000 bytes allow."""
    for quality in (80, 65, 50, 35, 20, 10):
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if len(coded) <= LARGEST_BYTES:
            return bytes(coded)
    half = np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return _jpeg(half)
