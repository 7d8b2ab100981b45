"""One contract for every learner: what a constructor is given is never changed; fitted state ends with an underscore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Progress = Callable[[float, str], None]


def no_progress(fraction: float, step: str) -> None:
    """Progress that nobody watches."""


class Learner(Protocol):
    """Learns from a panel up to a day, then gives weekly rates at any later origin from what is known there."""

    name: str

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Learn from what was known before `cutoff_day` only."""

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        """Float64[targets, cells]: expected incidents of the seven days from the origin; the last target is all crimes.

        Reads only what was known before the origin.
        """


def with_all(rates: Float64) -> Float64:
    """[categories, cells] → [targets, cells]: all crimes together are the sum of the categories."""
    return np.vstack([rates, rates.sum(axis=0)])


def shares(fields: Float64) -> Float64:
    """Each row of Float64[rows, cells] scaled to one; a row without mass becomes even."""
    totals = fields.sum(axis=1, keepdims=True)
    return np.where(totals > 0, fields / np.where(totals > 0, totals, 1), 1 / fields.shape[1])
