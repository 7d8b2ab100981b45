"""Reads for a city to look at: the points of a file, with the same reader as an upload, to draw an outline from; and the
cameras of a simulated city, for its live stream."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _
from scipy.sparse import csr_array

from cctv.views import coverage_matrix
from ingestion.errors import REFUSALS, FileRefused
from ingestion.header import read_header
from ingestion.places import OK, parse_degrees
from ingestion.presets import Preset
from ingestion.reader import read_chunks
from simulation.cameras import CameraSpot
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.common.errors import HaechiError
from webapp.crimes.selectors import current_grid
from webapp.live.models import UsualRecord

Float64 = npt.NDArray[np.float64]


def read_points(
    path: Path, preset: Preset, *, max_content_bytes: int, progress: Callable[[float, str], None]
) -> tuple[Float64, Float64]:
    """Longitude and latitude Float64[n] (WGS84) of the rows inside the preset's extent.

    Raises `HaechiError` where the file cannot be read or no row lies there.
    """
    west, south, east, north = preset.extent or (-180.0, -90.0, 180.0, 90.0)
    found: list[npt.NDArray[np.float64]] = [np.empty((0, 2))]
    layout = None
    try:
        for chunk in read_chunks(path, file_name=path.name, max_content_bytes=max_content_bytes):
            rows = chunk.rows
            if layout is None and rows:
                layout = read_header(rows[0], columns=preset.columns, file_name=path.name)
                rows = rows[1:]
            if layout is not None:
                whole = [row for row in rows if len(row) == layout.width]
                found.append(_degrees(whole, layout.position["longitude"], layout.position["latitude"]))
            progress(0.6 * chunk.fraction, "read")
    except FileRefused as error:
        raise HaechiError(_(REFUSALS[error.code]).format(**error.fields), code=error.code, fields=error.fields) from error
    except OSError as error:
        raise HaechiError(_("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror}) from error
    longitude, latitude = np.concatenate(found).T
    inside = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
    if not inside.any():
        raise HaechiError(
            _("%(file)s holds no incident in %(city)s. Check that the preset fits the file.")
            % {"file": path.name, "city": preset.city_name_en},
            code="no_points",
        )
    return longitude[inside], latitude[inside]


def _degrees(rows: list[list[str]], longitude: int, latitude: int) -> Float64:
    """Float64[n, 2]: the rows' longitude and latitude, those left out that cannot be read."""
    if not rows:
        return np.empty((0, 2))
    columns = [parse_degrees([row[position] for row in rows]) for position in (longitude, latitude)]
    good = (columns[0][1] == OK) & (columns[1][1] == OK)
    return np.column_stack([columns[0][0], columns[1][0]])[good]


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


def has_usual_levels(*, jurisdiction: Jurisdiction) -> bool:
    """Whether the live picture knows already what is usual there."""
    return bool(UsualRecord.objects.of(jurisdiction).exists())
