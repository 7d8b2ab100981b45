"""Grids of published areas: Chicago's 77 community areas and its police beats, with real incidents in them."""

import json
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from prediction.errors import PredictionError
from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.panel import Incidents, Panel
from prediction.spatial import Surroundings

pytestmark = pytest.mark.real

SHARED = Path(os.environ.get("HAECHI_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
BOUNDARIES = SHARED / "chicago-boundaries"
CSV = SHARED / "chicago-2016-2017" / "chicago_2016_2017.csv.gz"
UTM16 = 32616


def shapes_of(file, code):
    path = BOUNDARIES / file
    if not path.exists():
        pytest.skip(f"{path} is not there")
    features = json.loads(path.read_text())["features"]
    return [shapely.geometry.shape(f["geometry"]) for f in features], [f["properties"][code] for f in features]


def test_community_areas_hold_the_incidents_and_know_their_neighbours():
    shapes, codes = shapes_of("community_areas.geojson", "area_numbe")
    grid = Grid.areas(shapes, epsg=UTM16, codes=codes)
    assert len(grid) == 77
    assert grid.areas_km2.sum() == pytest.approx(599, rel=0.01)  # the city has 599 km² of land
    around = Surroundings.of(grid)
    loop = codes.index("32")
    assert sorted(codes[i] for i in around.rings[0][[loop]].indices) == ["28", "33", "8"]
    if not CSV.exists():
        pytest.skip(f"{CSV} is not there")
    table = pd.read_csv(CSV, usecols=["Date", "Longitude", "Latitude"]).iloc[::10]
    index = grid.index_of_points(table["Longitude"].to_numpy(), table["Latitude"].to_numpy())
    assert (index >= 0).mean() > 0.995
    when = pd.to_datetime(table["Date"], format="%m/%d/%Y %I:%M:%S %p").to_numpy().astype("datetime64[s]").astype(np.int64)
    incidents = Incidents.at(index, when, when, np.zeros(len(index), np.int16))
    end = pd.Timestamp(int(when.max()) + 1, unit="s", tz="UTC").to_pydatetime()
    moment = FeatureMaker(grid, 1).moment(Panel.build(incidents, cells=77, categories=1, anchor=end), 0)
    assert codes[int(moment.ever[0].argmax())] == "25"  # Austin
    assert moment.smooth_long[0, 0].sum() == pytest.approx(moment.decayed[5, 0].sum(), rel=0.1)


def test_beats_in_several_parts_are_named_and_accepted_once_joined():
    shapes, codes = shapes_of("beat_bounds.geojson", "beat_num")
    with pytest.raises(PredictionError, match="'3100' is given to two areas"):
        Grid.areas(shapes, epsg=UTM16, codes=codes)
    parts = defaultdict(list)
    for shape, code in zip(shapes, codes, strict=True):
        parts[code].append(shape)
    grid = Grid.areas([shapely.union_all(part) for part in parts.values()], epsg=UTM16, codes=list(parts))
    assert len(grid) == 275
    neighbours = np.diff(Surroundings.of(grid).rings[0].indptr)
    assert 4 < neighbours.mean() < 7
    inner = [shape.representative_point() for shape in grid.polygons]
    found = grid.index_of_points(np.array([point.x for point in inner]), np.array([point.y for point in inner]))
    assert np.array_equal(found, np.arange(275))
