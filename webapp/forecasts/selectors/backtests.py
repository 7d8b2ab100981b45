"""Reads of back-tests, and the table a person sees of one: learners down, measures across, the best of each marked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.forecasts.models import Backtest, BacktestScore
from webapp.forecasts.wording import LEARNERS, learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

AREAS = ("1", "2", "5", "10", "20")  # percent of the area

# Pseudo-learners that know the future. Named here too: prediction.backtest would load every learner into the web.
CEILINGS = ("hindsight", "oracle")
WEEK = "week"  # the horizon that is shown where none is asked for

# Measure → how its values are ordered, the best being the greatest key.
MEASURES: dict[str, Callable[[float], float]] = {
    "pai_1": float,
    "pei_1": float,
    "pei_5": float,
    "auc": float,
    "log_likelihood": float,
    "calibration_ratio": lambda ratio: -abs(ratio - 1),
    "area_80_9": lambda area: -area,
}


@dataclass(frozen=True)
class Figure:
    """One figure of the table, with its 95 % interval where there is one. `value` is None where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    is_best: bool = False

    @property
    def percent(self) -> float | None:
        return None if self.value is None else self.value * 100

    @property
    def interval_percent(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low * 100, self.high * 100)


@dataclass(frozen=True)
class ScoreRow:
    """One learner's row. `capture`: shares 0–1 in the order of `AREAS`; `calibration_bands`: [predicted, observed] pairs."""

    learner: str
    label: str
    capture: list[Figure]
    pai_1: Figure
    pei_1: Figure
    pei_5: Figure
    auc: Figure
    log_likelihood: Figure
    calibration_ratio: Figure
    area_80_9: Figure
    calibration_bands: list[list[float]]

    @property
    def capture_5(self) -> Figure:
        """Capture rate at 5 % of the area: the figure that is quoted."""
        return self.capture[AREAS.index("5")]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one category (blank = all together) on the same windows. `incidents`: the denominator of every share.

    `ceilings`: pseudo-learners that know the future: what there is to gain at most, no method to choose.
    """

    category: str
    incidents: int
    rows: list[ScoreRow]
    ceilings: list[ScoreRow]


def newest_backtest(*, jurisdiction: "Jurisdiction") -> Backtest | None:
    """The back-test made last."""
    found = Backtest.objects.of(jurisdiction).select_related("grid").defer("grid__cells")
    return found.prefetch_related("scores").order_by("-created_at", "-pk").first()


def backtest_list(*, user: "User") -> QuerySet[Backtest]:
    """The back-tests of the person's jurisdiction, newest first, with their scores."""
    found = Backtest.objects.visible_to(user).select_related("grid").defer("grid__cells")
    return found.prefetch_related("scores").order_by("-created_at", "-pk")


def backtest_for(*, user: "User", backtest_id: int) -> Backtest:
    """A back-test of the person's jurisdiction. Raises `NotFound`."""
    backtest = backtest_list(user=user).filter(pk=backtest_id).first()
    if backtest is None:
        raise NotFound(_("There is no such back-test."))
    return backtest


def backtest_table(*, backtest: Backtest, category: str = "", horizon: str = WEEK) -> ScoreTable:
    """The scores of one category and horizon as a table. Raises `NotFound` where the back-test has no such scores."""
    every = [score for score in backtest.scores.all() if (score.category_code, score.horizon) == (category, horizon)]
    scores = [score for score in every if score.learner not in CEILINGS]
    if not scores:
        raise NotFound(_("The back-test has no such category."), fields={"category": category})
    order = list(LEARNERS)
    scores.sort(key=lambda score: order.index(score.learner) if score.learner in order else len(order))
    best_capture = {area: _best([_capture(score, area).value for score in scores], float) for area in AREAS}
    best = {name: _best([_measure(score, name) for score in scores], key) for name, key in MEASURES.items()}
    return ScoreTable(
        category=category,
        incidents=max(score.incidents for score in scores),
        rows=[_row(score, best_capture, best) for score in scores],
        ceilings=[_row(score, {}, {}) for score in every if score.learner in CEILINGS],
    )


def _row(score: BacktestScore, best_capture: dict[str, float | None], best: dict[str, float | None]) -> ScoreRow:
    captures = []
    for area in AREAS:
        figure = _capture(score, area)
        is_best = figure.value is not None and figure.value == best_capture.get(area)
        captures.append(Figure(figure.value, figure.low, figure.high, is_best))
    figures = {
        name: Figure(value, is_best=value is not None and value == best.get(name))
        for name in MEASURES
        for value in [_measure(score, name)]
    }
    bands = score.metrics.get("calibration_bands") or []
    return ScoreRow(score.learner, learner_label(score.learner), captures, calibration_bands=bands, **figures)


def _capture(score: BacktestScore, area: str) -> Figure:
    rates: dict[str, Any] = score.metrics.get("capture_rate") or {}
    low, high = (score.metrics.get("capture_rate_interval") or {}).get(area) or (None, None)
    return Figure(rates.get(area), low, high)


def _measure(score: BacktestScore, name: str) -> float | None:
    """A measure by its name, "pai_1" being PAI at 1 % of the area; back-tests of earlier versions hold it by that name."""
    measure, _, percent = name.partition("_")
    by_area: dict[str, float | None] = (score.metrics.get(measure) or {}) if percent in AREAS else {}
    return by_area.get(percent) if by_area else score.metrics.get(name)


def _best(values: list[float | None], key: Callable[[float], float]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known, key=key) if known else None
