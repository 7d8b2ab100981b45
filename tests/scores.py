"""Rows of a back-test as a worker stores them, with figures that are easy to recognise on a page."""

from datetime import UTC, datetime, timedelta
from typing import Any

from webapp.accounts.models import Jurisdiction
from webapp.crimes.models import CellGrid
from webapp.forecasts.models import Backtest, BacktestScore

AREAS = ("1", "2", "5", "10", "20")
SHARES = (0.1, 0.2, 0.4, 0.6, 0.8)  # captured by ours at these areas
# How much less each method holds than ours, and half the width of the paired interval of that difference.
METHODS = {"stack": 0.0, "lightgbm": 0.01, "ewkde": 0.03, "kde": 0.1, "count": 0.05, "seasonal": -0.02}
HALF_WIDTH = 0.025
RELIABILITY = [
    {"low": 0.0, "high": 0.01, "cells": 40_000, "called": 0.004, "seen": 0.0042, "interval": [0.0036, 0.0049]},
    {"low": 0.02, "high": 0.05, "cells": 3_000, "called": 0.03, "seen": 0.032, "interval": [0.026, 0.039]},
    {"low": 0.05, "high": 0.1, "cells": 800, "called": 0.07, "seen": 0.05, "interval": [0.037, 0.067]},
    {"low": 0.1, "high": 0.15, "cells": 250, "called": 0.12, "seen": 0.116, "interval": [0.082, 0.162]},
    {"low": 0.3, "high": 0.4, "cells": 12, "called": 0.35, "seen": 0.33, "interval": [0.14, 0.61]},
]


def metrics_of(learner: str) -> dict[str, Any]:
    """All measures of one method; ceilings hold 1.2 and 2 times what ours does."""
    factor = {"hindsight": 1.1, "oracle": 2.0}.get(learner)
    less = METHODS.get(learner, 0.0)
    shares = [min(1.0, share * factor) if factor else share - less for share in SHARES]
    rates = dict(zip(AREAS, shares, strict=True))
    measured: dict[str, Any] = {
        "capture_rate": rates,
        "capture_rate_interval": {area: [share - 0.05, share + 0.05] for area, share in rates.items()},
        "capture_rate_active": {area: 0.75 * share for area, share in rates.items()},
        "pai": {area: 100 * share / float(area) for area, share in rates.items()},
        "pai_best": dict.fromkeys(AREAS, 50.0),
        "pei": dict.fromkeys(AREAS, 0.5),
        "auc": 0.83 - less,
        "area_80_9": 20.5 + 100 * less,
        "area_82_8": 22.5 + 100 * less,
        "deviance": 0.08 + less,
        "log_likelihood": -1234.0,
        "brier": 0.0123 + less / 10,
        "crps": 0.0111 + less / 10,
        "calibration_ratio": 1.02 + less,
        "calibration_bands": [[1, 2], [3, 4]],
        "reliability": RELIABILITY,
        "leads": [],
    }
    if factor:
        return measured
    measured["leads"] = [
        {
            "over": other,
            "percent": area,
            "difference": METHODS[other] - less,
            "interval": [METHODS[other] - less - HALF_WIDTH, METHODS[other] - less + HALF_WIDTH],
            "p_value": 0.01,
        }
        for other in METHODS
        if other != learner
        for area in AREAS
    ]
    return measured


def make_backtest_of_all(jurisdiction: Jurisdiction, *, horizons: tuple[str, ...] = ("week",), incidents: int = 420) -> Backtest:
    """A back-test of eight weeks: six methods and both ceilings, for all categories together and for theft."""
    start = datetime(2025, 1, 1, tzinfo=UTC)
    backtest = Backtest.objects.create(
        jurisdiction=jurisdiction,
        grid=CellGrid.objects.of(jurisdiction).get(is_current=True),
        first_window_start=start,
        last_window_end=start + timedelta(weeks=8),
        windows=8,
        window_hours=168,
        active_cell_share=0.4,
        parameters={"horizons": {"shift": {"windows": 168, "window_hours": 8, "left_out": 3}}},
        seed=1,
        code_version="0.1.0",
        data_sha256="ab" * 32,
    )
    BacktestScore.objects.bulk_create(
        BacktestScore(
            backtest=backtest,
            learner=learner,
            category_code=category,
            horizon=horizon,
            incidents=incidents,
            metrics=metrics_of(learner),
        )
        for learner in (*METHODS, "hindsight", "oracle")
        for category in ("", "theft")
        for horizon in horizons
    )
    return backtest
