"""`simulate_live`: the demo city's cameras at work; a long-running program that publishes simulated events as time goes by."""

import signal
import time
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from simulation.live_feed import LiveFeed
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.demo.identity import DEFAULT_SEED, DEMO_CODE
from webapp.demo.live import Sent, Wishes, open_feed, send_past, send_stream
from webapp.demo.live_selectors import has_given_weights, has_usual_levels


class Command(BaseCommand):
    help = "Publish simulated events of a simulated city's cameras, until it is stopped."
    requires_system_checks = ()  # they would load every page's code, 100 MB that stay

    def add_arguments(self, parser: ArgumentParser) -> None:
        usual = Wishes(seed=DEFAULT_SEED)
        parser.add_argument("--jurisdiction", default=DEMO_CODE, metavar="CODE", help="a simulated city; default: %(default)s")
        parser.add_argument("--rate", type=float, default=usual.rate, help="events a second on average; default: %(default)s")
        parser.add_argument("--speed", type=float, default=usual.speed, help="how much faster than the clock the story runs")
        parser.add_argument("--seed", type=int, default=usual.seed, help="the same seed and hour tell the same story")
        parser.add_argument("--dead", type=float, default=usual.dead, help="share of silent cameras beside those out of order")
        parser.add_argument("--lying", type=float, default=usual.lying, help="share of lying cameras; default: %(default)s")
        parser.add_argument("--blind", type=float, default=usual.blind, help="share that is blind at night or in rain")
        parser.add_argument(
            "--weeks", type=float, default=4.0, help="weeks of usual levels to give where none are known; 0: none"
        )
        parser.add_argument("--past", type=float, default=60.0, metavar="MINUTES", help="of the past to publish first")
        parser.add_argument("--seconds", type=float, help="stop after so long; default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        wishes = Wishes(**{name: options[name] for name in ("seed", "rate", "speed", "dead", "lying", "blind")})
        stop = Event()
        before = {order: signal.signal(order, lambda *_frame: stop.set()) for order in (signal.SIGTERM, signal.SIGINT)}
        try:
            self._run(jurisdiction, wishes, options, stop)
        except HaechiError as error:
            raise CommandError(error.message) from error
        finally:
            for order, handler in before.items():
                signal.signal(order, handler)

    def _run(self, jurisdiction: Jurisdiction, wishes: Wishes, options: dict[str, Any], stop: Event) -> None:
        feed = open_feed(jurisdiction=jurisdiction, wishes=wishes)
        self._give_start(jurisdiction, feed, options["weeks"])
        now_s, sent = time.time(), Sent()
        send_past(jurisdiction=jurisdiction, feed=feed, until_s=now_s, minutes=options["past"], stop=stop, sent=sent)
        self.stdout.write(
            _("Simulated events for %(name)s: about %(rate).0f a second, from %(cameras)s cameras.")
            % {"name": jurisdiction.label, "rate": feed.usual_per_s * wishes.speed, "cameras": f"{len(feed.names):,}"}
        )
        send_stream(
            jurisdiction=jurisdiction,
            feed=feed,
            speed=wishes.speed,
            since_s=now_s,
            seconds=options["seconds"],
            stop=stop,
            say=self._say,
            sent=sent,
        )

    def _give_start(self, jurisdiction: Jurisdiction, feed: LiveFeed, weeks: float) -> None:
        """Usual levels and weights where there are none."""
        if not has_given_weights(jurisdiction=jurisdiction):
            from webapp.demo.live_start import give_weights

            give_weights(jurisdiction=jurisdiction)
        if weeks > 0 and not has_usual_levels(jurisdiction=jurisdiction):
            from webapp.demo.live_start import give_usual_levels

            give_usual_levels(jurisdiction=jurisdiction, feed=feed, weeks=weeks)
            self.stdout.write(_("What is usual was given from %(weeks)g simulated weeks.") % {"weeks": weeks})

    def _say(self, sent: Sent) -> None:
        self.stdout.write(
            _("%(accepted)s accepted, %(duplicates)s repeated, %(shed)s left out, %(refused)s refused.")
            % {
                "accepted": f"{sent.accepted:,}",
                "duplicates": f"{sent.duplicates:,}",
                "shed": f"{sent.shed:,}",
                "refused": f"{sent.refused:,}",
            }
        )
