"""The live channel as a real server: who may listen, what arrives, slow pages, and a Redis that is restarted."""

import json
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests import factories
from tests.live_channel import OwnRedis, running_channel, status_of, wait_for
from webapp.accounts.models import Jurisdiction, User
from webapp.live.hub import QUEUE_MESSAGES, Dropped, Hub, Page

pytestmark = pytest.mark.django_db(transaction=True)
PAGE_ORIGIN = "http://page.example:8000"


class Listener:
    """One open page: a raw socket that reads server-sent events."""

    def __init__(self, address: str, session: str = "", **headers: str):
        place = urlsplit(address)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=20)
        asked = {"Host": place.netloc, "Cookie": f"sessionid={session}"} | {
            key.replace("_", "-"): v for key, v in headers.items()
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
        self.socket.sendall(f"GET /live/stream/ HTTP/1.1\r\n{lines}\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self.last_id = ""

    def next(self) -> dict[str, Any]:
        """The next message that is no beat."""
        while line := self.file.readline():
            if line.startswith(b"id: "):
                self.last_id = line[4:].strip().decode()
            if line.startswith(b"data: ") and (message := json.loads(line[6:]))["type"] != "beat":
                return dict(message)
        raise EOFError

    def until(self, kind: str) -> dict[str, Any]:
        while (message := self.next())["type"] != kind:
            pass
        return message

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[OwnRedis]:
    own = OwnRedis(tmp_path)
    yield own
    own.stop()


@pytest.fixture
def channel(redis: OwnRedis, tmp_path: Path) -> Iterator[str]:
    with running_channel(redis_url=redis.url, origins=PAGE_ORIGIN, log=tmp_path / "channel.log") as address:
        yield address


def session_for(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


@pytest.fixture
def listen(channel: str) -> Iterator[Callable[..., Listener]]:
    opened: list[Listener] = []

    def listener(session: str = "", **headers: str) -> Listener:
        opened.append(Listener(channel, session, **headers))
        return opened[-1]

    yield listener
    for one in opened:
        one.close()


def heard_until_cut_off(page: Listener) -> Iterator[dict[str, Any]]:
    with suppress(EOFError, OSError):
        while True:
            yield page.until("cells")


def publish(redis: OwnRedis, jurisdiction: Jurisdiction, **message: object) -> None:
    """Once somebody listens: Redis says to how many the message went."""
    wait_for(lambda: int(str(redis.client.publish(f"live:{jurisdiction.pk}", json.dumps(message)))) > 0)


# --- Who may listen -------------------------------------------------------------------------------
def test_a_stranger_is_turned_away_and_told_so(listen: Callable[..., Listener]) -> None:
    assert listen().status == 401
    assert listen("no-such-session").status == 401


def test_a_page_hears_its_own_jurisdiction_and_no_other(
    listen: Callable[..., Listener], redis: OwnRedis, operator: User, outsider: User, jurisdiction: Jurisdiction
) -> None:
    here, there = listen(session_for(operator)), listen(session_for(outsider))
    assert here.next() == there.next() == {"type": "channel", "state": "on"}
    assert outsider.jurisdiction is not None
    publish(redis, jurisdiction, type="health", lag_s=1)
    publish(redis, outsider.jurisdiction, type="health", lag_s=2)
    assert here.next() == {"type": "health", "lag_s": 1}
    assert there.next() == {"type": "health", "lag_s": 2}


def test_only_the_pages_own_origin_is_let_in_with_its_cookie(listen: Callable[..., Listener], operator: User) -> None:
    session = session_for(operator)
    own = listen(session, Origin=PAGE_ORIGIN)
    assert (own.status, own.headers["access-control-allow-origin"]) == (200, PAGE_ORIGIN)
    assert own.headers["access-control-allow-credentials"] == "true"
    stranger = listen(session, Origin="http://page.example:9000")
    assert stranger.status == 403
    assert "access-control-allow-origin" not in stranger.headers


def test_someone_barred_hears_nothing(listen: Callable[..., Listener], operator: User) -> None:
    session = session_for(operator)
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert listen(session).status == 401


def test_there_is_nothing_else_on_the_channel(channel: str) -> None:
    assert status_of(f"{channel}/") == 404
    assert status_of(f"{channel}/accounts/login/") == 404
    assert status_of(f"{channel}/live/health/") == 200


# --- What arrives ---------------------------------------------------------------------------------
def test_a_page_that_comes_back_fetches_the_present_only_if_it_missed_something(
    listen: Callable[..., Listener], redis: OwnRedis, operator: User, jurisdiction: Jurisdiction
) -> None:
    session = session_for(operator)
    first = listen(session)
    first.next()
    publish(redis, jurisdiction, type="health", lag_s=1)
    first.next()
    again = listen(session, Last_Event_ID=first.last_id)
    assert again.next()["type"] == "channel"
    publish(redis, jurisdiction, type="health", lag_s=2)
    assert again.next() == {"type": "health", "lag_s": 2}
    late = listen(session, Last_Event_ID=first.last_id)
    assert [late.next()["type"], late.next()["type"]] == ["channel", "resync"]


def test_a_restarted_redis_is_said_and_survived(
    listen: Callable[..., Listener], redis: OwnRedis, channel: str, operator: User, jurisdiction: Jurisdiction
) -> None:
    page = listen(session_for(operator))
    page.next()
    redis.stop()
    assert page.next() == {"type": "channel", "state": "lost"}
    assert status_of(f"{channel}/live/health/") == 503
    redis.start()
    assert page.next() == {"type": "channel", "state": "on"}
    assert page.next() == {"type": "resync"}
    publish(redis, jurisdiction, type="health", lag_s=3)
    assert page.until("health")["lag_s"] == 3


def test_five_hundred_pages_hear_every_message_in_order(
    listen: Callable[..., Listener], redis: OwnRedis, jurisdiction: Jurisdiction
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2048), hard), hard))
    sessions = [session_for(factories.make_user(jurisdiction, "operator", f"o{n}")) for n in range(25)]
    pages = [listen(session) for session in sessions for _ in range(20)]
    assert {page.status for page in pages} == {200}
    for number in range(20):
        publish(redis, jurisdiction, type="cells", at=number, cells=list(range(50)), values={"": [1] * 50})
    for page in pages:
        assert [page.until("cells")["at"] for _ in range(20)] == list(range(20))


