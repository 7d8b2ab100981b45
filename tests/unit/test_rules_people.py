"""Counting, staying, following and moving, on drawn scenes."""

import math

import pytest

from cctv.vision.model import VEHICLE
from cctv.vision.rules import Drawn
from cctv.vision.rules.counting import Crowding, Density, Dwell, Emptiness, People
from cctv.vision.rules.following import Following
from cctv.vision.rules.moving import Running, Scatter, WrongWay
from cctv.vision.rules.past import Past
from cctv.vision.rules.staying import Loitering
from tests.scenes import START, play, scene, stands


@pytest.mark.parametrize("ground", [False, True])
def test_running_is_told_once_with_its_speed(ground):
    found = play(Running(), lambda t: [stands(1, 2 + 4.0 * t, 9, ground=ground)], until_s=6)
    assert [one.factor for one in found] == ["running"]
    assert found[0].value == pytest.approx(4.0, abs=0.3)
    assert found[0].evidence["calibrated"] == ground


def test_walking_is_not_running_nor_is_one_jump_of_the_tracker():
    assert play(Running(), lambda t: [stands(1, 2 + 1.5 * t, 9)], until_s=10) == []
    assert play(Running(), lambda t: [stands(1, 5 if t < 3 else 8.5, 9)], until_s=6) == []


def test_a_loiterer_is_told_at_the_start_and_then_each_minute():
    rule = Loitering(seconds=30, repeat_s=60)
    found = play(rule, lambda t: [stands(1, 10 + 1.5 * math.sin(t / 3), 9)], until_s=100)
    assert [round(one.at - START) for one in found] == [30, 90]
    assert found[1].value == pytest.approx(90, abs=1)
    assert found[1].confidence > found[0].confidence


def test_a_loiterer_whose_number_changes_on_the_spot_goes_on():
    def cast(t):
        # Lost for three seconds in the middle, and found again under another number half a metre beside.
        pacing = 10 + 1.5 * math.sin(t / 3)
        return [] if 15 < t < 18 else [stands(1 if t <= 15 else 7, pacing, 9)]

    found = play(Loitering(seconds=30), cast, until_s=40)
    assert len(found) == 1
    assert found[0].track == "7"
    assert found[0].evidence["links"] == 1


def test_who_passes_by_is_no_loiterer_and_a_post_is_believed_half():
    assert play(Loitering(seconds=10), lambda t: [stands(1, 1 + t, 9)], until_s=25) == []
    still = play(Loitering(seconds=10), lambda t: [stands(1, 5, 9)], until_s=12)
    pacing = play(Loitering(seconds=10), lambda t: [stands(1, 5 + math.sin(t), 9)], until_s=12)
    assert still[0].confidence < 0.6 * pacing[0].confidence


def test_people_in_view_are_told_as_a_mean_each_minute():
    found = play(People(), lambda t: [stands(n, 3 + n, 9) for n in range(2 if t < 30 else 4)], until_s=125)
    assert [one.value for one in found] == pytest.approx([3.0, 4.0], abs=0.1)
    assert found[0].evidence["most"] == 4
    assert found[0].evidence["observed_share"] == pytest.approx(1.0)


def test_zero_people_are_a_measurement_too():
    found = play(People(every_s=10), lambda t: [], until_s=11)
    assert [one.value for one in found] == [0.0]


def test_density_is_that_of_the_closest_group():
    # Five within 2.5 m of one another and two far away: 5 / (π 2.5²) = 0.255 a square metre.
    def cast(t):
        return [stands(n, 5 + 0.4 * n, 9) for n in range(5)] + [stands(8, 20, 9), stands(9, 28, 9)]

    found = play(Density(every_s=10), cast, until_s=12)
    assert found[0].value == pytest.approx(0.255, abs=0.02)


def test_dwell_is_told_when_a_person_has_gone():
    found = play(Dwell(), lambda t: [stands(1, 2 + t, 9)] if t <= 12 else [], until_s=20)
    assert [one.value for one in found] == pytest.approx([12.0], abs=0.1)


