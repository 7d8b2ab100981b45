"""The API of live weights: shapes, rights, scopes, and queries that do not grow."""

import pytest

from webapp.forecasts.models import LiveWeights
from webapp.forecasts.services.live_weights import make_prior

LIST = "/api/v1/live-weights/"


@pytest.fixture
def weights(jurisdiction) -> LiveWeights:
    return make_prior(jurisdiction=jurisdiction)


def test_the_weights_in_service_are_told_with_their_intervals(api, operator, weights):
    answer = api(operator).get(f"{LIST}current/").json()
    assert answer["id"] == weights.pk
    assert (answer["state"], answer["origin"], answer["verdict"]) == ("in_service", "prior", "first")
    assert answer["verdict_sentence"].startswith("The first live weights")
    assert len(answer["weights"]) == len(answer["category_codes"]) * len(answer["factor_codes"])
    line = answer["weights"][0]
    assert line["times"] == 1.0
    assert line["low"] == pytest.approx(-line["high"])


def test_the_list_is_newest_first_and_of_the_own_jurisdiction(api, analyst, outsider, weights, django_assert_max_num_queries):
    client = api(analyst)
    with django_assert_max_num_queries(8):
        answer = client.get(LIST).json()
    assert [row["id"] for row in answer["results"]] == [weights.pk]
    assert "weights" not in answer["results"][0]
    assert api(outsider).get(LIST).json()["results"] == []
    assert api(outsider).get(f"{LIST}{weights.pk}/").status_code == 404
    assert api(outsider).get(f"{LIST}current/").json()["error"]["code"] == "no_live_weights"


def test_only_who_may_promotes_and_only_with_a_reason(api, analyst, operator, outsider, weights):
    path = f"{LIST}{weights.pk}/promote/"
    assert api(operator).post(path, {"reason": "why not"}, format="json").status_code == 403
    assert api(outsider).post(path, {"reason": "not ours at all"}, format="json").status_code == 404
    assert api(analyst).post(path, {"reason": ""}, format="json").status_code == 400
    answer = api(analyst).post(path, {"reason": "once again"}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_in_service")


def test_nobody_reads_without_signing_in(client, weights):
    assert client.get(LIST).status_code in (401, 403)
