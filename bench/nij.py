"""The 2017 crime forecasting contest (Portland): burglary and motor vehicle theft, five windows from 1 March 2017.

Rules: regular cells of 62,500–360,000 square feet, forecast area 0.25–0.75 square miles, handed in on 28 February 2017. Cell
shape, turn, offset, half-life, signs and their mixture are chosen by what they would have caught in past months; the outcome is
read once, after everything is chosen. Beside it: the real submission of a winning team on the windows that are stored, and plain
counts on 600 ft squares.
"""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from bench._nij_choice import AREA_SHARE, COMPARED_AFTER_DAYS, COMPARED_MONTHS, SHARES, Forecast, Procedure
from bench._nij_data import (
    CITY_SQ_MI,
    FEET_A_MILE,
    FILES,
    WINDOWS,
    Events,
    Known,
    known_on_the_last_day,
    outcome,
    submission,
)
from bench._nij_scores import BASES, MONTH, Scorer
from bench._report import cpu_s, finish, print_table
from bench._shared_data import shared_data
from prediction.rotated import Lattice, top_cells

SEED = 20170228
CV_MONTHS = 24
# Floor, target and stretch (../shared/targets.md section 3, P5).
AIMS = {
    "auto theft, mean PAI of the five windows": (43.0, 47.0, 55.0),
    "auto theft, CV PAI": (40.0, 43.0, 48.0),
    "burglary, CV PAI": (17.0, 19.0, 22.0),
}
# What an earlier search got on the real windows (../shared/targets.md section 6).
REFERENCE = {
    "auto theft": {"1WK": 24.8, "2WK": 65.3, "1MO": 45.2, "2MO": 41.1, "3MO": 38.7},
    "burglary": {"1WK": 0.0, "2WK": 14.0, "1MO": 12.6, "2MO": 6.7, "3MO": 11.0},
}


