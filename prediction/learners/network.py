"""A neural network over cells and time: it reads each cell's weeks and those of its neighbours, and multiplies the shrunken rate.

Graph over cells (sums over the grid's two rings), convolutions over time at dilations 1 to 32, one trunk for all categories and
cells and one head a category, Poisson loss with the log of the expected rate as offset. The network is kept only as far as it
makes weeks likelier that it has not learnt from; otherwise the offset stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker, Moment
from prediction.learners.base import (
    DamagedStateError,
    NotFittedError,
    Progress,
    contributions,
    explain_all,
    no_progress,
    pack,
    unpack,
    with_all,
)
from prediction.learners.rows import RowSettings, expected, level, training_origins
from prediction.learners.shrunken import EmpiricalBayes
from prediction.learners.temporal_graph import (
    ALL,
    COVERED,
    OWN,
    Float16,
    History,
    added,
    device_of,
    first_weights,
    inputs_of,
    log_factor,
    one_thread,
    read_history,
    tensors,
)
from prediction.learners.trees import part_of
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
GAINS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_HELD_OUT = 3  # origins


@dataclass(frozen=True)
class NetworkSettings(RowSettings):
    """How to learn. `row_limit` bounds time and memory over all categories together (about 1 KB a row).

    bins: a power of two, of a week each (of the horizon where that is shorter); held_out_share: the newest origins, which decide
    after which epoch to stop and how much of the network to keep; device: "cpu", "cuda" or "auto".
    """

    row_limit: int = 150_000
    bins: int = 64
    channels: int = 16
    hidden: int = 32
    epochs: int = 8
    batch: int = 1_024
    learning_rate: float = 0.002
    weight_decay: float = 1e-3
    held_out_share: float = 0.2
    device: str = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bins < 4 or self.bins & (self.bins - 1):
            raise PredictionError(f"The network's bins must be a power of two from 4 on, not {self.bins}.")


@dataclass(frozen=True, eq=False)
class _Rows:
    """over_time Float16[rows, channels, bins], statics Float32[rows, statics], category Int64[rows], counts, offset (log), weight
    Float32[rows], origin Int32[rows]."""

    over_time: Float16
    statics: Float32
    category: npt.NDArray[np.int64]
    counts: Float32
    offset: Float32
    weight: Float32
    origin: npt.NDArray[np.int32]

    def take(self, chosen: npt.NDArray[Any]) -> _Rows:
        return _Rows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


class Network:
    """`weights_` by name, `gains_` Float64[categories]: the share of the network's log factor that is kept (0: offset alone)."""

    name = "network"

    def __init__(
        self, maker: FeatureMaker, *, horizon_days: int = WEEK_DAYS, settings: NetworkSettings | None = None, **changes: Any
    ) -> None:
        self.maker = maker
        self.horizon_days = horizon_days
        self.settings = replace(settings or NetworkSettings(), **changes)
        self.bin_days = min(WEEK_DAYS, horizon_days)
        self.start_ = EmpiricalBayes(maker) if self.settings.offset == "eb" else None
        self.weights_: dict[str, Float32] = {}
        self.gains_: Float64 = np.zeros(0)

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        device = device_of(self.settings.device)
        if self.start_ is not None:
            self.start_ = EmpiricalBayes(self.maker)
            self.start_.fit(panel, cutoff_day, seed=seed)
        rng = np.random.default_rng((seed, panel.categories))
        weights = first_weights(
            rng,
            bins=self.settings.bins,
            channels=self.settings.channels,
            hidden=self.settings.hidden,
            categories=panel.categories,
        )
        gains = np.zeros(panel.categories)
        rows = self._rows(panel.before(cutoff_day), cutoff_day, seed, progress=part_of(progress, 0.0, 0.4))
        if rows is not None and (parts := _split(rows, self.horizon_days, self.settings.held_out_share)) is not None:
            learnt, held_out = parts
            with one_thread():
                weights = self._train(weights, learnt, held_out, device, rng, progress=part_of(progress, 0.4, 0.6))
            gains = _gains(weights, held_out, panel.categories, device)
        self.weights_, self.gains_ = weights, gains
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        moment, history = self._read(panel, origin_day)
        return with_all(np.stack([np.exp(self._log_rate(moment, history, target)) for target in range(panel.categories)]))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        """The offset's parts as for the trees. The network's: its channels are let in one group after another (own weeks, the
        neighbours' weeks, all crimes); what each adds goes to its group, what it says of an empty history to the base."""
        if target == panel.categories:
            return explain_all(self, panel, origin_day)
        moment, history = self._read(panel, origin_day)
        log_rate = self._log_rate(moment, history, target)
        named = {
            "here_recent": np.zeros(len(log_rate)),
            "around_recent": np.zeros(len(log_rate)),
            **self._offset(moment, target)[1],
        }
        if self.gains_[target] > 0:
            over_time, statics = self._inputs(history, moment, target)
            steps = []
            for shown in ((COVERED,), (OWN, COVERED), (*range(ALL), COVERED), tuple(range(over_time.shape[1]))):
                partly = np.zeros_like(over_time)
                partly[:, shown] = over_time[:, shown]
                steps.append(self.gains_[target] * added(self.weights_, partly, statics, target, self._device()))
            named["here_recent"] = named["here_recent"] + steps[1] - steps[0]
            named["around_recent"] = named["around_recent"] + steps[2] - steps[1]
            named["other_types"] = named.get("other_types", np.zeros(len(log_rate))) + steps[3] - steps[2]
        return contributions(log_rate, named)

    def save(self) -> bytes:
        if not self.weights_:
            raise NotFittedError(self.name)
        start = {} if self.start_ is None else {f"start:{name}": array for name, array in self.start_.state().items()}
        return pack(self.name, {}, {**self.weights_, "gains": self.gains_, **start})

    def load(self, content: bytes) -> None:
        _, arrays = unpack(self.name, content)
        start = {name.partition(":")[2]: arrays.pop(name) for name in sorted(arrays) if name.startswith("start:")}
        if "gains" not in arrays or (self.start_ is None) != (not start):
            raise DamagedStateError(self.name)
        gains = np.asarray(arrays.pop("gains"), dtype=np.float64)
        own = first_weights(
            np.random.default_rng(0),
            bins=self.settings.bins,
            channels=self.settings.channels,
            hidden=self.settings.hidden,
            categories=len(gains),
        )
        if {name: part.shape for name, part in own.items()} != {name: part.shape for name, part in arrays.items()}:
            raise DamagedStateError(self.name)
        self.weights_ = {name: np.asarray(part, dtype=np.float32) for name, part in arrays.items()}
        self.gains_ = gains
        if self.start_ is not None:
            try:
                self.start_.restore(start)
            except KeyError as error:
                raise DamagedStateError(self.name) from error

    def _device(self) -> str:
        return device_of(self.settings.device)

    def _read(self, panel: Panel, origin_day: int) -> tuple[Moment, History]:
        if not self.weights_:
            raise NotFittedError(self.name)
        moment = self.maker.moment(panel, origin_day)
        return moment, read_history(panel.before(origin_day), origin_day, bins=self.settings.bins, bin_days=self.bin_days)

    def _inputs(self, history: History, moment: Moment, target: int) -> tuple[Float16, Float32]:
        return inputs_of(self.maker, history, moment, target, np.arange(len(self.maker.grid)))

    def _offset(self, moment: Moment, target: int) -> tuple[Float64, dict[str, Float64]]:
        """Float64[cells]: expected incidents of the horizon, what the network starts from; and the parts of its log by group."""
        if self.start_ is not None:
            rate, parts = self.start_.at(moment, target)
            return rate * (self.horizon_days / moment.horizon_days), dict(parts)
        return expected(moment, target, self.horizon_days), {
            "here_long": moment.expected_here[target],
            "around_long": moment.expected_around[target],
            "other_types": moment.expected_others[target],
        }

    def _log_rate(self, moment: Moment, history: History, target: int) -> Float64:
        """Float64[cells]: log of the expected incidents of the horizon."""
        offset = np.log(self._offset(moment, target)[0])
        if self.gains_[target] == 0:
            return offset
        over_time, statics = self._inputs(history, moment, target)
        score = offset + self.gains_[target] * added(self.weights_, over_time, statics, target, self._device())
        # As for the trees: the geometric mean of two forecasts of the city's total, the network's and the level's.
        mend = 0.5 * np.log(level(moment, target, self.horizon_days) / np.exp(score).sum())
        return np.asarray(score + mend, dtype=np.float64)

    def _rows(self, known: Panel, cutoff_day: int, seed: int, *, progress: Progress) -> _Rows | None:
        """Rows of the categories with enough incidents; None where there are none, or too little history."""
        origins = training_origins(known, cutoff_day, horizon_days=self.horizon_days, settings=self.settings)
        if len(origins) < 2 * LEAST_HELD_OUT:
            return None
        totals = known.counts(origins[0], origins[-1] + self.horizon_days).sum(axis=1)
        targets = np.flatnonzero(totals >= self.settings.least_incidents)
        if len(targets) == 0:
            return None
        room = self.settings.row_limit / (len(origins) * len(targets))
        parts: list[_Rows] = []
        for step, origin in enumerate(origins):
            progress(step / len(origins), "features")
            moment = self.maker.moment(known, origin)
            history = read_history(known.before(origin), origin, bins=self.settings.bins, bin_days=self.bin_days)
            counts = known.counts(origin, origin + self.horizon_days)
            for target in targets.tolist():
                offset = self._offset(moment, target)[0]
                chance = _chances(offset, counts[target], room, self.settings.evenness)
                rng = np.random.default_rng((seed, target, cutoff_day - origin))
                chosen = np.flatnonzero(rng.random(known.cells) < chance)
                over_time, statics = inputs_of(self.maker, history, moment, target, chosen)
                parts.append(
                    _Rows(
                        over_time=over_time,
                        statics=statics,
                        category=np.full(len(chosen), target, dtype=np.int64),
                        counts=counts[target][chosen].astype(np.float32),
                        offset=np.log(offset[chosen]).astype(np.float32),
                        weight=(1 / chance[chosen]).astype(np.float32),
                        origin=np.full(len(chosen), origin, dtype=np.int32),
                    )
                )
        return _Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Rows.__dataclass_fields__))

    def _train(
        self,
        weights: dict[str, Float32],
        learnt: _Rows,
        held_out: _Rows,
        device: str,
        rng: np.random.Generator,
        *,
        progress: Progress,
    ) -> dict[str, Float32]:
        """The weights after the epoch that made the held-out weeks likeliest; before the first one the network adds nothing."""
        import torch  # noqa: PLC0415 (heavy: only a fit of the network pays for it)

        held = {name: part.requires_grad_() for name, part in tensors(weights, device).items()}
        steps = torch.optim.AdamW(held.values(), lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay)
        best, least = weights, _loss_of(weights, held_out, device)
        for epoch in range(self.settings.epochs):
            progress(epoch / self.settings.epochs, "fit")
            for group in steps.param_groups:  # a cosine down to nothing (Loshchilov and Hutter 2017)
                group["lr"] = self.settings.learning_rate * 0.5 * (1 + np.cos(np.pi * epoch / self.settings.epochs))
            order = rng.permutation(len(learnt.counts))
            for start in range(0, len(order), self.settings.batch):
                batch = learnt.take(order[start : start + self.settings.batch])
                steps.zero_grad()
                loss = _poisson(held, batch, device)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(list(held.values()), 1.0)
                steps.step()
            now = {name: part.detach().cpu().numpy().copy() for name, part in held.items()}
            loss_now = _loss_of(now, held_out, device)
            if loss_now < least:
                best, least = now, loss_now
        return best


