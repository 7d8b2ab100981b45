"""The parts of `bench city`: one city, grid and set of horizons each, played in one process by the product's own back-test."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from bench._cities import City, areas_of, grid_of, incidents_of, leading_incidents, load_city
from bench._report import cpu_s, peak_rss_mb
from bench._simple_scorers import SeasonedSmoother, simple_scorers
from prediction.backtest import Entrant, run_backtest
from prediction.features import FeatureMaker
from prediction.features.leading import LeadingIncidents
from prediction.grid import Grid
from prediction.learners.base import Learner
from prediction.panel import Incidents, Panel
from prediction.slots import SlotScheme

SEED = 20171231
WEEKS, QUICK_WEEKS = 26, 8
TEST_DAYS = 7 * WEEKS
SHIFTS = SlotScheme("UTC", (0, 8, 16))
AREAS = {
    "community areas": "chicago-boundaries/community_areas.geojson",
    "beats": "chicago-boundaries/beat_bounds.geojson",
}
LEARNERS = ("etas", "stack")
LEARNERS_AT_250_M = ("etas", "lightgbm", "stack")
QUICK_LEARNERS = ("lightgbm",)


@dataclass(frozen=True)
class CityPart:
    """grid: "250 m", "H3 res 9" or the name of areas; history: with a further file of the city as leading signs."""

    city: str
    grid: str
    horizons: tuple[str, ...]
    history: bool = False
    is_quick: bool = False

    @property
    def name(self) -> str:
        return f"{self.city}-{self.grid.replace(' ', '')}" + ("-history" if self.history else "")


PARTS = (
    CityPart("CHI", "250 m", ("week", "shift"), is_quick=True),
    CityPart("NYC", "250 m", ("week", "shift"), is_quick=True),
    CityPart("CHI", "100 m", ("week",)),
    CityPart("NYC", "100 m", ("week",)),
    CityPart("CHI", "100 m", ("week",), history=True),
    CityPart("CHI", "H3 res 9", ("week",)),
    CityPart("NYC", "H3 res 9", ("week",)),
    CityPart("CHI", "community areas", ("week",), is_quick=True),
    CityPart("CHI", "beats", ("month",), is_quick=True),
)


def part_named(name: str) -> CityPart:
    return next(part for part in PARTS if part.name == name)


def play_part(part: CityPart, store: Path | None, *, quick: bool, learners: Sequence[str] | None = None) -> dict[str, Any]:
    """All scores of one part, as plain values. learners: codes beside the rivals, those of the part by default."""
    learners = learners or (QUICK_LEARNERS if quick else LEARNERS_AT_250_M if part.grid == "250 m" else LEARNERS)
    city = load_city(part.city)
    is_areas = part.grid in AREAS
    grid = areas_of(city, AREAS[part.grid]) if is_areas else grid_of(city, part.grid)
    incidents = incidents_of(city, grid)
    entrants, picked = area_entrants(part.horizons) if is_areas else entrants_of(city, grid, incidents, part, learners)
    blocks: tuple[LeadingIncidents, ...] = ()
    if part.history and (found := leading_incidents(city, grid)) is not None:
        blocks = (LeadingIncidents(*found, grid),)
    result = run_backtest(
        incidents,
        grid,
        scheme=SHIFTS,
        categories=city.source.targets,
        end=city.end,
        weeks=QUICK_WEEKS if quick else WEEKS,
        horizons=("week",) if quick and "week" in part.horizons else part.horizons,
        learners=entrants,
        blocks=blocks,
        seed=SEED,
        progress=_shown(part.name),
        store=store,
    )
    held = np.bincount(incidents.cell_index, minlength=len(grid)) > 0
    return {
        "part": part.name,
        "city": part.city,
        "grid": part.grid,
        "history": part.history,
        "cells": len(grid),
        "ever_held": float(held.mean()),
        "picked": picked,
        "horizons": {tested.code: [tested.windows, tested.left_out] for tested in result.horizons},
        "scores": [
            [score.learner, score.category or "all", score.horizon, score.incidents, score.metrics] for score in result.scores
        ],
        "data_sha256": city.sha256,
        "versions": {"numpy": np.__version__, "lightgbm": lightgbm.__version__, "python": sys.version.split()[0]},
        "seed": SEED,
        "cpu_s": cpu_s(),
        "peak_rss_mb": peak_rss_mb(),
    }


@dataclass(frozen=True)
class _Given:
    """A scorer that is made already."""

    scorer: Learner

    def __call__(self, maker: FeatureMaker, horizon_days: int) -> Learner:
        return self.scorer


def entrants_of(
    city: City, grid: Grid, incidents: Incidents, part: CityPart, learners: Sequence[str]
) -> tuple[list[str | Entrant], dict[str, list[str]]]:
    """The rivals, tuned on the 91 days before the test, then the learners of the catalogue; what was picked, for the record."""
    if part.history:
        return ["lightgbm"], {}
    targets = len(city.source.targets)
    maker = FeatureMaker(grid, targets)
    # The panel ends where the test begins: there is nothing later to be tuned on.
    panel = Panel.build(incidents, cells=len(grid), categories=targets, anchor=city.end).before(-TEST_DAYS)
    simple, picked = simple_scorers(panel, maker, test_start=-TEST_DAYS, seed=SEED)
    rivals = [Entrant(scorer.name, _Given(scorer), f"{scorer.name} {picked}") for scorer in simple]
    return [*rivals, *learners], picked


def area_entrants(horizons: tuple[str, ...]) -> tuple[list[str | Entrant], dict[str, list[str]]]:
    """The learner of large areas beside the plain smoothers."""
    days = {"week": 7, "month": 28}[horizons[0]]
    return [Entrant("60 d × last year", _Given(SeasonedSmoother(days))), "count", "seasonal", "regional"], {}


def _shown(name: str) -> Any:
    """Progress on the error stream, a line every tenth."""
    said = [-1]

    def progress(fraction: float, step: str) -> None:
        tenth = int(fraction * 10)
        if tenth > said[0]:
            said[0] = tenth
            print(f"  {name}: {fraction:.0%} ({step}), {cpu_s():.0f} s CPU", file=sys.stderr, flush=True)

    return progress
