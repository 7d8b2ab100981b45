"""Which days the data really cover, category by category, found in the counts themselves.

A category that is recorded only since last spring is not a quiet one, and a year that is missing from a file did not go by
without crime. Rates divide by covered days only. What counts as a gap: a run of silent days that the category's own habit makes
all but impossible (see `IMPOSSIBLE`). Strictly causal where the panel is: give what was known at the origin.

- all categories silent together: the file has a gap, also at its end, where the newest rows have not arrived yet;
- one category silent in the middle, lively before and after: it was not recorded for a while; unless it is silent at the same
  time of other years, which is a season;
- one category silent at first, lively since: it begins there;
- one category silent at the end, while others go on: no gap. It has ended (renamed, split), and its level goes to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

IMPOSSIBLE = 1e-9  # chance of so long a silence under the category's own share of days with incidents, the silence included
DOUBTFUL = 1e-3  # the same against the days before it alone, and the days after it alone: one odd row does not end a silence
FAINT = 0.01  # of the mean daily count: less than that is a silent day (edges of long intervals, stray rows)
YEAR_D = 364
SAME_SEASON = 0.8  # share of silent days at the same time of another year that makes a silence a season


@dataclass(frozen=True, eq=False)
class Coverage:
    """Days by age before an origin: age 0 is the day before it.

    covered: Bool[targets, days]; all crimes (the last row) are covered where any category is. silent_d: Int64[categories]:
    days since a category ended, 0 where it goes on.
    """

    covered: Bool
    silent_d: npt.NDArray[np.int64]

    @classmethod
    def of(cls, by_age: Float64) -> Self:
        """From daily counts Float64[categories, days] by age, as long as the history."""
        lively = by_age > FAINT * by_age.mean(axis=1, keepdims=True)
        together = by_age.sum(axis=0)
        missing = _gaps(together > FAINT * together.mean(), end_counts=True)
        covered = np.repeat(~missing[np.newaxis], len(by_age) + 1, axis=0)
        silent = np.zeros(len(by_age), dtype=np.int64)
        kept = np.flatnonzero(~missing)
        for category, row in enumerate(lively[:, ~missing]):
            own = _gaps(row, end_counts=False, season_of=kept)
            own |= _before_first(row)
            covered[category, kept[own]] = False
            silent[category] = _silence_at_end(row)
        covered[-1] = covered[:-1].any(axis=0)
        return cls(covered, silent)

    @classmethod
    def before(cls, panel: Panel, origin_day: int) -> Self:
        """From what was known before a day, over the whole history."""
        known = panel.before(origin_day)
        days = history_days(known, origin_day)
        return cls.of(by_age(known, origin_day, days))

    @property
    def complete(self) -> bool:
        return bool(self.covered.all())

    @property
    def uniform(self) -> bool:
        """Whether all categories cover the same days."""
        return bool((self.covered == self.covered[:1]).all())

    def days(self, first_age: int, end_age: int) -> npt.NDArray[np.int64]:
        """Int64[targets]: covered days of first_age ≤ age < end_age."""
        return np.asarray(self.covered[:, max(first_age, 0) : max(end_age, 0)].sum(axis=1), dtype=np.int64)

    def weighed(self, weights: Float64) -> Float64:
        """Float64[targets]: sum of the weights Float64[ages] over the covered days."""
        end = self.covered.shape[1]
        return np.array([(weights[:end] * row).sum() for row in self.covered], dtype=np.float64)

    def lived(self, ages: int) -> npt.NDArray[np.int64]:
        """Int64[categories, ages]: covered days that are younger than each age; days before the history count as covered."""
        gone = np.zeros((len(self.covered) - 1, ages), dtype=np.int64)
        end = min(self.covered.shape[1], ages - 1)
        gone[:, 1 : end + 1] = np.cumsum(~self.covered[:-1, :end], axis=1)
        gone[:, end + 1 :] = gone[:, end : end + 1]
        return np.arange(ages) - gone


def by_age(known: Panel, origin_day: int, days: int) -> Float64:
    """Float64[categories, days]: daily counts by age before the origin."""
    age = origin_day - 1 - known.day
    inside = (age >= 0) & (age < days)
    flat = known.category[inside].astype(np.int64) * days + age[inside]
    sums = np.bincount(flat, weights=known.weight[inside], minlength=known.categories * days)
    return np.asarray(sums.reshape(known.categories, days), dtype=np.float64)


def history_days(known: Panel, origin_day: int) -> int:
    """Days of history before the origin; the first thousandth is left out, so that one stray old row does not stretch it."""
    if len(known.day) == 0:
        return 1
    first = np.partition(known.day, len(known.day) // 1000)[len(known.day) // 1000]
    return int(max(1, origin_day - int(first)))


def origins_covered(
    panel: Panel, origins: Sequence[int], *, cutoff_day: int, horizon_days: int = 7, target: int = -1
) -> list[int]:
    """Those origins whose days ahead lie wholly in covered days before the cut-off, for a target (default: all crimes).

    To learn from a window in a gap would be to learn that nothing happens. Reads only what was known before `cutoff_day`.
    """
    cover = Coverage.before(panel, cutoff_day)
    row = cover.covered[target]
    kept = []
    for origin in origins:
        youngest, oldest = cutoff_day - origin - horizon_days, cutoff_day - origin
        inside = row[max(youngest, 0) : oldest]
        if youngest >= 0 and len(inside) == horizon_days and inside.all():
            kept.append(origin)
    return kept


def _gaps(lively: Bool, *, end_counts: bool, season_of: npt.NDArray[np.intp] | None = None) -> Bool:
    """Bool[days] by age: silent runs between lively days that are no chance; with `end_counts` also the one at age 0."""
    out = np.zeros(len(lively), dtype=np.bool_)
    share = lively.mean() if len(lively) else 0.0
    for first, end in _silent_runs(lively):
        if end == len(lively) or (first == 0 and not end_counts) or not _no_chance(share, end - first, IMPOSSIBLE):
            continue
        before, after = lively[first:].mean(), lively[:end].mean()
        sides = _no_chance(before, end - first, DOUBTFUL) and (first == 0 or _no_chance(after, end - first, DOUBTFUL))
        if sides and not (season_of is not None and _is_season(lively, season_of, first, end)):
            out[first:end] = True
    return out


def _before_first(lively: Bool) -> Bool:
    """Bool[days] by age: the days before the category began, where that silence is no chance; a hundredth may be stray rows."""
    out = np.zeros(len(lively), dtype=np.bool_)
    ages = np.flatnonzero(lively)
    if len(ages):
        begun = int(ages[-1 - len(ages) // 100]) + 1
        if _no_chance(lively.mean(), int((~lively[begun:]).sum()), IMPOSSIBLE):
            out[begun:] = True
    return out


def _silence_at_end(lively: Bool) -> int:
    """Days since the category ended; 0 where its silence may be chance."""
    if not lively.any():
        return 0
    silent = int(np.flatnonzero(lively)[0])
    return silent if _no_chance(lively.mean(), silent, IMPOSSIBLE) else 0


def _silent_runs(lively: Bool) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[True], lively, [True]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _no_chance(share: float, days: int, limit: float) -> bool:
    """Whether so many silent days in a row are less likely than the limit, where a share of the days is lively."""
    return bool((1.0 - share) ** days < limit)


def _is_season(lively: Bool, ages: npt.NDArray[np.intp], first: int, end: int) -> bool:
    """Whether the same days of a year before or after are as silent. ages: the age of each entry."""
    length = int(ages[end - 1] - ages[first]) + 1
    years = -(-length // YEAR_D)
    for shift in (-years * YEAR_D, years * YEAR_D):
        other = (ages >= ages[first] + shift) & (ages <= ages[end - 1] + shift)
        if other.sum() >= length / 2 and 1 - lively[other].mean() >= SAME_SEASON:
            return True
    return False
