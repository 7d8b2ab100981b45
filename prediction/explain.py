"""Why a cell's rate is what it is, what would change it, and which cells are like it.

In: a fitted learner (as `restore`, which gives it on any feature maker), the maker, a panel and an origin.
Out: `Explanations` of all cells, once an origin; then `explain_cell` in some milliseconds a cell. docs/methods/explain.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.features import GROUPS, FeatureMaker, Moment
from prediction.features.base import HALF_LIVES_D, RECENT_D, SIGMAS_LONG_M, SIGMAS_RECENT_M
from prediction.features.counts import RARE_BELOW
from prediction.learners.base import LEAST_RATE, Learner, Progress, no_progress, with_all
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]
Restore = Callable[[FeatureMaker], Learner]
Columns = Callable[[int], Float32]  # the table of a target, all cells

BASE = "base"
RECENT_DAYS = 28
SIMILAR = 5
SHARED_AT_LEAST = 0.095  # log rate: ×1.1 or ×0.91; weaker contributions are not worth naming as shared
LEAST_TOUCHED = 0.2  # share of the cells by which a drift of the city's total is told
SEASON_BACK_D = (91, 182, 273)  # further origins over which the yearly average is taken
STEPS_A_SPREAD = 31.0  # of the rounded standardised features: a byte reaches four standard deviations


@dataclass(frozen=True)
class Change:
    """A question "what if": what the features of `groups` rest on is exchanged, all else stays."""

    code: str
    groups: tuple[str, ...]


HISTORY = Change("history", ("here_recent", "here_long"))  # nothing had happened in the cell in the last four weeks
CALENDAR = Change("calendar", ("season", "calendar", "weather"))  # season, day and weather as on the average of a year
PLACE = Change("place", ("surroundings",))  # places, lamps and population as in the median cell
CHANGES = (HISTORY, CALENDAR, PLACE)


@dataclass(frozen=True, eq=False)
class Explanations:
    """Everything about one origin that its cells share; "targets" are the categories, then all crimes.

    rates Float64[targets, cells]: expected incidents of the learner's horizon;
    contributions Float32[targets, cells, groups]: add up to the log of `rates`;
    changes Float32[targets, codes, cells]: log of the factor by which each change multiplies the rate, NaN where the model
    knows none of the change's features;
    features Int8[cells, features of the target]: standardised, `STEPS_A_SPREAD` a standard deviation; weights Float32[features];
    recent Float32[targets, cells]: incidents of the last four weeks.
    """

    groups: tuple[str, ...]
    codes: tuple[str, ...]
    rates: Float64
    contributions: Float32
    changes: Float32
    features: tuple[Int8, ...]
    weights: tuple[Float32, ...]
    recent: Float32


@dataclass(frozen=True)
class Contribution:
    """What one group of features multiplies the rate by: `factor` = exp(`log_part`)."""

    group: str
    log_part: float

    @property
    def factor(self) -> float:
        return float(np.exp(self.log_part))


@dataclass(frozen=True)
class Changed:
    """`rate` is what the same model would expect under the change; `factor` is against the rate as it is."""

    code: str
    factor: float
    rate: float


@dataclass(frozen=True)
class Similar:
    """A cell that is like the explained one. `shared`: groups that move both cells' rates the same way, strongest first."""

    cell: int
    distance: float
    rate: float
    recent: float
    shared: tuple[str, ...]


@dataclass(frozen=True)
class CellExplanation:
    """One cell and target. `base` × the factors of `contributions` = `rate`; `recent`: incidents of the last four weeks."""

    rate: float
    base: float
    contributions: tuple[Contribution, ...]
    changes: tuple[Changed, ...]
    recent: float
    similar: tuple[Similar, ...]


