"""From a panel and an origin to the shared arrays of that moment, strictly from incidents known before it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from prediction import concentration
from prediction.concentration import Concentration
from prediction.coverage import Coverage, history_days
from prediction.features import counts
from prediction.features.base import (
    HALF_LIVES_D,
    LONGEST_D,
    RECENT_D,
    SIGMAS_LONG_M,
    SIGMAS_RECENT_M,
    Moment,
)
from prediction.panel import DAY_S, Panel
from prediction.spatial import Surroundings


def make_moment(
    panel: Panel, origin_day: int, around: Surroundings, *, long_d: int, horizon_days: int, coverage: Coverage | None = None
) -> Moment:
    """Shared arrays of an origin. `panel` may reach further; only what was known before the origin is read.

    long_d: half-life in days of a cell's long-run rate, one of `HALF_LIVES_D`. coverage: found in the panel where none is given.
    """
    known = panel.before(origin_day)
    age = (origin_day - 1 - known.day).astype(np.int64)
    recent = age < LONGEST_D
    known, age = known.rows(recent), age[recent]
    history = history_days(known, origin_day)
    by_age = counts.daily(known, age)
    cover = coverage or Coverage.of(by_age[:, :history])
    decayed = np.stack([counts.decayed(known, age, half_life, cover) for half_life in HALF_LIVES_D])
    windowed, ever = counts.windows(known, age, cover)
    last_year = counts.last_year(known, age, cover, ever, horizon_days)
    long, short = decayed[HALF_LIVES_D.index(long_d)], decayed[HALF_LIVES_D.index(RECENT_D)]
    smooth_long = np.stack([around.smooth(long, s) for s in SIGMAS_LONG_M])
    level = counts.level_of(by_age, cover, horizon_days=horizon_days)
    weeks = counts.exposures(long_d, cover)
    expected, here, nearby, others = counts.expected_rates(long, smooth_long, level, weeks=weeks)
    held = (ever > 0).astype(np.float64)
    start = datetime.fromtimestamp(known.anchor_s + origin_day * DAY_S, UTC)
    return Moment(
        origin_day=origin_day,
        start=start,
        horizon_days=horizon_days,
        coverage=cover,
        decayed=decayed,
        windowed=windowed,
        last_year=last_year,
        ever=ever,
        ring_ever=np.stack([around.ring_sums(ever, ring) for ring in (1, 2)]),
        held_around=np.stack([around.ring_sums(held, ring) for ring in (1, 2)]),
        days_since=counts.days_since(known, age, cover),
        active_weeks=counts.active_weeks(known, age, cover),
        spots=Concentration.of(
            known,
            age,
            long_weekly=1 / counts.exposures(concentration.LONG_D, cover),
            recent_weekly=1 / counts.exposures(concentration.RECENT_D, cover),
        ),
        ring_recent=np.stack([around.ring_sums(short, ring) for ring in (1, 2)]),
        ring_long=np.stack([around.ring_sums(long, ring) for ring in (1, 2)]),
        ring_last_year=around.ring_sums(last_year, 1),
        smooth_recent=np.stack([around.smooth(short, s) for s in SIGMAS_RECENT_M]),
        smooth_long=smooth_long,
        smooth_last_year=around.smooth(last_year, 600.0),
        level=level,
        expected=expected,
        expected_here=here,
        expected_around=nearby,
        expected_others=others,
        year_angle=2 * np.pi * start.timetuple().tm_yday / 365.25,
    )
