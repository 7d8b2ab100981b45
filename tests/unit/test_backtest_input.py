"""What a back-test does with data that are short, silent, lopsided or tiny, and that no forecast sees its window."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely

from prediction.backtest import Entrant, run_backtest
from prediction.backtest.ceilings import Hindsight
from prediction.backtest.playing import Setup, Stage, play_block
from prediction.backtest.windows import HORIZONS, fit_blocks, windows_of
from prediction.errors import NoIncidentsError, PredictionError, TooLittleHistoryError
from prediction.grid import Grid
from prediction.learners.catalogue import UnknownLearnerError
from prediction.learners.count import HistoricCount
from prediction.panel import DAY_S
from prediction.slots import SlotScheme
from tests.unit.backtest_city import CODES, END, SHIFTS, city

END_S = int(END.timestamp())


@pytest.fixture(scope="module")
def made():
    return city(count=3_000, rings=4)


def back_test(made, **more):
    grid, incidents = made
    given = {"scheme": SHIFTS, "categories": CODES, "end": END, "weeks": 4, "seed": 4, "learners": ("count", "ewkde")}
    return run_backtest(incidents, grid, **(given | more))


def test_a_test_longer_than_the_data_is_refused_with_numbers(made):
    with pytest.raises(TooLittleHistoryError, match="120 weeks needs 896 days"):
        back_test(made, weeks=120)
    with pytest.raises(TooLittleHistoryError):
        back_test(made, weeks=0)


def test_a_test_before_any_incident_is_refused(made):
    with pytest.raises(NoIncidentsError):
        back_test(made, end=END - timedelta(days=2_000))


def test_a_test_after_the_data_end_is_refused(made):
    with pytest.raises(PredictionError, match="hold nothing in the last 4 weeks"):
        back_test(made, end=END + timedelta(days=60))


def test_a_category_without_incidents_in_the_windows_is_scored_with_nothing_to_measure(made):
    for horizon in ("week", "shift"):
        result = back_test(made, horizons=(horizon,))
        score = next(s for s in result.scores if (s.learner, s.category) == ("ewkde", "homicide"))
        assert score.incidents == 0
        assert set(score.metrics["capture_rate"].values()) == {None}
        assert score.metrics["count_accuracy"] is None
        assert score.metrics["leads"] == []
        assert score.metrics["brier"] < 0.01
        assert score.metrics["log_likelihood"] < 0


def test_windows_in_a_gap_of_the_data_are_left_out_and_counted(made):
    grid, incidents = made
    silent = (incidents.end_s > END_S - 25 * DAY_S) & (incidents.start_s < END_S - 9 * DAY_S)
    gappy = incidents.take(~silent)
    result = back_test((grid, gappy), horizons=("week", "day"), weeks=6)
    assert [(h.code, h.windows, h.left_out) for h in result.horizons] == [("week", 5, 1), ("day", 42 - 16, 16)]
    counted = {s.incidents for s in result.scores if s.horizon == "day" and s.category == ""}
    assert counted == {int((gappy.start_s >= END_S - 42 * DAY_S).sum())}


def test_a_single_cell_is_tested_without_a_ranking_to_speak_of(made):
    _, incidents = made
    grid = Grid.from_h3(np.array([h3.latlng_to_cell(37.49, 127.01, 10)], dtype=np.uint64))
    one = replace(incidents, cell_index=np.zeros(len(incidents), dtype=np.int32))
    result = back_test((grid, one), horizons=("week", "shift"))
    ours = next(s for s in result.scores if (s.learner, s.category, s.horizon) == ("ewkde", "", "week"))
    assert ours.metrics["capture_rate"] == {"1": 1.0, "2": 1.0, "5": 1.0, "10": 1.0, "20": 1.0}
    assert ours.metrics["auc"] is None
    assert ours.metrics["count_accuracy"] > 0.5
    assert 0.8 < ours.metrics["calibration_ratio"] < 1.2


def test_intervals_are_spread_over_the_shifts_and_count_once(made):
    grid, incidents = made
    long = replace(incidents, end_s=incidents.start_s + 5 * 3_600)
    score = back_test((grid, long), horizons=("shift",)).scores[-1]
    inside = long.end_s < END_S
    started = (long.start_s >= END_S - 28 * DAY_S) & inside
    assert score.incidents == pytest.approx(started.sum(), abs=0.03 * started.sum())


def test_areas_of_different_size_are_covered_by_their_area(made):
    _, incidents = made
    edges = [127.0, 127.002, 127.006, 127.02, 127.06]
    boxes = [shapely.box(west, 37.4, east, 37.42) for west, east in pairwise(edges)]
    grid = Grid.areas(boxes, epsg=32652, codes=["a", "b", "c", "d"])
    inside = replace(incidents, cell_index=(incidents.cell_index % 4).astype(np.int32))
    score = next(s for s in back_test((grid, inside)).scores if (s.learner, s.category) == ("count", ""))
    # A quarter of the incidents in each: the two smallest, a tenth of the area, hold about half.
    assert score.metrics["capture_rate"]["10"] == pytest.approx(0.5, abs=0.06)
    assert score.metrics["pai"]["10"] == pytest.approx(5, abs=0.7)
    assert score.metrics["pei"]["10"] <= 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"learners": ("count", "count")}, "each only once; given were: count, count"),
        ({"learners": ()}, "at least one learner"),
        ({"horizons": ()}, "at least one horizon"),
        ({"horizons": ("week", "year")}, "no horizon “year”"),
        ({"horizons": ("month",), "weeks": 3}, "3 weeks holds no whole window"),
        ({"horizons": ("shift",), "scheme": SlotScheme("Asia/Seoul", (6,), "month")}, "do not repeat by the"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(made, change, sentence):
    with pytest.raises(PredictionError, match=sentence):
        back_test(made, **change)


def test_an_unknown_learner_is_refused_before_anything_is_played(made):
    with pytest.raises(UnknownLearnerError, match="no learner “oracle of Delphi”"):
        back_test(made, learners=("oracle of Delphi",))


class Broken(HistoricCount):
    def rate(self, panel, origin_day):
        return np.full_like(super().rate(panel, origin_day), np.nan)


def test_rates_that_are_no_numbers_are_refused(made):
    broken = Entrant("broken", lambda maker, days: Broken(horizon_days=days))
    with pytest.raises(PredictionError, match="each a number of zero or more"):
        back_test(made, learners=(broken,))


class Spy(HistoricCount):
    """Looks for anything later than it should know."""

    name = "spy"

    def fit(self, panel, cutoff_day, *, seed, progress=lambda fraction, step: None):
        assert (panel.known_day < cutoff_day).all()

    def rate(self, panel, origin_day):
        assert (panel.known_day < origin_day).all()
        assert len(panel.day)
        return super().rate(panel, origin_day)


def test_learners_are_given_panels_that_end_at_the_origin(made):
    spy = Entrant("spy", lambda maker, days: Spy(horizon_days=days))
    result = back_test(made, learners=(spy,), horizons=("shift", "day", "week", "month"))
    assert {score.learner for score in result.scores} == {"spy", "hindsight", "oracle"}


def test_what_happens_from_a_window_on_changes_no_bit_of_its_forecast():
    grid, incidents = city(count=6_000, rings=4)  # enough that the shape of the day is learnt
    changed_from = END_S - 14 * DAY_S
    rng = np.random.default_rng(1)
    late = incidents.end_s >= changed_from
    cells = np.where(late, rng.integers(0, len(grid), len(incidents)), incidents.cell_index).astype(np.int32)
    category = np.where(late, 1 - np.minimum(incidents.category, 1), incidents.category).astype(np.int16)
    other = replace(incidents, cell_index=cells, category=category)
    windows = [w for code in ("shift", "day", "week") for w in windows_of(HORIZONS[code], SHIFTS, end=END, weeks=4)]
    predicted = []
    entrants = (Entrant.of_catalogue("ewkde"), replace(Entrant.of_catalogue("seasonal"), shaped=True))
    for data in (incidents, other):
        setup = Setup(data, grid, SHIFTS, CODES, END, entrants)
        block = fit_blocks(windows, end=END, weeks=4)[0]
        predicted.append(play_block(Stage(setup), block, ("ewkde", "seasonal")))
    for (code, horizon), tally in predicted[0].items():
        early = [w.step for w in block.windows if w.horizon == horizon and w.start_s <= changed_from]
        kept = np.isin(tally.step, early)
        assert kept.any()
        mine, theirs = (found[code, horizon].sums[kept, :, 0] for found in predicted)
        assert np.array_equal(mine, theirs)
        later = ~kept
        assert not np.array_equal(*(found[code, horizon].sums[later, :, 0] for found in predicted))


def test_hindsight_never_sees_the_window_itself(made):
    grid, incidents = made
    inside = (incidents.start_s >= END_S - 7 * DAY_S) & (incidents.start_s < END_S)
    without = incidents.take(~inside)
    stage = [Stage(Setup(data, grid, SHIFTS, CODES, END, ())) for data in (incidents, without)]
    rates = []
    for one in stage:
        hindsight = Hindsight(one.maker(7).around, one.setup.cover, [(60.0, 150.0)] * 4)
        rates.append(hindsight.rate(one.panel(), -7, 0))
    assert np.array_equal(*rates)
