"""The work of a forecast job: forecast with the version in service, or train one first; store and publish.

A run is written in one transaction at the very end: until then nothing of it exists, so that a cancelled, failed or
killed job leaves neither a row nor a file, and the same job delivered twice makes one run.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from prediction.engine import EngineSettings, Forecast, TrainedModel
from prediction.learners.catalogue import LEARNERS
from webapp.accounts.models import Jurisdiction
from webapp.common.models import Job
from webapp.common.services import Progress, claimed_job, no_progress, part
from webapp.crimes.models import Category
from webapp.forecasts.models import ForecastRun, ModelVersion, Rates, Reasons
from webapp.forecasts.selectors.material import Material, default_cutoff, material_until
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.services.learning import forecast_week, learn
from webapp.forecasts.services.shared import plain
from webapp.forecasts.services.starting import DEFAULT_SEED
from webapp.forecasts.services.versions import add_version, judge_untried, stop_if_cancelled, stored, usable_model
from webapp.version import version as code_version


def run_forecast_job(*, job_id: UUID) -> ForecastRun | None:
    """The work of a forecast job; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        return forecast_slot(
            jurisdiction=job.jurisdiction,
            cutoff=datetime.fromisoformat(job.parameters["cutoff"]),
            seed=job.parameters["seed"],
            progress=progress,
            job=job,
        )


def forecast_slot(
    *,
    jurisdiction: Jurisdiction,
    cutoff: datetime | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress = no_progress,
    job: Job | None = None,
) -> ForecastRun:
    """Forecast a week of slots with the version in service, its features fresh as of `cutoff`; store and publish.

    Trains first where nothing usable is in service, or the one in service has learnt from what came after `cutoff`: the
    learner that was in service, or the main model.
    Where `job` has made its run already, that one is returned. Raises as `make_forecast`.
    """
    done = _run_of(jurisdiction, job)
    if done is not None:
        return done
    material = _material(jurisdiction, cutoff, progress)
    version = version_in_service(jurisdiction=jurisdiction)
    model, _why = usable_model(version, material) if version else (None, "")
    if version is None or model is None or model.cutoff > material.cutoff:
        return _train_and_forecast(material, how=_like(version), seed=seed, progress=progress, job=job)
    result = forecast_week(model, material, moment=material.cutoff, progress=part(progress, 0.1, 0.95))
    progress(0.95, "store")
    with transaction.atomic():
        stop_if_cancelled(job)
        return _publish(version, material, model, result, job=job)


def make_forecast(
    *,
    jurisdiction: Jurisdiction,
    cutoff: datetime | None = None,
    seed: int = DEFAULT_SEED,
    progress: Progress = no_progress,
    job: Job | None = None,
) -> ForecastRun:
    """Train on all incidents before `cutoff`, forecast a week of slots from the first one at or after it, store and publish.

    The version that this makes is put into service where nothing usable is there yet. Where `job` has made its run already,
    that run is returned. Raises `HaechiError` where the data do not allow a forecast, `JobCancelled` through `progress`; then
    nothing is left behind.
    """
    done = _run_of(jurisdiction, job)
    if done is not None:
        return done
    return _train_and_forecast(_material(jurisdiction, cutoff, progress), seed=seed, progress=progress, job=job)


def _run_of(jurisdiction: Jurisdiction, job: Job | None) -> ForecastRun | None:
    return ForecastRun.objects.of(jurisdiction).filter(job=job).first() if job else None


def _material(jurisdiction: Jurisdiction, cutoff: datetime | None, progress: Progress) -> Material:
    cutoff = cutoff or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    progress(0.0, "load")
    return material_until(jurisdiction=jurisdiction, cutoff=cutoff)


def _like(version: ModelVersion | None) -> EngineSettings | None:
    """The learner that a person or the rule has chosen, where this program still has it; None: the main model."""
    return EngineSettings(learner=version.learner) if version is not None and version.learner in LEARNERS else None


def _train_and_forecast(
    material: Material, *, how: EngineSettings | None = None, seed: int, progress: Progress, job: Job | None
) -> ForecastRun:
    """Version and run are written together: either both are there or neither."""
    model = learn(material, cutoff=material.cutoff, seed=seed, how=how, progress=part(progress, 0.05, 0.8))
    result = forecast_week(model, material, moment=material.cutoff, progress=part(progress, 0.8, 0.95))
    progress(0.95, "store")
    judgement = judge_untried(material, model)
    with stored(model) as file, transaction.atomic():
        stop_if_cancelled(job)
        version = add_version(material, model, judgement, file=file, job=job)
        return _publish(version, material, model, result, job=job)


def _publish(version: ModelVersion, material: Material, model: TrainedModel, result: Forecast, *, job: Job | None) -> ForecastRun:
    """Save the run as published, with its rates and reasons; within the caller's transaction."""
    positions = {code: position for position, code in enumerate(material.categories)}
    found = Category.objects.of(material.jurisdiction).filter(code__in=positions)
    run = ForecastRun.objects.create(
        jurisdiction=material.jurisdiction,
        job=job,
        state=ForecastRun.State.PUBLISHED,
        published_at=timezone.now(),
        grid=material.grid,
        model_version=version,
        learner=model.learner,
        data_cutoff=material.cutoff,
        data_read_at=material.read_at,
        slot_starts=list(result.slot_starts),
        horizon_end=result.horizon_end,
        category_codes=list(material.categories),
        incident_count=len(material.incidents.known_before(material.cutoff)),
        parameters=plain(model.parameters),
        seed=model.seed,
        code_version=code_version(),
        data_sha256=material.sha256,
        model_file=version.model_file,
        model_sha256=version.model_sha256,
        metrics={
            "expected_incidents": float(result.rates.sum(dtype="f8")),
            "incidents_outside_grid": material.outside,
        },
        created_by=job.created_by if job else None,
    )
    chosen = sorted(found, key=lambda category: positions[category.code])
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
