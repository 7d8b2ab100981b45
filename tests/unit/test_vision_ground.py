"""Four clicked points make ground positions."""

import numpy as np
import pytest

from cctv.vision.ground import CalibrationError, Homography

LON, LAT = 127.02, 37.48
POINTS = [(0.1, 0.9), (0.9, 0.9), (0.65, 0.4), (0.35, 0.4)]
METRES = [(-4.0, 6.0), (4.0, 6.0), (5.0, 30.0), (-5.0, 30.0)]


def places(metres):
    return [Homography(np.eye(3), LON, LAT, 0.0).to_wgs84(*one) for one in metres]


@pytest.fixture
def ground():
    return Homography.from_points(POINTS, places(METRES), lon=LON, lat=LAT)


def test_the_clicked_points_come_out_where_they_were_said_to_be(ground):
    for point, metres in zip(POINTS, METRES, strict=True):
        assert ground.to_metres(*point) == pytest.approx(metres, abs=1e-3)
    assert ground.error_m < 1e-3


def test_there_and_back_is_the_same_point(ground):
    assert ground.to_picture(*ground.to_metres(0.5, 0.7)) == pytest.approx((0.5, 0.7))


def test_metres_become_places_and_a_degree_of_latitude_is_111_km(ground):
    assert ground.to_wgs84(0.0, 111_194.9) == pytest.approx((LON, LAT + 1), abs=1e-4)


def test_above_the_horizon_there_is_no_ground(ground):
    assert ground.to_metres(0.5, 0.01) is None


def test_more_than_four_points_are_fitted_and_their_error_is_told():
    metres = [*METRES, (0.5, 11.0)]
    fitted = Homography.from_points([*POINTS, (0.5, 0.65)], places(metres), lon=LON, lat=LAT)
    assert 0.01 < fitted.error_m < 3


@pytest.mark.parametrize(
    ("points", "metres", "code"),
    [
        (POINTS[:3], METRES[:3], "count"),
        (POINTS, METRES[:3], "count"),
        ([(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)], METRES, "line"),
        (POINTS, [(0.0, 1.0), (0.0, 2.0), (0.0, 3.0), (0.0, 4.0)], "line"),
        ([(1.2, 0.9), *POINTS[1:]], METRES, "outside"),
        ([(float("nan"), 0.9), *POINTS[1:]], METRES, "outside"),
        (POINTS, [(5000.0, 0.0), *METRES[1:]], "far"),
        ([POINTS[2], *POINTS[1:2], POINTS[0], POINTS[3]], METRES, "crossed"),
        ([POINTS[0]] * 4, METRES, "line"),
    ],
)
def test_points_that_make_no_ground_are_refused_with_a_sentence(points, metres, code):
    with pytest.raises(CalibrationError) as refused:
        Homography.from_points(points, places(metres), lon=LON, lat=LAT)
    assert refused.value.code == code
    assert str(refused.value).endswith(".")
