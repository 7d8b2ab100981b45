"""Which days the data cover: gaps, late beginnings and endings are told from quiet spells, and rates follow."""

from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prediction.coverage import Coverage, by_age, history_days, origins_covered
from prediction.engine import EngineSettings, forecast, train
from prediction.features import FeatureMaker, city_level
from prediction.grid import Grid
from prediction.learners.boosting import BoostingSettings
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme

CUTOFF = datetime(2026, 3, 2, tzinfo=UTC)
CUTOFF_S = int(CUTOFF.timestamp())
DAYS = 900
QUICK = EngineSettings(BoostingSettings(trees=30, least_in_leaf=40, learning_rate=0.1))


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 5))


@pytest.fixture(scope="module")
def city(grid):
    """Nine hundred days: thefts (8 a day), assaults (3 a day), arson (once in twelve days)."""
    rng = np.random.default_rng(7)
    heat = rng.gamma(0.5, 1, len(grid))
    counts = (8 * DAYS, 3 * DAYS, DAYS // 12)
    category = np.repeat(np.arange(3), counts).astype(np.int16)
    start = CUTOFF_S - rng.integers(1, DAYS * DAY_S, len(category))
    cell = rng.choice(len(grid), len(category), p=heat / heat.sum()).astype(np.int32)
    return Incidents.at(cell, start, start, category, place=cell * 3)


def days_ago(incidents):
    return (CUTOFF_S - incidents.start_s) / DAY_S


def panel_of(incidents, grid, categories=3):
    return Panel.build(incidents, cells=len(grid), categories=categories, anchor=CUTOFF)


def level(panel, origin=0, **more):
    known = panel.before(origin)
    return city_level(known, (origin - 1 - known.day).astype(np.int64), history_days(known, origin), **more)


def test_complete_data_are_covered_every_day_also_of_a_rare_category(city, grid):
    cover = Coverage.before(panel_of(city, grid), 0)
    assert cover.complete
    assert cover.silent_d.tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.002, 3.0), st.floats(0.3, 5.0))
def test_an_ordinary_quiet_spell_is_never_a_gap(seed, rate, burstiness):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate * rng.gamma(burstiness, 1 / burstiness, 1_000))
    cover = Coverage.of(np.vstack([counts, np.full(1_000, 5)]).astype(np.float64))
    assert cover.complete
    assert not cover.silent_d.any()


def test_a_single_burst_and_one_later_case_do_not_make_the_quiet_between_them_a_gap():
    counts = np.zeros((2, 700))
    counts[0] = 4
    counts[1, 400:408] = 9
    counts[1, 20] = 1
    assert Coverage.of(counts).complete


def test_a_missing_year_is_found_for_every_category_even_the_rare_one(city, grid):
    missing = (days_ago(city) > 250) & (days_ago(city) <= 615)
    cover = Coverage.before(panel_of(city.take(~missing), grid), 0)
    assert cover.uniform
    assert not cover.covered[:, 251:613].any()
    assert cover.covered[:, :249].all()
    assert cover.covered[:, 617:].all()


def test_a_few_misdated_rows_in_a_gap_do_not_hide_it(city, grid):
    ago = days_ago(city)
    missing = (ago > 250) & (ago <= 615)
    for stray in (300, 420, 560):
        missing[np.argmin(np.abs(ago - stray))] = False
    cover = Coverage.before(panel_of(city.take(~missing), grid), 0)
    assert 358 <= (~cover.covered[-1]).sum() <= 363


def test_half_the_history_missing_in_the_middle_leaves_the_rates_as_they_were(city, grid):
    maker = FeatureMaker(grid, 3)
    missing = (days_ago(city) > 200) & (days_ago(city) <= 650)
    full, part = (maker.moment(panel_of(rows, grid), 0) for rows in (city, city.take(~missing)))
    assert part.level == pytest.approx(full.level, rel=0.1)
    assert part.ever.sum(axis=1) == pytest.approx(full.ever.sum(axis=1), rel=0.12)
    assert part.decayed.sum(axis=2)[2:, :2] == pytest.approx(full.decayed.sum(axis=2)[2:, :2], rel=0.1)
    assert part.windowed.sum(axis=2)[:, :2] == pytest.approx(full.windowed.sum(axis=2)[:, :2], rel=0.12)
    assert part.last_year[0].sum() == pytest.approx(full.ever[0].sum(), rel=0.1)  # not known, so the long run stands in
    assert part.active_weeks[-1].mean() == pytest.approx(full.active_weeks[-1].mean(), rel=0.1)
    assert np.corrcoef(part.expected[0], full.expected[0])[0, 1] > 0.95


def test_a_category_that_begins_later_has_the_rate_of_its_own_days(city, grid):
    late = city.take((city.category != 1) | (days_ago(city) <= 100))
    moment = FeatureMaker(grid, 3).moment(panel_of(late, grid), 0)
    assert not moment.coverage.covered[1, 102:].any()
    assert moment.coverage.covered[[0, 2, 3]].all()
    assert moment.ever[1].sum() == pytest.approx(21, rel=0.15)
    assert moment.decayed[:, 1].sum(axis=1)[3:] == pytest.approx(21, rel=0.15)
    assert moment.level[1] == pytest.approx(21, rel=0.2)
    assert moment.level[3] == pytest.approx(moment.level[:3].sum())
    assert moment.ever[3] == pytest.approx(moment.ever[:3].sum(axis=0))


