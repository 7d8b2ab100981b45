"""What every rule shares: its parameters with their units, hysteresis, and how sure it may be."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from cctv.vision.model import Finding, Scene
from cctv.vision.rules.drawn import NOTHING_DRAWN, Drawn
from cctv.vision.rules.past import Past, Trail

SLOWEST_S = 5.0  # frames further apart than this do not join on
REMEMBERED = 500  # subjects that one rule keeps in mind at once


def parameter(default: float, unit: str, low: float, high: float) -> Any:
    """A number that a camera may set: its default, unit, and the range that makes sense."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high}, kw_only=True)


class Latch:
    """Hysteresis per subject: true once when a thing has lasted `hold_s`, then every `repeat_s` while it lasts.

    It is over when it was not the case for `release_s`; shorter holes do not end it, nor do slow frames (up to 5 s apart).
    """

    def __init__(self, *, hold_s: float, release_s: float, repeat_s: float) -> None:
        self._hold_s, self._release_s, self._repeat_s = hold_s, release_s, repeat_s
        self._on: dict[Any, list[float]] = {}  # subject: since when, last when, last told (or -inf)
        self._at = -math.inf

    def step(self, subject: Any, at: float, is_on: bool, since: float | None = None) -> bool:
        """Say how it stands with the subject now (and, if known, since when); returns whether this is the moment to tell it."""
        self._forget(at)
        state = self._on.get(subject)
        if not is_on:
            return False
        if state is None:
            if len(self._on) >= REMEMBERED:
                return False
            state = self._on[subject] = [at if since is None else since, at, -math.inf]
        state[1] = at
        if at - state[0] < self._hold_s - 1e-6 or at - state[2] < self._repeat_s - 1e-6:
            return False
        state[2] = at
        return True

    def lasted_s(self, subject: Any, at: float) -> float:
        state = self._on.get(subject)
        return at - state[0] if state else 0.0

    def _forget(self, at: float) -> None:
        if at == self._at:
            return
        patience = max(self._release_s, min(1.5 * (at - self._at), SLOWEST_S))
        self._at = at
        for subject in [s for s, state in self._on.items() if at - state[1] > patience or at < state[1]]:
            del self._on[subject]


class Named:
    """`code`: the factor. `trust`: how often a clear case of the rule is believed to be right, 0.6 where nothing was measured.

    The confidence never exceeds it; docs/factors.md says what each rests on.
    """

    code: str = ""
    trust: float = 0.6


@dataclass
class BaseRule(Named):
    """A rule on the camera's shared past. Says nothing while the camera cannot see."""

    past: Past = field(default_factory=Past)
    drawn: Drawn = NOTHING_DRAWN

    def look(self, scene: Scene) -> Sequence[Finding]:
        if scene.blind:
            return ()
        self.past.look(scene)
        return list(self.watch(scene))

    def watch(self, scene: Scene) -> Iterable[Finding]:
        raise NotImplementedError

    def sure(self, strength: float, score: float = 1.0) -> float:
        """Confidence. strength: how far the measured value lies beyond its threshold (0: just at it; 1: twice as far)."""
        beyond = 1 - 0.3 * math.exp(-2 * max(strength, 0.0))
        return round(self.trust * beyond * (0.5 + 0.5 * min(max(score, 0.0), 1.0)), 3)

    def of_trail(
        self, trail: Trail, *, at: float, value: float | None, strength: float, evidence: Mapping[str, float]
    ) -> Finding:
        return Finding(
            factor=self.code,
            at=at,
            confidence=self.sure(strength, trail.score),
            value=None if value is None else round(value, 2),
            box=trail.box,
            track=str(trail.track),
            ground=trail.ground,
            evidence={name: round(number, 3) for name, number in evidence.items()},
        )


def parameters_of(rule: type[BaseRule]) -> dict[str, Mapping[str, Any]]:
    """The rule's parameters: name to default, unit, low, high."""
    return {one.name: {"default": one.default, **one.metadata} for one in fields(rule) if "unit" in one.metadata}
