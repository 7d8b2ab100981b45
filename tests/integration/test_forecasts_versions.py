"""Model versions: what they hold, when they come into service, going back, and forecasting without training."""

import io
import os
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from prediction.engine import EngineSettings
from prediction.trial import Comparison, Difference
from tests.factories import make_incidents, make_jurisdiction, make_user
from tests.integration.test_forecasts_worker import ended
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, HaechiError, NotAllowed
from webapp.common.models import Job
from webapp.common.services import JobCancelled, create_job, request_cancel
from webapp.crimes.models import Category, CellGrid, Incident
from webapp.crimes.selectors import incident_arrays
from webapp.forecasts.models import ForecastRun, ModelVersion
from webapp.forecasts.selectors import rolled_back_to, version_in_service, version_lines
from webapp.forecasts.selectors.material import material_until
from webapp.forecasts.selectors.usable import slots_of
from webapp.forecasts.sentences import verdict_sentence
from webapp.forecasts.services import promote, retrain_old_versions, roll_back, start_training
from webapp.forecasts.services import versions as versions_service
from webapp.forecasts.services.forecasting import forecast_slot, run_forecast_job
from webapp.forecasts.services.learning import features_signature
from webapp.forecasts.services.promoting import put_in_service
from webapp.forecasts.services.versions import run_train_job, train_version, usable_model, verdict_of
from webapp.version import version as code_version

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)  # Monday 12:30 in Seoul
CUTOFF = datetime(2024, 6, 3, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
State, Verdict = ModelVersion.State, ModelVersion.Verdict


@pytest.fixture
def history(jurisdiction) -> None:
    """A year of incidents that ended long ago."""
    make_incidents(jurisdiction, 900, until=PAST)


def make_version(jurisdiction, *, cutoff=CUTOFF, number=1, **changes) -> ModelVersion:
    """A version with a file of its own, which no core reads."""
    settings.MODEL_DIR.mkdir(parents=True, exist_ok=True)
    (settings.MODEL_DIR / f"version-{number}.model").write_bytes(b"model")
    values = {
        "learner": "lightgbm",
        "grid": CellGrid.objects.of(jurisdiction).get(is_current=True),
        "category_codes": [row.code for row in Category.objects.of(jurisdiction).order_by("position")],
        "data_cutoff": cutoff,
        "incident_count": 900,
        "data_sha256": "ab" * 32,
        "code_version": code_version(),
        "parameters": {"slots": slots_of(jurisdiction)},
        "seed": 7,
        "model_file": f"version-{number}.model",
        "model_sha256": f"{number:064x}",
    }
    return ModelVersion.objects.create(jurisdiction=jurisdiction, **(values | changes))


def trained(jurisdiction, *, cutoff=CUTOFF, learner="count", **options) -> ModelVersion:
    """A version of the quickest learner."""
    return train_version(jurisdiction=jurisdiction, cutoff=cutoff, learner=learner, **options)


def in_service(version: ModelVersion, over: ModelVersion | None = None) -> ModelVersion:
    return put_in_service(version=version, over=over, verdict=Verdict.BETTER if over else Verdict.FIRST, comparison={})


def model_files() -> set[str]:
    return {path.name for path in settings.MODEL_DIR.iterdir()} if settings.MODEL_DIR.is_dir() else set()


# --- Training -------------------------------------------------------------------------------------
@pytest.mark.usefixtures("history")
def test_the_first_version_holds_what_it_is_and_comes_into_service(jurisdiction):
    version = trained(jurisdiction, learner="", seed=5)
    assert version.learner == EngineSettings().learner
    assert (version.state, version.verdict) == (State.IN_SERVICE, Verdict.FIRST)
    assert verdict_sentence(version) == "Nothing was in service before it."
    assert (version.seed, version.code_version, version.data_cutoff) == (5, code_version(), CUTOFF)
    assert version.incident_count == 900
    assert version.data_sha256 == incident_arrays(jurisdiction=jurisdiction, before=CUTOFF).sha256
    assert version.model_file in model_files()
    assert version.model_file == f"{version.model_sha256}.model"
    assert len(version.blocks_signature) == 64
    trial = version.metrics
    assert trial["weeks"] == settings.TRIAL_WEEKS
    held = Incident.objects.of(jurisdiction).filter(
        occurred_from__gte=CUTOFF - settings.TRIAL_WEEKS * WEEK, occurred_from__lt=CUTOFF
    )
    assert sum(trial["reported"]) == held.count()
    assert sum(trial["expected"]) == pytest.approx(held.count(), rel=0.3)
    assert 0.2 < trial["capture_rate_5"] < 0.6
    assert set(trial["usual"]) == {"", *version.category_codes}
    assert version_in_service(jurisdiction=jurisdiction) == version


@pytest.mark.usefixtures("history")
def test_a_newer_one_made_the_same_way_takes_the_place_of_one_a_week_old_and_no_sooner(jurisdiction):
    first = trained(jurisdiction, cutoff=CUTOFF - WEEK)
    early = trained(jurisdiction, cutoff=CUTOFF - timedelta(days=3))
    assert (early.state, early.verdict) == (State.REFUSED, Verdict.NOT_BETTER)
    assert "the capture rate at 5 % of the area differs by +0.0 points" in verdict_sentence(early)
    second = trained(jurisdiction, cutoff=CUTOFF)
    assert (second.state, second.verdict) == (State.IN_SERVICE, Verdict.AS_GOOD)
    assert second.promoted_over == first
    assert (second.comparison["days_newer"], second.comparison["is_same_way"]) == (7, True)
    assert verdict_sentence(second).startswith(
        f"As good as version {first.pk} on the same weeks and as well calibrated, and 7 days"
    )
    first.refresh_from_db()
    assert first.state == State.RETIRED
    lines = AuditEntry.objects.filter(action=AuditEntry.Action.PROMOTE_VERSION).order_by("pk")
    assert [(line.actor_name, line.detail["after"], line.detail["reason"]) for line in lines] == [
        ("model registry", first.pk, "first"),
        ("model registry", second.pk, "as_good"),
    ]


@pytest.mark.usefixtures("history")
def test_another_learner_is_tried_on_the_same_weeks_and_refused_where_it_is_worse(jurisdiction):
    first = trained(jurisdiction, cutoff=CUTOFF)
    other = trained(jurisdiction, cutoff=CUTOFF, learner="seasonal")
    assert other.learner == "seasonal"
    assert other.comparison["is_same_way"] is False
    assert other.metrics["reported"] == first.metrics["reported"]
    assert other.state == State.REFUSED
    low, high = other.comparison["log_likelihood"]["interval"]
    assert low <= other.comparison["log_likelihood"]["difference"] <= high
    assert other.comparison["log_likelihood"]["difference"] == pytest.approx(
        (sum(other.metrics["log_likelihood"]) - sum(first.metrics["log_likelihood"])) / settings.TRIAL_WEEKS
    )
    assert version_in_service(jurisdiction=jurisdiction) == first


@pytest.mark.usefixtures("history")
def test_a_better_way_on_older_data_does_not_take_the_place_of_newer_data(jurisdiction):
    present = trained(jurisdiction, learner="seasonal")
    older = trained(jurisdiction, learner="eb", cutoff=CUTOFF - WEEK)
    assert (older.state, older.verdict) == (State.CANDIDATE, Verdict.FOR_THE_PAST)
    assert verdict_sentence(older).startswith(f"Its data end before those of version {present.pk}")
    assert trained(jurisdiction, learner="eb").verdict == Verdict.BETTER


@pytest.mark.usefixtures("history")
def test_the_same_training_twice_is_one_version(jurisdiction):
    first = trained(jurisdiction, cutoff=CUTOFF)
    assert trained(jurisdiction, cutoff=CUTOFF) == first
    assert ModelVersion.objects.count() == 1


@pytest.mark.usefixtures("history")
def test_the_same_model_trained_by_two_workers_at_once_is_one_version(jurisdiction, monkeypatch):
    judged = versions_service.judge

    def judge_while_another_worker_stores(*args, **kwargs):
        monkeypatch.setattr(versions_service, "judge", judged)
        trained(jurisdiction)
        return judged(*args, **kwargs)

    monkeypatch.setattr(versions_service, "judge", judge_while_another_worker_stores)
    version = trained(jurisdiction)
    assert list(ModelVersion.objects.all()) == [version]
    assert version.state == State.IN_SERVICE
    assert version.model_file in model_files()


@pytest.mark.usefixtures("history")
def test_a_damaged_file_is_mended_by_the_same_training(jurisdiction):
    version = trained(jurisdiction)
    path = settings.MODEL_DIR / version.model_file
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert trained(jurisdiction) == version
    assert path.read_bytes() == whole


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("stop_at", ["load", "fit", "trial", "store"])
def test_a_cancelled_training_leaves_nothing(jurisdiction, stop_at):
    def progress(fraction: float, step: str) -> None:
        if step == stop_at:
            raise JobCancelled

    files = model_files()
    with pytest.raises(JobCancelled):
        trained(jurisdiction, cutoff=CUTOFF, seed=41, progress=progress)
    assert not ModelVersion.objects.exists()
    assert model_files() == files


@pytest.mark.usefixtures("history")
def test_a_wish_to_cancel_that_comes_last_is_still_heard(jurisdiction):
    job = create_job(jurisdiction=jurisdiction, kind=Job.Kind.TRAIN, created_by=None)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)

    def progress(fraction: float, step: str) -> None:
        if step == "store":
            request_cancel(job=job)

    files = model_files()
    with pytest.raises(JobCancelled):
        trained(jurisdiction, cutoff=CUTOFF, seed=42, progress=progress, job=job)
    assert not ModelVersion.objects.exists()
    assert model_files() == files


