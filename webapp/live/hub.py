"""Hands what Redis publishes on `live:{jurisdiction}` to every open page of that jurisdiction.

One connection to Redis for all, one subscription a jurisdiction, and one encoding a message, whatever the number of
pages: each page's queue holds the same bytes. A page that does not keep up is dropped and not buffered for; its browser
connects again and is told to fetch the present picture (`resync`). A lost Redis is said to the pages and waited for.
"""

import asyncio
import itertools
import json
import logging
import os
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

QUEUE_MESSAGES = 256  # a page behind by so many messages (about 20 s) would show the past
QUEUE_BYTES = 4_000_000
RETRY_S = (0.25, 0.5, 1.0, 2.0, 4.0)
POLL_S = 0.2  # how long a jurisdiction whose first page has come waits for its subscription
HEARD_S = 2.0
IDLE_S = 10.0
STATISTICS_EVERY_S = 5.0
STATISTICS_KEY = "live:channel:{process}"


class Dropped(Exception):
    """The page did not keep up, or the channel is closing."""


@dataclass(eq=False)
class Page:
    """One open page: what waits to be sent to it."""

    jurisdiction_id: int
    user_id: int
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    is_dropped: bool = False

    def offer(self, message: bytes) -> bool:
        """Queue a message; False where the page is too far behind, which drops it."""
        if len(self.waiting) >= QUEUE_MESSAGES or self.waiting_bytes + len(message) > QUEUE_BYTES:
            self.drop()
            return False
        self.waiting.append(message)
        self.waiting_bytes += len(message)
        self.arrived.set()
        return True

    def drop(self) -> None:
        self.is_dropped = True
        self.waiting.clear()
        self.waiting_bytes = 0
        self.arrived.set()

    async def take(self, wait_s: float) -> bytes:
        """All that waits, as one block; blank after `wait_s` without anything. Raises `Dropped`."""
        if not self.waiting and not self.is_dropped:
            self.arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.arrived.wait(), wait_s)
        if self.is_dropped:
            raise Dropped
        block = b"".join(self.waiting)
        self.waiting.clear()
        self.waiting_bytes = 0
        return block


