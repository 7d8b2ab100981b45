"""The page of runs: what it tells each role, with and without a forecast and a back-test."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.api.test_runs import make_backtest_rows
from tests.factories import make_published_run
from webapp.common.models import Job
from webapp.forecasts.selectors import backtest_table


@pytest.fixture
def page():
    def fetch(user, query: str = "", language: str = "en") -> str:
        client = Client()
        client.force_login(user)
        client.cookies["django_language"] = language
        answer = client.get(f"/runs/{query}", HTTP_ACCEPT="text/html")
        assert answer.status_code == 200, answer.content[:500]
        return answer.content.decode()

    return fetch


def test_empty_page_tells_an_analyst_what_to_do(page, analyst):
    text = page(analyst)
    assert "No forecast yet" in text
    assert "No back-test yet" in text
    assert 'data-start="/api/v1/runs/"' in text


def test_empty_page_tells_an_operator_whom_to_ask(page, operator):
    text = page(operator)
    assert "An analyst or administrator of your centre can make one on this page." in text
    assert "data-start" not in text


def test_page_tells_the_forecast_in_service_in_plain_words(page, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    text = page(operator)
    assert "Forecast in service" in text
    assert f"200 incidents in {run.grid.cell_count} cells" in text
    assert 'title="abab' in text
    assert "LightGBM" in text


def test_page_says_when_the_forecast_is_of_the_past(page, operator, jurisdiction):
    make_published_run(jurisdiction, first_slot=datetime(2024, 1, 1, 21, tzinfo=UTC))
    assert "the data reach no further" in page(operator)


def test_backtest_is_told_in_one_sentence_with_interval_denominator_and_chance(page, operator, jurisdiction):
    make_backtest_rows(jurisdiction)
    text = page(operator)
    assert '<strong class="runs-big">40.0 %</strong>' in text
    assert "95 % interval 35.0–45.0 %." in text
    assert "cells chosen at random would hold 5 %" in text
    assert "8 windows of 168 hours" in text
    assert "120 incidents" in text
    assert "40.0 % of them ever held an incident" in text
    assert "The best simple method (historic count) held 35.0 %." in text


def test_category_in_the_address_chooses_the_table(page, operator, jurisdiction):
    make_backtest_rows(jurisdiction)
    assert 'href="?category=theft" aria-current="true"' in page(operator, "?category=theft")


def test_a_category_the_backtest_lacks_is_said_on_the_page(page, operator, jurisdiction):
    make_backtest_rows(jurisdiction)
    text = page(operator, "?category=robbery")
    assert "no incident of this category" in text


def test_a_job_under_way_is_followed_by_the_page(page, analyst, jurisdiction):
    job = Job.objects.create(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST)
    assert f'data-job="{job.pk}"' in page(analyst)


def test_page_shows_nothing_of_another_jurisdiction(page, outsider, jurisdiction):
    make_published_run(jurisdiction)
    make_backtest_rows(jurisdiction)
    text = page(outsider)
    assert "No forecast yet" in text
    assert "No back-test yet" in text


def test_the_page_asks_for_signing_in(client, jurisdiction):
    assert client.get("/runs/").status_code == 302


def test_page_needs_a_fixed_number_of_queries(operator, jurisdiction, client, django_assert_max_num_queries):
    for _again in range(3):
        make_published_run(jurisdiction)
        make_backtest_rows(jurisdiction)
    client.force_login(operator)
    with django_assert_max_num_queries(3 + 7):
        client.get("/runs/")


def test_table_marks_the_best_of_each_column(jurisdiction):
    backtest = make_backtest_rows(jurisdiction)
    score = backtest.scores.get(learner="kde", category_code="")
    score.metrics |= {"calibration_ratio": 0.99, "area_80_9": 19.0, "auc": None}
    score.save()
    table = backtest_table(backtest=backtest)
    rows = {row.learner: row for row in table.rows}
    assert [row.learner for row in table.rows] == ["lightgbm", "kde", "count"]
    assert [figure.is_best for figure in rows["lightgbm"].capture] == [True] * 5
    assert rows["kde"].calibration_ratio.is_best
    assert rows["kde"].area_80_9.is_best
    assert not rows["lightgbm"].area_80_9.is_best
    assert rows["kde"].auc.value is None
    assert table.incidents == 120
