"""`replay_run RUN`: make a published forecast again, as of then, and compare it bit by bit; exit status 1 where it differs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.sentences import replay_sentence


class Command(BaseCommand):
    help = "Compute a published forecast again from its stored model and exactly the incidents of then, and compare."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int, help="number of the forecast run")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.forecasts.services.replay import replay_run

        runs = ForecastRun.objects.filter(state=ForecastRun.State.PUBLISHED).select_related("grid", "jurisdiction")
        run = runs.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(_("There is no such published forecast."))
        try:
            replay = replay_run(run=run)
        except HaechiError as error:
            raise CommandError(error.message) from error
        if not replay.is_identical:
            raise CommandError(replay_sentence(replay))
        self.stdout.write(replay_sentence(replay))
