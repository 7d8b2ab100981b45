"""When incidents of a category happen at each kind of place: shares over kind × weekday × three-hour band.

The published tables give the three margins only; what lies between them (bars at night, shops by day) is assumed, and
iterative proportional fitting (Deming and Stephan 1940) bends the assumption until all three margins hold exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

# Relative liveliness of each kind in the eight three-hour bands from 00:00 (assumed).
BY_BAND: dict[str, tuple[float, ...]] = {
    "house": (1.2, 1.0, 0.8, 0.9, 0.9, 0.9, 1.1, 1.3),
    "apartment": (1.1, 0.9, 0.8, 0.9, 1.0, 1.0, 1.2, 1.3),
    "street": (1.3, 1.1, 0.8, 0.7, 0.8, 0.9, 1.1, 1.5),
    "mall": (0.05, 0.03, 0.1, 1.0, 2.0, 2.2, 1.8, 0.3),
    "shop": (0.6, 0.5, 0.5, 1.0, 1.5, 1.7, 1.6, 1.0),
    "lodging": (2.0, 1.8, 0.9, 0.7, 0.6, 0.7, 0.9, 1.5),
    "restaurant": (0.5, 0.2, 0.2, 0.6, 1.5, 1.1, 2.0, 1.6),
    "bar": (3.2, 2.0, 0.4, 0.05, 0.1, 0.2, 1.2, 3.0),
    "transit": (0.6, 0.5, 1.6, 1.0, 0.9, 1.1, 1.8, 1.6),
    "leisure": (0.8, 0.4, 0.4, 0.8, 1.2, 1.5, 1.6, 1.2),
    "park": (0.7, 0.5, 0.7, 0.8, 1.1, 1.3, 1.2, 1.2),
    "education": (0.05, 0.05, 0.7, 1.6, 2.0, 1.9, 1.0, 0.4),
    "public": (0.3, 0.3, 0.6, 2.0, 1.8, 1.7, 0.8, 0.4),
    "other": (1.0, 0.9, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0),
}
# The same over the week, Monday first (assumed).
BY_WEEKDAY: dict[str, tuple[float, ...]] = {
    "bar": (0.7, 0.8, 0.9, 1.0, 1.5, 1.5, 0.6),
    "restaurant": (0.9, 0.9, 0.9, 1.0, 1.3, 1.2, 0.8),
    "education": (1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.3),
    "public": (1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.4),
    "mall": (0.8, 0.8, 0.8, 0.9, 1.1, 1.4, 1.3),
    "park": (0.8, 0.8, 0.8, 0.9, 1.0, 1.4, 1.4),
}
NIGHT_BEFORE_REST = 1.35  # Friday and Saturday evenings, and the small hours after them, against other nights
TOLERANCE = 1e-10


def week_shares(kinds: Sequence[str], place: Float64, weekday: Float64, band: Float64) -> Float64:
    """Float64[kinds, 7, 8] summing to 1, whose margins are the shares `place` [kinds], `weekday` [7] and `band` [8]."""
    shares = _assumed(kinds)
    for _round in range(500):
        shares = shares * _ratio(place, shares.sum(axis=(1, 2)))[:, None, None]
        shares = shares * _ratio(weekday, shares.sum(axis=(0, 2)))[None, :, None]
        shares = shares * _ratio(band, shares.sum(axis=(0, 1)))[None, None, :]
        if np.abs(shares.sum(axis=(1, 2)) - place).max() < TOLERANCE:
            break
    return shares


def _assumed(kinds: Sequence[str]) -> Float64:
    by_band = np.array([BY_BAND[kind] for kind in kinds])
    by_weekday = np.array([BY_WEEKDAY.get(kind, (1.0,) * 7) for kind in kinds])
    week = np.ones((7, 8))
    week[4:6, 6:] = NIGHT_BEFORE_REST
    week[5:7, :2] = NIGHT_BEFORE_REST
    lively = by_weekday[:, :, None] * by_band[:, None, :] * week[None]
    # The small hours belong to the evening before: Saturday 01:00 is as lively as Friday's bars.
    evening_before = np.roll(by_weekday, 1, axis=1)
    lively[:, :, :2] = evening_before[:, :, None] * by_band[:, None, :2] * week[None, :, :2]
    return np.asarray(lively / lively.sum())


def _ratio(wanted: Float64, found: Float64) -> Float64:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)
