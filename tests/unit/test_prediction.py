"""The prediction core: grid, slots, panel, features, engine and back-test on a small made-up city."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from prediction.backtest import run_backtest
from prediction.engine import EngineSettings, TrainedModel, forecast, train
from prediction.errors import NoIncidentsError, PredictionError, TooLittleHistoryError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid, boundary_of_points, cells_in_polygon
from prediction.learners.boosting import BoostingSettings
from prediction.learners.count import HistoricCount
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

CUTOFF = datetime(2026, 3, 2, 13, tzinfo=UTC)  # Monday 22:00 in Seoul, the start of a slot
SHIFTS = SlotScheme("Asia/Seoul", (6, 14, 22))
CODES = ("theft", "violence", "homicide")
QUICK = EngineSettings(BoostingSettings(trees=40, least_in_leaf=40, learning_rate=0.1))


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 7))


@pytest.fixture(scope="module")
def incidents(grid):
    """6,000 incidents of two years; hot cells, theft by day, violence by night, three homicides."""
    return made_up_incidents(len(grid), count=6_000)


@pytest.fixture(scope="module")
def model(incidents, grid):
    return train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, seed=5)


def made_up_incidents(cells, *, count, seed=3, days=730):
    rng = np.random.default_rng(seed)
    heat = rng.gamma(0.5, 1, cells)
    category = rng.choice(2, count, p=[0.6, 0.4]).astype(np.int16)
    category[:3] = 2
    day = rng.integers(1, days, count)
    hour = np.where(category == 0, rng.integers(7, 20, count), rng.integers(19, 31, count))  # local; 24 and more: next morning
    midnight = int(datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Seoul")).timestamp())
    start = midnight - (day + 1) * DAY_S + hour * 3_600 + rng.integers(0, 3_600, count)
    return Incidents.at(rng.choice(cells, count, p=heat / heat.sum()).astype(np.int32), start, start, category)


# --- grid ----------------------------------------------------------------------------------------


def test_cells_in_a_polygon_are_those_whose_centre_lies_in_it_in_ascending_order():
    box = shapely.box(127.00, 37.48, 127.02, 37.50)
    cells = cells_in_polygon(box, 10)
    assert np.all(np.diff(cells.astype(np.int64)) > 0)
    assert all(box.contains(shapely.Point(*h3.cell_to_latlng(int(cell))[::-1])) for cell in cells)
    assert len(cells) == pytest.approx(box.area * 111.2**2 * np.cos(np.radians(37.49)) / 0.01044, rel=0.03)


def test_index_of_finds_each_cell_and_gives_minus_one_for_a_stranger(grid):
    assert np.array_equal(grid.index_of(grid.cell_ids[::-1]), np.arange(len(grid))[::-1])
    assert grid.index_of(np.array([h3.latlng_to_cell(35.1, 129.0, 10)], dtype=np.uint64)).tolist() == [-1]


def test_points_fall_into_the_cell_around_them(grid):
    lat_lon = np.array([h3.cell_to_latlng(int(cell)) for cell in grid.cell_ids])
    assert np.array_equal(grid.index_of_points(lat_lon[:, 1], lat_lon[:, 0]), np.arange(len(grid)))


def test_squares_cover_the_polygon_by_their_centres_and_every_point_outside_it():
    polygon = shapely.box(126.99, 37.47, 127.02, 37.50)
    stray = (np.array([127.05]), np.array([37.52]))
    squares = Grid.squares(polygon, size_m=250, epsg=32652, points=stray)
    assert squares.index_of_points(*stray)[0] >= 0
    assert squares.area_km2 == pytest.approx(0.0625)
    assert len(squares) == pytest.approx(1 + 2.65 * 3.33 / 0.0625, rel=0.05)
    assert np.all(squares.centres_m % 250 == 125)


def test_an_empty_or_doubled_grid_is_refused_with_a_sentence():
    with pytest.raises(PredictionError, match="needs at least one cell"):
        Grid.from_h3(np.array([], dtype=np.uint64))
    cell = h3.latlng_to_cell(37.49, 127.01, 10)
    with pytest.raises(PredictionError, match="named twice"):
        Grid.from_h3(np.array([cell, cell], dtype=np.uint64))
    with pytest.raises(PredictionError, match="no H3 cell"):
        Grid.from_h3(np.array([5], dtype=np.uint64))


def test_the_outline_of_points_is_closed_has_no_holes_and_leaves_strays_out():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(127.0, 127.1, 3_000), rng.uniform(37.4, 37.5, 3_000)
    hole = np.hypot(lon - 127.05, lat - 37.45) > 0.01
    outline = boundary_of_points(np.append(lon[hole], 129.0), np.append(lat[hole], 35.0))
    assert len(outline.geoms) == 1
    assert not outline.geoms[0].interiors
    assert outline.contains(shapely.Point(127.05, 37.45))
    assert not outline.contains(shapely.Point(129.0, 35.0))


# --- slots ---------------------------------------------------------------------------------------


def test_slot_starts_keep_their_local_hour_when_the_clocks_change():
    chicago = SlotScheme("America/Chicago", (6, 14, 22))
    starts = chicago.starts(datetime(2017, 11, 4, 20, tzinfo=UTC), 5)
    local = [start.astimezone(ZoneInfo("America/Chicago")).hour for start in starts]
    assert local == [22, 6, 14, 22, 6]
    assert starts[1] - starts[0] == timedelta(hours=9)
    assert starts[0] == datetime(2017, 11, 5, 3, tzinfo=UTC)


def test_a_slot_start_is_its_own_next_start():
    assert SHIFTS.next_start(CUTOFF) == CUTOFF
    assert SHIFTS.next_start(CUTOFF + timedelta(seconds=1)) == CUTOFF + timedelta(hours=8)


def test_the_night_of_sunday_belongs_to_sunday_until_six_on_monday():
    monday = int(datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Seoul")).timestamp())
    epoch = monday + 60 * np.array([-60, 6 * 60 - 1, 6 * 60])
    assert SHIFTS.slot_of_week(epoch).tolist() == [20, 20, 0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2_000_000_000), st.sampled_from(["Asia/Seoul", "America/New_York", "Pacific/Auckland"]))
def test_every_instant_lies_in_the_slot_that_started_last(epoch, zone):
    scheme = SlotScheme(zone, (0, 6, 14, 22))
    moment = datetime.fromtimestamp(epoch, UTC)
    after = scheme.starts(moment - timedelta(hours=30), 12)
    began = max(start for start in after if start <= moment)
    both = scheme.slot_of_week(np.array([epoch, int(began.timestamp())]))
    assert both[0] == both[1]


def test_slot_hours_out_of_order_are_refused():
    with pytest.raises(PredictionError, match="ascending"):
        SlotScheme("Asia/Seoul", (22, 6, 14))


# --- panel ---------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-90 * DAY_S, 0), st.integers(0, 80 * DAY_S)), min_size=1, max_size=30))
def test_each_incident_weighs_one_however_long_its_interval(rows):
    cell, start, length = (np.array(column) for column in zip(*rows, strict=True))
    made = Incidents.at(cell.astype(np.int32), start, start + length, np.zeros(len(rows), dtype=np.int16))
    panel = Panel.build(made, cells=10, categories=1, anchor=datetime.fromtimestamp(0, UTC))
    per_cell = panel.counts(-10_000, 10_000)[0]
    assert per_cell == pytest.approx(np.bincount(cell, minlength=10), abs=1e-4)
    assert np.all(np.diff(panel.known_day) >= 0)


def test_an_interval_is_spread_by_its_share_of_each_day_but_known_only_after_its_end():
    made = Incidents.at(np.zeros(1, np.int32), np.array([-DAY_S - 21_600]), np.array([-DAY_S + 64_800]), np.zeros(1, np.int16))
    panel = Panel.build(made, cells=1, categories=1, anchor=datetime.fromtimestamp(0, UTC))
    assert panel.counts(-2, -1)[0, 0] == pytest.approx(0.25)
    assert panel.counts(-1, 0)[0, 0] == pytest.approx(0.75)
    assert panel.before(-1).counts(-5, 5).sum() == 0


def test_incidents_outside_the_grid_are_dropped(grid):
    cells = np.array([grid.cell_ids[4], h3.latlng_to_cell(35.1, 129.0, 10)], dtype=np.uint64)
    kept = Incidents.on_grid(grid, cells, np.array([10, 20]), np.array([5, 30]), np.array([0, 1]))
    assert kept.cell_index.tolist() == [4]
    assert kept.end_s.tolist() == [10]  # an end before its start becomes the start


# --- surroundings and features -------------------------------------------------------------------


def test_rings_of_hexagons_are_the_same_as_those_of_h3(grid):
    around = Surroundings.of(grid)
    for ring in (1, 2):
        for position in (0, 40, 100):
            near = grid.index_of(np.asarray(h3.grid_ring(int(grid.cell_ids[position]), ring), dtype=np.uint64))
            found = around.rings[ring - 1][[position]].indices
            assert sorted(near[near >= 0]) == sorted(found)


@pytest.mark.parametrize("sigma_m", [150.0, 300.0])
def test_smoothing_keeps_the_mass_and_follows_the_gaussian(grid, sigma_m):
    wide = Grid.from_h3(h3.grid_disk(int(grid.cell_ids[0]), 16))
    field = np.zeros((1, len(wide)))
    field[0, 0] = 1.0
    smooth = Surroundings.of(wide).smooth(field, sigma_m)[0]
    assert smooth.sum() == pytest.approx(1.0, rel=0.02)
    distance = np.linalg.norm(wide.centres_m - wide.centres_m[0], axis=1)
    spread = np.sqrt((smooth * distance**2).sum() / smooth.sum() / 2)
    assert spread == pytest.approx(sigma_m, rel=0.15)


def test_features_do_not_change_when_everything_at_or_after_the_origin_changes(grid, incidents):
    origin = -70
    maker = FeatureMaker(grid, 3)
    origin_s = int(CUTOFF.timestamp()) + origin * DAY_S
    late = incidents.end_s >= origin_s
    assert late.any()
    rng = np.random.default_rng(0)
    cell = np.where(late, rng.integers(0, len(grid), len(late)), incidents.cell_index).astype(np.int32)
    moved = np.where(late, incidents.start_s + rng.integers(0, 50 * DAY_S, len(late)), incidents.start_s)
    altered = Incidents.at(cell, moved, moved, np.where(late, 0, incidents.category).astype(np.int16))
    tables = []
    for version in (incidents, altered, incidents.take(~late)):
        panel = Panel.build(version, cells=len(grid), categories=3, anchor=CUTOFF)
        moment = maker.moment(panel, origin)
        tables.append([maker.table(moment, target) for target in range(3)])
    for target in range(3):
        assert tables[0][target].tobytes() == tables[1][target].tobytes() == tables[2][target].tobytes()


def test_every_feature_has_a_name_of_its_own_and_a_known_group(grid):
    names = FeatureMaker(grid, 3).names(1)
    assert len({name for _, name in names}) == len(names) >= 50
    assert {group for group, _ in names} == set(GROUPS[1:8])  # the further groups come with further blocks


# --- engine --------------------------------------------------------------------------------------


def test_a_forecast_has_positive_rates_of_every_cell_slot_and_category(model, incidents, grid):
    made = forecast(model, incidents, grid)
    assert made.rates.shape == (len(grid), 21, 3)
    assert made.rates.dtype == np.float32
    assert np.all(made.rates > 0)
    assert made.slot_starts[0] == CUTOFF
    assert made.horizon_end == CUTOFF + timedelta(days=7)


def test_totals_follow_the_recent_level_and_the_rare_type_stays_rare(model, incidents, grid):
    totals = forecast(model, incidents, grid).rates.sum(axis=(0, 1))
    last = np.bincount(incidents.category[incidents.end_s > CUTOFF.timestamp() - 84 * DAY_S], minlength=3) / 12
    assert totals[:2] == pytest.approx(last[:2], rel=0.15)
    assert 0.005 < totals[2] < 0.1  # three cases in two years
    assert model.parameters["without_trees"] == ["homicide"]


def test_the_rare_type_is_laid_out_like_all_crime(model, incidents, grid):
    week = forecast(model, incidents, grid).rates.sum(axis=1)
    assert np.corrcoef(np.argsort(np.argsort(week[:, 2])), np.argsort(np.argsort(week[:, :2].sum(axis=1))))[0, 1] > 0.6


def test_hot_cells_and_the_hours_of_each_type_are_recovered(model, incidents, grid):
    made = forecast(model, incidents, grid)
    counts = np.bincount(incidents.cell_index, minlength=len(grid))
    hottest = np.argsort(-counts)[:10]
    assert len(set(hottest) & set(np.argsort(-made.rates.sum(axis=(1, 2)))[:20])) >= 8
    by_hour = {start.astimezone(ZoneInfo("Asia/Seoul")).hour: slot for slot, start in enumerate(made.slot_starts)}
    city = made.rates.sum(axis=0)
    assert city[by_hour[6], 0] > 4 * city[by_hour[22], 0]
    assert city[by_hour[22], 1] > 4 * city[by_hour[6], 1]


def test_reasons_add_up_to_the_log_of_the_week_rate(model, incidents, grid):
    made = forecast(model, incidents, grid)
    assert made.reason_groups == GROUPS
    assert made.reasons.shape == (len(grid), len(GROUPS), 3)
    total = made.reasons.astype(np.float64).sum(axis=1)
    assert total == pytest.approx(np.log(made.rates.sum(axis=1, dtype=np.float64)), abs=0.02)


def test_same_inputs_and_seed_give_the_same_bytes_of_model_and_forecast(model, incidents, grid):
    again = train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, seed=5)
    assert again.to_bytes() == model.to_bytes()
    read = TrainedModel.from_bytes(model.to_bytes())
    assert read.to_bytes() == model.to_bytes()
    first, second = forecast(model, incidents, grid), forecast(read, incidents, grid)
    assert first.rates.tobytes() == second.rates.tobytes()
    assert first.reasons.tobytes() == second.reasons.tobytes()


def test_the_order_of_the_file_does_not_change_the_model(model, incidents, grid):
    shuffled = incidents.take(np.random.default_rng(9).permutation(len(incidents)))
    again = train(shuffled, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, seed=5)
    assert again.to_bytes() == model.to_bytes()


def test_incidents_at_or_after_the_cutoff_change_neither_model_nor_forecast(model, incidents, grid):
    rng = np.random.default_rng(2)
    late_s = int(CUTOFF.timestamp()) + rng.integers(0, 30 * DAY_S, 500)
    more = Incidents(
        np.append(incidents.cell_index, rng.integers(0, len(grid), 500)).astype(np.int32),
        np.append(incidents.start_s, late_s),
        np.append(incidents.end_s, late_s),
        np.append(incidents.category, rng.integers(0, 3, 500)).astype(np.int16),
    )
    again = train(more, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, seed=5)
    assert again.to_bytes() == model.to_bytes()
    assert forecast(model, more, grid).rates.tobytes() == forecast(model, incidents, grid).rates.tobytes()


def test_two_weeks_of_slots_repeat_the_profile_of_the_week(model, incidents, grid):
    made = forecast(model, incidents, grid, slots=42)
    assert np.array_equal(made.rates[:, :21], made.rates[:, 21:])


@pytest.mark.parametrize("count", [1, 20, 200])
def test_a_city_with_few_incidents_still_gets_a_forecast(grid, count):
    few = made_up_incidents(len(grid), count=max(count, 4), days=300).take(np.arange(count))
    model = train(few, grid, scheme=SHIFTS, categories=(*CODES, "robbery"), cutoff=CUTOFF, seed=1)
    made = forecast(model, few, grid)
    assert np.all(np.isfinite(made.rates))
    assert np.all(made.rates > 0)
    assert model.parameters["without_trees"] == [*CODES, "robbery"]
    assert made.rates[:, :, 3].sum() < 0.2  # never seen: rare, but not impossible


def test_no_incidents_before_the_cutoff_is_said_plainly(grid, incidents):
    with pytest.raises(NoIncidentsError, match="no incident on the grid before 2020"):
        train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=datetime(2020, 1, 1, tzinfo=UTC))


def test_a_model_of_another_grid_or_a_damaged_file_is_refused(model, incidents):
    other = Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 6))
    with pytest.raises(PredictionError, match="another grid"):
        forecast(model, incidents, other)
    with pytest.raises(PredictionError, match="not a model file"):
        TrainedModel.from_bytes(b"PK\x03\x04")
    with pytest.raises(PredictionError, match="damaged"):
        TrainedModel.from_bytes(model.to_bytes()[:-400])


def test_progress_rises_to_one_and_what_it_raises_stops_the_training(incidents, grid):
    seen = []
    train(
        incidents,
        grid,
        scheme=SHIFTS,
        categories=CODES,
        cutoff=CUTOFF,
        settings=replace(QUICK, boosting=replace(QUICK.boosting, trees=5)),
        progress=lambda fraction, step: seen.append((fraction, step)),
    )
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {step for _, step in seen} == {"panel", "features", "fit"}

    def stop(fraction, step):
        if step == "fit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, progress=stop)


# --- back-test -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result(incidents, grid):
    return run_backtest(incidents, grid, scheme=SHIFTS, categories=CODES, end=CUTOFF, weeks=6, seed=4, settings=QUICK)


def test_the_back_test_scores_every_learner_on_every_type_and_on_all(result, incidents):
    assert [(s.learner, s.category) for s in result.scores if s.category == ""] == [
        (name, "") for name in ("count", "kde", "ewkde", "seasonal", "lightgbm", "hindsight", "oracle")
    ]
    assert len(result.scores) == 28
    test = incidents.start_s >= CUTOFF.timestamp() - 42 * DAY_S
    assert {s.incidents for s in result.scores if s.category == ""} == {int(test.sum())}
    assert result.first_window_start == CUTOFF - timedelta(days=42)
    assert result.window_hours == 168
    assert 0.5 < result.active_cell_share <= 1


def test_capture_rates_rise_with_area_and_lie_in_their_interval(result):
    for score in result.scores:
        if score.incidents == 0:
            assert set(score.metrics["capture_rate"].values()) == {None}
            continue
        shares = list(score.metrics["capture_rate"].values())
        assert shares == sorted(shares)
        for name, share in score.metrics["capture_rate"].items():
            low, high = score.metrics["capture_rate_interval"][name]
            assert low - 1e-9 <= share <= high + 1e-9
        assert score.is_ceiling or len(score.metrics["calibration_bands"]) == 6
        assert score.metrics["pei"]["5"] <= 1


def test_the_product_ranks_hot_cells_and_is_calibrated(result):
    ours = next(s for s in result.scores if s.learner == "lightgbm" and s.category == "")
    assert ours.metrics["capture_rate"]["20"] > 0.5
    assert ours.metrics["calibration_ratio"] == pytest.approx(1, abs=0.15)
    assert ours.metrics["auc"] > 0.7
    assert {lead["over"] for lead in ours.metrics["leads"]} == {"count", "kde", "ewkde", "seasonal", "hindsight"}


def test_the_back_test_repeats_to_the_last_digit(result, incidents, grid):
    again = run_backtest(incidents, grid, scheme=SHIFTS, categories=CODES, end=CUTOFF, weeks=6, seed=4, settings=QUICK)
    assert again.scores == result.scores


def test_a_forecast_of_the_back_test_ignores_all_that_happens_from_its_window_on(incidents, grid):
    panel = Panel.build(incidents, cells=len(grid), categories=3, anchor=CUTOFF)
    cut = Panel.build(
        incidents.take(incidents.end_s < CUTOFF.timestamp() - 21 * DAY_S), cells=len(grid), categories=3, anchor=CUTOFF
    )
    learner = HistoricCount()
    assert np.array_equal(learner.rate(panel, -21), learner.rate(cut, -21))


def test_more_weeks_than_the_data_hold_are_refused_with_numbers(incidents, grid):
    with pytest.raises(TooLittleHistoryError, match="120 weeks needs 896 days"):
        run_backtest(incidents, grid, scheme=SHIFTS, categories=CODES, end=CUTOFF, weeks=120)
