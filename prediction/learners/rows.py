"""Training rows of the tree learners: features at past origins, and what happened in the days after each.

Rows are made once for all trees that learn from the same panel, cut-off and seed: the features take longer than many a fit.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.coverage import origins_covered
from prediction.errors import PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker, Moment, history_days
from prediction.learners.base import Progress, no_progress
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]

Offset = Callable[[Moment, int], Float64]

ROUNDS_OF_FILLING = 20
# Origins of windows under a week are this far apart, so that they meet every day of the week in turn.
STEP_OF_SHORT_WINDOWS_D = 6
OFFSETS = ("shrunken", "eb")
KEPT_AT_MOST_BYTES = 400_000_000  # beyond it a fit lets go of each category's rows as it has learnt them


@dataclass(frozen=True)
class RowSettings:
    """Which rows to learn from. `row_limit` bounds time and memory: beyond it, empty cells are drawn by what they can tell.

    `evenness`: share of the drawn rows that is spread evenly over all empty cells, the rest going by expectation.
    A category with fewer than `least_incidents` in the training windows gets no rows. `offset`: what the rows start from,
    the moment's shrunken rate ("shrunken") or the empirical-Bayes count ("eb"). `learn_days`: windows to learn from are at least
    that long: a day's incidents tell little of where the next day's fall, a week's seven times as much.
    """

    zero_share: float = 0.5
    row_limit: int = 500_000
    evenness: float = 0.25
    origins_at_most: int = 78
    burn_in_days: int = 91
    least_incidents: int = 300
    offset: str = "shrunken"
    learn_days: int = 7

    def __post_init__(self) -> None:
        if self.offset not in OFFSETS:
            raise PredictionError(f"Trees start from one of {', '.join(OFFSETS)}, not from “{self.offset}”.")


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Sampled rows of one target, in the order of their origins.

    table Float32[rows, features]; counts Float64[rows]: incidents of the horizon; offset Float64[rows]: log of the expected
    ones; weight Float64[rows]: cells each row stands for; origin Int32[rows]: the origin's day.
    """

    table: Float32
    counts: Float64
    offset: Float64
    weight: Float64
    origin: Int32


@dataclass(eq=False)
class _Gathered:
    """Rows of one target in arrays that are reserved at once and take memory only as they fill.

    To gather them in parts and join these at the end would hold a city's rows twice.
    """

    reserved: TrainingRows
    filled: int = 0

    @classmethod
    def of(cls, room: int, columns: int) -> Self:
        numbers = (np.empty(room), np.empty(room), np.empty(room))
        return cls(TrainingRows(np.empty((room, columns), np.float32), *numbers, np.empty(room, np.int32)))

    def add(self, more: TrainingRows) -> None:
        end = self.filled + len(more.counts)
        if end > len(self.reserved.counts):
            larger = _Gathered.of(2 * end, self.reserved.table.shape[1])
            larger.add(self.rows())
            self.reserved = larger.reserved
        for field in fields(TrainingRows):
            getattr(self.reserved, field.name)[self.filled : end] = getattr(more, field.name)
        self.filled = end

    def rows(self) -> TrainingRows:
        return TrainingRows(*(getattr(self.reserved, field.name)[: self.filled] for field in fields(TrainingRows)))


@dataclass(frozen=True, eq=False)
class _Kept:
    """The rows made last with one maker, and what they were made from."""

    panel: weakref.ref[Panel]
    key: tuple[object, ...]
    rows: dict[int, TrainingRows]


_LAST: weakref.WeakKeyDictionary[FeatureMaker, _Kept] = weakref.WeakKeyDictionary()


def expected(moment: Moment, target: int, horizon_days: int) -> Float64:
    """Float64[cells]: the shrunken time-weighted rate of the horizon, the trees' starting point."""
    return np.asarray(moment.expected[target] * (horizon_days / moment.horizon_days), dtype=np.float64)


def level(moment: Moment, target: int, horizon_days: int) -> float:
    """Expected incidents of the horizon in the whole city."""
    return float(moment.level[target] * (horizon_days / moment.horizon_days))


def training_rows(
    maker: FeatureMaker,
    panel: Panel,
    cutoff_day: int,
    *,
    horizon_days: int,
    seed: int,
    settings: RowSettings,
    offset_of: Offset | None = None,
    progress: Progress = no_progress,
) -> dict[int, TrainingRows]:
    """Rows of each category that has enough incidents. Reads only what was known before the cut-off.

    `offset_of`: expected incidents of the horizon by moment and target, the one that `settings.offset` names.

    The rows made last with a maker are kept while it lives (unless they take more than 400 MB): LightGBM, Tweedie, XGBoost and
    the ranking learn from the same ones.
    """
    key = (cutoff_day, horizon_days, seed, *(getattr(settings, field.name) for field in fields(RowSettings)))
    kept = _LAST.get(maker)
    if kept is not None and kept.key == key and kept.panel() is panel:
        return dict(kept.rows)
    _LAST.pop(maker, None)
    rows = _sampled(
        maker,
        panel,
        cutoff_day,
        horizon_days=horizon_days,
        seed=seed,
        settings=settings,
        offset_of=offset_of or (lambda moment, target: expected(moment, target, horizon_days)),
        progress=progress,
    )
    if sum(part.table.nbytes for part in rows.values()) <= KEPT_AT_MOST_BYTES:
        _LAST[maker] = _Kept(weakref.ref(panel), key, rows)
    return dict(rows)


