"""The page that compares the learners of a back-test: ours beside every other, the ceilings, and whether it holds its word."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.common.models import Job
from webapp.forecasts.models import Backtest
from webapp.forecasts.selectors.backtests import (
    AREAS,
    MEASURES,
    QUOTED_AREA,
    WEEK,
    Measure,
    ScoreRow,
    ScoreTable,
    backtest_table,
    newest_backtest,
)
from webapp.forecasts.selectors.runs import category_labels, open_job
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.wording import HORIZONS, LEARNING, horizon_label, learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import User

WORTH_A_ROW = 20  # cells × windows: fewer say nothing of a band of probability
ENOUGH_INCIDENTS = 100


@dataclass(frozen=True)
class Choice:
    """A link that changes one thing of the view and keeps the rest."""

    label: str
    query: str
    is_current: bool


@dataclass(frozen=True)
class Lead:
    """How many percentage points more of the incidents ours held than another method, with the paired 95 % interval."""

    label: str
    points: float
    low: float | None
    high: float | None

    @property
    def is_ahead(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def is_behind(self) -> bool:
        return self.high is not None and self.high < 0


@dataclass(frozen=True)
class Kept:
    """Of 1,000 cells called `called` ‰, `seen` had an incident. `low`, `high`: 95 % interval; `cells`: cells × windows behind it.

    `holds`: whether what was called lies in the interval.
    """

    called: float
    seen: float
    low: float
    high: float
    cells: int
    holds: bool


@dataclass(frozen=True)
class Windows:
    """How it was measured: so many windows of so many hours one after the other. `left_out`: without data that cover them."""

    count: int
    hours: float
    left_out: int
    start: datetime
    end: datetime


@dataclass(frozen=True)
class ComparisonPage:
    """`ours`: the row of the learner in service (or of the best that learns); `rival`: the strongest of those that do not learn.

    `untested`: the name of the learner in service where the back-test lacks it; blank otherwise.

    `chart` and `reliability_chart`: what runs.js draws; the same figures stand in the tables.
    """

    backtest: Backtest | None
    job: Job | None
    table: ScoreTable | None
    measures: tuple[Measure, ...]
    category: str
    area: str
    horizon: str
    categories: list[Choice]
    horizons: list[Choice]
    areas: list[Choice]
    ours: ScoreRow | None
    rival: ScoreRow | None
    untested: str
    leads: list[Lead]
    verdict: str
    kept: list[Kept]
    example: Kept | None
    windows: Windows | None
    cells_chosen: int
    active_percent: float
    is_rough: bool
    chart: dict[str, Any]
    reliability_chart: list[dict[str, float]]


def comparison_page(*, user: "User", category: str = "", horizon: str = WEEK, area: str = QUOTED_AREA) -> ComparisonPage:
    """The page for this person; what the address asks for and the back-test lacks is left at its default. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    jurisdiction = user.jurisdiction
    backtest = newest_backtest(jurisdiction=jurisdiction)
    labels = category_labels(jurisdiction=jurisdiction)
    scores = list(backtest.scores.all()) if backtest else []
    tested = [code for code in HORIZONS if any(score.horizon == code for score in scores)]
    area = area if area in AREAS else QUOTED_AREA
    category = category if category in labels else ""
    if horizon not in tested:
        horizon = tested[0] if tested and WEEK not in tested else WEEK
    has_scores = any((score.category_code, score.horizon) == (category, horizon) for score in scores)
    table = backtest_table(backtest=backtest, category=category, horizon=horizon, area=area) if backtest and has_scores else None
    in_service = _learner_in_service(user)
    ours = _ours(table, in_service) if table else None
    leads = _leads(ours, table, area)
    kept = _kept(ours)
    view = {"category": category, "horizon": horizon, "area": area}
    return ComparisonPage(
        backtest=backtest,
        job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.BACKTEST),
        table=table,
        measures=MEASURES,
        category=labels.get(category, ""),
        area=area,
        horizon=horizon_label(horizon),
        categories=[_choice(view, "category", code, label) for code, label in {"": _("All categories"), **labels}.items()],
        horizons=[_choice(view, "horizon", code, horizon_label(code)) for code in tested],
        areas=[_choice(view, "area", known, f"{known} %") for known in AREAS],
        ours=ours,
        rival=_rival(table),
        untested=learner_label(in_service) if ours and in_service and ours.learner != in_service else "",
        leads=leads,
        verdict=_verdict(leads),
        kept=kept,
        example=_example(kept),
        windows=_windows(backtest, horizon) if backtest else None,
        cells_chosen=max(1, round(backtest.grid.cell_count * float(area) / 100)) if backtest else 0,
        active_percent=backtest.active_cell_share * 100 if backtest else 0.0,
        is_rough=table is not None and table.incidents < ENOUGH_INCIDENTS,
        chart=_chart(table, ours, area),
        reliability_chart=[
            {"called": row.called, "seen": row.seen, "low": row.low, "high": row.high, "cells": row.cells} for row in kept
        ],
    )


