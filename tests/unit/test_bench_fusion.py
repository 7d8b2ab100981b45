"""The fusion bench counts right: capture with ties, likelihood, history, and a plain forecast that knows no future."""

import numpy as np
import pytest
import shapely
from scipy.sparse import csr_array

from bench._fusion_real import HALF_LIVES_S, Plain, hours_of, watch
from bench._fusion_replayed import LEAD_S, _events, replayed
from bench._fusion_scores import Hour, Scores, captured, history_of
from bench._fusion_simulated import CATEGORIES, Setting
from prediction.fusion.weights import LiveWeights, log_likelihoods
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents

HOUR_S = 3_600
START_S = 20_000 * DAY_S


def hour(excess, rates, cell, *, at_s=START_S):
    excess, rates = np.asarray(excess, dtype=np.float32), np.asarray(rates, dtype=float)
    cells = np.array(cell, dtype=np.int64)
    return Hour(at_s, rates, csr_array(excess), np.ones(rates.shape[1], np.float32), cells, np.zeros(len(cells), np.int64))


def test_cells_that_tie_at_the_edge_count_by_their_chance():
    risk = np.array([3.0] + [1.0] * 99, dtype=np.float32)
    found = captured(risk, np.array([0, 5, 6]))
    assert found == pytest.approx([1.0, 1.0 + 2 * 1 / 99, 1.0 + 2 * 4 / 99])
    assert not captured(risk, np.zeros(0, dtype=np.int64)).any()


def test_the_gain_is_the_difference_of_poisson_likelihoods():
    weights = LiveWeights(("theft",), ("fight",), np.array([[0.7]]), np.ones((1, 1)), np.array([-0.1]))
    hours = [hour([[1.0], [0.0], [-0.5]], [[0.2, 0.3, 0.4]], [0, 0, 2], at_s=START_S + n * HOUR_S) for n in range(3)]
    scores = Scores()
    for one in hours:
        scores.add(one, weights)
    figures = scores.figures()
    wanted = log_likelihoods(weights, history_of(hours, ("theft",), ("fight",))).sum() / 9
    assert figures["loglik_gain"]["value"] == pytest.approx(wanted, abs=1e-4)
    assert figures["incidents"] == 9
    assert figures["hr1"]["plain"] == 0  # one cell of three is more than one in a hundred


def test_without_weights_fused_and_plain_are_the_same():
    scores = Scores()
    scores.add(hour(np.ones((200, 1)), np.random.default_rng(1).random((1, 200)), [3, 4]), None)
    figures = scores.figures()
    assert figures["loglik_gain"]["value"] == 0
    assert figures["hr5"]["plain"] == figures["hr5"]["fused"]


@pytest.fixture(scope="module")
def city() -> tuple[Grid, Incidents]:
    grid = Grid.squares(shapely.box(-73.99, 40.70, -73.97, 40.715), size_m=250.0, epsg=32618)
    rng = np.random.default_rng(4)
    second = START_S + rng.integers(0, 40 * DAY_S, 3_000)
    return grid, Incidents.at(
        rng.integers(0, len(grid), 3_000).astype(np.int32), second, second, rng.integers(0, 3, 3_000).astype(np.int16)
    )


def test_the_plain_forecast_knows_nothing_of_its_own_day_or_later(city):
    grid, incidents = city
    now = START_S + 30 * DAY_S
    shuffled = incidents.start_s.copy()
    late = shuffled >= now
    shuffled[late] = np.random.default_rng(5).permutation(shuffled[late])
    other = Incidents.at(incidents.cell_index, shuffled, shuffled, incidents.category)
    first, second = (Plain(one, grid, 0).rates(now + 5 * HOUR_S) for one in (incidents, other))
    assert np.array_equal(first, second)
    assert first.sum() * 24 == pytest.approx(3_000 / 40, rel=0.4)


def test_an_hours_excess_knows_nothing_of_that_hour_or_of_its_own_type(city):
    grid, incidents = city
    start, keep, end = START_S, START_S + 10 * DAY_S, START_S + 11 * DAY_S
    told = watch(incidents, len(grid), start_s=start, keep_s=keep, end_s=end)
    earlier = incidents.take(incidents.start_s < keep + 5 * HOUR_S)
    # Who is seen is drawn by row: the rows must stay in place, so later ones are moved out of sight instead of away.
    moved = np.where(incidents.start_s < keep + 5 * HOUR_S, incidents.start_s, end + DAY_S)
    again = watch(
        Incidents.at(incidents.cell_index, moved, moved, incidents.category), len(grid), start_s=start, keep_s=keep, end_s=end
    )
    assert len(earlier) < len(incidents)
    for number in range(6):
        assert (told.excess[number] != again.excess[number]).nnz == 0
    hours = list(hours_of(told, incidents, grid, 1, late_h=0, from_s=keep, to_s=end))
    assert len(hours) == 24
    assert hours[0].excess.shape == (len(grid), 2 * len(HALF_LIVES_S))
    own = incidents.category == 1
    assert sum(len(one.cell) for one in hours) == (own & (incidents.start_s >= keep) & (incidents.start_s < end)).sum()


@pytest.fixture(scope="module")
def street() -> Setting:
    """Forty cameras that see a cell each, of fifty cells."""
    camera = np.arange(40)
    coverage = csr_array((np.full(40, 0.5), (camera, camera)), shape=(40, 50))
    rates = np.tile(np.linspace(0.0005, 0.002, 50), (21, len(CATEGORIES), 1))
    return Setting(("crime",) * 40, coverage, rates, warm_h=48, learn_h=240, test_h=120)


def test_an_announcement_comes_before_its_incident_from_a_camera_that_sees_the_cell(street):
    at = 1_767_538_800 + np.full(300, 40 * HOUR_S, dtype=float)
    cell = np.arange(300) % 50
    chance = _events(street, at, cell, 0.0)
    camera, second = _events(street, at, cell, 1.0)
    assert len(camera) - len(chance[0]) == 240  # cells that nobody sees are announced by nobody
    new = np.setdiff1d(second, chance[1])
    assert np.all((new >= at[0] - LEAD_S[1]) & (new <= at[0] - LEAD_S[0]))


def test_the_more_is_announced_the_more_is_gained(street):
    found = replayed(street)["by_share"]
    gains = [one["loglik_gain"]["value"] for one in found.values()]
    assert abs(gains[0]) < 0.01
    assert gains[4] > gains[3] > 0.02
