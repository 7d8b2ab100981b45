"""The forecasts of `bench tensors`: trees on lagged counts, started from a decayed rate; and the simple rivals beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from bench._tensors_data import DailySet
from bench._tensors_features import Table, build_table
from bench._tensors_heads import f1_threshold, fit_dispersion

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
SEED = 20171231
BURN_IN_D = 60
CHOOSING_D = 91  # days before the test on which dispersions are chosen, by a model that has not seen them
OCCURRENCE_BURN_IN_D, OCCURRENCE_CHOOSING_D = 21, 30  # these sets have 189 to 212 days before the test


@dataclass(frozen=True)
class TreeSettings:
    """Chosen on the 182 days before the test of ST-HSL's sets, and on the last 60 before August of AGL-STAN's and HAGEN's."""

    trees: int = 450
    leaves: int = 24
    learning_rate: float = 0.04
    least_in_leaf: int = 200
    feature_share: float = 0.3
    l2: float = 5.0


@dataclass(frozen=True, eq=False)
class CountForecast:
    """Of the days from `first_day` on: mean Float64[days, areas, types]; dispersion Float64[types] of a negative binomial."""

    first_day: int
    mean: Float64
    dispersion: Float64

    def spread(self) -> Float64:
        """The dispersion laid out as the mean is."""
        return np.asarray(np.broadcast_to(self.dispersion, self.mean.shape), dtype=np.float64)


def trees(
    table: Table,
    rows: Bool,
    *,
    objective: str,
    start: Float64 | None,
    settings: TreeSettings,
    target: Float64 | None = None,
    weight: Float64 | None = None,
) -> Float64:
    """Learn from the rows; Float64[all rows of the table]: raw score, with `start` (a raw score too). One thread, one seed."""
    label = table.y if target is None else target
    data = lgb.Dataset(
        table.x[rows],
        label=label[rows],
        weight=None if weight is None else weight[rows],
        init_score=None if start is None else start[rows],
        categorical_feature=[table.names.index("type")],
    )
    parameters = {
        "objective": objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least_in_leaf,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "cat_smooth": 50,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "seed": SEED,
        "verbosity": -1,
    }
    booster = lgb.train(parameters, data, num_boost_round=settings.trees)
    raw = np.asarray(booster.predict(table.x, raw_score=True, num_threads=1), dtype=np.float64)
    return raw if start is None else raw + start


def forecast_counts(data: DailySet, settings: TreeSettings) -> tuple[CountForecast, Table]:
    """Counts of the test days, and the table that they were made from.

    Dispersions come from the 91 days before the test by a model that ends before those; the means from a model of all days before
    the test. Areas that never held an incident until then are not learnt: they get one incident together in as many days.
    """
    held = np.flatnonzero(data.counts[: data.val_end].sum(axis=(0, 2)) > 0)
    table = build_table(data, first_day=BURN_IN_D, areas=held)
    choosing = data.val_end - CHOOSING_D
    start = table.offset.astype(np.float64)
    first = np.exp(trees(table, table.day < choosing, objective="poisson", start=start, settings=settings))
    looked_at = (table.day >= choosing) & (table.day < data.val_end)
    kinds = data.counts.shape[2]
    dispersion = np.array(
        [
            fit_dispersion(table.y[rows].astype(np.float64), first[rows])
            for rows in (looked_at & (table.kind == k) for k in range(kinds))
        ]
    )
    learnt = np.exp(trees(table, table.day < data.val_end, objective="poisson", start=start, settings=settings))
    never = data.counts.shape[1] - len(held)
    mean = np.full((data.days - data.val_end, *data.counts.shape[1:]), 1 / max(1, data.val_end * kinds * never))
    mean[:, held] = learnt[table.day >= data.val_end].reshape(-1, len(held), kinds)
    return CountForecast(data.val_end, mean, dispersion), table


def forecast_given_any(data: DailySet, table: Table, *, objective: str, settings: TreeSettings) -> Float64:
    """Float64[test days, areas, types]: trees of the earlier entries with y > 0 alone, for the masked metrics ("l1", "mape")."""
    rows = (table.day < data.val_end) & (table.y > 0)
    small = replace(settings, trees=min(settings.trees, 300), leaves=16, least_in_leaf=100, learning_rate=0.05)
    raw = trees(table, rows, objective=objective, start=None, settings=small)
    out = np.ones((data.days - data.val_end, *data.counts.shape[1:]))
    areas = np.unique(table.cell)
    out[:, areas] = raw[table.day >= data.val_end].reshape(-1, len(areas), data.counts.shape[2])
    return out


@dataclass(frozen=True, eq=False)
class OccurrenceForecast:
    """probability Float64[test days, areas, types] of any incident; thresholds Float64[types] for the F1 of each type, threshold
    for the pooled one."""

    probability: Float64
    thresholds: Float64
    threshold: float


OCCURRENCE = TreeSettings(trees=200, leaves=12, learning_rate=0.03, l2=20.0)


def forecast_occurrence(data: DailySet, *, trees_at_most: int = OCCURRENCE.trees) -> OccurrenceForecast:
    """Learnt once from all days before the test.

    The thresholds are those with the largest expected F1 under the probabilities that a model gave for the last 30 days before
    the test without having seen them.
    """
    settings = replace(OCCURRENCE, trees=min(trees_at_most, OCCURRENCE.trees))
    areas = np.arange(data.counts.shape[1])
    happened = replace(data, counts=(data.counts > 0).astype(np.float32))
    table = build_table(data, first_day=OCCURRENCE_BURN_IN_D, areas=areas)
    often = np.clip(np.exp(build_table(happened, first_day=OCCURRENCE_BURN_IN_D, areas=areas).offset), 0.01, 0.99).astype(
        np.float64
    )
    start = np.log(often / (1 - often))
    target = (table.y > 0).astype(np.float64)
    shape = (-1, *data.counts.shape[1:])

    def learnt_before(day: int) -> Float64:
        raw = trees(table, table.day < day, objective="binary", start=start, settings=settings, target=target)
        return np.asarray(1 / (1 + np.exp(-raw)), dtype=np.float64)

    choosing = data.val_end - OCCURRENCE_CHOOSING_D
    looked_at = learnt_before(choosing)[(table.day >= choosing) & (table.day < data.val_end)].reshape(shape)
    return OccurrenceForecast(
        probability=learnt_before(data.val_end)[table.day >= data.val_end].reshape(shape),
        thresholds=np.array([f1_threshold(looked_at[..., kind]) for kind in range(data.counts.shape[2])]),
        threshold=f1_threshold(looked_at),
    )


# --- simple rivals, from the days before the test --------------------------------------------------


def mean_of_history(data: DailySet) -> Float64:
    """Float64[areas, types]."""
    return np.asarray(data.counts[: data.val_end].mean(axis=0), dtype=np.float64)


def median_of_history(data: DailySet) -> Float64:
    """Float64[areas, types]."""
    return np.asarray(np.median(data.counts[: data.val_end], axis=0), dtype=np.float64)


def median_given_any(data: DailySet) -> Float64:
    """Float64[areas, types]: median of the days with any incident; 1 where there never was one."""
    known = np.where(data.counts[: data.val_end] > 0, data.counts[: data.val_end], np.nan)
    out = np.ones(known.shape[1:])
    some = ~np.isnan(known).all(axis=0)
    out[some] = np.nanmedian(known[:, some], axis=0)
    return out


def frequency(data: DailySet) -> Float64:
    """Float64[areas, types]: share of the days before the test with any incident."""
    return np.asarray((data.counts[: data.val_end] > 0).mean(axis=0), dtype=np.float64)
