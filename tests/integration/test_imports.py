"""Files into the database: as a whole or not at all, once, with every row accounted for."""

# ruff: noqa: E501  (sentences stand here as a person reads them)

import contextlib
import gzip
import hashlib
import resource
import subprocess
import sys
import threading
from io import BytesIO, StringIO
from pathlib import Path

import h3.api.basic_int as h3
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import translation

from ingestion.errors import REASONS
from tests.factories import make_jurisdiction, make_user
from webapp.audit.models import AuditEntry
from webapp.common.errors import HaechiError, NotAllowed
from webapp.common.models import Job
from webapp.common.services import JobCancelled, request_cancel
from webapp.crimes.models import Incident
from webapp.imports.models import RejectedRow, Upload
from webapp.imports.selectors import rejected_rows
from webapp.imports.sentences import REASON_LABELS, Sentences
from webapp.imports.services import UploadRefused, UploadTooLarge, import_file, ingest_upload, receive_upload, stored_path
from webapp.imports.tasks import ingest

pytestmark = pytest.mark.django_db

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"
HEADER = "category,occurred_from,latitude,longitude\n"
ROW = "theft,2025-03-01 22:30,37.4900,127.0100\n"


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def write(folder: Path, text: str, name: str = "incidents.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def row_counts() -> tuple[int, int]:
    return Incident.objects.count(), RejectedRow.objects.count()


def test_a_good_file_becomes_incidents(jurisdiction, tmp_path):
    path = write(tmp_path, HEADER + ROW + "폭력,2025-03-02 01:10,37.4910,127.0110\n")
    upload = import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    assert (upload.state, upload.rows_read, upload.rows_accepted, upload.rows_rejected) == ("committed", 2, 2, 0)
    first, second = Incident.objects.of(jurisdiction).order_by("source_line")
    assert (first.category.code, second.category.code) == ("theft", "violence")
    assert first.occurred_from.isoformat() == "2025-03-01T13:30:00+00:00"
    assert first.local_hour_of_week == 5 * 24 + 22  # a Saturday
    assert (first.point.x, first.point.y, first.point.srid) == (127.01, 37.49, 4326)
    assert first.cell == h3.latlng_to_cell(37.49, 127.01, 10)
    assert first.cell_parent == h3.cell_to_parent(first.cell, 9)
    assert (first.source_line, second.source_line, first.source_id) == (2, 3, None)


def test_every_row_is_taken_in_or_listed_with_its_reason(jurisdiction):
    upload = import_file(jurisdiction=jurisdiction, path=BROKEN / "every_reason.csv", preset="haechi")
    assert (upload.rows_read, upload.rows_accepted, upload.rows_rejected) == (23, 3, 20)
    assert row_counts() == (3, 20)
    assert sum(upload.report["reasons"].values()) == 20
    double = RejectedRow.objects.get(upload=upload, line=17)
    assert (double.reason, double.column, double.value) == ("duplicate_in_file", "incident_id", "B-01")
    assert double.raw == "B-01,theft,2025-03-05 22:30,,37.4900,127.0100"
    assert set(REASON_LABELS) == set(REASONS)


SENTENCES = {
    3: "Line 3, column “category”: the category “arson” is not known here. Known are: Homicide (homicide), Robbery (robbery), "
    "Sexual violence (sexual_violence), Theft (theft), Violence (violence).",
    4: "Line 4, column “category”: the category is blank. Fill it in.",
    5: "Line 5, column “occurred_from”: the time is blank. Fill it in.",
    6: "Line 6, column “occurred_from”: “yesterday night” cannot be read as a time. Write it like 2026-03-14 22:30.",
    7: "Line 7, column “occurred_from”: there is no such date or time as “2025-02-30 22:30”. Correct it.",
    9: "Line 9, column “occurred_from”: “1899-12-31 23:59” lies before 1900. Correct the year.",
    10: "Line 10, column “occurred_from”: “2999-01-01 00:00” lies in the future. Correct the date or the time zone.",
    11: "Line 11, column “occurred_to”: the end “2025-03-01 10:00” lies before the start. Swap or correct them.",
    12: "Line 12, column “latitude”: the coordinate is blank. Fill it in or leave the row out.",
    13: "Line 13, column “latitude”: the coordinate is 0, which stands for “unknown”. Fill it in.",
    14: "Line 14, column “latitude”: “37.49 or so” is not a number. Write degrees like 37.4836.",
    15: "Line 15, column “latitude”: 127.0100, 37.4900 lies outside Test-gu, but inside when latitude and longitude are swapped. "
    "Swap the two columns.",
    16: "Line 16, column “latitude”: 35.1796, 129.0756 (314 km) lies outside Test-gu. Correct the place or leave the row out.",
    17: "Line 17, column “incident_id”: the identifier “B-01” stands in an earlier line of this file.",
    18: "Line 18, column “incident_id”: the identifier is longer than 80 characters. Shorten it.",
    21: "Line 21 has 5 fields, the header has 6. Check for a missing or an extra comma.",
    22: "Line 22: the quotation marks do not close. Write a quotation mark inside a field twice.",
    23: "Line 23 holds a NUL byte, which no text has. Export the file again.",
}


def test_each_reason_has_its_sentence(jurisdiction):
    upload = import_file(jurisdiction=jurisdiction, path=BROKEN / "every_reason.csv", preset="haechi")
    sentences = Sentences(upload)
    said = {row.line: sentences.rejected(row) for row in RejectedRow.objects.filter(upload=upload)}
    assert {line: said[line] for line in SENTENCES} == SENTENCES


NOT_UTF8 = "the text cannot be read as UTF-8. Choose its encoding, or save it as “CSV UTF-8” and upload it again."
REFUSED = {
    "empty.csv": "empty.csv, line 1: the file is empty. Choose the file that holds the data.",
    "only_blank_lines.csv": "only_blank_lines.csv, line 1: the file is empty. Choose the file that holds the data.",
    "header_only.csv": "header_only.csv, line 1: there is a header, but no row under it. Choose the file that holds the incidents.",
    "missing_column.csv": "missing_column.csv, line 1: the column “longitude” is missing. Found are: incident_id, category, "
    "occurred_from, latitude. Add the column, or choose another format.",
    "double_column.csv": "double_column.csv, line 1: the column “Latitude” stands twice. Leave one of them out.",
    "broken_header.csv": "broken_header.csv, line 1: the header cannot be read. Check its quotation marks.",
    "workbook_xlsx.csv": "workbook_xlsx.csv: the zip archive is damaged or breaks off. Compress or copy it again.",
    "workbook_xls.csv": "workbook_xls.csv: this is an old Office document, not a table. Upload CSV, Excel, GeoJSON, TopoJSON, "
    "Shapefile (zip), GeoPackage or Parquet.",
    "binary.csv": "binary.csv, line 1: this is a binary file of an unknown kind (NUL), not a table. Export it as CSV or as a workbook.",
    "cut_off.csv.gz": "cut_off.csv.gz: the compressed file breaks off or is damaged after line 1. Compress or copy it again.",
    "nothing_good.csv": "nothing_good.csv: none of its 2 rows can be taken in. The first: Line 2, column “category”: the category "
    "“arson” is not known here. Known are: Homicide (homicide), Robbery (robbery), Sexual violence (sexual_violence), Theft (theft), "
    "Violence (violence).",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_taken_in_is_refused_whole(name, jurisdiction, tmp_path):
    import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW), preset="haechi")
    before = row_counts()
    with pytest.raises(UploadRefused) as refused:
        import_file(jurisdiction=jurisdiction, path=BROKEN / name, preset="haechi")
    assert refused.value.message == REFUSED[name]
    upload = Upload.objects.get(file_name=name)
    assert (upload.state, upload.message) == ("refused", REFUSED[name])
    assert row_counts() == before
    assert AuditEntry.objects.filter(action="upload").count() == 1


