"""The live service for tests: weights in service, a clean Redis, messages as pages hear them."""

import json
import time
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from cctv.factors import RISK_CODES
from tests.events import fresh_stream
from webapp.accounts.models import Jurisdiction
from webapp.cameras.stream import EventReader
from webapp.common.channel import channel_name, redis_client
from webapp.crimes.models import Category
from webapp.forecasts.models import LiveWeights
from webapp.live.services.fusing import Fuser


def make_weights(jurisdiction: Jurisdiction, **by_factor: float) -> LiveWeights:
    """Weights in service: these factors (default: fall 0.6) for every category alike, the others 0."""
    LiveWeights.objects.of(jurisdiction).filter(state="in_service").update(state="retired")
    categories = list(Category.objects.of(jurisdiction).order_by("position").values_list("code", flat=True))
    weights = by_factor or {"fall": 0.6}
    mean = [weights.get(code, 0.0) for _category in categories for code in RISK_CODES]
    nothing = [0.0] * len(mean)
    return LiveWeights.objects.create(
        jurisdiction=jurisdiction,
        state="in_service",
        origin="prior",
        verdict="first",
        category_codes=categories,
        factor_codes=list(RISK_CODES),
        mean=mean,
        sd=[0.1] * len(mean),
        prior_mean=nothing,
        prior_sd=nothing,
        centre=[0.0] * len(categories),
        code_version="test",
        promoted_at=timezone.now(),
    )


def fresh_live(*jurisdictions: Jurisdiction) -> Iterator[None]:
    """Nothing of these in Redis, before and after."""
    client = redis_client()

    def clean() -> None:
        for jurisdiction in jurisdictions:
            for key in client.scan_iter(f"live:{jurisdiction.pk}:*"):
                client.delete(key)
        client.delete("live:owner")

    clean()
    yield from fresh_stream(*jurisdictions)
    clean()


class Page:
    """One open page: hears the channel of a jurisdiction."""

    def __init__(self, jurisdiction: Jurisdiction):
        self.heard = redis_client().pubsub(ignore_subscribe_messages=True)
        self.heard.subscribe(channel_name(jurisdiction.pk))
        self.heard.get_message(timeout=1)

    def messages(self, kind: str = "", *, wait_s: float = 0.2) -> list[dict[str, Any]]:
        """All messages that came, of one kind; waits for the first so long."""
        found = []
        while message := self.heard.get_message(timeout=wait_s):
            found.append(json.loads(message["data"]))
            wait_s = 0.01
        return [one for one in found if kind in ("", one["type"])]

    def wait_for(self, kind: str, *, limit_s: float = 15.0) -> dict[str, Any]:
        """The next message of a kind."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            message = self.heard.get_message(timeout=0.2)
            if message and (found := json.loads(message["data"]))["type"] == kind:
                return found
        raise AssertionError(f"no message of type {kind} in {limit_s} s")


class Service:
    """The fusion of one jurisdiction, stepped by the test: as the loop does it, with a clock of the test's own."""

    def __init__(self, jurisdiction: Jurisdiction, now_s: float | None = None):
        self.fuser = Fuser(jurisdiction)
        self.jurisdiction = jurisdiction
        self.reader = EventReader([jurisdiction.pk], group="fusion", consumer="fusion")
        self.now_s = time.time() if now_s is None else now_s
        self.fuser.tick(self.now_s)

    def read(self) -> int:
        """Take whatever is in the stream; how many entries."""
        entries = []
        while some := self.reader.read(1000, 10):
            entries += some
        if entries:
            self.fuser.take([(entry_id, event) for _jid, entry_id, event in entries], self.now_s)
        return len(entries)

    def step(self, seconds: float = 0.25, *, acknowledge: bool = True) -> None:
        """Let time pass, read, draw."""
        self.now_s += seconds
        self.read()
        self.fuser.tick(self.now_s)
        done = self.fuser.acknowledged()
        if acknowledge and done:
            self.reader.acknowledge([(self.jurisdiction.pk, entry_id) for entry_id in done])
