"""Near-repeats and quick maps on New York's burglaries, against figures measured once with other programs."""

from pathlib import Path

import numpy as np
import pytest

from bench.speed import DAY_S, KNOX_EVENTS, Burglaries, load
from prediction.kernels import density, pro_hotspot
from prediction.near_repeat import following, near_repeats

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def city(shared_data: Path) -> Burglaries:
    return load(shared_data)


def test_the_raster_is_that_of_the_recorded_figures(city: Burglaries) -> None:
    assert (city.raster.rows, city.raster.columns) == (188, 188)
    assert len(city.seconds) == 31_799


def test_burglaries_within_200_m_and_a_week_are_half_as_many_again_as_by_chance(city: Burglaries) -> None:
    points = np.column_stack([city.x_m, city.y_m])[-KNOX_EVENTS:]
    days = city.seconds[-KNOX_EVENTS:] / DAY_S
    found = near_repeats(points, days, rng=np.random.default_rng(1), distance_edges_m=(200, 400), time_edges_days=(7, 14))
    assert found.ratio[0, 0] == pytest.approx(1.56, abs=0.03)
    assert found.p_value[0, 0] == 0.01
    assert found.notable[0, 0]
    assert not found.notable[1, 1]
    near = following(points, days, within_m=200, within_days=7)
    assert 0 < near.repeats < near.originators + near.repeats < near.incidents


def test_quick_maps_find_the_next_month_far_better_than_chance(city: Burglaries) -> None:
    origin = int(city.seconds[-1] // DAY_S + 1 - 28) * DAY_S
    x, y, age = city.before(origin)
    later = city.seconds >= origin
    happened = city.raster.count(city.x_m[later], city.y_m[later])[city.inside]
    for field in (density(city.raster, x, y, bandwidth_m=250, weights=np.exp2(-age / 60)), pro_hotspot(city.raster, x, y, age)):
        best = np.argsort(-field[city.inside], kind="stable")[: round(0.1 * city.inside.sum())]
        assert happened[best].sum() / happened.sum() > 0.25  # by chance 0.1