def forget_rows(maker: FeatureMaker) -> None:
    """Give back the memory of the rows kept with a maker."""
    _LAST.pop(maker, None)


def _sampled(
    maker: FeatureMaker,
    panel: Panel,
    cutoff_day: int,
    *,
    horizon_days: int,
    seed: int,
    settings: RowSettings,
    offset_of: Offset,
    progress: Progress,
) -> dict[int, TrainingRows]:
    known = panel.before(cutoff_day)
    window = max(horizon_days, settings.learn_days)
    origins = training_origins(known, cutoff_day, horizon_days=window, settings=settings)
    targets = _targets_worth_a_model(known, origins, window, settings)
    covered = {
        target: set(origins_covered(known, origins, cutoff_day=cutoff_day, horizon_days=window, target=target))
        for target in targets
    }
    share = min(settings.zero_share, settings.row_limit / max(1, len(origins) * known.cells))
    room = int(share * len(origins) * known.cells * 1.2) + known.cells
    gathered = {target: _Gathered.of(room, len(maker.names(target))) for target in targets}
    for step, origin in enumerate(origins if targets else []):
        progress(step / len(origins), "features")
        moment = maker.moment(panel, origin)
        counts = known.counts(origin, origin + window)
        for target in targets:
            if origin not in covered[target]:
                continue  # to learn from a gap in the data would be to learn that nothing happens
            rng = np.random.default_rng((seed, target, cutoff_day - origin))
            offset = offset_of(moment, target)
            chance = _chances(offset, share, settings)
            chosen = np.flatnonzero((counts[target] > 0) | (rng.random(known.cells) < chance))
            # Every cell with incidents, and some of the empty ones, that weigh for all of them.
            gathered[target].add(
                TrainingRows(
                    table=maker.table(moment, target, chosen),
                    # Incidents of a horizon, as often as the window holds it: the likelihood is that of the whole window.
                    counts=counts[target][chosen] * (horizon_days / window),
                    offset=np.log(offset[chosen]),
                    weight=np.where(counts[target][chosen] > 0, 1.0, 1.0 / chance[chosen]) * (window / horizon_days),
                    origin=np.full(len(chosen), origin, dtype=np.int32),
                )
            )
    return {target: gathered.pop(target).rows() for target in targets if covered[target]}


def training_origins(known: Panel, cutoff_day: int, *, horizon_days: int, settings: RowSettings) -> list[int]:
    """Origins whose days ahead lie wholly before the cut-off, with a burn-in of history before the first; the earliest first."""
    history = history_days(known, cutoff_day)
    burn_in = min(settings.burn_in_days, history // 2)
    step = WEEK_DAYS if horizon_days >= WEEK_DAYS else STEP_OF_SHORT_WINDOWS_D
    last = cutoff_day - horizon_days
    steps = max(0, (history - burn_in - horizon_days) // step + 1)
    return [last - step * back for back in range(min(steps, settings.origins_at_most) - 1, -1, -1)]


def _targets_worth_a_model(known: Panel, origins: list[int], window_days: int, settings: RowSettings) -> list[int]:
    if not origins:
        return []
    totals = known.counts(origins[0], origins[-1] + window_days).sum(axis=1)
    return [target for target, total in enumerate(totals) if total >= settings.least_incidents]


def _chances(expected: Float64, zero_share: float, settings: RowSettings) -> Float64:
    """Float64[cells]: the chance with which an empty cell is drawn; even unless `row_limit` presses.

    Then by the square root of what is expected there. An empty cell moves the trees by its expectation (the gradient of
    the Poisson loss), so most of a city's empty cells tell next to nothing; drawing by that size, with weights that
    undo it, keeps the loss unbiased at less variance (importance sampling; Katharopoulos and Fleuret 2018).
    """
    if zero_share >= settings.zero_share:
        return np.full(len(expected), zero_share)
    size = np.sqrt(expected)
    chance = zero_share * (settings.evenness + (1 - settings.evenness) * size / size.mean())
    for _ in range(ROUNDS_OF_FILLING):  # what is cut off at one goes to the others
        open_ = chance < 1
        missing = zero_share * len(chance) - np.minimum(chance, 1).sum()
        if missing < 1 or not open_.any():
            break
        chance = np.where(open_, chance * (1 + missing / chance[open_].sum()), 1.0)
    return np.asarray(np.minimum(chance, 1.0), dtype=np.float64)
