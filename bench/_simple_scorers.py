"""The simple rivals that every table of forecasts shows beside the product (../shared/targets.md section 5, point 6)."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from prediction.features import FeatureMaker, city_level, history_days
from prediction.learners.base import Progress, no_progress
from prediction.metrics import captured, ranking
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Score = Callable[[Panel, int], Float64]
HALF_LIVES_D = (60.0, 120.0, 240.0, 480.0)
SIGMAS_M = (150.0, 250.0)
TUNING_WEEKS = 13


class Scorer:
    """A rival behind the learner contract. `score` gives Float64[targets, cells] of any scale from what was known; the
    total of each target is then set to the city's level, so that likelihood and calibration can be compared as well."""

    def __init__(self, name: str, score: Score) -> None:
        self.name = name
        self.score = score

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Nothing to learn."""

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        scores = self.score(known, origin_day)
        level = city_level(known, (origin_day - 1 - known.day).astype(np.int64), history_days(known, origin_day))
        return scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12) * level[:, np.newaxis]


def simple_scorers(panel: Panel, maker: FeatureMaker, *, test_start: int, seed: int) -> tuple[list[Scorer], dict[str, list[str]]]:
    """All rivals, tuned on the 91 days before the test; and what was picked for each target, for the record."""
    origins = [test_start - 7 * back for back in range(TUNING_WEEKS, 0, -1)]
    smooth = maker.around.smooth

    ew: dict[str, Score] = {f"{half_life:.0f} d": decayed_by(half_life) for half_life in HALF_LIVES_D}
    ew_kde: dict[str, Score] = {
        f"{half_life:.0f} d, {sigma:.0f} m": smoothed_by(maker, half_life, sigma)
        for half_life in HALF_LIVES_D[1:]
        for sigma in SIGMAS_M
    }
    ew_score, ew_names = tuned(ew, panel, origins, seed)
    kde_score, kde_names = tuned(ew_kde, panel, origins, seed)

    def count_and_kde(known: Panel, origin: int) -> Float64:
        return counts(known, origin, 365) + smooth(counts(known, origin, 365), 200.0)

    def rule_r(known: Panel, origin: int) -> Float64:
        every = counts(known, origin, 10_000)[-1]
        return np.log1p(every) * smooth(counts(known, origin, 10_000), 200.0) + 0.3 * ew_score(known, origin)

    scorers = [
        Scorer("uniform", lambda known, _: np.ones((known.categories + 1, known.cells))),
        Scorer("count, all", lambda known, origin: counts(known, origin, 10_000)),
        Scorer("count, 365 d", lambda known, origin: counts(known, origin, 365)),
        Scorer("EW-count", ew_score),
        Scorer("KDE 250 m", lambda known, origin: smooth(counts(known, origin, 365), 250.0)),
        Scorer("EW-KDE", kde_score),
        Scorer("count + KDE", count_and_kde),
        Scorer("rule R", rule_r),
    ]
    return scorers, {"EW-count": ew_names, "EW-KDE": kde_names}


def counts(known: Panel, origin: int, days: int) -> Float64:
    return with_total(known.counts(origin - days, origin))


def decayed_by(half_life: float) -> Score:
    """Counts that fade with a half-life in days."""
    return lambda known, origin: with_total(known.weighted(0.5 ** ((origin - 1 - known.day) / half_life)))


def smoothed_by(maker: FeatureMaker, half_life: float, sigma_m: float) -> Score:
    """Fading counts under a Gaussian kernel."""
    faded = decayed_by(half_life)
    return lambda known, origin: maker.around.smooth(faded(known, origin), sigma_m)


def with_total(fields: Float64) -> Float64:
    return np.vstack([fields, fields.sum(axis=0)])


def tuned(candidates: dict[str, Score], panel: Panel, origins: Sequence[int], seed: int) -> tuple[Score, list[str]]:
    """For each target the candidate with the best capture rate at 5 % over the origins, all before the test."""
    names = list(candidates)
    caught = np.zeros((len(names), panel.categories + 1))
    for origin in origins:
        known = panel.before(origin)
        happened = with_total(panel.counts(origin, origin + 7))
        for position, name in enumerate(names):
            for target, field in enumerate(candidates[name](known, origin)):
                order = ranking(field, np.random.default_rng((seed, target, -origin)))
                caught[position, target] += captured(happened[target], order)[2]
    best = [names[position] for position in caught.argmax(axis=0)]

    def score(known: Panel, origin: int) -> Float64:
        fields = {name: candidates[name](known, origin) for name in set(best)}
        return np.stack([fields[name][target] for target, name in enumerate(best)])

    return score, best
