"""The explanations of a run as files: a worker writes them once, the web reads a row at a time.

They are a cache: all of it follows from the run's model file and the incidents of then, so that any of it may be deleted.
Files rather than rows, because a city of 40,000 cells has 4 MB of features a category, which only those read who ask why.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.cache import cache

from prediction.explain import Explanations
from webapp.forecasts.models import ForecastRun

FORMAT = 1


@dataclass(frozen=True)
class Stored:
    """What a worker stored. `horizon_days`: what the rates speak of; `same_data`: whether the incidents are those of then."""

    everything: Explanations
    horizon_days: int
    same_data: bool


def folder_of(run: ForecastRun) -> Path:
    """Where the explanations of a run lie, whether they are there or not."""
    return explanations_root() / f"{run.pk}-{run.model_sha256[:16] or 'no-model'}-{FORMAT}"


def stored_explanations(run: ForecastRun) -> Stored | None:
    """The explanations of a run, their arrays read from the disk as they are used; None where there are none."""
    folder = folder_of(run)
    try:
        plain = json.loads((folder / "plain.json").read_text())
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in plain["arrays"]}
    except (OSError, ValueError, KeyError, EOFError):
        return None
    targets = range(plain["targets"])
    everything = Explanations(
        groups=tuple(plain["groups"]),
        codes=tuple(plain["codes"]),
        rates=arrays["rates"],
        contributions=arrays["contributions"],
        changes=arrays["changes"],
        features=tuple(arrays[f"features_{target}"] for target in targets),
        weights=tuple(arrays[f"weights_{target}"] for target in targets),
        recent=arrays["recent"],
    )
    return Stored(everything, horizon_days=plain["horizon_days"], same_data=plain["same_data"])


def failure_of(run: ForecastRun) -> str:
    """Why the explanations could not be made when they were asked for last; blank where they could."""
    return str(cache.get(failed_key(run)) or "")


def waiting_key(run: ForecastRun) -> str:
    """In the cache while somebody is making the explanations of this run."""
    return f"explain:waiting:{folder_of(run).name}"


def failed_key(run: ForecastRun) -> str:
    """In the cache: the sentence with which making them ended."""
    return f"explain:failed:{folder_of(run).name}"


def explanations_root() -> Path:
    """The folder of all runs' explanations."""
    return Path(settings.MODEL_DIR) / "explanations"
