"""Starting forecasts and back-tests: check what can be checked at once, record the job, send its Celery task on commit."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.celery import app
from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.common.services import create_job
from webapp.crimes.selectors import newest_incident_time
from webapp.forecasts.models import ForecastRun, ModelVersion
from webapp.forecasts.selectors.freshness import second_slot_start
from webapp.forecasts.selectors.material import check_cutoff, default_cutoff, is_live, weeks_available
from webapp.forecasts.selectors.runs import current_run, open_job
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.wording import HORIZONS, LEARNERS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

logger = logging.getLogger(__name__)

DEFAULT_SEED = 20_251_122
BACKTEST_WEEKS = (4, 52)
TASKS = {
    Job.Kind.FORECAST: "webapp.forecasts.tasks.make_forecast",
    Job.Kind.BACKTEST: "webapp.forecasts.tasks.make_backtest",
    Job.Kind.TRAIN: "webapp.forecasts.tasks.train_version",
    Job.Kind.DRIFT: "webapp.forecasts.tasks.watch_drift",
    Job.Kind.REPLAY: "webapp.forecasts.tasks.replay_run",
}
RETRY_TRAINING_AFTER = timedelta(hours=20)  # a training that failed is tried again with the next day's data


@transaction.atomic
def start_forecast(
    *,
    jurisdiction: Jurisdiction,
    user: "User | None" = None,
    cutoff: datetime | None = None,
    request: "HttpRequest | None" = None,
) -> Job:
    """Queue training and forecasting; the Celery task is sent when the transaction commits.

    `cutoff`: aware; nothing recorded at or after it is used. Default: see `default_cutoff`.
    Raises `NotAllowed`, `Conflict` while another forecast is under way, `HaechiError` where the data do not allow one.
    """
    if user is not None:
        require(user, Act.START_RUN)
    _refuse_second(jurisdiction, Job.Kind.FORECAST)
    cutoff = cutoff or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    check_cutoff(jurisdiction=jurisdiction, cutoff=cutoff, now=timezone.now())
    parameters = {"cutoff": cutoff.isoformat(), "seed": DEFAULT_SEED}
    return _start(jurisdiction, Job.Kind.FORECAST, parameters, user=user, request=request)


@transaction.atomic
def start_backtest(
    *,
    jurisdiction: Jurisdiction,
    user: "User | None" = None,
    weeks: int = 26,
    horizons: Sequence[str] = (),
    learners: Sequence[str] = (),
    request: "HttpRequest | None" = None,
) -> Job:
    """Queue a back-test over the last `weeks` weeks (4–52; fewer where the data are short).

    `horizons`: among shift, day, week, month; empty: week. `learners`: codes of the catalogue; empty: the usual ones.
    Raises `NotAllowed`, `Conflict` while another back-test is under way, `HaechiError` where the data are too short.
    """
    if user is not None:
        require(user, Act.START_RUN)
    low, high = BACKTEST_WEEKS
    if not low <= weeks <= high:
        raise HaechiError(
            _("A back-test covers %(low)s to %(high)s weeks, not %(weeks)s.") % {"low": low, "high": high, "weeks": weeks},
            code="weeks_out_of_range",
            fields={"weeks": weeks},
        )
    _check_codes(horizons, HORIZONS, field="horizons")
    _check_codes(learners, LEARNERS, field="learners")
    _refuse_second(jurisdiction, Job.Kind.BACKTEST)
    end = default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    check_cutoff(jurisdiction=jurisdiction, cutoff=end, now=timezone.now())
    weeks = min(weeks, weeks_available(jurisdiction=jurisdiction, end=end, least=low))
    chosen = {"horizons": list(horizons)} if horizons else {}
    chosen |= {"learners": list(learners)} if learners else {}
    parameters = {"end": end.isoformat(), "weeks": weeks, "seed": DEFAULT_SEED, **chosen}
    return _start(jurisdiction, Job.Kind.BACKTEST, parameters, user=user, request=request)


@transaction.atomic
def start_training(
    *,
    jurisdiction: Jurisdiction,
    user: "User | None" = None,
    learner: str = "",
    seed: int = DEFAULT_SEED,
    cutoff: datetime | None = None,
    request: "HttpRequest | None" = None,
) -> Job:
    """Queue the training of a candidate, its trial against the version in service, and its promotion where it wins.

    `learner`: a code of the catalogue; blank = the main model. Raises as `start_forecast`.
    """
    if user is not None:
        require(user, Act.START_RUN)
    _check_codes([learner] if learner else [], LEARNERS, field="learner")
    _refuse_second(jurisdiction, Job.Kind.TRAIN)
    cutoff = cutoff or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    check_cutoff(jurisdiction=jurisdiction, cutoff=cutoff, now=timezone.now())
    parameters = {"cutoff": cutoff.isoformat(), "learner": learner, "seed": seed}
    return _start(jurisdiction, Job.Kind.TRAIN, parameters, user=user, request=request)


@transaction.atomic
def start_drift_watch(*, jurisdiction: Jurisdiction, user: "User | None" = None, request: "HttpRequest | None" = None) -> Job:
    """Queue the drift watch over the last weeks. Raises `NotAllowed`, `Conflict` while one is under way."""
    if user is not None:
        require(user, Act.START_RUN)
    _refuse_second(jurisdiction, Job.Kind.DRIFT)
    return _start(jurisdiction, Job.Kind.DRIFT, {}, user=user, request=request)


@transaction.atomic
def start_replay(*, run: ForecastRun, user: "User | None" = None, request: "HttpRequest | None" = None) -> Job:
    """Queue the replay of a published run. Raises `NotAllowed`, `Conflict` while another replay is under way."""
    if user is not None:
        require(user, Act.START_RUN)
    _refuse_second(run.jurisdiction, Job.Kind.REPLAY)
    return _start(run.jurisdiction, Job.Kind.REPLAY, {"run": run.pk}, user=user, request=request)


def refresh_stale_forecasts() -> list[Job]:
    """Start a forecast for each jurisdiction whose run in service lags by a slot or more and whose data are live."""

    def start(jurisdiction: Jurisdiction) -> Job | None:
        run = current_run(jurisdiction=jurisdiction)
        is_behind = run is not None and timezone.now() >= second_slot_start(run)
        return start_forecast(jurisdiction=jurisdiction) if is_behind else None

    return _start_where_live(start, what="forecast")


def retrain_old_versions() -> list[Job]:
    """Start a training for each jurisdiction with live data whose newest version is older than `HAECHI_RETRAIN_DAYS`.

    The learner is that of the version in service, whoever put it there. Where no forecast was ever asked for, nothing is
    trained; a training that failed is tried again the next day.
    """

    def start(jurisdiction: Jurisdiction) -> Job | None:
        now = timezone.now()
        newest = ModelVersion.objects.of(jurisdiction).order_by("-data_cutoff").first()
        tried = Job.objects.of(jurisdiction).filter(kind=Job.Kind.TRAIN, created_at__gt=now - RETRY_TRAINING_AFTER)
        if newest is None or now - newest.data_cutoff < timedelta(days=settings.RETRAIN_DAYS) or tried.exists():
            return None
        present = version_in_service(jurisdiction=jurisdiction)
        return start_training(jurisdiction=jurisdiction, learner=present.learner if present else "")

    return _start_where_live(start, what="training")


def watch_live_drift() -> list[Job]:
    """Start the drift watch of each jurisdiction with live data and a version in service."""

    def start(jurisdiction: Jurisdiction) -> Job | None:
        has_version = ModelVersion.objects.of(jurisdiction).filter(state=ModelVersion.State.IN_SERVICE).exists()
        return start_drift_watch(jurisdiction=jurisdiction) if has_version else None

    return _start_where_live(start, what="drift watch")


def _start_where_live(start: Callable[[Jurisdiction], Job | None], *, what: str) -> list[Job]:
    """Call `start` for each jurisdiction whose data keep coming in; the jobs that it started."""
    now = timezone.now()
    started = []
    for jurisdiction in Jurisdiction.objects.order_by("pk"):
        if not is_live(newest=newest_incident_time(jurisdiction=jurisdiction), now=now):
            continue
        try:
            job = start(jurisdiction)
        except HaechiError as error:  # one under way, or data withdrawn: nothing to do for this one
            logger.info("no %s for %s: %s", what, jurisdiction.code, error.message)
            continue
        started += [job] if job is not None else []
    return started


def _check_codes(codes: Sequence[str], known: Collection[str], *, field: str) -> None:
    """Raise `HaechiError` that names the known codes where one is unknown or named twice."""
    unknown = [code for code in codes if code not in known]
    if unknown or len(set(codes)) != len(codes):
        raise HaechiError(
            _("“%(codes)s” is not a choice. Choose among: %(known)s; each once.")
            % {"codes": ", ".join(unknown or codes), "known": ", ".join(known)},
            code="unknown_code",
            fields={field: list(codes)},
        )


def _refuse_second(jurisdiction: Jurisdiction, kind: Job.Kind) -> None:
    """Raise `Conflict` while a job of this kind is under way. The row lock makes check and creation one step."""
    Jurisdiction.objects.select_for_update().get(pk=jurisdiction.pk)
    job = open_job(jurisdiction=jurisdiction, kind=kind)
    if job is not None:
        raise Conflict(
            _("%(kind)s is already under way. Wait for it, or cancel it first.") % {"kind": job.get_kind_display()},
            code="already_running",
            fields={"job": str(job.pk)},
        )


def _start(
    jurisdiction: Jurisdiction,
    kind: Job.Kind,
    parameters: dict[str, Any],
    *,
    user: "User | None",
    request: "HttpRequest | None",
) -> Job:
    """Record the job and its line in the audit trail, and send its task once both are committed."""
    job = create_job(jurisdiction=jurisdiction, kind=kind, created_by=user, parameters=parameters)
    record(
        action=AuditEntry.Action.START_RUN,
        actor=user,
        jurisdiction=jurisdiction,
        target=f"job:{job.pk}",
        detail={"kind": kind.value, **parameters},
        request=request,
    )
    transaction.on_commit(lambda: _send(job))
    return job


def _send(job: Job) -> None:
    """Hand the job to Celery. Where the broker cannot be reached the job ends at once, rather than wait for ever."""
    try:
        app.send_task(TASKS[Job.Kind(job.kind)], args=[str(job.pk)])
    except OperationalError as error:
        message = _("The job queue (Redis) cannot be reached. Start it, then try again.")
        Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED, message=message, finished_at=timezone.now())
        raise HaechiError(message, code="queue_down") from error