@pytest.mark.usefixtures("history")
def test_the_same_training_job_makes_one_version_however_often_it_is_delivered(jurisdiction):
    job = start_training(jurisdiction=jurisdiction, cutoff=CUTOFF, learner="count")
    version = run_train_job(job_id=job.pk)
    assert run_train_job(job_id=job.pk) is None
    # A worker that was killed after storing the version, before the job was marked as over:
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, finished_at=None)
    assert run_train_job(job_id=job.pk) == version
    assert ModelVersion.objects.count() == 1


def test_data_too_short_to_compare_leave_the_one_in_service(jurisdiction):
    make_incidents(jurisdiction, 300, until=PAST, days=70)  # ten weeks: eight to learn from, two to try on
    first = trained(jurisdiction, cutoff=CUTOFF)
    assert (first.verdict, first.metrics) == (Verdict.FIRST, {})
    second = trained(jurisdiction, cutoff=CUTOFF, seed=2)
    assert (second.state, second.verdict) == (State.CANDIDATE, Verdict.TOO_SHORT)
    assert verdict_sentence(second) == f"The data are too short to compare it with version {first.pk}."


def test_too_few_incidents_are_said_in_a_sentence(jurisdiction):
    make_incidents(jurisdiction, 30, until=PAST)
    with pytest.raises(HaechiError, match="has 30 incidents in its cells before the cut-off; a forecast needs at least 100"):
        trained(jurisdiction)
    assert not ModelVersion.objects.exists()


