"""Uploads over HTTP: the API and the two pages."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import make_user
from webapp.audit.models import AuditEntry
from webapp.imports.models import Upload
from webapp.imports.services import import_file
from webapp.imports.tasks import ingest

pytestmark = pytest.mark.django_db

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"
CONTENT = b"category,occurred_from,latitude,longitude\ntheft,2025-03-01 22:30,37.4900,127.0100\n"


@pytest.fixture
def client(api, administrator):
    made = api(administrator)
    made.cookies["django_language"] = "en"
    return made


@pytest.fixture
def upload(jurisdiction):
    return import_file(jurisdiction=jurisdiction, path=BROKEN / "every_reason.csv", preset="haechi")


def send(client, content: bytes = CONTENT, name: str = "a.csv", preset: str = "haechi"):
    return client.post("/api/v1/uploads/", {"file": SimpleUploadedFile(name, content), "preset": preset}, format="multipart")


def test_a_sent_file_is_accepted_and_then_taken_in(client):
    response = send(client)
    assert response.status_code == 202
    assert (response.data["state"], response.data["file_name"], response.data["already_there"]) == ("waiting", "a.csv", False)
    ingest(response.data["job"])
    after = client.get(f"/api/v1/uploads/{response.data['id']}/").data
    assert (after["state"], after["rows_read"], after["rows_accepted"]) == ("committed", 1, 1)
    assert client.get(f"/api/v1/jobs/{after['job']}/").data["state"] == "succeeded"


def test_sending_it_again_gives_the_same_upload(client):
    first = send(client)
    ingest(first.data["job"])
    again = send(client, name="b.csv")
    assert (again.status_code, again.data["id"], again.data["already_there"]) == (202, first.data["id"], True)


def test_a_refusal_is_told_in_the_language_of_the_reader(client, api, administrator):
    response = send(client, (BROKEN / "missing_column.csv").read_bytes(), "missing_column.csv")
    ingest(response.data["job"])
    address = f"/api/v1/uploads/{response.data['id']}/"
    assert client.get(address).data["message"].startswith("missing_column.csv, line 1: the column “longitude” is missing")
    assert client.get(address).data["state"] == "refused"


def test_an_empty_file_gets_the_same_sentence_as_on_the_command_line(client):
    response = send(client, b"", "empty.csv")
    assert response.status_code == 202
    ingest(response.data["job"])
    assert "the file is empty" in client.get(f"/api/v1/uploads/{response.data['id']}/").data["message"]


def test_a_file_beyond_the_size_rule_is_refused_before_it_is_read(client, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    response = send(client, CONTENT * 2000)
    assert response.status_code == 413
    assert response.data["error"]["code"] == "too_large"
    assert "at most 1000 B" in response.data["error"]["message"]
    assert Upload.objects.count() == 0


def test_an_unknown_format_is_refused_with_the_known_ones(client):
    response = send(client, preset="moon")
    assert response.status_code == 400
    assert "Choose one of: haechi, chicago, nyc" in response.data["error"]["message"]


def test_a_form_without_a_file_says_which_field_is_missing(client):
    response = client.post("/api/v1/uploads/", {"preset": "haechi"}, format="multipart")
    assert response.status_code == 400
    assert "file" in response.data["error"]["fields"]


def test_the_list_shows_counts_by_reason(client, upload):
    (row,) = client.get("/api/v1/uploads/").data["results"]
    assert (row["rows_read"], row["rows_accepted"], row["rows_rejected"]) == (23, 3, 20)
    assert row["reasons"][0] == {"code": "impossible_date", "count": 2, "label": "impossible date or time"}
    assert row["created_by"] is None


def test_the_rejected_rows_come_as_csv_with_their_sentences(client, upload, administrator):
    response = client.get(f"/api/v1/uploads/{upload.pk}/rejected.csv")
    text = b"".join(response.streaming_content).decode()
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    titles = "incident_id,category,occurred_from,occurred_to,latitude,longitude"
    assert text.startswith(f"\ufeff{titles},haechi_line,haechi_column,haechi_reason,haechi_row")
    assert text.count("\r\n") == 21
    assert ',3,category,"Line 3, column “category”' in text  # the sentence holds commas, so it is quoted
    entry = AuditEntry.objects.get(action="read_incidents")
    assert (entry.actor, entry.target) == (administrator, f"upload:{upload.pk}")


def test_a_cell_that_a_spreadsheet_would_run_is_kept_text(client, jurisdiction, tmp_path):
    path = tmp_path / "formula.csv"
    path.write_bytes(CONTENT + b"=cmd(),2025-03-01 22:30,37.4900,127.0100\n")
    formula = import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    text = b"".join(client.get(f"/api/v1/uploads/{formula.pk}/rejected.csv").streaming_content).decode()
    assert "\r\n'=cmd()," in text


@pytest.mark.parametrize("role", ["analyst", "operator", "auditor"])
def test_other_roles_are_turned_away(role, api, users, upload):
    caller = api(users[role])
    for address in ("/api/v1/uploads/", f"/api/v1/uploads/{upload.pk}/", f"/api/v1/uploads/{upload.pk}/rejected.csv"):
        assert caller.get(address).status_code == 403, address
    assert send(caller).status_code == 403
    assert caller.get("/uploads/").status_code == 403


def test_another_jurisdiction_cannot_tell_that_an_upload_exists(api, outsider, upload):
    caller = api(outsider)
    assert caller.get("/api/v1/uploads/").data["count"] == 0
    for address in (f"/api/v1/uploads/{upload.pk}/", f"/api/v1/uploads/{upload.pk}/rejected.csv", f"/uploads/{upload.pk}/"):
        assert caller.get(address).status_code == 404, address


def test_the_page_offers_the_form_and_says_when_there_is_nothing_yet(client):
    page = client.get("/uploads/").content.decode()
    assert 'id="upload-form"' in page
    assert "Nothing has been uploaded yet" in page
    assert "PDF · DOCX · HWPX" in page


def test_the_page_lists_uploads_of_this_jurisdiction_only(client, upload, other_jurisdiction):
    make_user(other_jurisdiction, "administrator")
    Upload.objects.create(jurisdiction=other_jurisdiction, file_name="secret.csv", sha256="0" * 64, size_bytes=1, preset="haechi")
    page = client.get("/uploads/").content.decode()
    assert "every_reason.csv" in page
    assert "secret.csv" not in page


def test_the_page_of_an_upload_shows_reasons_rows_and_the_download(client, upload):
    page = client.get(f"/uploads/{upload.pk}/").content.decode()
    assert "lies outside Test-gu" in page
    assert "impossible date or time" in page
    assert f"/api/v1/uploads/{upload.pk}/rejected.csv" in page
    assert AuditEntry.objects.filter(action="read_incidents", target=f"upload:{upload.pk}").count() == 1


def test_the_page_of_a_refused_upload_says_why(client):
    response = send(client, (BROKEN / "missing_column.csv").read_bytes(), "missing_column.csv")
    ingest(response.data["job"])
    page = client.get(f"/uploads/{response.data['id']}/").content.decode()
    assert "Nothing of it is in the database" in page
    assert "the column “longitude” is missing" in page


def test_a_raw_row_is_shown_as_text_never_as_markup(client, jurisdiction, tmp_path):
    path = tmp_path / "markup.csv"
    path.write_bytes(CONTENT + b"<script>alert(1)</script>,2025-03-01 22:30,37.4900,127.0100\n")
    upload = import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    page = client.get(f"/uploads/{upload.pk}/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
