"""Back-tests as they are stored: every learner on the same windows, whole or not there at all."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import make_incidents
from webapp.common.services import JobCancelled
from webapp.crimes.models import Incident
from webapp.forecasts.models import Backtest
from webapp.forecasts.services.backtesting import make_backtest

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
def test_a_cancelled_backtest_leaves_nothing(jurisdiction):
    def progress(fraction: float, step: str) -> None:
        if step == "store":
            raise JobCancelled

    with pytest.raises(JobCancelled):
        make_backtest(jurisdiction=jurisdiction, weeks=4, progress=progress)
    assert not Backtest.objects.exists()
