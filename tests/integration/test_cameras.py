"""The camera registry: adding, bringing up to date, refusing with a sentence."""

from dataclasses import replace

import pytest

from tests import factories
from webapp.cameras.models import Camera
from webapp.cameras.selectors import working_cameras
from webapp.cameras.services import CameraError, CameraRecord, register_cameras

LON, LAT = factories.CENTRE
RECORD = CameraRecord("C-1", "역 앞", LON, LAT, bearing_deg=90.0, angle_deg=60.0, range_m=40.0, purpose="traffic")


def test_cameras_are_stored_as_given(jurisdiction):
    site = replace(RECORD, source_id="C-2", bearing_deg=None, angle_deg=360.0, count=4, is_working=False, is_simulated=True)
    assert register_cameras(jurisdiction=jurisdiction, cameras=[RECORD, site]) == 2
    first, second = Camera.objects.of(jurisdiction).order_by("source_id")
    assert (first.name, first.point.coords, first.bearing_deg, first.angle_deg) == ("역 앞", (LON, LAT), 90.0, 60.0)
    assert (first.range_m, first.count, first.purpose, first.is_working, first.is_simulated) == (40.0, 1, "traffic", True, False)
    assert (second.bearing_deg, second.count, second.is_working, second.is_simulated) == (None, 4, False, True)


def test_registering_the_same_cameras_again_changes_nothing(jurisdiction):
    register_cameras(jurisdiction=jurisdiction, cameras=[RECORD])
    before = Camera.objects.of(jurisdiction).values_list("pk", "source_id").get()
    assert register_cameras(jurisdiction=jurisdiction, cameras=[RECORD]) == 0
    assert Camera.objects.of(jurisdiction).values_list("pk", "source_id").get() == before


def test_a_camera_of_the_same_number_is_brought_up_to_date(jurisdiction):
    register_cameras(jurisdiction=jurisdiction, cameras=[RECORD, replace(RECORD, source_id="C-2")])
    moved = replace(RECORD, longitude=LON + 0.001, is_working=False, bearing_deg=None)
    assert register_cameras(jurisdiction=jurisdiction, cameras=[moved]) == 1
    camera = Camera.objects.of(jurisdiction).get(source_id="C-1")
    assert (camera.point.x, camera.is_working, camera.bearing_deg) == (LON + 0.001, False, None)
    assert Camera.objects.of(jurisdiction).count() == 2


def test_each_jurisdiction_has_its_own_numbers(jurisdiction, other_jurisdiction):
    register_cameras(jurisdiction=jurisdiction, cameras=[RECORD])
    register_cameras(jurisdiction=other_jurisdiction, cameras=[replace(RECORD, longitude=126.906, latitude=37.504)])
    assert Camera.objects.of(jurisdiction).get().point.x == LON
    assert Camera.objects.of(other_jurisdiction).get().point.x == 126.906


def test_names_with_tabs_backslashes_and_line_ends_survive(jurisdiction):
    name = "길\t\\N 'x' \"y\"\r\n끝"
    register_cameras(jurisdiction=jurisdiction, cameras=[replace(RECORD, name=name)])
    assert Camera.objects.of(jurisdiction).get().name == name


def test_a_bearing_of_360_degrees_is_north(jurisdiction):
    register_cameras(jurisdiction=jurisdiction, cameras=[replace(RECORD, bearing_deg=360.0)])
    assert Camera.objects.of(jurisdiction).get().bearing_deg == 0.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source_id": ""}, "source_id"),
        ({"name": "x" * 121}, "name"),
        ({"longitude": float("nan")}, "longitude"),
        ({"latitude": 91.0}, "latitude"),
        ({"bearing_deg": -1.0}, "bearing_deg"),
        ({"bearing_deg": 361.0}, "bearing_deg"),
        ({"angle_deg": 0.0}, "angle_deg"),
        ({"angle_deg": 361.0}, "angle_deg"),
        ({"range_m": 0.0}, "range_m"),
        ({"range_m": 2001.0}, "range_m"),
        ({"count": 0}, "count"),
        ({"purpose": "secret"}, "purpose"),
        ({"longitude": LAT, "latitude": LON - 90}, "point"),
        ({"latitude": LAT + 0.02}, "point"),
    ],
)
def test_a_wrong_camera_is_named_and_nothing_is_registered(jurisdiction, changes, field):
    with pytest.raises(CameraError) as caught:
        register_cameras(jurisdiction=jurisdiction, cameras=[replace(RECORD, source_id="fine"), replace(RECORD, **changes)])
    assert [error["field"] for error in caught.value.fields["errors"]] == [field]
    assert caught.value.fields["errors"][0]["message"] in caught.value.message
    assert not Camera.objects.of(jurisdiction).exists()


def test_a_number_that_stands_twice_in_the_list_is_refused(jurisdiction):
    with pytest.raises(CameraError) as caught:
        register_cameras(jurisdiction=jurisdiction, cameras=[RECORD, RECORD])
    assert caught.value.fields["errors"][0] | {"message": ""} == {"camera": "C-1", "field": "source_id", "message": ""}


def test_a_camera_just_outside_the_boundary_is_welcome(jurisdiction):
    west = factories.SMALL_CITY.bounds[0]
    assert register_cameras(jurisdiction=jurisdiction, cameras=[replace(RECORD, longitude=west - 0.005)]) == 1  # 440 m
    with pytest.raises(CameraError):
        register_cameras(jurisdiction=jurisdiction, cameras=[replace(RECORD, longitude=west - 0.006)])  # 530 m


def test_an_empty_list_is_no_error(jurisdiction):
    assert register_cameras(jurisdiction=jurisdiction, cameras=[]) == 0


def test_only_working_cameras_can_be_chosen_and_come_in_the_order_of_their_numbers(jurisdiction):
    list_ = [replace(RECORD, source_id=number) for number in ("b", "a", "C")] + [replace(RECORD, source_id="d", is_working=False)]
    register_cameras(jurisdiction=jurisdiction, cameras=list_)
    arrays = working_cameras(jurisdiction=jurisdiction)
    numbers = dict(Camera.objects.of(jurisdiction).values_list("pk", "source_id"))
    assert [numbers[pk] for pk in arrays.id.tolist()] == ["C", "a", "b"]
    assert arrays.bearing_deg.tolist() == [90.0] * 3
