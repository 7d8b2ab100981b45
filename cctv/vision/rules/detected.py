"""Whatever a user's own model names: weapon, fire, smoke … becomes a finding once it was seen often enough."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from cctv.vision.model import Finding, Scene, Seen
from cctv.vision.rules.base import BaseRule, Latch, parameter


@dataclass
class DetectedKind(BaseRule):
    """A kind that the camera's model finds, mapped to a factor, seen in `hits` of the last `frames` analysed frames.

    N of M frames (as in radar's binary integration): single flashes of a detector are dropped. `factor` is the factor's code;
    the kinds that mean it come from what was drawn for the camera (`Drawn.kinds`).
    """

    factor: str = "weapon"
    hits: float = parameter(3.0, "frames", 1, 100)
    frames: float = parameter(8.0, "frames", 1, 500)
    least_score: float = parameter(0.3, "0 to 1", 0, 1)
    repeat_s: float = parameter(20.0, "s", 1, 3600)
    trust = 0.8

    def __post_init__(self) -> None:
        self.code = self.factor
        self._latch = Latch(hold_s=0.0, release_s=5.0, repeat_s=self.repeat_s)
        self._seen: deque[bool] = deque(maxlen=round(self.frames))

    def watch(self, scene: Scene) -> Iterable[Finding]:
        found: list[Seen] = [
            one for one in scene.seen if self.drawn.kinds.get(one.kind) == self.factor and one.score >= self.least_score
        ]
        self._seen.append(bool(found))
        seen = sum(self._seen)
        if self._latch.step("", scene.at, bool(found) and seen >= self.hits):
            best = max(found, key=lambda one: one.score)
            evidence = {"hits": float(seen), "frames": float(len(self._seen)), "score": round(best.score, 3)}
            confidence = self.sure(seen / self.hits - 1 + best.score, best.score)
            yield Finding(self.factor, scene.at, confidence, None, best.box, str(best.track), best.ground, evidence)
