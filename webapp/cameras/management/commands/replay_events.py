"""`replay_events --jurisdiction CODE (--file FILE | --start TIME --end TIME) [--speed N | --as-they-were]`."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = (
        "Send events again, from a file of JSON lines or from the table: as if they were seen now, at any speed (simulated "
        "jurisdictions only), or as they were, to fill a gap: nothing is stored twice, and nothing old is fused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code")
        parser.add_argument("--file", type=Path, help="one event a line, as docs/event.schema.json describes it")
        parser.add_argument("--start", type=datetime.fromisoformat, help="from the table, like 2026-03-01T00:00+09:00")
        parser.add_argument("--end", type=datetime.fromisoformat)
        parser.add_argument("--speed", type=float, default=1.0, help="2: twice as fast as it was")
        parser.add_argument("--as-they-were", action="store_true", help="keep times and keys")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.event_replay import Lines, replay_as_if_now, replay_as_they_were, stored

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            known = ", ".join(Jurisdiction.objects.order_by("code").values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no jurisdiction {options['jurisdiction']!r}. Known: {known}.")
        start, end = options["start"], options["end"]
        lines = Lines(options["file"]) if options["file"] else None
        if (lines is None) == (start is None or end is None):
            raise CommandError("Give either --file, or --start and --end.")
        if lines is None and (start.tzinfo is None or end.tzinfo is None or start >= end):
            raise CommandError("Give --start before --end, each with its zone, like 2026-03-01T00:00+09:00.")
        events = stored(jurisdiction=jurisdiction, start=start, end=end) if lines is None else lines
        try:
            if options["as_they_were"]:
                done = replay_as_they_were(jurisdiction=jurisdiction, events=events)
            else:
                done = replay_as_if_now(jurisdiction=jurisdiction, events=events, speed=options["speed"])
        except HaechiError as error:
            raise CommandError(error.message) from error
        for wrong in lines.wrong if lines else ():
            self.stderr.write(wrong)
        refused = len(done.refused) + (lines.count_wrong if lines else 0)
        for one in done.refused[:20]:
            self.stderr.write(f"{one.camera}: {one.message}")
        self.stdout.write(
            f"{done.accepted} events taken ({done.late} late: stored, not fused), {done.duplicates} known already, "
            f"{done.shed} shed, {refused} refused"
        )
