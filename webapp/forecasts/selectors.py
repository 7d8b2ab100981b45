"""Reads of runs, rates and reasons, for the pages, the API and the watch plans."""

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
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
