"""What a model learns from: the incidents before a cut-off, on the jurisdiction's cells, as the prediction core takes them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from prediction.grid import Grid
from prediction.panel import Incidents, places_of
from prediction.slots import SlotScheme
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.crimes.models import CellGrid, Incident
from webapp.crimes.selectors import INCIDENT_RESOLUTION, IncidentArrays, current_grid, incident_arrays, newest_incident_time
from webapp.forecasts.selectors.blocks import blocks_of

if TYPE_CHECKING:
    from prediction.features import Block

LIVE_FOR = timedelta(days=14)  # data whose newest incident is older than this are of the past, like a city's published file
LEAST_INCIDENTS = 100  # below, rates per cell would be invented, not learnt
LEAST_HISTORY = timedelta(weeks=8)


@dataclass(frozen=True, eq=False)
class Material:
    """The input of one training, with what must be recorded of it.

    `outside`: incidents left out because no cell of the grid holds them. `sha256`: of all incidents before the cut-off.
    `read_at`: just before they were read; what is taken in later is not among them. `blocks`: further features of the place and
    time, beside those of the incidents.
    """

    jurisdiction: Jurisdiction
    cutoff: datetime
    grid: CellGrid
    core_grid: Grid
    scheme: SlotScheme
    incidents: Incidents
    categories: tuple[str, ...]
    sha256: str
    outside: int
    read_at: datetime
    blocks: "tuple[Block, ...]" = ()

    def with_incidents(self, incidents: Incidents) -> "Material":
        """The same, but for its incidents: a part of them, for a trial."""
        return replace(self, incidents=incidents)


def scheme_of(*, jurisdiction: Jurisdiction) -> SlotScheme:
    """The jurisdiction's slots."""
    return SlotScheme(time_zone=jurisdiction.time_zone, start_hours=tuple(jurisdiction.slot_start_hours))


def is_live(*, newest: datetime | None, now: datetime) -> bool:
    """Whether data keep coming in: the newest incident is younger than 14 days."""
    return newest is not None and now - newest < LIVE_FOR


def default_cutoff(*, jurisdiction: Jurisdiction, now: datetime) -> datetime:
    """The cut-off where nobody gave one; always the start of a slot, so that the forecast begins with that slot.

    Live data: the start of the slot in progress, so that the map covers now. Data of the past: the first slot start
    after the newest incident. Raises `HaechiError` where there are no incidents.
    """
    newest = newest_incident_time(jurisdiction=jurisdiction)
    if newest is None:
        raise _no_incidents(jurisdiction)
    scheme = scheme_of(jurisdiction=jurisdiction)
    if not is_live(newest=newest, now=now):
        return scheme.next_start(newest + timedelta(seconds=1))  # the newest incident itself is still learnt from
    starts = scheme.starts(now - timedelta(days=2), 3 * scheme.per_day)
    return max(start for start in starts if start <= now)


