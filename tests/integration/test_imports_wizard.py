"""The wizard's way: understood, changed, checked, taken in, undone; nothing half-written whatever happens on the way."""

# ruff: noqa: E501  (sentences stand here as a person reads them)

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone, translation

from tests.factories import make_jurisdiction, make_user
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, HaechiError, NotAllowed, NotFound
from webapp.common.intake import keep_before, register_taker, taker_of
from webapp.common.models import DisplacedRow, Job
from webapp.common.services import ConnectionLost, JobCancelled, request_cancel
from webapp.crimes.models import Incident, Ruling
from webapp.imports import services, wizard
from webapp.imports.findings import quality_of, small_map_of
from webapp.imports.models import MappingPreset, RejectedRow, Upload
from webapp.imports.selectors import rejected_csv
from webapp.imports.services import UploadRefused
from webapp.imports.services.understanding import still_open
from webapp.imports.tasks import check, ingest, undo

pytestmark = pytest.mark.django_db

HEADER = "사건번호,category,occurred_from,latitude,longitude\n"
GOOD = "theft,2025-03-01 22:30,37.4900,127.0100\n"


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def content(rows: int = 20, *, start: int = 0, bad: int = 0) -> bytes:
    lines = [
        f"K-{start + n},theft,2025-03-{1 + n % 28:02d} {n % 24:02d}:15,37.49{n % 10:02d},127.01{n % 10:02d}\n"
        for n in range(rows)
    ]
    lines += [f"B-{start + n},theft,2025-03-01 25:61,37.4900,127.0100\n" for n in range(bad)]
    return (HEADER + "".join(lines)).encode()


def send(user, data: bytes | None = None, name: str = "sent.csv", **options) -> Upload:
    return services.receive_upload(user=user, source=BytesIO(data or content()), file_name=name, **options)


def checked(user, data: bytes | None = None, **options) -> Upload:
    upload = send(user, data, **options)
    check(str(services.ask_for_check(user=user, upload_id=upload.pk).job.pk))
    upload.refresh_from_db()
    return upload


def committed(user, data: bytes | None = None, **options) -> Upload:
    upload = checked(user, data, **options)
    ingest(str(services.ask_for_commit(user=user, upload_id=upload.pk).job.pk))
    upload.refresh_from_db()
    return upload


NOT_DATA = {
    "imports_upload",
    "audit_auditentry",
    "common_job",
    "django_session",
    "django_migrations",
    "spatial_ref_sys",
    "imports_mappingpreset",
}


