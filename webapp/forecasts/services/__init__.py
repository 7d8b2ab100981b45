"""Writes of the forecasts. What starts a job is here; the work itself is in `forecasting` and `backtesting`.

Those two load the prediction core with LightGBM (some 60 MB); the web processes, which only start jobs, do without it.
"""

from webapp.forecasts.services.starting import DEFAULT_SEED, refresh_stale_forecasts, start_backtest, start_forecast

__all__ = ["DEFAULT_SEED", "refresh_stale_forecasts", "start_backtest", "start_forecast"]