READ_ALL_THE_SAME = ["semicolons.csv", "cp949.csv", "cp949_in_line_4.csv", "utf16.csv"]


@pytest.mark.parametrize("name", READ_ALL_THE_SAME)
def test_another_encoding_or_separator_is_read_all_the_same(name, jurisdiction):
    upload = import_file(jurisdiction=jurisdiction, path=BROKEN / name, preset="haechi")
    assert upload.state == "committed"
    assert upload.rows_accepted == upload.rows_read > 0


def test_every_broken_file_is_tested():
    assert {path.name for path in BROKEN.glob("*.*") if path.name != ".gitattributes"} == {
        *REFUSED,
        *READ_ALL_THE_SAME,
        "every_reason.csv",
        "mixed_line_ends.csv",
    }


def test_a_file_that_breaks_off_late_leaves_nothing_behind(jurisdiction, tmp_path):
    rows = "".join(f"theft,2025-03-01 22:30,37.49,{127 + number / 1e7:.7f}\n" for number in range(120_000))
    path = tmp_path / "late.csv.gz"
    path.write_bytes(gzip.compress((HEADER + rows).encode())[:-5000])
    with pytest.raises(UploadRefused, match="breaks off or is damaged"):
        import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    assert row_counts() == (0, 0)


def test_the_same_content_twice_changes_nothing(jurisdiction, tmp_path):
    first = import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW), preset="haechi")
    again = import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW, "another_name.csv"), preset="haechi")
    assert (again.pk, again.already_there) == (first.pk, True)
    assert (Incident.objects.count(), Upload.objects.count()) == (1, 1)


