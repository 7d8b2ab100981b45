"""The page of forecasts: what is in service, how it does, which model versions there are, and the forecasts before."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.permissions import Act, may, require
from webapp.common.models import Job
from webapp.forecasts.models import Backtest, ForecastRun, ModelVersion, Rates, Replay
from webapp.forecasts.selectors.backtests import QUOTED_AREA, ScoreRow
from webapp.forecasts.selectors.comparison import comparison_page
from webapp.forecasts.selectors.drift import DriftAlert, drift_alerts
from webapp.forecasts.selectors.runs import open_job, run_list
from webapp.forecasts.selectors.spread import total_interval
from webapp.forecasts.selectors.versions import VersionLine, rolled_back_to, version_in_service, version_lines
from webapp.forecasts.sentences import replay_sentence
from webapp.forecasts.wording import learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import User

RUNS_SHOWN = 20


@dataclass(frozen=True)
class PastRun:
    """A forecast of before. `replay`: how it came out when it was made again last, as a sentence; blank where nobody has."""

    run: ForecastRun
    replay: str
    is_identical: bool


@dataclass(frozen=True)
class RunsPage:
    """`run`: the one in service. `expected`: incidents expected over its period, `between`: the 95 % interval of their count.

    `outside`: incidents it left out because no cell holds them. `is_past`: its period is over.
    `headline`: the row of ours in the newest back-test at `area` percent, `rival` the strongest that does not learn.
    `version`: the model version in service, `before` the one that going back would bring.
    """

    run: ForecastRun | None
    learner: str
    expected: float
    between: tuple[int, int] | None
    outside: int
    is_past: bool
    runs: list[PastRun]
    backtest: Backtest | None
    headline: ScoreRow | None
    rival: ScoreRow | None
    verdict: str
    untested: str
    area: str
    alerts: list[DriftAlert]
    version: ModelVersion | None
    before: ModelVersion | None
    versions: list[VersionLine]
    may_promote: bool
    forecast_job: Job | None
    train_job: Job | None
    replay_job: Job | None


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
        between=total_interval(run) if run else None,
        outside=run.metrics.get("incidents_outside_grid", 0) if run else 0,
        is_past=run is not None and run.horizon_end <= timezone.now(),
        runs=_past(user, runs),
        backtest=compared.backtest,
        headline=compared.ours,
        rival=compared.rival,
        verdict=compared.verdict,
        untested=compared.untested,
        area=QUOTED_AREA,
        alerts=drift_alerts(jurisdiction=jurisdiction),
        version=version_in_service(jurisdiction=jurisdiction),
        before=rolled_back_to(jurisdiction=jurisdiction),
        versions=version_lines(user=user),
        may_promote=may(user, Act.PROMOTE_MODEL),
        forecast_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST),
        train_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.TRAIN),
        replay_job=open_job(jurisdiction=jurisdiction, kind=Job.Kind.REPLAY),
    )


def _past(user: "User", runs: list[ForecastRun]) -> list[PastRun]:
    """The runs with their newest replay each, by one query."""
    made = Replay.objects.visible_to(user).filter(run__in=runs).order_by("run_id", "-created_at", "-pk").distinct("run_id")
    newest = {replay.run_id: replay for replay in made}
    return [
        PastRun(run, replay_sentence(newest[run.pk]), newest[run.pk].is_identical)
        if run.pk in newest
        else PastRun(run, "", False)
        for run in runs
    ]


def _expected(run: ForecastRun | None) -> float:
    if run is None:
        return 0.0
    return float(Rates.objects.filter(run=run).aggregate(total=Sum("total"))["total"] or 0.0)
