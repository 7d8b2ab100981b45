"""Features as blocks: the contract of a plug-in, moments that are remembered, horizons, causality, memory."""

import pickle
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.errors import PredictionError
from prediction.features import GROUPS, FeatureMaker, city_level, history_days
from prediction.features.maker import REMEMBERED, estimated_mb, moment_bytes
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents, Panel

DOCS = Path(__file__).resolve().parents[2] / "docs" / "methods" / "features.md"
CUTOFF = datetime(2026, 3, 2, tzinfo=UTC)
CUTOFF_S = int(CUTOFF.timestamp())
ORIGIN = -70


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 6))


@pytest.fixture(scope="module")
def incidents(grid):
    """Four thousand incidents of two years, some known only as an interval, twice as many in winter as in summer."""
    rng = np.random.default_rng(3)
    ago = rng.integers(1, 730 * DAY_S, 6_000)
    ago = ago[rng.random(6_000) < 0.66 + 0.33 * np.cos(2 * np.pi * ago / DAY_S / 364)][:4_000]
    start = CUTOFF_S - ago
    end = start + rng.integers(0, 2 * DAY_S, len(ago)) * (rng.random(len(ago)) < 0.2)
    heat = rng.gamma(0.5, 1, len(grid))
    cell = rng.choice(len(grid), len(ago), p=heat / heat.sum()).astype(np.int32)
    return Incidents.at(
        cell, start, end, rng.integers(0, 2, len(ago)).astype(np.int16), place=cell * 4 + rng.integers(0, 4, len(ago))
    )


@pytest.fixture(scope="module")
def panel(incidents, grid):
    return panel_of(incidents, grid)


def panel_of(incidents, grid):
    return Panel.build(incidents, cells=len(grid), categories=2, anchor=CUTOFF)


class Weather:
    """One number for all cells: the day of the year, and nothing known of the wind."""

    name = "weather of a test"
    signature = "station 108"

    def columns(self, target):
        return [("weather", "day_of_year"), ("weather", "wind")]

    def read(self, moment, target):
        return np.array([[moment.start.timetuple().tm_yday, np.nan]], dtype=np.float32)


class Lamps:
    name = "lamps of a test"
    signature = ""

    def __init__(self, values, group="surroundings", name="lamps"):
        self.values = values
        self.listed = [(group, name)]

    def columns(self, target):
        return self.listed

    def read(self, moment, target):
        return self.values


# --- blocks --------------------------------------------------------------------------------------


def test_further_blocks_follow_the_counts_and_give_their_columns(grid, panel):
    lamps = np.arange(len(grid), dtype=np.float32)[:, np.newaxis]
    plain, more = FeatureMaker(grid, 2), FeatureMaker(grid, 2, blocks=[Weather(), Lamps(lamps)])
    moment = more.moment(panel, 0)
    table = more.table(moment, 1)
    assert more.names(1) == [*plain.names(1), ("weather", "day_of_year"), ("weather", "wind"), ("surroundings", "lamps")]
    assert table[:, :-3].tobytes() == plain.table(moment, 1).tobytes()
    assert (table[:, -3] == 61).all()  # 2 March
    assert np.isnan(table[:, -2]).all()
    assert table[:, -1].tolist() == list(range(len(grid)))
    rows = np.array([5, 2, 90])
    assert more.table(moment, 1, rows).tobytes() == np.ascontiguousarray(table[rows]).tobytes()


def test_every_block_reads_the_same_alone_as_in_the_table(grid, panel):
    maker = FeatureMaker(grid, 2)
    moment = maker.moment(panel, 0)
    alone = [np.broadcast_to(block.read(moment, 0), (len(grid), len(block.columns(0)))) for block in maker.blocks]
    assert np.concatenate(alone, axis=1).tobytes() == maker.table(moment, 0).tobytes()


def test_the_signature_tells_which_data_a_model_was_given(grid):
    one, other = Weather(), Weather()
    other.signature = "station 112"
    signatures = {FeatureMaker(grid, 2, blocks=blocks).signature for blocks in ([], [one], [other])}
    assert len(signatures) == 3
    assert FeatureMaker(grid, 2, blocks=[Weather()]).signature in signatures


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        (Lamps(np.zeros((1, 1)), group="astrology"), "'lamps of a test' names the group 'astrology'; the groups are base, "),
        (Lamps(np.zeros((1, 1)), name="ever"), "'ever' is given by two blocks, 'here' and 'lamps of a test'"),
    ],
)
def test_a_block_that_does_not_fit_is_refused_when_it_is_given(grid, block, sentence):
    with pytest.raises(PredictionError, match=sentence):
        FeatureMaker(grid, 2, blocks=[block])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.zeros((3, 1)), r"shape \(3, 1\) where 127 cells .*another grid"),
        (np.zeros((127, 2)), "1 columns were promised"),
        (np.full((127, 1), np.inf), "infinite value; use NaN"),
    ],
)
def test_a_block_that_breaks_its_promise_is_named(grid, panel, values, sentence):
    maker = FeatureMaker(grid, 2, blocks=[Lamps(values)])
    with pytest.raises(PredictionError, match=sentence):
        maker.table(maker.moment(panel, 0), 0)


def test_every_built_in_block_and_group_stands_in_the_docs(grid):
    text = DOCS.read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))
    assert {block.name for block in FeatureMaker(grid, 2).blocks} <= named
    for group in GROUPS:
        assert f"`{group}`" in text


# --- moments -------------------------------------------------------------------------------------


