"""`backtest --jurisdiction CODE [--weeks N] [--horizons …] [--learners …] [--if-needed] [--wait]`: by the worker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.common.errors import Conflict, HaechiError
from webapp.forecasts.management.commands.forecast import job_under_way, jurisdiction_of
from webapp.forecasts.management.following import follow
from webapp.forecasts.selectors import backtest_table, is_backtest_fresh, newest_backtest
from webapp.forecasts.services import start_backtest


class Command(BaseCommand):
    help = "Back-test all learners of one jurisdiction on its last weeks, as a job of the Celery worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")
        parser.add_argument("--weeks", type=int, default=26, help="4 to 52; fewer are taken where the data are short")
        parser.add_argument("--horizons", default="", help="among shift,day,week,month; default: week")
        parser.add_argument("--learners", default="", help="codes of learners, separated by commas; default: the usual ones")
        parser.add_argument("--if-needed", action="store_true", help="do nothing where the newest back-test is fresh")
        parser.add_argument("--wait", action="store_true", help="show the progress, then the table")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = jurisdiction_of(options["jurisdiction"])
        try:
            if options["if_needed"] and is_backtest_fresh(jurisdiction=jurisdiction, now=timezone.now()):
                self.stdout.write(_("The newest back-test is fresh; nothing to do."))
                return
            job = start_backtest(
                jurisdiction=jurisdiction,
                weeks=options["weeks"],
                horizons=[code for code in options["horizons"].split(",") if code],
                learners=[code for code in options["learners"].split(",") if code],
            )
        except Conflict as error:
            job = job_under_way(error, anyway=options["wait"] or options["if_needed"])
            self.stdout.write(error.message)
        except HaechiError as error:
            raise CommandError(error.message) from error
        if not options["wait"]:
            self.stdout.write(_("Queued as job %(job)s.") % {"job": job.pk})
            return
        follow(job, self.stdout)
        backtest = newest_backtest(jurisdiction=jurisdiction)
        if backtest is not None:
            for row in backtest_table(backtest=backtest).rows:
                shares = "  ".join(f"{100 * (figure.value or 0):5.1f} %" for figure in row.capture)
                self.stdout.write(f"{row.learner:12}  {shares}")
