"""The fused rates: λ · exp(Σ w · excess), bounded, with what each factor contributes. Pure arithmetic on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.fusion.weights import LiveWeights

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LIFT_MOST = 8.0  # live cameras never raise a rate by more than this factor, nor lower it by more


@dataclass(frozen=True, eq=False)
class Fused:
    """rates: Float32[categories, cells]; log_lift: the same shape, log of fused over plain, 0 where nothing is known."""

    rates: Float32
    log_lift: Float32
    weights: LiveWeights | None
    excess: Float32

    def contributions(self, cells: npt.ArrayLike) -> Float32:
        """Float32[categories, factors, given cells]: what each factor adds to the log lift, before the bound and the centre."""
        picked = self.excess[:, np.asarray(cells, dtype=np.int64)]
        if self.weights is None:
            return np.zeros((len(self.rates), *picked.shape), dtype=np.float32)
        return np.asarray(self.weights.mean[:, :, np.newaxis] * picked[np.newaxis], dtype=np.float32)

    def lift_of_all(self) -> Float32:
        """Float32[cells]: log of fused over plain for all categories together; 0 where the plain rate is 0."""
        plain = (self.rates / np.exp(self.log_lift)).sum(axis=0)
        lift = np.log(np.maximum(self.rates.sum(axis=0), 1e-30) / np.maximum(plain, 1e-30))
        return np.asarray(np.where(self.log_lift.any(axis=0), lift, 0.0), dtype=np.float32)


def fuse(rates: Float32, weights: LiveWeights | None, excess: Float32, seen: Float32 | None = None) -> Fused:
    """Join the present to the forecast.

    rates: Float32[categories, cells], plain; excess: Float32[factors, cells]; seen: Float32[cells], 0..1, how much of each cell
    is seen now (None: not known, and the weights' centre is left out). With `weights` None, or no excess and nothing seen, the
    rates come back bit for bit. Raises `PredictionError` where shapes do not fit.
    """
    if rates.ndim != 2 or excess.ndim != 2 or rates.shape[1] != excess.shape[1]:
        raise PredictionError(f"Rates {rates.shape} and excess {excess.shape} are not of the same cells.")
    nothing = np.zeros(rates.shape, dtype=np.float32)
    if weights is None:
        return Fused(rates, nothing, None, excess)
    if weights.mean.shape != (len(rates), len(excess)):
        raise PredictionError(
            f"The live weights are of {weights.mean.shape[0]} categories and {weights.mean.shape[1]} factors, the forecast has "
            f"{len(rates)} categories and the excess {len(excess)} factors. Use weights of the same lists."
        )
    log_lift = weights.mean.astype(np.float32) @ np.nan_to_num(excess, nan=0.0)
    if seen is not None:
        log_lift += weights.centre.astype(np.float32)[:, np.newaxis] * seen[np.newaxis]
    limit = np.float32(np.log(LIFT_MOST))
    np.clip(log_lift, -limit, limit, out=log_lift)
    return Fused(rates * np.exp(log_lift), log_lift, weights, excess)
