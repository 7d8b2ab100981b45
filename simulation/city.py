"""The whole demo city from one seed: ground, incidents, cameras, and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from simulation.cameras import CameraSpot, lay_out_city_cameras
from simulation.figures import CATEGORIES, CrimeFigures, read_camera_figures, read_crime_figures
from simulation.geography import Geography, read_geography
from simulation.incidents import SimulatedIncidents, draw_incidents
from simulation.sites import Sites, lay_sites
from simulation.streets import Streets, lay_streets


@dataclass(frozen=True, eq=False)
class City:
    """A simulated city. Its figures and sites are its true parameters (see `simulation.truth`)."""

    geography: Geography
    streets: Streets
    figures: CrimeFigures
    sites: Sites
    incidents: SimulatedIncidents
    cameras: tuple[CameraSpot, ...]


def make_city(folder: Path, *, until: date, rng: np.random.Generator) -> City:
    """Simulate the city whose fixtures lie in `folder`, with incidents up to the end of the local day `until`.

    The same folder, day and state of `rng` give the same city, to the byte.
    """
    geography = read_geography(folder)
    figures = read_crime_figures(folder)
    streets = lay_streets(geography)
    # Independent streams, so that a change in one part leaves the others as they were.
    for_sites, for_incidents, for_cameras = rng.spawn(3)
    sites = lay_sites(geography, streets, kinds=figures.kinds, categories=len(CATEGORIES), rng=for_sites)
    incidents = draw_incidents(geography, sites, figures, until=until, rng=for_incidents)
    cameras = lay_out_city_cameras(geography, streets, incidents, read_camera_figures(folder), rng=for_cameras)
    return City(geography, streets, figures, sites, incidents, cameras)


def incidents_csv(incidents: SimulatedIncidents, *, prefix: str) -> bytes:
    """The incidents as a file of Haechi's own format (UTF-8 CSV, local times without offset); ids like `SC-20240131-007`."""
    lines = ["incident_id,category,occurred_from,occurred_to,latitude,longitude"]
    starts, ends = (np.datetime_as_string(value, unit="m") for value in (incidents.start, incidents.end))
    known = incidents.start == incidents.end
    day, number = "", 0
    for i, start in enumerate(starts):
        day, number = (day, number + 1) if start[:10] == day else (start[:10], 1)
        end = "" if known[i] else ends[i]
        category = CATEGORIES[incidents.category[i]]
        place = f"{incidents.latitude[i]:.5f},{incidents.longitude[i]:.5f}"
        lines.append(f"{prefix}-{day.replace('-', '')}-{number:03d},{category},{start},{end},{place}")
    return ("\n".join(lines) + "\n").encode()
