"""The stack: several learners' rates mixed with weights per category, learnt from weeks that none of them had seen.

Two mixtures are tried, and the one that foretold left-out stretches of weeks better is taken: the sum λ = Σ wₖ λₖ, and the
product log λ = Σ wₖ log λₖ + c (Hinton 2002), whose c keeps the city's total at Σ wₖ Λₖ. Weights are ≥ 0 and add up to one.
The Poisson likelihood is concave in the weights of both; the sum's are found by EM (Dempster, Laird, Rubin 1977).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, brentq, minimize

from prediction.errors import PredictionError
from prediction.learners.base import (
    LEAST_RATE,
    Learner,
    NotFittedError,
    Progress,
    log_of,
    no_progress,
    pack,
    part,
    unpack,
    with_all,
)
from prediction.out_of_fold import FoldSettings, OutOfFold, play_fold
from prediction.panel import Panel

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

EM_STEPS = 2_000
EM_ENOUGH = 1e-7
SQP_STEPS = 30
BASE = 0  # position of "base" in the groups of reasons


@dataclass(frozen=True)
class StackSettings:
    """`prior`: incidents with which a category's weights are drawn to those of all categories (and these to even ones);

    `blocks`: stretches of time left out in turn to choose between sum and product; `gain`: what the product must gain.
    """

    folds: FoldSettings = field(default_factory=FoldSettings)
    prior: float = 20.0
    blocks: int = 4
    gain: float = 2.0


@dataclass(frozen=True)
class Mixture:
    """How the members of one category are mixed: "sum" or "product", and their weights."""

    kind: str
    weights: tuple[float, ...]

    def log_rates(self, logs: Float64) -> Float64:
        """Float64[cells] from the members' log rates Float64[members, cells] of the whole city."""
        weights = np.array(self.weights)[:, np.newaxis]
        if self.kind == "sum":
            top = logs.max(axis=0)
            return np.asarray(np.log((weights * np.exp(logs - top)).sum(axis=0)) + top, dtype=np.float64)
        mixed = (weights * logs).sum(axis=0)
        total = float((weights[:, 0] * np.exp(logs).sum(axis=1)).sum())
        return np.asarray(mixed + np.log(total / np.exp(mixed).sum()), dtype=np.float64)


class Stack:
    """A learner made of learners. `mixtures_[category]`; `out_of_fold_`: what calibration may be learnt from, not saved.

    `fold_members`: cheaper versions of the members for the fold, in the same order; the members themselves where not given.
    """

    name = "stack"

    def __init__(
        self,
        members: Sequence[Learner],
        settings: StackSettings | None = None,
        *,
        fold_members: Sequence[Learner] | None = None,
    ) -> None:
        if not members or len({member.horizon_days for member in members}) != 1:
            raise PredictionError(
                "A stack needs at least one member, and all of one horizon; make them with the same horizon_days."
            )
        self.members = tuple(members)
        self.fold_members = tuple(fold_members or members)
        self.settings = settings or StackSettings()
        self.horizon_days = members[0].horizon_days
        self.mixtures_: tuple[Mixture, ...] = ()
        self.out_of_fold_: OutOfFold | None = None

    def fit(self, panel: Panel, cutoff_day: int, *, seed: int, progress: Progress = no_progress) -> None:
        fold = play_fold(
            self.fold_members,
            panel,
            cutoff_day,
            settings=self.settings.folds,
            seed=seed,
            progress=part(progress, 0.0, 0.45),
        )
        self.mixtures_, mixed = mix(fold, self.settings)
        self.out_of_fold_ = OutOfFold(fold.origins, mixed[np.newaxis], fold.counts)
        for position, member in enumerate(self.members):
            share = 0.5 / len(self.members)
            member.fit(panel, cutoff_day, seed=seed, progress=part(progress, 0.5 + share * position, share))
        progress(1.0, "fit")

    def rate(self, panel: Panel, origin_day: int) -> Float64:
        if not self.mixtures_:
            raise NotFittedError(self.name)
        # One member's arrays at a time would not do: the product's total needs all of them.
        rates = np.stack([member.rate(panel, origin_day)[:-1] for member in self.members])
        logs = log_of(rates)
        return with_all(np.exp(np.stack([mixture.log_rates(logs[:, row]) for row, mixture in enumerate(self.mixtures_)])))

    def explain(self, panel: Panel, origin_day: int, target: int) -> Float64:
        """Float64[cells, groups]: contributions of the members, weighted by their share in each cell's rate."""
        if target == len(self.mixtures_):
            return together([self.explain(panel, origin_day, category) for category in range(target)])
        mixture = self.mixtures_[target]
        parts = [floored(member.explain(panel, origin_day, target)) for member in self.members]
        logs = np.stack([reasons.sum(axis=1) for reasons in parts])
        weights = np.broadcast_to(np.array(mixture.weights)[:, np.newaxis], logs.shape)
        mixed = mixture.log_rates(logs)
        return blend(parts, weights * np.exp(logs - mixed) if mixture.kind == "sum" else weights, mixed)

    def save(self) -> bytes:
        if not self.mixtures_:
            raise NotFittedError(self.name)
        plain = {"members": [member.name for member in self.members], "mixtures": [[m.kind, *m.weights] for m in self.mixtures_]}
        return pack(self.name, plain, {f"{i:02d}": as_array(member.save()) for i, member in enumerate(self.members)})

    def load(self, content: bytes) -> None:
        plain, states = unpack(self.name, content)
        names = [member.name for member in self.members]
        if plain["members"] != names:
            raise PredictionError(
                f"The saved stack is made of {', '.join(plain['members'])}, this one of {', '.join(names)}; train again."
            )
        for position, member in enumerate(self.members):
            member.load(states[f"{position:02d}"].tobytes())
        self.mixtures_ = tuple(Mixture(kind, tuple(weights)) for kind, *weights in plain["mixtures"])


