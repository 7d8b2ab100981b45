"""Why one cell of a run has its rate, what would change it, and which cells are like it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import h3.api.numpy_int as h3
import numpy as np
from django.contrib.gis.geos import MultiPoint, Point
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from prediction.explain import BASE, CellExplanation, Similar, explain_cell
from prediction.features import WEEK_DAYS
from prediction.uncertainty import interval
from webapp.accounts.permissions import Act, may, require
from webapp.common.errors import NotFound
from webapp.crimes.models import Area
from webapp.crimes.selectors import NAMING_KINDS
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.cells import cell_contributions, cell_position
from webapp.forecasts.selectors.explained import failure_of, stored_explanations
from webapp.forecasts.selectors.spread import dispersion_of
from webapp.forecasts.wording import CHANGES, NOTICEABLE, change_label, group_label, reason_sentence

if TYPE_CHECKING:
    from webapp.accounts.models import User

READY, MISSING, FAILED = "ready", "missing", "failed"
NEIGHBOUR_RINGS = 2  # cells so near are alike because they are neighbours


@dataclass(frozen=True)
class Part:
    """One factor of the rate. `log_part`: its logarithm, the length of its bar; `sentence`: blank where it hardly matters."""

    group: str
    label: str
    factor: float
    log_part: float
    sentence: str


@dataclass(frozen=True)
class WhatIf:
    """A question and its answer: the rate then, and how many times today's. Both None where there is no answer, with `why`."""

    code: str
    label: str
    factor: float | None
    rate: float | None
    why: str


@dataclass(frozen=True)
class LikeIt:
    """A cell like the explained one, and what moves both rates the same way. `recent` as in `Explanation`."""

    cell: str
    area: str
    distance_km: float
    latitude: float
    longitude: float
    rate: float
    recent: float | None
    shared: list[str]


@dataclass(frozen=True)
class Explanation:
    """`state`: ready; missing: changes and similar cells have not been made yet; failed: neither could they, with `message`.

    rate = base × the factors of `parts`: expected incidents in `horizon_days` from `as_of` on; `low`, `high`: between which the
    count falls with a chance of 95 %, None where the run recorded no spread. `recent`: incidents here in the
    four weeks before, None for a person who may not read incidents. `message` also tells where the records have changed since.
    """

    state: str
    message: str
    cell: str
    category: str
    as_of: datetime
    horizon_days: int
    rate: float
    low: int | None
    high: int | None
    base: float
    parts: list[Part]
    changes: list[WhatIf]
    recent: float | None
    similar: list[LikeIt]


def cell_explanation(*, user: "User", run: ForecastRun, cell: str, category: str = "") -> Explanation:
    """The explanation of one cell as far as it has been made. Raises `NotFound` for an unknown cell or category, `NotAllowed`."""
    require(user, Act.SEE_MAP)
    number, position = cell_position(run, cell)
    if category and category not in run.category_codes:
        raise NotFound(_("The forecast has no such slot or category."), fields={"category": category})
    stored = stored_explanations(run)
    if stored is None:
        return _from_reasons(run, f"{number:x}", position, category)
    target = list(run.category_codes).index(category) if category else len(run.category_codes)
    found = explain_cell(stored.everything, target, position, besides=_neighbours(run, number))
    changed = "" if stored.same_data else _("Incidents were added or taken out since; what follows rests on today's records.")
    sees = may(user, Act.READ_INCIDENTS)
    return Explanation(
        state=READY,
        message=changed,
        cell=f"{number:x}",
        category=category,
        as_of=run.data_cutoff,
        horizon_days=stored.horizon_days,
        rate=found.rate,
        **_between(run, category, found.rate),
        base=found.base,
        parts=_parts([(part.group, part.log_part) for part in found.contributions]),
        changes=_what_ifs(found),
        recent=found.recent if sees else None,
        similar=_likes(user, run, number, found.similar, sees=sees),
    )


