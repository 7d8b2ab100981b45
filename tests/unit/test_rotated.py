"""Turned and shifted cells: each point in one cell, cells of one size, the same drawing from the same seed."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from prediction.errors import PredictionError
from prediction.rotated import Lattice, draw_lattices, nudged, top_cells

Float64 = npt.NDArray[np.float64]


def points(count: int = 500) -> Float64:
    return np.random.default_rng(1).uniform((7_610_000, 640_000), (7_690_000, 720_000), (count, 2))


@given(angle=st.floats(-7, 7), along=st.floats(-1000, 1000), across=st.floats(-1000, 1000), height=st.floats(125, 600))
def test_every_point_lies_within_the_corners_of_its_cell(angle: float, along: float, across: float, height: float) -> None:
    lattice = Lattice(62_500 / height, height, angle, along, across)
    where = points(40)
    corners = lattice.corners(lattice.cells(where))
    polygons = [shapely.Polygon(four) for four in corners]
    assert [polygon.area for polygon in polygons] == pytest.approx([62_500] * len(polygons), rel=1e-4)
    apart = shapely.distance(np.array(polygons), shapely.points(where))
    assert apart.max() < 0.01


@pytest.mark.parametrize("angle", [0.4, math.atan(680 / 7650)])  # the second turns the middle of the points to row 0
def test_grouping_is_the_same_partition_as_the_numbers_of_the_cells(angle: float) -> None:
    lattice = Lattice(500, 700, angle, 20, 30)
    where = points()
    cells, place = lattice.grouped(where)
    assert (cells[place] == lattice.cells(where)).all()
    assert (np.diff(cells) > 0).all()
    assert len(lattice.grouped(np.zeros((0, 2)))[0]) == 0


def test_one_point_far_away_costs_no_memory_and_one_without_coordinates_is_refused() -> None:
    where = np.vstack([points(50), [[9e9, -9e9]]])
    lattice = Lattice(250, 250, 0.3)
    cells, place = lattice.grouped(where)
    assert (cells[place] == lattice.cells(where)).all()
    with pytest.raises(PredictionError, match="without coordinates"):
        lattice.cells(np.array([[0.0, np.nan]]))


def test_a_quarter_turn_of_squares_and_half_a_turn_of_rectangles_give_the_same_cells() -> None:
    where = points()
    for lattice, turn in ((Lattice(900, 900), math.pi / 2), (Lattice(300, 900), math.pi)):
        turned = Lattice(lattice.width, lattice.height, turn)
        first, second = lattice.grouped(where)[1], turned.grouped(where)[1]
        assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(set(first.tolist()))


def test_drawing_more_lattices_keeps_the_first_ones_and_their_area() -> None:
    few, many = (draw_lattices(count, area=62_500, shapes=(1.0, 4.0), rng=np.random.default_rng(3)) for count in (4, 20))
    assert many[:4] == few
    assert [one.area for one in many] == pytest.approx([62_500] * 20)
    assert {round(one.height / one.width, 6) for one in many} == {1.0, 4.0}
    near = nudged(many[0], angle=0.01, shift=5, rng=np.random.default_rng(4))
    assert near.area == many[0].area
    assert abs(near.angle - many[0].angle) < 0.1


def test_top_cells_are_the_highest_and_of_equals_the_first() -> None:
    assert top_cells(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize("size", [(0.0, 5.0), (5.0, -1.0), (float("nan"), 5.0)])
def test_cells_without_a_size_are_refused(size: tuple[float, float]) -> None:
    with pytest.raises(PredictionError, match="width and a height"):
        Lattice(*size)
    with pytest.raises(PredictionError, match="positive shapes"):
        draw_lattices(3, area=1.0, shapes=(), rng=np.random.default_rng(1))
