"""Fusion in the demo city, where the truth is known: are the weights found, what do they gain, and what harm can cameras do.

Incidents of an hour are drawn from rate × exp(Σ weight × excess when it began), the excess being what the product's own `Excess`
makes of everything that truly happened before honest cameras. What the product sees are the events that cameras told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from bench._fusion_scores import Hour, Scores, history_of, interval
from bench._report import print_table
from cctv.factors import RISK_CODES
from cctv.views import coverage_matrix
from prediction.fusion.excess import Excess
from prediction.fusion.usual import UsualLevels
from prediction.fusion.weights import LiveWeights, learn_weights, prior_weights
from prediction.grid import Grid, cells_covering
from simulation.city import make_city
from simulation.figures import CATEGORIES
from simulation.live import START_S
from simulation.live_city import BLOCK_S, LiveCity
from simulation.live_faults import LiveEvents
from simulation.live_rhythm import demo_weights, half_lives
from simulation.truth import true_rates

Float64 = npt.NDArray[np.float64]
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "seocho"
SEOUL = ZoneInfo("Asia/Seoul")
SEED = 3
UNIT = 0.5  # of the demo's weights: those are of another unit of excess, of single events
EVENTS_PER_HOUR, EPISODES_PER_DAY = 2.0, 1.0  # a camera
STRENGTHS = (0.0, 0.5, 1.0, 2.0)
CROWDED = 40.0  # times the demo city's 11 incidents a day: from so few, no weight is to be learnt in weeks
SLOT_H = 8
FIRST_SLOT_H = 6
LYING = 0.2
FACTORS = RISK_CODES


@dataclass(frozen=True, eq=False)
class Setting:
    """rates: Float64[21 slots, categories, cells], incidents an hour of the demo city; weeks to warm up, learn and test."""

    purposes: tuple[str, ...]
    coverage: csr_array
    rates: Float64
    warm_h: int
    learn_h: int
    test_h: int

    @property
    def hours(self) -> int:
        return self.warm_h + self.learn_h + self.test_h

    def rates_at(self, hour: int) -> Float64:
        """Float64[categories, cells]: an hour of the slot that is on; hour 0 is Monday 00:00."""
        return np.asarray(self.rates[((hour - FIRST_SLOT_H) % 168) // SLOT_H])


@dataclass(frozen=True, eq=False)
class Seen:
    """What a product saw: excess csr [cells, factors] and seen Float32[cells] when each hour began, from the warm-up's end."""

    excess: list[csr_array]
    seen: list[npt.NDArray[np.float32]]
    trust: npt.NDArray[np.float32]


def setting(*, quick: bool) -> Setting:
    city = make_city(FIXTURES, until=date(2026, 3, 31), rng=np.random.default_rng(SEED))
    grid = Grid.from_h3(cells_covering(city.geography.outline, 10))
    spots = city.cameras[:: 4 if quick else 1]
    bearing = np.array([np.nan if spot.bearing_deg is None else spot.bearing_deg for spot in spots])
    columns = (np.array([getattr(spot, name) for spot in spots]) for name in ("longitude", "latitude", "angle_deg", "range_m"))
    lon, lat, angle, reach = columns
    coverage = coverage_matrix(lon, lat, bearing, angle, reach, cell_ids=grid.cell_ids)
    rates = true_rates(city.sites, city.figures, city.geography.plane, grid).transpose(1, 2, 0) / SLOT_H
    weeks = (2, 3, 1) if quick else (2, 4, 2)
    return Setting(tuple(spot.purpose for spot in spots), coverage, rates, *(168 * week for week in weeks))


