"""Ceilings: how far one could get by knowing what no forecast can know. They are printed beside the learners, never promoted.

*oracle*: each window's own incidents as its rate: the denominator of PEI. *hindsight*: the best, for each target, of 21 maps
that count every day but those of the window, before and after it, the nearer in time the more: what the places could tell of a
window if their present were known from both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from prediction.backtest.windows import Window
from prediction.features.counts import with_all
from prediction.metrics import AREA_PERCENTS, Cover
from prediction.panel import DAY_S, Panel
from prediction.spatial import Surroundings

Float64 = npt.NDArray[np.float64]

HALF_LIVES_D = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0)
SIGMAS_M = (0.0, 150.0, 250.0)
LEVEL_HALF_LIFE_D = 28.0
AT_5_PERCENT = AREA_PERCENTS.index(5)


@dataclass(eq=False)
class Hindsight:
    """Two-sided time-weighted maps of one panel; `choose` picks each target's best half-life and bandwidth, with hindsight."""

    around: Surroundings
    cover: Cover
    chosen: list[tuple[float, float]] = field(default_factory=list)

    def choose(self, panel: Panel, windows: list[tuple[int, int]]) -> None:
        """By the capture rate at 5 % over windows of [first day, end day) of the panel."""
        caught = np.zeros((len(HALF_LIVES_D), len(SIGMAS_M), panel.categories + 1))
        for first, end in windows:
            happened = with_all(panel.counts(first, end))
            for i, half_life in enumerate(HALF_LIVES_D):
                counts = _faded(panel, first, end, half_life)
                for j, sigma in enumerate(SIGMAS_M):
                    field_ = self._smooth(counts, sigma)
                    caught[i, j] += [self._caught(*pair) for pair in zip(field_, happened, strict=True)]
        best = caught.reshape(-1, panel.categories + 1).argmax(axis=0)
        self.chosen = [(HALF_LIVES_D[place // len(SIGMAS_M)], SIGMAS_M[place % len(SIGMAS_M)]) for place in best]

    def rate(self, panel: Panel, first_day: int, end_day: int) -> Float64:
        """Float64[targets, cells]: the chosen maps of these (unseen) days, at the level of the weeks before and after."""
        faded = {half_life: _faded(panel, first_day, end_day, half_life) for half_life in {half for half, _ in self.chosen}}
        maps = np.stack([self._smooth(faded[half][i : i + 1], sigma)[0] for i, (half, sigma) in enumerate(self.chosen)])
        near = _faded(panel, first_day, end_day, LEVEL_HALF_LIFE_D).sum(axis=1)
        level = near / _exposure(panel, first_day, end_day, LEVEL_HALF_LIFE_D) * (end_day - first_day)
        totals = maps.sum(axis=1, keepdims=True)
        even = np.full_like(maps, 1 / maps.shape[1])
        return np.asarray(np.where(totals > 0, maps / np.where(totals > 0, totals, 1), even) * level[:, np.newaxis])

    def _smooth(self, counts: Float64, sigma_m: float) -> Float64:
        return counts if sigma_m == 0 else np.maximum(self.around.smooth(counts, sigma_m), 0.0)

    def _caught(self, scores: Float64, counts: Float64) -> float:
        order = np.argsort(-self.cover.density(scores), kind="stable")
        numbers, _ = self.cover.prefixes(order)
        return float(counts[order[: numbers[AT_5_PERCENT]]].sum())


def days_of(window: Window, anchor_s: int) -> tuple[int, int]:
    """The whole days [first, end) of a panel that the window touches."""
    return (window.start_s - anchor_s) // DAY_S, -((anchor_s - window.end_s) // DAY_S)


def _faded(panel: Panel, first: int, end: int, half_life: float) -> Float64:
    """Float64[targets, cells]: incidents of all other days, halved for every `half_life` days away from the window."""
    distance = np.where(panel.day < first, first - 1 - panel.day, panel.day - end)
    outside = (panel.day < first) | (panel.day >= end)
    return with_all(panel.weighted(np.where(outside, 0.5 ** (np.maximum(distance, 0) / half_life), 0.0)))


def _exposure(panel: Panel, first: int, end: int, half_life: float) -> float:
    """Days seen, weighted alike."""
    if len(panel.day) == 0:
        return 1.0
    before, after = np.arange(max(0, first - int(panel.day.min()))), np.arange(max(0, int(panel.day.max()) + 1 - end))
    return max(1.0, float((0.5 ** (np.concatenate([before, after]) / half_life)).sum()))
