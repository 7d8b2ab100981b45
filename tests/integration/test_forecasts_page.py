"""The pages of the forecasts: what they tell each role, with and without forecasts, back-tests, versions and data."""

from datetime import UTC, datetime, timedelta

import h3
import pytest
from django.test import Client
from django.utils import timezone
from scipy.stats import poisson

from tests.factories import make_incidents, make_published_run
from tests.scores import METHODS, make_backtest_of_all, metrics_of
from webapp.common.models import Job
from webapp.crimes.models import Category, Incident
from webapp.forecasts.models import BacktestScore, DriftWeek, ModelVersion, Rates, Replay
from webapp.forecasts.selectors import backtest_table, comparison_page, data_health_page, drift_page


@pytest.fixture
def page():
    def fetch(user, address: str = "", language: str = "en") -> str:
        client = Client()
        client.force_login(user)
        client.cookies["django_language"] = language
        answer = client.get(f"/runs/{address}", HTTP_ACCEPT="text/html")
        assert answer.status_code == 200, answer.content[:500]
        return " ".join(answer.content.decode().split())

    return fetch


def make_version(jurisdiction, run, *, state: str, number: int, **values) -> ModelVersion:
    return ModelVersion.objects.create(
        **{
            "jurisdiction": jurisdiction,
            "state": state,
            "learner": "lightgbm",
            "grid": run.grid,
            "category_codes": run.category_codes,
            "data_cutoff": run.data_cutoff,
            "incident_count": 200,
            "data_sha256": "ab" * 32,
            "code_version": "0.1.0",
            "seed": 7,
            "model_file": "none.model",
            "model_sha256": f"{number:064x}",
            "promoted_at": timezone.now() if state == "in_service" else None,
        }
        | values
    )


def make_drift(jurisdiction, *, weeks: int = 3, alert: bool = False) -> None:
    end = datetime(2026, 3, 2, 13, tzinfo=UTC)
    for back in range(weeks):
        for code in ("", "theft"):
            is_alert = alert and back == 0
            DriftWeek.objects.create(
                jurisdiction=jurisdiction,
                week_start=end - timedelta(weeks=back + 1),
                week_end=end - timedelta(weeks=back),
                category_code=code,
                incidents=20 if is_alert else 10,
                expected=10.0,
                incidents_low=4,
                incidents_high=17,
                calibration_ratio=0.5 if is_alert else 1.0,
                capture_rate=0.4,
                capture_low=0.3,
                capture_high=0.5,
                is_outside=is_alert,
                is_alert=is_alert,
                data_sha256="ab" * 32,
                computed_at=end,
            )


# --- in service -----------------------------------------------------------------------------------


def test_empty_page_tells_an_analyst_what_to_do(page, analyst):
    text = page(analyst)
    assert "No forecast yet" in text
    assert "No back-test yet" in text
    assert "No model version yet" in text
    assert 'data-start="/api/v1/runs/"' in text
    assert 'data-start="/api/v1/model-versions/"' in text


def test_empty_page_tells_an_operator_whom_to_ask(page, operator):
    text = page(operator)
    assert "An analyst or administrator of your centre can make one on this page." in text
    assert "data-start" not in text
    assert "data-act" not in text


