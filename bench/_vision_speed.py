"""What vision costs: CPU seconds of one thread by stage, at 2, 5 and 10 frames a second, in a busy scene and in a quiet one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bench._vision_clips import CLIPS, pictures
from cctv.vision.detectors import PeopleDetector
from cctv.vision.model import Frame
from cctv.vision.pipeline import Pipeline
from cctv.vision.rules import make_rules, read_settings

SIZE = (854, 480)  # what the camera worker hands on of 480p and of full HD alike
BUDGETS = (2, 5, 10)
STREAM_FPS = 25

Picture = npt.NDArray[np.uint8]


class Timed:
    """A call that counts itself and sums its CPU seconds."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.seconds, self.calls = 0.0, 0
        self._call = call

    def __call__(self, *args: Any, **named: Any) -> Any:
        begun = time.process_time()
        result = self._call(*args, **named)
        self.seconds += time.process_time() - begun
        self.calls += 1
        return result


def measure(quick: bool, decode: dict[str, Any] | None) -> dict[str, Any]:
    """fps: frames a CPU second by stage; cameras_per_core: for 480p and full HD, by budget, busy, quiet and decode alone."""
    cv2.setNumThreads(1)
    clip = CLIPS[0]
    busy = [enlarged(picture) for picture in pictures(clip, 120 if quick else 400)]
    rng = np.random.default_rng(1)
    still = busy[0].astype(np.int16)
    quiet = [np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(60 if quick else 150)]
    stages, busy_s = _cost(busy, 10, by_stage=True)
    costs = {("busy", 10): busy_s}
    for fps in BUDGETS:
        if fps != 10:
            costs["busy", fps] = _cost(busy[:: 10 // fps], fps)[1]
        costs["quiet", fps] = _cost(quiet, fps)[1]
    fps_by_stage: dict[str, Any] = {"480p": stages | {"all": 1 / busy_s, "all, quiet": 1 / costs["quiet", 10]}}
    cameras: dict[str, Any] = {}
    for size, found in (decode or {}).items():
        fps_by_stage[f"decode {size}"] = found["frames_per_cpu_s"]
        for fps in BUDGETS:
            reading_s = STREAM_FPS / found["frames_per_cpu_s"][f"budget_{fps}"]  # of each second of a stream
            cameras.setdefault(size, {})[str(fps)] = {
                "busy": 1 / (reading_s + fps * costs["busy", fps]),
                "quiet": 1 / (reading_s + fps * costs["quiet", fps]),
                "decode_alone": 1 / reading_s,
            }
    return {"fps": fps_by_stage, "cameras_per_core": cameras}


def enlarged(picture: Picture) -> Picture:
    """The picture as the camera worker would hand it on."""
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


def _cost(frames: Sequence[Picture], fps: float, *, by_stage: bool = False) -> tuple[dict[str, float], float]:
    """Frames a CPU second of each stage, and CPU seconds of a whole frame, once a tenth has run in."""
    pipeline = Pipeline(PeopleDetector(), make_rules(None, settings=read_settings({})))
    warm = max(3, len(frames) // 10)
    timed: dict[str, Timed] = {}
    begun = 0.0
    for number, picture in enumerate(frames):
        if number == warm:
            timed = _timed(pipeline) if by_stage else {}
            begun = time.process_time()
        pipeline.feed(Frame(picture, 1e9 + number / fps, number))
    cost_s = (time.process_time() - begun) / (len(frames) - warm)
    rounds = len(frames) - warm
    return {
        name: (one.calls if name != "all rules" else rounds) / one.seconds for name, one in timed.items() if one.seconds
    }, cost_s


def _timed(pipeline: Pipeline) -> dict[str, Timed]:
    """The pipeline's stages with their calls put under the clock."""
    timed = {}
    stages = (pipeline.gate, "look"), (pipeline.visibility, "look"), (pipeline.detector, "detect"), (pipeline.tracker, "update")
    for name, (stage, call) in zip(("motion gate", "visibility", "detector", "tracker"), stages, strict=True):
        timed[name] = Timed(getattr(stage, call))
        setattr(stage, call, timed[name])
    rules = list(pipeline.rules)
    timed["all rules"] = Timed(lambda scene: [finding for rule in rules for finding in rule.look(scene)])
    pipeline.rules = [_AllRules("all", timed["all rules"])]
    return timed


@dataclass
class _AllRules:
    """Every rule of the camera as one."""

    code: str
    look: Timed
