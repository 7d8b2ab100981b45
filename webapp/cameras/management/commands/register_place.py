"""`register_place CODE --jurisdiction CODE --name … --cameras A,B`: set up a place whose people are counted, or change it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Set up a place whose people are counted by the hour, or change the one of this code. See docs/factors.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="in public addresses, like banpo-park")
        parser.add_argument("--jurisdiction", required=True, metavar="CODE")
        parser.add_argument("--name", required=True)
        parser.add_argument("--name-en", default="")
        parser.add_argument("--kind", default="other", help="park, playground, bridge, square, street or other")
        parser.add_argument("--cameras", required=True, help="source ids of the register, separated by commas")
        parser.add_argument("--overlap", action="store_true", help="the cameras see the same people: the busiest counts for all")
        parser.add_argument("--public", action="store_true", help="show it to everybody, where the jurisdiction does")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.places import set_place

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        try:
            place = set_place(
                jurisdiction=jurisdiction,
                code=options["code"],
                name=options["name"],
                name_en=options["name_en"],
                kind=options["kind"],
                source_ids=[one.strip() for one in options["cameras"].split(",") if one.strip()],
                views_overlap=options["overlap"],
                is_public=options["public"],
            )
        except HaechiError as error:
            raise CommandError(error.message) from error
        fields = {"name": place.label, "cameras": place.cameras.count()}
        self.stdout.write(_("%(name)s is counted with %(cameras)s cameras.") % fields)
