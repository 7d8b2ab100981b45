"""CAVIAR's acted clips as scenes: positions and activities per frame, no pictures (28 clips, INRIA entrance hall, 25 frames/s).

The set runs the clips together; a new one begins where nobody goes on and person 0 stands somewhere new. Boxes are not part of
it: each gets the height that people have there, learnt from the walking speeds of the clips for tuning (75th percentile of who
is labelled walking = 1.4 m/s).
"""

import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cctv.vision.model import PERSON, Scene, Seen

STEP_MS = 40
SIZE = 384, 288
EMPTY = np.zeros((72, 96), np.uint8)
WALK_M_S, PERSON_M = 1.4, 1.7

Frames = dict[int, dict[str, tuple[int, int]]]
Labels = dict[int, dict[str, str]]


@dataclass(frozen=True)
class Spell:
    """One activity of one person (or of several at once): milliseconds, both inclusive."""

    people: frozenset[str]
    start: int
    end: int


class Caviar:
    """All clips. `times[n]`: the frames of clip n in milliseconds. Even numbers are reported on, odd ones were tuned on."""

    def __init__(self, folder: Path) -> None:
        self.places: Frames = defaultdict(dict)
        self.labels: Labels = defaultdict(dict)
        with gzip.open(folder / "movementB.csv.gz", "rt") as file:
            for line in file:
                parts = line.strip().split("|")
                if parts[0] == "coord":
                    self.places[int(parts[1])][parts[4]] = int(parts[5]), int(parts[6])
                else:
                    self.labels[int(parts[1])][parts[4]] = parts[0]
        self.times = self._clips()
        self.heights = self._heights([number for number in range(len(self.times)) if number % 2])

    def _clips(self) -> list[list[int]]:
        clips: list[list[int]] = [[]]
        before: dict[str, tuple[int, int]] = {}
        for at in sorted(self.places):
            now = self.places[at]
            goes_on = any(name in now and abs(now[name][0] - x) + abs(now[name][1] - y) < 25 for name, (x, y) in before.items())
            if before and not goes_on and "id0" in now:
                clips.append([])
            clips[-1].append(at)
            before = now
        return clips

    def _heights(self, clips: list[int]) -> tuple[list[int], list[float]]:
        """Rows of the picture and pixels of a person's height there, from how fast they walk."""
        where, speeds = [], []
        for number in clips:
            for at in self.times[number]:
                for name, (x, y) in self.places[at].items():
                    then = self.places.get(at - 1000, {}).get(name)
                    if then and at - 1000 >= self.times[number][0] and self.labels[at].get(name) == "walking":
                        where.append(y)
                        speeds.append(np.hypot(x - then[0], y - then[1]))
        rows, fast = [], []
        for low in range(0, 288, 48):
            here = [speed for y, speed in zip(where, speeds, strict=True) if low <= y < low + 48]
            if len(here) >= 50:
                rows.append(low + 24)
                fast.append(np.percentile(here, 75) / WALK_M_S * PERSON_M)
        return rows, list(np.maximum.accumulate(fast))  # who is nearer is no smaller

    def scenes(self, number: int, fps: float = 8.33) -> Iterator[tuple[int, Scene]]:
        """Milliseconds and scene, at about this rate."""
        step = max(round(1000 / fps / STEP_MS), 1)
        for at in self.times[number][::step]:
            seen = [self._seen(int(name[2:]), x, y) for name, (x, y) in self.places[at].items()]
            yield at, Scene(at / 1000, at, SIZE, seen, EMPTY, EMPTY, 0.25)

    def _seen(self, track: int, x: int, y: int) -> Seen:
        height = float(np.interp(y, *self.heights))
        return Seen(track, PERSON, (x - height / 5, y - height, x + height / 5, y), 1.0)

    def spells(self, number: int, labels: set[str], *, least_ms: int = 400, gap_ms: int = 1000) -> list[Spell]:
        """Unbroken spells of these labels per person, those shorter than `least_ms` left out."""
        found = []
        names = {name for at in self.times[number] for name in self.places[at]}
        for name in sorted(names):
            times = [at for at in self.times[number] if self.labels[at].get(name) in labels]
            start = None
            for at, after in zip(times, [*times[1:], None], strict=False):
                start = at if start is None else start
                if after is None or after - at > gap_ms:
                    if at - start >= least_ms:
                        found.append(Spell(frozenset({name}), start, at))
                    start = None
        return found

    def walks(self, number: int, name: str) -> bool:
        """Whether this one ever walks in the clip: a person, not a thing."""
        return any(self.labels[at].get(name) == "walking" for at in self.times[number])
