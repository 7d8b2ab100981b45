"""The live simulator's stream: events that any receiver takes, the same whenever they are asked for."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from cctv.events import CameraEvent, check, from_json, to_json
from cctv.factors import BY_CODE, Kind
from cctv.views import metres_from
from simulation.cameras import CameraSpot
from simulation.errors import SimulationError
from simulation.live import START_S
from simulation.live_city import LiveCity
from simulation.live_faults import Fault
from simulation.live_feed import MODEL, LiveFeed
from simulation.live_pictures import drawn_picture

CAMERAS = [
    CameraSpot(
        f"SC-{n:04d}-1", f"camera {n}", 127.0 + n / 1000, 37.5, None if n % 3 else 90.0, 360 if n % 3 else 80, 50, purpose, True
    )
    for n, purpose in enumerate(["crime_prevention", "park", "traffic", "child_safety"] * 10)
]
NOW_S = float(START_S + 2 * 86_400 + 14 * 3600)  # a Wednesday afternoon


def city(**wishes: float) -> LiveCity:
    coverage = sparse.csr_array(np.eye(len(CAMERAS)))
    return LiveCity([camera.purpose for camera in CAMERAS], coverage, seed=5, **wishes)  # type: ignore[arg-type]


def feed(measures_per_hour: float = 30.0, **wishes: float) -> LiveFeed:
    return LiveFeed(city(**wishes), CAMERAS, measures_per_hour=measures_per_hour, picture=drawn_picture)


def test_every_event_would_be_taken_by_a_receiver() -> None:
    events = feed(events_per_hour=6.0).between(NOW_S, NOW_S + 1800)
    assert len(events) > 400
    now = datetime.fromtimestamp(NOW_S + 1800, UTC)
    for event in events:
        check(event, now=now)
    whole = [event for event in events if event.thumbnail]
    assert from_json(to_json(whole[0]), now=now) == whole[0]


def test_a_feed_in_small_steps_tells_the_same_as_one_long_look() -> None:
    whole = feed().between(NOW_S, NOW_S + 1200)
    steps = np.concatenate([[NOW_S], NOW_S + np.sort(np.random.default_rng(1).random(200)) * 1200, [NOW_S + 1200]])
    slow = feed()
    pieces: list[CameraEvent] = []
    for begin_s, end_s in pairwise(steps):
        pieces += slow.between(float(begin_s), float(end_s))
    assert pieces == whole
    assert len({event.key for event in whole}) == len(whole)


def test_as_many_events_come_a_second_as_it_says() -> None:
    told = feed(measures_per_hour=60.0, events_per_hour=2.0, episodes_per_day=0.0)
    events = sum(len(told.between(START_S + hour * 3600.0, START_S + hour * 3600.0 + 600)) for hour in range(168))
    assert events / (168 * 600) == pytest.approx(told.usual_per_s, rel=0.03)


def test_a_story_told_faster_keeps_its_order_and_the_lag_of_wrong_clocks() -> None:
    told = feed(lying=0.5, events_per_hour=6.0)
    plain = told.between(NOW_S, NOW_S + 1200)
    fast = told.between(NOW_S, NOW_S + 1200, clock=lambda story_s: NOW_S + (story_s - NOW_S) / 10)
    assert [event.key for event in fast] == [event.key for event in plain]
    on_time = [n for n, event in enumerate(plain) if event.at.timestamp() >= NOW_S]
    assert max(fast[n].at.timestamp() for n in on_time) <= NOW_S + 120
    stuck = [n for n, event in enumerate(plain) if event.at.timestamp() < NOW_S]
    assert len(stuck) > 3
    assert all(fast[n].at.timestamp() < NOW_S for n in stuck)


def test_measures_change_nothing_of_what_happens() -> None:
    risks = [event for event in feed(60.0).between(NOW_S, NOW_S + 600) if BY_CODE[event.factor].kind is Kind.RISK]
    alone = feed(0.0).between(NOW_S, NOW_S + 600)
    assert [(event.camera, event.at, event.factor) for event in risks] == [(e.camera, e.at, e.factor) for e in alone]


def test_people_are_counted_at_a_beat_and_more_where_more_goes_on() -> None:
    told = feed(measures_per_hour=30.0)
    people = [event for event in told.between(NOW_S, NOW_S + 3600) if event.factor == "people"]
    by_camera = Counter(event.camera for event in people)
    assert set(by_camera.values()) == {24}  # four of five measures
    mean = {name: np.mean([event.value for event in people if event.camera == name]) for name in by_camera}
    busy = told.city.level.sum(axis=1)
    assert np.corrcoef(busy, [mean[camera.source_id] for camera in CAMERAS])[0, 1] > 0.6


def test_risk_events_lie_in_their_cameras_view_and_say_who_saw_them() -> None:
    by_name = {camera.source_id: camera for camera in CAMERAS}
    risks = [
        event for event in feed(events_per_hour=20.0).between(NOW_S, NOW_S + 1800) if BY_CODE[event.factor].kind is Kind.RISK
    ]
    assert len(risks) > 100
    for event in risks:
        camera = by_name[event.camera]
        east, north = metres_from(
            np.array([camera.longitude]), np.array([camera.latitude]), np.array([event.lon]), np.array([event.lat])
        )
        assert np.hypot(east, north)[0] <= camera.range_m * 1.01
        assert event.model == MODEL
        assert event.box is not None
        assert 0 <= event.box[0] < event.box[2] <= 1
        assert 0 <= event.box[1] < event.box[3] <= 1


def test_pictures_are_small_and_only_with_risks() -> None:
    events = feed(events_per_hour=20.0).between(NOW_S, NOW_S + 1800)
    pictured = [event for event in events if event.thumbnail]
    assert 0.05 < len(pictured) / sum(BY_CODE[event.factor].kind is Kind.RISK for event in events) < 0.3
    assert all(event.thumbnail[:3] == b"\xff\xd8\xff" and len(event.thumbnail) < 6_000 for event in pictured)
    assert not any(event.thumbnail for event in events if BY_CODE[event.factor].kind is not Kind.RISK)
    assert drawn_picture("fight", 1) == drawn_picture("fight", 5) != drawn_picture("fight", 2)


def test_dead_cameras_tell_no_measures_either() -> None:
    told = feed(dead=0.5)
    dead = {CAMERAS[n].source_id for n in np.flatnonzero(told.city.faults.kind == Fault.DEAD)}
    assert len(dead) == 20
    assert not dead & {event.camera for event in told.between(NOW_S, NOW_S + 600)}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SimulationError, match="The city has 40 cameras, but 39 were named"):
        LiveFeed(city(), CAMERAS[1:])
    with pytest.raises(SimulationError, match="0 to 3,600 measures an hour"):
        feed(measures_per_hour=-1)