def test_an_unknown_learner_is_refused_with_the_known_ones(jurisdiction):
    make_incidents(jurisdiction, 200, until=PAST)
    with pytest.raises(HaechiError, match=r"“oracle9” is not a choice\. Choose among: .*lightgbm"):
        start_training(jurisdiction=jurisdiction, learner="oracle9")


@pytest.mark.parametrize(
    ("comparison", "days_newer", "verdict"),
    [
        (Comparison(8, Difference(2, 1, 3), Difference(0, -0.1, 0.1), (1, 1)), 0, Verdict.BETTER),
        (Comparison(8, Difference(0, -1, 1), Difference(0.02, 0.01, 0.03), (1, 1)), 0, Verdict.BETTER),
        (Comparison(8, Difference(2, 1, 3), Difference(-0.02, -0.03, -0.01), (1, 1)), 90, Verdict.WORSE),
        (Comparison(8, Difference(-2, -3, -1), Difference(0, 0, 0), (1, 1)), 90, Verdict.WORSE),
        (Comparison(8, Difference(0, -1, 1), Difference(0, -1, 1), (1.1, 1.2)), 7, Verdict.AS_GOOD),
        (Comparison(8, Difference(0, -1, 1), Difference(0, -1, 1), (1.1, 1.2)), 6, Verdict.NOT_BETTER),
        (Comparison(8, Difference(0, -1, 1), Difference(0, -1, 1), (1.3, 1.2)), 7, Verdict.NOT_BETTER),
    ],
)
def test_the_rule_of_promotion(comparison, days_newer, verdict):
    assert verdict_of(comparison, days_newer=days_newer) == verdict