def _chances(offset: Float64, counts: Float64, room: float, evenness: float) -> Float64:
    """Float64[cells]: the chance with which a cell becomes a row, about `room` rows in all; weights undo it.

    Half of the rows at most are for cells with incidents, the rest for empty ones by the square root of what is expected there.
    """
    held = counts > 0
    for_held = min(1.0, 0.5 * room / max(1, int(held.sum())))
    left = room - for_held * held.sum()
    size = np.sqrt(offset)
    size = evenness + (1 - evenness) * size / size.mean()
    empty = np.minimum(1.0, left * size / max(size[~held].sum(), 1e-9))
    return np.asarray(np.where(held, for_held, empty), dtype=np.float64)


def _split(rows: _Rows, horizon_days: int, share: float) -> tuple[_Rows, _Rows] | None:
    """(learnt, held out): the newest origins are held out; none is learnt from whose days reach into theirs. None if too few."""
    origins = np.unique(rows.origin)
    first = origins[-max(LEAST_HELD_OUT, round(share * len(origins)))] if len(origins) > LEAST_HELD_OUT else origins[0]
    learnt = rows.origin + horizon_days <= first
    if not learnt.any():
        return None
    return rows.take(np.flatnonzero(learnt)), rows.take(np.flatnonzero(rows.origin >= first))


