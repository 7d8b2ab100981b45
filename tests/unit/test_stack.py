"""The stack and calibrated learners on a small made-up city: weights, causality, bytes and reasons."""

from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.calibration import Calibration
from prediction.errors import PredictionError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import NotFittedError, contributions, log_of, pack, with_all
from prediction.learners.calibrated import Calibrated, calibrated, calibrated_stack
from prediction.learners.stack import Mixture, Stack, StackSettings, product_weights, sum_weights
from prediction.out_of_fold import FoldSettings, fold_origins, play_fold
from prediction.panel import DAY_S, Incidents, Panel

ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)
ANCHOR_S = int(ANCHOR.timestamp())
CELLS, CATEGORIES, DAYS = 300, 2, 420
RNG = np.random.default_rng(3)
TRUTH = RNG.gamma(0.6, 1, (CATEGORIES, CELLS)) + 0.01
TRUTH *= np.array([[90.0], [30.0]]) / TRUTH.sum(axis=1, keepdims=True)  # a week


class Known:
    """A learner that says the same rates every week; remembers at which day it was fitted."""

    def __init__(self, name, rates, horizon_days=7):
        self.name, self.rates, self.horizon_days, self.fits = name, rates, horizon_days, []

    def fit(self, panel, cutoff_day, *, seed, progress=None):
        assert not np.any(panel.known_day >= 0)
        self.fits.append(cutoff_day)

    def rate(self, panel, origin_day):
        return with_all(self.rates * self.horizon_days / 7)

    def explain(self, panel, origin_day, target):
        logs = log_of(self.rate(panel, origin_day)[target])
        return contributions(logs, {"here_long": logs / 2, "place": logs / 7})

    def save(self):
        return pack(self.name, {})

    def load(self, content):
        pass


