"""`run_cameras [--part 1/4]`: the camera worker; runs until it is told to end."""

import signal
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _


def part(text: str) -> tuple[int, int]:
    """The second of four, "2/4", as (1, 4)."""
    number, _slash, parts = text.partition("/")
    if not (number.isdigit() and parts.isdigit() and 1 <= int(number) <= int(parts) <= 1000):
        raise ArgumentTypeError(_("Write the part like 1/4."))
    return int(number) - 1, int(parts)


class Command(BaseCommand):
    help = (
        "Watch the video streams that are on: pictures → vision → events. Runs until SIGTERM; may be killed at any time. "
        "Takes up what people switch on or change by itself. Several share the streams by --part."
    )
    requires_system_checks: list[str] = []  # they import all pages: 90 MB that would stay

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--part", type=part, default=(0, 1), metavar="1/4", help="this worker's share of the streams")
        parser.add_argument("--jurisdiction", default="", metavar="CODE", help="only streams of this jurisdiction")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.camera_worker import CameraWorker

        number, parts = options["part"]
        worker = CameraWorker(part=number, parts=parts, jurisdiction_code=options["jurisdiction"])
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: worker.stop())
        self.stdout.write(f"watching streams, part {number + 1} of {parts}")
        self.stdout.flush()
        worker.run()
        self.stdout.write(f"{worker.published} events published")
