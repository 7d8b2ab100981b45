"""How a week's incidents of a cell fall on the slots of the week: an empirical-Bayes profile.

Counts per cell, category and slot of the week are shrunk towards the profile of the surroundings, and that towards the city's
(Dirichlet-multinomial, twice). How strongly is chosen by the likelihood of the last eight weeks given everything before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from prediction.panel import DAY_S, Incidents
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

Float64 = npt.NDArray[np.float64]

HALF_LIFE_D = 365.0
SIGMA_M = 400.0
HOLD_OUT_D = 56
HOUR_S = 3_600
POINTS_AT_MOST = 24  # instants an interval is spread over
HERE_STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0)
AROUND_STRENGTHS = (30.0, 100.0, 300.0, 1000.0, 3000.0)
CITY_STRENGTH = 100.0  # a category's own city profile counts as much as all crime's once it has this many incidents


@dataclass(frozen=True)
class ProfileSettings:
    """Strength of the priors, in incidents: of the surroundings on the cell, and of the city on the surroundings."""

    here: float = 100.0
    around: float = 100.0


def choose_settings(
    incidents: Incidents, around: Surroundings, *, scheme: SlotScheme, categories: int, cutoff: datetime
) -> ProfileSettings:
    """The strengths under which the last eight weeks were most likely; the defaults where there is too little to tell."""
    cutoff_s = int(cutoff.timestamp())
    split = cutoff_s - HOLD_OUT_D * DAY_S
    late = incidents.take((incidents.end_s < cutoff_s) & (incidents.start_s >= split))
    if len(late) < 100 or not np.any(incidents.end_s < split):
        return ProfileSettings()
    slot = scheme.slot_of_week(late.start_s)
    scores = np.zeros((len(HERE_STRENGTHS), len(AROUND_STRENGTHS)))
    for category in range(categories):
        counts, nearby, city = _counts(incidents, around, scheme=scheme, category=category, categories=categories, known_s=split)
        rows = late.category == category
        cells, slots = late.cell_index[rows], slot[rows]
        for j, around_strength in enumerate(AROUND_STRENGTHS):
            middle = _shrink(nearby, city[:, np.newaxis], around_strength)
            for i, here_strength in enumerate(HERE_STRENGTHS):
                own = counts[slots, cells] + here_strength * middle[slots, cells]
                scores[i, j] += np.log(own / (counts.sum(axis=0)[cells] + here_strength)).sum()
    best = np.unravel_index(int(np.argmax(scores)), scores.shape)
    return ProfileSettings(here=HERE_STRENGTHS[best[0]], around=AROUND_STRENGTHS[best[1]])


def slot_shares(
    incidents: Incidents,
    around: Surroundings,
    *,
    scheme: SlotScheme,
    category: int,
    categories: int,
    known_s: int,
    settings: ProfileSettings,
) -> Float64:
    """Float64[slots of the week, cells]: shares of the category's week, adding up to one in each cell.

    Reads only incidents whose interval had ended before `known_s` (epoch seconds).
    """
    counts, nearby, city = _counts(incidents, around, scheme=scheme, category=category, categories=categories, known_s=known_s)
    return _shrink(counts, _shrink(nearby, city[:, np.newaxis], settings.around), settings.here)


def _counts(
    incidents: Incidents, around: Surroundings, *, scheme: SlotScheme, category: int, categories: int, known_s: int
) -> tuple[Float64, Float64, Float64]:
    """Time-weighted counts [slots, cells] here and smoothed over the surroundings, and the city's profile [slots]."""
    cells, slots = around.to_raster.shape[1], scheme.per_week
    known = incidents.take(incidents.end_s < known_s)
    every_week = _by_slot(known, scheme, known_s)
    own = known.category[every_week.row] == category
    flat = every_week.slot[own].astype(np.int64) * cells + known.cell_index[every_week.row[own]]
    sums = np.bincount(flat, weights=every_week.weight[own], minlength=slots * cells)
    counts: Float64 = np.asarray(sums.reshape(slots, cells), dtype=np.float64)
    every = np.bincount(every_week.slot, weights=every_week.weight, minlength=slots) + 1.0 / categories
    city = _shrink(counts.sum(axis=1), every / every.sum(), CITY_STRENGTH)
    # Smoothing leaves a cell its share of the surroundings' mass; as evidence the sum over the kernel's area counts.
    area = 4 * np.pi * (SIGMA_M / around.pixel_m) ** 2 / around.scale
    nearby = np.maximum(around.smooth(counts, SIGMA_M), 0.0) * area
    return counts, nearby, city


@dataclass(frozen=True, eq=False)
class Points:
    """Instants of incidents: row Int[n] into them, second Int64[n] (epoch), weight Float64[n], adding up to one an incident."""

    row: npt.NDArray[np.intp]
    second: npt.NDArray[np.int64]
    weight: Float64


def spread_points(incidents: Incidents) -> Points:
    """Each incident at up to 24 evenly spaced instants of its interval (aoristic, Ratcliffe 2000)."""
    length = incidents.end_s - incidents.start_s
    points = np.clip(-(-length // HOUR_S), 1, POINTS_AT_MOST)
    row = np.repeat(np.arange(len(incidents)), points)
    step = np.arange(len(row)) - np.repeat(np.cumsum(points) - points, points)
    second = incidents.start_s[row] + (length[row] * (2 * step + 1)) // (2 * points[row])
    return Points(row, np.asarray(second, dtype=np.int64), np.asarray((1 / points)[row], dtype=np.float64))


@dataclass(frozen=True, eq=False)
class _InSlots:
    row: npt.NDArray[np.intp]
    slot: npt.NDArray[np.int16]
    weight: Float64


def _by_slot(known: Incidents, scheme: SlotScheme, known_s: int) -> _InSlots:
    """The slots of the week that incidents fall into, fading with their age."""
    points = spread_points(known)
    age_d = (known_s - known.start_s) / DAY_S
    weight = 0.5 ** (age_d / HALF_LIFE_D)[points.row] * points.weight
    return _InSlots(points.row, scheme.slot_of_week(points.second), np.asarray(weight, dtype=np.float64))


def _shrink(counts: Float64, prior: Float64, strength: float) -> Float64:
    """Dirichlet-multinomial posterior mean along the first axis; prior adds up to one along it."""
    return np.asarray((counts + strength * prior) / (counts.sum(axis=0) + strength), dtype=np.float64)
