"""`fuse_events`: the long-running service that joins what the cameras see now to the forecast. Ends on SIGTERM or Ctrl+C."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # they would load every page: 90 MB
    help = "Fuse the camera events of all jurisdictions into the live picture, until stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", action="append", default=[], help="only these codes; default: all")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.live.services import Loop

        stop: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: stop.append(received))
        Loop(codes=tuple(options["jurisdiction"]), should_stop=lambda: bool(stop)).run()
