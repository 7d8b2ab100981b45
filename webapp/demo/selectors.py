"""Reads of a file: its points, with the same reader as an upload, to draw a city's outline from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.utils.translation import gettext as _

from ingestion.errors import REFUSALS, FileRefused
from ingestion.header import read_header
from ingestion.places import OK, parse_degrees
from ingestion.presets import Preset
from ingestion.reader import read_chunks
from webapp.common.errors import HaechiError

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
