"""How a day's incidents of a cell fall on the day's slots, learnt: boosted trees that bend the profile of `prediction.profile`.

The profile knows each cell's past by slot of the week, shrunk. The trees add what it cannot: how the mix of slots nearby, of the
other categories and of the last weeks moves a cell's own. They learn from incidents alone: given that one fell into a cell and
day, in which slot was it? As a Poisson model of (incident, slot) pairs with the profile's share as offset this is the conditional
(multinomial) likelihood (Baker 1994), so neither empty cells nor the level of the week matter. A day's sum stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.grid import Grid
from prediction.learners.base import Progress, no_progress
from prediction.learners.boosting import lgbm_parameters
from prediction.learners.trees import BoostingSettings
from prediction.panel import DAY_S, Incidents
from prediction.profile import ProfileSettings, slot_shares, spread_points
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

HALF_LIVES_D = (30.0, 120.0, 960.0)
SMOOTHED = ((120.0, 1_000.0), (960.0, 300.0))  # half-life in days, sigma in metres
PROFILE_WEEKS = 4  # of training that share one profile
WEEK_S = 7 * DAY_S
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class ShapeSettings:
    """How to learn. `slots_at_most`: a day of more slots keeps the profile, whose cells then hold too little to bend it by."""

    trees: int = 150
    leaves: int = 12
    learning_rate: float = 0.05
    least_in_leaf: int = 300
    least_expected_in_leaf: float = 50.0
    l2: float = 20.0
    feature_share: float = 0.5
    row_share: float = 0.7
    pairs_at_most: int = 300_000
    weeks_at_most: int = 52
    least_incidents: int = 2_000
    slots_at_most: int = 6


def can_bend(scheme: SlotScheme, settings: ShapeSettings) -> bool:
    """Whether a day has slots to choose between, and not too many."""
    return scheme.period == "hours" and 2 <= scheme.per_day <= settings.slots_at_most


@dataclass(frozen=True, eq=False)
class SlotShape:
    """Trees by category; None where a category has too few incidents or a day too many slots: the profile stands."""

    scheme: SlotScheme
    settings: ShapeSettings
    trees: tuple[lgb.Booster | None, ...]

    @classmethod
    def none(cls, scheme: SlotScheme, categories: int) -> Self:
        return cls(scheme, ShapeSettings(), (None,) * categories)

    @classmethod
    def learnt(
        cls,
        incidents: Incidents,
        grid: Grid,
        around: Surroundings,
        *,
        scheme: SlotScheme,
        categories: int,
        cutoff_s: int,
        profile: ProfileSettings,
        seed: int,
        settings: ShapeSettings | None = None,
        progress: Progress = no_progress,
    ) -> Self:
        """From the weeks before the cut-off (epoch seconds), each seen with the eyes of its own beginning."""
        settings = settings or ShapeSettings()
        known = incidents.take(incidents.end_s < cutoff_s)
        # Which pairs are drawn must not hang on the order of the file.
        known = known.take(np.lexsort((known.cell_index, known.category, known.end_s, known.start_s)))
        totals = np.bincount(known.category, minlength=categories)
        wanted = [category for category in range(categories) if totals[category] >= settings.least_incidents]
        if not wanted or not can_bend(scheme, settings):
            return cls(scheme, settings, (None,) * categories)
        rows = _rows(
            known,
            grid=grid,
            around=around,
            scheme=scheme,
            categories=categories,
            wanted=wanted,
            cutoff_s=cutoff_s,
            profile=profile,
            settings=settings,
            seed=seed,
            progress=progress,
        )
        trees: list[lgb.Booster | None] = [None] * categories
        for category in wanted:
            parts = rows.pop(category)
            if parts:
                trees[category] = _train(parts, settings, seed)
        progress(1.0, "fit")
        return cls(scheme, settings, tuple(trees))

    @property
    def bends(self) -> bool:
        return any(booster is not None for booster in self.trees)

    def bent(self, shares: Float64, fields: SlotFields | None, category: int, slots: Sequence[int] | None = None) -> Float64:
        """Float64[slots of the week, cells]: the profile's shares of a category, bent; each day's sum stays.

        fields: of the category's incidents at the origin (`SlotFields.at`); slots: only the days of these slots of the week
        are bent (all by default).
        """
        booster = self.trees[category]
        if booster is None or fields is None:
            return shares
        out = shares.copy()
        per_day = self.scheme.per_day
        days = range(7) if slots is None else sorted({slot // per_day for slot in slots})
        for day in days:
            rows = slice(day * per_day, (day + 1) * per_day)
            total = shares[rows].sum(axis=0)
            base = np.maximum(shares[rows] / np.maximum(total, 1e-300), LEAST_SHARE)
            bent = np.empty_like(base)
            for slot in range(per_day):
                table = fields.table(category, slot, day, base[slot])
                bent[slot] = base[slot] * np.exp(np.asarray(booster.predict(table, raw_score=True, num_threads=1)))
            out[rows] = bent / bent.sum(axis=0) * total
        return out

    def to_plain(self) -> dict[str, Any]:
        """For a model file; the same trees give the same text."""
        return {"trees": [None if booster is None else booster.model_to_string() for booster in self.trees]}

    @classmethod
    def from_plain(cls, scheme: SlotScheme, plain: dict[str, Any]) -> Self:
        """Raises `PredictionError` where the text is no trees of ours."""
        try:
            trees = tuple(None if text is None else lgb.Booster(model_str=text) for text in plain["trees"])
        except (lgb.basic.LightGBMError, KeyError, TypeError) as error:
            raise PredictionError("The model's shape of the day is damaged; train again to make a new one.") from error
        return cls(scheme, ShapeSettings(), trees)


@dataclass(frozen=True, eq=False)
class SlotFields:
    """Counts by slot of the day at one origin: decayed Float64[half-lives, categories, slots, cells], smoothed alike."""

    decayed: Float64
    smoothed: Float64
    recent: Float64
    place_km: Float64  # [2, cells]

    @staticmethod
    def at(
        incidents: Incidents, grid: Grid, around: Surroundings, *, scheme: SlotScheme, categories: int, origin_s: int
    ) -> SlotFields:
        """From what was known before the origin (epoch seconds)."""
        return Counted.of(incidents, scheme, categories=categories, cells=len(grid)).fields(grid, around, origin_s)

    def table(self, category: int, slot: int, day: int | Int64, share: Float64, cells: Int64 | slice = slice(None)) -> Float32:
        """Float32[rows, columns] of one slot of the day. day: 0 is Monday; share Float64[rows]: of the day, by the profile."""
        columns: list[Float64] = []
        for field in self.decayed:
            here = field[:, :, cells]
            own, every = here[category].sum(axis=0), here.sum(axis=(0, 1))
            columns += [here[category, slot], own, here[:, slot].sum(axis=0)]
            columns += [(here[category, slot] + 0.2) / (own + 0.6), (here[:, slot].sum(axis=0) + 0.2) / (every + 0.6)]
        for field in self.smoothed:
            near = field[:, :, cells]
            own, every = near[category].sum(axis=0), near.sum(axis=(0, 1))
            columns += [own, near[category, slot] / (own + 1e-9), near[:, slot].sum(axis=0) / (every + 1e-9)]
        columns += [self.recent[category, slot][cells], self.recent[category].sum(axis=0)[cells]]
        rows = len(columns[0])
        columns += [np.full(rows, float(slot)), np.broadcast_to(np.asarray(day, dtype=np.float64), rows), np.log(share)]
        columns += [self.place_km[0, cells], self.place_km[1, cells]]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Counted:
    """Incidents by slot of the day, ready for the fields of any origin: their instants in the order in which they got known."""

    flat: Int64  # category × slot of the day × cell
    second: Int64
    known_s: Int64
    weight: Float64
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, incidents: Incidents, scheme: SlotScheme, *, categories: int, cells: int) -> Self:
        points = spread_points(incidents)
        slot = scheme.slot_of_week(points.second) % scheme.per_day
        known_s = incidents.end_s[points.row]
        flat = (incidents.category[points.row].astype(np.int64) * scheme.per_day + slot) * cells + incidents.cell_index[
            points.row
        ]
        order = np.lexsort((points.weight, flat, points.second, known_s))
        return cls(flat[order], points.second[order], known_s[order], points.weight[order], (categories, scheme.per_day, cells))

    def fields(self, grid: Grid, around: Surroundings, origin_s: int) -> SlotFields:
        end = int(np.searchsorted(self.known_s, origin_s))
        age_d = (origin_s - 1 - self.second[:end]) // DAY_S
        decayed = {half_life: self._sums(end, 0.5 ** (age_d / half_life)) for half_life in HALF_LIVES_D}
        smoothed = [np.maximum(around.smooth(decayed[half_life], sigma), 0.0) for half_life, sigma in SMOOTHED]
        centred = (grid.centres_m - grid.centres_m.mean(axis=0)) / 1_000
        recent = self._sums(end, (age_d < 2).astype(np.float64))
        return SlotFields(np.stack(list(decayed.values())), np.stack(smoothed), recent, centred.T)

    def _sums(self, end: int, factor: Float64) -> Float64:
        size = int(np.prod(self.shape))
        sums = np.bincount(self.flat[:end], weights=self.weight[:end] * factor, minlength=size)
        return np.asarray(sums.reshape(self.shape), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Pairs:
    table: Float32
    hit: Float64
    offset: Float64


def _rows(
    known: Incidents,
    *,
    grid: Grid,
    around: Surroundings,
    scheme: SlotScheme,
    categories: int,
    wanted: Sequence[int],
    cutoff_s: int,
    profile: ProfileSettings,
    settings: ShapeSettings,
    seed: int,
    progress: Progress,
) -> dict[int, list[_Pairs]]:
    """(incident, slot) pairs of each week before the cut-off, seen from the week's beginning."""
    counted = Counted.of(known, scheme, categories=categories, cells=len(grid))
    history_s = cutoff_s - int(np.quantile(known.start_s, 0.001))
    weeks = min(settings.weeks_at_most, int(history_s - 91 * DAY_S) // WEEK_S)
    per_week = max(1, settings.pairs_at_most // max(1, weeks * scheme.per_day))
    rows: dict[int, list[_Pairs]] = {category: [] for category in wanted}
    shares: dict[int, Float64] = {}
    for step in range(weeks):
        progress(0.8 * step / weeks, "features")
        origin_s = cutoff_s - WEEK_S * (weeks - step)
        if step % PROFILE_WEEKS == 0:
            shares = {
                category: slot_shares(
                    known, around, scheme=scheme, category=category, categories=categories, known_s=origin_s, settings=profile
                )
                for category in wanted
            }
        fields = counted.fields(grid, around, origin_s)
        for category in wanted:
            chosen = (known.category == category) & (known.start_s >= origin_s) & (known.start_s < origin_s + WEEK_S)
            # Only incidents whose hour is known tell in which slot they were.
            chosen &= known.end_s - known.start_s <= 3_600 * scheme.typical_h / 2
            places = np.flatnonzero(chosen)
            if len(places) > per_week:
                rng = np.random.default_rng((seed, category, step))
                places = np.sort(rng.choice(places, per_week, replace=False))
            if len(places):
                rows[category].append(_pairs(known.take(places), fields, shares[category], scheme, category))
    return rows


def _pairs(chosen: Incidents, fields: SlotFields, shares: Float64, scheme: SlotScheme, category: int) -> _Pairs:
    slot_of_week = scheme.slot_of_week(chosen.start_s).astype(np.int64)
    day, slot, cells = slot_of_week // scheme.per_day, slot_of_week % scheme.per_day, chosen.cell_index.astype(np.int64)
    base = np.stack([shares[day * scheme.per_day + other, cells] for other in range(scheme.per_day)])
    base = np.maximum(base / np.maximum(base.sum(axis=0), 1e-300), LEAST_SHARE)
    tables = [fields.table(category, other, day, base[other], cells) for other in range(scheme.per_day)]
    hits = [(slot == other).astype(np.float64) for other in range(scheme.per_day)]
    return _Pairs(np.concatenate(tables), np.concatenate(hits), np.log(base).ravel())


def _train(parts: Sequence[_Pairs], settings: ShapeSettings, seed: int) -> lgb.Booster:
    trees = BoostingSettings(
        leaves=settings.leaves,
        learning_rate=settings.learning_rate,
        least_in_leaf=settings.least_in_leaf,
        least_expected_in_leaf=settings.least_expected_in_leaf,
        l2=settings.l2,
        feature_share=settings.feature_share,
        row_share=settings.row_share,
    )
    parameters = lgbm_parameters(trees, seed=seed)
    data = lgb.Dataset(
        np.concatenate([part.table for part in parts]),
        label=np.concatenate([part.hit for part in parts]),
        init_score=np.concatenate([part.offset for part in parts]),
        free_raw_data=True,
        params=parameters,
    )
    return lgb.train(parameters, data, num_boost_round=settings.trees)
