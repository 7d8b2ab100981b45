"""Alarms in the order in which they deserve a look: risk of place and hour × confidence.

A detector's alarm at a spot and hour where crime is likely stands before the same alarm where it is not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.fusion.weights import PRESENCE, LiveWeights

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Alarms:
    """Events that may call for a look, one array a column.

    at_s: Float64[n], epoch seconds; lon, lat: Float64[n], degrees WGS84; cell: Int64[n], index of the grid, −1 outside it;
    factor: Int64[n], index into the weights' factors; confidence: Float64[n], 0..1.
    """

    at_s: Float64
    lon: Float64
    lat: Float64
    cell: Ints
    factor: Ints
    confidence: Float64

    def __post_init__(self) -> None:
        columns = (self.at_s, self.lon, self.lat, self.cell, self.factor, self.confidence)
        if len({column.shape for column in columns}) != 1 or self.at_s.ndim != 1:
            raise PredictionError("The columns of the alarms differ in length.")

    def __len__(self) -> int:
        return len(self.at_s)


@dataclass(frozen=True, eq=False)
class Ranked:
    """order: Int64[n], alarms from the one most worth a look; score: Float64[n], incidents to be expected in the cell and slot
    given the factor, × confidence; category: Int64[n], which one the factor speaks of most there, −1 outside the grid."""

    order: Ints
    score: Float64
    category: Ints


def rank(alarms: Alarms, rates: Float32, weights: LiveWeights | None = None) -> Ranked:
    """Score and order the alarms. rates: Float32[categories, cells], of the slot that is on, plain or fused.

    Given the factor, each category's rate is multiplied by exp(w · 2), as for a factor that is plainly there. Equal scores keep
    the newer first. Raises `PredictionError` where a cell or factor does not exist.
    """
    if len(alarms) == 0:
        return Ranked(np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.int64))
    if alarms.cell.max() >= rates.shape[1]:
        raise PredictionError("An alarm is in a cell that the forecast does not have.")
    plain = rates[:, alarms.cell].astype(np.float64).T
    times = np.ones_like(plain)
    if weights is not None:
        if alarms.factor.min() < 0 or alarms.factor.max() >= len(weights.factors):
            raise PredictionError("An alarm is of a factor that the weights do not have.")
        times = np.exp(weights.mean[:, alarms.factor] * PRESENCE).T
    inside = alarms.cell >= 0
    score = np.where(inside, (plain * times).sum(axis=1), 0.0) * alarms.confidence
    added = plain * (times - 1)
    speaks = np.where((added > 0).any(axis=1), added.argmax(axis=1), plain.argmax(axis=1))
    order = np.lexsort((-alarms.at_s, -score))
    return Ranked(order.astype(np.int64), score, np.where(inside, speaks, -1).astype(np.int64))
