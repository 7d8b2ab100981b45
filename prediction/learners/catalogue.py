"""All learners by their code: how each is made, what it is called in English, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from prediction.errors import PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker
from prediction.learners.base import Learner
from prediction.learners.boosting import Boosting, Tweedie, TweedieSettings
from prediction.learners.count import HistoricCount
from prediction.learners.decay import EwCount
from prediction.learners.etas import Etas
from prediction.learners.kde import EwKde, Kde
from prediction.learners.ranking import Ranking, RankingSettings
from prediction.learners.regional import LevelAndShares
from prediction.learners.seasonal import SeasonalCount
from prediction.learners.shrunken import EmpiricalBayes
from prediction.learners.trees import BoostingSettings
from prediction.learners.xgb import XgBoost

Settings = Mapping[str, Any]
Make = Callable[[FeatureMaker, int, Settings], Learner]


class UnknownLearnerError(PredictionError):
    """A code that no learner has."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"There is no learner “{code}”. Choose one of: {', '.join(LEARNERS)}.")


class LearnerSettingsError(PredictionError):
    """A setting that the learner does not have, or of the wrong kind."""

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(f"The learner “{code}” cannot be made with these settings: {reason}.")


@dataclass(frozen=True)
class LearnerEntry:
    """One learner. `make(maker, horizon_days, settings)`; `settings` are keyword arguments or fields of its settings class."""

    code: str
    label: str
    source: str
    make: Make


def _simple(learner: Callable[..., Learner]) -> Make:
    """Learners that need no features."""
    return lambda maker, horizon_days, settings: learner(horizon_days=horizon_days, **settings)


def _spatial(learner: Callable[..., Learner]) -> Make:
    """Learners that need the grid and its surroundings."""
    return lambda maker, horizon_days, settings: learner(maker, horizon_days=horizon_days, **settings)


def _trees(learner: Callable[..., Learner], default: BoostingSettings) -> Make:
    return lambda maker, horizon_days, settings: learner(maker, replace(default, **settings), horizon_days=horizon_days)


def _elsewhere(module: str, name: str) -> Make:
    """Learners whose module is loaded only when asked for: it is heavy, or asks this catalogue itself."""

    def make(maker: FeatureMaker, horizon_days: int, settings: Settings) -> Learner:
        learner: Learner = getattr(import_module(module), name)(maker, horizon_days=horizon_days, **settings)
        return learner

    return make


_ENTRIES = (
    LearnerEntry("count", "historic count", "count map", _simple(HistoricCount)),
    LearnerEntry("seasonal", "seasonal count", "count map with the same weeks of the years before", _simple(SeasonalCount)),
    LearnerEntry("regional", "level and shares (large areas)", "docs/methods/learners.md", _simple(LevelAndShares)),
    LearnerEntry("kde", "density (KDE)", "Chainey, Tompson, Uhlig 2008", _spatial(Kde)),
    LearnerEntry("ewkde", "time-weighted density (KDE)", "Bowers, Johnson, Pease 2004", _spatial(EwKde)),
    LearnerEntry("ewcount", "time-weighted count", "count map that forgets", _simple(EwCount)),
    LearnerEntry("eb", "shrunken count (empirical Bayes)", "Robbins 1956; Clayton, Kaldor 1987", _spatial(EmpiricalBayes)),
    LearnerEntry("etas", "near-repeat process (ETAS)", "Mohler 2015", _simple(Etas)),
    LearnerEntry("lightgbm", "LightGBM (learning model)", "Ke et al. 2017", _trees(Boosting, BoostingSettings())),
    LearnerEntry("tweedie", "LightGBM, Tweedie counts", "Jørgensen 1987; Ke et al. 2017", _trees(Tweedie, TweedieSettings())),
    LearnerEntry("xgboost", "XGBoost", "Chen, Guestrin 2016", _trees(XgBoost, BoostingSettings())),
    LearnerEntry("ranking", "LightGBM aimed at the top 5 %", "Burges 2010; Ke et al. 2017", _trees(Ranking, RankingSettings())),
    LearnerEntry(
        "network",
        "neural network",
        "graph over cells, temporal convolution",
        _elsewhere("prediction.learners.network", "Network"),
    ),
    LearnerEntry(
        "stack",
        "stack of models",
        "Wolpert 1992; van der Laan et al. 2007",
        _elsewhere("prediction.learners.calibrated", "calibrated_stack"),
    ),
)
LEARNERS: dict[str, LearnerEntry] = {entry.code: entry for entry in _ENTRIES}


def make(code: str, maker: FeatureMaker, *, horizon_days: int = WEEK_DAYS, settings: Settings | None = None) -> Learner:
    """The learner of a code, not fitted yet. Raises `UnknownLearnerError`, `LearnerSettingsError`."""
    if code not in LEARNERS:
        raise UnknownLearnerError(code)
    try:
        return LEARNERS[code].make(maker, horizon_days, settings or {})
    except TypeError as error:
        raise LearnerSettingsError(code, str(error)) from error
