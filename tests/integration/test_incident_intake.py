"""Incidents under a mapping: counts that take rows back, batches that overlap, rows left out, and what the report says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from ingestion.errors import WARNINGS
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.report import Report
from tests.factories import make_jurisdiction
from webapp.common.intake import Intake, undo_rows
from webapp.common.models import DisplacedRow
from webapp.common.services import no_progress
from webapp.crimes.models import Incident
from webapp.crimes.services.incidents import TABLE, take_incidents
from webapp.imports.models import RejectedRow, Upload

pytestmark = pytest.mark.django_db

COLUMNS = {"category": "category", "occurred_from": "occurred_from", "latitude": "latitude", "longitude": "longitude"}
HEADER = "category,occurred_from,latitude,longitude,n\n"
A, B = "theft,2025-03-01 22:30,37.4900,127.0100", "violence,2025-03-02 01:10,37.4910,127.0110"


def take(jurisdiction, folder: Path, text: str, **more) -> tuple[Upload, Report]:
    """Take a CSV in as its own committed upload."""
    path = folder / f"{abs(hash(text))}.csv"
    path.write_text(text)
    columns = COLUMNS | more.pop("columns", {})
    mapping = ColumnMapping(Kind.INCIDENTS, columns, **more)
    upload = Upload.objects.create(
        jurisdiction=jurisdiction, file_name=path.name, sha256=path.stem, size_bytes=len(text), preset=path.stem
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with transaction.atomic():
        report = take_incidents(Intake(jurisdiction, upload.pk, path, path.name, mapping, 1 << 30, now, no_progress))
    assert report.rows == report.accepted + report.rejected
    assert report.accepted == Incident.objects.filter(upload=upload).count()
    assert report.rejected == RejectedRow.objects.filter(upload=upload).count()
    assert set(report.warnings) <= set(WARNINGS)
    return upload, report


def lines_of(upload: Upload) -> list[int]:
    return list(Incident.objects.filter(upload=upload).order_by("source_line").values_list("source_line", flat=True))


def reasons(upload: Upload) -> dict[int, str]:
    return dict(RejectedRow.objects.filter(upload=upload).values_list("line", "reason"))


def test_a_count_of_minus_one_takes_the_nearest_earlier_equal_row_back(jurisdiction, tmp_path):
    text = HEADER + f"{A},1\n{A},1\n{B},1\n{A},-1\n{A},1\n"
    upload, report = take(jurisdiction, tmp_path, text, columns={"count": "n"})
    assert lines_of(upload) == [2, 4, 6]
    assert reasons(upload) == {3: "taken_back", 5: "takes_back"}
    row = RejectedRow.objects.get(upload=upload, line=3)
    assert (row.value, row.fields) == ("5", [*A.split(","), "1"])
    assert report.months == {"2025-03": 3}


def test_a_count_of_minus_one_without_an_equal_row_is_named(jurisdiction, tmp_path):
    upload, _ = take(jurisdiction, tmp_path, HEADER + f"{A},-1\n{A},1\n{B},x\n{B},0\n{B},3\n", columns={"count": "n"})
    assert reasons(upload) == {2: "nothing_to_take_back", 4: "count_unreadable", 5: "count_zero"}
    assert lines_of(upload) == [3, 6]


def test_a_count_above_one_is_one_incident_with_a_warning(jurisdiction, tmp_path):
    _, report = take(jurisdiction, tmp_path, HEADER + f"{A},3\n{B},1\n", columns={"count": "n"})
    assert (report.accepted, report.warnings["count_above_one"].count) == (2, 1)


def test_a_count_of_minus_one_takes_a_stored_row_back_and_undoing_brings_it_back(jurisdiction, tmp_path):
    first, _ = take(jurisdiction, tmp_path, HEADER + f"{A},1\n{B},1\n", columns={"count": "n"})
    before = list(Incident.objects.order_by("pk").values())
    second, _ = take(jurisdiction, tmp_path, HEADER + f"{A},-1\n", columns={"count": "n"})
    assert lines_of(first) == [3]
    assert reasons(second) == {2: "takes_back_stored"}
    assert DisplacedRow.objects.get().row_id == before[0]["id"]
    undo_rows(upload_id=second.pk, tables=(TABLE,))
    assert list(Incident.objects.order_by("pk").values()) == before


def test_with_an_identifier_the_row_of_that_identifier_is_taken_back(jurisdiction, tmp_path):
    text = "id," + HEADER + f"K1,{A},1\nK2,{A},1\nK1,{A},-1\n"
    upload, _ = take(jurisdiction, tmp_path, text, columns={"count": "n", "incident_id": "id"})
    assert lines_of(upload) == [3]
    assert reasons(upload) == {2: "taken_back", 4: "takes_back"}


def test_many_rows_take_back_many(jurisdiction, tmp_path):
    text = HEADER + f"{A},1\n" * 5 + f"{A},-1\n" * 3
    upload, _ = take(jurisdiction, tmp_path, text, columns={"count": "n"})
    assert lines_of(upload) == [2, 3]


def test_an_overlapping_batch_is_recognised_by_its_content(jurisdiction, tmp_path):
    rows = [f"theft,2025-03-{day:02} 10:00,37.4900,127.0100,1\n" for day in range(1, 21)]
    take(jurisdiction, tmp_path, HEADER + "".join(rows[:10]))
    _, report = take(jurisdiction, tmp_path, HEADER + "".join(rows[8:]))
    found = report.warnings["stored_already"]
    assert (found.count, found.lines, found.share, found.mend) == (2, [2, 3], pytest.approx(2 / 12), "")
    assert report.accepted == 12


def test_what_a_file_itself_repeats_counts_only_as_often_as_it_is_stored(jurisdiction, tmp_path):
    take(jurisdiction, tmp_path, HEADER + f"{A},1\n")
    _, report = take(jurisdiction, tmp_path, HEADER + f"{A},1\n{A},1\n{A},1\n")
    assert report.warnings["stored_already"].count == 1
    assert report.warnings["same_again"].count == 2


def test_the_same_data_again_is_proposed_to_be_left_out_and_then_is(jurisdiction, tmp_path):
    rows = "".join(f"theft,2025-03-{day:02} 10:00,37.4900,127.0100,1\n" for day in range(1, 21))
    take(jurisdiction, tmp_path, HEADER + rows)
    again = HEADER + rows + f"{B},1\n"
    with transaction.atomic():
        _, report = take(jurisdiction, tmp_path, again)
        assert report.warnings["stored_already"].mend == "skip_stored"
        transaction.set_rollback(True)
    upload, report = take(jurisdiction, tmp_path, again + "\n", mends=frozenset({"skip_stored"}))
    assert (report.accepted, report.rejected) == (1, 20)
    assert set(reasons(upload).values()) == {"stored_already"}
    assert RejectedRow.objects.filter(upload=upload).first().fields[0] == "theft"
    assert report.months == {"2025-03": 1}


def test_categories_that_were_left_out_are_a_reason_of_their_own(jurisdiction, tmp_path):
    upload, report = take(
        jurisdiction,
        tmp_path,
        HEADER + f"{A},1\n{A.replace('theft', 'arson')},1\n{A.replace('theft', 'moon')},1\n",
        categories={"arson": ""},
    )
    assert reasons(upload) == {3: "left_out", 4: "unknown_category"}
    assert report.unknown_categories == {"moon": 1}


def test_one_category_for_a_file_without_such_a_column(jurisdiction, tmp_path):
    text = "occurred_from,latitude,longitude\n2025-03-01 22:30,37.49,127.01\n"
    path = tmp_path / "x.csv"
    path.write_text(text)
    columns = {name: title for name, title in COLUMNS.items() if name != "category"}
    mapping = ColumnMapping(Kind.INCIDENTS, columns, options={"category": "robbery"})
    upload = Upload.objects.create(jurisdiction=jurisdiction, file_name="x.csv", sha256="x", size_bytes=1, preset="x")
    take_incidents(
        Intake(jurisdiction, upload.pk, path, "x.csv", mapping, 1 << 30, datetime(2026, 1, 1, tzinfo=UTC), no_progress)
    )
    assert Incident.objects.get().category.code == "robbery"


def test_day_clock_end_and_report_in_columns_of_their_own(jurisdiction, tmp_path):
    text = "category,day,clock,last,reported,latitude,longitude\n"
    text += "theft,2025. 3. 1.,오후 11:05,2025-03-02 02:00,2025-03-20 09:00,37.49,127.01\n"
    text += "theft,2025. 3. 1.,미상,-,2025-03-02 09:00,37.49,127.01\n"
    columns = {"occurred_from": "day", "clock": "clock", "occurred_to": "last", "reported_at": "reported"}
    upload, report = take(jurisdiction, tmp_path, text, columns=columns)
    first, second = Incident.objects.filter(upload=upload).order_by("source_line")
    assert (first.occurred_from.isoformat(), first.occurred_to.isoformat()) == (
        "2025-03-01T14:05:00+00:00",
        "2025-03-01T17:00:00+00:00",
    )
    assert (second.occurred_to - second.occurred_from).total_seconds() == 86_399
    assert report.warnings["day_only"].count == 1
    assert report.warnings["end_unknown"].lines == [3]
    late = report.warnings["late_reports"]
    assert (late.count, late.share) == (1, 0.5)


def test_an_interval_in_one_column_is_an_interval(jurisdiction, tmp_path):
    text = HEADER + "theft,2025. 3. 1. 22:00 ~ 02:00,37.49,127.01,1\ntheft,2025. 3. 1. 22:00 ~ 25시,37.49,127.01,1\n"
    upload, _ = take(jurisdiction, tmp_path, text)
    incident = Incident.objects.get(upload=upload)
    assert (incident.occurred_to - incident.occurred_from).total_seconds() == 4 * 3600
    row = RejectedRow.objects.get(upload=upload)
    assert (row.line, row.column, row.value) == (3, "occurred_from", "2025. 3. 1. 22:00 ~ 25시")


def test_rounding_and_gaps_are_reported_with_their_shares(jurisdiction, tmp_path):
    rows = []
    for month in (1, 2, 3, 5, 6):
        rows += [f"theft,2025-{month:02}-{day % 28 + 1:02} 12:00,37.49,{127.001 + day / 1e5:.5f},1\n" for day in range(30)]
        rows += [
            f"theft,2025-{month:02}-{day % 28 + 1:02} 07:1{day % 10},37.49,{127.001 + day / 1e5:.5f},1\n" for day in range(30)
        ]
    _, report = take(jurisdiction, tmp_path, HEADER + "".join(rows))
    assert (report.warnings["rounded_noon"].count, report.warnings["rounded_noon"].share) == (150, 0.5)
    assert report.warnings["month_gaps"].values == ["2025-04"]
    assert report.quality["located"] == report.quality["timed"] == report.quality["known_category"] == 1
    assert report.quality["to_the_minute"] == 0.5
    assert report.quality["months_complete"] == pytest.approx(5 / 6)
    assert report.quality["score"] == pytest.approx(5 / 6)
    assert report.hours == {12: 150, 7: 150}
    assert report.months["2025-05"] == 60
    assert len(report.points) == 300


def test_feet_of_oregon_become_degrees(tmp_path, db):
    import shapely

    portland = make_jurisdiction(
        "portland", shapely.box(-122.84, 45.43, -122.47, 45.66), time_zone="America/Los_Angeles", h3_resolution=8
    )
    text = "occ_date,x_coordina,y_coordina,category\n2012-03-12,7688186,676342,theft\n"
    columns = {"occurred_from": "occ_date", "latitude": "y_coordina", "longitude": "x_coordina"}
    upload, _ = take(portland, tmp_path, text, columns=columns, crs="EPSG:2913")
    point = Incident.objects.get(upload=upload).point
    assert (round(point.x, 3), round(point.y, 3)) == (-122.505, 45.504)


def test_an_address_without_coordinates_is_left_out_where_nobody_knows_it(jurisdiction, tmp_path):
    text = "category,occurred_from,address\ntheft,2025-03-01 22:30,어딘가 없는 길 1\n"
    columns = {"address": "address"}
    path = tmp_path / "x.csv"
    path.write_text(text)
    mapping = ColumnMapping(Kind.INCIDENTS, {"category": "category", "occurred_from": "occurred_from"} | columns)
    upload = Upload.objects.create(jurisdiction=jurisdiction, file_name="x.csv", sha256="x", size_bytes=1, preset="x")
    intake = Intake(jurisdiction, upload.pk, path, "x.csv", mapping, 1 << 30, datetime(2026, 1, 1, tzinfo=UTC), no_progress)
    report = take_incidents(intake)
    assert (report.accepted, list(report.reasons)) == (0, ["coordinate_missing"])
