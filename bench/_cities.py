"""The two cities of ../shared/targets.md section 5: files as arrays, grids, and the further files that were known then.

Local times are taken as they stand, as if they were UTC: the two summer-time nights a year move nothing across a day's edge.
"""

import dataclasses
import hashlib
from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from bench._shared_data import shared_data
from prediction.grid import Grid, cells_in_polygon
from prediction.panel import Incidents, places_of

Float64 = npt.NDArray[np.float64]
CLOCK = "%m/%d/%Y %I:%M:%S %p"


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a city's file lies and how its types become targets. `end`: the day after its last one."""

    code: str
    file: str
    time: str
    type: str
    targets: tuple[str, ...]
    target_of_type: dict[str, int]
    region: str
    epsg: int
    end: datetime


SOURCES = {
    "CHI": Source(
        code="CHI",
        file="chicago-2016-2017/chicago_2016_2017.csv.gz",
        time="Date",
        type="Primary Type",
        targets=("theft", "violent", "damage"),
        target_of_type={"THEFT": 0, "BATTERY": 1, "ASSAULT": 1, "CRIMINAL DAMAGE": 2},
        region="bench-measured/study_region_chicago.geojson",
        epsg=32616,
        end=datetime(2018, 1, 1, tzinfo=UTC),
    ),
    "NYC": Source(
        code="NYC",
        file="nyc-2014-2015/nyc_2014_2015.csv.gz",
        time="Occurrence Date",
        type="Offense",
        targets=("theft", "violent", "burglary"),
        target_of_type={"GRAND LARCENY": 0, "ROBBERY": 1, "FELONY ASSAULT": 1, "BURGLARY": 2},
        region="bench-measured/study_region_nyc.geojson",
        epsg=32618,
        end=datetime(2016, 1, 1, tzinfo=UTC),
    ),
}
# Code, file, and the columns of the time at which each incident had ended (the second where the first is blank).
LEADING = {
    "CHI": ("assaults", "chicago-2010-2019-agg-assault/chicago_aggravated_assaults_2010_2019.csv.gz", ("date", "date")),
    "NYC": ("vehicles", "nyc-vehicle-thefts-2014-2017/nyc_vehicle_thefts.csv.gz", ("date_end", "date_single")),
}


@dataclasses.dataclass(frozen=True, eq=False)
class City:
    """lon, lat Float64[n] (WGS84); seconds Int64[n] (local clock read as UTC); category Int16[n] into `source.targets`;

    types: the file's own names of the offences."""

    source: Source
    lon: Float64
    lat: Float64
    seconds: npt.NDArray[np.int64]
    category: npt.NDArray[np.int16]
    types: npt.NDArray[np.str_]
    region: shapely.Geometry
    sha256: str

    @property
    def end(self) -> datetime:
        return self.source.end


def missing(*names: str) -> bool:
    """Whether one of the files is not there; says so."""
    folder = shared_data()
    absent = [name for name in names if not (folder / name).exists()]
    if absent:
        print(
            f"Not found in {folder}: {', '.join(absent)}. "
            "Put the shared data beside the project, or name their folder in HAECHI_SHARED_DATA."
        )
    return bool(absent)


def load_city(code: str) -> City:
    """Raises `FileNotFoundError`; `missing` says it in a sentence."""
    source, folder = SOURCES[code], shared_data()
    path = folder / source.file
    table = pd.read_csv(path)
    moments = pd.to_datetime(table[source.time], format=CLOCK).to_numpy().astype("datetime64[s]")
    region = shapely.from_geojson((folder / source.region).read_text())
    return City(
        source=source,
        lon=table["Longitude"].to_numpy(),
        lat=table["Latitude"].to_numpy(),
        seconds=moments.astype(np.int64),
        category=table[source.type].map(source.target_of_type).to_numpy().astype(np.int16),
        types=table[source.type].to_numpy().astype(str),
        region=shapely.union_all(list(getattr(region, "geoms", [region]))),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def grid_of(city: City, label: str) -> Grid:
    """Cells whose centre lies in the city, plus cells with any incident of the file. label: "250 m", "H3 res 10"."""
    if not label.startswith("H3"):
        points = (city.lon, city.lat)
        return Grid.squares(city.region, size_m=float(label.removesuffix(" m")), epsg=city.source.epsg, points=points)
    resolution = int(label.rsplit(maxsplit=1)[-1])
    inside = cells_in_polygon(city.region, resolution)
    out = Grid.from_h3(inside).index_of_points(city.lon, city.lat) < 0
    more = [h3.latlng_to_cell(a, o, resolution) for a, o in zip(city.lat[out], city.lon[out], strict=True)]
    return Grid.from_h3(np.union1d(inside, np.array(more, dtype=np.uint64)))


def areas_of(city: City, file: str) -> Grid:
    """The given polygons of a file, as a grid."""
    table = shapely.from_geojson((shared_data() / file).read_text())
    polygons = list(getattr(table, "geoms", [table]))
    return Grid.areas(polygons, epsg=city.source.epsg, codes=[str(number) for number in range(len(polygons))])


def incidents_of(city: City, grid: Grid) -> Incidents:
    cells = grid.index_of_points(city.lon, city.lat)
    if grid.kind == "areas" and (outside := cells < 0).any():
        cells = cells.copy()
        cells[outside] = nearest_area(grid, city.lon[outside], city.lat[outside], city.source.epsg)
    return Incidents.at(cells, city.seconds, city.seconds, city.category, place=places_of(city.lon, city.lat))


def nearest_area(grid: Grid, lon: Float64, lat: Float64, epsg: int) -> npt.NDArray[np.int32]:
    """Of points just outside all polygons (by the shore, on a border), the area whose middle is nearest."""
    import pyproj  # noqa: PLC0415 (only here)
    from scipy.spatial import cKDTree  # noqa: PLC0415

    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    return np.asarray(cKDTree(grid.centres_m).query(np.column_stack([x, y]))[1], dtype=np.int32)


def leading_incidents(city: City, grid: Grid) -> tuple[str, Incidents] | None:
    """A further file of the same city that was known at the time: ten years of aggravated assaults, vehicle thefts."""
    code, file, ends = LEADING[city.source.code]
    path = shared_data() / file
    if not path.exists():
        return None
    table = pd.read_csv(path)
    moments = pd.to_datetime(table[ends[0]].fillna(table[ends[1]]))
    known = (moments < pd.Timestamp(city.end.replace(tzinfo=None))).to_numpy()
    seconds = moments.to_numpy().astype("datetime64[s]").astype(np.int64)[known]
    cells = grid.index_of_points(table["longitude"].to_numpy()[known], table["latitude"].to_numpy()[known])
    return code, Incidents.at(cells, seconds, seconds, np.zeros(len(cells), dtype=np.int16))
