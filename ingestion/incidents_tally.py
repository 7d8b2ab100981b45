"""What a file of incidents is like as a whole: where its rows lie in time, how exact its times are, how good its rows.

Chunks are tallied one by one (`Tally`), added up, and told to the `Report` at the end. Shares are 0–1.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingestion.report import POINTS_SHOWN, Report

Int64Array = NDArray[np.int64]

LATE_S = 7 * 86_400  # a report later than a week after the incident is late
_DELAY_HOURS = 24 * 3650
_HOUR_S, _DAY_S = 3_600, 86_400
# Shares of the clock times above which people have rounded: by chance 0.07 % stand at one minute, 1.7 % on the full hour.
NOON_SHARE = MIDNIGHT_SHARE = 0.005
FULL_HOUR_SHARE = 0.10
GAP_SHARE = 0.2  # a month with fewer rows than this share of the median month is a gap


@dataclass(eq=False)
class Tally:
    """Counts over rows. `clocks`: rows with a time of day; `hours`: of the clock, by hour; `months`: by months since 1970.

    `delays`: Int64[hours] reports by full hours of delay; `points`: every `stride`-th row that has a point.
    """

    rows: int = 0
    located: int = 0
    timed: int = 0
    known: int = 0
    clocks: int = 0
    noon: int = 0
    midnight: int = 0
    full_hour: int = 0
    to_the_minute: int = 0
    reported: int = 0
    late: int = 0
    hours: Int64Array = field(default_factory=lambda: np.zeros(24, np.int64))
    months: Counter[int] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    delays: Int64Array | None = None
    points: list[tuple[float, float, bool]] = field(default_factory=list)
    stride: int = 1
    seen: int = 0

    def note_times(self, clock_s: Int64Array, span_s: Int64Array) -> None:
        """Rows with a readable time: seconds as on the clock, and what their text leaves open."""
        self.timed += len(clock_s)
        of_day = clock_s[span_s == 0] % _DAY_S
        self.clocks += len(of_day)
        on_hour = of_day % _HOUR_S == 0
        self.full_hour += int(on_hour.sum())
        self.to_the_minute += int((~on_hour).sum())
        self.noon += int((of_day == 12 * _HOUR_S).sum())
        self.midnight += int((of_day == 0).sum())
        self.hours += np.bincount(of_day // _HOUR_S, minlength=24)

    def note_months(self, months: Int64Array) -> None:
        """Good rows by month since January 1970, local."""
        found, counts = np.unique(months, return_counts=True)
        self.months.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def note_delays(self, seconds: Int64Array) -> None:
        """Seconds from the end of an incident to its report."""
        self.reported += len(seconds)
        self.late += int((seconds > LATE_S).sum())
        hours = np.minimum(seconds // _HOUR_S, _DELAY_HOURS)
        found = np.bincount(hours, minlength=_DELAY_HOURS + 1)
        self.delays = found if self.delays is None else self.delays + found

    def note_points(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64], accepted: NDArray[np.bool_]) -> None:
        """Some of the points, evenly over the rows, for a small map."""
        self.stride = max(self.stride, -(-len(longitude) // POINTS_SHOWN))
        rows = slice(-self.seen % self.stride, None, self.stride)
        self.seen += len(longitude)
        places = (longitude[rows].round(6).tolist(), latitude[rows].round(6).tolist(), accepted[rows].tolist())
        self.points += zip(*places, strict=True)
        self._thin()

    def add(self, other: "Tally") -> None:
        """Take the counts of a later chunk in."""
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.months.update(other.months)
        self.unknown.update(other.unknown)
        if other.delays is not None:
            self.delays = other.delays if self.delays is None else self.delays + other.delays
        thinned = other.points[:: max(self.stride // other.stride, 1)]
        self.stride = max(self.stride, other.stride)
        self.points += thinned
        self._thin()

    def _thin(self) -> None:
        while len(self.points) > POINTS_SHOWN:
            self.points, self.stride = self.points[::2], self.stride * 2

    def tell(self, report: Report) -> None:
        """Put months, hours, points, quality and the warnings about the whole file into the report."""
        report.months.update({_month(number): count for number, count in self.months.items()})
        report.hours.update({hour: count for hour, count in enumerate(self.hours.tolist()) if count})
        report.points = self.points
        report.unknown_categories.update(self.unknown)
        gaps = _gaps(self.months)
        if gaps:
            report.warn("month_gaps", len(gaps), [], gaps).share = len(gaps) / _span(self.months)
        self._warn_of_rounding(report)
        self._warn_of_delays(report)
        rows = max(self.rows, 1)
        again = report.warnings["same_again"].count if "same_again" in report.warnings else 0
        report.quality = {
            "located": self.located / rows,
            "timed": self.timed / rows,
            "to_the_minute": self.to_the_minute / max(self.timed, 1),
            "known_category": self.known / rows,
            "not_repeated": 1 - again / rows,
            "months_complete": 1 - len(gaps) / max(_span(self.months), 1),
        }
        parts = ("located", "timed", "known_category", "not_repeated", "months_complete")
        report.quality["score"] = float(np.prod([report.quality[name] for name in parts]))

    def _warn_of_rounding(self, report: Report) -> None:
        for code, count, limit in (
            ("rounded_noon", self.noon, NOON_SHARE),
            ("rounded_midnight", self.midnight, MIDNIGHT_SHARE),
            ("rounded_hour", self.full_hour, FULL_HOUR_SHARE),
        ):
            if self.clocks >= ROUNDING_ROWS and count / self.clocks > limit:
                report.warn(code, count, []).share = count / self.clocks

    def _warn_of_delays(self, report: Report) -> None:
        if self.delays is None or not self.reported:
            return
        median_h = int(np.searchsorted(np.cumsum(self.delays), (self.reported + 1) // 2))
        report.sums["median_delay_hours"] = float(median_h)
        if self.late:
            report.warn("late_reports", self.late, [], [f"{median_h} h"]).share = self.late / self.reported


ROUNDING_ROWS = 200  # fewer clock times say nothing about habits
_SUMMED = (
    "rows", "located", "timed", "known", "clocks", "noon", "midnight", "full_hour", "to_the_minute", "reported", "late", "hours",
    "seen",
)  # fmt: skip


def _month(number: int) -> str:
    return f"{1970 + number // 12:04}-{number % 12 + 1:02}"


def _span(months: Counter[int]) -> int:
    present = [month for month, count in months.items() if count > 0]
    return max(present) - min(present) + 1 if present else 0


def _gaps(months: Counter[int]) -> list[str]:
    """Months between the first and the last, which may be cut off, that hold far fewer rows than usual."""
    present = [month for month, count in months.items() if count > 0]
    if len(present) < 3:
        return []
    first, last = min(present), max(present)
    usual = float(np.median([months[month] for month in present]))
    return [_month(month) for month in range(first + 1, last) if months[month] < GAP_SHARE * usual] if usual >= 20 else []
