"""How much of a known truth is found again: the demo city, whose true intensities and near-repeats are its own parameters.

Three questions: do the product's rates follow the true ones (rank correlation, calibration by band of risk); are the demo city's
near-repeat parameters within the intervals of a fit to its incidents; and, with a near-repeat process drawn exactly as the model
says, do 95 % intervals hold the truth 95 times in 100. Everything is made from fixed seeds: no data files.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import spearmanr

from bench._report import cpu_s, finish, print_table
from prediction.engine import forecast, train
from prediction.features import FeatureMaker
from prediction.grid import Grid, cells_covering
from prediction.learners.catalogue import make
from prediction.learners.near_repeat import EtasFit, fit_etas, without_bias
from prediction.metrics import calibration_bands
from prediction.panel import Incidents, Panel, places_of
from prediction.slots import SlotScheme
from simulation.city import City, make_city
from simulation.figures import CATEGORIES
from simulation.incidents import year_starts
from simulation.truth import true_rates

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "seocho"
SEOUL = ZoneInfo("Asia/Seoul")
UNTIL = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=SEOUL)
SEED = 3
DAY_S = 86_400
BANDS = 6
STEPS, TOLERANCE = 400, 1e-5
# Mean number set off by one incident, and mean delay in days, of the processes drawn for the coverage of intervals.
PROCESSES = ((0.20, 7.0), (0.10, 14.0), (0.35, 3.0))
PROCESS_DAYS = 1095
DISPLACEMENTS = 25


@dataclass(frozen=True)
class Recovered:
    """One parameter of one fit: the truth, what was found, and its 95 % interval."""

    what: str
    truth: float
    found: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        return self.low <= self.truth <= self.high


def main() -> int:
    options = argparse.ArgumentParser(prog="bench simulated", description=__doc__)
    options.add_argument("--quick", action="store_true", help="cells of H3 resolution 9, fewer seeds")
    arguments = options.parse_args()
    start = cpu_s()
    city = make_city(FIXTURES, until=UNTIL, rng=np.random.default_rng(SEED))
    found = intensities(city, resolution=9 if arguments.quick else 10)
    seeds = range(3) if arguments.quick else range(8)
    demo = [one for seed in seeds for one in city_near_repeats(seed)]
    recovered_table("Near-repeats of the demo city: truth inside the 95 % interval", demo)
    drawn = coverage(city, range(10) if arguments.quick else range(50))
    share = float(np.mean([one.holds for one in drawn["the background's pattern is known"]]))
    finish(
        found
        | {
            "parameters_in_interval": round(share, 4),
            "parameters_in_interval_demo_city": round(float(np.mean([one.holds for one in demo])), 4),
            "parameters_in_interval_background_fitted": {
                name: round(float(np.mean([one.holds for one in fits])), 4) for name, fits in drawn.items()
            },
            "seed": SEED,
            "cpu_s": round(cpu_s() - start, 1),
            "quick": arguments.quick,
        }
    )
    return 0


def intensities(city: City, *, resolution: int) -> dict[str, Any]:
    """The product's rates of the coming week against the true ones, beside plain learners."""
    grid = Grid.from_h3(cells_covering(city.geography.outline, resolution))
    truth = true_rates(city.sites, city.figures, city.geography.plane, grid)
    incidents = on_grid(city, grid)
    scheme = SlotScheme("Asia/Seoul", (6, 14, 22))
    model = train(incidents, grid, scheme=scheme, categories=CATEGORIES, cutoff=END + timedelta(hours=6), seed=SEED)
    slots = forecast(model, incidents, grid).rates.astype(np.float64)
    panel = Panel.build(incidents, cells=len(grid), categories=len(CATEGORIES), anchor=END)
    maker = FeatureMaker(grid, len(CATEGORIES))
    maps = {"product": slots.sum(axis=1).T}
    for code in ("count", "kde", "ewkde"):
        learner = make(code, maker)
        learner.fit(panel, 0, seed=SEED)
        maps[code] = learner.rate(panel, 0)[:-1]
    true_cells = truth.sum(axis=1).T
    rows: list[list[Any]] = []
    bands: list[list[Any]] = []
    for number, name in [*enumerate(CATEGORIES), (-1, "all")]:
        wanted = true_cells.sum(axis=0) if name == "all" else true_cells[number]
        fields = {code: field.sum(axis=0) if name == "all" else field[number] for code, field in maps.items()}
        rows.append([name, float(wanted.sum()), *(float(spearmanr(field, wanted).statistic) for field in fields.values())])
        rows[-1] += [top_share(wanted, fields["product"]), float(fields["product"].sum() / wanted.sum())]
        sums = calibration_bands(fields["product"], wanted, BANDS)
        bands.append([name, *(expected / true for expected, true in sums)])
    every_true = sum(true for _, true in sums)
    by_slot = float(np.corrcoef(slots.sum(axis=(0, 2)), _true_slots(truth, scheme))[0, 1])
    columns = ["category", "true a week", *(f"rank correlation {code}" for code in maps), "top 5 % holds", "total"]
    print_table(f"True intensities found again, {len(grid):,} cells of H3 resolution {resolution}", columns, rows)
    print_table(
        "Product: expected ÷ true in six bands of equal area, lowest risk first",
        ["category", *(f"band {n + 1}" for n in range(BANDS))],
        bands,
    )
    print(f"  share of the true risk (all) in the bands: {', '.join(f'{true / every_true:.1%}' for _, true in sums)}")
    print(f"  slots of the week: correlation with the true shares {by_slot:.3f}", flush=True)
    every = rows[-1]
    return {
        "rank_correlation": round(every[2], 4),
        "rank_correlation_count": round(every[3], 4),
        "rank_correlation_kde": round(max(every[4:6]), 4),
        "calibration": round(every[-1], 4),
        "calibration_bands": [round(ratio, 4) for ratio in bands[-1][1:]],
        "calibration_bands_true_share": [round(true / every_true, 4) for _, true in sums],
        "top_share_of_best": round(every[-2], 4),
        "slot_correlation": round(by_slot, 4),
        "by_category": {row[0]: {"rank_correlation": round(row[2], 4), "calibration": round(row[-1], 4)} for row in rows},
        "cells": len(grid),
        "incidents": len(incidents),
    }