def test_a_moment_is_made_once_and_only_the_last_few_are_remembered(grid, panel, incidents):
    maker = FeatureMaker(grid, 2)
    first = maker.moment(panel, 0)
    assert maker.moment(panel, 0) is first
    same_rows = panel_of(incidents, grid)
    other = maker.moment(same_rows, 0)
    assert other is not first
    assert other.expected.tobytes() == first.expected.tobytes()
    for origin in range(-7 * REMEMBERED, 0, 7):
        maker.moment(panel, origin)
    assert maker.moment(panel, 0) is not first
    assert len(maker._remembered) <= REMEMBERED
    assert moment_bytes(first) > 40 * 3 * 127 * 8


def test_a_panel_that_is_gone_is_not_held_by_its_moment(grid, incidents):
    maker = FeatureMaker(grid, 2)
    maker.moment(panel_of(incidents, grid), 0)
    assert maker._remembered[0][0]() is None


def test_a_maker_travels_to_another_process_without_its_moments(grid, panel):
    maker = FeatureMaker(grid, 2)
    moment = maker.moment(panel, 0)
    copy = pickle.loads(pickle.dumps(maker))  # noqa: S301  # our own bytes
    assert copy._remembered == []
    assert maker.moment(panel, 0) is moment
    assert copy.table(copy.moment(panel, 0), 1).tobytes() == maker.table(moment, 1).tobytes()


def test_a_panel_of_another_grid_or_list_of_categories_is_refused(grid, panel):
    with pytest.raises(PredictionError, match="127 cells and 2 categories, the features were made for 127 and 3"):
        FeatureMaker(grid, 3).moment(panel, 0)


def test_the_start_is_the_instant_of_the_origin(grid, panel):
    assert FeatureMaker(grid, 2).moment(panel, -3).start == CUTOFF - timedelta(days=3)


# --- horizons ------------------------------------------------------------------------------------


def test_level_and_expected_speak_of_the_horizon_and_columns_of_weeks(grid, panel):
    week, day, month = (FeatureMaker(grid, 2, horizon_days=days).moment(panel, 0) for days in (7, 1, 28))
    assert day.level == pytest.approx(week.level / 7, rel=0.1)
    assert month.level == pytest.approx(week.level * 4, rel=0.15)
    assert month.expected.sum(axis=1) == pytest.approx(month.level)
    assert month.decayed.tobytes() == week.decayed.tobytes()
    assert month.last_year.sum() == pytest.approx(week.last_year.sum(), rel=0.2)


def test_the_season_is_that_of_the_days_ahead(panel):
    """In early autumn the next days are as quiet as the last ones; a quarter ahead lies winter."""
    origin = -182 + 40
    known = panel.before(origin)
    age, history = (origin - 1 - known.day).astype(np.int64), history_days(known, origin)
    week, quarter = (city_level(known, age, history, horizon_days=days)[-1] / days for days in (7, 91))
    assert quarter > 1.1 * week


@pytest.mark.parametrize("days", [0, 400])
def test_a_horizon_beyond_a_year_is_refused(grid, days):
    with pytest.raises(PredictionError, match="1 to 364 days"):
        FeatureMaker(grid, 2, horizon_days=days)


# --- causality -----------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon_days", [1, 7, 28])
def test_a_marker_planted_in_the_future_moves_no_feature_of_any_block(grid, incidents, horizon_days):
    """A thousand incidents at one door from the origin on, and intervals that begin before it and end after it."""
    origin_s = CUTOFF_S + ORIGIN * DAY_S
    past = incidents.take(incidents.end_s < origin_s)
    rng = np.random.default_rng(1)
    start = origin_s + np.concatenate([rng.integers(0, 60 * DAY_S, 1_000), -rng.integers(1, 30 * DAY_S, 300), [0]])
    end = np.where(start < origin_s, origin_s + rng.integers(0, DAY_S, len(start)), start)
    marker = np.full(len(start), 17, dtype=np.int32)
    marked = Incidents.at(
        np.append(past.cell_index, marker),
        np.append(past.start_s, start),
        np.append(past.end_s, end),
        np.append(past.category, marker % 2).astype(np.int16),
        place=np.append(past.place, marker * 4).astype(np.int32),
    )
    maker = FeatureMaker(grid, 2, horizon_days=horizon_days, blocks=[Weather()])
    moments = [maker.moment(panel_of(rows, grid), ORIGIN) for rows in (past, marked)]
    for block in maker.blocks:
        for target in range(2):
            before, after = (block.read(moment, target).tobytes() for moment in moments)
            assert before == after, block.name
    for field in ("level", "expected", "expected_here", "expected_around", "expected_others"):
        assert getattr(moments[0], field).tobytes() == getattr(moments[1], field).tobytes(), field
    assert moments[0].coverage.covered.tobytes() == moments[1].coverage.covered.tobytes()


# --- memory --------------------------------------------------------------------------------------


def test_more_cells_than_memory_are_refused_with_numbers_before_anything_is_made(grid, panel):
    with pytest.raises(PredictionError, match=r"127 cells and 2 categories need about \d+ MB of memory, more than the 0 MB"):
        FeatureMaker(grid, 2, memory_limit_mb=0.1)
    maker = FeatureMaker(grid, 2, memory_limit_mb=estimated_mb(cells=127, categories=2) + 0.01)
    with pytest.raises(PredictionError, match="shorter history"):
        maker.moment(panel, 0)
    assert FeatureMaker(grid, 2, memory_limit_mb=100).moment(panel, 0).level.shape == (3,)


def test_a_province_of_a_hundred_thousand_cells_is_estimated_below_1500_mb():
    assert 500 < estimated_mb(cells=100_000, categories=5, rows=5_000_000, spots=1_300_000) < 1_500
