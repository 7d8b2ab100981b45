"""Totals that a table gives itself, held against the sum of their parts. A mismatch is shown with both figures, never mended."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingestion.records import Batch
from ingestion.statistics_words import is_total

if TYPE_CHECKING:
    from ingestion.statistics import Figure

MAX_FIGURES = 300_000  # beyond that the table is a series of measurements, not a table with totals
_ROUNDING = 0.5
_SHARES = ("당", "율", "비중", "평균", "%")  # what is no number of things does not add up
_PARTITION_SHARE = 0.5  # where more totals than this differ, the parts were never meant to add up


@dataclass(eq=False)
class _Parts:
    """The parts of one total: how many, their sum, and whether any of them is unknown."""

    count: int = 0
    total: float = 0.0
    is_open: bool = False


@dataclass(eq=False)
class SumCheck:
    """Gathers a table's figures; `batch` compares. Keys are whatever dimensions a total has in common with its parts."""

    totals: dict[tuple[Any, ...], tuple["Figure", str]] = field(default_factory=dict)
    parts: dict[tuple[Any, ...], _Parts] = field(default_factory=lambda: defaultdict(_Parts))
    dimensions: set[str] = field(default_factory=set)
    waiting: list["Figure"] = field(default_factory=list)
    seen: int = 0

    def add(self, figure: "Figure") -> None:
        """Remember a figure."""
        self.seen += 1
        if self.seen <= MAX_FIGURES and not any(word in figure.measure for word in _SHARES):
            self.waiting.append(figure)
            self.dimensions.update(figure.total_of)

    def batch(self) -> Batch["Figure"]:
        """A batch without records that warns of totals which are not the sum of their parts."""
        made: Batch[Figure] = Batch([], [], 0, fraction=1.0)
        if self.seen > MAX_FIGURES or not self.dimensions:
            return made
        for figure in self.waiting:
            for dimension in self.dimensions:
                self._sort_in(figure, dimension)
        for dimension in sorted(self.dimensions):
            self._compare(dimension, made)
        return made

    def _sort_in(self, figure: "Figure", dimension: str) -> None:
        own = {
            "area": figure.area,
            "category": figure.category,
            "hour": (figure.hour_from, figure.hour_to),
            "weekday": figure.weekday,
            "place_kind": figure.place_kind,
            "period": (figure.period_from, figure.period_to),
            "measure": figure.measure,
        }
        if dimension == "hour":
            own["measure"] = figure.measure.removesuffix(" (시간 미상)")
        others = tuple(value for name, value in sorted(own.items()) if name != dimension)
        sums = tuple(name for name in figure.total_of if name != dimension)
        group = _group(figure, dimension)
        key = (dimension, group, sums, *others)
        if dimension in figure.total_of:
            self.totals[key] = (figure, str(own[dimension]))
        else:
            parts = self.parts[key]
            parts.count += 1
            parts.is_open = parts.is_open or figure.value is None
            parts.total += figure.value or 0.0

    def _compare(self, dimension: str, made: Batch["Figure"]) -> None:
        wrong: list[tuple[int, str]] = []
        checked = 0
        for key, (figure, _name) in self.totals.items():
            parts = self.parts.get(key)
            if key[0] != dimension or parts is None or parts.count < 2 or parts.is_open or figure.value is None:
                continue
            checked += 1
            if abs(figure.value - parts.total) > _ROUNDING:
                label = " ".join(text for text in (figure.area, figure.category, figure.measure) if text)
                wrong.append((figure.line, f"{label}: {figure.value:,.10g} ≠ {parts.total:,.10g}"))
        is_partition = len(wrong) <= _PARTITION_SHARE * checked
        for line, value in wrong:
            made.warn("sum_differs" if is_partition else "parts_overlap", line, value)


def _group(figure: "Figure", dimension: str) -> str:
    """What a total has in common with its parts within one dimension: 강력범죄 of "강력범죄 / 강도", 한국인 of "한국인 남자"."""
    text = {"category": figure.category, "measure": figure.measure}.get(dimension, "")
    if dimension in figure.total_of:
        return "" if not text or is_total(text) else text
    separator = " / " if dimension == "category" else " "
    return text.rsplit(separator, 1)[0] if separator in text else ""
