"""A drawn street, made blind in every way; and left alone."""

import cv2
import numpy as np
import pytest

from cctv.factors import BLIND_CODES
from cctv.vision.model import Motion
from cctv.vision.visibility import ORDER, Visibility

RATE = 5
SEES_S = 8


@pytest.fixture(scope="module")
def street():
    rng = np.random.default_rng(3)
    view = np.full((180, 240), 120, np.uint8)
    for _ in range(120):
        x, y = int(rng.integers(0, 230)), int(rng.integers(0, 170))
        cv2.rectangle(view, (x, y), (x + int(rng.integers(4, 30)), y + int(rng.integers(4, 30))), int(rng.integers(40, 220)), -1)
    return view


def noisy(view, rng):
    return np.clip(view + rng.normal(0, 2, view.shape), 0, 255).astype(np.uint8)


def watch(street, change, seconds=20, rate=RATE, visibility=None):
    """Codes found after `SEES_S` of the plain street, with when after the change they were told; and the watcher."""
    rng = np.random.default_rng(4)
    visibility = visibility or Visibility()
    told = []
    for n in range(int((SEES_S + seconds) * rate)):
        t = n / rate - SEES_S
        grey = noisy(street if t < 0 else change(street, t, rng), rng)
        found = visibility.look(Motion(grey, np.zeros_like(grey), 1.0, 0.0), 1000 + n / rate)
        told += [(one.factor, round(t, 1)) for one in found]
    return told, visibility


def rain(view, t, rng):
    wet = view.copy()
    for x, y in rng.integers(0, (236, 170), (200, 2)):
        cv2.line(wet, (int(x), int(y)), (int(x) + 1, int(y) + 7), 215, 1)
    return wet


def shaken(view, t, rng):
    right, down = rng.normal(0, 4, 2)
    return cv2.warpAffine(view, np.float32([[1, 0, right], [0, 1, down]]), (240, 180), borderMode=cv2.BORDER_REFLECT)


WAYS = {
    "blackout": lambda view, t, rng: np.zeros_like(view),
    "too_dark": lambda view, t, rng: (view * 0.08).astype(np.uint8),
    "covered": lambda view, t, rng: np.full_like(view, 70),
    "defocused": lambda view, t, rng: cv2.GaussianBlur(view, (0, 0), 6),
    "turned": lambda view, t, rng: np.ascontiguousarray(view[:, ::-1]),
    "shifted": lambda view, t, rng: np.roll(view, 40, axis=1),
    "shaking": shaken,
    "rain": rain,
    "fog": lambda view, t, rng: cv2.addWeighted(
        view, max(0.06, 1 - t / 40), np.full_like(view, 200), 1 - max(0.06, 1 - t / 40), 0
    ),
}
CODES = {
    "covered": "tampering",
    "defocused": "tampering",
    "turned": "moved",
    "shifted": "moved",
    "rain": "weather",
    "fog": "weather",
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_not_seeing_is_told_once_when_it_begins(street, way):
    told, visibility = watch(street, WAYS[way], seconds=60 if way == "fog" else 20)
    code = CODES.get(way, way)
    assert told[0][0] == code
    assert {factor for factor, _ in told} == {code}
    assert visibility.blind == code
    begin_s = visibility.settings.begin_s[code]
    assert told[0][1] >= begin_s - 2 / RATE
    assert told[0][1] <= begin_s + (45 if way == "fog" else 3)


@pytest.mark.parametrize("way", ["too_dark", "covered", "turned", "shaking"])
def test_two_frames_a_second_are_enough(street, way):
    told, _ = watch(street, WAYS[way], rate=2)
    assert told[0][0] == CODES.get(way, way)


def test_a_street_where_nothing_is_wrong_is_never_called_blind(street):
    def people(view, t, rng):
        busy = view.copy()
        for number in range(6):
            x = int(t * (15 + 4 * number) + 40 * number) % 240
            cv2.rectangle(busy, (x, 60 + 15 * number), (x + 14, 100 + 15 * number), 30 + 20 * number, -1)
        return busy

    told, visibility = watch(street, people, seconds=40)
    assert told == []
    assert visibility.blind == ""


def test_a_bus_that_hides_most_of_the_view_for_two_seconds_is_no_tampering(street):
    def bus(view, t, rng):
        return np.full_like(view, 150) if 2 < t < 4 else view

    assert watch(street, bus)[0] == []


@pytest.mark.parametrize("rate", [2, 5])
def test_a_tall_walker_before_a_plain_wall_is_no_shaking(rate):
    wall = np.full((180, 240), 140, np.uint8)
    wall[150:] = 100
    wall[40:90, 180:220] = 170

    def walker(view, t, rng):
        busy = view.copy()
        x = int(100 + 90 * np.sin(t / 2))
        cv2.rectangle(busy, (x, 70), (x + 26, 160), 40, -1)
        return busy

    told, _ = watch(wall, walker, seconds=30, rate=rate)
    assert "shaking" not in {factor for factor, _ in told}
    assert told == []


def test_evening_that_comes_slowly_is_no_tampering(street):
    told, _ = watch(street, lambda view, t, rng: (view * max(0.5, 1 - t / 120)).astype(np.uint8), seconds=60)
    assert told == []


def test_sight_comes_back_after_a_while_and_not_at_the_first_good_picture(street):
    def flickering(view, t, rng):
        return view if t > 10 or 5 < t < 5.5 else np.zeros_like(view)

    told, visibility = watch(street, flickering)
    assert told == [("blackout", pytest.approx(1.0, abs=0.4))]
    assert visibility.blind == ""


def test_what_lasts_is_told_again_with_its_length(street):
    visibility = Visibility()
    rng = np.random.default_rng(5)
    found = []
    for n in range(40 * RATE):
        grey = noisy(street, rng) if n < 4 * RATE else np.zeros_like(street)
        found += visibility.look(Motion(grey, np.zeros_like(grey), 1.0, 0.0), n / RATE)
    assert [one.factor for one in found] == ["blackout", "blackout"]
    assert found[1].value == pytest.approx(31, abs=1)


def test_a_new_view_is_the_normal_one_after_a_minute(street):
    told, visibility = watch(street, WAYS["turned"], seconds=75)
    assert {factor for factor, _ in told} == {"moved"}
    assert visibility.blind == ""


@pytest.mark.parametrize("shape", [(1, 1), (10, 300), (300, 10), (90, 161)])
def test_pictures_of_odd_sizes_and_a_change_of_size_raise_nothing(street, shape):
    visibility = Visibility()
    for n in range(3 * RATE):
        visibility.look(Motion(street, street, 1.0, 0.0), n / RATE)
    for n in range(3 * RATE, 6 * RATE):
        grey = np.full(shape, 99, np.uint8)
        visibility.look(Motion(grey, grey, 1.0, 0.0), n / RATE)


def test_every_code_is_in_the_vocabulary():
    assert set(ORDER) == set(BLIND_CODES)
