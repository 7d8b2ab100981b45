"""What passes between the stages of vision: frames, detections, tracks, scenes, findings.

Pictures are UInt8[height, width, 3] in BGR. Boxes are x0, y0, x1, y1 in pixels of the frame as analysed. Times are epoch seconds
(UTC).
Ground positions are metres east and north of the camera, known only where the camera was calibrated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

PERSON, VEHICLE, OBJECT = "person", "vehicle", "object"


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture. `number` counts the frames of its stream from 0, with those that were skipped."""

    picture: Picture
    at: float
    number: int


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector saw in one frame. boxes: Float32[n, 4]; scores: Float32[n] in [0, 1]; kinds: n names (PERSON, …)."""

    boxes: Boxes
    scores: npt.NDArray[np.float32]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves in one frame. `grey`, `foreground`: UInt8[h, w] as in `Scene`; `scale`: their pixels per pixel of the frame;
    `share`: of the picture that is foreground. `fresh`: the background was just begun, so that the foreground says nothing yet.
    """

    grey: npt.NDArray[np.uint8]
    foreground: npt.NDArray[np.uint8]
    scale: float
    share: float
    fresh: bool = False


class Detector(Protocol):
    """Finds people and things in one picture; where `motion` is given it may look only there. `name` goes into each event as its
    model. One detector serves one camera if it learns of the scene; `shared` says that it does not, so that many may use it.
    """

    name: str
    shared: bool

    def detect(self, picture: Picture, motion: Motion | None = None) -> Detections: ...


@dataclass(frozen=True)
class Seen:
    """One track in one frame. `ground`: metres east and north of the camera where its foot point stands, if calibrated."""

    track: int
    kind: str
    box: tuple[float, float, float, float]
    score: float
    ground: tuple[float, float] | None = None

    @property
    def foot(self) -> tuple[float, float]:
        """Middle of the box's lower edge: where it touches the ground, in pixels."""
        return (self.box[0] + self.box[2]) / 2, self.box[3]


@dataclass(frozen=True, eq=False)
class Scene:
    """All that the factors learn of one frame. `foreground`: UInt8[h, w], 255 where something moves or newly stands (at the
    size of `grey`); `grey`: UInt8[h, w], a small grey picture; `scale`: pixels of `grey` per pixel of the frame.
    `metres_per_pixel`: None where the camera was not calibrated. `blind`: code of the factor that hinders seeing, or "".
    """

    at: float
    number: int
    size: tuple[int, int]  # width, height of the frame in pixels
    seen: Sequence[Seen]
    foreground: npt.NDArray[np.uint8]
    grey: npt.NDArray[np.uint8]
    scale: float
    calibrated: bool = False
    blind: str = ""


@dataclass(frozen=True)
class Finding:
    """One observation of a factor. `box` in pixels of the frame; `evidence`: the numbers behind it, by name."""

    factor: str
    at: float
    confidence: float
    value: float | None = None
    box: tuple[float, float, float, float] | None = None
    track: str = ""
    ground: tuple[float, float] | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


class Rule(Protocol):
    """One risk factor watched on one camera: keeps what it needs of the past, in bounded memory."""

    code: str

    def look(self, scene: Scene) -> Sequence[Finding]: ...
