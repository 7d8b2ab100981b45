"""Scores of one learner, window by window: sums that are small, add up over blocks, and never hold all rates at once."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from prediction import metrics
from prediction.errors import PredictionError
from prediction.metrics import AREA_PERCENTS, CHANCE_EDGES, LEAST_RATE, Cover

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]

# Sums kept for each window and target.
SUMS = (
    "predicted",
    "log_likelihood",
    "deviance",
    "brier",
    "crps",
    "absolute_error",
    "absolute_error_of_hits",
    "relative_error",  # Σ |λ − y| / y over the cells with an incident
    "cells_with_one",
    "true_positive",
    "called",
)
# Rates are told apart by the first 10 bits of their mantissa, that is to within 0.1 %, from 2^-31 to 2^10 incidents.
RATE_BITS = 10
LOWEST_RATE_KEY = (127 - 31) << RATE_BITS
RATE_KEYS = (31 + 10) << RATE_BITS
PERCENTS = len(AREA_PERCENTS)


@dataclass(frozen=True, eq=False)
class Happened:
    """What came to pass in one window, for every target: shared by all learners.

    counts: Float64[targets, cells]; shuffled: Int[targets, cells], an order that breaks ties, the same for all learners; active:
    Bool[cells]: cells that had held any incident before the learners were fitted.
    """

    counts: Float64
    shuffled: Index
    hits: tuple[Index, ...]
    log_factorials: Float64
    active: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, counts: Float64, *, seed: int, step: int, active: npt.NDArray[np.bool_] | None = None) -> Self:
        """counts Float64[categories, cells]; rounded as the rates are, to single precision. active: all cells where None."""
        both = np.vstack([counts, counts.sum(axis=0)]).astype(np.float32).astype(np.float64)
        cells = both.shape[1]
        noise = [np.random.default_rng((seed, target, step)).random(cells) for target in range(len(both))]
        hits = tuple(np.flatnonzero(row > 0) for row in both)
        factorials = [float(gammaln(row[hit] + 1).sum()) for row, hit in zip(both, hits, strict=True)]
        held = np.ones(cells, dtype=np.bool_) if active is None else active
        return cls(both, np.argsort(np.stack(noise), axis=1, kind="stable"), hits, np.array(factorials), held)

    def ranked(self, target: int, scores: npt.NDArray[np.floating]) -> Index:
        """Cells from the highest score to the lowest, ties in seeded order: what `metrics.ranking` gives."""
        order = self.shuffled[target]
        return np.asarray(order[np.argsort(-scores[order], kind="stable")], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Tally:
    """One learner's scores on some windows of one horizon.

    step, block: Int64[windows]; incidents: Float64[windows, targets]; captured, best, taken: Float64[windows, targets, percents]:
    incidents caught, the most that could be caught, and the share of the area; captured_active: caught by shares of the active
    cells only; auc: Float64[windows, targets]; sums:
    Float64[windows, targets, SUMS]; by_area: Float64[targets, bins]: incidents along the ranking; bands: Float64[targets, 3,
    keys]: cells, rates and incidents by rate; chances: Float64[targets, 3, bins]: cells, predicted chances and cells with an
    incident, by the predicted chance.
    """

    step: Int64
    block: Int64
    incidents: Float64
    captured: Float64
    captured_active: Float64
    best: Float64
    taken: Float64
    auc: Float64
    sums: Float64
    by_area: Float64
    bands: Float64
    chances: Float64

    @classmethod
    def empty(cls, steps: Sequence[int], blocks: Sequence[int], *, targets: int, bins: int) -> Self:
        windows = len(steps)
        return cls(
            step=np.array(steps, dtype=np.int64),
            block=np.array(blocks, dtype=np.int64),
            incidents=np.zeros((windows, targets)),
            captured=np.zeros((windows, targets, PERCENTS)),
            captured_active=np.zeros((windows, targets, PERCENTS)),
            best=np.zeros((windows, targets, PERCENTS)),
            taken=np.zeros((windows, targets, PERCENTS)),
            auc=np.full((windows, targets), np.nan),
            sums=np.zeros((windows, targets, len(SUMS))),
            by_area=np.zeros((targets, bins)),
            bands=np.zeros((targets, 3, RATE_KEYS)),
            chances=np.zeros((targets, 3, len(CHANCE_EDGES) - 1)),
        )

    @property
    def targets(self) -> int:
        return int(self.incidents.shape[1])

    def sum_of(self, name: str, target: int) -> float:
        """One of SUMS, added up over the windows."""
        return float(self.sums[:, target, SUMS.index(name)].sum())

    def add(self, place: int, rates: Float64, happened: Happened, cover: Cover, *, alphas: Sequence[float] = ()) -> None:
        """Score the window at `place`. rates: Float64[targets, cells]; alphas: negative-binomial dispersion of each target."""
        if rates.shape != happened.counts.shape or not np.isfinite(rates).all() or (rates < 0).any():
            raise PredictionError(
                f"A learner gave rates of shape {rates.shape}; needed are {happened.counts.shape}, each a number of zero or more."
            )
        single = rates.astype(np.float32)
        for target in range(self.targets):
            alpha = float(alphas[target]) if len(alphas) else 0.0
            likeliest = happened.ranked(target, single[target])
            order = (
                likeliest
                if cover.areas_km2 is None
                else happened.ranked(target, cover.density(single[target].astype(np.float64)))
            )
            self._add_ranking(place, target, order, single[target], happened, cover=cover)
            self._add_chances(place, target, likeliest, single[target], happened, alpha=alpha)
            self._add_rates(place, target, single[target].astype(np.float64), happened)

    def _add_ranking(self, place: int, target: int, order: Index, single: Float32, happened: Happened, *, cover: Cover) -> None:
        counts, hits = happened.counts[target], happened.hits[target]
        scores = cover.density(single.astype(np.float64))
        running = np.cumsum(counts[order])
        numbers, shares = cover.prefixes(order)
        self.incidents[place, target] = counts.sum()
        self.captured[place, target] = running[numbers - 1]
        self.taken[place, target] = shares
        self.best[place, target] = cover.most(counts, shares)
        self.auc[place, target] = metrics.auc_of_sorted(scores[order], scores[hits])
        self.by_area[target] += cover.by_area(counts, order)
        self.captured_active[place, target] = _caught_among(happened.active, counts, order, cover)

    def _add_chances(
        self, place: int, target: int, likeliest: Index, single: Float32, happened: Happened, *, alpha: float
    ) -> None:
        hits = happened.hits[target]
        chances = metrics.chance_of_one(single.astype(np.float64), alpha)
        called = metrics.likeliest_calls(chances[likeliest])
        is_called = np.zeros(len(single), dtype=np.bool_)
        is_called[likeliest[:called]] = True
        squares = float((chances**2).sum() - 2 * chances[hits].sum() + len(hits))
        self._put(place, target, brier=squares, called=called, true_positive=is_called[hits].sum(), cells_with_one=len(hits))
        bin_ = np.clip(np.searchsorted(CHANCE_EDGES, chances, side="right") - 1, 0, len(CHANCE_EDGES) - 2)
        bins = len(CHANCE_EDGES) - 1
        self.chances[target, 0] += np.bincount(bin_, minlength=bins)
        self.chances[target, 1] += np.bincount(bin_, weights=chances, minlength=bins)
        self.chances[target, 2] += np.bincount(bin_[hits], minlength=bins)
        rates, counts = single.astype(np.float64), happened.counts[target]
        crps = metrics.crps_poisson(rates, counts) if alpha <= 0 else metrics.crps_negative_binomial(rates, counts, alpha)
        self._put(place, target, crps=crps.sum())

    def _add_rates(self, place: int, target: int, rates: Float64, happened: Happened) -> None:
        counts, hits = happened.counts[target], happened.hits[target]
        safe = np.maximum(rates, LEAST_RATE)
        seen, logs = counts[hits], np.log(safe[hits])
        surprise = (seen * (np.log(seen) - logs)).sum()
        missed = np.abs(rates[hits] - seen)
        self._put(
            place,
            target,
            predicted=rates.sum(),
            log_likelihood=(seen * logs).sum() - safe.sum() - happened.log_factorials[target],
            deviance=2 * (surprise - seen.sum() + safe.sum()),
            absolute_error=rates.sum() - rates[hits].sum() + missed.sum(),
            absolute_error_of_hits=missed.sum(),
            relative_error=(missed / seen).sum(),
        )
        keys = (rates.astype(np.float32).view(np.int32) >> (23 - RATE_BITS)).astype(np.int64) - LOWEST_RATE_KEY
        keys = np.clip(keys, 0, RATE_KEYS - 1)
        self.bands[target, 0] += np.bincount(keys, minlength=RATE_KEYS)
        self.bands[target, 1] += np.bincount(keys, weights=rates, minlength=RATE_KEYS)
        np.add.at(self.bands[target, 2], keys[hits], seen)

    def _put(self, place: int, target: int, **values: float) -> None:
        for name, value in values.items():
            self.sums[place, target, SUMS.index(name)] = value

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Parts of the same learner and horizon, in the order of their windows."""
        ordered = sorted(parts, key=lambda part: int(part.step[0]))
        pooled = {"by_area", "bands", "chances"}
        values = {}
        for field in fields(cls):
            arrays = [getattr(part, field.name) for part in ordered]
            # Added one after another, in the order of time: the same bits however many machines took part.
            values[field.name] = sum(arrays[1:], arrays[0].copy()) if field.name in pooled else np.concatenate(arrays)
        return cls(**values)

    def to_bytes(self) -> bytes:
        """The same tally gives the same bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises ValueError, OSError, KeyError or zipfile.BadZipFile where the bytes are damaged."""
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            return cls(**{field.name: held[field.name] for field in fields(cls)})


def _caught_among(active: npt.NDArray[np.bool_], counts: Float64, order: Index, cover: Cover) -> Float64:
    """Float64[percents]: incidents in the first 1, 2, 5, 10, 20 % of the area of the active cells."""
    inside = order[active[order]]
    if len(inside) == 0:
        return np.zeros(PERCENTS)
    place = np.cumsum(active) - 1
    numbers, _ = cover.of_some(active).prefixes(place[inside])
    return np.asarray(np.cumsum(counts[inside])[numbers - 1], dtype=np.float64)
