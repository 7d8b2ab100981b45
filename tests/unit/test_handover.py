"""Following across cameras, on people who walk along a street past three cameras."""

import math

import pytest

from cctv.handover import Handovers, metres_between

LON, LAT = 127.0, 37.5
VIEWS = {"a": (0, 20), "b": (50, 70), "c": (100, 120)}  # metres along the street


def place(metres: float, north: float = 0.0) -> tuple[float, float]:
    return LON + metres / (111_320 * math.cos(math.radians(LAT))), LAT + north / 111_320


def walk(starts: list[tuple[float, float]], *, until_s: float, watch: Handovers | None = None):
    """Everybody walks at their own pace from 0 m on: (start in seconds, metres a second). Each camera numbers afresh."""
    watch = watch or Handovers()
    found = []
    for step in range(round(until_s * 2)):
        at = step / 2
        for camera, (low, high) in VIEWS.items():
            people = []
            for number, (start, speed) in enumerate(starts):
                way = (at - start) * speed
                if at >= start and low <= way <= high:
                    people.append((number * 10 + ord(camera), *place(way)))
            found += watch.see(camera=camera, at=at, people=people)
    return found


def test_metres_between_two_places():
    assert metres_between(place(0), place(30, 40)) == pytest.approx((30, 40), rel=1e-3)


def test_one_who_comes_behind_another_on_each_camera_is_told():
    found = walk([(0, 1.3), (8, 1.3)], until_s=150)
    assert [one.cameras for one in found] == [("a", "b"), ("a", "b", "c")]
    assert found[-1].confidence > found[0].confidence
    assert found[-1].evidence["lag_s"] == pytest.approx(8, abs=1)
    assert found[-1].track == str(10 + ord("c"))


def test_one_alone_and_two_far_apart_are_not():
    assert walk([(0, 1.3)], until_s=150) == []
    assert walk([(0, 1.3), (70, 1.3)], until_s=220) == []


def test_one_who_overtakes_does_not_follow():
    assert walk([(0, 1.0), (10, 1.5)], until_s=180) == []


def test_in_a_stream_of_people_hardly_anything_is_told():
    found = walk([(3.0 * n, 1.2 + 0.02 * (n % 7)) for n in range(40)], until_s=240)
    assert all(one.confidence < 0.25 for one in found)
    assert len(found) < 20


def test_cameras_whose_views_overlap_join_the_same_person():
    watch = Handovers()
    found = []
    for step in range(120):
        at = step / 2
        for camera, (low, high) in {"a": (0, 20), "b": (18, 40), "c": (38, 60)}.items():
            people = [(n, *place((at - n * 6) * 1.3)) for n in range(2) if low <= (at - n * 6) * 1.3 <= high]
            found += watch.see(camera=camera, at=at, people=people)
    assert found[-1].cameras == ("a", "b", "c")
    assert found[-1].evidence["link_follower"] > 0.7


def test_memory_stays_bounded():
    watch = Handovers(longest_s=30)
    for step in range(2000):
        watch.see(camera=f"{step % 5}", at=step / 2, people=[(step + n, *place(step % 90 + n)) for n in range(4)])
    assert len(watch._gone) < 1000
    assert len(watch._present) < 100
