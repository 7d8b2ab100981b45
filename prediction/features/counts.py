"""Counts of a panel as weekly rates over the time really covered, so that a short history does not look like a quiet one.

"targets" are the categories in their order, followed by all crimes together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features.base import LONGEST_D, WEEK_DAYS, Float64
from prediction.panel import Panel

LEVEL_HALF_LIFE_D = 42
LEVEL_PRIOR = 20.0  # incidents
RARE_BELOW = 2_000.0  # time-weighted incidents under which a type leans on all crimes more than on itself
Ages = npt.NDArray[np.int64]


def history_days(known: Panel, origin_day: int) -> int:
    """Days of history before the origin; the first thousandth is left out, so that one stray old row does not stretch it."""
    if len(known.day) == 0:
        return 1
    first = np.partition(known.day, len(known.day) // 1000)[len(known.day) // 1000]
    return int(max(1, origin_day - int(first)))


def city_level(known: Panel, age: Ages, history: int, *, horizon_days: int = WEEK_DAYS) -> Float64:
    """Float64[targets]: expected incidents of the coming days in the city: time-weighted, moved by last year's season.

    Last year's move is the days then ahead (and a week on both sides) against the weeks then past, drawn towards one where
    counts are few.
    """
    by_age = np.zeros((known.categories, LONGEST_D))
    np.add.at(by_age, (known.category, np.clip(age, 0, LONGEST_D - 1)), known.weight)
    by_age = np.vstack([by_age, by_age.sum(axis=0)])
    decay = 0.5 ** (np.arange(LONGEST_D) / LEVEL_HALF_LIFE_D)
    # A rare type's last weeks say little: its level is drawn to its long-run rate with the weight of twenty incidents.
    long_run = (by_age[:, :history].sum(axis=1) + 0.5) / min(history, LONGEST_D)
    level: Float64 = (by_age[:, :history] @ decay[:history] + LEVEL_PRIOR) / (decay[:history].sum() + LEVEL_PRIOR / long_run)
    level = level * horizon_days
    if history >= 364 + 120:
        past = np.arange(364, min(history, LONGEST_D))
        weights = decay[: len(past)]
        before = by_age[:, past] @ weights / weights.sum()
        ahead = by_age[:, max(0, 364 - horizon_days - 7) : 364 + 7].mean(axis=1)
        prior = 10.0 / 7  # as strong as ten incidents a week
        level = level * ((ahead + prior) / (before + prior)) ** 0.5
    return np.asarray(level, dtype=np.float64)


def with_all(fields: Float64) -> Float64:
    """[categories, cells] → [targets, cells]: all crimes together as the last row."""
    return np.vstack([fields, fields.sum(axis=0)])


def exposure(half_life: float, history: int) -> float:
    """Time-weighted days of the history."""
    return float((0.5 ** (np.arange(min(history, LONGEST_D)) / half_life)).sum())


def decayed(known: Panel, age: Ages, half_life: float, history: int) -> Float64:
    table = 0.5 ** (np.arange(LONGEST_D) / half_life)
    return with_all(known.weighted(table[age])) / exposure(half_life, history) * WEEK_DAYS


def windowed(known: Panel, age: Ages, days: int, history: int) -> Float64:
    return with_all(known.weighted((age < days).astype(np.float64))) / min(days, history) * WEEK_DAYS


def last_year(known: Panel, age: Ages, horizon_days: int) -> Float64:
    """Weekly rate of the days ahead a year ago, and of two weeks before and after them."""
    near = (age >= 364 - horizon_days - 14) & (age < 364 + 14)
    return np.asarray(with_all(known.weighted(near.astype(np.float64))) / ((horizon_days + 28) / WEEK_DAYS), dtype=np.float64)


def days_since(known: Panel, age: Ages) -> Float64:
    since = np.full((known.categories, known.cells), LONGEST_D, dtype=np.int64)
    np.minimum.at(since, (known.category, known.cell), age)
    return np.vstack([since, since.min(axis=0)]).astype(np.float64)


def active_weeks(known: Panel, age: Ages, history: int) -> Float64:
    weeks = max(1, min(52, history // WEEK_DAYS))
    recent = age < weeks * WEEK_DAYS
    held = np.zeros((known.categories, known.cells, weeks), dtype=np.bool_)
    held[known.category[recent], known.cell[recent], age[recent] // WEEK_DAYS] = True
    return np.asarray(np.vstack([held.sum(axis=2), held.any(axis=0).sum(axis=1)]) / weeks, dtype=np.float64)


def expected_rates(
    long: Float64, smooth_long: Float64, level: Float64, *, exposure_weeks: float
) -> tuple[Float64, Float64, Float64, Float64]:
    """Expected incidents Float64[targets, cells], and the parts of its log that come from here, from around, from other types.

    Gamma-Poisson shrinkage of each cell's own rate to a prior mean, scaled to the city's level. The prior mean of all crimes is
    their smoothed rate; that of a type blends its own smoothed rate with its share of the cell's expected crimes of all types,
    the more of the latter the fewer incidents the type has: three cases a year are laid out like all crime.
    """
    totals = long.sum(axis=1) * exposure_weeks
    own = smooth_long[1] + 0.1 * smooth_long[3]
    every = len(long) - 1
    expected, here = np.empty_like(long), np.empty_like(long)
    around, others = np.empty_like(long), np.empty_like(long)
    for target in (every, *range(every)):
        trust = 1.0 if target == every else totals[target] / (totals[target] + RARE_BELOW)
        nearby = _prior(own[target], own[every], trust)
        prior = nearby if target == every else _prior(own[target], expected[every], trust)
        seen = prior * max(totals[target], 1.0)
        # shape 1: the spread of a cell's true rate around the prior is as wide as the prior itself.
        pull = (long[target] * exposure_weeks + 1.0) / (seen + 1.0)
        expected[target] = prior * pull / (prior * pull).sum() * level[target]
        here[target], around[target] = np.log(pull), np.log(nearby * len(nearby))
        others[target] = np.log(prior / nearby)
    return expected, here, around, others


def _prior(own: Float64, every: Float64, trust: float) -> Float64:
    """A share for each cell: the type's own field and all crimes', and a little for everywhere."""
    return 0.98 * (trust * _spread_to_one(own) + (1 - trust) * _spread_to_one(every)) + 0.02 / len(own)


def _spread_to_one(field: Float64) -> Float64:
    total = field.sum()
    return field / total if total > 0 else np.full_like(field, 1 / len(field))
