"""Explanations of a cell: reasons that add up, changes that are those of the same model, cells that are alike."""

import time
from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.explain import (
    CHANGES,
    HISTORY,
    RECENT_DAYS,
    combined,
    explain_all,
    explain_cell,
    shared_groups,
    similar_cells,
    standardised,
)
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.boosting import Boosting, BoostingSettings
from prediction.learners.catalogue import make
from prediction.panel import DAY_S, Incidents, Panel

CUTOFF = datetime(2026, 3, 2, 13, tzinfo=UTC)
QUICK = BoostingSettings(trees=30, least_in_leaf=30, learning_rate=0.15)
QUIET = 3  # a cell without any incident in the last eight weeks


def made_up(cells: int, *, later: int = 0) -> Incidents:
    """4,000 incidents of 500 days in two categories; `later`: how many more after the cut-off."""
    rng = np.random.default_rng(4)
    heat = rng.gamma(0.4, 1, cells)
    cell = rng.choice(cells, 4_000, p=heat / heat.sum()).astype(np.int32)
    age_s = rng.integers(1, 500 * DAY_S, 4_000)
    kept = (cell != QUIET) | (age_s > 56 * DAY_S)
    start = int(CUTOFF.timestamp()) - age_s[kept]
    cell, category = cell[kept], rng.integers(0, 2, kept.sum()).astype(np.int16)
    after = int(CUTOFF.timestamp()) + rng.integers(1, 20 * DAY_S, later)
    return Incidents.at(
        np.concatenate([cell, rng.integers(0, cells, later).astype(np.int32)]),
        np.concatenate([start, after]),
        np.concatenate([start, after]),
        np.concatenate([category, np.zeros(later, dtype=np.int16)]),
    )


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 8))


def panel_of(grid, **changes):
    return Panel.build(made_up(len(grid), **changes), cells=len(grid), categories=2, anchor=CUTOFF)


@pytest.fixture(scope="module")
def maker(grid):
    return FeatureMaker(grid, 2)


@pytest.fixture(scope="module")
def restore(grid, maker):
    """The fitted learner on any maker."""
    learner = Boosting(maker, QUICK)
    learner.fit(panel_of(grid), 0, seed=1)
    state = learner.save()

    def on(other):
        restored = Boosting(other, QUICK)
        restored.load(state)
        return restored

    return on


@pytest.fixture(scope="module")
def everything(grid, maker, restore):
    return explain_all(restore, maker, panel_of(grid), 0)


def test_base_times_the_factors_is_the_rate(everything, grid, maker, restore):
    rates = restore(maker).rate(panel_of(grid), 0)
    for target in range(3):
        for cell in (0, QUIET, 100):
            found = explain_cell(everything, target, cell)
            product = found.base * np.prod([part.factor for part in found.contributions])
            assert product == pytest.approx(rates[target, cell], rel=1e-3)
            assert found.rate == pytest.approx(rates[target, cell], rel=1e-9)


def test_reasons_come_strongest_first_and_without_the_base(everything):
    parts = explain_cell(everything, 0, 50).contributions
    sizes = [abs(part.log_part) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert {part.group for part in parts} == set(GROUPS) - {"base"}


def test_all_crimes_together_add_up_although_a_log_of_a_sum_is_no_sum_of_logs():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(3, 20, 4))
    rates = np.exp(parts.sum(axis=2))
    assert combined(parts, rates).sum(axis=1) == pytest.approx(np.log(rates.sum(axis=0)))


def test_a_cell_without_recent_incidents_is_not_changed_by_taking_them_away(everything):
    history = everything.codes.index(HISTORY.code)
    nothing = everything.recent[2] == 0
    assert nothing[QUIET]
    assert (everything.changes[:, history, nothing] == 0).all()


def test_taking_recent_incidents_away_lowers_the_rates_of_the_cells_that_had_most(everything):
    history = everything.codes.index(HISTORY.code)
    busy = np.argsort(-everything.recent[2])[:20]
    factors = np.exp(everything.changes[2, history, busy])
    assert everything.recent[2, busy].min() >= 2
    assert np.log(factors).mean() < -0.03
    assert factors.min() > 0.2


def test_history_change_is_what_the_model_says_when_that_cell_alone_had_been_quiet(everything, grid, maker, restore):
    """The exchange of features against the whole forecast made again without the cell's last four weeks."""
    panel, history = panel_of(grid), everything.codes.index("history")
    as_is = restore(maker).rate(panel, 0)
    for cell in np.argsort(-everything.recent[2])[[0, 3, 10, 20]]:
        gone = (panel.cell == cell) & (panel.day >= -RECENT_DAYS)
        made_again = restore(maker).rate(panel.rows(~gone), 0)
        for target in range(3):
            again = made_again[target, cell] / as_is[target, cell]
            said = np.exp(everything.changes[target, history, cell])
            # Only the city's total moves besides, by two incidents in four thousand.
            assert said == pytest.approx(again, rel=0.04), (cell, target)


def test_history_change_holds_for_learners_that_read_the_incidents_themselves(grid, maker):
    """Empirical Bayes reads no feature table; its own counts, its rings and its prior must all forget the cell's incidents."""

    def on(other):
        learner = make("eb", other)
        learner.fit(panel_of(grid), 0, seed=1)
        return learner

    panel = panel_of(grid)
    found = explain_all(on, maker, panel, 0)
    history, as_is = found.codes.index("history"), on(maker).rate(panel, 0)
    for cell in np.argsort(-found.recent[2])[[0, 5, 15]]:
        gone = (panel.cell == cell) & (panel.day >= -RECENT_DAYS)
        again = on(maker).rate(panel.rows(~gone), 0)[:, cell] / as_is[:, cell]
        assert np.exp(found.changes[:, history, cell]) == pytest.approx(again, rel=0.05)
        assert (again < 0.97).any()


