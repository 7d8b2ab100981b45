"""Watch plans through the API."""

import pytest
from django.conf import settings

from webapp.watch.models import WatchPlan

ADDRESS = "/api/v1/watch-plans/"


@pytest.fixture
def run(jurisdiction, cameras, published_run):
    cameras(jurisdiction, 30)
    return published_run(jurisdiction)


@pytest.fixture
def order(run):
    """A body that asks for a plan of the first slot."""
    return {"slot_start": run.slot_starts[0].isoformat(), "operators": 2, "cameras_per_operator": 4}


def test_a_plan_is_made_shown_and_published(api, operator, run, order):
    client = api(operator)
    made = client.post(ADDRESS, order, format="json")
    assert made.status_code == 201
    plan = made.json()
    assert (plan["state"], plan["run"], plan["operators"], plan["category"]) == ("draft", run.pk, 2, "")
    assert (plan["camera_count"], plan["cameras_simulated"], len(plan["items"])) == (30, 8, 8)
    assert [seat["cameras"] for seat in plan["seats"]] == [4, 4]
    assert 0 < plan["expected_captured"] < plan["expected_incidents"]
    item = plan["items"][0]
    assert (item["rank"], item["reason"]["category"]) == (1, "violence")
    assert set(item["camera"]) >= {"id", "name", "longitude", "latitude", "bearing_deg", "angle_deg", "range_m"}
    assert client.get(f"{ADDRESS}{plan['id']}/").json() == plan
    published = client.post(f"{ADDRESS}{plan['id']}/publish/").json()
    assert published["state"] == "published"
    assert published["items"] == plan["items"]
    assert client.post(f"{ADDRESS}{plan['id']}/publish/").json() == published


def test_plans_are_listed_by_slot_and_state(api, operator, run, order):
    client = api(operator)
    first = client.post(ADDRESS, order, format="json").json()
    second = client.post(ADDRESS, order | {"slot_start": run.slot_starts[1].isoformat()}, format="json").json()
    client.post(f"{ADDRESS}{first['id']}/publish/")
    assert [plan["id"] for plan in client.get(ADDRESS).json()["results"]] == [second["id"], first["id"]]
    of_slot = client.get(ADDRESS, {"slot_start": order["slot_start"]}).json()
    assert [plan["id"] for plan in of_slot["results"]] == [first["id"]]
    published = client.get(ADDRESS, {"state": "published"}).json()
    assert [plan["id"] for plan in published["results"]] == [first["id"]]
    assert client.get(ADDRESS, {"slot_start": "yesterday"}).status_code == 400


def test_a_plan_for_one_category(api, operator, order):
    plan = api(operator).post(ADDRESS, order | {"category": "theft"}, format="json").json()
    assert plan["category"] == "theft"
    assert {item["reason"]["category"] for item in plan["items"]} == {"theft"}


def test_the_reason_is_said_in_the_chosen_language(api, operator, order):
    client = api(operator)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    sentence = client.post(ADDRESS, order, format="json").json()["items"][0]["reason"]["sentence"]
    assert sentence.startswith("The risk of Violence in its view is ")


@pytest.mark.parametrize(
    ("role", "statuses"),
    [("analyst", (201, 403)), ("operator", (201, 200)), ("administrator", (201, 200)), ("auditor", (403, 403))],
)
def test_each_role_may_do_its_part(api, users, order, role, statuses):
    plan = api(users["administrator"]).post(ADDRESS, order, format="json").json()
    client = api(users[role])
    assert client.get(f"{ADDRESS}{plan['id']}/").status_code == 200
    made = client.post(ADDRESS, order, format="json")
    published = client.post(f"{ADDRESS}{plan['id']}/publish/")
    assert (made.status_code, published.status_code) == statuses


def test_another_jurisdiction_sees_no_plan(api, operator, outsider, order):
    plan = api(operator).post(ADDRESS, order, format="json").json()
    stranger = api(outsider)
    assert stranger.get(ADDRESS).json()["results"] == []
    for address in (f"{ADDRESS}{plan['id']}/", f"{ADDRESS}{plan['id']}/watch-list.csv"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"{ADDRESS}{plan['id']}/publish/").status_code == 404
    assert WatchPlan.objects.get().state == WatchPlan.State.DRAFT


def test_nobody_sees_plans_without_signing_in(api, run):
    assert api(None).get(ADDRESS).status_code == 403


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"operators": 0}, (400, "operators_out_of_bounds")),
        ({"cameras_per_operator": 500}, (400, "cameras_per_operator_out_of_bounds")),
        ({"category": "arson"}, (404, "not_found")),
        ({"slot_start": "2001-01-01T00:00:00Z"}, (404, "not_found")),
        ({"slot_start": "soon"}, (400, "invalid")),
        ({"operators": "many"}, (400, "invalid")),
    ],
)
def test_a_wrong_order_gets_a_sentence(api, operator, order, changes, answer):
    response = api(operator).post(ADDRESS, order | changes, format="json")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == answer
    assert len(error["message"]) > 10


def test_without_a_forecast_there_is_no_plan(api, operator):
    body = {"slot_start": "2026-01-01T00:00:00Z"}
    assert api(operator).post(ADDRESS, body, format="json").status_code == 404


def test_a_replaced_plan_cannot_be_published_again(api, operator, order):
    client = api(operator)
    old, new = (client.post(ADDRESS, order, format="json").json()["id"] for _ in range(2))
    client.post(f"{ADDRESS}{old}/publish/")
    client.post(f"{ADDRESS}{new}/publish/")
    response = client.post(f"{ADDRESS}{old}/publish/")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "conflict")


def test_the_watch_list_is_a_file(api, operator, order, run):
    client = api(operator)
    plan = client.post(ADDRESS, order, format="json").json()
    response = client.get(f"{ADDRESS}{plan['id']}/watch-list.csv")
    local = run.slot_starts[0].astimezone(run.jurisdiction.zone)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="watch-list-{local:%Y-%m-%d-%H%M}.csv"'
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert len(response.content.decode("utf-8-sig").splitlines()) == 9


def test_a_plan_takes_the_same_few_queries_whatever_its_size(api, operator, order, django_assert_max_num_queries):
    client = api(operator)
    plan = client.post(ADDRESS, order | {"cameras_per_operator": 15}, format="json").json()
    with django_assert_max_num_queries(6):  # session, person, jurisdiction, plan, categories, items with cameras
        client.get(f"{ADDRESS}{plan['id']}/")
