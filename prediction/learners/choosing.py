"""What a simple learner may choose for itself: by how likely it made the last blocks of four weeks before the cut-off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from prediction.features import history_days
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

BLOCK_D = 28
BLOCKS_AT_MOST = 8


def block_origins(known: Panel, cutoff_day: int, *, at_most: int = BLOCKS_AT_MOST) -> list[int]:
    """First days of the last blocks before the cut-off, the earliest first, at least half the history lying before them."""
    history = history_days(known, cutoff_day)
    blocks = min(at_most, history // 2 // BLOCK_D)
    return [cutoff_day - BLOCK_D * back for back in range(blocks, 0, -1)]


def decay_of(known: Panel, origin_day: int, half_life_d: float) -> Float64:
    """Float64[entries]: weight by age, entries of the day before the origin counting one."""
    return np.asarray(0.5 ** ((origin_day - 1 - known.day) / half_life_d), dtype=np.float64)


def log_shares(counts: Float64, shares: Float64) -> float:
    """Log-likelihood of where the incidents fell, Float64[cells] each, given how many there were."""
    return float((counts * np.log(np.maximum(shares, 1e-300))).sum())
