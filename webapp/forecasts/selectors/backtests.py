"""Reads of back-tests, and the table a person sees of one: learners down, measures across, the best of each marked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.template.defaultfilters import floatformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.common.errors import NotFound
from webapp.forecasts.models import Backtest, BacktestScore
from webapp.forecasts.wording import CEILINGS, LEARNERS, learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

AREAS = ("1", "2", "5", "10", "20")  # percent of the area
QUOTED_AREA = "5"
WEEK = "week"  # the horizon that is shown where none is asked for


@dataclass(frozen=True)
class Measure:
    """A column: how its values are ordered (the best has the greatest key) and written. `by_area`: one value an area share."""

    code: str
    label: Promise | str
    note: Promise | str
    digits: int
    better: Callable[[float], float]
    by_area: bool = False
    scale: float = 1.0


# docs/methods/backtest.md has the formulas.
MEASURES = (
    Measure("capture_rate", gettext_lazy("Capture rate"), "%", 1, float, by_area=True, scale=100),
    Measure("capture_rate_active", gettext_lazy("Of active cells"), "%", 1, float, by_area=True, scale=100),
    Measure("pai", "PAI", "", 1, float, by_area=True),
    Measure("pei", "PEI", "", 2, float, by_area=True),
    Measure("pai_best", "PAI*", gettext_lazy("reachable"), 1, lambda value: 0.0, by_area=True),
    Measure("auc", "AUC", "", 3, float),
    Measure("brier", "Brier", "×1,000", 3, lambda value: -value, scale=1000),
    Measure("crps", "CRPS", "×1,000", 3, lambda value: -value, scale=1000),
    Measure("deviance", gettext_lazy("Deviance"), "×1,000", 1, lambda value: -value, scale=1000),
    Measure("calibration_ratio", gettext_lazy("Predicted ÷ real"), "", 2, lambda ratio: -abs(ratio - 1)),
    Measure("area_80_9", "A80.9", "%", 1, lambda area: -area),
    Measure("area_82_8", "A82.8", "%", 1, lambda area: -area),
)


@dataclass(frozen=True)
class Figure:
    """One figure of the table, with its 95 % interval where there is one. `value` is None where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    is_best: bool = False
    text: str = "–"
    interval_text: str = ""

    @property
    def percent(self) -> float | None:
        return None if self.value is None else self.value * 100

    @property
    def interval_percent(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low * 100, self.high * 100)


@dataclass(frozen=True)
class ScoreRow:
    """One learner's row. `capture`: shares 0–1 in the order of `AREAS`; `figures`: in the order of `MEASURES`, at the table's
    area share; `leads` and `reliability` as the back-test stored them."""

    learner: str
    label: str
    capture: list[Figure]
    figures: list[Figure]
    leads: list[dict[str, Any]]
    reliability: list[dict[str, Any]]

    @property
    def captured(self) -> Figure:
        """The capture rate at the table's area share."""
        return self.figures[0]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one category (blank = all together) and horizon on the same windows, at one area share.

    `incidents`: the denominator of every share. `ceilings`: pseudo-learners that know the future: what there is to gain at
    most, no method to choose.
    """

    category: str
    horizon: str
    area: str
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


def backtest_table(*, backtest: Backtest, category: str = "", horizon: str = WEEK, area: str = QUOTED_AREA) -> ScoreTable:
    """The scores of one category and horizon as a table. Raises `NotFound` where the back-test has no such scores."""
    every = [score for score in backtest.scores.all() if (score.category_code, score.horizon) == (category, horizon)]
    scores = [score for score in every if score.learner not in CEILINGS]
    if not scores:
        raise NotFound(_("The back-test has no such category."), fields={"category": category})
    order = list(LEARNERS)
    scores.sort(key=lambda score: order.index(score.learner) if score.learner in order else len(order))
    best_capture = {known: _best([_of_area(score, "capture_rate", known) for score in scores], float) for known in AREAS}
    best = {measure.code: _best([_value(score, measure, area) for score in scores], measure.better) for measure in MEASURES}
    return ScoreTable(
        category=category,
        horizon=horizon,
        area=area,
        incidents=max(score.incidents for score in scores),
        rows=[_row(score, area, best_capture, best) for score in scores],
        ceilings=[_row(score, area, {}, {}) for score in every if score.learner in CEILINGS],
    )


def _row(score: BacktestScore, area: str, best_capture: dict[str, float | None], best: dict[str, float | None]) -> ScoreRow:
    return ScoreRow(
        learner=score.learner,
        label=learner_label(score.learner),
        capture=[_figure(score, MEASURES[0], known, best_capture.get(known)) for known in AREAS],
        figures=[_figure(score, measure, area, best.get(measure.code)) for measure in MEASURES],
        leads=score.metrics.get("leads") or [],
        reliability=score.metrics.get("reliability") or [],
    )


def _figure(score: BacktestScore, measure: Measure, area: str, best: float | None) -> Figure:
    value = _value(score, measure, area)
    if value is None:
        return Figure(None)
    low, high = (score.metrics.get(f"{measure.code}_interval") or {}).get(area) or (None, None)
    between = "" if low is None or high is None else f"{_written(low, measure)}–{_written(high, measure)}"
    # What could be reached is the same for all: nobody is best at it.
    is_best = value == best and measure.code != "pai_best"
    return Figure(value, low, high, is_best, _written(value, measure), between)


def _written(value: float, measure: Measure) -> str:
    return str(floatformat(value * measure.scale, f"{measure.digits}g"))


def _value(score: BacktestScore, measure: Measure, area: str) -> float | None:
    if measure.by_area:
        return _of_area(score, measure.code, area)
    value = score.metrics.get(measure.code)
    return None if value is None else float(value)


def _of_area(score: BacktestScore, code: str, area: str) -> float | None:
    value = (score.metrics.get(code) or {}).get(area)
    return None if value is None else float(value)


def _best(values: list[float | None], key: Callable[[float], float]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known, key=key) if known else None
