"""Vision without weights of its own: people found, followed and counted on real clips, risk factors, and what it all costs.

The detector's and tracker's numbers were set on the first 300 frames of PETS09-S2L1 and on TUD-Campus; the rest of PETS09-S2L1
and TUD-Stadtmitte were only reported. The keys of the JSON are those of the whole PETS clip (the protocol of earlier figures for
it: HOG on a picture enlarged by half with Norfair); `held_out` has those of its unseen part. CPU seconds of one thread.
"""

import argparse
from typing import Any

import cv2
import numpy as np

from bench import _vision_decode, _vision_factors, _vision_speed
from bench._report import cpu_s, finish, peak_rss_mb, print_table
from bench._vision_clips import CLIPS, Clip, Found, Labelled, folder, pictures, scores, truth
from bench._vision_peer import follow_plainly
from cctv.vision.detectors import PeopleDetector
from cctv.vision.model import PERSON, Detections, Frame, Motion, Picture
from cctv.vision.pipeline import Pipeline

COLUMNS = ["clip", "frames", "who", "seen before", "AP50", "IDF1", "MOTA", "HOTA", "switches", "people", "count error"]
FIGURES = ("ap50", "idf1", "mota", "hota", "switches", "people_mean", "people_mae")
EARLIER = {"ap50": 0.834, "idf1": 0.674, "mota": 0.591, "people_mae": 0.82}  # HOG × 1.5 with Norfair, whole PETS clip
TARGET = {"ap50": 0.84, "idf1": 0.70, "people_mae": 0.7}


class Remembering(PeopleDetector):
    """The detector, keeping what it found last for the score."""

    last = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())

    def detect(self, picture: Picture, motion: Motion | None = None) -> Detections:
        self.last = super().detect(picture, motion)
        return self.last


def main() -> int:
    options = argparse.ArgumentParser(prog="bench vision", description=__doc__)
    options.add_argument("--quick", action="store_true", help="no peer, fewer factors, short timing")
    quick: bool = options.parse_args().quick
    if not folder().is_dir():
        print(f"The clips are not at {folder()}. Set HAECHI_SHARED_DATA to where the data sets lie.")
        return 2
    cv2.setNumThreads(1)
    parts = _people(quick)
    whole = next(one for (clip, part, who), one in parts.items() if clip == CLIPS[0].name and part == "whole" and who == "ours")
    held_out = next(one for (clip, part, who), one in parts.items() if clip == CLIPS[0].name and part == "only reported")
    factors = _vision_factors.measure(quick)
    decode = _vision_decode.measure(quick)
    speed = _vision_speed.measure(quick, decode)
    _print_speed(speed)
    keys = ("people_mae", "ap50", "idf1", "mota", "hota")
    finish(
        {key: whole[key] for key in keys}
        | {"held_out": {key: held_out[key] for key in keys}, "factors": factors, **speed}
        | {
            "parts": [{"clip": clip, "part": part, "who": who, **one} for (clip, part, who), one in parts.items()],
            "earlier": EARLIER,
            "target": TARGET,
            "quick": quick,
            "cpu_s": cpu_s(),
            "peak_rss_mb": peak_rss_mb(),
        }
    )
    return 0


def _people(quick: bool) -> dict[tuple[str, str, str], dict[str, float]]:
    """Scores by clip, part (tuned on, only reported, whole) and who."""
    parts: dict[tuple[str, str, str], dict[str, float]] = {}
    for clip in CLIPS:
        labels = truth(clip)
        runs = {"ours": _follow(clip)} | ({} if quick else {"peer": follow_plainly(clip)})
        for who, found in runs.items():
            for part, frames in _parts(clip, len(found)).items():
                parts[clip.name, part, who] = scores(found, labels, frames)
    rows = [[clip, int(one["frames"]), who, part, *(one[key] for key in FIGURES)] for (clip, part, who), one in parts.items()]
    earlier = [EARLIER["ap50"], EARLIER["idf1"], EARLIER["mota"], None, None, None, EARLIER["people_mae"]]
    rows.append([CLIPS[0].name, 795, "earlier: HOG × 1.5, Norfair", "whole", *earlier])
    rows.append(
        [CLIPS[0].name, 795, "target", "whole", TARGET["ap50"], TARGET["idf1"], None, None, None, None, TARGET["people_mae"]]
    )
    print_table("People on clips with ground truth", COLUMNS, rows)
    return parts


def _parts(clip: Clip, frames: int) -> dict[str, range]:
    tuned = min(clip.tuned, frames)
    parts = {"tuned on": range(tuned), "only reported": range(tuned, frames)}
    both = {"whole": range(frames)} if 0 < tuned < frames else {}
    return {name: part for name, part in parts.items() if len(part)} | both


def _follow(clip: Clip) -> list[Found]:
    """The clip through the whole pipeline, at its own rate."""
    detector = Remembering()
    pipeline = Pipeline(detector)
    found = []
    for number, picture in enumerate(pictures(clip)):
        result = pipeline.feed(Frame(picture, 1e9 + number / clip.rate, number))
        seen = [one for one in result.scene.seen if one.kind == PERSON]
        tracks = Labelled(
            np.array([one.track for one in seen], int), np.array([one.box for one in seen], np.float32).reshape(-1, 4)
        )
        people = np.array([kind == PERSON for kind in detector.last.kinds], bool)
        found.append(Found(detector.last.boxes[people], detector.last.scores[people], tracks))
    return found


def _print_speed(speed: dict[str, Any]) -> None:
    rows = [[size, stage, rate] for size, stages in speed["fps"].items() for stage, rate in stages.items()]
    print_table("Frames a CPU second of one thread, by stage", ["picture", "stage", "frames/s"], rows)
    rows = [
        [size, int(fps), cameras["busy"], cameras["quiet"], cameras["decode_alone"]]
        for size, budgets in speed["cameras_per_core"].items()
        for fps, cameras in budgets.items()
    ]
    columns = ["stream", "frames/s analysed", "busy scene", "quiet scene", "decode alone"]
    print_table("Cameras a core (streams of 25 frames/s; all pictures decoded, analysed at 480 lines)", columns, rows)


if __name__ == "__main__":
    raise SystemExit(main())
