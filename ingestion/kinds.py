"""The kinds of data that an upload can hold, and the fields of each, for which a column of the file may be named."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ingestion.errors import gettext_noop


class Kind(StrEnum):
    """What the rows of a file are."""

    INCIDENTS = "incidents"
    CAMERAS = "cameras"
    PLACES = "places"
    AREAS = "areas"
    STATISTICS = "statistics"
    RULINGS = "rulings"


@dataclass(frozen=True)
class Field:
    """One thing a row can say. `label`: English, marked for translation. `required`: a row without it cannot be taken in."""

    name: str
    label: str
    required: bool = False


_POINT = (
    Field("latitude", gettext_noop("latitude or northing (y)")),
    Field("longitude", gettext_noop("longitude or easting (x)")),
    Field("geometry", gettext_noop("geometry (WKT)")),
    Field("address", gettext_noop("address")),
)

FIELDS: Mapping[Kind, tuple[Field, ...]] = MappingProxyType(
    {
        Kind.INCIDENTS: (
            Field("category", gettext_noop("category"), required=True),
            Field("occurred_from", gettext_noop("time, or start of the interval"), required=True),
            Field("occurred_to", gettext_noop("end of the interval")),
            Field("clock", gettext_noop("time of day, where it has a column of its own")),
            *_POINT,
            Field("incident_id", gettext_noop("identifier")),
            Field("count", gettext_noop("count (−1 takes an earlier row back)")),
            Field("area", gettext_noop("area, where there are no coordinates")),
            Field("reported_at", gettext_noop("time of the report")),
        ),
        Kind.CAMERAS: (
            *_POINT,
            Field("lot_address", gettext_noop("lot-number address")),
            Field("source_id", gettext_noop("identifier")),
            Field("name", gettext_noop("name")),
            Field("purpose", gettext_noop("purpose")),
            Field("count", gettext_noop("number of cameras")),
            Field("view", gettext_noop("direction of view")),
            Field("bearing_deg", gettext_noop("bearing (degrees)")),
            Field("angle_deg", gettext_noop("angle of view (degrees)")),
            Field("range_m", gettext_noop("range (metres)")),
            Field("is_working", gettext_noop("in working order")),
            Field("megapixels", gettext_noop("resolution (10,000 pixels)")),
            Field("retention_days", gettext_noop("days kept")),
            Field("installed", gettext_noop("month of installation")),
            Field("agency", gettext_noop("agency in charge")),
            Field("reference_date", gettext_noop("date of the register")),
        ),
        Kind.PLACES: (
            *_POINT,
            Field("lot_address", gettext_noop("lot-number address")),
            Field("source_id", gettext_noop("identifier")),
            Field("name", gettext_noop("name")),
            Field("count", gettext_noop("number at the place")),
            Field("sort", gettext_noop("sort of place")),
            Field("status", gettext_noop("status of the licence")),
            Field("opened_on", gettext_noop("date of the licence or opening")),
            Field("closed_on", gettext_noop("date of closing")),
            Field("reference_date", gettext_noop("date of the register")),
        ),
        Kind.AREAS: (
            Field("geometry", gettext_noop("geometry (WKT)"), required=True),
            Field("code", gettext_noop("code")),
            Field("name", gettext_noop("name")),
            Field("name_en", gettext_noop("English name")),
        ),
        Kind.STATISTICS: (
            Field("area", gettext_noop("area")),
            Field("period", gettext_noop("year, month, quarter or day")),
            Field("category", gettext_noop("category")),
            Field("hour", gettext_noop("hour or band of hours")),
            Field("weekday", gettext_noop("day of the week")),
            Field("place_kind", gettext_noop("kind of place")),
            Field("measure", gettext_noop("what is counted")),
            Field("value", gettext_noop("value")),
        ),
        Kind.RULINGS: (),
    }
)
