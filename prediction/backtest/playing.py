"""Play one block of windows: fit each learner once, then let all of them forecast window by window, and score what they say.

The loop goes over the windows outside and over the learners inside, so that what they share (the features of a moment, what
happened) is made once. Learners get panels that physically end at the origin: there is no later row to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.backtest.ceilings import Hindsight, days_of
from prediction.backtest.layout import PROFILE_DAYS, Instants, Layout
from prediction.backtest.results import CEILINGS, HINDSIGHT, ORACLE
from prediction.backtest.scoring import Happened, Tally
from prediction.backtest.windows import HORIZONS, FitBlock, Window
from prediction.engine import EngineSettings, make_learner
from prediction.features import Block, FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import Learner, Progress, no_progress, part
from prediction.learners.catalogue import make
from prediction.metrics import Cover
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slot_shape import Counted, SlotShape
from prediction.slots import SlotScheme

Float64 = npt.NDArray[np.float64]
FIT_SHARE = 0.6  # of a block's progress
# Rivals whose shifts are laid out as simply as their maps are made.
SIMPLE = frozenset({"count", "seasonal", "kde", "ewkde", "ewcount", "eb", "etas"})


@dataclass(frozen=True)
class Entrant:
    """Who takes part: a code and how to make the learner for (maker, days of its horizon).

    signature: what else, besides the code of this package, decides what it forecasts; part of the key of finished parts. shaped:
    shifts are laid out as the product does, by the profile bent with `prediction.slot_shape`; else by the plain profile.
    """

    code: str
    make: Callable[[FeatureMaker, int], Learner]
    signature: str = ""
    shaped: bool = False

    @classmethod
    def of_catalogue(cls, code: str, settings: Mapping[str, Any] | None = None) -> Entrant:
        """A learner of the catalogue. Raises `UnknownLearnerError` where it is made."""
        given = dict(settings or {})
        shaped = code not in SIMPLE
        return cls(code, _FromCatalogue(code, tuple(given.items())), repr((sorted(given.items()), shaped)), shaped)

    @classmethod
    def of_engine(cls, settings: EngineSettings, *, code: str) -> Entrant:
        """What `engine.train` would put in service with these settings, calibration and all; `code` names it in the table."""
        return cls(code, _FromEngine(settings), repr(settings), shaped=True)


@dataclass(frozen=True)
class _FromCatalogue:
    """A function that can be sent to another process."""

    code: str
    settings: tuple[tuple[str, Any], ...]

    def __call__(self, maker: FeatureMaker, horizon_days: int) -> Learner:
        return make(self.code, maker, horizon_days=horizon_days, settings=dict(self.settings))


@dataclass(frozen=True)
class _FromEngine:
    """The same for what the engine makes; it forecasts weeks, and longer windows in proportion."""

    settings: EngineSettings

    def __call__(self, maker: FeatureMaker, horizon_days: int) -> Learner:
        return make_learner(self.settings, maker)


@dataclass(frozen=True, eq=False)
class Setup:
    """All that decides the figures of a back-test, but for its windows. end: aware; nothing known at or after it is in."""

    incidents: Incidents
    grid: Grid
    scheme: SlotScheme
    categories: tuple[str, ...]
    end: datetime
    entrants: tuple[Entrant, ...]
    blocks: tuple[Block, ...] = ()
    seed: int = 0

    @property
    def end_s(self) -> int:
        return int(self.end.timestamp())

    @property
    def cover(self) -> Cover:
        areas = getattr(self.grid, "areas_km2", None) if self.grid.kind == "areas" else None
        return Cover(len(self.grid), areas)


@dataclass(eq=False)
class Stage:
    """What the blocks of one process share: panels, feature makers, instants. Made when first asked for."""

    setup: Setup
    _panels: dict[int, Panel] = field(default_factory=dict)
    _makers: dict[int, FeatureMaker] = field(default_factory=dict)
    _instants: list[Instants] = field(default_factory=list)
    _by_slot: list[Counted] = field(default_factory=list)

    def panel(self, offset_s: int = 0) -> Panel:
        """All incidents, with days that begin `offset_s` after those of the test's end."""
        if offset_s not in self._panels:
            anchor = datetime.fromtimestamp(self.setup.end_s + offset_s, self.setup.end.tzinfo)
            self._panels[offset_s] = Panel.build(
                self.setup.incidents, cells=len(self.setup.grid), categories=len(self.setup.categories), anchor=anchor
            )
        return self._panels[offset_s]

    def maker(self, days: int) -> FeatureMaker:
        if days not in self._makers:
            setup = self.setup
            self._makers[days] = FeatureMaker(setup.grid, len(setup.categories), horizon_days=days, blocks=setup.blocks)
        return self._makers[days]

    def counts(self, window: Window) -> Float64:
        """Float64[categories, cells]: what happened in the window."""
        if HORIZONS[window.horizon].days:
            return self.panel().counts(*days_of(window, self.setup.end_s))
        if not self._instants:
            self._instants.append(Instants.of(self.setup.incidents))
        categories, cells = len(self.setup.categories), len(self.setup.grid)
        return self._instants[0].counts(window.start_s, window.end_s, categories=categories, cells=cells)

    def by_slot(self) -> Counted:
        """All incidents by slot of the day, for the fields of any instant."""
        if not self._by_slot:
            setup = self.setup
            self._by_slot.append(
                Counted.of(setup.incidents, setup.scheme, categories=len(setup.categories), cells=len(setup.grid))
            )
        return self._by_slot[0]

    def known(self, start_s: int) -> tuple[Panel, int]:
        """The panel that ends at the instant, and the instant's day in it."""
        offset_s = (start_s - self.setup.end_s) % DAY_S
        panel = self.panel(offset_s)
        origin = (start_s - panel.anchor_s) // DAY_S
        return panel.before(origin), origin


