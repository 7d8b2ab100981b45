"""The whole back-test on a small made-up city: every learner at every horizon, ceilings, leads, and figures that hold."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from prediction.backtest import CEILINGS, HORIZONS, Entrant, run_backtest
from prediction.backtest.results import bands_of
from prediction.backtest.scoring import Happened, Tally
from prediction.learners.count import HistoricCount
from prediction.learners.seasonal import SeasonalCount
from prediction.metrics import Cover, calibration_bands
from prediction.panel import Panel
from tests.held_windows import lead, measure, play
from tests.unit.backtest_city import CODES, END, SHIFTS, city

LEARNERS = ("count", "ewkde", "seasonal")
WEEKS = 8


@pytest.fixture(scope="module")
def made():
    return city()


@pytest.fixture(scope="module")
def result(made):
    grid, incidents = made
    return run_backtest(
        incidents,
        grid,
        scheme=SHIFTS,
        categories=CODES,
        end=END,
        weeks=WEEKS,
        horizons=("week", "day", "shift", "month"),
        learners=LEARNERS,
        seed=4,
    )


def scores(result, horizon="week", category=""):
    return {s.learner: s for s in result.scores if s.horizon == horizon and s.category == category}


def test_every_learner_and_ceiling_is_scored_at_every_horizon_for_every_category(result):
    assert len(result.scores) == 4 * 4 * 5
    assert list(scores(result, "shift", "theft")) == [*LEARNERS, "hindsight", "oracle"]
    assert [(h.code, h.windows, h.left_out, h.window_hours) for h in result.horizons] == [
        ("week", 8, 0, 168),
        ("day", 56, 0, 24),
        ("shift", 168, 0, 8),
        ("month", 2, 0, 672),
    ]
    assert (result.windows, result.window_hours) == (8, 168)
    assert result.first_window_start == END - timedelta(weeks=8)
    assert result.last_window_end == END


def test_all_horizons_count_the_same_incidents(result, made):
    _, incidents = made
    inside = int((incidents.start_s >= (END - timedelta(weeks=8)).timestamp()).sum())
    for horizon in HORIZONS:
        assert {score.incidents for score in scores(result, horizon).values()} == {inside}


def test_streamed_sums_give_the_figures_of_windows_held_in_memory(result, made):
    grid, incidents = made
    panel = Panel.build(incidents, cells=len(grid), categories=len(CODES), anchor=END)
    origins = [-7 * back for back in range(WEEKS, 0, -1)]
    held = {learner.name: play(learner, panel, origins, seed=4) for learner in (HistoricCount(), SeasonalCount())}
    for name, windows in held.items():
        for target, category in enumerate((*CODES, "")):
            ours, old = scores(result, "week", category)[name].metrics, measure(windows[target], seed=4)
            for key in ("capture_rate", "capture_rate_interval", "auc", "area_80_9", "area_82_8"):
                assert ours[key] == old[key], (name, category, key)
            for key in ("log_likelihood", "deviance"):
                assert ours[key] == pytest.approx(old[key], rel=1e-11)
            assert ours["calibration_ratio"] == (old["calibration_ratio"] and pytest.approx(old["calibration_ratio"]))
            bands, old_bands = np.array(ours["calibration_bands"]), np.array(old["calibration_bands"])
            assert bands[:, 0] == pytest.approx(old_bands[:, 0], abs=0.6)
            assert bands[:, 1].sum() == pytest.approx(old_bands[:, 1].sum())
            if old["pei_5"] is not None:
                assert ours["pai"]["1"] == pytest.approx(old["pai_1"], rel=1e-12)
                assert ours["pei"]["5"] == pytest.approx(old["pei_5"], rel=1e-12)
    old = lead(held["count"][3], held["seasonal"][3], seed=4)
    mine = next(row for row in scores(result)["count"].metrics["leads"] if row["over"] == "seasonal" and row["percent"] == "5")
    assert mine["difference"] == pytest.approx(old["difference"], rel=1e-12)
    assert mine["interval"] == pytest.approx(old["interval"], rel=1e-12)


def test_bands_of_a_histogram_are_those_of_all_rates_sorted():
    rng = np.random.default_rng(2)
    rates = rng.gamma(0.3, 0.5, 40_000).astype(np.float32).astype(np.float64)
    counts = rng.poisson(rates).astype(np.float64)
    happened = Happened.of(counts[np.newaxis], seed=1, step=0)
    tally = Tally.empty([0], [0], targets=2, bins=len(rates))
    tally.add(0, np.stack([rates, rates]), happened, Cover(len(rates)))
    exact = np.array(calibration_bands(rates, counts))
    assert np.array(bands_of(tally.bands[0])) == pytest.approx(exact, rel=2e-3, abs=0.6)


def test_the_active_base_counts_shares_of_the_cells_that_ever_held_an_incident():
    counts = np.array([[5.0, 0.0, 3.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    rates = np.array([[1, 9, 8, 7, 6, 5, 4, 3, 2, 0.5]] * 2)
    active = np.array([1, 0, 1, 0, 1, 0, 0, 0, 0, 1], dtype=bool)
    tally = Tally.empty([0], [0], targets=2, bins=10)
    tally.add(0, rates, Happened.of(counts, seed=1, step=0, active=active), Cover(10))
    assert tally.captured[0, 0].tolist() == [0, 0, 0, 0, 3]  # 20 % of ten cells are two: the empty one and the third
    assert tally.captured_active[0, 0].tolist() == [3, 3, 3, 3, 3]  # of the four active ones one, the best of them


def test_every_two_learners_are_compared_at_every_area_share_both_ways(result):
    table = scores(result, "day", "theft")
    pairs = {(row["over"], row["percent"]): row for row in table["ewkde"].metrics["leads"]}
    assert set(pairs) == {(over, p) for over in ("count", "seasonal", "hindsight") for p in ("1", "2", "5", "10", "20")}
    back = {(row["over"], row["percent"]): row for row in table["count"].metrics["leads"]}
    there, here = pairs["count", "5"], back["ewkde", "5"]
    assert there["difference"] == pytest.approx(-here["difference"])
    assert there["interval"] == pytest.approx([-here["interval"][1], -here["interval"][0]])
    assert there["p_value"] == here["p_value"]
    assert 0 < there["p_value"] <= 1
    share = table["ewkde"].metrics["capture_rate"]["5"] - table["count"].metrics["capture_rate"]["5"]
    assert there["difference"] == pytest.approx(share)


def test_ceilings_are_above_every_learner_and_say_that_they_are_ceilings(result):
    for horizon in HORIZONS:
        table = scores(result, horizon)
        assert {name for name, score in table.items() if score.is_ceiling} == set(CEILINGS)
        best = max(table[name].metrics["capture_rate"]["5"] for name in LEARNERS)
        oracle = table["oracle"].metrics
        assert oracle["capture_rate"]["5"] > table["hindsight"].metrics["capture_rate"]["5"]
        assert table["hindsight"].metrics["capture_rate"]["5"] > 0.95 * best
        assert oracle["pei"] == {"1": 1.0, "2": 1.0, "5": 1.0, "10": 1.0, "20": 1.0}
        assert oracle["auc"] == 1.0
        assert oracle["log_likelihood"] is None
        assert oracle["leads"] == []


def test_shifts_know_the_time_of_day(result):
    # Theft is by day and violence by night: only a rate that knows the shift says so.
    for category in ("theft", "violence"):
        week, shift = (scores(result, horizon, category)["ewkde"].metrics for horizon in ("week", "shift"))
        assert shift["calibration_ratio"] == pytest.approx(week["calibration_ratio"], rel=0.03)
    seen = {row["low"]: row["seen"] for row in scores(result, "shift", "theft")["ewkde"].metrics["reliability"]}
    assert seen[min(seen)] < seen[max(seen)]


def test_the_shape_of_the_day_bends_shifts_and_keeps_the_week(made):
    grid, incidents = made
    plain = Entrant("plain", lambda maker, days: HistoricCount(horizon_days=days))
    result = run_backtest(
        incidents,
        grid,
        scheme=SHIFTS,
        categories=CODES,
        end=END,
        weeks=2,
        horizons=("shift", "day"),
        learners=(plain, replace(plain, code="shaped", shaped=True)),
        seed=4,
    )
    day = scores(result, "day")
    assert day["shaped"].metrics["log_likelihood"] == day["plain"].metrics["log_likelihood"]
    for category in ("theft", "violence"):
        table = scores(result, "shift", category)
        bent, straight = table["shaped"].metrics, table["plain"].metrics
        assert bent["log_likelihood"] != straight["log_likelihood"]
        # Theft by day and violence by night, the same everywhere: nothing is left to bend, and little is lost.
        assert bent["log_likelihood"] == pytest.approx(straight["log_likelihood"], rel=0.01)
        assert bent["calibration_ratio"] == pytest.approx(straight["calibration_ratio"], rel=0.02)


def test_measures_lie_where_they_must(result):
    for score in result.scores:
        found = score.metrics
        if score.incidents == 0:
            assert set(found["capture_rate"].values()) == {None}
            assert found["auc"] is None
            continue
        shares = list(found["capture_rate"].values())
        assert shares == sorted(shares)
        assert all(0 <= found["pei"][p] <= 1 + 1e-12 for p in found["pei"])
        assert all(found["pai"][p] == pytest.approx(found["pei"][p] * found["pai_best"][p]) for p in found["pei"])
        assert found["area_80_9"] <= found["area_82_8"]
        if score.learner == "oracle":
            continue
        assert sum(row["cells"] for row in found["reliability"]) == windows_of(result, score) * 169
        for row in found["reliability"]:
            assert row["interval"][0] <= row["seen"] <= row["interval"][1]
            assert row["low"] <= row["called"] <= row["high"]
        assert 0 <= found["brier"] <= 1
        assert 0 <= found["crps"] <= found["mae"] + 1e-12  # the CRPS of a spread is below that of its mean as a point
        assert sum(band[1] for band in found["calibration_bands"]) == pytest.approx(score.incidents)


def windows_of(result, score):
    return next(h.windows for h in result.horizons if h.code == score.horizon)


def test_f1_of_all_crimes_is_micro_and_macro_over_the_categories(result):
    table = scores(result)["count"].metrics
    parts = [scores(result, "week", code)["count"].metrics["f1"] for code in CODES]
    assert table["macro_f1"] == pytest.approx(np.mean([part for part in parts if part is not None]))
    assert 0 < table["micro_f1"] < 1
    assert "micro_f1" not in scores(result, "week", "theft")["count"].metrics


def test_the_back_test_repeats_to_the_last_digit(result, made):
    grid, incidents = made
    again = run_backtest(
        incidents, grid, scheme=SHIFTS, categories=CODES, end=END, weeks=WEEKS, horizons=("week",), learners=LEARNERS, seed=4
    )
    assert again.scores == [score for score in result.scores if score.horizon == "week"]


def test_every_measure_has_its_line_in_the_documentation(result):
    text = (Path(__file__).resolve().parents[2] / "docs" / "methods" / "backtest.md").read_text()
    for key in {key for score in result.scores for key in score.metrics}:
        assert f"`{key}`" in text, key
