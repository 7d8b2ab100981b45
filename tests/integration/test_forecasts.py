"""Making forecasts: what a run holds, that it is whole or not there at all, and that it comes out the same again."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from prediction.learners.boosting import BoostingSettings
from tests.factories import make_incidents, make_jurisdiction, make_published_run
from webapp.common.errors import Conflict, HaechiError, NotAllowed
from webapp.common.models import Job
from webapp.common.services import JobCancelled, create_job, request_cancel
from webapp.crimes.models import CellGrid, Incident
from webapp.crimes.selectors import incident_arrays
from webapp.forecasts.models import ForecastRun, Rates, Reasons
from webapp.forecasts.selectors import (
    current_run,
    default_cutoff,
    is_forecast_fresh,
    material_until,
    rates_by_category,
    rates_vector,
    reasons_by_category,
    slot_totals,
)
from webapp.forecasts.services import refresh_stale_forecasts, start_backtest, start_forecast
from webapp.forecasts.services.forecasting import make_forecast, run_forecast_job
from webapp.version import version

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)  # Monday 12:30 in Seoul


@pytest.fixture
def history(jurisdiction) -> None:
    """A year of incidents that ended long ago."""
    make_incidents(jurisdiction, 1500, until=PAST)


def model_files() -> set[str]:
    folder = settings.MODEL_DIR
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.usefixtures("history")
def test_a_run_holds_all_rates_and_what_it_takes_to_make_it_again(jurisdiction):
    run = make_forecast(jurisdiction=jurisdiction, seed=5)
    assert run.state == ForecastRun.State.PUBLISHED
    assert run.data_cutoff == datetime(2024, 6, 3, 5, tzinfo=UTC)  # 14:00 in Seoul, the first slot after the newest incident
    assert list(run.slot_starts) == [run.data_cutoff + timedelta(hours=8 * slot) for slot in range(21)]
    assert run.horizon_end == run.data_cutoff + timedelta(days=7)
    assert (run.seed, run.code_version, run.incident_count) == (5, version(), 1500)
    assert run.data_sha256 == incident_arrays(jurisdiction=jurisdiction, before=run.data_cutoff).sha256
    assert run.parameters["settings"]["boosting"] == asdict(BoostingSettings())
    assert (run.parameters["seed"], sum(run.parameters["incidents"].values())) == (5, 1500)
    assert run.model_file in model_files()
    assert Rates.objects.filter(run=run).count() == 21 * 5
    assert Reasons.objects.filter(run=run).count() == 5
    vector = rates_vector(run=run, slot=0)
    assert vector.shape == (run.grid.cell_count,)
    assert np.isfinite(vector).all()
    assert (vector > 0).all()
    assert current_run(jurisdiction=jurisdiction) == run


@pytest.mark.usefixtures("history")
def test_the_weeks_expected_incidents_are_like_those_of_the_weeks_before(jurisdiction):
    run = make_forecast(jurisdiction=jurisdiction)
    expected = np.sum(slot_totals(run=run))
    assert expected == pytest.approx(1500 / 365 * 7, rel=0.25)
    assert run.metrics["expected_incidents"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("history")
def test_reasons_add_up_to_the_log_of_the_weeks_rate(jurisdiction):
    run = make_forecast(jurisdiction=jurisdiction)
    week = sum(rates_by_category(run=run, slot=slot)["theft"].astype("f8") for slot in range(21))
    reasons = reasons_by_category(run=run)["theft"].array().astype("f8")
    assert reasons.sum(axis=1) == pytest.approx(np.log(week), abs=0.03)  # float16 of some eight parts


@pytest.mark.usefixtures("history")
def test_the_hot_cells_are_found(jurisdiction):
    run = make_forecast(jurisdiction=jurisdiction)
    vector = rates_vector(run=run, slot=0)
    hot = max(1, len(vector) // 10)
    assert np.isin(np.argsort(-vector)[:hot], np.arange(hot)).mean() > 0.8


@pytest.mark.usefixtures("history")
def test_the_same_data_and_seed_give_the_same_model_and_rates(jurisdiction):
    first = make_forecast(jurisdiction=jurisdiction, seed=3)
    second = make_forecast(jurisdiction=jurisdiction, seed=3)
    assert first.pk != second.pk
    assert first.model_sha256 == second.model_sha256
    assert np.array_equal(rates_vector(run=first, slot=4), rates_vector(run=second, slot=4))


@pytest.mark.usefixtures("history")
def test_what_happened_after_the_cutoff_changes_nothing(jurisdiction):
    cutoff = PAST - timedelta(days=30)
    before = make_forecast(jurisdiction=jurisdiction, cutoff=cutoff, seed=3)
    Incident.objects.of(jurisdiction).filter(occurred_from__gte=cutoff).delete()
    after = make_forecast(jurisdiction=jurisdiction, cutoff=cutoff, seed=3)
    assert before.data_sha256 == after.data_sha256
    assert before.model_sha256 == after.model_sha256
    assert np.array_equal(rates_vector(run=before, slot=0), rates_vector(run=after, slot=0))


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("stop_at", ["load", "fit", "forecast", "store"])
def test_a_cancelled_forecast_leaves_nothing(jurisdiction, stop_at):
    def progress(fraction: float, step: str) -> None:
        if step == stop_at:
            raise JobCancelled

    files = model_files()
    with pytest.raises(JobCancelled):
        make_forecast(jurisdiction=jurisdiction, seed=99, progress=progress)
    assert not ForecastRun.objects.exists()
    assert not Rates.objects.exists()
    assert model_files() == files


@pytest.mark.usefixtures("history")
def test_a_wish_to_cancel_that_comes_last_is_still_heard(jurisdiction):
    job = create_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST, created_by=None)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)

    def progress(fraction: float, step: str) -> None:
        if step == "store":
            request_cancel(job=job)

    files = model_files()
    with pytest.raises(JobCancelled):
        make_forecast(jurisdiction=jurisdiction, seed=98, progress=progress, job=job)
    assert not ForecastRun.objects.exists()
    assert model_files() == files


@pytest.mark.usefixtures("history")
def test_the_same_job_makes_one_run_however_often_it_is_delivered(jurisdiction):
    job = create_job(
        jurisdiction=jurisdiction,
        kind=Job.Kind.FORECAST,
        created_by=None,
        parameters={"cutoff": "2024-06-03T05:00:00+00:00", "seed": 1},
    )
    run = run_forecast_job(job_id=job.pk)
    assert run_forecast_job(job_id=job.pk) is None
    # A worker that was killed after storing the run, before the job was marked as over:
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, finished_at=None)
    assert run_forecast_job(job_id=job.pk) == run
    assert ForecastRun.objects.count() == 1
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED


def test_too_few_incidents_are_said_in_a_sentence(jurisdiction):
    make_incidents(jurisdiction, 30, until=PAST)
    with pytest.raises(HaechiError, match="has 30 incidents in its cells before the cut-off; a forecast needs at least 100"):
        make_forecast(jurisdiction=jurisdiction)
    job = create_job(
        jurisdiction=jurisdiction,
        kind=Job.Kind.FORECAST,
        created_by=None,
        parameters={"cutoff": "2024-06-03T05:00:00+00:00", "seed": 1},
    )
    assert run_forecast_job(job_id=job.pk) is None
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "30" in job.message
    assert not ForecastRun.objects.exists()


@pytest.mark.django_db
def test_a_coarser_grid_takes_the_incidents_of_the_cells_within():
    coarse = make_jurisdiction("coarse", h3_resolution=9)
    jurisdiction = make_jurisdiction("fine", name_en="Fine")
    make_incidents(jurisdiction, 300, until=PAST)
    CellGrid.objects.of(jurisdiction).update(is_current=False)
    CellGrid.objects.of(coarse).update(jurisdiction=jurisdiction)
    material = material_until(jurisdiction=jurisdiction, cutoff=PAST)
    assert material.grid.resolution == 9
    assert len(material.incidents) + material.outside == 300
    assert len(material.incidents) > 200
    points = {(row.point.x, row.point.y) for row in Incident.objects.of(jurisdiction)}
    assert len(np.unique(material.incidents.place)) == len(points) - material.outside


def test_live_data_are_forecast_from_the_slot_in_progress(jurisdiction):
    make_incidents(jurisdiction, 200)
    now = timezone.now()
    cutoff = default_cutoff(jurisdiction=jurisdiction, now=now)
    assert cutoff <= now < cutoff + timedelta(hours=8)
    assert cutoff.astimezone(jurisdiction.zone).hour in (6, 14, 22)


def test_a_person_without_the_right_cannot_start_a_forecast(jurisdiction, operator):
    make_incidents(jurisdiction, 200)
    with pytest.raises(NotAllowed):
        start_forecast(jurisdiction=jurisdiction, user=operator)
    with pytest.raises(NotAllowed):
        start_backtest(jurisdiction=jurisdiction, user=operator)


def test_a_job_lost_long_ago_does_not_stand_in_the_way(jurisdiction):
    make_incidents(jurisdiction, 200)
    lost = start_forecast(jurisdiction=jurisdiction)
    with pytest.raises(Conflict):
        start_forecast(jurisdiction=jurisdiction)
    Job.objects.filter(pk=lost.pk).update(created_at=timezone.now() - timedelta(hours=5))
    assert start_forecast(jurisdiction=jurisdiction).pk != lost.pk


def test_beat_starts_a_forecast_once_the_first_slot_is_over(jurisdiction, other_jurisdiction):
    make_incidents(jurisdiction, 200)
    now = timezone.now()
    fresh = default_cutoff(jurisdiction=jurisdiction, now=now)
    run = make_published_run(jurisdiction, first_slot=fresh)
    assert is_forecast_fresh(jurisdiction=jurisdiction, now=now)
    assert refresh_stale_forecasts() == []
    run.slot_starts = [start - timedelta(hours=8) for start in run.slot_starts]
    run.save()
    assert not is_forecast_fresh(jurisdiction=jurisdiction, now=now)
    assert [job.jurisdiction for job in refresh_stale_forecasts()] == [jurisdiction]
    assert refresh_stale_forecasts() == []  # one is under way


def test_beat_leaves_data_of_the_past_alone(jurisdiction):
    make_incidents(jurisdiction, 200, until=PAST)
    make_published_run(jurisdiction, first_slot=PAST)
    assert refresh_stale_forecasts() == []
    assert not Job.objects.exists()
