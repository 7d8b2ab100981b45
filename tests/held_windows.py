"""A second, plainer way to score: all windows of one learner held in memory at once, for comparison with the streamed sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction import metrics
from prediction.backtest.results import AREA_SHARES, BOOTSTRAP_DRAWS
from prediction.features import WEEK_DAYS
from prediction.learners.base import Learner, Progress, no_progress
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

REFIT_WEEKS = 13


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
        empty = dict.fromkeys(("pai_1", "pei_1", "pei_5", "auc", *AREA_SHARES))
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
        **{name: metrics.area_for_share(windows.running, share) for name, share in AREA_SHARES.items()},
    }


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda fraction, step: progress(low + (high - low) * fraction, step)
