"""`roll_back_version --jurisdiction CODE [--reason TEXT]`: go back to the model version that was in service before."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.management.commands.forecast import jurisdiction_of
from webapp.forecasts.services import roll_back


class Command(BaseCommand):
    help = "Put the model version back into service that the present one took the place of."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = roll_back(jurisdiction=jurisdiction_of(options["jurisdiction"]), reason=options["reason"])
        except HaechiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(_("Version %(version)s is in service.") % {"version": version.pk})
