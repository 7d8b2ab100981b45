"""Precision and recall of the risk factors: `measure(quick)`, beside plain rules in the same run.

Real: CAVIAR's acted clips by positions (running, fights, standing about; odd clips were tuned on, the even ones are reported),
ABODA's left bag through the whole of vision, and clips of everyday scenes where any finding of these factors is a false alarm.
Drawn: walkers and vehicles with trembling boxes, misses and changed numbers, for factors that no clip at hand shows; said so.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench._caviar import Caviar, Spell
from bench._drawn_scenes import DRAWN_CASES, DrawnCase, play_drawn
from bench._report import print_table
from bench._shared_data import shared_data
from cctv.vision.detectors import PeopleDetector
from cctv.vision.model import PERSON, Finding, Frame, Rule, Scene
from cctv.vision.pipeline import Pipeline
from cctv.vision.rules import make_rules, read_settings
from cctv.vision.rules.body import Fight
from cctv.vision.rules.moving import Running
from cctv.vision.rules.past import Past, gap_m
from cctv.vision.rules.staying import Loitering

ALARMS = ("crowding", "loitering", "following", "running", "scatter", "fall", "fight", "abandoned", "wrong_way", "vehicle_stop")
STAY_S = 10
QUIET_S = 5.0  # the plain rules tell the same again after so long
FPS = 5.0


class SpeedOnly:
    """The plain rule: a speed for a third of a second (as running)."""

    code = "running"

    def __init__(self, speed_m_s: float = 2.6) -> None:
        self.past, self.speed_m_s, self._told = Past(), speed_m_s, dict[int, float]()

    def look(self, scene: Scene) -> list[Finding]:
        self.past.look(scene)
        fast = [t for t in self.past.of(PERSON) if t.speed_m_s(0.5) >= self.speed_m_s]
        fast = [t for t in fast if scene.at - self._told.get(t.key, -math.inf) >= QUIET_S]
        self._told |= {t.key: scene.at for t in fast}
        return [Finding("running", scene.at, 1.0, track=str(t.track)) for t in fast]


class NearOnly(SpeedOnly):
    """The plain rule: two within two metres, both moving (as a fight)."""

    def look(self, scene: Scene) -> list[Finding]:
        self.past.look(scene)
        moving = [t for t in self.past.of(PERSON) if t.speed_m_s(1.0) >= 0.5]
        close = [t for t in moving if any(o is not t and gap_m(o.last, t.last) <= 2.0 for o in moving)]
        close = [t for t in close if scene.at - self._told.get(t.key, -math.inf) >= QUIET_S]
        self._told |= {t.key: scene.at for t in close}
        return [Finding("fight", scene.at, 1.0, track=str(t.track)) for t in close]


class InViewOnly(SpeedOnly):
    """The plain rule: in view for ten seconds (as standing about)."""

    def look(self, scene: Scene) -> list[Finding]:
        self.past.look(scene)
        long = [t for t in self.past.of(PERSON) if t.age_s >= STAY_S and t.key not in self._told]
        self._told |= {t.key: scene.at for t in long}
        return [Finding("loitering", scene.at, 1.0, track=str(t.track)) for t in long]


def measure(quick: bool) -> dict[str, dict[str, Any]]:
    """By factor (peers and drawn cases under their own names): precision, recall, events, findings, on what."""
    results: dict[str, dict[str, Any]] = {}
    folder = shared_data()
    if (folder / "cctv-caviar-events").is_dir():
        results |= _caviar(Caviar(folder / "cctv-caviar-events"))
    if (folder / "cctv-clips").is_dir():
        results |= _clips(folder, quick)
    for name, case in DRAWN_CASES.items():
        results[f"{name} (drawn)"] = _drawn(case, 6 if quick else 20)
    _print(results)
    return results


def _caviar(caviar: Caviar) -> dict[str, dict[str, Any]]:
    """Report on the even clips. Rules that learn the usual have seen the odd ones before, as a camera has its own past."""
    runs = {"running"}
    fights = {"abrupt"}
    about = {"active", "inactive"}
    stay = Loitering(seconds=STAY_S, radius_m=1.0)
    return {
        "running": _score(caviar, Running(), runs, learn=True),
        "running: speed alone": _score(caviar, SpeedOnly(), runs, learn=True),
        "fight": _score(caviar, Fight(), fights, anybody=True),
        "fight: two close and moving": _score(caviar, NearOnly(), fights, anybody=True),
        f"loitering ({STAY_S} s)": _score(caviar, stay, about, least_ms=9000, after_ms=3000),
        f"loitering: {STAY_S} s in view": _score(caviar, InViewOnly(), about, least_ms=9000, after_ms=3000),
    }


def _score(
    caviar: Caviar,
    rule: Rule,
    labels: set[str],
    *,
    learn: bool = False,
    anybody: bool = False,
    least_ms: int = 400,
    before_ms: int = 500,
    after_ms: int = 1500,
) -> dict[str, Any]:
    """Events are the labelled spells; a finding within one (half a second before to 1.5 s after) is right."""
    even = [number for number in range(len(caviar.times)) if not number % 2]
    for number in range(1, len(caviar.times), 2) if learn else ():
        for _, scene in caviar.scenes(number):
            rule.look(scene)
    events = hits = 0
    found: list[tuple[bool, float]] = []
    for number in even:
        spells = caviar.spells(number, labels, least_ms=least_ms)
        events += len(spells)
        met: set[Spell] = set()
        for at, scene in caviar.scenes(number):
            for finding in rule.look(scene):
                right = {
                    spell
                    for spell in spells
                    if spell.start - before_ms <= at <= spell.end + after_ms and (anybody or f"id{finding.track}" in spell.people)
                }
                met |= right
                found.append((bool(right), finding.confidence))
        hits += len(met)
    return _figures(events, hits, found, "CAVIAR, even clips")


def _figures(events: int, hits: int, found: Sequence[tuple[bool, float]], on: str) -> dict[str, Any]:
    right = sum(good for good, _ in found)
    return {
        "precision": right / len(found) if found else None,
        "recall": hits / events if events else None,
        "events": events,
        "findings": len(found),
        "mean_confidence": sum(sure for _, sure in found) / len(found) if found else None,
        "on": on,
    }


def _clips(folder: Path, quick: bool) -> dict[str, dict[str, Any]]:
    """The left bag, and false alarms by factor on the clips of everyday scenes."""
    bag = _findings(folder / "cctv-clips" / "abandoned_object_aboda_video4.avi", fps=30.0)
    left = [one for one in bag if one.factor == "abandoned"]
    right = [_holds(one, (440, 350, 520, 430)) and one.at >= 18 for one in left]
    results = {
        "abandoned": _figures(1, int(any(right)), list(zip(right, [one.confidence for one in left], strict=True)), "ABODA 4")
    }
    everyday = {"vehicles": (folder / "cctv-clips" / "vehicles_320x176.avi", 30.0)}
    if not quick:
        everyday["walk-through"] = folder / "cctv-clips" / "one_person_walkthrough_768x432.mp4", 10.0
        everyday["TUD-Stadtmitte"] = folder / "cctv-pets09" / "TUD-Stadtmitte.mp4", 25.0
        everyday["PETS (tuned on)"] = folder / "cctv-pets09" / "vtest_480x360_h264.avi", 10.0
    rows = []
    for name, (path, fps) in everyday.items():
        alarms = [one.factor for one in _findings(path, fps) if one.factor in ALARMS]
        rows.append([name, _seconds(path, fps), len(alarms), ", ".join(sorted(set(alarms)))])
        results[f"false alarms: {name}"] = {"false_alarms": len(alarms), "factors": sorted(alarms), "seconds": rows[-1][1]}
    others = [one.factor for one in bag if one.factor in ALARMS and one.factor != "abandoned"]
    rows.append(
        ["ABODA 4", _seconds(folder / "cctv-clips" / "abandoned_object_aboda_video4.avi", 30.0), len(others), ", ".join(others)]
    )
    results["false alarms: ABODA 4"] = {"false_alarms": len(others), "factors": others, "seconds": rows[-1][1]}
    print_table("False alarms on everyday scenes, all factors on", ["clip", "seconds", "false alarms", "factors"], rows)
    return results


def _findings(path: Path, fps: float) -> list[Finding]:
    """What all rules find in a clip, read at about 5 frames/s through the whole of vision; times from the clip's start."""
    pipeline = Pipeline(PeopleDetector(), make_rules(settings=read_settings({})))
    found: list[Finding] = []
    clip, number = cv2.VideoCapture(str(path)), 0
    step = max(round(fps / FPS), 1)
    while clip.grab():
        if number % step == 0:
            good, picture = clip.retrieve()
            if not good:
                break
            found += pipeline.feed(Frame(np.asarray(picture, np.uint8), number / fps, number)).findings
        number += 1
    return found


