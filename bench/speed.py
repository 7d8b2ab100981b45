"""What one forecast, one fit and one test cost, beside the peer open_cp on the same input.

New York burglaries 2014–2015 on squares of 250 m: kernel density, ProHotspot, RetroHotSpot, near-repeat process (ETAS) and Knox
test, as CPU seconds of this process, one thread, median of eight weekly origins; and LightGBM on a million rows in a process of
its own, for its peak memory. open_cp runs too where HAECHI_PEER_OPEN_CP names the folder that holds it; elsewhere the figures
recorded once on another machine are printed and called so.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from bench._report import finish, peak_rss_mb, print_table
from bench._shared_data import shared_data
from prediction.kernels import Raster, density, pro_hotspot, retro_hotspot
from prediction.learners.boosting import lgbm_parameters
from prediction.learners.near_repeat import excited_at, fit_etas
from prediction.metrics import cells_of_area
from prediction.near_repeat import near_repeats

Float64 = npt.NDArray[np.float64]
SEED = 20151231
ORIGINS = 8
DAY_S = 86_400
SIZE_M = 250.0
KNOX_EVENTS = 15_000
PEER_KNOX = (1000, 2000)
PEER_SLOW = 2  # origins of the peer's slow methods (about ten seconds each)
FEATURES, TREES, LEAVES = 55, 350, 24
# Recorded with open_cp once, on another machine (../shared/targets.md section 4.6); Knox extrapolated from 4,000 events.
RECORDED = {"kde_ms": 10_900.0, "prohotspot_ms": 6960.0, "retrohotspot_ms": 620.0, "etas_s": 11.9, "knox_s": 350.0}
# Floor and target (../shared/targets.md section 3).
AIMS = {
    "kde_ms": (10.0, 2.0),
    "prohotspot_ms": (10.0, 2.0),
    "retrohotspot_ms": (10.0, 2.0),
    "etas_s": (2.0, 1.0),
    "knox_s": (1.0, 0.4),
    "lgbm_s": (60.0, 45.0),
    "lgbm_peak_rss_mb": (1000.0, 850.0),
}


@dataclass(frozen=True, eq=False)
class Burglaries:
    """x_m, y_m Float64[n] (UTM 18N), seconds Int64[n] (local clock read as UTC), in the order of time; the city's squares as
    inside Bool[rows, columns]: the middle lies in the city, or an event fell into it."""

    x_m: Float64
    y_m: Float64
    seconds: npt.NDArray[np.int64]
    raster: Raster
    inside: npt.NDArray[np.bool_]

    def before(self, origin: int) -> tuple[Float64, Float64, Float64]:
        """x, y and age in days of what was known at an origin (epoch seconds)."""
        known = slice(0, int(np.searchsorted(self.seconds, origin)))
        return self.x_m[known], self.y_m[known], (origin - self.seconds[known]) / DAY_S


def main() -> int:
    options = argparse.ArgumentParser(prog="bench speed", description=__doc__)
    options.add_argument("--quick", action="store_true", help="LightGBM on 100,000 rows; no peer")
    options.add_argument("--lgbm-rows", type=int, help=argparse.SUPPRESS)  # the process of its own
    arguments = options.parse_args()
    if arguments.lgbm_rows:
        print(json.dumps(train_trees(arguments.lgbm_rows)))
        return 0
    folder = shared_data()
    if not (folder / "nyc-2014-2015").is_dir():
        print(f"The New York data are not at {folder}. Put the shared data beside the project or name it in HAECHI_SHARED_DATA.")
        return 2
    city = load(folder)
    end = int(city.seconds[-1] // DAY_S + 1) * DAY_S
    origins = [end - 7 * DAY_S * back for back in range(ORIGINS, 0, -1)]
    ours, captures = maps(city, origins)
    ours |= {"etas_s": etas(city, origins, captures), "knox_s": knox(city)}
    rows = 100_000 if arguments.quick else 1_000_000
    trees = in_own_process(["-m", "bench.speed", "--lgbm-rows", str(rows)])
    ours |= {"lgbm_s": trees["cpu_s"], "lgbm_peak_rss_mb": trees["peak_rss_mb"]}
    peer, ran = (None, "not asked for (--quick)") if arguments.quick else peer_figures(city, origins)
    report(city, ours, peer, captures, ran=ran, rows=rows)
    finish(
        {key: round(value, 4) for key, value in ours.items()}
        | {f"open_cp_{key}": round(value, 4) for key, value in (peer or {}).items()}
        | ({} if peer else {f"open_cp_{key}_recorded": value for key, value in RECORDED.items()})
        | {"open_cp": ran, "events": len(city.seconds), "cells": city.raster.rows * city.raster.columns, "lgbm_rows": rows}
        | {"seed": SEED, "quick": arguments.quick}
    )
    return 0


def load(folder: Path) -> Burglaries:
    table = pd.read_csv(folder / "nyc-2014-2015" / "nyc_2014_2015.csv.gz")
    table = table[table["Offense"] == "BURGLARY"]
    moments = pd.to_datetime(table["Occurrence Date"], format="%m/%d/%Y %I:%M:%S %p").to_numpy().astype("datetime64[s]")
    seconds = moments.astype(np.int64)
    order = np.argsort(seconds, kind="stable")
    to_metric = pyproj.Transformer.from_crs(4326, 32618, always_xy=True)
    x, y = to_metric.transform(table["Longitude"].to_numpy()[order], table["Latitude"].to_numpy()[order])
    region = shapely.from_geojson((folder / "bench-measured" / "study_region_nyc.geojson").read_text())
    region = shapely.union_all(list(getattr(region, "geoms", [region])))
    region = shapely.transform(region, lambda xy: np.column_stack(to_metric.transform(xy[:, 0], xy[:, 1])))
    bounds = np.array(region.bounds)
    west, south = np.floor(np.minimum(bounds[:2], (x.min(), y.min())) / SIZE_M) * SIZE_M
    columns, rows = np.ceil((np.maximum(bounds[2:], (x.max() + 1, y.max() + 1)) - (west, south)) / SIZE_M).astype(int)
    raster = Raster(float(west), float(south), SIZE_M, int(rows), int(columns))
    east, north = np.meshgrid(west + (np.arange(columns) + 0.5) * SIZE_M, south + (np.arange(rows) + 0.5) * SIZE_M)
    shapely.prepare(region)
    inside = shapely.contains_xy(region, east, north) | (raster.count(x, y) > 0)
    return Burglaries(x, y, seconds[order], raster, inside)


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    value = work()
    return time.process_time() - start, value


def maps(city: Burglaries, origins: list[int]) -> tuple[dict[str, float], dict[str, list[Float64]]]:
    """CPU milliseconds of each map, median over the origins; and what each captured in the week after."""
    methods: dict[str, Callable[[Float64, Float64, Float64], Float64]] = {
        "kde": lambda x, y, age: density(city.raster, x, y, bandwidth_m=250, weights=np.exp2(-age / 60)),
        "prohotspot": lambda x, y, age: pro_hotspot(city.raster, x, y, age),
        "retrohotspot": lambda x, y, age: retro_hotspot(city.raster, x, y, age),
        "count": lambda x, y, _: city.raster.count(x, y),
    }
    spent: dict[str, float] = {}
    captures: dict[str, list[Float64]] = {}
    for name, method in methods.items():
        method(*city.before(origins[0]))  # band matrices of the raster's size are made once
        runs = [cpu(partial(method, *city.before(origin))) for origin in origins]
        spent[f"{name}_ms"] = 1000 * float(np.median([seconds for seconds, _ in runs]))
        captures[name] = [capture(city, field, origin) for (_, field), origin in zip(runs, origins, strict=True)]
    return spent, captures


def etas(city: Burglaries, origins: list[int], captures: dict[str, list[Float64]]) -> float:
    """CPU seconds to fit 20 steps and forecast, median over the origins."""
    cells = city.raster.rows * city.raster.columns

    def fit(origin: int) -> Float64:
        x, y, age = city.before(origin)
        column, row = ((axis - corner) // SIZE_M for axis, corner in ((x, city.raster.west_m), (y, city.raster.south_m)))
        cell = (row * city.raster.columns + column).astype(np.int64)
        fitted = fit_etas(cell, -age, cells, end=0.0, steps=20)
        excited = excited_at(cell, -age, cells, at=0.0, omega=fitted.omega)
        return np.asarray(fitted.expected(excited, 7.0)).reshape(city.raster.rows, city.raster.columns)

    runs = [cpu(partial(fit, origin)) for origin in origins]
    captures["etas"] = [capture(city, field, origin) for (_, field), origin in zip(runs, origins, strict=True)]
    return float(np.median([seconds for seconds, _ in runs]))


def knox(city: Burglaries) -> float:
    """CPU seconds of a Knox test with 99 permutations on the last 15,000 burglaries, median of eight."""
    points = np.column_stack([city.x_m, city.y_m])[-KNOX_EVENTS:]
    days = city.seconds[-KNOX_EVENTS:] / DAY_S

    def test() -> Any:
        rng = np.random.default_rng(SEED)
        return near_repeats(points, days, rng=rng, distance_edges_m=(200, 400, 600), time_edges_days=(7, 14, 21))

    runs = [cpu(test) for _ in range(ORIGINS)]
    table = runs[0][1]
    print_table(
        f"Near-repeats of the last {KNOX_EVENTS:,} burglaries: pairs seen ÷ expected by chance (p)",
        ["within", *(f"≤ {days:.0f} days" for days in table.time_edges_days)],
        [
            [f"{edge:.0f} m", *(f"{ratio:.2f} ({p:.2f})" for ratio, p in zip(ratios, values, strict=True))]
            for edge, ratios, values in zip(table.distance_edges_m, table.ratio, table.p_value, strict=True)
        ],
    )
    return float(np.median([seconds for seconds, _ in runs]))


def capture(city: Burglaries, field: Float64, origin: int) -> Float64:
    """Float64[4]: incidents of the week from the origin in the best 1, 5 and 10 % of the city's squares, and all of them."""
    week = slice(*np.searchsorted(city.seconds, (origin, origin + 7 * DAY_S)))
    happened = city.raster.count(city.x_m[week], city.y_m[week])[city.inside]
    scores = field[city.inside]
    order = np.lexsort((np.random.default_rng((SEED, origin)).random(len(scores)), -scores))
    running = happened[order].cumsum()
    return np.array([*(running[cells_of_area(len(scores), percent) - 1] for percent in (1, 5, 10)), running[-1]])


