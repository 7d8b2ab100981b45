"""What the bench of known truths draws and asks is what it says."""

import numpy as np
import pytest

from bench.simulated import (
    FIXTURES,
    UNTIL,
    Recovered,
    daily_level,
    draw_process,
    offspring_spread,
    recovered,
    top_share,
)
from prediction.grid import Grid, cells_covering
from prediction.learners.near_repeat import EtasFit, fit_etas
from simulation.city import City, make_city
from simulation.figures import CATEGORIES


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(FIXTURES, until=UNTIL, rng=np.random.default_rng(3))


def test_a_drawn_process_has_as_many_incidents_and_as_long_delays_as_its_parameters_say() -> None:
    background = np.full(400, 0.01)
    cell, day = draw_process(background, theta=0.3, delay=5.0, days=2000, rng=np.random.default_rng(1))
    assert len(cell) == pytest.approx(400 * 0.01 * 2000 / 0.7, rel=0.03)
    assert day.min() >= 0
    assert day.max() < 2000
    fit = fit_etas(cell, day, 400, start=0.0, end=2000.0, steps=300, tolerance=1e-5, background=background)
    assert all(one.holds for one in recovered(fit, "", theta=0.3, delay=5.0))


def test_known_background_intervals_hold_the_truth_about_as_often_as_they_promise() -> None:
    rng = np.random.default_rng(2)
    background = rng.gamma(0.5, 0.02, 300)
    held = []
    for seed in range(20):
        cell, day = draw_process(background, theta=0.2, delay=7.0, days=1000, rng=np.random.default_rng(seed))
        fit = fit_etas(cell, day, 300, start=0.0, end=1000.0, steps=300, tolerance=1e-5, background=background)
        held += [one.holds for one in recovered(fit, "", theta=0.2, delay=7.0)]
    assert np.mean(held) >= 0.85  # 0.95 expected, 40 intervals


def test_offspring_are_spread_with_nothing_lost_and_mostly_near_by(city: City) -> None:
    grid = Grid.from_h3(cells_covering(city.geography.outline, 9))
    spread = offspring_spread(city, grid, np.random.default_rng(1))
    assert np.asarray(spread.sum(axis=0)).ravel() == pytest.approx(np.ones(len(grid)))
    moved = spread.tocoo()
    far = np.hypot(*(grid.centres_m[moved.row] - grid.centres_m[moved.col]).T)
    assert float((moved.data * far).sum() / len(grid)) < 2 * city.figures.near_repeat_distance_m


def test_the_daily_level_follows_the_published_years(city: City) -> None:
    theft = CATEGORIES.index("theft")
    level = daily_level(city, theft)
    assert level.mean() == pytest.approx(1.0)
    last_year = level[-365:].sum() / level.sum()
    totals = city.figures.totals[:, theft]
    assert last_year == pytest.approx(totals[-1] / totals.sum(), rel=0.01)


def test_a_fit_without_near_repeats_counts_as_a_miss() -> None:
    nothing = EtasFit(np.zeros(1), 1e-12, 1.0, 0.5, 1.0, 0.0, 1)
    assert not any(one.holds for one in recovered(nothing, "", theta=0.1, delay=5.0))
    assert Recovered("θ", 0.1, 0.2, 0.05, 0.3).holds


def test_the_share_of_the_best_cells_is_one_for_the_truth_itself() -> None:
    truth = np.arange(100.0)
    assert top_share(truth, truth) == 1
    assert top_share(truth, -truth) < 0.05