def fingerprint() -> dict[str, str]:
    """The MD5 of all rows of every table, in a fixed order: what undoing must bring back."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (table,) in cursor.fetchall():
            if table not in NOT_DATA:
                rows = "coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')"
                cursor.execute(f"SELECT md5({rows}) FROM {connection.ops.quote_name(table)} t")  # noqa: S608
                found[table] = cursor.fetchone()[0]
    return found


# --- Understanding --------------------------------------------------------------------------------
def test_a_sent_file_is_understood_and_waits_for_a_person(administrator):
    upload = send(administrator)
    assert (upload.state, upload.kind, upload.job) == ("received", "incidents", None)
    assert upload.mapping["columns"]["occurred_from"] == "occurred_from"
    assert upload.mapping["columns"]["latitude"] == "latitude"
    assert upload.guess["header"] == ["사건번호", "category", "occurred_from", "latitude", "longitude"]
    assert upload.guess["rows"][0] == ["K-0", "theft", "2025-03-01 00:15", "37.4900", "127.0100"]
    assert upload.guess["lines"][:2] == [2, 3]
    assert upload.guess["categories"] == [["theft", 20]]
    assert services.stored_path(upload).exists()
    assert Incident.objects.count() == 0


def test_the_same_file_again_is_the_same_upload_in_every_state(administrator):
    first = send(administrator)
    assert (send(administrator, name="b.csv").pk, send(administrator).already_there) == (first.pk, True)
    done = committed(administrator)
    assert done.pk == first.pk
    again = send(administrator, name="c.csv")
    assert (again.pk, again.already_there, again.state) == (first.pk, True, "committed")
    assert Upload.objects.count() == 1
    assert Incident.objects.count() == 20


def test_content_read_once_more_on_purpose_is_refused_in_the_check_as_long_as_it_is_there(administrator):
    first = committed(administrator)
    second = send(administrator, again=True)
    assert second.pk != first.pk
    job = services.ask_for_check(user=administrator, upload_id=second.pk).job
    check(str(job.pk))
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.message == (
        f"sent.csv: the same content was taken in already as upload {first.pk}. Nothing was changed. To take it in otherwise, undo that upload first."
    )
    assert Incident.objects.count() == 20


def test_a_person_changes_columns_and_the_check_has_to_be_made_anew(administrator):
    upload = checked(administrator)
    assert upload.state == "checked"
    columns = upload.mapping["columns"] | {"incident_id": "사건번호"}
    upload = services.change_mapping(user=administrator, upload_id=upload.pk, changes={"columns": columns})
    assert (upload.state, upload.report, upload.mapping["columns"]["incident_id"]) == ("received", {}, "사건번호")
    with pytest.raises(Conflict, match="Check the file first"):
        services.ask_for_commit(user=administrator, upload_id=upload.pk)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"columns": {"category": "nowhere"}}, "The file has no column “nowhere”."),
        ({"columns": {"colour": "category"}}, "There is no field “colour” for this kind of data."),
        ({"categories": {"theft": "arson"}}, "There is no category “arson” here."),
        ({"time_zone": "Mars/Olympus"}, "Mars/Olympus is not a time zone. Write it like Asia/Seoul."),
        ({"time_order": "ydm"}, "The order of dates is one of: ymd, mdy, dmy."),
        ({"place_kind": "volcano"}, "There is no kind of place “volcano” here."),
        ({"reading": {"colour": "red"}}, "The mapping is not understood"),
        ({"colour": "red"}, "The mapping is not understood"),
    ],
)
def test_a_wrong_change_says_what_is_wrong_and_changes_nothing(administrator, changes, sentence):
    upload = send(administrator)
    with pytest.raises(HaechiError) as wrong:
        services.change_mapping(user=administrator, upload_id=upload.pk, changes=changes)
    assert wrong.value.message.startswith(sentence)
    assert Upload.objects.get().mapping == upload.mapping


def test_a_missing_column_is_a_question_before_the_check(administrator):
    upload = send(administrator)
    columns = {name: title for name, title in upload.mapping["columns"].items() if name != "occurred_from"}
    upload = services.change_mapping(user=administrator, upload_id=upload.pk, changes={"columns": columns})
    with pytest.raises(Conflict, match="Choose the column that holds “time, or start of the interval”") as stopped:
        services.ask_for_check(user=administrator, upload_id=upload.pk)
    assert stopped.value.fields == {"open_questions": ["column:occurred_from"]}
    assert Job.objects.count() == 0


def test_a_preset_of_the_source_is_recognised_by_its_columns(administrator, outsider):
    upload = send(administrator)
    columns = upload.mapping["columns"] | {"incident_id": "사건번호"}
    services.change_mapping(
        user=administrator,
        upload_id=upload.pk,
        changes={"columns": columns, "categories": {"theft": "robbery"}, "mends": ["swap"]},
    )
    preset = services.save_preset(user=administrator, upload_id=upload.pk, name="  서초서  월보 ")
    assert (preset.name, preset.kind, "mends" in preset.mapping) == ("서초서 월보", "incidents", False)
    next_month = send(administrator, content(start=100), name="next.csv")
    assert next_month.guess["preset"] == {"id": preset.pk, "name": "서초서 월보"}
    assert next_month.mapping["categories"]["theft"] == "robbery"
    assert next_month.mapping["columns"]["incident_id"] == "사건번호"
    assert AuditEntry.objects.filter(action="save_preset", target=f"preset:{preset.pk}").count() == 1
    with pytest.raises(NotFound):
        services.delete_preset(user=outsider, preset_id=preset.pk)
    services.delete_preset(user=administrator, preset_id=preset.pk)
    assert MappingPreset.objects.count() == 0


def test_another_sheet_of_a_workbook_is_chosen_and_is_another_part_of_the_content(administrator):
    book = openpyxl.Workbook()
    rows = [line.split(",") for line in content(10).decode().splitlines()]
    for title, part in (("first", rows[:6]), ("second", [rows[0], *rows[6:]])):
        sheet = book.create_sheet(title)
        for row in part:
            sheet.append(row)
    book.remove(book["Sheet"])
    stream = BytesIO()
    book.save(stream)
    first = committed(administrator, stream.getvalue(), name="two.xlsx")
    assert (first.mapping["reading"]["sheet"], first.rows_accepted) == ("first", 5)
    other = send(administrator, stream.getvalue(), name="two.xlsx", again=True)
    assert [table["sheet"] for table in other.guess["tables"]] == ["first", "second"]
    reading = other.mapping["reading"] | {"sheet": "second"}
    other = services.change_mapping(user=administrator, upload_id=other.pk, changes={"reading": reading})
    assert other.guess["rows"][0][0] == "K-5"
    check(str(services.ask_for_check(user=administrator, upload_id=other.pk).job.pk))
    ingest(str(services.ask_for_commit(user=administrator, upload_id=other.pk).job.pk))
    assert Incident.objects.count() == 10


def test_a_korean_file_with_semicolons_is_understood_and_its_encoding_can_be_changed(administrator):
    data = content(8).decode().replace(",", ";").replace("theft", "절도").encode("cp949")
    upload = send(administrator, data)
    assert (upload.mapping["reading"]["encoding"], upload.mapping["reading"]["delimiter"]) == ("cp949", ";")
    assert upload.guess["categories"] == [["절도", 8]]
    reading = upload.mapping["reading"] | {"encoding": "latin-1"}
    upload = services.change_mapping(user=administrator, upload_id=upload.pk, changes={"reading": reading})
    assert upload.guess["header"][0] != "사건번호"
    with pytest.raises(UploadRefused):
        services.change_mapping(user=administrator, upload_id=upload.pk, changes={"reading": reading | {"encoding": "utf-8"}})
    upload.refresh_from_db()
    assert (upload.state, upload.mapping["reading"]["encoding"]) == ("received", "latin-1")


def test_an_archive_of_rulings_is_one_upload_of_rulings(administrator):
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(2):
            text = f"서울중앙지방법원\n2023고단{100 + number}\n주문\n피고인을 징역 1년에 처한다.\n이유\n범죄사실\n피고인은 2023. 3. 1. 22:00경 서울 서초구 서초동 길에서 지갑을 절취하였다.\n"
            archive.writestr(f"ruling-{number}.txt", text)
    upload = committed(administrator, stream.getvalue(), name="rulings.zip")
    assert (upload.kind, upload.rows_accepted) == ("rulings", 2)
    assert Ruling.objects.count() == 2
    undone(administrator, upload)
    assert Ruling.objects.count() == 0


# --- The dry run ----------------------------------------------------------------------------------
def test_a_check_takes_nothing_in_and_says_what_it_found(administrator):
    before = fingerprint()
    upload = checked(administrator, content(20, bad=3))
    assert fingerprint() == before
    assert (upload.state, upload.report["rows"], upload.report["accepted"], upload.report["rejected"]) == ("checked", 23, 20, 3)
    shown = wizard.detail(user=administrator, upload_id=upload.pk)
    (problem,) = shown.findings["problems"]
    assert (problem["code"], problem["count"], problem["lines"]) == ("impossible_date", 3, [22, 23, 24])
    assert problem["values"] == ["2025-03-01 25:61"]
    assert "there is no such date or time as “2025-03-01 25:61”" in problem["sentence"]
    assert shown.findings["months"] == {"2025-03": 20}
    assert sum(shown.findings["hours"]) == 20
    assert shown.stage == "check"


def test_what_the_check_says_is_what_is_taken_in(administrator):
    upload = committed(administrator, content(20, bad=3))
    assert (upload.state, upload.rows_read, upload.rows_accepted, upload.rows_rejected) == ("committed", 23, 20, 3)
    assert Incident.objects.filter(upload=upload).count() == 20
    assert RejectedRow.objects.filter(upload=upload).count() == 3
    assert not services.stored_path(upload).exists()
    assert AuditEntry.objects.filter(action="upload", target=f"upload:{upload.pk}").count() == 1


def test_a_second_click_finds_the_job_of_the_first(administrator):
    upload = send(administrator)
    first = services.ask_for_check(user=administrator, upload_id=upload.pk).job
    assert services.ask_for_check(user=administrator, upload_id=upload.pk).job == first
    check(str(first.pk))
    check(str(first.pk))  # delivered twice
    take = services.ask_for_commit(user=administrator, upload_id=upload.pk).job
    assert services.ask_for_commit(user=administrator, upload_id=upload.pk).job == take
    ingest(str(take.pk))
    assert services.ask_for_commit(user=administrator, upload_id=upload.pk).state == "committed"
    assert (Job.objects.count(), Incident.objects.count()) == (2, 20)


def test_the_score_is_the_weighted_mean_of_parts_that_are_shown(administrator):
    upload = checked(administrator, content(20, bad=5))
    quality = quality_of(upload)
    shares = {part.name: part.share for part in quality.parts}
    assert shares["accepted"] == 0.8
    assert shares["unique"] == 1.0
    total = sum(part.weight for part in quality.parts)
    assert quality.score == round(100 * sum(part.share * part.weight for part in quality.parts) / total)


def test_months_without_rows_are_gaps(administrator):
    rows = "".join(f"{n},theft,2025-{month:02d}-10 12:05,37.4900,127.0100\n" for n, month in enumerate([1, 1, 2, 2, 5, 5, 6, 6]))
    quality = quality_of(checked(administrator, (HEADER + rows).encode()))
    assert quality.gaps == ["2025-03", "2025-04"]
    assert {part.name: part.share for part in quality.parts}["complete"] == pytest.approx(4 / 6)


def test_points_are_drawn_inside_the_frame_and_far_ones_on_its_edge(administrator):
    far = b"X-1,theft,2025-03-01 10:05,35.1796,129.0756\n"
    drawn = small_map_of(checked(administrator, content(20) + far))
    assert drawn.outline.startswith("M")
    assert drawn.areas.count("M") == 2  # the two dong of the test city
    assert len(drawn.points) == 21
    assert drawn.outside == 1
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y, _good in drawn.points)
    assert sum(good for _x, _y, good in drawn.points) == 20


def test_a_file_without_one_good_row_cannot_be_taken_in(administrator):
    upload = checked(administrator, content(8).replace(b"2025-", b"2999-"))
    assert upload.report["accepted"] == 0
    with pytest.raises(Conflict, match="Not one row of the file can be taken in"):
        services.ask_for_commit(user=administrator, upload_id=upload.pk)


# --- Rejected rows out, mended, and in again --------------------------------------------------------
def test_rejected_rows_go_out_mended_and_come_in(administrator):
    first = committed(administrator, content(20, bad=2))
    text = "".join(rejected_csv(user=administrator, upload_id=first.pk)).removeprefix("\ufeff")
    lines = text.split("\r\n")
    assert lines[0] == "사건번호,category,occurred_from,latitude,longitude,haechi_line,haechi_column,haechi_reason,haechi_row"
    assert lines[1].startswith("B-0,theft,2025-03-01 25:61,37.4900,127.0100,22,occurred_from,")
    mended = committed(administrator, text.replace("25:61", "23:59").encode(), name="mended.csv")
    assert (mended.rows_read, mended.rows_accepted, mended.rows_rejected) == (2, 2, 0)
    assert Incident.objects.count() == 22


def test_the_preset_knows_the_mended_download_of_its_source(administrator):
    first = committed(administrator, content(20, bad=2))
    services.save_preset(user=administrator, upload_id=first.pk, name="station")
    text = "".join(rejected_csv(user=administrator, upload_id=first.pk))
    assert send(administrator, text.encode(), name="mended.csv").guess["preset"]["name"] == "station"


# --- Undo -----------------------------------------------------------------------------------------
def undone(user, upload: Upload, reason: str = "wrong month") -> Upload:
    undo(str(services.ask_for_undo(user=user, upload_id=upload.pk, reason=reason).job.pk))
    upload.refresh_from_db()
    return upload


def test_undo_brings_back_exactly_the_former_state(administrator):
    committed(administrator, content(30))
    before = fingerprint()
    second = committed(administrator, content(15, start=500, bad=4), name="second.csv")
    assert fingerprint() != before
    undone(administrator, second)
    assert fingerprint() == before
    assert (second.state, second.undo_reason, second.undone_by) == ("undone", "wrong month", administrator)
    entry = AuditEntry.objects.get(action="undo_upload")
    assert (entry.actor, entry.detail["removed"], entry.detail["reason"]) == (administrator, 15, "wrong month")


def test_an_undone_file_can_be_taken_in_again(administrator):
    first = undone(administrator, committed(administrator))
    again = committed(administrator)
    assert again.pk != first.pk
    assert Incident.objects.count() == 20


def test_undo_wants_a_reason_and_only_undoes_what_was_taken_in(administrator):
    upload = committed(administrator)
    with pytest.raises(HaechiError, match="Say why the upload is undone"):
        services.ask_for_undo(user=administrator, upload_id=upload.pk, reason="  ")
    waiting = send(administrator, content(3, start=900), name="other.csv")
    with pytest.raises(Conflict, match="Only an upload that was taken in can be undone; this one is: to be checked"):
        services.ask_for_undo(user=administrator, upload_id=waiting.pk, reason="x")
    undone(administrator, upload)
    assert services.ask_for_undo(user=administrator, upload_id=upload.pk, reason="again").state == "undone"
    assert AuditEntry.objects.filter(action="undo_upload").count() == 1


@pytest.fixture
def moving_taker():
    """A taker that moves the stored incidents a little and adds none, as a corrected issue of a register does."""
    plain = taker_of("incidents")

    def take(intake):
        report = plain.take(intake)
        if intake.file_name.startswith("moves"):
            ids = list(Incident.objects.exclude(upload_id=intake.upload_id).values_list("pk", flat=True)[:5])
            keep_before(upload_id=intake.upload_id, table="crimes_incident", row_ids=ids)
            Incident.objects.filter(pk__in=ids).update(occurred_to=timezone.now())
        return report

    register_taker("incidents", take, tables=plain.tables)
    yield
    register_taker("incidents", plain.take, tables=plain.tables, before_undo=plain.before_undo)


def test_rows_that_an_upload_changed_come_back_and_block_the_earlier_undo(administrator, moving_taker):
    first = committed(administrator, content(10))
    before = fingerprint()
    second = committed(administrator, content(5, start=500), name="moves.csv")
    assert DisplacedRow.objects.filter(upload=second).count() == 5
    with pytest.raises(Conflict) as blocked:
        services.ask_for_undo(user=administrator, upload_id=first.pk, reason="x")
    assert blocked.value.message == (
        f"Later uploads have changed rows of this one. Undo them first, the newest first: moves.csv (upload {second.pk})."
    )
    assert blocked.value.fields == {"uploads": [second.pk]}
    undone(administrator, second)
    assert fingerprint() == before
    assert undone(administrator, first).state == "undone"
    assert Incident.objects.count() == 0


# --- Discard and cleaning ---------------------------------------------------------------------------
def test_a_discarded_file_is_gone_and_leaves_a_line_in_the_trail(administrator, django_capture_on_commit_callbacks):
    upload = checked(administrator)
    with django_capture_on_commit_callbacks(execute=True):
        services.discard_upload(user=administrator, upload_id=upload.pk)
    upload.refresh_from_db()
    assert (upload.state, upload.guess, services.stored_path(upload).exists()) == ("discarded", {}, False)
    assert services.discard_upload(user=administrator, upload_id=upload.pk).state == "discarded"
    assert AuditEntry.objects.filter(action="discard_upload").count() == 1
    with pytest.raises(Conflict, match="is not open for this any more; it is: discarded"):
        services.ask_for_check(user=administrator, upload_id=upload.pk)


def test_what_was_taken_in_cannot_be_discarded(administrator):
    upload = committed(administrator)
    with pytest.raises(Conflict, match="Only a file that is not taken in yet can be discarded; this one is: taken in"):
        services.discard_upload(user=administrator, upload_id=upload.pk)


def test_files_that_nobody_took_in_are_cleaned_after_a_month(administrator, django_capture_on_commit_callbacks):
    old, fresh = send(administrator), send(administrator, content(3, start=70), name="fresh.csv")
    Upload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    piece = Path(django_settings.UPLOAD_DIR) / "abc.part"
    piece.write_bytes(b"x")
    os.utime(piece, (0, 0))
    with django_capture_on_commit_callbacks(execute=True):
        assert services.clean_received(now=timezone.now()) == 2
    old.refresh_from_db()
    assert (old.state, services.stored_path(old).exists(), piece.exists()) == ("discarded", False, False)
    assert services.stored_path(fresh).exists()


@pytest.mark.parametrize("role", ["analyst", "operator", "auditor"])
def test_only_administrators_may_do_any_of_it(role, users, administrator):
    upload = checked(administrator)
    calls = (
        lambda: send(users[role]),
        lambda: services.change_mapping(user=users[role], upload_id=upload.pk, changes={}),
        lambda: services.ask_for_check(user=users[role], upload_id=upload.pk),
        lambda: services.ask_for_commit(user=users[role], upload_id=upload.pk),
        lambda: services.ask_for_undo(user=users[role], upload_id=upload.pk, reason="x"),
        lambda: services.discard_upload(user=users[role], upload_id=upload.pk),
        lambda: services.save_preset(user=users[role], upload_id=upload.pk, name="x"),
        lambda: wizard.choices(user=users[role]),
    )
    for call in calls:
        with pytest.raises(NotAllowed):
            call()


# --- When things break ------------------------------------------------------------------------------
def test_a_disk_that_fills_up_while_storing_leaves_nothing(administrator, settings, tmp_path):
    """A limit on the size of files stands in for a full disk: the write fails half way, with an errno of the kernel's own."""
    settings.UPLOAD_DIR = tmp_path / "uploads"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024**2 + 512, limits[1]))
    try:
        with pytest.raises(HaechiError) as refused:
            send(administrator, b"x" * (3 * 1024**2), name="large.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert refused.value.code == "storage"
    reason = os.strerror(errno.EFBIG)
    assert (
        refused.value.message
        == f"large.csv could not be stored on the server: {reason}. Ask whoever runs the server to make room."
    )
    assert list((tmp_path / "uploads").iterdir()) == []
    assert Upload.objects.count() == 0


def test_a_connection_that_breaks_while_the_file_is_sent_leaves_nothing(administrator, settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path / "uploads"

    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionResetError("the browser went away")
            return super().read(64)

    with pytest.raises(HaechiError):
        services.receive_upload(user=administrator, source=Broken(content()), file_name="a.csv")
    assert list((tmp_path / "uploads").iterdir()) == []
    assert Upload.objects.count() == 0


def _cut_connection_when(intake_step: str):
    """A taker that lets another session end this connection in the middle of its work, once."""
    plain = taker_of("incidents")
    done: list[str] = []

    def take(intake):
        report = plain.take(intake)
        if not done:
            done.append(intake_step)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            cut = threading.Thread(target=_end_backend, args=[pid])
            cut.start()
            cut.join()
            Incident.objects.count()  # the taker's next statement finds the connection gone
        return report

    register_taker("incidents", take, tables=plain.tables)
    return plain


def _end_backend(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    connections.close_all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["check", "commit"])
def test_a_database_that_restarts_in_the_middle_leaves_no_half_batch_and_the_job_runs_again(step):
    user = make_user(make_jurisdiction(), "administrator")
    upload = send(user) if step == "check" else checked(user)
    ask, task = (services.ask_for_check, check) if step == "check" else (services.ask_for_commit, ingest)
    job = ask(user=user, upload_id=upload.pk).job
    plain = _cut_connection_when(step)
    try:
        with pytest.raises(ConnectionLost):
            task(str(job.pk))
        job.refresh_from_db()
        assert (job.state, Incident.objects.count(), RejectedRow.objects.count()) == ("running", 0, 0)
        assert services.stored_path(upload).exists()
        task(str(job.pk))  # as the worker does after some seconds
    finally:
        register_taker("incidents", plain.take, tables=plain.tables, before_undo=plain.before_undo)
    job.refresh_from_db()
    upload.refresh_from_db()
    assert (job.state, upload.state) == ("succeeded", "checked" if step == "check" else "committed")
    assert Incident.objects.count() == (0 if step == "check" else 20)


def test_a_database_without_room_ends_in_a_sentence_and_the_checked_file_stays(administrator):
    """The error is PostgreSQL's own, raised with the code that it gives for a full disk."""
    upload = checked(administrator)
    plain = taker_of("incidents")

    def take(intake):
        plain.take(intake)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$")

    register_taker("incidents", take, tables=plain.tables)
    try:
        job = services.ask_for_commit(user=administrator, upload_id=upload.pk).job
        ingest(str(job.pk))
    finally:
        register_taker("incidents", plain.take, tables=plain.tables, before_undo=plain.before_undo)
    job.refresh_from_db()
    upload.refresh_from_db()
    assert (job.state, upload.state, Incident.objects.count()) == ("failed", "checked", 0)
    assert upload.message.startswith("sent.csv: the disk of the database is full. Nothing of the file was taken in.")
    ingest(str(services.ask_for_commit(user=administrator, upload_id=upload.pk).job.pk))
    assert Incident.objects.count() == 20


def test_a_cancelled_commit_leaves_the_checked_file_to_be_taken_in_later(administrator):
    upload = checked(administrator)
    services.ask_for_commit(user=administrator, upload_id=upload.pk)

    def cancel(fraction: float, step: str) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        services.ingest_upload(upload_id=upload.pk, progress=cancel)
    upload.refresh_from_db()
    assert (upload.state, upload.message) == ("checked", "sent.csv: the upload was cancelled. Nothing of it was taken in.")
    assert services.stored_path(upload).exists()
    assert Incident.objects.count() == 0


def test_a_commit_cancelled_before_it_began_leaves_the_checked_file_open(administrator):
    upload = checked(administrator)
    request_cancel(job=services.ask_for_commit(user=administrator, upload_id=upload.pk).job)
    shown = wizard.detail(user=administrator, upload_id=upload.pk)
    assert (shown.state, shown.stage) == ("checked", "check")
    ingest(str(services.ask_for_commit(user=administrator, upload_id=upload.pk).job.pk))
    assert Incident.objects.count() == 20


def test_a_commit_that_stops_on_an_error_of_the_program_leaves_the_checked_file(administrator):
    upload = checked(administrator)
    plain = taker_of("incidents")

    def take(intake):
        plain.take(intake)
        raise ZeroDivisionError

    register_taker("incidents", take, tables=plain.tables)
    try:
        with pytest.raises(ZeroDivisionError):
            ingest(str(services.ask_for_commit(user=administrator, upload_id=upload.pk).job.pk))
    finally:
        register_taker("incidents", plain.take, tables=plain.tables, before_undo=plain.before_undo)
    upload.refresh_from_db()
    assert (upload.state, Incident.objects.count()) == ("checked", 0)
    assert upload.message.startswith("The job stopped on an unexpected error.")
    assert services.stored_path(upload).exists()


KILLED = """
import os, signal, sys
import django
django.setup()
from webapp.common.intake import register_taker, taker_of
from webapp.imports import tasks
plain = taker_of("incidents")
def take(intake):
    report = plain.take(intake)
    os.kill(os.getpid(), signal.SIGKILL)
register_taker("incidents", take, tables=plain.tables)
getattr(tasks, sys.argv[1])(sys.argv[2])
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["check", "commit"])
def test_a_worker_killed_in_the_middle_leaves_no_half_batch(step):
    user = make_user(make_jurisdiction(), "administrator")
    upload = send(user) if step == "check" else checked(user)
    ask, task = (services.ask_for_check, "check") if step == "check" else (services.ask_for_commit, "ingest")
    job = ask(user=user, upload_id=upload.pk).job
    before = fingerprint()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, task, str(job.pk)], env=_environment(), capture_output=True, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    deadline = time.monotonic() + 10
    while fingerprint() != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert fingerprint() == before
    {"check": check, "ingest": ingest}[task](str(job.pk))  # delivered again
    upload.refresh_from_db()
    assert upload.state == ("checked" if step == "check" else "committed")
    assert Incident.objects.count() == (0 if step == "check" else 20)


def _environment() -> dict[str, str]:
    database = connection.settings_dict
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    url = (
        f"postgis://{database['USER']}{password}@{database['HOST'] or 'localhost'}:{database['PORT'] or 5432}/{database['NAME']}"
    )
    root = Path(__file__).resolve().parents[2]
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "webapp.settings", "PYTHONPATH": str(root)}


# --- The command line -------------------------------------------------------------------------------
def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, "--jurisdiction", "testgu", stdout=out)
    return out.getvalue()


@pytest.fixture
def path(tmp_path, jurisdiction) -> str:
    file = tmp_path / "station.csv"
    file.write_bytes(content(20, bad=2))
    return str(file)


def test_the_command_shows_the_dry_run_and_takes_nothing_in(path):
    said = run("import", path, "--dry-run")
    assert "station.csv: 22 rows read, 20 good, 0 mendable, 2 rejected." in said
    assert "occurred_from    ← occurred_from" in said
    assert "2  impossible date or time (lines 22, 23)" in said
    assert "quality" in said
    assert said.endswith("Dry run: nothing was taken in.\n")
    assert (Upload.objects.count(), Incident.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


def test_the_command_wants_a_yes_before_it_leaves_rows_out(path):
    with pytest.raises(CommandError, match=r"2 rows would be rejected\. Add --yes"):
        run("import", path)
    assert Upload.objects.count() == 0
    assert "Taken in as upload" in run("import", path, "--yes")
    assert Incident.objects.count() == 20
    assert "nothing was changed" in run("import", path, "--yes")


def test_the_command_takes_columns_and_categories_and_several_files(path, tmp_path):
    other = tmp_path / "other.csv"
    other.write_bytes(content(5, start=300).replace(b"theft", "좀도둑".encode()))
    with pytest.raises(CommandError, match="1 of 2 files were not taken in"):
        run("import", path, str(tmp_path / "nowhere.csv"), "--yes")
    said = run("import", str(other), "--category", "좀도둑=theft", "--column", "incident_id=사건번호")
    assert "5 rows" in said
    assert Incident.objects.filter(source_id="K-300", category__code="theft").count() == 1


def test_the_command_undoes_an_upload(path):
    run("import", path, "--yes")
    number = str(Upload.objects.get().pk)
    out = StringIO()
    call_command("undo_upload", number, reason="test", stdout=out)
    assert out.getvalue() == f"Upload {number} (station.csv) is undone: 20 rows.\n"
    assert Incident.objects.count() == 0
    with pytest.raises(CommandError, match="There is no upload 999"):
        call_command("undo_upload", "999", reason="test")


def test_a_file_of_another_place_is_called_that_and_not_a_riddle_of_coordinates(administrator):
    far = "category,occurred_from,latitude,longitude\n" + "".join(
        f"절도,2025-03-{n:02d} 10:00,41.8{n:02d},-87.6{n:02d}\n" for n in range(1, 29)
    )
    upload = send(administrator, far.encode(), name="elsewhere.csv")
    (question,) = still_open(upload)
    assert question.topic == "crs"
    assert question.sentence.startswith(
        "No point lies near Test-gu, whatever the coordinate system: this looks like a file of another"
    )