def test_page_tells_the_forecast_in_service_in_plain_words(page, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    text = page(operator)
    assert "Forecast in service" in text
    assert f"200 incidents in {run.grid.cell_count} cells" in text
    assert 'title="abab' in text
    assert "LightGBM" in text


def test_expected_incidents_come_with_an_interval_where_the_model_told_its_spread(page, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    assert "With a chance of 95 %" not in page(operator)
    run.parameters = {"dispersion": {"": {"cell": 0.0, "level": 0.0}}}
    run.save()
    total = sum(Rates.objects.filter(run=run).values_list("total", flat=True))
    low, high = (int(edge) for edge in poisson.interval(0.95, total))
    assert f"With a chance of 95 % it will be {low} to {high}." in page(operator)


def test_page_says_when_the_forecast_is_of_the_past(page, operator, jurisdiction):
    make_published_run(jurisdiction, first_slot=datetime(2024, 1, 1, 21, tzinfo=UTC))
    assert "the data reach no further" in page(operator)


def test_how_good_it_is_stands_beside_the_forecast_with_interval_rival_and_date(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction)
    text = page(operator)
    assert '<strong class="runs-big">40.0 %</strong>' in text
    assert "95 % interval 35.0–45.0 %." in text
    assert "The best simple method (seasonal count) held 42.0 %." in text
    assert "Back-test of 2025-01-01 to 2025-02-26" in text


def test_versions_tell_their_state_and_what_can_be_done_about_them(page, analyst, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    old = make_version(jurisdiction, run, state="retired", number=1, verdict="first")
    now = make_version(jurisdiction, run, state="in_service", number=2, promoted_over=old)
    new = make_version(jurisdiction, run, state="candidate", number=3)
    text = page(analyst)
    assert f"Go back to version {old.pk}" in text
    assert f'data-act="/api/v1/model-versions/{new.pk}/promote/"' in text
    assert f'data-act="/api/v1/model-versions/{now.pk}/promote/"' not in text
    assert f"It takes the place of version {now.pk}, to which you can go back." in text
    assert "Nothing was in service before it." in text
    seen = page(operator)
    assert "Model versions" in seen
    assert "data-act" not in seen


def test_past_forecasts_lead_to_their_map_and_tell_whether_they_came_out_the_same(page, analyst, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    text = page(analyst)
    assert f'href="/?run={run.pk}"' in text
    assert f'data-start="/api/v1/runs/{run.pk}/replays/"' in text
    Replay.objects.create(
        jurisdiction=jurisdiction, run=run, is_identical=False, is_same_data=True, vectors=9, vectors_different=2
    )
    Replay.objects.create(jurisdiction=jurisdiction, run=run, is_identical=True, is_same_data=True, vectors=110)
    text = page(operator)
    assert f"The same bit by bit: 110 vectors of forecast {run.pk} were computed again." in text
    assert "not identical" not in text


def test_drift_is_told_on_the_first_page(page, operator, jurisdiction):
    make_drift(jurisdiction, alert=True)
    assert "The forecasts drift (week 2026-02-23 to 2026-03-02)." in page(operator)


def test_a_job_under_way_is_followed_by_the_page(page, analyst, jurisdiction):
    job = Job.objects.create(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST)
    assert f'data-job="{job.pk}"' in page(analyst)
    tested = Job.objects.create(jurisdiction=jurisdiction, kind=Job.Kind.BACKTEST)
    assert f'data-job="{tested.pk}"' in page(analyst, "comparison/")


@pytest.mark.parametrize("address", ["", "comparison/", "drift/", "data-health/"])
def test_pages_show_nothing_of_another_jurisdiction(page, outsider, jurisdiction, address):
    run = make_published_run(jurisdiction)
    make_incidents(jurisdiction, 50)
    make_backtest_of_all(jurisdiction)
    make_version(jurisdiction, run, state="in_service", number=2)
    make_drift(jurisdiction, alert=True)
    text = page(outsider, address)
    empty = {"": "No forecast yet", "comparison/": "No back-test yet", "drift/": "Nothing to watch yet"}
    assert empty.get(address, "No incidents yet") in text
    assert "40.0 %" not in text
    assert "The forecasts drift" not in text


@pytest.mark.parametrize("address", ["", "comparison/", "drift/", "data-health/"])
def test_the_pages_ask_for_signing_in(client, jurisdiction, address):
    assert client.get(f"/runs/{address}").status_code == 302


@pytest.mark.parametrize(("address", "queries"), [("", 18), ("comparison/", 6), ("drift/", 7), ("data-health/", 6)])
def test_pages_need_a_fixed_number_of_queries(operator, client, django_assert_max_num_queries, address, queries):
    jurisdiction = operator.jurisdiction
    for again in range(3):
        run = make_published_run(jurisdiction)
        make_backtest_of_all(jurisdiction)
        make_version(jurisdiction, run, state="candidate", number=again)
        make_incidents(jurisdiction, 20, seed=again + 1)
    make_drift(jurisdiction, weeks=6)
    client.force_login(operator)
    with django_assert_max_num_queries(3 + queries):
        client.get(f"/runs/{address}")


@pytest.mark.parametrize("address", ["", "comparison/", "drift/", "data-health/"])
def test_pages_carry_no_script_or_style_in_the_text(page, analyst, jurisdiction, address):
    make_published_run(jurisdiction)
    make_backtest_of_all(jurisdiction)
    make_drift(jurisdiction)
    text = page(analyst, address)
    assert " style=" not in text
    assert "onclick" not in text
    assert "<style" not in text


# --- comparison -----------------------------------------------------------------------------------


def test_comparison_tells_denominator_windows_chance_and_what_stands_behind_it(page, operator, jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    text = page(operator, "comparison/")
    assert "cells chosen at random would hold 5 %" in text
    assert "8 windows of 168 hours" in text
    assert "420 incidents" in text
    assert "40.0 % of them ever held an incident" in text
    assert f"Back-test {backtest.pk}, made" in text


def test_comparison_says_what_is_significant_and_what_is_not(analyst, jurisdiction):
    make_backtest_of_all(jurisdiction)
    shown = comparison_page(user=analyst)
    assert [lead.label for lead in shown.leads if lead.is_ahead] == [
        "density (KDE)",
        "historic count",
        "time-weighted density (KDE)",
    ]
    assert shown.verdict == (
        "Significantly ahead of: density (KDE), historic count, time-weighted density (KDE). "
        "The difference is within chance against: LightGBM (learning model), seasonal count."
    )
    assert shown.leads[0].points == pytest.approx(10.0)
    assert not any(lead.is_behind for lead in shown.leads)


def test_a_method_that_is_significantly_behind_is_told_so(analyst, jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    score = backtest.scores.get(learner="stack", category_code="")
    score.metrics["leads"] = [{"over": "count", "percent": "5", "difference": -0.05, "interval": [-0.08, -0.02]}]
    score.save()
    assert comparison_page(user=analyst).verdict == "Significantly behind: historic count."


@pytest.mark.parametrize(("area", "share"), [("1", "10.0 %"), ("20", "80.0 %")])
def test_the_area_share_in_the_address_chooses_the_figures(page, operator, jurisdiction, area, share):
    make_backtest_of_all(jurisdiction)
    text = page(operator, f"comparison/?area={area}")
    assert f'<strong class="runs-big">{share}</strong>' in text
    assert f"Capture rates, PAI, PEI and PAI* at {area} % of the area." in text


def test_category_and_horizon_in_the_address_keep_one_another(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction, horizons=("shift", "week"))
    text = page(operator, "comparison/?category=theft&horizon=shift")
    assert 'href="?category=theft&amp;horizon=shift&amp;area=5" aria-current="true">Theft' in text
    assert 'href="?category=theft&amp;horizon=week&amp;area=5">next 7 days' in text
    assert "168 windows of 8 hours" in text
    assert "3 windows were left out because no data cover them." in text


@pytest.mark.parametrize("query", ["?category=arson", "?horizon=year", "?area=7", "?area=%27%3B--", "?category=%00"])
def test_what_the_address_asks_for_and_is_not_there_shows_the_default(page, operator, jurisdiction, query):
    make_backtest_of_all(jurisdiction)
    assert '<strong class="runs-big">40.0 %</strong>' in page(operator, f"comparison/{query}")


def test_a_category_the_backtest_lacks_is_said_on_the_page(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction)
    assert "no incident of this category" in page(operator, "comparison/?category=robbery")


def test_few_incidents_are_called_rough(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction, incidents=12)
    assert "Only 12 incidents fell into the test windows: the figures are rough." in page(operator, "comparison/")


def test_table_marks_the_best_of_each_column_and_never_a_ceiling(jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    table = backtest_table(backtest=backtest)
    assert {row.learner for row in table.rows} == set(METHODS)
    assert [row.learner for row in table.ceilings] == ["hindsight", "oracle"]
    best = {row.learner for row in table.rows if row.captured.is_best}
    assert best == {"seasonal"}
    assert not any(figure.is_best for row in table.ceilings for figure in row.figures)
    assert not any(row.figures[4].is_best for row in table.rows)  # PAI* is the same for all
    texts = [figure.text for figure in next(row for row in table.rows if row.learner == "stack").figures]
    assert texts == ["40.0", "30.0", "8.0", "0.50", "50.0", "0.830", "12.300", "11.100", "80.0", "1.02", "20.5", "22.5"]


def test_figures_are_rounded_not_cut(jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    score = backtest.scores.get(learner="stack", category_code="")
    score.metrics["capture_rate"]["5"] = 0.37267
    score.save()
    row = next(row for row in backtest_table(backtest=backtest).rows if row.learner == "stack")
    assert row.captured.text == "37.3"


def test_a_measure_that_could_not_be_taken_is_a_dash(jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    score = backtest.scores.get(learner="kde", category_code="")
    score.metrics |= {"auc": None, "capture_rate": dict.fromkeys(score.metrics["capture_rate"])}
    score.save()
    row = next(row for row in backtest_table(backtest=backtest).rows if row.learner == "kde")
    assert (row.captured.text, row.captured.interval_text, row.figures[5].text) == ("–", "", "–")


def test_the_picture_holds_the_methods_highest_first_and_the_ceilings(analyst, jurisdiction):
    make_backtest_of_all(jurisdiction)
    chart = comparison_page(user=analyst).chart
    assert [round(row["value"], 2) for row in chart["rows"]] == [0.42, 0.4, 0.39, 0.37, 0.35, 0.3]
    assert [row["label"] for row in chart["rows"] if row["ours"]] == ["stack of models"]
    assert [(one["learner"], round(one["value"], 2)) for one in chart["ceilings"]] == [("hindsight", 0.44), ("oracle", 0.8)]


def test_the_learner_in_service_is_ours_and_one_that_was_not_tested_is_named(page, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    make_backtest_of_all(jurisdiction)
    version = make_version(jurisdiction, run, state="in_service", number=1, learner="lightgbm")
    assert "Method: LightGBM (learning model)." in page(operator, "comparison/")
    version.learner = "network"
    version.save()
    text = page(operator, "comparison/")
    assert "The method in service (neural network) is not in this back-test" in text
    assert "Method: stack of models." in text


def test_reliability_is_told_of_a_thousand_cells_with_interval(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction)
    text = page(operator, "comparison/")
    assert "Of 1,000 cells called with a probability of 120 in 1,000, <strong>116</strong> had an incident" in text
    assert "(95 % interval 82–162)" in text
    kept = comparison_page(user=operator).kept
    assert [row.holds for row in kept] == [True, True, False, True]
    assert [row.cells for row in kept] == [40_000, 3_000, 800, 250]  # twelve cells say nothing


def test_an_old_backtest_without_the_new_measures_still_shows_its_capture_rates(page, operator, jurisdiction):
    backtest = make_backtest_of_all(jurisdiction)
    for score in backtest.scores.all():
        score.metrics = {"capture_rate": metrics_of(score.learner)["capture_rate"], "pai_1": 10.0}
        score.save()
    text = page(operator, "comparison/")
    assert '<strong class="runs-big">40.0 %</strong>' in text
    assert "This back-test holds no probabilities for this method." in text


def test_a_backtest_in_which_nothing_could_be_captured_breaks_no_page(page, operator, jurisdiction):
    backtest = make_backtest_of_all(jurisdiction, incidents=0)
    nothing = dict.fromkeys(("1", "2", "5", "10", "20"))
    BacktestScore.objects.filter(backtest=backtest).update(metrics={"capture_rate": nothing, "leads": [], "reliability": []})
    assert "–" in page(operator, "comparison/")
    assert "holds no incident to be captured" in page(operator)


@pytest.mark.korean
def test_comparison_is_complete_in_korean(page, operator, jurisdiction):
    make_backtest_of_all(jurisdiction)
    text = page(operator, "comparison/", language="ko")
    assert "포착" in text


# --- drift ----------------------------------------------------------------------------------------


def test_empty_drift_page_tells_when_the_watch_begins(page, analyst):
    assert "The watch begins a week after the first published forecast" in page(analyst, "drift/")


def test_drift_page_tells_each_week_with_its_band(page, operator, jurisdiction):
    make_drift(jurisdiction)
    text = page(operator, "drift/")
    assert "No drift in the newest week" in text
    assert "40.0 <small>(30–50)</small>" in text
    charts = drift_page(user=operator).charts
    assert [point["week"] for point in charts["capture"]] == ["2026-02-09", "2026-02-16", "2026-02-23"]


def test_drift_page_shows_one_category_at_a_time(operator, jurisdiction):
    make_drift(jurisdiction, alert=True)
    shown = drift_page(user=operator, category="theft")
    assert shown.category_label == "Theft"
    assert len(shown.lines) == 3
    assert shown.lines[0].row.is_alert
    assert drift_page(user=operator, category="arson").category == ""


# --- data health ----------------------------------------------------------------------------------


def by_code(shown):
    return {row.code: row for row in shown.rows}


def test_data_health_of_nothing_says_to_upload(page, analyst):
    assert "Upload incidents; this page then shows what they cover and what is missing." in page(analyst, "data-health/")


def test_data_health_counts_every_incident_once(analyst, jurisdiction):
    made = make_incidents(jurisdiction, 300)
    shown = data_health_page(user=analyst)
    assert shown.every.incidents == 300
    assert sum(row.incidents for row in shown.rows) == 300
    assert shown.every.first == min(one.occurred_from for one in made)
    assert shown.every.last == max(one.occurred_from for one in made)
    assert shown.every.outside.count == 0


def test_data_health_is_remembered_until_an_upload_comes_in_and_speaks_each_ones_language(
    page, analyst, jurisdiction, django_assert_max_num_queries
):
    make_incidents(jurisdiction, 30)
    assert "Theft" in page(analyst, "data-health/")
    with django_assert_max_num_queries(2):
        assert data_health_page(user=analyst).every.incidents == 30
    assert "절도" in page(analyst, "data-health/", language="ko")
    make_incidents(jurisdiction, 5, seed=2)
    assert data_health_page(user=analyst).every.incidents == 35


def test_midnight_is_the_local_one_to_the_minute(analyst, jurisdiction):
    make_incidents(jurisdiction, 10, until=datetime(2026, 3, 1, tzinfo=UTC))
    theft = Category.objects.of(jurisdiction).get(code="theft")
    chosen = list(Incident.objects.of(jurisdiction).order_by("pk")[:3])
    Incident.objects.of(jurisdiction).update(
        category=theft, occurred_from=datetime(2026, 2, 1, 3, tzinfo=UTC), occurred_to=datetime(2026, 2, 1, 3, tzinfo=UTC)
    )
    midnight = datetime(2026, 2, 1, 15, tzinfo=UTC)  # 00:00 in Seoul
    Incident.objects.filter(pk=chosen[0].pk).update(occurred_from=midnight, occurred_to=midnight)
    Incident.objects.filter(pk=chosen[1].pk).update(
        occurred_from=midnight + timedelta(minutes=1), occurred_to=midnight + timedelta(hours=2)
    )
    row = by_code(data_health_page(user=analyst))["theft"]
    assert (row.midnight.count, row.midnight.of) == (1, 10)
    assert row.intervals.count == 1


def test_a_month_without_data_is_a_gap_and_not_a_quiet_month(page, analyst, jurisdiction):
    end = datetime(2026, 3, 1, tzinfo=UTC)
    make_incidents(jurisdiction, 1_500, until=end, days=300)
    gone = (end - timedelta(days=150), end - timedelta(days=110))
    Incident.objects.of(jurisdiction).filter(occurred_from__range=gone).delete()
    row = by_code(data_health_page(user=analyst))["theft"]
    assert len(row.gaps) == 1
    assert 38 <= row.gaps[0].days <= 44
    assert row.covered_days == row.days - row.gaps[0].days
    assert "Rates divide by the days covered only" in page(analyst, "data-health/")


def test_incidents_outside_the_cells_and_on_one_crowded_point_are_counted(analyst, jurisdiction):
    made = make_incidents(jurisdiction, 60)
    theft = Category.objects.of(jurisdiction).get(code="theft")
    Incident.objects.of(jurisdiction).update(category=theft)
    first = made[0]
    Incident.objects.filter(pk__in=[one.pk for one in made[:12]]).update(point=first.point, cell=first.cell)
    elsewhere = h3.str_to_int(h3.latlng_to_cell(37.6, 126.5, 10))
    Incident.objects.filter(pk__in=[one.pk for one in made[20:23]]).update(cell=elsewhere)
    row = by_code(data_health_page(user=analyst))["theft"]
    assert row.outside.count == 3
    assert row.outside.is_odd
    assert row.crowded.count >= 12
    assert row.crowded.is_odd


def test_late_reports_are_counted_of_those_since_the_first_upload(analyst, jurisdiction):
    made = make_incidents(jurisdiction, 20, until=datetime(2026, 2, 1, tzinfo=UTC))
    upload = made[0].upload
    upload.committed_at = datetime(2025, 1, 1, tzinfo=UTC)
    upload.save()
    later = make_incidents(jurisdiction, 10, seed=5, until=datetime(2026, 2, 1, tzinfo=UTC), days=5)
    later[0].upload.committed_at = datetime(2026, 2, 20, tzinfo=UTC)
    later[0].upload.save()
    every = data_health_page(user=analyst).every
    assert every.late.count == 10
    assert every.late.of == 10 + sum(one.occurred_from >= upload.committed_at for one in made)


def test_a_category_never_recorded_says_so(page, analyst, jurisdiction):
    make_incidents(jurisdiction, 30)
    theft = Category.objects.of(jurisdiction).get(code="theft")
    Incident.objects.of(jurisdiction).update(category=theft)
    assert "None recorded: the forecast for it rests on all other crime." in page(analyst, "data-health/")
