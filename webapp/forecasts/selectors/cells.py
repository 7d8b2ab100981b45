"""One cell of a run in detail: its rates, its rank, its reasons in words, and what was recorded there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
from django.contrib.gis.geos import Point
from django.db import connection
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from prediction.explain import BASE, combined
from webapp.accounts.permissions import Act, may
from webapp.common.errors import NotFound
from webapp.crimes.models import Area
from webapp.crimes.selectors import NAMING_KINDS, IncidentLine, recent_incidents
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.runs import category_labels, rates_vector
from webapp.forecasts.wording import NOTICEABLE, group_label, reason_sentence

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

REASONS_SHOWN = 5
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellRate:
    """Expected incidents of one category: `rate` in the slot, `week` in all slots; `probability` of one or more in the slot."""

    category: str
    name: str
    rate: float
    week: float
    probability: float


@dataclass(frozen=True)
class Reason:
    """Why the rate is above or below that of the average cell: by this factor, because of this group of features."""

    group: str
    label: str
    factor: float
    sentence: str


@dataclass(frozen=True)
class CellDetail:
    """What the side panel shows. `by_slot`, `city_mean`, `rank` and `reasons` are of `category`, blank meaning all together.

    `rank`: 1 for the highest rate of all cells in this slot. `incidents` is None, with the reason in `incidents_hidden`,
    for a person whose role does not include reading single incidents.
    """

    cell: str
    slot: int
    category: str
    area_km2: float
    dong: str
    latitude: float
    longitude: float
    rates: list[CellRate]
    by_slot: list[float]
    city_mean: float
    rank: int
    cell_count: int
    reasons: list[Reason]
    incidents: list[IncidentLine] | None
    incidents_hidden: str


def cell_detail(
    *, user: "User", run: ForecastRun, cell: str, slot: int = 0, category: str = "", request: "HttpRequest | None" = None
) -> CellDetail:
    """One cell of a run; reading its incidents leaves a line in the audit trail.

    `cell`: H3 index in hexadecimal. Raises `NotFound` where the run has no such cell, slot or category.
    """
    number, position = cell_position(run, cell)
    labels = category_labels(jurisdiction=user.jurisdiction)
    by_category = _cell_rates(run, position)
    vector = rates_vector(run=run, slot=slot, category_code=category)
    shown = {category: by_category[category]} if category else by_category
    latitude, longitude = h3.cell_to_latlng(number)
    allowed = may(user, Act.READ_INCIDENTS)
    return CellDetail(
        cell=f"{number:x}",
        slot=slot,
        category=category,
        area_km2=float(h3.cell_area(number, unit="km^2")),
        dong=_dong(user, latitude, longitude),
        latitude=float(latitude),
        longitude=float(longitude),
        rates=[_cell_rate(code, labels.get(code, code), by_category[code], slot) for code in run.category_codes],
        by_slot=[float(value) for value in np.sum(list(shown.values()), axis=0)],
        city_mean=float(vector.mean(dtype="f8")),
        rank=1 + int(np.count_nonzero(vector > vector[position])),
        cell_count=len(vector),
        reasons=_reasons(run, position, category),
        incidents=recent_incidents(user=user, cell=number, request=request) if allowed else None,
        incidents_hidden="" if allowed else _("Single incidents are shown to analysts and administrators only."),
    )


def cell_position(run: ForecastRun, cell: str) -> tuple[int, int]:
    """The cell's H3 index and its position in the run's grid. Raises `NotFound`."""
    cells = run.grid.array()
    try:
        number = int(cell, 16)
        position = int(np.searchsorted(cells, np.uint64(number)))
    except (ValueError, OverflowError):
        number, position = -1, len(cells)
    if position == len(cells) or int(cells[position]) != number:
        raise NotFound(_("The forecast has no such cell."), fields={"cell": cell})
    return number, position


# Four bytes of each vector instead of the vectors. Floats do not compress, so PostgreSQL keeps the vectors as they are and
# reads just the page with the slice: 1.3 ms for 84 vectors of 65,000 cells, 336 bytes sent.
_RATES_SQL = """
SELECT c.code, string_agg(substring(r.vector FROM %(first)s FOR 4), ''::bytea ORDER BY r.slot)
FROM forecasts_rates r JOIN crimes_category c ON c.id = r.category_id
WHERE r.run_id = %(run)s GROUP BY c.code
"""

_REASONS_SQL = """
SELECT c.code, r.groups,
       substring(r.contributions FROM %(position)s * cardinality(r.groups) * 2 + 1 FOR cardinality(r.groups) * 2)
FROM forecasts_reasons r JOIN crimes_category c ON c.id = r.category_id
WHERE r.run_id = %(run)s
"""


def _cell_rates(run: ForecastRun, position: int) -> dict[str, np.ndarray]:
    """{category code: Float32[slots]} of one cell."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES_SQL, {"run": run.pk, "first": position * 4 + 1})
        found = {code: np.frombuffer(bytes(values), dtype="<f4") for code, values in cursor.fetchall()}
    nothing = np.zeros(len(run.slot_starts), dtype="<f4")
    return {code: found.get(code, nothing) for code in run.category_codes}


def _cell_rate(code: str, name: str, rates: np.ndarray, slot: int) -> CellRate:
    rate = float(rates[slot])
    return CellRate(code, name, rate=rate, week=float(rates.sum(dtype="f8")), probability=float(-np.expm1(-rate)))


def cell_contributions(run: ForecastRun, position: int, category: str = "") -> tuple[list[str], Float64]:
    """Groups, and what each adds to the log of the cell's rate over the model's horizon: Float64[groups].

    Of one category, or of all together where it is blank. Empty where the run stored no reasons.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REASONS_SQL, {"run": run.pk, "position": position})
        rows = [row for row in cursor.fetchall() if category in ("", row[0])]
    if not rows:
        return [], np.zeros(0)
    groups = list(rows[0][1])
    parts = np.stack([np.frombuffer(bytes(values), dtype="<f2").astype(np.float64) for _code, _groups, values in rows])
    return groups, combined(parts[:, np.newaxis], np.exp(parts.sum(axis=1))[:, np.newaxis])[0]


def _reasons(run: ForecastRun, position: int, category: str) -> list[Reason]:
    """The strongest reasons, strongest first; over several categories the mean, weighted by what each expects."""
    groups, sums = cell_contributions(run, position, category)
    # The base is the same for every cell: it explains nothing about this one.
    ordered = sorted(((g, v) for g, v in zip(groups, sums, strict=True) if g != BASE), key=lambda item: -abs(item[1]))
    return [
        Reason(group, group_label(group), float(np.exp(value)), reason_sentence(group, float(np.exp(value))))
        for group, value in ordered[:REASONS_SHOWN]
        if abs(value) >= NOTICEABLE
    ]


def _dong(user: "User", latitude: float, longitude: float) -> str:
    """The dong (or what the jurisdiction has in its place) that holds the cell's centre; blank where none does."""
    centre = Point(float(longitude), float(latitude), srid=4326)
    around = Area.objects.visible_to(user).filter(boundary__contains=centre).only("kind", "name", "name_en")
    area = min(around, key=lambda one: NAMING_KINDS.index(one.kind), default=None)
    if area is None:
        return ""
    return str(area.name_en or area.name) if get_language() == "en" else str(area.name)
