"""When a back-test looks: its horizons, their windows, the blocks between two fits; and the split that keeps tuning away from it.

Instants are epoch seconds UTC. Days are 24-hour steps from the end of the test, as in the panel.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from prediction.errors import LookedAheadError, PredictionError
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme

WEEK_S = 7 * DAY_S
REFIT_DAYS = 91
GAP_DAYS = 7  # shorter silences may be chance or a holiday, and are tested on
GAP_ODDS = 1e-9  # a silence less likely than this at the usual rate is no chance


@dataclass(frozen=True)
class Horizon:
    """How far ahead a window looks. days: its length (0: one slot of the scheme); learner_days: days that the learner's rate

    speaks of. Where they differ, the rate is laid out over the slots of the week by `prediction.profile`.
    """

    code: str
    days: int
    learner_days: int


HORIZONS = {
    "shift": Horizon("shift", 0, 7),
    "day": Horizon("day", 1, 7),
    "week": Horizon("week", 7, 7),
    "month": Horizon("month", 28, 28),
}


@dataclass(frozen=True)
class Window:
    """One window [start_s, end_s) of a horizon; `step`: its number in the test, that seeds the noise of its ties;

    `block`: its number in the bootstrap (weeks for days and shifts).
    """

    horizon: str
    step: int
    start_s: int
    end_s: int
    block: int


@dataclass(frozen=True)
class FitBlock:
    """Windows that one fit, on what was known before `cutoff_day`, forecasts. learner_days: the learners' horizon."""

    learner_days: int
    number: int
    cutoff_day: int
    windows: tuple[Window, ...]


def horizon_of(code: str) -> Horizon:
    """The horizon of a code. Raises `PredictionError`."""
    if code not in HORIZONS:
        raise PredictionError(f"There is no horizon “{code}” to test on. Choose among: {', '.join(HORIZONS)}.")
    return HORIZONS[code]


def windows_of(horizon: Horizon, scheme: SlotScheme, *, end: datetime, weeks: int) -> list[Window]:
    """All windows that lie wholly in the last `weeks` weeks before `end` (aware), in the order of time.

    Months are the last whole four weeks. Raises `PredictionError` where not one fits.
    """
    end_s = int(end.timestamp())
    if horizon.days == 0:
        edges = _slot_edges(scheme, end - timedelta(weeks=weeks), end)
    else:
        length = horizon.days * DAY_S
        edges = list(range(end_s - weeks * WEEK_S // length * length, end_s + 1, length))
    first = edges[0] if edges else end_s
    blocks = horizon.days >= 7
    found = [
        Window(horizon.code, step, start, stop, step if blocks else (start - first) // WEEK_S)
        for step, (start, stop) in enumerate(itertools.pairwise(edges))
    ]
    if not found:
        raise PredictionError(
            f"A test of {weeks} weeks holds no whole window of the horizon “{horizon.code}”. Ask for four weeks or more."
        )
    return found


def fit_blocks(windows: Sequence[Window], *, end: datetime, weeks: int, refit_days: int = REFIT_DAYS) -> list[FitBlock]:
    """The windows cut where learners are fitted again: every `refit_days` days, and apart for each horizon of the learners."""
    if refit_days < 1:
        raise PredictionError(f"Learners must be fitted again every so many days, at least one; not {refit_days}.")
    end_s = int(end.timestamp())
    first_s = end_s - weeks * WEEK_S
    found: dict[tuple[int, int], list[Window]] = {}
    for window in windows:
        days = HORIZONS[window.horizon].learner_days
        found.setdefault((days, (window.start_s - first_s) // (refit_days * DAY_S)), []).append(window)
    blocks = []
    for (days, number), inside in sorted(found.items()):
        # At the same start the longest first: its features then serve the shorter ones.
        inside.sort(key=lambda window: (window.start_s, -window.end_s))
        blocks.append(FitBlock(days, number, (inside[0].start_s - end_s) // DAY_S, tuple(inside)))
    return blocks


def covered(windows: Sequence[Window], incidents: Incidents, *, end: datetime) -> npt.NDArray[np.bool_]:
    """Bool[windows]: False where the window lies wholly in a time without any data, also at the end of the test.

    That is a silence of a week or more, of all categories together, too long for chance at the usual rate (the median day's).
    """
    if len(incidents) == 0:
        return np.zeros(len(windows), dtype=np.bool_)
    times = np.unique(np.concatenate([incidents.start_s, incidents.end_s, [int(end.timestamp())]]))
    _, per_day = np.unique(incidents.start_s // DAY_S, return_counts=True)
    span_days = max(1.0, (times[-1] - times[0]) / DAY_S)
    # Days without any incident count only where days with one are the exception.
    usual = float(np.median(per_day)) if len(per_day) > span_days / 2 else len(incidents) / span_days
    silence = np.diff(times)
    dead = (silence >= GAP_DAYS * DAY_S) & (silence / DAY_S * usual > -np.log(GAP_ODDS))
    begins, ends = times[:-1][dead], times[1:][dead]
    return np.array([not np.any((begins <= w.start_s) & (w.end_s <= ends)) for w in windows], dtype=np.bool_)


@dataclass(frozen=True)
class Split:
    """Where the test begins and ends (aware instants). All that chooses settings gets its data from here, cut at the start."""

    test_start: datetime
    test_end: datetime

    def __post_init__(self) -> None:
        if not self.test_start < self.test_end:
            raise PredictionError(f"A test must end after it begins: {self.test_start.isoformat()}, {self.test_end.isoformat()}.")

    @classmethod
    def of_weeks(cls, end: datetime, weeks: int) -> Split:
        """The last `weeks` weeks before `end`."""
        return cls(end - timedelta(weeks=weeks), end)

    def tuning(self, incidents: Incidents) -> Incidents:
        """A copy of what was known before the test: rows of the test are not in it, whoever reads it."""
        return incidents.known_before(self.test_start)

    def tuning_panel(self, incidents: Incidents, *, cells: int, categories: int) -> Panel:
        """The panel of `tuning`, with the start of the test as day 0."""
        return Panel.build(self.tuning(incidents), cells=cells, categories=categories, anchor=self.test_start)

    def refuse_later(self, known: Incidents | Panel) -> None:
        """Raise `LookedAheadError` where incidents or a panel hold anything that became known in the test or after it."""
        start_s = int(self.test_start.timestamp())
        if isinstance(known, Panel):
            first_later = -((known.anchor_s - start_s) // DAY_S)
            later = int((known.known_day >= first_later).sum())
        else:
            later = int((known.end_s >= start_s).sum())
        if later:
            raise LookedAheadError(self.test_start.isoformat(), later)


def instant(epoch_s: int) -> datetime:
    """Aware UTC datetime."""
    return datetime.fromtimestamp(epoch_s, UTC)


def _slot_edges(scheme: SlotScheme, first: datetime, end: datetime) -> list[int]:
    """Starts of the slots from `first` on, and the end of the last one, none after `end`; raises where slots are over a day."""
    days = -(-(end - first) // timedelta(days=1)) + 2
    starts = scheme.starts(first, days * scheme.per_day)
    return [int(start.timestamp()) for start in starts if start <= end]
