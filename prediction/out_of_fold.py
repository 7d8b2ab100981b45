"""Forecasts of weeks that a learner has not seen, all before a cut-off: what weights and calibration are learnt from.

Learners are fitted some weeks before the cut-off and forecast the windows from there on, each made at its start from what was
known then. Nothing at or after the cut-off is read, not even to count what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prediction.features import history_days
from prediction.learners.base import Learner, Progress, no_progress, part
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]

WEEK_DAYS = 7
SHORT_STEP_D = 6  # windows shorter than a week begin six days apart, so that every day of the week has its turn


@dataclass(frozen=True)
class FoldSettings:
    """`weeks` before the cut-off that are held out; a quarter of the history at most. `windows_at_most` bounds the cost."""

    weeks: int = 13
    windows_at_most: int = 13


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """rates Float32[members, windows, categories, cells], counts Float32[windows, categories, cells]; windows in time's order."""

    origins: tuple[int, ...]
    rates: Float32
    counts: Float32


def fold_origins(panel: Panel, cutoff_day: int, horizon_days: int, settings: FoldSettings) -> tuple[int, ...]:
    """Ascending origins of windows that end at the cut-off or before; none where fewer than two fit into the fold."""
    history = history_days(panel.before(cutoff_day), cutoff_day)
    fold_days = WEEK_DAYS * min(settings.weeks, history // (4 * WEEK_DAYS))
    step = max(horizon_days, SHORT_STEP_D)
    origins = range(cutoff_day - horizon_days, cutoff_day - fold_days - 1, -step)
    chosen = list(origins)[: settings.windows_at_most]
    return tuple(reversed(chosen)) if len(chosen) >= 2 else ()


def play_fold(
    learners: Sequence[Learner],
    panel: Panel,
    cutoff_day: int,
    *,
    settings: FoldSettings,
    seed: int,
    progress: Progress = no_progress,
) -> OutOfFold:
    """Fit the learners at the first origin of the fold and let them forecast it; no windows where history is too short.

    All learners speak of the same horizon. They are left fitted at the beginning of the fold.
    """
    origins = fold_origins(panel, cutoff_day, learners[0].horizon_days, settings)
    known = panel.before(cutoff_day)
    shape = (len(origins), panel.categories, panel.cells)
    rates, counts = np.empty((len(learners), *shape), dtype=np.float32), np.empty(shape, dtype=np.float32)
    for position, learner in enumerate(learners if origins else []):
        low, share = 0.7 * position / len(learners), 0.7 / len(learners)
        learner.fit(known, origins[0], seed=seed, progress=part(progress, low, share))
    for step, origin in enumerate(origins):
        progress(0.7 + 0.3 * step / len(origins), "features")
        for position, learner in enumerate(learners):
            rates[position, step] = learner.rate(known, origin)[:-1]
        counts[step] = known.counts(origin, origin + learners[0].horizon_days)
    return OutOfFold(origins, rates, counts)