def test_a_crowd_is_told_once_and_a_lost_person_does_not_end_it():
    def cast(t):
        missing = 3 if 8 < t < 9 else None
        return [stands(n, 10 + 0.5 * (n % 4), 8 + 0.5 * (n // 4)) for n in range(8) if n != missing]

    found = play(Crowding(repeat_s=60), cast, until_s=30)
    assert [one.value for one in found] == [8.0]
    assert found[0].box[0] <= 10 * 40 <= found[0].box[2]


def test_seven_spread_people_are_no_crowd():
    assert play(Crowding(), lambda t: [stands(n, 3 + 4 * n, 9) for n in range(8)], until_s=20) == []


def test_emptiness_needs_a_camera_that_sees():
    rule = Emptiness(seconds=20)
    found = play(rule, lambda t: [], until_s=25)
    assert [one.factor for one in found] == ["emptiness"]
    blind = Emptiness(seconds=20)
    assert [f for n in range(200) for f in blind.look(scene(n / 5, blind="too_dark"))] == []


def test_emptiness_begins_anew_when_people_come():
    assert play(Emptiness(seconds=20), lambda t: [stands(n, 5 + n, 9) for n in range(3)] if 12 < t < 16 else [], until_s=30) == []


def test_slow_frames_do_not_break_what_lasts():
    assert len(play(Emptiness(seconds=20), lambda t: [], until_s=40, fps=0.5)) == 1


def corner(t: float) -> tuple[float, float]:
    """A way with a right-angled turn after 10 m, at 1.2 m/s."""
    way = 1.2 * t
    return (2 + way, 4.0) if way < 10 else (12.0, 4.0 + way - 10)


@pytest.mark.parametrize("ground", [False, True])
def test_a_follower_round_a_corner_is_told(ground):
    def cast(t):
        people = [stands(1, *corner(t), ground=ground)]
        return people + ([stands(2, *corner(t - 3), ground=ground)] if t >= 3 else [])

    found = play(Following(), cast, until_s=18)
    assert [one.track for one in found] == ["2"]
    assert found[0].evidence["leader"] == 1
    assert found[0].evidence["lag_s"] == pytest.approx(3.0, abs=0.7)


def test_a_turn_followed_counts_for_more_than_a_straight_line():
    def straight(t):
        return [stands(1, 2 + 1.2 * t, 9), stands(2, -1.6 + 1.2 * t, 9)]

    def round_the_corner(t):
        return [stands(1, *corner(t))] + ([stands(2, *corner(t - 3))] if t >= 3 else [])

    line = play(Following(repeat_s=5), straight, until_s=20)
    bent = play(Following(repeat_s=5), round_the_corner, until_s=18)
    assert max(one.confidence for one in bent) > 1.5 * max(one.confidence for one in line)


def test_two_abreast_and_two_who_meet_do_not_follow():
    assert play(Following(), lambda t: [stands(1, 2 + t, 9), stands(2, 2 + t, 9.8)], until_s=20) == []
    assert play(Following(), lambda t: [stands(1, 2 + t, 9), stands(2, 28 - t, 9.2)], until_s=20) == []


def test_a_group_that_runs_apart_has_scattered():
    def cast(t):
        away = 0.6 * 0 if t < 8 else 3.0 * (t - 8)
        return [
            stands(n, 16 + (1 + away) * math.cos(n * math.pi / 3), 9 + (1 + away) * math.sin(n * math.pi / 3)) for n in range(6)
        ]

    found = play(Scatter(), cast, until_s=10.5)
    assert [one.factor for one in found] == ["scatter"]
    assert found[0].value >= 4
    assert found[0].evidence["outward"] > 0.8


def test_a_group_that_runs_together_has_not_scattered():
    assert (
        play(
            Scatter(), lambda t: [stands(n, 4 + n % 3 + (0 if t < 8 else 3 * (t - 8)), 8 + n // 3) for n in range(6)], until_s=12
        )
        == []
    )


def test_against_the_drawn_way():
    drawn = Drawn(direction=((0.1, 0.5), (0.9, 0.5)))
    found = play(WrongWay(drawn=drawn), lambda t: [stands(1, 25 - 2 * t, 9, kind=VEHICLE)], until_s=8)
    assert [one.factor for one in found] == ["wrong_way"]
    assert play(WrongWay(drawn=drawn), lambda t: [stands(1, 5 + 2 * t, 9)], until_s=8) == []


def test_the_way_is_learnt_from_those_who_pass():
    rule = WrongWay(passes=5)

    def cast(t):
        if t < 120:  # one a dozen seconds goes to the right
            return [stands(int(t // 12), 1 + 2.5 * (t % 12), 9)]
        return [stands(99, 30 - 2.5 * (t - 120), 9)]

    found = play(rule, cast, until_s=130)
    assert [one.track for one in found] == ["99"]
    assert found[0].evidence["agreement"] > 0.9


def test_where_all_go_as_they_like_no_way_is_wrong():
    def cast(t):
        step = 2.5 * (t % 12)
        return [stands(int(t // 12), 1 + step if int(t // 12) % 2 else 30 - step, 9)]

    assert play(WrongWay(passes=5), cast, until_s=160) == []


def test_rules_that_share_a_past_take_each_scene_once():
    past = Past()
    rules = [Running(past), Loitering(past), People(past)]
    play(rules, lambda t: [stands(1, 2 + t, 9)], until_s=4, fps=4)
    assert past.now[0].seen_times == 17


def test_a_stream_that_starts_anew_begins_a_new_past():
    rule = Loitering(seconds=20)
    play(rule, lambda t: [stands(1, 5, 9)], until_s=15)
    assert play(rule, lambda t: [stands(1, 5, 9)], since_s=200, until_s=215) == []
    assert rule.look(scene(10, [stands(1, 5, 9)])) == []


def test_memory_stays_bounded_with_thousands_of_people():
    past = Past()
    for number in range(400):
        past.look(scene(number / 5, [stands(number * 40 + n, n % 30, n / 2) for n in range(40)]))
    assert len(past._trails) + len(past._lost) <= 700
