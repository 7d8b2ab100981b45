"""Everything the page of runs shows, read in one place."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.permissions import Act, require
from webapp.common.models import Job
from webapp.forecasts.models import Backtest, ForecastRun, Rates
from webapp.forecasts.selectors.backtests import AREAS, WEEK, ScoreRow, ScoreTable, backtest_table, newest_backtest
from webapp.forecasts.selectors.runs import category_labels, open_job, run_list
from webapp.forecasts.wording import learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import User

RUNS_SHOWN = 20
MODEL = "lightgbm"


@dataclass(frozen=True)
class RunsPage:
    """`run`: the one in service. `expected`: incidents expected over its period. `outside`: incidents it left out because no
    cell holds them. `is_past`: its period is over.

    `headline`: the model's row of `table`; `rival`: the strongest of the others at 5 % of the area. `chart`: what
    runs.js draws: [{learner, label, capture: [share …], bands: [[predicted, observed] …]}].
    """

    run: ForecastRun | None
    learner: str
    expected: float
    outside: int
    is_past: bool
    runs: list[ForecastRun]
    backtest: Backtest | None
    table: ScoreTable | None
    headline: ScoreRow | None
    rival: ScoreRow | None
    cells_of_5_percent: int
    active_percent: float
    category: str
    categories: list[tuple[str, str]]
    areas: tuple[str, ...]
    chart: list[dict[str, Any]]
    forecast_job: Job | None
    backtest_job: Job | None


def runs_page(*, user: "User", category: str = "") -> RunsPage:
    """The page for this person, with the back-test of one category (blank = all). Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    jurisdiction = user.jurisdiction
    runs = list(run_list(user=user)[:RUNS_SHOWN])
    run = runs[0] if runs else None
    backtest = newest_backtest(jurisdiction=jurisdiction)
    table = backtest_table(backtest=backtest, category=category) if backtest and _has(backtest, category) else None
    rows = table.rows if table else []
    headline = next((row for row in rows if row.learner == MODEL), None)
    rivals = [row for row in rows if row.learner != MODEL and row.capture_5.value is not None]
    return RunsPage(
        run=run,
        learner=learner_label(run.learner) if run else "",
        expected=_expected(run),
        outside=run.metrics.get("incidents_outside_grid", 0) if run else 0,
        is_past=run is not None and run.horizon_end <= timezone.now(),
        runs=runs,
        backtest=backtest,
        table=table,
        headline=headline if headline and headline.capture_5.value is not None else None,
        rival=max(rivals, key=lambda row: row.capture_5.value or 0.0, default=None),
        cells_of_5_percent=max(1, round(backtest.grid.cell_count * 0.05)) if backtest else 0,
        active_percent=backtest.active_cell_share * 100 if backtest else 0.0,
        category=category,
        categories=list(category_labels(jurisdiction=jurisdiction).items()),
        areas=AREAS,
        chart=[_series(row) for row in rows],
        forecast_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST),
        backtest_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.BACKTEST),
    )


def _has(backtest: Backtest, category: str) -> bool:
    """A category without incidents in the windows has no scores."""
    return any((score.category_code, score.horizon) == (category, WEEK) for score in backtest.scores.all())


def _expected(run: ForecastRun | None) -> float:
    if run is None:
        return 0.0
    return float(Rates.objects.filter(run=run).aggregate(total=Sum("total"))["total"] or 0.0)


def _series(row: ScoreRow) -> dict[str, Any]:
    return {
        "learner": row.learner,
        "label": row.label,
        "capture": [figure.value for figure in row.capture],
        "bands": row.calibration_bands,
    }
