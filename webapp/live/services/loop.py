"""The long-running loop round the fusion: one process for all jurisdictions, drawing four times a second."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
from django.db import Error as DatabaseError
from django.db import connection

from prediction.errors import PredictionError
from webapp.accounts.models import Jurisdiction
from webapp.cameras.stream import EventReader
from webapp.common.channel import redis_client
from webapp.common.errors import HaechiError
from webapp.live import keys
from webapp.live.services.fusing import Fuser

logger = logging.getLogger(__name__)

TICK_S = 0.25  # pages are told at most four times a second
READ_AT_MOST = 5000
CONSUMER = "fusion"  # one name, so that what a killed process had not counted is given to the next
OWNER_MS = 5000
OWNER_EVERY_S = 1.0
JURISDICTIONS_EVERY_S = 30.0
ANEW_S = 5.0


class Owner:
    """Sees to it that one process fuses. A second one waits, and takes over within seconds when the first is gone."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    def is_mine(self) -> bool:
        """Renew, take over, or False while another is at work. Raises `redis.RedisError`."""
        client, key = redis_client(), keys.owner()
        if client.set(key, self.name, nx=True, px=OWNER_MS):
            return True
        held = client.get(key)
        holder = held.decode() if isinstance(held, bytes) else ""
        if holder == self.name or not _is_alive(holder):
            client.set(key, self.name, px=OWNER_MS)
            return True
        return False

    def give_up(self) -> None:
        """Let the next one begin at once."""
        try:
            held = redis_client().get(keys.owner())
            if held == self.name.encode():
                redis_client().delete(keys.owner())
        except redis.RedisError:
            logger.debug("the name of the fusing process was left behind", exc_info=True)


def _is_alive(holder: str) -> bool:
    """Whether a process of this machine still runs; one of another machine is believed as long as its name stands."""
    host, _colon, number = holder.rpartition(":")
    if host != socket.gethostname() or not number.isdigit():
        return bool(holder)
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Loop:
    """Runs until `should_stop`. `jurisdictions`: codes, or none for all."""

    def __init__(self, *, codes: tuple[str, ...] = (), should_stop: Callable[[], bool]):
        self.codes, self.should_stop = codes, should_stop
        self.owner = Owner()
        self.fusers: dict[int, Fuser] = {}
        self.reader = EventReader([], group="fusion", consumer=CONSUMER)
        self._due = {"owner": 0.0, "jurisdictions": 0.0}
        self._mine = False

    def run(self) -> None:
        """Fuse until told to stop; then keep everything."""
        logger.info("fusion starts")
        while not self.should_stop():
            if not self._owns():
                time.sleep(OWNER_EVERY_S)
                continue
            self._find_jurisdictions()
            self._turn()
        if self._mine:
            self._end()
        logger.info("fusion ends")

    def _turn(self) -> None:
        """Read until the next picture is due, then draw."""
        until = time.monotonic() + TICK_S
        self.reader.jurisdiction_ids = [number for number, fuser in self.fusers.items() if fuser.is_started]
        while (left_s := until - time.monotonic()) > 0 and not self.should_stop():
            if not self.reader.jurisdiction_ids:
                time.sleep(left_s)
                break
            self._read(max(int(left_s * 1000), 1))
        for number, fuser in list(self.fusers.items()):
            with self._apart(number):
                fuser.tick(time.time())
        self._acknowledge()

    @contextmanager
    def _apart(self, jurisdiction_id: int) -> Iterator[None]:
        """What goes wrong with one jurisdiction does not stop the others: it begins anew from its checkpoint."""
        try:
            yield
        except (HaechiError, PredictionError, ValueError, LookupError, TypeError):
            logger.exception("jurisdiction %d fails and begins anew from its checkpoint", jurisdiction_id)
            self._begin_anew(jurisdiction_id)

    def _begin_anew(self, *jurisdiction_ids: int) -> None:
        """Forget these, and what the reader remembers: what was not acknowledged is given again."""
        for jurisdiction_id in jurisdiction_ids:
            self.fusers.pop(jurisdiction_id, None)
        self.reader = EventReader(self.reader.jurisdiction_ids, group="fusion", consumer=CONSUMER)
        self._due["jurisdictions"] = time.monotonic() + ANEW_S

    def _read(self, block_ms: int) -> None:
        entries = self.reader.read(READ_AT_MOST, block_ms)
        by_jurisdiction: dict[int, list[tuple[bytes, object]]] = {}
        for jurisdiction_id, entry_id, event in entries:
            by_jurisdiction.setdefault(jurisdiction_id, []).append((entry_id, event))
        for jurisdiction_id, some in by_jurisdiction.items():
            if jurisdiction_id in self.fusers:
                with self._apart(jurisdiction_id):
                    self.fusers[jurisdiction_id].take(some, time.time())  # type: ignore[arg-type]
        if entries and len(entries) < READ_AT_MOST:
            time.sleep(0.01)  # gather: many small answers cost more than a few larger ones

    def _acknowledge(self) -> None:
        done = [(number, entry_id) for number, fuser in self.fusers.items() for entry_id in fuser.acknowledged()]
        if done:
            self.reader.acknowledge(done)

    def _owns(self) -> bool:
        if time.monotonic() >= self._due["owner"]:
            self._due["owner"] = time.monotonic() + OWNER_EVERY_S
            try:
                mine = self.owner.is_mine()
            except redis.RedisError:
                return self._mine  # nobody can take over while Redis is away
            if mine is not self._mine:
                logger.info("this process fuses" if mine else "another process fuses; this one waits")
                self._begin_anew(*list(self.fusers))
                self._due["jurisdictions"] = 0.0
            self._mine = mine
        return self._mine

    def _find_jurisdictions(self) -> None:
        if time.monotonic() < self._due["jurisdictions"]:
            return
        self._due["jurisdictions"] = time.monotonic() + JURISDICTIONS_EVERY_S
        try:
            found = Jurisdiction.objects.order_by("pk")
            wanted = list(found.filter(code__in=self.codes) if self.codes else found)
        except DatabaseError as error:
            logger.warning("the jurisdictions cannot be read, tried again: %s", error)
            connection.close()
            self._due["jurisdictions"] = time.monotonic() + 2.0
            return
        for jurisdiction in wanted:
            if jurisdiction.pk not in self.fusers:
                self.fusers[jurisdiction.pk] = Fuser(jurisdiction)
        for gone in self.fusers.keys() - {jurisdiction.pk for jurisdiction in wanted}:
            del self.fusers[gone]

    def _end(self) -> None:
        for fuser in self.fusers.values():
            fuser.stop(time.time())
        self._acknowledge()
        self.owner.give_up()
