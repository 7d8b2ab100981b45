"""Events again: from a file of JSON lines or from the table, at any speed, or as they were.

*As they were* keeps times and keys: what is stored already stays as it is, what is missing is stored, and nothing old is fused.
*As if it were now* moves the times to the present and makes new keys: it drives the live picture, and is meant for tests and
training; so it is done only in jurisdictions whose data are simulated.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from cctv.events import MAX_MODEL, CameraEvent, from_json
from cctv.events_errors import EventError
from webapp.cameras.camera_ids import camera_ids
from webapp.cameras.event_sentences import sentence
from webapp.cameras.models import CameraEvent as StoredEvent
from webapp.cameras.services.events import Published, publish
from webapp.common.errors import HaechiError

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

BATCH = 500
GATHER_S = 0.1  # events this close together go in at once
MOST_NAMED = 20
LONGEST_LINE = 100_000
MARK = "replay: "  # before the name of the model


class ReplayError(HaechiError):
    """The replay cannot be done; nothing went in."""

    code = "replay_invalid"


@dataclass
class Lines:
    """The events of a file of JSON lines, in its order; `wrong` are the first sentences about the others."""

    path: Path
    count_wrong: int = 0
    wrong: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[CameraEvent]:
        now = timezone.now()
        try:
            with self.path.open("rb") as file:
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
                    if not line.strip():
                        continue
                    try:
                        yield from_json(json.loads(line), now=now, may_be_old=True)
                    except EventError as error:
                        self._say(number, sentence(error))
                    except (ValueError, RecursionError):
                        self._say(number, _("This is not JSON, or longer than 100 kB. Write one event in each line."))
        except OSError as error:
            message = _("%(path)s cannot be read: %(why)s.") % {"path": self.path, "why": error.strerror}
            raise ReplayError(message) from error

    def _say(self, number: int, message: str) -> None:
        self.count_wrong += 1
        if len(self.wrong) < MOST_NAMED:
            self.wrong.append(_("Line %(line)d: %(message)s") % {"line": number, "message": message})


def stored(*, jurisdiction: "Jurisdiction", start: datetime, end: datetime) -> Iterator[CameraEvent]:
    """The events of the table, start ≤ at < end, in the order in which they were seen; without pictures."""
    names = {camera_id: source_id for source_id, camera_id in camera_ids(jurisdiction.pk).items()}
    rows = StoredEvent.objects.of(jurisdiction).between(start, end).order_by("at", "key")
    for row in rows.iterator(chunk_size=2000):
        assert isinstance(row, StoredEvent)  # noqa: S101  # tells the type
        if row.camera_id in names:
            yield _as_said(row, names[row.camera_id])


def replay_as_they_were(*, jurisdiction: "Jurisdiction", events: Iterable[CameraEvent]) -> Published:
    """Put in what is not there yet, as fast as the stream takes it. Raises `StreamDown`; then do it again."""
    return _in_batches(jurisdiction.pk, events)


def replay_as_if_now(
    *,
    jurisdiction: "Jurisdiction",
    events: Iterable[CameraEvent],
    speed: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = timezone.now,
) -> Published:
    """Send the events, ordered by time, as if the first were seen now and the others `speed` times as fast as they were.

    Raises `ReplayError` where the jurisdiction's data are real, or the speed is none.
    """
    if not jurisdiction.is_simulated:
        raise ReplayError(_("Only a jurisdiction with simulated data takes old events as if they were new. Use --as-they-were."))
    if not 0.001 <= speed <= 1e6:
        raise ReplayError(_("The speed must be from 0.001 to 1,000,000. Correct it."))
    begin, first = clock(), None
    done = Published()
    due: list[CameraEvent] = []
    for event in events:
        first = first or event.at
        at = begin + max((event.at - first) / speed, timedelta(0))
        wait_s = (at - clock()).total_seconds()
        if due and (wait_s > GATHER_S or len(due) >= BATCH):
            done += publish(jurisdiction_id=jurisdiction.pk, events=due)
            due = []
        if wait_s > GATHER_S:
            sleep(wait_s)
        due.append(_as_new(event, min(at, clock()), begin))
    return done + (publish(jurisdiction_id=jurisdiction.pk, events=due) if due else Published())


def _in_batches(jurisdiction_id: int, events: Iterable[CameraEvent]) -> Published:
    done, some = Published(), []
    for event in events:
        some.append(event)
        if len(some) == BATCH:
            done, some = done + publish(jurisdiction_id=jurisdiction_id, events=some, may_be_old=True), []
    return done + publish(jurisdiction_id=jurisdiction_id, events=some, may_be_old=True)


def _as_new(event: CameraEvent, at: datetime, begin: datetime) -> CameraEvent:
    """A key of this replay, so that a second one is not taken for a repetition; and a model that says what it is."""
    said = f"{begin.timestamp():.6f} {event.key}"
    key = "r-" + hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
    return replace(event, key=key, at=at.astimezone(UTC), model=(MARK + event.model)[:MAX_MODEL])


def _as_said(row: StoredEvent, camera: str) -> CameraEvent:
    return CameraEvent(
        key=row.key,
        camera=camera,
        at=row.at,
        factor=row.factor,
        confidence=min(row.confidence, 1.0),
        value=row.value,
        box=None if row.box is None else tuple(row.box),  # type: ignore[arg-type]
        track=row.track,
        lon=row.point.x if row.point else None,
        lat=row.point.y if row.point else None,
        model=row.model,
    )
