"""The API of rulings, facts and published figures: who may do what, what comes back, and what is refused with which words."""

import pytest

from tests.integration.test_statistics_pages import make_set
from tests.rulings import TEXT, make_ruling
from webapp.audit.models import AuditEntry
from webapp.crimes.models import RulingFact

pytestmark = pytest.mark.django_db


def test_the_list_holds_no_text_and_leaves_no_line(jurisdiction, analyst, api):
    ruling = make_ruling(jurisdiction)
    answer = api(analyst).get("/api/v1/rulings/?category=robbery").json()
    assert answer["count"] == 1
    assert answer["results"][0] == {
        "id": ruling.pk,
        "source_id": ruling.source_id,
        "court": "시험지방법원",
        "case_no": ruling.case_no,
        "case_name": "특수강도",
        "decided_on": str(ruling.decided_on),
        "verdict": "guilty",
        "verdict_label": "guilty",
        "upload_id": ruling.upload_id,
    }
    assert api(analyst).get("/api/v1/rulings/?category=theft").json()["count"] == 0
    assert not AuditEntry.objects.filter(action="read_ruling").exists()


def test_one_ruling_comes_with_its_text_and_facts_and_leaves_a_line(jurisdiction, analyst, api):
    ruling = make_ruling(jurisdiction)
    answer = api(analyst).get(f"/api/v1/rulings/{ruling.pk}/").json()
    assert answer["ruling"]["text"] == TEXT
    assert answer["ruling"]["sections"] == [{"kind": "facts", "start": 0, "end": len(TEXT)}]
    running = next(fact for fact in answer["facts"] if fact["value"] == "running")
    assert (running["quote"], running["field_label"], running["is_corrected"]) == ("도주", "risk factor", False)
    assert TEXT[running["start"] : running["end"]] == "도주"
    entry = AuditEntry.objects.get(action="read_ruling")
    assert (entry.actor, entry.address) == (analyst, "127.0.0.1")


@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_other_roles_neither_read_nor_correct(jurisdiction, users, api, role):
    ruling = make_ruling(jurisdiction)
    fact = ruling.facts.first()
    client = api(users[role])
    for address in ("/api/v1/rulings/", f"/api/v1/rulings/{ruling.pk}/", "/api/v1/rulings/corrections.csv"):
        assert client.get(address).status_code == 403
    for address in (
        f"{ruling.pk}/facts/",
        f"facts/{fact.pk}/correct/",
        f"facts/{fact.pk}/remove/",
        f"facts/{fact.pk}/take-back/",
    ):
        assert client.post(f"/api/v1/rulings/{address}", {}, format="json").status_code == 403


def test_somebody_elses_ruling_is_not_there(jurisdiction, outsider, api):
    ruling = make_ruling(jurisdiction)
    fact = ruling.facts.first()
    client = api(outsider)
    assert client.get(f"/api/v1/rulings/{ruling.pk}/").status_code == 404
    body = {"event": 0, "field": "dong", "value": "방배동"}
    assert client.post(f"/api/v1/rulings/{ruling.pk}/facts/", body, format="json").status_code == 404
    assert client.post(f"/api/v1/rulings/facts/{fact.pk}/correct/", {"value": "street"}, format="json").status_code == 404
    assert RulingFact.objects.filter(origin="person").count() == 0


