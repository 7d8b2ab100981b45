"""Baselines: kernel density maps, plain (the usual hotspot map) and with recent incidents counting more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.coverage import Coverage
from prediction.features import WEEK_DAYS, FeatureMaker, history_days
from prediction.learners.base import shares, with_all
from prediction.learners.stateless import Stateless
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]


class Kde(Stateless):
    """Gaussian kernel of `sigma_m` over the incidents of the last `days` days; the city's total stays that of those days."""

    name = "kde"
    group = "around_long"

    def __init__(self, maker: FeatureMaker, *, sigma_m: float = 250.0, days: int = 364, horizon_days: int = WEEK_DAYS) -> None:
        self.maker = maker
        self.sigma_m = sigma_m
        self.days = days
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        days = min(self.days, history_days(known, origin_day))
        counts = known.counts(origin_day - days, origin_day)
        covered = np.maximum(Coverage.before(known, origin_day).days(0, days)[:-1, np.newaxis], 1)
        level = counts.sum(axis=1, keepdims=True) / covered * self.horizon_days
        return with_all(shares(self.maker.around.smooth(counts, self.sigma_m)) * level)


class EwKde(Stateless):
    """Gaussian kernel of `sigma_m` over incidents that fade with `half_life_d`; the city's total stays the time-weighted one."""

    name = "ewkde"
    group = "around_long"

    def __init__(
        self, maker: FeatureMaker, *, sigma_m: float = 250.0, half_life_d: float = 120.0, horizon_days: int = WEEK_DAYS
    ) -> None:
        self.maker = maker
        self.sigma_m = sigma_m
        self.half_life_d = half_life_d
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        history = history_days(known, origin_day)
        decay = 0.5 ** ((origin_day - 1 - known.day) / self.half_life_d)
        counts = known.weighted(decay * (known.day >= origin_day - history))
        faded = Coverage.before(known, origin_day).weighed(0.5 ** (np.arange(history) / self.half_life_d))
        exposure = np.maximum(faded[:-1, np.newaxis], 1.0)
        level = counts.sum(axis=1, keepdims=True) / exposure * self.horizon_days
        return with_all(shares(self.maker.around.smooth(counts, self.sigma_m)) * level)
