"""From a predictive distribution to the number or the label that a metric rewards, and the metrics themselves.

One forecast, several decisions: the mean for squared error, the median for absolute error, medians of what is left when y > 0 is
given for the masked metrics, thresholds for F1. None of them looks at the outcomes it is scored on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import rankdata

Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
LARGEST = 90  # counts are tabled up to here; the largest day of any set's area and type is 104, two others pass 60
LEAST_RATE = 1e-6


# --- predictive distributions ---------------------------------------------------------------------


def negative_binomial(mean: Float64, dispersion: Float64) -> Float64:
    """Float64[rows, 0..LARGEST]: probabilities with the given mean and variance mean + dispersion × mean²."""
    r = 1 / np.maximum(dispersion, 1e-4)[:, np.newaxis]
    m = np.maximum(mean, LEAST_RATE)[:, np.newaxis]
    k = np.arange(LARGEST + 1)
    log_p = gammaln(k + r) - gammaln(r) - gammaln(k + 1) + r * np.log(r / (r + m)) + k * np.log(m / (r + m))
    table = np.exp(log_p)
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)


def fit_dispersion(counts: Float64, mean: Float64) -> float:
    """The dispersion under which the counts are likeliest, given their predicted means."""

    def loss(log_dispersion: float) -> float:
        r = np.exp(-log_dispersion)
        m = np.maximum(mean, LEAST_RATE)
        fits = gammaln(counts + r) - gammaln(r) + r * np.log(r / (r + m)) + counts * np.log(m / (r + m))
        return -float(fits.sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-7, 1), method="bounded").x))


def given_any(table: Float64) -> Float64:
    """The distribution when it is known that there is at least one."""
    positive = table.copy()
    positive[:, 0] = 0
    return np.asarray(positive / np.maximum(positive.sum(axis=1, keepdims=True), 1e-300), dtype=np.float64)


def median(table: Float64) -> Float64:
    """Float64[rows]: minimiser of the expected absolute error."""
    below = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
    return np.asarray((below < 0.5).sum(axis=1), dtype=np.float64)


def relative_median(table: Float64) -> Float64:
    """Float64[rows]: minimiser of the expected abs(p − y) / y; the median with each y weighing 1/y."""
    weighed = table / np.maximum(np.arange(table.shape[1]), 1)
    weighed[:, 0] = 0
    return median(weighed)


# --- thresholds -----------------------------------------------------------------------------------


def f1_threshold(probability: Float64) -> float:
    """The threshold with the largest expected F1 if the probabilities are right (Lipton, Elkan, Naryanaswamy 2014)."""
    ranked = np.sort(probability.ravel())[::-1]
    hits = np.cumsum(ranked)
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + ranked.sum())
    return float(ranked[int(np.argmax(f1))])


def best_threshold(score: Float64, happened: Bool) -> float:
    """The threshold with the largest F1 on days whose outcome is known."""
    order = np.argsort(-score.ravel(), kind="stable")
    hits = np.cumsum(happened.ravel()[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + happened.sum())
    last_of_ties = np.append(np.diff(score.ravel()[order]) != 0, True)
    return float(score.ravel()[order][int(np.argmax(np.where(last_of_ties, f1, -1)))])


def quantile_labels(score: Float64, positive_share: float) -> Bool:
    """HAGEN's rule: scores [rows, types] scaled to 0–1 per type over all rows, one cut that leaves a share of positives.

    It looks at all forecasts of the month at once, not at outcomes.
    """
    low, high = score.min(axis=0), score.max(axis=0)
    scaled = (score - low) / np.maximum(high - low, 1e-12)
    return np.asarray(scaled >= np.quantile(scaled, 1 - positive_share))


# --- metrics --------------------------------------------------------------------------------------


def f1(happened: Bool, called: Bool) -> tuple[float, float]:
    """(mean over types, pooled) of 2TP/(2TP+FP+FN) for Bool[rows, types]: the usual macro and micro F1.

    ST-SHN and AGL-STAN call the first "micro" and the second "macro".
    """
    hits = (happened & called).sum(axis=0)
    wrong = (happened ^ called).sum(axis=0)
    each = 2 * hits / np.maximum(2 * hits + wrong, 1)
    return float(each.mean()), float(2 * hits.sum() / max(1, 2 * hits.sum() + wrong.sum()))


def f1_of_batches(happened: Bool, called: Bool, batch: int) -> tuple[float, float]:
    """The same for Bool[days, areas, types] as AGL-STAN's script prints it: mean over batches of days, no incomplete one."""
    parts = [slice(start, start + batch) for start in range(0, len(happened) - batch + 1, batch)]
    kinds = happened.shape[-1]
    scores = [f1(happened[part].reshape(-1, kinds), called[part].reshape(-1, kinds)) for part in parts]
    return float(np.mean([score[0] for score in scores])), float(np.mean([score[1] for score in scores]))


def errors(counts: Float64, predicted: Float64) -> dict[str, float]:
    """Full and masked (y > 0) errors of flat arrays over the whole panel."""
    apart = np.abs(predicted - counts)
    some = counts > 0
    return {
        "mae": float(apart.mean()),
        "rmse": float(np.sqrt((apart**2).mean())),
        "masked_mae": float(apart[some].mean()),
        "masked_mape": float((apart[some] / counts[some]).mean()),
    }


def likelihoods(counts: Float64, mean: Float64, dispersion: Float64) -> dict[str, float]:
    """Honest scores of a distribution over the whole panel, as a mean per entry."""
    m = np.maximum(mean, LEAST_RATE)
    r = 1 / np.maximum(dispersion, 1e-4)
    none = (r / (r + m)) ** r
    some = (counts > 0).astype(np.float64)
    negative = gammaln(counts + r) - gammaln(r) - gammaln(counts + 1) + r * np.log(r / (r + m)) + counts * np.log(m / (r + m))
    inside = np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / m), 0.0)
    return {
        "log_likelihood_poisson": float((counts * np.log(m) - m - gammaln(counts + 1)).mean()),
        "log_likelihood": float(negative.mean()),
        "deviance": float(2 * (inside - counts + m).mean()),
        "brier": float(((1 - none - some) ** 2).mean()),
        "occurrence_auc": rank_auc(some > 0, 1 - none),
        "calibration_ratio": float(m.sum() / max(1e-9, counts.sum())),
    }


def rank_auc(happened: Bool, score: Float64) -> float:
    """Chance that an entry with an incident has a higher score than one without; ties count half."""
    ranks = rankdata(score)
    some = int(happened.sum())
    none = len(happened) - some
    return float((ranks[happened].sum() - some * (some + 1) / 2) / max(1, some * none))
