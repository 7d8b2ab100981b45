"""Baseline: each cell as often as in the last year (the historic count map)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, history_days
from prediction.learners.base import Progress, no_progress, with_all
from prediction.panel import Panel


class HistoricCount:
    """Incidents per week of each cell over the last `days` days."""

    name = "count"

    def __init__(self, days: int = 364) -> None:
        self.days = days

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Nothing to learn."""

    def rate(self, panel: Panel, origin_day: int) -> npt.NDArray[np.float64]:
        known = panel.before(origin_day)
        days = min(self.days, history_days(known, origin_day))
        return with_all(known.counts(origin_day - days, origin_day)) / days * WEEK_DAYS
