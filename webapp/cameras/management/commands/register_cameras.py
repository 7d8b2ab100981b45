"""`register_cameras FILE --jurisdiction CODE`: take a camera register in, or bring it up to date."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Register the cameras of a CSV file (columns: docs/watch.md). All or nothing; the same file twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="code of the jurisdiction, like seocho")
        parser.add_argument("--simulated", action="store_true", help="mark the cameras as placed by a simulation")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.reading import read_register
        from webapp.cameras.services import register_cameras

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        try:
            records = read_register(options["file"], is_simulated=options["simulated"])
            changed = register_cameras(jurisdiction=jurisdiction, cameras=records)
        except HaechiError as error:
            raise CommandError(error.message) from error
        fields = {"read": len(records), "changed": changed, "name": jurisdiction.label}
        self.stdout.write(_("%(read)s cameras read for %(name)s: %(changed)s added or changed.") % fields)
