"""Gradient-boosted trees of XGBoost (Chen and Guestrin 2016): Poisson counts, histograms, the offset as base margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from prediction.features import GROUPS
from prediction.learners.base import Progress, no_progress
from prediction.learners.rows import TrainingRows
from prediction.learners.trees import TREES_A_REPORT, TreeLearner

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
# LightGBM's Poisson Hessian is e^0.7 times the expected incidents; XGBoost's the same by its own default step.
POISSON_STEP = 0.7


class _Heard(xgboost.callback.TrainingCallback):
    """Tells how far the fit is; what it raises (a cancelled job) ends the fit."""

    def __init__(self, progress: Progress, trees: int) -> None:
        super().__init__()
        self.progress = progress
        self.trees = trees

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if (epoch + 1) % TREES_A_REPORT == 0:
            self.progress((epoch + 1) / self.trees, "fit")
        return False


class XgBoost(TreeLearner):
    """The same rows, offset and size of trees as the LightGBM learner, grown by XGBoost."""

    name = "xgboost"

    def _train(self, rows: TrainingRows, target: int, seed: int, *, progress: Progress = no_progress) -> xgboost.Booster:
        settings = self.settings
        data = xgboost.QuantileDMatrix(
            rows.table,
            label=rows.counts,
            weight=rows.weight,
            base_margin=rows.offset,
            max_bin=settings.max_bin,
            nthread=settings.num_threads,
        )
        parameters = {
            "objective": "count:poisson",
            "base_score": 1.0,  # its log is the zero that the base margin starts from
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_depth": 0,
            "max_leaves": settings.leaves,
            "max_bin": settings.max_bin,
            "eta": settings.learning_rate,
            "max_delta_step": POISSON_STEP,
            "min_child_weight": settings.least_expected_in_leaf,
            "lambda": settings.l2,
            "colsample_bytree": settings.feature_share,
            "subsample": settings.row_share,
            "nthread": settings.num_threads,
            "seed": seed % (2**31),
            "verbosity": 0,
        }
        if settings.monotone:
            parameters["monotone_constraints"] = tuple(self.signs(target))
        heard = _Heard(progress, settings.trees)
        return xgboost.train(parameters, data, num_boost_round=settings.trees, callbacks=[heard])

    def _raw(self, booster: xgboost.Booster, table: Float32) -> Float64:
        booster.set_param({"nthread": self.settings.num_threads})
        raw = booster.inplace_predict(table, predict_type="margin")
        return np.asarray(raw, dtype=np.float64)

    def _paths(self, booster: xgboost.Booster, table: Float32, groups: list[int]) -> Float64:
        # "approximate" contributions are those along the paths (Saabas 2014), as for LightGBM.
        parts = booster.predict(xgboost.DMatrix(table, nthread=1), pred_contribs=True, approx_contribs=True)
        out = np.zeros((len(table), len(GROUPS)))
        for column, group in enumerate([*groups, GROUPS.index("base")]):
            out[:, group] += parts[:, column]
        return out

    def _bytes(self, booster: xgboost.Booster) -> bytes:
        return bytes(booster.save_raw("ubj"))

    def _restored(self, content: bytes) -> xgboost.Booster:
        return xgboost.Booster({"nthread": self.settings.num_threads}, model_file=bytearray(content))
