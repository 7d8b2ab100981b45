"""Baseline: the place's long-run share, drawn towards the same weeks of the years before, times the city's seasonal level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, city_level, history_days
from prediction.learners.base import contributions, explain_all, log_of, shares, with_all
from prediction.learners.stateless import Stateless
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
YEAR_D = 364


class SeasonalCount(Stateless):
    """Counts of all history, where the five weeks around the same week of each year before count `season_weight` times."""

    name = "seasonal"

    def __init__(self, season_weight: float = 3.0, *, horizon_days: int = WEEK_DAYS) -> None:
        self.season_weight = season_weight
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        return with_all(shares(self._counts(known, origin_day)) * self._level(known, origin_day)[:, np.newaxis])

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        known = panel.before(origin_day)
        level = self._level(known, origin_day)[target]
        log_rate = log_of(shares(self._counts(known, origin_day))[target] * level)
        here = log_of(shares(known.weighted(np.ones(len(known.day))))[target] * level)
        return contributions(log_rate, {"here_long": here - np.log(max(level, 1e-9) / panel.cells), "season": log_rate - here})

    def _counts(self, known: Panel, origin_day: int) -> Float64:
        age = (origin_day - 1 - known.day).astype(np.int64)
        # Distance in days between the incident's time of year and the coming week's.
        ahead = (age + 4) % YEAR_D
        same_season = (np.minimum(ahead, YEAR_D - ahead) <= 17) & (age >= YEAR_D // 2)
        return known.weighted(np.where(same_season, self.season_weight, 1.0))

    def _level(self, known: Panel, origin_day: int) -> Float64:
        """Float64[categories]: incidents of the horizon in the whole city."""
        if len(known.day) == 0:
            return np.full(known.categories, 1e-9 * known.cells * self.horizon_days)
        age = (origin_day - 1 - known.day).astype(np.int64)
        return city_level(known, age, history_days(known, origin_day), horizon_days=self.horizon_days)[:-1]
