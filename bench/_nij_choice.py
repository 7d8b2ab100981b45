"""How the contest's forecast is chosen: by what each choice would have caught in past months, and by nothing else.

Two questions are answered at any origin from the months that lie wholly before it: which base, and with which share calls
for service enter (mean PAI over a few random lattices). The lattice itself, its shape, turn and offset, is the one whose best
cells hold the greatest share of expected crimes: that asks the scores alone. The same procedure played at each past month gives
the CV figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench._nij_data import CITY_SQ_MI, FEET_A_MILE, Events, Known, LookedAheadError
from bench._nij_scores import (
    BASES,
    CELL_SQFT,
    CELLS,
    MONTH,
    SHAPES,
    TRAINING_MONTHS,
    City,
    Scored,
    Scorer,
    Signs,
    map_weights,
    scored,
    training_rows,
)
from prediction.rotated import Lattice, draw_lattices, nudged, top_cells

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
SHARES = (0.0, 0.2, 0.35, 0.5)
COMPARED_MONTHS = 36  # past months on which scorers are compared
TRAINED_AFTER_DAYS, COMPARED_AFTER_DAYS = 365, 730  # history that a month needs to be learnt from, and to be compared on
REFIT_MONTHS = 6  # weights of a mixture are learnt anew after so many months, from what lay before
COMPARED_LATTICES = 12
AREA_SHARE = CELLS * CELL_SQFT / (CITY_SQ_MI * FEET_A_MILE**2)


@dataclass(frozen=True, eq=False)
class Forecast:
    """Cells Int64[112] of a lattice, with who chose them and the share of crimes they were expected to hold."""

    lattice: Lattice
    cells: Int64
    scorer: Scorer
    expected_share: float

    def caught(self, events: Events) -> int:
        return int(np.isin(self.lattice.cells(events.points), self.cells).sum())

    def pai(self, events: Events) -> float:
        """(n/N) ÷ (a/A); NaN where nothing happened."""
        return self.caught(events) / len(events) / AREA_SHARE if len(events) else float("nan")

    def best_possible(self, events: Events) -> int:
        """n*: the most that as many cells of the same lattice could hold (denominator of PEI)."""
        _, counts = np.unique(self.lattice.cells(events.points), return_counts=True)
        return int(np.sort(counts)[::-1][:CELLS].sum())


class Procedure:
    """Plays the choice at any origin for one class. Everything it knows was known on the last day before `known.origin`."""

    def __init__(self, known: Known, *, seed: int) -> None:
        self.known, self.seed = known, seed
        self.city = City.of(known)
        self._signs: dict[int, Signs] = {}
        self._rows: dict[int, tuple[Float64, Float64]] = {}
        self._weights: dict[tuple[str, int], Float64] = {}
        self._caught: dict[tuple[Scorer, int], float] = {}

    def choose(self, origin: int) -> Scorer:
        """The scorer with the best mean PAI over the past months; the base first, then what calls add to it."""
        months = self.months_before(origin, history=COMPARED_AFTER_DAYS)[:COMPARED_MONTHS]
        bases = [Scorer(base) for base in BASES]
        best = max(bases, key=lambda scorer: self.mean_pai(scorer, months))
        with_calls = [month for month in months if self.known.at(month).calls]
        options = [Scorer(best.base, share) for share in SHARES]
        return max(options, key=lambda scorer: self.mean_pai(scorer, with_calls)) if with_calls else best

    def forecast(self, origin: int, scorer: Scorer, *, lattices: int) -> Forecast:
        """The best of so many lattices, the best few of them nudged about as often again."""
        if origin > self.known.origin:
            raise LookedAheadError(
                f"Only what happened before day {self.known.origin} is known; a forecast of day {origin} is not possible."
            )
        rng = np.random.default_rng((self.seed, -origin))
        ready = self.ready(origin, scorer)
        tried = [self._tried(ready, one) for one in draw_lattices(lattices, area=CELL_SQFT, shapes=SHAPES, rng=rng)]
        for angle, shift in ((0.01, 60.0), (0.002, 20.0)):
            leaders = sorted(tried, key=lambda one: -one[0])[:5]
            tried += [
                self._tried(ready, nudged(one[1], angle=angle, shift=shift, rng=rng))
                for one in leaders
                for _ in range(lattices // 10)
            ]
        expected, lattice, cells = max(tried, key=lambda one: one[0])
        return Forecast(lattice, cells, scorer, expected)

    def months_before(self, origin: int, *, history: int = TRAINED_AFTER_DAYS) -> list[int]:
        """First days of the months wholly before the origin that leave so many days of history, the latest first."""
        first = int(self.known.crimes.day[0]) + history
        return list(range((origin // MONTH - 1) * MONTH, first - 1, -MONTH))

    def mean_pai(self, scorer: Scorer, months: Sequence[int]) -> float:
        """Mean over months and over a few lattices, the same for all scorers."""
        return float(np.mean([self._pai(scorer, month) for month in months])) if len(months) else 0.0

    def ready(self, origin: int, scorer: Scorer) -> Scored:
        weights = [self.weights(name, origin) for name in BASES[scorer.base]]
        return scored(self.signs(origin), weights, self.known.at(origin), scorer)

    def signs(self, origin: int) -> Signs:
        if origin not in self._signs:
            self._signs[origin] = Signs.of(self.city, self.known.at(origin))
        return self._signs[origin]

    def weights(self, name: str, origin: int) -> Float64:
        """Of a map, Float64[names], learnt from months that ended before the last refit before the origin."""
        refit = -(-(-origin // MONTH) // REFIT_MONTHS) * REFIT_MONTHS * -MONTH
        if (name, refit) not in self._weights:
            months = self.months_before(refit)[:TRAINING_MONTHS]
            rows = [self._training(month) for month in months]
            self._weights[name, refit] = map_weights(
                name, np.concatenate([row for row, _ in rows]), np.concatenate([count for _, count in rows])
            )
        return self._weights[name, refit]

    def _training(self, month: int) -> tuple[Float64, Float64]:
        if month not in self._rows:
            self._rows[month] = training_rows(self.signs(month), self.known.crimes, month, seed=self.seed)
        return self._rows[month]

    def _pai(self, scorer: Scorer, month: int) -> float:
        """Mean PAI over the comparing lattices of the month from a past day."""
        if (scorer, month) not in self._caught:
            ready = self.ready(month, scorer)
            happened = self.known.crimes.between(month, month + MONTH)
            lattices = draw_lattices(COMPARED_LATTICES, area=CELL_SQFT, shapes=SHAPES, rng=np.random.default_rng(self.seed + 1))
            tried = [Forecast(lattice, self._tried(ready, lattice)[2], scorer, 0.0) for lattice in lattices]
            self._caught[scorer, month] = float(np.mean([one.pai(happened) for one in tried]))
        return self._caught[scorer, month]

    @staticmethod
    def _tried(ready: Scored, lattice: Lattice) -> tuple[float, Lattice, Int64]:
        cells, scores = ready.of_cells(lattice)
        best = top_cells(scores, CELLS)
        return float(scores[best].sum()), lattice, cells[best]
