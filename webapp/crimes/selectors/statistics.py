"""Reads of published crime figures for the other rooms, as priors."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from webapp.crimes.models import Statistic

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction


@dataclass(frozen=True)
class CrimeFigure:
    """One published figure. `category`: code of the jurisdiction's taxonomy; `hour_to`: first hour after the band."""

    dataset: int
    area: str
    area_code: str
    period_from: date | None
    period_to: date | None
    category: str
    hour_from: int | None
    hour_to: int | None
    weekday: int | None
    place_kind: str
    measure: str
    value: float


def crime_figures(
    *, jurisdiction: "Jurisdiction", category: str | None = None, area_code: str | None = None, measure: str | None = None
) -> Iterator[CrimeFigure]:
    """Figures of the taxonomy's categories, without totals and without unknown values, in the order of sets and lines."""
    rows = Statistic.objects.of(jurisdiction).filter(is_total=False, value__isnull=False).exclude(category_code="")
    wanted = {"category_code": category, "area_code": area_code, "measure": measure}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    names = ("dataset_id", "area", "area_code", "period_from", "period_to", "category_code", "hour_from", "hour_to", "weekday")
    ordered = rows.order_by("dataset_id", "source_line", "id")
    for row in ordered.values_list(*names, "place_kind", "measure", "value").iterator():
        yield CrimeFigure(*row)
