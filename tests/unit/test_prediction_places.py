"""Repeated addresses in the forecast: what the spots of a cell tell, strictly from the past, and never as a bare number."""

from dataclasses import replace
from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.concentration import DISCOUNT, Concentration
from prediction.engine import EngineSettings, forecast, train
from prediction.errors import PredictionError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.boosting import TREES_A_REPORT, BoostingSettings
from prediction.panel import DAY_S, Incidents, Panel, places_of
from prediction.slots import SlotScheme

CUTOFF = datetime(2026, 3, 2, tzinfo=UTC)
CUTOFF_S = int(CUTOFF.timestamp())
SHIFTS = SlotScheme("UTC", (6, 14, 22))
CODES = ("theft", "violence")
QUICK = EngineSettings(BoostingSettings(trees=40, least_in_leaf=40, learning_rate=0.1))
ORIGIN = -70


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 6))


@pytest.fixture(scope="module")
def incidents(grid):
    """4,000 incidents of two years at four addresses a cell, of which the first draws most."""
    rng = np.random.default_rng(11)
    heat = rng.gamma(0.5, 1, len(grid))
    cell = rng.choice(len(grid), 4_000, p=heat / heat.sum()).astype(np.int32)
    place = (cell * 4 + rng.choice(4, len(cell), p=[0.7, 0.1, 0.1, 0.1])).astype(np.int32)
    start = CUTOFF_S - rng.integers(1, 730 * DAY_S, len(cell))
    return Incidents.at(cell, start, start, rng.integers(0, 2, len(cell)).astype(np.int16), place=place)


def panel_of(incidents, grid):
    return Panel.build(incidents, cells=len(grid), categories=2, anchor=CUTOFF)


def trained(incidents, grid, **more):
    return train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=QUICK, seed=5, **more)


def spots(cell, place, age_days, category, *, cells=3):
    start = CUTOFF_S - np.array(age_days) * DAY_S + 3_600
    made = Incidents.at(np.array(cell), start, start, np.array(category), place=np.array(place))
    panel = Panel.build(made, cells=cells, categories=2, anchor=CUTOFF)
    return Concentration.of(panel, (-1 - panel.day).astype(np.int64), long_weekly=1.0, recent_weekly=1.0)


def test_points_that_agree_to_a_millionth_of_a_degree_are_one_place():
    lon = np.array([127.0, 127.0000001, 127.00001, 127.0, 126.9])
    lat = np.array([37.5, 37.5, 37.5, 37.50001, 37.5])
    assert places_of(lon, lat).tolist() == [1, 1, 3, 2, 0]
    assert places_of(lon[:0], lat[:0]).tolist() == []


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(PredictionError, match="one length"):
        Incidents(*(np.zeros(n, np.int64) for n in (2, 2, 2, 2, 1)))


def test_the_busiest_addresses_of_a_cell_are_counted_by_type_and_together():
    # Cell 0: address 7 with six thefts, address 8 with one theft and one violence; cell 2: one theft. All of yesterday.
    fields = spots([0] * 8 + [2], [7] * 6 + [8, 8, 9], [1] * 9, [0] * 7 + [1, 0])
    assert fields.busiest.tolist() == [[6, 0, 1], [1, 0, 0], [6, 0, 1]]
    assert fields.second.tolist() == [[1, 0, 0], [0, 0, 0], [2, 0, 0]]
    assert fields.spots.tolist() == [[2, 0, 1], [1, 0, 0], [2, 0, 1]]
    assert fields.repeated.tolist() == [[6, 0, 0], [0, 0, 0], [8, 0, 0]]
    assert fields.often.tolist() == [[6, 0, 0], [0, 0, 0], [6, 0, 0]]
    assert fields.discounted[0] == pytest.approx([7 - 2 * DISCOUNT, 0, 1 - DISCOUNT])
    assert fields.evenness[2] == pytest.approx([64 / 40, 0, 1])


def test_two_equally_busy_addresses_are_both_seen():
    fields = spots([1] * 4, [3, 3, 4, 4], [1] * 4, [0] * 4)
    assert (fields.busiest[0, 1], fields.second[0, 1]) == (2, 2)


