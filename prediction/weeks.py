"""How a forecast of a week fared: what was reported, expected, and held by the 5 % of the cells with the highest rates.

In: rates of a week and the incidents of that week. Out: counts by target (the categories in order, then all crimes together),
from which the trial of a model and the drift watch draw their conclusions. An incident that is only known as an interval counts
in the week that holds its middle, so that counts are whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prediction.metrics import LEAST_RATE, cells_of_area, ranking
from prediction.panel import Incidents

Float64 = npt.NDArray[np.float64]

AREA_PERCENT = 5.0
TIES_SEED = 5  # equal rates are put into one order that does not follow the numbers of the cells


@dataclass(frozen=True, eq=False)
class WeekFigures:
    """Of one week, Float64[targets] each. `log_likelihood`: Poisson, over cells and categories, without the terms that no
    forecast changes (log y!)."""

    reported: Float64
    expected: Float64
    captured: Float64
    log_likelihood: float


def happened_between(incidents: Incidents, start_s: int, end_s: int) -> Incidents:
    """The incidents whose middle lies in start ≤ t < end (epoch seconds)."""
    middle = (incidents.start_s + incidents.end_s) // 2
    return incidents.take((middle >= start_s) & (middle < end_s))


def week_figures(rates: Float64, happened: Incidents) -> WeekFigures:
    """rates: Float64[cells, categories], expected incidents of the week; happened: the incidents of the week."""
    cells, categories = rates.shape
    flat = happened.category.astype(np.int64) * cells + happened.cell_index
    counts = np.bincount(flat, minlength=categories * cells).reshape(categories, cells).astype(np.float64)
    called = np.maximum(rates.T.astype(np.float64), LEAST_RATE)
    with_all = np.vstack([called, called.sum(axis=0)]), np.vstack([counts, counts.sum(axis=0)])
    return WeekFigures(
        reported=with_all[1].sum(axis=1),
        expected=with_all[0].sum(axis=1),
        captured=np.array([_captured(rate, count) for rate, count in zip(*with_all, strict=True)]),
        log_likelihood=float((counts * np.log(called) - called).sum()),
    )


def _captured(rate: Float64, count: Float64) -> float:
    first = ranking(rate, np.random.default_rng(TIES_SEED))[: cells_of_area(len(rate), AREA_PERCENT)]
    return float(count[first].sum())
