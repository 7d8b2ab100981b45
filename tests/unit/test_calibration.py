"""Calibration and uncertainty on made-up rates whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prediction.calibration import Calibration, CalibrationSettings, Curve, fit_calibration
from prediction.errors import PredictionError
from prediction.metrics import calibration_bands
from prediction.uncertainty import Dispersion, chance_of_any, fit_dispersion, interval, interval_of_sum, log_likelihood

LEARNT, TESTED, CELLS = 13, 26, 3_000


def made_up(bend, *, weekly=900, seed=1, noise=0.1, alpha=0.0):
    """Rates as a learner shows them (the truth, bent and jittered, totals kept) and counts drawn from the truth.

    Float64[weeks, 1, cells] each.
    """
    rng = np.random.default_rng(seed)
    truth = rng.gamma(0.5, 1, CELLS) + 0.005
    truth *= weekly / truth.sum()
    rates, counts = [], []
    for _ in range(LEARNT + TESTED):
        now = truth * np.exp(rng.normal(0, noise, CELLS))
        shown = bend(now)
        rates.append(shown / shown.sum() * now.sum())
        factor = rng.gamma(1 / alpha, alpha, CELLS) if alpha else 1.0
        counts.append(rng.poisson(now * factor))
    return np.array(rates)[:, np.newaxis], np.array(counts, dtype=float)[:, np.newaxis]


def band_ratios(rates, counts):
    return [called / seen for called, seen in calibration_bands(rates.ravel(), counts.ravel())]


def applied(calibration, rates):
    return np.stack([calibration.apply(week) for week in rates])


def flat_bottom(rates):
    """The known defect: quiet cells are called livelier than they are."""
    return rates + 0.35 * np.median(rates) * np.exp(-rates / np.median(rates))


def test_a_lowest_band_called_twice_too_lively_is_mended_on_weeks_not_seen():
    rates, counts = made_up(flat_bottom, weekly=3_000)
    before = band_ratios(rates[LEARNT:], counts[LEARNT:])
    calibration = fit_calibration(rates[:LEARNT], counts[:LEARNT])
    after = band_ratios(applied(calibration, rates[LEARNT:]), counts[LEARNT:])
    assert before[0] > 2
    assert all(0.9 <= ratio <= 1.1 for ratio in after)
    assert calibration.curves[0].kind == "isotonic"


def test_a_power_of_the_rates_is_found_and_undone():
    rates, counts = made_up(lambda rate: rate**0.6, weekly=3_000)
    calibration = fit_calibration(rates[:LEARNT], counts[:LEARNT], CalibrationSettings(gain=-50.0))
    assert calibration.curves[0].kind == "power"  # the isotonic map is as good, so it is favoured here
    assert calibration.curves[0].slope == pytest.approx(1 / 0.6, rel=0.06)  # a little less, because of the jitter
    assert all(0.88 <= ratio <= 1.12 for ratio in band_ratios(applied(calibration, rates[LEARNT:]), counts[LEARNT:]))


def test_rates_that_are_right_are_left_alone():
    rates, counts = made_up(lambda rate: rate)
    calibration = fit_calibration(rates[:LEARNT], counts[:LEARNT])
    assert calibration.apply(rates[-1]) == pytest.approx(rates[-1], rel=0.1)


def test_a_steady_excess_of_the_total_is_mended_and_a_passing_one_is_not():
    rates, counts = made_up(lambda rate: rate)
    steady = fit_calibration(1.4 * rates[:LEARNT], counts[:LEARNT])
    assert steady.curves[0].total == pytest.approx(1 / 1.4, rel=0.02)
    passing = rates.copy()
    passing[2:6] *= 2.0
    assert fit_calibration(passing[:LEARNT], counts[:LEARNT]).curves[0].total == 1.0


def test_a_season_in_the_weeks_held_out_does_not_move_the_total_of_the_weeks_to_come():
    rates, counts = made_up(lambda rate: rate)
    assert fit_calibration(1.12 * rates[:LEARNT], counts[:LEARNT]).curves[0].total == 1.0


def test_cells_that_a_learner_calls_impossible_get_what_was_seen_in_such_cells():
    rates, counts = made_up(lambda rate: rate, noise=0.0)
    low = rates < np.quantile(rates, 0.2)
    calibration = fit_calibration(np.where(low, 0.0, rates)[:LEARNT], counts[:LEARNT])
    after = applied(calibration, np.where(low, 0.0, rates)[LEARNT:])
    assert after[low[LEARNT:]].sum() == pytest.approx(counts[LEARNT:][low[LEARNT:]].sum(), rel=0.25)


def test_each_category_has_a_map_of_its_own_and_a_rare_one_none():
    bent, counts = made_up(flat_bottom)
    rare, few = made_up(lambda rate: rate, weekly=3, seed=2)
    calibration = fit_calibration(np.concatenate([bent, rare], 1)[:LEARNT], np.concatenate([counts, few], 1)[:LEARNT])
    assert [curve.kind for curve in calibration.curves] == ["isotonic", "kept"]
    assert calibration.apply(np.vstack([bent[-1], rare[-1]]))[1] == pytest.approx(rare[-1, 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.sampled_from([flat_bottom, np.sqrt, np.square]))
def test_calibration_never_changes_the_order_of_the_cells(seed, bend):
    rates, counts = made_up(bend, seed=seed)
    calibration = fit_calibration(rates[:LEARNT], counts[:LEARNT])
    week = np.sort(rates[-1, 0])
    assert np.all(np.diff(calibration.apply(week[np.newaxis])[0])[np.diff(week) > 1e-9 * week[1:]] > 0)


def test_the_total_of_the_city_stays_the_learners_whatever_the_shape():
    curve = Curve("isotonic", (-4.0, -2.0), (-6.0, -1.5), 1.0, 1.1)
    rates = np.random.default_rng(0).gamma(0.5, 0.2, 500)
    assert np.exp(curve.log_rates(np.log(rates))).sum() == pytest.approx(1.1 * rates.sum())


def test_calibration_is_plain_values_and_back():
    rates, counts = made_up(flat_bottom, alpha=0.5)
    calibration = fit_calibration(rates[:LEARNT], counts[:LEARNT])
    assert Calibration.from_plain(calibration.to_plain()) == calibration


def test_arrays_that_do_not_fit_are_refused_with_a_sentence():
    with pytest.raises(PredictionError, match="one shape"):
        fit_calibration(np.ones((3, 1, 5)), np.ones((3, 2, 5)))
    with pytest.raises(PredictionError, match="knows 1 categories, but rates of 2"):
        Calibration.none(1).apply(np.ones((2, 5)))


@pytest.mark.parametrize("weeks", [0, 1])
def test_without_two_windows_nothing_is_changed(weeks):
    calibration = fit_calibration(np.ones((weeks, 2, 5)), np.ones((weeks, 2, 5)))
    assert calibration.apply(np.full((2, 5), 0.3)) == pytest.approx(0.3)


# --- dispersion and intervals ---------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.3, 1.5])
def test_the_dispersion_of_negative_binomial_counts_is_found(alpha):
    rates, counts = made_up(lambda rate: rate, alpha=alpha, noise=0.0)
    found = fit_dispersion(rates[:, 0], counts[:, 0])
    assert found.cell == pytest.approx(alpha, rel=0.1)
    assert found.level < 0.002


def test_poisson_counts_have_hardly_any_dispersion_and_few_counts_none():
    rates, counts = made_up(lambda rate: rate, noise=0.0)
    assert fit_dispersion(rates[:, 0], counts[:, 0]).cell < 0.02
    assert fit_dispersion(rates[:, 0] * 0 + 1e-5, counts[:, 0] * 0) == Dispersion()


def test_what_all_cells_of_a_week_share_shows_in_the_level():
    rates, _ = made_up(lambda rate: rate, noise=0.0)
    rng = np.random.default_rng(4)
    shared = rng.gamma(25, 1 / 25, len(rates))[:, np.newaxis]  # variance 0.04
    found = fit_dispersion(rates[:, 0], rng.poisson(rates[:, 0] * shared).astype(float))
    assert found.level == pytest.approx(0.04, rel=0.4)


@pytest.mark.parametrize("alpha", [0.0, 0.8])
def test_nine_in_ten_counts_lie_in_the_interval_of_nine_tenths(alpha):
    rng = np.random.default_rng(8)
    rates = rng.gamma(2, 4, 20_000)
    factor = rng.gamma(1 / alpha, alpha, len(rates)) if alpha else 1.0
    counts = rng.poisson(rates * factor)
    low, high = interval(rates, Dispersion(alpha), level=0.9)
    assert 0.9 <= np.mean((counts >= low) & (counts <= high)) <= 0.96  # whole numbers: at least the level


def test_the_interval_of_a_sum_is_narrower_than_the_sum_of_intervals_and_holds_what_it_says():
    rng = np.random.default_rng(9)
    rates, found = rng.gamma(0.5, 0.4, 400), Dispersion(0.6, 0.02)
    draws = [rng.poisson(rates * rng.gamma(1 / 0.58, 0.58, 400) * rng.gamma(50, 1 / 50)).sum() for _ in range(2_000)]
    low, high = interval_of_sum(rates, found)
    assert 0.87 <= np.mean((np.array(draws) >= low) & (np.array(draws) <= high)) <= 0.94
    each_low, each_high = interval(rates, found)
    assert high - low < (each_high - each_low).sum()
    assert interval_of_sum(np.zeros(3), found) == (0, 0)


def test_one_rate_gives_one_interval_and_nothing_expected_gives_nothing():
    low, high = interval(0.0, Dispersion(1.0))
    assert (low.shape, int(low), int(high)) == ((), 0, 0)
    low, high = interval(4.0, Dispersion(), level=0.9)
    assert (int(low), int(high)) == (1, 8)


def test_overdispersion_makes_at_least_one_less_likely():
    assert chance_of_any(1.0) == pytest.approx(1 - np.exp(-1))
    assert chance_of_any(1.0, Dispersion(1.0)) == pytest.approx(0.5)
    assert log_likelihood(np.ones(1), np.zeros(1), 1.0) == pytest.approx(np.log(0.5))


def test_senseless_levels_and_dispersions_are_refused():
    with pytest.raises(PredictionError, match="between 0 and 1; found 90"):
        interval(1.0, Dispersion(), level=90)
    with pytest.raises(PredictionError, match="from 0 on; found -1"):
        Dispersion(-1.0)