def _seconds(path: Path, fps: float) -> float:
    return round(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) / fps, 1)


def _holds(finding: Finding, box: tuple[float, float, float, float]) -> bool:
    """Whether the middle of the finding lies in the box."""
    if finding.box is None:
        return False
    x, y = (finding.box[0] + finding.box[2]) / 2, (finding.box[1] + finding.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _drawn(case: DrawnCase, times: int) -> dict[str, Any]:
    """As many scenes with the event as without; a scene with it is found or not, one without is right while nothing is told."""
    make, casts = case
    found: list[tuple[bool, float]] = []
    hits = 0
    for seed in range(times):
        told = play_drawn(make(), casts["with"], seed=seed)
        hits += bool(told)
        found += [(True, one.confidence) for one in told]
        found += [(False, one.confidence) for one in play_drawn(make(), casts["without"], seed=1000 + seed)]
    return _figures(times, hits, found, "drawn scenes")


def _print(results: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [
        [name, one["precision"], one["recall"], one["events"], one["findings"], one["mean_confidence"], one["on"]]
        for name, one in results.items()
        if "recall" in one
    ]
    columns = ["factor", "precision", "recall", "events", "findings", "mean confidence", "on"]
    print_table("Risk factors against what happened", columns, rows)


if __name__ == "__main__":
    measure(quick=False)
