"""Writes of the forecasts. What starts a job or changes a row is here; the work itself is in `forecasting`, `backtesting`,
`versions`, `drift` and `replay`.

Those load the prediction core with LightGBM (some 60 MB); the web processes, which only start jobs, do without it.
"""

from webapp.forecasts.services.promoting import promote, roll_back
from webapp.forecasts.services.starting import (
    DEFAULT_SEED,
    refresh_stale_forecasts,
    retrain_old_versions,
    start_backtest,
    start_drift_watch,
    start_forecast,
    start_replay,
    start_training,
    watch_live_drift,
)

__all__ = [
    "DEFAULT_SEED",
    "promote",
    "refresh_stale_forecasts",
    "retrain_old_versions",
    "roll_back",
    "start_backtest",
    "start_drift_watch",
    "start_forecast",
    "start_replay",
    "start_training",
    "watch_live_drift",
]