def test_a_change_the_model_knows_nothing_of_is_left_out(everything):
    asked = [change.code for change in explain_cell(everything, 0, 5).changes]
    assert "place" not in asked  # this model has no features of places
    assert asked == ["history", "calendar"]
    assert np.isnan(everything.changes[:, [c.code for c in CHANGES].index("place")]).all()


def test_a_changed_rate_is_the_rate_times_the_factor(everything):
    found = explain_cell(everything, 2, 50)
    for change in found.changes:
        assert change.rate == pytest.approx(found.rate * change.factor)


def test_nothing_after_the_origin_moves_an_explanation(everything, grid, maker, restore):
    later = explain_all(restore, FeatureMaker(grid, 2), panel_of(grid, later=500), 0)
    assert later.contributions.tobytes() == everything.contributions.tobytes()
    assert later.changes.tobytes() == everything.changes.tobytes()
    assert [a.tobytes() for a in later.features] == [a.tobytes() for a in everything.features]
    assert later.recent.tobytes() == everything.recent.tobytes()


def test_similar_cells_are_other_cells_nearest_first_and_neighbours_can_be_left_out(everything):
    found = explain_cell(everything, 0, 50)
    cells = [one.cell for one in found.similar]
    assert len(cells) == 5
    assert 50 not in cells
    assert [one.distance for one in found.similar] == sorted(one.distance for one in found.similar)
    without = explain_cell(everything, 0, 50, besides=cells[:2])
    assert [one.cell for one in without.similar][:3] == cells[2:]


def test_similar_cells_have_rates_near_the_cells_own(everything):
    """A cell's similar ones differ less from it in the log of the rate than any two cells do."""
    logs = np.log(everything.rates[0])
    apart = [abs(logs[cell] - logs[one.cell]) for cell in range(40) for one in explain_cell(everything, 0, cell).similar]
    assert np.mean(apart) < 0.5 * np.abs(logs[:, np.newaxis] - logs).mean()


def test_a_copied_cell_is_the_most_similar_one():
    rng = np.random.default_rng(2)
    table = rng.gamma(1, 1, (30, 6)).astype(np.float32)
    table[7] = table[21]
    names = [("here_long", "a"), ("here_long", "b"), ("season", "c"), ("season", "d"), ("place", "east_km"), ("here_long", "e")]
    spread = rng.normal(size=(30, len(GROUPS))).astype(np.float32)
    features, weights = standardised(table, names, spread, GROUPS)
    assert features.shape == (30, 5)  # the bare coordinate is no likeness
    assert similar_cells(features, weights, 7, k=1) == [(21, 0.0)]


def test_an_unknown_feature_value_counts_as_the_mean():
    table = np.array([[1.0, np.nan], [1.0, 2.0], [5.0, 4.0], [9.0, 1.0]], dtype=np.float32)
    names = [("here_long", "a"), ("season", "b")]
    features, _ = standardised(table, names, np.random.default_rng(0).normal(size=(4, len(GROUPS))).astype(np.float32), GROUPS)
    assert features[0, 1] == 0
    assert features.any(axis=0).all()


def test_cells_without_any_difference_are_all_as_near():
    features, weights = standardised(
        np.ones((4, 2), np.float32), [("season", "a"), ("place", "b")], np.zeros((4, len(GROUPS)), np.float32), GROUPS
    )
    assert features.shape == (4, 0)
    assert similar_cells(features, weights, 0, k=2) == [(1, 0.0), (2, 0.0)]


def test_a_city_of_one_cell_is_explained_and_has_no_similar_cell():
    grid = Grid.from_h3(np.array([h3.latlng_to_cell(37.49, 127.01, 10)], dtype=np.uint64))
    maker = FeatureMaker(grid, 1)
    start = int(CUTOFF.timestamp()) - np.arange(1, 200) * DAY_S
    incidents = Incidents.at(np.zeros(199, np.int32), start, start, np.zeros(199, np.int16))
    panel = Panel.build(incidents, cells=1, categories=1, anchor=CUTOFF)
    learner = Boosting(maker, QUICK)
    learner.fit(panel, 0, seed=1)
    state = learner.save()

    def on(other):
        restored = Boosting(other, QUICK)
        restored.load(state)
        return restored

    found = explain_cell(explain_all(on, maker, panel, 0), 1, 0)
    assert found.similar == ()
    assert found.recent == 28
    assert found.base * np.prod([part.factor for part in found.contributions]) == pytest.approx(found.rate, rel=1e-4)


def test_shared_groups_move_both_rates_the_same_way():
    groups = ("base", "here_recent", "around_long", "season", "place")
    one = np.array([-6.0, 0.5, -0.4, 0.02, 0.3])
    other = np.array([-6.0, 0.3, -0.6, 0.5, -0.3])
    assert shared_groups(one, other, groups) == ("around_long", "here_recent")


def test_one_cell_takes_less_than_a_tenth_of_a_second_in_a_large_city():
    """40,000 cells and 90 features; the nearest cells are what takes time."""
    rng = np.random.default_rng(1)
    features = rng.integers(-127, 127, (40_000, 90)).astype(np.int8)
    weights = np.ones(90, dtype=np.float32)
    taken = []
    for cell in range(3):
        begun = time.process_time()
        similar_cells(features, weights, cell)
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.1
