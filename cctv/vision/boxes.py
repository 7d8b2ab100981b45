"""Small geometry of boxes: Float32[n, 4] of x0, y0, x1, y1."""

import numpy as np
import numpy.typing as npt

from cctv.vision.model import Boxes

Scores = npt.NDArray[np.float32]
Region = tuple[int, int, int, int]


def iou(one: Boxes, other: Boxes) -> npt.NDArray[np.float32]:
    """Float32[n, m]: intersection over union of every box of `one` with every box of `other`."""
    shared = _shared(one, other)
    return np.asarray(shared / np.maximum(_area(one)[:, None] + _area(other)[None] - shared, 1e-6), np.float32)


def inside(one: Boxes, other: Boxes) -> npt.NDArray[np.float32]:
    """Float32[n, m]: which share of each box of `one` lies in each box of `other`."""
    return np.asarray(_shared(one, other) / np.maximum(_area(one)[:, None], 1e-6), np.float32)


def suppressed(boxes: Boxes, scores: Scores, overlap: float) -> npt.NDArray[np.intp]:
    """Which boxes stay, best first, when of two that overlap by more than `overlap` (IoU) the better stays."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[iou(boxes[best : best + 1], boxes[order])[0] <= overlap]
    return np.array(kept, np.intp)


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


def _area(boxes: Boxes) -> Scores:
    return np.asarray(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1), np.float32)


def _shared(one: Boxes, other: Boxes) -> npt.NDArray[np.float32]:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=2), np.float32)