def as_array(content: bytes) -> npt.NDArray[np.uint8]:
    """Bytes as an array, to be packed with others."""
    return np.frombuffer(content, dtype=np.uint8)


# --- reasons -------------------------------------------------------------------------------------


def blend(parts: Sequence[Float64], weights: Float64, log_rates: Float64) -> Float64:
    """Float64[cells, groups]: Σ weights[k, cells] × parts[k], and what is missing to `log_rates` on "base"."""
    out = np.zeros_like(parts[0])
    for share, reasons in zip(weights, parts, strict=True):
        out += share[:, np.newaxis] * reasons
    out[:, BASE] += log_rates - out.sum(axis=1)
    return out


def together(parts: Sequence[Float64]) -> Float64:
    """Reasons of all crimes from those of the categories: each weighs by its share of the cell's expected incidents."""
    logs = np.stack([reasons.sum(axis=1) for reasons in parts])
    top = logs.max(axis=0)
    every = top + np.log(np.exp(logs - top).sum(axis=0))
    return blend(parts, np.exp(logs - every), every)


def floored(reasons: Float64) -> Float64:
    """Cells that a member calls impossible get the floor, all of it on "base"."""
    logs = reasons.sum(axis=1)
    impossible = ~(logs >= np.log(LEAST_RATE))
    if not impossible.any():
        return reasons
    out = np.where(impossible[:, np.newaxis], 0.0, reasons)
    out[impossible, BASE] = np.log(LEAST_RATE)
    return out


# --- weights -------------------------------------------------------------------------------------


def mix(fold: OutOfFold, settings: StackSettings) -> tuple[tuple[Mixture, ...], Float32]:
    """A mixture per category, and rates Float32[windows, categories, cells] mixed without each window's own stretch of time.

    Even weights where there is no fold.
    """
    members, windows, categories, _ = fold.rates.shape
    even = np.full(members, 1 / members)
    if windows < 2 or members == 1:
        mixtures = (Mixture("sum", tuple(even.tolist())),) * categories
        return mixtures, np.einsum("mwck,m->wck", fold.rates, even).astype(np.float32)
    rates = np.maximum(fold.rates, np.float32(LEAST_RATE))
    blocks = np.array_split(np.arange(windows), min(settings.blocks, windows))
    pooled = sum_weights(_positives(rates, fold.counts), _totals(rates), even * settings.prior)
    found, mixed = [], np.empty(fold.counts.shape, dtype=np.float32)
    for category in range(categories):
        mixture, mixed[:, category] = _mix_category(
            rates[:, :, category], fold.counts[:, category], blocks, pooled * settings.prior, settings.gain
        )
        found.append(mixture)
    return tuple(found), mixed


def _mix_category(
    rates: Float32, counts: Float32, blocks: Sequence[npt.NDArray[np.intp]], prior: Float64, gain: float
) -> tuple[Mixture, Float32]:
    """rates Float32[members, windows, cells], counts Float32[windows, cells]."""
    everything = np.arange(len(counts))
    score, mixed, best = {}, {}, "sum"
    for kind in ("sum", "product"):
        mixed[kind], score[kind] = np.empty_like(counts), 0.0
        for block in blocks:
            rest = np.setdiff1d(everything, block)
            mixture = _fitted(kind, rates[:, rest], counts[rest], prior)
            for window in block:
                logs = mixture.log_rates(np.log(rates[:, window].astype(np.float64)))
                mixed[kind][window] = np.exp(logs)
                score[kind] += float((counts[window] * logs).sum() - np.exp(logs).sum())
    if score["product"] > score["sum"] + gain:
        best = "product"
    return _fitted(best, rates, counts, prior), mixed[best]


def _fitted(kind: str, rates: Float32, counts: Float32, prior: Float64) -> Mixture:
    if kind == "sum":
        weights = sum_weights(_positives(rates, counts), _totals(rates), prior)
    else:
        weights = product_weights(np.log(rates), counts, prior)
    return Mixture(kind, tuple(weights.tolist()))


