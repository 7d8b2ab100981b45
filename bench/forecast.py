"""`./run bench forecast [--quick]`: what training and a week of forecasts cost, how that grows, and how good the model is.

P8 and P8b of ../shared/targets.md: CPU seconds and peak memory of the product's path (grid, panel, features, fit, calibration, 7
days × 3 shifts × categories, reasons) for Chicago at H3 resolution 10 and 9 and on squares of 250 m, and for a province of
100,000 cells with 5 million simulated incidents (memory at most 8 GB). Each in a process of its own. Quality: HR@5 % of the next
week on 250 m beside the simple rivals, all crimes; `bench city` has the whole table.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h3.api.numpy_int as h3
import numpy as np

from bench._cities import SOURCES, City, grid_of, incidents_of, load_city, missing
from bench._city_parts import PARTS, play_part
from bench._report import cpu_s, finish, peak_rss_mb, print_table
from prediction.engine import forecast, train
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents
from prediction.slots import SlotScheme

ROOT = Path(__file__).resolve().parents[1]
SEED = 20171231
TYPES: tuple[str, ...] = ("THEFT", "BATTERY", "CRIMINAL DAMAGE", "ASSAULT")
SCHEME = SlotScheme("UTC", (6, 14, 22))
MEMORY_AIM_MB = 8_000
PROVINCE_END = datetime(2026, 1, 1, tzinfo=UTC)
PROVINCE_TYPES: tuple[str, ...] = ("homicide", "robbery", "sexual_violence", "theft", "violence")
PROVINCE_MIX = (0.0015, 0.003, 0.05, 0.45, 0.4955)
# Name → H3 resolution or squares; for the province: cells and incidents.
CHICAGO = {"Chicago H3 10": "H3 res 10", "Chicago H3 9": "H3 res 9", "Chicago 250 m": "250 m"}
PROVINCES = {
    "simulated 10,000 cells, 0.5 M": (10_000, 500_000),
    "simulated 30,000 cells, 1.5 M": (30_000, 1_500_000),
    "simulated 100,000 cells, 1.5 M": (100_000, 1_500_000),
    "simulated 100,000 cells, 5 M": (100_000, 5_000_000),
}
QUICK = ("Chicago 250 m", "simulated 10,000 cells, 0.5 M")
QUALITY = replace(next(part for part in PARTS if part.name == "CHI-250m"), horizons=("week",))


def main() -> int:
    options = argparse.ArgumentParser(prog="bench forecast", description=__doc__)
    options.add_argument("--quick", action="store_true", help="Chicago on 250 m and the smallest simulated province, 8 weeks")
    options.add_argument("--case", help=argparse.SUPPRESS)  # one case, in this process; its result is the last line
    arguments = options.parse_args()
    if missing(SOURCES["CHI"].file, SOURCES["CHI"].region):
        return 2
    if arguments.case:
        print(json.dumps(cost_of(arguments.case), default=float))
        return 0
    names = QUICK if arguments.quick else (*CHICAGO, *PROVINCES)
    cases = [_in_a_process(name) for name in names]
    columns = list(cases[0])
    print_table("Product path, one thread", columns, [[case[key] for key in columns] for case in cases])
    hr5, best, name = quality(quick=arguments.quick)
    print(f"\nHR@5 %, all crimes, next week, 250 m: {hr5:.4f}; best simple rival {best:.4f} ({name})")
    finish({**cases[0], "hr5": hr5, "hr5_best_simple": best, "cases": cases, "quick": arguments.quick, "seed": SEED})
    return 0


def cost_of(name: str) -> dict[str, Any]:
    """Train and forecast one case; CPU seconds by step and the peak memory of this process."""
    cpu, wall = cpu_s(), time.monotonic()
    if name in CHICAGO:
        city = load_city("CHI")
        grid = grid_of(city, CHICAGO[name])
        incidents, types, end = _by_type(city, grid), TYPES, city.end
    else:
        grid, incidents = province(*PROVINCES[name])
        types, end = PROVINCE_TYPES, PROVINCE_END
    ready = cpu_s()
    model = train(incidents, grid, scheme=SCHEME, categories=types, cutoff=end, seed=SEED)
    trained = cpu_s()
    result = forecast(model, incidents, grid)
    done = cpu_s()
    return {
        "case": name,
        "cpu_s": round(done - ready, 1),
        "wall_s": round(time.monotonic() - wall, 1),
        "peak_rss_mb": round(peak_rss_mb()),
        "incidents": len(incidents),
        "cells": len(grid),
        "input_cpu_s": round(ready - cpu, 1),
        "train_cpu_s": round(trained - ready, 1),
        "forecast_cpu_s": round(done - trained, 1),
        "expected_incidents": round(float(result.rates.sum(dtype=np.float64)), 1),
        "within_memory": peak_rss_mb() <= MEMORY_AIM_MB,
    }


def _by_type(city: City, grid: Grid) -> Incidents:
    """The file's own four types."""
    merged = incidents_of(city, grid)
    return replace(merged, category=np.array([TYPES.index(name) for name in city.types], dtype=np.int16))


def province(cells: int, incidents: int, *, years: int = 5) -> tuple[Grid, Incidents]:
    """A made-up province of H3 cells of resolution 9: hilly rates with hot cells, seasons, nights; each incident at one of a
    few addresses of its cell. Simulated, for cost only."""
    rng = np.random.default_rng(SEED)
    middle = h3.latlng_to_cell(37.4, 127.1, 9)
    reach = int(np.ceil((np.sqrt(cells * 4 / 3) - 1) / 2)) + 1
    grid = Grid.from_h3(np.sort(h3.grid_disk(middle, reach))[:cells])
    hills = np.cos(grid.centres_m[:, 0] / 9_000) + np.cos(grid.centres_m[:, 1] / 7_000)
    surface = np.exp(hills) * rng.gamma(0.4, 1.0, len(grid))
    cell = rng.choice(len(grid), size=incidents, p=surface / surface.sum()).astype(np.int32)
    day = np.floor(rng.random(incidents) * 365 * years)
    hour = (rng.normal(21, 5, incidents)) % 24
    second = (int(PROVINCE_END.timestamp()) - (day + 1) * DAY_S + hour * 3_600).astype(np.int64)
    category = rng.choice(len(PROVINCE_TYPES), size=incidents, p=PROVINCE_MIX).astype(np.int16)
    place = (cell.astype(np.int64) * 6 + np.minimum(rng.geometric(0.4, incidents), 6)).astype(np.int32)
    return grid, Incidents.at(cell, second, second, category, place=place)


def quality(*, quick: bool) -> tuple[float, float, str]:
    """HR@5 % of the product, the best of its simple rivals, and that one's name."""
    result = play_part(QUALITY, None, quick=quick, learners=("lightgbm",))
    found = {score[0]: score[4]["capture_rate"]["5"] for score in result["scores"] if score[1] == "all"}
    rivals: dict[str, float] = {name: value for name, value in found.items() if name not in {"lightgbm", "hindsight", "oracle"}}
    best = max(rivals, key=lambda name: rivals[name])
    return found["lightgbm"], rivals[best], best


def _in_a_process(name: str) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    print(f"{name} …", flush=True)
    command = [sys.executable, "-m", "bench.forecast", "--case", name]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The case {name} ended with status {done.returncode}; what it said is above.")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


if __name__ == "__main__":
    raise SystemExit(main())
