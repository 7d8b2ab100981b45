"""How fused maps fare against plain ones, hour by hour: likelihood, capture, calibration, with intervals over days."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from prediction.fusion.fuse import fuse
from prediction.fusion.weights import History, LiveWeights

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SHARES = (0.01, 0.02, 0.05)
LIFTS = (0.0, 0.8, 1.25, 2.0, np.inf)
DRAWS = 2_000
SEEN_LEAST = 0.5


@dataclass(frozen=True, eq=False)
class Hour:
    """One hour. at_s; rates Float64[categories, cells], plain; excess csr Float32[cells, factors] and seen Float32[cells] when it
    began; cell, category: Int64[n], the incidents in it."""

    at_s: int
    rates: Float64
    excess: csr_array
    seen: Float32
    cell: Ints
    category: Ints


@dataclass
class Scores:
    """Sums by day. hits: plain and fused, at each share; expected: plain and fused; bands: expected and happened by lift."""

    days: dict[int, Float64] = field(default_factory=dict)
    bands: Float64 = field(default_factory=lambda: np.zeros((len(LIFTS) - 1, 2)))

    def add(self, hour: Hour, weights: LiveWeights | None) -> None:
        plain = hour.rates.astype(np.float32)
        fused = fuse(plain, weights, np.ascontiguousarray(hour.excess.toarray().T), hour.seen)
        row = np.zeros(4 + 2 * len(SHARES))
        row[0] = len(hour.cell)
        row[1] = fused.log_lift[hour.category, hour.cell].sum() - (fused.rates.sum(dtype=float) - plain.sum(dtype=float))
        row[2], row[3] = plain.sum(dtype=float), fused.rates.sum(dtype=float)
        for number, rates in enumerate((plain, fused.rates)):
            row[4 + number * len(SHARES) : 4 + (number + 1) * len(SHARES)] = captured(rates.sum(axis=0), hour.cell)
        day = hour.at_s // 86_400
        self.days[day] = self.days.get(day, 0.0) + row
        moved = np.flatnonzero(fused.log_lift.any(axis=0))
        lift, rates = np.exp(fused.log_lift[:, moved]), fused.rates[:, moved]
        happened = np.zeros_like(fused.rates)
        np.add.at(happened, (hour.category, hour.cell), 1.0)
        for band, (low, high) in enumerate(pairwise(LIFTS)):
            inside = (lift >= low) & (lift < high)
            self.bands[band] += rates[inside].sum(), happened[:, moved][inside].sum()

    def table(self) -> Float64:
        """Float64[days, figures]."""
        return np.stack([self.days[day] for day in sorted(self.days)])

    def figures(self, *, seed: int = 7) -> dict[str, Any]:
        """Everything with 95 % intervals of a bootstrap over days: gain in nats per incident, capture rates, totals."""
        table = self.table()
        drawn = np.random.default_rng(seed).integers(0, len(table), (DRAWS, len(table)))
        sums, every = table[drawn].sum(axis=1), table.sum(axis=0)
        found: dict[str, Any] = {"incidents": int(every[0]), "days": len(table)}
        found["loglik_gain"] = _told(every[1] / every[0], sums[:, 1] / sums[:, 0])
        found["calibration_plain"] = round(every[2] / every[0], 4)
        found["calibration"] = _told(every[3] / every[0], sums[:, 3] / sums[:, 0])
        size = len(SHARES)
        for number, share in enumerate(SHARES):
            plain, fused = 4 + number, 4 + size + number
            name = f"hr{share:.0%}".rstrip("%")
            found[name] = {"plain": round(every[plain] / every[0], 4), "fused": round(every[fused] / every[0], 4)}
            found[name]["difference"] = _told(
                (every[fused] - every[plain]) / every[0], (sums[:, fused] - sums[:, plain]) / sums[:, 0]
            )
        found["bands"] = [
            {"lift": f"{low:g}–{high:g}", "expected": round(float(e), 1), "happened": int(h)}
            for (low, high), (e, h) in zip(pairwise(LIFTS), self.bands, strict=True)
        ]
        return found


def _told(value: float, draws: Float64) -> dict[str, float]:
    low, high = np.quantile(draws, (0.025, 0.975))
    return {"value": round(float(value), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def interval(told: dict[str, float]) -> str:
    """As tables show it."""
    return f"[{told['low']:+.4f}, {told['high']:+.4f}]"


def captured(risk: Float32, cell: Ints) -> Float64:
    """Float64[shares]: incidents in the top cells; cells that tie at the edge count by their chance."""
    found = np.zeros(len(SHARES))
    if not len(cell):
        return found
    ordered = np.sort(risk)
    for number, share in enumerate(SHARES):
        count = round(share * len(risk))
        if not count:
            continue
        edge = ordered[len(risk) - count]
        above, equal = int((risk > edge).sum()), int((risk == edge).sum())
        found[number] = (risk[cell] > edge).sum() + (risk[cell] == edge).sum() * (count - above) / equal
    return found


def history_of(hours: Iterable[Hour], categories: tuple[str, ...], factors: tuple[str, ...]) -> History:
    """Hours as the core learns from them: rows are the seen cells with excess."""
    rates, counts, numbers, excess, rest_rates, rest_counts, at_s = [], [], [], [], [], [], []
    for number, hour in enumerate(hours):
        at_s.append(hour.at_s)
        seen = hour.seen >= SEEN_LEAST
        is_row = (np.diff(hour.excess.indptr) > 0) & seen
        rows = np.flatnonzero(is_row)
        happened = np.zeros(hour.rates.shape)
        np.add.at(happened, (hour.category, hour.cell), 1.0)
        rest = seen & ~is_row
        rates.append(hour.rates[:, rows].T)
        counts.append(happened[:, rows].T)
        numbers.append(np.full(len(rows), number))
        excess.append(hour.excess[rows])
        rest_rates.append(hour.rates[:, rest].sum(axis=1))
        rest_counts.append(happened[:, rest].sum(axis=1))
    return History(
        categories,
        factors,
        np.array(at_s, dtype=np.int64),
        np.concatenate(numbers),
        _stacked(excess, len(factors)),
        np.concatenate(rates),
        np.concatenate(counts),
        np.stack(rest_rates),
        np.stack(rest_counts),
    )


def _stacked(parts: list[csr_array], columns: int) -> csr_array:
    """Thousands of small matrices one below the other; scipy's own vstack takes its time with so many."""
    starts = np.cumsum([0, *(part.nnz for part in parts)])
    pointers = [np.zeros(1, dtype=np.int64), *(part.indptr[1:] + start for part, start in zip(parts, starts, strict=False))]
    data, indices = np.concatenate([part.data for part in parts]), np.concatenate([part.indices for part in parts])
    shape = (sum(part.shape[0] for part in parts), columns)
    return csr_array((data.astype(np.float64), indices, np.concatenate(pointers)), shape=shape)
