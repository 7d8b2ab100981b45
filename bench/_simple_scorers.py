"""The simple rivals that every table of forecasts shows beside the product (../shared/targets.md section 5, point 6)."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from prediction.features import WEEK_DAYS, FeatureMaker, city_level, history_days
from prediction.kernels import Raster, pro_hotspot, retro_hotspot
from prediction.learners.stateless import Stateless
from prediction.metrics import captured, ranking
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Score = Callable[[Panel, int], Float64]
HALF_LIVES_D = (60.0, 120.0, 240.0, 480.0)
SIGMAS_M = (150.0, 250.0)
TUNING_WEEKS = 13
FIELD_MAPS_REACH_D = 70  # what they look back at most


class Scorer(Stateless):
    """A rival behind the learner contract. `score` gives Float64[targets, cells] of any scale from what was known; the
    total of each target is then set to the city's level, so that likelihood and calibration can be compared as well."""

    group = "here_long"

    def __init__(self, name: str, score: Score, *, horizon_days: int = WEEK_DAYS) -> None:
        self.name = name
        self.score = score
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        # Running sums and convolutions leave a trace below zero where nothing ever happened.
        scores = np.maximum(self.score(known, origin_day), 0.0)
        age = (origin_day - 1 - known.day).astype(np.int64)
        level = city_level(known, age, history_days(known, origin_day), horizon_days=self.horizon_days)
        return scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12) * level[:, np.newaxis]


class SeasonedSmoother(Stateless):
    """The trivial smoother of targets.md 4.4: counts of a half-life of 60 days, times last year's move of the whole city."""

    name = "60 d × last year"
    group = "here_long"

    def __init__(self, horizon_days: int) -> None:
        self.horizon_days = horizon_days

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        known = panel.before(origin_day)
        history = history_days(known, origin_day)
        age = origin_day - 1 - known.day
        daily = np.bincount(age[age < history], weights=known.weight[age < history], minlength=history)
        decay = 0.5 ** (np.arange(history) / 60)
        now = with_total(known.weighted(np.where(age < history, 0.5 ** (age / 60), 0.0))) / decay.sum()
        then = daily[364:] @ decay[: history - 364] / decay[: history - 364].sum()
        return now * self.horizon_days * daily[364 - self.horizon_days : 364].mean() / then


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
    if maker.grid.kind == "square":
        scorers += field_maps(maker)
    return scorers, {"EW-count": ew_names, "EW-KDE": kde_names}


def field_maps(maker: FeatureMaker) -> list[Scorer]:
    """ProHotspot (Bowers 2004) and RetroHotSpot; incidents stand at the middle of their square."""
    raster = Raster.of(maker.grid)
    places, (x, y) = raster.positions(maker.grid), maker.grid.centres_m.T

    def mapped(draw: Callable[..., Float64]) -> Score:
        def score(known: Panel, origin: int) -> Float64:
            recent = known.rows(known.day >= origin - FIELD_MAPS_REACH_D)
            age = (origin - 1 - recent.day).astype(np.float64)
            fields = []
            for category in range(known.categories):
                rows = recent.category == category
                cell = recent.cell[rows]
                fields.append(draw(raster, x[cell], y[cell], age[rows]).ravel()[places])
            return with_total(np.stack(fields))

        return score

    return [Scorer("ProHotspot", mapped(pro_hotspot)), Scorer("RetroHotSpot", mapped(retro_hotspot))]


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
