"""Check an upload, take it in, undo it: in the background. Delivered at least once; the claim makes sure it happens once."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import Task, shared_task

from webapp.common.models import Job
from webapp.common.services import Progress

RETRY_AFTER_S = 3
RETRIES = 40  # two minutes: a database that restarts is back by then


def _run(task: "Task[Any, Any]", job_id: str, work: Callable[[Job, Progress], object]) -> None:
    """Do the work of a job once; where the connection to the database is lost, it is left to be done again."""
    from django.db import InterfaceError, OperationalError, connection

    from webapp.common.services import ConnectionLost, claimed_job, is_lost_connection

    try:
        with claimed_job(UUID(job_id)) as claim:
            if claim is not None:
                work(*claim)
    except (ConnectionLost, InterfaceError, OperationalError) as error:
        if not isinstance(error, ConnectionLost) and not is_lost_connection(error):
            raise
        connection.close()
        raise task.retry(exc=error, countdown=RETRY_AFTER_S, max_retries=RETRIES) from error


@shared_task(bind=True)
def check(self: "Task[Any, Any]", job_id: str) -> None:
    """The dry run."""
    from webapp.imports.services import run_check

    _run(self, job_id, lambda job, progress: run_check(upload_id=job.parameters["upload"], progress=progress))


@shared_task(bind=True)
def ingest(self: "Task[Any, Any]", job_id: str) -> None:
    """Take the file in."""
    from webapp.imports.services import ingest_upload

    _run(self, job_id, lambda job, progress: ingest_upload(upload_id=job.parameters["upload"], progress=progress))


@shared_task(bind=True)
def undo(self: "Task[Any, Any]", job_id: str) -> None:
    """Undo the upload."""
    from webapp.imports.services import run_undo

    def work(job: Job, progress: Progress) -> None:
        run_undo(
            upload_id=job.parameters["upload"],
            reason=job.parameters["reason"],
            user=job.created_by,
            progress=progress,
        )

    _run(self, job_id, work)


@shared_task
def clean_uploads() -> None:
    """Let go of received files that nobody took in."""
    from django.utils import timezone

    from webapp.imports.services import clean_received

    clean_received(now=timezone.now())
