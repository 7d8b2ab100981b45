"""The learner of large areas: levels, shares, last year's season, and nothing of the future."""

from datetime import UTC, datetime

import numpy as np
import pytest

from prediction.features import GROUPS
from prediction.learners.catalogue import make
from prediction.learners.regional import LevelAndShares
from prediction.panel import DAY_S, Incidents, Panel

END = datetime(2024, 1, 1, tzinfo=UTC)
SHARES = np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])


def panel_of(daily: np.ndarray, *, seed: int = 1, after: int = 0) -> Panel:
    """Incidents of two types in three areas; daily: Float64[types, days], the last day being the one before END."""
    rng = np.random.default_rng(seed)
    cells, days, types = [], [], []
    for kind, row in enumerate(daily):
        counts = rng.poisson(row)
        day = np.repeat(np.arange(len(row)) - len(row), counts)
        cells.append(rng.choice(3, size=len(day), p=SHARES[kind]))
        days.append(day)
        types.append(np.full(len(day), kind))
    cells += [np.zeros(after, dtype=int)]
    days += [np.full(after, 2)]
    types += [np.zeros(after, dtype=int)]
    second = np.concatenate(days).astype(np.int64) * DAY_S + int(END.timestamp()) + 3_600
    cell, type_ = np.concatenate(cells).astype(np.int32), np.concatenate(types).astype(np.int16)
    return Panel.build(Incidents.at(cell, second, second, type_), cells=3, categories=2, anchor=END)


def test_a_steady_city_is_expected_to_go_on_with_its_shares():
    panel = panel_of(np.full((2, 700), [[40.0], [10.0]]))
    rates = LevelAndShares(horizon_days=7).rate(panel, 0)
    assert rates.shape == (3, 3)
    assert rates[0].sum() == pytest.approx(280, rel=0.05)
    assert rates[1].sum() == pytest.approx(70, rel=0.1)
    assert rates[0] / rates[0].sum() == pytest.approx(SHARES[0], abs=0.02)
    assert rates[-1] == pytest.approx(rates[:-1].sum(axis=0))


def test_a_season_that_came_last_year_is_expected_again():
    days = np.arange(-800, 0)
    # The level doubled on the day a year ago that the forecast's first day matches.
    doubled = np.where((days >= -364) & (days < -300), 2.0, 1.0)
    steady, moved = panel_of(np.full((2, 800), 30.0)), panel_of(30.0 * np.tile(doubled, (2, 1)))
    learner = LevelAndShares(horizon_days=28)
    assert learner.rate(moved, 0).sum() > 1.2 * learner.rate(steady, 0).sum()


def test_reasons_add_up_to_the_log_of_the_rate():
    panel = panel_of(np.full((2, 500), [[40.0], [10.0]]))
    learner = LevelAndShares()
    rates = learner.rate(panel, 0)
    for target in range(3):
        reasons = learner.explain(panel, 0, target)
        assert reasons.shape == (3, len(GROUPS))
        assert reasons.sum(axis=1) == pytest.approx(np.log(rates[target]))


def test_what_happens_from_the_origin_on_changes_no_bit():
    before, after = panel_of(np.full((2, 500), 20.0)), panel_of(np.full((2, 500), 20.0), after=5_000)
    learner = make("regional", maker=None, horizon_days=7)  # it asks no features
    assert np.array_equal(learner.rate(before, 0), learner.rate(after, 0))


def test_nothing_known_yet_gives_rates_near_zero_and_no_error():
    panel = panel_of(np.zeros((2, 10)))
    rates = LevelAndShares().rate(panel, 0)
    assert np.isfinite(rates).all()
    assert rates.sum() == pytest.approx(0.0, abs=1e-6)
