"""Reads of the drift watch: how published forecasts fared week by week, and where they have drifted."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from webapp.forecasts.models import DriftWeek
from webapp.forecasts.selectors.runs import category_labels
from webapp.forecasts.sentences import drift_sentence

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

WEEKS_SHOWN = 26


@dataclass(frozen=True)
class WatchedFigure:
    """A measured figure (None where nothing could be measured) and the band that holds 95 % of weeks without drift."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def is_outside(self) -> bool:
        if self.value is None:
            return False
        return (self.low is not None and self.value < self.low) or (self.high is not None and self.value > self.high)


@dataclass(frozen=True)
class WatchedCategory:
    """One category (blank = all together) of one week.

    `incidents`: reported, with the band of what is usual where `expected` were forecast; `calibration`: expected / reported,
    as in back-tests (no upper edge where none might be reported); `capture`: share in the 5 % of cells with the highest rates.
    """

    category: str
    label: str
    expected: float
    incidents: WatchedFigure
    calibration: WatchedFigure
    capture: WatchedFigure
    is_outside: bool
    is_alert: bool


@dataclass(frozen=True)
class WatchedWeek:
    """One week of published forecasts; `rows`: all together first, then the categories in their order."""

    week_start: datetime
    week_end: datetime
    computed_at: datetime
    version_id: int | None
    rows: list[WatchedCategory]


@dataclass(frozen=True)
class DriftAlert:
    """A category (blank = all together) whose forecasts are drifting in the newest watched week, as a sentence."""

    week_start: datetime
    week_end: datetime
    category: str
    label: str
    sentence: str


def drift_weeks(*, user: "User", weeks: int = WEEKS_SHOWN) -> list[WatchedWeek]:
    """The watched weeks of the person's jurisdiction, newest first. Three queries however many weeks."""
    mine = DriftWeek.objects.visible_to(user)
    starts = list(mine.order_by("-week_start").values_list("week_start", flat=True).distinct()[:weeks])
    labels = _labels(user.jurisdiction) if starts else {}
    by_week: dict[datetime, list[DriftWeek]] = {start: [] for start in starts}
    for row in mine.filter(week_start__in=starts):
        by_week[row.week_start].append(row)
    return [_week(rows, labels) for rows in by_week.values()]


def drift_alerts(*, jurisdiction: "Jurisdiction") -> list[DriftAlert]:
    """What is drifting in the newest watched week; empty where nothing is."""
    mine = DriftWeek.objects.of(jurisdiction)
    newest = mine.order_by("-week_start").values_list("week_start", flat=True).first()
    rows = list(mine.filter(week_start=newest, is_alert=True)) if newest else []
    labels = _labels(jurisdiction) if rows else {}
    order = list(labels)
    rows.sort(key=lambda row: order.index(row.category_code) if row.category_code in order else len(order))
    return [
        DriftAlert(
            week_start=row.week_start,
            week_end=row.week_end,
            category=row.category_code,
            label=labels.get(row.category_code, row.category_code),
            sentence=drift_sentence(row, labels.get(row.category_code, row.category_code)),
        )
        for row in rows
    ]


def _labels(jurisdiction: "Jurisdiction") -> dict[str, str]:
    """{"" or code: name}, all together first. The blank name of all together is for the caller's own word."""
    return {"": ""} | category_labels(jurisdiction=jurisdiction)


def _week(rows: list[DriftWeek], labels: dict[str, str]) -> WatchedWeek:
    order = list(labels)
    rows.sort(key=lambda row: order.index(row.category_code) if row.category_code in order else len(order))
    return WatchedWeek(
        week_start=rows[0].week_start,
        week_end=rows[0].week_end,
        computed_at=max(row.computed_at for row in rows),
        version_id=rows[0].version_id,
        rows=[_category(row, labels.get(row.category_code, row.category_code)) for row in rows],
    )


def _category(row: DriftWeek, label: str) -> WatchedCategory:
    low = row.expected / row.incidents_high if row.incidents_high else None
    high = row.expected / row.incidents_low if row.incidents_low else None
    return WatchedCategory(
        category=row.category_code,
        label=label,
        expected=row.expected,
        incidents=WatchedFigure(row.incidents, row.incidents_low, row.incidents_high),
        calibration=WatchedFigure(row.calibration_ratio, low, high),
        capture=WatchedFigure(row.capture_rate, row.capture_low, row.capture_high),
        is_outside=row.is_outside,
        is_alert=row.is_alert,
    )
