"""From frames to findings, with drawn pictures and detectors that say what they are told."""

import cv2
import numpy as np
import pytest

from cctv.vision.boxes import inside, iou, joined, suppressed
from cctv.vision.detectors import PeopleDetector, blob_boxes, covered
from cctv.vision.ground import Homography
from cctv.vision.model import PERSON, VEHICLE, Detections, Finding, Frame, Motion
from cctv.vision.motion import MotionGate
from cctv.vision.pipeline import Pipeline
from cctv.vision.size import SizePrior

RATE = 5


class Told:
    """A detector that sees one person wherever something dark stands."""

    name, shared, calls = "told", False, 0

    def detect(self, picture, motion=None):
        self.calls += 1
        rows, columns = np.nonzero(picture[:, :, 0] < 40)
        if not len(rows):
            return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), ())
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections(np.array([box], np.float32), np.array([0.9], np.float32), (PERSON,))


class Counts:
    code = "people"

    def look(self, scene):
        return [Finding("people", scene.at, 1.0, value=float(len(scene.seen)))]


@pytest.fixture
def street():
    coarse = np.random.default_rng(1).integers(90, 200, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_NEAREST)


def with_person(street, x):
    picture = street.copy()
    picture[50:90, x : x + 14] = 20
    return picture


def test_someone_who_walks_in_is_followed_placed_and_counted(street):
    ground = Homography.from_points(
        [(0, 1), (1, 1), (1, 0.5), (0, 0.5)],
        [Homography(np.eye(3), 127, 37, 0).to_wgs84(*m) for m in [(-5, 5), (5, 5), (10, 20), (-10, 20)]],
        lon=127,
        lat=37,
    )
    pipeline = Pipeline(Told(), [Counts()], ground=ground)
    for n in range(12):
        pipeline.feed(Frame(street, 100 + n / RATE, n))
    results = [pipeline.feed(Frame(with_person(street, 20 + 5 * n), 103 + n / RATE, 12 + n)) for n in range(12)]
    last = results[-1]
    assert {one.track for result in results for one in result.scene.seen} == {1}
    assert last.findings[-1].value == 1.0
    assert last.scene.calibrated
    east, north = last.scene.seen[0].ground
    assert -3 < east < 5
    assert 8 < north < 16
    assert last.scene.foreground.shape == last.scene.grey.shape == (120, 160)
    assert last.scene.foreground[60:80, 77:87].mean() > 200


def test_while_nothing_moves_the_detector_rests_and_the_scene_stays_true(street):
    detector = Told()
    pipeline = Pipeline(detector, idle_s=2.0)
    for n in range(50):
        result = pipeline.feed(Frame(street, 100 + n / RATE, n))
    assert 4 <= detector.calls <= 12
    assert not result.scene.seen


def test_what_is_to_be_masked_covers_also_those_not_yet_followed(street):
    pipeline = Pipeline(Told())
    first = pipeline.feed(Frame(with_person(street, 40), 100.0, 0))
    assert not first.scene.seen
    assert first.masks == [(40.0, 50.0, 54.0, 90.0)]


def test_a_camera_that_cannot_see_says_so_and_sees_nobody(street):
    detector = Told()
    pipeline = Pipeline(detector, [Counts()])
    for n in range(20):
        pipeline.feed(Frame(with_person(street, 40), 100 + n / RATE, n))
    found = [pipeline.feed(Frame(np.zeros_like(street), 104 + n / RATE, 20 + n)) for n in range(20)]
    assert [one.factor for result in found for one in result.findings if one.factor != "people"] == ["blackout"]
    assert found[-1].scene.blind == "blackout"
    assert not found[-1].scene.seen
    assert found[-1].masks is None


def test_a_stream_may_change_its_size_and_its_clock_may_run_backwards(street):
    pipeline = Pipeline(PeopleDetector())
    for n, (picture, at) in enumerate(
        [(street, 5.0), (street, 5.2), (street[:90], 5.4), (street, 1.0), (street, 1.2), (street, 1.2)]
    ):
        assert pipeline.feed(Frame(picture, at, n)).scene.size == (picture.shape[1], picture.shape[0])


