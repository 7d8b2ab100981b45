"""What happens before the cameras of a simulated city, block of ten minutes after block, each from its own seed.

A block is the same whoever asks for it and whenever, so that a history, a live stream and its replay tell one story.
Usual events: negative binomial around camera × factor × hour of the week. Unusual ones: episodes of ten to fifty minutes
in which a camera and its neighbours see many events of one factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cctv.factors import RISK_CODES
from simulation.errors import SimulationError
from simulation.live_faults import (
    BLIND_FACTORS,
    CONSTANT_CONFIDENCE,
    CONSTANT_EVERY_S,
    Fault,
    Faults,
    LiveEvents,
    as_told,
    draw_faults,
    it_rains,
)
from simulation.live_rhythm import SHARES, WEEK_HOURS, camera_levels, hour_of_week, places_of, rhythms

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

BLOCK_S = 600
SEOUL_OFFSET_S = 32_400
CONFIDENCE = (6.0, 2.0)  # a beta distribution
MEAN_CONFIDENCE = CONFIDENCE[0] / sum(CONFIDENCE)
DISPERSION = 2.0  # shape of the gamma level of one camera, factor and hour: variance of a count = mean + mean² / 2
EPISODE_S = (600.0, 3_000.0)
EPISODE_PER_HOUR = 15.0  # events an hour that an episode adds at its own camera
NEIGHBOURS = 3
NEIGHBOUR_SHARE = 0.4  # of an episode's events, seen again by each neighbour


class LiveCity:
    """Cameras, their usual levels, their faults, and whatever happens before them.

    factors: codes of risk; `all_factors` has the two of blindness behind them. level: Float64[cameras, factors], usual events
    an hour over the week; rhythm: Float64[places, factors, 168]; place: Int64[cameras].
    """

    def __init__(
        self,
        purposes: Sequence[str],
        coverage: sparse.csr_array,
        *,
        seed: int,
        factors: Sequence[str] = RISK_CODES,
        events_per_hour: float = 0.4,
        episodes_per_day: float = 0.1,
        dead: float = 0.0,
        lying: float = 0.0,
        blind: float = 0.0,
        silent: npt.NDArray[np.bool_] | None = None,
        utc_offset_s: int = SEOUL_OFFSET_S,
    ):
        """`purposes` of the cameras, in the order of the rows of `coverage` (cameras × cells), which tells who is a neighbour.

        events_per_hour and episodes_per_day: a camera, on average. Raises `SimulationError`.
        """
        if coverage.shape[0] != len(purposes):
            raise SimulationError(f"There are {len(purposes)} cameras, but the coverage has {coverage.shape[0]} rows.")
        if not (np.isfinite([events_per_hour, episodes_per_day]).all() and events_per_hour >= 0 and episodes_per_day >= 0):
            raise SimulationError("Events an hour and episodes a day must be numbers of at least 0.")
        self.seed, self.utc_offset_s = seed, utc_offset_s
        self.factors = tuple(factors)
        self.all_factors = (*self.factors, *BLIND_FACTORS)
        self.place = places_of(purposes)
        self.rhythm = rhythms(self.factors)
        self.level = camera_levels(len(purposes), self.factors, per_hour=events_per_hour, rng=np.random.default_rng([seed, 1]))
        self.faults: Faults = draw_faults(
            len(purposes),
            len(self.factors),
            dead=dead,
            lying=lying,
            blind=blind,
            silent=silent,
            rng=np.random.default_rng([seed, 2]),
        )
        shares = np.sqrt([SHARES.get(factor, 0.01) for factor in self.factors])  # rare things have more than their share
        self.episodes_a_day = episodes_per_day * len(purposes) * shares / shares.sum()
        self._coverage = coverage
        self._hour: tuple[int, Float64] = (-1, np.zeros(0))
        self._days: dict[int, Mapping[str, npt.NDArray[Any]]] = {}

    @property
    def cameras(self) -> int:
        return len(self.place)

    def usual(self, hour: int) -> Float64:
        """Float64[cameras, factors]: events an hour that usually happen in this hour of the week (0 = Monday 00–01 local)."""
        return np.asarray(self.level * self.rhythm[self.place, :, hour % WEEK_HOURS])

    def hour_at(self, at_s: float) -> int:
        return hour_of_week(at_s, self.utc_offset_s)

    def happened(self, block: int) -> LiveEvents:
        """What happened in the ten minutes from block × BLOCK_S on, as cameras without faults would tell it."""
        rng = np.random.default_rng([self.seed, 4, block])
        begin_s = float(block * BLOCK_S)
        cumulated = self._cumulated(begin_s)
        total = float(cumulated[-1]) if len(cumulated) else 0.0
        number = int(rng.poisson(total * BLOCK_S / 3600))
        pick = np.searchsorted(cumulated, rng.random(number) * total, side="right")
        camera, factor = np.divmod(np.minimum(pick, max(len(cumulated) - 1, 0)), max(len(self.factors), 1))
        at = begin_s + rng.random(number) * BLOCK_S
        more_camera, more_factor, more_at = self._of_episodes(begin_s, rng)
        camera, factor = np.concatenate([camera, more_camera]), np.concatenate([factor, more_factor])
        return LiveEvents.of(camera, factor, np.concatenate([at, more_at]), rng.beta(*CONFIDENCE, size=len(camera)))

    def told(self, block: int) -> LiveEvents:
        """What the cameras tell of a block, with their faults; factors are numbers into `all_factors`."""
        return self.told_of(self.happened(block), block)

    def told_of(self, happened: LiveEvents, block: int) -> LiveEvents:
        begin_s = float(block * BLOCK_S)
        return as_told(
            happened,
            self.faults,
            factors=len(self.factors),
            hour_of_day=self.hour_at(begin_s) % 24,
            rain=it_rains(begin_s, self.seed),
            begin_s=begin_s,
            length_s=float(BLOCK_S),
            seed=self.seed,
        )

    def told_counts(self, weeks: float) -> npt.NDArray[np.float32]:
        """Float32[cameras, factors, 168]: what `weeks` weeks would have told, in sums of confidence by hour of the week.

        Drawn from the usual levels and the faults at once; episodes, storms and blindness are left out.
        """
        rng = np.random.default_rng([self.seed, 7])
        kind, every = self.faults.kind, np.arange(self.cameras)
        stands = np.where(kind == Fault.WRONG_PLACE, self.faults.other, every)
        speaks = ~np.isin(kind, (Fault.DEAD, Fault.CONSTANT, Fault.STORM))
        constant = np.flatnonzero(kind == Fault.CONSTANT)
        counts = np.zeros((*self.level.shape, WEEK_HOURS), dtype=np.float32)
        for hour in range(WEEK_HOURS):
            mean = self.usual(hour)[stands] * speaks[:, None]
            level = rng.standard_gamma(DISPERSION * weeks, size=mean.shape, dtype=np.float32) / DISPERSION
            counts[:, :, hour] = rng.poisson(mean * level) * MEAN_CONFIDENCE
        counts[constant, self.faults.factor[constant]] = CONSTANT_CONFIDENCE * weeks * 3600 / CONSTANT_EVERY_S
        return counts

    def episodes(self, day: int) -> Mapping[str, npt.NDArray[Any]]:
        """Episodes that begin on a UTC day (days since 1970-01-01): arrays `camera`, `factor`, `begin_s`, `end_s`, `per_hour`."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) > 3:
                self._days.clear()
            found = self._days[day] = self._draw_episodes(day)
        return found

    def _draw_episodes(self, day: int) -> Mapping[str, npt.NDArray[Any]]:
        rng = np.random.default_rng([self.seed, 3, day])
        number = rng.poisson(self.episodes_a_day) if self.cameras else np.zeros(len(self.factors), np.int64)
        factor = np.repeat(np.arange(len(self.factors)), number)
        camera = rng.integers(0, max(self.cameras, 1), size=len(factor))
        hours = (self.hour_at(day * 86_400.0) + np.arange(24)) % WEEK_HOURS
        level = np.cumsum(self.rhythm[self.place[camera], factor][:, hours], axis=1)
        hour = (level < (rng.random(len(factor)) * level[:, -1])[:, None]).sum(axis=1) if len(factor) else factor
        begin_s = day * 86_400.0 + (hour + rng.random(len(factor))) * 3600
        per_hour = EPISODE_PER_HOUR * rng.lognormal(sigma=0.4, size=len(factor))
        end_s = begin_s + rng.uniform(*EPISODE_S, size=len(factor))
        return {"camera": camera, "factor": factor, "begin_s": begin_s, "end_s": end_s, "per_hour": per_hour}

    def _of_episodes(self, begin_s: float, rng: np.random.Generator) -> tuple[Int64, Int64, Float64]:
        day = int(begin_s // 86_400)
        parts = []
        for one in (self.episodes(day - 1), self.episodes(day)):
            since, until = np.maximum(one["begin_s"], begin_s), np.minimum(one["end_s"], begin_s + BLOCK_S)
            running = np.flatnonzero(until > since)
            for share, column in [(1.0, -1), *((NEIGHBOUR_SHARE, n) for n in range(NEIGHBOURS))]:
                own = one["camera"][running].astype(np.int64)
                camera = own if column < 0 else self._neighbours[own, column]
                lasting = (until - since)[running]
                number = rng.poisson(share * one["per_hour"][running] * lasting / 3600)
                number[camera < 0] = 0
                at = np.repeat(since[running], number) + rng.random(int(number.sum())) * np.repeat(lasting, number)
                parts.append((np.repeat(camera, number), np.repeat(one["factor"][running].astype(np.int64), number), at))
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]

    def _cumulated(self, begin_s: float) -> Float64:
        """Float64[cameras × factors]: cumulated intensity an hour, with the gamma level of the hour on it."""
        hour = int(begin_s // 3600)
        if self._hour[0] != hour:
            rng = np.random.default_rng([self.seed, 5, hour])
            level = rng.standard_gamma(DISPERSION, size=self.level.shape, dtype=np.float32) / DISPERSION
            self._hour = (hour, np.cumsum(self.usual(self.hour_at(begin_s)) * level))
        return self._hour[1]

    @cached_property
    def _neighbours(self) -> Int64:
        """Int64[cameras, NEIGHBOURS]: cameras that see most of the same cells; -1 where there are fewer."""
        together = sparse.csr_array(self._coverage @ self._coverage.T)
        together.setdiag(np.zeros(self.cameras))
        together.eliminate_zeros()
        found = np.full((self.cameras, NEIGHBOURS), -1, dtype=np.int64)
        for camera in range(self.cameras):
            row = slice(together.indptr[camera], together.indptr[camera + 1])
            best = np.argsort(-together.data[row], kind="stable")[:NEIGHBOURS]
            found[camera, : len(best)] = together.indices[row][best]
        return found
