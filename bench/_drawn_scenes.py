"""Drawn scenes with known events for factors that no clip at hand shows: trembling boxes, misses, changed track numbers.

A picture of 1280 × 720 pixels, 40 pixels a metre. Every tenth box is missed, each edge trembles by 3 % of the height, and a track
gets a new number about twice a minute.
"""

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from cctv.vision.model import PERSON, VEHICLE, Finding, Rule, Scene, Seen
from cctv.vision.rules import Drawn, Line, Zone
from cctv.vision.rules.body import Fall
from cctv.vision.rules.counting import Crowding, Emptiness
from cctv.vision.rules.following import Following
from cctv.vision.rules.moving import Scatter, WrongWay
from cctv.vision.rules.staying import Loitering
from cctv.vision.rules.vehicles import VehicleCircling, VehicleStop
from cctv.vision.rules.zones import Approach, Intrusion

PIXELS, WIDTH, HEIGHT, FPS, SECONDS = 40, 1280, 720, 5.0, 60.0
MISSED, TREMBLE, NEW_NUMBER_S = 0.1, 0.03, 30.0
EMPTY = np.zeros((90, 160), np.uint8)
Actor = tuple[int, str, float, float, float, float]  # who, kind, x, y (metres from the upper left), width, height (metres)
Cast = Callable[[float, np.random.Generator], Iterable[Actor]]


def play_drawn(rule: Rule, make_cast: Callable[[np.random.Generator], Cast], *, seed: int) -> list[Finding]:
    """A minute of one scene, as a tracker would give it."""
    rng = np.random.default_rng(seed)
    cast = make_cast(rng)
    numbers: dict[int, int] = {}
    following = 1
    found: list[Finding] = []
    for step in range(round(SECONDS * FPS)):
        seen = []
        for who, kind, x, y, width, height in cast(step / FPS, rng):
            if who not in numbers or rng.random() < 1 / (NEW_NUMBER_S * FPS):
                numbers[who], following = following, following + 1
            if rng.random() < MISSED or not (0 < x < WIDTH / PIXELS and 0 < y < HEIGHT / PIXELS):
                continue
            noise = rng.normal(0, TREMBLE * height * PIXELS, 4)
            box = (x - width / 2) * PIXELS, (y - height) * PIXELS, (x + width / 2) * PIXELS, y * PIXELS
            x0, y0, x1, y1 = (float(side + off) for side, off in zip(box, noise, strict=True))
            seen.append(Seen(numbers[who], kind, (x0, y0, x1, y1), float(rng.uniform(0.6, 1.0))))
        found += rule.look(Scene(step / FPS, step, (WIDTH, HEIGHT), seen, EMPTY, EMPTY, 0.125))
    return found


def person(who: int, x: float, y: float, *, lying: bool = False) -> Actor:
    return (who, PERSON, x, y, 1.6, 0.6) if lying else (who, PERSON, x, y, 0.6, 1.7)


def car(who: int, x: float, y: float) -> Actor:
    return who, VEHICLE, x, y, 4.0, 1.5


def passers(rng: np.random.Generator, count: int = 6) -> Cast:
    """People who cross at walking pace, each on a way of their own."""
    starts, ys = rng.uniform(0, 45, count), rng.uniform(3, 17, count)
    paces = rng.uniform(0.8, 1.7, count) * rng.choice([-1, 1], count)

    def cast(t: float, _: np.random.Generator) -> list[Actor]:
        return [
            person(n, (0 if paces[n] > 0 else 32) + paces[n] * (t - starts[n]), ys[n]) for n in range(count) if t >= starts[n]
        ]

    return cast


def with_passers(make: Callable[[np.random.Generator], Cast], count: int = 3) -> Callable[[np.random.Generator], Cast]:
    """The same scene with some who only pass."""

    def both(rng: np.random.Generator) -> Cast:
        some, others = make(rng), passers(rng, count)

        def cast(t: float, r: np.random.Generator) -> list[Actor]:
            return [*some(t, r), *((one[0] + 100, *one[1:]) for one in others(t, r))]

        return cast

    return both


def falls(rng: np.random.Generator) -> Cast:
    when, x, y = rng.uniform(8, 40), rng.uniform(4, 10), rng.uniform(4, 16)
    return lambda t, _: [person(0, x + min(t, when) * 0.3, y, lying=t > when)]


def bends(rng: np.random.Generator) -> Cast:
    """Stoops for a moment, again and again: less high, hardly wider."""
    x, y = rng.uniform(4, 28), rng.uniform(4, 16)
    return lambda t, _: [(0, PERSON, x, y, 0.8, 1.0) if t % 15 > 12 else person(0, x, y)]


def loiters(rng: np.random.Generator) -> Cast:
    x, y, pace = rng.uniform(6, 26), rng.uniform(5, 15), rng.uniform(0.3, 0.8)
    return lambda t, _: [person(0, x + 1.8 * math.sin(pace * t), y + 1.2 * math.cos(0.7 * pace * t))]


def corner(way: float) -> tuple[float, float]:
    return (2 + way, 5.0) if way < 12 else (14.0, 5.0 + way - 12)


