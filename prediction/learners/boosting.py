"""The learner of the product: gradient-boosted trees (LightGBM) for Poisson counts, one model per target.

Each model starts from the shrunken time-weighted rate (as an offset, in the log) and learns what multiplies it. A target with
too few incidents gets no trees: its rate is the offset itself, that is all crime's surface scaled to the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from prediction.features import GROUPS, WEEK_DAYS, FeatureMaker, Moment, history_days
from prediction.learners.base import Progress, no_progress, with_all
from prediction.learners.paths import path_contributions
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

TREES_A_REPORT = 10
ROUNDS_OF_FILLING = 20


@dataclass(frozen=True)
class BoostingSettings:
    """How to learn. `row_limit` bounds time and memory: where there are more rows, empty cells are drawn by what they can tell.

    `evenness`: share of the drawn rows that is spread evenly over all empty cells, the rest going by expectation.
    """

    trees: int = 450
    leaves: int = 24
    learning_rate: float = 0.03
    least_in_leaf: int = 200
    least_expected_in_leaf: float = 30.0
    l2: float = 5.0
    feature_share: float = 0.15
    row_share: float = 0.7
    zero_share: float = 0.5
    row_limit: int = 500_000
    evenness: float = 0.25
    origins_at_most: int = 78
    burn_in_days: int = 91
    least_incidents: int = 300
    num_threads: int = 1


@dataclass(frozen=True, eq=False)
class _Rows:
    """Sampled training rows of one origin and target."""

    table: Float32
    counts: Float64
    offset: Float64
    weight: Float64


class Boosting:
    """LightGBM with a Poisson objective. `boosters_[target]` is None where the offset stands alone."""

    name = "lightgbm"

    def __init__(self, maker: FeatureMaker, settings: BoostingSettings) -> None:
        self.maker = maker
        self.settings = settings
        self.boosters_: list[lgb.Booster | None] = []

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        origins = self._origins(panel, cutoff_day)
        known = panel.before(cutoff_day)
        targets = self._targets_worth_a_model(known, origins)
        rows: dict[int, list[_Rows]] = {target: [] for target in targets}
        kept = {target: self._zero_share(known, target, len(origins)) for target in targets}
        for step, origin in enumerate(origins if targets else []):
            progress(0.3 * step / len(origins), "features")
            moment = self.maker.moment(panel, origin)
            counts = known.counts(origin, origin + WEEK_DAYS)
            for target in targets:
                rng = np.random.default_rng((seed, target, cutoff_day - origin))
                rows[target].append(self._sample(moment, target, counts[target], kept[target], rng))
        self.boosters_ = [None] * panel.categories
        for step, target in enumerate(targets):
            low, share = 0.3 + 0.7 * step / len(targets), 0.7 / len(targets)
            part = _part(progress, low, share)
            self.boosters_[target] = self._train(rows.pop(target), target, seed, progress=part)
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        # All crimes together are the sum of the types: measured as good as a model of their own, and the map adds up.
        moment = self.maker.moment(panel, origin_day)
        return with_all(np.stack([np.exp(self.log_rate(moment, target)[0]) for target in range(panel.categories)]))

    def log_rate(self, moment: Moment, target: int) -> tuple[Float64, float]:
        """Log of the expected incidents of the coming week Float64[cells], and the part of it that mends the city's total."""
        offset = np.log(moment.expected[target])
        booster = self.boosters_[target]
        if booster is None:
            return offset, 0.0
        raw = booster.predict(self.maker.table(moment, target), raw_score=True, num_threads=self.settings.num_threads)
        total = float(np.exp(offset + np.asarray(raw)).sum())
        # Two forecasts of the city's total, the trees' and the level's, err in different weeks: their geometric mean is used.
        mend = 0.5 * float(np.log(moment.level[target] / total))
        return np.asarray(offset + np.asarray(raw) + mend, dtype=np.float64), mend

    def reasons(self, moment: Moment, target: int) -> Float64:
        """Float64[cells, groups]: contributions to the log of the week's rate, adding up to it, in the order of GROUPS."""
        out = np.zeros((len(self.maker.grid), len(GROUPS)))
        here, around = moment.expected_here[target], moment.expected_around[target]
        others = moment.expected_others[target]
        base = np.log(moment.expected[target]) - here - around - others
        out[:, GROUPS.index("here_long")] = here
        out[:, GROUPS.index("around_long")] = around
        out[:, GROUPS.index("other_types")] = others
        booster = self.boosters_[target]
        if booster is not None:
            groups = [GROUPS.index(group) for group, _ in self.maker.names(target)]
            parts = path_contributions(booster, self.maker.table(moment, target), groups, num_threads=self.settings.num_threads)
            out += parts
            base = base + self.log_rate(moment, target)[1]
        out[:, 0] += base
        return out

    def _origins(self, panel: Panel, cutoff_day: int) -> list[int]:
        """Weekly origins whose week lies wholly before the cut-off, with a burn-in of history before the first."""
        history = history_days(panel.before(cutoff_day), cutoff_day)
        burn_in = min(self.settings.burn_in_days, history // 2)
        weeks = max(0, (history - burn_in) // WEEK_DAYS)
        return [cutoff_day - WEEK_DAYS * back for back in range(min(weeks, self.settings.origins_at_most), 0, -1)]

    def _targets_worth_a_model(self, known: Panel, origins: list[int]) -> list[int]:
        if not origins:
            return []
        totals = known.counts(origins[0], origins[-1] + WEEK_DAYS).sum(axis=1)
        return [target for target, total in enumerate(totals) if total >= self.settings.least_incidents]

    def _zero_share(self, known: Panel, target: int, origins: int) -> float:
        room = self.settings.row_limit / max(1, origins * known.cells)
        return float(min(self.settings.zero_share, room))

    def _sample(self, moment: Moment, target: int, counts: Float64, zero_share: float, rng: np.random.Generator) -> _Rows:
        """Every cell with incidents, and some of the empty ones, that weigh for all of them."""
        chance = self._chances(moment.expected[target], zero_share)
        kept = np.flatnonzero((counts > 0) | (rng.random(len(counts)) < chance))
        return _Rows(
            table=self.maker.table(moment, target, kept),
            counts=counts[kept],
            offset=np.log(moment.expected[target][kept]),
            weight=np.where(counts[kept] > 0, 1.0, 1.0 / chance[kept]),
        )

    def _chances(self, expected: Float64, zero_share: float) -> Float64:
        """Float64[cells]: the chance with which an empty cell is drawn; even unless `row_limit` presses.

        Then by the square root of what is expected there. An empty cell moves the trees by its expectation (the gradient of
        the Poisson loss), so most of a city's empty cells tell next to nothing; drawing by that size, with weights that
        undo it, keeps the loss unbiased at less variance (importance sampling; Katharopoulos and Fleuret 2018).
        """
        if zero_share >= self.settings.zero_share:
            return np.full(len(expected), zero_share)
        size = np.sqrt(expected)
        chance = zero_share * (self.settings.evenness + (1 - self.settings.evenness) * size / size.mean())
        for _ in range(ROUNDS_OF_FILLING):  # what is cut off at one goes to the others
            open_ = chance < 1
            missing = zero_share * len(chance) - np.minimum(chance, 1).sum()
            if missing < 1 or not open_.any():
                break
            chance = np.where(open_, chance * (1 + missing / chance[open_].sum()), 1.0)
        return np.asarray(np.minimum(chance, 1.0), dtype=np.float64)

    def _train(self, rows: list[_Rows], target: int, seed: int, *, progress: Progress) -> lgb.Booster:
        settings = self.settings
        progress(0.0, "fit")
        names = [name for _, name in self.maker.names(target)]
        data = lgb.Dataset(
            np.concatenate([part.table for part in rows]),
            label=np.concatenate([part.counts for part in rows]),
            weight=np.concatenate([part.weight for part in rows]),
            init_score=np.concatenate([part.offset for part in rows]),
            feature_name=names,
            free_raw_data=True,
            params={"max_bin": 255, "verbosity": -1, "num_threads": settings.num_threads, "force_col_wise": True},
        )
        rows.clear()
        parameters = {
            "objective": "poisson",
            "learning_rate": settings.learning_rate,
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.least_in_leaf,
            "min_sum_hessian_in_leaf": settings.least_expected_in_leaf,
            "lambda_l2": settings.l2,
            "feature_fraction": settings.feature_share,
            "bagging_fraction": settings.row_share,
            "bagging_freq": 1,
            "max_bin": 255,
            "num_threads": settings.num_threads,
            "deterministic": True,
            "force_col_wise": True,
            "seed": seed % (2**31),
            "verbosity": -1,
        }

        def heard(state: lgb.callback.CallbackEnv) -> None:
            # What it raises (a cancelled job) leaves LightGBM's loop as it is.
            if (state.iteration + 1) % TREES_A_REPORT == 0:
                progress((state.iteration + 1) / settings.trees, "fit")

        return lgb.train(parameters, data, num_boost_round=settings.trees, callbacks=[heard])


def _part(progress: Progress, low: float, share: float) -> Progress:
    return lambda fraction, step: progress(low + share * fraction, step)
