"""What the simple learners choose for themselves: half-lives, evenness, shape and prior of the shrunken count."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import shares
from prediction.learners.choosing import block_origins
from prediction.learners.count import HistoricCount
from prediction.learners.decay import EwCount
from prediction.learners.etas import Etas
from prediction.learners.shrunken import FIELDS, EmpiricalBayes
from prediction.metrics import poisson_log_likelihood
from prediction.panel import DAY_S, Incidents, Panel

ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def grid():
    """20 × 20 squares of 250 m."""
    return Grid.squares(shapely.box(127.0, 37.45, 127.0565, 37.495), size_m=250, epsg=32652)


def panel_of(cell, day, category, cells, categories):
    start = int(ANCHOR.timestamp()) + np.asarray(day) * DAY_S + 43_200
    incidents = Incidents.at(np.asarray(cell, dtype=np.int32), start, start, np.asarray(category, dtype=np.int16))
    return Panel.build(incidents, cells=cells, categories=categories, anchor=ANCHOR)


def drifting_panel(rng, cells, *, count, days, moves_every_d):
    """Incidents whose hot cells move every so many days."""
    day = -rng.integers(1, days, count)
    era = -day // moves_every_d
    heat = rng.gamma(0.3, 1, (era.max() + 1, cells))
    heat /= heat.sum(axis=1, keepdims=True)
    cell = np.array([rng.choice(cells, p=heat[number]) for number in era])
    return cell, day


def test_a_city_that_moves_gets_a_short_half_life_and_one_that_stays_a_long_one():
    rng = np.random.default_rng(1)
    moving = drifting_panel(rng, 100, count=6_000, days=700, moves_every_d=40)
    staying = drifting_panel(rng, 100, count=6_000, days=700, moves_every_d=10_000)
    panel = panel_of(
        np.concatenate([moving[0], staying[0]]),
        np.concatenate([moving[1], staying[1]]),
        np.repeat([0, 1], 6_000),
        100,
        2,
    )
    learner = EwCount()
    learner.fit(panel, 0, seed=0)
    assert learner.half_lives_[0] <= 30
    assert learner.half_lives_[1] >= 480
    assert learner.even_shares_[1] <= 0.05


def test_without_history_to_choose_by_the_usual_half_life_is_taken():
    panel = panel_of([1, 2, 3], [-3, -2, -1], [0, 0, 0], 10, 1)
    assert block_origins(panel, 0) == []
    learner = EwCount()
    learner.fit(panel, 0, seed=0)
    assert learner.half_lives_.tolist() == [240.0]
    assert learner.even_shares_.tolist() == [0.1]


def test_blocks_lie_before_the_cut_off_one_behind_the_other_after_half_of_the_history():
    panel = panel_of(np.zeros(200), -np.arange(1, 201), np.zeros(200), 1, 1)
    assert block_origins(panel, 0) == [-84, -56, -28]
    assert block_origins(panel, -20) == [-104, -76, -48]


def sparse_city(rng, grid, *, days=400):
    """Two categories that share their hills; the first is so rare that most cells hold none of it. Truth: [2, cells]."""
    east, north = (grid.centres_m - grid.centres_m.mean(axis=0)).T / 1_000
    hill = np.exp(-(east**2 + north**2) / 2) * rng.gamma(2, 1, len(grid)) + 0.02
    truth = shares(np.stack([hill, hill * rng.gamma(8, 1 / 8, len(grid))]))
    cell = np.concatenate([rng.choice(len(grid), n, p=truth[c]) for c, n in enumerate((400, 6_000))])
    return truth, panel_of(cell, -rng.integers(1, days, 6_400), np.repeat([0, 1], (400, 6_000)), len(grid), 2)


def test_a_rare_category_leans_on_the_common_one_and_comes_closer_to_the_truth_than_its_own_count(grid):
    truth, panel = sparse_city(np.random.default_rng(2), grid)
    shrunken, time_weighted = EmpiricalBayes(FeatureMaker(grid, 2)), EwCount()
    errors = []
    for learner in (shrunken, time_weighted, HistoricCount()):
        learner.fit(panel, 0, seed=0)
        errors.append(np.abs(shares(learner.rate(panel, 0))[0] - truth[0]).sum())
    assert errors[0] < 0.6 * min(errors[1:])
    weights = dict(zip(FIELDS, shrunken.weights_[0], strict=True))
    assert weights["others_here"] + weights["both"] > 0.5
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0.001


def test_the_shape_is_large_where_the_prior_says_all_and_small_where_cells_differ_from_their_neighbours(grid):
    rng = np.random.default_rng(3)
    alike = rng.choice(len(grid), 8_000)
    spotted = rng.choice(len(grid), 8_000, p=shares(rng.gamma(0.3, 1, (1, len(grid))))[0])
    panel = panel_of(np.concatenate([alike, spotted]), -rng.integers(1, 400, 16_000), np.repeat([0, 1], 8_000), len(grid), 2)
    learner = EmpiricalBayes(FeatureMaker(grid, 2))
    learner.fit(panel, 0, seed=0)
    assert learner.shapes_[0] > 20
    assert learner.shapes_[1] < 1


def test_the_posterior_is_likelier_than_prior_and_count_alone_on_the_weeks_to_come(grid):
    rng = np.random.default_rng(4)
    truth, panel = sparse_city(rng, grid)
    learner = EmpiricalBayes(FeatureMaker(grid, 2))
    learner.fit(panel, 0, seed=0)
    ahead = rng.poisson(truth[0] * 300)
    fields, count = learner._fields(panel, 0, 0, learner.half_lives_[0])
    fits = {
        "posterior": learner.rate(panel, 0)[0],
        "prior": learner.weights_[0] @ fields,
        "count": count + 0.01,
    }
    likelihood = {name: poisson_log_likelihood(rate / rate.sum() * 300, ahead) for name, rate in fits.items()}
    assert max(likelihood, key=likelihood.get) == "posterior"


def test_near_repeats_raise_the_rate_of_a_cell_just_hit(grid):
    rng = np.random.default_rng(5)
    parents = rng.choice(len(grid), 3_000)
    when = -rng.random(3_000) * 600
    after = when + rng.exponential(4, 3_000)
    echoed = (rng.random(3_000) < 0.4) & (after < 0)
    cell, day = np.concatenate([parents, parents[echoed]]), np.floor(np.concatenate([when, after[echoed]])).astype(int)
    panel = panel_of(cell, day, np.zeros(len(cell)), len(grid), 1)
    learner = Etas()
    learner.fit(panel, 0, seed=0)
    theta, omega, theta_error, _ = learner.parameters_[0]
    # Repeats of the same day and those that few incidents a cell cannot tell from a busy cell are missed.
    assert 0.15 < theta < 0.4
    assert 1.5 < 1 / omega < 8
    assert 0 < theta_error < 0.05
    rates = learner.rate(panel, 0)[0]
    counts = panel.counts(-600, 0)[0]
    struck = panel.counts(-3, 0)[0] > 0
    alike = np.abs(counts - np.median(counts)) <= 2
    assert rates[struck & alike].mean() > 1.3 * rates[~struck & alike].mean()
