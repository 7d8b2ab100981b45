"""A folder of images as a source: JPEG, PNG, BMP, TIFF or WebP in the order of their names."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from cctv.sources.budget import Budget
from cctv.sources.errors import SourceError
from cctv.sources.reader import LARGEST_PIXELS, Shot
from cctv.sources.status import Status

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
LARGEST_BYTES = 64 * 1024**2


class Images:
    """`image_fps` images make a second; of those, at most `fps` are handed on."""

    def __init__(self, folder: Path, *, fps: float, image_fps: float, height: int, status: Status):
        self._folder = folder
        self._step_s = 1 / image_fps
        self._budget = Budget(fps)
        self._height = height
        self._status = status

    def __iter__(self) -> Iterator[Shot]:
        """Raises `SourceError` where the folder holds no image that can be read; single broken ones are counted and left out."""
        good = False
        for number, path in enumerate(_in_order(self._folder)):
            self._status.frames += 1
            if not self._budget.takes(number * self._step_s, self._step_s):
                self._status.skipped += 1
                continue
            picture = _read(path, self._height)
            if picture is None:
                self._status.broken += 1
                continue
            good = True
            self._status.size = (picture.shape[1], picture.shape[0])
            yield Shot(picture, number * self._step_s, number)
        if not good:
            name = self._folder.name
            raise SourceError("no_pictures", f"The folder {name} holds no image that can be read.", name=name)


def _in_order(folder: Path) -> list[Path]:
    """Images by name, numbers in names by their value: 2.jpg before 10.jpg."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(found, key=lambda path: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)])


def _read(path: Path, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]] | None:
    if path.stat().st_size > LARGEST_BYTES:
        return None
    try:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, OSError):  # OpenCV refuses images of absurd sizes by itself
        return None
    if picture is None or picture.shape[0] * picture.shape[1] > LARGEST_PIXELS:
        return None
    if 0 < height < picture.shape[0]:
        width = max(2, round(picture.shape[1] * height / picture.shape[0] / 2) * 2)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)