def main() -> int:
    options = argparse.ArgumentParser(prog="bench nij", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer orientations")
    options.add_argument("--past-only", action="store_true", help="stop before the outcome is read")
    arguments = options.parse_args()
    folder = shared_data()
    if not (folder / "portland-nij").is_dir():
        print(f"The Portland data are not at {folder}. Put the shared data beside the project or name it in HAECHI_SHARED_DATA.")
        return 2
    start = cpu_s()
    past = {name: play_past(folder, name, quick=arguments.quick) for name in FILES}
    if arguments.past_only:
        finish(
            {"past": {name: cv for name, (_, cv) in past.items()}, "cpu_s": round(cpu_s() - start, 1), "quick": arguments.quick}
        )
        return 0
    scores: dict[str, Any] = {}
    for name, (forecast, cv) in past.items():
        scores[name] = cv | {"windows": play_outcome(folder, name, forecast)}
    verdict(scores)
    finish(
        {"P5": scores, "seed": SEED, "data_sha256": digests(folder), "cpu_s": round(cpu_s() - start, 1), "quick": arguments.quick}
    )
    return 0


def play_past(folder: Path, name: str, *, quick: bool) -> tuple[Forecast, dict[str, Any]]:
    """The forecast handed in on 28 February, and what the same procedure would have got in the 24 months before."""
    known = known_on_the_last_day(folder, name)
    procedure = Procedure(known, seed=SEED)
    months = procedure.months_before(0)[:CV_MONTHS]
    comparison(procedure, name)
    lines, gained = [], []
    for month in months:
        scorer = procedure.choose(month)
        forecast = procedure.forecast(month, scorer, lattices=20 if quick else 200)
        happened = known.crimes.between(month, month + MONTH)
        gained.append(forecast.pai(happened))
        lines.append([month, len(happened), forecast.caught(happened), gained[-1], 100 * forecast.expected_share, str(scorer)])
    columns = ["from day", "crimes", "hits", "PAI", "expected %", "scorer chosen from the months before"]
    print_table(f"{name}: the procedure played at {len(months)} past months of {MONTH} days", columns, lines)
    chosen = procedure.choose(0)
    forecast = procedure.forecast(0, chosen, lattices=100 if quick else 2000)
    side = forecast.lattice
    print(
        f"  handed in: {chosen}; cells of {side.width:.0f} × {side.height:.0f} ft turned by {np.degrees(side.angle):.1f}°, "
        f"{len(forecast.cells)} cells, {AREA_SHARE * CITY_SQ_MI:.4f} square miles"
    )
    mean, error = float(np.mean(gained)), float(np.std(gained, ddof=1) / np.sqrt(len(gained)))
    print(f"  CV PAI {mean:.1f} ± {error:.1f} (standard error)", flush=True)
    cv = {"cv_pai": mean, "cv_standard_error": error, "cv_months": len(gained), "scorer": str(chosen)}
    return forecast, cv | {"cell_ft": [side.width, side.height], "angle_degrees": float(np.degrees(side.angle))}


def comparison(procedure: Procedure, name: str) -> None:
    """What each base would have caught, and what calls add in the months after they were known."""
    months = procedure.months_before(0, history=COMPARED_AFTER_DAYS)[:COMPARED_MONTHS]
    called = [month for month in months if procedure.known.at(month).calls]
    rows = [
        [base, procedure.mean_pai(Scorer(base), months), *(procedure.mean_pai(Scorer(base, share), called) for share in SHARES)]
        for base in BASES
    ]
    columns = ["base", f"{len(months)} months", f"last {len(called)}", *(f"+ {share:.0%} calls" for share in SHARES[1:])]
    print_table(f"{name}: mean PAI over random lattices, past months only", columns, rows)


def play_outcome(folder: Path, name: str, forecast: Forecast) -> dict[str, dict[str, Any]]:
    """Score the five real windows. The only place where the outcome is read."""
    happened = outcome(folder, name)
    real = submission(folder, name)
    squares = plain_squares(known_on_the_last_day(folder, name))
    found: dict[str, dict[str, Any]] = {}
    for window, days in WINDOWS.items():
        events = happened.between(0, days)
        best = forecast.best_possible(events)
        found[window] = {
            "n": len(events),
            "hits": forecast.caught(events),
            "pai": forecast.pai(events),
            "pei": forecast.caught(events) / best,
            "pai_best": best / len(events) / AREA_SHARE,
            "reference": REFERENCE[name][window],
            "kernel_glitches": team_score(real.get(window), events),
            "squares_600_ft": squares_score(*squares, events),
        }
    rows = [
        [
            window,
            one["n"],
            one["hits"],
            one["pai"],
            one["pei"],
            one["pai_best"],
            one["reference"],
            *([one["kernel_glitches"][key] for key in ("pai", "hits")] if one["kernel_glitches"] else [None, None]),
            one["squares_600_ft"],
        ]
        for window, one in found.items()
    ]
    columns = ["window", "N", "hits", "PAI", "PEI", "PAI*", "earlier search", "Kernel Glitches PAI", "hits ", "600 ft squares"]
    print_table(f"{name}: the real windows from 1 March 2017", columns, rows)
    return found


def team_score(cells: tuple[shapely.Geometry, float] | None, events: Events) -> dict[str, float] | None:
    """PAI and hits of hotspots handed in (polygons and their area in square feet)."""
    if cells is None:
        return None
    geometry, area = cells
    hits = int(shapely.intersects_xy(geometry, events.points[:, 0], events.points[:, 1]).sum())
    return {
        "pai": hits / len(events) / (area / (CITY_SQ_MI * FEET_A_MILE**2)),
        "hits": hits,
        "square_miles": area / FEET_A_MILE**2,
    }


def plain_squares(known: Known) -> tuple[Lattice, np.ndarray]:
    """The 20 squares of 600 ft with the most crimes since 2012: 0.258 square miles."""
    lattice = Lattice(600.0, 600.0)
    cells, counts = np.unique(lattice.cells(known.crimes.points), return_counts=True)
    return lattice, cells[top_cells(counts.astype(np.float64), 20)]


def squares_score(lattice: Lattice, cells: np.ndarray, events: Events) -> float:
    hits = int(np.isin(lattice.cells(events.points), cells).sum())
    return hits / len(events) / (len(cells) * lattice.area / (CITY_SQ_MI * FEET_A_MILE**2))


def verdict(scores: dict[str, Any]) -> None:
    """Ours against floor, target and stretch; and whether ours stands above the real submission wherever it is stored."""
    windows = scores["auto theft"]["windows"]
    scores["auto theft"]["mean_pai"] = float(np.mean([one["pai"] for one in windows.values()]))
    scores["burglary"]["mean_pai"] = float(np.mean([one["pai"] for one in scores["burglary"]["windows"].values()]))
    ours = (scores["auto theft"]["mean_pai"], scores["auto theft"]["cv_pai"], scores["burglary"]["cv_pai"])
    rows = []
    for value, (what, (floor, target, stretch)) in zip(ours, AIMS.items(), strict=True):
        reached = next(
            (word for aim, word in ((stretch, "stretch"), (target, "target"), (floor, "floor")) if value >= aim), "BELOW floor"
        )
        rows.append([what, value, floor, target, stretch, reached])
    print_table("P5", ["measure", "ours", "floor", "target", "stretch", "reached"], rows)
    beside = [one for name in scores for one in scores[name]["windows"].values() if one["kernel_glitches"]]
    above = sum(one["pai"] > one["kernel_glitches"]["pai"] for one in beside)
    print(f"  above Kernel Glitches in {above} of the {len(beside)} windows whose submission is stored")


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / "portland-nij" / file).read_bytes()).hexdigest() for name, file in FILES.items()}


if __name__ == "__main__":
    raise SystemExit(main())
