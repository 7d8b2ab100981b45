"""Camera views against cells: laws of geometry, and shares against exact polygons."""

import h3.api.basic_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cctv.views import POINTS_PER_CELL, CameraGeometryError, cell_points, coverage_matrix, in_view, look, metres_from

LON, LAT = 127.01, 37.49
CELLS = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(LAT, LON, 10), 12)), np.uint64)
AREA_M2 = np.array([h3.cell_area(int(cell), unit="m^2") for cell in CELLS])

bearings = st.floats(0, 359.999)
angles = st.floats(5, 355)
ranges = st.floats(20, 300)


def one_view(bearing_deg: float, angle_deg: float, range_m: float, lon: float = LON, lat: float = LAT) -> np.ndarray:
    arrays = [np.array([value], float) for value in (lon, lat, bearing_deg, angle_deg, range_m)]
    return coverage_matrix(*arrays, cell_ids=CELLS).toarray()[0]


def area_m2(shares: np.ndarray) -> float:
    return float((shares * AREA_M2).sum())


@given(ranges)
def test_a_circle_covers_its_area(range_m: float) -> None:
    # One sample point stands for 160 m²; along a rim about half of the points it crosses can be in error.
    tolerance_m2 = 160 * (2 + 0.5 * np.sqrt(2 * np.pi * range_m / 12))
    assert area_m2(one_view(np.nan, 360, range_m)) == pytest.approx(np.pi * range_m**2, rel=0.01, abs=tolerance_m2)


@given(bearings, st.floats(30, 330), st.floats(100, 300))
def test_a_sector_covers_its_part_of_the_circle(bearing_deg: float, angle_deg: float, range_m: float) -> None:
    expected = np.pi * range_m**2 * angle_deg / 360
    assert area_m2(one_view(bearing_deg, angle_deg, range_m)) == pytest.approx(expected, rel=0.05, abs=1200)


@given(bearings, angles, ranges)
def test_shares_lie_between_nothing_and_the_whole_cell(bearing_deg: float, angle_deg: float, range_m: float) -> None:
    shares = one_view(bearing_deg, angle_deg, range_m)
    assert shares.min() >= 0
    assert shares.max() <= 1 + 1e-6


@given(bearings, angles, ranges)
def test_two_half_angles_make_the_whole(bearing_deg: float, angle_deg: float, range_m: float) -> None:
    left = one_view((bearing_deg - angle_deg / 4) % 360, angle_deg / 2, range_m)
    right = one_view((bearing_deg + angle_deg / 4) % 360, angle_deg / 2, range_m)
    whole = one_view(bearing_deg, angle_deg, range_m)
    assert left + right == pytest.approx(whole, abs=1.01 / POINTS_PER_CELL)  # at most one point on the common edge, by rounding


@given(bearings, angles, ranges, st.floats(0, 360), st.integers(0, 2**32 - 1))
def test_turning_the_camera_and_the_world_alike_changes_nothing(
    bearing_deg: float, angle_deg: float, range_m: float, turn_deg: float, seed: int
) -> None:
    east, north = np.random.default_rng(seed).uniform(-300, 300, (2, 400))
    turn = np.radians(turn_deg)  # clockwise, as bearings are
    turned_east = east * np.cos(turn) + north * np.sin(turn)
    turned_north = north * np.cos(turn) - east * np.sin(turn)
    before = in_view(east, north, np.array(bearing_deg), np.array(angle_deg), np.array(range_m))
    after = in_view(turned_east, turned_north, np.array((bearing_deg + turn_deg) % 360), np.array(angle_deg), np.array(range_m))
    assert np.count_nonzero(before != after) <= 1  # a point on the rim may fall to either side, by rounding


@given(bearings, angles, ranges)
def test_a_wider_or_longer_view_sees_no_less(bearing_deg: float, angle_deg: float, range_m: float) -> None:
    shares = one_view(bearing_deg, angle_deg, range_m)
    assert (one_view(bearing_deg, angle_deg, range_m * 1.2) >= shares).all()
    assert (one_view(np.nan, 360, range_m) >= shares).all()


