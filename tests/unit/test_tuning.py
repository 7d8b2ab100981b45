"""The search for settings: finds what is better, sees nothing beyond its end, repeats, and goes on where it was broken off."""

from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.errors import LookedAheadError, PredictionError
from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import with_all
from prediction.panel import DAY_S, Incidents, Panel
from prediction.tuning import SPACES, Fold, OneOf, Range, TuningSettings, rolling_folds, score_fold, tune, tune_learner

ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)
CELLS, DAYS = 200, 300
END = -30
SPACE = {"days": Range(7, 250, log=True), "floor": Range(0.001, 1.0, log=True), "kind": OneOf(("count", "even"))}
SHORT = TuningSettings(trials=12, folds=2, fold_weeks=4, seed=5)


class Count:
    """Counts of the last `days`, with a floor; or even rates."""

    name = "count"

    def __init__(self, settings, horizon_days=7):
        self.settings, self.horizon_days, self.read_until = settings, horizon_days, []

    def fit(self, panel, cutoff_day, *, seed, progress=None):
        self.read_until.append(int(panel.known_day.max()))

    def rate(self, panel, origin_day):
        days = self.settings["days"]
        counts = panel.before(origin_day).counts(origin_day - days, origin_day) / days * self.horizon_days
        if self.settings["kind"] == "even":
            counts = np.full_like(counts, counts.mean())
        return with_all(counts + self.settings["floor"] * counts.mean())


@pytest.fixture(scope="module")
def incidents():
    rng = np.random.default_rng(0)
    heat = rng.gamma(0.4, 1, CELLS)
    cell = rng.choice(CELLS, 4_000, p=heat / heat.sum()).astype(np.int32)
    start = int(ANCHOR.timestamp()) - rng.integers(1, DAYS * DAY_S, len(cell))
    return Incidents.at(cell, start, start, np.zeros(len(cell), dtype=np.int16))


@pytest.fixture(scope="module")
def panel(incidents):
    return panel_of(incidents)


def panel_of(incidents):
    return Panel.build(incidents, cells=CELLS, categories=1, anchor=ANCHOR)


@pytest.mark.parametrize("objective", ["log_likelihood", "capture_rate"])
def test_the_search_finds_that_long_counts_are_better_than_even_rates(panel, objective):
    settings = TuningSettings(trials=20, folds=2, fold_weeks=4, seed=5, objective=objective)
    tuned = tune(panel, END, make=Count, space=SPACE, settings=settings)
    assert tuned.settings["kind"] == "count"
    assert tuned.settings["days"] > 60
    assert tuned.score == max(trial.score for trial in tuned.trials)
    assert all(trial.score == pytest.approx(np.mean(trial.folds)) for trial in tuned.trials)
    assert len(tuned.trials) == 20


def test_the_same_search_makes_the_same_trials(panel):
    first, second = (tune(panel, END, make=Count, space=SPACE, settings=SHORT) for _ in range(2))
    assert first == second


def test_a_search_that_was_broken_off_goes_on_without_fitting_again(panel):
    whole = tune(panel, END, make=Count, space=SPACE, settings=SHORT)
    kept, made = [], []

    def broken(settings):
        if len(kept) == 5:
            raise KeyboardInterrupt
        return Count(settings)

    with pytest.raises(KeyboardInterrupt):
        tune(panel, END, make=broken, space=SPACE, settings=SHORT, on_trial=kept.append)
    again = tune(
        panel, END, make=lambda s: made.append(s) or Count(s), space=SPACE, settings=SHORT, done=kept, on_trial=kept.append
    )
    assert again == whole
    assert len(made) == 7
    assert tuple(kept) == whole.trials


def test_trials_of_another_search_are_refused(panel):
    other = tune(panel, END, make=Count, space=SPACE, settings=TuningSettings(trials=2, folds=2, fold_weeks=4, seed=6))
    with pytest.raises(PredictionError, match="Trial 0 of the earlier search has other settings"):
        tune(panel, END, make=Count, space=SPACE, settings=SHORT, done=other.trials)


def test_nothing_from_the_end_day_on_is_seen(incidents, panel):
    made = []
    tuned = tune(panel, END, make=lambda s: made.append(Count(s)) or made[-1], space=SPACE, settings=SHORT)
    assert max(day for learner in made for day in learner.read_until) < END
    late = incidents.end_s >= int(ANCHOR.timestamp()) + END * DAY_S
    altered = Incidents.at(np.where(late, 3, incidents.cell_index), incidents.start_s, incidents.end_s, incidents.category)
    assert tune(panel_of(altered), END, make=Count, space=SPACE, settings=SHORT) == tuned


def test_to_score_beyond_the_end_is_refused(panel):
    learner = Count({"days": 50, "floor": 0.1, "kind": "count"})
    with pytest.raises(LookedAheadError, match="incidents at or after 2026-01-31"):
        score_fold(learner, panel, Fold((-60, -53)), end_day=END, settings=SHORT)
    with pytest.raises(LookedAheadError, match="reaches 1 days beyond 2026-01-31"):
        score_fold(learner, panel.before(END), Fold((-43, -36)), end_day=END, settings=SHORT)
    assert learner.read_until == []


def test_folds_follow_one_another_and_end_at_the_end_day(panel):
    folds = rolling_folds(panel, END, 7, SHORT)
    assert [fold.origins for fold in folds] == [(-86, -79, -72, -65), (-58, -51, -44, -37)]
    assert [fold.origins[-1] for fold in rolling_folds(panel, END, 1, SHORT)] == [-59, -31]


def test_too_short_a_history_and_senseless_settings_are_refused_with_a_sentence(panel):
    with pytest.raises(PredictionError, match="4 folds of 13 weeks need 420 days"):
        tune(panel, END, make=Count, space=SPACE, settings=TuningSettings(folds=4))
    with pytest.raises(PredictionError, match="nothing to choose"):
        tune(panel, END, make=Count, space={}, settings=SHORT)
    with pytest.raises(PredictionError, match="no objective “luck”"):
        TuningSettings(objective="luck")
    with pytest.raises(PredictionError, match="at least one trial"):
        TuningSettings(trials=0)


@pytest.fixture(scope="module")
def maker():
    return FeatureMaker(Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 10)[:CELLS]), 1)


@pytest.mark.parametrize("code", list(SPACES))
def test_the_catalogues_learners_can_be_searched_as_they_are(panel, maker, code):
    fixed = {"row_limit": 3_000, "origins_at_most": 8} if code == "lightgbm" else {}
    one = TuningSettings(trials=2, folds=1, fold_weeks=2, seed=1)
    space = {**SPACES[code], "trees": Range(5, 10)} if code == "lightgbm" else None
    tuned = tune_learner(code, panel, END, maker=maker, space=space, fixed=fixed, settings=one)
    assert set(tuned.settings) == set(SPACES[code])
    assert tuned.trials[0].settings != tuned.trials[1].settings
    assert np.isfinite(tuned.score)


def test_a_learner_without_a_space_asks_for_one(panel, maker):
    with pytest.raises(PredictionError, match="Nothing is set down to search for the learner “eb”"):
        tune_learner("eb", panel, END, maker=maker)
