"""Baselines: kernel density maps, plain (the usual hotspot map) and with recent incidents counting more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

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
        level = counts.sum(axis=1, keepdims=True) / days * self.horizon_days
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
        exposure = (0.5 ** (np.arange(history) / self.half_life_d)).sum()
        level = counts.sum(axis=1, keepdims=True) / exposure * self.horizon_days
        return with_all(shares(self.maker.around.smooth(counts, self.sigma_m)) * level)


class TimeWeightedKde(EwKde):
    """The same under its first name, as long as the back-test does not ask the catalogue."""

    name = "kde"