def test_an_address_on_a_cell_edge_counts_in_each_cell_by_itself():
    assert spots([0, 1], [5, 5], [1, 1], [0, 0]).repeated.sum() == 0


def test_features_of_places_do_not_change_when_all_from_the_origin_on_changes(grid, incidents):
    late = incidents.end_s >= CUTOFF_S + ORIGIN * DAY_S
    rng = np.random.default_rng(0)
    place = np.where(late, rng.integers(0, 10_000, len(late)), incidents.place).astype(np.int32)
    cell = np.where(late, rng.permutation(incidents.cell_index), incidents.cell_index).astype(np.int32)
    versions = (incidents, replace(incidents, place=place, cell_index=cell), incidents.take(~late))
    maker = FeatureMaker(grid, 2)
    tables = []
    for version in versions:
        moment = maker.moment(panel_of(version, grid), ORIGIN)
        tables.append([maker.table(moment, target).tobytes() for target in range(2)])
    assert late.any()
    assert tables[0] == tables[1] == tables[2]


def test_only_the_order_of_places_matters_not_their_numbers(grid, incidents):
    renumbered = replace(incidents, place=incidents.place * 3 + 17)
    maker = FeatureMaker(grid, 2)
    first, second = (maker.moment(panel_of(version, grid), 0) for version in (incidents, renumbered))
    assert maker.table(first, 0).tobytes() == maker.table(second, 0).tobytes()


def test_places_enter_the_forecast_deterministically_and_its_reasons_add_up(grid, incidents):
    model = trained(incidents, grid)
    shuffled = incidents.take(np.random.default_rng(9).permutation(len(incidents)))
    assert trained(shuffled, grid).to_bytes() == model.to_bytes()
    assert trained(replace(incidents, place=None), grid).to_bytes() != model.to_bytes()
    made = forecast(model, incidents, grid)
    assert made.reason_groups == GROUPS
    total = made.reasons.astype(np.float64).sum(axis=1)
    assert total == pytest.approx(np.log(made.rates.sum(axis=1, dtype=np.float64)), abs=0.02)


def test_incidents_after_the_cutoff_at_known_addresses_change_no_bit(grid, incidents):
    later = replace(incidents, start_s=incidents.start_s + 731 * DAY_S, end_s=incidents.end_s + 731 * DAY_S)
    joined = [np.append(getattr(incidents, name), getattr(later, name)) for name in vars(incidents)]
    more, model = Incidents(*joined), trained(incidents, grid)
    assert trained(more, grid).to_bytes() == model.to_bytes()
    assert forecast(model, more, grid).rates.tobytes() == forecast(model, incidents, grid).rates.tobytes()


@pytest.mark.parametrize("known", ["no two at one address", "unknown", "partly unknown"])
def test_a_city_without_repeated_addresses_gets_its_forecast(grid, incidents, known):
    alone = np.arange(len(incidents), dtype=np.int32)
    place = {"no two at one address": alone, "unknown": None, "partly unknown": np.where(alone % 2, alone, -1).astype(np.int32)}
    city = replace(incidents, place=place[known])
    fields = FeatureMaker(grid, 2).moment(panel_of(city, grid), 0).spots
    assert fields.repeated.sum() == 0
    made = forecast(trained(city, grid), city, grid)
    assert np.isfinite(made.rates).all()
    assert np.isfinite(made.reasons).all()
    assert made.rates.sum() == pytest.approx(4_000 / 730 * 7, rel=0.2)


def test_training_reports_while_its_trees_grow_and_hears_a_cancel_there(grid, incidents):
    class CancelledError(Exception):
        pass

    reports = []

    def listen(fraction, step):
        reports.append((step, fraction))
        if len({share for name, share in reports if name == "fit"}) == 4:
            raise CancelledError

    with pytest.raises(CancelledError):
        trained(incidents, grid, progress=listen)
    fitting = [fraction for step, fraction in reports if step == "fit"]
    assert TREES_A_REPORT == 10
    assert fitting == sorted(fitting)
    assert fitting[-1] < 0.5  # the first model's 30 trees: a cancel need not wait for the next model