def _from_reasons(run: ForecastRun, cell: str, position: int, category: str) -> Explanation:
    """What the run itself stored: the reasons, which add up, without changes and similar cells."""
    groups, sums = cell_contributions(run, position, category)
    by_group = dict(zip(groups, sums, strict=True))
    rate = float(np.exp(sums.sum())) if groups else 0.0
    base = by_group.pop(BASE, 0.0)
    failure = failure_of(run)
    return Explanation(
        state=FAILED if failure else MISSING,
        message=failure,
        cell=cell,
        category=category,
        as_of=run.data_cutoff,
        horizon_days=WEEK_DAYS,
        rate=rate,
        **_between(run, category, rate),
        base=float(np.exp(base)) if groups else 0.0,
        parts=_parts(sorted(by_group.items(), key=lambda part: -abs(part[1]))),
        changes=[],
        recent=None,
        similar=[],
    )


def _between(run: ForecastRun, category: str, rate: float) -> dict[str, int | None]:
    """{low, high}: the 95 % interval of the cell's count, by the spread that the model found out of fold."""
    spread = dispersion_of(run, category)
    if spread is None:
        return {"low": None, "high": None}
    low, high = interval(rate, spread, level=0.95)
    return {"low": int(low), "high": int(high)}


def _parts(contributions: list[tuple[str, float]]) -> list[Part]:
    """Those that move the rate at all, in the order given."""
    return [
        Part(
            group=group,
            label=group_label(group),
            factor=float(np.exp(value)),
            log_part=float(value),
            sentence=reason_sentence(group, float(np.exp(value))) if abs(value) >= NOTICEABLE else "",
        )
        for group, value in contributions
        if value
    ]


def _what_ifs(found: CellExplanation) -> list[WhatIf]:
    """Every question there is, in the order of the wording; those the model cannot answer say why."""
    answers = {change.code: change for change in found.changes}
    return [
        WhatIf(code, change_label(code), answers[code].factor, answers[code].rate, "")
        if code in answers
        else WhatIf(code, change_label(code), None, None, str(wording.unanswered))
        for code, wording in CHANGES.items()
    ]


def _neighbours(run: ForecastRun, number: int) -> list[int]:
    """Positions of the cells around this one."""
    cells = run.grid.array()
    around = np.asarray(h3.grid_disk(number, NEIGHBOUR_RINGS), dtype=np.uint64)
    at = np.minimum(np.searchsorted(cells, around), len(cells) - 1)
    return [int(position) for position in at[cells[at] == around]]


def _likes(user: "User", run: ForecastRun, number: int, similar: tuple[Similar, ...], *, sees: bool) -> list[LikeIt]:
    cells = [int(run.grid.array()[one.cell]) for one in similar]
    places = [h3.cell_to_latlng(cell) for cell in cells]
    here = h3.cell_to_latlng(number)
    names = _area_names(user, [Point(float(longitude), float(latitude), srid=4326) for latitude, longitude in places])
    return [
        LikeIt(
            cell=f"{cell:x}",
            area=name,
            distance_km=float(h3.great_circle_distance(here, (latitude, longitude), unit="km")),
            latitude=float(latitude),
            longitude=float(longitude),
            rate=one.rate,
            recent=one.recent if sees else None,
            shared=[group_label(group) for group in one.shared[:3]],
        )
        for one, cell, (latitude, longitude), name in zip(similar, cells, places, names, strict=True)
    ]


def _area_names(user: "User", points: list[Point]) -> list[str]:
    """The names of the areas that hold these points, by one query; blank where none does."""
    if not points:
        return []
    areas = list(Area.objects.visible_to(user).filter(boundary__intersects=MultiPoint(points, srid=4326)))
    areas.sort(key=lambda area: NAMING_KINDS.index(area.kind) if area.kind in NAMING_KINDS else len(NAMING_KINDS))
    named = []
    for point in points:
        area = next((one for one in areas if one.boundary.contains(point)), None)
        english = get_language() == "en" and area is not None and area.name_en
        named.append(str(area.name_en if english else area.name) if area is not None else "")
    return named