def explain_all(
    restore: Restore, maker: FeatureMaker, panel: Panel, origin_day: int, *, progress: Progress = no_progress
) -> Explanations:
    """Explain every cell at one origin, from what was known before it.

    `restore` gives the fitted learner on a maker; it is called on makers whose tables have some columns exchanged.
    Costs one forecast, and two more for each change.
    """
    known = panel.before(origin_day)
    learner = restore(maker)
    progress(0.0, "forecast")
    rates = np.maximum(learner.rate(known, origin_day), LEAST_RATE)
    progress(0.1, "explain")
    parts = np.stack([learner.explain(known, origin_day, target) for target in range(panel.categories)])
    every = combined(parts, rates[:-1])
    contributions = np.concatenate([parts, every[np.newaxis]]).astype(np.float32)
    moment = maker.moment(known, origin_day)
    changes = np.full((panel.categories + 1, len(CHANGES), panel.cells), np.nan, dtype=np.float32)
    for position, change in enumerate(CHANGES):
        progress(0.2 + 0.6 * position / len(CHANGES), "explain")
        if any(group in change.groups for group, _ in maker.names(0)):
            changes[:, position] = _log_factors(restore, maker, known, origin_day, change=change, rates=rates)
    features, weights = [], []
    for target in range(panel.categories + 1):
        progress(0.8 + 0.2 * target / (panel.categories + 1), "explain")
        table, weight = standardised(maker.table(moment, target), maker.names(target), contributions[target], GROUPS)
        features.append(table)
        weights.append(weight)
    recent = known.counts(origin_day - RECENT_DAYS, origin_day)
    progress(1.0, "explain")
    return Explanations(
        groups=tuple(GROUPS),
        codes=tuple(change.code for change in CHANGES),
        rates=rates,
        contributions=contributions,
        changes=changes,
        features=tuple(features),
        weights=tuple(weights),
        recent=np.vstack([recent, recent.sum(axis=0)]).astype(np.float32),
    )


def explain_cell(
    everything: Explanations, target: int, cell: int, *, besides: Sequence[int] = (), k: int = SIMILAR
) -> CellExplanation:
    """One cell: its reasons, strongest first; the changes the model can answer; the `k` cells most like it.

    `besides`: cells that are not looked for (the cell's neighbours, which are alike because they lie beside it).
    """
    parts = everything.contributions[target, cell].astype(np.float64)
    rate = float(everything.rates[target, cell])
    by_group = dict(zip(everything.groups, parts, strict=True))
    base = by_group.pop(BASE, 0.0)
    ordered = sorted(by_group.items(), key=lambda part: -abs(part[1]))
    factors = dict(zip(everything.codes, np.exp(everything.changes[target, :, cell].astype(np.float64)), strict=True))
    found = similar_cells(everything.features[target], everything.weights[target], cell, besides=besides, k=k)
    return CellExplanation(
        rate=rate,
        base=float(np.exp(base)),
        contributions=tuple(Contribution(group, float(value)) for group, value in ordered),
        changes=tuple(Changed(code, float(f), rate * float(f)) for code, f in factors.items() if np.isfinite(f)),
        recent=float(everything.recent[target, cell]),
        similar=tuple(
            Similar(
                cell=position,
                distance=distance,
                rate=float(everything.rates[target, position]),
                recent=float(everything.recent[target, position]),
                shared=shared_groups(parts, everything.contributions[target, position], everything.groups),
            )
            for position, distance in found
        ),
    )


def combined(parts: Float64, rates: Float64) -> Float64:
    """Contributions Float64[cells, groups] of several targets together: they add up to the log of the targets' summed rate.

    parts Float64[targets, cells, groups], adding up to the log of rates Float64[targets, cells]. Each target counts by its share
    of the sum; what such a mean lacks to the log of the sum (the entropy of the shares) goes to the first group, the base.
    """
    shares = rates / rates.sum(axis=0)
    out = np.einsum("tc,tcg->cg", shares, parts)
    out[:, 0] -= (shares * np.log(np.maximum(shares, 1e-300))).sum(axis=0)
    return np.asarray(out, dtype=np.float64)


