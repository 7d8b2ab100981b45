"""The true rate behind the demo city: what a perfect forecast would know before any near-repeat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.spatial import cKDTree

from prediction.grid import Grid
from simulation.figures import CATEGORIES, CrimeFigures
from simulation.geography import Plane
from simulation.profiles import week_shares
from simulation.sites import Sites

Float64 = npt.NDArray[np.float64]
WEEKS_PER_YEAR = 365.25 / 7
SLOT_HOURS = (6, 14, 22)


def true_rates(sites: Sites, figures: CrimeFigures, plane: Plane, grid: Grid, *, year: int = -1) -> Float64:
    """Float64[cells, 21, categories]: expected incidents per cell, slot of the week (0 = Monday 06–14) and category.

    At the level of one published year, months evened out, near-repeats spread over their mean distance.
    """
    cell = grid.index_of_points(*plane.to_degrees(sites.spots).T)
    site = np.repeat(np.arange(len(sites.count)), sites.count)
    per_spot = sites.weight / np.maximum(sites.count, 1)[:, None]
    blur = _blur(grid, figures.near_repeat_distance_m)
    rates = np.zeros((len(grid), 7 * len(SLOT_HOURS), len(CATEGORIES)))
    inside = cell >= 0
    for category in range(len(CATEGORIES)):
        place = np.zeros((len(grid), len(sites.kinds)))
        np.add.at(place, (cell[inside], sites.kind[site][inside]), per_spot[site, category][inside])
        branching = figures.branching[category]
        place = (1 - branching) * place + branching * (blur @ place)
        shares = week_shares(figures.kinds, figures.place[:, category], figures.weekday[:, category], figures.band[:, category])
        week = np.divide(shares, shares.sum(axis=(1, 2), keepdims=True), out=np.zeros_like(shares), where=shares > 0)
        weekly = figures.totals[year, category] / WEEKS_PER_YEAR
        rates[:, :, category] = weekly * (place * figures.place[:, category]) @ _in_slots(week)
    return rates


def _in_slots(week: Float64) -> Float64:
    """Shares over weekday × three-hour band [kinds, 7, 8] as shares over the slots of the week [kinds, 21]."""
    slots = np.zeros((len(week), 7 * len(SLOT_HOURS)))
    for day in range(7):
        for hour in range(24):
            in_day = sum(hour >= start for start in SLOT_HOURS) - 1
            slots[:, (day * len(SLOT_HOURS) + in_day) % slots.shape[1]] += week[:, day, hour // 3] / 3
    return slots


def _blur(grid: Grid, distance_m: float) -> sparse.csr_array:
    """Float64[cells, cells]: spreads a cell's value over its neighbours by a Gaussian; columns sum to 1."""
    pairs = cKDTree(grid.centres_m).query_pairs(3 * distance_m, output_type="ndarray")
    everyone = np.arange(len(grid))
    source = np.concatenate([pairs[:, 0], pairs[:, 1], everyone])
    target = np.concatenate([pairs[:, 1], pairs[:, 0], everyone])
    apart = np.hypot(*(grid.centres_m[source] - grid.centres_m[target]).T)
    weight = np.exp(-0.5 * (apart / distance_m) ** 2)
    weight /= np.bincount(source, weight)[source]
    return sparse.csr_array((weight, (target, source)), shape=(len(grid), len(grid)))
