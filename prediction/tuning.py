"""Search for a learner's settings by Optuna, inside the training window only.

In: a panel, the day on which the training window ends, how to make a learner of settings, and what may be chosen. Out: the best
settings and the record of all trials. Each trial is fitted at the beginning of rolling folds, all of which end at the end day or
before, and scored on their weeks. The panel is cut at the end day first; nothing after it can be seen, let alone be scored.

Same inputs and seed give the same trials. A search that was broken off goes on where it stood: trials already made are told to
the sampler again in their order, without being fitted again. Sampler: tree-structured Parzen estimator (Bergstra et al. 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna

from prediction.errors import LookedAheadError, PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker, history_days
from prediction.learners import catalogue
from prediction.learners.base import LEAST_RATE, Learner, Progress, no_progress
from prediction.metrics import captured, ranking
from prediction.out_of_fold import SHORT_STEP_D
from prediction.panel import DAY_S, Panel

Float64 = npt.NDArray[np.float64]
Value = float | int | str | bool

OBJECTIVES = ("log_likelihood", "capture_rate")
HR5 = 2  # position of 5 % among the area percents
LEAST_TRAINING_D = 56


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `log`: evenly by their logarithm; whole numbers where both are."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of these values."""

    values: tuple[Value, ...]


Space = Mapping[str, Range | OneOf]


# What is worth searching of the catalogue's learners; the names are settings of `catalogue.make`.
SPACES: dict[str, Space] = {
    "count": {"days": Range(91, 1092, log=True)},
    "seasonal": {"season_weight": Range(1.0, 10.0, log=True)},
    "kde": {"sigma_m": Range(100.0, 600.0, log=True), "days": Range(91, 1092, log=True)},
    "ewkde": {"sigma_m": Range(100.0, 600.0, log=True), "half_life_d": Range(30.0, 960.0, log=True)},
    "lightgbm": {
        "leaves": Range(8, 48, log=True),
        "least_in_leaf": Range(50, 400, log=True),
        "least_expected_in_leaf": Range(5.0, 60.0, log=True),
        "l2": Range(1.0, 50.0, log=True),
        "feature_share": Range(0.1, 0.5),
        "learning_rate": Range(0.02, 0.08, log=True),
        "trees": Range(200, 700),
    },
}


@dataclass(frozen=True)
class TuningSettings:
    """`trials` in all; `folds` of `fold_weeks` each, the last of which ends at the end day; a fit at the start of each.

    `objective`: "log_likelihood" (per incident, summed over the categories) or "capture_rate" (at 5 %, mean of the categories).
    """

    trials: int = 20
    folds: int = 2
    fold_weeks: int = 13
    objective: str = "log_likelihood"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise PredictionError(f"There is no objective “{self.objective}”; choose one of: {', '.join(OBJECTIVES)}.")
        if min(self.trials, self.folds, self.fold_weeks) < 1:
            raise PredictionError("A search needs at least one trial, one fold and one week in a fold.")


@dataclass(frozen=True)
class Trial:
    """One choice of settings, its score (higher is better) and the scores of its folds, from the earliest on."""

    number: int
    settings: Mapping[str, Value]
    score: float
    folds: tuple[float, ...]


@dataclass(frozen=True)
class Tuned:
    """The best trial's settings, and the record of all; of equal ones the first."""

    settings: Mapping[str, Value]
    score: float
    trials: tuple[Trial, ...]


class ScoredBeyondEndError(LookedAheadError):
    """A fold was to be scored on weeks that end after the training window."""

    def __init__(self, end: str, days: int) -> None:
        super().__init__(end, 0)
        self.args = (f"A fold reaches {days} days beyond {end}, where the training window ends; score earlier weeks.",)


@dataclass(frozen=True)
class Fold:
    """Fitted at the first origin; windows of the learner's horizon from each origin on."""

    origins: tuple[int, ...]


def tune(
    panel: Panel,
    end_day: int,
    *,
    make: Callable[[Mapping[str, Value]], Learner],
    space: Space,
    settings: TuningSettings | None = None,
    done: Sequence[Trial] = (),
    on_trial: Callable[[Trial], None] | None = None,
    progress: Progress = no_progress,
) -> Tuned:
    """Search `space` for the settings under which `make(settings)` forecasts the folds before `end_day` best.

    done: trials of an earlier, broken-off search with the same arguments; on_trial: hears of each new trial, to keep it.
    Raises `PredictionError` where the history is too short or `done` belongs to another search.
    """
    settings = settings or TuningSettings()
    if not space:
        raise PredictionError("There is nothing to choose: name at least one setting and its range.")
    known = panel.before(end_day)
    sampler = optuna.samplers.TPESampler(seed=settings.seed % 2**32)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    trials: list[Trial] = []
    for number in range(settings.trials):
        progress(number / settings.trials, "tuning")
        asked = study.ask()
        chosen = _chosen(asked, space)
        if number < len(done):
            trial = _same(done[number], number, chosen)
        else:
            learner = make(chosen)
            scores = [
                score_fold(learner, known, fold, end_day=end_day, settings=settings)
                for fold in rolling_folds(known, end_day, learner.horizon_days, settings)
            ]
            trial = Trial(number, chosen, float(np.mean(scores)), tuple(scores))
        study.tell(asked, trial.score)
        trials.append(trial)
        if number >= len(done) and on_trial is not None:
            on_trial(trial)
    progress(1.0, "tuning")
    best = max(trials, key=lambda trial: (trial.score, -trial.number))
    return Tuned(dict(best.settings), best.score, tuple(trials))