def _positives(rates: Float32, counts: Float32) -> tuple[Float64, Float64]:
    """Rates Float64[members, n] and counts Float64[n] where there was anything: all that the likelihood's log part needs."""
    held = counts > 0
    return rates[:, held].astype(np.float64), counts[held].astype(np.float64)


def _totals(rates: Float32) -> Float64:
    return np.asarray(rates.reshape(len(rates), -1).sum(axis=1, dtype=np.float64))


def sum_weights(positives: tuple[Float64, Float64], totals: Float64, prior: Float64) -> Float64:
    """Float64[members] on the simplex that maximise Σ y log Σ wₖλₖ − Σ wₖΛₖ + Σ priorₖ log wₖ.

    EM: an incident belongs to member k with chance wₖλₖ/λ; given these, the weights are aₖ/(Λₖ + μ), with μ such that they
    add up to one. Each step makes the likelihood no smaller.
    """
    rates, counts = positives
    weights = np.full(len(rates), 1 / len(rates))
    for _ in range(EM_STEPS):
        belongs = weights * (rates @ (counts / (weights @ rates))) + prior
        updated = _on_simplex(belongs, totals)
        done = float(np.abs(updated - weights).max()) < EM_ENOUGH
        weights = updated
        if done:
            break
    return weights


def _on_simplex(belongs: Float64, totals: Float64) -> Float64:
    """aₖ/(Λₖ + μ), adding up to one."""
    belongs = np.maximum(belongs, 1e-9)
    low = -float(totals.min())
    room = float(belongs.sum())
    # At μ = −Λ + a of the smallest Λ that member alone fills the simplex; at Σa − min Λ nobody can.
    smallest = int(np.argmin(totals))
    mu = brentq(
        lambda value: float((belongs / (totals + value)).sum()) - 1,
        low + max(float(belongs[smallest]) * 0.5, 1e-12),
        low + room + 1.0,
        xtol=1e-10,
        rtol=1e-14,
    )
    weights = belongs / (totals + mu)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def product_weights(logs: Float32, counts: Float32, prior: Float64) -> Float64:
    """Float64[members] on the simplex for Σ wₖ log λₖ, given each window's number of incidents.

    logs Float32[members, windows, cells]. Maximises Σ y wᵀl − Σ_windows Y log Σ exp(wᵀl) + Σ prior log w by Newton steps, each
    a small quadratic problem on the simplex.
    """
    placed = np.array([float((counts * rows).sum(dtype=np.float64)) for rows in logs])
    seen = counts.sum(axis=1, dtype=np.float64)
    weights = np.full(len(logs), 1 / len(logs))
    value, slope, bend = _product_terms(weights, logs, placed, seen, prior)
    for _ in range(SQP_STEPS):
        step = _simplex_step(weights, slope, bend)
        size = 1.0
        while size > 1e-4:
            trial = np.maximum(weights + size * step, 1e-9)
            trial = trial / trial.sum()
            terms = _product_terms(trial, logs, placed, seen, prior)
            if terms[0] >= value:
                break
            size /= 2
        else:
            break
        done = terms[0] - value < 1e-4
        weights, (value, slope, bend) = trial, terms
        if done:
            break
    return weights


def _product_terms(
    weights: Float64, logs: Float32, placed: Float64, seen: Float64, prior: Float64
) -> tuple[float, Float64, Float64]:
    """Value, gradient and Hessian of the penalised log-likelihood."""
    value = float(weights @ placed + prior @ np.log(weights))
    slope, bend = placed + prior / weights, -np.diag(prior / weights**2)
    for window, incidents in enumerate(seen):
        rows = logs[:, window].astype(np.float64)
        mixed = weights @ rows
        top = float(mixed.max())
        mass = np.exp(mixed - top)
        total = float(mass.sum())
        mean = rows @ mass / total
        around = rows - mean[:, np.newaxis]
        value -= incidents * (np.log(total) + top)
        slope = slope - incidents * mean
        bend = bend - incidents * ((around * mass) @ around.T) / total
    return value, np.asarray(slope, dtype=np.float64), np.asarray(bend, dtype=np.float64)


def _simplex_step(weights: Float64, slope: Float64, bend: Float64) -> Float64:
    """The step d that maximises slopeᵀd + dᵀbend d/2 with weights + d on the simplex."""
    scale = max(1.0, float(np.abs(bend).max()))

    def loss(step: Float64) -> float:
        return float(-(slope @ step + 0.5 * step @ bend @ step) / scale)

    def gradient(step: Float64) -> Float64:
        return np.asarray(-(slope + bend @ step) / scale, dtype=np.float64)

    found = minimize(
        loss,
        np.zeros(len(weights)),
        jac=gradient,
        bounds=Bounds(1e-9 - weights, 1.0 - weights),
        constraints=LinearConstraint(np.ones((1, len(weights))), 0.0, 0.0),
        method="SLSQP",
        tol=1e-12,
    )
    return np.asarray(found.x, dtype=np.float64)
