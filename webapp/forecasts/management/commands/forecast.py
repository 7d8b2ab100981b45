"""`forecast --jurisdiction CODE [--cutoff ISO] [--if-needed] [--wait]`: forecast through the Celery worker."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.forecasts.management.following import follow
from webapp.forecasts.selectors import current_run, is_forecast_fresh
from webapp.forecasts.services import start_forecast


class Command(BaseCommand):
    help = "Publish a forecast of the next seven days with the model version in service; trains one first where none can be used."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("--cutoff", help="ISO time, local where it has no offset; nothing recorded later is used")
        parser.add_argument("--if-needed", action="store_true", help="do nothing where the run in service is fresh")
        parser.add_argument("--wait", action="store_true", help="show the progress until the run is published")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = jurisdiction_of(options["jurisdiction"])
        cutoff = moment_of(options["cutoff"], jurisdiction) if options["cutoff"] else None
        if options["if_needed"] and is_forecast_fresh(jurisdiction=jurisdiction, now=timezone.now()):
            self.stdout.write(_("The forecast in service is fresh; nothing to do."))
            return
        try:
            job = start_forecast(jurisdiction=jurisdiction, cutoff=cutoff)
        except Conflict as error:
            job = job_under_way(error, anyway=options["wait"] or options["if_needed"])
            self.stdout.write(error.message)
        except HaechiError as error:
            raise CommandError(error.message) from error
        if not options["wait"]:
            self.stdout.write(_("Queued as job %(job)s.") % {"job": job.pk})
            return
        follow(job, self.stdout)
        self._say_what_is_published(jurisdiction)

    def _say_what_is_published(self, jurisdiction: Jurisdiction) -> None:
        run = current_run(jurisdiction=jurisdiction)
        if run is not None:
            self.stdout.write(
                _("Published forecast %(run)s: %(incidents)s incidents, %(cells)s cells, %(start)s to %(end)s.")
                % {
                    "run": run.pk,
                    "incidents": run.incident_count,
                    "cells": run.grid.cell_count,
                    "start": f"{run.slot_starts[0].astimezone(jurisdiction.zone):%Y-%m-%d %H:%M}",
                    "end": f"{run.horizon_end.astimezone(jurisdiction.zone):%Y-%m-%d %H:%M}",
                }
            )


def jurisdiction_of(code: str) -> Jurisdiction:
    """The jurisdiction of this code. Raises `CommandError` that names the known ones."""
    found = Jurisdiction.objects.filter(code=code).first()
    if found is None:
        known = ", ".join(Jurisdiction.objects.order_by("code").values_list("code", flat=True)) or "–"
        raise CommandError(_("There is no jurisdiction “%(code)s”. Known: %(known)s.") % {"code": code, "known": known})
    return found


def moment_of(text: str, jurisdiction: Jurisdiction) -> datetime:
    """An ISO time as an aware instant; local to the jurisdiction where it has no offset. Raises `CommandError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(_("“%(text)s” is not a time. Write it like 2026-03-01T06:00.") % {"text": text}) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=jurisdiction.zone)


def job_under_way(error: Conflict, *, anyway: bool) -> Job:
    """The job that stands in the way, to be followed instead. Raises `CommandError` unless `anyway` is as good."""
    if not anyway or "job" not in error.fields:
        raise CommandError(error.message) from error
    return Job.objects.get(pk=error.fields["job"])