# --- Coming into service and going back -----------------------------------------------------------
def test_the_database_itself_allows_one_in_service(jurisdiction):
    in_service(make_version(jurisdiction))
    with pytest.raises(IntegrityError), transaction.atomic():
        make_version(jurisdiction, number=2, state=State.IN_SERVICE, promoted_at=timezone.now())
    other = make_jurisdiction("elsewhere", name_en="Elsewhere")
    assert in_service(make_version(other, number=3)).state == State.IN_SERVICE


def test_an_analyst_promotes_with_a_reason_and_it_is_written_down(jurisdiction, analyst):
    first = in_service(make_version(jurisdiction))
    second = make_version(jurisdiction, number=2, state=State.REFUSED, verdict=Verdict.NOT_BETTER)
    promote(version=second, user=analyst, reason="the trial weeks were a festival")
    second.refresh_from_db()
    first.refresh_from_db()
    assert (second.state, second.verdict, first.state) == (State.IN_SERVICE, Verdict.BY_PERSON, State.RETIRED)
    assert (second.promoted_by, second.promoted_over) == (analyst, first)
    assert verdict_sentence(second) == f"Put into service by {analyst}: the trial weeks were a festival"
    line = AuditEntry.objects.get(action=AuditEntry.Action.PROMOTE_VERSION)
    assert (line.actor, line.target) == (analyst, f"version:{second.pk}")
    assert line.detail == {"before": first.pk, "after": second.pk, "reason": "the trial weeks were a festival"}


def test_a_promotion_needs_a_reason_and_the_right(jurisdiction, analyst, operator):
    version = make_version(jurisdiction)
    for reason in ("", "  ", "ok", "x" * 201):
        with pytest.raises(HaechiError, match="Give a reason of 3 to 200 characters"):
            promote(version=version, user=analyst, reason=reason)
    with pytest.raises(NotAllowed):
        promote(version=version, user=operator, reason="because")
    with pytest.raises(NotAllowed):
        roll_back(jurisdiction=jurisdiction, user=operator)
    assert not AuditEntry.objects.exists()


def test_what_is_in_service_cannot_be_promoted_again(jurisdiction, analyst):
    version = in_service(make_version(jurisdiction))
    with pytest.raises(Conflict, match="in service already"):
        promote(version=version, user=analyst, reason="once more")


def test_going_back_takes_one_step_and_then_the_next(jurisdiction, analyst):
    first = in_service(make_version(jurisdiction))
    second = in_service(make_version(jurisdiction, number=2), over=first)
    third = in_service(make_version(jurisdiction, number=3), over=second)
    assert rolled_back_to(jurisdiction=jurisdiction) == second
    back = roll_back(jurisdiction=jurisdiction, user=analyst, reason="worse in the field")
    assert back == second
    assert verdict_sentence(back) == f"Gone back to from version {third.pk} by {analyst}: worse in the field"
    assert roll_back(jurisdiction=jurisdiction, user=analyst) == first
    with pytest.raises(Conflict, match="no earlier model version"):
        roll_back(jurisdiction=jurisdiction, user=analyst)
    lines = AuditEntry.objects.filter(action=AuditEntry.Action.ROLL_BACK_VERSION).order_by("pk")
    assert [line.detail["after"] for line in lines] == [second.pk, first.pk]
    assert [line.version.pk for line in version_lines(user=analyst) if line.can_be_rolled_back_to] == []
    assert version_in_service(jurisdiction=jurisdiction) == first


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"code_version": "0.0.1"}, "it was made by another version of the program"),
        ({"category_codes": ["theft"]}, "the categories have changed"),
        ({"parameters": {}}, "the slots of the day have changed"),
        ({"model_file": "gone.model"}, "its file is not there"),
    ],
)
def test_what_can_no_longer_be_used_is_not_promoted(jurisdiction, analyst, changes, why):
    version = make_version(jurisdiction, **changes)
    with pytest.raises(HaechiError, match=f"Version {version.pk} cannot be used: {why}. Train a new one."):
        promote(version=version, user=analyst, reason="because")


