"""Mapping presets: for each known source its columns, time formats, categories and time zone.

A preset turns a file with its own column names into Haechi's fields; adding a source means adding one `Preset`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ingestion.header import Columns, read_header
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.times import AMERICAN_LAYOUTS, ISO_LAYOUTS


@dataclass(frozen=True)
class CategoryEntry:
    """One entry of an offence taxonomy: stable code, Korean and English name."""

    code: str
    name_ko: str
    name_en: str


@dataclass(frozen=True)
class Preset:
    """How one source writes its incidents.

    `time_layouts`: fixed-width layouts of `ingestion.times` (Y M D h m s p), tried in order; `iso`: also ISO 8601 with
    fractions and offsets. `time_zone`: of times without an offset, None for the jurisdiction's. `mapping`: source value
    (lower case) to category code; codes and names of the jurisdiction's own taxonomy are always understood.
    `extent`: west, south, east, north in degrees WGS84, of the city the source covers.
    """

    name: str
    label: str
    columns: Columns
    time_layouts: tuple[str, ...]
    time_example: str
    iso: bool
    time_zone: str | None
    taxonomy: tuple[CategoryEntry, ...]
    mapping: Mapping[str, str]
    extent: tuple[float, float, float, float] | None
    city_name_ko: str
    city_name_en: str


HAECHI = Preset(
    name="haechi",
    label="Haechi CSV",
    columns=Columns(
        category=("category",),
        occurred_from=("occurred_from",),
        occurred_to=("occurred_to",),
        latitude=("latitude",),
        longitude=("longitude",),
        incident_id=("incident_id",),
    ),
    time_layouts=ISO_LAYOUTS,
    time_example="2026-03-14 22:30",
    iso=True,
    time_zone=None,
    taxonomy=(),
    mapping=MappingProxyType({}),
    extent=None,
    city_name_ko="",
    city_name_en="",
)

CHICAGO = Preset(
    name="chicago",
    label="Chicago Data Portal, “Crimes – 2001 to Present”",
    columns=Columns(
        category=("Primary Type",),
        occurred_from=("Date",),
        latitude=("Latitude",),
        longitude=("Longitude",),
        incident_id=("ID",),
    ),
    time_layouts=AMERICAN_LAYOUTS + ISO_LAYOUTS,
    time_example="03/14/2017 10:30:00 PM",
    iso=False,
    time_zone="America/Chicago",
    taxonomy=(
        CategoryEntry("theft", "절도", "theft"),
        CategoryEntry("battery", "폭행", "battery"),
        CategoryEntry("criminal_damage", "재물 손괴", "criminal damage"),
        CategoryEntry("assault", "협박·위협", "assault"),
    ),
    mapping=MappingProxyType(
        {
            "theft": "theft",
            "battery": "battery",
            "criminal damage": "criminal_damage",
            "assault": "assault",
            "burglary": "burglary",
            "robbery": "robbery",
            "motor vehicle theft": "motor_vehicle_theft",
            "homicide": "homicide",
            "crim sexual assault": "sexual_violence",  # renamed by the publisher in mid-stream; both are one thing
            "criminal sexual assault": "sexual_violence",
        }
    ),
    extent=(-87.95, 41.63, -87.51, 42.04),
    city_name_ko="시카고",
    city_name_en="Chicago",
)

NYC = Preset(
    name="nyc",
    label="NYC Open Data, “Seven Major Felony Incidents”",
    columns=Columns(
        category=("Offense",),
        occurred_from=("Occurrence Date",),
        latitude=("Latitude",),
        longitude=("Longitude",),
        incident_id=("Identifier",),
    ),
    time_layouts=AMERICAN_LAYOUTS + ISO_LAYOUTS,
    time_example="03/14/2015 10:30:00 PM",
    iso=False,
    time_zone="America/New_York",
    taxonomy=(
        CategoryEntry("grand_larceny", "중절도", "grand larceny"),
        CategoryEntry("felony_assault", "중폭행", "felony assault"),
        CategoryEntry("robbery", "강도", "robbery"),
        CategoryEntry("burglary", "침입 절도", "burglary"),
    ),
    mapping=MappingProxyType(
        {
            "grand larceny": "grand_larceny",
            "felony assault": "felony_assault",
            "robbery": "robbery",
            "burglary": "burglary",
            "grand larceny of motor vehicle": "motor_vehicle_theft",
            "rape": "sexual_violence",
            "murder & non-negl. manslaughte": "homicide",
        }
    ),
    extent=(-74.26, 40.49, -73.70, 40.92),
    city_name_ko="뉴욕",
    city_name_en="New York",
)


def mapping_of(preset: Preset, header: Sequence[str], *, file_name: str) -> ColumnMapping:
    """A file in a preset's format as a mapping: its columns found by their names. Raises `FileRefused` where one is missing."""
    layout = read_header(header, columns=preset.columns, file_name=file_name)
    titles = {field: header[place] for field, place in layout.position.items()}
    return ColumnMapping(
        kind=Kind.INCIDENTS,
        columns=titles,
        time_order="ymd" if preset.time_layouts[0].startswith("Y") else "mdy",
        time_zone=preset.time_zone,
        categories=preset.mapping,
        options={"preset": preset.name},
    )


PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (HAECHI, CHICAGO, NYC)})
