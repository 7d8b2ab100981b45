"""Back-tests as they are stored: every learner on the same windows, whole or not there at all."""

from datetime import UTC, datetime, timedelta

import pytest

from prediction.backtest import CEILINGS
from tests.factories import make_incidents
from webapp.common.models import Job
from webapp.common.services import JobCancelled
from webapp.crimes.models import Incident
from webapp.forecasts.models import Backtest
from webapp.forecasts.selectors import backtest_table, backtests
from webapp.forecasts.services.backtesting import make_backtest, usual_learners
from webapp.forecasts.services.versions import train_version

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)  # Monday 12:30 in Seoul


@pytest.fixture
def history(jurisdiction) -> None:
    """A year of incidents that ended long ago."""
    make_incidents(jurisdiction, 1500, until=PAST)


@pytest.mark.usefixtures("history")
def test_a_backtest_scores_every_learner_on_the_same_windows(jurisdiction):
    backtest = make_backtest(jurisdiction=jurisdiction, weeks=4)
    assert backtest.windows == 4
    assert backtest.window_hours == 168
    assert backtest.last_window_end - backtest.first_window_start == timedelta(weeks=4)
    assert 0 < backtest.active_cell_share <= 1
    scores = {(score.learner, score.category_code): score for score in backtest.scores.all()}
    assert {learner for learner, _category in scores} >= {"count", "kde", "seasonal", "lightgbm"}
    known = Incident.objects.filter(
        occurred_from__gte=backtest.first_window_start, occurred_from__lt=backtest.last_window_end
    ).count()
    for learner in ("count", "lightgbm"):
        score = scores[learner, ""]
        assert score.incidents == known
        rates = [score.metrics["capture_rate"][area] for area in ("1", "2", "5", "10", "20")]
        assert rates == sorted(rates)
        assert 0 <= rates[0] <= rates[-1] <= 1


@pytest.mark.usefixtures("history")
def test_the_learner_in_service_is_always_tested_too(jurisdiction):
    assert "regional" not in usual_learners(jurisdiction=jurisdiction)
    train_version(jurisdiction=jurisdiction, learner="regional")
    assert usual_learners(jurisdiction=jurisdiction)[-1] == "regional"


@pytest.mark.usefixtures("history")
def test_a_backtest_of_several_horizons_tells_each_of_them(jurisdiction):
    backtest = make_backtest(jurisdiction=jurisdiction, weeks=4, horizons=("week", "month"), learners=("count", "ewkde"))
    assert backtest.parameters["learners"] == ["count", "ewkde"]
    assert {code: (h["windows"], h["left_out"]) for code, h in backtest.parameters["horizons"].items()} == {
        "week": (4, 0),
        "month": (1, 0),
    }
    assert {score.horizon for score in backtest.scores.all()} == {"week", "month"}
    assert {row.learner for row in backtest_table(backtest=backtest).rows} == {"count", "ewkde"}
    assert {row.learner for row in backtest_table(backtest=backtest, horizon="month").ceilings} == set(CEILINGS)


@pytest.mark.usefixtures("history")
def test_a_job_whose_worker_was_stopped_goes_on_from_its_parts_and_leaves_none(jurisdiction, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    job = Job.objects.create(jurisdiction=jurisdiction, kind=Job.Kind.BACKTEST)
    folder = tmp_path / "backtests" / str(job.pk)

    def stopped(fraction: float, step: str) -> None:
        if folder.exists():
            raise KeyboardInterrupt

    given = {"weeks": 4, "learners": ("count",), "end": PAST, "job": job}
    with pytest.raises(KeyboardInterrupt):
        make_backtest(jurisdiction=jurisdiction, progress=stopped, **given)
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(kept) == 3  # the learner and the two ceilings
    seen = []
    backtest = make_backtest(
        jurisdiction=jurisdiction, progress=lambda fraction, step: seen.append({p.name for p in folder.glob("*")}), **given
    )
    assert all(names in ({*kept}, set()) for names in seen)
    assert not folder.exists()
    assert backtest.job == job
    assert make_backtest(jurisdiction=jurisdiction, **given) == backtest


@pytest.mark.usefixtures("history")
def test_a_cancelled_backtest_leaves_nothing(jurisdiction):
    def progress(fraction: float, step: str) -> None:
        if step == "store":
            raise JobCancelled

    with pytest.raises(JobCancelled):
        make_backtest(jurisdiction=jurisdiction, weeks=4, progress=progress)
    assert not Backtest.objects.exists()


def test_the_web_names_the_same_ceilings_as_the_core():
    assert set(backtests.CEILINGS) == set(CEILINGS)