def train_trees(rows: int) -> dict[str, float]:
    """CPU seconds to bin and train, and peak memory in MB: counts that look like a city's cells, made from a fixed seed."""
    import lightgbm as lgb  # noqa: PLC0415 (only this process pays for it)

    rng = np.random.default_rng(SEED)
    table = np.empty((rows, FEATURES), dtype=np.float32)
    level = rng.gamma(0.4, 1.0, rows).astype(np.float32)
    for number in range(FEATURES):
        # A third are counts with many zeros, the others smooth sums, all of them signs of one hidden level.
        noise = rng.gamma(1.0, 1.0, rows).astype(np.float32)
        table[:, number] = rng.poisson(level * noise) if number % 3 == 0 else level * noise + 0.1 * noise
    counts = rng.poisson(0.3 * level).astype(np.float32)
    parameters = lgbm_parameters(seed=SEED) | {"num_leaves": LEAVES}
    start = time.process_time()
    data = lgb.Dataset(
        table,
        label=counts,
        init_score=np.log(0.2 + level).astype(np.float64),
        params={key: value for key, value in parameters.items() if key != "objective"},
    )
    data.construct()
    lgb.train(parameters, data, num_boost_round=TREES)
    return {"cpu_s": time.process_time() - start, "peak_rss_mb": peak_rss_mb()}