def test_a_renamed_category_ends_at_nothing_and_its_successor_starts_from_its_own_days(city, grid):
    renamed = Incidents(
        city.cell_index,
        city.start_s,
        city.end_s,
        np.where((city.category == 1) & (days_ago(city) <= 60), 3, city.category).astype(np.int16),
        city.place,
    )
    panel = panel_of(renamed, grid, categories=4)
    before, after = level(panel, -61), level(panel, 0)
    assert before[1] == pytest.approx(21, rel=0.2)
    assert after[1] < 0.1 * before[1]
    assert after[3] == pytest.approx(21, rel=0.2)
    model = train(renamed, grid, scheme=SlotScheme("UTC", (0,)), categories=tuple("abcd"), cutoff=CUTOFF, settings=QUICK, seed=1)
    weeks = forecast(model, renamed, grid, slots=7).rates.sum(axis=(0, 1))
    assert weeks[3] == pytest.approx(21, rel=0.35)
    assert weeks[1] < 3


def test_a_forecast_after_a_missing_year_is_that_of_the_whole_file(city, grid):
    missing = (days_ago(city) > 120) & (days_ago(city) <= 485)
    weeks = []
    for rows in (city, city.take(~missing)):
        model = train(rows, grid, scheme=SlotScheme("UTC", (0,)), categories=tuple("abc"), cutoff=CUTOFF, settings=QUICK, seed=1)
        weeks.append(forecast(model, rows, grid, slots=7).rates.sum(axis=1))
    assert weeks[1].sum(axis=0)[:2] == pytest.approx(weeks[0].sum(axis=0)[:2], rel=0.15)
    assert weeks[1].sum(axis=0)[2] == pytest.approx(7 / 12, rel=0.6)
    assert np.corrcoef(weeks[0].sum(axis=1), weeks[1].sum(axis=1))[0, 1] > 0.9


def test_a_file_whose_newest_month_has_not_arrived_keeps_its_level(city, grid):
    panel = panel_of(city.take(days_ago(city) > 40), grid)
    assert level(panel)[:2] == pytest.approx(level(panel_of(city, grid))[:2], rel=0.15)
    moment = FeatureMaker(grid, 3).moment(panel, 0)
    assert moment.windowed[0].sum(axis=1) == pytest.approx(moment.windowed[3].sum(axis=1))  # 7 and 28 days: the quarter's rate
    assert moment.days_since[-1].min() == 0


def test_a_season_without_a_category_is_no_gap():
    counts = np.full((2, 1_092), 5.0)
    counts[1, np.arange(1_092) % 364 < 200] = 0
    counts[1, :80] = 5
    cover = Coverage.of(counts)
    assert cover.complete


def test_windows_that_touch_a_gap_are_not_learnt_from(city, grid):
    ago = days_ago(city)
    gap = ((ago > 100) & (ago <= 300)) | ((city.category == 1) & (ago > 500))
    panel = panel_of(city.take(~gap), grid)
    origins = list(range(-700, 0, 7))
    kept = origins_covered(panel, origins, cutoff_day=0)
    assert [origin for origin in origins if origin not in kept] == [o for o in origins if -306 <= o <= -101]
    assert min(origins_covered(panel, origins, cutoff_day=0, target=1)) >= -501
    assert origins_covered(panel, [-7, -6, 0], cutoff_day=0) == [-7]
    assert max(origins_covered(panel, origins, cutoff_day=0, horizon_days=28)) == -28


def test_coverage_reads_nothing_from_the_origin_on(city, grid):
    early = city.take(days_ago(city) > 300)
    first, second = (Coverage.before(panel_of(rows, grid), -300) for rows in (city, early))
    assert first.covered.tobytes() == second.covered.tobytes()


def test_an_old_period_that_is_known_only_late_fills_its_gap_when_it_arrives(city, grid):
    ago = days_ago(city)
    late = (ago > 200) & (ago <= 300)
    end = np.where(late, CUTOFF_S - 30 * DAY_S, city.end_s)
    panel = panel_of(Incidents(city.cell_index, city.start_s, end, city.category), grid)
    before, after = Coverage.before(panel, -100), Coverage.before(panel, 0)
    assert not before.covered[-1, 101:199].any()
    assert after.covered[-1].mean() > 0.85
    assert level(panel, -100)[:2] == pytest.approx([56, 21], rel=0.2)
    assert level(panel, 0)[:2] == pytest.approx([56, 21], rel=0.35)


def test_times_all_at_midnight_change_no_rate_of_the_week(city, grid):
    midnight = city.start_s // DAY_S * DAY_S
    rows = Incidents(city.cell_index, midnight, midnight, city.category)
    first, second = (FeatureMaker(grid, 3).moment(panel_of(version, grid), 0) for version in (city, rows))
    assert first.ever == pytest.approx(second.ever)
    assert first.level == pytest.approx(second.level)
    assert Coverage.before(panel_of(rows, grid), 0).complete


def test_a_category_without_incidents_and_an_empty_panel_are_covered(city, grid):
    none = Incidents.at(*(np.zeros(0, dtype) for dtype in (np.int32, np.int64, np.int64, np.int16)))
    assert Coverage.before(panel_of(none, grid), 0).complete
    cover = Coverage.before(panel_of(city.take(city.category == 0), grid), 0)
    assert cover.complete
    moment = FeatureMaker(grid, 3).moment(panel_of(none, grid), 0)
    assert np.isfinite(moment.expected).all()


def test_daily_counts_are_by_age(city, grid):
    counts = by_age(panel_of(city, grid), 0, 30)
    assert counts.shape == (3, 30)
    assert counts[0, 3] == ((city.category == 0) & (days_ago(city) > 3) & (days_ago(city) <= 4)).sum()
