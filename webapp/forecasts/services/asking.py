"""Asking a worker to explain a run's cells: once, however many people look at its map."""

from django.core.cache import cache
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from webapp.celery import app
from webapp.common.errors import HaechiError
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.explained import waiting_key

TASK = "webapp.forecasts.tasks.explain_run"
WAITING_S = 10 * 60  # work that was asked for and never ended is asked for again after this


def ask_for_explanations(*, run: ForecastRun) -> None:
    """Send the task unless somebody has asked already. Raises `HaechiError` where the queue cannot be reached."""
    if not cache.add(waiting_key(run), True, WAITING_S):
        return
    try:
        app.send_task(TASK, args=[run.pk])
    except OperationalError as error:
        cache.delete(waiting_key(run))
        raise HaechiError(_("The job queue (Redis) cannot be reached. Start it, then try again."), code="queue_down") from error
