"""Baseline: time-weighted kernel density (the usual hotspot map, with recent incidents counting more)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, FeatureMaker, history_days
from prediction.learners.base import Progress, no_progress, shares, with_all
from prediction.panel import Panel


class TimeWeightedKde:
    """Gaussian kernel of `sigma_m` over incidents that fade with `half_life_d`; the city's total stays the time-weighted one."""

    name = "kde"

    def __init__(self, maker: FeatureMaker, *, sigma_m: float = 250.0, half_life_d: float = 120.0) -> None:
        self.maker = maker
        self.sigma_m = sigma_m
        self.half_life_d = half_life_d

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Nothing to learn."""

    def rate(self, panel: Panel, origin_day: int) -> npt.NDArray[np.float64]:
        known = panel.before(origin_day)
        history = history_days(known, origin_day)
        decay = 0.5 ** ((origin_day - 1 - known.day) / self.half_life_d)
        counts = known.weighted(decay * (known.day >= origin_day - history))
        exposure = (0.5 ** (np.arange(history) / self.half_life_d)).sum()
        weekly = counts.sum(axis=1, keepdims=True) / exposure * WEEK_DAYS
        return with_all(shares(self.maker.around.smooth(counts, self.sigma_m)) * weekly)