def follows(rng: np.random.Generator) -> Cast:
    pace, lag, start = rng.uniform(0.9, 1.4), rng.uniform(2, 5), rng.uniform(5, 25)
    return lambda t, _: [
        person(n, *corner(pace * (t - start - n * lag))) for n in range(2) if 0 <= pace * (t - start - n * lag) <= 25
    ]


def scatters(rng: np.random.Generator) -> Cast:
    count, when, x, y = int(rng.integers(6, 12)), rng.uniform(15, 40), rng.uniform(12, 20), rng.uniform(7, 11)
    angles, speeds = rng.uniform(0, 2 * math.pi, count), rng.uniform(2.2, 4.0, count)
    near = rng.uniform(0.8, 3.0, count)

    def cast(t: float, _: np.random.Generator) -> list[Actor]:
        away = near + np.maximum(t - when, 0) * speeds
        return [person(n, x + away[n] * math.cos(angles[n]), y + away[n] * math.sin(angles[n])) for n in range(count)]

    return cast


def disperses(rng: np.random.Generator) -> Cast:
    """A group that breaks up at walking pace."""
    count, when = 8, rng.uniform(15, 40)
    angles, near = rng.uniform(0, 2 * math.pi, count), rng.uniform(0.8, 3.0, count)

    def cast(t: float, _: np.random.Generator) -> list[Actor]:
        away = near + max(t - when, 0) * 1.1
        return [person(n, 16 + away[n] * math.cos(angles[n]), 9 + away[n] * math.sin(angles[n])) for n in range(count)]

    return cast


def crowds(rng: np.random.Generator) -> Cast:
    count, x, y = int(rng.integers(10, 16)), rng.uniform(6, 26), rng.uniform(6, 14)
    where = rng.uniform(-1.6, 1.6, (count, 2))
    return lambda t, _: [person(n, x + where[n, 0] + 0.2 * math.sin(t + n), y + where[n, 1]) for n in range(count)]


def one_way(rng: np.random.Generator, against: bool) -> Cast:
    lanes = rng.uniform(8, 10.5, 15)

    def cast(t: float, _: np.random.Generator) -> list[Actor]:
        cars = [car(n, 8.0 * (t - 3 * n), lanes[n]) for n in range(15) if 0 <= 8.0 * (t - 3 * n) <= 32]
        return [*cars, car(50, 32 - 5.0 * (t - 48), 9.0)] if against and t > 48 else cars

    return cast


def enters(rng: np.random.Generator) -> Cast:
    start, pace = rng.uniform(0, 20), rng.uniform(0.8, 1.6)
    return lambda t, _: [person(0, pace * (t - start), 9.0 + 0.2 * math.sin(t))] if t >= start else []


def keeps_out(rng: np.random.Generator) -> Cast:
    start, pace = rng.uniform(0, 20), rng.uniform(0.8, 1.6)
    return lambda t, _: [person(0, pace * (t - start), 15.5 + 0.2 * math.sin(t))] if t >= start else []


def stops(rng: np.random.Generator) -> Cast:
    where, speed = rng.uniform(12, 26), rng.uniform(4, 9)
    return lambda t, _: [car(0, min(speed * t, where), 9.0)]


def drives(rng: np.random.Generator) -> Cast:
    """Cars that pass, and one that was parked there all the time."""
    speed = rng.uniform(4, 9)
    return lambda t, _: [car(9, 24.0, 5.0), *(car(n, speed * (t - 9 * n), 11.0) for n in range(6))]


def circles(rng: np.random.Generator) -> Cast:
    radius, turn = rng.uniform(3.5, 6), rng.uniform(0.35, 0.7)
    return lambda t, _: [car(0, 16 + radius * math.cos(turn * t), 9.5 + radius * math.sin(turn * t))]


def nobody(rng: np.random.Generator) -> Cast:
    return lambda t, _: []


DRAWING = Drawn(
    zones=(Zone("yard", ((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.4, 0.7))),), lines=(Line("rail", (0.5, 0.1), (0.5, 0.7)),)
)
DrawnCase = tuple[Callable[[], Rule], Mapping[str, Callable[[np.random.Generator], Cast]]]
DRAWN_CASES: dict[str, DrawnCase] = {
    "fall": (Fall, {"with": with_passers(falls), "without": with_passers(bends)}),
    "loitering": (lambda: Loitering(seconds=30), {"with": with_passers(loiters), "without": passers}),
    "following": (Following, {"with": follows, "without": passers}),
    "scatter": (Scatter, {"with": with_passers(scatters), "without": with_passers(disperses)}),
    "crowding": (Crowding, {"with": crowds, "without": lambda rng: passers(rng, 12)}),
    "emptiness": (lambda: Emptiness(seconds=30), {"with": nobody, "without": lambda rng: passers(rng, 30)}),
    "wrong_way": (
        lambda: WrongWay(passes=5),
        {"with": lambda rng: one_way(rng, True), "without": lambda rng: one_way(rng, False)},
    ),
    "intrusion": (lambda: Intrusion(drawn=DRAWING), {"with": enters, "without": keeps_out}),
    "approach": (lambda: Approach(drawn=DRAWING), {"with": enters, "without": keeps_out}),
    "vehicle_stop": (VehicleStop, {"with": stops, "without": drives}),
    "vehicle_circling": (VehicleCircling, {"with": circles, "without": drives}),
}
