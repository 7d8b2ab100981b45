"""What the calendar says of the days ahead: public holidays and breaks, feasts, weekdays, school terms.

Holidays come from the library `holidays` (offline tables). All columns are one number for the whole city.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.features.base import Float32, Moment

Bool = npt.NDArray[np.bool_]
FIRST, LAST = date(1990, 1, 1).toordinal(), date(2050, 12, 31).toordinal()  # days that the tables are asked for
# A holiday that a government declares or an election brings is public by then, not long before: further ahead it is not read.
DECLARED_D = 10
DECLARED = ("temporary", "election", "special holiday")
SINCE_AT_MOST_D = 28
BREAK_AT_MOST_D = 10
FEAST_D = 2  # days on both sides of a feast on which people travel and shops close
PEAK_SIGMA_D = 1.0
FEASTS: Mapping[str, tuple[str, ...]] = {
    "KR": ("Korean New Year", "Chuseok"),
    "US": ("Thanksgiving Day", "Christmas Day"),
}
PEAKS: Mapping[str, tuple[tuple[str, int, int], ...]] = {
    "KR": (("new_year", 1, 1), ("christmas_eve", 12, 24)),
    "US": (("new_year", 1, 1), ("independence_day", 7, 4), ("halloween", 10, 31)),
}
MonthDay = tuple[int, int]


@dataclass(frozen=True)
class Terms:
    """School terms of every year, (month, day) of the first and of the last day, both included, within one calendar year."""

    spans: tuple[tuple[MonthDay, MonthDay], ...]

    def __post_init__(self) -> None:
        for first, last in self.spans:
            try:
                ordered = date(2000, *first) <= date(2000, *last)
            except ValueError as error:
                raise PredictionError(f"A school term from {first} to {last} is none: write month and day of both.") from error
            if not ordered:
                raise PredictionError(
                    f"A school term from {first} to {last} ends before it begins; write one that passes the year's end as two."
                )

    def holds(self, day: date) -> bool:
        return any(first <= (day.month, day.day) <= last for first, last in self.spans)


# Terms begin on 1 March and after the summer break (decree on elementary and secondary education, articles 44 and 45: the second
# ends with February, head teachers set the breaks): most schools break from the third week of July to the middle of August and
# from the end of December, as most end their year before Christmas or in early January.
TERMS_KR = Terms((((3, 2), (7, 20)), ((8, 17), (12, 31))))
TERMS: Mapping[str, Terms] = {"KR": TERMS_KR}  # none for the United States: districts differ by weeks


class Calendar:
    """A plug-in block. `country`: ISO code of the holidays' country, None for no holidays; `terms`: None for no school days.

    Raises `PredictionError` for a country that the library does not know.
    """

    name = "calendar"

    def __init__(
        self, zone: str, *, country: str | None = None, subdivision: str | None = None, terms: Terms | None = None
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.country, self.terms = country, terms
        named = {} if country is None else _holidays(country, subdivision)
        days = np.array(sorted(named), dtype=np.int64)
        declared = np.array([any(word in named[day].lower() for word in DECLARED) for day in days], dtype=np.bool_)
        self._fixed, self._declared = days[~declared], days[declared]
        feasts = FEASTS.get(country or "", ())
        self._feasts = np.array([day for day in days if set(named[day].split("; ")) & set(feasts)], dtype=np.int64)
        content = (zone, country, subdivision, sorted(named.items()), feasts, self._peaks, terms and terms.spans)
        self._hash = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        self._last: tuple[tuple[int, int], Float32] | None = None

    @property
    def signature(self) -> str:
        return self._hash

    @property
    def _peaks(self) -> tuple[tuple[str, int, int], ...]:
        return PEAKS.get(self.country or "", ())

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        out = ["first_weekday", "weekend_share", "friday_share"]
        if self.country is not None:
            out += ["holiday_share", "free_share", "longest_break", "days_to_holiday", "days_since_holiday"]
        if len(self._feasts):
            out.append("feast_share")
        out += [f"peak_{name}" for name, _, _ in self._peaks]
        if self.terms is not None:
            out.append("school_share")
        return [("calendar", name) for name in out]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[1, columns] of the local days that the horizon's 24-hour steps lie in (by the middle of each)."""
        first = (moment.start + timedelta(hours=12)).astimezone(self.zone).toordinal()
        key = (first, moment.horizon_days)
        if self._last is None or self._last[0] != key:
            values = np.array([self._values(first, moment.horizon_days)], dtype=np.float32)
            self._last = (key, values)
        return self._last[1].copy()

    def _values(self, first: int, horizon: int) -> list[float]:
        ahead = np.arange(first, first + horizon)
        weekday = (ahead + 6) % 7  # ordinal 1 was a Monday
        off = self._holidays_seen_from(first, first - 60, ahead[-1] + 60)
        is_off = np.isin(ahead, off)
        out = [float(weekday[0]), float((weekday >= 5).mean()), float((weekday == 4).mean())]
        if self.country is not None:
            out += self._of_holidays(ahead, off) if first > FIRST + 400 and ahead[-1] + 400 < LAST else [np.nan] * 5
        if len(self._feasts):
            near = np.abs(ahead[:, None] - self._feasts[None, :]).min(axis=1) <= FEAST_D
            out.append(float(near.mean()))
        out += [_peak(ahead, month, day) for _, month, day in self._peaks]
        if self.terms is not None:
            in_term = np.array([self.terms.holds(date.fromordinal(int(day))) for day in ahead])
            out.append(float((in_term & (weekday < 5) & ~is_off).mean()))
        return out

    def _holidays_seen_from(self, origin: int, begin: int, end: int) -> npt.NDArray[np.int64]:
        """Holidays from `begin` to `end`, those declared at short notice only where they are public at the origin."""
        declared = self._declared[self._declared <= origin + DECLARED_D]
        both = np.union1d(self._fixed, declared)
        return both[(both >= begin) & (both <= end)]

    @staticmethod
    def _of_holidays(ahead: npt.NDArray[np.int64], off: npt.NDArray[np.int64]) -> list[float]:
        first = int(ahead[0])
        wide = np.arange(first - BREAK_AT_MOST_D, int(ahead[-1]) + BREAK_AT_MOST_D + 1)
        free = ((wide + 6) % 7 >= 5) | np.isin(wide, off)
        inside = slice(BREAK_AT_MOST_D, BREAK_AT_MOST_D + len(ahead))
        to_next = off[off >= first] - first
        since = first - off[off < first]
        return [
            float(np.isin(ahead, off).mean()),
            float(free[inside].mean()),
            float(min(_longest(free, inside), BREAK_AT_MOST_D)),
            float(min(to_next.min(initial=DECLARED_D), DECLARED_D)),
            float(min(since.min(initial=SINCE_AT_MOST_D), SINCE_AT_MOST_D)),
        ]


