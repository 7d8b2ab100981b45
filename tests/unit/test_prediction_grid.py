"""Grids of every kind: given areas, wide hexagon grids with gaps, single cells; their areas, neighbours and smoothing."""

import pickle
from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
import shapely.affinity

from prediction.engine import forecast, train
from prediction.errors import PredictionError
from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

CUTOFF = datetime(2026, 3, 2, tzinfo=UTC)
EPSG = 32652
WEST, SOUTH, STEP = 127.0, 37.45, 0.01  # about 880 m × 1,110 m


def box(column, row, width=1, height=1):
    return shapely.box(WEST + column * STEP, SOUTH + row * STEP, WEST + (column + width) * STEP, SOUTH + (row + height) * STEP)


@pytest.fixture(scope="module")
def blocks():
    """Five by four rectangles, row by row from the south-west."""
    shapes = [box(column, row) for row in range(4) for column in range(5)]
    return Grid.areas(shapes, epsg=EPSG, codes=[f"b{i}" for i in range(20)])


# --- given areas ---------------------------------------------------------------------------------


def test_points_fall_into_their_area_and_a_border_belongs_to_the_first(blocks):
    lon = WEST + STEP * np.array([0.5, 4.5, 1.0, -0.5, np.nan])
    lat = SOUTH + STEP * np.array([0.5, 3.5, 0.5, 0.5, 0.5])
    assert blocks.index_of_points(lon, lat).tolist() == [0, 19, 0, -1, -1]
    assert np.array_equal(blocks.index_of(blocks.cell_ids), np.arange(20))


def test_each_area_has_its_own_size():
    grid = Grid.areas([box(0, 0), box(1, 0, width=2)], epsg=EPSG, codes=["small", "large"])
    assert grid.areas_km2[1] == pytest.approx(2 * grid.areas_km2[0], rel=1e-3)
    assert grid.areas_km2[0] == pytest.approx(0.884 * 1.110, rel=0.01)
    assert grid.area_km2 == pytest.approx(grid.areas_km2.mean())


def test_neighbours_share_a_border_and_not_only_a_corner(blocks):
    rings = Surroundings.of(blocks).rings
    assert sorted(rings[0][[6]].indices) == [1, 5, 7, 11]
    assert sorted(rings[1][[6]].indices) == [0, 2, 8, 10, 12, 16]
    assert sorted(rings[0][[0]].indices) == [1, 5]
    for ring in rings:
        assert (ring != ring.T).nnz == 0


def test_smoothing_of_areas_keeps_the_mass_and_reaches_the_neighbours_first(blocks):
    around = Surroundings.of(blocks)
    field = np.zeros((2, 20))
    field[0, 7], field[1, 12] = 5.0, 1.0
    smooth = around.smooth(field, 200.0)
    assert smooth.sum(axis=1) == pytest.approx([5.0, 1.0], rel=1e-3)
    assert smooth[0].argmax() == 7
    assert 0 < smooth[0, 8] < smooth[0, 7]
    assert smooth[0, 8] > 10 * smooth[0, 9]
    even = around.smooth(np.ones((1, 20)), 100.0)[0]
    assert even[[6, 7, 8, 11, 12, 13]] == pytest.approx(1.0, rel=0.01)


def test_an_area_smaller_than_a_pixel_still_holds_its_incidents():
    tiny = shapely.Point(WEST + 0.5 * STEP, SOUTH + 1.5 * STEP).buffer(1e-5)
    grid = Grid.areas([box(0, 0), tiny, box(30, 30, width=40, height=40)], epsg=EPSG, codes=["a", "tiny", "far"])
    field = np.zeros((1, 3))
    field[0, 1] = 1.0
    smooth = Surroundings.of(grid).smooth(field, 300.0)
    assert np.isfinite(smooth).all()
    assert smooth[0, 1] > 0


@pytest.mark.parametrize(
    ("shapes", "codes", "sentence"),
    [
        ([], [], "needs at least one polygon"),
        ([box(0, 0)], ["a", "b"], "1 polygons and 2 codes"),
        ([box(0, 0), box(1, 0)], ["a", "a"], "'a' is given to two areas"),
        ([shapely.Point(127, 37)], ["a"], "no polygon but Point"),
        ([shapely.Polygon()], ["a"], "perhaps empty"),
        ([shapely.Polygon([(127, 37), (127.1, 37.1), (127.1, 37), (127, 37.1)])], ["knot"], "'knot' is broken .*repair"),
        ([shapely.box(200_000, 500_000, 201_000, 501_000)], ["metres"], "not in degrees"),
        ([box(0, 0), box(0.5, 0)], ["one", "two"], "'one' and 'two' overlap by 50%"),
    ],
)
def test_areas_that_cannot_be_a_grid_are_refused_with_a_sentence(shapes, codes, sentence):
    with pytest.raises(PredictionError, match=sentence):
        Grid.areas(shapes, epsg=EPSG, codes=codes)