def play_block(
    stage: Stage, block: FitBlock, codes: Sequence[str], progress: Progress = no_progress
) -> dict[tuple[str, str], Tally]:
    """{(learner, horizon): scores} of the named learners and ceilings on the block's windows."""
    setup, tallies = stage.setup, _Tallies(stage.setup, block, codes)
    learners = _fitted(stage, block, codes, lambda fraction, step: progress(FIT_SHARE * fraction, step))
    hindsight = _TwoSided(stage, block) if HINDSIGHT in codes else None
    shaped = {entrant.code for entrant in setup.entrants if entrant.shaped}
    layouts = _Layouts(stage, block)
    active = np.bincount(stage.panel().before(block.cutoff_day).cell, minlength=len(setup.grid)) > 0
    rates: dict[str, Float64] = {}
    start_s = -1
    for done, window in enumerate(block.windows):
        progress(FIT_SHARE + (1 - FIT_SHARE) * done / len(block.windows), "backtest")
        if window.start_s != start_s:
            start_s = window.start_s
            known, origin = stage.known(start_s)
            rates = {code: _rate(learner, known, origin, block.learner_days) for code, learner in learners.items()}
        happened = Happened.of(stage.counts(window), seed=setup.seed, step=window.step, active=active)
        for code, learner in learners.items():
            is_own = _is_direct(window, block) and learner.horizon_days == block.learner_days
            alphas = _alphas(learner) if is_own else ()
            tallies.add(code, window, layouts.of(window, rates[code], shaped=code in shaped), happened, alphas)
        if hindsight is not None:
            tallies.add(HINDSIGHT, window, layouts.of(window, hindsight.rate(window)), happened)
        if ORACLE in codes:
            tallies.add(ORACLE, window, happened.counts, happened)
    progress(1.0, "backtest")
    return tallies.found


class _Tallies:
    """The tallies of a block, by learner and horizon."""

    def __init__(self, setup: Setup, block: FitBlock, codes: Sequence[str]) -> None:
        self.cover = setup.cover
        self.place: dict[tuple[str, int], int] = {}
        self.found: dict[tuple[str, str], Tally] = {}
        targets = len(setup.categories) + 1
        for horizon in sorted({window.horizon for window in block.windows}):
            inside = sorted((w for w in block.windows if w.horizon == horizon), key=lambda window: window.step)
            steps, blocks = [window.step for window in inside], [window.block for window in inside]
            self.place |= {(horizon, step): place for place, step in enumerate(steps)}
            for code in codes:
                self.found[code, horizon] = Tally.empty(steps, blocks, targets=targets, bins=self.cover.bins)

    def add(self, code: str, window: Window, rates: Float64, happened: Happened, alphas: Sequence[float] = ()) -> None:
        place = self.place[window.horizon, window.step]
        self.found[code, window.horizon].add(place, rates, happened, self.cover, alphas=alphas)


