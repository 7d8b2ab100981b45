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


@shared_task(name="webapp.forecasts.tasks.explain_run")
def explain_run(run_id: int) -> None:
    """Explain every cell of a run: sent when somebody first asks why."""
    from webapp.forecasts.services.explaining import explain_run as work

    work(run_id=run_id)


@shared_task(name="webapp.forecasts.tasks.train_version")
def train_version(job_id: str) -> None:
    """Train a candidate and try it against the version in service: the work of one job."""
    from webapp.forecasts.services.versions import run_train_job

    run_train_job(job_id=UUID(job_id))


@shared_task(name="webapp.forecasts.tasks.watch_drift")
def watch_drift(job_id: str) -> None:
    """Lay past forecasts beside what was reported since: the work of one job."""
    from webapp.forecasts.services.drift import run_drift_job

    run_drift_job(job_id=UUID(job_id))


@shared_task(name="webapp.forecasts.tasks.replay_run")
def replay_run(job_id: str) -> None:
    """Make one run again and compare: the work of one job."""
    from webapp.forecasts.services.replay import run_replay_job

    run_replay_job(job_id=UUID(job_id))


@shared_task(name="webapp.forecasts.tasks.retrain_models")
def retrain_models() -> None:
    """Start a training wherever the newest version is a week old. Sent by beat."""
    from webapp.forecasts.services import retrain_old_versions

    retrain_old_versions()


@shared_task(name="webapp.forecasts.tasks.watch_all_drift")
def watch_all_drift() -> None:
    """Start the drift watch of every jurisdiction with live data. Sent by beat."""
    from webapp.forecasts.services import watch_live_drift

    watch_live_drift()


@shared_task(name="webapp.forecasts.tasks.learn_live_weights")
def learn_live_weights() -> None:
    """Learn live weights wherever the last learning is a week old. Sent daily by beat."""
    from webapp.forecasts.services.live_weights import learn_due_weights

    learn_due_weights()
