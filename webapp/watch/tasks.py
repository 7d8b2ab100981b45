"""Long and recurring work of the watch room, run by Celery."""

import logging

from celery import shared_task
from django.utils import timezone

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError

logger = logging.getLogger(__name__)


@shared_task
def plan_next_slots() -> None:
    """Keep a published plan in force for the slot that is on, in every jurisdiction; does nothing where there is one."""
    from webapp.watch.services import ensure_plan

    for jurisdiction in Jurisdiction.objects.order_by("pk"):
        try:
            ensure_plan(jurisdiction=jurisdiction, now=timezone.now())
        except HaechiError as error:  # no forecast or no cameras yet: said in the log, the others go on
            logger.info("no watch plan for %s: %s", jurisdiction.code, error.message)


@shared_task
def drop_old_alerts() -> None:
    """Close alerts that nobody looked at in time, and remove those past their time of storage."""
    from webapp.watch.services import drop_old_alerts as drop

    closed, removed = drop(now=timezone.now())
    if closed or removed:
        logger.info("%d alerts closed by time, %d removed", closed, removed)
