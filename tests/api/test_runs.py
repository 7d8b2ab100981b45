"""The API of runs, cells and back-tests: shapes, values, scope, roles and the number of queries."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.factories import cells_of, make_published_run, make_user
from webapp.audit.models import AuditEntry
from webapp.common.models import Job
from webapp.crimes.models import CellGrid
from webapp.forecasts.models import Backtest, BacktestScore, ForecastRun, Rates

METRICS = {
    "capture_rate": {"1": 0.1, "2": 0.2, "5": 0.4, "10": 0.6, "20": 0.8},
    "capture_rate_interval": {"5": [0.35, 0.45]},
    "pai_1": 10.0,
    "pei_1": 0.5,
    "pei_5": 0.6,
    "auc": 0.83,
    "log_likelihood": -1234.0,
    "calibration_ratio": 1.02,
    "calibration_bands": [[1, 2], [3, 4]],
    "area_80_9": 20.5,
}


def make_backtest_rows(jurisdiction) -> Backtest:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    backtest = Backtest.objects.create(
        jurisdiction=jurisdiction,
        grid=CellGrid.objects.of(jurisdiction).get(is_current=True),
        first_window_start=start,
        last_window_end=start + timedelta(weeks=8),
        windows=8,
        window_hours=168,
        active_cell_share=0.4,
        seed=1,
        code_version="0.1.0",
        data_sha256="ab" * 32,
    )
    for learner, shift in (("lightgbm", 0.0), ("count", -0.05), ("kde", -0.1)):
        rates = {area: share + shift for area, share in METRICS["capture_rate"].items()}
        for category in ("", "theft"):
            BacktestScore.objects.create(
                backtest=backtest,
                learner=learner,
                category_code=category,
                incidents=120,
                metrics=METRICS | {"capture_rate": rates},
            )
    return backtest


@pytest.fixture
def run(jurisdiction) -> ForecastRun:
    return make_published_run(jurisdiction)


def test_run_detail_tells_what_the_run_covers_and_what_stands_behind_it(api, operator, run):
    body = api(operator).get(f"/api/v1/runs/{run.pk}/").json()
    assert body["id"] == run.pk
    assert [category["code"] for category in body["categories"]] == [
        "homicide",
        "robbery",
        "sexual_violence",
        "theft",
        "violence",
    ]
    assert len(body["slot_starts"]) == 21
    assert body["slot_starts"][0] == run.slot_starts[0].isoformat().replace("+00:00", "Z")
    assert body["cell_count"] == run.grid.cell_count
    assert body["grid_digest"] == run.grid.digest
    assert (body["seed"], body["code_version"], body["incident_count"]) == (7, "0.1.0", 200)
    theft_in_slot_2 = Rates.objects.get(run=run, slot=2, category__code="theft").total
    assert body["totals"][2][3] == pytest.approx(theft_in_slot_2)
    assert np.shape(body["totals"]) == (21, 5)


def test_current_is_the_run_published_last(api, operator, jurisdiction, run):
    newer = make_published_run(jurisdiction)
    assert api(operator).get("/api/v1/runs/current/").json()["id"] == newer.pk
    listed = api(operator).get("/api/v1/runs/").json()
    assert [row["id"] for row in listed["results"]] == [newer.pk, run.pk]


def test_current_run_says_so_where_there_is_none(api, operator):
    answer = api(operator).get("/api/v1/runs/current/")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(("language", "name"), [("ko", "절도"), ("en", "Theft")])
def test_names_come_in_the_language_of_the_page(api, operator, run, language, name):
    client = api(operator)
    client.cookies["django_language"] = language
    assert client.get(f"/api/v1/runs/{run.pk}/").json()["categories"][3]["name"] == name


def test_cell_detail_adds_up(api, analyst, jurisdiction, run, incidents):
    incidents(jurisdiction, 50)
    cells = cells_of(jurisdiction)
    n = len(cells)
    position = n // 2
    body = api(analyst).get(f"/api/v1/runs/{run.pk}/cells/{int(cells[position]):x}/?slot=3").json()
    ramp = (position + 1) / n
    expected = [0.001 * (k + 1) * ramp * 1.03 for k in range(5)]
    assert [row["rate"] for row in body["rates"]] == pytest.approx(expected, rel=1e-5)
    assert body["rates"][0]["probability"] == pytest.approx(1 - np.exp(-expected[0]), rel=1e-5)
    assert body["rates"][3]["week"] == pytest.approx(0.004 * ramp * sum(1 + s / 100 for s in range(21)), rel=1e-5)
    assert body["by_slot"] == pytest.approx([0.015 * ramp * (1 + s / 100) for s in range(21)], rel=1e-5)
    assert body["city_mean"] == pytest.approx(0.015 * 1.03 * (n + 1) / 2 / n, rel=1e-4)
    assert body["rank"] == n - position
    assert body["cell_count"] == n
    assert body["dong"] in ("Seo 1-dong", "Dong 1-dong", "서1동", "동1동")
    assert 0.01 < body["area_km2"] < 0.02


def test_cell_detail_of_one_category_is_of_that_category(api, operator, jurisdiction, run):
    cell = int(cells_of(jurisdiction)[-1])
    body = api(operator).get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/?category=theft").json()
    assert body["by_slot"][0] == pytest.approx(0.004, rel=1e-5)
    assert body["rank"] == 1
    assert len(body["rates"]) == 5


def test_reasons_are_plain_sentences_strongest_first(api, operator, jurisdiction, run):
    cell = int(cells_of(jurisdiction)[0])
    client = api(operator)
    client.cookies["django_language"] = "en"
    reasons = client.get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/").json()["reasons"]
    assert [reason["group"] for reason in reasons] == ["here_recent", "around_recent", "season"]
    assert reasons[0]["factor"] == pytest.approx(np.exp(0.5), rel=1e-3)
    assert reasons[0]["sentence"] == "Many incidents in this cell in the last 4 weeks (×1.6)"
    assert reasons[2]["sentence"] == "A time of the year with few incidents (×0.90)"


def test_reading_a_cells_incidents_leaves_a_line_in_the_audit_trail(api, analyst, jurisdiction, run, incidents):
    cell = incidents(jurisdiction, 50)[0].cell
    body = api(analyst).get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/").json()
    assert body["incidents"]
    assert body["incidents_hidden"] == ""
    assert set(body["incidents"][0]) == {
        "id",
        "category",
        "category_code",
        "occurred_from",
        "occurred_to",
        "source",
        "source_line",
    }
    line = AuditEntry.objects.get(action=AuditEntry.Action.READ_INCIDENTS)
    assert (line.actor, line.target) == (analyst, f"cell:{cell:x}")


def test_an_operator_sees_rates_but_no_incidents_and_is_told_why(api, operator, jurisdiction, run, incidents):
    cell = incidents(jurisdiction, 50)[0].cell
    body = api(operator).get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/").json()
    assert body["incidents"] is None
    assert body["incidents_hidden"]
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.READ_INCIDENTS).exists()


@pytest.mark.parametrize("cell", ["8a30e1d8d0a7fff", "nonsense", "0", "ffffffffffffffffff", "-1"])
def test_a_cell_outside_the_grid_is_not_found(api, operator, run, cell):
    assert api(operator).get(f"/api/v1/runs/{run.pk}/cells/{cell}/").status_code == 404


@pytest.mark.parametrize("query", ["slot=21", "category=arson"])
def test_a_slot_or_category_the_run_lacks_is_not_found(api, operator, jurisdiction, run, query):
    cell = int(cells_of(jurisdiction)[0])
    assert api(operator).get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/?{query}").status_code == 404


@pytest.mark.parametrize("query", ["slot=-1", "slot=x"])
def test_a_slot_that_is_no_index_is_refused(api, operator, jurisdiction, run, query):
    cell = int(cells_of(jurisdiction)[0])
    assert api(operator).get(f"/api/v1/runs/{run.pk}/cells/{cell:x}/?{query}").status_code == 400


def test_an_unpublished_run_is_not_shown(api, operator, run):
    ForecastRun.objects.filter(pk=run.pk).update(state=ForecastRun.State.FAILED)
    assert api(operator).get(f"/api/v1/runs/{run.pk}/").status_code == 404


def test_backtest_tells_its_protocol_and_scores(api, operator, jurisdiction):
    backtest = make_backtest_rows(jurisdiction)
    body = api(operator).get(f"/api/v1/backtests/{backtest.pk}/").json()
    assert (body["windows"], body["window_hours"], body["active_cell_share"]) == (8, 168, 0.4)
    assert len(body["scores"]) == 6
    score = next(row for row in body["scores"] if row["learner"] == "lightgbm" and row["category"] == "theft")
    assert score["incidents"] == 120
    assert score["metrics"]["capture_rate"]["5"] == 0.4
    assert api(operator).get("/api/v1/backtests/").json()["count"] == 1


def test_nothing_of_another_jurisdiction_can_be_seen(api, outsider, jurisdiction, run):
    backtest = make_backtest_rows(jurisdiction)
    cell = int(cells_of(jurisdiction)[0])
    client = api(outsider)
    for address in (f"runs/{run.pk}/", f"runs/{run.pk}/cells/{cell:x}/", f"backtests/{backtest.pk}/", "runs/current/"):
        assert client.get(f"/api/v1/{address}").status_code == 404, address
    assert client.get("/api/v1/runs/").json()["count"] == 0
    assert client.get("/api/v1/backtests/").json()["count"] == 0


def test_nobody_sees_anything_without_signing_in(api, jurisdiction, run):
    backtest = make_backtest_rows(jurisdiction)
    cell = int(cells_of(jurisdiction)[0])
    for address in ("runs/", "runs/current/", f"runs/{run.pk}/", f"runs/{run.pk}/cells/{cell:x}/", f"backtests/{backtest.pk}/"):
        assert api(None).get(f"/api/v1/{address}").status_code in (401, 403), address


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_who_may_not_start_runs_is_refused(api, users, jurisdiction, incidents, role):
    incidents(jurisdiction, 200)
    for address in ("runs", "backtests"):
        assert api(users[role]).post(f"/api/v1/{address}/", {}, format="json").status_code == 403
    assert not Job.objects.exists()


def test_starting_a_run_answers_with_its_job_and_is_logged(api, analyst, jurisdiction, incidents):
    incidents(jurisdiction, 200)
    answer = api(analyst).post("/api/v1/runs/", {}, format="json")
    assert answer.status_code == 202
    job = Job.objects.get(pk=answer.json()["id"])
    assert (job.kind, job.state, job.created_by) == ("forecast", "queued", analyst)
    line = AuditEntry.objects.get(action=AuditEntry.Action.START_RUN)
    assert (line.actor, line.target, line.detail["kind"]) == (analyst, f"job:{job.pk}", "forecast")


def test_a_second_run_is_refused_while_one_is_under_way(api, analyst, administrator, jurisdiction, incidents):
    incidents(jurisdiction, 200)
    first = api(analyst).post("/api/v1/runs/", {}, format="json").json()
    second = api(administrator).post("/api/v1/runs/", {}, format="json")
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "already_running"
    assert second.json()["error"]["fields"]["job"] == first["id"]
    assert Job.objects.count() == 1


def test_starting_without_data_says_to_upload_first(api, analyst):
    answer = api(analyst).post("/api/v1/runs/", {}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "no_incidents"


def test_a_cutoff_in_the_future_is_refused(api, analyst, jurisdiction, incidents):
    incidents(jurisdiction, 200)
    cutoff = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = api(analyst).post("/api/v1/runs/", {"cutoff": cutoff}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "cutoff_in_future")


def test_a_history_too_short_to_learn_from_is_refused(api, analyst, jurisdiction, incidents):
    incidents(jurisdiction, 200, days=20)
    answer = api(analyst).post("/api/v1/runs/", {}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "history_too_short")
    answer = api(analyst).post("/api/v1/backtests/", {}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "history_too_short")


@pytest.mark.parametrize("weeks", [3, 53, 0, -1])
def test_a_backtest_of_too_few_or_too_many_weeks_is_refused(api, analyst, jurisdiction, incidents, weeks):
    incidents(jurisdiction, 200)
    answer = api(analyst).post("/api/v1/backtests/", {"weeks": weeks}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "weeks_out_of_range")


def test_a_backtest_takes_fewer_weeks_where_the_data_are_short(api, analyst, jurisdiction, incidents):
    incidents(jurisdiction, 400, days=7 * 20)
    answer = api(analyst).post("/api/v1/backtests/", {"weeks": 26}, format="json")
    assert answer.status_code == 202
    assert 10 <= Job.objects.get(pk=answer.json()["id"]).parameters["weeks"] <= 12


def test_lists_and_details_need_a_fixed_number_of_queries(api, operator, jurisdiction, run, django_assert_max_num_queries):
    for _again in range(3):
        make_published_run(jurisdiction)
        backtest = make_backtest_rows(jurisdiction)
    client = api(operator)
    cell = f"{int(cells_of(jurisdiction)[0]):x}"
    signing_in = 3  # session, user, jurisdiction
    with django_assert_max_num_queries(signing_in + 4):
        client.get("/api/v1/runs/")
    with django_assert_max_num_queries(signing_in + 4):
        client.get(f"/api/v1/runs/{run.pk}/")
    with django_assert_max_num_queries(signing_in + 6):
        client.get(f"/api/v1/runs/{run.pk}/cells/{cell}/")
    with django_assert_max_num_queries(signing_in + 4):
        client.get("/api/v1/backtests/")
    with django_assert_max_num_queries(signing_in + 3):
        client.get(f"/api/v1/backtests/{backtest.pk}/")


def test_a_person_without_a_jurisdiction_sees_nothing(api, jurisdiction, run):
    nobody = make_user(None, "analyst", "stray")
    assert api(nobody).get(f"/api/v1/runs/{run.pk}/").status_code == 403


def test_the_addresses_are_in_the_openapi_document(api, operator):
    text = api(operator).get("/api/v1/schema/").content.decode()
    for name in ("runs_list", "runs_start", "runs_current", "runs_detail", "runs_cell", "backtests_list", "backtests_start"):
        assert f"operationId: {name}\n" in text
