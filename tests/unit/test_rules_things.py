"""Bodies, things, zones, vehicles and a user's own kinds, on drawn scenes; and the settings of all rules."""

import math

import numpy as np
import pytest

from cctv.factors import BY_CODE
from cctv.vision.model import OBJECT, PERSON, VEHICLE
from cctv.vision.rules import ALL_CODES, RULES, Drawn, Line, RuleError, Zone, make_rules, parameters_of, read_settings
from cctv.vision.rules.body import Fall, Fight
from cctv.vision.rules.detected import DetectedKind
from cctv.vision.rules.objects import Abandoned
from cctv.vision.rules.vehicles import VehicleCircling, VehicleStop
from cctv.vision.rules.zones import Approach, Intrusion
from tests.scenes import GREY, HEIGHT, WIDTH, play, scene, stands

LYING = (1.7, 0.6)


def test_who_falls_and_stays_down_is_told():
    def cast(t):
        return [stands(1, 5 + min(t, 5), 9, size=None if t < 5 else LYING)]

    found = play(Fall(), cast, until_s=9)
    assert [one.factor for one in found] == ["fall"]
    assert found[0].value == pytest.approx(2.0, abs=0.5)
    assert found[0].evidence["aspect"] > 2


def test_sitting_down_slowly_half_hidden_or_lying_all_along_is_no_fall():
    assert play(Fall(), lambda t: [stands(1, 10, 9, size=(0.6, 1.7 - 0.7 * min(t / 10, 1)))], until_s=15) == []
    assert play(Fall(), lambda t: [stands(1, 10, 9 if t < 5 else 8.2, size=None if t < 5 else (0.6, 0.9))], until_s=12) == []
    assert play(Fall(), lambda t: [stands(1, 10, 9, size=LYING)], until_s=12) == []


def brawl(t):
    jitter = 0.35 * math.copysign(1, math.sin(11 * t)), 0.3 * math.copysign(1, math.cos(7 * t))
    return [stands(1, 10 + jitter[0], 9 + jitter[1]), stands(2, 10.8 - jitter[1], 9 - jitter[0])]


def test_two_who_jerk_at_one_another_look_like_a_fight():
    found = play(Fight(), brawl, until_s=6, fps=10)
    assert [one.factor for one in found] == ["fight"]
    assert found[0].evidence["violence"] > 1


def test_two_who_talk_or_walk_together_do_not():
    assert play(Fight(), lambda t: [stands(1, 10, 9), stands(2, 10.8, 9)], until_s=8, fps=10) == []
    assert play(Fight(), lambda t: [stands(1, 2 + t, 9), stands(2, 2.8 + t, 9)], until_s=12, fps=10) == []


