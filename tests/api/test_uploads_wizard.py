"""The wizard over HTTP: every step is a call, scoped, with bounded queries and sentences in the reader's language."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import make_user
from webapp.audit.models import AuditEntry
from webapp.crimes.models import Incident
from webapp.imports.models import MappingPreset, Upload
from webapp.imports.tasks import check, ingest, undo

pytestmark = pytest.mark.django_db

CONTENT = "category,occurred_from,latitude,longitude\n" + "".join(
    f"theft,2025-03-{day:02d} {day % 24:02d}:15,37.49{day:02d},127.0{day:02d}0\n" for day in range(1, 10)
)
UNKNOWN = CONTENT + "arson,2025-03-01 10:10,37.4900,127.0100\n" * 3
STEPS = ("mapping", "check", "commit", "undo", "discard")


@pytest.fixture
def client(api, administrator):
    made = api(administrator)
    made.cookies["django_language"] = "en"
    return made


def send(client, content: str = CONTENT, name: str = "a.csv", **more):
    return client.post("/api/v1/uploads/", {"file": SimpleUploadedFile(name, content.encode()), **more}, format="multipart")


@pytest.fixture
def upload(client) -> int:
    return int(send(client).data["id"])


def call(client, upload: int, step: str, body: dict | None = None):
    method = client.put if step == "mapping" else client.post
    return method(f"/api/v1/uploads/{upload}/{step}/", body or {}, format="json")


def checked(client, upload: int) -> dict:
    answer = call(client, upload, "check")
    assert answer.status_code == 202, answer.data
    check(answer.data["job"])
    return client.get(f"/api/v1/uploads/{upload}/").data


def committed(client, upload: int) -> dict:
    checked(client, upload)
    ingest(call(client, upload, "commit").data["job"])
    return client.get(f"/api/v1/uploads/{upload}/").data


def test_the_whole_way_from_file_to_database_and_back(client, upload):
    detail = client.get(f"/api/v1/uploads/{upload}/").data
    assert (detail["state"], detail["stage"], detail["findings"], detail["kind_label"]) == (
        "received",
        "understanding",
        None,
        "incidents",
    )
    assert detail["understanding"]["mapping"]["columns"]["occurred_from"] == "occurred_from"
    assert detail["understanding"]["open_questions"] == []
    assert any(line["topic"] == "crs" and "EPSG:4326" in line["sentence"] for line in detail["understanding"]["evidence"])
    detail = checked(client, upload)
    assert (detail["state"], detail["stage"], detail["findings"]["accepted"]) == ("checked", "check", 9)
    assert detail["findings"]["quality"]["score"] > 80
    assert len(detail["findings"]["map"]["points"]) == 9
    assert Incident.objects.count() == 0
    detail = committed(client, upload)
    assert (detail["state"], detail["stage"], detail["rows_accepted"]) == ("committed", "end", 9)
    answer = call(client, upload, "undo", {"reason": "wrong file"})
    undo(answer.data["job"])
    detail = client.get(f"/api/v1/uploads/{upload}/").data
    assert (detail["state"], detail["undo_reason"], Incident.objects.count()) == ("undone", "wrong file", 0)
    assert list(AuditEntry.objects.exclude(action="sign_in").order_by("pk").values_list("action", flat=True)) == [
        "upload",
        "undo_upload",
    ]


def test_the_first_rows_of_somebody_elses_file_leave_a_line_in_the_trail(api, jurisdiction, upload):
    colleague = make_user(jurisdiction, "administrator", "colleague")
    detail = api(colleague).get(f"/api/v1/uploads/{upload}/").data
    assert len(detail["understanding"]["rows"]) == 9
    entry = AuditEntry.objects.get(action="read_incidents")
    assert (entry.actor, entry.target, entry.detail) == (colleague, f"upload:{upload}", {"rows": 9})


def test_rows_that_were_shown_are_not_kept_once_they_are_taken_in(client, upload):
    detail = committed(client, upload)
    assert (detail["understanding"]["rows"], detail["understanding"]["samples"]) == ([], {})
    assert detail["understanding"]["header"] == ["category", "occurred_from", "latitude", "longitude"]


def test_unknown_categories_are_counted_and_asked_for(client):
    upload = send(client, UNKNOWN).data["id"]
    understanding = client.get(f"/api/v1/uploads/{upload}/").data["understanding"]
    assert {(one["value"], one["count"], one["code"]) for one in understanding["categories"]} == {
        ("theft", 9, "theft"),
        ("arson", 3, None),
    }
    (question,) = understanding["open_questions"]
    assert question["topic"] == "category"
    assert "Not known yet (1): “arson”" in question["sentence"]
    refused = call(client, upload, "check")
    assert (refused.status_code, refused.data["error"]["code"]) == (409, "open_questions")
    answer = call(client, upload, "mapping", {"categories": {"arson": ""}})
    assert answer.data["understanding"]["open_questions"] == []
    findings = checked(client, upload)["findings"]
    assert (findings["accepted"], findings["left_out"]) == (9, 3)


def test_a_wrong_mapping_is_answered_with_the_one_form_of_errors(client, upload):
    answer = call(client, upload, "mapping", {"columns": {"category": "nowhere"}})
    assert (answer.status_code, answer.data["error"]["code"]) == (400, "mapping_wrong")
    assert answer.data["error"]["message"] == "The file has no column “nowhere”."
    assert call(client, upload, "mapping", {"kind": "dragons"}).status_code == 400
    assert call(client, upload, "mapping", {"reading": {"header_rows": -1}}).status_code == 400


def test_presets_are_kept_listed_and_deleted(client, upload):
    made = client.post("/api/v1/upload-presets/", {"upload": upload, "name": "station"}, format="json")
    assert (made.status_code, made.data["name"], made.data["kind"]) == (201, "station", "incidents")
    assert [one["name"] for one in client.get("/api/v1/upload-presets/").data["results"]] == ["station"]
    assert client.delete(f"/api/v1/upload-presets/{made.data['id']}/").status_code == 204
    assert MappingPreset.objects.count() == 0
    assert client.post("/api/v1/upload-presets/", {"upload": upload, "name": " "}, format="json").status_code == 400


def test_the_choices_name_kinds_with_their_fields(client):
    choices = client.get("/api/v1/upload-choices/").data
    incidents = next(kind for kind in choices["kinds"] if kind["code"] == "incidents")
    assert {"name": "category", "label": "category", "required": True} in incidents["fields"]
    assert [one["name"] for one in choices["categories"]] == ["Homicide", "Robbery", "Sexual violence", "Theft", "Violence"]
    assert {one["code"] for one in choices["kinds"]} >= {"incidents", "cameras", "places", "areas", "statistics", "rulings"}


def test_a_file_that_is_no_data_is_refused_at_once_with_a_sentence(client):
    letter = "# To whom it may concern\n\n" + "There is no table in this letter and there never was one.\nIt only runs on.\n" * 30
    answer = send(client, letter, "letter.md")
    assert (answer.status_code, answer.data["state"]) == (202, "refused")
    assert answer.data["message"].startswith("letter.md")
    page = client.get(f"/uploads/{answer.data['id']}/").content.decode()
    assert "Nothing of it is in the database" in page


@pytest.mark.parametrize("role", ["analyst", "operator", "auditor"])
def test_other_roles_may_do_none_of_it(role, api, users, upload):
    caller = api(users[role])
    for step in STEPS:
        assert call(caller, upload, step, {"reason": "x"}).status_code == 403, step
    for address in ("upload-choices/", "upload-presets/"):
        assert caller.get(f"/api/v1/{address}").status_code == 403, address
    assert caller.post("/api/v1/upload-presets/", {"upload": upload, "name": "x"}, format="json").status_code == 403
    assert caller.delete("/api/v1/upload-presets/1/").status_code == 403


def test_another_jurisdiction_cannot_tell_that_an_upload_or_preset_exists(api, outsider, client, upload):
    made = client.post("/api/v1/upload-presets/", {"upload": upload, "name": "station"}, format="json")
    caller = api(outsider)
    for step in STEPS:
        assert call(caller, upload, step, {"reason": "x"}).status_code == 404, step
    assert caller.get(f"/api/v1/uploads/{upload}/").status_code == 404
    assert caller.get("/api/v1/upload-presets/").data["count"] == 0
    assert caller.delete(f"/api/v1/upload-presets/{made.data['id']}/").status_code == 404
    assert caller.post("/api/v1/upload-presets/", {"upload": upload, "name": "x"}, format="json").status_code == 404
    assert Upload.objects.get(pk=upload).state == "received"


def test_a_stranger_is_turned_away(api, upload):
    for step in STEPS:
        assert call(api(None), upload, step).status_code in (401, 403), step


@pytest.mark.parametrize(("address", "most"), [("uploads/{}/", 14), ("uploads/", 8), ("upload-choices/", 8)])
def test_the_reads_take_few_queries(address, most, client, upload, django_assert_max_num_queries):
    checked(client, upload)
    with django_assert_max_num_queries(most):
        assert client.get(f"/api/v1/{address.format(upload)}").status_code == 200


def test_the_list_takes_no_more_queries_for_more_uploads(client, django_assert_max_num_queries):
    for number in range(5):
        checked(client, int(send(client, CONTENT + f"theft,2025-04-0{number + 1} 10:10,37.49,127.01\n").data["id"]))
    with django_assert_max_num_queries(8):
        assert client.get("/api/v1/uploads/").data["count"] == 5


def test_the_pages_of_every_state_are_shown(client, upload):
    def page() -> str:
        return client.get(f"/uploads/{upload}/").content.decode()

    assert f'id="wizard" class="wizard" data-upload="{upload}"' in page()
    committed(client, upload)
    assert 'id="undo"' in page()
    assert 'id="findings"' in page()
    undo(call(client, upload, "undo", {"reason": "wrong <b>file</b>"}).data["job"])
    assert "This upload was undone" in page()
    assert "wrong &lt;b&gt;file&lt;/b&gt;" in page()
    other = send(client, CONTENT + "theft,2025-04-01 10:10,37.49,127.01\n").data["id"]
    call(client, other, "discard")
    assert "This file was discarded" in client.get(f"/uploads/{other}/").content.decode()
