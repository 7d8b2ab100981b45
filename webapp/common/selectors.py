"""Reads that every room shares."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.cache import cache
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.common.models import Job

if TYPE_CHECKING:
    from webapp.accounts.models import User


@dataclass(frozen=True)
class JobStatus:
    """A job and how far it is: `fraction` in [0, 1], `remaining_s` in seconds or None while unknown."""

    job: Job
    fraction: float
    step: str
    remaining_s: float | None


def job_status(*, user: "User", job_id: UUID) -> JobStatus:
    """A job of the person's jurisdiction with its live progress. Raises `NotFound`."""
    job = Job.objects.visible_to(user).filter(pk=job_id).first()
    if job is None:
        raise NotFound(_("There is no such job."))
    live = cache.get(f"job:{job.pk}") or {}
    if job.is_over:
        return JobStatus(job, fraction=1.0 if job.state == Job.State.SUCCEEDED else 0.0, step="", remaining_s=0.0)
    return JobStatus(job, fraction=live.get("fraction", 0.0), step=live.get("step", ""), remaining_s=live.get("remaining_s"))
