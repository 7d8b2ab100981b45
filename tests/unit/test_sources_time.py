"""When a picture was taken, which pictures are handed on, and how long to wait before the next attempt."""

import random
from itertools import pairwise

import pytest

from cctv.sources import SourceError, State, Status, clock_sentence
from cctv.sources.budget import Budget, KeyFrames
from cctv.sources.clock import CameraClock, LiveClock, Paced, StreamTime
from cctv.sources.playing import wait_s


def test_pictures_that_the_network_delayed_are_dated_when_they_were_taken():
    clock = LiveClock()
    delays = [0.0, 0.3, 0.1, 0.0, 0.4]
    dated = [clock.date(100 + n * 0.1, 5000 + n * 0.1 + delay) for n, delay in enumerate(delays)]
    assert dated == pytest.approx([5000 + n * 0.1 for n in range(5)], abs=0.001)


def test_a_stream_that_begins_anew_is_dated_on_from_now():
    clock = LiveClock()
    clock.date(3600.0, 1000.0)
    assert clock.date(0.0, 1002.0) == pytest.approx(1002.0)
    assert clock.jumps == 1


def test_times_never_go_back():
    clock = LiveClock()
    first = clock.date(10.0, 1000.0)
    assert clock.date(9.9, 1000.01) > first


def test_a_stream_without_times_or_whose_time_stands_still_is_counted_otherwise():
    none, stuck, right = StreamTime(), StreamTime(), StreamTime()
    assert [none.of(None, n * 0.1) for n in range(3)] == [0, 0.1, 0.2]
    times = [stuck.of(7.0, 100 + n) for n in range(8)]
    assert times[:4] == [7.0] * 4
    assert times[4:] == [104, 105, 106, 107]
    assert stuck.of(8.0, 108) == 8.0
    assert [right.of(n / 10, 99) for n in range(9)] == [n / 10 for n in range(9)]


@pytest.mark.parametrize(
    ("offset_s", "sentence"),
    [
        (9 * 3600, "The camera's clock is 9 h 0 min ahead. It looks like a time zone."),
        (-9 * 3600 + 20, "The camera's clock is 9 h 0 min behind. It looks like a time zone."),
        (-400.0, "The camera's clock is 0 h 7 min behind. Set it"),
        (12.0, "The camera's clock is 12 s ahead."),
        (1.0, ""),
        (None, ""),
    ],
)
def test_a_clock_that_is_off_is_said_in_words(offset_s, sentence):
    said = clock_sentence(offset_s)
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)


def test_the_cameras_clock_is_the_middle_of_what_it_told():
    clock = CameraClock()
    assert clock.offset_s is None
    for late in (0.0, 0.1, 5.0):
        clock.told(1000 + 32400, 1000 + late)
    assert clock.offset_s == pytest.approx(32399.9)


def test_a_budget_spreads_its_pictures_evenly():
    budget = Budget(4)
    taken = [n for n in range(75) if budget.takes(n / 25, 1 / 25)]
    assert len(taken) == 12
    gaps = [after - before for before, after in pairwise(taken)]
    assert set(gaps) <= {6, 7}


def test_a_budget_above_the_streams_rate_takes_all_and_a_gap_makes_no_burst():
    budget = Budget(10)
    assert all(budget.takes(n / 5, 1 / 5) for n in range(20))
    spare = Budget(1)
    times = [0.0, 0.1, 60.0, 60.1, 60.2, 60.3]
    assert [spare.takes(at, 0.1) for at in times] == [True, False, True, False, False, False]


def test_key_frames_suffice_once_they_come_as_often_as_the_budget():
    keys = KeyFrames(1.0)
    for second in range(4):
        assert not keys.suffice
        keys.saw(float(second))
    assert keys.rate == pytest.approx(1.0)
    assert keys.suffice
    keys.saw(0.0)
    assert not keys.suffice


def test_a_recording_plays_at_its_own_speed_and_an_overdue_one_starts_anew():
    paced = Paced()
    assert paced.due(0.0, 100.0) == 100.0
    assert paced.due(2.0, 100.5) == 102.0
    assert paced.due(2.5, 130.0) == 130.0
    assert paced.due(0.0, 131.0) == 131.0


def test_waits_double_up_to_a_minute_and_are_long_where_a_person_must_act():
    gone, wrong = SourceError("unreachable", "x"), SourceError("unauthorised", "x")
    rng = random.Random(1)
    waits = [wait_s(n, gone, rng) for n in range(1, 10)]
    assert waits[0] == pytest.approx(1.0, rel=0.21)
    assert waits[3] == pytest.approx(8.0, rel=0.21)
    assert max(waits) <= 72
    assert wait_s(1, wrong, rng) >= 24


def test_a_status_says_what_a_stream_is_doing():
    status = Status()
    assert status.state is State.STARTING
    for n in range(11):
        status.saw(100 + n * 0.2, 100 + n * 0.2)
    assert (status.state, status.fps) == (State.OK, pytest.approx(5.0))
    status.failed(SourceError("broken_off", "x"), silent=False)
    assert (status.state, status.fps) == (State.RECONNECTING, 0.0)
    status.failed(SourceError("silent", "x"), silent=True)
    assert status.state is State.SILENT
    status.failed(SourceError("unauthorised", "x"), silent=False)
    assert status.state is State.REFUSED
