"""`watch_drift --jurisdiction CODE`: lay the forecasts of the last weeks beside what was reported since, here and now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError
from webapp.forecasts.management.commands.forecast import jurisdiction_of
from webapp.forecasts.selectors import drift_alerts


class Command(BaseCommand):
    help = "Watch the drift of one jurisdiction's forecasts over the last weeks; prints what is new and what is alarming."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, help="its code, like seocho")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.forecasts.services.drift import watch_drift

        jurisdiction = jurisdiction_of(options["jurisdiction"])
        try:
            rows = watch_drift(jurisdiction=jurisdiction)
        except HaechiError as error:
            raise CommandError(error.message) from error
        for row in rows:
            if row.category_code == "":
                self.stdout.write(
                    _("Week of %(day)s: %(reported)s reported, %(expected)s expected, usual %(low)s to %(high)s.")
                    % {
                        "day": f"{row.week_start.astimezone(jurisdiction.zone):%Y-%m-%d}",
                        "reported": row.incidents,
                        "expected": f"{row.expected:.1f}",
                        "low": row.incidents_low,
                        "high": row.incidents_high,
                    }
                )
        alerts = drift_alerts(jurisdiction=jurisdiction)
        for alert in alerts:
            self.stdout.write(alert.sentence)
        if not rows and not alerts:
            self.stdout.write(_("Nothing has changed since the last watch, and nothing is drifting."))
