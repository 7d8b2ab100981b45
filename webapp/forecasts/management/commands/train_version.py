"""`train_version --jurisdiction CODE [--learner CODE] [--cutoff ISO] [--wait]`: train a candidate and try it, by the worker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.management.commands.forecast import jurisdiction_of, moment_of
from webapp.forecasts.management.following import follow
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.sentences import verdict_sentence
from webapp.forecasts.services import DEFAULT_SEED, start_training


class Command(BaseCommand):
    help = (
        "Train a model version, try it against the one in service, and promote it where it wins, as a job of the Celery worker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("--learner", default="", help="a learner's code; default: the main model")
        parser.add_argument("--cutoff", help="ISO time, local where it has no offset; nothing recorded later is used")
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
        parser.add_argument("--wait", action="store_true", help="show the progress, then the verdict")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = jurisdiction_of(options["jurisdiction"])
        cutoff = moment_of(options["cutoff"], jurisdiction) if options["cutoff"] else None
        try:
            job = start_training(jurisdiction=jurisdiction, learner=options["learner"], seed=options["seed"], cutoff=cutoff)
        except HaechiError as error:
            raise CommandError(error.message) from error
        if not options["wait"]:
            self.stdout.write(_("Queued as job %(job)s.") % {"job": job.pk})
            return
        follow(job, self.stdout)
        version = ModelVersion.objects.of(jurisdiction).filter(job=job).first()
        if version is None:
            self.stdout.write(_("The same model was there already; nothing has changed."))
            return
        self.stdout.write(
            _("Version %(version)s is now: %(state)s. %(verdict)s")
            % {"version": version.pk, "state": version.get_state_display(), "verdict": verdict_sentence(version)}
        )
