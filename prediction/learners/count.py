"""Baseline: each cell as often as in the last year (the historic count map)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.coverage import Coverage
from prediction.features import WEEK_DAYS, history_days
from prediction.learners.base import with_all
from prediction.learners.stateless import Stateless
from prediction.panel import Panel


class HistoricCount(Stateless):
    """Incidents of each cell over the last `days` days, as a rate of the horizon."""

    name = "count"
    group = "here_long"

    def __init__(self, days: int = 364, *, horizon_days: int = WEEK_DAYS) -> None:
        self.days = days
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> npt.NDArray[np.float64]:
        known = panel.before(origin_day)
        days = min(self.days, history_days(known, origin_day))
        covered = np.maximum(Coverage.before(known, origin_day).days(0, days)[:-1, np.newaxis], 1)
        return with_all(known.counts(origin_day - days, origin_day) / covered * self.horizon_days)
