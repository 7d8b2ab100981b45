"""What the map page starts from: who, where, which categories, which run."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, may
from webapp.common.errors import NotFound
from webapp.crimes.models import Category, CellGrid
from webapp.forecasts import selectors as forecasts
from webapp.forecasts.models import Rates
from webapp.forecasts.selectors.values import Scale, run_scales, values_tag
from webapp.maps.selectors.layers import boundary_geojson

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User
    from webapp.forecasts.models import ForecastRun


@dataclass(frozen=True)
class RunStart:
    """A run as the map needs it. `totals[slot][category]`: expected incidents, categories in the order of `MapStart`."""

    id: int
    tag: str
    is_current: bool
    is_past: bool
    learner: str
    data_cutoff: datetime
    published_at: datetime | None
    incident_count: int
    slot_starts: list[datetime]
    horizon_end: datetime
    grid_digest: str
    cell_count: int
    totals: list[list[float]]
    scale: dict[str, Scale]


@dataclass(frozen=True)
class MapStart:
    """Everything the page needs before it asks for geometry and values. `run` is None before the first forecast."""

    jurisdiction: "Jurisdiction"
    bounds: tuple[float, float, float, float]
    boundary: dict[str, Any]
    grid: CellGrid | None
    categories: list[Category]
    run: RunStart | None
    allowed: list[str]


def map_start(*, user: "User", run_id: int | str = "current") -> MapStart:
    """What the person's map starts from, with this run. Raises `NotFound` for a run of another jurisdiction."""
    jurisdiction = user.jurisdiction
    if jurisdiction is None:
        raise NotFound(_("There is no such published forecast."))
    categories = list(Category.objects.of(jurisdiction).order_by("position"))
    run = _run(jurisdiction, user, run_id)
    return MapStart(
        jurisdiction=jurisdiction,
        bounds=jurisdiction.boundary.extent,
        boundary=json.loads(boundary_geojson(user=user)),
        grid=run.grid if run else CellGrid.objects.of(jurisdiction).filter(is_current=True).first(),
        categories=categories,
        run=_run_start(run, categories) if run else None,
        allowed=sorted(act.value for act in Act if may(user, act)),
    )


def _run(jurisdiction: "Jurisdiction", user: "User", run_id: int | str) -> "ForecastRun | None":
    if run_id == "current":
        return forecasts.current_run(jurisdiction=jurisdiction)
    return forecasts.run_for(user=user, run_id=run_id)


def _run_start(run: "ForecastRun", categories: list[Category]) -> RunStart:
    position = {category.pk: index for index, category in enumerate(categories)}
    totals = [[0.0] * len(categories) for _slot in run.slot_starts]
    for slot, category_id, total in Rates.objects.filter(run=run).values_list("slot", "category_id", "total"):
        totals[slot][position[category_id]] = total
    current = forecasts.current_run(jurisdiction=run.jurisdiction)
    return RunStart(
        id=run.pk,
        tag=values_tag(run=run),
        is_current=current is not None and current.pk == run.pk,
        is_past=run.horizon_end <= timezone.now(),
        learner=run.learner,
        data_cutoff=run.data_cutoff,
        published_at=run.published_at,
        incident_count=run.incident_count,
        slot_starts=list(run.slot_starts),
        horizon_end=run.horizon_end,
        grid_digest=run.grid.digest,
        cell_count=run.grid.cell_count,
        totals=totals,
        scale=run_scales(run=run),
    )
