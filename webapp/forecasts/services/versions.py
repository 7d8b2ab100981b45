"""The work of a training job: train a candidate, try it against the version in service, and store it with the verdict.

A version is written in one transaction at the very end, with its verdict and, where it won, its place in service: a cancelled,
failed or killed job leaves neither a row nor a file. docs/registry.md has the rule.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from prediction.drift import Expectation
from prediction.engine import EngineSettings, TrainedModel
from prediction.panel import Incidents
from prediction.trial import LEAST_WEEKS, Comparison, Difference, Forecaster, Trial, compare, hold_trial, week_edges
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.common.services import JobCancelled, Progress, claimed_job, no_progress, part
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.selectors.material import Material, default_cutoff, material_until, weeks_available
from webapp.forecasts.selectors.usable import slots_of, why_unusable
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.services.learning import (
    UnusableModelError,
    features_signature,
    learn,
    read_model,
    remove_model,
    week_forecaster,
    write_model,
)
from webapp.forecasts.services.promoting import put_in_service, record_change
from webapp.forecasts.services.shared import core_errors_as_sentences, plain
from webapp.forecasts.services.starting import DEFAULT_SEED
from webapp.version import version as code_version

Verdict = ModelVersion.Verdict
PROMOTING = {Verdict.FIRST, Verdict.UNUSABLE, Verdict.BETTER, Verdict.AS_GOOD}


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is to become of a candidate; `over`: the version in service that it was judged against."""

    verdict: ModelVersion.Verdict
    over: ModelVersion | None = None
    comparison: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def run_train_job(*, job_id: UUID) -> ModelVersion | None:
    """The work of a training job; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        return train_version(
            jurisdiction=job.jurisdiction,
            cutoff=datetime.fromisoformat(job.parameters["cutoff"]),
            learner=job.parameters["learner"],
            seed=job.parameters["seed"],
            progress=progress,
            job=job,
        )


def train_version(
    *,
    jurisdiction: Jurisdiction,
    cutoff: datetime | None = None,
    learner: str = "",
    seed: int = DEFAULT_SEED,
    progress: Progress = no_progress,
    job: Job | None = None,
) -> ModelVersion:
    """Train on all incidents before `cutoff`, try it against the version in service, store it, promote it where the rule says so.

    `learner`: a code of the catalogue; blank = the main model. Where `job` has made its version already, that one is returned.
    Raises `HaechiError` where the data do not allow training, `JobCancelled` through `progress`; then nothing is left behind.
    """
    done = ModelVersion.objects.of(jurisdiction).filter(job=job).first() if job else None
    if done is not None:
        return done
    cutoff = cutoff or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    progress(0.0, "load")
    material = material_until(jurisdiction=jurisdiction, cutoff=cutoff)
    model = learn(
        material,
        cutoff=cutoff,
        seed=seed,
        how=EngineSettings(learner=learner) if learner else None,
        progress=part(progress, 0.02, 0.4),
    )
    judgement = judge(material, model, progress=part(progress, 0.4, 0.97))
    progress(0.97, "store")
    with stored(model) as file, transaction.atomic():
        stop_if_cancelled(job)
        return add_version(material, model, judgement, file=file, job=job)


def judge(material: Material, model: TrainedModel, *, progress: Progress = no_progress) -> Judgement:
    """Hold the trial of the way the candidate was made, and of the one in service on the same weeks where that is another."""
    present = version_in_service(jurisdiction=material.jurisdiction)
    rival, why = usable_model(present, material) if present else (None, "")
    ours = _trial(material, model.settings, model.seed, end=model.cutoff, progress=part(progress, 0.0, 0.5))
    metrics = trial_metrics(ours, material.categories) if ours else {}
    if present is None:
        return Judgement(Verdict.FIRST, metrics=metrics)
    if rival is None:
        return Judgement(Verdict.UNUSABLE, present, {"rival": present.pk, "why": why}, metrics)
    if model.cutoff < rival.cutoff:
        return Judgement(Verdict.FOR_THE_PAST, present, {"rival": present.pk}, metrics)
    too_short = Judgement(Verdict.TOO_SHORT, present, {"rival": present.pk}, metrics)
    if ours is None:
        return too_short
    is_same_way = (asdict(model.settings), model.seed) == (asdict(rival.settings), rival.seed)
    theirs = (
        ours if is_same_way else _trial(material, rival.settings, rival.seed, end=model.cutoff, progress=part(progress, 0.5, 1))
    )
    if theirs is None:
        return too_short
    comparison, days_newer = compare(ours, theirs), (model.cutoff - rival.cutoff).days
    figures = _figures(comparison) | {"rival": present.pk, "days_newer": days_newer, "is_same_way": is_same_way}
    return Judgement(verdict_of(comparison, days_newer=days_newer), present, figures, metrics)


def judge_untried(material: Material, model: TrainedModel) -> Judgement:
    """Without a trial, for a version that a forecast is waiting for: it is put into service only where nothing usable is."""
    present = version_in_service(jurisdiction=material.jurisdiction)
    if present is None:
        return Judgement(Verdict.FIRST)
    rival, why = usable_model(present, material)
    if rival is None:
        return Judgement(Verdict.UNUSABLE, present, {"rival": present.pk, "why": why})
    is_older = model.cutoff < rival.cutoff
    return Judgement(Verdict.FOR_THE_PAST if is_older else Verdict.PENDING, present, {"rival": present.pk})


def verdict_of(comparison: Comparison, *, days_newer: int) -> ModelVersion.Verdict:
    """The rule of docs/registry.md."""
    if comparison.is_worse:
        return Verdict.WORSE
    if comparison.is_better:
        return Verdict.BETTER
    is_due = days_newer >= settings.RETRAIN_DAYS
    return Verdict.AS_GOOD if is_due and comparison.is_as_well_calibrated else Verdict.NOT_BETTER


def usable_model(version: ModelVersion, material: Material) -> tuple[TrainedModel | None, str]:
    """The version's model, or None with the code of why it cannot be used with this material."""
    why = why_unusable(version, jurisdiction=material.jurisdiction)
    if why:
        return None, why
    try:
        model = read_model(version)
    except UnusableModelError as error:
        return None, error.reason
    return (model, "") if model.blocks == features_signature(material) else (None, "blocks")