def check_cutoff(*, jurisdiction: Jurisdiction, cutoff: datetime, now: datetime) -> None:
    """Raise `HaechiError` where no forecast can be made as of this instant: cheap, before a job is queued."""
    current_grid(jurisdiction=jurisdiction)
    first = _first_incident_time(jurisdiction)
    if first is None:
        raise _no_incidents(jurisdiction)
    if cutoff > now:
        raise HaechiError(
            _("The cut-off %(cutoff)s lies in the future. Give a moment in the past, or none.")
            % {"cutoff": _local(jurisdiction, cutoff)},
            code="cutoff_in_future",
            fields={"cutoff": cutoff.isoformat()},
        )
    if cutoff - first < LEAST_HISTORY:
        raise HaechiError(
            _(
                "A forecast needs %(weeks)s weeks of incidents before its cut-off; the first one is of %(first)s. "
                "Upload older data, or choose a later cut-off."
            )
            % {"weeks": LEAST_HISTORY.days // 7, "first": _local(jurisdiction, first)},
            code="history_too_short",
            fields={"first": first.isoformat(), "cutoff": cutoff.isoformat()},
        )


def weeks_available(*, jurisdiction: Jurisdiction, end: datetime, least: int) -> int:
    """Weeks before `end` that can be tested and still leave enough to learn from. Raises `HaechiError` below `least`."""
    first = _first_incident_time(jurisdiction)
    if first is None:
        raise _no_incidents(jurisdiction)
    weeks = (end - first - LEAST_HISTORY) // timedelta(weeks=1)
    if weeks < least:
        raise HaechiError(
            _(
                "A back-test needs %(needed)s weeks of incidents: %(learn)s to learn from and %(least)s to test on. "
                "Upload older data."
            )
            % {"needed": LEAST_HISTORY.days // 7 + least, "learn": LEAST_HISTORY.days // 7, "least": least},
            code="history_too_short",
            fields={"first": first.isoformat(), "end": end.isoformat()},
        )
    return weeks


def material_until(*, jurisdiction: Jurisdiction, cutoff: datetime) -> Material:
    """All incidents that began before `cutoff`, on the current grid. Raises `HaechiError` where they are too few."""
    read_at = timezone.now()
    grid = current_grid(jurisdiction=jurisdiction)
    arrays = incident_arrays(jurisdiction=jurisdiction, before=cutoff)
    material = material_of(jurisdiction=jurisdiction, grid=grid, arrays=arrays, cutoff=cutoff, read_at=read_at)
    inside = len(material.incidents)
    if inside < LEAST_INCIDENTS:
        raise HaechiError(
            _(
                "%(name)s has %(count)s incidents in its cells before the cut-off; a forecast needs at least %(least)s. "
                "Upload more data."
            )
            % {"name": jurisdiction.label, "count": inside, "least": LEAST_INCIDENTS},
            code="too_few_incidents",
            fields={"count": inside, "least": LEAST_INCIDENTS},
        )
    return with_blocks(material)


def with_blocks(material: Material) -> Material:
    """The same with the further features of its place and time, of what had been taken in when its incidents were read."""
    blocks = blocks_of(material.jurisdiction, material.core_grid, at=material.read_at, categories=material.categories)
    return replace(material, blocks=blocks)


def material_of(
    *, jurisdiction: Jurisdiction, grid: CellGrid, arrays: IncidentArrays, cutoff: datetime, read_at: datetime
) -> Material:
    """Incidents before a cut-off, as they were read, on a grid."""
    core_grid = Grid.from_h3(grid.array())
    incidents = incidents_on(core_grid, arrays, resolution=grid.resolution)
    return Material(
        jurisdiction=jurisdiction,
        cutoff=cutoff,
        grid=grid,
        core_grid=core_grid,
        scheme=scheme_of(jurisdiction=jurisdiction),
        incidents=incidents,
        categories=arrays.categories,
        sha256=arrays.sha256,
        outside=len(arrays) - len(incidents),
        read_at=read_at,
    )


def incidents_on(core_grid: Grid, arrays: IncidentArrays, *, resolution: int) -> Incidents:
    """The incidents within the cells of a grid of this H3 resolution."""
    return Incidents.on_grid(
        core_grid,
        _cells_at(arrays.cell, resolution),
        arrays.start_s,
        arrays.end_s,
        arrays.category,
        place=places_of(arrays.lon, arrays.lat),
    )


def _cells_at(cells: npt.NDArray[np.uint64], resolution: int) -> npt.NDArray[np.uint64]:
    """The incidents' cells (recorded at resolution 10) as cells of a coarser grid."""
    if resolution == INCIDENT_RESOLUTION:
        return cells
    unique, back = np.unique(cells, return_inverse=True)
    parents = np.array([h3.cell_to_parent(int(cell), resolution) for cell in unique], dtype=np.uint64)
    return parents[back]


def _first_incident_time(jurisdiction: Jurisdiction) -> datetime | None:
    first: datetime | None = Incident.objects.of(jurisdiction).aggregate(first=Min("occurred_from"))["first"]
    return first


def _no_incidents(jurisdiction: Jurisdiction) -> HaechiError:
    return HaechiError(_("%(name)s has no incidents yet. Upload data first.") % {"name": jurisdiction.label}, code="no_incidents")


def _local(jurisdiction: Jurisdiction, moment: datetime) -> str:
    return f"{moment.astimezone(jurisdiction.zone):%Y-%m-%d %H:%M}"