def test_the_same_content_in_another_jurisdiction_is_another_upload(jurisdiction, other_jurisdiction, tmp_path):
    import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW), preset="haechi")
    with pytest.raises(UploadRefused, match="outside Other-gu"):
        import_file(jurisdiction=other_jurisdiction, path=tmp_path / "incidents.csv", preset="haechi")


def test_a_refused_file_may_be_tried_again(jurisdiction):
    for _ in range(2):
        with pytest.raises(UploadRefused):
            import_file(jurisdiction=jurisdiction, path=BROKEN / "empty.csv", preset="haechi")
    assert Upload.objects.filter(state="refused").count() == 2


def test_exact_duplicates_without_identifier_are_kept_and_counted(jurisdiction, tmp_path):
    upload = import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW * 3), preset="haechi")
    assert upload.rows_accepted == 3
    (warning,) = Sentences(upload).warnings()
    assert (warning["code"], warning["count"]) == ("same_again", 2)
    assert "may be separate victims, so they are kept" in warning["sentence"]


def test_an_identifier_taken_in_before_is_rejected_with_its_line(jurisdiction, tmp_path):
    header = "incident_id," + HEADER
    import_file(jurisdiction=jurisdiction, path=write(tmp_path, header + "K-1," + ROW), preset="haechi")
    second = write(tmp_path, header + "K-2," + ROW + "K-1," + ROW + "," + ROW, "second.csv")
    upload = import_file(jurisdiction=jurisdiction, path=second, preset="haechi")
    assert (upload.rows_accepted, upload.rows_rejected) == (2, 1)
    row = RejectedRow.objects.get(upload=upload)
    assert (row.line, row.reason) == (3, "duplicate_stored")
    assert (
        Sentences(upload).rejected(row)
        == "Line 3, column “incident_id”: the identifier “K-1” was taken in with an earlier upload."
    )


