"""`load_city FILE --preset NAME`: the city that a real file of incidents covers, with simulated cameras."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.common.errors import HaechiError
from webapp.demo.management.console import Bar, add_common_arguments, close
from webapp.demo.services import load_city


class Command(BaseCommand):
    help = (
        "Make the city that a real file covers: outline, incidents, simulated cameras and log-ins. A second call changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV of incidents, plain or compressed (.gz)")
        parser.add_argument("--preset", required=True, help="how the file is written: chicago or nyc")
        add_common_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        bar = Bar(self.stdout)
        try:
            loaded = load_city(path=options["file"], preset=options["preset"], password=options["password"], progress=bar)
        except HaechiError as error:
            raise CommandError(error.message) from error
        finally:
            bar.end()
        close(self.stdout, loaded, options["summary"])
