"""Baseline: the place's long-run share, drawn towards the same weeks of the years before, times the city's seasonal level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, city_level, history_days
from prediction.learners.base import Progress, no_progress, shares, with_all
from prediction.panel import Panel

YEAR_D = 364


class SeasonalCount:
    """Counts of all history, where the five weeks around the same week of each year before count `season_weight` times."""

    name = "seasonal"

    def __init__(self, season_weight: float = 3.0) -> None:
        self.season_weight = season_weight

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Nothing to learn."""

    def rate(self, panel: Panel, origin_day: int) -> npt.NDArray[np.float64]:
        known = panel.before(origin_day)
        age = (origin_day - 1 - known.day).astype(np.int64)
        # Distance in days between the incident's time of year and the coming week's.
        ahead = (age + 4) % YEAR_D
        same_season = (np.minimum(ahead, YEAR_D - ahead) <= 17) & (age >= YEAR_D // 2)
        counts = known.weighted(np.where(same_season, self.season_weight, 1.0))
        if len(known.day) == 0:
            return np.full((known.categories + 1, known.cells), 1e-9) * WEEK_DAYS
        level = city_level(known, age, history_days(known, origin_day))
        return with_all(shares(counts) * level[:-1, np.newaxis])
