"""Windows of every horizon, blocks between two fits, times without data, and the split that tuning cannot look over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from prediction.backtest.windows import HORIZONS, Split, covered, fit_blocks, horizon_of, windows_of
from prediction.errors import LookedAheadError, PredictionError
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme
from tests.unit.backtest_city import END, SHIFTS

END_S = int(END.timestamp())


def at(seconds):
    times = np.asarray(seconds, dtype=np.int64)
    return Incidents.at(np.zeros(len(times), dtype=np.int32), times, times, np.zeros(len(times), dtype=np.int16))


def test_windows_tile_the_test_without_a_gap_at_every_horizon():
    for code, count in (("shift", 26 * 21), ("day", 182), ("week", 26), ("month", 6)):
        windows = windows_of(HORIZONS[code], SHIFTS, end=END, weeks=26)
        assert len(windows) == count
        assert [window.step for window in windows] == list(range(count))
        assert all(first.end_s == second.start_s for first, second in pairwise(windows))
        assert windows[-1].end_s == END_S


def test_days_and_shifts_are_drawn_by_weeks_and_longer_windows_one_by_one():
    for code in ("shift", "day"):
        windows = windows_of(HORIZONS[code], SHIFTS, end=END, weeks=4)
        assert sorted({window.block for window in windows}) == [0, 1, 2, 3]
    assert [window.block for window in windows_of(HORIZONS["month"], SHIFTS, end=END, weeks=9)] == [0, 1]


def test_a_slot_of_a_night_when_the_clocks_change_is_an_hour_longer():
    chicago = SlotScheme("America/Chicago", (6, 14, 22))
    windows = windows_of(HORIZONS["shift"], chicago, end=datetime(2025, 11, 8, 12, tzinfo=UTC), weeks=1)
    hours = [(window.end_s - window.start_s) // 3_600 for window in windows]
    assert sorted(set(hours)) == [8, 9]
    assert hours.count(9) == 1


def test_learners_are_fitted_again_every_91_days_and_before_every_window():
    windows = [w for code in ("week", "shift", "month") for w in windows_of(HORIZONS[code], SHIFTS, end=END, weeks=26)]
    blocks = fit_blocks(windows, end=END, weeks=26)
    assert [(block.learner_days, block.number, block.cutoff_day) for block in blocks] == [
        (7, 0, -182),
        (7, 1, -91),
        (28, 0, -168),
        (28, 1, -84),
    ]
    for block in blocks:
        assert all(window.start_s >= END_S + block.cutoff_day * DAY_S for window in block.windows)
    assert sum(len(block.windows) for block in blocks) == len(windows)


def test_unknown_horizons_and_tests_too_short_for_one_are_refused():
    with pytest.raises(PredictionError, match=r"no horizon “year” to test on\. Choose among: shift, day, week, month"):
        horizon_of("year")
    with pytest.raises(PredictionError, match="3 weeks holds no whole window of the horizon “month”"):
        windows_of(HORIZONS["month"], SHIFTS, end=END, weeks=3)
    with pytest.raises(PredictionError, match="at least one; not 0"):
        fit_blocks([], end=END, weeks=3, refit_days=0)


def test_windows_in_a_silence_that_cannot_be_chance_are_not_covered():
    every_hour = END_S - 3_600 * np.arange(1, 24 * 180)
    silent = (every_hour > END_S - 60 * DAY_S) & (every_hour < END_S - 30 * DAY_S)
    weeks = windows_of(HORIZONS["week"], SHIFTS, end=END, weeks=12)
    seen = covered(weeks, at(every_hour[~silent]), end=END)
    assert np.flatnonzero(~seen).tolist() == [4, 5, 6]  # whole weeks within the thirty days
    assert covered(weeks, at(every_hour), end=END).all()
    late = covered(weeks, at(every_hour[every_hour < END_S - 14 * DAY_S]), end=END)
    assert np.flatnonzero(~late).tolist() == [10, 11]
    assert not covered(weeks, at([]), end=END).any()


def test_a_quiet_town_is_covered_all_the_same():
    rng = np.random.default_rng(5)
    one_in_ten_days = END_S - np.sort(rng.integers(0, 700 * DAY_S, 70))
    weeks = windows_of(HORIZONS["week"], SHIFTS, end=END, weeks=12)
    assert covered(weeks, at(one_in_ten_days), end=END).all()


def test_tuning_gets_data_that_end_where_the_test_begins():
    incidents = at(END_S - DAY_S * np.arange(1, 400))
    split = Split.of_weeks(END, 26)
    assert split.test_start == END - timedelta(days=182)
    cut = split.tuning(incidents)
    assert cut.end_s.max() < split.test_start.timestamp()
    assert not np.shares_memory(cut.end_s, incidents.end_s)
    panel = split.tuning_panel(incidents, cells=1, categories=1)
    assert panel.known_day.max() == -1
    split.refuse_later(cut)
    split.refuse_later(panel)


def test_data_that_reach_into_the_test_are_refused_with_their_number():
    incidents = at(END_S - DAY_S * np.arange(1, 400))
    split = Split.of_weeks(END, 2)
    for known in (incidents, Panel.build(incidents, cells=1, categories=1, anchor=END)):
        with pytest.raises(LookedAheadError, match=r"14 incidents at or after .* where the test begins") as caught:
            split.refuse_later(known)
        assert caught.value.rows == 14
    with pytest.raises(PredictionError, match="must end after it begins"):
        Split(END, END)


def test_an_interval_that_ends_in_the_test_is_of_the_test():
    incidents = at(END_S - DAY_S * np.arange(1, 100))
    long = replace(incidents, end_s=incidents.start_s + 20 * DAY_S)
    split = Split.of_weeks(END, 2)
    assert split.tuning(long).start_s.max() < split.test_start.timestamp() - 19 * DAY_S
