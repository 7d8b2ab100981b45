"""What a learner may know about each cell at a forecast origin: strictly from incidents known before it.

All counts are turned into weekly rates over the time really covered, so that a short history does not look like a quiet one.
"targets" are the categories in their order, followed by all crimes together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from prediction import concentration
from prediction.concentration import Concentration
from prediction.grid import Grid
from prediction.panel import DAY_S, Panel
from prediction.spatial import Surroundings

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

WEEK_DAYS = 7
HALF_LIVES_D = (7, 14, 30, 60, 120, 240, 480, 960)
WINDOWS_D = (7, 14, 28, 91, 182, 364)
RECENT_D = 30
# The half-life of a cell's long-run rate: a fine cell holds so few incidents that it must remember longer.
LONG_D, LONG_OF_FINE_CELLS_D = 240, 480
FINE_CELL_KM2 = 0.03
SIGMAS_RECENT_M = (200.0, 500.0, 1000.0)
SIGMAS_LONG_M = (150.0, 300.0, 600.0, 1000.0)
LEVEL_HALF_LIFE_D = 42
LEVEL_PRIOR = 20.0  # incidents
RARE_BELOW = 2_000.0  # time-weighted incidents under which a type leans on all crimes more than on itself
LONGEST_D = 1456  # days since last are capped here, and nothing older enters a feature
OTHERS_AT_MOST = 4
OTHERS_HALF_LIVES_D = (7, 30, 120, 480)
SPOT_FIELDS = ("busiest", "second", "spots", "repeated", "often", "discounted", "evenness")
SPOT_FIELDS_OF_ALL = ("busiest", "spots", "repeated", "often", "evenness")

GROUPS = ("base", "here_recent", "here_long", "around_recent", "around_long", "other_types", "season", "place")


@dataclass(frozen=True, eq=False)
class Moment:
    """Everything about one origin that the targets share; arrays Float64[..., targets, cells] of weekly rates."""

    origin_day: int
    decayed: Float64  # [half-lives, targets, cells]
    windowed: Float64  # [windows, targets, cells]
    last_year: Float64  # [targets, cells]: five weeks around the same week a year ago
    ever: Float64  # [targets, cells]: all that is known, unweighted
    ring_ever: Float64  # [2, targets, cells]
    held_around: Float64  # [2, targets, cells]: neighbours in each ring that ever held an incident
    days_since: Float64  # [targets, cells]
    active_weeks: Float64  # [targets, cells]: share of the last 52 weeks with any incident; a single burst counts once
    spots: Concentration
    ring_recent: Float64  # [2, targets, cells]
    ring_long: Float64  # [2, targets, cells]
    ring_last_year: Float64
    smooth_recent: Float64  # [sigmas, targets, cells]
    smooth_long: Float64  # [sigmas, targets, cells]
    smooth_last_year: Float64
    level: Float64  # [targets]: expected incidents of the coming week in the whole city
    expected: Float64  # [targets, cells]: shrunken time-weighted rate, scaled to the level: the learners' offset
    expected_here: Float64  # [targets, cells]: the part of its log that comes from the cell's own incidents
    expected_around: Float64  # [targets, cells]: the part that comes from its surroundings
    expected_others: Float64  # [targets, cells]: the part that comes from all crimes here; the rest is one number a city
    year_angle: float


Read = Callable[..., Float64]  # a column of a moment: Float64[cells], or one number for all


class FeatureMaker:
    """Makes the features of any origin for one grid."""

    def __init__(self, grid: Grid, categories: int) -> None:
        self.grid = grid
        self.categories = categories
        self.long_d = LONG_OF_FINE_CELLS_D if grid.area_km2 < FINE_CELL_KM2 else LONG_D
        self.around = Surroundings.of(grid)
        centred = grid.centres_m - grid.centres_m.mean(axis=0)
        self.place = (centred / 1000.0).T

    def moment(self, panel: Panel, origin_day: int) -> Moment:
        """Shared arrays of an origin. `panel` may reach further; only what was known before the origin is read."""
        known = panel.before(origin_day)
        age = (origin_day - 1 - known.day).astype(np.int64)
        recent = age < LONGEST_D
        known, age = known.rows(recent), age[recent]
        history = history_days(known, origin_day)
        decayed = np.stack([_decayed(known, age, h, history) for h in HALF_LIVES_D])
        windowed = np.stack([_windowed(known, age, w, history) for w in WINDOWS_D])
        last_year = _with_all(known.weighted(((age >= 364 - 21) & (age < 364 + 14)).astype(np.float64))) / 5
        long, short = decayed[HALF_LIVES_D.index(self.long_d)], decayed[HALF_LIVES_D.index(RECENT_D)]
        smooth_long = np.stack([self.around.smooth(long, s) for s in SIGMAS_LONG_M])
        level = city_level(known, age, history)
        expected, here, around, others = _expected(
            long, smooth_long, level, exposure_weeks=_exposure(self.long_d, history) / WEEK_DAYS
        )
        ever = _windowed(known, age, LONGEST_D, history)
        held = (ever > 0).astype(np.float64)
        year_s = known.anchor_s + origin_day * DAY_S
        return Moment(
            origin_day=origin_day,
            decayed=decayed,
            windowed=windowed,
            last_year=last_year,
            ever=ever,
            ring_ever=np.stack([self.around.ring_sums(ever, ring) for ring in (1, 2)]),
            held_around=np.stack([self.around.ring_sums(held, ring) for ring in (1, 2)]),
            days_since=_days_since(known, age),
            active_weeks=_active_weeks(known, age, history),
            spots=Concentration.of(
                known,
                age,
                long_weekly=WEEK_DAYS / _exposure(concentration.LONG_D, history),
                recent_weekly=WEEK_DAYS / _exposure(concentration.RECENT_D, history),
            ),
            ring_recent=np.stack([self.around.ring_sums(short, ring) for ring in (1, 2)]),
            ring_long=np.stack([self.around.ring_sums(long, ring) for ring in (1, 2)]),
            ring_last_year=self.around.ring_sums(last_year, 1),
            smooth_recent=np.stack([self.around.smooth(short, s) for s in SIGMAS_RECENT_M]),
            smooth_long=smooth_long,
            smooth_last_year=self.around.smooth(last_year, 600.0),
            level=level,
            expected=expected,
            expected_here=here,
            expected_around=around,
            expected_others=others,
            year_angle=2 * np.pi * datetime.fromtimestamp(year_s, UTC).timetuple().tm_yday / 365.25,
        )

    def names(self, target: int) -> list[tuple[str, str]]:
        """(group, name) of each column that `table` gives for the target."""
        return [(group, name) for group, name, _ in self._columns(target)]

    def table(self, moment: Moment, target: int, rows: npt.NDArray[np.intp] | None = None) -> Float32:
        """Float32[rows, features] of the target at the moment; all cells where no rows are given."""
        columns = self._columns(target)
        out = np.empty((len(self.grid) if rows is None else len(rows), len(columns)), dtype=np.float32)
        for position, (_, _, read) in enumerate(columns):
            values = np.asarray(read(moment))
            out[:, position] = values if rows is None or values.ndim == 0 else values[rows]
        return out

    def _columns(self, target: int) -> list[tuple[str, str, Read]]:
        """Group, name and reader of every feature."""
        return [*_here(target), *_around(target), *self._others(target), *_season(target), *self._place()]

    def _others(self, target: int) -> list[tuple[str, str, Read]]:
        """Other types as leading signs: all of them together, and the first few one by one."""
        if self.categories == 1:
            return []
        every = self.categories
        out: list[tuple[str, Read]] = []
        for position, days in enumerate(HALF_LIVES_D):
            if days in OTHERS_HALF_LIVES_D:
                out.append((f"others_decayed_{days}d", lambda m, p=position: m.decayed[p, every] - m.decayed[p, target]))
        out.append(("others_ring1", lambda m: m.ring_long[0, every] - m.ring_long[0, target]))
        out.append(("others_recent", lambda m: m.smooth_recent[0, every] - m.smooth_recent[0, target]))
        for position, sigma in enumerate(SIGMAS_LONG_M):
            out.append((f"others_{sigma:.0f}m_long", lambda m, p=position: m.smooth_long[p, every] - m.smooth_long[p, target]))
        out.append(("any_ever", lambda m: m.ever[every]))
        for ring in (0, 1):
            out.append((f"any_ring{ring + 1}_ever", lambda m, r=ring: m.ring_ever[r, every]))
            out.append((f"any_ring{ring + 1}_held", lambda m, r=ring: m.held_around[r, every]))
        out.append(("any_days_since", lambda m: m.days_since[every]))
        out.append(("any_active_weeks", lambda m: m.active_weeks[every]))
        out += [(f"any_spot_{name}", _of_spots(name, every)) for name in SPOT_FIELDS_OF_ALL]
        long = HALF_LIVES_D.index(self.long_d)
        rivals = [category for category in range(self.categories) if category != target][:OTHERS_AT_MOST]
        for rival in rivals:
            out.append((f"type{rival}_here", lambda m, r=rival: m.decayed[long, r]))
            out.append((f"type{rival}_300m", lambda m, r=rival: m.smooth_long[1, r]))
            out.append((f"type{rival}_1000m", lambda m, r=rival: m.smooth_long[3, r]))
        return [("other_types", name, read) for name, read in out]

    def _place(self) -> list[tuple[str, str, Read]]:
        east, north = self.place
        return [("place", "east_km", lambda m: east), ("place", "north_km", lambda m: north)]


def _here(target: int) -> list[tuple[str, str, Read]]:
    out: list[tuple[str, str, Read]] = []
    for position, days in enumerate(HALF_LIVES_D):
        group = "here_recent" if days <= RECENT_D else "here_long"
        out.append((group, f"decayed_{days}d", lambda m, p=position: m.decayed[p, target]))
    for position, days in enumerate(WINDOWS_D):
        group = "here_recent" if days <= RECENT_D else "here_long"
        out.append((group, f"sum_{days}d", lambda m, p=position: m.windowed[p, target]))
    out.append(("here_long", "ever", lambda m: m.ever[target]))
    out.append(("here_recent", "days_since", lambda m: m.days_since[target]))
    out.append(("here_long", "active_weeks", lambda m: m.active_weeks[target]))
    out += [("here_long", f"spot_{name}", _of_spots(name, target)) for name in SPOT_FIELDS]
    out.append(("here_recent", "spot_repeated_recent", _of_spots("repeated_recent", target)))
    return out


def _of_spots(name: str, target: int) -> Read:
    """Reader of one field of `Concentration`."""
    return lambda moment: np.asarray(getattr(moment.spots, name)[target], dtype=np.float64)


def _around(target: int) -> list[tuple[str, str, Read]]:
    out: list[tuple[str, str, Read]] = []
    for ring in (0, 1):
        out.append(("around_recent", f"ring{ring + 1}_recent", lambda m, r=ring: m.ring_recent[r, target]))
        out.append(("around_long", f"ring{ring + 1}_long", lambda m, r=ring: m.ring_long[r, target]))
        out.append(("around_long", f"ring{ring + 1}_ever", lambda m, r=ring: m.ring_ever[r, target]))
    out.append(("around_long", "ring1_held", lambda m: m.held_around[0, target]))
    for position, sigma in enumerate(SIGMAS_RECENT_M):
        out.append(("around_recent", f"smooth_{sigma:.0f}m_recent", lambda m, p=position: m.smooth_recent[p, target]))
    for position, sigma in enumerate(SIGMAS_LONG_M):
        out.append(("around_long", f"smooth_{sigma:.0f}m_long", lambda m, p=position: m.smooth_long[p, target]))
    return out


def _season(target: int) -> list[tuple[str, str, Read]]:
    return [
        ("season", "last_year_here", lambda m: m.last_year[target]),
        ("season", "last_year_ring1", lambda m: m.ring_last_year[target]),
        ("season", "last_year_smooth", lambda m: m.smooth_last_year[target]),
        ("season", "year_sine", lambda m: np.asarray(np.sin(m.year_angle))),
        ("season", "year_cosine", lambda m: np.asarray(np.cos(m.year_angle))),
    ]


def history_days(known: Panel, origin_day: int) -> int:
    """Days of history before the origin; the first thousandth is left out, so that one stray old row does not stretch it."""
    if len(known.day) == 0:
        return 1
    first = np.partition(known.day, len(known.day) // 1000)[len(known.day) // 1000]
    return int(max(1, origin_day - int(first)))


def city_level(known: Panel, age: npt.NDArray[np.int64], history: int) -> Float64:
    """Float64[targets]: expected incidents of the coming week in the city: time-weighted, moved by last year's season.

    Last year's move is the weeks then ahead against the weeks then past, drawn towards one where counts are few.
    """
    by_age = np.zeros((known.categories, LONGEST_D))
    np.add.at(by_age, (known.category, np.clip(age, 0, LONGEST_D - 1)), known.weight)
    by_age = np.vstack([by_age, by_age.sum(axis=0)])
    decay = 0.5 ** (np.arange(LONGEST_D) / LEVEL_HALF_LIFE_D)
    # A rare type's last weeks say little: its level is drawn to its long-run rate with the weight of twenty incidents.
    long_run = (by_age[:, :history].sum(axis=1) + 0.5) / min(history, LONGEST_D)
    level: Float64 = (by_age[:, :history] @ decay[:history] + LEVEL_PRIOR) / (decay[:history].sum() + LEVEL_PRIOR / long_run)
    level = level * WEEK_DAYS
    if history >= 364 + 120:
        past = np.arange(364, min(history, LONGEST_D))
        weights = decay[: len(past)]
        before = by_age[:, past] @ weights / weights.sum()
        ahead = by_age[:, 364 - 14 : 364 + 7].mean(axis=1)
        prior = 10.0 / 7  # as strong as ten incidents a week
        level = level * ((ahead + prior) / (before + prior)) ** 0.5
    return np.asarray(level, dtype=np.float64)


def _with_all(fields: Float64) -> Float64:
    """[categories, cells] → [targets, cells]: all crimes together as the last row."""
    return np.vstack([fields, fields.sum(axis=0)])


def _exposure(half_life: float, history: int) -> float:
    """Time-weighted days of the history."""
    return float((0.5 ** (np.arange(min(history, LONGEST_D)) / half_life)).sum())


def _decayed(known: Panel, age: npt.NDArray[np.int64], half_life: float, history: int) -> Float64:
    table = 0.5 ** (np.arange(LONGEST_D) / half_life)
    return _with_all(known.weighted(table[age])) / _exposure(half_life, history) * WEEK_DAYS


def _windowed(known: Panel, age: npt.NDArray[np.int64], days: int, history: int) -> Float64:
    return _with_all(known.weighted((age < days).astype(np.float64))) / min(days, history) * WEEK_DAYS


def _days_since(known: Panel, age: npt.NDArray[np.int64]) -> Float64:
    since = np.full((known.categories, known.cells), LONGEST_D, dtype=np.int64)
    np.minimum.at(since, (known.category, known.cell), age)
    return np.vstack([since, since.min(axis=0)]).astype(np.float64)


def _active_weeks(known: Panel, age: npt.NDArray[np.int64], history: int) -> Float64:
    weeks = max(1, min(52, history // WEEK_DAYS))
    recent = age < weeks * WEEK_DAYS
    held = np.zeros((known.categories, known.cells, weeks), dtype=np.bool_)
    held[known.category[recent], known.cell[recent], age[recent] // WEEK_DAYS] = True
    return np.asarray(np.vstack([held.sum(axis=2), held.any(axis=0).sum(axis=1)]) / weeks, dtype=np.float64)


def _expected(
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
