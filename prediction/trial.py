"""The trial of a way to make a model: would it have served better than another one over the last weeks?

Each way (learner, settings, seed, feature blocks) is trained once on what was known when the first week began, and then
forecasts each week with fresh features, just as a stored model serves. A model that was itself trained on those weeks could not
be tried on them. Two ways on the same weeks of the same data are compared in pairs, week by week.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from prediction.errors import PredictionError
from prediction.learners.base import Progress, no_progress
from prediction.panel import Incidents
from prediction.slots import SlotScheme
from prediction.weeks import WeekFigures, happened_between, week_figures

Float64 = npt.NDArray[np.float64]

LEAST_WEEKS = 4  # fewer pairs tell nothing
CONFIDENCE = 0.95
CALIBRATION_SLACK = 0.01  # ratios that differ by less are called equal, in log


@dataclass(frozen=True, eq=False)
class Trial:
    """Figures by week, oldest first: `reported`, `expected`, `captured` Float64[weeks, targets] (categories in order, then all
    together), `log_likelihood` Float64[weeks]."""

    week_starts: tuple[datetime, ...]
    reported: Float64
    expected: Float64
    captured: Float64
    log_likelihood: Float64

    @property
    def calibration_ratio(self) -> float:
        """Expected / reported over all weeks and categories; NaN where none was reported."""
        reported = float(self.reported[:, -1].sum())
        return float(self.expected[:, -1].sum()) / reported if reported else float("nan")

    @property
    def capture_rate(self) -> float:
        """Share of all incidents in the 5 % of the cells with the highest rates; NaN where none was reported."""
        reported = float(self.reported[:, -1].sum())
        return float(self.captured[:, -1].sum()) / reported if reported else float("nan")


# From a moment on: rates of the week, Float[cells, categories], known as of that moment.
Forecaster = Callable[[datetime], npt.NDArray[np.floating]]


def week_edges(end: datetime, weeks: int, scheme: SlotScheme) -> list[datetime]:
    """weeks + 1 instants a week apart by the local clock, the last one `end`."""
    local = end.astimezone(ZoneInfo(scheme.time_zone))
    return [(local - timedelta(weeks=back)).astimezone(UTC) for back in range(weeks, -1, -1)]


def hold_trial(
    incidents: Incidents,
    *,
    edges: list[datetime],
    train: Callable[[Incidents, datetime, Progress], Forecaster],
    progress: Progress = no_progress,
) -> Trial:
    """Train with what was known at the first edge, forecast from each edge to the next and count what happened.

    `train(known, cutoff, progress)` gets only incidents known before the first edge; the forecaster it returns is asked for the
    rates of each week and must itself read no further than the moment it is asked for. Raises `PredictionError` below four weeks.
    """
    if len(edges) <= LEAST_WEEKS:
        raise PredictionError(f"A trial needs {LEAST_WEEKS} weeks or more, not {len(edges) - 1}.")
    forecast = train(incidents.known_before(edges[0]), edges[0], lambda done, step: progress(0.5 * done, step))
    figures: list[WeekFigures] = []
    for week, (start, end) in enumerate(pairwise(edges)):
        progress(0.5 + 0.5 * week / (len(edges) - 1), "trial")
        happened = happened_between(incidents, int(start.timestamp()), int(end.timestamp()))
        figures.append(week_figures(np.asarray(forecast(start), dtype=np.float64), happened))
    progress(1.0, "trial")
    return Trial(
        week_starts=tuple(edges[:-1]),
        reported=np.stack([one.reported for one in figures]),
        expected=np.stack([one.expected for one in figures]),
        captured=np.stack([one.captured for one in figures]),
        log_likelihood=np.array([one.log_likelihood for one in figures]),
    )


@dataclass(frozen=True)
class Difference:
    """Mean of the weekly differences and its 95 % interval (Student's t over the weeks)."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Candidate minus rival, on the same weeks. `log_likelihood`: a week; `capture_rate`: of all crimes at 5 %, as a share.

    `calibration`: expected / reported of the candidate and of the rival.
    """

    weeks: int
    log_likelihood: Difference
    capture_rate: Difference
    calibration: tuple[float, float]

    @property
    def is_better(self) -> bool:
        """One lower bound above zero, and the other measure not significantly worse."""
        one, other = self.log_likelihood, self.capture_rate
        return (one.low > 0 and other.high >= 0) or (other.low > 0 and one.high >= 0)

    @property
    def is_worse(self) -> bool:
        """An upper bound below zero."""
        return self.log_likelihood.high < 0 or self.capture_rate.high < 0

    @property
    def is_as_well_calibrated(self) -> bool:
        """The candidate's ratio is no further from one than the rival's, in log, but for 0.01."""
        ours, theirs = (abs(np.log(ratio)) if ratio > 0 else np.inf for ratio in self.calibration)
        return bool(ours <= theirs + CALIBRATION_SLACK)


def compare(candidate: Trial, rival: Trial) -> Comparison:
    """Paired comparison, week by week. Raises `PredictionError` where the two were not tried on the same weeks and incidents."""
    if candidate.week_starts != rival.week_starts or not np.array_equal(candidate.reported, rival.reported):
        raise PredictionError("The two trials are not of the same weeks of the same data; hold both again.")
    reported = float(candidate.reported[:, -1].mean())
    gained = candidate.captured[:, -1] - rival.captured[:, -1]
    return Comparison(
        weeks=len(candidate.week_starts),
        log_likelihood=_mean_difference(candidate.log_likelihood - rival.log_likelihood),
        capture_rate=_mean_difference(gained / reported if reported else gained),
        calibration=(candidate.calibration_ratio, rival.calibration_ratio),
    )


def _mean_difference(by_week: Float64) -> Difference:
    """Student's t: eight weeks are too few for a bootstrap, whose intervals would be too narrow."""
    mean = float(by_week.mean())
    half = float(student.ppf(0.5 + CONFIDENCE / 2, len(by_week) - 1) * by_week.std(ddof=1) / np.sqrt(len(by_week)))
    return Difference(mean, mean - half, mean + half)
