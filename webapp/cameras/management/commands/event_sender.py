"""`event_sender make|revoke|list`: which systems may send events over HTTP."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import EventSender
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Let another system (VMS, edge box) send events over HTTP, or no longer. The key is shown once, when it is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["make", "revoke", "list"])
        parser.add_argument("--jurisdiction", required=True, help="its code")
        parser.add_argument("--name", default="", help="of the sender")
        parser.add_argument("--events-per-s", type=int, default=200)

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.event_senders import make_sender, revoke_sender

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            known = ", ".join(Jurisdiction.objects.order_by("code").values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no jurisdiction {options['jurisdiction']!r}. Known: {known}.")
        senders = EventSender.objects.of(jurisdiction).filter(revoked_at__isnull=True).order_by("name")
        try:
            if options["action"] == "make":
                made = make_sender(jurisdiction=jurisdiction, name=options["name"], events_per_s=options["events_per_s"])
                self.stdout.write(f"sender {made.sender.pk}\nkey {made.key}")
            elif options["action"] == "revoke":
                sender = senders.filter(name=options["name"]).first()
                if sender is None:
                    raise CommandError(f"There is no sender {options['name']!r}. `event_sender list` shows them.")
                revoke_sender(sender=sender)
                self.stdout.write(f"sender {sender.pk} may send no longer")
            else:
                for sender in senders:
                    self.stdout.write(
                        f"{sender.pk}\t{sender.name}\t{sender.events_per_s} events/s\tsince {sender.created_at:%Y-%m-%d}"
                    )
        except HaechiError as error:
            raise CommandError(error.message) from error
