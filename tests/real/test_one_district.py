"""A centre of one gu, which has stored no areas yet: its own outline and the gu in the addresses are the evidence."""

import json

import pytest
import shapely

from tests.factories import make_jurisdiction
from webapp.imports.services import open_file

pytestmark = [pytest.mark.django_db, pytest.mark.real]


def test_licences_of_the_whole_city_are_judged_by_the_outline_of_one_gu(shared_data):
    districts = json.loads((shared_data / "korea-boundaries" / "seoul_hdong_2024.geojson").read_text())["features"]
    own = [shapely.geometry.shape(one["geometry"]) for one in districts if one["properties"]["sggnm"] == "서초구"]
    outline = shapely.union_all([shapely.make_valid(shape) for shape in own])
    district = make_jurisdiction("seocho", outline, name="서초구", is_simulated=False)
    upload = open_file(jurisdiction=district, path=shared_data / "seoul-facilities" / "entertainment_bars_yuheung.csv.gz")
    assert upload.mapping["crs"] == "EPSG:5174"
    shares = {one["fields"]["crs"]: one["fields"]["share"] for one in upload.guess["evidence"] if one["code"] == "crs_own_area"}
    assert shares["EPSG:5174"] == "100.0%"
    assert float(shares["EPSG:2097"].rstrip("%")) < 97
