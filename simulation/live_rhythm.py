"""When and how often cameras see what: rhythms by kind of place, levels by camera, and the default truths of the live simulator.

All of it is assumed, nothing is measured: it only has to be as uneven as real streams are, and known exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cctv.factors import RISK_CODES
from simulation.errors import SimulationError
from simulation.profiles import BY_BAND, BY_WEEKDAY

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WEEK_HOURS = 168
# The kind of place (of simulation.profiles) that a camera of each purpose looks at.
PLACE_OF_PURPOSE: Mapping[str, str] = {
    "crime_prevention": "street",
    "child_safety": "education",
    "park": "park",
    "traffic": "transit",
    "parking": "shop",
    "facility": "public",
    "waste": "house",
    "other": "other",
}
PLACES = tuple(dict.fromkeys(PLACE_OF_PURPOSE.values()))
# Share of each factor in all events of risk on a usual day.
SHARES: Mapping[str, float] = {
    "crowding": 0.15,
    "emptiness": 0.12,
    "loitering": 0.18,
    "following": 0.07,
    "running": 0.14,
    "scatter": 0.02,
    "fall": 0.02,
    "fight": 0.015,
    "abandoned": 0.04,
    "wrong_way": 0.05,
    "intrusion": 0.05,
    "approach": 0.05,
    "vehicle_stop": 0.12,
    "vehicle_circling": 0.03,
    "weapon": 0.002,
    "fire": 0.003,
    "scream": 0.01,
    "glass": 0.005,
}
AT_NIGHT = {"loitering": 1.6, "following": 1.6, "fight": 2.2, "fall": 1.8, "scream": 1.8, "glass": 1.8, "intrusion": 1.5}
NIGHT_HOURS = (22, 23, 0, 1, 2, 3, 4)
CAMERA_SPREAD = 0.8  # sd of the logarithm of a camera's busyness
FACTOR_SPREAD = 0.4  # sd of the logarithm of a factor's level at one camera beside its busyness
# Half-lives of a factor's effect: an incident comes by half within this time of the event, so minutes to an hour before it.
HALF_LIFE_S: Mapping[str, float] = {
    "fight": 600.0,
    "weapon": 600.0,
    "scream": 600.0,
    "running": 900.0,
    "scatter": 900.0,
    "glass": 900.0,
    "following": 1_200.0,
    "intrusion": 1_800.0,
    "loitering": 2_700.0,
    "crowding": 2_700.0,
    "emptiness": 3_600.0,
    "vehicle_circling": 3_600.0,
}
OTHER_HALF_LIFE_S = 1_800.0
# True weights of the simulated city by category (logarithm of risk per unit of excess); all others are zero.
DEMO_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "homicide": {"fight": 1.2, "weapon": 2.0, "scream": 0.9},
    "robbery": {"following": 1.0, "loitering": 0.5, "weapon": 1.6, "emptiness": 0.4},
    "sexual_violence": {"following": 1.1, "emptiness": 0.5, "scream": 0.8},
    "theft": {"loitering": 0.6, "vehicle_circling": 0.5, "glass": 0.9, "crowding": 0.2},
    "violence": {"fight": 1.2, "crowding": 0.4, "running": 0.5, "scatter": 0.7, "fall": 0.3},
}


def hour_of_week(at_s: float, utc_offset_s: int) -> int:
    """0 = Monday 00:00–01:00 local, for seconds since 1970-01-01 UTC (a Thursday) and a fixed offset of the local clock."""
    return int((at_s + utc_offset_s) // 3600 + 72) % WEEK_HOURS


def rhythms(factors: Sequence[str]) -> Float64:
    """Float64[places, factors, 168]: level against the week's mean (1), for each kind of place in the order of PLACES."""
    lively = np.array([_lively(place) for place in PLACES])
    hour = np.arange(WEEK_HOURS) % 24
    night = np.isin(hour, NIGHT_HOURS)
    found = np.empty((len(PLACES), len(factors), WEEK_HOURS))
    for number, factor in enumerate(factors):
        # Few people about is told where there is little life; everything else where there is much.
        level = 1.0 / (0.3 + lively) if factor == "emptiness" else lively
        found[:, number] = level * np.where(night, AT_NIGHT.get(factor, 1.0), 1.0)
    return np.asarray(found / found.mean(axis=2, keepdims=True))


def _lively(place: str) -> Float64:
    """Float64[168]: liveliness of a kind of place over the hours of the week, Monday 00:00 first, without jumps between bands."""
    bands = np.array(BY_BAND[place])
    middles = np.arange(-1, 9) * 3.0 + 1.5
    day = np.interp(np.arange(24) + 0.5, middles, np.concatenate([bands[-1:], bands, bands[:1]]))
    weekday = np.array(BY_WEEKDAY.get(place, (1.0,) * 7))
    week = np.repeat(weekday, 24)
    week[np.arange(WEEK_HOURS) % 24 < 5] = np.repeat(np.roll(weekday, 1), 5)  # the small hours belong to the evening before
    return np.asarray(np.tile(day, 7) * week + 0.05)


def places_of(purposes: Sequence[str]) -> Int64:
    """Int64[cameras] into PLACES. Raises `SimulationError` for a purpose that is not known."""
    unknown = sorted(set(purposes) - set(PLACE_OF_PURPOSE))
    if unknown:
        raise SimulationError(f"No rhythm is known for cameras of the purpose {', '.join(unknown)}.")
    return np.array([PLACES.index(PLACE_OF_PURPOSE[purpose]) for purpose in purposes], dtype=np.int64)


def camera_levels(cameras: int, factors: Sequence[str], *, per_hour: float, rng: np.random.Generator) -> Float64:
    """Float64[cameras, factors]: usual events an hour over the week, `per_hour` a camera on average over all of them."""
    shares = np.array([SHARES.get(factor, 0.01) for factor in factors])
    busy = rng.lognormal(sigma=CAMERA_SPREAD, size=(cameras, 1))
    own = rng.lognormal(sigma=FACTOR_SPREAD, size=(cameras, len(factors)))
    level = shares * busy * own
    return np.asarray(level * (per_hour * cameras / level.sum()))


def half_lives(factors: Sequence[str], given: Mapping[str, float] | float | None = None) -> Float64:
    """Float64[factors] in seconds: the given ones (one for all, or by code), else the defaults. Raises `SimulationError`."""
    if isinstance(given, int | float):
        found = np.full(len(factors), float(given))
    else:
        table = {**HALF_LIFE_S, **(given or {})}
        found = np.array([table.get(factor, OTHER_HALF_LIFE_S) for factor in factors])
    if not (np.isfinite(found) & (found > 0)).all():
        raise SimulationError("A half-life must be a number of seconds above 0.")
    return found


def demo_weights(categories: Sequence[str], factors: Sequence[str] = RISK_CODES) -> Float64:
    """Float64[categories, factors]: DEMO_WEIGHTS as a matrix; zero where nothing is named."""
    return np.array([[DEMO_WEIGHTS.get(category, {}).get(factor, 0.0) for factor in factors] for category in categories])