def test_other_cells_and_other_slots_make_a_version_unusable(jurisdiction, analyst):
    version = make_version(jurisdiction)
    cells = version.grid.array()[::2].tobytes()
    CellGrid.objects.of(jurisdiction).update(is_current=False)
    half = CellGrid.objects.create(
        jurisdiction=jurisdiction, resolution=10, cell_count=len(cells) // 8, cells=cells, digest="ef" * 32
    )
    with pytest.raises(HaechiError, match="cannot be used: the cells have changed"):
        promote(version=version, user=analyst, reason="because")
    ModelVersion.objects.filter(pk=version.pk).update(grid=half)
    jurisdiction.slot_start_hours = [0, 12]
    jurisdiction.save()
    version = ModelVersion.objects.select_related("jurisdiction").get()
    with pytest.raises(HaechiError, match="cannot be used: the slots of the day have changed"):
        promote(version=version, user=analyst, reason="because")


class Weather:
    """A feature block that knows one number for the whole city."""

    name = "weather"

    def __init__(self, signature: str) -> None:
        self.signature = signature

    def columns(self, target):
        return [("weather", "rain")]

    def read(self, moment, target):
        return np.full((1, 1), 0.5, dtype=np.float32)


@pytest.mark.usefixtures("history")
def test_a_model_of_other_feature_blocks_or_other_data_of_them_is_not_used(jurisdiction):
    version = trained(jurisdiction)
    plain = material_until(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert usable_model(version, plain)[1] == ""
    assert usable_model(version, replace(plain, blocks=(Weather("rain of May"),))) == (None, "blocks")
    signatures = {features_signature(replace(plain, blocks=(Weather(data),))) for data in ("rain of May", "rain of June")}
    assert len({*signatures, features_signature(plain)}) == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_promotions_at_once_one_wins_and_the_other_is_told():
    jurisdiction = make_jurisdiction()
    first = in_service(make_version(jurisdiction))
    rivals = [make_version(jurisdiction, number=number) for number in (2, 3)]
    outcomes: list[str] = []
    both_have_looked = threading.Barrier(2)

    def promote_one(version: ModelVersion) -> None:
        try:
            both_have_looked.wait()
            put_in_service(version=version, over=first, verdict=Verdict.BETTER, comparison={})
            outcomes.append("in service")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=promote_one, args=[version]) for version in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in service", "version_changed"]
    assert ModelVersion.objects.filter(state=State.IN_SERVICE).count() == 1


@pytest.mark.usefixtures("history")
def test_a_candidate_that_won_against_one_no_longer_in_service_stays_a_candidate(jurisdiction, monkeypatch):
    first = trained(jurisdiction, cutoff=CUTOFF - WEEK)
    judged = versions_service.judge

    def judge_while_somebody_promotes(*args, **kwargs):
        judgement = judged(*args, **kwargs)
        in_service(make_version(jurisdiction, number=9), over=first)
        return judgement

    monkeypatch.setattr(versions_service, "judge", judge_while_somebody_promotes)
    late = trained(jurisdiction, cutoff=CUTOFF)
    late.refresh_from_db()
    assert late.state == State.CANDIDATE
    assert version_in_service(jurisdiction=jurisdiction).model_file == "version-9.model"


# --- Forecasting with what is in service ----------------------------------------------------------
@pytest.mark.usefixtures("history")
def test_the_first_forecast_trains_and_the_next_uses_what_is_in_service(jurisdiction):
    first = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF - WEEK)
    version = version_in_service(jurisdiction=jurisdiction)
    assert first.model_version == version
    assert version.verdict == Verdict.FIRST
    second = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert ModelVersion.objects.count() == 1
    assert (second.model_version, second.model_sha256) == (version, version.model_sha256)
    assert second.data_cutoff == CUTOFF
    assert second.slot_starts[0] == CUTOFF
    assert second.data_sha256 == incident_arrays(jurisdiction=jurisdiction, before=CUTOFF).sha256
    assert second.incident_count == 900
    assert 0 < second.metrics["expected_incidents"] < 900 / 365 * 7 * 3


