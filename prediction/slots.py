"""Slots: the bins of time that a forecast speaks of, one hour to one month; mostly the shifts of a day in the city's zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from prediction.errors import PredictionError

PERIODS_AT_MOST = {"hours": 1, "day": 31, "week": 4, "month": 1}  # how many of them a slot may last
TYPICAL_H = {"day": 24.0, "week": 168.0, "month": 730.5}
A_MONDAY = date(1970, 1, 5).toordinal()  # slots of several days or weeks are counted from here, so that they are everyone's


@dataclass(frozen=True)
class SlotScheme:
    """Slots start at local hours and last until the next start; at the change of the clocks they are an hour longer or shorter.

    period "hours": slots start at each of `start_hours` (ascending, 0..23) of every day; the last one crosses midnight.
    period "day", "week" (from Monday), "month" (from the first): slots of `every` such periods, from the one hour given.
    """

    time_zone: str
    start_hours: tuple[int, ...]
    period: str = "hours"
    every: int = 1

    def __post_init__(self) -> None:
        hours = self.start_hours
        if not hours or list(hours) != sorted(set(hours)) or not 0 <= hours[0] <= hours[-1] <= 23:
            raise PredictionError(f"Slot starts must be distinct hours from 0 to 23 in ascending order, not {hours}.")
        if self.period not in PERIODS_AT_MOST:
            raise PredictionError(f"A slot lasts hours, a day, a week or a month, not '{self.period}'.")
        if not 1 <= self.every <= PERIODS_AT_MOST[self.period]:
            most = PERIODS_AT_MOST[self.period]
            raise PredictionError(
                f"A slot may last 1 to {most} of the period '{self.period}', not {self.every}: a month at most."
            )
        if self.period != "hours" and len(hours) != 1:
            raise PredictionError(f"Slots of a {self.period} start at one hour, not at {len(hours)}; give a single start hour.")

    @classmethod
    def of_hours(cls, time_zone: str, hours: int, *, first: int = 0) -> Self:
        """Slots of equally many hours, a divisor of 24; `first`: an hour at which one starts."""
        if not 1 <= hours <= 24 or 24 % hours:
            raise PredictionError(f"Slots of {hours} hours do not fill a day; choose 1, 2, 3, 4, 6, 8, 12 or 24.")
        return cls(time_zone, tuple(range(first % hours, 24, hours)))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From what `to_json` gave; a scheme written before there were longer slots is one of hours."""
        hours = tuple(int(hour) for hour in content["start_hours"])
        return cls(content["time_zone"], hours, content.get("period", "hours"), int(content.get("every", 1)))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "time_zone": self.time_zone,
            "start_hours": list(self.start_hours),
            "period": self.period,
            "every": self.every,
        }

    @property
    def per_day(self) -> int:
        """Slots that start on each day. Raises where slots are longer."""
        if self.period == "hours" or (self.period == "day" and self.every == 1):
            return len(self.start_hours)
        raise PredictionError(f"Slots of {self.every} × {self.period} do not repeat by the day; ask for hours or a day.")

    @property
    def per_week(self) -> int:
        """Slots of a week, the same every week. Raises where slots do not repeat by the week."""
        if self.period == "week" and self.every == 1:
            return 1
        if self.period == "month" or self.every > 1:
            raise PredictionError(
                f"Slots of {self.every} × {self.period} do not repeat by the week; ask for hours, a day or a week."
            )
        return 7 * self.per_day

    @property
    def typical_h(self) -> float:
        """Mean length of a slot in hours."""
        return 24 / len(self.start_hours) if self.period == "hours" else TYPICAL_H[self.period] * self.every

    def length_h(self, start: datetime) -> float:
        """Hours of the slot that starts at this instant (aware); at the change of the clocks one more or less than usual."""
        start = start.astimezone(UTC)
        first, following = self.starts(start, 2)
        if first != start:
            raise PredictionError(f"No slot starts at {start.isoformat()}; the next one starts at {first.isoformat()}.")
        return (following - first).total_seconds() / 3_600

    def starts(self, first: datetime, count: int) -> list[datetime]:
        """`count` consecutive slot starts (aware, UTC); the first is `first` or the next slot start after it."""
        starts: list[datetime] = []
        zone = ZoneInfo(self.time_zone)
        first = first.astimezone(UTC)  # Python holds an instant of an hour that occurs twice to be unequal to the same in UTC
        days = self._days(first.astimezone(zone).date() - timedelta(days=1))
        while len(starts) < count:
            day = next(days)
            for hour in self.start_hours:
                # fold=0: an hour that occurs twice counts from its first time; an hour that is skipped moves on.
                start = datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
                if start >= first and (not starts or start > starts[-1]):
                    starts.append(start)
        return starts[:count]

    def next_start(self, moment: datetime) -> datetime:
        """The first slot start at or after `moment` (aware), in UTC."""
        return self.starts(moment, 1)[0]

    def slot_of_week(self, epoch_s: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
        """Int16[n] in 0..slots a week − 1 for instants Int64[n] (epoch seconds); Monday's first slot is 0.

        Hours before the day's first start belong to the last slot of the day before. Raises where slots do not repeat weekly.
        """
        if self.per_week == 1:
            return np.zeros(len(epoch_s), dtype=np.int16)
        instants = np.asarray(epoch_s, dtype=np.int64).astype("datetime64[s]")
        local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(self.time_zone)
        in_day = np.searchsorted(np.array(self.start_hours), np.asarray(local.hour), side="right") - 1
        return np.asarray((np.asarray(local.day_of_week) * self.per_day + in_day) % self.per_week, dtype=np.int16)

    def _days(self, day: date) -> Iterator[date]:
        """Local days on which slots start, from the last one at or before `day` on."""
        if self.period == "month":
            day = day.replace(day=1)
            while True:
                yield day
                day = (day + timedelta(days=31)).replace(day=1)
        step = self.every * (7 if self.period == "week" else 1)
        day -= timedelta(days=(day.toordinal() - A_MONDAY) % step)
        while True:
            yield day
            day += timedelta(days=step)
