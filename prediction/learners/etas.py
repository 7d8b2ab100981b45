"""The near-repeat process (ETAS; Mohler 2015) as a learner: θ and ω of each category come from the fit, backgrounds are renewed
at each origin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.coverage import Coverage
from prediction.features import WEEK_DAYS, history_days
from prediction.learners.base import (
    Learner,
    NotFittedError,
    Progress,
    contributions,
    explain_all,
    log_of,
    no_progress,
    pack,
    unpack,
    with_all,
)
from prediction.learners.near_repeat import EtasFit, excited_at, fit_etas, without_bias
from prediction.panel import Panel

__all__ = ["Etas", "EtasFit", "fit_etas", "without_bias"]

Float64 = npt.NDArray[np.float64]
STEPS = 200
STILL = 1e-3  # θ and ω that move by less than this share a step have arrived
STEPS_OF_BACKGROUND = 15
LEAST_INCIDENTS = 50
USUAL = (0.05, 0.1)
THETA_AT_MOST = 0.9
EVEN_SHARE = 0.01


class Etas(Learner):
    """Background of each cell plus what its own incidents set off, over the last `days` days.

    parameters_ Float64[categories, 4]: θ, ω and their standard errors. A category with fewer than 50 incidents takes θ = 0.05 and
    ω = 0.1 a day. One hundredth of the rate is spread evenly, so that no cell is called impossible.
    """

    name = "etas"

    def __init__(self, *, days: int = 728, horizon_days: int = WEEK_DAYS) -> None:
        self.days = days
        self.horizon_days = horizon_days
        self.parameters_: Float64 | None = None

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        known, begin = self._window(panel, cutoff_day)
        parameters = np.zeros((known.categories, 4))
        for category in range(known.categories):
            progress(category / known.categories, "fit")
            own = known.rows(known.category == category)
            level = _covered(panel, cutoff_day, category, cutoff_day - begin)
            parameters[category] = (*USUAL, np.nan, np.nan)
            if own.weight.sum() >= LEAST_INCIDENTS:
                fit = self._fit(own, begin, cutoff_day, level)
                parameters[category] = (min(fit.theta, THETA_AT_MOST), fit.omega, fit.theta_se, fit.omega_se)
        self.parameters_ = parameters
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        return with_all(np.stack([self._parts(panel, origin_day, category)[0] for category in range(panel.categories)]))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        rates, lasting = self._parts(panel, origin_day, target)
        log_rate, log_lasting = log_of(rates), log_of(lasting)
        return contributions(log_rate, {"here_long": log_lasting - log_lasting.mean(), "here_recent": np.log(rates / lasting)})

    def save(self) -> bytes:
        if self.parameters_ is None:
            raise NotFittedError(self.name)
        return pack(self.name, {}, {"parameters": self.parameters_})

    def load(self, content: bytes) -> None:
        self.parameters_ = unpack(self.name, content)[1]["parameters"]

    def _parts(self, panel: Panel, origin_day: int, category: int) -> tuple[Float64, Float64]:
        """Rates Float64[cells] of the horizon, and those of the background alone; both above zero."""
        if self.parameters_ is None:
            raise NotFittedError(self.name)
        theta, omega = (float(value) for value in self.parameters_[category, :2])
        known, begin = self._window(panel, origin_day)
        own = known.rows(known.category == category)
        level = _covered(panel, origin_day, category, origin_day - begin)
        fit = self._fit(own, begin, origin_day, level, held=(theta, omega))
        excited = excited_at(own.cell, own.day + 0.5, own.cells, at=origin_day, omega=omega, weight=own.weight)
        lasting = fit.expected(np.zeros(own.cells), self.horizon_days)
        expected = fit.expected(excited, self.horizon_days)
        even = EVEN_SHARE * max(float(expected.mean()), 1e-9 * self.horizon_days)
        return (1 - EVEN_SHARE) * expected + even, (1 - EVEN_SHARE) * lasting + even

    def _window(self, panel: Panel, end_day: int) -> tuple[Panel, int]:
        known = panel.before(end_day)
        begin = end_day - min(self.days, history_days(known, end_day))
        return known.rows(known.day >= begin), begin

    def _fit(
        self,
        own: Panel,
        begin: int,
        end_day: int,
        level: Float64,
        *,
        held: tuple[float, float] | None = None,
    ) -> EtasFit:
        """All of it, or the backgrounds alone where θ and ω are held."""
        # An incident is taken to have happened at noon, so that one of the last day is half a day old.
        return fit_etas(
            own.cell,
            own.day + 0.5,
            own.cells,
            start=begin,
            end=end_day,
            weight=own.weight,
            daily_level=level,
            steps=STEPS if held is None else STEPS_OF_BACKGROUND,
            tolerance=STILL,
            first=held or USUAL,
            moving=held is None,
        )


def _covered(panel: Panel, end_day: int, category: int, days: int) -> Float64:
    """Float64[days]: one for each of the last days that the data cover, zero for those in a gap; the earliest first."""
    row = Coverage.before(panel, end_day).covered[category, :days][::-1]
    return np.asarray(row if row.any() else np.ones(days), dtype=np.float64)
