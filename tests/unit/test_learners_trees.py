"""The tree learners: their shared rows, the signs of their columns, the list that the ranking aims at, and their state."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.learners.boosting import Boosting, BoostingSettings, lgbm_parameters
from prediction.learners.catalogue import make
from prediction.learners.ranking import RankingSettings, _edges, _map_of, _mapped, _top_objective
from prediction.learners.rows import RowSettings, TrainingRows, training_origins, training_rows
from prediction.panel import DAY_S, Incidents, Panel

ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)
FEW = {"trees": 15, "least_in_leaf": 20, "learning_rate": 0.1, "origins_at_most": 15, "feature_share": 0.6}


@pytest.fixture(scope="module")
def grid():
    """16 × 16 squares of 250 m."""
    return Grid.squares(shapely.box(127.0, 37.45, 127.045, 37.486), size_m=250, epsg=32652)


@pytest.fixture(scope="module")
def panel(grid):
    rng = np.random.default_rng(6)
    heat = rng.gamma(0.7, 1, len(grid))
    cell = rng.choice(len(grid), 5_000, p=heat / heat.sum()).astype(np.int32)
    start = int(ANCHOR.timestamp()) - rng.integers(1, 400 * DAY_S, 5_000)
    category = (rng.random(5_000) < 0.3).astype(np.int16)
    return Panel.build(Incidents.at(cell, start, start, category), cells=len(grid), categories=2, anchor=ANCHOR)


@pytest.fixture(scope="module")
def maker(grid):
    return FeatureMaker(grid, 2)


@pytest.mark.parametrize(("window_days", "first", "last", "step"), [(7, -308, -7, 7), (28, -308, -28, 7), (1, -307, -1, 6)])
def test_every_training_window_ends_before_the_cut_off_and_short_ones_meet_all_days_of_the_week(
    window_days, first, last, step, panel
):
    origins = training_origins(panel, 0, horizon_days=window_days, settings=RowSettings())
    assert origins[-1] == last
    assert set(np.diff(origins)) == {step}
    assert origins[0] == pytest.approx(first, abs=7)
    assert origins[-1] + window_days <= 0
    if window_days == 1:
        assert {origin % 7 for origin in origins} == set(range(7))


def test_rows_weigh_for_all_cells_and_hold_every_incident(maker, panel):
    settings = RowSettings(row_limit=2_000, origins_at_most=20)
    rows = training_rows(maker, panel, 0, horizon_days=7, seed=3, settings=settings)
    assert sorted(rows) == [0, 1]
    for target, part in rows.items():
        assert part.counts.sum() == panel.counts(-140, 0)[target].sum()
        assert part.weight.sum() == pytest.approx(20 * panel.cells, rel=0.06)
        assert len(np.unique(part.origin)) == 20
        assert part.table.shape == (len(part.counts), len(maker.names(target)))
        assert part.table.dtype == np.float32
        assert np.all(part.weight >= 1)
    rare = training_rows(maker, panel, 0, horizon_days=7, seed=3, settings=replace(settings, least_incidents=700))
    assert sorted(rare) == [0]


def test_a_day_learns_from_weeks_unless_told_otherwise(maker, panel):
    settings = RowSettings(origins_at_most=20)
    day, week = (training_rows(maker, panel, 0, horizon_days=days, seed=3, settings=settings)[0] for days in (1, 7))
    assert day.counts * day.weight == pytest.approx(week.counts * week.weight)
    assert day.counts.sum() == pytest.approx(week.counts.sum() / 7)
    assert np.exp(day.offset).sum() == pytest.approx(np.exp(week.offset).sum() / 7)
    short = training_rows(maker, panel, 0, horizon_days=1, seed=3, settings=replace(settings, learn_days=1))[0]
    assert short.counts.sum() == panel.counts(-1, 0)[0].sum() + sum(
        panel.counts(-1 - 6 * n, -6 * n)[0].sum() for n in range(1, 20)
    )


def test_rows_of_a_gap_in_the_data_are_left_out(maker, panel):
    holed = panel.rows(~((panel.day >= -200) & (panel.day < -110)))
    rows = training_rows(maker, holed, 0, horizon_days=7, seed=3, settings=RowSettings())
    origins = np.unique(rows[0].origin)
    assert len(origins) > 20
    assert not ((origins > -207) & (origins < -110)).any()


@pytest.mark.parametrize("code", ["lightgbm", "tweedie", "xgboost"])
def test_with_known_signs_more_incidents_never_lower_the_rate(code, maker, panel):
    learner = make(code, maker, settings=FEW | {"monotone": True})
    learner.fit(panel, 0, seed=2)
    signs = learner.signs(0)
    names = [name for _, name in maker.names(0)]
    assert {name for name, sign in zip(names, signs, strict=True) if sign} >= {"decayed_7d", "sum_364d", "ring1_long"}
    assert not signs[names.index("days_since")]
    table = maker.table(maker.moment(panel, 0), 0)
    low, high = table.copy(), table.copy()
    for column, sign in enumerate(signs):
        if sign:
            high[:, column] = table[:, column] * 2 + 1
    booster = learner.boosters_[0]
    assert np.all(learner._raw(booster, high) >= learner._raw(booster, low) - 1e-6)
    free = make(code, maker, settings=FEW)
    free.fit(panel, 0, seed=2)
    assert free.save() != learner.save()


def test_the_parameters_of_the_speed_bench_are_those_of_the_product():
    given = lgbm_parameters(BoostingSettings(trees=350, leaves=31), seed=2**40 + 5)
    assert given["objective"] == "poisson"
    assert given["num_leaves"] == 31
    assert given["num_threads"] == 1
    assert given["deterministic"]
    assert given["seed"] == 5


def test_a_category_with_too_few_incidents_has_no_trees_and_keeps_its_offset(maker, panel):
    learner = Boosting(maker, BoostingSettings(**FEW, least_incidents=600))
    learner.fit(panel, 0, seed=1)
    assert learner.boosters_[0] is not None
    assert learner.boosters_[1] is None
    moment = maker.moment(panel, 0)
    assert learner.rate(panel, 0)[1] == pytest.approx(moment.expected[1])


# --- ranking -------------------------------------------------------------------------------------


def rows_of(counts, offset, weight=None, origins=1):
    size = len(counts)
    return TrainingRows(
        table=np.zeros((size, 1), dtype=np.float32),
        counts=np.asarray(counts, dtype=np.float64),
        offset=np.asarray(offset, dtype=np.float64),
        weight=np.ones(size) if weight is None else np.asarray(weight, dtype=np.float64),
        origin=np.repeat(np.arange(origins), size // origins).astype(np.int32),
    )


def test_the_edge_of_a_list_is_the_score_at_which_as_many_cells_lie_above_as_the_list_is_long():
    scores = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 9.0, 7.0, 8.0, 6.0, 0.0])
    origin = np.repeat([0, 1], 5)
    assert _edges(scores, np.ones(10), origin, 2).tolist() == [4.0, 8.0]
    assert _edges(scores, np.full(10, 4.0), origin, 6).tolist() == [4.0, 8.0]  # a row stands for four cells
    assert _edges(scores, np.ones(10), origin, 50).tolist() == [1.0, 0.0]


def test_the_gradient_is_that_of_the_smoothed_capture_rate_with_the_length_of_the_list_held():
    rng = np.random.default_rng(1)
    scores, counts = rng.normal(size=400), rng.poisson(0.5, 400)
    aim = RankingSettings(focus=1.0, softness=0.4, top_share=0.1)
    slope, bend = _top_objective(rows_of(counts, scores), aim, cells=400)(scores, None)
    edge = np.sort(scores)[-40]

    def captured(moved):
        """Σ y σ((s − t)/τ), the edge t chosen such that Σ σ stays what it was."""
        listed = (1 / (1 + np.exp(-(scores - edge) / 0.4))).sum()
        low, high = -10.0, 10.0
        for _ in range(80):
            middle = (low + high) / 2
            held = (1 / (1 + np.exp(-(moved - middle) / 0.4))).sum()
            low, high = (middle, high) if held > listed else (low, middle)
        return (counts / (1 + np.exp(-(moved - middle) / 0.4))).sum()

    for cell in (0, 17, 99, int(np.argmax(scores))):
        moved = scores.copy()
        moved[cell] += 1e-4
        by_hand = (captured(moved) - captured(scores)) / 1e-4
        assert -slope[cell] / (4 * 0.4) == pytest.approx(by_hand, rel=0.02, abs=1e-4)
    assert np.all(bend > 0)


def test_the_map_from_scores_to_shares_rises_and_mends_scores_that_are_too_steep():
    rng = np.random.default_rng(2)
    log_rate = rng.normal(-2, 1, 40_000)
    counts = rng.poisson(np.exp(log_rate))
    too_steep = 1.5 * log_rate
    knots = _map_of(rows_of(counts, log_rate, origins=10), too_steep)
    assert np.all(np.diff(knots, axis=1) > 0)
    line = np.linspace(-12, 2, 200)
    assert np.all(np.diff(_mapped(line, knots)) > 0)
    share = too_steep[:4_000] - np.log(np.exp(too_steep[:4_000]).sum())
    mended = np.exp(_mapped(share, knots))
    mended *= np.exp(log_rate[:4_000]).sum() / mended.sum()
    slope = np.polyfit(log_rate[:4_000], np.log(mended), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.12)


def test_a_ranking_keeps_the_order_of_its_trees_and_its_total_is_the_level(maker, panel):
    learner = make("ranking", maker, settings=FEW)
    learner.fit(panel, 0, seed=2)
    moment = maker.moment(panel, 0)
    score = np.log(moment.expected[0]) + learner._raw(learner.boosters_[0], maker.table(moment, 0))
    rates = learner.rate(panel, 0)[0]
    assert np.array_equal(np.argsort(score, kind="stable"), np.argsort(rates, kind="stable"))
    assert rates.sum() == pytest.approx(moment.level[0])
    assert learner.maps_[0].shape[1] > 3