@pytest.mark.usefixtures("history")
def test_features_are_fresh_although_the_model_is_not(jurisdiction):
    trained(jurisdiction, cutoff=CUTOFF - WEEK)
    quiet = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    make_incidents(jurisdiction, 300, seed=8, until=CUTOFF, days=7)
    busy = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert busy.model_sha256 == quiet.model_sha256
    assert busy.metrics["expected_incidents"] > 1.2 * quiet.metrics["expected_incidents"]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda version: ModelVersion.objects.filter(pk=version.pk).update(code_version="0.0.1"),
            "another version of the program",
        ),
        (lambda version: (settings.MODEL_DIR / version.model_file).unlink(), "its file is not there"),
        (lambda version: (settings.MODEL_DIR / version.model_file).write_bytes(b"?"), "its file is not the one that was stored"),
        (
            lambda version: ModelVersion.objects.filter(pk=version.pk).update(category_codes=["theft"]),
            "the categories have changed",
        ),
    ],
)
def test_a_version_that_cannot_be_used_is_replaced_by_one_trained_anew_and_it_says_so(jurisdiction, change, why):
    old = trained(jurisdiction, cutoff=CUTOFF - WEEK)
    change(old)
    run = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    new = version_in_service(jurisdiction=jurisdiction)
    assert run.model_version == new != old
    assert new.learner == old.learner
    assert (new.verdict, new.promoted_over) == (Verdict.UNUSABLE, old)
    assert verdict_sentence(new).startswith(f"It took the place of version {old.pk}, which can no longer be used: ")
    assert why in verdict_sentence(new)


@pytest.mark.usefixtures("history")
def test_a_forecast_of_the_past_uses_no_model_that_knows_the_future(jurisdiction):
    present = trained(jurisdiction, cutoff=CUTOFF)
    run = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF - 4 * WEEK)
    assert run.model_version != present
    assert run.model_version.data_cutoff == CUTOFF - 4 * WEEK
    assert (run.model_version.state, run.model_version.verdict) == (State.CANDIDATE, Verdict.FOR_THE_PAST)
    assert version_in_service(jurisdiction=jurisdiction) == present


@pytest.mark.usefixtures("history")
def test_the_same_forecast_job_with_a_stored_model_makes_one_run(jurisdiction):
    trained(jurisdiction, cutoff=CUTOFF - WEEK)
    parameters = {"cutoff": CUTOFF.isoformat(), "seed": 1}
    job = create_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST, created_by=None, parameters=parameters)
    run = run_forecast_job(job_id=job.pk)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, finished_at=None)
    assert run_forecast_job(job_id=job.pk) == run
    assert (ForecastRun.objects.count(), ModelVersion.objects.count()) == (1, 1)


# --- Beat and commands ----------------------------------------------------------------------------
def test_beat_trains_where_data_are_live_and_the_newest_version_is_a_week_old(jurisdiction, other_jurisdiction):
    make_incidents(jurisdiction, 200)
    make_incidents(other_jurisdiction, 200, seed=2, until=PAST)
    now = timezone.now()
    assert retrain_old_versions() == []  # nobody has asked for a forecast yet
    make_version(other_jurisdiction, number=5, cutoff=PAST)
    version = make_version(jurisdiction, cutoff=now - timedelta(days=6))
    assert retrain_old_versions() == []
    ModelVersion.objects.filter(pk=version.pk).update(data_cutoff=now - timedelta(days=8))
    (job,) = retrain_old_versions()
    assert (job.jurisdiction, job.kind) == (jurisdiction, Job.Kind.TRAIN)
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED, finished_at=now)
    assert retrain_old_versions() == []  # not again within the day
    Job.objects.filter(pk=job.pk).update(created_at=now - timedelta(hours=21))
    assert len(retrain_old_versions()) == 1


