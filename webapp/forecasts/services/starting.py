"""Starting forecasts and back-tests: check what can be checked at once, record the job, send its Celery task on commit."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

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
from webapp.forecasts.selectors.freshness import second_slot_start
from webapp.forecasts.selectors.material import check_cutoff, default_cutoff, is_live, weeks_available
from webapp.forecasts.selectors.runs import current_run, open_job

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

logger = logging.getLogger(__name__)

DEFAULT_SEED = 20_251_122
BACKTEST_WEEKS = (4, 52)
TASKS = {
    Job.Kind.FORECAST: "webapp.forecasts.tasks.make_forecast",
    Job.Kind.BACKTEST: "webapp.forecasts.tasks.make_backtest",
}


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
    *, jurisdiction: Jurisdiction, user: "User | None" = None, weeks: int = 26, request: "HttpRequest | None" = None
) -> Job:
    """Queue a back-test over the last `weeks` weeks (4–52; fewer where the data are short).

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
    _refuse_second(jurisdiction, Job.Kind.BACKTEST)
    end = default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    check_cutoff(jurisdiction=jurisdiction, cutoff=end, now=timezone.now())
    weeks = min(weeks, weeks_available(jurisdiction=jurisdiction, end=end, least=low))
    parameters = {"end": end.isoformat(), "weeks": weeks, "seed": DEFAULT_SEED}
    return _start(jurisdiction, Job.Kind.BACKTEST, parameters, user=user, request=request)


def refresh_stale_forecasts() -> list[Job]:
    """Start a forecast for each jurisdiction whose run in service lags by a slot or more and whose data are live."""
    now = timezone.now()
    started = []
    for jurisdiction in Jurisdiction.objects.order_by("pk"):
        run = current_run(jurisdiction=jurisdiction)
        if run is None or now < second_slot_start(run):
            continue
        if not is_live(newest=newest_incident_time(jurisdiction=jurisdiction), now=now):
            continue
        try:
            started.append(start_forecast(jurisdiction=jurisdiction))
        except HaechiError as error:  # one under way, or data withdrawn: nothing to do for this one
            logger.info("no fresh forecast for %s: %s", jurisdiction.code, error.message)
    return started


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
