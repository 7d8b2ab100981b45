"""`count_places [--hours N]`: count the last whole hours of all places anew; the same as beat does every quarter of an hour."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Count the last whole hours of all places anew, from the events that are still kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hours", type=int, default=6, help="how far back, 1 to 2000")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.places import count_places

        if not 1 <= options["hours"] <= 2000:
            raise CommandError(_("--hours must be from 1 to 2000."))
        counted = count_places(now=timezone.now(), look_back_hours=options["hours"])
        self.stdout.write(_("%(hours)s hours of %(places)s places counted.") % {"hours": counted.hours, "places": counted.places})
