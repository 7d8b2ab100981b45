"""The camera worker: watches many streams at once, publishes their events, reports their health, follows what people change."""

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import redis
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection

from webapp.cameras.models import Stream
from webapp.cameras.services.events import StreamDown, publish
from webapp.cameras.services.outbox import Outbox
from webapp.cameras.services.streams import report_health
from webapp.cameras.stream_selectors import STILL_S, StreamTask, still_key, streams_to_run

if TYPE_CHECKING:
    from cctv.handover import Handovers
    from webapp.cameras.services.watching import Watcher

logger = logging.getLogger(__name__)

ROUND_S = 0.05
BATCH = 500
OUTBOX_EVENTS = 20_000
STARTS_A_ROUND = 5  # cameras are not all called in the same moment
REPORT_EVERY_S = 3.0
RELOAD_EVERY_S = 3.0
STILLS_EVERY_S = 2.0
LONGEST_WAIT_S = 10.0
LEAVE_S = 15.0  # how long an ending worker waits for its streams

_DATABASE_AWAY = (DatabaseError, InterfaceError)


class CameraWorker:
    """Runs the streams of its share until it is stopped. Only this thread talks to the database and to Redis."""

    def __init__(self, *, part: int = 0, parts: int = 1, jurisdiction_code: str = ""):
        self._part, self._parts, self._jurisdiction_code = part, parts, jurisdiction_code
        self._stop_asked = threading.Event()
        self._outbox = Outbox(OUTBOX_EVENTS)
        self._tasks: dict[int, StreamTask] = {}
        self._watchers: dict[int, Watcher] = {}
        self._leaving: list[Watcher] = []
        self._handovers: dict[int, Handovers] = {}
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._stills: dict[int, float] = {}
        self.published = 0
        self._lost_said = 0

    def stop(self) -> None:
        """Ask it to end after the round that it is in."""
        self._stop_asked.set()

    def run(self) -> None:
        """Until it is stopped; then all streams are closed and the last events sent."""
        _name_temporary_folder()
        while not self._stop_asked.is_set():
            self.round()
            self._stop_asked.wait(ROUND_S)
        self._leave()

    def round(self) -> None:
        """Everything that is due."""
        self._every("reload", RELOAD_EVERY_S, self._reload)
        self._start_some()
        self._every("publish", 0.0, self._publish)
        self._every("stills", STILLS_EVERY_S, self._keep_stills)
        self._every("report", REPORT_EVERY_S, self._report)

    @property
    def streams(self) -> int:
        """How many streams are being watched."""
        return len(self._watchers)

    # --- Streams -----------------------------------------------------------------------------------
    def _reload(self) -> None:
        """Take up what people switched on or changed, and let go of the rest."""
        found = streams_to_run(part=self._part, parts=self._parts, jurisdiction_code=self._jurisdiction_code)
        self._tasks = {task.id: task for task in found}
        for stream_id, watcher in list(self._watchers.items()):
            if self._tasks.get(stream_id) != watcher.task:
                logger.info("stream %d: %s", stream_id, "changed" if stream_id in self._tasks else "let go")
                watcher.stop()
                self._leaving.append(self._watchers.pop(stream_id))

    def _start_some(self) -> None:
        self._leaving = [watcher for watcher in self._leaving if watcher.is_alive()]
        still_open = {watcher.task.id for watcher in self._leaving}  # many cameras serve only one caller at a time
        free = [task for task in self._tasks.values() if task.id not in self._watchers and task.id not in still_open]
        for task in free[:STARTS_A_ROUND]:
            logger.info("stream %d of camera %s: %s", task.id, task.camera, task.address)
            self._watchers[task.id] = self._watched(task)

    def _watched(self, task: StreamTask) -> "Watcher":
        # OpenCV, FFmpeg and vision: 100 MB that a worker without a stream does not need.
        import cv2  # noqa: PLC0415

        from cctv.handover import Handovers  # noqa: PLC0415
        from webapp.cameras.services.watching import Watcher  # noqa: PLC0415

        cv2.setNumThreads(1)  # there are as many threads as streams already
        if task.jurisdiction_id not in self._handovers:
            self._handovers[task.jurisdiction_id] = Handovers()
        watcher = Watcher(task, self._outbox, self._handovers[task.jurisdiction_id])
        watcher.start()
        return watcher

    # --- What goes out -----------------------------------------------------------------------------
    def _publish(self) -> None:
        """Send what waits. A batch that could not go in waits on; sent again, it is not counted twice."""
        if self._outbox.lost > self._lost_said:
            logger.warning("%d events were left out: more came than could be sent", self._outbox.lost - self._lost_said)
            self._lost_said = self._outbox.lost
        for jurisdiction_id, events in self._outbox.take(BATCH).items():
            try:
                done = publish(jurisdiction_id=jurisdiction_id, events=events)
            except (StreamDown, *_DATABASE_AWAY):
                self._outbox.put(jurisdiction_id, events)
                raise
            self.published += done.accepted
            for refusal in done.refused[:3]:
                logger.warning("an event of camera %s was refused: %s", refusal.camera, refusal.message)

    def _keep_stills(self) -> None:
        for stream_id, watcher in self._watchers.items():
            still = watcher.still
            if still is not None and self._stills.get(stream_id) != still.at:
                cache.set(still_key(watcher.task.camera_id), still.jpeg, STILL_S)
                self._stills[stream_id] = still.at

    def _report(self) -> None:
        report_health(reports=[watcher.report() for watcher in self._watchers.values()])

    def _leave(self) -> None:
        """Close all streams at once, wait for them together, and say that nobody watches them any more."""
        reports = [replace(watcher.report(), state=Stream.State.WAITING, measured_fps=0.0) for watcher in self._watchers.values()]
        leaving = [*self._watchers.values(), *self._leaving]
        for watcher in leaving:
            watcher.stop()
        deadline = time.monotonic() + LEAVE_S
        for watcher in leaving:
            watcher.join(max(0.0, deadline - time.monotonic()))
        self._due.clear()
        self._every("publish", 0.0, self._publish)
        self._every("report", 0.0, lambda: report_health(reports=reports))

    # --- Faults ------------------------------------------------------------------------------------
    def _every(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Do this when it is due. Where Redis or the database is away, say so, and try again with growing waits."""
        now = time.monotonic()
        if now < self._due.get(name, 0.0):
            return
        try:
            act()
        except (StreamDown, redis.RedisError, OSError, *_DATABASE_AWAY) as error:
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            wait_s = min(LONGEST_WAIT_S, 0.5 * 2.0**failures)
            logger.warning("%s: %s; trying again in %.0f s", name, error, wait_s)
            if isinstance(error, _DATABASE_AWAY):
                connection.close()  # the next attempt makes a new one
        else:
            if self._failures.pop(name, 0):
                logger.info("%s works again", name)
            wait_s = seconds
        self._due[name] = time.monotonic() + wait_s


def _name_temporary_folder() -> None:
    """On a full disk Python finds no folder for temporary files, and libraries that only ask for its name fail to load."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = "/tmp"  # noqa: S108 - nothing is written there
        logger.warning("no temporary folder can be written to; is the disk full? Cameras are watched all the same")
