"""`load_city` on the whole files of New York and Chicago: the outline is the city's, and no row is lost."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.core.management import call_command

from simulation.geography import Plane
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.crimes.models import CellGrid
from webapp.imports.models import Upload

pytestmark = [pytest.mark.real, pytest.mark.django_db]


@dataclass(frozen=True)
class Expected:
    """What a file must give. Points are longitude and latitude; `km2`: bounds of the outline's area."""

    file: str
    preset: str
    rows: int
    km2: tuple[float, float]
    inside: tuple[float, float]
    outside: tuple[float, float]


# Land areas: New York 778 km², Chicago 590 km²; an outline of hexagons of 0.7 km² is somewhat wider.
NYC = Expected("nyc-2014-2015/nyc_2014_2015.csv.gz", "nyc", 191_580, (700, 950), (-73.985, 40.748), (-74.07, 40.72))
CHICAGO = Expected("chicago-2016-2017/chicago_2016_2017.csv.gz", "chicago", 321_877, (560, 720), (-87.628, 41.884), (-87.5, 41.9))


@pytest.mark.parametrize("expected", [NYC, CHICAGO], ids=["nyc", "chicago"])
def test_a_whole_city_is_made_from_its_file(shared_data: Path, tmp_path: Path, settings: Any, expected: Expected) -> None:
    settings.DATA_DIR = tmp_path
    out = StringIO()
    call_command("load_city", str(shared_data / expected.file), "--preset", expected.preset, stdout=out)
    city = Jurisdiction.objects.get(code=expected.preset)
    upload = Upload.objects.of(city).get()
    assert (upload.rows_accepted, upload.rows_rejected) == (expected.rows, 0)
    outline = shapely.from_wkb(bytes(city.boundary.wkb))
    area_km2 = Plane.around(outline).flat(outline).area / 1e6
    assert expected.km2[0] < area_km2 < expected.km2[1]
    assert outline.contains(shapely.Point(expected.inside))
    assert not outline.contains(shapely.Point(expected.outside))
    assert CellGrid.objects.of(city).get().cell_count == pytest.approx(area_km2 / 0.0150, rel=0.08)
    assert Camera.objects.of(city).count() == 4_000
    assert f"{expected.rows:,} incidents (0 rows not taken in)" in out.getvalue()
