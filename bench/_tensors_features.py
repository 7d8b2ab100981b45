"""What is known about each area, type and day of a dense daily panel before that day begins: lagged counts and the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import holidays
import numpy as np
import numpy.typing as npt

from bench._tensors_data import DailySet

Float32 = npt.NDArray[np.float32]
HALF_LIVES_D = (2, 4, 7, 14, 30, 60, 120, 365)
SAME_WEEKDAY_HALF_LIVES_W = (2, 6, 20)
LAGS_D = (1, 2, 3, 7, 14)
NEAR_HALF_LIVES_D = (4, 14, 60)
OTHERS_HALF_LIFE_D = 60
YEAR_D, YEAR_REACH_D = 364, 14
LONG = HALF_LIVES_D.index(120)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows in the order day, area, type.

    x Float32[rows, features]; y Float32[rows]; offset Float32[rows]: log of a shrunken rate; day, cell (area), kind (type)
    Int32[rows]; names: one a feature.
    """

    x: Float32
    y: Float32
    offset: Float32
    day: npt.NDArray[np.int32]
    cell: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int32]
    names: tuple[str, ...]


def build_table(data: DailySet, *, first_day: int, areas: npt.NDArray[np.intp]) -> Table:
    """Rows of every day from `first_day` on for the given areas. Row (t, …) reads only days before t."""
    features: list[Float32] = []
    offsets: list[Float32] = []
    names: tuple[str, ...] = ()
    for day, columns, offset in _days(data, first_day):
        names = names or tuple(columns)
        shape = (len(areas), data.counts.shape[2])
        block = np.empty((*shape, len(columns)), dtype=np.float32)
        for position, values in enumerate(columns.values()):
            block[..., position] = np.broadcast_to(values, data.counts.shape[1:])[areas]
        features.append(block.reshape(-1, len(columns)))
        offsets.append(offset[areas].reshape(-1))
        assert day >= first_day
    days = np.arange(first_day, data.days, dtype=np.int32)
    kinds = data.counts.shape[2]
    return Table(
        x=np.concatenate(features),
        y=data.counts[first_day:, areas].reshape(-1),
        offset=np.concatenate(offsets),
        day=np.repeat(days, len(areas) * kinds),
        cell=np.tile(np.repeat(areas.astype(np.int32), kinds), len(days)),
        kind=np.tile(np.arange(kinds, dtype=np.int32), len(days) * len(areas)),
        names=names,
    )


class _Decayed:
    """Time-weighted mean of what was added, one addition a step, at several half-lives; only what was added before is in it."""

    def __init__(self, half_lives: tuple[int, ...], shape: tuple[int, ...]) -> None:
        self.keep = 0.5 ** (1 / np.asarray(half_lives, dtype=np.float64))
        self.sums = np.zeros((len(half_lives), *shape))
        self.weight = np.zeros(len(half_lives))

    def add(self, values: npt.NDArray[np.float64]) -> None:
        self.sums = self.sums * self.keep.reshape(-1, *[1] * values.ndim) + values
        self.weight = self.weight * self.keep + 1

    def mean(self) -> npt.NDArray[np.float64]:
        weight = np.maximum(self.weight, 1e-9).reshape(-1, *[1] * (self.sums.ndim - 1))
        return np.asarray(self.sums / weight, dtype=np.float64)


def _days(data: DailySet, first_day: int) -> Iterator[tuple[int, dict[str, Float32], Float32]]:
    """Day by day: (day, columns that broadcast to [areas, types], offset [areas, types])."""
    counts = data.counts.astype(np.float64)
    areas, kinds = counts.shape[1:]
    level = _Decayed(HALF_LIVES_D, (areas, kinds))
    happened = _Decayed(HALF_LIVES_D, (areas, kinds))
    squares = _Decayed((120,), (areas, kinds))
    weekdays = [_Decayed(SAME_WEEKDAY_HALF_LIVES_W, (areas, kinds)) for _ in range(7)]
    calendar = _calendar(data.first_day, data.days)
    for day in range(data.days):
        if day >= first_day:
            columns = _columns(data, day, level=level.mean(), happened=happened.mean(), squares=squares.mean()[0])
            columns |= _same_weekday(weekdays, day % 7, level.mean())
            columns |= {name: np.asarray(values[day]) for name, values in calendar.items()}
            long = level.mean()[LONG]
            city = long.mean(axis=0, keepdims=True)
            yield day, columns, np.log(0.97 * long + 0.03 * city * _share(long) + 1e-4).astype(np.float32)
        level.add(counts[day])
        happened.add((counts[day] > 0).astype(np.float64))
        squares.add(counts[day] ** 2)
        weekdays[day % 7].add(counts[day])