def _poisson(weights: dict[str, Any], rows: _Rows, device: str) -> Any:
    """Mean weighted Poisson loss of a batch, as a tensor."""
    import torch  # noqa: PLC0415

    def on_device(values: npt.NDArray[Any]) -> Any:
        return torch.from_numpy(values).to(device)

    factor = log_factor(weights, on_device(rows.over_time).float(), on_device(rows.statics), on_device(rows.category))
    log_rate = on_device(rows.offset) + factor
    weight = on_device(rows.weight)
    return (weight * (torch.exp(log_rate) - on_device(rows.counts) * log_rate)).sum() / weight.sum()


def _added(weights: dict[str, Float32], rows: _Rows, device: str) -> Float64:
    """Float64[rows]: what the network adds to each row's log rate."""
    out = np.empty(len(rows.counts))
    for category in np.unique(rows.category):
        of_it = np.flatnonzero(rows.category == category)
        out[of_it] = added(weights, rows.over_time[of_it], rows.statics[of_it], int(category), device)
    return out


def _loss(rows: _Rows, factor: Float64) -> float:
    """Weighted Poisson loss, summed in double precision."""
    log_rate = rows.offset.astype(np.float64) + factor
    return float((rows.weight * (np.exp(log_rate) - rows.counts * log_rate)).sum(dtype=np.float64))


def _loss_of(weights: dict[str, Float32], rows: _Rows, device: str) -> float:
    return _loss(rows, _added(weights, rows, device))


def _gains(weights: dict[str, Float32], held_out: _Rows, categories: int, device: str) -> Float64:
    """Float64[categories]: how much of the network makes the held-out weeks of each category likeliest."""
    factor = _added(weights, held_out, device)
    out = np.zeros(categories)
    for category in range(categories):
        of_it = np.flatnonzero(held_out.category == category)
        if len(of_it):
            rows = held_out.take(of_it)
            out[category] = min(GAINS, key=lambda gain: (_loss(rows, gain * factor[of_it]), gain))
    return out
