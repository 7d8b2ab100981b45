"""Reads of the crime room for the others: incidents, cells and areas; places of a day; published figures."""

from webapp.crimes.selectors.as_of import (
    UndoneUpload,
    commit_times,
    incident_arrays_as_of,
    stood_sql,
    uploads_undone_since,
)
from webapp.crimes.selectors.incidents import (
    INCIDENT_RESOLUTION,
    NAMING_KINDS,
    IncidentArrays,
    IncidentLine,
    boundary_shape,
    current_grid,
    incident_arrays,
    named_area_kind,
    newest_incident_time,
    recent_incidents,
)
from webapp.crimes.selectors.places import PlaceArrays, place_kinds, places_open_on
from webapp.crimes.selectors.statistics import crime_figures

__all__ = [
    "INCIDENT_RESOLUTION",
    "NAMING_KINDS",
    "IncidentArrays",
    "IncidentLine",
    "PlaceArrays",
    "UndoneUpload",
    "boundary_shape",
    "commit_times",
    "crime_figures",
    "current_grid",
    "incident_arrays",
    "incident_arrays_as_of",
    "named_area_kind",
    "newest_incident_time",
    "place_kinds",
    "places_open_on",
    "recent_incidents",
    "stood_sql",
    "uploads_undone_since",
]