def _choice(view: dict[str, str], name: str, value: str, label: str) -> Choice:
    return Choice(label, "?" + urlencode({key: text for key, text in {**view, name: value}.items() if text}), view[name] == value)


def _learner_in_service(user: "User") -> str:
    version = version_in_service(jurisdiction=user.jurisdiction)
    return version.learner if version else ""


def _ours(table: ScoreTable, in_service: str) -> ScoreRow | None:
    """The row of the learner in service, or of the first that learns from features."""
    by_code = {row.learner: row for row in table.rows if row.captured.value is not None}
    return next((by_code[code] for code in (in_service, *LEARNING) if code in by_code), None)


def _rival(table: ScoreTable | None) -> ScoreRow | None:
    rows = [row for row in table.rows if row.learner not in LEARNING and row.captured.value is not None] if table else []
    return max(rows, key=lambda row: row.captured.value or 0.0, default=None)


def _leads(ours: ScoreRow | None, table: ScoreTable | None, area: str) -> list[Lead]:
    """Ours against every other method of the table at this area share, the greatest lead first."""
    if ours is None or table is None:
        return []
    others = {row.learner for row in table.rows}
    found = []
    for lead in ours.leads:
        if lead["percent"] == area and lead["over"] in others and lead["difference"] is not None:
            low, high = lead.get("interval") or (None, None)
            scaled = [None if value is None else 100 * value for value in (low, high)]
            found.append(Lead(learner_label(lead["over"]), 100 * lead["difference"], *scaled))
    return sorted(found, key=lambda lead: -lead.points)


def _verdict(leads: list[Lead]) -> str:
    """What is and what is not significant, in words."""
    ahead = [lead.label for lead in leads if lead.is_ahead]
    behind = [lead.label for lead in leads if lead.is_behind]
    open_ = [lead.label for lead in leads if not lead.is_ahead and not lead.is_behind]
    said = []
    if ahead:
        said.append(_("Significantly ahead of: %(names)s.") % {"names": ", ".join(ahead)})
    if open_:
        said.append(_("The difference is within chance against: %(names)s.") % {"names": ", ".join(open_)})
    if behind:
        said.append(_("Significantly behind: %(names)s.") % {"names": ", ".join(behind)})
    return " ".join(said)


def _kept(ours: ScoreRow | None) -> list[Kept]:
    rows = []
    for row in ours.reliability if ours else []:
        low, high = row["interval"]
        if row["cells"] >= WORTH_A_ROW and low is not None and high is not None:
            holds = low <= row["called"] <= high
            rows.append(Kept(1000 * row["called"], 1000 * row["seen"], 1000 * low, 1000 * high, row["cells"], holds))
    return rows


def _example(kept: list[Kept]) -> Kept | None:
    """The band to tell in a sentence: the one nearest to ten in a hundred that rests on a hundred cells or more."""
    firm = [row for row in kept if row.cells >= 100]
    return min(firm, key=lambda row: abs(row.called - 100), default=None)


def _windows(backtest: Backtest, horizon: str) -> Windows:
    """What the back-test recorded of this horizon; of the older ones, which had one, the whole back-test's."""
    horizons = backtest.parameters.get("horizons")
    kept = horizons.get(horizon, {}) if isinstance(horizons, dict) else {}
    start, end = (parse_datetime(kept.get(name) or "") for name in ("first_window_start", "last_window_end"))
    return Windows(
        count=kept.get("windows") or backtest.windows,
        hours=kept.get("window_hours") or backtest.window_hours,
        left_out=kept.get("left_out") or 0,
        start=start or backtest.first_window_start,
        end=end or backtest.last_window_end,
    )


def _chart(table: ScoreTable | None, ours: ScoreRow | None, area: str) -> dict[str, Any]:
    """Dots with whiskers, the highest first; ceilings and chance as lines."""
    if table is None:
        return {}
    rows = [row for row in table.rows if row.captured.value is not None]
    rows.sort(key=lambda row: -(row.captured.value or 0.0))
    return {
        "area": float(area),
        "rows": [
            {
                "label": row.label,
                "value": row.captured.value,
                "low": row.captured.low,
                "high": row.captured.high,
                "ours": ours is not None and row.learner == ours.learner,
                "learns": row.learner in LEARNING,
            }
            for row in rows
        ],
        "ceilings": [
            {"learner": row.learner, "label": row.label, "value": row.captured.value}
            for row in table.ceilings
            if row.captured.value is not None
        ],
    }