def test_a_moved_boundary_makes_another_grid(blocks):
    moved = [shapely.affinity.translate(shape, 0.001) if i == 4 else shape for i, shape in enumerate(blocks.polygons)]
    other = Grid.areas(moved, epsg=EPSG, codes=blocks.codes)
    assert (other.cell_ids != blocks.cell_ids).tolist() == [i == 4 for i in range(20)]
    incidents = incidents_on(blocks, 400)
    model = train(incidents, blocks, scheme=SlotScheme("Asia/Seoul", (0,)), categories=("a", "b"), cutoff=CUTOFF)
    made = forecast(model, incidents, blocks, slots=7)
    assert (made.rates > 0).all()
    assert made.rates.sum() == pytest.approx(400 / 50, rel=0.3)
    with pytest.raises(PredictionError, match="another grid"):
        forecast(model, incidents, other, slots=7)


def test_a_grid_of_areas_travels_between_processes(blocks):
    copy = pickle.loads(pickle.dumps(blocks))  # noqa: S301  # our own bytes
    assert np.array_equal(copy.cell_ids, blocks.cell_ids)
    assert copy.index_of_points(np.array([WEST + 0.5 * STEP]), np.array([SOUTH + 0.5 * STEP])).tolist() == [0]


# --- hexagons and squares ------------------------------------------------------------------------


def test_hexagons_and_squares_know_the_area_of_each_cell():
    hexagons = Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 9), 3))
    assert hexagons.areas_km2 == pytest.approx([h3.cell_area(int(cell), unit="km^2") for cell in hexagons.cell_ids])
    squares = Grid.squares(box(0, 0), size_m=250, epsg=EPSG)
    assert squares.areas_km2.tolist() == [0.0625] * len(squares)


@pytest.mark.parametrize("resolution", [2, 5, 8, 12])
def test_hexagons_of_any_resolution_have_six_neighbours_and_keep_their_mass(resolution):
    middle = h3.latlng_to_cell(37.49, 127.01, resolution)
    grid = Grid.from_h3(h3.grid_disk(middle, 4))
    position = int(grid.index_of(np.array([middle], dtype=np.uint64))[0])
    around = Surroundings.of(grid)
    assert around.rings[0][[position]].nnz == 6
    assert around.rings[1][[position]].nnz == 12
    field = np.zeros((1, len(grid)))
    field[0, position] = 1
    assert around.smooth(field, grid.spacing_m).sum() == pytest.approx(1, rel=0.08)  # 2,000 km bend a flat map


def test_two_towns_far_apart_are_smoothed_each_by_itself_in_little_memory():
    north, south = h3.latlng_to_cell(38.2, 128.5, 10), h3.latlng_to_cell(34.8, 126.4, 10)
    both = Grid.from_h3(np.concatenate([h3.grid_disk(north, 6), h3.grid_disk(south, 6)]))
    around = Surroundings.of(both)
    assert len(around.shapes) == 2
    assert around.to_raster.shape[0] < 2_000
    assert around.rings[0][[0]].nnz == around.rings[0][[127]].nnz == 6
    field = np.zeros((1, len(both)))
    field[0, 0] = 1
    smooth = around.smooth(field, 150.0)[0]
    assert smooth[:127].sum() == pytest.approx(1, rel=0.02)
    assert (smooth[127:] == 0).all()


def test_a_grid_with_holes_has_no_neighbours_across_them():
    disk = h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 5)
    grid = Grid.from_h3(disk[::3])
    around = Surroundings.of(grid)
    for position in (0, 5, 20):
        near = grid.index_of(np.asarray(h3.grid_ring(int(grid.cell_ids[position]), 1), dtype=np.uint64))
        assert sorted(near[near >= 0]) == sorted(around.rings[0][[position]].indices)


SINGLE = {
    "hexagon": lambda: Grid.from_h3(np.array([h3.latlng_to_cell(37.49, 127.01, 9)], dtype=np.uint64)),
    "square": lambda: Grid.squares(
        box(0, 0, width=0.1, height=0.1), size_m=250, epsg=EPSG, points=(np.array([127.0]), np.array([37.45]))
    ),
    "area": lambda: Grid.areas([box(0, 0)], epsg=EPSG, codes=["all"]),
}


@pytest.mark.parametrize("kind", list(SINGLE))
def test_a_single_cell_gets_features_and_a_forecast(kind):
    grid = SINGLE[kind]()
    assert len(grid) == 1
    assert Surroundings.of(grid).ring_sums(np.ones((2, 1)), 1).tolist() == [[0.0], [0.0]]
    incidents = incidents_on(grid, 350)
    maker = FeatureMaker(grid, 2)
    moment = maker.moment(Panel.build(incidents, cells=1, categories=2, anchor=CUTOFF), 0)
    assert np.isfinite(maker.table(moment, 0)).all()
    model = train(incidents, grid, scheme=SlotScheme("Asia/Seoul", (6, 14, 22)), categories=("a", "b"), cutoff=CUTOFF)
    rates = forecast(model, incidents, grid).rates
    assert rates.sum() == pytest.approx(7, rel=0.25)


def incidents_on(grid, count):
    rng = np.random.default_rng(2)
    start = int(CUTOFF.timestamp()) - rng.integers(1, 350 * DAY_S, count)
    return Incidents.at(
        rng.integers(0, len(grid), count).astype(np.int32), start, start, rng.integers(0, 2, count).astype(np.int16)
    )
