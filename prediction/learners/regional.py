"""Counts of large areas (beats, community areas, dong): the city's level of the season, dealt out by the areas' shares.

A large area holds so many incidents that its neighbours tell nothing new; what decides is how the city's level moves and how
fast shares drift. For each category: level = time-weighted daily total times last year's seasonal move; share of an area =
posterior mean of a Dirichlet-multinomial, whose prior is the long-run share and whose evidence are the last weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from prediction.coverage import Coverage
from prediction.features import WEEK_DAYS, history_days
from prediction.learners.base import contributions, explain_all, log_of, with_all
from prediction.learners.stateless import Stateless
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
YEAR_D = 364
LEAST_BEFORE_LAST_YEAR_D = 60  # history before the same day a year ago, without which there is no move to read


@dataclass(frozen=True)
class RegionalSettings:
    """Half-lives in days; `season_power`: how much of last year's move is expected again; `season_sigma_d`: its smoothing;

    `strength`: incidents that the long-run share counts for. Chosen on Chicago, January to June 2017 (docs/methods/learners.md).
    """

    level_half_life_d: float = 21.0
    long_half_life_d: float = 480.0
    recent_half_life_d: float = 30.0
    strength: float = 6_000.0
    season_power: float = 0.75
    season_sigma_d: float = 20.0


class LevelAndShares(Stateless):
    """Expected incidents of large areas."""

    name = "regional"
    group = "here_long"

    def __init__(self, settings: RegionalSettings | None = None, *, horizon_days: int = WEEK_DAYS) -> None:
        self.settings = settings or RegionalSettings()
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        return with_all(self._shares(known, origin_day) * self._levels(known, origin_day)[:, np.newaxis])

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        """The area's share against an even one goes to its own past, last year's move to the season."""
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        known = panel.before(origin_day)
        log_rate = log_of(self.rate(panel, origin_day)[target])
        share = np.log(self._shares(known, origin_day)[target] * panel.cells)
        move = float(np.log(self._season(_daily(known, origin_day))[target]))
        return contributions(log_rate, {self.group: share, "season": np.full(panel.cells, move)})

    def _levels(self, known: Panel, origin_day: int) -> Float64:
        """Float64[categories]: incidents of the horizon in the whole city."""
        daily = _daily(known, origin_day)
        covered = Coverage.before(known, origin_day).covered[:-1, : daily.shape[1]]
        decay = 0.5 ** (np.arange(daily.shape[1]) / self.settings.level_half_life_d) * covered
        now = (daily @ decay.T).diagonal() / np.maximum(decay.sum(axis=1), 1e-9)
        return np.asarray(now * self._season(daily) * self.horizon_days, dtype=np.float64)

    def _season(self, daily: Float64) -> Float64:
        """Float64[categories]: last year's level of the days ahead over that of the days behind, to the power of the settings."""
        days = daily.shape[1]
        if days < YEAR_D + LEAST_BEFORE_LAST_YEAR_D:
            return np.ones(len(daily))
        smooth = gaussian_filter1d(daily, self.settings.season_sigma_d, axis=1, mode="nearest")
        ahead = smooth[:, max(0, YEAR_D - self.horizon_days) : YEAR_D].mean(axis=1)
        weights = 0.5 ** (np.arange(days - YEAR_D) / self.settings.level_half_life_d)
        behind = smooth[:, YEAR_D:] @ weights / weights.sum()
        prior = 1.0 / WEEK_DAYS  # as strong as one incident a week
        return np.asarray(((ahead + prior) / (behind + prior)) ** self.settings.season_power, dtype=np.float64)

    def _shares(self, known: Panel, origin_day: int) -> Float64:
        """Float64[categories, areas], each row adding up to one."""
        age = (origin_day - 1 - known.day).astype(np.float64)
        long = known.weighted(0.5 ** (age / self.settings.long_half_life_d)) + 1.0
        prior = long / long.sum(axis=1, keepdims=True)
        recent = known.weighted(0.5 ** (age / self.settings.recent_half_life_d))
        strength = self.settings.strength
        return np.asarray((recent + strength * prior) / (recent.sum(axis=1, keepdims=True) + strength), dtype=np.float64)


def _daily(known: Panel, origin_day: int) -> Float64:
    """Float64[categories, days]: incidents of the whole city by age in days, as far back as the data reach."""
    days = history_days(known, origin_day)
    age = (origin_day - 1 - known.day).astype(np.int64)
    inside = (age >= 0) & (age < days)
    flat = known.category[inside].astype(np.int64) * days + age[inside]
    sums = np.bincount(flat, weights=known.weight[inside], minlength=known.categories * days)
    return np.asarray(sums.reshape(known.categories, days), dtype=np.float64)
