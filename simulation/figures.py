"""The published figures that the demo city follows, read from `fixtures/<city>/*.csv`. Each file names its source and years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from simulation.errors import SimulationError
from simulation.geography import read_table

Float64 = npt.NDArray[np.float64]
CATEGORIES = ("homicide", "robbery", "sexual_violence", "theft", "violence")


@dataclass(frozen=True, eq=False)
class CrimeFigures:
    """Counts by category, in the order of CATEGORIES.

    totals: Int64[years, categories], oldest year first; weekday: Float64[7, categories], Monday first, shares;
    band: Float64[8, categories], three-hour bands from 00:00 local, shares; place: Float64[kinds, categories], shares;
    month: Float64[12], relative level (an assumption); branching: Float64[categories] (an assumption).
    """

    years: tuple[int, ...]
    totals: npt.NDArray[np.int64]
    weekday: Float64
    band: Float64
    kinds: tuple[str, ...]
    place: Float64
    month: Float64
    branching: Float64
    near_repeat_distance_m: float
    near_repeat_delay_days: float
    interval_theft_share: float
    interval_median_hours: float


@dataclass(frozen=True)
class CameraFigures:
    """How cameras are spread in the register: their total, and shares of sites by size, of all-round lenses, of purposes."""

    total: int
    site_sizes: Mapping[int, float]
    all_round_share: float
    purposes: Mapping[str, float]


def read_crime_figures(folder: Path) -> CrimeFigures:
    """Read the figures of one city. Raises `SimulationError` where a table has not the lines it must have."""
    years, totals = _counts(folder / "totals.csv", "year", None)
    _days, weekday = _counts(folder / "weekday.csv", "weekday", 7)
    _hours, band = _counts(folder / "time_of_day.csv", "start_hour", 8)
    kinds, place = _counts(folder / "places.csv", "kind", None)
    assumed = _measures(folder / "assumptions.csv")
    return CrimeFigures(
        years=tuple(int(year) for year in years),
        totals=totals.astype(np.int64),
        weekday=weekday / weekday.sum(axis=0),
        band=band / band.sum(axis=0),
        kinds=tuple(kinds),
        place=place / place.sum(axis=0),
        month=np.array([assumed["month"][str(month)] for month in range(1, 13)]),
        branching=np.array([assumed["branching"][category] for category in CATEGORIES]),
        near_repeat_distance_m=assumed["near_repeat"]["distance_m"],
        near_repeat_delay_days=assumed["near_repeat"]["delay_days"],
        interval_theft_share=assumed["interval"]["theft_share"],
        interval_median_hours=assumed["interval"]["median_hours"],
    )


def read_camera_figures(folder: Path) -> CameraFigures:
    """Read the camera statistics of one city."""
    measures = _measures(folder / "cameras.csv")
    sites, views, purposes = (measures[name] for name in ("cameras_at_site", "view", "purpose"))
    return CameraFigures(
        total=int(measures["total"]["2024"]),
        site_sizes={int(size): count / sum(sites.values()) for size, count in sites.items()},
        all_round_share=views["360도"] / sum(views.values()),
        purposes={purpose: count / sum(purposes.values()) for purpose, count in purposes.items()},
    )


def _counts(path: Path, key: str, lines: int | None) -> tuple[list[str], Float64]:
    rows = read_table(path)
    if not rows or (lines is not None and len(rows) != lines):
        raise SimulationError(f"{path}: expected {lines or 'some'} lines of figures, found {len(rows)}.")
    return [row[key] for row in rows], np.array([[float(row[category]) for category in CATEGORIES] for row in rows])


def _measures(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in read_table(path):
        found.setdefault(row["measure"], {})[row["key"]] = float(row["value"])
    return found
