"""Reads of runs, rates and reasons, for the pages, the API and the watch plans."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.common.models import Job
from webapp.crimes.models import Category
from webapp.forecasts.models import ForecastRun, Rates, Reasons

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

Vector = np.ndarray[tuple[int], np.dtype[np.float32]]


def current_run(*, jurisdiction: "Jurisdiction") -> ForecastRun | None:
    """The run in service: the one published last."""
    runs = ForecastRun.objects.of(jurisdiction).filter(state=ForecastRun.State.PUBLISHED)
    return runs.select_related("grid").order_by("-published_at", "-pk").first()


def run_for(*, user: "User", run_id: int | str) -> ForecastRun:
    """A published run of the person's jurisdiction, by number or by the word `current`. Raises `NotFound`."""
    runs = ForecastRun.objects.visible_to(user).filter(state=ForecastRun.State.PUBLISHED).select_related("grid")
    run = runs.order_by("-published_at", "-pk").first() if run_id == "current" else runs.filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no such published forecast."))
    return run


def slot_index(*, run: ForecastRun, slot_start: datetime) -> int:
    """Index of the slot that starts at this instant. Raises `NotFound`."""
    try:
        return list(run.slot_starts).index(slot_start)
    except ValueError:
        raise NotFound(_("The forecast has no slot that starts then."), fields={"slot_start": slot_start.isoformat()}) from None


def rates_vector(*, run: ForecastRun, slot: int, category_code: str = "") -> Vector:
    """Expected incidents per cell in one slot: Float32[cells]; of all categories together where the code is blank.

    Raises `NotFound` if the run has no such slot or category.
    """
    rows = Rates.objects.filter(run=run, slot=slot).filter(Q(category__code=category_code) if category_code else Q())
    vectors = [rates.array() for rates in rows]
    if not vectors:
        raise NotFound(_("The forecast has no such slot or category."), fields={"slot": slot, "category": category_code})
    return np.sum(vectors, axis=0, dtype=np.float32)


def rates_by_category(*, run: ForecastRun, slot: int) -> dict[str, Vector]:
    """Expected incidents per cell in one slot, by category code: {code: Float32[cells]}."""
    rows = Rates.objects.filter(run=run, slot=slot).select_related("category")
    return {rates.category.code: rates.array() for rates in rows}


def reasons_by_category(*, run: ForecastRun) -> dict[str, Reasons]:
    """Grouped contributions of each category's rates, by category code."""
    return {reasons.category.code: reasons for reasons in Reasons.objects.filter(run=run).select_related("category")}


def run_list(*, user: "User") -> QuerySet[ForecastRun]:
    """The published runs of the person's jurisdiction, newest first, each with its grid."""
    runs = ForecastRun.objects.visible_to(user).filter(state=ForecastRun.State.PUBLISHED)
    # The grid's cells (320 KB for 40,000 cells) are never wanted in a list.
    return runs.select_related("grid", "created_by").defer("grid__cells").order_by("-published_at", "-pk")


def slot_totals(*, run: ForecastRun) -> list[list[float]]:
    """Expected incidents of the whole jurisdiction: [slot][category] in the order of `run.category_codes`."""
    column = {code: position for position, code in enumerate(run.category_codes)}
    totals = [[0.0] * len(column) for _slot in run.slot_starts]
    for slot, code, total in Rates.objects.filter(run=run).values_list("slot", "category__code", "total"):
        totals[slot][column[code]] = total
    return totals


def category_labels(*, jurisdiction: "Jurisdiction") -> dict[str, str]:
    """{code: name in the language of the page}, in the taxonomy's order."""
    return {category.code: category.label for category in Category.objects.of(jurisdiction).order_by("position")}


def open_job(*, jurisdiction: "Jurisdiction", kind: Job.Kind) -> Job | None:
    """The job of this kind that waits or runs, unless it is being cancelled or must be dead.

    A job older than the longest time limit of a task can no longer be at work: its worker was lost with the queue.
    """
    alive_since = timezone.now() - timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)
    jobs = Job.objects.of(jurisdiction).filter(kind=kind, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    return jobs.filter(cancel_requested=False, created_at__gt=alive_since).order_by("created_at").first()
