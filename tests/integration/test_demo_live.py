"""`simulate_live`: a simulated city's cameras through the real event stream, and nothing beside real incidents."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from threading import Event
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.contrib.gis.geos import Point
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from cctv.events import from_fields
from cctv.factors import BY_CODE, RISK_CODES, Kind
from simulation import live_faults
from simulation.live_rhythm import DEMO_WEIGHTS
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.cameras.stream import client, counts_key, refused_key, stream_key
from webapp.demo import live
from webapp.demo.live import Sent, Wishes, open_feed, send_past, send_stream
from webapp.demo.live_start import WEIGHT_MOST
from webapp.forecasts.models import LiveWeights
from webapp.forecasts.selectors import live_weights_in_service
from webapp.live.models import UsualRecord

from ..factories import CENTRE, make_jurisdiction

pytestmark = pytest.mark.django_db

CAMERAS = 40


@pytest.fixture
def city() -> Jurisdiction:
    """Forty cameras; the first is out of order."""
    jurisdiction = make_jurisdiction()
    purposes = ["crime_prevention", "park", "traffic", "child_safety"]
    Camera.objects.bulk_create(
        Camera(
            jurisdiction=jurisdiction,
            source_id=f"TS-{number:04d}-1",
            name=f"시험 {number}",
            point=Point(CENTRE[0] + (number % 8 - 4) * 6e-4, CENTRE[1] + (number // 8 - 2) * 6e-4, srid=4326),
            bearing_deg=None if number % 3 else 90.0,
            angle_deg=360 if number % 3 else 80,
            range_m=50,
            purpose=purposes[number % 4],
            is_working=number > 0,
            is_simulated=True,
        )
        for number in range(CAMERAS)
    )
    _forget(jurisdiction)
    return jurisdiction


def _forget(jurisdiction: Jurisdiction) -> None:
    """Numbers of jurisdictions come again in later runs on the same Redis."""
    redis = client()
    for key in redis.scan_iter(f"events:{jurisdiction.pk}*"):
        redis.delete(key)


def stream_of(jurisdiction: Jurisdiction) -> list[Any]:
    return [from_fields(fields) for _id, fields in client().xrange(stream_key(jurisdiction.pk))]


def run(jurisdiction: Jurisdiction, *arguments: str) -> str:
    out = StringIO()
    call_command("simulate_live", "--jurisdiction", jurisdiction.code, *arguments, stdout=out)
    return out.getvalue()


def test_one_command_fills_the_stream_and_gives_what_is_usual(city: Jurisdiction) -> None:
    said = run(city, "--rate", "20", "--seconds", "1.5", "--past", "30")
    events = stream_of(city)
    now = time.time()
    ages = np.array([now - event.at.timestamp() for event in events])
    assert 5 < np.count_nonzero(ages < 10) < 200
    assert 0 < ages.max() < 31 * 60 + 10
    assert {event.model for event in events} == {"simulated/1"}
    assert {event.camera for event in events} <= {f"TS-{number:04d}-1" for number in range(1, CAMERAS)}  # not the broken one
    assert all(BY_CODE[event.factor].kind is not Kind.MEASURE for event, age in zip(events, ages, strict=True) if age > 60)
    levels = UsualRecord.objects.of(city).get()
    assert levels.source_ids[0] == "TS-0000-1"
    assert tuple(levels.factors) == RISK_CODES
    weights = live_weights_in_service(jurisdiction=city)
    assert weights is not None
    assert weights.row.origin == "given"
    mean = weights.weights().mean
    assert (mean >= 0).all()
    assert mean.max() == WEIGHT_MOST  # a weapon before a homicide
    assert (mean > 0).sum() == sum(len(by_factor) for by_factor in DEMO_WEIGHTS.values())
    assert "What is usual was given from 4 simulated weeks." in said
    assert "Simulated events for Test-gu: about 20 a second, from 40 cameras." in said
    assert f"{len(events):,} accepted, 0 repeated, 0 left out" in said


def test_a_second_start_repeats_nothing_and_leaves_what_is_usual_alone(city: Jurisdiction) -> None:
    run(city, "--rate", "5", "--seconds", "0.3", "--past", "5")
    before, saved = len(stream_of(city)), UsualRecord.objects.of(city).get().saved_at
    said = run(city, "--rate", "5", "--seconds", "0.3", "--past", "5")
    keys = [event.key for event in stream_of(city)]
    assert len(set(keys)) == len(keys)
    assert len(keys) - before < 30
    assert "What is usual" not in said
    assert UsualRecord.objects.of(city).get().saved_at == saved
    assert LiveWeights.objects.of(city).filter(origin="given").count() == 1


def test_faster_than_the_clock_as_many_times_the_events_come_and_none_from_the_future(city: Jurisdiction) -> None:
    feed = open_feed(jurisdiction=city, wishes=Wishes(seed=1, rate=10.0, speed=20.0, lying=0.0))
    begin_s = time.time()
    sent = Sent()
    send_stream(
        jurisdiction=city, feed=feed, speed=20.0, since_s=begin_s, seconds=2.0, stop=Event(), say=lambda _sent: None, sent=sent
    )
    assert sent.accepted == pytest.approx(400, rel=0.35)
    assert sent.refused == 0
    assert max(event.at.timestamp() for event in stream_of(city)) <= time.time()


def test_the_past_is_the_one_that_the_stream_would_have_told(city: Jurisdiction) -> None:
    feed = open_feed(jurisdiction=city, wishes=Wishes(seed=1, rate=10.0))
    sent, now_s = Sent(), time.time()
    send_past(jurisdiction=city, feed=feed, until_s=now_s, minutes=10, stop=Event(), sent=sent)
    told = [event.key for event in feed.between(now_s - 600, now_s) if BY_CODE[event.factor].kind is not Kind.MEASURE]
    assert [event.key for event in stream_of(city)] == told
    assert sent.accepted == len(told)


def test_wrong_clocks_are_refused_and_counted_by_camera(city: Jurisdiction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_faults, "STUCK_FOR_S", 1e9)  # since 2001
    feed = open_feed(jurisdiction=city, wishes=Wishes(seed=2, rate=10.0, lying=1.0))
    sent = Sent()
    send_past(jurisdiction=city, feed=feed, until_s=time.time(), minutes=60, stop=Event(), sent=sent)
    redis: Any = client()
    refused = {name.decode().partition("|")[0]: int(number) for name, number in redis.hgetall(refused_key(city.pk)).items()}
    stuck = {feed.names[n] for n in np.flatnonzero(feed.city.faults.kind == live_faults.Fault.STUCK_CLOCK)}
    assert sent.refused == sum(refused.values()) > 0
    assert set(refused) <= stuck
    assert int(redis.hget(counts_key(city.pk), "accepted") or 0) == sent.accepted > 0


def test_a_real_city_gets_no_simulated_events(city: Jurisdiction) -> None:
    Jurisdiction.objects.filter(pk=city.pk).update(is_simulated=False)
    with pytest.raises(CommandError, match="Test-gu is not a simulated city"):
        run(city, "--seconds", "0.1")
    assert stream_of(city) == []
    assert not UsualRecord.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rate", "0"], "Rate and speed must be above 0"),
        (["--rate", "100", "--speed", "1000"], "at most 20,000 events a second"),
        (["--lying", "2"], "must lie between 0 and 1"),
    ],
)
def test_impossible_wishes_are_one_sentence(city: Jurisdiction, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(city, "--seconds", "0.1", *arguments)
    assert stream_of(city) == []


def test_a_city_that_is_not_there_or_has_no_cameras_is_said(city: Jurisdiction) -> None:
    with pytest.raises(CommandError, match="There is no jurisdiction with the code nowhere"):
        call_command("simulate_live", "--jurisdiction", "nowhere")
    Camera.objects.of(city).delete()
    with pytest.raises(CommandError, match="Test-gu has no cameras"):
        run(city, "--seconds", "0.1")


def test_while_redis_is_away_it_waits_and_then_goes_on(
    city: Jurisdiction, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    feed = open_feed(jurisdiction=city, wishes=Wishes(seed=1, rate=50.0))
    working, calls = live.publish, []

    def publish(**batch: Any) -> Any:
        calls.append(time.monotonic())
        if len(calls) < 3:
            raise live.StreamDown("Redis is away")
        return working(**batch)

    monkeypatch.setattr(live, "publish", publish)
    monkeypatch.setattr(live, "LONGEST_WAIT_S", 0.3)
    sent = Sent()
    send_stream(
        jurisdiction=city, feed=feed, speed=1, since_s=time.time(), seconds=1.5, stop=Event(), say=lambda _sent: None, sent=sent
    )
    assert caplog.text.count("the simulated stream waits") == 2
    assert sent.accepted == pytest.approx(50 * 1.5, rel=0.6)  # those of the waiting time are told late, not lost


@pytest.mark.django_db(transaction=True)
def test_as_a_program_it_ends_at_once_when_it_is_told_to(city: Jurisdiction) -> None:
    given = connection.settings_dict
    url = f"postgis://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
    program = subprocess.Popen(
        [sys.executable, "manage.py", "simulate_live", "--jurisdiction", city.code, "--past", "0", "--rate", "40"],
        env={**os.environ, "DATABASE_URL": url, "HAECHI_LANGUAGE": "en", "PYTHONUNBUFFERED": "1"},
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _line in range(2)]
        assert "Simulated events for" in lines[1]
        time.sleep(1.0)
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        rest = program.communicate(timeout=20)[0]
        assert program.returncode == 0
        assert time.monotonic() - began < 5
        assert "accepted" in rest
        assert "Traceback" not in rest
        assert len(stream_of(city)) > 10
    finally:
        program.kill()
