"""The network's inner part: what it reads of each cell, and the convolutions over time, as functions of plain arrays.

torch is imported only when a function here is called: a forecast without the network does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.features import FeatureMaker, Moment
from prediction.panel import Panel

if TYPE_CHECKING:
    import torch

Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Own and all crimes: here, in the first ring, in the second ring; and whether the bin is covered by the data at all.
CHANNELS_IN = 7
OWN, RING_1, RING_2, ALL, ALL_RING_1, ALL_RING_2, COVERED = range(CHANNELS_IN)
STATICS = 5
KERNEL = 2
LARGEST_LOG_FACTOR = 4.0
CHUNK = 8_192  # cells a forward pass


@dataclass(frozen=True, eq=False)
class History:
    """Counts before an origin in bins of `bin_days`, newest last: own Float32[targets, bins, cells]."""

    own: Float32
    bin_days: int

    @property
    def bins(self) -> int:
        return int(self.own.shape[1])


def read_history(known: Panel, origin_day: int, *, bins: int, bin_days: int) -> History:
    """Bins of what was known before the origin; `known` holds nothing else. The last target is all crimes."""
    age = (origin_day - 1 - known.day).astype(np.int64) // bin_days
    recent = (age < bins) & (age >= 0)
    position = bins - 1 - age[recent]
    flat = (known.category[recent].astype(np.int64) * bins + position) * known.cells + known.cell[recent]
    sums = np.bincount(flat, weights=known.weight[recent], minlength=known.categories * bins * known.cells)
    counts = sums.reshape(known.categories, bins, known.cells).astype(np.float32)
    return History(np.concatenate([counts, counts.sum(axis=0, keepdims=True)]), bin_days)


def _covered(moment: Moment, history: History, target: int) -> Float32:
    """Float32[bins]: share of each bin's days that the data of the target cover."""
    days = np.zeros(history.bins * history.bin_days, dtype=np.float32)
    by_age = moment.coverage.covered[target][: len(days)]
    days[: len(by_age)] = by_age
    return np.asarray(days.reshape(history.bins, history.bin_days).mean(axis=1)[::-1], dtype=np.float32)


def inputs_of(
    maker: FeatureMaker, history: History, moment: Moment, target: int, rows: npt.NDArray[np.intp]
) -> tuple[Float16, Float32]:
    """Of the rows (cells): Float16[rows, channels, bins] over time, Float32[rows, statics] of the offset and its parts."""
    every = len(history.own) - 1
    over_time = np.empty((len(rows), CHANNELS_IN, history.bins), dtype=np.float16)
    for first, of_target in ((OWN, target), (ALL, every)):
        counts = history.own[of_target].T  # [cells, bins]
        over_time[:, first] = np.log1p(counts[rows])
        # Graph convolution with fixed weights (Wu et al. 2019): sums over the rings, so that cells can be drawn one by one.
        for ring in (1, 2):
            over_time[:, first + ring] = np.log1p(maker.around.rings[ring - 1][rows] @ counts)
    over_time[:, COVERED] = _covered(moment, history, target)
    statics = np.stack(
        [
            (np.log(moment.expected[target][rows]) + 6) / 3,
            (np.log(moment.expected[every][rows]) + 6) / 3,
            moment.expected_here[target][rows] / 2,
            moment.expected_around[target][rows] / 2,
            moment.expected_others[target][rows] / 2,
        ],
        axis=1,
    )
    return over_time, np.clip(statics, -4, 4).astype(np.float32)


def first_weights(rng: np.random.Generator, *, bins: int, channels: int, hidden: int, categories: int) -> dict[str, Float32]:
    """Weights before the first step (He et al. 2015); the heads are zero, so that the network begins at the offset."""
    layers = bins.bit_length() - 1
    out: dict[str, Float32] = {}
    width = CHANNELS_IN
    for layer in range(layers):
        out[f"time{layer}"] = _he(rng, (channels, width, KERNEL), width * KERNEL)
        out[f"time{layer}_bias"] = np.zeros(channels, dtype=np.float32)
        width = channels
    read = channels * layers + STATICS
    out["mix"] = _he(rng, (hidden, read), read)
    out["mix_bias"] = np.zeros(hidden, dtype=np.float32)
    out["head"] = np.zeros((categories, hidden), dtype=np.float32)
    out["head_bias"] = np.zeros(categories, dtype=np.float32)
    return out


def _he(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Float32:
    return np.asarray(rng.standard_normal(shape) * np.sqrt(2 / fan_in), dtype=np.float32)


def log_factor(weights: dict[str, torch.Tensor], over_time: torch.Tensor, statics: torch.Tensor, category: Any) -> torch.Tensor:
    """Tensor[rows]: what the network adds to the log of the offset. `category`: an index, or one a row.

    Convolutions of two taps at dilations 1, 2, 4 … of which only the newest output is read are the same as ones with stride two
    at each level, at a fraction of the work. The newest output of every level goes on: short and long memory are both read.
    """
    import torch  # noqa: PLC0415 (heavy, and not needed by forecasts without the network)

    level, seen = over_time, []
    layer = 0
    while f"time{layer}" in weights:
        level = torch.relu(
            torch.nn.functional.conv1d(level, weights[f"time{layer}"], weights[f"time{layer}_bias"], stride=KERNEL)
        )
        seen.append(level[:, :, -1])
        layer += 1
    mixed = torch.relu(torch.nn.functional.linear(torch.cat([*seen, statics], dim=1), weights["mix"], weights["mix_bias"]))
    raw = (mixed * weights["head"][category]).sum(dim=1) + weights["head_bias"][category]
    return LARGEST_LOG_FACTOR * torch.tanh(raw / LARGEST_LOG_FACTOR)


def added(weights: dict[str, Float32], over_time: Float16, statics: Float32, category: int, device: str) -> Float64:
    """Float64[rows]: `log_factor` of plain arrays."""
    import torch  # noqa: PLC0415

    out = np.empty(len(statics))
    with one_thread(), torch.no_grad():
        held = tensors(weights, device)
        for start in range(0, len(statics), CHUNK):
            part = slice(start, start + CHUNK)
            values = torch.from_numpy(over_time[part]).to(device).float()
            out[part] = log_factor(held, values, torch.from_numpy(statics[part]).to(device), category).cpu().numpy()
    return out


def tensors(weights: dict[str, Float32], device: str) -> dict[str, torch.Tensor]:
    """Copies of the arrays as tensors."""
    import torch  # noqa: PLC0415

    return {name: torch.tensor(values, device=device) for name, values in weights.items()}


def device_of(asked: str) -> str:
    """The device for "cpu", "cuda" or "auto" (a GPU where there is one). Raises `PredictionError` with a way out."""
    if asked not in {"cpu", "cuda", "auto"}:
        raise PredictionError(f"The network's device can be “cpu”, “cuda” or “auto”, not “{asked}”.")
    if asked == "cpu":
        return "cpu"
    import torch  # noqa: PLC0415

    found = bool(torch.cuda.is_available())
    if asked == "cuda" and not found:
        raise PredictionError("The network was asked to use a GPU, but none was found; set its device to “auto” or “cpu”.")
    return "cuda" if found else "cpu"


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside: the same bits on every run, and no quarrel with other work on the machine."""
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
