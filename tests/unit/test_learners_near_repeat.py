"""The near-repeat fit finds the parameters that incidents were simulated with, and says how sure it is."""

import numpy as np
import pytest
from scipy import sparse

from prediction.errors import PredictionError
from prediction.learners.near_repeat import EtasFit, excited_at, fit_etas, without_bias

DAYS = 730.0


def simulated(rng, background, *, theta, omega, days=DAYS):
    """Cells and days of a near-repeat process: background incidents, and generations of those that they set off."""
    number = rng.poisson(background * days)
    cell = np.repeat(np.arange(len(background)), number)
    day = rng.random(len(cell)) * days
    cells, whens = [], []
    while len(cell):
        cells.append(cell)
        whens.append(day)
        born = rng.poisson(theta, len(cell))
        later = np.repeat(day, born) + rng.exponential(1 / omega, born.sum())
        cell, day = np.repeat(cell, born)[later < days], later[later < days]
    return np.concatenate(cells), np.concatenate(whens)


def log_likelihood(cell, day, fit, *, end):
    """By the book: a sum over all pairs."""
    total = 0.0
    for number, background in enumerate(fit.background):
        own = np.sort(day[cell == number])
        gap = own[:, None] - own
        set_off = np.where(gap > 0, np.exp(-fit.omega * np.where(gap > 0, gap, 0)), 0).sum(axis=1)
        total += np.log(background + fit.theta * fit.omega * set_off).sum() - background * end
        total -= fit.theta * (1 - np.exp(-fit.omega * (end - own))).sum()
    return total


def test_the_likelihood_is_that_of_the_sum_over_all_pairs_and_the_fit_is_its_maximum():
    cell, day = simulated(np.random.default_rng(3), np.full(4, 0.05), theta=0.3, omega=0.3, days=300)
    fit = fit_etas(cell, day, 4, start=0, end=300, steps=3_000, tolerance=1e-9)
    assert fit.log_likelihood == pytest.approx(log_likelihood(cell, day, fit, end=300), abs=1e-8)
    short = fit_etas(cell, day, 4, start=0, end=300, steps=5)
    assert short.log_likelihood < fit.log_likelihood
    for theta, omega in ((1.05, 1), (0.95, 1), (1, 1.05), (1, 0.95)):
        other = fit_etas(cell, day, 4, start=0, end=300, steps=300, first=(fit.theta * theta, fit.omega * omega), moving=False)
        assert other.log_likelihood < fit.log_likelihood


def test_true_parameters_lie_in_the_intervals_when_the_background_is_known():
    rng = np.random.default_rng(2)
    inside = {"theta": 0, "delay_days": 0}
    for _ in range(12):
        background = rng.gamma(2, 0.01, 150)
        cell, day = simulated(rng, background, theta=0.2, omega=0.2)
        fit = fit_etas(cell, day, 150, start=0, end=DAYS, steps=1_000, tolerance=1e-6, background=background)
        for name, true in (("theta", 0.2), ("delay_days", 5.0)):
            low, high = fit.interval(name)
            inside[name] += low < true < high
        assert fit.background.sum() == pytest.approx(background.sum(), rel=0.1)
    assert min(inside.values()) >= 10


def test_the_halves_take_out_the_bias_of_backgrounds_that_are_fitted_cell_by_cell():
    rng = np.random.default_rng(7)
    plain, mended = [], []
    for _ in range(20):
        cell, day = simulated(rng, rng.gamma(2, 0.015, 150), theta=0.2, omega=0.2)
        more = {"steps": 1_000, "tolerance": 1e-6}
        whole = fit_etas(cell, day, 150, start=0, end=DAYS, **more)
        early = day < DAYS / 2
        halves = (
            fit_etas(cell[early], day[early], 150, start=0, end=DAYS / 2, **more),
            fit_etas(cell[~early], day[~early], 150, start=DAYS / 2, end=DAYS, **more),
        )
        plain.append(whole.theta)
        mended.append(without_bias(whole, halves).theta)
    assert np.mean(plain) < 0.188
    assert np.mean(mended) == pytest.approx(0.2, abs=0.012)


