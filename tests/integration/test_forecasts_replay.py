"""Replays: a published forecast made again from its stored model and the incidents of then, bit by bit."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F
from django.utils import timezone

from tests.factories import make_incidents, make_published_run, make_upload
from webapp.common.errors import Conflict, NotAllowed
from webapp.common.intake import keep_before, undo_rows
from webapp.common.models import Job
from webapp.common.services import JobCancelled
from webapp.crimes.models import Category, Incident
from webapp.crimes.selectors import incident_arrays, incident_arrays_as_of
from webapp.forecasts.models import ForecastRun, Rates, Replay
from webapp.forecasts.selectors import replay_lines
from webapp.forecasts.sentences import replay_sentence
from webapp.forecasts.services import start_replay
from webapp.forecasts.services.forecasting import forecast_slot, make_forecast
from webapp.forecasts.services.replay import replay_run, run_replay_job
from webapp.forecasts.services.versions import train_version
from webapp.imports.models import Upload

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)  # Monday 12:30 in Seoul
CUTOFF = datetime(2024, 6, 3, 5, tzinfo=UTC)
VECTORS = 21 * 5 + 5  # rates by slot and category, reasons by category


@pytest.fixture
def run(jurisdiction) -> ForecastRun:
    """A forecast with a stored model, of incidents that were taken in an hour before."""
    make_incidents(jurisdiction, 600, until=PAST)
    Upload.objects.update(committed_at=timezone.now() - timedelta(hours=1))
    train_version(jurisdiction=jurisdiction, cutoff=CUTOFF - timedelta(weeks=1), learner="count")
    return forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)


def taken_in_later(jurisdiction, seed: int) -> Upload:
    upload = make_upload(jurisdiction, seed=seed)
    Upload.objects.filter(pk=upload.pk).update(committed_at=timezone.now() + timedelta(minutes=1))
    return upload


def test_a_run_comes_out_the_same_bit_by_bit(run):
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.is_same_data) == (True, True)
    assert (replay.vectors, replay.vectors_different, replay.largest_difference) == (VECTORS, 0, 0)
    assert replay_sentence(replay) == f"The same bit by bit: {VECTORS} vectors of forecast {run.pk} were computed again."


def test_a_run_of_the_main_model_comes_out_the_same_after_training_and_with_the_stored_model(jurisdiction):
    make_incidents(jurisdiction, 600, until=PAST)
    Upload.objects.update(committed_at=timezone.now() - timedelta(hours=1))
    first = make_forecast(jurisdiction=jurisdiction, cutoff=CUTOFF - timedelta(weeks=1))
    second = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert second.model_version == first.model_version
    make_incidents(jurisdiction, 100, seed=3, until=PAST)
    Upload.objects.filter(sha256=f"{3:064x}").update(committed_at=timezone.now() + timedelta(minutes=1))
    for run in (first, second):
        replay = replay_run(run=run)
        assert (replay.is_identical, replay.is_same_data, replay.vectors) == (True, True, VECTORS)


def test_the_incidents_as_of_now_are_the_incidents_of_now(jurisdiction, run):
    now = incident_arrays(jurisdiction=jurisdiction, before=CUTOFF)
    then = incident_arrays_as_of(jurisdiction=jurisdiction, before=CUTOFF, as_of=timezone.now())
    assert then.sha256 == now.sha256
    assert np.array_equal(then.cell, now.cell)


def test_what_was_taken_in_later_is_left_out(jurisdiction, run):
    make_incidents(jurisdiction, 200, seed=3, until=PAST)
    Upload.objects.filter(sha256=f"{3:064x}").update(committed_at=timezone.now() + timedelta(minutes=1))
    assert incident_arrays(jurisdiction=jurisdiction, before=CUTOFF).sha256 != run.data_sha256
    assert replay_run(run=run).is_identical


@pytest.mark.parametrize("bears", [timedelta(seconds=-1), timedelta(seconds=1)])
def test_an_upload_under_way_while_the_run_was_made_is_told_from_the_data(jurisdiction, run, bears):
    """One that bears a time before the reading but was not seen yet, and one that was seen although it bears a later time."""
    if bears < timedelta(0):
        make_incidents(jurisdiction, 50, seed=3, until=PAST)
        unseen = Upload.objects.filter(sha256=f"{3:064x}")
        unseen.update(committed_at=run.data_read_at + bears)
    else:
        Upload.objects.filter(sha256=f"{1:064x}").update(committed_at=run.data_read_at + bears)
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.is_same_data) == (True, True)


def test_rows_that_were_changed_moved_or_removed_since_are_as_they_were(jurisdiction, run):
    first, second, third = list(Incident.objects.of(jurisdiction).order_by("pk")[:3])
    mend, again = taken_in_later(jurisdiction, 4), taken_in_later(jurisdiction, 5)
    Upload.objects.filter(pk=again.pk).update(committed_at=timezone.now() + timedelta(minutes=2))
    keep_before(upload_id=mend.pk, table="crimes_incident", row_ids=[first.pk, second.pk, third.pk])
    other = Category.objects.of(jurisdiction).exclude(pk=first.category_id).first()
    Incident.objects.filter(pk=first.pk).update(category=other, upload=mend, source_line=2)
    Incident.objects.filter(pk=second.pk).update(occurred_from=F("occurred_from") - timedelta(days=9), upload=mend, source_line=3)
    Incident.objects.filter(pk=third.pk).delete()
    keep_before(upload_id=again.pk, table="crimes_incident", row_ids=[first.pk])  # mended once more, by yet another upload
    Incident.objects.filter(pk=first.pk).update(cell=second.cell, upload=again, source_line=2)
    assert incident_arrays(jurisdiction=jurisdiction, before=CUTOFF).sha256 != run.data_sha256
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.is_same_data) == (True, True)


def test_an_upload_that_was_undone_since_is_named(jurisdiction):
    make_incidents(jurisdiction, 600, until=PAST)
    make_incidents(jurisdiction, 100, seed=6, until=PAST)
    Upload.objects.update(committed_at=timezone.now() - timedelta(hours=1))
    train_version(jurisdiction=jurisdiction, cutoff=CUTOFF, learner="count")
    run = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    upload = Upload.objects.get(sha256=f"{6:064x}")
    undo_rows(upload_id=upload.pk, tables=["crimes_incident"])
    Upload.objects.filter(pk=upload.pk).update(state=Upload.State.UNDONE, undone_at=datetime(2099, 1, 2, 3, tzinfo=UTC))
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.is_same_data) == (False, False)
    assert 0 < replay.vectors_different <= VECTORS
    assert 0 < replay.largest_difference < 1
    assert [cause["code"] for cause in replay.causes] == ["upload_undone"]
    assert replay_sentence(replay).endswith(f"Upload {upload.pk} (factory-6.csv) was undone on 2099-01-02; its rows are gone.")


def test_rows_that_vanished_without_a_trace_are_told_as_that(jurisdiction, run):
    Incident.objects.of(jurisdiction).order_by("pk")[0].delete()
    replay = replay_run(run=run)
    assert not replay.is_same_data
    assert "The incidents of then could not be put together again exactly." in replay_sentence(replay)


def test_one_bit_that_was_changed_is_found(run):
    row = Rates.objects.filter(run=run).order_by("pk")[7]
    vector = row.array().copy()
    vector[3] = np.nextafter(vector[3], np.float32(1))
    Rates.objects.filter(pk=row.pk).update(vector=vector.tobytes())
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.is_same_data, replay.vectors_different) == (False, True, 1)
    assert 0 < replay.largest_difference < 1e-6
    assert replay_sentence(replay).startswith(f"1 of {VECTORS} vectors of forecast {run.pk} came out differently, by ")


def test_a_run_of_another_program_says_so_where_it_differs(run):
    ForecastRun.objects.filter(pk=run.pk).update(code_version="0.0.1", data_sha256="00" * 32)
    run.refresh_from_db()
    assert replay_run(run=run).is_identical  # the same rates are the same, whatever made them
    row = Rates.objects.filter(run=run).order_by("pk")[0]
    Rates.objects.filter(pk=row.pk).update(vector=(row.array() * np.float32(1.1)).tobytes())
    sentence = replay_sentence(replay_run(run=run))
    assert "It was made by version 0.0.1 of the program; this is " in sentence


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "its file is not there"),
        (lambda path: path.write_bytes(b"?"), "its file is not the one that was stored"),
    ],
)
def test_a_lost_model_is_said_in_a_sentence(run, damage, why):
    path = settings.MODEL_DIR / run.model_file
    whole = path.read_bytes()
    damage(path)
    try:
        replay = replay_run(run=run)
    finally:
        path.write_bytes(whole)
    assert (replay.is_identical, replay.vectors) == (False, 0)
    assert replay_sentence(replay) == f"Forecast {run.pk} cannot be computed again. Its model cannot be used: {why}."


def test_a_run_from_before_there_were_versions_is_not_guessed_at(jurisdiction):
    old = make_published_run(jurisdiction)
    replay = replay_run(run=old)
    assert not replay.is_identical
    assert "Its model cannot be used: its file is not there." in replay_sentence(replay)


def test_the_same_replay_job_is_one_replay_and_a_second_waits(jurisdiction, run, analyst, operator):
    job = start_replay(run=run, user=analyst)
    with pytest.raises(Conflict, match="already under way"):
        start_replay(run=run, user=analyst)
    with pytest.raises(NotAllowed):
        start_replay(run=run, user=operator)
    replay = run_replay_job(job_id=job.pk)
    assert run_replay_job(job_id=job.pk) is None
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, finished_at=None)
    assert run_replay_job(job_id=job.pk) == replay
    assert replay.created_by == analyst
    assert [line.replay for line in replay_lines(user=analyst, run=run)] == [replay]


def test_a_cancelled_replay_leaves_nothing(run):
    def progress(fraction: float, step: str) -> None:
        if step == "compare":
            raise JobCancelled

    with pytest.raises(JobCancelled):
        replay_run(run=run, progress=progress)
    assert not Replay.objects.exists()


def test_the_command_prints_the_outcome_and_fails_where_it_differs(run):
    out = io.StringIO()
    call_command("replay_run", run.pk, stdout=out)
    assert out.getvalue().startswith("The same bit by bit: ")
    row = Rates.objects.filter(run=run).order_by("pk")[0]
    Rates.objects.filter(pk=row.pk).update(vector=(row.array() * np.float32(2)).tobytes())
    with pytest.raises(CommandError, match="came out differently, by 50 % at most"):
        call_command("replay_run", run.pk)
    with pytest.raises(CommandError, match="There is no such published forecast"):
        call_command("replay_run", 999_999)
