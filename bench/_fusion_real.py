"""Fusion on real cities: recorded incidents of two types, each seen with probability ½, fed as live events against the hours
after of a third type. No cameras are in these data: what is measured is how much a moment's other crime says, and that the
machinery takes it up without harm.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, eye_array

from bench._cities import SOURCES, City, grid_of, incidents_of, load_city
from bench._fusion_scores import Hour, Scores, history_of, interval
from bench._report import print_table
from prediction.fusion.excess import Excess
from prediction.fusion.usual import UsualLevels
from prediction.fusion.weights import LiveWeights, learn_weights, prior_weights
from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents
from prediction.spatial import Surroundings

Float64 = npt.NDArray[np.float64]
HOUR_S = 3_600
SEEN = 0.5  # chance that a recorded incident is seen as an event
HALF_LIVES_S = (6 * 3_600.0,)  # not tuned; more than one may be given, each is a factor of its own
TEST_D, LEARN_D, WARM_D = 182, 365, 60
QUICK_D = 28, 90, 60
PLACE_HALF_LIFE_D, LEVEL_HALF_LIFE_D = 180.0, 28.0
OWN, AROUND = 0.7, 0.3  # of a cell's own past and that of its 250 m surroundings
FLAT = 0.02  # spread evenly, so that no cell is impossible
SIGMA_M = 250.0
PLACEBO_H = 28 * 24
SEED = 11
UTC = ZoneInfo("UTC")  # the files' local clock is read as if it were UTC


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """One city's hours: excess csr [cells, factors] when each began; the first is of second `first_s`."""

    first_s: int
    excess: list[csr_array]


