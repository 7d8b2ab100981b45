"""The peer open_cp on the input of `bench speed`, in a process of its own: `python -m bench._peer_open_cp FILE.npz`.

The folder that holds the package `open_cp` (QuantCrimAtLeeds/PredictCode) is named by HAECHI_PEER_OPEN_CP; nothing of it is kept.
FILE holds x_m, y_m Float64[n], seconds Int64[n] (epoch seconds), origins Int64[m] alike, corner_m Float64[2], size_m, rows,
columns, slow (origins for the slow methods), knox Int64[k] (numbers of events). Prints one JSON object: CPU milliseconds of each
method (median over the origins), and CPU seconds of Knox by the number of events.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np


def main() -> int:
    sys.path.insert(0, os.environ["HAECHI_PEER_OPEN_CP"])
    for name, kind in (("object", object), ("float", float), ("int", int), ("bool", bool)):
        if not hasattr(np, name):
            setattr(np, name, kind)  # open_cp was written when NumPy still had these names
    given = np.load(sys.argv[1])
    found: dict[str, Any] = {}
    for name, method in _methods(given).items():
        origins = given["origins"] if name not in ("kde", "etas", "prohotspot") else given["origins"][: int(given["slow"])]
        found[f"{name}_ms"] = float(np.median([1000 * _cpu(partial(method, origin)) for origin in origins]))
    found["knox_s"] = {int(count): _cpu(partial(_knox, given, int(count))) for count in given["knox"]}
    print(json.dumps(found))
    return 0


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _methods(given: Any) -> dict[str, Callable[[int], object]]:
    open_cp = importlib.import_module("open_cp")
    for part in ("kde", "prohotspot", "retrohotspot", "seppexp"):
        importlib.import_module(f"open_cp.{part}")

    west, south = given["corner_m"]
    size = float(given["size_m"])
    region = open_cp.RectangularRegion(west, west + size * int(given["columns"]), south, south + size * int(given["rows"]))

    def with_data(predictor: Any, origin: int) -> Any:
        known = given["seconds"] < origin
        moments = given["seconds"][known].astype("datetime64[s]")
        predictor.data = open_cp.TimedPoints.from_coords(moments, given["x_m"][known], given["y_m"][known])
        return predictor

    def moment(origin: int) -> Any:
        return np.datetime64(int(origin), "s")

    def kde(origin: int) -> object:
        predictor = open_cp.kde.KDE(region=region, grid_size=size)
        predictor.time_kernel = open_cp.kde.ExponentialTimeKernel(60)
        return with_data(predictor, origin).predict(end_time=moment(origin), samples=1)

    def prohotspot(origin: int) -> object:
        predictor = open_cp.prohotspot.ProspectiveHotSpot(region=region, grid_size=size)
        return with_data(predictor, origin).predict(moment(origin), moment(origin))

    def retrohotspot(origin: int) -> object:
        predictor = open_cp.retrohotspot.RetroHotSpotGrid(region=region, grid_size=size)
        predictor.weight = open_cp.retrohotspot.Quartic(500)
        start = moment(origin) - np.timedelta64(60, "D")
        return with_data(predictor, origin).predict(start_time=start, end_time=moment(origin))

    def etas(origin: int) -> object:
        trained = with_data(open_cp.seppexp.SEPPTrainer(region=region, grid_size=size), origin).train(
            moment(origin), iterations=20
        )
        return with_data(trained, origin).predict(moment(origin), moment(origin))

    return {"retrohotspot": retrohotspot, "prohotspot": prohotspot, "kde": kde, "etas": etas}


def _knox(given: Any, count: int) -> object:
    open_cp = importlib.import_module("open_cp")
    importlib.import_module("open_cp.knox")
    last = slice(len(given["seconds"]) - count, None)
    knox = open_cp.knox.Knox(space_bins=[(0, 200), (200, 400)], time_bins=[])
    knox.set_time_bins([(0, 7), (7, 14)], unit="days")
    knox.data = open_cp.TimedPoints.from_coords(
        given["seconds"][last].astype("datetime64[s]"), given["x_m"][last], given["y_m"][last]
    )
    return knox.calculate(iterations=99)


if __name__ == "__main__":
    raise SystemExit(main())
