"""The clips with ground truth: PETS09-S2L1, TUD-Campus, TUD-Stadtmitte (MOT15 labels), and how detections and tracks are scored.

HOTA, IDF1 and MOTA are those of `trackers.eval`; AP is the area under the precision envelope at IoU 0.5 over all points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bench._shared_data import shared_data
from cctv.vision.boxes import iou

Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """`scale` brings the labels to the clip's pixels; frames before `tuned` were tuned on, the others only reported."""

    name: str
    file: str
    truth: str
    rate: float
    scale: float
    tuned: int


CLIPS = (
    Clip("PETS09-S2L1", "vtest_480x360_h264.avi", "gt_mot15_PETS09-S2L1.txt", 10.0, 0.625, 300),
    Clip("TUD-Campus", "TUD-Campus.mp4", "gt_mot15_TUD-Campus.txt", 25.0, 1.0, 71),
    Clip("TUD-Stadtmitte", "TUD-Stadtmitte.mp4", "gt_mot15_TUD-Stadtmitte.txt", 25.0, 1.0, 0),
)


@dataclass(frozen=True, eq=False)
class Labelled:
    """One frame: identities Int[n] and boxes Float32[n, 4]."""

    identities: npt.NDArray[np.int_]
    boxes: Boxes


@dataclass(frozen=True, eq=False)
class Found:
    """One frame as we see it. boxes, scores: detections; tracks: numbers and boxes of the people followed."""

    boxes: Boxes
    scores: npt.NDArray[np.float32]
    tracks: Labelled


def folder() -> Path:
    """Where the clips lie."""
    return shared_data() / "cctv-pets09"


def pictures(clip: Clip, most: int | None = None) -> Iterator[npt.NDArray[np.uint8]]:
    """The clip's frames, UInt8[h, w, 3] in BGR."""
    capture = cv2.VideoCapture(str(folder() / clip.file))
    number = 0
    while most is None or number < most:
        there, picture = capture.read()
        if not there:
            return
        number += 1
        yield np.asarray(picture, np.uint8)


def truth(clip: Clip) -> dict[int, Labelled]:
    """Labels by frame number from 0."""
    rows = np.loadtxt(folder() / clip.truth, delimiter=",")
    rows = rows[rows[:, 6] != 0]
    boxes = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]) * clip.scale
    numbers = rows[:, 0].astype(int) - 1
    return {
        int(number): Labelled(rows[numbers == number, 1].astype(int), boxes[numbers == number].astype(np.float32))
        for number in np.unique(numbers)
    }


def scores(found: Sequence[Found], labels: Mapping[int, Labelled], frames: range) -> dict[str, float]:
    """AP at IoU 0.5, mean absolute error of the number of people, MOTA, IDF1, HOTA over the given frames."""
    none = Labelled(np.zeros(0, int), np.zeros((0, 4), np.float32))
    true = [labels.get(number, none) for number in frames]
    ours = [found[number] for number in frames]
    return {
        "frames": len(frames),
        "people_mean": float(np.mean([len(one.boxes) for one in true])),
        "people_mae": float(np.mean([abs(len(a.boxes) - len(b.tracks.boxes)) for a, b in zip(true, ours, strict=True)])),
        "ap50": average_precision(ours, true),
        **_tracking([one.tracks for one in ours], true),
    }


def average_precision(found: Sequence[Found], true: Sequence[Labelled], overlap: float = 0.5) -> float:
    """Area under the precision envelope; in each frame the best score takes the best free label first."""
    hits: list[tuple[float, bool]] = []
    for ours, theirs in zip(found, true, strict=True):
        alike = iou(ours.boxes, theirs.boxes)
        free = set(range(len(theirs.boxes)))
        for row in np.argsort(-ours.scores, kind="stable"):
            taken = next((column for column in np.argsort(-alike[row]) if column in free and alike[row, column] >= overlap), None)
            free.discard(taken)
            hits.append((float(ours.scores[row]), taken is not None))
    hits.sort(key=lambda hit: -hit[0])
    right = np.cumsum([hit for _, hit in hits])
    recall = right / max(sum(len(one.boxes) for one in true), 1)
    precision = np.maximum.accumulate((right / np.arange(1, len(right) + 1))[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _tracking(ours: Sequence[Labelled], true: Sequence[Labelled]) -> dict[str, float]:
    from trackers.eval import compute_clear_metrics, compute_hota_metrics, compute_identity_metrics  # noqa: PLC0415

    arguments: tuple[Any, ...] = (
        _renumbered(true),
        _renumbered(ours),
        [iou(a.boxes, b.boxes).astype(float) for a, b in zip(true, ours, strict=True)],
    )
    clear, identity = compute_clear_metrics(*arguments), compute_identity_metrics(*arguments)
    return {
        "mota": float(clear["MOTA"]),
        "idf1": float(identity["IDF1"]),
        "hota": float(compute_hota_metrics(*arguments)["HOTA"]),
        "switches": int(clear["IDSW"]),
    }


def _renumbered(frames: Sequence[Labelled]) -> list[npt.NDArray[np.int_]]:
    """Identities as numbers from 0 without gaps, as the evaluation wants them."""
    every = np.unique(np.concatenate([one.identities for one in frames]))
    return [np.searchsorted(every, one.identities) for one in frames]
