"""Reads for the map: the cells' geometry, one byte a cell and step, the layers beneath, and what the page starts from."""

from webapp.forecasts.selectors import values
from webapp.forecasts.selectors.values import (
    Scale,
    run_of_values,
    run_scales,
    scale_of,
    to_bytes,
    value_bytes,
    values_tag,
)
from webapp.maps.selectors.bootstrap import MapStart, map_start
from webapp.maps.selectors.cells import CELLS_VERSION, decode_cells, encode_cells, grid_cells
from webapp.maps.selectors.layers import areas_geojson, places_geojson
from webapp.maps.selectors.places import PlaceLayer, place_layers, place_tile, today_of
from webapp.maps.selectors.top import TopCell, top_cells

__all__ = [
    "CELLS_VERSION",
    "MapStart",
    "PlaceLayer",
    "Scale",
    "TopCell",
    "areas_geojson",
    "decode_cells",
    "encode_cells",
    "grid_cells",
    "map_start",
    "place_layers",
    "place_tile",
    "places_geojson",
    "run_of_values",
    "run_scales",
    "scale_of",
    "to_bytes",
    "today_of",
    "top_cells",
    "value_bytes",
    "values",
    "values_tag",
]
