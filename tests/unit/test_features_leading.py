"""Leading incidents as a block: counted when known, never forecast, part of a model's version."""

from datetime import UTC, datetime

import numpy as np
import pytest
import shapely

from prediction.features import FeatureMaker
from prediction.features.leading import LeadingIncidents
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents, Panel

ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
ANCHOR_S = int(ANCHOR.timestamp())


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid.squares(shapely.box(127.0, 37.48, 127.02, 37.5), size_m=250.0, epsg=5179)


def incidents_at(cells: list[int], days: list[float], category: int = 0) -> Incidents:
    second = (ANCHOR_S + np.array(days) * DAY_S).astype(np.int64)
    return Incidents.at(np.array(cells, dtype=np.int32), second, second, np.full(len(cells), category, dtype=np.int16))


def table_with(grid: Grid, leading: Incidents) -> tuple[np.ndarray, list[str]]:
    own = incidents_at([0, 1, 2] * 20, list(np.linspace(-300, -1, 60)))
    panel = Panel.build(own, cells=len(grid), categories=1, anchor=ANCHOR)
    maker = FeatureMaker(grid, 1, blocks=[LeadingIncidents("calls", leading, grid)])
    return maker.table(maker.moment(panel, 0), 0), [name for _, name in maker.names(0)]


def test_counts_fade_with_age_and_the_old_ones_are_given_by_themselves(grid):
    table, names = table_with(grid, incidents_at([5, 5, 7], [-1.0, -181.0, -1000.0]))
    assert table[5, names.index("calls_decayed_180d")] == pytest.approx(1.5, abs=0.01)
    assert table[7, names.index("calls_old")] == 1
    assert table[5, names.index("calls_old")] == 0
    assert table[4, names.index("calls_300m_720d")] > table[60, names.index("calls_300m_720d")]


def test_leading_incidents_of_the_future_change_no_bit(grid):
    known = incidents_at([5, 6], [-20.0, -3.0])
    with_future = incidents_at([5, 6, 9, 9, 9], [-20.0, -3.0, 0.0, 0.1, 30.0])
    assert np.array_equal(table_with(grid, known)[0], table_with(grid, with_future)[0])


def test_other_data_make_another_version_of_the_model(grid):
    one, other = (
        FeatureMaker(grid, 1, blocks=[LeadingIncidents("calls", incidents_at([5], [day]), grid)]) for day in (-1.0, -2.0)
    )
    assert one.signature != other.signature


def test_without_any_leading_incident_all_columns_are_zero(grid):
    table, names = table_with(grid, incidents_at([], []))
    assert not table[:, [names.index(name) for name in names if name.startswith("calls_")]].any()