def test_violent_change_of_the_picture_about_two_people_is_a_fight_against_what_walkers_change():
    rng = np.random.default_rng(3)

    def cast(t):
        return [stands(1, 2 + t, 16)] if t < 15 else [stands(2, 10, 9), stands(3, 10.8, 9)]

    def picture(t):
        grey = np.full((HEIGHT // GREY, WIDTH // GREY), 90, np.uint8)
        if t < 15:  # a walker changes a little
            x = round((2 + t) * 40 / GREY)
            grey[147:160, x - 2 : x + 2] += 40
        else:  # two who struggle change all of it
            grey[70:92, 95:115] = rng.integers(40, 140, (22, 20))
        return grey

    found = play(Fight(), cast, until_s=20, picture=picture)
    assert [one.factor for one in found] == ["fight"]


def bag(t: float, *, since: float, until: float = math.inf) -> np.ndarray:
    """A floor with texture; a dark bag of 0.5 m lies at (15, 9) metres for a while."""
    grey = 90 + 10 * (np.add.outer(np.arange(HEIGHT // GREY) // 8, np.arange(WIDTH // GREY) // 8) % 2).astype(np.uint8)
    if since <= t < until:
        grey[85:90, 148:153] = 20
    return grey


def owner(t):
    """Comes from the left, puts it down after 10 s and goes on."""
    return [stands(1, 5 + t, 9)] if t < 26 else []


def test_a_bag_left_behind_is_told_once_where_it_stands():
    found = play(Abandoned(), owner, until_s=40, picture=lambda t: bag(t, since=10))
    assert [one.factor for one in found] == ["abandoned"]
    x0, y0, x1, y1 = found[0].box
    assert x0 <= 15 * 40 <= x1
    assert y0 <= 87 * GREY <= y1
    assert found[0].evidence["brought"] == 1


def test_a_bag_with_its_owner_or_taken_away_is_not_abandoned():
    def stays(t):
        return [stands(1, min(5 + t, 15.8), 9)]

    assert play(Abandoned(), stays, until_s=40, picture=lambda t: bag(t, since=10)) == []
    # There from the beginning and carried away: its place is new and still, too.
    assert play(Abandoned(), owner, until_s=40, picture=lambda t: bag(t, since=-1, until=10)) == []


def test_a_change_of_light_leaves_nothing_behind():
    assert play(Abandoned(), lambda t: [], until_s=30, picture=lambda t: bag(t, since=99) + np.uint8(60 if t > 10 else 0)) == []


def test_a_thing_that_the_detector_names_counts_too():
    def cast(t):
        return [stands(9, 15, 9, kind=OBJECT), *owner(t)] if t > 10 else owner(t)

    found = play(Abandoned(), cast, until_s=40)
    assert [one.track for one in found] == ["9"]


ZONE = Drawn(zones=(Zone("yard", ((0.4, 0.3), (0.6, 0.3), (0.6, 0.9), (0.4, 0.9))),))


def test_who_enters_a_drawn_zone_is_told_once():
    found = play(Intrusion(drawn=ZONE), lambda t: [stands(1, 5 + 1.5 * t, 9)], until_s=12)
    assert [one.factor for one in found] == ["intrusion"]
    assert play(Intrusion(drawn=ZONE), lambda t: [stands(1, 5 + 1.5 * t, 17)], until_s=12) == []


def test_who_nears_a_line_is_told_and_who_leaves_it_is_not():
    rail = Drawn(lines=(Line("rail", (0.5, 0.0), (0.5, 1.0)),))
    found = play(Approach(drawn=rail), lambda t: [stands(1, min(5 + 1.2 * t, 15.2), 9)], until_s=14)
    assert [one.factor for one in found] == ["approach"]
    assert found[0].value <= 1.5
    assert play(Approach(drawn=rail), lambda t: [stands(1, 17.8 + 1.2 * t, 9)], until_s=8) == []


def test_a_car_that_stops_is_told_and_a_parked_one_is_not():
    found = play(VehicleStop(seconds=10), lambda t: [stands(1, min(4 + 4 * t, 20), 9, kind=VEHICLE)], until_s=20)
    assert [one.factor for one in found] == ["vehicle_stop"]
    assert found[0].value == pytest.approx(10, abs=1)
    assert play(VehicleStop(seconds=10), lambda t: [stands(1, 9, 9, kind=VEHICLE)], until_s=30) == []


def test_a_car_that_goes_round_is_told_and_one_that_turns_is_not():
    def ring(t):
        return [stands(1, 16 + 5 * math.cos(t / 2), 9 + 5 * math.sin(t / 2), kind=VEHICLE)]

    found = play(VehicleCircling(), ring, until_s=24)
    assert [one.factor for one in found] == ["vehicle_circling"]
    assert found[0].value == pytest.approx(1.5, abs=0.1)
    assert play(VehicleCircling(), lambda t: [stands(1, 3 + 2 * t, 9, kind=VEHICLE)], until_s=12) == []


def test_a_named_kind_needs_n_of_m_frames():
    drawn = Drawn(kinds={"knife": "weapon"})
    found = play(DetectedKind(drawn=drawn), lambda t: [stands(1, 9, 9, kind="knife", score=0.8)], until_s=3)
    assert [one.factor for one in found] == ["weapon"]
    assert found[0].evidence["hits"] == 3
    assert play(DetectedKind(drawn=drawn), lambda t: [stands(1, 9, 9, kind="knife")] if t % 2 == 0 else [], until_s=9) == []
    assert play(DetectedKind(drawn=drawn), lambda t: [stands(1, 9, 9, kind="cup")], until_s=3) == []


def test_every_rule_has_an_entry_in_the_vocabulary_and_each_parameter_a_unit():
    assert set(ALL_CODES) <= set(BY_CODE)
    for rule in RULES:
        assert rule.code
        assert 0 < rule.trust <= 1
        for name, known in parameters_of(rule).items():
            assert known["low"] <= known["default"] <= known["high"], f"{rule.code}.{name}"
            assert known["unit"]


def test_no_rule_says_anything_of_an_empty_or_blind_scene():
    drawn = {
        "zones": [{"polygon": [[0, 0], [1, 0], [1, 1]]}],
        "lines": [{"from": [0, 0], "to": [1, 1]}],
        "kinds": {"gun": "weapon"},
    }
    rules = make_rules(settings=read_settings(drawn))
    assert play(rules, lambda t: [], until_s=30) == []
    assert [found for rule in rules for found in rule.look(scene(400, blind="blackout"))] == []


def test_rules_are_made_for_what_was_drawn():
    assert [rule.code for rule in make_rules(["running", "intrusion", "weapon"])] == ["running"]
    settings = read_settings({"zones": [{"polygon": [[0, 0], [1, 0], [1, 1]]}], "parameters": {"running": {"speed_m_s": 4}}})
    running, intrusion = make_rules(["running", "intrusion"], settings=settings)
    assert (running.speed_m_s, intrusion.code) == (4.0, "intrusion")
    with pytest.raises(RuleError, match="No rule watches “dancing”"):
        make_rules(["dancing"])


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ([], "not_an_object"),
        ({"zone": []}, "unknown_setting"),
        ({"zones": {"polygon": []}}, "bad_list"),
        ({"zones": [{"polygon": [[0, 0], [1, 1]]}]}, "bad_zone"),
        ({"zones": [{"polygon": [[0, 0], [0.5, 0.5], [1, 1]]}]}, "flat_zone"),
        ({"zones": [{"polygon": [[0, 0], [200, 0], [1, 1]]}]}, "bad_point"),
        ({"lines": [{"from": [0, 0]}]}, "bad_line"),
        ({"lines": [{"from": [0.2, 0.2], "to": [0.2, 0.2]}]}, "short_line"),
        ({"direction": [0, 1]}, "bad_line"),
        ({"kinds": ["gun"]}, "bad_kinds"),
        ({"kinds": {"gun": "running"}}, "bad_kind"),
        ({"parameters": []}, "bad_parameters"),
        ({"parameters": {"blackout": {"seconds": 1}}}, "unknown_factor"),
        ({"parameters": {"running": {"velocity": 3}}}, "unknown_parameter"),
        ({"parameters": {"running": {"speed_m_s": "fast"}}}, "out_of_range"),
        ({"parameters": {"running": {"speed_m_s": float("nan")}}}, "out_of_range"),
        ({"parameters": {"running": {"speed_m_s": -1}}}, "out_of_range"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_with_a_sentence(value, code):
    with pytest.raises(RuleError, match=r"\.$") as caught:
        read_settings(value)
    assert caught.value.code == code


def test_people_are_not_mistaken_for_things():
    assert play(Abandoned(), lambda t: [stands(1, 15, 9, kind=PERSON)], until_s=30, picture=lambda t: bag(t, since=5)) == []
