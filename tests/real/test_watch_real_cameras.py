"""A watch plan over real camera positions: Seoul's register of 2025, of which half the rows repeat another row's point."""

import csv
import gzip

import pytest

from tests import factories
from webapp.cameras.services import CameraRecord, register_cameras
from webapp.watch.services import make_plan

pytestmark = pytest.mark.real


@pytest.fixture
def real_cameras(shared_data):
    """The register's rows inside the small test city, which lies in Seocho-gu."""
    path = shared_data / "seoul-cctv" / "seoul_ansimi_cctv_points_2025.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    west, south, east, north = factories.SMALL_CITY.bounds
    with gzip.open(path, "rt", encoding="utf-8-sig") as file:
        rows = [(float(row["longitude"]), float(row["latitude"]), int(row["CCTV대수"])) for row in csv.DictReader(file)]
    inside = [row for row in rows if west < row[0] < east and south < row[1] < north]
    return [CameraRecord(f"R-{number:05d}", f"CCTV {number}", *row[:2], count=row[2]) for number, row in enumerate(inside)]


def test_real_cameras_are_registered_and_no_spot_is_watched_twice(jurisdiction, published_run, real_cameras):
    assert register_cameras(jurisdiction=jurisdiction, cameras=real_cameras) == len(real_cameras)
    spots = {(camera.longitude, camera.latitude) for camera in real_cameras}
    assert len(spots) < len(real_cameras)
    run = published_run(jurisdiction)
    plan = make_plan(jurisdiction=jurisdiction, run=run, slot_start=run.slot_starts[0], operators=2, cameras_per_operator=25)
    chosen = [item.camera.point.coords for item in plan.items.select_related("camera")]
    assert len(chosen) == 50
    assert len(set(chosen)) == 50
    assert plan.expected_by_count <= plan.expected_captured <= plan.upper_bound
