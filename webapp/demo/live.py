"""The demo city's cameras at work: a simulated stream of events through the real one.

Only for a simulated city: what is simulated is never mixed with what was recorded.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np
from django.db import DatabaseError, close_old_connections
from django.utils.translation import gettext as _

from cctv.events import CameraEvent
from cctv.factors import BY_CODE, Kind
from simulation.errors import SimulationError
from simulation.live_city import LiveCity
from simulation.live_feed import LiveFeed
from simulation.live_pictures import drawn_picture
from webapp.accounts.models import Jurisdiction
from webapp.cameras.services.events import Published, StreamDown, publish
from webapp.common.errors import HaechiError
from webapp.demo.live_selectors import camera_spots, coverage_of_cameras

logger = logging.getLogger(__name__)

RISK_SHARE = 0.2  # of the rate: at most so much are risks, the rest are measures
MOST_RISKS_PER_HOUR = 0.5  # a camera, on average: beyond that no street is believable
EPISODES_PER_DAY = 0.5  # a camera: some forty at any time in a city of 4,000, so that there is something to see
MOST_RATE = 20_000.0
TICK_S = 0.25
SAY_EVERY_S = 60.0
LONGEST_WAIT_S = 10.0
LONGEST_GAP_S = 30.0  # what was missed while the machine slept or the stream was away is left out beyond this
PAST_STEP_S = 60.0


@dataclass(frozen=True)
class Wishes:
    """How the stream is to be.

    rate: events a second on a usual day, over the week on average. speed: how much faster than the clock the story runs, so
    that `rate × speed` events come a second. dead, lying, blind: shares of the cameras, beside those out of order.
    """

    seed: int
    rate: float = 50.0
    speed: float = 1.0
    dead: float = 0.0
    lying: float = 0.02
    blind: float = 0.05


@dataclass
class Sent:
    """How many events were published so far, and what became of them."""

    accepted: int = 0
    duplicates: int = 0
    shed: int = 0
    refused: int = 0

    def add(self, done: Published) -> None:
        self.accepted += done.accepted
        self.duplicates += done.duplicates
        self.shed += done.shed
        self.refused += len(done.refused)


def open_feed(*, jurisdiction: Jurisdiction, wishes: Wishes) -> LiveFeed:
    """The simulated stream of a simulated city's own cameras.

    Raises `HaechiError` for a city that is not simulated, without cameras or cells, and for impossible wishes.
    """
    if not jurisdiction.is_simulated:
        raise HaechiError(
            _("%(name)s is not a simulated city. Simulated events are only put beside simulated incidents.")
            % {"name": jurisdiction.label},
            code="not_simulated",
        )
    if not (0 < wishes.rate <= MOST_RATE and wishes.speed > 0 and wishes.rate * wishes.speed <= MOST_RATE):
        raise HaechiError(
            _("Rate and speed must be above 0, and at most %(most)s events a second together.") % {"most": f"{MOST_RATE:,.0f}"},
            code="rate",
        )
    spots = camera_spots(jurisdiction=jurisdiction)
    if not spots:
        raise HaechiError(_("%(name)s has no cameras.") % {"name": jurisdiction.label}, code="no_cameras")
    per_hour = wishes.rate * 3600 / len(spots)
    risks = min(RISK_SHARE * per_hour, MOST_RISKS_PER_HOUR)
    try:
        city = LiveCity(
            [spot.purpose for spot in spots],
            coverage_of_cameras(jurisdiction=jurisdiction, spots=spots),
            seed=wishes.seed,
            events_per_hour=risks,
            episodes_per_day=EPISODES_PER_DAY,
            dead=wishes.dead,
            lying=wishes.lying,
            blind=wishes.blind,
            silent=np.array([not spot.is_working for spot in spots]),
        )
        measures = min(per_hour - risks, 3600.0)
        # Another rate is another feed, and a story told faster may come to the same hour twice.
        label = f"r{wishes.rate:g}" if wishes.speed == 1 else f"r{wishes.rate:g}x{wishes.speed:g}t{int(time.time())}"
        return LiveFeed(city, spots, measures_per_hour=measures, picture=drawn_picture, label=label)
    except SimulationError as error:
        raise HaechiError(str(error), code="simulation") from error


def send_past(*, jurisdiction: Jurisdiction, feed: LiveFeed, until_s: float, minutes: float, stop: Event, sent: Sent) -> None:
    """Publish the risks and blindness of the last minutes, so that pages have a past to show. Repetitions are recognised."""
    begin_s = until_s - 60 * minutes
    while begin_s < until_s and not stop.is_set():
        end_s = min(begin_s + PAST_STEP_S, until_s)
        events = [event for event in feed.between(begin_s, end_s) if BY_CODE[event.factor].kind is not Kind.MEASURE]
        _send(jurisdiction, events, stop, sent)
        begin_s = end_s


def send_stream(
    *,
    jurisdiction: Jurisdiction,
    feed: LiveFeed,
    speed: float,
    since_s: float,
    seconds: float | None,
    stop: Event,
    say: Callable[[Sent], None],
    sent: Sent,
) -> None:
    """Publish as time goes by, from `since_s` on, until `stop` is set or `seconds` are over. `say` is called once a minute."""
    done_s = said_s = since_s
    told_at = None if speed == 1 else (lambda story_s: since_s + (story_s - since_s) / speed)
    while not stop.is_set() and (seconds is None or done_s < since_s + seconds):
        now_s = time.time() if seconds is None else min(time.time(), since_s + seconds)
        if not 0 <= now_s - done_s <= LONGEST_GAP_S:
            logger.warning("%.0f s of the simulated stream are left out: they could not be told in time", now_s - done_s)
            done_s = now_s
        begin_s, end_s = (since_s + (moment_s - since_s) * speed for moment_s in (done_s, now_s))
        _send(jurisdiction, feed.between(begin_s, end_s, clock=told_at), stop, sent)
        done_s = now_s
        if now_s - said_s >= SAY_EVERY_S:
            said_s = now_s
            say(sent)
        stop.wait(TICK_S)
    say(sent)


def _send(jurisdiction: Jurisdiction, events: Sequence[CameraEvent], stop: Event, sent: Sent) -> None:
    """Publish; while Redis or the database is away wait longer and longer, up to ten seconds, and say so in the log."""
    wait_s = TICK_S
    while events and not stop.is_set():
        try:
            sent.add(publish(jurisdiction_id=jurisdiction.pk, events=events))
            return
        except (StreamDown, DatabaseError) as error:
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            logger.warning("the simulated stream waits %.1f s: %s", wait_s, error)
            if isinstance(error, DatabaseError):
                close_old_connections()
            stop.wait(wait_s)