def made_up(truth=TRUTH, *, days=DAYS, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(truth[:, :, np.newaxis] / 7, (*truth.shape, days))
    category, cell, day = (np.repeat(axis, counts.ravel()) for axis in np.unravel_index(np.arange(counts.size), counts.shape))
    start = ANCHOR_S - (day + 1) * DAY_S + 3_600
    return Incidents.at(cell.astype(np.int32), start, start, category.astype(np.int16))


def panel_of(incidents):
    return Panel.build(incidents, cells=CELLS, categories=CATEGORIES, anchor=ANCHOR)


@pytest.fixture(scope="module")
def panel():
    return panel_of(made_up())


def noisy(spread, seed):
    rates = TRUTH * np.exp(np.random.default_rng(seed).normal(0, spread, TRUTH.shape))
    return rates * TRUTH.sum(axis=1, keepdims=True) / rates.sum(axis=1, keepdims=True)


def even():
    return np.full_like(TRUTH, 1.0) * TRUTH.mean(axis=1, keepdims=True)


def fitted(panel, *members, settings=None):
    stack = Stack([Known(f"m{i}", rates) for i, rates in enumerate(members)], settings)
    stack.fit(panel, 0, seed=1)
    return stack


# --- weights -------------------------------------------------------------------------------------


def test_each_category_leans_on_the_member_that_knows_it(panel):
    first, second = even(), even()
    first[0], second[1] = TRUTH[0], TRUTH[1]
    stack = fitted(panel, first, second)
    by_category = [np.array(mixture.weights) for mixture in stack.mixtures_]
    assert by_category[0][0] > 0.9
    assert by_category[1][1] > 0.75  # drawn a little to those of both
    assert all(weights.sum() == pytest.approx(1) and np.all(weights >= 0) for weights in by_category)


def test_two_noisy_members_together_are_better_than_each(panel):
    members = [noisy(0.8, 1), noisy(0.8, 2)]
    stack = fitted(panel, *members)
    error = [np.abs(np.log(rates[0] / TRUTH[0])).mean() for rates in (*members, stack.rate(panel, 0))]
    assert error[2] < 0.8 * min(error[:2])
    assert stack.mixtures_[0].kind == "product"  # the noise is in the log, so its mean is what helps


def test_members_that_each_know_half_of_the_city_are_added_up(panel):
    west, east = TRUTH * 2, TRUTH * 2
    west, east = west.copy(), east.copy()
    west[:, CELLS // 2 :] = 1e-6
    east[:, : CELLS // 2] = 1e-6
    stack = fitted(panel, west, east)
    assert {mixture.kind for mixture in stack.mixtures_} == {"sum"}
    assert stack.rate(panel, 0)[:-1] == pytest.approx(TRUTH, rel=0.25)


def test_expectation_maximisation_never_loses_likelihood_and_ends_at_the_top():
    rng = np.random.default_rng(5)
    rates = rng.gamma(1, 1, (3, 4_000))
    counts = rng.poisson(np.array([0.2, 0.5, 0.3]) @ rates)
    held, nothing = counts > 0, np.zeros(3)

    def likelihood(weights):
        return float((counts * np.log(weights @ rates)).sum() - (weights @ rates).sum())

    weights = sum_weights((rates[:, held], counts[held].astype(float)), rates.sum(axis=1), nothing)
    assert weights == pytest.approx([0.2, 0.5, 0.3], abs=0.06)
    for other in rng.dirichlet(np.ones(3), 200):
        assert likelihood(0.999 * weights + 0.001 * other) <= likelihood(weights) + 1e-6


def test_the_weights_of_the_product_are_the_most_likely_ones():
    rng = np.random.default_rng(6)
    logs = rng.normal(0, 1, (3, 4, 2_000)).astype(np.float32)
    mean = np.exp(np.tensordot([0.6, 0.4, 0.0], logs, 1))
    counts = rng.poisson(mean).astype(np.float32)
    assert product_weights(logs, counts, np.full(3, 1e-3)) == pytest.approx([0.6, 0.4, 0.0], abs=0.04)


def test_a_rare_category_takes_the_weights_of_all(panel):
    thin = TRUTH * np.array([[1.0], [1e-3]])
    stack = Stack([Known("good", thin), Known("flat", even() * np.array([[1.0], [1e-3]]))])
    stack.fit(panel_of(made_up(thin)), 0, seed=1)
    often, rare = (np.array(mixture.weights) for mixture in stack.mixtures_)
    assert rare == pytest.approx(often, abs=0.1)


def test_without_history_the_weights_are_even():
    stack = fitted(panel_of(made_up(days=20)), TRUTH, even())
    assert stack.mixtures_ == (Mixture("sum", (0.5, 0.5)),) * 2


def test_a_member_that_calls_a_cell_impossible_is_not_believed(panel):
    wrong = TRUTH.copy()
    wrong[:, :100] = 0.0
    stack = fitted(panel, wrong, TRUTH)
    assert np.all(stack.rate(panel, 0) > 0)
    assert np.all(np.isfinite(stack.explain(panel, 0, 0)))


# --- the fold ------------------------------------------------------------------------------------


def test_the_fold_ends_at_the_cutoff_and_its_learners_are_fitted_before_it(panel):
    learner = Known("m", TRUTH)
    fold = play_fold([learner], panel, -14, settings=FoldSettings(weeks=5), seed=0)
    assert fold.origins == (-49, -42, -35, -28, -21)
    assert learner.fits == [-49]
    assert fold.counts[0].sum() == panel.counts(-49, -42).sum()


@pytest.mark.parametrize(
    ("horizon", "expected"), [(1, [-13, -7, -1]), (7, [-14, -7]), (28, [])], ids=["day", "week", "four weeks"]
)
def test_windows_of_the_fold_do_not_overlap_and_days_of_the_week_take_turns(panel, horizon, expected):
    assert list(fold_origins(panel, 0, horizon, FoldSettings(weeks=2))) == expected


def test_a_short_history_gives_up_a_quarter_of_its_weeks_at_most():
    short = panel_of(made_up(days=84))
    assert len(fold_origins(short, 0, 7, FoldSettings())) == 3
    assert fold_origins(panel_of(made_up(days=20)), 0, 7, FoldSettings()) == ()


# --- one contract --------------------------------------------------------------------------------


def four():
    members = [Known("a", noisy(0.5, 1)), Known("b", noisy(0.5, 2)), Known("c", even())]
    return Calibrated(Stack(members, StackSettings(folds=FoldSettings(weeks=8))))


def test_reasons_add_up_to_the_log_of_the_rate_for_each_category_and_for_all(panel):
    for kind in ("sum", "product"):
        learner = four()
        learner.fit(panel, 0, seed=1)
        learner.inner.mixtures_ = (Mixture(kind, (0.2, 0.5, 0.3)),) * 2
        rates = learner.rate(panel, 0)
        assert rates[-1] == pytest.approx(rates[:-1].sum(axis=0))
        for target in range(3):
            reasons = learner.explain(panel, 0, target)
            assert reasons.shape == (CELLS, len(GROUPS))
            assert reasons.sum(axis=1) == pytest.approx(np.log(rates[target]), abs=1e-9)


def test_saved_state_gives_the_same_rates_and_the_same_bytes(panel):
    learner, again, empty = four(), four(), four()
    learner.fit(panel, 0, seed=1)
    again.fit(panel, 0, seed=1)
    assert learner.save() == again.save()
    empty.load(learner.save())
    assert empty.rate(panel, 0).tobytes() == learner.rate(panel, 0).tobytes()
    assert empty.save() == learner.save()


def test_a_stack_of_other_members_is_refused(panel):
    stack = fitted(panel, TRUTH, even())
    with pytest.raises(PredictionError, match="made of m0, m1, this one of x"):
        Stack([Known("x", TRUTH)]).load(stack.save())


def test_members_of_different_horizons_are_refused_and_so_is_asking_before_learning(panel):
    with pytest.raises(PredictionError, match="one horizon"):
        Stack([Known("a", TRUTH), Known("b", TRUTH, horizon_days=1)])
    with pytest.raises(NotFittedError):
        four().rate(panel, 0)
    with pytest.raises(NotFittedError):
        four().save()


def test_everything_from_the_cutoff_on_changes_neither_weights_nor_calibration():
    cutoff = -35
    incidents = made_up()
    late = incidents.end_s >= ANCHOR_S + cutoff * DAY_S
    cell = np.where(late, 7, incidents.cell_index).astype(np.int32)
    altered = Incidents.at(cell, incidents.start_s, incidents.end_s, np.where(late, 1, incidents.category).astype(np.int16))
    states = []
    for version in (incidents, altered, incidents.take(~late)):
        learner = four()
        learner.fit(panel_of(version), cutoff, seed=1)
        states.append((learner.save(), learner.rate(panel_of(version), cutoff).tobytes()))
    assert states[0] == states[1] == states[2]


def test_progress_rises_to_one(panel):
    seen = []
    four().fit(panel, 0, seed=1, progress=lambda fraction, step: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


# --- with the learners of the catalogue ----------------------------------------------------------


@pytest.fixture(scope="module")
def maker():
    grid = Grid.from_h3(np.array(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 10))[:CELLS])
    return FeatureMaker(grid, CATEGORIES)


QUICK = {"lightgbm": {"trees": 20, "least_in_leaf": 40, "learning_rate": 0.1, "origins_at_most": 20}}


def test_a_stack_of_trees_and_counts_forecasts_explains_and_repeats(maker, panel):
    states = []
    for _ in range(2):
        learner = calibrated_stack(maker, members=("lightgbm", "seasonal", "ewkde", "count"), settings=QUICK)
        learner.fit(panel, 0, seed=3)
        states.append(learner.save())
    assert states[0] == states[1]
    rates = learner.rate(panel, 0)
    assert rates[:2].sum(axis=1) == pytest.approx([90, 30], rel=0.2)
    assert np.corrcoef(rates[0], TRUTH[0])[0, 1] > 0.9
    assert learner.explain(panel, 0, 0).sum(axis=1) == pytest.approx(np.log(rates[0]), abs=1e-6)
    assert learner.calibration_.windows == 13


def test_one_learner_calibrated_speaks_of_its_horizon(maker, panel):
    learner = calibrated("count", maker, horizon_days=1)
    learner.fit(panel, 0, seed=3)
    assert learner.rate(panel, 0)[-1].sum() == pytest.approx(120 / 7, rel=0.1)
    assert isinstance(learner.calibration_, Calibration)


def test_a_stack_within_itself_is_refused(maker):
    with pytest.raises(PredictionError, match="member of itself"):
        calibrated_stack(maker, members=("count", "stack"))


@pytest.mark.parametrize(("horizon", "windows"), [(1, 13), (28, 3)], ids=["day", "four weeks"])
def test_a_stack_learns_weights_and_calibration_for_its_own_horizon(maker, panel, horizon, windows):
    grid_maker = FeatureMaker(maker.grid, CATEGORIES, horizon_days=horizon)
    learner = calibrated_stack(grid_maker, horizon_days=horizon, members=("lightgbm", "eb", "count"), settings=QUICK)
    learner.fit(panel, 0, seed=3)
    assert learner.horizon_days == horizon
    assert learner.calibration_.windows == windows
    assert learner.rate(panel, 0)[-1].sum() == pytest.approx(120 / 7 * horizon, rel=0.15)
    assert len(learner.dispersion_) == CATEGORIES + 1