@contextmanager
def stored(model: TrainedModel) -> Iterator[tuple[str, str]]:
    """Write the model's file; yields its name and SHA-256. The file goes again if the body fails."""
    name, digest, is_new = write_model(model.to_bytes())
    try:
        yield name, digest
    except BaseException:
        if is_new:
            remove_model(name)
        raise


def stop_if_cancelled(job: Job | None) -> None:
    """Within the transaction that stores the work: raise `JobCancelled` if somebody asked to stop meanwhile."""
    if job is not None and Job.objects.select_for_update().get(pk=job.pk).cancel_requested:
        raise JobCancelled


def add_version(
    material: Material, model: TrainedModel, judgement: Judgement, *, file: tuple[str, str], job: Job | None
) -> ModelVersion:
    """Add the version, and put it into service where the verdict says so; the same model of the same program is added once."""
    name, digest = file
    versions = ModelVersion.objects.of(material.jurisdiction)
    is_refused = judgement.verdict in (Verdict.NOT_BETTER, Verdict.WORSE)
    values = {
        "job": job,
        "state": ModelVersion.State.REFUSED if is_refused else ModelVersion.State.CANDIDATE,
        "learner": model.learner,
        "grid": material.grid,
        "category_codes": list(material.categories),
        "data_cutoff": model.cutoff,
        "incident_count": sum(model.incidents_by_category),
        "data_sha256": material.sha256,
        "parameters": plain(model.parameters) | {"slots": slots_of(material.jurisdiction)},
        "seed": model.seed,
        "blocks_signature": model.blocks,
        "model_file": name,
        "metrics": plain(judgement.metrics),
        "verdict": judgement.verdict,
        "comparison": plain(judgement.comparison),
        "created_by": job.created_by if job else None,
    }
    # Two workers may have trained the very same model, one for a forecast and one as a candidate: the second finds the first's.
    version, is_new = versions.get_or_create(
        jurisdiction=material.jurisdiction, model_sha256=digest, code_version=code_version(), defaults=values
    )
    if not is_new:
        return version
    if judgement.verdict in PROMOTING:
        # Another one was put into service while this one was being trained: it stays a candidate, for a person to decide.
        with suppress(Conflict), transaction.atomic():
            put_in_service(version=version, over=judgement.over, verdict=judgement.verdict, comparison=version.comparison)
            record_change(
                AuditEntry.Action.PROMOTE_VERSION,
                version,
                judgement.over,
                reason=judgement.verdict.value,
                actor_name="model registry",
            )
    return version


def _trial(material: Material, how: EngineSettings, seed: int, *, end: datetime, progress: Progress) -> Trial | None:
    """Try one way to make a model on the last weeks before `end`; None where there are fewer than four to try it on."""
    try:
        available = weeks_available(jurisdiction=material.jurisdiction, end=end, least=LEAST_WEEKS)
    except HaechiError:
        return None

    def train(known: Incidents, cutoff: datetime, report: Progress) -> Forecaster:
        model = learn(material.with_incidents(known), cutoff=cutoff, seed=seed, how=how, progress=report)
        return week_forecaster(model, material)

    edges = week_edges(end, min(settings.TRIAL_WEEKS, available), material.scheme)
    with core_errors_as_sentences():
        return hold_trial(material.incidents.known_before(end), edges=edges, train=train, progress=progress)


def trial_metrics(trial: Trial, categories: tuple[str, ...]) -> dict[str, Any]:
    """What a version keeps of its trial: figures by week of all together, and what is usual for each category."""
    targets = (*categories, "")
    return {
        "weeks": len(trial.week_starts),
        "first_week_start": trial.week_starts[0].isoformat(),
        "capture_rate_5": trial.capture_rate,
        "calibration_ratio": trial.calibration_ratio,
        "log_likelihood": trial.log_likelihood,
        "reported": trial.reported[:, -1],
        "expected": trial.expected[:, -1],
        "captured": trial.captured[:, -1],
        "usual": {
            code: Expectation.of(
                reported=trial.reported[:, target], expected=trial.expected[:, target], captured=trial.captured[:, target]
            ).as_dict()
            for target, code in enumerate(targets)
        },
    }


def _figures(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a version keeps it."""
    return {
        "weeks": comparison.weeks,
        "log_likelihood": _difference(comparison.log_likelihood),
        "capture_rate": _difference(comparison.capture_rate),
        "calibration": list(comparison.calibration),
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {"difference": one.difference, "interval": [one.low, one.high]}