def standardised(
    table: Float32, names: Sequence[tuple[str, str]], contributions: Float32, groups: Sequence[str]
) -> tuple[Int8, Float32]:
    """Features Int8[cells, kept] in standard deviations (of their signed logarithm), and their weights Float32[kept].

    A group weighs as much as its contributions Float32[cells, groups] differ between the cells, shared out over its columns:
    cells are alike if they are alike in what the model goes by. Columns without spread and the bare coordinates are left out.
    """
    spread = dict(zip(groups, contributions.std(axis=0, dtype=np.float64), strict=True))
    values = np.sign(table) * np.log1p(np.abs(table, dtype=np.float64))
    values = np.where(np.isnan(values), np.nanmean(np.where(np.isnan(values).all(axis=0), 0.0, values), axis=0), values)
    width = values.std(axis=0)
    kept = [i for i, (group, _) in enumerate(names) if width[i] > 1e-9 and group != "place" and spread.get(group, 0.0) > 1e-9]
    if not kept:
        return np.zeros((len(table), 0), dtype=np.int8), np.zeros(0, dtype=np.float32)
    scaled = (values[:, kept] - values[:, kept].mean(axis=0)) / width[kept] * STEPS_A_SPREAD
    columns = {group: sum(names[i][0] == group for i in kept) for group in groups}
    weights = np.array([spread[names[i][0]] / np.sqrt(columns[names[i][0]]) for i in kept], dtype=np.float32)
    return np.clip(np.rint(scaled), -127, 127).astype(np.int8), weights


def similar_cells(
    features: Int8, weights: Float32, cell: int, *, besides: Sequence[int] = (), k: int = SIMILAR
) -> list[tuple[int, float]]:
    """The `k` cells nearest to `cell` and their distances, nearest first; equal distances in the order of the cells."""
    apart = (features.astype(np.float32) - features[cell].astype(np.float32)) * (weights / STEPS_A_SPREAD)
    distance = np.sqrt(np.einsum("cf,cf->c", apart, apart))
    distance[[cell, *besides]] = np.inf
    k = min(k, int(np.isfinite(distance).sum()))
    nearest = np.argsort(distance, kind="stable")[:k]
    return [(int(position), float(distance[position])) for position in nearest]


def shared_groups(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating], groups: Sequence[str]) -> tuple[str, ...]:
    """Groups whose contributions move both rates noticeably and the same way, by the weaker of the two, strongest first."""
    strength = np.where(np.sign(one) == np.sign(other), np.minimum(np.abs(one), np.abs(other)), 0.0)
    order = np.argsort(-strength, kind="stable")
    return tuple(groups[i] for i in order if strength[i] >= SHARED_AT_LEAST and groups[i] != BASE)


def _log_factors(
    restore: Restore, maker: FeatureMaker, known: Panel, origin_day: int, *, change: Change, rates: Float64
) -> Float32:
    """Float32[targets, cells]: log of changed rate ÷ rate.

    A learner may tie its rates to the city's total, which must not move when one cell is asked about. So some cells are changed
    at a time, and what moves those that have nothing to do with it (the same factor everywhere) is taken out.
    """
    recent = known.counts(origin_day - RECENT_DAYS, origin_day).sum(axis=0)
    classes = _apart(maker, recent > 0) if change is HISTORY else np.arange(known.cells) % 2
    changed = rates[:-1].copy()
    for number in range(int(classes.max(initial=-1)) + 1):
        chosen = classes == number
        exchanged = _exchange(maker, known, origin_day, change=change, cells=chosen)
        panel = known
        if change is HISTORY:  # learners that read the panel itself, not the features, must not see those incidents either
            panel = known.rows(~(chosen[known.cell] & (known.day >= origin_day - RECENT_DAYS)))
        asked = np.maximum(restore(exchanged).rate(panel, origin_day)[:-1], LEAST_RATE)
        untouched = _untouched(maker, chosen, recent if change is HISTORY else None)
        drift = (
            np.median(np.log(asked[:, untouched] / rates[:-1, untouched]), axis=1) if untouched.any() else np.zeros(len(asked))
        )
        changed[:, chosen] = asked[:, chosen] / np.exp(drift)[:, np.newaxis]
    changed = np.vstack([changed, changed.sum(axis=0)])
    return np.asarray(np.log(changed / rates), dtype=np.float32)


