"""`./run bench tensors [--quick]`: the arrays of ST-SHN/ST-HSL, HAGEN and AGL-STAN, with their splits and their metrics.

Beside each of ours, in the same run: constant 1, mean of history, median of an area's days with any incident, frequency of an
area; and, marked "recorded", what peers got when they were run for ../shared/targets.md section 4.5. Next to the papers' masked
metrics stand honest ones over the whole panel. Everything is chosen on the days before each test: docs/methods/tensors.md.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import holidays
import lightgbm
import numpy as np
import numpy.typing as npt

from bench._report import cpu_s, finish, peak_rss_mb, print_table
from bench._shared_data import shared_data
from bench._tensors_data import (
    AGL_BATCH,
    AGL_MONTHS,
    AGL_WINDOW,
    HAGEN_OFFSETS,
    DailySet,
    load_agl,
    load_hagen,
    load_sthsl,
)
from bench._tensors_heads import (
    best_threshold,
    errors,
    f1,
    f1_of_batches,
    given_any,
    likelihoods,
    median,
    negative_binomial,
    quantile_labels,
    relative_median,
)
from bench._tensors_models import (
    SEED,
    CountForecast,
    TreeSettings,
    forecast_counts,
    forecast_given_any,
    forecast_occurrence,
    frequency,
    mean_of_history,
    median_given_any,
    median_of_history,
)
from bench._tensors_recorded import AGL_RECORDED, FLOORS, HAGEN_RECORDED, STHSL_RECORDED, TARGETS

Float64 = npt.NDArray[np.float64]
Row = dict[str, Any]
METRICS = ("mae", "rmse", "masked_mae", "masked_mape")


def main() -> int:
    options = argparse.ArgumentParser(prog="bench tensors", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="Chicago of ST-HSL with fewer trees, August of AGL-STAN and of HAGEN's Chicago"
    )
    arguments = options.parse_args()
    folder = shared_data() / "crime-tensors"
    if not folder.is_dir():
        print(f"The arrays are not at {folder}. Put the shared data beside the project or name it in HAECHI_SHARED_DATA.")
        return 2
    result = run(folder, quick=arguments.quick)
    finish(result)
    return 0


def run(folder: Path, *, quick: bool) -> Row:
    """Everything the last line holds, tables printed on the way."""
    settings = replace(TreeSettings(), trees=120) if quick else TreeSettings()
    p6: Row = {}
    p6b: Row = {}
    honest: Row = {}
    hashes: dict[str, str] = {}
    for city in ("chicago",) if quick else ("chicago", "nyc"):
        data = load_sthsl(folder, city)
        hashes[data.name] = data.sha256
        rows, scores = counts_set(data, settings)
        p6 |= rows
        honest[data.name] = scores
    agl = load_agl(folder)
    hashes[agl.name] = agl.sha256
    p6b |= agl_set(agl, quick=quick)
    for city in ("chicago",) if quick else ("chicago", "la"):
        for month in (8,) if quick else sorted(HAGEN_OFFSETS):
            data = load_hagen(folder, city, month)
            hashes[data.name] = data.sha256
            p6b |= hagen_set(data, month)
    verdicts({**p6, **p6b})
    return {
        "P6": p6,
        "P6b": p6b,
        "honest": honest,
        "quick": quick,
        "seed": SEED,
        "cpu_s": round(cpu_s(), 1),
        "peak_rss_mb": round(peak_rss_mb()),
        "data_sha256": hashes,
        "versions": {
            "numpy": np.__version__,
            "lightgbm": lightgbm.__version__,
            "holidays": holidays.__version__,
            "python": sys.version.split()[0],
        },
    }


# --- ST-SHN and ST-HSL: counts --------------------------------------------------------------------


def counts_set(data: DailySet, settings: TreeSettings) -> tuple[Row, Row]:
    """(rows of P6, honest scores) of one city; prints its tables."""
    truth = data.counts[data.val_end :].astype(np.float64)
    forecast, table = forecast_counts(data, settings)
    predicted = {
        "constant 1": np.ones(truth.shape),
        "mean of history": _each_day(mean_of_history(data), truth),
        "median of history": _each_day(median_of_history(data), truth),
        "median given y > 0": _each_day(median_given_any(data), truth),
        "area's frequency": _each_day(frequency(data), truth),
        "LightGBM, L1 on y > 0": forecast_given_any(data, table, objective="l1", settings=settings),
        "LightGBM, MAPE loss on y > 0": forecast_given_any(data, table, objective="mape", settings=settings),
        **heads(forecast),
    }
    scores = {name: errors(truth.ravel(), values.ravel()) for name, values in predicted.items()}
    _print_counts(data, scores)
    rows: Row = {}
    for metric, head in (
        ("full_mae", "median"),
        ("masked_mae", "median given y > 0"),
        ("masked_mape", "relative median given y > 0"),
    ):
        key = metric.removeprefix("full_")
        ours = f"ours, {head}"
        peers = {name: round(score[key], 4) for name, score in scores.items() if not name.startswith("ours")}
        rows[f"{data.name}/{metric}"] = _row(
            f"{data.name}/{metric}", scores[ours][key], peers, STHSL_RECORDED[data.name], head=head
        )
    rows[f"{data.name}/full_mae"] |= {
        "mean_forecast": round(scores["ours, mean"]["mae"], 4),
        "rmse_of_mean_forecast": round(scores["ours, mean"]["rmse"], 4),
        "rmse_of_median": round(scores["ours, median"]["rmse"], 4),
    }
    honest = _print_honest(data, forecast, truth)
    return rows, honest


def heads(forecast: CountForecast) -> dict[str, Float64]:
    """The same forecast, said in the way that each metric rewards: Float64[days, areas, types] each."""
    flat = forecast.mean.ravel()
    out = {
        name: np.empty(len(flat)) for name in ("ours, median", "ours, median given y > 0", "ours, relative median given y > 0")
    }
    spread = forecast.spread().ravel()
    for start in range(0, len(flat), 50_000):  # bounds the table of probabilities
        part = slice(start, start + 50_000)
        table = negative_binomial(flat[part], spread[part])
        positive = given_any(table)
        out["ours, median"][part] = median(table)
        out["ours, median given y > 0"][part] = median(positive)
        out["ours, relative median given y > 0"][part] = relative_median(positive)
    return {"ours, mean": forecast.mean, **{name: values.reshape(forecast.mean.shape) for name, values in out.items()}}


def _each_day(one: Float64, truth: npt.NDArray[Any]) -> Float64:
    return np.asarray(np.broadcast_to(one, truth.shape), dtype=np.float64)


def _print_counts(data: DailySet, scores: dict[str, dict[str, float]]) -> None:
    lines: list[list[Any]] = [[name, *(round(score[key], 4) for key in METRICS)] for name, score in scores.items()]
    for name, figures in STHSL_RECORDED[data.name].items():
        lines.append([f"{name} (recorded)", *(figures.get(key) for key in METRICS)])
    print_table(
        f"{data.name}, {data.days - data.val_end} test days, {data.counts.shape[1]} squares of 3 km: errors",
        ["forecast", "full MAE", "full RMSE", "MAE, y > 0", "MAPE, y > 0"],
        lines,
    )


def _print_honest(data: DailySet, forecast: CountForecast, truth: Float64) -> Row:
    """Scores over the whole panel that no masked guess wins."""
    history = np.maximum(_each_day(mean_of_history(data), truth), forecast.mean.min()).ravel()
    flat, spread = truth.ravel(), forecast.spread().ravel()
    scores = {
        "mean of history": likelihoods(flat, history, spread),
        "constant 1": likelihoods(flat, np.ones(len(flat)), spread),
        "ours": likelihoods(flat, forecast.mean.ravel(), spread),
    }
    names = list(scores["ours"])
    print_table(
        f"{data.name}: honest scores over every square, day and type (per entry; dispersions of the types: "
        f"{', '.join(f'{value:.3f}' for value in forecast.dispersion)})",
        ["forecast", *names],
        [[name, *(score[key] for key in names)] for name, score in scores.items()],
    )
    return {name: {key: round(value, 5) for key, value in score.items()} for name, score in scores.items()}


# --- AGL-STAN and HAGEN: did it happen -------------------------------------------------------------


def agl_set(data: DailySet, *, quick: bool) -> Row:
    """Rows of P6b for AGL-STAN's months: one model from the days before August for all of them, as in its code.

    The figure is what its script prints, the mean over batches of four days; the F1 of the whole month stands beside it.
    """
    forecast = forecast_occurrence(data)
    known = _each_day(frequency(data), data.counts[data.val_end :])
    looked_at = slice(data.train_end + AGL_WINDOW, data.val_end)
    often = (data.counts[: data.train_end] > 0).mean(axis=0)
    thresholds = [
        best_threshold(
            np.broadcast_to(often[:, kind], data.counts[looked_at, :, kind].shape), data.counts[looked_at, :, kind] > 0
        )
        for kind in range(data.counts.shape[2])
    ]
    rows: Row = {}
    lines: list[list[Any]] = []
    for month, (first, end) in AGL_MONTHS.items():
        if quick and month != "Aug":
            continue
        days = slice(first + AGL_WINDOW - data.val_end, end - data.val_end)
        truth = data.counts[data.val_end :][days] > 0
        called = {
            "area's frequency, threshold from validation": known[days] >= np.asarray(thresholds),
            "ours, a threshold a type": forecast.probability[days] >= forecast.thresholds,
            "ours, one threshold": forecast.probability[days] >= forecast.threshold,
        }
        scores = {name: f1(_flat(truth), _flat(labels)) for name, labels in called.items()}
        printed = {name: f1_of_batches(truth, labels, AGL_BATCH) for name, labels in called.items()}
        lines += [[month, name, *scores[name], *printed[name]] for name in scores]
        lines += [[month, f"{name} (recorded)", *figures[month], None, None] for name, figures in AGL_RECORDED.items()]
        for position, metric in enumerate(("mean_of_types", "pooled")):
            ours = ("ours, a threshold a type", "ours, one threshold")[position]
            peers = {name: round(score[position], 4) for name, score in printed.items() if not name.startswith("ours")}
            recorded = {name: {metric: figures[month][position]} for name, figures in AGL_RECORDED.items()}
            key = f"AGL-STAN {month}/{metric}"
            rows[key] = _row(key, printed[ours][position], peers, recorded, head=ours.removeprefix("ours, "), lower=False)
            rows[key]["over_the_whole_month"] = round(scores[ours][position], 4)
    print_table(
        "AGL-STAN, Chicago 2015 (its code calls the mean of types “micro” and the pooled one “macro”)",
        ["month", "labels", "mean of types", "pooled", "mean, by batches of 4 days", "pooled, by batches"],
        lines,
    )
    return rows


def hagen_set(data: DailySet, month: int) -> Row:
    """Rows of P6b for one of HAGEN's sets, with its own rule for labels; thresholds from before the test beside it."""
    forecast = forecast_occurrence(data)
    truth = _flat(data.counts[data.val_end :] > 0)
    share = float(data.counts[8 : data.val_end].mean())
    often = _flat(_each_day(frequency(data), data.counts[data.val_end :]))
    called = {
        "area's frequency, HAGEN's rule": quantile_labels(often, share),
        "area's frequency, one quantile unscaled": often >= np.quantile(often, 1 - share),
        "ours, HAGEN's rule": quantile_labels(_flat(forecast.probability), share),
        "ours, one quantile unscaled": _flat(forecast.probability) >= np.quantile(forecast.probability, 1 - share),
        "ours, a threshold a type": _flat(forecast.probability >= forecast.thresholds),
        "ours, one threshold": _flat(forecast.probability >= forecast.threshold),
    }
    scores = {name: f1(truth, labels) for name, labels in called.items()}
    recorded = HAGEN_RECORDED[data.name.split()[1].split("-")[0]]
    lines: list[list[Any]] = [[name, *score] for name, score in scores.items()]
    lines += [[f"{name} (recorded)", *figures[month]] for name, figures in recorded.items()]
    print_table(f"{data.name}: {len(data.counts) - data.val_end} test days", ["labels", "macro F1", "micro F1"], lines)
    rows: Row = {}
    for position, metric in enumerate(("macro", "micro")):
        key = f"{data.name}/{metric}"
        peers = {name: round(score[position], 4) for name, score in scores.items() if not name.startswith("ours")}
        figures = {name: {metric: both[month][position]} for name, both in recorded.items()}
        rows[key] = _row(key, scores["ours, HAGEN's rule"][position], peers, figures, head="HAGEN's rule", lower=False)
        rows[key]["with_one_unscaled_quantile"] = round(scores["ours, one quantile unscaled"][position], 4)
        own = ("ours, a threshold a type", "ours, one threshold")[position]
        rows[key]["with_thresholds_from_before_the_test"] = round(scores[own][position], 4)
    return rows


