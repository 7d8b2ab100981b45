"""Following a job from the command line: a progress bar on a terminal, plain lines elsewhere, Ctrl-C cancels."""

import time
from dataclasses import dataclass

from django.core.cache import cache
from django.core.management.base import CommandError, OutputWrapper
from django.utils.translation import gettext as _

from webapp.celery import app
from webapp.common.errors import Conflict
from webapp.common.models import Job
from webapp.common.services import request_cancel

POLL_S = 0.5
ASK_WORKERS_AFTER_S = 10
WORKER_ANSWER_S = 3.0
BAR_WIDTH = 30
QUEUE = "train"


def follow(job: Job, out: OutputWrapper) -> Job:
    """Show the job's progress until it is over. Raises `CommandError` with its sentence unless it succeeded."""
    line = _ProgressLine(out)
    began = time.monotonic()
    try:
        while not job.is_over:
            if job.state == Job.State.QUEUED and time.monotonic() - began > ASK_WORKERS_AFTER_S:
                _refuse_without_worker(job)
                began = time.monotonic()
            live = cache.get(f"job:{job.pk}") or {}
            line.show(job, live.get("fraction", 0.0), live.get("step", ""), live.get("remaining_s"))
            time.sleep(POLL_S)
            job.refresh_from_db()
    except KeyboardInterrupt:
        _cancel(job)
        raise CommandError(_("Cancelled."), returncode=130) from None
    finally:
        line.end(job)
    if job.state != Job.State.SUCCEEDED:
        raise CommandError(job.message or str(job.get_state_display()))
    return job


def _refuse_without_worker(job: Job) -> None:
    """End the job and say so where no worker serves its queue; a worker that is only busy answers and is waited for."""
    queues = app.control.inspect(timeout=WORKER_ANSWER_S).active_queues() or {}
    if any(queue["name"] == QUEUE for served in queues.values() for queue in served):
        return
    _cancel(job)
    raise CommandError(
        _("No Celery worker takes jobs from the queue “%(queue)s”. Start one (./run serve), then try again.") % {"queue": QUEUE}
    )


def _cancel(job: Job) -> None:
    try:
        request_cancel(job=job)
    except Conflict:  # it ended by itself meanwhile
        job.refresh_from_db()


@dataclass
class _ProgressLine:
    """One line that is redrawn on a terminal; elsewhere a new line each time the step or the tenth changes."""

    out: OutputWrapper
    last: str = ""

    def show(self, job: Job, fraction: float, step: str, remaining_s: float | None) -> None:
        if self.out.isatty():
            filled = int(BAR_WIDTH * fraction)
            left = "" if remaining_s is None else " " + _("about %(seconds)s s left") % {"seconds": max(1, round(remaining_s))}
            text = f"{job.get_kind_display()} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {fraction:4.0%} {step}{left}"
            self.out.write(f"\r\x1b[K{text}", ending="")
            self.out.flush()
            return
        text = f"{job.get_kind_display()} {job.get_state_display()} {int(fraction * 10) * 10} % {step}".rstrip()
        if text != self.last:
            self.out.write(text)
            self.last = text

    def end(self, job: Job) -> None:
        if self.out.isatty():
            self.out.write("\r\x1b[K", ending="")
