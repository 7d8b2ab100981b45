"""ByteTrack (Zhang et al. 2022) of the `trackers` library, with two habits of its own. Import lazily: it loads `trackers`.

Tracks seen in the last picture choose their boxes first and lost ones take what is left: otherwise somebody lost behind another
takes over the other's box.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from trackers import ByteTrackTracker

Pairs = list[tuple[int, int]]


class CascadeTracker(ByteTrackTracker):
    """Joins in two steps as ByteTrack does, each first for the tracks seen last time and then for the lost."""

    _rows: list[Any]  # the tracks of the next matrix's rows, where they are not all

    def _get_associated_indices(
        self, similarity_matrix: npt.NDArray[np.float64], min_similarity_thresh: float
    ) -> tuple[Pairs, list[int], list[int]]:
        rows, columns = similarity_matrix.shape
        first_step = rows == len(self.tracks) and not self._rows
        tracks = self.tracks if first_step else self._rows
        live = [row for row in range(rows) if tracks[row].time_since_update <= 1]
        lost = [row for row in range(rows) if tracks[row].time_since_update > 1]
        matched: Pairs = []
        free = list(range(columns))
        for chosen in (live, lost):
            part = similarity_matrix[np.ix_(chosen, free)] if chosen and free else np.zeros((len(chosen), len(free)))
            pairs, _, _ = super()._get_associated_indices(part, min_similarity_thresh)
            matched += [(chosen[row], free[column]) for row, column in pairs]
            taken = {column for _, column in pairs}
            free = [one for number, one in enumerate(free) if number not in taken]
        left = sorted(set(range(rows)) - {row for row, _ in matched})
        self._rows = [tracks[row] for row in left] if first_step else []
        return matched, left, free

    def update(self, *args: Any, **named: Any) -> Any:
        self._rows = []
        return super().update(*args, **named)
