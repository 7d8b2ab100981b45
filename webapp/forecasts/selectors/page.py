"""The page of forecasts: what is in service, how it does, which model versions there are, and the forecasts before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.permissions import Act, may, require
from webapp.common.models import Job
from webapp.forecasts.models import Backtest, ForecastRun, ModelVersion, Rates
from webapp.forecasts.selectors.backtests import QUOTED_AREA, ScoreRow
from webapp.forecasts.selectors.comparison import comparison_page
from webapp.forecasts.selectors.drift import DriftAlert, drift_alerts
from webapp.forecasts.selectors.runs import open_job, run_list
from webapp.forecasts.selectors.versions import VersionLine, rolled_back_to, version_in_service, version_lines
from webapp.forecasts.wording import learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import User

RUNS_SHOWN = 20


@dataclass(frozen=True)
class RunsPage:
    """`run`: the one in service. `expected`: incidents expected over its period. `outside`: incidents it left out because no
    cell holds them. `is_past`: its period is over.

    `headline`: the row of ours in the newest back-test at `area` percent, `rival` the strongest that does not learn.
    `version`: the model version in service, `before` the one that going back would bring.
    """

    run: ForecastRun | None
    learner: str
    expected: float
    outside: int
    is_past: bool
    runs: list[ForecastRun]
    backtest: Backtest | None
    headline: ScoreRow | None
    rival: ScoreRow | None
    verdict: str
    area: str
    alerts: list[DriftAlert]
    version: ModelVersion | None
    before: ModelVersion | None
    versions: list[VersionLine]
    may_promote: bool
    forecast_job: Job | None
    train_job: Job | None


def runs_page(*, user: "User") -> RunsPage:
    """The page for this person. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    jurisdiction = user.jurisdiction
    runs = list(run_list(user=user)[:RUNS_SHOWN])
    run = runs[0] if runs else None
    compared = comparison_page(user=user)
    return RunsPage(
        run=run,
        learner=learner_label(run.learner) if run else "",
        expected=_expected(run),
        outside=run.metrics.get("incidents_outside_grid", 0) if run else 0,
        is_past=run is not None and run.horizon_end <= timezone.now(),
        runs=runs,
        backtest=compared.backtest,
        headline=compared.ours,
        rival=compared.rival,
        verdict=compared.verdict,
        area=QUOTED_AREA,
        alerts=drift_alerts(jurisdiction=jurisdiction),
        version=version_in_service(jurisdiction=jurisdiction),
        before=rolled_back_to(jurisdiction=jurisdiction),
        versions=version_lines(user=user),
        may_promote=may(user, Act.PROMOTE_MODEL),
        forecast_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST),
        train_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.TRAIN),
    )


def _expected(run: ForecastRun | None) -> float:
    if run is None:
        return 0.0
    return float(Rates.objects.filter(run=run).aggregate(total=Sum("total"))["total"] or 0.0)
