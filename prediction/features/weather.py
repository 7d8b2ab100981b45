"""The weather before an origin, what is usual for the days ahead, and what a forecast known at the origin says of them.

A day enters once it is over in local time. All columns are one number for the whole city.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from prediction.errors import PredictionError
from prediction.features.base import Float32, Moment
from prediction.features.projected import local_day

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WINDOWS_D = (1, 7, 28)
SUMS = ("rain", "snow")  # added up over a day, all else is averaged
HOURS_AT_LEAST = 12  # readings that make a day
USUAL_D = 7  # days on both sides of the same days of earlier years
YEAR_D = 365.2425


@dataclass(frozen=True, eq=False)
class DailyWeather:
    """One row a day. day Int64[days]: ordinals of local days, ascending and distinct; values: measure → Float64[days].

    NaN means unknown. A day that is missing is unknown. Raises `PredictionError` where lengths differ, a day stands twice or a
    value is infinite.
    """

    day: Int64
    values: Mapping[str, Float64]

    def __post_init__(self) -> None:
        if np.any(np.diff(self.day) <= 0):
            raise PredictionError("The days of the weather must ascend, and each may stand only once.")
        for name, column in self.values.items():
            if len(column) != len(self.day):
                raise PredictionError(f"The weather has {len(self.day)} days, but {len(column)} values of “{name}”.")
            if np.isinf(column).any():
                raise PredictionError(f"The weather's “{name}” holds an infinite value; leave it empty where nothing is known.")

    @classmethod
    def from_hourly(cls, start_s: Int64, values: Mapping[str, Float64], *, time_zone: str) -> Self:
        """From readings at instants (seconds, UTC), in any order. A day with fewer than 12 readings of a measure is unknown.

        `rain` and `snow` are added up (scaled to 24 hours), all else is averaged.
        """
        local = pd.to_datetime(np.asarray(start_s), unit="s", utc=True).tz_convert(time_zone)
        hour = np.asarray(local.hour, dtype=np.int64)
        day = np.asarray([stamp.toordinal() for stamp in local.normalize()], dtype=np.int64)
        table = pd.DataFrame({name: np.asarray(column, dtype=np.float64) for name, column in values.items()})
        hourly = table.groupby([day, hour]).mean()  # an hour that stands twice counts once
        by_day = hourly.groupby(level=0)
        mean = by_day.mean().where(by_day.count() >= HOURS_AT_LEAST)
        for name in SUMS:
            if name in mean:
                mean[name] *= 24
        return cls(mean.index.to_numpy(dtype=np.int64), {name: mean[name].to_numpy(dtype=np.float64) for name in values})


@dataclass(frozen=True, eq=False)
class Outlook:
    """Weather forecasts, each known from its issue on. issued_s Int64[n]: UTC seconds; day Int64[n]: ordinal; values as daily."""

    issued_s: Int64
    day: Int64
    values: Mapping[str, Float64] = field(default_factory=dict)


class Weather:
    """A plug-in block over a city's daily weather, and over forecasts of it where there are any."""

    name = "weather"

    def __init__(self, daily: DailyWeather, *, time_zone: str, outlook: Outlook | None = None) -> None:
        if len(daily.day) == 0 or not daily.values:
            raise PredictionError("The weather has no day or no measure; leave the block out.")
        self.zone = ZoneInfo(time_zone)
        self.measures = tuple(sorted(daily.values))
        self.ahead_measures = tuple(sorted(outlook.values)) if outlook is not None else ()
        self._first = int(daily.day[0])
        self._table = np.full((int(daily.day[-1]) - self._first + 1, len(self.measures)), np.nan)
        self._table[daily.day - self._first] = np.column_stack([daily.values[name] for name in self.measures])
        self._outlook = outlook
        self._hash = self._hashed(time_zone)
        self._last: tuple[tuple[int, int], Float32] | None = None

    @property
    def signature(self) -> str:
        return self._hash

    def columns(self, target: int) -> Sequence[tuple[str, str]]:
        names = [f"{measure}_{days}d" for days in WINDOWS_D for measure in self.measures]
        names += [f"{measure}_usual" for measure in self.measures]
        names += [f"{measure}_ahead" for measure in self.ahead_measures]
        return [("weather", name) for name in names]

    def read(self, moment: Moment, target: int) -> Float32:
        """Float32[1, columns]: means a day over the last 1, 7, 28 days, the usual of the days ahead, the outlook on them."""
        key = (int(moment.start.timestamp()), moment.horizon_days)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._values(moment)[np.newaxis].astype(np.float32))
        return self._last[1].copy()

    def _values(self, moment: Moment) -> Float64:
        today = local_day(moment.start, self.zone)  # not over yet
        parts = [_mean(self._days(today - days, today), days) for days in WINDOWS_D]
        parts.append(self._usual(today, moment.horizon_days))
        if self._outlook is not None:
            parts.append(self._ahead(moment, self._outlook))
        return np.concatenate(parts)

    def _days(self, begin: int, end: int) -> Float64:
        """Float64[end - begin, measures]; NaN on days outside the series."""
        out = np.full((max(0, end - begin), len(self.measures)), np.nan)
        first, last = max(begin, self._first), min(end, self._first + len(self._table))
        if first < last:
            out[first - begin : last - begin] = self._table[first - self._first : last - self._first]
        return out

    def _usual(self, today: int, horizon: int) -> Float64:
        """Float64[measures]: mean of the same days of all earlier years, 7 days more on both sides; NaN in the first year."""
        middles = [today - round(back * YEAR_D) for back in range(1, int((today - self._first) / YEAR_D) + 2)]
        rows = [self._days(middle - USUAL_D, min(middle + horizon + USUAL_D, today)) for middle in middles]
        return _mean(np.concatenate(rows), horizon + 2 * USUAL_D)

    def _ahead(self, moment: Moment, outlook: Outlook) -> Float64:
        """Float64[measures]: mean over the days ahead of what was said last of each, by the origin; NaN unless half are told."""
        first = (moment.start + timedelta(hours=12)).astimezone(self.zone).toordinal()
        wanted = (outlook.issued_s <= moment.start.timestamp()) & (outlook.day >= first)
        wanted &= outlook.day < first + moment.horizon_days
        order = np.flatnonzero(wanted)
        order = order[np.argsort(outlook.issued_s[order], kind="stable")]
        latest = {int(outlook.day[row]): int(row) for row in order}
        rows = [latest[day] for day in sorted(latest)]
        told = np.column_stack([outlook.values[name][rows] for name in self.ahead_measures])
        return _mean(told, moment.horizon_days)

    def _hashed(self, time_zone: str) -> str:
        digest = hashlib.sha256(f"{time_zone}|{self._first}|{self.measures}".encode())
        digest.update(self._table.astype("<f8").tobytes())
        if self._outlook is not None:
            digest.update(self._outlook.issued_s.astype("<i8").tobytes() + self._outlook.day.astype("<i8").tobytes())
            for name in self.ahead_measures:
                digest.update(name.encode() + self._outlook.values[name].astype("<f8").tobytes())
        return digest.hexdigest()


def _mean(rows: Float64, days: int) -> Float64:
    """Float64[measures]: the mean of what is known; NaN where fewer than half of `days` are."""
    enough = (~np.isnan(rows)).sum(axis=0) * 2 >= days
    if not len(rows):
        return np.full(rows.shape[1], np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of nothing but NaN
        return np.where(enough, np.nanmean(rows, axis=0), np.nan)
