"""The work behind "why here": explain every cell of a run once, from its stored model and the incidents of then."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from django.core.cache import cache
from django.utils.translation import gettext as _

from prediction.engine import restored
from prediction.explain import explain_all
from prediction.features import FeatureMaker
from prediction.panel import Panel
from webapp.common.errors import HaechiError
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.explained import (
    Stored,
    explanations_root,
    failed_key,
    folder_of,
    stored_explanations,
    waiting_key,
)
from webapp.forecasts.services.learning import UnusableModelError, features_signature, read_model
from webapp.forecasts.services.replay import material_as_of
from webapp.forecasts.services.shared import core_errors_as_sentences

KEPT = 20  # runs; the oldest give way
FAILED_S = 10 * 60  # a failure is told for so long before it is tried again


def make_explanations(*, run: ForecastRun) -> Stored:
    """Explain all cells of a run and store it. Raises `HaechiError` where its model can no longer be used."""
    model = read_model(run)
    material = material_as_of(run)
    if model.blocks != features_signature(material):
        raise UnusableModelError("blocks")
    with core_errors_as_sentences():
        maker = FeatureMaker(material.core_grid, len(model.categories), horizon_days=model.horizon_days, blocks=material.blocks)
        known = material.incidents.known_before(run.slot_starts[0])
        panel = Panel.build(known, cells=len(material.core_grid), categories=len(model.categories), anchor=run.slot_starts[0])
        everything = explain_all(lambda other: restored(model, other), maker, panel, 0)
    stored = Stored(everything, horizon_days=maker.horizon_days, same_data=material.sha256 == run.data_sha256)
    _write(run, stored)
    return stored


def explain_run(*, run_id: int) -> None:
    """The work of the task: make the explanations of a run, and tell those who wait for them how it ended."""
    run = ForecastRun.objects.select_related("grid", "jurisdiction").get(pk=run_id, state=ForecastRun.State.PUBLISHED)
    try:
        if stored_explanations(run) is None:
            make_explanations(run=run)
    except HaechiError as error:
        _ended(run, failure=error.message)
    except Exception:
        _ended(run, failure=_("The explanation stopped on an unexpected error. The server's log says more."))
        raise
    else:
        _ended(run)


def _write(run: ForecastRun, stored: Stored) -> None:
    """Store the explanations, whole or not at all; the oldest of other runs are deleted beyond `KEPT`."""
    everything = stored.everything
    arrays: dict[str, Any] = {name: getattr(everything, name) for name in ("rates", "contributions", "changes", "recent")}
    for target, (features, weights) in enumerate(zip(everything.features, everything.weights, strict=True)):
        arrays |= {f"features_{target}": features, f"weights_{target}": weights}
    plain = {
        "arrays": sorted(arrays),
        "targets": len(everything.features),
        "groups": everything.groups,
        "codes": everything.codes,
        "horizon_days": stored.horizon_days,
        "same_data": stored.same_data,
    }
    explanations_root().mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=explanations_root(), suffix=".part"))
    try:
        for name, array in arrays.items():
            np.save(unfinished / f"{name}.npy", array, allow_pickle=False)
        (unfinished / "plain.json").write_text(json.dumps(plain))
        unfinished.chmod(0o755)  # mkdtemp gives 0700; the web may run as another user than the worker
        shutil.rmtree(folder_of(run), ignore_errors=True)
        unfinished.replace(folder_of(run))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _drop_the_oldest()


def _ended(run: ForecastRun, *, failure: str = "") -> None:
    """The work is over: well, or with a sentence for a person."""
    if failure:
        cache.set(failed_key(run), failure, FAILED_S)
    cache.delete(waiting_key(run))


def _drop_the_oldest() -> None:
    found = [entry for entry in os.scandir(explanations_root()) if entry.is_dir() and not entry.name.endswith(".part")]
    for entry in sorted(found, key=lambda one: one.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(entry.path, ignore_errors=True)
