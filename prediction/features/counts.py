"""Counts of a panel as weekly rates over the time really covered, so that a short history does not look like a quiet one.

"targets" are the categories in their order, followed by all crimes together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.coverage import Coverage
from prediction.features.base import LONGEST_D, WEEK_DAYS, WINDOWS_D, Float64
from prediction.panel import Panel

LEVEL_HALF_LIFE_D = 42
LEVEL_PRIOR = 20.0  # incidents
YEAR_D = 364
SEASON_NEEDS_D = 120  # covered days before last year's season, to tell how it differed from them
RARE_BELOW = 2_000.0  # time-weighted incidents under which a type leans on all crimes more than on itself
Ages = npt.NDArray[np.int64]


def city_level(known: Panel, age: Ages, history: int, *, horizon_days: int = WEEK_DAYS) -> Float64:
    """Float64[targets]: expected incidents of the coming days in the city: time-weighted, moved by last year's season."""
    by_age = daily(known, age)
    return level_of(by_age, Coverage.of(by_age[:, :history]), horizon_days=horizon_days)


def daily(known: Panel, age: Ages) -> Float64:
    """Float64[categories, ages]: the city's counts by age in days."""
    flat = known.category.astype(np.int64) * LONGEST_D + np.clip(age, 0, LONGEST_D - 1)
    sums = np.bincount(flat, weights=known.weight, minlength=known.categories * LONGEST_D)
    return np.asarray(sums.reshape(known.categories, LONGEST_D), dtype=np.float64)


def level_of(by_age: Float64, cover: Coverage, *, horizon_days: int) -> Float64:
    """Float64[targets]: the level, from counts by age and the days they cover.

    Last year's move is the days then ahead (and a week on both sides) against the weeks then past, drawn towards one where
    counts are few, and left out where those days are not covered.
    """
    by_age = with_all(by_age)
    history = cover.covered.shape[1]
    decay = 0.5 ** (np.arange(LONGEST_D) / LEVEL_HALF_LIFE_D)
    # A rare type's last weeks say little: its level is drawn to its long-run rate with the weight of twenty incidents.
    long_run = (by_age[:, :history].sum(axis=1) + 0.5) / np.maximum(cover.days(0, history), 1)
    ended = np.flatnonzero(cover.silent_d)
    long_run[ended] = 0.5 / cover.silent_d[ended]  # what it was before it ended tells nothing any more
    level: Float64 = (by_age[:, :history] @ decay[:history] + LEVEL_PRIOR) / (cover.weighed(decay) + LEVEL_PRIOR / long_run)
    level = level * horizon_days * _season(by_age, cover, decay, horizon_days)
    if not cover.uniform:
        level[-1] = level[:-1].sum()
    return np.asarray(level, dtype=np.float64)


def _season(by_age: Float64, cover: Coverage, decay: Float64, horizon_days: int) -> Float64:
    """Float64[targets]: by how much the days ahead were busier a year ago than the weeks before them."""
    history = cover.covered.shape[1]
    if history < YEAR_D + SEASON_NEEDS_D:
        return np.ones(len(by_age))
    past, then = np.arange(YEAR_D, history), np.arange(max(0, YEAR_D - horizon_days - 7), YEAR_D + 7)
    weights, there = decay[: len(past)], cover.covered
    if cover.complete:
        before, ahead = by_age[:, past] @ weights / weights.sum(), by_age[:, then].mean(axis=1)
    else:
        seen = there[:, past] * weights
        before = (by_age[:, past] * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1e-9)
        ahead = (by_age[:, then] * there[:, then]).sum(axis=1) / np.maximum(there[:, then].sum(axis=1), 1)
    prior = 10.0 / 7  # as strong as ten incidents a week
    move = ((ahead + prior) / (before + prior)) ** 0.5
    known = (there[:, past].sum(axis=1) >= SEASON_NEEDS_D) & (2 * there[:, then].sum(axis=1) >= len(then))
    return np.where(known, move, 1.0)


def with_all(fields: Float64) -> Float64:
    """[categories, cells] → [targets, cells]: all crimes together as the last row."""
    return np.vstack([fields, fields.sum(axis=0)])


def per_week(sums: Float64, days: npt.NDArray[Any]) -> Float64:
    """Weekly rates [targets, cells] of sums Float64[categories, cells] over covered days [targets or categories].

    Where categories cover different days, the rate of all crimes is the sum of theirs.
    """
    days = days[: len(sums)]
    if (days == days[0]).all():
        return np.asarray(with_all(sums) / days[0] * WEEK_DAYS, dtype=np.float64)
    return with_all(sums / days[:, np.newaxis] * WEEK_DAYS)


def decayed(known: Panel, age: Ages, half_life: float, cover: Coverage) -> Float64:
    table = 0.5 ** (np.arange(LONGEST_D) / half_life)
    return per_week(known.weighted(table[age]), cover.weighed(table))


def windowed(known: Panel, age: Ages, days: int, cover: Coverage, *, longer: Float64 | None = None) -> Float64:
    """Weekly rates of the last days; `longer`, those of a longer window, stand in for a category that these do not cover."""
    covered = cover.days(0, days)
    rates = per_week(known.weighted((age < days).astype(np.float64)), np.maximum(covered, 1))
    return rates if longer is None else _mended(rates, longer, covered == 0)


