"""Reads of the forecasts: runs and rates, one cell in detail, back-tests, and the material that models learn from."""

from webapp.forecasts.selectors.backtests import backtest_for, backtest_list, backtest_table, newest_backtest
from webapp.forecasts.selectors.cells import CellDetail, cell_detail
from webapp.forecasts.selectors.comparison import ComparisonPage, comparison_page
from webapp.forecasts.selectors.data_health import DataHealthPage, data_health_page
from webapp.forecasts.selectors.drift import DriftAlert, WatchedWeek, drift_alerts, drift_weeks
from webapp.forecasts.selectors.explanation import Explanation, cell_explanation
from webapp.forecasts.selectors.freshness import is_backtest_fresh, is_forecast_fresh
from webapp.forecasts.selectors.live_weights import (
    WeightLine,
    WeightsInService,
    live_weights_for,
    live_weights_in_service,
    live_weights_list,
    weight_lines,
)
from webapp.forecasts.selectors.material import Material, default_cutoff, is_live, material_until
from webapp.forecasts.selectors.page import RunsPage, runs_page
from webapp.forecasts.selectors.replay import ReplayLine, replay_lines
from webapp.forecasts.selectors.runs import (
    category_labels,
    current_run,
    open_job,
    rates_by_category,
    rates_vector,
    reasons_by_category,
    run_for,
    run_list,
    slot_index,
    slot_totals,
)
from webapp.forecasts.selectors.versions import (
    VersionLine,
    rolled_back_to,
    version_for,
    version_in_service,
    version_lines,
    version_list,
)
from webapp.forecasts.selectors.watched import DriftPage, drift_page

__all__ = [
    "CellDetail",
    "ComparisonPage",
    "DataHealthPage",
    "DriftAlert",
    "DriftPage",
    "Explanation",
    "Material",
    "ReplayLine",
    "RunsPage",
    "VersionLine",
    "WatchedWeek",
    "WeightLine",
    "WeightsInService",
    "backtest_for",
    "backtest_list",
    "backtest_table",
    "category_labels",
    "cell_detail",
    "cell_explanation",
    "comparison_page",
    "current_run",
    "data_health_page",
    "default_cutoff",
    "drift_alerts",
    "drift_page",
    "drift_weeks",
    "is_backtest_fresh",
    "is_forecast_fresh",
    "is_live",
    "live_weights_for",
    "live_weights_in_service",
    "live_weights_list",
    "material_until",
    "newest_backtest",
    "open_job",
    "rates_by_category",
    "rates_vector",
    "reasons_by_category",
    "replay_lines",
    "rolled_back_to",
    "run_for",
    "run_list",
    "runs_page",
    "slot_index",
    "slot_totals",
    "version_for",
    "version_in_service",
    "version_lines",
    "version_list",
    "weight_lines",
]
