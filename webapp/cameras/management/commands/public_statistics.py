"""`public_statistics on|off --jurisdiction CODE`: show the public places of a jurisdiction to everybody, or to nobody."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction


class Command(BaseCommand):
    help = "Show the public places of a jurisdiction to everybody (on) or to nobody (off, the default)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("state", choices=["on", "off"])
        parser.add_argument("--jurisdiction", required=True, metavar="CODE")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.places import switch_public_statistics

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        is_on = options["state"] == "on"
        switch_public_statistics(jurisdiction=jurisdiction, is_on=is_on)
        sentence = (
            _("Everybody sees the public places of %(name)s.") if is_on else _("Nobody outside sees the places of %(name)s.")
        )
        self.stdout.write(sentence % {"name": jurisdiction.label})