def tune_learner(
    code: str,
    panel: Panel,
    end_day: int,
    *,
    maker: FeatureMaker,
    space: Space | None = None,
    fixed: Mapping[str, Value] | None = None,
    settings: TuningSettings | None = None,
    done: Sequence[Trial] = (),
    on_trial: Callable[[Trial], None] | None = None,
    progress: Progress = no_progress,
) -> Tuned:
    """`tune` for a learner of the catalogue at the maker's horizon: its entry of SPACES where no space is given.

    fixed: settings that are not searched (a smaller `row_limit` makes a search of trees quicker).
    """
    if space is None and code not in SPACES:
        raise PredictionError(f"Nothing is set down to search for the learner “{code}”; name the settings and their ranges.")

    def make(chosen: Mapping[str, Value]) -> Learner:
        return catalogue.make(code, maker, horizon_days=maker.horizon_days, settings={**(fixed or {}), **chosen})

    return tune(
        panel,
        end_day,
        make=make,
        space=SPACES[code] if space is None else space,
        settings=settings,
        done=done,
        on_trial=on_trial,
        progress=progress,
    )


def rolling_folds(panel: Panel, end_day: int, horizon_days: int, settings: TuningSettings) -> list[Fold]:
    """The folds, from the earliest on. Raises `PredictionError` where the history does not reach back far enough."""
    days = settings.fold_weeks * WEEK_DAYS
    needed = settings.folds * days + LEAST_TRAINING_D
    got = history_days(panel.before(end_day), end_day)
    if got < needed or days < horizon_days:
        raise PredictionError(
            f"{settings.folds} folds of {settings.fold_weeks} weeks need {needed} days of incidents before the end of the "
            f"training window, and windows of {horizon_days} days, but the data reach back {got} days. Ask for other folds."
        )
    step = max(horizon_days, SHORT_STEP_D)
    ends = [end_day - days * back for back in range(settings.folds - 1, -1, -1)]
    return [Fold(tuple(sorted(range(end - horizon_days, end - days - 1, -step)))) for end in ends]


def score_fold(learner: Learner, panel: Panel, fold: Fold, *, end_day: int, settings: TuningSettings) -> float:
    """Fit at the fold's first origin, forecast each window from what was known at its origin, and score.

    Raises `LookedAheadError` where a window, or what the panel holds, reaches beyond the end of the training window.
    """
    end = datetime.fromtimestamp(panel.anchor_s + end_day * DAY_S, UTC).isoformat()
    rows, days = int((panel.known_day >= end_day).sum()), fold.origins[-1] + learner.horizon_days - end_day
    if days > 0:
        raise ScoredBeyondEndError(end, days)
    if rows:
        raise LookedAheadError(end, rows)
    learner.fit(panel, fold.origins[0], seed=settings.seed)
    likelihood, caught, seen = 0.0, np.zeros(panel.categories), np.zeros(panel.categories)
    for step, origin in enumerate(fold.origins):
        rates = np.maximum(learner.rate(panel, origin)[:-1], LEAST_RATE)
        counts = panel.counts(origin, origin + learner.horizon_days)
        likelihood += float((counts * np.log(rates) - rates).sum())
        seen += counts.sum(axis=1)
        if settings.objective == "capture_rate":
            caught += _captured(rates, counts, (settings.seed, step))
    if seen.sum() == 0:
        return 0.0
    if settings.objective == "capture_rate":
        return float((caught[seen > 0] / seen[seen > 0]).mean())
    return likelihood / float(seen.sum())


def _captured(rates: Float64, counts: Float64, seed: tuple[int, int]) -> Float64:
    """Float64[categories]: incidents in the five percent of the cells with the highest rates."""
    out = []
    for category, (rate, count) in enumerate(zip(rates, counts, strict=True)):
        order = ranking(rate, np.random.default_rng((*seed, category)))
        out.append(captured(count, order)[HR5])
    return np.array(out, dtype=np.float64)


def _chosen(asked: optuna.trial.Trial, space: Space) -> dict[str, Value]:
    """What the sampler proposes, setting by setting in the order of their names."""
    out: dict[str, Value] = {}
    for name in sorted(space):
        allowed: Any = space[name]
        if isinstance(allowed, OneOf):
            picked: Any = asked.suggest_categorical(name, list(allowed.values))
            out[name] = picked
        elif isinstance(allowed.low, int) and isinstance(allowed.high, int):
            out[name] = asked.suggest_int(name, allowed.low, allowed.high, log=allowed.log)
        else:
            out[name] = asked.suggest_float(name, allowed.low, allowed.high, log=allowed.log)
    return out


def _same(trial: Trial, number: int, chosen: Mapping[str, Value]) -> Trial:
    """A trial made earlier, if it is the one that this search would make now."""
    if trial.number != number or dict(trial.settings) != dict(chosen):
        raise PredictionError(
            f"Trial {number} of the earlier search has other settings than this search would try; "
            "start again without it, or give the same space, seed and data."
        )
    return trial
