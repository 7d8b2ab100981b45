"""Rolling-origin back-test: one forecast a week, made at the window's start from what was known then, against what happened.

Learners are fitted again every 91 days. Nothing at or after a window's start enters its forecast; a test alters it all and looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction import metrics
from prediction.engine import EngineSettings
from prediction.errors import NoIncidentsError, TooLittleHistoryError
from prediction.features import WEEK_DAYS, FeatureMaker, history_days
from prediction.grid import Grid
from prediction.learners.base import Learner, Progress, no_progress
from prediction.learners.boosting import Boosting
from prediction.learners.count import HistoricCount
from prediction.learners.kde import TimeWeightedKde
from prediction.learners.seasonal import SeasonalCount
from prediction.panel import Incidents, Panel
from prediction.slots import SlotScheme

Float64 = npt.NDArray[np.float64]

REFIT_WEEKS = 13
LEAST_HISTORY_D = 56
BOOTSTRAP_DRAWS = 2_000
SHARE_80_9 = 0.809


@dataclass(frozen=True)
class Score:
    """One learner and category ("" is all crimes); metrics as in docs/methods.md, None where there was nothing to capture."""

    learner: str
    category: str
    incidents: int
    metrics: dict[str, Any]


@dataclass(frozen=True)
class BacktestResult:
    windows: int
    window_hours: int
    first_window_start: datetime
    last_window_end: datetime
    active_cell_share: float
    scores: list[Score]


@dataclass(frozen=True, eq=False)
class Windows:
    """Forecasts of one learner and one target over all windows, and what happened: Float64[windows, cells] each."""

    learner: str
    rates: npt.NDArray[np.float32]
    counts: npt.NDArray[np.float32]
    captured: Float64  # [windows, percents]
    running: Float64  # [cells]: incidents by rank, pooled over the windows, summed up
    areas: Float64  # [windows]: rank AUC

    @property
    def incidents(self) -> Float64:
        """Float64[windows]."""
        return np.asarray(self.counts.sum(axis=1, dtype=np.float64), dtype=np.float64)


def run_backtest(
    incidents: Incidents,
    grid: Grid,
    *,
    scheme: SlotScheme,
    categories: tuple[str, ...],
    end: datetime,
    weeks: int,
    seed: int = 0,
    settings: EngineSettings | None = None,
    progress: Progress = no_progress,
) -> BacktestResult:
    """Test count, time-weighted KDE, seasonal count and the boosted trees on the last `weeks` weeks before `end` (aware).

    `scheme` is part of the contract but weekly windows do not need it. Raises `NoIncidentsError`, `TooLittleHistoryError`.
    """
    progress(0.0, "panel")
    known = incidents.known_before(end)
    if len(known) == 0:
        raise NoIncidentsError(end.isoformat())
    panel = Panel.build(known, cells=len(grid), categories=len(categories), anchor=end)
    origins = [-WEEK_DAYS * back for back in range(weeks, 0, -1)]
    history = history_days(panel, 0)
    if weeks < 1 or history < weeks * WEEK_DAYS + LEAST_HISTORY_D:
        raise TooLittleHistoryError(weeks, max(weeks, 1) * WEEK_DAYS + LEAST_HISTORY_D, history)
    maker = FeatureMaker(grid, len(categories))
    boosting = Boosting(maker, (settings or EngineSettings()).boosting)
    learners: list[Learner] = [HistoricCount(), TimeWeightedKde(maker), SeasonalCount(), boosting]
    by_target: list[list[Windows]] = [[] for _ in range(len(categories) + 1)]
    edges = (0.0, 0.02, 0.05, 0.08, 0.95)
    for learner, low, high in zip(learners, edges[:-1], edges[1:], strict=True):
        part = _part(progress, low, high)
        for target, windows in enumerate(play(learner, panel, origins, seed=seed, progress=part)):
            by_target[target].append(windows)
    scores = []
    for target, rivals in enumerate(by_target):
        progress(0.95 + 0.05 * target / len(by_target), "backtest")
        scores += score_rivals(rivals, category=(*categories, "")[target], seed=seed)
    progress(1.0, "backtest")
    return BacktestResult(
        windows=weeks,
        window_hours=24 * WEEK_DAYS,
        first_window_start=end - timedelta(days=WEEK_DAYS * weeks),
        last_window_end=end,
        active_cell_share=active_share(panel, origins[0]),
        scores=scores,
    )


def play(learner: Learner, panel: Panel, origins: Sequence[int], *, seed: int, progress: Progress = no_progress) -> list[Windows]:
    """Let one learner forecast every window; one `Windows` a target. Ties: the same seeded noise for all learners."""
    targets = panel.categories + 1
    rates = np.empty((targets, len(origins), panel.cells), dtype=np.float32)
    counts = np.empty_like(rates)
    for step, origin in enumerate(origins):
        if step % REFIT_WEEKS == 0:
            share = min(REFIT_WEEKS, len(origins) - step) / len(origins)
            learner.fit(
                panel, origin, seed=seed, progress=_part(progress, step / len(origins), step / len(origins) + 0.8 * share)
            )
        rates[:, step] = learner.rate(panel, origin)
        happened = panel.counts(origin, origin + WEEK_DAYS)
        counts[:, step] = np.vstack([happened, happened.sum(axis=0)])
    progress(1.0, "backtest")
    return [_windows(learner.name, rates[target], counts[target], seed=seed, target=target) for target in range(targets)]


def _windows(name: str, rates: npt.NDArray[np.float32], counts: npt.NDArray[np.float32], *, seed: int, target: int) -> Windows:
    captured, areas = np.zeros((len(rates), len(metrics.AREA_PERCENTS))), np.full(len(rates), np.nan)
    by_rank = np.zeros(rates.shape[1])
    for step, (rate, count) in enumerate(zip(rates.astype(np.float64), counts.astype(np.float64), strict=True)):
        order = metrics.ranking(rate, np.random.default_rng((seed, target, step)))
        captured[step] = metrics.captured(count, order)
        areas[step] = metrics.auc(rate, count)
        by_rank += count[order]
    return Windows(name, rates, counts, captured, np.cumsum(by_rank), areas)


def score_rivals(rivals: Sequence[Windows], *, category: str, seed: int) -> list[Score]:
    """Scores of all learners on one target; the last one also gets its paired lead over the best of the others."""
    scores = [Score(rival.learner, category, round(float(rival.incidents.sum())), measure(rival, seed=seed)) for rival in rivals]
    if len(rivals) > 1 and scores[-1].incidents:
        best = max(rivals[:-1], key=lambda rival: float(rival.captured[:, 2].sum()))
        scores[-1].metrics["capture_rate_5_lead"] = {"over": best.learner, **lead(rivals[-1], best, seed=seed)}
    return scores


def lead(ours: Windows, rival: Windows, *, seed: int) -> dict[str, Any]:
    """Difference of the capture rates at 5 % and its 95 % interval: bootstrap over windows, paired."""
    gained = ours.captured[:, 2] - rival.captured[:, 2]
    total = float(ours.incidents.sum())
    rng = np.random.default_rng((seed, 7))
    interval = metrics.bootstrap_interval(gained, ours.incidents, draws=BOOTSTRAP_DRAWS, rng=rng)
    return {"difference": float(gained.sum()) / total if total else None, "interval": interval}


def measure(windows: Windows, *, seed: int) -> dict[str, Any]:
    """All metrics of one learner and target, pooled over the windows."""
    total = float(windows.incidents.sum())
    cells = windows.rates.shape[1]
    predicted = float(windows.rates.sum(dtype=np.float64))
    rates, counts = windows.rates.ravel().astype(np.float64), windows.counts.ravel().astype(np.float64)
    out: dict[str, Any] = {
        "log_likelihood": metrics.poisson_log_likelihood(rates, counts),
        "deviance": metrics.poisson_deviance(rates, counts),
        "calibration_bands": metrics.calibration_bands(rates, counts),
        "calibration_ratio": predicted / total if total else None,
    }
    names = [str(percent) for percent in metrics.AREA_PERCENTS]
    if not total:
        empty = dict.fromkeys(("pai_1", "pei_1", "pei_5", "auc", "area_80_9"))
        nothing: dict[str, Any] = dict.fromkeys(names)
        return out | empty | {"capture_rate": nothing, "capture_rate_interval": nothing}
    shares = windows.captured.sum(axis=0) / total
    best = np.sort(windows.counts.astype(np.float64), axis=1)[:, ::-1].cumsum(axis=1)
    most = {percent: best[:, metrics.cells_of_area(cells, percent) - 1].sum() for percent in (1, 5)}
    rng = np.random.default_rng((seed, 5))
    return out | {
        "capture_rate": dict(zip(names, map(float, shares), strict=True)),
        "capture_rate_interval": {
            name: metrics.bootstrap_interval(windows.captured[:, i], windows.incidents, draws=BOOTSTRAP_DRAWS, rng=rng)
            for i, name in enumerate(names)
        },
        "pai_1": float(shares[0]) * cells / metrics.cells_of_area(cells, 1),
        "pei_1": float(windows.captured[:, 0].sum() / most[1]),
        "pei_5": float(windows.captured[:, 2].sum() / most[5]),
        "auc": float(np.nanmean(windows.areas)) if np.isfinite(windows.areas).any() else None,
        "area_80_9": metrics.area_for_share(windows.running, SHARE_80_9),
    }


def active_share(panel: Panel, origin_day: int) -> float:
    """Share of the cells that had held any incident before the origin."""
    return len(np.unique(panel.before(origin_day).cell)) / panel.cells


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda fraction, step: progress(low + (high - low) * fraction, step)
