"""The files that an administrator has on the first day, through the wizard without hand work, and undone again exactly."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely
from django.utils import translation
from shapely.geometry import shape

from tests.factories import make_user
from tests.integration.test_imports_wizard import fingerprint
from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera
from webapp.crimes.models import Incident, Ruling, Statistic
from webapp.crimes.services import set_up_jurisdiction
from webapp.imports import services
from webapp.imports.models import Upload
from webapp.imports.services.understanding import still_open, unknown_categories
from webapp.imports.tasks import check, ingest, undo

pytestmark = [pytest.mark.real, pytest.mark.django_db]
Take = Callable[[User, Path], Upload]


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def union(path: Path, keep: Callable[[dict], bool] = lambda properties: True) -> shapely.Geometry:
    features = json.loads(path.read_text())["features"]
    return shapely.union_all([shape(one["geometry"]).buffer(0) for one in features if keep(one["properties"])])


@pytest.fixture
def seocho(db: None, shared_data: Path) -> User:
    path = shared_data / "korea-boundaries" / "seoul_hdong_2024.geojson"
    boundary = union(path, lambda properties: properties["sggnm"] == "서초구")
    return make_user(set_up_jurisdiction(code="seocho", name="서초구", name_en="Seocho-gu", boundary=boundary), "administrator")


@pytest.fixture
def chicago(db: None, shared_data: Path) -> User:
    boundary = union(shared_data / "chicago-boundaries" / "community_areas.geojson")
    city: Jurisdiction = set_up_jurisdiction(
        code="chicago", name="시카고", name_en="Chicago", boundary=boundary, time_zone="America/Chicago"
    )
    return make_user(city, "administrator")


def take(user: User, path: Path) -> Upload:
    """What a person does: send, leave out what has no category here, check, take in."""
    upload = services.receive_upload(user=user, source=path, file_name=path.name)
    unknown = {value.strip().casefold(): "" for value in unknown_categories(upload)}
    if unknown:
        categories = upload.mapping["categories"] | unknown
        upload = services.change_mapping(user=user, upload_id=upload.pk, changes={"categories": categories})
    assert still_open(upload) == []
    check(str(services.ask_for_check(user=user, upload_id=upload.pk).job.pk))
    ingest(str(services.ask_for_commit(user=user, upload_id=upload.pk).job.pk))
    upload.refresh_from_db()
    assert upload.state == "committed", upload.message
    return upload


def undone(user: User, *uploads: Upload) -> None:
    for upload in reversed(uploads):
        undo(str(services.ask_for_undo(user=user, upload_id=upload.pk, reason="test").job.pk))
        upload.refresh_from_db()
        assert upload.state == "undone"


def test_the_first_day_of_seocho_goes_in_without_hand_work_and_back(seocho: User, shared_data: Path, tmp_path: Path):
    before = fingerprint()
    cameras = take(seocho, shared_data / "seoul-cctv" / "raw" / "seocho_20190529.csv.gz")
    assert (cameras.kind, cameras.rows_read, cameras.rows_rejected) == ("cameras", 2372, 0)
    assert Camera.objects.count() > 800
    figures = take(seocho, shared_data / "korea-crime-stats" / "seoul_gu_5crimes_2015_2024.csv")
    assert (figures.kind, figures.rows_accepted) == ("statistics", 260)
    assert Statistic.objects.count() >= 260
    after_figures = fingerprint()
    rulings = [take(seocho, path) for path in ten_rulings(shared_data, tmp_path)]
    assert {one.kind for one in rulings} == {"rulings"}
    assert Ruling.objects.count() == 10
    undone(seocho, *rulings)
    assert fingerprint() == after_figures
    undone(seocho, cameras, figures)
    assert fingerprint() == before


def ten_rulings(shared_data: Path, folder: Path) -> list[Path]:
    """Ten rulings as the text files that a clerk would send."""
    paths = []
    with gzip.open(shared_data / "kr-court-rulings" / "criminal_street_offences.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in zip(range(10), lines, strict=False):
            ruling = json.loads(line)
            path = folder / f"ruling-{number}.txt"
            path.write_text("\n".join([ruling["court"], ruling["case_no"], "주문", *ruling["order"], "이유", *ruling["reasons"]]))
            paths.append(path)
    return paths


def test_a_chicago_file_goes_in_once_and_back(chicago: User, shared_data: Path):
    before = fingerprint()
    path = shared_data / "chicago-2019-sample" / "chicago_2019_sample50k.csv.gz"
    upload = take(chicago, path)
    assert upload.rows_read == 50_000
    assert Incident.objects.count() == upload.rows_accepted > 30_000
    again = services.receive_upload(user=chicago, source=path, file_name="again.csv.gz")
    assert (again.pk, again.already_there) == (upload.pk, True)
    undone(chicago, upload)
    assert fingerprint() == before
