"""The real files of Chicago and New York, with all their quirks."""

import pytest
import shapely

from ingestion.presets import PRESETS
from tests.factories import make_jurisdiction
from webapp.crimes.models import Incident
from webapp.imports.models import RejectedRow
from webapp.imports.services import import_file

pytestmark = [pytest.mark.django_db, pytest.mark.real]


def city(name: str):
    """A jurisdiction of the preset's extent, coarse cells: only its outline and taxonomy matter here."""
    preset = PRESETS[name]
    taxonomy = [(entry.code, entry.name_ko, entry.name_en) for entry in preset.taxonomy]
    assert preset.extent is not None
    outline = shapely.box(*preset.extent)
    return make_jurisdiction(name, outline, taxonomy=taxonomy, time_zone=preset.time_zone, h3_resolution=7)


def warnings(upload) -> dict[str, int]:
    return {warning["code"]: warning["count"] for warning in upload.report["warnings"]}


def by_category(upload) -> dict[str, int]:
    codes = Incident.objects.filter(upload=upload).values_list("category__code", flat=True)
    found: dict[str, int] = {}
    for code in codes:
        found[code] = found.get(code, 0) + 1
    return found


def test_chicago_2016_2017_is_taken_in_to_the_last_row(shared_data, db):
    path = shared_data / "chicago-2016-2017" / "chicago_2016_2017.csv.gz"
    upload = import_file(jurisdiction=city("chicago"), path=path, preset="chicago")
    assert (upload.rows_read, upload.rows_accepted, upload.rows_rejected) == (321_877, 321_877, 0)
    assert by_category(upload) == {"theft": 124_630, "battery": 99_389, "criminal_damage": 59_886, "assault": 37_972}
    assert warnings(upload)["same_again"] == 916
    assert (upload.report["first"], upload.report["last"]) == ("2016-01-01T06:00:00+00:00", "2018-01-01T05:50:00+00:00")


def test_new_york_2014_2015_is_taken_in_to_the_last_row(shared_data, db):
    path = shared_data / "nyc-2014-2015" / "nyc_2014_2015.csv.gz"
    upload = import_file(jurisdiction=city("nyc"), path=path, preset="nyc")
    assert (upload.rows_read, upload.rows_accepted, upload.rows_rejected) == (191_580, 191_580, 0)
    assert by_category(upload) == {
        "grand_larceny": 85_899,
        "felony_assault": 40_429,
        "robbery": 33_453,
        "burglary": 31_799,
    }


def test_the_full_chicago_schema_gives_each_left_out_row_its_reason(shared_data, db):
    path = shared_data / "chicago-2019-sample" / "chicago_2019_sample50k.csv.gz"
    upload = import_file(jurisdiction=city("chicago"), path=path, preset="chicago")
    assert upload.rows_read == 50_000 == upload.rows_accepted + upload.rows_rejected
    assert RejectedRow.objects.filter(upload=upload).count() == upload.rows_rejected
    assert set(upload.report["reasons"]) <= {"unknown_category", "coordinate_missing", "outside"}
    assert warnings(upload)["day_only"] == upload.rows_accepted
    assert Incident.objects.filter(upload=upload, source_id=None).count() == 0


def test_a_file_without_coordinates_is_refused_with_the_missing_column(shared_data, db):
    from webapp.imports.services import UploadRefused

    path = shared_data / "chicago-2022-no-coords" / "crimes-2022-slim.csv.gz"
    with pytest.raises(UploadRefused) as refused:
        import_file(jurisdiction=city("chicago"), path=path, preset="chicago")
    assert refused.value.fields["column"] == "Latitude"
    assert Incident.objects.count() == 0
