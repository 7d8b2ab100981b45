"""One contract for every learner: what a constructor is given is never changed; fitted state ends with an underscore.

`fit` reads what was known before the cut-off, `rate` and `explain` what was known before the origin. `save` and `load` carry the
fitted state as bytes: the same inputs and seed give the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError
from prediction.features import GROUPS
from prediction.features.counts import with_all as with_all  # noqa: PLC0414  # learners find it here
from prediction.metrics import LEAST_RATE as LEAST_RATE  # noqa: PLC0414
from prediction.panel import Panel

Float64 = npt.NDArray[np.float64]
Progress = Callable[[float, str], None]

MAGIC = b"HAECHI-LEARNER\n"


class NotFittedError(PredictionError):
    """A learner was asked for rates before it had learnt anything."""

    def __init__(self, learner: str) -> None:
        self.learner = learner
        super().__init__(f"The learner “{learner}” has not learnt anything yet; call fit or load first.")


class DamagedStateError(PredictionError):
    """Bytes that are no saved state of this learner."""

    def __init__(self, learner: str) -> None:
        self.learner = learner
        super().__init__(f"These bytes are not a saved state of the learner “{learner}”; train again to make one.")


def no_progress(fraction: float, step: str) -> None:
    """Progress that nobody watches."""


def part(progress: Progress, low: float, share: float) -> Progress:
    """The progress of a step that begins at `low` and makes up `share` of the whole."""
    return lambda fraction, step: progress(low + share * fraction, step)


class Learner(Protocol):
    """Learns from a panel up to a day, then gives rates of `horizon_days` at any later origin from what is known there."""

    name: str
    horizon_days: int

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        """Learn from what was known before `cutoff_day` only."""

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        """Float64[targets, cells]: expected incidents of `horizon_days` from the origin; the last target is all crimes.

        Reads only what was known before the origin. Raises `NotFittedError`.
        """

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        """Float64[cells, groups]: contributions in the order of GROUPS, adding up to the log of the target's rate.

        A rate under 1e-9 counts as 1e-9, so that no log is infinite.
        """

    def save(self) -> bytes:
        """The fitted state; the same inputs and seed give the same bytes."""

    def load(self, content: bytes) -> None:
        """Restore what `save` gave into a learner made with the same arguments. Raises `DamagedStateError`."""


def shares(fields: Float64) -> Float64:
    """Each row of Float64[rows, cells] scaled to one; a row without mass becomes even."""
    totals = fields.sum(axis=1, keepdims=True)
    return np.where(totals > 0, fields / np.where(totals > 0, totals, 1), 1 / fields.shape[1])


def log_of(rates: Float64) -> Float64:
    """Log of the rates, those under 1e-9 counting as 1e-9."""
    return np.asarray(np.log(np.maximum(rates, LEAST_RATE)), dtype=np.float64)


def contributions(log_rate: Float64, parts: Mapping[str, Float64]) -> Float64:
    """Float64[cells, groups] adding up to `log_rate` Float64[cells]: the parts as given, what is left over goes to the base."""
    out = np.zeros((len(log_rate), len(GROUPS)))
    for group, part in parts.items():
        out[:, GROUPS.index(group)] += part
    out[:, GROUPS.index("base")] += log_rate - out.sum(axis=1)
    return out


def explain_all(learner: Learner, panel: Panel, origin_day: int) -> Float64:
    """Contributions for all crimes together: those of the categories, weighted by each one's share of the cell's rate.

    The log of a sum is no sum of logs: what is left over goes to the base.
    """
    rates = np.maximum(learner.rate(panel, origin_day), LEAST_RATE)
    weights = rates[:-1] / rates[:-1].sum(axis=0)
    out = np.zeros((panel.cells, len(GROUPS)))
    for category in range(panel.categories):
        out += weights[category][:, np.newaxis] * learner.explain(panel, origin_day, category)
    out[:, GROUPS.index("base")] += np.log(rates[-1]) - out.sum(axis=1)
    return out


def pack(learner: str, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> bytes:
    """State as bytes: plain values as JSON, arrays as little-endian numbers behind it."""
    parts = {name: np.ascontiguousarray(array) for name, array in sorted((arrays or {}).items())}
    shapes = {name: (part.dtype.newbyteorder("<").str, part.shape) for name, part in parts.items()}
    head = json.dumps({"learner": learner, "plain": dict(plain), "arrays": shapes}, sort_keys=True).encode()
    body = b"".join(part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes() for part in parts.values())
    return MAGIC + zlib.compress(len(head).to_bytes(8, "little") + head + body, 6)


def unpack(learner: str, content: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What `pack` was given. Raises `DamagedStateError` where the bytes are another learner's, cut or changed."""
    if not content.startswith(MAGIC):
        raise DamagedStateError(learner)
    try:
        raw = zlib.decompress(content[len(MAGIC) :])
        end = 8 + int.from_bytes(raw[:8], "little")
        head = json.loads(raw[8:end])
        arrays = {}
        for name, (dtype, shape) in sorted(head["arrays"].items()):
            size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            arrays[name] = np.frombuffer(raw[end : end + size], dtype=dtype).reshape(shape).copy()
            end += size
        if head["learner"] != learner:
            raise DamagedStateError(learner)
        return head["plain"], arrays
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise DamagedStateError(learner) from error
