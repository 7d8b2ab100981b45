"""Rolling-origin back-tests: forecasts made from what was known then, against what happened."""

from prediction.backtest.held import (
    LEAST_HISTORY_D,
    REFIT_WEEKS,
    BacktestResult,
    Score,
    Windows,
    active_share,
    lead,
    measure,
    play,
    run_backtest,
    score_rivals,
)

__all__ = [
    "LEAST_HISTORY_D",
    "REFIT_WEEKS",
    "BacktestResult",
    "Score",
    "Windows",
    "active_share",
    "lead",
    "measure",
    "play",
    "run_backtest",
    "score_rivals",
]
