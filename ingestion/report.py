"""What became of a file, whatever its kind: counts, problems with examples, when and where its rows lie, and their quality.

A dry run and a commit give the same report, because a dry run is the commit rolled back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LINES_SHOWN = 20
VALUES_SHOWN = 5
POINTS_SHOWN = 2000
UNKNOWN_SHOWN = 200


@dataclass(frozen=True)
class Finding:
    """One row that is not taken in: its line, the column and value at fault, a code of `REASONS`, the row as it stood.

    `fields`: the row's fields as the reader gave them, so that rejected rows go out with their original columns.
    `mend`: the code of `MENDS` that would make it good, or blank.
    """

    line: int
    column: str
    reason: str
    value: str
    raw: str
    fields: tuple[str, ...] = ()
    mend: str = ""


@dataclass(eq=False)
class Problem:
    """All rows with one reason (or one warning): how many, the first lines and values, and the mend that is proposed.

    `share`: 0–1 of the rows that could have it, where that says more than the count.
    """

    code: str
    count: int = 0
    lines: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    column: str = ""
    mend: str = ""
    share: float | None = None

    def note(self, count: int, lines: list[int], values: list[str] | None = None) -> None:
        """Count rows and keep the first lines and values as examples."""
        self.count += count
        self.lines.extend(lines[: LINES_SHOWN - len(self.lines)])
        for value in values or ():
            if len(self.values) < VALUES_SHOWN and value not in self.values:
                self.values.append(value)


@dataclass(eq=False)
class Report:
    """What became of a file. `rows` = `accepted` + `rejected`, always; `mendable` of the rejected have a proposed mend.

    `months`: accepted rows by "YYYY-MM" of the jurisdiction's clock; `hours`: by hour 0–23; `points`: a sample of
    (longitude, latitude, is_accepted) in degrees WGS84; `quality`: shares 0–1 by name (located, timed, to_the_minute …);
    `unknown_categories`: rows by category value that nobody has mapped yet.
    """

    rows: int = 0
    accepted: int = 0
    columns: int = 0
    reasons: dict[str, Problem] = field(default_factory=dict)
    warnings: dict[str, Problem] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    points: list[tuple[float, float, bool]] = field(default_factory=list)
    quality: dict[str, float] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    unknown_categories: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    first_finding: Finding | None = None
    last_line: int = 1

    @property
    def rejected(self) -> int:
        return sum(problem.count for problem in self.reasons.values())

    @property
    def mendable(self) -> int:
        return sum(problem.count for problem in self.reasons.values() if problem.mend)

    def reject(self, finding: Finding) -> None:
        """Count one row that is not taken in."""
        problem = self.reasons.setdefault(finding.reason, Problem(finding.reason, column=finding.column, mend=finding.mend))
        problem.note(1, [finding.line], [finding.value])
        self.first_finding = self.first_finding or finding

    def take_back(self, findings: Sequence[Finding]) -> None:
        """Rows that were accepted at first turn out to be left out."""
        self.accepted -= len(findings)
        for finding in findings:
            self.reject(finding)

    def warn(self, code: str, count: int, lines: list[int], values: list[str] | None = None) -> Problem:
        """Count rows that are taken in but deserve a look."""
        problem = self.warnings.setdefault(code, Problem(code))
        problem.note(count, lines, values)
        return problem

    def to_json(self) -> Mapping[str, Any]:
        """Plain values that JSON can hold."""
        return {
            "columns": self.columns,
            "mendable": self.mendable,
            "reasons": [vars(problem) for problem in self.reasons.values()],
            "warnings": [vars(problem) for problem in self.warnings.values()],
            "months": dict(sorted(self.months.items())),
            "hours": [self.hours[hour] for hour in range(24)],
            "points": self.points,
            "quality": self.quality,
            "sums": self.sums,
            "unknown_categories": dict(self.unknown_categories.most_common(UNKNOWN_SHOWN)),
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }
