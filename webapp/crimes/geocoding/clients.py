"""The way to the geocoding services: time-outs, retries with a pause, a daily count, and a cache where the terms allow it.

Nothing here is called unless a key is set: control centres are closed networks.
"""

import hashlib
import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from ingestion.geocoding import GeocoderRefused, Hit, Juso, Kakao, Precision, Request, Response, Service, VWorld

log = logging.getLogger(__name__)

_PAUSES_S = (0.5, 2.0)  # before the second and the third try
_MOST_BYTES = 1_000_000
_DAY_S = 86_400
_FOUND_KEPT_S = 30 * _DAY_S
_NOTHING_KEPT_S = _DAY_S
_PROVIDERS_DAY = ZoneInfo("Asia/Seoul")
_FAILURES_ENDURED = 3


@dataclass(eq=False)
class Client:
    """One service, for the length of one upload or request. After a refusal of key or quota it is asked no more.

    `may_store`: its terms let points be kept, so that answers are cached and uploads may use them.
    """

    service: Service
    daily_quota: int
    may_store: bool
    timeout_s: float
    pause: Callable[[float], None] = time.sleep
    refusal: GeocoderRefused | None = None
    failures: int = 0

    @property
    def name(self) -> str:
        return self.service.name

    def find(self, text: str) -> Sequence[Hit]:
        """Hits of the service. Raises `GeocoderRefused`, the same one again once the service is out of use."""
        if self.refusal is not None:
            raise self.refusal
        kept = self._kept(text)
        if kept is not None:
            return kept
        try:
            hits = self.service.find(text, self._ask)
        except GeocoderRefused as refused:
            self.failures += 1
            if refused.code in ("geocoder_key", "geocoder_quota") or self.failures >= _FAILURES_ENDURED:
                self.refusal = refused
            log.warning("geocoding service %s: %s", self.name, refused)
            raise
        self.failures = 0
        if self.may_store:
            _keep(self._cache_key(text), hits)
        return hits

    def _ask(self, request: Request) -> Response:
        """One request, counted; tried again when the service is away or stumbles."""
        why = ""
        for pause_s in (*_PAUSES_S, None):
            self._count()
            try:
                response = _fetch(request, self.timeout_s)
                if response.status < 500:
                    return response
                why = f"HTTP {response.status}"
            except TimeoutError:
                why = "time-out"
            except (OSError, http.client.HTTPException) as broken:
                why = type(broken).__name__
            if pause_s is not None:
                self.pause(pause_s)
        raise GeocoderRefused("geocoder_down", self.name, why)

    def _count(self) -> None:
        """Count the request against today's quota, for all processes together, before it is sent."""
        key = f"geocoding:asked:{self.name}:{_today()}"
        try:
            cache.add(key, 0, timeout=2 * _DAY_S)
            used = cache.incr(key)
        except (RedisError, ValueError):  # uncounted is unasked
            raise GeocoderRefused("geocoder_down", self.name, "Redis") from None
        if used > self.daily_quota:
            raise GeocoderRefused("geocoder_quota", self.name, f"{self.daily_quota:,}")

    def _kept(self, text: str) -> Sequence[Hit] | None:
        if not self.may_store:
            return None
        try:
            plain = cache.get(self._cache_key(text))
        except RedisError:
            return None
        return None if plain is None else [_hit(one) for one in json.loads(plain)]

    def _cache_key(self, text: str) -> str:
        digest = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
        return f"geocoding:found:{self.name}:{digest}"


def configured_clients(*, for_storing: bool) -> list[Client]:
    """Clients of the services whose keys are set; for an upload only those whose points may be kept."""
    services: list[tuple[Service, int]] = []
    if settings.JUSO_KEY:
        juso = Juso(settings.JUSO_KEY, settings.JUSO_COORDINATE_KEY or settings.JUSO_KEY, settings.JUSO_URL)
        services.append((juso, settings.JUSO_DAILY))
    if settings.VWORLD_KEY:
        services.append((VWorld(settings.VWORLD_KEY, settings.VWORLD_URL), settings.VWORLD_DAILY))
    if settings.KAKAO_KEY:
        services.append((Kakao(settings.KAKAO_KEY, settings.KAKAO_URL), settings.KAKAO_DAILY))
    clients = [
        Client(service, quota, service.name in settings.GEOCODING_STORE, settings.GEOCODING_TIMEOUT_S)
        for service, quota in services
    ]
    return [client for client in clients if client.may_store or not for_storing]


def asked_today(name: str) -> int:
    """Requests sent to a service today (the providers' day begins at midnight in Korea)."""
    return int(cache.get(f"geocoding:asked:{name}:{_today()}") or 0)


def _today() -> str:
    now: datetime = timezone.now()
    return now.astimezone(_PROVIDERS_DAY).date().isoformat()


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A key must not follow a redirect to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


def _fetch(request: Request, timeout_s: float) -> Response:
    """Raises `OSError` (time-out, no route, refused) or `HTTPException` (broken off)."""
    asked = urllib.request.Request(request.url, headers=dict(request.headers))  # noqa: S310  (the settings allow http and https only)
    try:
        with _opener.open(asked, timeout=timeout_s) as answer:
            return Response(answer.status, answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        return Response(error.code, error.read(_MOST_BYTES))
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from error
        raise


def _keep(key: str, hits: Sequence[Hit]) -> None:
    plain = json.dumps([asdict(hit) for hit in hits])
    try:
        cache.set(key, plain, timeout=_FOUND_KEPT_S if hits else _NOTHING_KEPT_S)
    except RedisError:
        log.warning("geocoding: Redis keeps nothing")


def _hit(plain: dict[str, Any]) -> Hit:
    return Hit(**(plain | {"precision": Precision(plain["precision"])}))
