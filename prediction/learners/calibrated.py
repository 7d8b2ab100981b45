"""Any learner with its rates calibrated: what it says of weeks it has not seen decides how its rates are mended.

`calibrated` and `calibrated_stack` make such learners from the catalogue's codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.calibration import Calibration, CalibrationSettings, fit_calibration
from prediction.errors import PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker
from prediction.learners import catalogue
from prediction.learners.base import LEAST_RATE, Learner, NotFittedError, Progress, no_progress, pack, part, unpack, with_all
from prediction.learners.stack import BASE, Stack, StackSettings, as_array, floored, together
from prediction.out_of_fold import FoldSettings, play_fold
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]

FOLD_SHARE = 0.4  # of the progress; a guess, the fold learner being cheaper
# Of a tree learner's row limit and trees, which then learn twice as fast: the fold only tells how far to trust the learner,
# and these forecast as well (docs/methods/stack.md).
ROWS_IN_FOLD, TREES_IN_FOLD, ORIGINS_IN_FOLD = 0.2, 0.5, 39
MEMBERS = ("lightgbm", "eb", "seasonal", "count")  # docs/methods/stack.md has what each is worth

Settings = Mapping[str, Any]


class Calibrated:
    """`inner` with a `calibration_`. `fold`: a cheaper version of it that plays the fold; itself where not given.

    A stack has played a fold already, so its own is taken.
    """

    def __init__(
        self,
        inner: Learner,
        settings: CalibrationSettings | None = None,
        *,
        fold: Learner | None = None,
        folds: FoldSettings | None = None,
    ) -> None:
        self.inner = inner
        self.fold = fold or inner
        self.settings = settings or CalibrationSettings()
        self.folds = folds or FoldSettings()
        self.name = inner.name
        self.horizon_days = inner.horizon_days
        self.calibration_: Calibration | None = None

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        if isinstance(self.inner, Stack):
            self.inner.fit(panel, cutoff_day, seed=seed, progress=part(progress, 0.0, 0.97))
            played = self.inner.out_of_fold_
            assert played is not None  # noqa: S101  # a fitted stack has one
        else:
            heard = part(progress, 0.0, FOLD_SHARE)
            played = play_fold([self.fold], panel, cutoff_day, settings=self.folds, seed=seed, progress=heard)
            self.inner.fit(panel, cutoff_day, seed=seed, progress=part(progress, FOLD_SHARE, 0.97 - FOLD_SHARE))
        self.calibration_ = fit_calibration(played.rates[0], played.counts, self.settings)
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        return with_all(self._fitted().apply(self.inner.rate(panel, origin_day)[:-1]))

    @property
    def dispersion_(self) -> list[float]:
        """α of a cell's count over the horizon, a target each (all crimes last); what back-tests read."""
        return [dispersion.cell for dispersion in self._fitted().dispersions]

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        """The inner learner's contributions; what calibration changes goes to "base"."""
        if target == panel.categories:
            return together([self.explain(panel, origin_day, category) for category in range(target)])
        out = floored(self.inner.explain(panel, origin_day, target)).copy()
        logs = np.maximum(out.sum(axis=1), np.log(LEAST_RATE))
        out[:, BASE] += self._fitted().curves[target].log_rates(logs) - out.sum(axis=1)
        return out

    def save(self) -> bytes:
        return pack(self.name, self._fitted().to_plain(), {"inner": as_array(self.inner.save())})

    def load(self, content: bytes) -> None:
        plain, states = unpack(self.name, content)
        self.inner.load(states["inner"].tobytes())
        self.calibration_ = Calibration.from_plain(plain)

    def _fitted(self) -> Calibration:
        if self.calibration_ is None:
            raise NotFittedError(self.name)
        return self.calibration_


def calibrated(
    code: str,
    maker: FeatureMaker,
    *,
    horizon_days: int = WEEK_DAYS,
    settings: Settings | None = None,
    folds: FoldSettings | None = None,
) -> Calibrated:
    """The catalogue's learner of this code, calibrated. Raises what `catalogue.make` does."""
    made = catalogue.make(code, maker, horizon_days=horizon_days, settings=settings)
    if isinstance(made, Calibrated):
        return made
    return Calibrated(made, fold=_cheaper(made, code, maker, settings or {}), folds=folds)


def calibrated_stack(
    maker: FeatureMaker,
    *,
    horizon_days: int = WEEK_DAYS,
    members: Sequence[str] = MEMBERS,
    settings: Mapping[str, Settings] | None = None,
    folds: FoldSettings | None = None,
    calibrate: bool = True,
) -> Learner:
    """The stack of the learners with these codes, calibrated unless told not to be; `settings` by code."""
    if "stack" in members:
        raise PredictionError("A stack cannot be a member of itself; name other learners.")
    given = settings or {}
    made = [catalogue.make(code, maker, horizon_days=horizon_days, settings=given.get(code)) for code in members]
    fold = [_cheaper(member, code, maker, given.get(code, {})) for code, member in zip(members, made, strict=True)]
    stack = Stack(made, StackSettings(folds=folds or FoldSettings()), fold_members=fold)
    return Calibrated(stack) if calibrate else stack


def _cheaper(made: Learner, code: str, maker: FeatureMaker, settings: Settings) -> Learner:
    """The same learner with fewer training rows, origins and trees, where it has them to choose; itself where it has not."""
    own: Any = getattr(made, "settings", None)
    if not is_dataclass(own) or not hasattr(own, "row_limit"):
        return made
    fewer: dict[str, Any] = {"row_limit": int(own.row_limit * ROWS_IN_FOLD)}
    if hasattr(own, "origins_at_most"):
        fewer["origins_at_most"] = min(own.origins_at_most, ORIGINS_IN_FOLD)
    if hasattr(own, "trees") and hasattr(own, "learning_rate"):
        fewer["trees"] = max(1, int(own.trees * TREES_IN_FOLD))
        fewer["learning_rate"] = own.learning_rate / TREES_IN_FOLD
    return catalogue.make(code, maker, horizon_days=made.horizon_days, settings={**settings, **fewer})
