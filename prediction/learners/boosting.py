"""Gradient-boosted trees of LightGBM (Ke et al. 2017), one model a category: the Poisson learner of the product, and Tweedie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from prediction.features import GROUPS, WEEK_DAYS, FeatureMaker
from prediction.learners.base import Progress, no_progress
from prediction.learners.paths import path_contributions
from prediction.learners.rows import TrainingRows
from prediction.learners.trees import TREES_A_REPORT, BoostingSettings, TreeLearner

__all__ = ["Boosting", "BoostingSettings", "LightGbmTrees", "Tweedie", "TweedieSettings", "lgbm_parameters"]

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def lgbm_parameters(settings: BoostingSettings | None = None, *, seed: int = 0) -> dict[str, Any]:
    """LightGBM's parameters of the product's Poisson trees; one thread and a fixed order, so the same rows give the same bytes.

    The same dictionary goes to `lgb.Dataset` and to `lgb.train`.
    """
    settings = settings or BoostingSettings()
    return {
        "objective": "poisson",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least_in_leaf,
        "min_sum_hessian_in_leaf": settings.least_expected_in_leaf,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "max_bin": settings.max_bin,
        "num_threads": settings.num_threads,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed % (2**31),
        "verbosity": -1,
    }


class LightGbmTrees(TreeLearner):
    """Trees of LightGBM, whatever they aim at."""

    def _parameters(self, target: int, seed: int) -> dict[str, Any]:
        constraints = {"monotone_constraints": self.signs(target)} if self.settings.monotone else {}
        return lgbm_parameters(self.settings, seed=seed) | constraints

    def _dataset(self, rows: TrainingRows, target: int, parameters: dict[str, Any]) -> lgb.Dataset:
        return lgb.Dataset(
            rows.table,
            label=rows.counts,
            weight=rows.weight,
            init_score=rows.offset,
            feature_name=[name for _, name in self.maker.names(target)],
            free_raw_data=True,
            params={key: value for key, value in parameters.items() if key != "objective"},
        )

    def _train(self, rows: TrainingRows, target: int, seed: int, *, progress: Progress = no_progress) -> lgb.Booster:
        parameters = self._parameters(target, seed)
        trees = self.settings.trees

        def heard(state: lgb.callback.CallbackEnv) -> None:
            # What it raises (a cancelled job) leaves LightGBM's loop as it is.
            if (state.iteration + 1) % TREES_A_REPORT == 0:
                progress((state.iteration + 1) / trees, "fit")

        return lgb.train(parameters, self._dataset(rows, target, parameters), num_boost_round=trees, callbacks=[heard])

    def _raw(self, booster: lgb.Booster, table: Float32) -> Float64:
        raw = booster.predict(table, raw_score=True, num_threads=self.settings.num_threads)
        return np.asarray(raw, dtype=np.float64)

    def _paths(self, booster: lgb.Booster, table: Float32, groups: list[int]) -> Float64:
        threads = self.settings.num_threads
        return path_contributions(booster, table, groups, group_count=len(GROUPS), num_threads=threads)

    def _bytes(self, booster: lgb.Booster) -> bytes:
        return str(booster.model_to_string()).encode()

    def _restored(self, content: bytes) -> lgb.Booster:
        return lgb.Booster(model_str=content.decode())


class Boosting(LightGbmTrees):
    """LightGBM with a Poisson objective."""

    name = "lightgbm"


@dataclass(frozen=True)
class TweedieSettings(BoostingSettings):
    """`power`: the variance grows with the mean to this power; 1 is Poisson, 2 gamma, between them counts in clusters."""

    power: float = 1.2


class Tweedie(LightGbmTrees):
    """LightGBM with a Tweedie objective (Jørgensen 1987): bursts in few cells pull at the trees less than under Poisson."""

    name = "tweedie"

    def __init__(self, maker: FeatureMaker, settings: TweedieSettings, *, horizon_days: int = WEEK_DAYS) -> None:
        super().__init__(maker, settings, horizon_days=horizon_days)
        self.power = settings.power

    def _parameters(self, target: int, seed: int) -> dict[str, Any]:
        return super()._parameters(target, seed) | {"objective": "tweedie", "tweedie_variance_power": self.power}
