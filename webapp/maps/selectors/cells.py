"""The cells' geometry as one immutable block of bytes, sent to a browser once.

Format `HXG1`, little-endian, arrays in planes (all first values, then all second ones), because planes compress well:

| offset | type | what |
|---|---|---|
| 0 | 4 bytes | `HXG1` |
| 4 | uint32 | n, the number of cells |
| 8 | float64 × 3 | west, south of the origin in degrees (WGS84); step in degrees |
| 32 | uint64[n] | H3 indexes in the grid's fixed order, the order of every vector of values |
| 32 + 8n | int32[2, n] | centres: longitude plane, latitude plane, in steps from the origin |
| 32 + 16n | int16[6, 2, n] | the six corners as steps from the centre: corner 0 longitude plane, latitude plane, corner 1 … |

A pentagon repeats its last corner. 41,000 cells: 1.6 MB, of which gzip leaves about 0.5 MB.
"""

import gzip
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
from django.core.cache import cache
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.crimes.models import CellGrid

if TYPE_CHECKING:
    from webapp.accounts.models import User

CELLS_VERSION = "HXG1"
STEP_DEG = 2e-6  # 0.2 m: far below what a screen shows, and a corner still fits 16 bits at resolution 7
CORNERS = 6
KEEP_S = 7 * 24 * 3600
_HEAD = struct.Struct("<4sI3d")


@dataclass(frozen=True, eq=False)
class Cells:
    """Decoded geometry: `ids` UInt64[n]; `centres` Float64[n, 2] and `corners` Float64[n, 6, 2], both (lon, lat) in degrees."""

    ids: npt.NDArray[np.uint64]
    centres: npt.NDArray[np.float64]
    corners: npt.NDArray[np.float64]


def grid_cells(*, user: "User", digest: str) -> bytes:
    """The geometry of a grid of the person's jurisdiction, compressed by gzip. Raises `NotFound`."""
    grid = CellGrid.objects.visible_to(user).filter(digest=digest).first()
    if grid is None:
        raise NotFound(_("There is no such grid of cells."))
    key = f"maps:cells:{CELLS_VERSION}:{digest}"
    packed: bytes | None = cache.get(key)
    if packed is None:
        packed = gzip.compress(encode_cells(grid.array()), compresslevel=9, mtime=0)
        cache.set(key, packed, KEEP_S)
    return packed


def encode_cells(ids: npt.NDArray[np.uint64]) -> bytes:
    """The block of bytes for these H3 indexes. About 10 µs a cell, hence kept in the cache."""
    rings = [h3.cell_to_boundary(cell) for cell in ids]
    corners = np.array([(*ring, *[ring[-1]] * (CORNERS - len(ring))) for ring in rings], dtype=np.float64)[..., ::-1]
    centres = np.array([h3.cell_to_latlng(cell) for cell in ids], dtype=np.float64)[:, ::-1]
    origin = np.floor(centres.min(axis=0) * 100) / 100
    centre_steps = np.rint((centres - origin) / STEP_DEG).astype("<i4")
    rounded_centres = origin + centre_steps * STEP_DEG
    corner_steps = np.rint((corners - rounded_centres[:, None, :]) / STEP_DEG).astype("<i2")
    return b"".join(
        (
            _HEAD.pack(CELLS_VERSION.encode(), len(ids), origin[0], origin[1], STEP_DEG),
            np.ascontiguousarray(ids, dtype="<u8").tobytes(),
            np.ascontiguousarray(centre_steps.T).tobytes(),
            np.ascontiguousarray(corner_steps.transpose(1, 2, 0)).tobytes(),
        )
    )


def decode_cells(block: bytes) -> Cells:
    """The inverse of `encode_cells`, for tests and for other programs. Raises `ValueError` on another format."""
    name, count, west, south, step = _HEAD.unpack_from(block)
    if name != CELLS_VERSION.encode():
        raise ValueError(f"not a block of cells of format {CELLS_VERSION}")
    ids = np.frombuffer(block, "<u8", count, _HEAD.size)
    centre_steps = np.frombuffer(block, "<i4", 2 * count, _HEAD.size + 8 * count).reshape(2, count).T
    corner_steps = np.frombuffer(block, "<i2", 2 * CORNERS * count, _HEAD.size + 16 * count).reshape(CORNERS, 2, count)
    centres = np.array([west, south]) + centre_steps * step
    return Cells(ids=ids, centres=centres, corners=centres[:, None, :] + corner_steps.transpose(2, 0, 1) * step)