class Plain:
    """The plain forecast: time-weighted counts of the type, own and around, × the week's profile × the level of the last month.

    Made each midnight from earlier days only. Simple on purpose, and named so in the tables.
    """

    def __init__(self, incidents: Incidents, grid: Grid, first_day: int) -> None:
        self.cells, self.around = len(grid), Surroundings.of(grid)
        self.day, self.cell = incidents.start_s // DAY_S, incidents.cell_index
        self.hour = incidents.start_s // HOUR_S % 168
        self.order = np.argsort(incidents.start_s, kind="stable")
        self.place, self.level, self.weight = np.zeros(self.cells), 0.0, 0.0
        self.week = np.zeros(168)
        self.known = int(self.day.min())
        self._made: tuple[int, Float64] | None = None
        self.first_day = first_day

    def rates(self, at_s: int) -> Float64:
        """Float64[1, cells]: expected incidents of the hour that begins then. Hours must be asked for in order."""
        day = at_s // DAY_S
        if self._made is None or self._made[0] != day:
            self._made = day, self._share_of(day)
        profile = (self.week + 20 / 168) / (self.week.sum() + 20) * 7
        return np.asarray(self._made[1] * profile[at_s // HOUR_S % 168])[np.newaxis]

    def _share_of(self, day: int) -> Float64:
        for known in range(self.known, day):
            rows = self.day == known
            self.place *= 0.5 ** (1 / PLACE_HALF_LIFE_D)
            self.place += np.bincount(self.cell[rows], minlength=self.cells)
            keep = 0.5 ** (1 / LEVEL_HALF_LIFE_D)
            self.level, self.weight = self.level * keep + rows.sum(), self.weight * keep + 1
            self.week += np.bincount(self.hour[rows], minlength=168)
        self.known = day
        field = OWN * self.place + AROUND * np.maximum(self.around.smooth(self.place, SIGMA_M), 0.0)
        share = (1 - FLAT) * field / field.sum() + FLAT / self.cells
        return np.asarray(share * self.level / self.weight)


def watch(incidents: Incidents, cells: int, *, start_s: int, keep_s: int, end_s: int) -> Told:
    """Every type at every half-life is a factor, every cell a camera that sees it. Keeps the hours from `keep_s` on."""
    types = int(incidents.category.max()) + 1
    half = np.tile(HALF_LIVES_S, types)
    usual = UsualLevels(cells, len(half), zone=UTC)
    excess = Excess(eye_array(cells, format="csr"), usual, half_life_s=half, start_s=start_s)
    rng = np.random.default_rng(SEED)
    chosen = np.flatnonzero((rng.random(len(incidents)) < SEEN) & (incidents.start_s >= start_s))
    chosen = chosen[np.argsort(incidents.start_s[chosen], kind="stable")]
    hour = (incidents.start_s[chosen] - start_s) // HOUR_S
    edges = np.searchsorted(hour, np.arange((end_s - start_s) // HOUR_S + 1))
    everyone = np.arange(cells)
    kept: list[csr_array] = []
    for number in range((end_s - start_s) // HOUR_S):
        moment = float(start_s + number * HOUR_S)
        if moment >= keep_s:
            kept.append(csr_array(excess.values(moment).T))
        excess.saw(everyone, moment)
        rows = chosen[edges[number] : edges[number + 1]]
        for copy in range(len(HALF_LIVES_S)):
            factor = incidents.category[rows].astype(np.int64) * len(HALF_LIVES_S) + copy
            excess.add(incidents.cell_index[rows], factor, incidents.start_s[rows].astype(np.float64))
        excess.advance(moment + HOUR_S)
    return Told(keep_s, kept)


def hours_of(told: Told, incidents: Incidents, grid: Grid, target: int, *, late_h: int, from_s: int, to_s: int) -> Iterator[Hour]:
    """The hours from..to of one target; the excess of its own type is left out. late_h: of hours before (placebo)."""
    own = incidents.take(incidents.category == target)
    plain = Plain(own, grid, from_s // DAY_S)
    began = own.start_s // HOUR_S
    order = np.argsort(began, kind="stable")
    began, cell = began[order], own.cell_index[order].astype(np.int64)
    seen = np.ones(len(grid), dtype=np.float32)
    others = np.array([f for f in range(told.excess[0].shape[1]) if f // len(HALF_LIVES_S) != target])
    for at_s in range(from_s, to_s, HOUR_S):
        first, last = np.searchsorted(began, [at_s // HOUR_S, at_s // HOUR_S + 1])
        excess = told.excess[(at_s - told.first_s) // HOUR_S - late_h][:, others]
        cells = cell[first:last]
        yield Hour(at_s, plain.rates(at_s), csr_array(excess), seen, cells, np.zeros(len(cells), dtype=np.int64))


def judged(
    city: City, grid: Grid, incidents: Incidents, told: Told, target: int, *, late_h: int, days: tuple[int, int]
) -> dict[str, Any]:
    """Learn on the days before the test and score on the test."""
    test_d, learn_d = days
    end_s = int(city.end.timestamp())
    test_s, learn_s = end_s - test_d * DAY_S, end_s - (test_d + learn_d) * DAY_S
    names = [f"{name} {half / 3_600:g} h" for name in city.source.targets for half in HALF_LIVES_S]
    factors = tuple(name for number, name in enumerate(names) if number // len(HALF_LIVES_S) != target)
    category = (city.source.targets[target],)
    history = history_of(hours_of(told, incidents, grid, target, late_h=late_h, from_s=learn_s, to_s=test_s), category, factors)
    learnt = learn_weights(prior_weights(category, factors), history)
    scores = Scores()
    for hour in hours_of(told, incidents, grid, target, late_h=late_h, from_s=test_s, to_s=end_s):
        scores.add(hour, learnt)
    return scores.figures() | {"weights": _weights(learnt), "scale": learnt.scale, "learnt_from": int(history.incidents)}


def _weights(learnt: LiveWeights) -> dict[str, list[float]]:
    pairs = zip(learnt.factors, learnt.mean[0], learnt.sd[0], strict=True)
    return {name: [round(float(mean), 4), round(float(sd), 4)] for name, mean, sd in pairs}


def real(*, quick: bool, cities: Sequence[str] = tuple(SOURCES)) -> dict[str, Any]:
    test_d, learn_d, warm_d = QUICK_D if quick else (TEST_D, LEARN_D, WARM_D)
    found: dict[str, Any] = {}
    for code in cities[:1] if quick else cities:
        city = load_city(code)
        grid = grid_of(city, "250 m")
        incidents = incidents_of(city, grid)
        end_s = int(city.end.timestamp())
        keep_s = end_s - (test_d + learn_d) * DAY_S - PLACEBO_H * HOUR_S
        told = watch(incidents, len(grid), start_s=keep_s - warm_d * DAY_S, keep_s=keep_s, end_s=end_s)
        for target, name in enumerate(city.source.targets):
            for kind, late_h in (("live", 0), ("placebo", PLACEBO_H)):
                judged_now = judged(city, grid, incidents, told, target, late_h=late_h, days=(test_d, learn_d))
                found.setdefault(f"{code}/{name}", {})[kind] = judged_now
        _print(code, {key: value for key, value in found.items() if key.startswith(code)}, len(grid), (test_d, learn_d))
    return found


def _print(code: str, found: dict[str, Any], cells: int, days: tuple[int, int]) -> None:
    rows = [[key, kind, *_row(one)] for key, kinds in found.items() for kind, one in kinds.items()]
    columns = ["target", "events", "incidents", "nats / incident", "95 %", "HR@1 plain", "fused", "difference 95 %"]
    columns += ["HR@5 plain", "fused", "difference 95 %", "expected ÷ happened", "plain"]
    title = (
        f"{code}, {cells:,} cells of 250 m: the other two types as events seen with probability ½, next hour, last {days[0]} "
        f"days; weights of the {days[1]} days before; placebo: the same events 28 days late"
    )
    print_table(title, columns, rows)
    for key, kinds in found.items():
        told = ", ".join(f"{name} {mean:+.3f} ± {sd:.3f}" for name, (mean, sd) in kinds["live"]["weights"].items())
        print(f"  {key}: {told}", flush=True)


def _row(one: dict[str, Any]) -> list[Any]:
    cells = [one["incidents"], one["loglik_gain"]["value"], interval(one["loglik_gain"])]
    for name in ("hr1", "hr5"):
        cells += [one[name]["plain"], one[name]["fused"], interval(one[name]["difference"])]
    return [*cells, one["calibration"]["value"], one["calibration_plain"]]
