"""P10: a replayed signal of known strength. A stated share of the incidents before a camera is announced by one event of one
factor, ten minutes to an hour and a half before; the same factor is also told by chance, once a day and camera.

Incidents come from the plain rates alone, so the plain forecast is right, and all that is gained comes from the signal.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from bench._fusion_scores import Hour, Scores, history_of, interval
from bench._fusion_simulated import CATEGORIES, CROWDED, SEED, SEOUL, Setting
from bench._report import print_table
from prediction.fusion.excess import Excess
from prediction.fusion.trial import held_out_trial
from prediction.fusion.usual import UsualLevels
from prediction.fusion.weights import learn_weights, prior_weights
from simulation.live import START_S

Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
ANNOUNCED = (0.0, 0.1, 0.2, 0.4, 0.8)
CHANCE_PER_DAY = 1.0
LEAD_S = (600.0, 5_400.0)
HALF_LIFE_S = 1_800.0
FACTOR = ("signal",)


def replayed(found: Setting) -> dict[str, Any]:
    """Capture and likelihood by the share of incidents that is announced."""
    at_s, cell, category = _incidents(found)
    rows, keys = [], {}
    for share in ANNOUNCED:
        hours = _hours(found, at_s, cell, category, share)
        history = history_of(hours[: found.learn_h], CATEGORIES, FACTOR)
        learnt = learn_weights(prior_weights(CATEGORIES, FACTOR), history)
        scores = Scores()
        for hour in hours[found.learn_h :]:
            scores.add(hour, learnt)
        told = scores.figures()
        nothing = prior_weights(CATEGORIES, FACTOR)
        trial = held_out_trial(nothing, nothing, history, share=0.25, rng=np.random.default_rng(SEED))
        told |= {"goes_into_service": trial.is_better, "weights": [round(float(mean), 4) for mean in learnt.mean[:, 0]]}
        keys[f"{share:g}"] = told
        rows.append([f"{share:.0%}", *_row(told)])
    columns = ["announced", "tested on", "nats / incident", "95 %", "HR@1 plain", "fused", "difference 95 %"]
    columns += ["HR@5 plain", "fused", "expected ÷ happened", "into service"]
    print_table("P10: the shift's forecast, fused each hour with a replayed signal of known strength (simulated)", columns, rows)
    fused, plain = ([keys[f"{share:g}"]["hr1"][kind] for share in ANNOUNCED] for kind in ("fused", "plain"))
    return {
        "hr1_by_share_announced": dict(zip(keys, fused, strict=True)),
        "hr1_plain": plain[0],
        "rises": bool(np.all(np.diff(fused) > 0)),
        "noise_loss_relative": round(1 - fused[0] / plain[0], 5) if plain[0] else 0.0,
        "noise_goes_into_service": keys["0"]["goes_into_service"],
        "by_share": keys,
    }


def _row(told: dict[str, Any]) -> list[Any]:
    gain, hr1, hr5 = told["loglik_gain"], told["hr1"], told["hr5"]
    captures = [hr1["plain"], hr1["fused"], interval(hr1["difference"]), hr5["plain"], hr5["fused"]]
    return [
        told["incidents"],
        gain["value"],
        interval(gain),
        *captures,
        told["calibration"]["value"],
        "yes" if told["goes_into_service"] else "no",
    ]


def _incidents(found: Setting) -> tuple[Float64, Ints, Ints]:
    """Seconds (ascending by hour), cells and categories of all incidents after the warm-up."""
    rng = np.random.default_rng([SEED, 21])
    parts = []
    for hour in range(found.warm_h, found.hours):
        rates = found.rates_at(hour) * CROWDED
        cumulated = np.cumsum(rates.ravel())
        picked = np.searchsorted(cumulated, rng.random(rng.poisson(cumulated[-1])) * cumulated[-1], side="right")
        category, cell = np.divmod(np.minimum(picked, rates.size - 1), rates.shape[1])
        parts.append((START_S + (hour + rng.random(len(cell))) * 3_600, cell, category))
    at_s, cell, category = (np.concatenate(column) for column in zip(*parts, strict=True))
    return at_s, cell, category


def _events(found: Setting, at_s: Float64, cell: Ints, share: float) -> tuple[Ints, Float64]:
    """Cameras and seconds of all events, ascending: announcements by a camera that sees the cell, and those by chance."""
    rng = np.random.default_rng([SEED, 22])
    cameras = found.coverage.shape[0]
    number = rng.poisson(CHANCE_PER_DAY * cameras * found.hours / 24)
    camera, second = rng.integers(0, cameras, number), START_S + rng.random(number) * found.hours * 3_600
    by_cell = csc_array(found.coverage)
    first, last = by_cell.indptr[cell], by_cell.indptr[cell + 1]
    told = (rng.random(len(cell)) < share) & (last > first)
    picked = first + (rng.random(len(cell)) * (last - first)).astype(np.int64)
    before = at_s - rng.uniform(*LEAD_S, len(cell))
    told &= before >= START_S
    camera = np.concatenate([camera, by_cell.indices[picked[told]].astype(np.int64)])
    second = np.concatenate([second, before[told]])
    order = np.argsort(second, kind="stable")
    return camera[order], second[order]


def _hours(found: Setting, at_s: Float64, cell: Ints, category: Ints, share: float) -> list[Hour]:
    camera, second = _events(found, at_s, cell, share)
    cameras = found.coverage.shape[0]
    usual = UsualLevels(cameras, 1, zone=SEOUL)
    excess = Excess(found.coverage, usual, half_life_s=[HALF_LIFE_S], start_s=START_S)
    everyone, hours = np.arange(cameras), []
    edges = np.searchsorted(second, START_S + np.arange(found.hours * 4 + 1) * 900.0)
    days = np.searchsorted(at_s, START_S + np.arange(found.hours + 1) * 3_600)
    for hour in range(found.hours):
        moment = START_S + hour * 3_600
        if hour >= found.warm_h:
            now = slice(days[hour], days[hour + 1])
            x, seen = csr_array(excess.values(float(moment)).T), excess.seen(float(moment))
            hours.append(Hour(moment, found.rates_at(hour) * CROWDED, x, seen, cell[now], category[now]))
        for quarter in range(4 * hour, 4 * hour + 4):
            excess.saw(everyone, START_S + quarter * 900.0)
            part = slice(edges[quarter], edges[quarter + 1])
            excess.add(camera[part], np.zeros(part.stop - part.start, dtype=np.int64), second[part])
            excess.advance(START_S + (quarter + 1) * 900.0)
    return hours
