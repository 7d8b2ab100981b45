"""`promote_version VERSION --jurisdiction CODE --reason TEXT`: put a model version into service whatever its verdict."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.management.commands.forecast import jurisdiction_of
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.services import promote


class Command(BaseCommand):
    help = "Put a model version into service; the reason goes into the audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", type=int, help="its number")
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = jurisdiction_of(options["jurisdiction"])
        version = ModelVersion.objects.of(jurisdiction).select_related("jurisdiction").filter(pk=options["version"]).first()
        if version is None:
            raise CommandError(_("There is no such model version."))
        try:
            promoted = promote(version=version, reason=options["reason"])
        except HaechiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(_("Version %(version)s is in service.") % {"version": promoted.pk})
