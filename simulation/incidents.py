"""Incidents of the demo city: drawn around sites by published shares, plus near-repeats that they set off themselves.

A marked Hawkes process by its branching form: background incidents first, then for each a Poisson number of offspring
days later and metres away, and theirs in turn. Totals by year and category are then made exactly the published ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt

from simulation.figures import CATEGORIES, CrimeFigures
from simulation.geography import Geography, points_inside
from simulation.profiles import week_shares
from simulation.sites import Sites, allowed_ground

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]

DAY_S = 86_400
GENERATIONS = 5
RECORDED_SPREAD_M = 4.0  # how exactly the place of an incident is written down
OFFSPRING_CLOCK_SD_S = 3_600.0  # a near-repeat comes at about the same time of day


@dataclass(frozen=True, eq=False)
class SimulatedIncidents:
    """Incidents in order of their recorded start, one array a column.

    moment: datetime64[s] local, when it truly happened; start, end: datetime64[s] local, what is recorded (equal where
    the moment is known); category: Int64[n] into CATEGORIES; kind: Int64[n], kind of place; is_offspring: Bool[n];
    longitude, latitude: Float64[n], WGS84.
    """

    moment: Times
    start: Times
    end: Times
    category: Int64
    kind: Int64
    is_offspring: npt.NDArray[np.bool_]
    longitude: Float64
    latitude: Float64

    def __len__(self) -> int:
        return len(self.moment)

    def starting_from(self, day: date) -> SimulatedIncidents:
        """Those whose recorded start lies on or after the local day."""
        later = self.start >= np.datetime64(day, "s")
        return SimulatedIncidents(*(getattr(self, column.name)[later] for column in fields(self)))


@dataclass(frozen=True, eq=False)
class _Draw:
    """Incidents while they are drawn: second: Int64[n] after the first day's midnight; where: Float64[n, 2] metres."""

    second: Int64
    where: Float64
    category: Int64
    kind: Int64
    is_offspring: npt.NDArray[np.bool_]

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | Int64) -> _Draw:
        return _Draw(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @staticmethod
    def join(parts: list[_Draw]) -> _Draw:
        return _Draw(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(_Draw)))


def year_starts(until: date, years: int) -> Times:
    """datetime64[D][years + 1]: first days of the years that end with the day `until`, and the day after it."""
    after = np.datetime64(until, "D") + 1
    month, day = after.astype("datetime64[M]"), (after - after.astype("datetime64[M]")).astype(int)
    # 29 February stands for 28 February in other years.
    starts = [
        min((month - 12 * back).astype("datetime64[D]") + day, (month - 12 * back + 1).astype("datetime64[D]") - 1)
        for back in range(years, 0, -1)
    ]
    return np.array([*starts, after], dtype="datetime64[D]")


def draw_incidents(
    geography: Geography, sites: Sites, figures: CrimeFigures, *, until: date, rng: np.random.Generator
) -> SimulatedIncidents:
    """Five (or as many as there are figures) years of incidents up to the end of the local day `until`."""
    process = _Process(geography, sites, figures, until, rng)
    draws = [process.category(index) for index in range(len(CATEGORIES))]
    return process.recorded(_Draw.join(draws))


