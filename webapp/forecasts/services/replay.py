"""The work of a replay: make one published run again from its stored model and exactly the incidents of then, bit by bit.

Where the outcome differs, the reasons are told apart: incidents that are gone, another version of the program, a lost model.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils.translation import gettext as _

from prediction.engine import Forecast
from webapp.common.errors import Conflict
from webapp.common.models import Job
from webapp.common.services import Progress, claimed_job, no_progress, part
from webapp.crimes.selectors import commit_times, incident_arrays_as_of, uploads_undone_since
from webapp.forecasts.models import ForecastRun, Rates, Reasons, Replay
from webapp.forecasts.selectors.material import Material, material_of, with_blocks
from webapp.forecasts.services.learning import UnusableModelError, features_signature, forecast_week, read_model
from webapp.forecasts.services.versions import stop_if_cancelled
from webapp.version import version as code_version

TAKING_AT_MOST = timedelta(minutes=30)  # that a file may be under way after its rows bear their time
UPLOADS_TRIED = 4


@dataclass(eq=False)
class Compared:
    """What came of comparing: vectors (of rates and of reasons) in all and different, the largest relative gap of a rate."""

    vectors: int = 0
    different: int = 0
    largest: float = 0.0
    causes: list[dict[str, Any]] = field(default_factory=list)


def run_replay_job(*, job_id: UUID) -> Replay | None:
    """The work of a replay job; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        run = ForecastRun.objects.of(job.jurisdiction).select_related("grid", "jurisdiction").get(pk=job.parameters["run"])
        return replay_run(run=run, progress=progress, job=job)


def replay_run(*, run: ForecastRun, progress: Progress = no_progress, job: Job | None = None) -> Replay:
    """Compute a published run again and compare it with what is stored; the comparison is stored, the run never touched.

    Where `job` has made its replay already, that one is returned. Raises `JobCancelled` through `progress`.
    """
    done = Replay.objects.of(run.jurisdiction).filter(job=job).first() if job else None
    if done is not None:
        return done
    progress(0.0, "load")
    material = material_as_of(run)
    is_same_data = material.sha256 == run.data_sha256
    try:
        compared = _replayed(run, material, progress)
    except UnusableModelError as error:
        compared = Compared(causes=[{"code": "model", "why": error.reason}])
    is_identical = compared.vectors > 0 and compared.different == 0
    if not is_identical:
        compared.causes += _causes(run, is_same_data=is_same_data)
    with transaction.atomic():
        stop_if_cancelled(job)
        return Replay.objects.create(
            jurisdiction=run.jurisdiction,
            run=run,
            job=job,
            is_identical=is_identical,
            is_same_data=is_same_data,
            vectors=compared.vectors,
            vectors_different=compared.different,
            largest_difference=compared.largest,
            causes=compared.causes,
            code_version=code_version(),
            created_by=job.created_by if job else None,
        )


def material_as_of(run: ForecastRun) -> Material:
    """The run's material as it was when it was made: the incidents, places, figures and rulings of then, on the cells of then.

    An upload that was being taken in at that very time may have been seen or not, whatever time it bears: where the incidents
    are not those the run has recorded, the moments right before and after such uploads are tried.
    """
    for moment in (_read_at(run), *_moments_near(run)):
        arrays = incident_arrays_as_of(jurisdiction=run.jurisdiction, before=run.data_cutoff, as_of=moment)
        if arrays.sha256 == run.data_sha256:
            break
    else:
        moment = _read_at(run)
        arrays = incident_arrays_as_of(jurisdiction=run.jurisdiction, before=run.data_cutoff, as_of=moment)
    material = material_of(jurisdiction=run.jurisdiction, grid=run.grid, arrays=arrays, cutoff=run.data_cutoff, read_at=moment)
    return with_blocks(material)


def _moments_near(run: ForecastRun) -> list[datetime]:
    """Right before and at the time of each upload of incidents taken in within minutes of the reading, a few at most."""
    near = (_read_at(run) - TAKING_AT_MOST, _read_at(run) + TAKING_AT_MOST)
    times = commit_times(jurisdiction=run.jurisdiction, between=near)[:UPLOADS_TRIED]
    return sorted({moment for time in times for moment in (time - timedelta(microseconds=1), time)})


def _read_at(run: ForecastRun) -> datetime:
    """When its incidents were read; of runs that did not record it, when they were published."""
    moment = run.data_read_at or run.published_at
    if moment is None:
        raise Conflict(_("Only a published forecast can be replayed."), code="not_published")
    return moment


def _replayed(run: ForecastRun, material: Material, progress: Progress) -> Compared:
    """Forecast again and compare. Raises `UnusableModelError`."""
    model = read_model(run)
    if model.blocks != features_signature(material):
        raise UnusableModelError("blocks")
    if list(material.categories) != run.category_codes:
        raise UnusableModelError("categories")
    result = forecast_week(model, material, moment=run.slot_starts[0], progress=part(progress, 0.1, 0.9))
    progress(0.9, "compare")
    compared = Compared()
    _compare_rates(run, result, compared)
    _compare_reasons(run, result, compared)
    return compared


def _compare_rates(run: ForecastRun, result: Forecast, compared: Compared) -> None:
    position = {code: place for place, code in enumerate(run.category_codes)}
    for row in Rates.objects.filter(run=run).select_related("category").order_by("slot", "category__position").iterator(21):
        made = result.rates[:, row.slot, position[row.category.code]].astype("<f4")
        compared.vectors += 1
        if made.tobytes() == bytes(row.vector):
            continue
        compared.different += 1
        stored = row.array().astype(np.float64)
        gaps = np.abs(made - stored) / np.maximum(stored, 1e-12)
        compared.largest = max(compared.largest, float(gaps.max()))


def _compare_reasons(run: ForecastRun, result: Forecast, compared: Compared) -> None:
    position = {code: place for place, code in enumerate(run.category_codes)}
    for row in Reasons.objects.filter(run=run).select_related("category").order_by("category__position"):
        made = result.reasons[:, :, position[row.category.code]].astype("<f2").tobytes()
        compared.vectors += 1
        compared.different += made != bytes(row.contributions) or list(result.reason_groups) != row.groups


def _causes(run: ForecastRun, *, is_same_data: bool) -> list[dict[str, Any]]:
    causes: list[dict[str, Any]] = []
    if not is_same_data:
        undone = uploads_undone_since(jurisdiction=run.jurisdiction, as_of=_read_at(run))
        zone = run.jurisdiction.zone
        causes += [
            {
                "code": "upload_undone",
                "upload": upload.id,
                "file": upload.file_name,
                "day": f"{upload.undone_at.astimezone(zone):%Y-%m-%d}",
            }
            for upload in undone
        ] or [{"code": "data_differ"}]
    if run.code_version != code_version():
        causes.append({"code": "code_version", "then": run.code_version, "now": code_version()})
    return causes
