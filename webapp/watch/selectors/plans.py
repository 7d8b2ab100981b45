"""Reads of watch plans: for the pages, the API and the watch list as a file."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import h3.api.basic_int as h3
import numpy as np
import numpy.typing as npt
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.cameras.models import Camera
from webapp.common.errors import NotFound
from webapp.crimes.models import Category, CellGrid
from webapp.crimes.selectors import INCIDENT_RESOLUTION
from webapp.watch.models import WatchItem, WatchPlan
from webapp.watch.wording import reason_sentence

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import Jurisdiction, User
    from webapp.forecasts.models import ForecastRun


@dataclass(frozen=True)
class WatchLine:
    """One camera of a plan with its reason: the stored fields and the sentence in the language of the page."""

    rank: int
    operator: int
    camera: Camera
    expected_captured: float
    reason: dict[str, Any]


@dataclass(frozen=True)
class Seat:
    """What one operator watches: how many cameras, and the expected incidents they add."""

    operator: int
    cameras: int
    expected_captured: float


@dataclass(frozen=True)
class PlanPage:
    """A plan with its lines in order of choice, its seats, and how many of its cameras were placed by the simulation."""

    plan: WatchPlan
    lines: list[WatchLine]
    seats: list[Seat]
    cameras_simulated: int


def plans_for(
    *,
    user: "User | AnonymousUser",
    slot_start: datetime | None = None,
    category_code: str | None = None,
    state: str | None = None,
) -> QuerySet[WatchPlan]:
    """The plans of the person's jurisdiction, newest slot and newest plan first; of one slot, category or state where given."""
    plans: QuerySet[WatchPlan] = WatchPlan.objects.visible_to(user).select_related("run")
    if slot_start is not None:
        plans = plans.filter(slot_start=slot_start)
    if category_code is not None:
        plans = plans.filter(category_code=category_code)
    if state is not None:
        plans = plans.filter(state=state)
    return plans.order_by("-slot_start", "-created_at", "-pk")


def plan_for(*, user: "User | AnonymousUser", plan_id: int) -> WatchPlan:
    """A plan of the person's jurisdiction. Raises `NotFound`."""
    plan = plans_for(user=user).select_related("jurisdiction").filter(pk=plan_id).first()
    if plan is None:
        raise NotFound(_("There is no such watch plan."))
    return plan


def published_plan(*, user: "User | AnonymousUser", slot_start: datetime, category_code: str = "") -> WatchPlan | None:
    """The plan in force for a slot, or None where none is published yet."""
    return plans_for(user=user, slot_start=slot_start, category_code=category_code, state=WatchPlan.State.PUBLISHED).first()


def plan_page(*, plan: WatchPlan) -> PlanPage:
    """Everything that is shown of a plan, in three queries."""
    labels = {category.code: category.label for category in Category.objects.of(plan.jurisdiction)}
    items = list(WatchItem.objects.filter(plan=plan).select_related("camera").order_by("rank"))
    lines = [
        WatchLine(
            rank=item.rank,
            operator=item.operator,
            camera=item.camera,
            expected_captured=item.expected_captured,
            reason={**item.reason, "sentence": reason_sentence(item.reason, labels)},
        )
        for item in items
    ]
    return PlanPage(plan, lines, _seats(items), sum(item.camera.is_simulated for item in items))


def _seats(items: Iterable[WatchItem]) -> list[Seat]:
    counts: dict[int, int] = {}
    risks: dict[int, float] = {}
    for item in items:
        counts[item.operator] = counts.get(item.operator, 0) + 1
        risks[item.operator] = risks.get(item.operator, 0.0) + item.expected_captured
    return [Seat(operator, counts[operator], risks[operator]) for operator in sorted(counts)]


def slot_to_plan(*, run: "ForecastRun", now: datetime) -> datetime:
    """Start of the slot that is on now, or of the next one; the run's first slot where it forecasts a week of the past."""
    if run.slot_starts[0] <= now < run.horizon_end:
        return max(start for start in run.slot_starts if start <= now)
    first: datetime = run.slot_starts[0]
    return first


# One scan over the jurisdiction's incidents: 60 ms for 320,000 rows.
_COUNTS_SQL = """
SELECT i.cell, count(*) FROM crimes_incident i JOIN crimes_category c ON c.id = i.category_id
WHERE i.jurisdiction_id = %(jurisdiction)s AND i.occurred_from < %(before)s
  AND (%(category)s = '' OR c.code = %(category)s)
GROUP BY i.cell
"""


def past_counts(
    *, jurisdiction: "Jurisdiction", grid: CellGrid, before: datetime, category_code: str = ""
) -> npt.NDArray[np.float64]:
    """Recorded incidents that began before an instant, per cell of the grid: Float64[cells].

    Incidents carry their cell at resolution 10. On a coarser grid its cells' counts are added up; on a finer one each count is
    shared out evenly among the cells it holds.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS_SQL, {"jurisdiction": jurisdiction.pk, "before": before, "category": category_code})
        rows = cursor.fetchall()
    resolution = min(grid.resolution, INCIDENT_RESOLUTION)
    counts: dict[int, float] = {}
    for cell, count in rows:
        parent = cell if resolution == INCIDENT_RESOLUTION else h3.cell_to_parent(cell, resolution)
        counts[parent] = counts.get(parent, 0.0) + count
    own = [cell if grid.resolution == resolution else h3.cell_to_parent(cell, resolution) for cell in grid.array().tolist()]
    _found, index, siblings = np.unique(np.array(own, np.uint64), return_inverse=True, return_counts=True)
    return np.array([counts.get(cell, 0.0) for cell in own], np.float64) / siblings[index]


def watch_list_csv(*, plan: WatchPlan) -> str:
    """The watch list as CSV text for a spreadsheet: by seat, then by rank, headings in the language of the page."""
    header = [
        _("Seat"),
        _("Rank"),
        _("Camera"),
        _("Name"),
        _("Latitude"),
        _("Longitude"),
        _("Direction (degrees from north)"),
        _("Expected incidents"),
        _("Reason"),
        _("Simulated camera"),
    ]
    buffer = io.StringIO()
    # The mark at the start tells Excel that the file is UTF-8; without it Korean comes out garbled.
    buffer.write("\ufeff")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    for line in sorted(plan_page(plan=plan).lines, key=lambda line: (line.operator, line.rank)):
        camera = line.camera
        bearing = "" if camera.bearing_deg is None else f"{camera.bearing_deg:.0f}"
        writer.writerow(
            [
                line.operator,
                line.rank,
                plain_cell(camera.source_id),
                plain_cell(camera.name),
                f"{camera.point.y:.6f}",
                f"{camera.point.x:.6f}",
                bearing,
                f"{line.expected_captured:.6f}",
                plain_cell(line.reason["sentence"]),
                _("yes") if camera.is_simulated else _("no"),
            ]
        )
    return buffer.getvalue()


def plain_cell(text: str) -> str:
    """Text that a spreadsheet shows instead of running: one that looks like a formula gets an apostrophe in front."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r", "\n") else text
