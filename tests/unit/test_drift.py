"""Trials of ways to make a model, and what is usual for its forecasts: known answers, simulated weeks, and causality."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from prediction.drift import SPREAD_UNTRIED, Expectation, watch
from prediction.errors import PredictionError
from prediction.panel import Incidents
from prediction.slots import SlotScheme
from prediction.trial import Comparison, Difference, Trial, compare, hold_trial, week_edges
from prediction.weeks import happened_between, week_figures

SEOUL = SlotScheme("Asia/Seoul", (6, 14, 22))
END = datetime(2024, 6, 2, 21, tzinfo=UTC)
RNG_SEED = 11


def incidents_of(cells, seconds, category=None) -> Incidents:
    start = np.asarray(seconds, dtype=np.int64)
    kinds = np.zeros(len(start), dtype=np.int16) if category is None else np.asarray(category, dtype=np.int16)
    return Incidents(np.asarray(cells, dtype=np.int32), start, start.copy(), kinds)


def trial_of(log_likelihood, captured, reported=100.0, expected=100.0) -> Trial:
    weeks = len(log_likelihood)
    return Trial(
        week_starts=tuple(END + timedelta(weeks=week) for week in range(weeks)),
        reported=np.full((weeks, 2), float(reported)),
        expected=np.full((weeks, 2), float(expected)),
        captured=np.column_stack([captured, captured]).astype(float),
        log_likelihood=np.asarray(log_likelihood, dtype=float),
    )


def test_a_weeks_figures_count_what_the_highest_cells_held():
    rates = np.full((40, 2), 0.1)
    rates[7] = 1.0
    rates[8] = 0.9
    happened = incidents_of([7, 7, 8, 3], [0, 1, 2, 3], [0, 1, 0, 1])
    figures = week_figures(rates, happened)
    assert figures.reported.tolist() == [2, 2, 4]
    assert figures.captured.tolist() == [2, 1, 3]  # 5 % of 40 cells are the cells 7 and 8
    assert figures.expected == pytest.approx([5.7, 5.7, 11.4])
    assert figures.log_likelihood == pytest.approx(np.log(0.9) + np.log(0.1) - 11.4)


def test_an_interval_counts_in_the_week_of_its_middle_and_a_cell_called_impossible_costs_no_infinity():
    spread = Incidents(np.zeros(2, np.int32), np.array([90, 60], np.int64), np.array([130, 99], np.int64), np.zeros(2, np.int16))
    assert len(happened_between(spread, 100, 200)) == 1
    assert np.isfinite(week_figures(np.zeros((3, 1)), happened_between(spread, 100, 200)).log_likelihood)


def test_weeks_keep_to_the_local_clock_when_it_changes():
    new_york = SlotScheme("America/New_York", (6, 14, 22))
    edges = week_edges(datetime(2024, 3, 17, 10, tzinfo=UTC), 2, new_york)  # 06:00 local, summer time began on the 10th
    assert [edge.hour for edge in edges] == [11, 10, 10]
    assert edges[-1] == datetime(2024, 3, 17, 10, tzinfo=UTC)


def test_a_trial_trains_on_nothing_of_its_weeks():
    rng = np.random.default_rng(RNG_SEED)
    seconds = int(END.timestamp()) - rng.integers(0, 200 * 86_400, 3000)
    incidents = incidents_of(rng.integers(0, 20, 3000), seconds)
    edges = week_edges(END, 5, SEOUL)
    asked = []

    def train(known, cutoff, progress):
        assert known.end_s.max() < edges[0].timestamp()
        assert cutoff == edges[0]
        weekly = np.bincount(known.cell_index, minlength=20) / (200 - 35) * 7

        def rates(moment):
            asked.append(moment)
            return weekly[:, None]

        return rates

    trial = hold_trial(incidents, edges=edges, train=train)
    assert asked == edges[:-1]
    assert trial.reported.shape == (5, 2)
    assert trial.reported[:, 0].sum() == len(happened_between(incidents, int(edges[0].timestamp()), int(END.timestamp())))
    assert trial.calibration_ratio == pytest.approx(1, abs=0.1)
    changed = incidents.take(np.arange(len(incidents)))
    late = changed.start_s >= edges[-2].timestamp()
    changed.cell_index[late] = 0
    again = hold_trial(changed, edges=edges, train=train)
    assert np.array_equal(again.expected, trial.expected)
    assert np.array_equal(again.log_likelihood[:-1], trial.log_likelihood[:-1])


def test_too_few_weeks_and_different_weeks_are_refused():
    with pytest.raises(PredictionError, match="4 weeks or more, not 3"):
        hold_trial(incidents_of([], []), edges=week_edges(END, 3, SEOUL), train=lambda *_: None)
    with pytest.raises(PredictionError, match="not of the same weeks"):
        compare(trial_of([0] * 4, [1] * 4), trial_of([0] * 5, [1] * 5))


def test_the_same_way_compared_with_itself_is_neither_better_nor_worse():
    trial = trial_of([-10, -11, -9, -12], [20, 30, 25, 22])
    same = compare(trial, trial)
    assert (same.log_likelihood, same.capture_rate) == (Difference(0, 0, 0), Difference(0, 0, 0))
    assert not same.is_better
    assert not same.is_worse
    assert same.is_as_well_calibrated


def test_a_steady_gain_is_better_and_its_mirror_is_worse():
    better = trial_of([-8.0, -9.1, -7.0, -9.9], [22, 31, 26, 24])
    plain = trial_of([-10, -11, -9, -12], [20, 30, 25, 22])
    forth, back = compare(better, plain), compare(plain, better)
    assert forth.is_better
    assert not forth.is_worse
    assert back.is_worse
    assert not back.is_better
    # By hand: differences 2.0, 1.9, 2.0, 2.1, standard deviation 0.0816, t(0.975, 3) = 3.182.
    assert forth.log_likelihood.difference == pytest.approx(2.0)
    assert forth.log_likelihood.low == pytest.approx(2.0 - 3.1824 * 0.0816497 / 2, abs=1e-4)
    assert forth.capture_rate.difference == pytest.approx(0.015)


def test_a_gain_of_one_measure_does_not_pay_for_a_loss_of_the_other():
    mixed = Comparison(8, Difference(2, 1, 3), Difference(-0.05, -0.07, -0.03), (1.0, 1.0))
    assert not mixed.is_better
    assert mixed.is_worse
    assert not Comparison(8, Difference(0, -1, 1), Difference(0, -1, 1), (1.3, 1.1)).is_as_well_calibrated
    assert Comparison(8, Difference(0, -1, 1), Difference(0, -1, 1), (0.9, 1.2)).is_as_well_calibrated


def test_the_band_holds_95_percent_of_weeks_like_those_of_the_trial():
    rng = np.random.default_rng(RNG_SEED)
    inside_count, inside_share, tries = 0, 0, 400
    for _ in range(tries):
        level = rng.gamma(25, 1 / 25, 13)  # φ = 0.04
        expected = rng.uniform(40, 80, 13)
        reported = rng.poisson(1.1 * expected * level)
        captured = rng.binomial(reported, 0.3)
        known = Expectation.of(reported=reported[:12].astype(float), expected=expected[:12], captured=captured[:12].astype(float))
        seen = watch(known, reported=int(reported[12]), expected=expected[12], captured=float(captured[12]))
        inside_count += seen.reported_side == 0
        inside_share += seen.capture_side == 0
    assert 0.92 <= inside_count / tries <= 0.985
    assert 0.93 <= inside_share / tries <= 0.995


def test_a_broken_level_and_a_lost_map_are_both_seen():
    weeks = np.full(12, 60.0)
    known = Expectation.of(reported=weeks, expected=weeks, captured=np.full(12, 30.0))
    doubled = watch(known, reported=130, expected=60.0, captured=65.0)
    assert (doubled.reported_side, doubled.capture_side, doubled.is_far) == (1, 0, True)
    blind = watch(known, reported=60, expected=60.0, captured=18.0)
    assert (blind.reported_side, blind.capture_side) == (0, -1)
    fine = watch(known, reported=66, expected=60.0, captured=30.0)
    assert not fine.is_outside


def test_without_a_trial_the_band_is_wide_and_of_the_count_alone():
    unknown = Expectation.of(reported=np.zeros(0), expected=np.zeros(0), captured=np.zeros(0))
    assert unknown == Expectation(1.0, SPREAD_UNTRIED, None)
    low, high = unknown.reported_band(100.0)
    assert (low, high) == pytest.approx((60, 147), abs=4)
    assert unknown.capture_band(100) is None
    assert Expectation(**unknown.as_dict()) == unknown


def test_a_week_without_incidents_where_few_were_expected_is_usual():
    known = Expectation.of(reported=np.array([1.0, 0, 0, 2]), expected=np.full(4, 0.8), captured=np.array([1.0, 0, 0, 0]))
    assert not watch(known, reported=0, expected=0.8, captured=0.0).is_outside
    assert watch(known, reported=0, expected=40.0, captured=0.0).reported_side == -1