def _share(long: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[areas, 1]: an area's rate of all types, one on average."""
    total = long.sum(axis=1, keepdims=True)
    return np.asarray(total / max(total.mean(), 1e-9), dtype=np.float64)


def _columns(
    data: DailySet,
    day: int,
    *,
    level: npt.NDArray[np.float64],
    happened: npt.NDArray[np.float64],
    squares: npt.NDArray[np.float64],
) -> dict[str, Float32]:
    """Lagged counts of the area, of its neighbours, of the other types and of the whole city."""
    areas, kinds = data.counts.shape[1:]
    out: dict[str, npt.NDArray[np.float64] | Float32] = {}
    for position, days in enumerate(HALF_LIVES_D):
        out[f"decayed_{days}d"] = level[position]
    for days in (14, 60, 365):
        out[f"happened_{days}d"] = happened[HALF_LIVES_D.index(days)]
    out["size_when_any"] = (level[LONG] + 0.05) / (happened[LONG] + 0.05)
    out["spread"] = (squares - level[LONG] ** 2) / (level[LONG] + 0.05)
    for lag in LAGS_D:
        out[f"lag_{lag}d"] = data.counts[day - lag] if day >= lag else np.zeros((areas, kinds))
    for days in NEAR_HALF_LIVES_D:
        near = data.neighbours @ level[HALF_LIVES_D.index(days)]
        out[f"near_{days}d"] = near
        out[f"near_all_{days}d"] = near.sum(axis=1, keepdims=True)
    for days in (2, 7, 30, 120):
        out[f"all_types_{days}d"] = level[HALF_LIVES_D.index(days)].sum(axis=1, keepdims=True)
    for kind in range(kinds):
        out[f"type{kind}_{OTHERS_HALF_LIFE_D}d"] = level[HALF_LIVES_D.index(OTHERS_HALF_LIFE_D)][:, [kind]]
    city = level.mean(axis=1)  # [half-lives, types]
    for days in (2, 7, 30):
        out[f"city_{days}d_by_120d"] = ((city[HALF_LIVES_D.index(days)] + 1e-3) / (city[LONG] + 1e-3))[np.newaxis]
    out["city_all_4d_by_120d"] = np.array([[(city[1].sum() + 1e-3) / (city[LONG].sum() + 1e-3)]])
    if day >= YEAR_D + YEAR_REACH_D:
        around = data.counts[day - YEAR_D - YEAR_REACH_D : day - YEAR_D + YEAR_REACH_D]
        before = data.counts[max(0, day - YEAR_D - 91) : day - YEAR_D]
        out["year_ago"] = around.mean(axis=0)
        out["year_ago_ahead"] = ((around.mean((0, 1)) + 1e-3) / (before.mean((0, 1)) + 1e-3))[np.newaxis]
    else:
        out["year_ago"], out["year_ago_ahead"] = np.full((areas, kinds), np.nan), np.full((1, kinds), np.nan)
    out["type"] = np.arange(kinds)[np.newaxis].astype(np.float64)
    out["area"] = np.arange(areas)[:, np.newaxis].astype(np.float64)
    return {name: np.asarray(values, dtype=np.float32) for name, values in out.items()}


def _same_weekday(weekdays: list[_Decayed], weekday: int, level: npt.NDArray[np.float64]) -> dict[str, Float32]:
    """The same weekday of past weeks: here, and the city's ratio to its average day."""
    means = weekdays[weekday].mean()
    out = {f"weekday_{weeks}w": means[position] for position, weeks in enumerate(SAME_WEEKDAY_HALF_LIVES_W)}
    city = level[LONG].mean(axis=0)
    out["city_weekday"] = ((means[-1].mean(axis=0) + 1e-3) / (city + 1e-3))[np.newaxis]
    return {name: np.asarray(values, dtype=np.float32) for name, values in out.items()}


def _calendar(first_day: date, days: int) -> dict[str, Float32]:
    """Float32[days] each: weekday, day of the month and of the year, public holidays of the United States and their eves."""
    dates = [first_day + timedelta(days=step) for step in range(days)]
    closed = holidays.country_holidays("US", years=range(first_day.year - 1, dates[-1].year + 2))
    ordinal = np.array([moment.timetuple().tm_yday for moment in dates])
    plain = {
        "weekday": [moment.weekday() for moment in dates],
        "month_day": [moment.day for moment in dates],
        "year_sine": np.sin(2 * np.pi * ordinal / 365.25),
        "year_cosine": np.cos(2 * np.pi * ordinal / 365.25),
        "holiday": [moment in closed for moment in dates],
        "eve": [moment + timedelta(days=1) in closed for moment in dates],
        "after_holiday": [moment - timedelta(days=1) in closed for moment in dates],
        # Shops and courts close, streets fill: these two move every type, and holiday lists do not name the first.
        "christmas_week": [moment.month == 12 and 24 <= moment.day <= 26 for moment in dates],
        "new_year": [(moment.month, moment.day) in {(12, 31), (1, 1)} for moment in dates],
    }
    return {name: np.asarray(values, dtype=np.float32) for name, values in plain.items()}
