"""What all tree learners share: start from the shrunken rate, learn what multiplies it, mend the city's total, say why.

Each category has a model of its own; one with too few incidents has none: its rate is the offset itself, that is all crime's
surface scaled to the category.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.features import GROUPS, WEEK_DAYS, FeatureMaker, Moment
from prediction.learners.base import (
    DamagedStateError,
    Learner,
    NotFittedError,
    Progress,
    contributions,
    explain_all,
    no_progress,
    pack,
    unpack,
    with_all,
)
from prediction.learners.rows import RowSettings, TrainingRows, expected, level, training_rows
from prediction.learners.shrunken import EmpiricalBayes
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

TREES_A_REPORT = 10
# A cell's own counts and its neighbours' can only raise the rate: the columns whose sign is known.
RISING = ("decayed_", "sum_", "ring1_recent", "ring1_long", "ring2_recent", "ring2_long")


@dataclass(frozen=True)
class BoostingSettings(RowSettings):
    """How to grow the trees. `monotone`: the columns of RISING may only raise the rate; off, because the offset they multiply
    already holds those counts, and the trees must be free to take some of it back (docs/methods/learners.md has figures)."""

    trees: int = 450
    leaves: int = 24
    learning_rate: float = 0.03
    least_in_leaf: int = 200
    least_expected_in_leaf: float = 30.0
    l2: float = 5.0
    feature_share: float = 0.15
    row_share: float = 0.7
    max_bin: int = 255
    monotone: bool = False
    num_threads: int = 1


class TreeLearner(Learner):
    """`boosters_[category]` is None where the offset stands alone; the list is empty before a fit."""

    def __init__(self, maker: FeatureMaker, settings: BoostingSettings, *, horizon_days: int = WEEK_DAYS) -> None:
        self.maker = maker
        self.settings = settings
        self.horizon_days = horizon_days
        self.boosters_: list[Any] = []
        self.start_ = EmpiricalBayes(maker) if settings.offset == "eb" else None

    @abstractmethod
    def _train(self, rows: TrainingRows, target: int, seed: int, *, progress: Progress) -> Any:
        """A model of the rows."""

    @abstractmethod
    def _raw(self, booster: Any, table: Float32) -> Float64:
        """Float64[rows]: what the trees add to the log of the offset."""

    @abstractmethod
    def _paths(self, booster: Any, table: Float32, groups: list[int]) -> Float64:
        """Float64[rows, groups]: what each group adds, together `_raw`."""

    @abstractmethod
    def _bytes(self, booster: Any) -> bytes:
        """A model in its library's own form."""

    @abstractmethod
    def _restored(self, content: bytes) -> Any:
        """The model of such bytes."""

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        if self.start_ is not None:
            self.start_ = EmpiricalBayes(self.maker)
            self.start_.fit(panel, cutoff_day, seed=seed)
        rows = training_rows(
            self.maker,
            panel,
            cutoff_day,
            horizon_days=self.horizon_days,
            seed=seed,
            settings=self.settings,
            offset_of=self.offset,
            progress=part_of(progress, 0.0, 0.3),
        )
        targets = sorted(rows)
        boosters: list[Any] = [None] * panel.categories
        for step, target in enumerate(targets):
            part = part_of(progress, 0.3 + 0.7 * step / len(targets), 0.7 / len(targets))
            part(0.0, "fit")
            boosters[target] = self._train(rows.pop(target), target, seed, progress=part)
        self.boosters_ = boosters
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        # All crimes together are the sum of the types: measured as good as a model of their own, and the map adds up.
        moment = self.maker.moment(panel, origin_day)
        return with_all(np.stack([np.exp(self.log_rate(moment, target)[0]) for target in range(panel.categories)]))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        return self.reasons(self.maker.moment(panel, origin_day), target)

    def save(self) -> bytes:
        if not self.boosters_:
            raise NotFittedError(self.name)
        return pack(self.name, {"categories": len(self.boosters_)}, self._state())

    def load(self, content: bytes) -> None:
        plain, arrays = unpack(self.name, content)
        by_kind: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            kind, _, rest = name.partition(":")
            by_kind.setdefault(kind, {})[rest] = array
        self._restore(int(plain["categories"]), by_kind)

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        """What was fitted: arrays by "kind:name"."""
        state: dict[str, npt.NDArray[Any]] = {
            f"trees:{target:04d}": np.frombuffer(self._bytes(booster), dtype=np.uint8)
            for target, booster in enumerate(self.boosters_)
            if booster is not None
        }
        if self.start_ is not None:
            state |= {f"start:{name}": array for name, array in self.start_.state().items()}
        return state

    def _restore(self, categories: int, by_kind: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> None:
        boosters: list[Any] = [None] * categories
        for name, text in by_kind.get("trees", {}).items():
            boosters[int(name)] = self._restored(text.tobytes())
        if (self.start_ is None) != ("start" not in by_kind):
            raise DamagedStateError(self.name)
        if self.start_ is not None:
            self.start_.restore(by_kind["start"])
        self.boosters_ = boosters

    def offset(self, moment: Moment, target: int) -> Float64:
        """Float64[cells]: expected incidents of the horizon, what the trees start from."""
        if self.start_ is None:
            return expected(moment, target, self.horizon_days)
        return self.start_.at(moment, target)[0] * (self.horizon_days / moment.horizon_days)

    def log_rate(self, moment: Moment, target: int) -> tuple[Float64, float]:
        """Log of the expected incidents of the horizon Float64[cells], and the part of it that mends the city's total."""
        if not self.boosters_:
            raise NotFittedError(self.name)
        offset = np.log(self.offset(moment, target))
        booster = self.boosters_[target]
        if booster is None:
            return offset, 0.0
        score = offset + self._raw(booster, self.maker.table(moment, target))
        # Two forecasts of the city's total, the trees' and the level's, err in different weeks: their geometric mean is used.
        mend = 0.5 * float(np.log(level(moment, target, self.horizon_days) / float(np.exp(score).sum())))
        return np.asarray(score + mend, dtype=np.float64), mend

    def reasons(self, moment: Moment, target: int) -> Float64:
        """Float64[cells, groups]: contributions to the log of the horizon's rate, adding up to it, in the order of GROUPS."""
        log_rate = self.log_rate(moment, target)[0]
        out = self._offset_reasons(moment, target)
        booster = self.boosters_[target]
        if booster is not None:
            groups = [GROUPS.index(group) for group, _ in self.maker.names(target)]
            out += self._paths(booster, self.maker.table(moment, target), groups)
            out[:, 0] += log_rate - out.sum(axis=1)  # the mend of the total
        return out

    def _offset_reasons(self, moment: Moment, target: int) -> Float64:
        """Float64[cells, groups] adding up to the log of the offset."""
        if self.start_ is not None:
            parts = self.start_.at(moment, target)[1]
        else:
            parts = {
                "here_long": moment.expected_here[target],
                "around_long": moment.expected_around[target],
                "other_types": moment.expected_others[target],
            }
        return contributions(np.log(self.offset(moment, target)), parts)

    def signs(self, target: int) -> list[int]:
        """1 for each column that may only raise the rate, 0 for every other."""
        return [int(name.startswith(RISING) and group.startswith(("here", "around"))) for group, name in self.maker.names(target)]


def part_of(progress: Progress, low: float, share: float) -> Progress:
    """Progress of one part of a longer work."""
    return lambda fraction, step: progress(low + share * fraction, step)
