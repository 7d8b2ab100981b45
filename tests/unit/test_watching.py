"""What the camera worker makes of findings: events, masked pictures, and an outbox that never grows without end."""

import cv2
import numpy as np
import pytest

from cctv.events import check, from_fields, to_fields
from cctv.handover import Handovers
from cctv.vision.detectors import PeopleDetector
from cctv.vision.ground import Homography
from cctv.vision.model import PERSON, Finding, Frame, Scene, Seen
from cctv.vision.pipeline import Pipeline, Result
from tests.clips import draw_figure, street, stroll
from webapp.cameras.services.outbox import Outbox
from webapp.cameras.services.watching import Watcher, WatchError, detector_of, event_of, make_pipeline, masked
from webapp.cameras.stream_selectors import StreamTask

SIZE = (320, 240)
AT = 1_777_604_400.5


def make_task(**changes):
    values = {
        "id": 7,
        "revision": 1,
        "jurisdiction_id": 3,
        "camera": "카메라-1",
        "camera_id": 11,
        "lon": 127.01,
        "lat": 37.49,
        "kind": "rtsp",
        "address": "rtsp://10.0.0.1/a",
        "sealed": "",
        "fps": 5.0,
        "height": 720,
        "loop": False,
        "detector": "",
        "factors": (),
        "rules": {},
        "calibration": {},
    }
    return StreamTask(**(values | changes))


def make_scene(**changes):
    values = {
        "at": AT,
        "number": 1,
        "size": SIZE,
        "seen": [Seen(4, PERSON, (150, 110, 200, 220), 0.9)],
        "foreground": np.zeros((60, 80), np.uint8),
        "grey": np.zeros((60, 80), np.uint8),
        "scale": 0.25,
    }
    return Scene(**(values | changes))


def make_result(*, findings=(), masks=((150.0, 110.0, 200.0, 220.0),), **changes):
    return Result(make_scene(**changes), findings, True, masks)


def test_a_finding_becomes_an_event_that_is_always_the_same():
    finding = Finding("fall", AT, 0.75, value=4.0, box=(150, 110, 200, 250), track="4")
    event = event_of(finding, make_task(), SIZE, "hog 1", thumbnail=b"\xff\xd8\xff")
    assert event.key == "s7.fall.4.1777604400500"
    assert (event.camera, event.factor, event.confidence, event.value, event.model) == ("카메라-1", "fall", 0.75, 4.0, "hog 1")
    assert event.box == (0.4688, 0.4583, 0.625, 1.0)  # what reaches below the picture is cut
    assert (event.lon, event.lat) == (None, None)
    check(event, now=event.at)
    assert from_fields(to_fields(event)) == event
    assert event_of(finding, make_task(), SIZE, "hog 1").key == event.key


def test_a_calibrated_camera_and_a_moving_one_place_their_events():
    points = [(0.1, 0.6), (0.9, 0.6), (0.9, 0.95), (0.1, 0.95)]
    places = [(127.01 + e * 1.1e-5, 37.49 + n * 0.9e-5) for e, n in ((-8, 20), (8, 20), (4, 8), (-4, 8))]
    ground = Homography.from_points(points, places, lon=127.01, lat=37.49)
    finding = Finding("fall", AT, 0.75, ground=(0.0, 10.0))
    event = event_of(finding, make_task(), SIZE, "hog", ground=ground)
    assert (event.lon, event.lat) == pytest.approx((127.01, 37.49 + 10 / 111_195), abs=1e-6)
    moving = event_of(finding, make_task(), SIZE, "hog", ground=ground, moving_at=(127.5, 37.1))
    assert (moving.lon, moving.lat) == (127.5, 37.1)


