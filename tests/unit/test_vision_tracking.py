"""Tracks: one number for one person, through noise, misses and crossings."""

import warnings

import numpy as np
import pytest

from cctv.vision.model import PERSON, VEHICLE, Detections
from cctv.vision.tracking import Tracker

RATE = 10


def seen_at(boxes, scores=None, kinds=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    scores = np.full(len(boxes), 0.95, np.float32) if scores is None else np.array(scores, np.float32)
    return Detections(boxes, scores, kinds or (PERSON,) * len(boxes))


def walker(x, y=100.0):
    return (x, y, x + 20.0, y + 50.0)


def test_one_walker_keeps_one_number():
    tracker = Tracker()
    rng = np.random.default_rng(1)
    found = [tracker.update(seen_at([np.array(walker(50 + 4 * n)) + rng.normal(0, 1.5, 4)]), n / RATE) for n in range(40)]
    assert {one.track for seen in found for one in seen} == {1}
    assert len(found[-1]) == 1
    assert found[-1][0].foot[0] == pytest.approx(50 + 4 * 39 + 10, abs=5)


def test_a_walker_missed_for_a_moment_comes_back_with_the_same_number():
    tracker = Tracker()
    for n in range(30):
        hidden = 15 <= n < 20
        seen = tracker.update(seen_at([] if hidden else [walker(50 + 4 * n)]), n / RATE)
    assert [one.track for one in seen] == [1]


def test_low_scores_go_on_with_a_track_but_begin_none():
    tracker = Tracker()
    assert not any(tracker.update(seen_at([walker(50 + n)], [0.45]), n / RATE) for n in range(10))
    for n in range(10, 20):
        tracker.update(seen_at([walker(50 + n)]), n / RATE)
    seen = [tracker.update(seen_at([walker(50 + n)], [0.45]), n / RATE) for n in range(20, 30)]
    assert all(len(one) == 1 for one in seen)


def test_two_who_pass_one_another_keep_their_numbers():
    tracker = Tracker()
    for n in range(60):
        seen = tracker.update(seen_at([walker(40 + 4 * n, 100), walker(280 - 4 * n, 108)]), n / RATE)
        if n == 10:
            before = {one.track: one.foot[0] for one in seen}
    after = {one.track: one.foot[0] for one in seen}
    assert before.keys() == after.keys()
    assert min(before, key=before.get) == max(after, key=after.get)


def test_a_person_and_a_vehicle_never_share_a_track():
    tracker = Tracker()
    boxes = [(50, 50, 90, 90), (52, 50, 92, 90)]
    for n in range(5):
        seen = tracker.update(seen_at(boxes, kinds=(PERSON, VEHICLE)), n / RATE)
    assert sorted((one.kind, one.track) for one in seen) == [(PERSON, 1), (VEHICLE, 2)]


def test_numbers_are_not_given_twice_even_after_the_clock_ran_backwards():
    tracker = Tracker()
    for n in range(5):
        tracker.update(seen_at([walker(50)]), 100 + n / RATE)
    for n in range(5):
        seen = tracker.update(seen_at([walker(50)]), n / RATE)
    assert [one.track for one in seen] == [2]


def test_the_same_instant_twice_is_no_error():
    tracker = Tracker()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(6):
            seen = tracker.update(seen_at([walker(50)]), 7.0)
    assert len(seen) == 1


def test_memory_holds_only_what_is_in_view():
    tracker = Tracker()
    for n in range(400):
        tracker.update(seen_at([walker((n // 20) * 100.0)]), n / RATE)
    assert len(tracker._numbers) <= 3
    assert len(tracker._scores) <= 3


def test_at_two_frames_a_second_a_walker_is_still_followed():
    tracker = Tracker()
    seen = [tracker.update(seen_at([walker(50 + 12 * n)]), n / 2) for n in range(20)]
    assert len({one.track for found in seen for one in found}) == 1