def test_beat_trains_the_learner_that_is_in_service(jurisdiction):
    make_incidents(jurisdiction, 200)
    in_service(make_version(jurisdiction, cutoff=timezone.now() - timedelta(days=8), learner="eb"))
    (job,) = retrain_old_versions()
    assert job.parameters["learner"] == "eb"


def test_the_timetable_names_tasks_that_are_there():
    from webapp.forecasts import tasks

    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values() if "forecasts" in str(entry["task"])}
    expected = ("refresh_forecasts", "retrain_models", "watch_all_drift", "learn_live_weights")
    assert named == {f"webapp.forecasts.tasks.{name}" for name in expected}
    assert all(hasattr(tasks, str(name).rsplit(".", 1)[1]) for name in named)


def test_the_commands_promote_and_go_back(jurisdiction):
    first = in_service(make_version(jurisdiction))
    second = make_version(jurisdiction, number=2)
    out = io.StringIO()
    call_command("promote_version", second.pk, jurisdiction="testgu", reason="tried by hand", stdout=out)
    assert out.getvalue() == f"Version {second.pk} is in service.\n"
    out = io.StringIO()
    call_command("roll_back_version", jurisdiction="testgu", stdout=out)
    assert out.getvalue() == f"Version {first.pk} is in service.\n"
    with pytest.raises(CommandError, match="no earlier model version"):
        call_command("roll_back_version", jurisdiction="testgu")
    with pytest.raises(CommandError, match="There is no such model version"):
        call_command("promote_version", 999_999, jurisdiction="testgu", reason="because")
    with pytest.raises(CommandError, match="in service already"):
        call_command("promote_version", first.pk, jurisdiction="testgu", reason="because")


def test_the_command_queues_a_training(jurisdiction):
    make_incidents(jurisdiction, 200, until=PAST)
    out = io.StringIO()
    call_command("train_version", jurisdiction="testgu", learner="count", cutoff="2024-06-01T06:00", stdout=out)
    job = Job.objects.get()
    assert out.getvalue() == f"Queued as job {job.pk}.\n"
    assert job.parameters["learner"] == "count"
    with pytest.raises(CommandError, match="already under way"):
        call_command("train_version", jurisdiction="testgu")
    with pytest.raises(CommandError, match="“nothing” is not a choice"):
        call_command("train_version", jurisdiction="testgu", learner="nothing")


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_the_command_waits_for_the_verdict(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 800, until=PAST)
    out = io.StringIO()
    call_command("train_version", jurisdiction="testgu", learner="count", wait=True, stdout=out)
    version = ModelVersion.objects.get()
    assert f"Version {version.pk} is now: in service. Nothing was in service before it." in out.getvalue()
    assert version.learner == "count"


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_training_whose_process_is_killed_is_done_again_and_makes_one_version(worker):
    jurisdiction = make_jurisdiction()
    make_incidents(jurisdiction, 3000, until=PAST)  # enough for trees, so that there is time to kill it
    job = start_training(jurisdiction=jurisdiction, learner="lightgbm")
    while job.state == Job.State.QUEUED:
        time.sleep(0.01)
        job.refresh_from_db()
    (child,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING, "the job was over before it could be killed: give it more to do"
    assert not ModelVersion.objects.exists()
    assert ended(job).state == Job.State.SUCCEEDED
    version = ModelVersion.objects.get()
    assert (version.job, version.state) == (job, State.IN_SERVICE)


def test_versions_of_another_jurisdiction_are_not_seen(jurisdiction, analyst, outsider):
    make_version(jurisdiction)
    assert len(version_lines(user=analyst)) == 1
    assert version_lines(user=outsider) == []
    assert version_lines(user=make_user(None, "analyst", "nobody")) == []


def test_the_list_takes_two_queries_however_long_it_is(jurisdiction, analyst, django_assert_num_queries):
    first = in_service(make_version(jurisdiction))
    in_service(make_version(jurisdiction, number=2), over=first)
    for number in range(3, 9):
        make_version(jurisdiction, number=number, promoted_by=analyst)
    with django_assert_num_queries(2):
        lines = version_lines(user=analyst)
        assert [line.verdict for line in lines]