def test_the_people_of_a_thumbnail_cannot_be_seen():
    picture = street(SIZE)
    draw_figure(picture, 175, 220, 110)
    cv2.putText(picture, "HG", (160, 165), cv2.FONT_HERSHEY_PLAIN, 1.2, (255, 255, 255), 1)
    jpeg = masked(Frame(picture, AT, 1), make_result())
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (240, 320, 3)
    assert len(jpeg) <= 20_000

    def detail(image, x0, y0, x1, y1):
        return cv2.Laplacian(cv2.cvtColor(image[y0:y1, x0:x1], cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()

    person, wall = (155, 115, 195, 215), (20, 10, 110, 70)
    assert detail(shown, *person) < 0.2 * detail(picture, *person)
    assert detail(shown, *wall) > 0.5 * detail(picture, *wall)


def test_somebody_who_is_spoken_of_is_masked_though_no_track_is_left():
    picture = street(SIZE)
    draw_figure(picture, 175, 220, 110)
    finding = Finding("fall", AT, 0.9, box=(150, 105, 200, 225), track="9")
    without = masked(Frame(picture, AT, 1), make_result(masks=[]))
    with_it = masked(Frame(picture, AT, 1), make_result(masks=[], findings=[finding]))
    assert without != with_it


@pytest.mark.parametrize("how", ["nobody can tell", "not settled"])
def test_where_people_may_be_anywhere_the_whole_picture_is_masked(how):
    picture = street(SIZE)
    result = make_result(masks=None if how == "nobody can tell" else [])
    jpeg = masked(Frame(picture, AT, 1), result, is_settled=how != "not settled")
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert cv2.Laplacian(shown, cv2.CV_64F).var() < 0.3 * cv2.Laplacian(picture, cv2.CV_64F).var()


def readable(jpeg, picture, figure):
    """Share of somebody's pixels that a still shows as they were. Unmasked, JPEG leaves four fifths."""
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return float((np.abs(shown.astype(int) - picture).max(axis=2)[figure] < 15).mean())


@pytest.mark.parametrize("fps", [4, 2])
def test_a_walking_person_is_hidden_in_each_still_by_what_was_seen_in_it(fps):
    """A figure that walks on between two looks, covered with a fine pattern that no pixelating can keep."""
    size, outbox = (480, 360), Outbox(100)
    watcher, pipeline = Watcher(make_task(), outbox, Handovers()), Pipeline(PeopleDetector())
    empty, shares, stills = street(size), [], set()
    for number in range(9 * fps):
        picture = stroll(number, fps, size)
        figure = np.abs(picture.astype(int) - empty).max(axis=2) > 25
        pattern = np.random.default_rng(number).choice([-25, 25], figure.shape)
        picture = np.clip(picture + (figure * pattern)[..., None], 0, 255).astype(np.uint8)
        watcher._still_at = float("-inf")  # a still of each picture, not one in five seconds
        watcher._look(Frame(picture, AT + number / fps, number), pipeline, None)
        if watcher.still is not None and watcher.still.at == AT + number / fps:
            stills.add(watcher.still.at)
            shares.append(readable(watcher.still.jpeg, picture, figure))
    plain = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    assert readable(plain, picture, figure) > 0.6
    assert len(stills) > 3 * fps
    assert max(shares) < 0.2


def test_before_the_background_is_known_the_whole_still_is_hidden():
    watcher, pipeline = Watcher(make_task(), Outbox(10), Handovers()), Pipeline(PeopleDetector())
    picture = stroll(0, 5)
    watcher._look(Frame(picture, AT, 0), pipeline, None)
    shown = cv2.imdecode(np.frombuffer(watcher.still.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert cv2.Laplacian(shown, cv2.CV_64F).var() < 0.3 * cv2.Laplacian(picture, cv2.CV_64F).var()


def test_followers_from_camera_to_camera_are_told_where_the_ground_is_known():
    handovers, outbox, told = Handovers(), Outbox(1000), []
    east = 1 / (111_195 * np.cos(np.radians(37.49)))  # degrees of longitude a metre
    square = ((-30, 40), (30, 40), (30, 4), (-30, 4))
    points = [(0.05, 0.4), (0.95, 0.4), (0.95, 0.98), (0.05, 0.98)]
    watchers = []
    for number in range(2):  # two cameras 60 m apart along one street
        lon = 127.01 + number * 60 * east
        places = [(lon + e * east, 37.49 + n / 111_195) for e, n in square]
        task = make_task(id=number, camera=f"C{number}", lon=lon)
        ground = Homography.from_points(points, places, lon=lon, lat=37.49)
        watchers.append((Watcher(task, outbox, handovers), ground, lon))
    for step in range(600):  # a leader, and somebody six seconds behind, at 1.3 m/s from west to east
        now = AT + step * 0.2
        for watcher, ground, lon in watchers:
            seen = []
            for name, late in ((1, 0.0), (2, 6.0)):
                metres = (step * 0.2 - late) * 1.3 - 20 - (lon - 127.01) / east
                if abs(metres) < 20 and step * 0.2 > late:
                    seen.append(Seen(name, PERSON, (0, 0, 1, 1), 0.9, ground=(metres, 15.0)))
            told += watcher._followers(make_scene(at=now, seen=seen), "hog 1", ground)
    (event,) = told
    assert (event.factor, event.camera, event.track) == ("following", "C1", "2")
    assert event.value == pytest.approx(6.0, abs=1.0)
    assert 0.1 <= event.confidence <= 1
    check(event, now=event.at)
    assert watchers[0][0]._followers(make_scene(), "hog 1", None) == []


def test_the_outbox_is_bounded_and_counts_what_it_loses():
    outbox = Outbox(3)
    events = [event_of(Finding("fall", AT + n, 0.5), make_task(), SIZE, "hog") for n in range(5)]
    outbox.put(3, events)
    assert (len(outbox), outbox.lost) == (3, 2)
    outbox.put(4, events[:1])
    assert {jurisdiction: len(kept) for jurisdiction, kept in outbox.take(10).items()} == {3: 2, 4: 1}
    assert outbox.take(10) == {}


def test_what_is_set_wrong_is_said():
    for changes in ({"factors": ("sins",)}, {"rules": {"zones": 3}}, {"calibration": {"points": [[0, 0]], "places": [[1, 1]]}}):
        with pytest.raises(WatchError) as caught:
            make_pipeline(make_task(**changes))
        assert caught.value.code == "rules_unusable"


def test_a_model_that_is_none_is_said(settings, tmp_path):
    settings.DETECTOR_DIR = tmp_path
    (tmp_path / "noise.toml").write_text("hello")
    for name in ("noise", "missing"):
        with pytest.raises(WatchError) as caught:
            detector_of(name)
        assert (caught.value.code, caught.value.fields["name"]) == ("detector_unusable", name)
        assert caught.value.fields["why"]
