"""The live channel: one Redis connection pool of the process, and messages to every open page of a jurisdiction.

Messages are JSON on the pub/sub channel `live:{jurisdiction_id}`; docs/live.md lists them. A message that cannot be sent is lost,
never waited for: pages read the whole picture again when they come back.
"""

import json
import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

import redis
from django.conf import settings

logger = logging.getLogger(__name__)
TIMEOUT_S = 5.0


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)


def redis_client() -> "redis.Redis":
    """The process's client of Redis; answers are bytes. It connects anew by itself after Redis was restarted."""
    return _client(settings.REDIS_URL)


def channel_name(jurisdiction_id: int) -> str:
    """The pub/sub channel of a jurisdiction's live messages."""
    return f"live:{jurisdiction_id}"


def send(jurisdiction_id: int, message: Mapping[str, Any]) -> bool:
    """Send one message to the open pages of a jurisdiction. False, and a line in the log, where Redis cannot be reached."""
    try:
        redis_client().publish(channel_name(jurisdiction_id), json.dumps(message, separators=(",", ":"), ensure_ascii=False))
    except redis.RedisError as error:
        logger.warning("a live message of jurisdiction %d was not sent: %s", jurisdiction_id, error)
        return False
    return True