def test_a_person_adds_corrects_removes_and_takes_back(jurisdiction, analyst, api):
    ruling = make_ruling(jurisdiction)
    client = api(analyst)
    start = TEXT.index("도주")
    body = {"event": 1, "field": "risk_factor", "value": "loitering", "start": start, "end": start + 2, "quote": "도주"}
    added = client.post(f"/api/v1/rulings/{ruling.pk}/facts/", body, format="json")
    assert added.status_code == 201
    address = f"/api/v1/rulings/facts/{added.json()['fact']}"
    corrected = client.post(f"{address}/correct/", {"value": "running"}, format="json").json()["fact"]
    removed = client.post(f"/api/v1/rulings/facts/{corrected}/remove/").json()["fact"]
    page = client.get(f"/api/v1/rulings/{ruling.pk}/").json()
    (gone,) = page["removed"]
    assert [change["value"] for change in gone["history"]] == ["running", "loitering"]
    assert client.post(f"/api/v1/rulings/facts/{removed}/take-back/").json() == {"fact": corrected}
    assert client.post(f"/api/v1/rulings/facts/{corrected}/take-back/").json() == {"fact": added.json()["fact"]}
    assert client.post(f"{address}/take-back/").json() == {"fact": None}
    assert RulingFact.objects.filter(ruling=ruling, origin="person").count() == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"event": 0, "field": "risk_factor", "value": "dancing"}, "value_refused"),
        ({"event": 0, "field": "risk_factor", "value": "running", "start": 0, "end": 2, "quote": "도주"}, "span_refused"),
        ({"event": 7, "field": "risk_factor", "value": "running"}, "error"),
        ({"event": -1, "field": "risk_factor", "value": "running"}, "invalid"),
        ({"event": 0, "field": "risk_factor"}, "invalid"),
        ({"event": 0, "field": "dong", "value": "a\u0000b"}, "invalid"),
        ({"event": 0, "field": "dong", "value": "방배동", "start": 10**12, "end": 10**12 + 1}, "span_refused"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(jurisdiction, analyst, api, body, code):
    ruling = make_ruling(jurisdiction, [(0, "category", "robbery", "")])
    answer = api(analyst).post(f"/api/v1/rulings/{ruling.pk}/facts/", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert RulingFact.objects.filter(ruling=ruling).count() == 1


def test_the_corrections_go_out_as_gold(jurisdiction, analyst, api):
    ruling = make_ruling(jurisdiction)
    fact = ruling.facts.get(field="place_kind")
    api(analyst).post(f"/api/v1/rulings/facts/{fact.pk}/correct/", {"value": "street"}, format="json")
    answer = api(analyst).get("/api/v1/rulings/corrections.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "ruling,event,field,value,start,end,is_allegation,value_before,start_before,end_before,at"
    assert lines[1].startswith(
        f"{ruling.source_id},0,place_kind,street,{fact.start},{fact.end},False,alley,{fact.start},{fact.end},"
    )


def test_published_figures_come_page_by_page(jurisdiction, operator, api):
    made = make_set(jurisdiction, {"area": "서초구", "value": 3}, {"area": "강남구", "value": None})
    (line,) = api(operator).get("/api/v1/figures/").json()
    assert (line["id"], line["figures"], line["measures"]) == (made.pk, 2, ["발생"])
    answer = api(operator).get(f"/api/v1/figures/{made.pk}/").json()
    assert [(row["area"], row["value"]) for row in answer["results"]] == [("서초구", 3.0), ("강남구", None)]


def test_the_priors_come_as_json_and_as_files(jurisdiction, operator, api):
    for _ in range(3):
        facts = [(0, "category", "robbery", ""), (0, "risk_factor", "following", "뒤따라"), (0, "place_kind", "alley", "")]
        make_ruling(jurisdiction, [*facts, (0, "time", "23:40", "")])
    client = api(operator)
    answer = client.get("/api/v1/risk-factors/").json()
    assert (answer["rulings"], answer["events"], answer["left_out"]) == (3, 3, 0)
    (line,) = answer["risk_factors"]
    assert (line["category"], line["risk_factor"], line["events"], line["of_events"]) == ("robbery", "following", 3, 3)
    assert line["low"] < line["ratio"] < line["high"]
    assert [(one["place_kind"], one["hour_from"], one["share"]) for one in answer["places"]] == [("alley", 21, 1.0)]
    factors = b"".join(client.get("/api/v1/risk-factors/risk-factors.csv").streaming_content).decode("utf-8-sig").splitlines()
    assert factors[0] == "category,risk_factor,events,of_events,times_as_often,low_95,high_95"
    assert factors[1].startswith("robbery,following,3,3,")
    places = b"".join(client.get("/api/v1/risk-factors/places-and-hours.csv").streaming_content).decode("utf-8-sig").splitlines()
    assert places[1:] == ["robbery,alley,23,24,3,3,1.0"]