def _apart(maker: FeatureMaker, wanted: Bool) -> npt.NDArray[np.int64]:
    """Int64[cells]: a class for each wanted cell such that no two neighbours share one (greedy, in their order); -1 elsewhere."""
    near = maker.around.rings[0].tocsr()
    classes = np.full(len(wanted), -1, dtype=np.int64)
    for cell in np.flatnonzero(wanted):
        taken = set(classes[near.indices[near.indptr[cell] : near.indptr[cell + 1]]].tolist())
        classes[cell] = next(number for number in range(len(taken) + 1) if number not in taken)
    return classes


def _untouched(maker: FeatureMaker, chosen: Bool, recent: Float64 | None) -> Bool:
    """Bool[cells]: cells by which a drift of the city's total can be told: not chosen, and with least taken away around them."""
    if recent is None or chosen.all():
        return ~chosen
    gone = np.where(chosen, recent, 0.0)
    around = maker.around.ring_sums(gone, 1) + maker.around.ring_sums(gone, 2)
    return np.asarray(~chosen & (around <= np.quantile(around[~chosen], LEAST_TOUCHED)), dtype=np.bool_)


class _Exchanged(FeatureMaker):
    """A feature maker that gives another moment at one origin, or tables with some columns from elsewhere in some cells."""

    def __init__(
        self, maker: FeatureMaker, moment: Moment, groups: tuple[str, ...], cells: Bool, columns: Columns | None
    ) -> None:
        self.__dict__.update(maker.__dict__)
        self._maker = maker
        self._moment = moment
        self._exchanged_groups = groups
        self._cells = cells
        self._columns_of = columns

    def moment(self, panel: Panel, origin_day: int) -> Moment:
        return self._moment if origin_day == self._moment.origin_day else self._maker.moment(panel, origin_day)

    def table(self, moment: Moment, target: int, rows: npt.NDArray[np.intp] | None = None) -> Float32:
        out = self._maker.table(moment, target, rows)
        if self._columns_of is None or moment is not self._moment:
            return out
        in_groups = [group in self._exchanged_groups for group, _ in self.names(target)]
        columns = np.flatnonzero(in_groups)
        cells = np.arange(len(self._cells)) if rows is None else rows
        changed = np.flatnonzero(self._cells[cells])
        out[np.ix_(changed, columns)] = self._columns_of(target)[np.ix_(cells[changed], columns)]
        return out


def _exchange(maker: FeatureMaker, known: Panel, origin_day: int, *, change: Change, cells: Bool) -> FeatureMaker:
    """The maker that answers `change` in the chosen cells."""
    now = maker.moment(known, origin_day)
    if change is HISTORY:
        return _Exchanged(maker, _mixed(now, _without_recent(maker, known, origin_day), cells), (), cells, None)
    if change is CALENDAR:
        moments = [now, *(maker.moment(known, origin_day - back) for back in SEASON_BACK_D)]

        def averaged(target: int) -> Float32:
            return np.asarray(np.mean([maker.table(moment, target) for moment in moments], axis=0), dtype=np.float32)

        return _Exchanged(maker, now, change.groups, cells, _remembered(averaged))
    return _Exchanged(maker, now, change.groups, cells, _remembered(lambda target: _median_everywhere(maker.table(now, target))))


def _without_recent(maker: FeatureMaker, known: Panel, origin_day: int) -> Moment:
    """The moment as each cell, taken alone, would see it had it held no incident in the last four weeks.

    What is counted in the cell itself comes from the panel without those weeks. Smoothed fields lose what the cell's own
    incidents lent them; rings hold other cells only and stay.
    """
    now = maker.moment(known, origin_day)
    quiet = known.rows(known.day < origin_day - RECENT_DAYS)
    then = maker.moment_covered(quiet, origin_day, now.coverage)  # a quiet month, not one without data
    recent = now.decayed[HALF_LIVES_D.index(RECENT_D)] - then.decayed[HALF_LIVES_D.index(RECENT_D)]
    long_row = HALF_LIVES_D.index(maker.long_d)
    long = now.decayed[long_row] - then.decayed[long_row]
    smooth_long = np.stack([now.smooth_long[i] - _own_weight(maker, s) * long for i, s in enumerate(SIGMAS_LONG_M)])
    smooth_recent = np.stack([now.smooth_recent[i] - _own_weight(maker, s) * recent for i, s in enumerate(SIGMAS_RECENT_M)])
    alone = replace(
        now,
        decayed=then.decayed,
        windowed=then.windowed,
        last_year=then.last_year,
        ever=then.ever,
        days_since=then.days_since,
        active_weeks=then.active_weeks,
        spots=then.spots,
        smooth_long=np.maximum(smooth_long, 0.0),
        smooth_recent=np.maximum(smooth_recent, 0.0),
    )
    return _expected_alone(maker, known, now, alone)


