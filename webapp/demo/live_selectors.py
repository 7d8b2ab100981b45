"""Reads for the live stream of a simulated city: its cameras, what they see, and what is there already."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from cctv.views import coverage_matrix
from simulation.cameras import CameraSpot
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.crimes.selectors import current_grid
from webapp.forecasts.models import LiveWeights
from webapp.live.models import UsualRecord


def camera_spots(*, jurisdiction: Jurisdiction) -> list[CameraSpot]:
    """All cameras of a jurisdiction, also those out of order, by source_id."""
    columns = ("source_id", "name", "point", "bearing_deg", "angle_deg", "range_m", "purpose", "is_working")
    rows = Camera.objects.of(jurisdiction).order_by("source_id").values_list(*columns)
    return [CameraSpot(row[0], row[1], row[2].x, row[2].y, *row[3:]) for row in rows]


def coverage_of_cameras(*, jurisdiction: Jurisdiction, spots: Sequence[CameraSpot]) -> csr_array:
    """Share of each cell in each camera's view: sparse Float32[cameras, cells]. Raises `NotFound` where there are no cells."""
    cells = current_grid(jurisdiction=jurisdiction).array()
    unknown = float("nan")
    columns = [
        [spot.longitude, spot.latitude, unknown if spot.bearing_deg is None else spot.bearing_deg, spot.angle_deg, spot.range_m]
        for spot in spots
    ]
    return coverage_matrix(*np.array(columns, np.float64).reshape(-1, 5).T, cell_ids=cells)


def has_given_weights(*, jurisdiction: Jurisdiction) -> bool:
    """Whether the simulation has given its weights before."""
    return bool(LiveWeights.objects.of(jurisdiction).filter(origin=LiveWeights.Origin.GIVEN).exists())


def has_usual_levels(*, jurisdiction: Jurisdiction) -> bool:
    """Whether the live picture knows already what is usual there."""
    return bool(UsualRecord.objects.of(jurisdiction).exists())