def _flat(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(values).reshape(-1, values.shape[-1])


# --- verdicts -------------------------------------------------------------------------------------


def _row(
    key: str, value: float, peers: dict[str, float], recorded: dict[str, dict[str, float]], *, head: str, lower: bool = True
) -> Row:
    """One figure: ours, peers of the same run, recorded peers, floor and target; reached at the digits that the targets have."""
    metric = key.split("/")[1].removeprefix("full_")
    floor, target = FLOORS.get(key), TARGETS.get(key)

    def reached(bound: float | None) -> bool | None:
        if bound is None:
            return None
        shown = round(value, 3)
        return shown <= bound if lower else shown >= bound

    return {
        "ours": round(value, 4),
        "head": head,
        "peers": peers | {f"{name} (recorded)": figures[metric] for name, figures in recorded.items() if metric in figures},
        "floor": floor,
        "target": target,
        "floor_reached": reached(floor),
        "target_reached": reached(target),
    }


def verdicts(rows: Row) -> None:
    lines = []
    for key, row in rows.items():
        best = (min if "ma" in key.split("/")[1] and "macro" not in key else max)(row["peers"].items(), key=lambda peer: peer[1])
        lines.append(
            [key, row["ours"], best[1], best[0], row["floor"], row["target"], row["floor_reached"], row["target_reached"]]
        )
    columns = ["figure", "ours", "best peer", "which", "floor", "target", "floor reached", "target reached"]
    print_table("Verdict (MAE and MAPE: lower is better; F1: higher)", columns, lines)


if __name__ == "__main__":
    raise SystemExit(main())
