"""The drift watch: weeks of published forecasts beside what was reported since, with late reports and alerts."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from prediction.drift import Expectation
from tests.factories import cells_of, make_incidents, make_published_run, make_user
from tests.integration.test_forecasts_versions import in_service, make_version
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, NotAllowed
from webapp.common.models import Job
from webapp.common.services import JobCancelled, request_cancel
from webapp.crimes.models import Incident
from webapp.forecasts.models import DriftWeek, ForecastRun, ModelVersion, Rates
from webapp.forecasts.selectors import drift_alerts, drift_weeks
from webapp.forecasts.services import start_drift_watch, watch_live_drift
from webapp.forecasts.services.drift import forecast_weeks, run_drift_job, watch_drift

MONDAY = datetime(2024, 5, 26, 21, tzinfo=UTC)  # Monday 27 May 2024, 06:00 in Seoul: the week's first slot
WEEK = timedelta(weeks=1)
NOW = MONDAY + 6 * WEEK
USUAL = 50  # incidents a week of the factory's rates, about


def reported(jurisdiction, n: int, *, week: int, seed: int) -> list[Incident]:
    """Incidents of one week, evenly over its days."""
    return make_incidents(jurisdiction, n, seed=seed, until=MONDAY + (week + 1) * WEEK, days=7) if n else []


def later(jurisdiction, *, weeks: int, seed: int = 90) -> None:
    """One report from after the weeks, so that they are known to be over."""
    make_incidents(jurisdiction, 1, seed=seed, until=MONDAY + weeks * WEEK + timedelta(hours=5), days=1 / 24)


def test_a_usual_week_is_laid_beside_its_band(jurisdiction, analyst):
    run = make_published_run(jurisdiction, first_slot=MONDAY)
    incidents = reported(jurisdiction, USUAL, week=0, seed=2)
    later(jurisdiction, weeks=1)
    rows = watch_drift(jurisdiction=jurisdiction, now=NOW)
    assert len(rows) == 6  # five categories and all together
    together = next(row for row in rows if row.category_code == "")
    assert (together.week_start, together.week_end) == (MONDAY, MONDAY + WEEK)
    assert together.incidents == len(incidents) == USUAL
    total = sum(Rates.objects.filter(run=run).values_list("total", flat=True))
    assert together.expected == pytest.approx(total, rel=1e-5)
    assert together.calibration_ratio == pytest.approx(total / USUAL, rel=1e-5)
    assert together.incidents_low < USUAL < together.incidents_high
    best = set(cells_of(jurisdiction)[-round(0.05 * run.grid.cell_count) :].tolist())  # the factory's rates rise with the cell
    assert together.capture_rate == pytest.approx(sum(row.cell in best for row in incidents) / USUAL)
    assert not together.is_outside
    assert not together.is_alert
    assert sum(row.incidents for row in rows if row.category_code) == USUAL
    assert "" not in {alert.category for alert in drift_alerts(jurisdiction=jurisdiction)}
    (week,) = drift_weeks(user=analyst)
    assert [row.category for row in week.rows] == ["", *run.category_codes]
    assert week.rows[0].calibration.low == pytest.approx(total / together.incidents_high, rel=1e-5)


def test_far_outside_once_is_an_alert_with_a_line_in_the_trail(jurisdiction):
    make_published_run(jurisdiction, first_slot=MONDAY)
    reported(jurisdiction, 4 * USUAL, week=0, seed=2)
    later(jurisdiction, weeks=1)
    watch_drift(jurisdiction=jurisdiction, now=NOW)
    alert = drift_alerts(jurisdiction=jurisdiction)[0]
    assert alert.category == ""
    assert alert.sentence.startswith("All categories: 200 incidents were reported where 50.4 were expected (usual: 29 to 77)")
    line = AuditEntry.objects.get(action=AuditEntry.Action.DRIFT_ALERT)
    assert (line.actor, line.target) == (None, "week:2024-05-27")
    assert "*" in line.detail["category"]
    assert watch_drift(jurisdiction=jurisdiction, now=NOW) == []  # nothing has changed
    assert AuditEntry.objects.filter(action=AuditEntry.Action.DRIFT_ALERT).count() == 1


def test_outside_alerts_only_when_two_weeks_run_the_same_way(jurisdiction):
    for week in range(3):
        make_published_run(jurisdiction, first_slot=MONDAY + week * WEEK)
    for week, count in enumerate((84, 84, 25)):  # above, above, below
        reported(jurisdiction, count, week=week, seed=2 + week)
    later(jurisdiction, weeks=3)
    rows = {row.week_start: row for row in watch_drift(jurisdiction=jurisdiction, now=NOW) if row.category_code == ""}
    outside = [rows[MONDAY + week * WEEK].is_outside for week in range(3)]
    alerts = [rows[MONDAY + week * WEEK].is_alert for week in range(3)]
    assert outside == [True, True, True]
    assert alerts == [False, True, False]
    assert [alert for alert in drift_alerts(jurisdiction=jurisdiction) if alert.category == ""] == []  # of the newest week only


def test_late_reports_are_counted_when_they_come(jurisdiction):
    for week in range(2):
        make_published_run(jurisdiction, first_slot=MONDAY + week * WEEK)
        reported(jurisdiction, 25 if week == 0 else USUAL, week=week, seed=2 + week)
    later(jurisdiction, weeks=2)
    watch_drift(jurisdiction=jurisdiction, now=NOW)
    first = DriftWeek.objects.get(week_start=MONDAY, category_code="")
    assert (first.incidents, first.is_outside) == (25, True)
    untouched = DriftWeek.objects.get(week_start=MONDAY + WEEK, category_code="").computed_at
    reported(jurisdiction, 25, week=0, seed=20)
    changed = watch_drift(jurisdiction=jurisdiction, now=NOW)
    assert MONDAY in {row.week_start for row in changed}
    again = DriftWeek.objects.get(week_start=MONDAY, category_code="")
    assert (again.incidents, again.is_outside) == (50, False)
    # The week after is written again too: whether it alerts depends on the one before.
    assert DriftWeek.objects.get(week_start=MONDAY + WEEK, category_code="").computed_at > untouched
    assert DriftWeek.objects.count() == 12


def test_a_week_is_not_judged_before_reports_have_overtaken_it(jurisdiction, settings):
    make_published_run(jurisdiction, first_slot=MONDAY)
    reported(jurisdiction, 10, week=0, seed=2)
    Incident.objects.filter(occurred_from__gte=MONDAY + timedelta(days=5)).delete()
    assert watch_drift(jurisdiction=jurisdiction, now=NOW) == []  # nothing is reported from its last days on
    later(jurisdiction, weeks=1)
    assert watch_drift(jurisdiction=jurisdiction, now=MONDAY + WEEK + timedelta(days=2)) == []  # late reports may come still
    settings.DRIFT_GRACE_DAYS = 2
    assert len(watch_drift(jurisdiction=jurisdiction, now=MONDAY + WEEK + timedelta(days=2))) == 6


def test_each_slot_counts_with_the_newest_forecast_that_did_not_know_it(jurisdiction):
    old = make_published_run(jurisdiction, first_slot=MONDAY - timedelta(days=3))
    new = make_published_run(jurisdiction, first_slot=MONDAY + timedelta(days=1))
    knowing = make_published_run(jurisdiction, first_slot=MONDAY)
    ForecastRun.objects.filter(pk=knowing.pk).update(data_cutoff=MONDAY + timedelta(days=2))
    twice = make_published_run(jurisdiction, first_slot=MONDAY + timedelta(days=1))
    later(jurisdiction, weeks=1)
    (week,) = forecast_weeks(jurisdiction, now=NOW)
    by_start = {run.slot_starts[slot]: run.pk for run, slot in week.chosen}
    assert by_start[MONDAY] == old.pk
    assert by_start[MONDAY + timedelta(days=1)] == new.pk  # the one published first of two with the same data
    assert twice.pk not in by_start.values()
    assert by_start[MONDAY + timedelta(days=2)] == knowing.pk
    assert len(by_start) == 21


def test_a_week_with_forecasts_for_less_than_half_of_it_is_left_out(jurisdiction):
    make_published_run(jurisdiction, first_slot=MONDAY, slots=10)
    later(jurisdiction, weeks=1)
    assert forecast_weeks(jurisdiction, now=NOW) == []
    make_published_run(jurisdiction, first_slot=MONDAY, slots=12)
    reported(jurisdiction, USUAL, week=0, seed=2)
    rows = watch_drift(jurisdiction=jurisdiction, now=NOW)
    within = Incident.objects.filter(occurred_from__gte=MONDAY, occurred_from__lt=MONDAY + timedelta(days=4)).count()
    assert next(row.incidents for row in rows if row.category_code == "") == within


def test_the_band_is_that_of_the_version_that_made_the_forecasts(jurisdiction):
    trial = Expectation.of(reported=np.full(8, 20.0), expected=np.full(8, 26.0), captured=np.full(8, 10.0))
    version = in_service(make_version(jurisdiction, metrics={"usual": {"": trial.as_dict()}}))
    run = make_published_run(jurisdiction, first_slot=MONDAY)
    ForecastRun.objects.filter(pk=run.pk).update(model_version=version)
    reported(jurisdiction, 20, week=0, seed=2)
    later(jurisdiction, weeks=1)
    rows = watch_drift(jurisdiction=jurisdiction, now=NOW)
    together = next(row for row in rows if row.category_code == "")
    assert together.version == version
    assert (together.incidents_low, together.incidents_high) == trial.reported_band(together.expected)
    assert (together.capture_low, together.capture_high) == trial.capture_band(20)
    assert all(row.capture_low is None for row in rows if row.category_code)  # its trial says nothing of single categories


def test_without_forecasts_or_incidents_there_is_nothing_to_watch(jurisdiction):
    assert watch_drift(jurisdiction=jurisdiction) == []
    make_published_run(jurisdiction)
    assert watch_drift(jurisdiction=jurisdiction) == []
    make_incidents(jurisdiction, 5)
    assert watch_drift(jurisdiction=jurisdiction) == []


def test_the_same_watch_delivered_twice_writes_once_and_a_cancelled_one_nothing(jurisdiction, analyst, operator):
    make_published_run(jurisdiction, first_slot=MONDAY)
    reported(jurisdiction, USUAL, week=0, seed=2)
    later(jurisdiction, weeks=1)
    job = start_drift_watch(jurisdiction=jurisdiction, user=analyst)
    with pytest.raises(Conflict, match="already under way"):
        start_drift_watch(jurisdiction=jurisdiction)
    with pytest.raises(NotAllowed):
        start_drift_watch(jurisdiction=jurisdiction, user=operator)

    def progress(fraction: float, step: str) -> None:
        if step == "store":
            request_cancel(job=job)

    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    with pytest.raises(JobCancelled):
        watch_drift(jurisdiction=jurisdiction, now=NOW, progress=progress, job=job)
    assert not DriftWeek.objects.exists()
    again = start_drift_watch(jurisdiction=jurisdiction)
    assert len(run_drift_job(job_id=again.pk)) == 6
    assert run_drift_job(job_id=again.pk) is None
    assert DriftWeek.objects.count() == 6


def test_beat_watches_where_data_are_live_and_a_version_is_in_service(jurisdiction, other_jurisdiction):
    make_incidents(jurisdiction, 200)
    make_incidents(other_jurisdiction, 20, seed=2, until=MONDAY)
    in_service(make_version(other_jurisdiction, number=2))
    assert watch_live_drift() == []
    in_service(make_version(jurisdiction))
    assert [job.jurisdiction for job in watch_live_drift()] == [jurisdiction]
    assert watch_live_drift() == []  # one is under way


def test_the_command_prints_weeks_and_what_is_drifting(jurisdiction):
    start = MONDAY + WEEK * ((timezone.now() - timedelta(weeks=3) - MONDAY) // WEEK)
    make_published_run(jurisdiction, first_slot=start)
    make_incidents(jurisdiction, 4 * USUAL, seed=2, until=start + WEEK, days=7)
    make_incidents(jurisdiction, 1, seed=3, until=start + WEEK + timedelta(hours=5), days=1 / 24)
    call_command("watch_drift", jurisdiction="testgu", stdout=(out := io.StringIO()))
    first, second = out.getvalue().splitlines()[:2]
    assert first.startswith(
        f"Week of {start.astimezone(jurisdiction.zone):%Y-%m-%d}: 200 reported, 50.4 expected, usual 29 to 77."
    )
    assert second.startswith("All categories: 200 incidents were reported")
    DriftWeek.objects.update(is_alert=False)
    call_command("watch_drift", jurisdiction="testgu", stdout=(out := io.StringIO()))
    assert out.getvalue() == "Nothing has changed since the last watch, and nothing is drifting.\n"


def test_the_weeks_take_three_queries_and_stay_within_their_jurisdiction(
    jurisdiction, analyst, outsider, django_assert_num_queries
):
    for week in range(3):
        make_published_run(jurisdiction, first_slot=MONDAY + week * WEEK)
        reported(jurisdiction, USUAL, week=week, seed=2 + week)
    later(jurisdiction, weeks=3)
    watch_drift(jurisdiction=jurisdiction, now=NOW)
    with django_assert_num_queries(3):
        weeks = drift_weeks(user=analyst)
    assert [week.week_start for week in weeks] == [MONDAY + 2 * WEEK, MONDAY + WEEK, MONDAY]
    assert drift_weeks(user=outsider) == []
    assert drift_weeks(user=make_user(None, "analyst", "nobody")) == []
    assert drift_alerts(jurisdiction=outsider.jurisdiction) == []
    assert not ModelVersion.objects.exists()
