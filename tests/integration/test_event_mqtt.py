"""Events over MQTT, with a real broker that asks for a password."""

import json
import logging
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import paho.mqtt.publish as mqtt_publish
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings

from cctv.events import to_json
from tests.events import fresh_stream, make_event, make_events
from tests.mosquitto import PASSWORD, USER, Mosquitto
from tests.redis_server import RedisServer
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.cameras.services.event_mqtt import BrokerError, MqttIntake, read_broker
from webapp.cameras.stream import EventReader, client, counts_key, refused_key, stream_key


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def listening(broker: Mosquitto) -> Iterator[Callable[..., MqttIntake]]:
    """`listening()`: a running intake; all are ended after the test."""
    running: list[tuple[MqttIntake, threading.Thread]] = []

    def start(user: str = USER, password: str = PASSWORD) -> MqttIntake:
        url = f"mqtt://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{broker.port}"
        intake = MqttIntake(read_broker(url, name="haechi-test"))

        def run() -> None:
            intake.run()
            connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        running.append((intake, thread))
        assert password != PASSWORD or intake.is_listening.wait(20)
        return intake

    yield start
    for intake, thread in running:
        intake.stop()
        thread.join(timeout=20)


@pytest.fixture
def here(transactional_db: None, jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> Iterator[Any]:
    known = cameras(jurisdiction, 5)
    for _ in fresh_stream(jurisdiction):
        yield jurisdiction, known


def tell(broker: Mosquitto, jurisdiction: Jurisdiction | str, value: Any) -> None:
    code = jurisdiction if isinstance(jurisdiction, str) else jurisdiction.code
    payload = value if isinstance(value, bytes) else json.dumps(value)
    mqtt_publish.single(
        f"haechi/{code}/events",
        payload,
        qos=1,
        hostname="127.0.0.1",
        port=broker.port,
        auth={"username": USER, "password": PASSWORD},
    )


def await_length(jurisdiction: Jurisdiction, length: int, limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while client().xlen(stream_key(jurisdiction.pk)) != length:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_events_of_a_broker_go_into_the_stream_once_each(here, broker, listening):
    jurisdiction, cameras = here
    listening()
    events = make_events(cameras, 30)
    tell(broker, jurisdiction, {"events": [to_json(event) for event in events[:20]]})
    for event in events[20:]:
        tell(broker, jurisdiction, to_json(event))
    tell(broker, jurisdiction, [to_json(event) for event in events])
    await_length(jurisdiction, 30)
    got = [event for _, _, event in EventReader([jurisdiction.pk], "writer", "test").read(100, 10)]
    assert {event.key for event in got} == {event.key for event in events}


@pytest.mark.skipif(not shutil.which("mosquitto_pub"), reason="mosquitto_pub (Debian: mosquitto-clients) is not installed")
def test_the_example_of_the_documentation_sends_an_event(here, broker, listening):
    jurisdiction, cameras = here
    listening()
    page = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text()
    example = re.findall(r"```sh\n(mosquitto_pub.*?)```", page, re.DOTALL)[0]
    values = {"BROKER": "127.0.0.1", "PORT": str(broker.port), "MQTT_USER": USER, "MQTT_PASSWORD": PASSWORD}
    names = {"CODE": jurisdiction.code, "CAMERA": cameras[0].source_id}
    subprocess.run(["sh", "-c", example], env=os.environ | values | names, check=True)
    await_length(jurisdiction, 1)


def test_rubbish_is_counted_and_does_not_stop_what_follows(here, broker, listening, caplog):
    jurisdiction, cameras = here
    listening()
    for rubbish in (b"{", b"\xff", b"7", [7, {"camera": "x"}]):
        tell(broker, jurisdiction, rubbish)
    tell(broker, "nowhere", [to_json(make_event(cameras[0]))])
    tell(broker, jurisdiction, to_json(make_event(cameras[0])))
    await_length(jurisdiction, 1)
    refused = client().hgetall(refused_key(jurisdiction.pk))
    assert refused == {b"*|batch_unreadable": b"3", b"*|not_an_object": b"1", b"x|field_missing": b"1"}
    assert client().hget(counts_key(jurisdiction.pk), "refused") == b"5"
    assert "'nowhere', which is no jurisdiction here" in caplog.text


def test_what_comes_while_we_are_down_or_the_broker_restarts_is_not_lost(here, broker, listening):
    jurisdiction, cameras = here
    first = listening()
    tell(broker, jurisdiction, to_json(make_event(cameras[0])))
    await_length(jurisdiction, 1)
    first.stop()
    time.sleep(1)
    tell(broker, jurisdiction, [to_json(event) for event in make_events(cameras, 10)])
    broker.stop()
    broker.start()
    listening()
    await_length(jurisdiction, 11)


def test_nothing_is_acknowledged_while_redis_is_away(here, broker, listening, tmp_path, caplog):
    jurisdiction, cameras = here
    own = RedisServer(tmp_path, keeps=True).start()
    try:
        with override_settings(REDIS_URL=own.url):
            intake = listening()
            tell(broker, jurisdiction, to_json(make_event(cameras[0])))
            await_length(jurisdiction, 1)
            own.kill()
            tell(broker, jurisdiction, [to_json(event) for event in make_events(cameras, 5)])
            deadline = time.monotonic() + 20
            while "events of the broker wait" not in caplog.text:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            own.start()
            await_length(jurisdiction, 6)
            deadline = time.monotonic() + 5
            while intake.taken < 6 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert intake.taken == 6
            intake.stop()
            time.sleep(1)
    finally:
        own.kill()


def test_a_wrong_password_is_said(here, broker, listening, caplog):
    caplog.set_level(logging.INFO)
    listening(password="wrong")
    deadline = time.monotonic() + 20
    while "check the user and password in HAECHI_MQTT_URL" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("url", ["", "http://host", "mqtt://", "mqtt://host:port", "mqtt://[::1"])
def test_a_wrong_address_gets_a_sentence(url):
    with pytest.raises(BrokerError, match="mqtt://user:password@host:1883"):
        read_broker(url, name="x")


def test_an_address_is_read():
    broker = read_broker("mqtts://a%40b:p%2Fw@broker.example", name="x")
    assert (broker.host, broker.port, broker.user, broker.password, broker.is_tls) == ("broker.example", 8883, "a@b", "p/w", True)


def test_the_command_without_a_broker_says_what_to_set(settings):
    settings.MQTT_URL = ""
    with pytest.raises(CommandError, match="HAECHI_MQTT_URL is not set"):
        call_command("receive_mqtt")
