"""The data of the 2017 forecasting contest (Portland): what was known on 28 February 2017, the outcome, and a real submission.

Days are counted from 1 March 2017 (day 0, the first day to be forecast). Points are in feet, Oregon North (EPSG:2913).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
FIRST_DAY = np.datetime64("2017-03-01")
FILES = {"auto theft": "crimes_veh_2012_2017.csv.gz", "burglary": "crimes_bur_2012_2017.csv.gz"}
CALLS = "nij_cfs_2016_08_10.csv.gz"
SUBMISSION = "kernel_glitches_hotspots_epsg2269.geojson"
CITY_SQ_MI = 147.70
FEET_A_MILE = 5280.0
# The five windows of the contest: name and days from 1 March 2017.
WINDOWS = {"1WK": 7, "2WK": 14, "1MO": 31, "2MO": 61, "3MO": 92}


class LookedAheadError(ValueError):
    """A forecast was handed events of its own future."""


@dataclass(frozen=True, eq=False)
class Events:
    """day Int64[n] (ascending), points Float64[n, 2] in feet."""

    day: Int64
    points: Float64

    def __len__(self) -> int:
        return len(self.day)

    def between(self, first: int, end: int) -> "Events":
        """Those of first ≤ day < end."""
        rows = slice(*np.searchsorted(self.day, (first, end)))
        return Events(self.day[rows], self.points[rows])

    def before(self, origin: int) -> "Events":
        rows = slice(0, int(np.searchsorted(self.day, origin)))
        return Events(self.day[rows], self.points[rows])


@dataclass(frozen=True, eq=False)
class Known:
    """All that a forecast at an origin may read: crimes of the class, of the other class, and calls for service by group.

    Building it refuses anything on or after the origin.
    """

    origin: int
    crimes: Events
    other: Events
    calls: dict[str, Events]

    def __post_init__(self) -> None:
        for events in (self.crimes, self.other, *self.calls.values()):
            if len(events) and events.day[-1] >= self.origin:
                raise LookedAheadError(f"A forecast of day {self.origin} was handed an event of day {events.day[-1]}.")

    def at(self, origin: int) -> "Known":
        """The same at an earlier origin. Calls are there only once their last day has passed: their months are one extract."""
        calls = {name: events for name, events in self.calls.items() if events.day[-1] < origin}
        return Known(origin, self.crimes.before(origin), self.other.before(origin), calls)


def known_on_the_last_day(folder: Path, name: str) -> Known:
    """What contestants knew: everything up to 28 February 2017, of the class `name` and the other one."""
    other = next(key for key in FILES if key != name)
    calls = pd.read_csv(folder / "portland-nij" / CALLS).dropna(subset=["occ_date", "x_coordina", "y_coordina"])
    groups = {"all calls": calls, "property calls": calls[calls["CALL_GROUP"] == "PROPERTY CRIME"]}
    return Known(
        0, _crimes(folder, name).before(0), _crimes(folder, other).before(0), {key: _events(rows) for key, rows in groups.items()}
    )


def outcome(folder: Path, name: str) -> Events:
    """What happened from 1 March 2017 on. Read once, after every choice has been made."""
    return _crimes(folder, name).between(0, max(WINDOWS.values()))


def submission(folder: Path, name: str) -> dict[str, tuple[shapely.Geometry, float]]:
    """Kernel Glitches' hotspots by window: geometry in the system of the points, and area in square feet."""
    text = (folder / "bench-nij-portland-kg" / SUBMISSION).read_text()
    # The file stands in NAD83, the contest's points in NAD83(HARN): the axes are the same, the datums differ by about a metre.
    move = pyproj.Transformer.from_crs(2269, 2913, always_xy=True)
    category = {"auto theft": "auto_theft", "burglary": "burglary"}[name]
    features = json.loads(text)["features"]
    found = {}
    for window in WINDOWS:
        chosen = [one for one in features if (one["properties"]["category"], one["properties"]["window"]) == (category, window)]
        if chosen:
            rings = [np.array(one["geometry"]["coordinates"][0]) for one in chosen]
            cells = [shapely.Polygon(np.column_stack(move.transform(*ring.T))) for ring in rings]
            found[window] = (shapely.union_all(cells), float(sum(one["properties"]["area_sqft"] for one in chosen)))
    return found


def _crimes(folder: Path, name: str) -> Events:
    return _events(pd.read_csv(folder / "portland-nij" / FILES[name], usecols=["occ_date", "x_coordina", "y_coordina"]))


def _events(table: pd.DataFrame) -> Events:
    dates = pd.to_datetime(table["occ_date"]).to_numpy().astype("datetime64[D]")
    day = (dates - FIRST_DAY).astype(np.int64)
    order = np.argsort(day, kind="stable")
    return Events(day[order], table[["x_coordina", "y_coordina"]].to_numpy(dtype=np.float64)[order])
