"""The contest of 2017: rules kept, nothing read ahead, and the real submission scored as published."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench._nij_choice import AREA_SHARE, Procedure
from bench._nij_data import (
    CITY_SQ_MI,
    WINDOWS,
    Events,
    Known,
    LookedAheadError,
    known_on_the_last_day,
    outcome,
    submission,
)
from bench._nij_scores import CELLS, Scorer, mixture
from bench.nij import SEED, plain_squares, squares_score, team_score

pytestmark = pytest.mark.real

EARLY = -900  # an origin with two years of history before it


@pytest.fixture(scope="module")
def burglary(shared_data: Path) -> Known:
    return known_on_the_last_day(shared_data, "burglary")


def test_what_contestants_knew_ends_on_28_february_2017(burglary: Known) -> None:
    assert burglary.crimes.day[-1] == -1
    assert burglary.other.day[-1] == -1
    assert (len(burglary.crimes), len(burglary.other)) == (5096, 9037)
    assert {name: len(events) for name, events in burglary.calls.items()} == {"all calls": 55_508, "property calls": 9546}


def test_handing_a_forecast_its_own_future_is_refused(burglary: Known, shared_data: Path) -> None:
    with pytest.raises(LookedAheadError, match="event of day"):
        replace(burglary, crimes=outcome(shared_data, "burglary"))
    with pytest.raises(LookedAheadError, match="not possible"):
        Procedure(burglary.at(EARLY), seed=SEED).forecast(0, Scorer("count, half-life 1500 d"), lattices=1)


def test_calls_for_service_are_known_only_after_their_last_month(burglary: Known) -> None:
    assert burglary.at(-120).calls
    assert not burglary.at(-121).calls


def test_choice_and_forecast_do_not_change_by_a_bit_when_everything_later_does(burglary: Known) -> None:
    rng = np.random.default_rng(1)

    def changed(events: Events) -> Events:
        """The same before the origin; later, other places and half as many."""
        before, later = events.before(EARLY), events.between(EARLY, 0)
        kept = np.flatnonzero(rng.random(len(later)) < 0.5)
        points = later.points[kept] + rng.integers(-3000, 3000, (len(kept), 2))
        return Events(np.concatenate([before.day, later.day[kept]]), np.concatenate([before.points, points]))

    one = Procedure(burglary, seed=SEED)
    other = Procedure(replace(burglary, crimes=changed(burglary.crimes), other=changed(burglary.other)), seed=SEED)
    assert one.choose(EARLY) == other.choose(EARLY)
    for base in ("mixture of few signs", "mean of the six maps"):
        first, second = (procedure.forecast(EARLY, Scorer(base), lattices=10) for procedure in (one, other))
        assert first.lattice == second.lattice
        assert first.cells.tolist() == second.cells.tolist()
        assert first.expected_share == second.expected_share


def test_a_forecast_keeps_the_rules_of_the_contest(burglary: Known) -> None:
    forecast = Procedure(burglary, seed=SEED).forecast(0, Scorer("count, half-life 1500 d", 0.35), lattices=10)
    assert 62_500 - 1e-6 <= forecast.lattice.area <= 360_000
    assert min(forecast.lattice.width, forecast.lattice.height) >= 125 - 1e-6
    assert len(set(forecast.cells.tolist())) == CELLS
    assert 0.25 <= AREA_SHARE * CITY_SQ_MI <= 0.75


@pytest.mark.parametrize(
    ("name", "window", "pai", "hits"),
    [("auto theft", "1MO", 6.36, 3), ("auto theft", "2MO", 7.28, 17), ("burglary", "2MO", 0.0, 0)],
)
def test_the_real_submission_scores_as_recorded(shared_data: Path, name: str, window: str, pai: float, hits: int) -> None:
    events = outcome(shared_data, name).between(0, WINDOWS[window])
    found = team_score(submission(shared_data, name).get(window), events)
    assert found is not None
    assert found["hits"] == hits
    assert found["pai"] == pytest.approx(pai, abs=0.005)


def test_windows_hold_as_many_crimes_as_recorded_and_plain_squares_score_alike(shared_data: Path) -> None:
    events = outcome(shared_data, "auto theft")
    assert [len(events.between(0, days)) for days in WINDOWS.values()] == [71, 135, 273, 543, 805]
    squares = plain_squares(known_on_the_last_day(shared_data, "auto theft"))
    assert squares_score(*squares, events.between(0, 7)) == pytest.approx(8.1, abs=0.05)
    assert squares_score(*squares, events.between(0, 31)) == pytest.approx(16.8, abs=0.05)


def test_a_mixture_finds_the_weights_that_made_the_counts() -> None:
    rng = np.random.default_rng(2)
    signs = rng.gamma(0.5, 1.0, (40_000, 3))
    counts = rng.poisson(signs @ np.array([0.3, 0.0, 0.05])).astype(float)
    found = mixture(signs, counts, steps=400)
    assert found == pytest.approx([0.3, 0.0, 0.05], abs=0.01)
    assert (found >= 0).all()
