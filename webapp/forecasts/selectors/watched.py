"""The page of the drift watch: how the forecasts fared week by week, one category at a time."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.common.models import Job
from webapp.forecasts.selectors.drift import DriftAlert, WatchedCategory, WatchedFigure, WatchedWeek, drift_alerts, drift_weeks
from webapp.forecasts.selectors.runs import category_labels, open_job

if TYPE_CHECKING:
    from webapp.accounts.models import User


@dataclass(frozen=True)
class DriftLine:
    """One week of the shown category. `capture_band`: in percent, as text; blank where there is none."""

    week: WatchedWeek
    row: WatchedCategory

    @property
    def reported(self) -> int:
        """Incidents reported of the week, so far."""
        return round(self.row.incidents.value or 0)

    @property
    def capture_percent(self) -> float | None:
        return None if self.row.capture.value is None else 100 * self.row.capture.value

    @property
    def capture_band(self) -> str:
        low, high = self.row.capture.low, self.row.capture.high
        return "" if low is None or high is None else f"{100 * low:.0f}–{100 * high:.0f}"


@dataclass(frozen=True)
class DriftPage:
    """`lines`: newest first. `charts`: {calibration, capture}: points, oldest first, as runs.js draws them."""

    lines: list[DriftLine]
    alerts: list[DriftAlert]
    category: str
    category_label: str
    categories: list[tuple[str, str]]
    charts: dict[str, list[dict[str, Any]]]
    job: Job | None


def drift_page(*, user: "User", category: str = "") -> DriftPage:
    """The page for this person; an unknown category shows all together. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    jurisdiction = user.jurisdiction
    labels = category_labels(jurisdiction=jurisdiction)
    category = category if category in labels else ""
    lines = [DriftLine(week, row) for week in drift_weeks(user=user) for row in week.rows if row.category == category]
    return DriftPage(
        lines=lines,
        alerts=drift_alerts(jurisdiction=jurisdiction),
        category=category,
        category_label=labels.get(category, ""),
        categories=[("", _("All categories")), *labels.items()],
        charts={
            "calibration": [_point(line, line.row.calibration, jurisdiction.zone) for line in reversed(lines)],
            "capture": [_point(line, line.row.capture, jurisdiction.zone) for line in reversed(lines)],
        },
        job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.DRIFT),
    )


def _point(line: DriftLine, figure: WatchedFigure, zone: tzinfo) -> dict[str, Any]:
    return {
        "week": line.week.week_start.astimezone(zone).date().isoformat(),
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "outside": figure.is_outside,
        "alert": line.row.is_alert and figure.is_outside,
    }
