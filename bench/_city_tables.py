"""What `bench city` prints and gives back: a table a target, and every row of ../shared/targets.md section 3 beside its floor."""

from collections.abc import Sequence
from typing import Any

from bench._report import print_table
from prediction.backtest.results import CEILINGS, HINDSIGHT

OURS = ("stack", "lightgbm", "regional")  # the product first; what stands earlier is quoted where both were played
AREAS = ("1", "2", "5", "10", "20")

Part = dict[str, Any]
Row = dict[str, Any]
Names = tuple[str, ...]

# Row, part, horizon, measure and share, then floor, target and stretch by target (targets.md section 3).
_WEEK_250 = ("week", "capture_rate", "5")
ROWS: tuple[tuple[str, str, str, tuple[str, str, str], dict[str, tuple[float, float, float]]], ...] = (
    (
        "P1",
        "CHI",
        "250 m",
        _WEEK_250,
        {
            "all": (0.302, 0.304, 0.310),
            "violent": (0.291, 0.294, 0.300),
            "theft": (0.427, 0.431, 0.440),
            "damage": (0.224, 0.230, 0.236),
        },
    ),
    (
        "P1n",
        "NYC",
        "250 m",
        _WEEK_250,
        {
            "all": (0.332, 0.335, 0.341),
            "violent": (0.353, 0.358, 0.364),
            "theft": (0.426, 0.430, 0.436),
            "burglary": (0.264, 0.268, 0.280),
        },
    ),
    (
        "P2",
        "CHI",
        "100 m",
        _WEEK_250,
        {"all": (0.412, 0.420, 0.430), "violent": (0.410, 0.418, 0.430), "theft": (0.522, 0.532, 0.545)},
    ),
    (
        "P2",
        "NYC",
        "100 m",
        _WEEK_250,
        {"all": (0.435, 0.444, 0.455), "violent": (0.468, 0.478, 0.490), "burglary": (0.356, 0.370, 0.390)},
    ),
    (
        "P2a",
        "CHI",
        "100 m",
        ("week", "area_80_9", ""),
        {"all": (25.7, 25.0, 24.0), "violent": (22.7, 22.0, 21.0), "theft": (23.5, 22.5, 21.0)},
    ),
    (
        "P2a",
        "NYC",
        "100 m",
        ("week", "area_80_9", ""),
        {"all": (21.9, 21.3, 20.5), "violent": (18.9, 18.3, 17.5), "burglary": (27.6, 26.0, 24.0)},
    ),
    (
        "P3",
        "CHI",
        "250 m",
        ("shift", "capture_rate", "1"),
        {"all": (0.130, 0.133, 0.140), "violent": (0.096, 0.099, 0.105), "theft": (0.234, 0.238, 0.245)},
    ),
    (
        "P3",
        "NYC",
        "250 m",
        ("shift", "capture_rate", "1"),
        {"all": (0.126, 0.129, 0.135), "burglary": (0.086, 0.090, 0.100)},
    ),
    ("P4", "CHI", "beats", ("month", "count_accuracy", ""), {"all": (0.838, 0.855, 0.870)}),
    ("P4", "CHI", "community areas", ("week", "count_accuracy", ""), {"all": (0.851, 0.865, 0.875)}),
)
# P7: lead over each rival, mean of the eight city and type pairs at 250 m; floor, target, stretch in percent.
LEADS = {
    "KDE 250 m": (14.0, 16.0, 19.0),
    "EW-KDE": (3.7, 5.0, 8.0),
    "etas": (3.6, 5.0, 8.0),
    "count, 365 d": (2.7, 4.0, 7.0),
    "best simple": (1.2, 2.0, 5.0),
}
SPARSE_LEADS = {
    "KDE 250 m": (44.0, 49.0, 57.0),
    "count, 365 d": (15.0, 19.0, 26.0),
    "count + KDE": (9.0, 14.0, 20.0),
    "rule R": (5.0, 9.0, 15.0),
}
DEVIANCE = {("CHI", "all"): (0.641, 0.635), ("NYC", "burglary"): (0.153, 0.151)}


def print_part(part: Part) -> None:
    """A table for each horizon and target: rivals, ours, ceilings."""
    history = ", with a further file of the city as leading signs" if part["history"] else ""
    print(f"\n{part['city']} {part['grid']}{history}: {part['cells']:,} cells, {part['ever_held']:.1%} ever held any incident")
    if part["picked"]:
        print(f"  picked on the 91 days before the test: {part['picked']}")
    for horizon, (windows, left_out) in part["horizons"].items():
        for target in dict.fromkeys(score[1] for score in part["scores"]):
            rows = [_line(score) for score in part["scores"] if score[1] == target and score[2] == horizon]
            incidents = next(score[3] for score in part["scores"] if score[1] == target and score[2] == horizon)
            without = f", {left_out} left out for want of data" if left_out else ""
            title = f"{part['city']} {part['grid']}, {horizon}, {target}: {incidents:,} incidents in {windows} windows{without}"
            print_table(title, COLUMNS, rows)


