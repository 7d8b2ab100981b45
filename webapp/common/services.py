"""The life of a long job: create, claim, report, end. Used by every Celery task that takes longer than a request.

A task may be delivered twice (late acknowledgement, killed workers). A job is therefore *claimed* by a conditional
UPDATE under a session lock of the database, and the work writes its result in one transaction: a second delivery
finds nothing left to do, and the job of a killed worker, whose lock died with its connection, can be claimed again.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from webapp.common.errors import Conflict, HaechiError, NotFound
from webapp.common.models import Job

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

logger = logging.getLogger(__name__)

PROGRESS_TTL_S = 6 * 3600
PROGRESS_EVERY_S = 0.3


class ConnectionLost(Exception):
    """The connection to the database broke in the middle of a job: nothing of it is there, and it can be done again."""


class JobCancelled(Exception):
    """Raised inside the work when a person has asked to cancel it; ends the job without an error."""


def create_job(
    *, jurisdiction: "Jurisdiction", kind: str, created_by: "User | None", parameters: dict[str, Any] | None = None
) -> Job:
    """Record a job as waiting. Send its Celery task with `transaction.on_commit`.

    The language of the person who asks is kept, so that the job's sentences come in it.
    """
    values = (parameters or {}) | {"language": get_language()}
    return Job.objects.create(jurisdiction=jurisdiction, kind=kind, created_by=created_by, parameters=values)


def request_cancel(*, job: Job) -> Job:
    """Ask a job to stop. A waiting one ends at once; a running one ends at its next report of progress.

    Raises `Conflict` if it is already over.
    """
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if not waiting.update(state=Job.State.CANCELLED, cancel_requested=True, finished_at=now):
        running = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING)
        if not running.update(cancel_requested=True):
            raise Conflict(_("This job is already over, so there is nothing to cancel."))
    job.refresh_from_db()
    return job


Progress = Callable[[float, str], None]  # fraction done in [0, 1], short code of the step


def no_progress(fraction: float, step: str) -> None:
    """The default `progress` of work that nobody watches."""


def part(progress: Progress, low: float, high: float) -> Progress:
    """The stretch from `low` to `high` of a larger progress, as a progress of its own."""

    def report(fraction: float, step: str) -> None:
        progress(low + (high - low) * fraction, step)

    return report


class JobProgress:
    """Reports how far a job is; calling it raises `JobCancelled` once a person has asked to stop.

    `progress(0.4, "fit")`: the fraction done in [0, 1] and a short code of the step.
    """

    def __init__(self, job_id: UUID):
        self.job_id = job_id
        self.started = time.monotonic()
        self.last_written = 0.0

    def __call__(self, fraction: float, step: str = "") -> None:
        now = time.monotonic()
        if fraction < 1 and now - self.last_written < PROGRESS_EVERY_S:
            return
        self.last_written = now
        elapsed_s = now - self.started
        remaining_s = elapsed_s * (1 - fraction) / fraction if fraction > 0.02 else None
        value = {"fraction": round(min(max(fraction, 0.0), 1.0), 4), "step": step, "remaining_s": remaining_s, "at": time.time()}
        cache.set(f"job:{self.job_id}", value, PROGRESS_TTL_S)
        if Job.objects.filter(pk=self.job_id, cancel_requested=True).exists():
            raise JobCancelled


@contextmanager
def claimed_job(job_id: UUID) -> Iterator[tuple[Job, Progress] | None]:
    """Claim a job and run the body as its work; yields `None` if another worker has it or it is over.

    The body's end marks the job as succeeded, `JobCancelled` as cancelled, a `HaechiError` as failed with its
    sentence, anything else as failed with a general sentence, and is raised again for the worker's log. Where the
    connection to the database is lost, the job stays as it was and `ConnectionLost` is raised: it can be claimed again.
    """
    job = Job.objects.filter(pk=job_id).select_related("jurisdiction", "created_by").first()
    if job is None:
        raise NotFound(_("There is no such job."))
    language = job.parameters.get("language") or settings.LANGUAGE_CODE
    with translation.override(language), _session_lock(job_id) as held:
        if not (held and _claim(job)):
            logger.info("job %s is not free (state %s); nothing to do", job_id, job.state)
            yield None
            return
        progress = JobProgress(job_id)
        try:
            progress(0.0, "start")
            yield job, progress
        except JobCancelled:
            _end(job, Job.State.CANCELLED)
        except HaechiError as error:
            _end(job, Job.State.FAILED, error.message)
        except Exception as error:
            if is_lost_connection(error):
                raise ConnectionLost from error
            _end(
                job,
                Job.State.FAILED,
                _("The job stopped on an unexpected error. The server's log says more; nothing was half-written."),
            )
            raise
        else:
            _end(job, Job.State.SUCCEEDED)


_SERVER_STOPS = ("57P01", "57P02", "57P03")  # PostgreSQL's codes: stopped by an administrator, crashed, not up yet


def is_lost_connection(error: Exception) -> bool:
    """Whether an error of the database means that the connection to it broke, or cannot be made just now."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    return code is None or code.startswith("08") or code in _SERVER_STOPS


@contextmanager
def _session_lock(job_id: UUID) -> Iterator[bool]:
    """Hold the database's advisory lock of this job for as long as this connection lives; yields whether it was free."""
    key = int.from_bytes(job_id.bytes[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        (held,) = cursor.fetchone()
    try:
        yield held
    except ConnectionLost:
        connection.close()  # the lock went with the connection
        raise
    except BaseException:
        _unlock(key, held)
        raise
    _unlock(key, held)


def _unlock(key: int, held: bool) -> None:
    if held:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def _claim(job: Job) -> bool:
    """Mark the job as running unless it is over. The session lock keeps others out meanwhile."""
    open_states = [Job.State.QUEUED, Job.State.RUNNING]
    claimed = Job.objects.filter(pk=job.pk, state__in=open_states, cancel_requested=False)
    return bool(claimed.update(state=Job.State.RUNNING, started_at=timezone.now()))


def _end(job: Job, state: str, message: str = "") -> None:
    if connection.in_atomic_block and connection.needs_rollback:
        raise RuntimeError("claimed_job must stand outside the transaction of the work")
    Job.objects.filter(pk=job.pk).update(state=state, message=message, finished_at=timezone.now())
    cache.delete(f"job:{job.pk}")
    job.refresh_from_db()