def _holidays(country: str, subdivision: str | None) -> dict[int, str]:
    """Ordinal → names of the public holidays. Raises `PredictionError` for a country or part that the library does not know."""
    years = range(date.fromordinal(FIRST).year, date.fromordinal(LAST).year + 1)
    try:
        if re.fullmatch("[A-Z]{2}", country) is None:
            raise NotImplementedError(country)  # the library also takes names of its own classes
        table = holidays.country_holidays(country, subdiv=subdivision, years=years, language="en_US")
    except (NotImplementedError, KeyError) as error:
        part = f" (part {subdivision})" if subdivision else ""
        raise PredictionError(
            f"No table of public holidays is known for the country “{country}”{part}; write a code like KR or US, or none."
        ) from error
    return {day.toordinal(): name for day, name in table.items()}


def _longest(free: Bool, inside: slice) -> int:
    """Days of the longest unbroken run of free days of which at least one lies inside."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    touching = (runs[:, 0] < inside.stop) & (runs[:, 1] > inside.start)
    return int((runs[touching, 1] - runs[touching, 0]).max(initial=0))


def _peak(ahead: npt.NDArray[np.int64], month: int, day: int) -> float:
    """Mean over the days ahead of a Gaussian around the nearest such day of the year."""
    years = {date.fromordinal(int(edge)).year + step for edge in (ahead[0], ahead[-1]) for step in (-1, 0, 1)}
    peaks = np.array([date(year, month, day).toordinal() for year in sorted(years)])
    gap = np.abs(ahead[:, None] - peaks[None, :]).min(axis=1)
    return float(np.exp(-0.5 * (gap / PEAK_SIGMA_D) ** 2).mean())
