"""The network over cells and time: it mends what its offset misses, sees nothing past its cut-off, and repeats itself exactly."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from prediction.errors import PredictionError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import DamagedStateError, NotFittedError
from prediction.learners.catalogue import LearnerSettingsError, make
from prediction.learners.network import Network, NetworkSettings
from prediction.learners.rows import expected
from prediction.panel import DAY_S, Incidents, Panel

CUTOFF = datetime(2026, 3, 2, tzinfo=UTC)
DAYS, AHEAD = 560, 28
QUICK = NetworkSettings(bins=16, channels=8, hidden=16, epochs=5, row_limit=20_000, batch=512, origins_at_most=50)


@pytest.fixture(scope="module")
def grid():
    return Grid.squares(shapely.box(127.00, 37.48, 127.04, 37.51), size_m=250, epsg=32652)


@pytest.fixture(scope="module")
def city(grid):
    """(panel, true weekly rates [2, cells] of each week ahead): burning blocks flare up for three weeks and then rest."""
    return flaring_city(len(grid))


@pytest.fixture(scope="module")
def maker(grid):
    return FeatureMaker(grid, 2)


@pytest.fixture(scope="module")
def network(maker, city):
    learner = Network(maker, settings=QUICK)
    learner.fit(city[0], 0, seed=5)
    return learner


def flaring_city(cells, *, seed=4):
    """Each cell is quiet or burning for three weeks at a time: the last weeks tell far more than the year."""
    rng = np.random.default_rng(seed)
    blocks = (DAYS + AHEAD) // 21 + 1
    burning = rng.random((blocks, cells)) < 0.12
    base = rng.gamma(2.0, 0.05, cells)
    cell, day, category = [], [], []
    rates = np.empty((DAYS + AHEAD, 2, cells))
    phase = rng.integers(0, 21, cells)
    for step in range(DAYS + AHEAD):
        state = burning[np.minimum((step + phase) // 21, blocks - 1), np.arange(cells)]
        rates[step, 0] = (base + 2.0 * state) / 7
        rates[step, 1] = base / 7
        for kind in (0, 1):
            where = np.repeat(np.arange(cells), rng.poisson(rates[step, kind]))
            cell.append(where)
            day.append(np.full(len(where), step - DAYS))
            category.append(np.full(len(where), kind))
    cell, day, category = (np.concatenate(part) for part in (cell, day, category))
    start = int(CUTOFF.timestamp()) + day * DAY_S + rng.integers(0, DAY_S, len(day))
    incidents = Incidents.at(cell.astype(np.int32), start, start, category.astype(np.int16))
    weekly = rates[DAYS:].reshape(-1, 7, 2, cells).sum(axis=1)
    return Panel.build(incidents, cells=cells, categories=2, anchor=CUTOFF), weekly, incidents


def log_likelihood(truth, rate):
    return float((truth * np.log(rate) - rate).sum())


def test_it_comes_closer_to_the_true_surface_than_the_offset_it_starts_from(network, maker, city):
    panel, weekly, _ = city
    ours, offsets = 0.0, 0.0
    for week in range(4):
        moment = maker.moment(panel, 7 * week)
        rate = network.rate(panel, 7 * week)
        ours += log_likelihood(weekly[week, 0], rate[0])
        offsets += log_likelihood(weekly[week, 0], expected(moment, 0, 7))
    assert network.gains_[0] > 0
    assert ours > offsets + 10


def test_a_category_without_anything_to_learn_is_left_as_likely_as_its_offset(network, maker, city):
    panel, weekly, _ = city
    rate, offset = network.rate(panel, 0)[1], expected(maker.moment(panel, 0), 1, 7)
    assert log_likelihood(weekly[0, 1], rate) > log_likelihood(weekly[0, 1], offset) - 2


def test_all_crimes_are_the_sum_and_the_total_is_near_what_comes(network, city):
    panel, weekly, _ = city
    rate = network.rate(panel, 0)
    assert rate.shape == (3, panel.cells)
    assert rate[2] == pytest.approx(rate[0] + rate[1])
    assert rate[2].sum() == pytest.approx(weekly[0].sum(), rel=0.15)


def test_nothing_at_or_after_the_origin_moves_a_bit_of_the_fit_or_of_the_forecast(network, maker, grid, city):
    panel, _, incidents = city
    later = incidents.start_s >= CUTOFF.timestamp()
    moved = replace(
        incidents,
        cell_index=np.where(later, 3, incidents.cell_index).astype(np.int32),
        category=np.where(later, 1, incidents.category).astype(np.int16),
    )
    other = Panel.build(moved, cells=len(grid), categories=2, anchor=CUTOFF)
    learner = Network(maker, settings=QUICK)
    learner.fit(other, 0, seed=5)
    assert learner.save() == network.save()
    assert np.array_equal(learner.rate(other, 0), network.rate(panel, 0))
    assert not np.array_equal(learner.rate(other, 7), network.rate(panel, 7))


def test_an_incident_known_only_later_enters_no_history_before_it_is_known(network, maker, grid, city):
    _, _, incidents = city
    long = incidents.take(np.arange(len(incidents)))
    late = (long.start_s < CUTOFF.timestamp() - 2 * DAY_S) & (long.start_s > CUTOFF.timestamp() - 20 * DAY_S)
    ends = np.where(late, int(CUTOFF.timestamp()) + 5 * DAY_S, long.end_s)
    open_ended = Panel.build(replace(long, end_s=ends), cells=len(grid), categories=2, anchor=CUTOFF)
    without = Panel.build(long.take(~late), cells=len(grid), categories=2, anchor=CUTOFF)
    assert np.array_equal(network.rate(open_ended, 0), network.rate(without, 0))


def test_two_fits_give_the_same_bytes_and_another_seed_gives_others(network, maker, city):
    again, other = Network(maker, settings=QUICK), Network(maker, settings=QUICK)
    again.fit(city[0], 0, seed=5)
    other.fit(city[0], 0, seed=6)
    assert again.save() == network.save()
    assert other.save() != network.save()


def test_the_saved_state_forecasts_the_same_bits(network, maker, city):
    restored = Network(maker, settings=QUICK)
    restored.load(network.save())
    assert np.array_equal(restored.rate(city[0], 7), network.rate(city[0], 7))


def test_the_reasons_add_up_to_the_log_of_the_rate(network, city):
    panel = city[0]
    rate = network.rate(panel, 0)
    for target in range(3):
        reasons = network.explain(panel, 0, target)
        assert reasons.shape == (panel.cells, len(GROUPS))
        assert reasons.sum(axis=1) == pytest.approx(np.log(rate[target]), abs=1e-6)
    recent = network.explain(panel, 0, 0)[:, GROUPS.index("here_recent")]
    last_weeks = panel.counts(-14, 0)[0]
    assert recent[last_weeks >= 4].mean() > recent[last_weeks == 0].mean() + 0.3


def test_it_can_start_from_the_empirical_bayes_count_and_carries_it_along(maker, city):
    panel = city[0]
    learner = Network(maker, settings=replace(QUICK, offset="eb", epochs=1))
    learner.fit(panel, 0, seed=5)
    restored = Network(maker, settings=replace(QUICK, offset="eb", epochs=1))
    restored.load(learner.save())
    assert np.array_equal(restored.rate(panel, 0), learner.rate(panel, 0))
    assert learner.explain(panel, 0, 1).sum(axis=1) == pytest.approx(np.log(learner.rate(panel, 0)[1]), abs=1e-6)
    with pytest.raises(DamagedStateError, match="not a saved state"):
        Network(maker, settings=QUICK).load(learner.save())


def test_a_learner_not_fitted_says_so_and_broken_bytes_are_refused(network, maker, city):
    learner = Network(maker, settings=QUICK)
    with pytest.raises(NotFittedError, match="not learnt anything yet"):
        learner.rate(city[0], 0)
    with pytest.raises(NotFittedError, match="not learnt anything yet"):
        learner.save()
    with pytest.raises(DamagedStateError, match="not a saved state"):
        learner.load(network.save()[:-20])
    with pytest.raises(DamagedStateError, match="not a saved state"):
        Network(maker).load(network.save())


def test_too_little_history_leaves_the_offset_alone(maker, grid, city):
    _, _, incidents = city
    few = Panel.build(incidents.take(np.arange(0, 400)), cells=len(grid), categories=2, anchor=CUTOFF)
    none = Panel.build(incidents.take(np.arange(0)), cells=len(grid), categories=2, anchor=CUTOFF)
    for panel in (few, none):
        learner = Network(maker, settings=QUICK)
        learner.fit(panel, 0, seed=1)
        assert np.all(learner.gains_ == 0)
        assert learner.rate(panel, 0)[0] == pytest.approx(expected(maker.moment(panel, 0), 0, 7))


def test_a_day_ahead_is_learnt_from_days(grid, city):
    panel, weekly, _ = city
    learner = make(
        "network", FeatureMaker(grid, 2, horizon_days=1), horizon_days=1, settings={"epochs": 1, "origins_at_most": 20}
    )
    learner.fit(panel, 0, seed=5)
    assert learner.rate(panel, 0).sum() == pytest.approx(2 * weekly[0].sum() / 7, rel=0.25)


def test_settings_that_make_no_sense_are_refused_with_a_sentence(maker):
    with pytest.raises(PredictionError, match="power of two"):
        make("network", maker, settings={"bins": 50})
    with pytest.raises(LearnerSettingsError, match="cannot be made with these settings"):
        make("network", maker, settings={"layers": 3})
    with pytest.raises(PredictionError, match="“cpu”, “cuda” or “auto”"):
        Network(maker, device="tpu").fit(Panel.build(_nothing(), cells=len(maker.grid), categories=2, anchor=CUTOFF), 0, seed=1)


def test_a_gpu_that_is_not_there_is_named_in_a_sentence(maker):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(PredictionError, match="none was found"):
        Network(maker, device="cuda").fit(Panel.build(_nothing(), cells=len(maker.grid), categories=2, anchor=CUTOFF), 0, seed=1)
    automatic = Network(maker, device="auto")
    automatic.fit(Panel.build(_nothing(), cells=len(maker.grid), categories=2, anchor=CUTOFF), 0, seed=1)
    assert np.all(automatic.gains_ == 0)


def test_progress_rises_from_the_start_to_the_end(maker, city):
    heard = []
    Network(maker, settings=replace(QUICK, epochs=2)).fit(city[0], 0, seed=5, progress=lambda part, step: heard.append(part))
    assert heard == sorted(heard)
    assert heard[0] == 0.0
    assert heard[-1] == 1.0


def test_torch_is_loaded_only_when_the_network_learns_or_forecasts():
    asked = (
        "import sys, prediction.engine, prediction.learners.catalogue, prediction.learners.network; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def _nothing():
    empty = np.zeros(0, dtype=np.int64)
    return Incidents.at(empty.astype(np.int32), empty, empty, empty.astype(np.int16))
