"""Incidents of another kind as leading signs: an offence that is not forecast, calls for service, an older file of one type.

They enter features only, never what is forecast: a file of other years or of another cut of the same offences can so be used
without its rows being counted as incidents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from prediction.features.base import Float32, Moment
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents
from prediction.spatial import Surroundings

Float64 = npt.NDArray[np.float64]
HALF_LIVES_D = (180, 720, 2880)
SIGMAS_M = (100.0, 300.0)
OLD_D = 540  # what is older is also given by itself: most files of incidents do not reach back so far


class LeadingIncidents:
    """A plug-in block of incidents on the same grid: all their categories count alike, each known when its interval has ended."""

    def __init__(self, code: str, incidents: Incidents, grid: Grid, around: Surroundings | None = None) -> None:
        order = np.argsort(incidents.end_s, kind="stable")
        self.code = code
        self._cell, self._end_s = incidents.cell_index[order], incidents.end_s[order]
        self._cells = len(grid)
        self._around = around or Surroundings.of(grid)
        content = self._cell.astype("<i4").tobytes() + self._end_s.astype("<i8").tobytes()
        self._hash = hashlib.sha256(content).hexdigest()

    @property
    def name(self) -> str:
        return f"leading:{self.code}"

    @property
    def signature(self) -> str:
        return self._hash

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        out = []
        for days in HALF_LIVES_D:
            out.append(f"{self.code}_decayed_{days}d")
            if days != HALF_LIVES_D[0]:
                out += [f"{self.code}_{sigma:.0f}m_{days}d" for sigma in SIGMAS_M]
        return [("other_types", name) for name in (*out, f"{self.code}_ring1", f"{self.code}_old")]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[cells, columns]: time-weighted counts here, around, in the first ring, and the old ones alone."""
        now_s = int(moment.start.timestamp())
        known = int(np.searchsorted(self._end_s, now_s))
        age_d = (now_s - 1 - self._end_s[:known]) // DAY_S
        columns: list[Float64] = []
        for days in HALF_LIVES_D:
            here = self._counts(known, 0.5 ** (age_d / days))
            columns.append(here)
            if days != HALF_LIVES_D[0]:
                columns += [self._around.smooth(here, sigma) for sigma in SIGMAS_M]
        columns.append(self._around.ring_sums(self._counts(known, np.ones(known)), 1))
        columns.append(self._counts(known, (age_d > OLD_D).astype(np.float64)))
        return np.stack(columns, axis=1).astype(np.float32)

    def _counts(self, known: int, weights: Float64) -> Float64:
        return np.asarray(np.bincount(self._cell[:known], weights=weights, minlength=self._cells), dtype=np.float64)
