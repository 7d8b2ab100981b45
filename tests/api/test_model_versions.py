"""The API of model versions, the drift watch and replays: shapes, rights, scopes, and queries that do not grow."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import make_incidents, make_published_run
from tests.integration.test_forecasts_drift import MONDAY, NOW, WEEK, later, reported
from tests.integration.test_forecasts_versions import in_service, make_version
from webapp.audit.models import AuditEntry
from webapp.common.models import Job
from webapp.forecasts.models import ModelVersion, Replay
from webapp.forecasts.services.drift import watch_drift

VERSIONS = "/api/v1/model-versions/"
ROLES = ("analyst", "operator", "administrator", "auditor")


@pytest.fixture
def versions(jurisdiction) -> list[ModelVersion]:
    """One retired, one in service, one refused."""
    first = in_service(make_version(jurisdiction))
    second = in_service(make_version(jurisdiction, number=2), over=first)
    return [first, second, make_version(jurisdiction, number=3, state="refused", verdict="too_short", comparison={"rival": 1})]


def test_the_list_tells_each_version_and_its_verdict_newest_first(api, analyst, versions):
    answer = api(analyst).get(VERSIONS).json()
    assert [row["id"] for row in answer["results"]] == [version.pk for version in reversed(versions)]
    refused, present, retired = answer["results"]
    assert (refused["state"], refused["state_label"]) == ("refused", "not better")
    assert refused["verdict_sentence"] == "The data are too short to compare it with version 1."
    assert (present["state"], present["promoted_over"]) == ("in_service", versions[0].pk)
    assert (retired["state"], retired["promoted_by"], retired["created_by"]) == ("retired", None, None)
    assert present["learner_label"] == "LightGBM (learning model)"
    assert "metrics" not in present


def test_one_version_tells_its_parameters_and_figures(api, operator, versions):
    answer = api(operator).get(f"{VERSIONS}{versions[1].pk}/").json()
    assert answer["model_sha256"] == f"{2:064x}"
    assert answer["cell_count"] == versions[1].grid.cell_count
    assert answer["category_codes"] == versions[1].category_codes
    assert answer["metrics"] == {}


def test_another_jurisdiction_finds_nothing(api, outsider, versions, jurisdiction):
    run = make_published_run(jurisdiction)
    assert api(outsider).get(VERSIONS).json()["results"] == []
    for path in (f"{VERSIONS}{versions[0].pk}/", f"/api/v1/runs/{run.pk}/replays/"):
        assert api(outsider).get(path).status_code == 404
    reason = {"reason": "not ours at all"}
    assert api(outsider).post(f"{VERSIONS}{versions[0].pk}/promote/", reason, format="json").status_code == 404
    assert api(outsider).post(f"{VERSIONS}roll-back/", {}, format="json").status_code == 409  # nothing of its own to go back to
    assert api(outsider).get("/api/v1/drift/").json() == {"alerts": [], "weeks": []}
    versions[1].refresh_from_db()
    assert versions[1].state == "in_service"


@pytest.mark.parametrize("role", ROLES)
def test_only_analysts_and_administrators_change_what_is_in_service(api, users, jurisdiction, versions, role):
    run = make_published_run(jurisdiction)
    client, may = api(users[role]), role in ("analyst", "administrator")
    assert client.get(VERSIONS).status_code == 200
    posts = {
        f"{VERSIONS}{versions[2].pk}/promote/": ({"reason": "tried by hand"}, 200),
        f"{VERSIONS}roll-back/": ({}, 200),
        VERSIONS: ({}, 400),  # no incidents yet
        "/api/v1/drift/": ({}, 202),
        f"/api/v1/runs/{run.pk}/replays/": ({}, 202),
    }
    for path, (body, allowed) in posts.items():
        assert client.post(path, body, format="json").status_code == (allowed if may else 403), path
    versions[1].refresh_from_db()
    assert versions[1].state == "in_service"  # promoted over, then gone back to; or never touched


def test_a_promotion_takes_a_reason_and_leaves_a_line(api, analyst, versions):
    client, path = api(analyst), f"{VERSIONS}{versions[2].pk}/promote/"
    refused = client.post(path, {"reason": "x"}, format="json")
    assert refused.status_code == 400
    assert "reason" in refused.json()["error"]["fields"]
    answer = client.post(path, {"reason": "tried by hand"}, format="json").json()
    assert (answer["state"], answer["promoted_by"], answer["promotion_reason"]) == (
        "in_service",
        analyst.username,
        "tried by hand",
    )
    assert AuditEntry.objects.get(action="promote_version").address == "127.0.0.1"
    again = client.post(path, {"reason": "tried by hand"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_in_service")


def test_going_back_is_one_post(api, administrator, versions):
    answer = api(administrator).post(f"{VERSIONS}roll-back/").json()
    assert (answer["id"], answer["state"], answer["verdict"]) == (versions[0].pk, "in_service", "rolled_back")
    assert AuditEntry.objects.filter(action="roll_back_version", actor=administrator).count() == 1


def test_what_is_put_into_service_is_forecast_with(api, analyst, versions, jurisdiction):
    make_incidents(jurisdiction, 200)
    api(analyst).post(f"{VERSIONS}roll-back/")
    assert Job.objects.get().kind == Job.Kind.FORECAST


def test_a_version_that_cannot_be_used_is_refused_with_the_reason(api, analyst, jurisdiction):
    old = make_version(jurisdiction, code_version="0.0.1")
    answer = api(analyst).post(f"{VERSIONS}{old.pk}/promote/", {"reason": "because"}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"] == {"reason": "code_version"}


def test_a_training_is_a_job(api, analyst, jurisdiction):
    make_incidents(jurisdiction, 200)
    answer = api(analyst).post(VERSIONS, {"learner": "count"}, format="json")
    assert answer.status_code == 202
    job = Job.objects.get()
    assert (job.kind, job.parameters["learner"]) == (Job.Kind.TRAIN, "count")
    assert answer.json()["id"] == str(job.pk)
    assert api(analyst).post(VERSIONS).status_code == 409
    unknown = api(analyst).post(VERSIONS, {"learner": "oracle9"}, format="json")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "unknown_code")
    cancel = api(analyst).post(f"/api/v1/jobs/{job.pk}/cancel/")
    assert cancel.status_code == 202


def test_a_backtest_takes_horizons_and_learners(api, analyst, jurisdiction):
    make_incidents(jurisdiction, 200)
    client, path = api(analyst), "/api/v1/backtests/"
    for wrong in ({"horizons": ["year"]}, {"learners": ["oracle"]}, {"horizons": ["week", "week"]}):
        answer = client.post(path, wrong, format="json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_code")
        assert answer.json()["error"]["fields"] == wrong
    answer = client.post(path, {"weeks": 4, "horizons": ["shift", "week"], "learners": ["count"]}, format="json")
    assert answer.status_code == 202
    parameters = Job.objects.get().parameters
    assert (parameters["horizons"], parameters["learners"]) == (["shift", "week"], ["count"])


def test_the_drift_tells_weeks_bands_and_alerts(api, auditor, jurisdiction):
    make_published_run(jurisdiction, first_slot=MONDAY)
    reported(jurisdiction, 200, week=0, seed=2)
    later(jurisdiction, weeks=1)
    watch_drift(jurisdiction=jurisdiction, now=NOW)
    answer = api(auditor).get("/api/v1/drift/").json()
    (week,) = answer["weeks"]
    together = week["rows"][0]
    assert (together["category"], together["is_alert"]) == ("", True)
    assert together["incidents"] == {"value": 200, "low": 29, "high": 77, "is_outside": True}
    assert together["calibration"]["value"] == pytest.approx(together["expected"] / 200)
    assert together["capture"]["low"] is None
    assert answer["alerts"][0]["sentence"].startswith("All categories: 200 incidents were reported")


def test_replays_tell_their_outcome_newest_first(api, operator, jurisdiction):
    run = make_published_run(jurisdiction)
    for is_identical in (True, False):
        Replay.objects.create(
            jurisdiction=jurisdiction, run=run, is_identical=is_identical, is_same_data=True, vectors=5, code_version="0.1.0"
        )
    newest, oldest = api(operator).get(f"/api/v1/runs/{run.pk}/replays/").json()
    assert (newest["is_identical"], oldest["is_identical"]) == (False, True)
    assert oldest["sentence"] == f"The same bit by bit: 5 vectors of forecast {run.pk} were computed again."


def test_a_run_names_its_version(api, analyst, jurisdiction, versions):
    run = make_published_run(jurisdiction)
    assert api(analyst).get(f"/api/v1/runs/{run.pk}/").json()["model_version"] is None
    run.model_version = versions[1]
    run.save()
    assert api(analyst).get(f"/api/v1/runs/{run.pk}/").json()["model_version"] == versions[1].pk


def test_lists_take_as_many_queries_however_long_they_are(api, analyst, jurisdiction, versions, django_assert_max_num_queries):
    for week in range(3):
        make_published_run(jurisdiction, first_slot=MONDAY + week * WEEK)
        reported(jurisdiction, 50, week=week, seed=2 + week)
    later(jurisdiction, weeks=3)
    watch_drift(jurisdiction=jurisdiction, now=NOW)
    for number in range(4, 9):
        make_version(
            jurisdiction, number=number, promoted_by=analyst, created_by=analyst, cutoff=timezone.now() - timedelta(days=1)
        )
    client = api(analyst)
    with django_assert_max_num_queries(4):  # session, person, count, versions
        assert client.get(VERSIONS).json()["count"] == 8
    with django_assert_max_num_queries(8):
        assert len(client.get("/api/v1/drift/").json()["weeks"]) == 3
