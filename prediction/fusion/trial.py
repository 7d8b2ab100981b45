"""Whether learnt weights are better than those in service: learnt on earlier hours, judged on later ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.fusion.weights import History, LiveWeights, centre_of, learn_weights, log_likelihoods

Float64 = npt.NDArray[np.float64]

DRAWS = 2_000
DAY_S = 86_400
CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Trial:
    """learnt: on the earlier hours only. gain, low, high: log likelihood over the rival, in nats per incident of the later hours,
    with the one-sided 95 % bounds of a bootstrap over days; gain_over_plain: the same over the plain forecast."""

    learnt: LiveWeights
    days: int
    incidents: int
    gain: float
    low: float
    high: float
    gain_over_plain: float

    @property
    def is_better(self) -> bool:
        """Beyond chance, and better than the forecast without cameras too."""
        return self.low > 0 and self.gain_over_plain > 0


def held_out_trial(prior: LiveWeights, rival: LiveWeights, history: History, *, share: float, rng: np.random.Generator) -> Trial:
    """Learn on all but the last `share` of the hours and compare with the rival on those. Raises `PredictionError`.

    The rival may have seen the later hours when it was learnt: that can only make it look better.
    """
    hours = len(history.hours)
    split = hours - round(hours * share)
    if not 0 < split < hours:
        raise PredictionError(f"{hours} hours cannot be parted into earlier and later ones.")
    earlier, later = history.between(0, split), history.between(split, hours)
    learnt = learn_weights(prior, earlier)
    if not rival.centre.any():  # a prior's centre is not known before there is a history
        rival = LiveWeights(rival.categories, rival.factors, rival.mean, rival.sd, centre_of(rival.mean, earlier))
    told = log_likelihoods(learnt, later).sum(axis=1)
    by_day = _by_day(told - log_likelihoods(rival, later).sum(axis=1), later.hours)
    in_rows = np.bincount(later.hour, weights=later.counts.sum(axis=1), minlength=hours - split)
    happened = _by_day(later.rest_counts.sum(axis=1) + in_rows, later.hours)
    drawn = rng.integers(0, len(by_day), (DRAWS, len(by_day)))
    ratios = by_day[drawn].sum(axis=1) / np.maximum(happened[drawn].sum(axis=1), 1.0)
    incidents = max(float(happened.sum()), 1.0)
    return Trial(
        learnt=learnt,
        days=len(by_day),
        incidents=int(happened.sum()),
        gain=float(by_day.sum()) / incidents,
        low=float(np.quantile(ratios, 1 - CONFIDENCE)),
        high=float(np.quantile(ratios, CONFIDENCE)),
        gain_over_plain=float(told.sum()) / incidents,
    )


def _by_day(values: Float64, hours: npt.NDArray[np.int64]) -> Float64:
    _days, number = np.unique(hours // DAY_S, return_inverse=True)
    return np.asarray(np.bincount(number, weights=values), dtype=np.float64)