class _Process:
    """Draws one category after another from one generator, so that the same seed gives the same city."""

    def __init__(self, geography: Geography, sites: Sites, figures: CrimeFigures, until: date, rng: np.random.Generator):
        self.geography, self.sites, self.figures, self.rng = geography, sites, figures, rng
        self.ground = allowed_ground(geography)
        self.starts = year_starts(until, len(figures.totals))
        self.first = self.starts[0]
        self.days = np.arange(self.first, self.starts[-1])
        self.year_edges_s = (self.starts - self.first).astype(np.int64) * DAY_S
        self.weekday = (self.days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        self.day_level = figures.month[(self.days.astype("datetime64[M]").astype(np.int64)) % 12]

    def category(self, category: int) -> _Draw:
        """All incidents of one category, with exactly the published number in every year."""
        totals = self.figures.totals[:, category]
        branching = float(self.figures.branching[category])
        background = _Draw.join(
            [self._background(category, year, round(int(total) * (1 - branching))) for year, total in enumerate(totals)]
        )
        everything = [background, *self._offspring(background, branching)]
        drawn = _Draw.join(everything)
        year_of = np.searchsorted(self.year_edges_s, drawn.second, side="right") - 1
        kept = []
        for year, total in enumerate(totals):
            of_year = drawn[year_of == year]
            surplus = len(of_year.second) - int(total)
            if surplus > 0:
                of_year = of_year[np.sort(self.rng.permutation(len(of_year.second))[surplus:])]
            kept += [of_year, self._background(category, year, max(-surplus, 0))]
        return _Draw.join(kept)

    def _background(self, category: int, year: int, count: int) -> _Draw:
        """`count` incidents of a category in a year: kind and time of week by the shares, then a site, a spot and a day."""
        shares = self._week_shares(category)
        cell = self.rng.choice(shares.size, size=count, p=shares.ravel() / shares.sum())
        kind, weekday, band = np.unravel_index(cell, shares.shape)
        day = np.zeros(count, dtype=np.int64)
        in_year = (self.days >= self.starts[year]) & (self.days < self.starts[year + 1])
        for number in range(7):
            days = np.flatnonzero(in_year & (self.weekday == number))
            chosen = weekday == number
            level = self.day_level[days]
            day[chosen] = self.rng.choice(days, size=int(chosen.sum()), p=level / level.sum())
        second = day * DAY_S + band * 3 * 3600 + self.rng.integers(0, 3 * 3600, size=count)
        where = self._spots(category, kind)
        return _Draw(second, where, np.full(count, category), kind.astype(np.int64), np.zeros(count, dtype=np.bool_))

    def _week_shares(self, category: int) -> Float64:
        figures = self.figures
        return week_shares(figures.kinds, figures.place[:, category], figures.weekday[:, category], figures.band[:, category])

    def _spots(self, category: int, kind: npt.NDArray[np.intp]) -> Float64:
        """A spot Float64[n, 2] for each incident, around a site of its kind."""
        where = np.empty((len(kind), 2))
        for number in range(len(self.sites.kinds)):
            chosen = np.flatnonzero(kind == number)
            candidates = np.flatnonzero(self.sites.kind == number)
            site = self.rng.choice(candidates, size=len(chosen), p=self.sites.weight[candidates, category])
            spot = self.sites.first[site] + (self.rng.random(len(chosen)) * self.sites.count[site]).astype(np.int64)
            where[chosen] = self.sites.spots[spot]
        moved = where + self.rng.normal(scale=RECORDED_SPREAD_M, size=where.shape)
        return np.where(points_inside(self.ground, moved)[:, None], moved, where)

    def _offspring(self, parents: _Draw, branching: float) -> list[_Draw]:
        """The generations that the parents set off, each within the city and the years."""
        generations: list[_Draw] = []
        for _generation in range(GENERATIONS):
            number = self.rng.poisson(branching, size=len(parents.second))
            children = parents[np.repeat(np.arange(len(number)), number)]
            size = len(children.second)
            days = self.rng.exponential(self.figures.near_repeat_delay_days, size=size).astype(np.int64)
            clock = self.rng.normal(scale=OFFSPRING_CLOCK_SD_S, size=size)
            delay = days * DAY_S + np.where(days == 0, np.abs(clock), clock).astype(np.int64)
            moved = children.where + self.rng.normal(scale=self.figures.near_repeat_distance_m, size=(size, 2))
            where = np.where(points_inside(self.ground, moved)[:, None], moved, children.where)
            born = _Draw(children.second + delay, where, children.category, children.kind, np.ones(size, dtype=np.bool_))
            parents = born[born.second < self.year_edges_s[-1]]
            if not len(parents.second):
                break
            generations.append(parents)
        return generations

    def recorded(self, draw: _Draw) -> SimulatedIncidents:
        """What the police would write down: rounded minutes, some thefts as intervals, five decimals of a degree."""
        second = self._rounded(draw.second)
        count = len(second)
        vague = (draw.category == CATEGORIES.index("theft")) & (self.rng.random(count) < self.figures.interval_theft_share)
        length = np.exp(self.rng.normal(np.log(self.figures.interval_median_hours * 3600), 0.8, size=count))
        length = np.where(vague, np.clip(length, 600, 16 * 3600), 0)
        before = self.rng.random(count) * length
        start = np.maximum(second - (before // 300 * 300).astype(np.int64), 0)
        end = np.minimum(second + ((length - before) // 300 * 300).astype(np.int64), self.year_edges_s[-1] - 60)
        order = np.lexsort((draw.where[:, 0], draw.category, start))
        draw = draw[order]
        longitude, latitude = np.round(self.geography.plane.to_degrees(draw.where), 5).T
        midnight = self.first.astype("datetime64[s]")
        moment, began, ended = (
            midnight + value[order].astype("timedelta64[s]") for value in (second, start, np.maximum(end, second))
        )
        return SimulatedIncidents(moment, began, ended, draw.category, draw.kind, draw.is_offspring, longitude, latitude)

    def _rounded(self, second: Int64) -> Int64:
        """Minutes as people report them: a third on the hour, a quarter on ten minutes, the rest exact. Always rounded down."""
        step = self.rng.choice([3600, 600, 60], size=len(second), p=[0.33, 0.27, 0.40])
        return np.asarray(second // step * step, dtype=np.int64)
