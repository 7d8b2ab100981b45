"""The live channel: `GET /live/stream/` sends a signed-in page what happens in its own jurisdiction, as server-sent events.

A small ASGI application for uvicorn, beside the pages and not in them: an open page holds no thread and no database
connection here. `GET /live/health/` answers 200 while Redis is heard. Messages are JSON with a `type`: cells, event,
alert and health as the fusion publishes them; channel (Redis heard or not), resync (fetch the present picture), beat
(every few seconds, so that silence means a broken line) and bye (signed out, or no longer allowed).
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest

from webapp.accounts.models import User
from webapp.accounts.permissions import Act, may
from webapp.live.hub import Dropped, Hub, Page

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
logger = logging.getLogger(__name__)

STREAM_PATH = "/live/stream/"
HEALTH_PATH = "/live/health/"
BEAT_S = 5.0
CHECK_AGAIN_S = 60.0  # a person who signed out or was barred sees nothing more after this at the latest
PAGES_A_PERSON = 30
ASKING_THREADS = 2  # each holds one database connection


@dataclass(frozen=True)
class Viewer:
    """Whose page it is."""

    user_id: int
    jurisdiction_id: int


@dataclass(frozen=True)
class Asked:
    """What one request brings. `origin`: the page's, where it differs from the channel's own, else blank."""

    session_key: str
    last_event_id: str
    origin: str


def viewer_of(session_key: str) -> Viewer | None:
    """The signed-in person of a session who may see the map, or None."""
    close_old_connections()
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User) or not may(user, Act.SEE_MAP):
        return None
    return Viewer(user_id=user.pk, jurisdiction_id=cast(int, user.jurisdiction_id))  # nobody without one may anything


class LiveChannel:
    """The ASGI application. `redis_url`: where the fusion publishes; `origins`: pages of other origins that may listen."""

    def __init__(self, *, redis_url: str, origins: list[str], most_pages: int):
        self.redis_url, self.origins, self.most_pages = redis_url, frozenset(origins), most_pages
        self.hub: Hub | None = None
        self.askers = ThreadPoolExecutor(ASKING_THREADS, thread_name_prefix="live-session")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"] == HEALTH_PATH:
            heard = self._hub().is_connected
            return await answer(send, 200 if heard else 503, "ok" if heard else "redis is not heard")
        if scope["path"] != STREAM_PATH:
            return await answer(send, 404, "only /live/stream/ is here")
        return await self._stream(scope, headers, receive, send)

    def _hub(self) -> Hub:
        if self.hub is None:  # a server without lifespan support
            self.hub = Hub(self.redis_url)
            self.hub.start()
        return self.hub

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._hub()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._hub().stop()
                self.askers.shutdown(wait=False, cancel_futures=True)
                await send({"type": "lifespan.shutdown.complete"})
                return

    # --- one page ---------------------------------------------------------------------------------
    async def _stream(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        allowed = self.allowed_origin(headers, scheme=scope.get("scheme", "http"))
        if allowed is None:
            return await self._refuse(send, 403, "this origin may not listen", "")
        if scope["method"] != "GET":
            return await self._refuse(send, 405, "only GET", allowed)
        asked = Asked(session_of(headers), headers.get("last-event-id", ""), allowed)
        try:
            viewer = await self._viewer(asked.session_key)
        except (OperationalError, InterfaceError):
            return await self._refuse(send, 503, "the database cannot be asked just now", allowed)
        if viewer is None:
            return await self._refuse(send, 401, "sign in first", allowed)
        hub = self._hub()
        if hub.open_pages >= self.most_pages or hub.pages_of(viewer.user_id) >= PAGES_A_PERSON:
            return await self._refuse(send, 503, "too many pages are open", allowed)
        page = hub.open(jurisdiction_id=viewer.jurisdiction_id, user_id=viewer.user_id)
        gone = asyncio.create_task(_until_gone(receive))
        sending = asyncio.create_task(self._send(page, viewer, asked, send))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hub.close(page)
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send(self, page: Page, viewer: Viewer, asked: Asked, send: Send) -> None:
        hub = self._hub()
        await send({"type": "http.response.start", "status": 200, "headers": stream_headers(asked.origin)})
        await hub.heard(page)
        await _block(send, hub.greeting(jurisdiction_id=page.jurisdiction_id, last_event_id=asked.last_event_id))
        checked = beaten = time.monotonic()
        with suppress(Dropped):
            while True:
                block = await page.take(BEAT_S)
                now = time.monotonic()
                if now - checked >= CHECK_AGAIN_S:
                    checked = now
                    if not await self._still(viewer, asked.session_key):
                        await _block(send, b'data: {"type":"bye"}\n\n')
                        break
                if now - beaten >= BEAT_S:
                    beaten = now
                    block += b'data: {"type":"beat"}\n\n'
                if block:
                    await _block(send, block)
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _still(self, viewer: Viewer, session_key: str) -> bool:
        try:
            return await self._viewer(session_key) == viewer
        except (OperationalError, InterfaceError):
            return True  # asked again a minute later; a restarting database is no reason to blind the operators

    async def _viewer(self, session_key: str) -> Viewer | None:
        if not session_key:
            return None
        return await asyncio.get_running_loop().run_in_executor(self.askers, viewer_of, session_key)

    def allowed_origin(self, headers: Mapping[str, str], *, scheme: str) -> str | None:
        """The origin to answer to: "" for the same origin, the page's own where it is on the list, None for a stranger."""
        origin = headers.get("origin", "")
        if not origin or origin in self.origins:
            return origin
        asked = urlsplit(origin)
        is_same = asked.netloc == headers.get("host", "") and asked.scheme in (scheme, headers.get("x-forwarded-proto", scheme))
        return "" if is_same else None

    async def _refuse(self, send: Send, status: int, reason: str, allowed: str) -> None:
        self._hub().counts["refused"] += 1
        await answer(send, status, reason, allowed)


def live_channel() -> LiveChannel:
    """The channel of this project's settings."""
    return LiveChannel(redis_url=settings.REDIS_URL, origins=settings.LIVE_ORIGINS, most_pages=settings.LIVE_PAGES)


def session_of(headers: Mapping[str, str]) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    found = cookies.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else ""


def stream_headers(allowed: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),  # nginx would hold messages back
        (b"x-content-type-options", b"nosniff"),
        *cors_headers(allowed),
    ]


def cors_headers(allowed: str) -> list[tuple[bytes, bytes]]:
    vary = [(b"vary", b"Origin, Cookie")]
    if not allowed:
        return vary
    return [(b"access-control-allow-origin", allowed.encode("latin-1")), (b"access-control-allow-credentials", b"true"), *vary]


async def answer(send: Send, status: int, message: str, allowed: str = "") -> None:
    body = json.dumps({"error": {"code": str(status), "message": message}} if status >= 400 else {"status": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *cors_headers(allowed)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _block(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
