"""What a back-test says: the measures of each learner, their intervals, and the paired comparison of every two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction import metrics
from prediction.backtest.scoring import Tally
from prediction.metrics import AREA_PERCENTS, CHANCE_EDGES, Cover

Float64 = npt.NDArray[np.float64]

BOOTSTRAP_DRAWS = 2_000
INTERVAL_SEED, LEAD_SEED = 5, 7
AREA_SHARES = {"area_80_9": 0.809, "area_82_8": 0.828}
BANDS = 6
NAMES = tuple(str(percent) for percent in AREA_PERCENTS)
# Pseudo-learners that know what is to come: no learner to choose, only how high one could get.
ORACLE, HINDSIGHT = "oracle", "hindsight"
CEILINGS = (HINDSIGHT, ORACLE)


@dataclass(frozen=True)
class Score:
    """One learner and category ("" is all crimes) at one horizon; metrics as in docs/methods/backtest.md, None where there was

    nothing to measure.
    """

    learner: str
    category: str
    incidents: int
    metrics: dict[str, Any]
    horizon: str = "week"

    @property
    def is_ceiling(self) -> bool:
        """Whether it knows the future: such a score says how much there is to gain, and can never be put in service."""
        return self.learner in CEILINGS


@dataclass(frozen=True)
class TestedHorizon:
    """The windows of one horizon: how many were scored, and how many were left out because no data cover them."""

    code: str
    windows: int
    left_out: int
    window_hours: float
    first_window_start: datetime
    last_window_end: datetime


@dataclass(frozen=True)
class BacktestResult:
    """The first horizon's windows, all horizons, and every score: by horizon, category and learner, the ceilings last."""

    windows: int
    window_hours: int
    first_window_start: datetime
    last_window_end: datetime
    active_cell_share: float
    scores: list[Score]
    horizons: tuple[TestedHorizon, ...] = ()


def scores_of(
    tallies: Mapping[str, Tally],
    *,
    categories: Sequence[str],
    horizon: str,
    cover: Cover,
    seed: int,
    draws: int = BOOTSTRAP_DRAWS,
) -> list[Score]:
    """Scores of all learners at one horizon, by category, all crimes last."""
    scores = []
    for target, category in enumerate((*categories, "")):
        drawn = _draws(next(iter(tallies.values())), target, seed=seed, draws=draws)
        for learner, tally in tallies.items():
            measured = measures(tally, target, cover=cover, seed=seed, draws=draws)
            if learner == ORACLE:
                measured |= dict.fromkeys(OF_RATES)
            if category == "":
                measured |= _f1_of_categories(tally, learner)
            others = (
                {} if learner in CEILINGS else {code: other for code, other in tallies.items() if code not in {learner, ORACLE}}
            )
            measured["leads"] = [lead for code, other in others.items() for lead in _leads(tally, code, other, target, drawn)]
            scores.append(Score(learner, category, round(float(tally.incidents[:, target].sum())), measured, horizon))
    return scores


# Measures that ask for an expected number; a ranking that knows the outcome has none.
OF_RATES = (
    "deviance",
    "log_likelihood",
    "brier",
    "crps",
    "f1",
    "mae",
    "mae_positive",
    "mape",
    "count_accuracy",
    "calibration_ratio",
    "calibration_bands",
    "reliability",
)


def measures(tally: Tally, target: int, *, cover: Cover, seed: int, draws: int = BOOTSTRAP_DRAWS) -> dict[str, Any]:
    """All measures of one learner and target, pooled over the windows of the tally."""
    total = float(tally.incidents[:, target].sum())
    cells = len(tally.step) * cover.cells
    hits = tally.sum_of("cells_with_one", target)
    error, hit_error = tally.sum_of("absolute_error", target), tally.sum_of("relative_error", target)
    out: dict[str, Any] = {
        "log_likelihood": tally.sum_of("log_likelihood", target),
        "deviance": tally.sum_of("deviance", target) / cells,
        "brier": tally.sum_of("brier", target) / cells,
        "crps": tally.sum_of("crps", target) / cells,
        "f1": metrics.f1(*calls_of(tally, target)),
        "mae": error / cells,
        "mae_positive": tally.sum_of("absolute_error_of_hits", target) / hits if hits else None,
        "mape": hit_error / hits if hits else None,
        "count_accuracy": metrics.count_accuracy(error, total),
        "calibration_ratio": tally.sum_of("predicted", target) / total if total else None,
        "calibration_bands": bands_of(tally.bands[target]),
        "reliability": reliability_of(tally.chances[target]),
    }
    return out | (_of_ranking(tally, target, seed=seed, draws=draws) if total else _no_ranking())


def _no_ranking() -> dict[str, Any]:
    by_percent = ("capture_rate", "capture_rate_interval", "capture_rate_active", "pai", "pai_best", "pei")
    return {name: dict.fromkeys(NAMES) for name in by_percent} | dict.fromkeys((*AREA_SHARES, "auc"))