def windows(known: Panel, age: Ages, cover: Coverage) -> tuple[Float64, Float64]:
    """Weekly rates [windows, targets, cells] of the last `WINDOWS_D` days, and [targets, cells] of all that is known."""
    ever = longer = windowed(known, age, LONGEST_D, cover)
    out = []
    for days in reversed(WINDOWS_D):
        longer = windowed(known, age, days, cover, longer=longer)
        out.append(longer)
    return np.stack(out[::-1]), ever


def last_year(known: Panel, age: Ages, cover: Coverage, ever: Float64, horizon_days: int) -> Float64:
    """Weekly rate of the days ahead a year ago, and of two weeks before and after them; `ever` where they are not covered."""
    first, end = YEAR_D - horizon_days - 14, YEAR_D + 14
    sums = known.weighted(((age >= first) & (age < end)).astype(np.float64))
    inside = min(end, cover.covered.shape[1]) - max(first, 0)
    missing = np.maximum(inside, 0) - cover.days(first, end)
    if not missing.any():
        return np.asarray(with_all(sums) / ((horizon_days + 28) / WEEK_DAYS), dtype=np.float64)
    days = horizon_days + 28 - missing
    return _mended(per_week(sums, np.maximum(days, 1)), ever, days < WEEK_DAYS)


def _mended(rates: Float64, instead: Float64, unknown: npt.NDArray[np.bool_]) -> Float64:
    """Rates [targets, cells] with those of the unknown targets replaced; all crimes are then the sum of the categories."""
    unknown = unknown[:-1]
    return with_all(np.where(unknown[:, np.newaxis], instead[:-1], rates[:-1])) if unknown.any() else rates


def days_since(known: Panel, age: Ages, cover: Coverage) -> Float64:
    """Covered days since the last incident."""
    passed = age if cover.complete else cover.lived(LONGEST_D)[known.category, age]
    since = np.full((known.categories, known.cells), LONGEST_D, dtype=np.int64)
    np.minimum.at(since, (known.category, known.cell), passed)
    return np.vstack([since, since.min(axis=0)]).astype(np.float64)


def active_weeks(known: Panel, age: Ages, cover: Coverage) -> Float64:
    """Share of the covered weeks of the last year with any incident."""
    history = cover.covered.shape[1]
    weeks = max(1, min(52, history // WEEK_DAYS))
    recent = age < weeks * WEEK_DAYS
    held = np.zeros((known.categories, known.cells, weeks), dtype=np.bool_)
    held[known.category[recent], known.cell[recent], age[recent] // WEEK_DAYS] = True
    begins = np.arange(0, min(weeks * WEEK_DAYS, history), WEEK_DAYS)
    covered = np.maximum(np.logical_or.reduceat(cover.covered, begins, axis=1)[:, :weeks].sum(axis=1), 1)
    sums = np.vstack([held.sum(axis=2), held.any(axis=0).sum(axis=1)])
    return np.asarray(sums / covered[:, np.newaxis], dtype=np.float64)


def exposures(half_life: float, cover: Coverage) -> Float64:
    """Float64[categories]: time-weighted covered weeks."""
    return cover.weighed(0.5 ** (np.arange(LONGEST_D) / half_life))[:-1] / WEEK_DAYS


def expected_rates(
    long: Float64, smooth_long: Float64, level: Float64, *, weeks: Float64
) -> tuple[Float64, Float64, Float64, Float64]:
    """Expected incidents Float64[targets, cells], and the parts of its log that come from here, from around, from other types.

    Gamma-Poisson shrinkage of each cell's own rate to a prior mean, scaled to the city's level. The prior mean of all crimes is
    their smoothed rate; that of a type blends its own smoothed rate with its share of the cell's expected crimes of all types,
    the more of the latter the fewer incidents the type has: three cases a year are laid out like all crime.
    weeks: Float64[categories], the time-weighted covered weeks behind `long`.
    """
    weeks = np.append(weeks, weeks[0] if (weeks == weeks[0]).all() else _weeks_of_all(long, weeks))
    totals = long.sum(axis=1) * weeks
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
        pull = (long[target] * weeks[target] + 1.0) / (seen + 1.0)
        expected[target] = prior * pull / (prior * pull).sum() * level[target]
        here[target], around[target] = np.log(pull), np.log(nearby * len(nearby))
        others[target] = np.log(prior / nearby)
    return expected, here, around, others


def _weeks_of_all(long: Float64, weeks: Float64) -> float:
    """The weeks that the rate of all crimes rests on where each category covers its own: theirs, weighed by their rates."""
    rates = long[:-1].sum(axis=1)
    return float((rates @ weeks) / rates.sum()) if rates.sum() > 0 else float(weeks.mean())


def _prior(own: Float64, every: Float64, trust: float) -> Float64:
    """A share for each cell: the type's own field and all crimes', and a little for everywhere."""
    return 0.98 * (trust * _spread_to_one(own) + (1 - trust) * _spread_to_one(every)) + 0.02 / len(own)


def _spread_to_one(field: Float64) -> Float64:
    total = field.sum()
    return field / total if total > 0 else np.full_like(field, 1 / len(field))
