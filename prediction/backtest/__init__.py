"""Rolling-origin back-tests: forecasts made from what was known then, against what happened.

`run_backtest` tests learners at several horizons and scores them (docs/methods/backtest.md); `Split` hands tuning code only what
was known before a test.
"""

from prediction.backtest.parallel import Workers
from prediction.backtest.playing import Entrant
from prediction.backtest.results import CEILINGS, BacktestResult, Score, TestedHorizon
from prediction.backtest.run import DEFAULT_LEARNERS, run_backtest
from prediction.backtest.windows import HORIZONS, Horizon, Split

__all__ = [
    "CEILINGS",
    "DEFAULT_LEARNERS",
    "HORIZONS",
    "BacktestResult",
    "Entrant",
    "Horizon",
    "Score",
    "Split",
    "TestedHorizon",
    "Workers",
    "run_backtest",
]
