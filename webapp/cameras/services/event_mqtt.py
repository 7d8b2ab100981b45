"""Events over MQTT: from the topics `haechi/<jurisdiction>/events` of a broker into the streams.

A message is acknowledged only when its events are in the stream. The session outlives us: what the broker gets while we are
down it keeps and gives later, and what it gives twice is recognised by its keys. Who may publish where is the broker's to say.
"""

import contextlib
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
import redis
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.cameras.services.event_intake import BatchError, read_batch, take_batch
from webapp.cameras.services.events import OTHER, Published, StreamDown, count_refused
from webapp.common.errors import HaechiError

logger = logging.getLogger(__name__)

TOPIC = "haechi/+/events"
MOST_BYTES = 2_621_440  # as over HTTP
WAITING = 200  # messages held here; the broker holds the rest
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
JURISDICTIONS_S = 10.0


class BrokerError(HaechiError):
    """The address of the broker is wrong."""

    code = "broker_invalid"


@dataclass(frozen=True)
class Broker:
    """Where to listen. `name`: of the session, the same after a restart."""

    host: str
    port: int
    user: str
    password: str
    is_tls: bool
    name: str


def read_broker(url: str, *, name: str) -> Broker:
    """`mqtt://user:password@host:port`, or `mqtts://`. Raises `BrokerError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise BrokerError(_("HAECHI_MQTT_URL must be like mqtt://user:password@host:1883, or mqtts:// with TLS. Correct it."))
    is_tls = parts.scheme == "mqtts"
    port = port or (8883 if is_tls else 1883)
    return Broker(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), is_tls, name)


class MqttIntake:
    """Listens until `stop()`. `taken`: events that went in so far; `is_listening`: set once the broker knows us."""

    def __init__(self, broker: Broker):
        self.broker = broker
        self.taken = 0
        self.is_listening = threading.Event()
        self._waiting: queue.Queue[mqtt.MQTTMessage] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._ids: dict[str, int] = {}
        self._ids_at = float("-inf")
        self._client = self._connected()

    def stop(self) -> None:
        """End after the message that is on; unacknowledged ones come again at the next start."""
        self._stopping.set()

    def run(self) -> None:
        self._client.connect_async(self.broker.host, self.broker.port, keepalive=30)
        self._client.loop_start()
        try:
            while not self._stopping.is_set():
                with contextlib.suppress(queue.Empty):
                    self._take_until_done(self._waiting.get(timeout=0.5))
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _connected(self) -> mqtt.Client:
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=self.broker.name,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )
        if self.broker.user:
            client.username_pw_set(self.broker.user, self.broker.password)
        if self.broker.is_tls:
            client.tls_set()
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = lambda *_said: self.is_listening.set()
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            logger.error("the broker refuses (%s): check the user and password in HAECHI_MQTT_URL", reason)
            return
        logger.info("listening to %s at %s:%d", TOPIC, self.broker.host, self.broker.port)
        client.subscribe(TOPIC, qos=1)

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        logger.warning("the broker at %s:%d cannot be reached; trying again", self.broker.host, self.broker.port)

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._stopping.is_set():
            logger.warning("the connection to the broker ended (%s); connecting anew", reason)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """In paho's thread: waits where too many wait, and with it the broker."""
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(message, timeout=0.5)
                return

    def _take_until_done(self, message: mqtt.MQTTMessage) -> None:
        wait_s = 0.0
        while not self._stopping.is_set():
            try:
                self._take(message)
            except (StreamDown, redis.RedisError, OperationalError, InterfaceError) as error:
                if not wait_s:
                    logger.warning("events of the broker wait: %s", str(error).strip())
                connection.close()
                wait_s = min(max(wait_s * 2, SHORTEST_WAIT_S), LONGEST_WAIT_S)
                self._stopping.wait(wait_s)
            else:
                self._client.ack(message.mid, message.qos)
                return

    def _take(self, message: mqtt.MQTTMessage) -> None:
        code = message.topic.split("/")[1]
        jurisdiction_id = self._jurisdiction(code)
        if jurisdiction_id is None:
            logger.warning("a message for %r, which is no jurisdiction here, is left out", code[:40])
            return
        try:
            if len(message.payload) > MOST_BYTES:
                raise BatchError(_("The message is larger than 2.5 MB. Send fewer events at once."), code="message_too_large")
            values = read_batch(bytes(message.payload))
        except BatchError as error:
            logger.warning("a message of %s is left out: %s", message.topic, error.message)
            count_refused(jurisdiction_id=jurisdiction_id, refused=[(OTHER, error.code)])
            return
        self._said(message.topic, take_batch(jurisdiction_id=jurisdiction_id, values=values, now=timezone.now()))

    def _said(self, topic: str, done: Published) -> None:
        """There is no answer to a publisher: the log names the first refusal, the counts hold all."""
        self.taken += done.accepted
        if done.refused:
            logger.warning("%s: %d events refused; the first: %s", topic, len(done.refused), done.refused[0].message)

    def _jurisdiction(self, code: str) -> int | None:
        now = time.monotonic()
        if now - self._ids_at > JURISDICTIONS_S:
            self._ids = dict(Jurisdiction.objects.values_list("code", "pk"))
            self._ids_at = now
        return self._ids.get(code)
