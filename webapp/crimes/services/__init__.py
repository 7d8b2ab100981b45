"""Writes of the crime room: jurisdictions with their areas and places, kinds of places, and how each kind of upload is taken in.

The takers (`incidents`, `places`, `areas`, `statistics`) are imported from their modules: they need the readers of files.
"""

from webapp.crimes.services.jurisdictions import (
    DEFAULT_TAXONOMY,
    AreaRecord,
    PlaceRecord,
    as_multipolygon,
    make_grid,
    register_areas,
    register_places,
    set_up_jurisdiction,
)
from webapp.crimes.services.place_kinds import add_place_kind, ensure_place_kinds

__all__ = [
    "DEFAULT_TAXONOMY",
    "AreaRecord",
    "PlaceRecord",
    "add_place_kind",
    "as_multipolygon",
    "ensure_place_kinds",
    "make_grid",
    "register_areas",
    "register_places",
    "set_up_jurisdiction",
]
