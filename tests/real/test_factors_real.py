"""Risk factors on real clips: the bag that was left behind is told where it lies; acted fights are told apart from company."""

import pytest

from bench._caviar import Caviar
from bench._vision_factors import SpeedOnly, _clips, _score
from cctv.vision.rules.body import Fight
from cctv.vision.rules.moving import Running
from cctv.vision.rules.staying import Loitering

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def caviar(shared_data):
    if not (shared_data / "cctv-caviar-events").is_dir():
        pytest.skip("the CAVIAR positions are not among the real data sets")
    return Caviar(shared_data / "cctv-caviar-events")


def test_the_acted_clips_are_told_apart(caviar):
    assert len(caviar.times) == 29  # 28 clips, one of which holds an empty moment
    assert sum(map(len, caviar.times)) == 25_154
    assert all(height > 20 for height in caviar.heights[1])


def test_people_who_stay_are_told_and_passers_are_not(caviar):
    got = _score(caviar, Loitering(seconds=10, radius_m=1.0), {"active", "inactive"}, least_ms=9000, after_ms=3000)
    assert got["recall"] >= 0.8
    assert got["precision"] >= 0.6


def test_no_company_is_told_as_a_fight(caviar):
    got = _score(caviar, Fight(), {"abrupt"}, anybody=True)
    assert got["recall"] >= 0.5
    assert got["precision"] >= 0.8


def test_running_beats_a_mere_threshold_of_speed(caviar):
    ours = _score(caviar, Running(), {"running"}, learn=True)
    plain = _score(caviar, SpeedOnly(), {"running"}, learn=True)
    assert ours["precision"] > plain["precision"]
    assert ours["findings"] < plain["findings"] / 4


def test_the_bag_left_on_the_pavement_is_told_where_it_lies(shared_data):
    if not (shared_data / "cctv-clips").is_dir():
        pytest.skip("the clips are not among the real data sets")
    found = _clips(shared_data, quick=True)
    assert found["abandoned"]["recall"] == 1
    assert found["false alarms: vehicles"]["false_alarms"] <= 1