class Hub:
    """The pages that are open, and the one listener on Redis behind them."""

    def __init__(self, redis_url: str):
        self.redis: Redis = Redis.from_url(redis_url, socket_connect_timeout=3, socket_keepalive=True, health_check_interval=15)
        self.pages: dict[int, set[Page]] = {}
        self.counts: Counter[str] = Counter()
        self.is_connected = False
        self.subscribed: frozenset[int] = frozenset()
        # An id names the process too: after a restart no page can take an old number for a new one.
        self.name = f"{os.getpid()}-{int(time.time())}"
        self.numbers = itertools.count(1)
        self.last_id: dict[int, str] = {}
        self.wanted = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._report())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        for pages in self.pages.values():
            for page in pages:
                page.drop()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        with suppress(RedisError, OSError):
            await self.redis.aclose()

    @property
    def open_pages(self) -> int:
        return sum(len(pages) for pages in self.pages.values())

    def pages_of(self, user_id: int) -> int:
        return sum(page.user_id == user_id for pages in self.pages.values() for page in pages)

    def open(self, *, jurisdiction_id: int, user_id: int) -> Page:
        page = Page(jurisdiction_id=jurisdiction_id, user_id=user_id)
        self.pages.setdefault(jurisdiction_id, set()).add(page)
        self.counts["opened"] += 1
        self.wanted.set()
        return page

    async def heard(self, page: Page) -> None:
        """Until what is said in the page's jurisdiction reaches it (what it fetches then misses nothing), or Redis is away."""
        until = time.monotonic() + HEARD_S
        while self.is_connected and page.jurisdiction_id not in self.subscribed and time.monotonic() < until:
            await asyncio.sleep(0.02)

    def close(self, page: Page) -> None:
        pages = self.pages.get(page.jurisdiction_id, set())
        pages.discard(page)
        if not pages:
            self.pages.pop(page.jurisdiction_id, None)
            self.wanted.set()

    def greeting(self, *, jurisdiction_id: int, last_event_id: str) -> bytes:
        """What a page is told first. `resync`: it missed something and fetches the present picture."""
        missed = bool(last_event_id) and last_event_id != self.last_id.get(jurisdiction_id)
        words = [{"type": "channel", "state": "on" if self.is_connected else "lost"}]
        if missed:
            words.append({"type": "resync"})
        return b"retry: 2000\n\n" + b"".join(self._encode(jurisdiction_id, json.dumps(word).encode()) for word in words)

    # --- Redis ------------------------------------------------------------------------------------
    async def _listen(self) -> None:
        """Keep listening for ever; each loss is said to the pages, and followed by `resync` once it is over."""
        failures = 0
        while True:
            try:
                async with self.redis.pubsub(ignore_subscribe_messages=True) as channels:
                    await channels.ping()
                    self._connected(after_loss=failures > 0)
                    failures = 0
                    await self._follow(channels)
            except (RedisError, OSError) as error:
                self._lost(error, is_first=failures == 0)
                await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1

    async def _follow(self, channels: PubSub) -> None:
        subscribed: set[int] = set()
        while True:
            wanted = set(self.pages)
            if new := wanted - subscribed:
                await channels.subscribe(*(f"live:{number}" for number in new))
            if left := subscribed - wanted:
                await channels.unsubscribe(*(f"live:{number}" for number in left))
            subscribed = wanted
            self.subscribed = frozenset(wanted)
            self.wanted.clear()
            if not subscribed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wanted.wait(), IDLE_S)
                await channels.ping()  # so that a Redis that went away meanwhile is noticed before a page asks
                continue
            await self._next(channels)

    async def _next(self, channels: PubSub) -> None:
        """Hand on messages until a jurisdiction comes or goes."""
        while not self.wanted.is_set():
            message = await channels.get_message(ignore_subscribe_messages=True, timeout=POLL_S)
            if message is not None and message["type"] == "message":
                self.publish(int(message["channel"].rsplit(b":", 1)[1]), message["data"])

    def publish(self, jurisdiction_id: int, data: bytes) -> None:
        """Queue one JSON message for every page of the jurisdiction."""
        pages = self.pages.get(jurisdiction_id)
        if not pages:
            return
        encoded = self._encode(jurisdiction_id, data)
        self.counts["messages"] += 1
        for page in list(pages):
            if page.offer(encoded):
                self.counts["sent"] += 1
            else:
                self.counts["dropped"] += 1
                self.close(page)

    def _encode(self, jurisdiction_id: int, data: bytes) -> bytes:
        self.last_id[jurisdiction_id] = f"{self.name}-{next(self.numbers)}"
        return b"id: %b\ndata: %b\n\n" % (self.last_id[jurisdiction_id].encode(), b" ".join(data.splitlines()))

    def _say(self, *words: dict[str, Any]) -> None:
        for jurisdiction_id in list(self.pages):
            for word in words:
                self.publish(jurisdiction_id, json.dumps(word).encode())

    def _connected(self, *, after_loss: bool) -> None:
        self.is_connected = True
        if after_loss:
            logger.info("the live channel hears Redis again")
            self.counts["reconnected"] += 1
            self._say({"type": "channel", "state": "on"}, {"type": "resync"})

    def _lost(self, error: Exception, *, is_first: bool) -> None:
        self.is_connected = False
        self.subscribed = frozenset()
        if is_first:
            logger.warning("the live channel has lost Redis and tries again: %s", error)
            self._say({"type": "channel", "state": "lost"})

    # --- statistics -------------------------------------------------------------------------------
    def statistics(self) -> dict[str, int]:
        """Open pages, and since the start: opened, messages from Redis, sent to pages, pages dropped, connections lost."""
        names = ("opened", "messages", "sent", "dropped", "refused", "reconnected")
        return {"pages": self.open_pages} | {name: self.counts[name] for name in names}

    async def _report(self) -> None:
        """Leave the statistics in Redis, where they expire by themselves once this process is gone."""
        key = STATISTICS_KEY.format(process=self.name)
        while True:
            with suppress(RedisError, OSError):
                await self.redis.set(key, json.dumps(self.statistics()), ex=int(STATISTICS_EVERY_S * 3))
            await asyncio.sleep(STATISTICS_EVERY_S)
