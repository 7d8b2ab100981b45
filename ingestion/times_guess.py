"""In which order a column writes year, month and day, decided over the whole column: one value that only one order allows.

Where no value tells, nothing is guessed: the question stays open and a person chooses.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingestion.mapping import Evidence
from ingestion.times import read_times
from ingestion.times_text import NOTHING, OK

_LONG = re.compile(r"\s*(\d{1,2})\s*[-./]\s*(\d{1,2})\s*[-./]\s*\d{4}(?!\d)")
_SHORT = re.compile(r"\s*'?(\d{1,2})\s*[-./]\s*(\d{1,2})\s*[-./]\s*(\d{1,2})(?![\d:])")
_LAST_MONTH = 12
_DATE_LENGTH = 12  # characters that hold the day, whatever the form


@dataclass(frozen=True)
class TimesGuess:
    """`order`: ymd, mdy or dmy; `decided`: whether the evidence suffices; `options`: what a person may choose from."""

    order: str
    decided: bool
    evidence: tuple[Evidence, ...]
    options: tuple[tuple[str, Evidence], ...] = ()


@dataclass(eq=False)
class OrderTally:
    """Counts, chunk by chunk, what the values of a column allow. `proof`: the first value that only the order allows."""

    column: str
    proof: dict[str, str] = field(default_factory=dict)
    open_example: str = ""
    short_example: str = ""
    seen: set[str] = field(default_factory=set)

    @property
    def is_ambiguous(self) -> bool:
        """Whether there are values whose order is open and none yet that settles it."""
        return bool(self.open_example or self.short_example) and not self.proof

    def note(self, texts: Iterable[str]) -> None:
        """Look at more values of the column."""
        fresh = {text.strip()[:_DATE_LENGTH] for text in texts} - self.seen
        if len(self.seen) < 100_000:
            self.seen |= fresh
        for text in sorted(fresh):
            if found := _LONG.match(text):
                self._note_long(text, int(found[1]), int(found[2]))
            elif found := _SHORT.match(text):
                self._note_short(text, [int(found[place]) for place in (1, 2, 3)])

    def _note_long(self, text: str, first: int, second: int) -> None:
        if second > _LAST_MONTH >= first:
            self.proof.setdefault("mdy", text)
        elif first > _LAST_MONTH >= second:
            self.proof.setdefault("dmy", text)
        elif first <= _LAST_MONTH and first != second:
            self.open_example = self.open_example or text

    def _note_short(self, text: str, parts: list[int]) -> None:
        """Two digits each: a first number above 31 is a year, a last one above 31 too; then the other two decide."""
        first, second, third = parts
        if first > 31 or (second <= _LAST_MONTH < first and third > _LAST_MONTH and first > 31):
            self.proof.setdefault("ymd", text)
        elif third > 31 and second > _LAST_MONTH:
            self.proof.setdefault("mdy", text)
        elif third > 31 and first > _LAST_MONTH:
            self.proof.setdefault("dmy", text)
        elif second > _LAST_MONTH:
            self.proof.setdefault("mdy", text)
        else:
            self.short_example = self.short_example or text

    def decide(self) -> TimesGuess:
        """What the values seen so far say."""
        orders = sorted(self.proof, key=("mdy", "dmy", "ymd").index)
        if len(orders) == 1:
            given = {"column": self.column, "example": self.proof[orders[0]], "order": orders[0]}
            return TimesGuess(orders[0], True, (Evidence("time", f"time_order_{orders[0]}", given),))
        if len(orders) > 1:
            given = {"column": self.column, "example": self.proof[orders[0]], "other": self.proof[orders[1]]}
            said = Evidence("time", "time_order_mixed", given)
            return TimesGuess(orders[0], False, (said,), tuple((order, said) for order in orders))
        example = self.open_example or self.short_example
        if not example:
            return TimesGuess("ymd", True, ())
        said = Evidence("time", "time_order_open", {"column": self.column, "example": example})
        choices = ("mdy", "dmy") if self.open_example else ("ymd", "mdy", "dmy")
        options = tuple((order, Evidence("time", f"time_as_{order}", {"example": example})) for order in choices)
        return TimesGuess(choices[0], False, (said,), options)


def guess_times(values: Sequence[str], *, column: str = "") -> TimesGuess:
    """The order of a column's dates."""
    tally = OrderTally(column)
    tally.note(values)
    return tally.decide()


def readable_share(values: Sequence[str], *, order: str = "ymd") -> tuple[float, float]:
    """Of the values that say something: the share that reads as a time, and of those the share with a time of day."""
    given = [value.partition("~")[0] for value in values if value.strip() and value.strip().casefold() not in NOTHING]
    if not given:
        return 0.0, 0.0
    parsed = read_times(given, order=order)
    good = parsed.reason == OK
    return float(good.mean()), float((parsed.span_s[good] == 0).mean()) if good.any() else 0.0
