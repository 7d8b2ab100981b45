"""`learn_live_weights --jurisdiction CODE`: learn from the kept live hours what each risk factor means, here and now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.management.commands.forecast import jurisdiction_of
from webapp.forecasts.sentences import live_verdict_sentence


class Command(BaseCommand):
    help = "Learn live weights of one jurisdiction; puts them into service only where they do better on later hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument(
            "--prior-only", action="store_true", help="only put the court rulings' prior into service where nothing is"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.forecasts.services.live_weights import learn_live_weights, make_prior

        jurisdiction = jurisdiction_of(options["jurisdiction"])
        try:
            work = make_prior if options["prior_only"] else learn_live_weights
            row = work(jurisdiction=jurisdiction)
        except HaechiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(_("Live weights %(number)s: %(verdict)s") % {"number": row.pk, "verdict": live_verdict_sentence(row)})