def _own_weight(maker: FeatureMaker, sigma_m: float) -> float:
    """The share of a cell's counts that smoothing leaves in the cell itself: the median of some cells (edges differ a little)."""
    chosen = np.unique(np.linspace(0, len(maker.grid) - 1, 16).astype(np.int64))
    single = np.zeros((len(chosen), len(maker.grid)))
    single[np.arange(len(chosen)), chosen] = 1.0
    return float(np.median(maker.around.smooth(single, sigma_m)[np.arange(len(chosen)), chosen]))


def _expected_alone(maker: FeatureMaker, known: Panel, now: Moment, alone: Moment) -> Moment:
    """The shrunken rates of `_without_recent`, the city's sums staying as they are (formulas: docs/methods.md, shrinkage)."""
    long_row = HALF_LIVES_D.index(maker.long_d)
    before, after = now.decayed[long_row], alone.decayed[long_row]
    weighted = with_all(known.weighted(0.5 ** ((now.origin_day - 1 - known.day) / maker.long_d))).sum(axis=1)
    exposure_weeks = (weighted / np.maximum(before.sum(axis=1), 1e-12))[:, np.newaxis]
    own, own_alone = (m.smooth_long[1] + 0.1 * m.smooth_long[3] for m in (now, alone))
    ratio = own_alone / np.maximum(own, 1e-12)
    # The prior mean blends the type's own field with all crimes', and a little for everywhere that does not change.
    trust = (weighted / (weighted + RARE_BELOW))[:, np.newaxis]
    trust[-1] = 1.0
    of_type = trust * own / np.maximum(own.sum(axis=1, keepdims=True), 1e-12)
    of_all = (1 - trust) * now.expected[-1] / now.expected[-1].sum()
    share = of_type / np.maximum(of_type + of_all, 1e-12)
    blended = share * ratio + (1 - share) * ratio[-1]
    everywhere = 0.02 / np.exp(now.expected_around + now.expected_others)
    prior = blended + np.clip(everywhere, 0.0, 1.0) * (1 - blended)
    seen = (before * exposure_weeks + 1) / np.exp(now.expected_here) - 1
    pull = (after * exposure_weeks + 1) / (np.maximum(seen, 0.0) * prior + 1)
    here = np.log(pull)
    expected = now.expected * prior * np.exp(here - now.expected_here)
    return replace(alone, expected=expected, expected_here=here, expected_around=now.expected_around + np.log(prior))


def _mixed(now: Moment, other: Moment, cells: Bool) -> Moment:
    """The arrays of `other` in the chosen cells, of `now` elsewhere."""
    changed: dict[str, Any] = {}
    for field in fields(now):
        one, two = getattr(now, field.name), getattr(other, field.name)
        if isinstance(one, np.ndarray) and one is not two and one.shape[-1] == len(cells):
            changed[field.name] = np.where(cells, two, one)
    spots = {
        field.name: np.where(cells, getattr(other.spots, field.name), getattr(now.spots, field.name))
        for field in fields(now.spots)
    }
    return replace(now, spots=replace(now.spots, **spots), **changed)


def _median_everywhere(table: Float32) -> Float32:
    return np.asarray(np.broadcast_to(np.nanmedian(table, axis=0), table.shape), dtype=np.float32)


def _remembered(read: Callable[[int], Float32]) -> Callable[[int], Float32]:
    """The same function, which remembers what it gave: a learner asks for a target's table more than once."""
    given: dict[int, Float32] = {}

    def remembered(target: int) -> Float32:
        if target not in given:
            given[target] = read(target)
        return given[target]

    return remembered
