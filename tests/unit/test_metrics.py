"""Each measure against numbers worked out by hand or by adding up the definition; docs/methods/backtest.md holds the formulas."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from prediction import metrics
from prediction.metrics import Cover


def test_the_examples_in_the_documentation_of_the_measures_hold():
    found = doctest.testmod(metrics)
    assert found.attempted >= 18
    assert found.failed == 0


def test_capture_counts_the_first_cells_of_the_ranking():
    counts = np.zeros(100)
    counts[[3, 7, 50]] = [4, 2, 6]
    order = np.array([3, 7, *(cell for cell in range(100) if cell not in {3, 7})])
    assert metrics.captured(counts, order).tolist() == [4, 6, 6, 6, 6]


def test_pai_and_its_best_and_pei_of_one_window():
    counts = np.zeros(100)
    counts[[3, 7, 50]] = [4, 2, 6]
    cover = Cover(100)
    numbers, shares = cover.prefixes(np.arange(100))
    assert numbers.tolist() == [1, 2, 5, 10, 20]
    caught = np.cumsum(counts)[numbers - 1]
    most = cover.most(counts, shares)
    assert caught.tolist() == [0, 0, 4, 6, 6]
    assert most.tolist() == [6, 10, 12, 12, 12]
    assert metrics.pai(caught[2] / 12, shares[2]) == pytest.approx((4 / 12) / 0.05)
    assert caught[2] / most[2] == pytest.approx(1 / 3)


def test_areas_for_80_9_and_82_8_percent_count_cells_of_the_pooled_curve():
    curve = np.cumsum([500, 309, 18, 1, 172])  # 50, 80.9, 82.7, 82.8 and 100 %
    assert metrics.area_for_share(curve.astype(float), 0.809) == 40.0
    assert metrics.area_for_share(curve.astype(float), 0.828) == 80.0


def test_unequal_areas_are_covered_by_area_and_not_by_number():
    areas = np.array([1.0, 1.0, 8.0, 90.0])
    cover = Cover(4, areas)
    numbers, shares = cover.prefixes(np.array([0, 1, 2, 3]))
    assert shares.tolist() == pytest.approx([0.01, 0.02, 0.02, 0.1, 0.1])  # 5 % is nearer to 2 % than to 10 %
    assert numbers.tolist() == [1, 2, 2, 3, 3]
    counts = np.array([2.0, 3.0, 4.0, 9.0])
    assert cover.density(counts).tolist() == [2.0, 3.0, 0.5, 0.1]
    # The best 1 % is the second area; of the best 10 % nothing more can be had than all three small ones hold.
    assert cover.most(counts, shares).tolist() == pytest.approx([3.0, 5.0, 5.0, 9.0, 9.0])
    assert cover.by_area(counts, np.array([1, 0, 2, 3])).sum() == 18.0
    assert metrics.area_for_share(np.cumsum(cover.by_area(counts, np.array([1, 0, 2, 3]))), 0.5) == pytest.approx(10.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_auc_from_the_sorted_list_is_the_rank_auc(seed):
    rng = np.random.default_rng(seed)
    scores, counts = rng.integers(0, 6, 30).astype(float), rng.integers(0, 2, 30).astype(float)
    quick = metrics.auc_of_sorted(np.sort(scores)[::-1], scores[counts > 0])
    assert quick == pytest.approx(metrics.auc(scores, counts), nan_ok=True)


def test_poisson_likelihood_is_that_of_the_distribution():
    rates, counts = np.array([0.2, 1.5, 3.0]), np.array([0.0, 2.0, 3.0])
    assert metrics.poisson_log_likelihood(rates, counts) == pytest.approx(poisson.logpmf(counts, rates).sum())
    perfect = metrics.poisson_log_likelihood(np.array([1e-12, 2.0, 3.0]), counts)
    apart = 2 * (perfect - metrics.poisson_log_likelihood(rates, counts)) / 3
    assert metrics.poisson_deviance(rates, counts) == pytest.approx(apart, rel=1e-6)


def test_the_chance_of_one_is_that_of_the_distribution():
    rates = np.array([0.01, 0.7, 4.0])
    assert metrics.chance_of_one(rates) == pytest.approx(1 - poisson.pmf(0, rates))
    alpha = 0.4
    negative = 1 - nbinom.pmf(0, 1 / alpha, 1 / (1 + alpha * rates))
    assert metrics.chance_of_one(rates, alpha) == pytest.approx(negative)


def brute_crps(pmf, counts, upto=400):
    """Σ over whole numbers of (F(k) − 1[k ≥ y])², for whole counts the integral over each unit step."""
    k = np.arange(upto)
    return np.array([((np.cumsum(pmf(k, i)) - (k >= y)) ** 2).sum() for i, y in enumerate(counts)])


def test_crps_of_a_poisson_forecast_is_the_integral_of_its_definition():
    rates, counts = np.array([0.05, 0.05, 0.8, 2.5, 30.0, 7.0]), np.array([0.0, 1.0, 0.0, 4.0, 22.0, 7.0])
    assert metrics.crps_poisson(rates, counts) == pytest.approx(brute_crps(lambda k, i: poisson.pmf(k, rates[i]), counts))


def test_crps_of_a_count_that_is_a_fraction_lies_between_its_neighbours_as_the_definition_says():
    k, rate, count = np.arange(100), 1.3, 1.25
    steps = np.cumsum(poisson.pmf(k, rate))
    whole = int(count)
    exact = (steps[:whole] ** 2).sum() + (count - whole) * steps[whole] ** 2
    exact += (whole + 1 - count) * (1 - steps[whole]) ** 2 + ((1 - steps[whole + 1 :]) ** 2).sum()
    assert metrics.crps_poisson(np.array([rate]), np.array([count])) == pytest.approx(exact)


def test_crps_of_a_negative_binomial_forecast_is_the_integral_of_its_definition():
    rates, counts, alpha = np.array([0.05, 0.8, 2.5, 9.0]), np.array([1.0, 0.0, 4.0, 2.0]), 0.6
    found = metrics.crps_negative_binomial(rates, counts, alpha)
    sizes = 1 / alpha
    assert found == pytest.approx(brute_crps(lambda k, i: nbinom.pmf(k, sizes, sizes / (sizes + rates[i])), counts))
    near_poisson = metrics.crps_negative_binomial(rates, counts, 1e-3)
    assert near_poisson == pytest.approx(metrics.crps_poisson(rates, counts), rel=5e-3)


def test_crps_is_a_number_for_any_dispersion_and_rate():
    rates = np.array([1e-9, 1e-3, 1.0, 100.0, 1_000.0])
    for alpha in (1e-9, 1e-4, 1e-3, 1.0, 20.0):
        assert np.isfinite(metrics.crps_negative_binomial(rates, np.array([0.0, 1.0, 5.0, 200.0, 3.0]), alpha)).all()


def test_a_forecast_of_nothing_where_nothing_happens_is_perfect():
    assert metrics.crps_poisson(np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]
    assert metrics.brier(np.zeros(3), np.zeros(3)) == 0


def test_the_calls_of_a_forecast_are_those_of_the_best_expected_f1():
    chances = np.sort(np.random.default_rng(1).random(40) ** 3)[::-1]
    expected = [2 * chances[:k].sum() / (k + chances.sum()) for k in range(1, 41)]
    assert metrics.likeliest_calls(chances) == int(np.argmax(expected)) + 1
    assert metrics.likeliest_calls(np.zeros(5)) == 0


def test_f1_of_nothing_called_and_nothing_happened_is_not_a_number_to_show():
    assert metrics.f1(0, 0, 0) is None
    assert metrics.micro_f1([]) is None
    assert metrics.macro_f1([(0, 0, 0)]) is None


def test_wilson_intervals_hold_the_share_also_at_the_ends():
    assert metrics.wilson_interval(0, 50)[0] == 0
    assert metrics.wilson_interval(0, 50)[1] == pytest.approx(0.0713, abs=1e-4)
    assert metrics.wilson_interval(50, 50)[1] == 1
    assert metrics.wilson_interval(0, 0) == [0.0, 1.0]


def test_a_bootstrap_of_blocks_draws_whole_weeks():
    caught, all_ = np.array([1.0, 1.0, 9.0, 9.0]), np.array([10.0, 10.0, 10.0, 10.0])
    weeks = np.array([0, 0, 1, 1])
    blocks = metrics.block_sums(caught, weeks), metrics.block_sums(all_, weeks)
    assert blocks[0].tolist() == [2.0, 18.0]
    low, high = metrics.bootstrap_interval(*blocks, draws=2_000, rng=np.random.default_rng(1))
    assert (low, high) == (0.1, 0.9)  # with two blocks both of the same kind are drawn often
    nothing = metrics.bootstrap_interval(np.zeros(3), np.zeros(3), draws=10, rng=np.random.default_rng(1))
    assert np.isnan(nothing).all()


def test_a_p_value_is_small_where_nearly_all_draws_agree_and_never_zero():
    draws = np.random.default_rng(1).normal(1, 0.1, 2_000)
    assert metrics.p_values(draws) == pytest.approx(2 / 2_001)
    assert metrics.p_values(np.zeros(100)) == 1.0
