"""Time-weighted count: each cell's own incidents, fading with a half-life that each category chooses for itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, city_level, history_days
from prediction.learners.base import (
    Learner,
    NotFittedError,
    Progress,
    contributions,
    explain_all,
    log_of,
    no_progress,
    pack,
    shares,
    unpack,
    with_all,
)
from prediction.learners.choosing import BLOCK_D, block_origins, decay_of, log_shares
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

HALF_LIVES_D = (14.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0)
EVEN_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
USUAL_HALF_LIFE_D, USUAL_EVEN_SHARE = 240.0, 0.1


class EwCount(Learner):
    """Half-life and evenly spread share by category: those under which the last blocks of four weeks were most likely.

    The rate of a cell is level × ((1 − ε) × its share of the faded incidents + ε ÷ cells): no cell is called impossible.
    Without history or incidents to choose by, 240 days and 10 % are taken.
    """

    name = "ewcount"

    def __init__(self, *, horizon_days: int = WEEK_DAYS) -> None:
        self.horizon_days = horizon_days
        self.half_lives_: Float64 | None = None
        self.even_shares_: Float64 | None = None

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        known = panel.before(cutoff_day)
        origins = block_origins(known, cutoff_day)
        scores = np.zeros((known.categories, len(HALF_LIVES_D), len(EVEN_SHARES)))
        for step, origin in enumerate(origins):
            progress(step / len(origins), "fit")
            happened = known.counts(origin, origin + BLOCK_D)
            then = known.before(origin)
            for number, half_life in enumerate(HALF_LIVES_D):
                faded = shares(then.weighted(decay_of(then, origin, half_life)))
                for place, even in enumerate(EVEN_SHARES):
                    for category in range(known.categories):
                        mixed = (1 - even) * faded[category] + even / known.cells
                        scores[category, number, place] += log_shares(happened[category], mixed)
        best = scores.reshape(known.categories, -1).argmax(axis=1)
        chosen = (scores != 0).any(axis=(1, 2))
        self.half_lives_ = np.where(chosen, np.array(HALF_LIVES_D)[best // len(EVEN_SHARES)], USUAL_HALF_LIFE_D)
        self.even_shares_ = np.where(chosen, np.array(EVEN_SHARES)[best % len(EVEN_SHARES)], USUAL_EVEN_SHARE)
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        if self.half_lives_ is None or self.even_shares_ is None:
            raise NotFittedError(self.name)
        known = panel.before(origin_day)
        faded = np.stack(
            [
                known.weighted(decay_of(known, origin_day, half_life))[category]
                for category, half_life in enumerate(self.half_lives_)
            ]
        )
        even = self.even_shares_[:, np.newaxis]
        return with_all(((1 - even) * shares(faded) + even / known.cells) * horizon_level(known, origin_day, self.horizon_days))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        log_rate = log_of(self.rate(panel, origin_day)[target])
        return contributions(log_rate, {"here_long": log_rate - log_rate.mean()})

    def save(self) -> bytes:
        if self.half_lives_ is None or self.even_shares_ is None:
            raise NotFittedError(self.name)
        return pack(self.name, {}, {"half_lives": self.half_lives_, "even_shares": self.even_shares_})

    def load(self, content: bytes) -> None:
        _, arrays = unpack(self.name, content)
        self.half_lives_, self.even_shares_ = arrays["half_lives"], arrays["even_shares"]


def horizon_level(known: Panel, origin_day: int, horizon_days: int) -> Float64:
    """Float64[categories, 1]: incidents of the horizon expected in the whole city, never quite none."""
    age = (origin_day - 1 - known.day).astype(np.int64)
    levels = city_level(known, age, history_days(known, origin_day), horizon_days=horizon_days)[:-1]
    return np.asarray(levels[:, np.newaxis], dtype=np.float64)