def on_grid(city: City, grid: Grid) -> Incidents:
    """The city's incidents as recorded (Seoul keeps no summer time)."""
    drawn = city.incidents
    start, end = (value.astype("datetime64[s]").astype(np.int64) - 9 * 3600 for value in (drawn.start, drawn.end))
    places = places_of(drawn.longitude, drawn.latitude)
    cells = grid.index_of_points(drawn.longitude, drawn.latitude)
    return Incidents.at(cells, start, end, drawn.category.astype(np.int16), place=places)


def top_share(wanted: Float64, found: Float64) -> float:
    """True risk in the best 5 % of cells by a forecast, as a share of the most there is."""
    count = round(len(wanted) * 0.05)
    best = np.sort(wanted)[::-1][:count].sum()
    return float(wanted[np.argsort(-found, kind="stable")[:count]].sum() / best)


def _true_slots(truth: Float64, scheme: SlotScheme) -> Float64:
    """True totals in the order of the forecast's slots, Float64[slots]."""
    starts = np.array([int(one.timestamp()) for one in scheme.starts(END + timedelta(hours=6), 21)])
    return np.asarray(truth.sum(axis=(0, 2))[scheme.slot_of_week(starts)], dtype=np.float64)


def city_near_repeats(seed: int) -> list[Recovered]:
    """θ and mean delay of theft and violence, fitted to the incidents of one demo city as recorded.

    Known to the fit: where the background lies, its level by year, month and weekday, and how far offspring fall; unknown: θ and
    the delay. The city does not quite follow the model: delays are whole days (the truth given is their mean), give or take an
    hour; times are rounded down to as much as an hour, so that some of a day's offspring seem simultaneous; and each kind of
    place has its own hours, which ties its incidents within a day without any near-repeat.
    """
    city = make_city(FIXTURES, until=UNTIL, rng=np.random.default_rng(100 + seed))
    grid = Grid.from_h3(cells_covering(city.geography.outline, 10))
    first = year_starts(UNTIL, len(city.figures.totals))[0]
    cell = grid.index_of_points(city.incidents.longitude, city.incidents.latitude)
    day = (city.incidents.moment - first.astype("datetime64[s]")).astype(np.int64) / DAY_S
    truth = true_rates(city.sites, city.figures, city.geography.plane, grid).sum(axis=1)
    spread = offspring_spread(city, grid, np.random.default_rng(seed))
    delay = 1 / np.expm1(1 / city.figures.near_repeat_delay_days)
    found = []
    for name in ("theft", "violence"):
        number = CATEGORIES.index(name)
        own = (city.incidents.category == number) & (cell >= 0)
        level = daily_level(city, number)
        fit = fit_etas(
            cell[own],
            day[own],
            len(grid),
            start=0.0,
            end=float(len(level)),
            steps=STEPS,
            tolerance=TOLERANCE,
            background=truth[:, number],
            daily_level=level,
            spread=spread,
        )
        found += recovered(fit, f"{name}, ", theta=float(city.figures.branching[number]), delay=float(delay))
    return found


def daily_level(city: City, category: int) -> Float64:
    """Float64[days], mean one: the background's level by published year, month and weekday."""
    starts = year_starts(UNTIL, len(city.figures.totals))
    days = np.arange(starts[0], starts[-1])
    year = np.searchsorted(starts, days, side="right") - 1
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    level = city.figures.month[month] * city.figures.weekday[weekday, category]
    level *= (city.figures.totals[:, category] / np.bincount(year, level))[year]
    return np.asarray(level / level.mean(), dtype=np.float64)


