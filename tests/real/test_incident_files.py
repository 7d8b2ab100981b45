"""The real incident files, guessed and taken in without a hand: counts, times, places and what the report says of them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely

from ingestion.guessing import GuessContext, guess
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.readers import Limits, open_tables
from ingestion.report import Report
from tests.factories import make_jurisdiction
from webapp.common.intake import Intake
from webapp.common.services import no_progress
from webapp.crimes.models import Category, Incident
from webapp.crimes.services.incidents import take_incidents
from webapp.imports.models import RejectedRow, Upload

pytestmark = [pytest.mark.django_db, pytest.mark.real]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CODES = (
    "theft", "battery", "criminal_damage", "assault", "burglary", "robbery", "motor_vehicle_theft", "homicide", "sexual_violence",
    "grand_larceny", "felony_assault", "street_crimes",
)  # fmt: skip
CITIES = {
    "chicago": ((-87.95, 41.63, -87.51, 42.04), "America/Chicago"),
    "nyc": ((-74.26, 40.49, -73.70, 40.92), "America/New_York"),
    "portland": ((-122.84, 45.43, -122.47, 45.66), "America/Los_Angeles"),
}


def take(path: Path, city: str, **changes) -> tuple[ColumnMapping, Report, Upload]:
    """Guess the file, take it in as guessed (with `changes` to the mapping's categories), and check the sums."""
    extent, zone = CITIES[city]
    outline = shapely.box(*extent)
    taxonomy = [(code, code, code.replace("_", " ")) for code in CODES]
    jurisdiction = make_jurisdiction(city, outline, taxonomy=taxonomy, time_zone=zone, h3_resolution=7)
    names = {code: (ko, en) for code, ko, en in Category.objects.of(jurisdiction).values_list("code", "name", "name_en")}
    context = GuessContext(path.name, Boundary.around(outline), zone, NOW, names)
    mapping = guess(open_tables(path, file_name=path.name, limits=Limits(1 << 33)), context).mapping
    plain = mapping.to_json()
    plain["categories"] |= changes.get("categories", {})
    mapping = ColumnMapping.from_json(json.loads(json.dumps(plain)))  # as the database keeps it
    upload = Upload.objects.create(jurisdiction=jurisdiction, file_name=path.name, sha256="x", size_bytes=1, preset="x")
    report = take_incidents(Intake(jurisdiction, upload.pk, path, path.name, mapping, 1 << 33, NOW, no_progress))
    assert report.rows == report.accepted + report.rejected
    assert report.accepted == Incident.objects.filter(upload=upload).count()
    assert report.rejected == RejectedRow.objects.filter(upload=upload).count()
    assert sum(report.months.values()) == report.accepted
    assert all(0 <= share <= 1 for share in report.quality.values())
    return mapping, report, upload


def shares(report: Report) -> dict[str, float]:
    return {code: round(problem.share, 3) for code, problem in report.warnings.items() if problem.share is not None}


def test_chicago_2016_2017(shared_data):
    _, report, upload = take(shared_data / "chicago-2016-2017" / "chicago_2016_2017.csv.gz", "chicago")
    assert (report.rows, report.accepted) == (321_877, 321_877)
    assert report.warnings["same_again"].count == 916
    assert shares(report) == {
        "same_again": 0.003,
        "rounded_noon": 0.021,
        "rounded_midnight": 0.009,
        "rounded_hour": pytest.approx(0.34, abs=0.005),
    }
    assert len(report.months) == 24
    assert report.quality["located"] == report.quality["timed"] == report.quality["months_complete"] == 1
    assert Incident.objects.filter(upload=upload, category__code="criminal_damage").count() == 59_886
    assert 1000 <= len(report.points) <= 2000


def test_chicago_2010_2019_of_one_offence(shared_data):
    path = shared_data / "chicago-2010-2019-agg-assault" / "chicago_aggravated_assaults_2010_2019.csv.gz"
    mapping, report, _ = take(path, "chicago")
    assert mapping.options["category"] == "felony_assault"
    assert report.rows == 148_636
    assert set(report.reasons) <= {"outside", "coordinate_missing", "false_point"}
    assert report.accepted > 148_500
    assert report.first is not None
    assert report.first.isoformat() == "2010-01-01T06:05:00+00:00"
    assert len(report.months) == 120


def test_chicago_2019_of_days_only_with_its_false_point(shared_data):
    mapping, report, _ = take(shared_data / "chicago-2019-sample" / "chicago_2019_sample50k.csv.gz", "chicago")
    assert report.rows == 50_000
    assert report.warnings["day_only"].count == report.accepted
    assert report.hours == {}
    assert {"unknown_category", "coordinate_missing"} <= set(report.reasons)
    assert mapping.categories["crim sexual assault"] == mapping.categories["criminal sexual assault"] == "sexual_violence"
    assert report.unknown_categories["DECEPTIVE PRACTICE"] == 3_666
    assert report.quality["located"] == pytest.approx(1 - 0.0053, abs=0.002)
    assert report.quality["to_the_minute"] == 0


def test_chicago_2019_with_categories_left_out_has_no_unknown_ones(shared_data):
    chosen = {"deceptive practice": "", "other offense": "", "narcotics": "street_crimes"}
    _, report, _ = take(shared_data / "chicago-2019-sample" / "chicago_2019_sample50k.csv.gz", "chicago", categories=chosen)
    assert report.reasons["left_out"].count == 3_666 + 3_179
    assert report.reasons["false_point"].count == 1  # a case of narcotics at 36.619446, -91.686566: 0, 0 in EPSG:3435
    assert "DECEPTIVE PRACTICE" not in report.unknown_categories


def test_new_york_2014_2015(shared_data):
    _, report, _ = take(shared_data / "nyc-2014-2015" / "nyc_2014_2015.csv.gz", "nyc")
    assert (report.rows, report.accepted) == (191_580, 191_580)
    assert report.warnings["same_again"].count == 2_751  # 2,703 repeat every column, the sector of others differs
    assert shares(report)["rounded_noon"] == pytest.approx(0.033, abs=0.001)
    assert shares(report)["rounded_hour"] == pytest.approx(0.39, abs=0.005)


def test_new_york_vehicle_thefts_keep_their_window(shared_data):
    mapping, report, upload = take(shared_data / "nyc-vehicle-thefts-2014-2017" / "nyc_vehicle_thefts.csv.gz", "nyc")
    assert mapping.options["category"] == "motor_vehicle_theft"
    assert report.rows == 35_746
    assert report.warnings["end_unknown"].count / report.rows == pytest.approx(0.08, abs=0.01)
    first = Incident.objects.get(upload=upload, source_id="12386084")
    assert (first.occurred_from.isoformat(), first.occurred_to.isoformat()) == (
        "2013-12-31T15:00:00+00:00",
        "2014-01-01T21:30:00+00:00",
    )


@pytest.mark.parametrize(
    ("name", "rows", "code"),
    [("crimes_bur_2012_2017", 5_364, "burglary"), ("crimes_veh_2012_2017", 9_842, "motor_vehicle_theft")],
)
def test_portland_in_feet(name, rows, code, shared_data):
    mapping, report, upload = take(shared_data / "portland-nij" / f"{name}.csv.gz", "portland")
    assert (mapping.crs, mapping.options["category"]) == ("EPSG:2913", code)
    assert report.rows == rows
    assert report.accepted > 0.97 * rows
    assert set(report.reasons) <= {"outside", "coordinate_missing", "coordinate_zero", "false_point"}
    assert Incident.objects.filter(upload=upload).exclude(category__code=code).count() == 0


def test_portland_calls_for_service(shared_data):
    _, report, upload = take(shared_data / "portland-nij" / "nij_cfs_2016_08_10.csv.gz", "portland", categories={"other": ""})
    assert report.rows == 55_509
    assert report.reasons["left_out"].count == 45_532
    assert report.reasons["category_missing"].count == 1
    by_code = {
        code: Incident.objects.filter(upload=upload, category__code=code).count() for code in ("burglary", "street_crimes")
    }
    assert 240 <= by_code["burglary"] <= 255
    assert 8_800 <= by_code["street_crimes"] <= 9_059