def test_odd_hours_of_summer_time_are_settled_and_counted(tmp_path, db):
    chicago = make_jurisdiction("chicago", _box_of_chicago(), time_zone="America/Chicago")
    lines = ["Date,Primary Type,Latitude,Longitude", "03/13/2016 02:30:00 AM,THEFT,41.88,-87.63"]
    lines += ["11/06/2016 01:30:00 AM,THEFT,41.88,-87.63", "07/01/2016 12:00:00 PM,THEFT,41.88,-87.63"]
    upload = import_file(jurisdiction=chicago, path=write(tmp_path, "\n".join(lines)), preset="chicago")
    times = list(Incident.objects.order_by("source_line").values_list("occurred_from", flat=True))
    assert [time.isoformat() for time in times] == [
        "2016-03-13T08:30:00+00:00",
        "2016-11-06T06:30:00+00:00",
        "2016-07-01T17:00:00+00:00",
    ]
    assert {one["code"]: (one["count"], one["lines"]) for one in upload.report["warnings"]} == {
        "skipped_hour": (1, [2]),
        "doubled_hour": (1, [3]),
    }


def _box_of_chicago():
    import shapely

    return shapely.box(-87.64, 41.875, -87.62, 41.89)


def test_an_upload_leaves_one_line_in_the_audit_trail(administrator, jurisdiction, tmp_path):
    upload = import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW), preset="haechi", user=administrator)
    entry = AuditEntry.objects.get(action="upload")
    assert (entry.actor, entry.target, entry.jurisdiction) == (administrator, f"upload:{upload.pk}", jurisdiction)
    assert entry.detail["sha256"] == hashlib.sha256((HEADER + ROW).encode()).hexdigest()
    assert (entry.detail["accepted"], entry.detail["rejected"]) == (1, 0)


@pytest.mark.parametrize("role", ["analyst", "operator", "auditor"])
def test_only_administrators_upload(role, users, jurisdiction, tmp_path):
    path = write(tmp_path, HEADER + ROW)
    with pytest.raises(NotAllowed):
        import_file(jurisdiction=jurisdiction, path=path, preset="haechi", user=users[role])
    with pytest.raises(NotAllowed):
        receive_upload(user=users[role], source=path, file_name="x.csv", preset="haechi")
    with pytest.raises(NotAllowed):
        rejected_rows(user=users[role], upload_id=1)


def test_a_received_file_is_taken_in_by_its_job(administrator, django_capture_on_commit_callbacks):
    upload = receive_upload(
        user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="C:\\x\\a.csv", preset="haechi"
    )
    assert (upload.file_name, upload.state, upload.job.state) == ("a.csv", "waiting", "queued")
    ingest(str(upload.job.pk))
    upload.refresh_from_db()
    upload.job.refresh_from_db()
    assert (upload.state, upload.job.state, upload.rows_accepted) == ("committed", "succeeded", 1)
    assert not stored_path(upload).exists()
    ingest(str(upload.job.pk))  # delivered twice
    assert Incident.objects.count() == 1


def test_a_refused_file_ends_its_job_with_the_sentence(administrator):
    upload = receive_upload(user=administrator, source=BROKEN / "empty.csv", file_name="empty.csv", preset="haechi")
    Job.objects.filter(pk=upload.job.pk).update(parameters={**upload.job.parameters, "language": "en"})
    ingest(str(upload.job.pk))
    upload.job.refresh_from_db()
    assert (upload.job.state, upload.job.message) == ("failed", REFUSED["empty.csv"])
    assert not stored_path(upload).exists()


def test_a_second_click_gives_the_upload_under_way(administrator):
    first = receive_upload(user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="a.csv", preset="haechi")
    second = receive_upload(user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="a.csv", preset="haechi")
    assert (second.pk, second.already_there) == (first.pk, True)
    assert Job.objects.count() == 1


def test_a_cancelled_job_takes_nothing_in(administrator):
    upload = receive_upload(user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="a.csv", preset="haechi")

    def cancel(fraction: float, step: str) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        ingest_upload(upload_id=upload.pk, progress=cancel)
    upload.refresh_from_db()
    assert (upload.state, upload.message) == ("refused", "a.csv: the upload was cancelled. Nothing of it was taken in.")
    assert row_counts() == (0, 0)