class _Layouts:
    """Shares of the slots, learnt again every four weeks of the block, and only where a window asks for them."""

    def __init__(self, stage: Stage, block: FitBlock) -> None:
        self.stage = stage
        self.block = block
        self.first_s = stage.setup.end_s + block.cutoff_day * DAY_S
        self.learnt: dict[int, Layout] = {}
        self.shape: SlotShape | None = None
        self.last_bent: tuple[int, Layout] | None = None

    def of(self, window: Window, rates: Float64, *, shaped: bool = False) -> Float64:
        """Float64[targets, cells]: rates of the learners' horizon as rates of the window."""
        if _is_direct(window, self.block):
            return rates
        # A day's sum is the same whatever the shape of the day.
        layout = self._bent(window) if shaped and HORIZONS[window.horizon].days == 0 else self._plain(window)
        return layout.laid_out(rates, window, days=self.block.learner_days)

    def _plain(self, window: Window) -> Layout:
        period = (window.start_s - self.first_s) // (PROFILE_DAYS * DAY_S)
        return self._of_period(period)

    def _of_period(self, period: int) -> Layout:
        if period not in self.learnt:
            setup = self.stage.setup
            # The newest only, and the first, whose settings the shape is learnt with.
            self.learnt = {number: layout for number, layout in self.learnt.items() if number == 0}
            self.learnt[period] = Layout.learnt(
                setup.incidents,
                self.stage.maker(self.block.learner_days).around,
                scheme=setup.scheme,
                categories=len(setup.categories),
                known_s=self.first_s + period * PROFILE_DAYS * DAY_S,
            )
        return self.learnt[period]

    def _bent(self, window: Window) -> Layout:
        """Fresh at the start of each shift; the same for all learners that are laid out so."""
        if self.last_bent is None or self.last_bent[0] != window.start_s:
            layout, shape = self._plain(window), self._shape()
            if shape.bends:
                setup, around = self.stage.setup, self.stage.maker(self.block.learner_days).around
                fields = self.stage.by_slot().fields(setup.grid, around, window.start_s)
                layout = layout.bent(shape, fields, window)
            self.last_bent = window.start_s, layout
        return self.last_bent[1]

    def _shape(self) -> SlotShape:
        """Learnt once a block, from what its learners know."""
        if self.shape is None:
            setup = self.stage.setup
            self.shape = SlotShape.learnt(
                setup.incidents,
                setup.grid,
                self.stage.maker(self.block.learner_days).around,
                scheme=setup.scheme,
                categories=len(setup.categories),
                cutoff_s=self.first_s,
                profile=self._of_period(0).settings,
                seed=setup.seed,
            )
        return self.shape


def _is_direct(window: Window, block: FitBlock) -> bool:
    """Whether the learners' own rate is that of the window."""
    return HORIZONS[window.horizon].days == block.learner_days


def _alphas(learner: Learner) -> tuple[float, ...]:
    """Negative-binomial dispersion of each target, where the learner is calibrated and so has one; else Poisson."""
    return tuple(float(alpha) for alpha in getattr(learner, "dispersion_", None) or ())


def _rate(learner: Learner, known: Panel, origin: int, days: int) -> Float64:
    """Float64[targets, cells] of the block's days, where the learner's own are others in proportion."""
    rates = learner.rate(known, origin)
    return rates if learner.horizon_days == days else rates * (days / learner.horizon_days)


def _fitted(stage: Stage, block: FitBlock, codes: Sequence[str], progress: Progress) -> dict[str, Learner]:
    known = stage.panel().before(block.cutoff_day)
    entrants = [entrant for entrant in stage.setup.entrants if entrant.code in codes]
    learners = {}
    for place, entrant in enumerate(entrants):
        learner = entrant.make(stage.maker(block.learner_days), block.learner_days)
        low, share = place / len(entrants), 1 / len(entrants)
        learner.fit(known, block.cutoff_day, seed=stage.setup.seed, progress=part(progress, low, share))
        learners[entrant.code] = learner
    return learners


def _hindsight(stage: Stage, block: FitBlock) -> Hindsight:
    """Chosen on windows as long as the learners' horizon, one after another over the block."""
    setup, days = stage.setup, block.learner_days
    hindsight = Hindsight(stage.maker(days).around, setup.cover)
    last = max(window.end_s for window in block.windows)
    end_day = -((setup.end_s - last) // DAY_S)
    starts = range(block.cutoff_day, max(block.cutoff_day + 1, end_day - days + 1), days)
    hindsight.choose(stage.panel(), [(start, start + days) for start in starts])
    return hindsight


class _TwoSided:
    """The ceiling's rate, scaled to the days of the learners' horizon; the shifts of a day share one."""

    def __init__(self, stage: Stage, block: FitBlock) -> None:
        self.stage = stage
        self.block = block
        self.hindsight = _hindsight(stage, block)
        self.last: tuple[tuple[int, int], Float64] | None = None

    def rate(self, window: Window) -> Float64:
        days = days_of(window, self.stage.setup.end_s)
        if self.last is None or self.last[0] != days:
            scale = self.block.learner_days / (days[1] - days[0])
            self.last = days, self.hindsight.rate(self.stage.panel(), *days) * scale
        return self.last[1]


def codes_of(setup: Setup, *, ceilings: bool) -> tuple[str, ...]:
    """Learners in their order, then the ceilings."""
    return tuple(entrant.code for entrant in setup.entrants) + (CEILINGS if ceilings else ())