COLUMNS = (
    "scorer",
    *(f"HR{area}" for area in AREAS),
    "HR5 active",
    "PAI1",
    "PEI1",
    "PEI5",
    "AUC",
    "A80.9",
    "A82.8",
    "deviance",
    "Brier",
    "CRPS",
    "1-WAPE",
    "total",
)


def _line(score: Sequence[Any]) -> list[Any]:
    learner, _, _, _, measured = score
    single = ("auc", "area_80_9", "area_82_8", "deviance", "brier", "crps", "count_accuracy", "calibration_ratio")
    name = {"hindsight": "(hindsight)", "oracle": "(oracle)"}.get(learner, learner)
    return [
        name,
        *(measured["capture_rate"][area] for area in AREAS),
        (measured.get("capture_rate_active") or {}).get("5"),
        measured["pai"]["1"],
        measured["pei"]["1"],
        measured["pei"]["5"],
        *(measured[key] for key in single),
    ]


def verdict_rows(parts: Sequence[Part], *, judged: bool) -> list[Row]:
    """Every row of the targets that the parts can answer. judged: whether floors apply (they were measured on 26 weeks)."""
    rows: list[Row] = []
    for key, city, grid, (horizon, measure, share), targets in ROWS:
        for part in parts:
            if (part["city"], part["grid"]) == (city, grid) and horizon in part["horizons"]:
                rows += [
                    _verdict(key, part, target, (horizon, measure, share), levels, judged=judged)
                    for target, levels in targets.items()
                ]
    at_250 = [part for part in parts if part["grid"] == "250 m"]
    if len(at_250) == len({"CHI", "NYC"}):
        rows += _mean_leads(at_250, judged=judged)
    rows += _sparse_leads([part for part in parts if part["city"] == "NYC" and part["grid"] == "100 m"], judged=judged)
    return rows + [row for part in at_250 for row in _calibration(part, judged=judged)]


def _verdict(
    key: str, part: Part, target: str, measured: tuple[str, str, str], levels: tuple[float, float, float], *, judged: bool
) -> Row:
    horizon, measure, share = measured
    values = {name: _value(scored, measure, share) for name, scored in _scored(part, target, horizon).items()}
    ours = _ours(values)
    lower = measure.startswith("area")
    rivals = {name: value for name, value in values.items() if name not in (*OURS, *CEILINGS) and value is not None}
    best = (min if lower else max)(rivals, key=lambda name: rivals[name]) if rivals else ""
    scored = _scored(part, target, horizon)[ours]
    lead = next((lead for lead in scored.get("leads", ()) if lead["over"] == best and lead["percent"] == share), None)
    name = {"beats": "beats, 4 weeks", "community areas": "community areas, week"}.get(part["grid"], f"{part['city']}/{target}")
    value = values[ours]
    return {
        "key": key,
        "name": name + ("/with history" if part["history"] else ""),
        "ours": ours,
        "value": value,
        "lightgbm": values.get("lightgbm"),
        "best_simple": rivals.get(best),
        "best_simple_name": best,
        "ci": scored["capture_rate_interval"][share] if measure == "capture_rate" else None,
        "lead": None if lead is None else [lead["difference"], *lead["interval"]],
        "ceiling": values.get(HINDSIGHT),
        "floor": levels[0] if judged else None,
        "target": levels[1] if judged else None,
        "stretch": levels[2] if judged else None,
        "reached": _reached(value, levels, lower=lower) if judged else None,
    }


def _mean_leads(parts: Sequence[Part], *, judged: bool) -> list[Row]:
    """P7: mean over the city and type pairs of ours over each rival at 5 %, in percent."""
    gains: dict[str, list[float]] = {name: [] for name in LEADS}
    for part in parts:
        for target in dict.fromkeys(score[1] for score in part["scores"]):
            values = {name: _value(scored, "capture_rate", "5") for name, scored in _scored(part, target, "week").items()}
            ours = values[_ours(values)]
            rivals = [value for name, value in values.items() if name not in (*OURS, *CEILINGS)]
            for name, found in gains.items():
                rival = max(rivals) if name == "best simple" else values.get(name)
                if rival:
                    found.append(100 * (ours / rival - 1))
    return [_lead_row("P7", name, sum(found) / len(found), LEADS[name], judged=judged) for name, found in gains.items() if found]