def test_a_file_whose_waiting_job_was_cancelled_can_be_sent_again(administrator):
    first = receive_upload(user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="a.csv", preset="haechi")
    request_cancel(job=first.job)
    second = receive_upload(user=administrator, source=BytesIO((HEADER + ROW).encode()), file_name="a.csv", preset="haechi")
    assert second.pk != first.pk
    assert second.already_there is False


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_upload():
    user = make_user(make_jurisdiction(), "administrator")
    found: list[int] = []

    def click() -> None:
        content = BytesIO((HEADER + ROW * 1000).encode())
        found.append(receive_upload(user=user, source=content, file_name="a.csv", preset="haechi").pk)
        connections.close_all()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert (Upload.objects.count(), Job.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_same_file_from_two_command_lines_at_once_is_taken_in_once(tmp_path):
    jurisdiction = make_jurisdiction()
    path = write(tmp_path, HEADER + ROW * 20_000)
    ended: list[str] = []

    def run() -> None:
        try:
            import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
            ended.append("taken in")
        except UploadRefused as error:
            ended.append(error.fields["reason"])
        connections.close_all()

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(ended) in (["same_content", "taken in"], ["taken in", "taken in"])
    assert Upload.objects.filter(state="committed").count() == 1
    assert Incident.objects.count() == 20_000


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_takes_an_upload_in(worker, settings):
    import time

    user = make_user(make_jurisdiction(), "administrator")
    upload = receive_upload(user=user, source=BytesIO((HEADER + ROW * 500).encode()), file_name="a.csv", preset="haechi")
    deadline = time.monotonic() + 30
    while upload.state == "waiting" and time.monotonic() < deadline:
        time.sleep(0.1)
        upload.refresh_from_db()
    assert (upload.state, upload.rows_accepted) == ("committed", 500)


def test_a_file_beyond_the_size_rule_is_refused_by_its_size(administrator, jurisdiction, settings, tmp_path):
    settings.UPLOAD_MAX_BYTES = 1024
    path = write(tmp_path, HEADER + ROW * 100)
    sentence = "incidents.csv is 3.947 KB large; this server takes in at most 1 KB. Split it by year, or compress it with gzip"
    with pytest.raises(UploadTooLarge) as refused:
        import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    assert refused.value.message.startswith(sentence)
    with pytest.raises(UploadTooLarge):
        receive_upload(user=administrator, source=path, file_name="x.csv", preset="haechi")
    assert list(Path(settings.UPLOAD_DIR).glob("*.part")) == []
    assert Upload.objects.count() == 0


def test_a_file_that_unpacks_beyond_the_size_rule_is_refused(jurisdiction, settings, tmp_path):
    settings.UPLOAD_MAX_BYTES = 200_000
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 20_000).encode()))
    with pytest.raises(UploadRefused, match=r"bomb\.csv\.gz holds more than 195\.3 KB"):
        import_file(jurisdiction=jurisdiction, path=path, preset="haechi")
    assert row_counts() == (0, 0)


def test_an_unknown_format_or_a_missing_file_gets_a_sentence(jurisdiction, tmp_path):
    with pytest.raises(HaechiError, match=r"There is no format “moon”\. Choose one of: haechi, chicago, nyc"):
        import_file(jurisdiction=jurisdiction, path=tmp_path / "x.csv", preset="moon")
    with pytest.raises(HaechiError, match=r"x\.csv cannot be read: No such file"):
        import_file(jurisdiction=jurisdiction, path=tmp_path / "x.csv", preset="haechi")


def test_progress_follows_the_file_and_never_goes_back(jurisdiction, tmp_path):
    heard: list[float] = []
    path = write(tmp_path, HEADER + ROW * 150_000)
    import_file(jurisdiction=jurisdiction, path=path, preset="haechi", progress=lambda fraction, step: heard.append(fraction))
    assert heard == sorted(heard)
    assert len(heard) >= 3
    assert 0 < heard[0] < 0.7