def offspring_spread(city: City, grid: Grid, rng: np.random.Generator) -> sparse.csr_array:
    """csr[cells, cells]: share of the offspring of a cell's (column) incidents that falls into each cell (row)."""
    spots = city.sites.spots
    parent = grid.index_of_points(*city.geography.plane.to_degrees(spots).T)
    parents, children = [], []
    for _ in range(DISPLACEMENTS):
        moved = spots + rng.normal(scale=city.figures.near_repeat_distance_m, size=spots.shape)
        child = grid.index_of_points(*city.geography.plane.to_degrees(moved).T)
        # Offspring that would leave the city stay where their parent was.
        children.append(np.where(child >= 0, child, parent)[parent >= 0])
        parents.append(parent[parent >= 0])
    without = np.setdiff1d(np.arange(len(grid)), parent)  # cells without a spot have no incidents; their offspring stay
    row, column = np.concatenate([*children, without]), np.concatenate([*parents, without])
    weight = 1 / np.bincount(column)[column]
    return sparse.coo_array((weight, (row, column)), shape=(len(grid), len(grid))).tocsr()


def coverage(city: City, seeds: Sequence[int]) -> dict[str, list[Recovered]]:
    """Fits to processes drawn exactly as the model says, on the demo city's cells with its true background of theft."""
    grid = Grid.from_h3(cells_covering(city.geography.outline, 9))
    daily = true_rates(city.sites, city.figures, city.geography.plane, grid).sum(axis=1)[:, CATEGORIES.index("theft")] / 7
    found: dict[str, list[Recovered]] = {
        "the background's pattern is known": [],
        "a background of its own in each cell": [],
        "the same, without its bias": [],
    }
    for theta, delay in PROCESSES:
        for seed in seeds:
            rng = np.random.default_rng((SEED, seed, round(1000 * theta)))
            cell, day = draw_process(daily * (1 - theta), theta=theta, delay=delay, days=PROCESS_DAYS, rng=rng)
            for name, fit in zip(found, _fits(cell, day, daily), strict=True):
                found[name] += recovered(fit, "", theta=theta, delay=delay)
    for name, fits in found.items():
        recovered_table(f"Exact processes, {len(fits) // 2} fits; {name}", fits)
    return found


def _fits(cell: Int64, day: Float64, pattern: Float64) -> tuple[EtasFit, EtasFit, EtasFit]:
    cells, half = len(pattern), PROCESS_DAYS / 2

    def fit(begin: float, end: float, background: Float64 | None = None) -> EtasFit:
        inside = (day >= begin) & (day < end)
        return fit_etas(
            cell[inside], day[inside], cells, start=begin, end=end, steps=STEPS, tolerance=TOLERANCE, background=background
        )

    own = fit(0.0, PROCESS_DAYS)
    return fit(0.0, PROCESS_DAYS, pattern), own, without_bias(own, (fit(0.0, half), fit(half, PROCESS_DAYS)))


def draw_process(
    background: Float64, *, theta: float, delay: float, days: int, rng: np.random.Generator
) -> tuple[Int64, Float64]:
    """Cells Int64[n] and days Float64[n] of a near-repeat process by generations: background Float64[cells] a day, each incident
    sets off Poisson(θ) others in its cell after exponential delays."""
    cell = np.repeat(np.arange(len(background)), rng.poisson(background * days))
    day = rng.random(len(cell)) * days
    cells, moments = [cell], [day]
    while len(cell):
        children = rng.poisson(theta, len(cell))
        cell, day = np.repeat(cell, children), np.repeat(day, children) + rng.exponential(delay, int(children.sum()))
        seen = day < days
        cell, day = cell[seen], day[seen]
        cells.append(cell)
        moments.append(day)
    return np.concatenate(cells).astype(np.int64), np.concatenate(moments)


def recovered(fit: EtasFit, prefix: str, *, theta: float, delay: float) -> list[Recovered]:
    """Both parameters of a fit. A fit that finds no near-repeats at all has no interval: it counts as a miss."""
    nothing = (float("nan"), float("nan"))
    # An error many times the value itself is no interval either (its upper end would overflow).
    tells = (
        np.isfinite(fit.theta_se)
        and np.isfinite(fit.omega_se)
        and fit.theta_se < 50 * fit.theta
        and fit.omega_se < 50 * fit.omega
    )
    return [
        Recovered(f"{prefix}θ {theta:g}", theta, fit.theta, *(fit.interval("theta") if tells else nothing)),
        Recovered(f"{prefix}delay {delay:.3g} d", delay, 1 / fit.omega, *(fit.interval("delay_days") if tells else nothing)),
    ]


def recovered_table(title: str, fits: Sequence[Recovered]) -> None:
    rows = []
    for what in dict.fromkeys(one.what for one in fits):
        own = [one for one in fits if one.what == what]
        found, low, high = (float(np.nanmedian([getattr(one, side) for one in own])) for side in ("found", "low", "high"))
        rows.append([what, len(own), found, low, high, float(np.mean([one.holds for one in own]))])
    print_table(title, ["truth", "fits", "median found", "median low", "median high", "inside"], rows)


if __name__ == "__main__":
    raise SystemExit(main())
