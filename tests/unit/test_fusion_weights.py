"""Learning what an excess means, and putting alarms into order."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from prediction.errors import PredictionError
from prediction.fusion.alarms import Alarms, rank
from prediction.fusion.trial import held_out_trial
from prediction.fusion.weights import History, LiveWeights, centre_of, learn_weights, log_likelihoods, prior_weights

CATEGORIES, FACTORS = ("theft", "violence"), ("crowding", "fight", "scream")
DAY_H = 24


def history_of(weights, *, hours=720, cells=400, rate=0.01, seed=1, level=1.0):
    """Hours in which a tenth of the cells have an excess of each factor, and incidents that follow the weights."""
    rng = np.random.default_rng(seed)
    excess, rates, counts, hour, rest_rates, rest_counts = [], [], [], [], [], []
    for number in range(hours):
        x = np.where(rng.random((cells, 3)) < 0.1, rng.normal(0.4, 1.0, (cells, 3)).clip(-3, 3), 0.0)
        plain = rng.gamma(1, rate, (cells, 2))
        happened = rng.poisson(level * plain * np.exp(x @ np.asarray(weights).T))
        row = x.any(axis=1)
        excess.append(x[row])
        rates.append(plain[row])
        counts.append(happened[row])
        hour.append(np.full(row.sum(), number))
        rest_rates.append(plain[~row].sum(axis=0))
        rest_counts.append(happened[~row].sum(axis=0))
    return History(
        CATEGORIES,
        FACTORS,
        hours=np.arange(hours) * 3_600,
        hour=np.concatenate(hour),
        excess=csr_array(np.concatenate(excess)),
        rates=np.concatenate(rates),
        counts=np.concatenate(counts).astype(float),
        rest_rates=np.stack(rest_rates),
        rest_counts=np.stack(rest_counts).astype(float),
    )


NOTHING = prior_weights(CATEGORIES, FACTORS)


def test_true_weights_lie_within_the_intervals_and_zeros_are_shrunk_to_nothing():
    truth = np.array([[0.5, 0.0, 0.0], [0.3, 0.9, 0.0]])
    learnt = learn_weights(NOTHING, history_of(truth))
    low, high = learnt.interval(2.6)
    assert np.all((low < truth) & (truth < high))
    assert np.abs(learnt.mean[:, 2]).max() < 0.1
    assert learnt.mean[1, 1] == pytest.approx(0.9, abs=0.1)


def test_the_95_percent_intervals_hold_the_truth_about_19_times_in_20():
    truth = np.array([[0.4, -0.2, 0.0], [0.2, 0.6, 0.1]])
    held = []
    for seed in range(12):
        low, high = learn_weights(NOTHING, history_of(truth, hours=300, seed=seed)).interval()
        held.append((low < truth) & (truth < high))
    assert 0.85 <= np.mean(held) <= 1.0


def test_without_meaning_the_weights_stay_at_nothing():
    learnt = learn_weights(NOTHING, history_of(np.zeros((2, 3)), seed=5))
    assert learnt.scale <= 0.03
    assert np.abs(learnt.mean).max() < 0.05


def test_a_plain_forecast_that_is_off_in_total_does_not_bend_the_weights():
    truth = np.array([[0.5, 0.0, 0.0], [0.0, 0.7, 0.0]])
    right, off = (learn_weights(NOTHING, history_of(truth, seed=6, level=level)) for level in (1.0, 1.4))
    assert off.mean == pytest.approx(right.mean, abs=0.12)
    assert off.mean[1, 1] > 0.55


def test_the_centre_keeps_the_expected_total():
    history = history_of(np.zeros((2, 3)), seed=7)
    mean = np.array([[0.5, 0.0, -0.3], [0.0, 0.9, 0.2]])
    centre = centre_of(mean, history)
    lifted = (history.rates * np.exp(history.excess @ mean.T + centre)).sum(axis=0)
    lifted += (history.rest_rates * np.exp(centre)).sum(axis=0)
    assert lifted == pytest.approx(history.rates.sum(axis=0) + history.rest_rates.sum(axis=0))


def test_what_one_category_shows_is_believed_of_another_with_little_data():
    truth = np.array([[0.8, 0.0, 0.0], [0.8, 0.0, 0.0]])
    history = history_of(truth, seed=8)
    scarce = np.array([1.0, 0.02])
    rng = np.random.default_rng(9)
    thin = History(
        CATEGORIES,
        FACTORS,
        history.hours,
        history.hour,
        history.excess,
        history.rates * scarce,
        np.column_stack([history.counts[:, 0], rng.binomial(history.counts[:, 1].astype(int), 0.02)]),
        history.rest_rates * scarce,
        np.column_stack([history.rest_counts[:, 0], rng.binomial(history.rest_counts[:, 1].astype(int), 0.02)]),
    )
    learnt = learn_weights(NOTHING, thin)
    assert 0.25 < learnt.mean[1, 0] <= 0.95
    assert learnt.sd[1, 0] > learnt.sd[0, 0]


def test_an_empty_history_gives_back_the_prior():
    history = history_of(np.zeros((2, 3)), hours=2, rate=0.0)
    prior = prior_weights(CATEGORIES, FACTORS, log_ratio=np.full((2, 3), 0.8), sd=np.full((2, 3), 0.2))
    assert learn_weights(prior, history) is prior


def test_a_loose_ruling_says_little_and_a_silent_one_nothing():
    prior = prior_weights(CATEGORIES, FACTORS, log_ratio=[[1.2, 1.2, np.nan]] * 2, sd=[[0.1, 3.0, np.nan]] * 2)
    assert prior.mean[0, 0] == pytest.approx(0.3, rel=0.05)
    assert 0 < prior.mean[0, 1] < 0.05
    assert prior.mean[0, 2] == 0
    assert prior.sd[0, 1] > prior.sd[0, 0]


def test_learnt_weights_win_their_trial_only_where_there_is_something_to_learn():
    truth = np.array([[0.5, 0.0, 0.0], [0.0, 0.7, 0.0]])
    useful = held_out_trial(NOTHING, NOTHING, history_of(truth), share=0.25, rng=np.random.default_rng(1))
    assert useful.is_better
    assert useful.low < useful.gain < useful.high
    wrong = LiveWeights(CATEGORIES, FACTORS, -truth, np.ones((2, 3)), np.zeros(2))
    against_wrong = held_out_trial(NOTHING, wrong, history_of(truth), share=0.25, rng=np.random.default_rng(1))
    assert against_wrong.gain > useful.gain
    noise = held_out_trial(NOTHING, NOTHING, history_of(np.zeros((2, 3)), seed=3), share=0.25, rng=np.random.default_rng(1))
    assert not noise.is_better
    assert noise.gain > -0.001


def test_the_plain_forecast_gains_nothing_over_itself():
    history = history_of(np.zeros((2, 3)), hours=30)
    assert not log_likelihoods(None, history).any()
    assert not log_likelihoods(NOTHING, history).any()


def test_weights_for_other_lists_keep_what_is_known_of_each():
    weights = LiveWeights(CATEGORIES, FACTORS, np.arange(6.0).reshape(2, 3), np.full((2, 3), 0.1), np.array([0.1, 0.2]))
    other = weights.reordered(("violence", "arson"), ("scream", "glass", "crowding"))
    assert other.mean.tolist() == [[5.0, 0.0, 3.0], [0.0, 0.0, 0.0]]
    assert other.centre.tolist() == [0.2, 0.0]
    assert other.sd[1, 1] == 0.15


def test_arrays_that_do_not_fit_are_refused():
    history = history_of(np.zeros((2, 3)), hours=5)
    with pytest.raises(PredictionError, match="different categories"):
        learn_weights(prior_weights(("theft",), FACTORS), history)
    with pytest.raises(PredictionError, match="finite"):
        LiveWeights(CATEGORIES, FACTORS, np.full((2, 3), np.nan), np.ones((2, 3)), np.zeros(2))
    with pytest.raises(PredictionError, match="cannot be parted"):
        held_out_trial(NOTHING, NOTHING, history.between(0, 1), share=0.25, rng=np.random.default_rng(1))


# --- Alarms ---------------------------------------------------------------------------------------
def alarms_of(rows):
    at, lon, lat, cell, factor, confidence = (np.array(column) for column in zip(*rows, strict=True))
    return Alarms(at.astype(float), lon.astype(float), lat.astype(float), cell, factor, confidence.astype(float))


def test_the_same_alarm_ranks_higher_where_crime_is_likely_and_where_its_factor_speaks_of_it():
    rates = np.array([[0.1, 0.001, 0.1], [0.1, 0.001, 0.1]], dtype=np.float32)
    weights = LiveWeights(CATEGORIES, FACTORS, np.array([[0.0, 0, 0], [0.0, 1.0, 0]]), np.ones((2, 3)), np.zeros(2))
    place = (127.0, 37.5)
    alarms = alarms_of([(0, *place, 0, 0, 0.9), (1, *place, 1, 0, 0.9), (2, *place, 2, 1, 0.9), (3, *place, -1, 1, 1.0)])
    ranked = rank(alarms, rates, weights)
    assert ranked.order.tolist() == [2, 0, 1, 3]
    assert ranked.score[0] == pytest.approx(0.2 * 0.9)
    assert ranked.score[2] == pytest.approx((0.1 + 0.1 * np.exp(2)) * 0.9)
    assert ranked.category.tolist()[2:] == [1, -1]


def test_no_alarms_have_no_order():
    none = Alarms(*(np.zeros(0) for _ in range(3)), np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0))
    assert rank(none, np.zeros((1, 1), dtype=np.float32)).order.size == 0
