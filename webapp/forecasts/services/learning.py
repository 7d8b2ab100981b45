"""The prediction core as this room uses it: train on material, forecast a week with a model, keep model files.

Everything that depends on how the core trains stands here. Imports LightGBM and its kin: only the worker may load it.
"""

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.utils.translation import gettext as _

from prediction.engine import EngineSettings, Forecast, TrainedModel, forecast, restored, train
from prediction.errors import PredictionError
from prediction.features import WEEK_DAYS, FeatureMaker
from prediction.panel import Panel
from prediction.trial import Forecaster
from webapp.common.errors import HaechiError
from webapp.common.services import Progress, no_progress
from webapp.forecasts.models import ForecastRun, ModelVersion
from webapp.forecasts.selectors.material import Material
from webapp.forecasts.sentences import unusable_reason
from webapp.forecasts.services.shared import core_errors_as_sentences


def learn(
    material: Material,
    *,
    cutoff: datetime,
    seed: int,
    how: EngineSettings | None = None,
    progress: Progress = no_progress,
) -> TrainedModel:
    """Train on what was known before the cut-off; `how` None: the main model. Raises `HaechiError` where the data forbid it."""
    with core_errors_as_sentences():
        return train(
            material.incidents,
            material.core_grid,
            scheme=material.scheme,
            categories=material.categories,
            cutoff=cutoff,
            settings=how,
            blocks=material.blocks,
            seed=seed,
            progress=progress,
        )


def forecast_week(model: TrainedModel, material: Material, *, moment: datetime, progress: Progress = no_progress) -> Forecast:
    """The slots of a week from the first one at or after `moment`, with features of what was known before it."""
    with core_errors_as_sentences():
        return forecast(
            model,
            material.incidents,
            material.core_grid,
            slots=model.scheme.per_week,
            first_slot=model.scheme.next_start(moment),
            blocks=material.blocks,
            progress=progress,
        )


def week_forecaster(model: TrainedModel, material: Material) -> Forecaster:
    """Gives the rates of the week from a moment on, Float64[cells, categories], with features of what was known before it.

    Cheaper than `forecast_week`: neither laid out over slots nor explained.
    """
    maker = _maker(material, horizon_days=model.horizon_days)
    learner = restored(model, maker)

    def rates(moment: datetime) -> npt.NDArray[np.float64]:
        known = material.incidents.known_before(moment)
        panel = Panel.build(known, cells=len(material.core_grid), categories=len(material.categories), anchor=moment)
        return learner.rate(panel, 0)[:-1].T

    return rates


def features_signature(material: Material) -> str:
    """Names the features that a model of this material learns from, with the data that they carry."""
    return _maker(material).signature


def _maker(material: Material, *, horizon_days: int = WEEK_DAYS) -> FeatureMaker:
    return FeatureMaker(material.core_grid, len(material.categories), horizon_days=horizon_days, blocks=material.blocks)


def read_model(source: ModelVersion | ForecastRun) -> TrainedModel:
    """The stored model. Raises `UnusableModelError` where its file is gone, changed or cannot be read."""
    path = Path(settings.MODEL_DIR) / source.model_file
    if not source.model_file or not path.is_file():
        raise UnusableModelError("file_missing")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != source.model_sha256:
        raise UnusableModelError("file_changed")
    try:
        return TrainedModel.from_bytes(content)
    except (PredictionError, KeyError, TypeError, ValueError) as error:  # of another version of the program
        raise UnusableModelError("file_unreadable") from error


class UnusableModelError(HaechiError):
    """A stored model cannot be used; `reason` is a code of `sentences.unusable_reason`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            _("The stored model cannot be used: %(why)s. Train a new one.") % {"why": unusable_reason(reason)},
            code="model_unusable",
            fields={"reason": reason},
        )


def write_model(content: bytes) -> tuple[str, str, bool]:
    """Keep a model file under the name of its content; (name, SHA-256, whether it was not there before)."""
    digest = hashlib.sha256(content).hexdigest()
    name = f"{digest}.model"
    return name, digest, _write_once(Path(settings.MODEL_DIR) / name, content)


def remove_model(name: str) -> None:
    """Take a model file away again, where what it was written for has failed."""
    (Path(settings.MODEL_DIR) / name).unlink(missing_ok=True)


def _write_once(path: Path, content: bytes) -> bool:
    """Write a file named by its content, whole or not at all; returns whether it was not there before.

    One that is there but damaged is written again.
    """
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise HaechiError(
            _("The model could not be written to %(folder)s: %(why)s. Free space there, or set HAECHI_DATA_DIR.")
            % {"folder": path.parent, "why": error.strerror},
            code="model_not_written",
        ) from error
    return True