def _sparse_leads(parts: Sequence[Part], *, judged: bool) -> list[Row]:
    """P7b: New York's burglary on squares of 100 m."""
    rows = []
    for part in parts:
        values = {name: _value(scored, "capture_rate", "5") for name, scored in _scored(part, "burglary", "week").items()}
        ours = values[_ours(values)]
        for name, levels in SPARSE_LEADS.items():
            if values.get(name):
                rows.append(_lead_row("P7b", name, 100 * (ours / values[name] - 1), levels, judged=judged))
    return rows


def _lead_row(key: str, name: str, value: float, levels: tuple[float, float, float], *, judged: bool) -> Row:
    floor, target, stretch = levels if judged else (None, None, None)
    reached = _reached(round(value, 1), levels, lower=False, digits=1) if judged else None
    return {
        "key": key,
        "name": f"% over {name}",
        "value": value,
        "floor": floor,
        "target": target,
        "stretch": stretch,
        "reached": reached,
    }


def _calibration(part: Part, *, judged: bool) -> list[Row]:
    """P9: the total, each of six bands of equally many cells, and the deviance of two targets."""
    rows = []
    for target in dict.fromkeys(score[1] for score in part["scores"]):
        found = _scored(part, target, "week")
        ours = _ours(found)
        measured = found[ours]
        total = measured["calibration_ratio"]
        bands = [predicted / seen if seen else None for predicted, seen in measured["calibration_bands"]]
        known = [band for band in bands if band is not None]
        worst = max(known, key=lambda band: abs(band - 1)) if known else None
        floor, deviance_target = DEVIANCE.get((part["city"], target), (None, None)) if judged else (None, None)
        good = 0.95 <= total <= 1.05 and worst is not None and 0.90 <= worst <= 1.10
        good = good and (floor is None or round(measured["deviance"], 3) <= floor)
        rows.append(
            {
                "key": "P9",
                "name": f"{part['city']}/{target}",
                "ours": ours,
                "value": total,
                "bands": bands,
                "worst_band": worst,
                "deviance": measured["deviance"],
                "floor": floor,
                "target": deviance_target,
                "reached": ("floor" if good else "below") if judged else None,
            }
        )
    return rows


def print_verdicts(rows: Sequence[Row]) -> None:
    """All rows beside their floors, targets and ceilings; then calibration."""
    lines = []
    for row in rows:
        if row["key"] == "P9":
            continue
        lead = row.get("lead")
        gain = None if lead is None else f"{lead[0]:+.4f} [{lead[1]:+.4f}, {lead[2]:+.4f}]"
        keys = ("value", "lightgbm", "best_simple", "best_simple_name")
        levels = ("floor", "target", "stretch", "ceiling", "reached")
        lines.append([f"{row['key']} {row['name']}", *(row.get(key) for key in keys), gain, *(row.get(key) for key in levels)])
    columns = ("row", "ours", "lightgbm", "best simple", "which", "paired difference [95 %]")
    print_table("Verdict", (*columns, "floor", "target", "stretch", "hindsight", "reached"), lines)
    bands = [
        [f"P9 {row['name']}", row["value"], *row["bands"], row["deviance"], row["floor"], row["reached"]]
        for row in rows
        if row["key"] == "P9"
    ]
    names = ("predicted / observed", "total", *(f"band {n}" for n in range(1, 7)), "deviance", "its floor", "floor is")
    print_table("Calibration, next week, 250 m (bands of equally many cells, lowest risk first)", names, bands)


def keyed(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """{"P1": {"CHI/all": {value, best_simple, floor, target, ci, …}}} as targets.md section 8 asks."""
    out: dict[str, dict[str, Row]] = {}
    for row in rows:
        values = {key: value for key, value in row.items() if key not in {"key", "name"}}
        out.setdefault(row["key"], {})[row["name"]] = values
    return out


def record(part: Part) -> Part:
    """What must be recorded of a part: without the scores, which the tables hold."""
    return {key: value for key, value in part.items() if key != "scores"}


def _scored(part: Part, target: str, horizon: str) -> dict[str, dict[str, Any]]:
    return {score[0]: score[4] for score in part["scores"] if score[1] == target and score[2] == horizon}


def _ours(found: dict[str, Any]) -> str:
    return next(name for name in OURS if name in found)


def _value(measured: dict[str, Any], measure: str, share: str) -> Any:
    return measured[measure][share] if share else measured[measure]


def _reached(value: float, levels: tuple[float, float, float], *, lower: bool, digits: int = 3) -> str:
    """Levels are given to three decimals (areas to one), so ours is rounded alike."""
    value = round(value, 1 if lower else digits)
    names = ("floor", "target", "stretch")
    passed = [name for name, level in zip(names, levels, strict=True) if (value <= level if lower else value >= level)]
    return passed[-1] if passed else "BELOW"