def test_incidents_without_near_repeats_get_a_theta_near_zero():
    cell, day = simulated(np.random.default_rng(1), np.full(100, 0.05), theta=0.0, omega=1.0)
    fit = fit_etas(cell, day, 100, start=0, end=DAYS, steps=200)
    assert fit.theta < 0.02
    assert fit.background.sum() == pytest.approx(5, rel=0.06)


def test_offspring_that_spread_to_neighbours_are_found_with_the_spread_given():
    rng = np.random.default_rng(4)
    background = np.full(60, 0.05)
    cell, day = simulated(rng, background, theta=0.3, omega=0.25)
    parents = len(background) * 0.05 * DAYS
    assert len(cell) > 1.2 * parents
    # Half of the incidents are moved to the cell on the right: offspring then fall half here, half beside.
    moved = np.where(rng.random(len(cell)) < 0.5, (cell + 1) % 60, cell)
    same, beside = np.eye(60) * 0.5, (np.roll(np.eye(60), 1, axis=1) + np.roll(np.eye(60), -1, axis=1)) * 0.25
    spread = sparse.csr_array(same + beside)
    with_spread = fit_etas(moved, day, 60, start=0, end=DAYS, steps=400, background=background, spread=spread)
    without = fit_etas(moved, day, 60, start=0, end=DAYS, steps=400, background=background)
    low, high = with_spread.interval("theta")
    assert low < 0.3 < high
    assert without.theta < 0.22


def test_a_known_level_of_each_day_is_not_taken_for_near_repeats():
    rng = np.random.default_rng(6)
    level = np.where(np.arange(730) % 60 < 10, 4.0, 0.4)
    level = level / level.mean()
    day = rng.choice(730, 6_000, p=level / 730) + rng.random(6_000)
    cell = rng.integers(0, 50, 6_000)
    told = fit_etas(cell, day, 50, start=0, end=DAYS, steps=300, daily_level=level)
    untold = fit_etas(cell, day, 50, start=0, end=DAYS, steps=300)
    assert told.theta < 0.03
    assert untold.theta > 0.2


def test_the_mean_of_the_coming_days_counts_what_is_set_off_on_the_way():
    rng = np.random.default_rng(9)
    background = np.full(400, 0.2)
    cell, day = simulated(rng, background, theta=0.5, omega=0.3, days=400)
    known = day < 390
    fit = fit_etas(cell[known], day[known], 400, start=0, end=390, steps=500, background=background)
    ahead = fit.expected(excited_at(cell, day, 400, at=390, omega=fit.omega), 10.0)
    assert ahead.sum() == pytest.approx((~known).sum(), rel=0.08)
    assert fit.expected(np.zeros(400), 10.0).sum() < ahead.sum()


def test_many_steps_over_a_whole_city_take_little_time():
    rng = np.random.default_rng(1)
    cell, day = rng.integers(0, 188 * 188, 31_799), rng.integers(0, 730, 31_799)
    fit = fit_etas(cell, day, 188 * 188, steps=20)
    assert fit.steps == 20
    assert fit.background.sum() * 730 + fit.theta * 31_799 == pytest.approx(31_799, rel=0.02)


def test_no_incidents_give_no_background_and_rows_that_do_not_fit_are_refused():
    empty = fit_etas([], [], 5, start=0, end=10)
    assert empty.background.tolist() == [0.0] * 5
    assert empty.interval("theta") == (0.0, float("inf"))
    with pytest.raises(PredictionError, match="one cell, day and weight an incident; got 2, 1 and 1"):
        fit_etas([1, 2], [1.0], 5)
    with pytest.raises(PredictionError, match="outside the grid"):
        fit_etas([7], [1.0], 5)
    with pytest.raises(PredictionError, match="a day that is no number"):
        fit_etas([1], [np.nan], 5)


def test_where_hardly_anything_sets_off_anything_the_delay_is_unknown_and_no_error():
    fit = EtasFit(np.ones(3), theta=1e-9, omega=0.1, theta_se=1e-3, omega_se=1e3, log_likelihood=0.0, steps=5)
    assert fit.interval("delay_days") == (0.0, float("inf"))
    assert fit.interval("omega") == (0.0, float("inf"))