def watch(
    found: Setting, *, lying: float = 0.0, dead: float = 0.0, blind: float = 0.0, honest: bool = False, trust: bool = True
) -> Seen:
    """Live through all hours. honest: what truly happened, as every camera would tell it without faults."""
    city = LiveCity(
        found.purposes,
        found.coverage,
        seed=SEED,
        factors=FACTORS,
        lying=lying,
        dead=dead,
        blind=blind,
        events_per_hour=EVENTS_PER_HOUR,
        episodes_per_day=EPISODES_PER_DAY,
    )
    usual = UsualLevels(city.cameras, len(FACTORS), zone=SEOUL)
    excess = Excess(found.coverage, usual, half_life_s=half_lives(FACTORS), start_s=START_S)
    alive = np.arange(city.cameras) if honest else np.flatnonzero(~city.faults.is_dead)
    kept = Seen([], [], np.zeros(0, dtype=np.float32))
    for block in range(START_S // BLOCK_S, START_S // BLOCK_S + found.hours * 6):
        moment = float(block * BLOCK_S)
        if block % 6 == 0 and moment >= START_S + found.warm_h * 3_600:
            kept.excess.append(csr_array(excess.values(moment).T))
            kept.seen.append(excess.seen(moment))
        happened = city.happened(block)
        take_in(excess, happened if honest else city.told_of(happened, block), alive, moment)
        if not trust:
            excess.trust.values[:] = 1.0
    return Seen(kept.excess, kept.seen, excess.health(moment).trust)


def take_in(excess: Excess, events: LiveEvents, alive: npt.NDArray[np.int64], moment: float) -> None:
    """One block of events as the live service would take them in; a clock that runs ahead counts as now."""
    excess.saw(alive, moment)
    at = np.minimum(events.at, moment + BLOCK_S)
    risk = events.factor < len(FACTORS)
    excess.add(events.camera[risk], events.factor[risk], at[risk], events.weight[risk])
    if not risk.all():
        excess.blind(events.camera[~risk], at[~risk], 900.0)
    excess.advance(moment + BLOCK_S)


def live(found: Setting, truth: Seen, seen: Seen, weights: Float64, *, times: float, seed: int) -> list[Hour]:
    """Incidents drawn by what truly happened, laid beside what was seen. The plain forecast is right in total."""
    rng = np.random.default_rng([SEED, seed])
    lifted, plain = np.zeros(len(CATEGORIES)), np.zeros(len(CATEGORIES))
    drawn = []
    for number, excess in enumerate(truth.excess):
        rates = found.rates_at(found.warm_h + number) * times
        rise = np.exp(np.clip((excess @ weights.T).T, -4, 4))
        risk = rates * rise
        plain, lifted = plain + rates.sum(axis=1), lifted + risk.sum(axis=1)
        cumulated = np.cumsum(risk.ravel())
        picked = np.searchsorted(cumulated, rng.random(rng.poisson(cumulated[-1])) * cumulated[-1], side="right")
        drawn.append(np.divmod(np.minimum(picked, risk.size - 1), risk.shape[1]))
    lift = (lifted / plain)[:, np.newaxis]
    return [
        Hour(
            START_S + (found.warm_h + number) * 3_600,
            found.rates_at(found.warm_h + number) * times * lift,
            seen.excess[number],
            seen.seen[number],
            cell,
            category,
        )
        for number, (category, cell) in enumerate(drawn)
    ]


@dataclass(frozen=True, eq=False)
class Outcome:
    """One world: the weights learnt, the truth, and how they fared on the hours after."""

    name: str
    truth: Float64
    learnt: LiveWeights
    incidents: int
    figures: dict[str, Any]

    @property
    def in_interval(self) -> float:
        low, high = self.learnt.interval()
        return float(((low <= self.truth) & (self.truth <= high)).mean())

    @property
    def in_interval_of_true(self) -> float:
        low, high = self.learnt.interval()
        return float(((low <= self.truth) & (self.truth <= high))[self.truth != 0].mean()) if self.truth.any() else 1.0

    @property
    def found_share(self) -> float:
        """Slope of the learnt weights on the true ones."""
        return float((self.learnt.mean * self.truth).sum() / (self.truth**2).sum()) if self.truth.any() else 0.0


def outcome(name: str, hours: list[Hour], truth: Float64, learn_h: int) -> Outcome:
    history = history_of(hours[:learn_h], CATEGORIES, FACTORS)
    learnt = learn_weights(prior_weights(CATEGORIES, FACTORS), history)
    scores = Scores()
    for hour in hours[learn_h:]:
        scores.add(hour, learnt)
    return Outcome(name, truth, learnt, int(history.incidents), scores.figures())


def simulated(*, quick: bool) -> dict[str, Any]:
    found = setting(quick=quick)
    base = UNIT * demo_weights(CATEGORIES, FACTORS)
    truth = watch(found, honest=True)
    worlds = [
        outcome(
            f"strength {strength:g}",
            live(found, truth, truth, base * strength, times=CROWDED, seed=1),
            base * strength,
            found.learn_h,
        )
        for strength in STRENGTHS
    ]
    small = live(found, truth, truth, base * 0, times=1.0, seed=2)
    worlds.append(outcome("no meaning, 11 incidents a day", small, base * 0, found.learn_h))
    liars = watch(found, lying=LYING, dead=0.05, blind=0.05)
    believing = watch(found, lying=LYING, dead=0.05, blind=0.05, trust=False)
    worlds += [
        outcome(name, live(found, truth, seen, base, times=CROWDED, seed=1), base, found.learn_h)
        for name, seen in (("20 % lying, 5 % dead, 5 % blind", liars), ("the same, every camera trusted", believing))
    ]
    worlds.append(
        outcome("20 % lying, no meaning", live(found, truth, liars, base * 0, times=CROWDED, seed=1), base * 0, found.learn_h)
    )
    _print(found, worlds)
    return _keys(worlds)


def _print(found: Setting, worlds: Sequence[Outcome]) -> None:
    print(
        f"Demo city (simulated): {len(found.purposes):,} cameras, {found.coverage.shape[1]:,} cells, {len(FACTORS)} factors; "
        f"{found.warm_h // 168} weeks to learn what is usual, {found.learn_h // 168} to learn weights, "
        f"{found.test_h // 168} to test."
    )
    print_table(
        "Next hour, fused against plain; intervals: 2,000 draws over days",
        [
            "world",
            "learnt from",
            "tested on",
            "nats / incident",
            "95 %",
            "HR@1 plain",
            "fused",
            "difference 95 %",
            "HR@5 plain",
            "fused",
        ],
        [
            [
                one.name,
                one.incidents,
                one.figures["incidents"],
                one.figures["loglik_gain"]["value"],
                interval(one.figures["loglik_gain"]),
                one.figures["hr1"]["plain"],
                one.figures["hr1"]["fused"],
                interval(one.figures["hr1"]["difference"]),
                one.figures["hr5"]["plain"],
                one.figures["hr5"]["fused"],
            ]
            for one in worlds
        ],
    )
    print_table(
        "Weights and calibration",
        ["world", "in 95 % interval", "of the true ones", "slope on truth", "prior sd", "expected ÷ happened", "plain"],
        [
            [
                one.name,
                one.in_interval,
                one.in_interval_of_true,
                one.found_share,
                one.learnt.scale,
                one.figures["calibration"]["value"],
                one.figures["calibration_plain"],
            ]
            for one in worlds
        ],
    )
    strongest = next(one for one in worlds if one.name == "strength 1")
    print_table(
        "Strength 1: expected ÷ happened by how far the cameras moved the rate",
        ["lift", "expected", "happened", "ratio"],
        [[b["lift"], b["expected"], b["happened"], b["expected"] / max(b["happened"], 1)] for b in strongest.figures["bands"]],
    )


def _keys(worlds: Sequence[Outcome]) -> dict[str, Any]:
    by_name = {one.name: one for one in worlds}
    swept = [by_name[f"strength {strength:g}"] for strength in STRENGTHS]
    nothing, useful, lying = by_name["strength 0"], by_name["strength 1"], by_name["20 % lying, 5 % dead, 5 % blind"]
    loss = {
        name: by_name[name].figures["hr1"] for name in ("strength 0", "no meaning, 11 incidents a day", "20 % lying, no meaning")
    }
    return {
        "hr1_gain_by_strength": {f"{s:g}": one.figures["hr1"]["difference"] for s, one in zip(STRENGTHS, swept, strict=True)},
        "noise_loss_relative": {name: round(1 - hr["fused"] / hr["plain"], 5) for name, hr in loss.items()},
        "weights_in_interval": round(useful.in_interval, 4),
        "weights_in_interval_of_true": round(useful.in_interval_of_true, 4),
        "loglik_gain": useful.figures["loglik_gain"],
        "hr1_gain": useful.figures["hr1"]["difference"],
        "noise_loss": round(max(0.0, -nothing.figures["loglik_gain"]["value"]), 6),
        "lying": {
            "loglik_gain": lying.figures["loglik_gain"],
            "hr1": lying.figures["hr1"],
            "loglik_gain_every_camera_trusted": by_name["the same, every camera trusted"].figures["loglik_gain"],
        },
        "worlds": {one.name: one.figures | {"scale": one.learnt.scale, "slope": round(one.found_share, 4)} for one in worlds},
    }
