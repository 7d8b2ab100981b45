"""The work of a back-test job: score all learners on past weeks and store the scores, in one transaction at the end.

While a job works, its finished parts lie in a folder of its own, so that a worker that takes it over need not begin anew.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from prediction.backtest import DEFAULT_LEARNERS, BacktestResult, TestedHorizon, run_backtest
from webapp.accounts.models import Jurisdiction
from webapp.common.models import Job
from webapp.common.services import JobCancelled, Progress, claimed_job, no_progress, part
from webapp.forecasts.models import Backtest, BacktestScore
from webapp.forecasts.selectors.material import default_cutoff, material_until
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.services.shared import core_errors_as_sentences, plain
from webapp.forecasts.services.starting import DEFAULT_SEED
from webapp.version import version

DEFAULT_HORIZONS = ("week",)


def run_backtest_job(*, job_id: UUID) -> Backtest | None:
    """The work of a back-test job; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        return make_backtest(
            jurisdiction=job.jurisdiction,
            end=datetime.fromisoformat(job.parameters["end"]),
            weeks=job.parameters["weeks"],
            horizons=job.parameters.get("horizons", DEFAULT_HORIZONS),
            learners=job.parameters.get("learners", ()),
            seed=job.parameters["seed"],
            progress=progress,
            job=job,
        )


def make_backtest(
    *,
    jurisdiction: Jurisdiction,
    end: datetime | None = None,
    weeks: int = 26,
    horizons: Sequence[str] = DEFAULT_HORIZONS,
    learners: Sequence[str] = (),
    seed: int = DEFAULT_SEED,
    progress: Progress = no_progress,
    job: Job | None = None,
) -> Backtest:
    """Score all learners on the `weeks` weeks before `end`, each week with a model that never saw it, and store it.

    horizons, learners: codes of `prediction.backtest.HORIZONS` and of the catalogue of learners; no learners: `usual_learners`.
    Where `job` has made its back-test already, that one is returned. Raises as `make_forecast`.
    """
    done = Backtest.objects.of(jurisdiction).filter(job=job).first() if job else None
    if done is not None:
        return done
    end = end or default_cutoff(jurisdiction=jurisdiction, now=timezone.now())
    progress(0.0, "load")
    material = material_until(jurisdiction=jurisdiction, cutoff=end)
    with parts_of(job) as store, core_errors_as_sentences():
        result = run_backtest(
            material.incidents,
            material.core_grid,
            scheme=material.scheme,
            categories=material.categories,
            end=end,
            weeks=weeks,
            horizons=horizons,
            learners=learners or usual_learners(jurisdiction=jurisdiction),
            blocks=material.blocks,
            seed=seed,
            store=store,
            progress=part(progress, 0.02, 0.98),
        )
    progress(0.98, "store")
    backtest = Backtest(
        jurisdiction=jurisdiction,
        job=job,
        grid=material.grid,
        seed=seed,
        code_version=version(),
        data_sha256=material.sha256,
        created_by=job.created_by if job else None,
    )
    return _store_backtest(backtest, result)


@contextmanager
def parts_of(job: Job | None) -> Iterator[Path | None]:
    """The folder of a job's finished parts. It goes when the work ends, well or not, but stays where the job will be taken up

    again: the worker was stopped, or the database lost.
    """
    if job is None:
        yield None
        return
    folder = Path(str(settings.DATA_DIR)) / "backtests" / str(job.pk)
    try:
        yield folder
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def usual_learners(*, jurisdiction: Jurisdiction) -> tuple[str, ...]:
    """The baselines and the main learners, and always the one that the forecasts in service are made with."""
    present = version_in_service(jurisdiction=jurisdiction)
    return tuple(dict.fromkeys((*DEFAULT_LEARNERS, "eb", *([present.learner] if present else []))))


@transaction.atomic
def _store_backtest(backtest: Backtest, result: BacktestResult) -> Backtest:
    if backtest.job is not None and Job.objects.select_for_update().get(pk=backtest.job.pk).cancel_requested:
        raise JobCancelled
    backtest.windows = result.windows
    backtest.window_hours = result.window_hours
    backtest.first_window_start = result.first_window_start
    backtest.last_window_end = result.last_window_end
    backtest.active_cell_share = result.active_cell_share
    backtest.parameters = {
        "learners": list(dict.fromkeys(score.learner for score in result.scores if not score.is_ceiling)),
        "horizons": {tested.code: _described(tested) for tested in result.horizons},
    }
    backtest.save()
    BacktestScore.objects.bulk_create(
        BacktestScore(
            backtest=backtest,
            learner=score.learner,
            category_code=score.category,
            horizon=score.horizon,
            incidents=score.incidents,
            metrics=plain(score.metrics),
        )
        for score in result.scores
    )
    return backtest


def _described(tested: TestedHorizon) -> dict[str, Any]:
    return {
        "windows": tested.windows,
        "left_out": tested.left_out,
        "window_hours": tested.window_hours,
        "first_window_start": tested.first_window_start.isoformat(),
        "last_window_end": tested.last_window_end.isoformat(),
    }
