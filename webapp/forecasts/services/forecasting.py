"""The work of a forecast job: train, forecast, store and publish.

A run is written in one transaction at the very end: until then nothing of it exists, so that a cancelled, failed or
killed job leaves neither a row nor a file, and the same job delivered twice makes one run.
"""

import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from prediction.engine import Forecast, TrainedModel, forecast, train
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.common.models import Job
from webapp.common.services import JobCancelled, Progress, claimed_job, no_progress, part
from webapp.crimes.models import Category
from webapp.forecasts.models import ForecastRun, Rates, Reasons
from webapp.forecasts.selectors.material import Material, default_cutoff, material_until
from webapp.forecasts.services.shared import core_errors_as_sentences, plain
from webapp.forecasts.services.starting import DEFAULT_SEED
from webapp.version import version


def run_forecast_job(*, job_id: UUID) -> ForecastRun | None:
    """The work of a forecast job; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        return make_forecast(
            jurisdiction=job.jurisdiction,
            cutoff=datetime.fromisoformat(job.parameters["cutoff"]),
            seed=job.parameters["seed"],
            progress=progress,
            job=job,
        )


def make_forecast(
    *,
    jurisdiction: Jurisdiction,
    cutoff: datetime | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress = no_progress,
    job: Job | None = None,
) -> ForecastRun:
    """Train on all incidents before `cutoff`, forecast a week of slots from the first one at or after it, store and publish.

    Where `job` has made its run already, that run is returned. Raises `HaechiError` where the data do not allow a
    forecast, `JobCancelled` through `progress`; then nothing is left behind.
    """
    done = ForecastRun.objects.of(jurisdiction).filter(job=job).first() if job else None
    if done is not None:
        return done
    cutoff = cutoff or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    progress(0.0, "load")
    material = material_until(jurisdiction=jurisdiction, cutoff=cutoff)
    with core_errors_as_sentences():
        model = train(
            material.incidents,
            material.core_grid,
            scheme=material.scheme,
            categories=material.categories,
            cutoff=cutoff,
            seed=seed,
            progress=part(progress, 0.05, 0.8),
        )
        result = forecast(
            model,
            material.incidents,
            material.core_grid,
            slots=material.scheme.per_week,
            first_slot=material.scheme.next_start(cutoff),
            progress=part(progress, 0.8, 0.95),
        )
    progress(0.95, "store")
    run = ForecastRun(
        jurisdiction=jurisdiction,
        job=job,
        learner=model.learner,
        data_cutoff=cutoff,
        parameters=plain(model.parameters),
        incident_count=sum(model.incidents_by_category),
        seed=seed,
        created_by=job.created_by if job else None,
    )
    return _store_run(run, material, model, result)


def _store_run(run: ForecastRun, material: Material, model: TrainedModel, result: Forecast) -> ForecastRun:
    """Write the model file, then run, rates and reasons in one transaction; the file goes again if that fails."""
    content = model.to_bytes()
    run.model_sha256 = hashlib.sha256(content).hexdigest()
    run.model_file = f"{run.model_sha256}.model"
    is_new_file = _write_once(Path(settings.MODEL_DIR) / run.model_file, content)
    try:
        return _publish(run, material, result)
    except BaseException:
        if is_new_file:
            (Path(settings.MODEL_DIR) / run.model_file).unlink(missing_ok=True)
        raise


@transaction.atomic
def _publish(run: ForecastRun, material: Material, result: Forecast) -> ForecastRun:
    """Save the run as published, with its rates and reasons; `JobCancelled` if somebody asked to stop meanwhile."""
    if run.job is not None:
        held = Job.objects.select_for_update().get(pk=run.job.pk)
        if held.cancel_requested:
            raise JobCancelled
        done = ForecastRun.objects.of(run.jurisdiction).filter(job=held).first()
        if done is not None:
            return done
    categories = {row.code: row for row in Category.objects.of(run.jurisdiction)}
    chosen = [categories[code] for code in material.categories]
    run.state = ForecastRun.State.PUBLISHED
    run.published_at = timezone.now()
    run.grid = material.grid
    run.slot_starts = list(result.slot_starts)
    run.horizon_end = result.horizon_end
    run.category_codes = list(material.categories)
    run.data_sha256 = material.sha256
    run.code_version = version()
    run.metrics = {
        "expected_incidents": float(result.rates.sum(dtype="f8")),
        "incidents_outside_grid": material.outside,
    }
    run.save()
    _store_rates(run, chosen, result)
    _store_reasons(run, chosen, result)
    return run


def _store_rates(run: ForecastRun, categories: list[Category], result: Forecast) -> None:
    """One binary vector a slot and category: 84 rows of 160 KB for 40,000 cells, 21 slots, four categories."""
    Rates.objects.bulk_create(
        (
            Rates(
                run=run,
                slot=slot,
                category=category,
                vector=(vector := result.rates[:, slot, position].astype("<f4")).tobytes(),
                total=float(vector.sum(dtype="f8")),
            )
            for slot in range(len(result.slot_starts))
            for position, category in enumerate(categories)
        ),
        batch_size=21,  # some 3 MB a statement
    )


def _store_reasons(run: ForecastRun, categories: list[Category], result: Forecast) -> None:
    Reasons.objects.bulk_create(
        Reasons(
            run=run,
            category=category,
            groups=list(result.reason_groups),
            contributions=result.reasons[:, :, position].astype("<f2").tobytes(),
        )
        for position, category in enumerate(categories)
    )


def _write_once(path: Path, content: bytes) -> bool:
    """Write a file named by its content, whole or not at all; returns whether it was not there before."""
    if path.exists():
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
