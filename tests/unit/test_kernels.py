"""Fast hotspot maps against the same formulas asked cell by cell."""

import numpy as np
import numpy.typing as npt
import pytest
import shapely

from prediction.errors import PredictionError
from prediction.grid import Grid
from prediction.kernels import Raster, density, pro_hotspot, retro_hotspot

Float64 = npt.NDArray[np.float64]
RASTER = Raster(1000.0, -500.0, 100.0, 20, 30)


def events(count: int = 300) -> tuple[Float64, Float64, Float64]:
    """x, y, age in days; some outside the raster."""
    rng = np.random.default_rng(1)
    return rng.uniform(700, 4200, count), rng.uniform(-900, 1700, count), rng.uniform(0, 90, count)


def middles() -> tuple[Float64, Float64]:
    east = RASTER.west_m + (np.arange(RASTER.columns) + 0.5) * RASTER.size_m
    north = RASTER.south_m + (np.arange(RASTER.rows) + 0.5) * RASTER.size_m
    return np.meshgrid(east, north)


def test_events_are_counted_in_their_square_and_those_outside_or_without_a_place_left_out() -> None:
    x = np.array([1000.0, 1099.9, 1100.0, 999.9, 3999.9, 4000.0, np.nan, 1e300])
    y = np.array([-500.0, -401.0, -500.0, 0.0, 1499.9, 0.0, 0.0, 0.0])
    field = RASTER.count(x, y)
    assert field[0, 0] == 2
    assert field[0, 1] == 1
    assert field[19, 29] == 1
    assert field.sum() == 4
    assert RASTER.count(x, y, np.full(8, 0.5)).sum() == 2


@pytest.mark.parametrize("bandwidth_m", [150.0, 700.0])
def test_quartic_density_is_the_formula_at_the_squares_middles(bandwidth_m: float) -> None:
    x, y, _ = events()
    counts = RASTER.count(x, y)
    east, north = middles()
    wanted = np.zeros_like(counts)
    for row, column in zip(*np.nonzero(counts), strict=True):
        apart = (east - east[row, column]) ** 2 + (north - north[row, column]) ** 2
        wanted += counts[row, column] * np.maximum(1 - apart / bandwidth_m**2, 0) ** 2
    found = density(RASTER, x, y, bandwidth_m=bandwidth_m, kernel="quartic")
    assert found / found.max() == pytest.approx(wanted / wanted.max(), abs=1e-9)
    one = density(RASTER, np.array([2500.0]), np.array([500.0]), bandwidth_m=bandwidth_m, kernel="quartic")
    assert one.sum() == pytest.approx(1.0)


def test_gaussian_density_is_the_formula_and_weights_count() -> None:
    found = density(RASTER, np.array([2550.0, 2550.0]), np.array([450.0, 450.0]), bandwidth_m=150, weights=np.array([1.0, 2.0]))
    east, north = middles()
    apart = (east - 2550) ** 2 + (north - 450) ** 2
    near = apart < 300**2
    wanted = 3 * np.exp(-0.5 * apart / 150**2) * 100**2 / (2 * np.pi * 150**2)
    assert found[near] == pytest.approx(wanted[near], rel=0.02)  # cut off at three standard deviations
    assert found.sum() == pytest.approx(3.0)


def test_retrospective_map_is_the_formula_from_the_event_itself() -> None:
    x, y, age = events()
    east, north = middles()
    wanted = np.zeros(east.shape)
    for one_x, one_y in zip(x[age <= 60], y[age <= 60], strict=True):
        apart = (east - one_x) ** 2 + (north - one_y) ** 2
        wanted += np.maximum(1 - apart / 250.0**2, 0) ** 2
    assert retro_hotspot(RASTER, x, y, age, bandwidth_m=250) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("reach_cells", [1, 3, 8, 40])
def test_prospective_map_is_the_formula_ring_by_ring(reach_cells: int) -> None:
    x, y, age = events()
    inside = (x >= 1000) & (x < 4000) & (y >= -500) & (y < 1500) & (age < 56)
    column, row = (x[inside] - 1000) // 100, (y[inside] + 500) // 100
    rows, columns = np.mgrid[: RASTER.rows, : RASTER.columns]
    wanted = np.zeros(rows.shape)
    for one_column, one_row, days in zip(column, row, age[inside], strict=True):
        ring = np.maximum(np.abs(columns - one_column), np.abs(rows - one_row))
        wanted += np.where(ring < reach_cells, 1 / (1 + ring) / (1 + days // 7), 0)
    assert pro_hotspot(RASTER, x, y, age, reach_cells=reach_cells) == pytest.approx(wanted, abs=1e-9)


def test_events_of_the_future_are_not_read() -> None:
    x, y, age = events()
    late = age - 30
    known = late >= 0
    for method in (retro_hotspot, pro_hotspot):
        assert (method(RASTER, x, y, late) == method(RASTER, x[known], y[known], late[known])).all()


def test_no_event_gives_an_empty_map() -> None:
    none = np.zeros(0)
    assert not density(RASTER, none, none, bandwidth_m=250).any()
    assert not density(RASTER, none, none, bandwidth_m=1500, kernel="quartic").any()
    assert not retro_hotspot(RASTER, none, none, none).any()
    assert not pro_hotspot(RASTER, none, none, none).any()


def test_a_map_reads_back_into_the_cells_of_its_grid() -> None:
    outline = shapely.box(-87.70, 41.80, -87.68, 41.82)
    grid = Grid.squares(outline, size_m=250, epsg=32616)
    raster = Raster.of(grid)
    field = raster.count(grid.centres_m[:, 0], grid.centres_m[:, 1])
    assert (field.ravel()[raster.positions(grid)] == 1).all()
    assert field.sum() == len(grid)


def test_a_raster_or_kernel_without_a_size_is_refused() -> None:
    with pytest.raises(PredictionError, match="at least one square"):
        Raster(0, 0, 0.0, 3, 3)
    with pytest.raises(PredictionError, match="bandwidth of a kernel"):
        density(RASTER, np.zeros(1), np.zeros(1), bandwidth_m=0)
    with pytest.raises(PredictionError, match="bandwidth of a kernel"):
        retro_hotspot(RASTER, np.zeros(1), np.zeros(1), np.zeros(1), bandwidth_m=float("nan"))
    with pytest.raises(PredictionError, match="at least one square and one week"):
        pro_hotspot(RASTER, np.zeros(1), np.zeros(1), np.zeros(1), reach_cells=0)
