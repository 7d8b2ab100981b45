"""The bent profile: each day's sum stays, what the city's hours tell is learnt, and nothing of the future enters."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import shapely

from prediction.errors import PredictionError
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents
from prediction.profile import ProfileSettings, slot_shares, spread_points
from prediction.slot_shape import Counted, ShapeSettings, SlotFields, SlotShape, can_bend
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

CUTOFF = datetime(2024, 1, 1, tzinfo=UTC)
CUTOFF_S = int(CUTOFF.timestamp())
SCHEME = SlotScheme("UTC", (0, 8, 16))
SETTINGS = ShapeSettings(trees=40, least_in_leaf=40, least_expected_in_leaf=5.0, least_incidents=500)


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid.squares(shapely.box(127.0, 37.48, 127.03, 37.5), size_m=250.0, epsg=5179)


@pytest.fixture(scope="module")
def incidents(grid) -> Incidents:
    """West: evenings, east: mornings; a cell of the west that turned to mornings two months ago."""
    rng = np.random.default_rng(4)
    number = 9_000
    cell = rng.integers(0, len(grid), number).astype(np.int32)
    day = rng.integers(-400, 0, number)
    is_west = grid.centres_m[cell, 0] < grid.centres_m[:, 0].mean()
    turned = (cell % 7 == 0) & (day >= -60)
    hour = np.where(is_west & ~turned, 19, 5) + rng.integers(-3, 3, number)
    second = (CUTOFF_S + day * DAY_S + hour * 3_600).astype(np.int64)
    return Incidents.at(cell, second, second, (rng.random(number) < 0.02).astype(np.int16))


def learnt(incidents: Incidents, grid: Grid, **changes: Any) -> SlotShape:
    arguments: dict[str, Any] = {
        "scheme": SCHEME,
        "categories": 2,
        "cutoff_s": CUTOFF_S,
        "profile": ProfileSettings(),
        "seed": 3,
        "settings": SETTINGS,
    }
    return SlotShape.learnt(incidents, grid, Surroundings.of(grid), **{**arguments, **changes})


def shares_of(incidents: Incidents, grid: Grid, category: int = 0) -> np.ndarray:
    around = Surroundings.of(grid)
    return slot_shares(
        incidents, around, scheme=SCHEME, category=category, categories=2, known_s=CUTOFF_S, settings=ProfileSettings()
    )


def fields_of(incidents: Incidents, grid: Grid) -> SlotFields:
    return SlotFields.at(incidents, grid, Surroundings.of(grid), scheme=SCHEME, categories=2, origin_s=CUTOFF_S)


def test_bending_keeps_each_days_sum_and_moves_shares_towards_the_truth(incidents, grid):
    shares = shares_of(incidents, grid)
    bent = learnt(incidents, grid).bent(shares, fields_of(incidents, grid), 0)
    by_day = bent.reshape(7, 3, -1).sum(axis=1)
    assert by_day == pytest.approx(shares.reshape(7, 3, -1).sum(axis=1))
    turned = np.flatnonzero((np.arange(len(grid)) % 7 == 0) & (grid.centres_m[:, 0] < grid.centres_m[:, 0].mean()))
    mornings = slice(0, None, 3)
    assert bent[mornings][:, turned].sum() > shares[mornings][:, turned].sum()


def test_a_rare_category_keeps_its_profile(incidents, grid):
    shares = shares_of(incidents, grid, 1)
    shape = learnt(incidents, grid)
    assert shape.trees[1] is None
    assert shape.bent(shares, fields_of(incidents, grid), 1) is shares


def test_only_the_days_that_are_asked_for_are_bent(incidents, grid):
    shares = shares_of(incidents, grid)
    bent = learnt(incidents, grid).bent(shares, fields_of(incidents, grid), 0, [4])
    assert not np.array_equal(bent[3:6], shares[3:6])
    assert np.array_equal(np.delete(bent, [3, 4, 5], axis=0), np.delete(shares, [3, 4, 5], axis=0))


def test_the_order_of_the_file_and_what_comes_later_change_no_bit(incidents, grid):
    order = np.random.default_rng(1).permutation(len(incidents))
    later = Incidents.at(
        np.r_[incidents.cell_index[order], np.zeros(500, dtype=np.int32)],
        np.r_[incidents.start_s[order], np.full(500, CUTOFF_S)],
        np.r_[incidents.end_s[order], np.full(500, CUTOFF_S)],
        np.r_[incidents.category[order], np.zeros(500, dtype=np.int16)],
    )
    assert learnt(incidents, grid).to_plain() == learnt(later, grid).to_plain()
    one, other = fields_of(incidents, grid), fields_of(later, grid)
    assert np.array_equal(one.decayed, other.decayed)
    assert np.array_equal(one.recent, other.recent)


def test_saved_trees_bend_alike_and_damaged_ones_are_refused(incidents, grid):
    shape, shares, fields = learnt(incidents, grid), shares_of(incidents, grid), fields_of(incidents, grid)
    again = SlotShape.from_plain(SCHEME, shape.to_plain())
    assert np.array_equal(again.bent(shares, fields, 0), shape.bent(shares, fields, 0))
    with pytest.raises(PredictionError, match="train again"):
        SlotShape.from_plain(SCHEME, {"trees": ["no trees"]})


def test_days_of_many_slots_or_of_one_keep_the_profile(incidents, grid):
    assert not can_bend(SlotScheme("UTC", tuple(range(24))), SETTINGS)
    assert not can_bend(SlotScheme("UTC", (0,)), SETTINGS)
    assert not learnt(incidents, grid, scheme=SlotScheme("UTC", (6,))).bends


def test_all_times_at_midnight_still_give_shares_that_add_up(grid):
    rng = np.random.default_rng(2)
    second = (CUTOFF_S - DAY_S * rng.integers(1, 300, 3_000)).astype(np.int64)
    midnight = Incidents.at(rng.integers(0, len(grid), 3_000).astype(np.int32), second, second, np.zeros(3_000, dtype=np.int16))
    bent = learnt(midnight, grid).bent(shares_of(midnight, grid), fields_of(midnight, grid), 0)
    assert np.isfinite(bent).all()
    assert bent.sum(axis=0) == pytest.approx(1.0)


def test_an_interval_is_spread_over_its_slots(grid):
    whole_day = Incidents.at(np.array([3]), np.array([CUTOFF_S - DAY_S]), np.array([CUTOFF_S - 1]), np.array([0], dtype=np.int16))
    counted = Counted.of(whole_day, SCHEME, categories=1, cells=len(grid))
    fields = counted.fields(grid, Surroundings.of(grid), CUTOFF_S)
    assert fields.recent[0, :, 3] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert spread_points(whole_day).weight.sum() == pytest.approx(1.0)
