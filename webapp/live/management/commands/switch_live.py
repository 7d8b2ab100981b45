"""`switch_live --jurisdiction CODE on|off`: let the cameras move the map of a jurisdiction, or show the plain forecast."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from webapp.forecasts.management.commands.forecast import jurisdiction_of


class Command(BaseCommand):
    help = "Switch the live picture of one jurisdiction on or off; off, everyone sees the plain forecast."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("state", choices=["on", "off"])

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.live.services import switch_live

        jurisdiction = jurisdiction_of(options["jurisdiction"])
        switch = switch_live(jurisdiction=jurisdiction, is_on=options["state"] == "on")
        message = _("%(name)s: the cameras move the map.") if switch.is_on else _("%(name)s: the plain forecast is shown.")
        self.stdout.write(message % {"name": jurisdiction.label})
