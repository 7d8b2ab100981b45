"""Whether a new forecast or back-test would tell anything that the newest one does not."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from webapp.crimes.selectors import newest_incident_time
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.backtests import newest_backtest
from webapp.forecasts.selectors.material import default_cutoff, is_live
from webapp.forecasts.selectors.runs import current_run

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

BACKTEST_LASTS = timedelta(days=7)


def is_forecast_fresh(*, jurisdiction: "Jurisdiction", now: datetime) -> bool:
    """Whether the run in service begins with the slot in progress or, with data of the past, knows the newest incident."""
    run = current_run(jurisdiction=jurisdiction)
    if run is None:
        return False
    newest = newest_incident_time(jurisdiction=jurisdiction)
    if newest is None or is_live(newest=newest, now=now):
        return now < second_slot_start(run)
    return run.data_cutoff >= default_cutoff(jurisdiction=jurisdiction, now=now)


def is_backtest_fresh(*, jurisdiction: "Jurisdiction", now: datetime) -> bool:
    """Whether the newest back-test ends less than a week before the cut-off that a new one would have."""
    backtest = newest_backtest(jurisdiction=jurisdiction)
    if backtest is None:
        return False
    return default_cutoff(jurisdiction=jurisdiction, now=now) - backtest.last_window_end < BACKTEST_LASTS


def second_slot_start(run: ForecastRun) -> datetime:
    """When the run's first slot is over."""
    second: datetime = run.slot_starts[1] if len(run.slot_starts) > 1 else run.horizon_end
    return second