@pytest.mark.parametrize("shape", [(1, 1), (8, 400), (400, 8), (64, 32), (129, 65)])
def test_the_people_detector_takes_pictures_of_any_size(shape):
    picture = np.random.default_rng(1).integers(0, 255, (*shape, 3), dtype=np.uint8)
    detector, gate = PeopleDetector(), MotionGate()
    for n in range(6):
        found = detector.detect(np.roll(picture, n, axis=1), gate.look(picture, n / RATE))
        assert len(found.boxes) == len(found.scores) == len(found.kinds)


def test_small_regions_after_the_sizes_are_known_are_no_trouble():
    detector = PeopleDetector()
    detector.sizes.learn(np.array([(10, y - 40, 26, y) for y in range(50, 110)], np.float32))
    assert detector.sizes.ready
    grey = np.zeros((120, 160), np.uint8)
    for x in range(0, 158, 3):
        foreground = np.zeros_like(grey)
        foreground[100:112, x : x + 4] = 255
        motion = Motion(grey, foreground, 1.0, 0.01)
        detector._calls = 1
        detector.detect(np.full((120, 160, 3), 90, np.uint8), motion)


def test_heights_are_learnt_as_a_line_though_some_boxes_are_wrong():
    rng = np.random.default_rng(2)
    feet = rng.uniform(100, 300, 300)
    heights = (20 + 0.3 * feet) * rng.lognormal(0, 0.05, 300)
    heights[::10] *= 2
    sizes = SizePrior()
    sizes.learn(np.column_stack([feet * 0, feet - heights, feet * 0 + 10, feet]).astype(np.float32))
    assert sizes.ready
    assert sizes.height(120) == pytest.approx(56, rel=0.05)
    assert sizes.height(280) == pytest.approx(104, rel=0.05)
    likely, twice = np.array([[0, 200 - 80, 30, 200]], np.float32), np.array([[0, 200 - 160, 60, 200]], np.float32)
    assert sizes.penalty(likely)[0] == 0
    assert sizes.penalty(twice)[0] > 2


def test_a_wide_thing_that_moves_is_a_vehicle():
    grey = np.zeros((180, 320), np.uint8)
    foreground = grey.copy()
    foreground[100:140, 50:130] = 255
    motion = Motion(grey, foreground, 0.5, 0.05)
    found = PeopleDetector().judge(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), motion)
    assert found.kinds == (VEHICLE,)
    np.testing.assert_allclose(found.boxes[0], [100, 200, 260, 280], atol=8)
    assert covered(found.boxes, motion)[0] > 0.9
    assert len(blob_boxes(Motion(grey, grey, 0.5, 0.0))) == 0


def test_of_boxes_that_overlap_the_best_stays():
    boxes = np.array([(0, 0, 10, 20), (1, 0, 11, 20), (30, 0, 40, 20)], np.float32)
    assert suppressed(boxes, np.array([0.5, 0.9, 0.4], np.float32), 0.5).tolist() == [1, 2]
    assert iou(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(9 / 11)
    assert inside(boxes[:1], np.array([(0, 0, 5, 20)], np.float32))[0, 0] == pytest.approx(0.5)


def test_rectangles_that_touch_in_a_chain_become_one():
    assert (
        joined([(0, 0, 10, 10), (18, 0, 30, 10), (9, 0, 20, 10), (50, 50, 60, 60)]) == [(50, 50, 60, 60), (0, 0, 30, 10)]
        or len(joined([(0, 0, 10, 10), (18, 0, 30, 10), (9, 0, 20, 10), (50, 50, 60, 60)])) == 2
    )


def test_the_background_is_learnt_by_time_and_not_by_frames(street):
    def seconds_until_gone(rate):
        gate = MotionGate(memory_s=20)
        for n in range(10):
            gate.look(street, n / rate)
        at = 10 / rate
        for n in range(int(60 * rate)):
            if gate.look(with_person(street, 70), at + n / rate).share < 0.001:
                return n / rate
        return 60.0

    assert seconds_until_gone(2) == pytest.approx(seconds_until_gone(10), rel=0.4)
