"""`load_demo [--seed N] [--until DATE]`: the simulated Seocho-gu, with incidents up to yesterday."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webapp.common.errors import HaechiError
from webapp.demo.identity import DEFAULT_SEED
from webapp.demo.management.console import Bar, add_common_arguments, close
from webapp.demo.services import load_demo


class Command(BaseCommand):
    help = "Make the simulated Seocho-gu: area, incidents, cameras and log-ins. A second call adds the days since, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="the same seed and day give the same city")
        parser.add_argument(
            "--until", type=date.fromisoformat, help="last day with incidents, like 2026-03-31; default: yesterday"
        )
        add_common_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        bar = Bar(self.stdout)
        try:
            loaded = load_demo(seed=options["seed"], until=options["until"], password=options["password"], progress=bar)
        except HaechiError as error:
            raise CommandError(error.message) from error
        finally:
            bar.end()
        close(self.stdout, loaded, options["summary"])
