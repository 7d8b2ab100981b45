"""Slots: the bins of time that a forecast speaks of, by default the three shifts of a day in the city's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from prediction.errors import PredictionError


@dataclass(frozen=True)
class SlotScheme:
    """Slots start at the local `start_hours` (ascending, 0..23) and last until the next start; the last one crosses midnight.

    In the nights when the clocks change a slot is an hour longer or shorter: its starts stay at the same local hour.
    """

    time_zone: str
    start_hours: tuple[int, ...]

    def __post_init__(self) -> None:
        hours = self.start_hours
        if not hours or list(hours) != sorted(set(hours)) or not 0 <= hours[0] <= hours[-1] <= 23:
            raise PredictionError(f"Slot starts must be distinct hours from 0 to 23 in ascending order, not {hours}.")

    @property
    def per_day(self) -> int:
        return len(self.start_hours)

    @property
    def per_week(self) -> int:
        return 7 * len(self.start_hours)

    def starts(self, first: datetime, count: int) -> list[datetime]:
        """`count` consecutive slot starts (aware, UTC); the first is `first` or the next slot start after it."""
        starts: list[datetime] = []
        zone = ZoneInfo(self.time_zone)
        day = first.astimezone(zone).date() - timedelta(days=1)
        while len(starts) < count:
            for hour in self.start_hours:
                # fold=0: an hour that occurs twice counts from its first time; an hour that is skipped moves on.
                start = datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
                if start >= first and (not starts or start > starts[-1]):
                    starts.append(start)
            day += timedelta(days=1)
        return starts[:count]

    def next_start(self, moment: datetime) -> datetime:
        """The first slot start at or after `moment` (aware), in UTC."""
        return self.starts(moment, 1)[0]

    def slot_of_week(self, epoch_s: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
        """Int16[n] in 0..7 × slots a day − 1 for instants Int64[n] (epoch seconds); Monday's first slot is 0.

        Hours before the day's first start belong to the last slot of the day before.
        """
        instants = np.asarray(epoch_s, dtype=np.int64).astype("datetime64[s]")
        local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(self.time_zone)
        in_day = np.searchsorted(np.array(self.start_hours), np.asarray(local.hour), side="right") - 1
        return np.asarray((np.asarray(local.day_of_week) * self.per_day + in_day) % self.per_week, dtype=np.int16)
