"""What every part of the features shares: the groups, the moment of a forecast, and the one signature of a feature block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from prediction.concentration import Concentration
from prediction.coverage import Coverage

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

WEEK_DAYS = 7
HALF_LIVES_D = (7, 14, 30, 60, 120, 240, 480, 960)
WINDOWS_D = (7, 14, 28, 91, 182, 364)
RECENT_D = 30
SIGMAS_RECENT_M = (200.0, 500.0, 1000.0)
SIGMAS_LONG_M = (150.0, 300.0, 600.0, 1000.0)
LONGEST_D = 1456  # days since last are capped here, and nothing older enters a feature

GROUPS = (
    "base",
    "here_recent",
    "here_long",
    "around_recent",
    "around_long",
    "other_types",
    "season",
    "place",
    "calendar",
    "weather",
    "surroundings",  # places, lamps, population
    "rulings",
)


@dataclass(frozen=True, eq=False)
class Moment:
    """Everything about one origin that the targets share; arrays Float64[..., targets, cells] of weekly rates.

    `start`: the instant of the origin (aware, UTC); `horizon_days`: what `level` and `expected` speak of, from the origin on.
    """

    origin_day: int
    start: datetime
    horizon_days: int
    coverage: Coverage  # the days that the data cover, by age before the origin
    decayed: Float64  # [half-lives, targets, cells]
    windowed: Float64  # [windows, targets, cells]
    last_year: Float64  # [targets, cells]: the days ahead a year ago, and two weeks before and after them
    ever: Float64  # [targets, cells]: all that is known, unweighted
    ring_ever: Float64  # [2, targets, cells]
    held_around: Float64  # [2, targets, cells]: neighbours in each ring that ever held an incident
    days_since: Float64  # [targets, cells]
    active_weeks: Float64  # [targets, cells]: share of the last 52 weeks with any incident; a single burst counts once
    spots: Concentration
    ring_recent: Float64  # [2, targets, cells]
    ring_long: Float64  # [2, targets, cells]
    ring_last_year: Float64
    smooth_recent: Float64  # [sigmas, targets, cells]
    smooth_long: Float64  # [sigmas, targets, cells]
    smooth_last_year: Float64
    level: Float64  # [targets]: expected incidents of the coming `horizon_days` in the whole city
    expected: Float64  # [targets, cells]: shrunken time-weighted rate, scaled to the level: the learners' offset
    expected_here: Float64  # [targets, cells]: the part of its log that comes from the cell's own incidents
    expected_around: Float64  # [targets, cells]: the part that comes from its surroundings
    expected_others: Float64  # [targets, cells]: the part that comes from all crimes here; the rest is one number a city
    year_angle: float


class Block(Protocol):
    """A group of features as a plug-in. It reads nothing but the moment and the data it was made with.

    name: stands in docs/methods/features.md, a test holds that. signature: hash of the data it carries, "" where it carries
    none: part of a model's version.
    """

    @property
    def name(self) -> str: ...

    @property
    def signature(self) -> str: ...

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        """(group, name) of each column; the same at every moment. Names are distinct over all blocks of a maker."""

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[cells, columns], or [1, columns] where they are the same everywhere; NaN where unknown."""