@pytest.mark.parametrize(
    ("bearing_deg", "east", "north"), [(0, 0, 1), (90, 1, 0), (180, 0, -1), (270, -1, 0)], ids=["north", "east", "south", "west"]
)
def test_bearings_run_clockwise_from_north(bearing_deg: float, east: float, north: float) -> None:
    ahead = in_view(np.array(50.0 * east), np.array(50.0 * north), np.array(bearing_deg), np.array(60.0), np.array(60.0))
    behind = in_view(np.array(-50.0 * east), np.array(-50.0 * north), np.array(bearing_deg), np.array(60.0), np.array(60.0))
    assert (bool(ahead), bool(behind)) == (True, False)


def test_an_unknown_direction_is_a_circle_whatever_the_angle() -> None:
    assert (one_view(np.nan, 60, 50) == one_view(0, 360, 50)).all()


def test_shares_agree_with_exact_polygons() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        lon, lat = LON + rng.uniform(-2e-3, 2e-3), LAT + rng.uniform(-2e-3, 2e-3)
        bearing_deg, angle_deg, range_m = rng.uniform(0, 360), rng.uniform(40, 120), rng.uniform(40, 100)
        rim = np.radians(np.linspace(bearing_deg - angle_deg / 2, bearing_deg + angle_deg / 2, 181))
        sector = shapely.Polygon([(0, 0), *np.column_stack([range_m * np.sin(rim), range_m * np.cos(rim)])])
        shares = one_view(bearing_deg, angle_deg, range_m, lon, lat)
        for number in np.flatnonzero(shares):
            corners = np.array(h3.cell_to_boundary(int(CELLS[number])))
            cell = shapely.Polygon(np.column_stack(metres_from(np.array(lon), np.array(lat), corners[:, 1], corners[:, 0])))
            assert shares[number] == pytest.approx(cell.intersection(sector).area / cell.area, abs=0.06)


def test_sample_points_lie_in_their_cell_and_around_its_centre() -> None:
    points = cell_points(CELLS[:20])
    for cell, lattice in zip(CELLS[:20], points, strict=True):
        assert {h3.latlng_to_cell(lat, lon, 10) for lon, lat in lattice} == {int(cell)}
        lat, lon = h3.cell_to_latlng(int(cell))
        assert lattice.mean(axis=0) == pytest.approx([lon, lat], abs=2e-6)


def test_cells_across_the_date_line_and_pentagons_are_sampled() -> None:
    at_sea = h3.latlng_to_cell(0.0, 180.0, 10)
    lon, lat = np.array([179.99999]), np.array([0.0])
    circle = coverage_matrix(
        lon, lat, np.array([np.nan]), np.array([360.0]), np.array([2000.0]), cell_ids=np.array([at_sea], np.uint64)
    )
    assert circle.toarray()[0, 0] == pytest.approx(1, abs=1e-6)
    pentagon = np.array(sorted(h3.get_pentagons(10))[:1], np.uint64)
    assert np.isfinite(cell_points(pentagon)).all()


def test_a_camera_far_from_every_cell_sees_nothing() -> None:
    views = look(*(np.array([value]) for value in (LON + 1, LAT, np.nan, 360.0, 100.0)), cell_ids=CELLS)
    assert (views.camera_count, len(views.points)) == (1, 0)


def test_no_cameras_and_no_cells_give_empty_views() -> None:
    nothing = np.zeros(0)
    assert look(nothing, nothing, nothing, nothing, nothing, cell_ids=CELLS).coverage().shape == (0, len(CELLS))
    one = [np.array([value]) for value in (LON, LAT, 0.0, 90.0, 50.0)]
    assert look(*one, cell_ids=np.zeros(0, np.uint64)).coverage().shape == (1, 0)


@pytest.mark.parametrize("wrong", [{"angle": 0.0}, {"angle": 361.0}, {"range": 0.0}, {"lat": np.nan}, {"bearing": np.inf}])
def test_a_camera_without_a_usable_view_is_named(wrong: dict[str, float]) -> None:
    values = {"lon": LON, "lat": LAT, "bearing": 0.0, "angle": 90.0, "range": 50.0}
    arrays = [np.array([value, (values | wrong)[name]]) for name, value in values.items()]
    with pytest.raises(CameraGeometryError, match="Camera 1 has no usable view"):
        look(*arrays, cell_ids=CELLS)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(CameraGeometryError, match="of one length"):
        look(np.zeros(2), np.zeros(2), np.zeros(1), np.full(2, 90.0), np.full(2, 50.0), cell_ids=CELLS)