def in_own_process(arguments: list[str]) -> dict[str, Any]:
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, *arguments], env=os.environ | quiet, capture_output=True, text=True, check=True, timeout=3600
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peer_figures(city: Burglaries, origins: list[int]) -> tuple[dict[str, float] | None, str]:
    """What open_cp needed just now, and a word on it; None where it is not there or does not run."""
    if not os.environ.get("HAECHI_PEER_OPEN_CP"):
        return None, "recorded (HAECHI_PEER_OPEN_CP names no folder)"
    print("open_cp on the same input (minutes) …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.npz"
        raster = city.raster
        np.savez(
            path,
            x_m=city.x_m,
            y_m=city.y_m,
            seconds=city.seconds,
            origins=np.array(origins),
            corner_m=np.array([raster.west_m, raster.south_m]),
            size_m=raster.size_m,
            rows=raster.rows,
            columns=raster.columns,
            knox=np.array(PEER_KNOX),
            slow=PEER_SLOW,
        )
        try:
            found = in_own_process(["-m", "bench._peer_open_cp", str(path)])
        except subprocess.CalledProcessError as error:
            return None, f"recorded (open_cp did not run: {(error.stderr.splitlines() or ['?'])[-1]})"
    largest = PEER_KNOX[-1]
    measured = {key: found[key] for key in ("kde_ms", "prohotspot_ms", "retrohotspot_ms")}
    # The peer compares every pair, so its time grows with the square of the events.
    measured |= {"etas_s": found["etas_ms"] / 1000, "knox_s": found["knox_s"][str(largest)] * (KNOX_EVENTS / largest) ** 2}
    return measured, f"run now (Knox extrapolated from {largest:,} events; KDE, ProHotspot and ETAS medians of {PEER_SLOW})"


def report(
    city: Burglaries,
    ours: dict[str, float],
    peer: dict[str, float] | None,
    captures: dict[str, list[Float64]],
    *,
    ran: str,
    rows: int,
) -> None:
    other = peer or RECORDED
    lines = [
        [name, ours[name], other.get(name), other[name] / ours[name] if name in other else None, *AIMS.get(name, (None, None))]
        for name in ours
    ]
    shape = f"{city.raster.rows} × {city.raster.columns} squares of 250 m, {len(city.seconds):,} burglaries"
    print_table(
        f"CPU, one thread, median of {ORIGINS}; {shape}; LightGBM {rows:,} × {FEATURES} × {TREES} trees; open_cp {ran}",
        ["what", "ours", "open_cp", "times", "floor", "target"],
        lines,
    )
    shares = {name: np.sum(found, axis=0) for name, found in captures.items()}
    print_table(
        f"What the quick maps captured in those {ORIGINS} weeks ({city.inside.sum():,} squares of the city)",
        ["map", "HR1", "HR5", "HR10"],
        [[name, *(sums[:3] / sums[3]).tolist()] for name, sums in shares.items()],
    )


if __name__ == "__main__":
    raise SystemExit(main())
