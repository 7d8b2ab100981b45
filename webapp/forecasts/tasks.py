"""Celery tasks of the forecasts: each unpacks its job and calls the service. Queue: train."""

from uuid import UUID

from celery import shared_task


@shared_task(name="webapp.forecasts.tasks.make_forecast")
def make_forecast(job_id: str) -> None:
    """Train, forecast, store and publish: the work of one job."""
    from webapp.forecasts.services.forecasting import run_forecast_job

    run_forecast_job(job_id=UUID(job_id))


@shared_task(name="webapp.forecasts.tasks.make_backtest")
def make_backtest(job_id: str) -> None:
    """Score all learners on the weeks before: the work of one job."""
    from webapp.forecasts.services.backtesting import run_backtest_job

    run_backtest_job(job_id=UUID(job_id))


@shared_task(name="webapp.forecasts.tasks.refresh_forecasts")
def refresh_forecasts() -> None:
    """Start a forecast wherever the one in service has fallen behind by a slot. Sent hourly by beat."""
    from webapp.forecasts.services import refresh_stale_forecasts

    refresh_stale_forecasts()
