"""What learners share that have nothing to learn: they need no fit, and their state is their code alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS
from prediction.learners.base import Learner, Progress, contributions, explain_all, log_of, no_progress, pack, unpack
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]


class Stateless(Learner):
    """A learner of constant settings. `group`: the group of reasons that what sets one cell apart from another belongs to."""

    group: str
    horizon_days: int = WEEK_DAYS

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Nothing to learn."""

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        rates = self.rate(panel, origin_day)[target]
        log_rate = log_of(rates)
        return contributions(log_rate, {self.group: log_rate - log_of(rates.mean(keepdims=True))})

    def save(self) -> bytes:
        return pack(self.name, {})

    def load(self, content: bytes) -> None:
        unpack(self.name, content)
