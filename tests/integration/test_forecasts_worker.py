"""Forecasts through a real Celery worker, and the commands that start and follow them."""

import io
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone

from tests.factories import make_incidents, make_jurisdiction, make_published_run
from webapp.celery import app
from webapp.common.models import Job
from webapp.common.services import create_job, request_cancel
from webapp.forecasts.management import following
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors import default_cutoff
from webapp.forecasts.services import start_forecast

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)
needs_worker = pytest.mark.worker


def ended(job: Job, limit_s: float = 90) -> Job:
    deadline = time.monotonic() + limit_s
    while not job.is_over:
        assert time.monotonic() < deadline, f"the job is still {job.state}"
        time.sleep(0.1)
        job.refresh_from_db()
    return job


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_a_forecast_is_made_by_the_worker_and_published(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    job = ended(start_forecast(jurisdiction=jurisdiction))
    assert (job.state, job.message) == (Job.State.SUCCEEDED, "")
    run = ForecastRun.objects.get(job=job)
    assert run.state == ForecastRun.State.PUBLISHED
    assert run.rates.count() == 21 * 5


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_the_same_task_delivered_twice_makes_one_run(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    job = start_forecast(jurisdiction=jurisdiction)
    app.send_task("webapp.forecasts.tasks.make_forecast", args=[str(job.pk)])
    ended(job)
    # A third delivery ends after the second one (one worker process, one queue), so both have been seen when it is over.
    make_incidents(other := make_jurisdiction("thirdgu"), 800, seed=2, until=PAST)
    ended(start_forecast(jurisdiction=other))
    assert ForecastRun.objects.filter(jurisdiction=jurisdiction).count() == 1


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_a_job_cancelled_while_it_waits_or_runs_leaves_no_run(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    job = start_forecast(jurisdiction=jurisdiction)
    request_cancel(job=job)
    assert ended(job).state == Job.State.CANCELLED
    assert not ForecastRun.objects.exists()
    assert start_forecast(jurisdiction=jurisdiction).pk != job.pk  # and the next one is free to start


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_a_job_whose_process_is_killed_is_done_again_and_makes_one_run(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 3000, until=PAST)  # enough for trees, so that there is time to kill it
    job = start_forecast(jurisdiction=jurisdiction)
    while job.state == Job.State.QUEUED:
        time.sleep(0.01)
        job.refresh_from_db()
    (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING, "the job was over before it could be killed: give it more to do"
    assert not ForecastRun.objects.exists()
    assert ended(job).state == Job.State.SUCCEEDED
    assert ForecastRun.objects.count() == 1


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_the_command_waits_for_the_run_and_tells_of_it(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    out = io.StringIO()
    call_command("forecast", jurisdiction="testgu", wait=True, stdout=out)
    run = ForecastRun.objects.get()
    assert f"Published forecast {run.pk}: 800 incidents" in out.getvalue()
    assert "2024-06-03 14:00 to 2024-06-10 14:00" in out.getvalue()
    again = io.StringIO()
    call_command("forecast", jurisdiction="testgu", if_needed=True, wait=True, stdout=again)
    assert again.getvalue() == "The forecast in service is fresh; nothing to do.\n"
    assert ForecastRun.objects.count() == 1


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_the_command_takes_a_local_cutoff(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    call_command("forecast", jurisdiction="testgu", cutoff="2024-05-01T06:00", wait=True, stdout=io.StringIO())
    assert ForecastRun.objects.get().data_cutoff == datetime(2024, 4, 30, 21, tzinfo=UTC)


@needs_worker
@pytest.mark.django_db(transaction=True)
def test_the_backtest_command_prints_the_capture_rates_of_each_learner(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    out = io.StringIO()
    call_command("backtest", jurisdiction="testgu", weeks=4, wait=True, stdout=out)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert {"count", "kde", "seasonal", "lightgbm"} <= {line[0] for line in lines if line}
    again = io.StringIO()
    call_command("backtest", jurisdiction="testgu", weeks=4, if_needed=True, stdout=again)
    assert again.getvalue() == "The newest back-test is fresh; nothing to do.\n"


@pytest.fixture
def unsent_job(transactional_db) -> Job:
    """A job whose task no worker was given."""
    return create_job(jurisdiction=make_jurisdiction(), kind=Job.Kind.FORECAST, created_by=None)


def test_waiting_without_a_worker_ends_with_a_sentence(unsent_job, monkeypatch):
    monkeypatch.setattr(following, "QUEUE", "nobody")  # the tests' own worker, if it runs, does not serve this one
    monkeypatch.setattr(following, "ASK_WORKERS_AFTER_S", 0)
    monkeypatch.setattr(following, "WORKER_ANSWER_S", 1.0)
    with pytest.raises(CommandError, match="No Celery worker takes jobs from the queue “nobody”"):
        following.follow(unsent_job, OutputWrapper(io.StringIO()))
    assert Job.objects.get().state == Job.State.CANCELLED


def test_ctrl_c_cancels_the_job(unsent_job, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", interrupt)
    with pytest.raises(CommandError, match="Cancelled") as raised:
        following.follow(unsent_job, OutputWrapper(io.StringIO()))
    assert raised.value.returncode == 130
    assert Job.objects.get().state == Job.State.CANCELLED


def test_a_terminal_gets_a_bar_and_a_file_gets_lines(unsent_job, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def succeed(seconds: float) -> None:
        Job.objects.update(state=Job.State.SUCCEEDED, finished_at=timezone.now())

    monkeypatch.setattr(following.time, "sleep", succeed)
    cache.set(f"job:{unsent_job.pk}", {"fraction": 0.5, "step": "fit", "remaining_s": 12.0})
    following.follow(unsent_job, OutputWrapper(terminal := Terminal()))
    assert "[###############...............]  50% fit about 12 s left" in terminal.getvalue()
    Job.objects.update(state=Job.State.RUNNING, finished_at=None)
    unsent_job.refresh_from_db()
    following.follow(unsent_job, OutputWrapper(lines := io.StringIO()))
    assert lines.getvalue() == "training and forecast running 50 % fit\n"


@pytest.mark.django_db
def test_an_unknown_jurisdiction_is_named_with_the_known_ones(jurisdiction):
    with pytest.raises(CommandError, match=r"no jurisdiction “nowhere”\. Known: testgu"):
        call_command("forecast", jurisdiction="nowhere")


@pytest.mark.django_db
def test_a_cutoff_that_is_no_time_is_refused(jurisdiction):
    with pytest.raises(CommandError, match="“yesterday” is not a time"):
        call_command("forecast", jurisdiction="testgu", cutoff="yesterday")


@pytest.mark.django_db
def test_commands_without_data_say_to_upload_first(jurisdiction):
    for command in ("forecast", "backtest"):
        with pytest.raises(CommandError, match=r"has no incidents yet\. Upload data first"):
            call_command(command, jurisdiction="testgu")


@pytest.mark.django_db
def test_a_second_forecast_from_the_command_line_is_refused_unless_it_may_follow_the_first(jurisdiction):
    make_incidents(jurisdiction, 200, until=PAST)
    call_command("forecast", jurisdiction="testgu", stdout=io.StringIO())
    with pytest.raises(CommandError, match="already under way"):
        call_command("forecast", jurisdiction="testgu", stdout=io.StringIO())
    call_command("forecast", jurisdiction="testgu", if_needed=True, stdout=(out := io.StringIO()))
    assert "already under way" in out.getvalue()
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_live_data_need_no_new_forecast_within_the_slot(jurisdiction):
    make_incidents(jurisdiction, 200)
    cutoff = default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    make_published_run(jurisdiction, first_slot=cutoff)
    call_command("forecast", jurisdiction="testgu", if_needed=True, stdout=(out := io.StringIO()))
    assert "fresh" in out.getvalue()
    ForecastRun.objects.update(slot_starts=[cutoff - timedelta(hours=16), cutoff - timedelta(hours=8)])
    call_command("forecast", jurisdiction="testgu", if_needed=True, stdout=(out := io.StringIO()))
    assert "Queued as job" in out.getvalue()
