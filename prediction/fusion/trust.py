"""Which cameras lie: they say what cameras that see the same cells do not, or shout for hours on end.

Each hour a camera's surprise is laid beside the mean surprise of the cameras that share cells with it. Where cameras see the same
street, the slope between the two is above zero; a liar's is zero. With the slope of all cameras and its own standard error, each
has a probability of being honest (two classes, prior 95 %). A camera without neighbours stays trusted: nothing can be said.
"""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Float64 = npt.NDArray[np.float64]

FADE = 0.5 ** (1 / (14 * 24))  # per hour: what was seen two weeks ago counts half
PRIOR_LOGIT = float(np.log(0.95 / 0.05))
EVIDENCE_MOST = 8.0  # log odds that no evidence moves beyond, so that a camera can win its trust back
SURPRISE_MOST = 5.0
SHOUT_SD = 6.0  # an hour so far beyond the usual is a shout
SHOUTS_BORNE = 4.0  # hours of shouting that can be real
HONEST_SPREAD, LIAR_SPREAD = 0.5, 0.15  # sd of the slope within each class, as a share of the slope of all
SLOPE_LEAST = 0.05  # below this cameras here have nothing in common to judge by


class Trust:
    """`values` Float64[cameras], 0..1; refreshed with each hour learnt."""

    def __init__(self, coverage: csr_array) -> None:
        cameras = coverage.shape[0]
        shared = csr_array(coverage @ coverage.T).tocoo()
        off = shared.coords[0] != shared.coords[1]
        rows, columns = shared.coords[0][off], shared.coords[1][off]
        self.shared = csr_array((shared.data[off].astype(np.float64), (rows, columns)), shape=(cameras, cameras))
        self.values = np.ones(cameras)
        self.own = np.zeros(cameras)  # Σ z²
        self.both = np.zeros(cameras)  # Σ z · neighbours' z
        self.others = np.zeros(cameras)  # Σ neighbours' z²
        self.terms = np.zeros(cameras)
        self.shouted_h = np.zeros(cameras)

    def learn(self, counts: Float64, expected: Float64, dispersion: Float64, *, sure: Float64, seen: Float64) -> None:
        """One hour: counts, expected, dispersion, sure Float64[cameras, factors]; seen Float64[cameras], 0..1.

        `sure`: 0..1, how well the usual level is known: surprises of a new camera say nothing of it.
        """
        raw = (counts - expected) / np.sqrt(dispersion * expected + 0.5)
        surprise = np.clip(raw, -SURPRISE_MOST, SURPRISE_MOST) * sure * (seen > 0)[:, np.newaxis]
        counted = self.values * (seen > 0)
        near = self.shared @ counted
        around = (self.shared @ (surprise * counted[:, np.newaxis])) / np.maximum(near, 1e-9)[:, np.newaxis]
        judged = (near > 0) & (seen > 0)
        for sums, terms in (
            (self.own, (surprise**2).sum(axis=1)),
            (self.both, (surprise * around).sum(axis=1)),
            (self.others, (around**2).sum(axis=1)),
            (self.terms, np.full(len(counts), float(counts.shape[1]))),
        ):
            sums *= FADE  # noqa: PLW2901 (in place)
            sums[judged] += terms[judged]
        shouts = ((raw * sure).max(axis=1) > SHOUT_SD) & (seen > 0)
        self.shouted_h = np.where(shouts, self.shouted_h + 1, np.maximum(self.shouted_h - 0.5, 0.0))
        self.values = self._judged()

    def arrays(self) -> dict[str, Float64]:
        return {f"trust_{name}": getattr(self, name) for name in NAMES}

    def restore(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        for name in NAMES:
            getattr(self, name)[...] = arrays[f"trust_{name}"]

    def _judged(self) -> Float64:
        calm = np.clip(1 - (self.shouted_h - SHOUTS_BORNE) / SHOUTS_BORNE, 0.0, 1.0)
        known = (self.others > 0) & (self.terms > 0)
        weight = self.values * known
        slope = float(weight @ self.both) / max(float(weight @ self.others), 1e-9)
        if slope < SLOPE_LEAST:
            return np.asarray(calm, dtype=np.float64)
        # Squared standard error of the own slope: variance of the own surprise over Σ of the neighbours' squares.
        error = (self.own[known] / self.terms[known]) / self.others[known]
        found = np.minimum(self.both[known] / self.others[known], slope)
        honest_variance, liar_variance = error + (HONEST_SPREAD * slope) ** 2, error + (LIAR_SPREAD * slope) ** 2
        evidence = (found**2 / liar_variance - (found - slope) ** 2 / honest_variance) / 2
        evidence += np.log(liar_variance / honest_variance) / 2
        logit = PRIOR_LOGIT + np.clip(evidence, -EVIDENCE_MOST, EVIDENCE_MOST)
        honest = np.ones(len(calm))
        honest[known] = 1 / (1 + np.exp(-logit))
        return np.asarray(calm * honest, dtype=np.float64)


NAMES = ("values", "own", "both", "others", "terms", "shouted_h")
