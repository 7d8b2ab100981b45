"""What is usual for the forecasts of a model, week by week, and whether a week lies outside it.

Learnt from the weeks of the model's trial, for one category at a time. Reported incidents N where E were expected:
N ~ negative binomial with mean r·E and variance r·E + φ·(r·E)²; r is reported / expected over the trial, φ the spread between
weeks that Poisson does not explain (method of moments, Cameron & Trivedi 2013, 3.2.2). Incidents captured by 5 % of the cells,
of N: beta-binomial with mean p and strength s. What few weeks leave unknown of r, φ and p widens both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.stats import betabinom, nbinom

Float64 = npt.NDArray[np.float64]

USUAL = 0.95
FAR = 0.999
LEAST_SPREAD = 0.0025  # nobody foresees a week's level more closely than 5 %
SPREAD_UNTRIED = 0.04  # of a model without a trial: 20 %


@dataclass(frozen=True)
class Expectation:
    """What to expect of one category. `capture` None: the trial had no incidents, so nothing is known of it.

    `ratio` r, `spread` φ with what is unknown of r, `capture` p, `strength` s.
    """

    ratio: float = 1.0
    spread: float = SPREAD_UNTRIED
    capture: float | None = None
    strength: float = 1.0

    @classmethod
    def of(cls, *, reported: Float64, expected: Float64, captured: Float64) -> Self:
        """From the weeks of a trial, Float64[weeks] each."""
        total, weeks = float(reported.sum()), len(reported)
        if weeks == 0 or total <= 0 or expected.sum() <= 0:
            return cls()
        ratio = total / float(expected.sum())
        means = ratio * expected
        between = float((((reported - means) ** 2 - means) / means**2).sum() / max(weeks - 1, 1))
        spread = max(between, LEAST_SPREAD)
        share = float(captured.sum()) / total
        return cls(
            ratio=ratio,
            spread=spread * (1 + 1 / weeks) + 1 / total,
            capture=(float(captured.sum()) + 0.5) / (total + 1),
            strength=min(total + 1, _strength(captured, reported, share)),
        )

    def reported_band(self, expected: float, *, level: float = USUAL) -> tuple[int, int]:
        """The counts between which `level` of the weeks lie where so many were expected."""
        mean = max(self.ratio * expected, 1e-9)
        shape = 1 / self.spread
        low, high = (float(nbinom.ppf(edge, shape, shape / (shape + mean))) for edge in _edges(level))
        return round(low), round(high)

    def capture_band(self, reported: int, *, level: float = USUAL) -> tuple[float, float] | None:
        """The shares between which `level` of the weeks lie, of so many reported incidents; None where nothing is known."""
        if self.capture is None or reported <= 0:
            return None
        a, b = self.capture * self.strength, (1 - self.capture) * self.strength
        low, high = (float(betabinom.ppf(edge, reported, a, b)) for edge in _edges(level))
        return low / reported, high / reported

    def as_dict(self) -> dict[str, float | None]:
        """As plain values, to be stored with a model."""
        return asdict(self)


def _edges(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _strength(captured: Float64, reported: Float64, share: float) -> float:
    """s of the beta-binomial by moments over the weeks; very large where weeks differ no more than chance alone has it."""
    some = reported > 1
    n, gaps = reported[some], captured[some] - share * reported[some]
    chance = share * (1 - share)
    if len(n) < 2 or chance <= 0:
        return 1e6
    # Var(captured) = n p (1−p) (1 + (n−1) ρ): the mean excess over chance gives ρ = 1 / (s + 1).
    rho = float((gaps**2 - n * chance).sum() / (n * (n - 1) * chance).sum())
    return 1e6 if rho <= 1e-6 else max(1 / rho - 1, 1.0)


@dataclass(frozen=True)
class Watched:
    """One category of one week beside what was usual. `side`: −1 below, 1 above, 0 within the band, of each measure."""

    reported_band: tuple[int, int]
    capture_band: tuple[float, float] | None
    reported_side: int
    capture_side: int
    is_far: bool

    @property
    def is_outside(self) -> bool:
        return self.reported_side != 0 or self.capture_side != 0


def watch(expectation: Expectation, *, reported: int, expected: float, captured: float) -> Watched:
    """Lay one week beside what is usual."""
    share = captured / reported if reported else 0.0
    band, far_band = (expectation.reported_band(expected, level=level) for level in (USUAL, FAR))
    capture, far_capture = (expectation.capture_band(reported, level=level) for level in (USUAL, FAR))
    is_far = _side(reported, far_band) != 0 or _side(share, far_capture) != 0
    return Watched(band, capture, _side(reported, band), _side(share, capture), is_far)


def _side(value: float, band: tuple[float, float] | None) -> int:
    if band is None:
        return 0
    return int(value > band[1]) - int(value < band[0])
