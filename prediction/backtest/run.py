"""The whole back-test: windows, blocks, learners and ceilings, and what they scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from prediction.backtest.parallel import Parts, Workers, play_blocks
from prediction.backtest.playing import Entrant, Setup, codes_of
from prediction.backtest.results import BacktestResult, TestedHorizon, scores_of
from prediction.backtest.scoring import Tally
from prediction.backtest.windows import REFIT_DAYS, Window, covered, fit_blocks, horizon_of, instant, windows_of
from prediction.engine import EngineSettings
from prediction.errors import NoIncidentsError, PredictionError, TooLittleHistoryError
from prediction.features import WEEK_DAYS, Block, history_days
from prediction.grid import Grid
from prediction.learners.base import Progress, no_progress, part
from prediction.learners.catalogue import LEARNERS, UnknownLearnerError
from prediction.panel import Incidents, Panel
from prediction.slots import SlotScheme

LEAST_HISTORY_D = 56
DEFAULT_LEARNERS = ("count", "kde", "ewkde", "seasonal", "lightgbm")
PLAY_SHARE = 0.95  # of the progress; the rest is the bootstrap

Settings = EngineSettings | Mapping[str, Mapping[str, Any]]


def run_backtest(
    incidents: Incidents,
    grid: Grid,
    *,
    scheme: SlotScheme,
    categories: tuple[str, ...],
    end: datetime,
    weeks: int,
    horizons: Sequence[str] = ("week",),
    learners: Sequence[str | Entrant] = DEFAULT_LEARNERS,
    blocks: Sequence[Block] = (),
    seed: int = 0,
    settings: Settings | None = None,
    progress: Progress = no_progress,
    workers: Workers = None,
    store: Path | None = None,
    refit_days: int = REFIT_DAYS,
    ceilings: bool = True,
) -> BacktestResult:
    """Test learners on the last `weeks` weeks before `end` (aware), at each horizon, with fits that never saw their windows.

    learners: codes of the catalogue, or `Entrant`s; settings: keyword arguments by learner's code, or those of the engine;
    workers: None (in this process), a number of local processes, or the address of a Dask scheduler; store: a folder where
    finished parts are kept, so that a run that was stopped picks up; ceilings: also score "hindsight" and "oracle".
    Raises `NoIncidentsError`, `TooLittleHistoryError`, and `PredictionError` for unknown learners, horizons or no covered window.
    """
    progress(0.0, "panel")
    known = incidents.known_before(end)
    active = _active_after_check(known, grid, categories=categories, end=end, weeks=weeks)
    setup = Setup(known, grid, scheme, tuple(categories), end, _entrants(learners, settings), tuple(blocks), seed)
    windows, left_out = _windows(known, scheme, horizons=horizons, end=end, weeks=weeks)
    codes = codes_of(setup, ceilings=ceilings)
    cut = fit_blocks(windows, end=end, weeks=weeks, refit_days=refit_days)
    parts = play_blocks(setup, cut, codes, workers=workers, store=store, progress=part(progress, 0.0, PLAY_SHARE))
    tested = [_tested(code, windows, left_out[code]) for code in horizons]
    scores = []
    for place, code in enumerate(horizons):
        progress(PLAY_SHARE + (1 - PLAY_SHARE) * place / len(horizons), "backtest")
        tallies = _joined(parts, codes, code)
        scores += scores_of(tallies, categories=categories, horizon=code, cover=setup.cover, seed=seed)
    progress(1.0, "backtest")
    return BacktestResult(
        windows=tested[0].windows,
        window_hours=round(tested[0].window_hours),
        first_window_start=tested[0].first_window_start,
        last_window_end=tested[0].last_window_end,
        active_cell_share=active,
        scores=scores,
        horizons=tuple(tested),
    )


def _active_after_check(known: Incidents, grid: Grid, *, categories: Sequence[str], end: datetime, weeks: int) -> float:
    """Share of the cells that had held an incident before the test; refuses too short a history."""
    if len(known) == 0:
        raise NoIncidentsError(end.isoformat())
    panel = Panel.build(known, cells=len(grid), categories=len(categories), anchor=end)
    history, needed = history_days(panel, 0), max(weeks, 1) * WEEK_DAYS + LEAST_HISTORY_D
    if weeks < 1 or history < needed:
        raise TooLittleHistoryError(weeks, needed, history)
    return active_share(panel, -WEEK_DAYS * weeks)


def _entrants(learners: Sequence[str | Entrant], settings: Settings | None) -> tuple[Entrant, ...]:
    given: Mapping[str, Mapping[str, Any]]
    if isinstance(settings, EngineSettings):
        given = {"lightgbm": asdict(settings.boosting), **settings.learners}
    else:
        given = settings or {}
    found = []
    for learner in learners:
        if isinstance(learner, str) and learner not in LEARNERS:
            raise UnknownLearnerError(learner)
        found.append(Entrant.of_catalogue(learner, given.get(learner)) if isinstance(learner, str) else learner)
    names = [entrant.code for entrant in found]
    if not names or len(set(names)) != len(names):
        raise PredictionError(f"A back-test needs at least one learner, and each only once; given were: {', '.join(names)}.")
    return tuple(found)


def _windows(
    known: Incidents, scheme: SlotScheme, *, horizons: Sequence[str], end: datetime, weeks: int
) -> tuple[list[Window], dict[str, int]]:
    """All windows with data, and how many of each horizon had none."""
    if not horizons or len(set(horizons)) != len(horizons):
        raise PredictionError("Name at least one horizon to test, and each only once.")
    windows: list[Window] = []
    left_out = {}
    for code in horizons:
        every = windows_of(horizon_of(code), scheme, end=end, weeks=weeks)
        seen = covered(every, known, end=end)
        if not seen.any():
            raise PredictionError(
                f"The data hold nothing in the last {weeks} weeks before {end.isoformat()}, so there is nothing to test on. "
                "Choose an earlier end, or upload newer incidents."
            )
        windows += [window for window, is_seen in zip(every, seen, strict=True) if is_seen]
        left_out[code] = int((~seen).sum())
    return windows, left_out


def _tested(code: str, windows: Sequence[Window], left_out: int) -> TestedHorizon:
    inside = [window for window in windows if window.horizon == code]
    hours = float(np.median([window.end_s - window.start_s for window in inside])) / 3_600
    return TestedHorizon(code, len(inside), left_out, hours, instant(inside[0].start_s), instant(inside[-1].end_s))


def _joined(parts: Sequence[Parts], codes: Sequence[str], horizon: str) -> dict[str, Tally]:
    """One tally a learner over all blocks."""
    return {code: Tally.joined([part[code, horizon] for part in parts if (code, horizon) in part]) for code in codes}


def active_share(panel: Panel, origin_day: int) -> float:
    """Share of the cells that had held any incident before the origin."""
    return len(np.unique(panel.before(origin_day).cell)) / panel.cells