def test_the_command_takes_a_file_in_and_says_what_became_of_it(jurisdiction):
    out = StringIO()
    options = {"preset": "haechi", "jurisdiction": "testgu"}
    call_command("import", str(BROKEN / "every_reason.csv"), "--yes", stdout=out, **options)
    assert "every_reason.csv: 23 rows read, 3 good, 0 mendable, 20 rejected" in out.getvalue().replace("1 mendable", "0 mendable")
    assert "unknown category" in out.getvalue()
    assert f"Taken in as upload {Upload.objects.get().pk}: 3 rows." in out.getvalue()
    out = StringIO()
    call_command("import", str(BROKEN / "every_reason.csv"), "--yes", stdout=out, **options)
    assert "was taken in before" in out.getvalue()
    with pytest.raises(CommandError, match="the file is empty"):
        call_command("import", str(BROKEN / "empty.csv"), **options)
    with pytest.raises(CommandError, match="There is no jurisdiction “nowhere”"):
        call_command("import", str(BROKEN / "empty.csv"), preset="haechi", jurisdiction="nowhere")


MEASURE = """
import sys
from pathlib import Path
from ingestion.reader import read_chunks
before = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
rows = sum(len(chunk.rows) for chunk in read_chunks(Path(sys.argv[1]), file_name="x", max_content_bytes=1 << 40))
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(rows, int(peak) - int(before))
"""


def test_a_large_file_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "large.csv"
    with path.open("w") as stream:
        stream.write(HEADER)
        for _ in range(100):
            stream.write(ROW * 25_000)
    assert path.stat().st_size > 100_000_000
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    rows, peak_kb = map(int, done.stdout.split())
    assert rows == 2_500_001
    assert peak_kb < 100_000, "the reader must hold a few blocks, not the file"


def test_taking_a_file_in_needs_no_more_memory_for_more_rows(jurisdiction, tmp_path):
    warm = write(tmp_path, HEADER + ROW * 80_000, "warm.csv")
    import_file(jurisdiction=jurisdiction, path=warm, preset="haechi")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = write(tmp_path, HEADER + ROW * 400_000, "large.csv")
    upload = import_file(jurisdiction=jurisdiction, path=large, preset="haechi")
    assert upload.rows_accepted == 400_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 60_000


def test_the_database_counts_what_the_report_counts(jurisdiction):
    upload = import_file(jurisdiction=jurisdiction, path=BROKEN / "mixed_line_ends.csv", preset="haechi")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crimes_incident WHERE upload_id = %s", [upload.pk])
        assert cursor.fetchone() == (upload.rows_accepted,) == (4,)
    assert upload.report["warnings"] == [{"code": "blank_lines", "count": 2, "lines": [3, 6]}]


SHAPE = """
SELECT indexdef FROM pg_indexes WHERE tablename = 'crimes_incident'
UNION SELECT conname || pg_get_constraintdef(oid) || convalidated FROM pg_constraint WHERE conrelid = 'crimes_incident'::regclass
ORDER BY 1
"""


def table_shape() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(SHAPE)
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("name", ["every_reason.csv", "nothing_good.csv"])
def test_a_first_load_leaves_every_index_and_constraint_as_it_was(name, jurisdiction):
    before = table_shape()
    assert sum("FOREIGN KEY" in line for line in before) == 2
    with contextlib.suppress(UploadRefused):
        import_file(jurisdiction=jurisdiction, path=BROKEN / name, preset="haechi")
    assert table_shape() == before


@pytest.mark.django_db(transaction=True)
def test_a_first_load_into_a_table_that_is_being_read_goes_the_live_way(tmp_path):
    jurisdiction = make_jurisdiction()
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic():
            assert Incident.objects.count() == 0
            reading.set()
            done.wait(20)
        connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(20)
    upload = import_file(jurisdiction=jurisdiction, path=write(tmp_path, HEADER + ROW * 10), preset="haechi")
    done.set()
    reader.join()
    assert upload.rows_accepted == 10
    assert sum("FOREIGN KEY" in line for line in table_shape()) == 2