def test_the_channel_says_in_redis_how_it_fares(listen: Callable[..., Listener], redis: OwnRedis, operator: User) -> None:
    listen(session_for(operator))

    def counted() -> int:
        keys = redis.client.keys("live:channel:*")
        told: list[Any] = [redis.client.get(key) or b"{}" for key in keys]
        return max((json.loads(one).get("pages", 0) for one in told), default=0)

    wait_for(lambda: counted() == 1)


def test_a_page_that_does_not_read_is_dropped_and_others_go_on(
    listen: Callable[..., Listener], redis: OwnRedis, operator: User, jurisdiction: Jurisdiction
) -> None:
    session = session_for(operator)
    slow, quick = listen(session), listen(session)
    quick.next()
    filler = "x" * 200_000
    for number in range(100):  # 20 MB: far beyond what the line and the queue hold
        publish(redis, jurisdiction, type="cells", at=number, filler=filler)
        assert quick.until("cells")["at"] == number
    assert len(list(heard_until_cut_off(slow))) < 100


# --- The queue of one page ------------------------------------------------------------------------
def test_a_queue_is_bounded_and_overflowing_drops_the_page() -> None:
    page = Page(jurisdiction_id=1, user_id=1)
    assert all(page.offer(b"x") for _ in range(QUEUE_MESSAGES))
    assert not page.offer(b"x")
    assert page.is_dropped
    assert not page.waiting


@pytest.mark.django_db(transaction=False)
def test_messages_are_encoded_once_and_on_one_line() -> None:
    import asyncio

    async def taken() -> bytes:
        hub = Hub("redis://127.0.0.1:1/0")
        page = hub.open(jurisdiction_id=7, user_id=1)
        hub.publish(7, b'{"type":\n"health"}')
        block = await page.take(0.1)
        assert await page.take(0.01) == b""
        page.drop()
        with pytest.raises(Dropped):
            await page.take(0.1)
        return block

    block = asyncio.run(taken())
    assert block.endswith(b'\ndata: {"type": "health"}\n\n')
    assert block.startswith(b"id: ")
