"""The live simulator's history: weeks of camera events and the incidents that some of them precede, with the truth behind both.

In: cameras, what they cover, true rates and weights. Out: arrays for `prediction.fusion` to learn from, and to be judged by.
The risk of an incident in a cell at a moment is rate × exp(Σ weight × excess), where the excess of a factor is the decayed and
coverage-weighted sum of what really happened less what usually happens. Cameras may tell less, or something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cctv.factors import RISK_CODES
from simulation.errors import SimulationError
from simulation.live_city import BLOCK_S, MEAN_CONFIDENCE, SEOUL_OFFSET_S, LiveCity
from simulation.live_faults import LiveEvents
from simulation.live_rhythm import WEEK_HOURS, half_lives

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

START_S = 1_767_538_800  # Monday 2026-01-05 00:00 in Seoul
MOST_LOG_LIFT = 4.0  # exp(4) = 55 times the plain risk
BLOCKS_PER_HOUR = 3600 // BLOCK_S


@dataclass(frozen=True, eq=False)
class LiveTruth:
    """What a system must find out, and what only the simulator knows.

    weights: Float64[categories, factors] and half_life_s: Float64[factors], both over the history's factors (blindness has
    weight 0); lift: Float64[categories], mean of exp(Σ w · excess) under the rates, so the plain forecast to compare with is
    rates × lift; happened: what cameras without faults would have told; city: levels, rhythms, faults, episodes.
    """

    weights: Float64
    half_life_s: Float64
    lift: Float64
    happened: LiveEvents
    city: LiveCity


@dataclass(frozen=True, eq=False)
class LiveHistory:
    """Events as the cameras told them, and incidents. Times are seconds since 1970-01-01 UTC.

    factors: codes; camera: Int32[n], row of the coverage; factor: Int16[n] into `factors`; at: Float64[n], by the camera's
    clock; heard: Float64[n], ascending, when it was told (only a stuck clock makes them differ); weight: Float32[n], confidence.
    incident_cell: Int64[m], incident_at: Float64[m] ascending, incident_category: Int64[m].
    """

    factors: tuple[str, ...]
    start_s: int
    hours: int
    camera: npt.NDArray[np.int32]
    factor: npt.NDArray[np.int16]
    at: Float64
    heard: Float64
    weight: npt.NDArray[np.float32]
    incident_cell: Int64
    incident_at: Float64
    incident_category: Int64
    truth: LiveTruth


def simulate_live(
    purposes: Sequence[str],
    coverage: sparse.csr_array,
    rates: npt.ArrayLike,
    *,
    weights: npt.ArrayLike,
    hours: int,
    seed: int,
    factors: Sequence[str] = RISK_CODES,
    start_s: int = START_S,
    dead: float = 0.0,
    lying: float = 0.0,
    blind: float = 0.0,
    events_per_hour: float = 0.4,
    episodes_per_day: float = 0.1,
    half_life_s: Mapping[str, float] | float | None = None,
    most_log_lift: float = MOST_LOG_LIFT,
    utc_offset_s: int = SEOUL_OFFSET_S,
    excess: Follower | None = None,
    hold_s: int = BLOCK_S,
) -> LiveHistory:
    """Simulate `hours` of events and incidents from `start_s` (a full hour).

    purposes: of the cameras (`CameraSpot.purpose`). coverage: cameras × cells, the spatial kernel of the excess.
    rates: Float[cells, categories] or Float[cells, 168, categories], true incidents an hour (hour of the week, Monday 00:00
    local first) where nothing is unusual. weights: Float[categories, factors]. Shares `dead`, `lying`, `blind`: 0 to 1.
    hold_s: the risk follows the excess in steps of this length. excess: another definition of it than `TrueExcess`.
    Raises `SimulationError`.
    """
    rates, weights = _checked(rates, weights, coverage, len(factors))
    if hours < 1 or start_s % 3600:
        raise SimulationError("A history needs at least one hour, and begins on a full hour (UTC).")
    if hold_s < BLOCK_S or hold_s % BLOCK_S:
        raise SimulationError(f"The excess can be held for a multiple of {BLOCK_S} seconds.")
    city = LiveCity(
        purposes,
        coverage,
        seed=seed,
        factors=factors,
        events_per_hour=events_per_hour,
        episodes_per_day=episodes_per_day,
        dead=dead,
        lying=lying,
        blind=blind,
        utc_offset_s=utc_offset_s,
    )
    half = half_lives(city.factors, half_life_s)
    matters = np.flatnonzero(np.abs(weights).sum(axis=0) > 0)
    follower = excess or TrueExcess(city, coverage, half, start_s=start_s, only=matters)
    happened: list[LiveEvents] = []
    told: list[LiveEvents] = []
    incidents = _Incidents(rates, weights[:, matters] if excess is None else weights, most_log_lift, seed)
    for moment_s, values, events in walk(city, follower, start_s=start_s, hours=hours):
        if (moment_s - start_s) % hold_s == 0:
            incidents.hold(values)
        incidents.draw(moment_s, city.hour_at(moment_s))
        happened.append(events)
        told.append(city.told_of(events, int(moment_s) // BLOCK_S))
    events = LiveEvents.join(told)
    cell, at, category = incidents.found()
    unweighted = np.zeros((len(weights), len(city.all_factors) - len(city.factors)))
    truth = LiveTruth(
        np.concatenate([weights, unweighted], axis=1),
        np.concatenate([half, half_lives(city.all_factors[len(half) :])]),
        incidents.lift(),
        LiveEvents.join(happened),
        city,
    )
    columns = (events.camera, events.factor, events.at, events.heard, events.weight)
    return LiveHistory(city.all_factors, start_s, hours, *columns, cell, at, category, truth)


class Follower(Protocol):
    """Any definition of the excess that incidents may follow."""

    def feed(self, events: LiveEvents, until_s: float) -> None:
        """Take in what happened since the last call, up to `until_s`."""

    def values(self, at_s: float) -> npt.NDArray[Any]:
        """Float[cells, factors] at the moment `at_s`, which is never before the last `until_s`."""


class TrueExcess:
    """Σ confidence × coverage × 2^(−age / half-life) over the events of a factor, less what the usual level alone adds to it.

    Nothing is unusual at the start. `only`: Int64[some], the factors to follow; the others have no column then.
    """

    def __init__(
        self,
        city: LiveCity,
        coverage: sparse.csr_array,
        half_life_s: Float64,
        *,
        start_s: float,
        only: Int64 | None = None,
    ):
        self.city, self.at_s = city, start_s
        self.chosen = np.arange(len(city.factors)) if only is None else only
        self.half_life_s = half_life_s[self.chosen]
        self._cells = sparse.csr_array(coverage.T)
        self._column = np.full(len(city.all_factors), -1)
        self._column[self.chosen] = np.arange(len(self.chosen))
        self._excess = np.zeros((coverage.shape[1], len(self.chosen)))
        self._usual, self._usual_hour = np.zeros_like(self._excess), -1

    def feed(self, events: LiveEvents, until_s: float) -> None:
        """`until_s` must not lie in another hour than the last one did, but for its end."""
        decay = np.exp2(-(until_s - self.at_s) / self.half_life_s)
        # What a steady stream of one event an hour adds to the decayed sum meanwhile.
        gain = (1 - decay) * self.half_life_s / np.log(2) / 3600 * MEAN_CONFIDENCE
        hour = self.city.hour_at(self.at_s)
        if self._usual_hour != hour:
            self._usual_hour = hour
            self._usual = np.asarray(self._cells @ self.city.usual(hour)[:, self.chosen])
        column = self._column[events.factor]
        kept = column >= 0
        left = np.exp2(-(until_s - events.at[kept]) / self.half_life_s[column[kept]])
        entries = (events.weight[kept] * left, (events.camera[kept], column[kept]))
        added = self._cells @ sparse.csr_array(entries, shape=(self.city.cameras, len(self.chosen)))
        self._excess *= decay
        self._excess -= self._usual * gain
        self._excess += added.toarray()
        self.at_s = until_s

    def values(self, at_s: float) -> npt.NDArray[Any]:
        return self._excess


def walk(city: LiveCity, excess: Follower, *, start_s: int, hours: int) -> Iterator[tuple[float, npt.NDArray[Any], LiveEvents]]:
    """Block after block: its begin, Float[cells, factors] the excess at that moment, and what happens in the block.

    The array is used again by the next step: copy what is to be kept.
    """
    for block in range(start_s // BLOCK_S, start_s // BLOCK_S + hours * BLOCKS_PER_HOUR):
        begin_s = float(block * BLOCK_S)
        events = city.happened(block)
        yield begin_s, excess.values(begin_s), events
        excess.feed(events, begin_s + BLOCK_S)


class _Incidents:
    """Draws incidents block by block from rate × exp(bounded Σ weight × excess), and keeps the mean lift."""

    def __init__(self, rates: Float64, weights: Float64, most: float, seed: int):
        self.rates, self.weights, self.most = rates, weights, most
        self.rng = np.random.default_rng([seed, 6])
        self.times = np.ones((rates.shape[0], rates.shape[2]))
        self.plain, self.lifted = np.zeros(rates.shape[2]), np.zeros(rates.shape[2])
        self.parts: list[tuple[Int64, Float64, Int64]] = []

    def hold(self, excess: npt.NDArray[Any]) -> None:
        self.times = np.exp(np.clip(excess @ self.weights.T, -self.most, self.most))

    def draw(self, moment_s: float, hour: int) -> None:
        plain = self.rates[:, hour % self.rates.shape[1]]
        risk = plain * self.times
        self.plain += plain.sum(axis=0)
        self.lifted += risk.sum(axis=0)
        cumulated = np.cumsum(risk)
        number = int(self.rng.poisson(cumulated[-1] * BLOCK_S / 3600))
        pick = np.searchsorted(cumulated, self.rng.random(number) * cumulated[-1], side="right")
        cell, category = np.divmod(np.minimum(pick, risk.size - 1), risk.shape[1])
        self.parts.append((cell, np.sort(moment_s + self.rng.random(number) * BLOCK_S), category))

    def found(self) -> tuple[Int64, Float64, Int64]:
        cell, at, category = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return cell, at, category

    def lift(self) -> Float64:
        return np.divide(self.lifted, self.plain, out=np.ones_like(self.plain), where=self.plain > 0)


def _checked(rates: npt.ArrayLike, weights: npt.ArrayLike, coverage: sparse.csr_array, factors: int) -> tuple[Float64, Float64]:
    """rates: Float64[cells, 1 or 168, categories] and weights: Float64[categories, factors]."""
    rates, weights = np.asarray(rates, np.float64), np.asarray(weights, np.float64)
    rates = rates[:, None, :] if rates.ndim == 2 else rates
    if rates.ndim != 3 or rates.shape[0] != coverage.shape[1] or rates.shape[1] not in (1, WEEK_HOURS):
        raise SimulationError(
            f"The rates have the shape {rates.shape}; wanted are cells × categories or cells × {WEEK_HOURS} × categories, "
            f"with the {coverage.shape[1]} cells of the coverage."
        )
    if weights.shape != (rates.shape[2], factors):
        raise SimulationError(
            f"The weights have the shape {weights.shape}; wanted are {rates.shape[2]} categories × {factors} factors."
        )
    if not (np.isfinite(rates).all() and (rates >= 0).all() and np.isfinite(weights).all()):
        raise SimulationError("Rates must be finite numbers of at least 0, and weights finite numbers.")
    return rates, weights