def _of_ranking(tally: Tally, target: int, *, seed: int, draws: int) -> dict[str, Any]:
    caught, incidents = tally.captured[:, target], tally.incidents[:, target]
    total = float(incidents.sum())
    shares, most = caught.sum(axis=0) / total, tally.best[:, target].sum(axis=0) / total
    taken = tally.taken[:, target].mean(axis=0)
    blocks, of_blocks = metrics.block_sums(caught, tally.block), metrics.block_sums(incidents, tally.block)
    rng = np.random.default_rng((seed, INTERVAL_SEED))
    areas = tally.auc[:, target]
    curve = np.cumsum(tally.by_area[target])
    return {
        "capture_rate": dict(zip(NAMES, map(float, shares), strict=True)),
        "capture_rate_interval": {
            name: metrics.bootstrap_interval(blocks[:, i], of_blocks, draws=draws, rng=rng) for i, name in enumerate(NAMES)
        },
        "capture_rate_active": dict(zip(NAMES, map(float, tally.captured_active[:, target].sum(axis=0) / total), strict=True)),
        "pai": {name: metrics.pai(float(shares[i]), float(taken[i])) for i, name in enumerate(NAMES)},
        "pai_best": {name: metrics.pai(float(most[i]), float(taken[i])) for i, name in enumerate(NAMES)},
        "pei": {name: float(shares[i] / most[i]) if most[i] else None for i, name in enumerate(NAMES)},
        "auc": float(np.nanmean(areas)) if np.isfinite(areas).any() else None,
        **{name: metrics.area_for_share(curve, share) for name, share in AREA_SHARES.items()},
    }


def bands_of(by_rate: Float64, bands: int = BANDS) -> list[list[float]]:
    """[predicted, observed] of equally many cells × windows each, from the lowest rates to the highest.

    by_rate: Float64[3, keys] as in `Tally.bands`. What lies on the edge of two bands (rates within 0.1 %) is shared out evenly.
    """
    held = by_rate[0] > 0
    if not held.any():
        return [[0.0, 0.0] for _ in range(bands)]
    running = np.append(0.0, np.cumsum(by_rate[0][held]))
    edges = np.linspace(0, running[-1], bands + 1)
    sums = [np.diff(np.interp(edges, running, np.append(0.0, np.cumsum(row[held])))) for row in by_rate[1:]]
    return [[float(predicted), float(seen)] for predicted, seen in zip(*sums, strict=True)]


def reliability_of(chances: Float64) -> list[dict[str, Any]]:
    """Of all cells and windows called so likely, how many had an incident; bins without any are left out.

    chances: Float64[3, bins] as in `Tally.chances`.
    """
    table = []
    for low, high, (cells, called, hits) in zip(CHANCE_EDGES[:-1], CHANCE_EDGES[1:], chances.T, strict=True):
        if cells:
            interval = metrics.wilson_interval(float(hits), float(cells))
            row = {"low": low, "high": high, "cells": int(cells), "called": float(called / cells), "seen": float(hits / cells)}
            table.append(row | {"interval": interval})
    return table


def calls_of(tally: Tally, target: int) -> tuple[float, float, float]:
    """True positive, false positive and false negative calls of cells and windows."""
    right, called = tally.sum_of("true_positive", target), tally.sum_of("called", target)
    return right, called - right, tally.sum_of("cells_with_one", target) - right


def _f1_of_categories(tally: Tally, learner: str) -> dict[str, Any]:
    if learner == ORACLE:
        return {"micro_f1": None, "macro_f1": None}
    calls = [calls_of(tally, target) for target in range(tally.targets - 1)]
    return {"micro_f1": metrics.micro_f1(calls), "macro_f1": metrics.macro_f1(calls)}


def _draws(tally: Tally, target: int, *, seed: int, draws: int) -> tuple[Float64, Float64]:
    """How often each block is drawn Float64[draws, blocks], the same for all learners; and the incidents of each draw."""
    incidents = metrics.block_sums(tally.incidents[:, target], tally.block)
    chosen = np.random.default_rng((seed, LEAD_SEED)).integers(0, len(incidents), size=(draws, len(incidents)))
    often = np.stack([np.bincount(row, minlength=len(incidents)) for row in chosen]).astype(np.float64)
    return often, often @ incidents


def _leads(ours: Tally, code: str, rival: Tally, target: int, drawn: tuple[Float64, Float64]) -> list[dict[str, Any]]:
    """Difference of the capture rates at each area share, its 95 % interval and p-value ("no difference"), paired by block."""
    total = float(ours.incidents[:, target].sum())
    if not total:
        return []
    often, below = drawn
    gained = ours.captured[:, target] - rival.captured[:, target]
    shares = (often @ metrics.block_sums(gained, ours.block))[below > 0] / below[below > 0, np.newaxis]
    lows, highs = np.percentile(shares, [2.5, 97.5], axis=0)
    chances = metrics.p_values(shares)
    return [
        {
            "over": code,
            "percent": name,
            "difference": float(gained[:, i].sum() / total),
            "interval": [float(lows[i]), float(highs[i])],
            "p_value": float(chances[i]),
        }
        for i, name in enumerate(NAMES)
    ]
