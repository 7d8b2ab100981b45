"""`write_events [--name NAME]`: stores the events of the stream; runs until it is told to end."""

import signal
import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Store camera events: from the stream into the table. Runs until SIGTERM; may be killed at any time. "
        "Waits while Redis or the database is away. Several may run at once under different names."
    )

    requires_system_checks: list[str] = []  # they would load every page: 90 MB

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default=socket.gethostname(), help="the same after a restart; default: the host's")
        parser.add_argument("--once", action="store_true", help="end when the stream is empty")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.event_writing import EventWriter

        writer = EventWriter(options["name"])
        if options["once"]:
            while writer.round(block_ms=10):
                pass
        else:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: writer.stop())
            self.stdout.write(f"storing events as {options['name']}")
            writer.run()
        self.stdout.write(f"{writer.written} events stored")
