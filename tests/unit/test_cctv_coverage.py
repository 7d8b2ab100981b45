"""The choice of cameras: against brute force, the greedy guarantee, its bound, and ties."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cctv.coverage import Choice, CoverageError, captured_risk, choose_cameras
from cctv.views import POINTS_PER_CELL, Views


def make_views(seen: list[set[int]], cell_count: int) -> Views:
    """Views in which each camera sees these points."""
    first = np.concatenate([[0], np.cumsum([len(points) for points in seen])]).astype(np.int64)
    return Views(first, np.array([point for points in seen for point in sorted(points)], np.int64), cell_count)


def random_views(seed: int, cameras: int, cells: int = 6) -> tuple[Views, np.ndarray]:
    rng = np.random.default_rng(seed)
    seen = []
    for _ in range(cameras):
        middle, width = rng.integers(cells * POINTS_PER_CELL), int(rng.integers(1, 150))
        seen.append(set(range(int(middle), min(int(middle) + width, cells * POINTS_PER_CELL))))
    return make_views(seen, cells), rng.gamma(0.5, 1.0, cells)


def plain_greedy(views: Views, risk: np.ndarray, count: int) -> list[int]:
    """The textbook form: every gain computed anew at every step, the first of equals taken."""
    chosen: list[int] = []
    while len(chosen) < count:
        base = captured_risk(views, risk, chosen)
        gains = [-1 if c in chosen else captured_risk(views, risk, [*chosen, c]) - base for c in range(views.camera_count)]
        best = int(np.argmax(np.round(gains, 12)))
        if gains[best] <= 1e-12:
            break
        chosen.append(best)
    return chosen


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_choice_keeps_the_greedy_guarantee_and_its_bound_holds(seed: int, count: int) -> None:
    views, risk = random_views(seed, cameras=9)
    best = max(captured_risk(views, risk, chosen) for chosen in combinations(range(9), count))
    choice = choose_cameras(views, risk, count=count)
    assert choice.captured >= (1 - 1 / np.e) * best - 1e-9
    assert choice.captured <= best + 1e-9
    assert choice.upper_bound >= best - 1e-9


@given(st.integers(0, 2**32 - 1))
def test_the_lazy_choice_equals_the_plain_greedy_one(seed: int) -> None:
    views, risk = random_views(seed, cameras=15)
    choice = choose_cameras(views, risk, count=6)
    lazy = [captured_risk(views, risk, choice.order[: n + 1]) for n in range(len(choice.order))]
    plain = plain_greedy(views, risk, 6)
    assert lazy == pytest.approx([captured_risk(views, risk, plain[: n + 1]) for n in range(len(plain))])


@given(st.integers(0, 2**32 - 1))
def test_gains_only_shrink_and_add_up_to_the_risk_of_the_union(seed: int) -> None:
    views, risk = random_views(seed, cameras=12)
    choice = choose_cameras(views, risk, count=12)
    assert (np.diff(choice.gains) <= 1e-12).all()
    assert choice.captured == pytest.approx(captured_risk(views, risk, choice.order))
    assert choice.captured == pytest.approx(captured_risk(views, risk, range(12)))  # all that adds anything is in


def test_two_cameras_on_the_same_spot_count_once() -> None:
    views = make_views([{0, 1, 2}, {0, 1, 2}, {5}], cell_count=1)
    choice = choose_cameras(views, np.array([96.0]), count=2)
    assert choice.order.tolist() == [0, 2]
    assert choice.gains.tolist() == [3.0, 1.0]
    assert captured_risk(views, np.array([96.0]), [0, 1]) == 3.0


def test_equal_cameras_are_taken_in_their_own_order() -> None:
    views = make_views([{10 * n, 10 * n + 1} for n in range(9)], cell_count=1)
    assert choose_cameras(views, np.array([1.0]), count=4).order.tolist() == [0, 1, 2, 3]


def test_cameras_that_add_nothing_are_left_out_unless_the_full_number_is_asked_for() -> None:
    views = make_views([{0}, {0}, {POINTS_PER_CELL}], cell_count=2)
    risk = np.array([1.0, 0.0])
    assert choose_cameras(views, risk, count=3).order.tolist() == [0]
    filled = choose_cameras(views, risk, count=3, fill=True)
    assert filled.order.tolist() == [0, 1, 2]
    assert filled.gains.tolist() == [pytest.approx(1 / POINTS_PER_CELL), 0, 0]


def test_taking_every_camera_leaves_no_gap() -> None:
    views, risk = random_views(5, cameras=8)
    choice = choose_cameras(views, risk, count=8)
    assert choice.upper_bound == pytest.approx(choice.captured)
    assert choice.gap == pytest.approx(0, abs=1e-12)


def test_nothing_to_choose_from_gives_an_empty_choice() -> None:
    empty = choose_cameras(make_views([], cell_count=2), np.ones(2), count=5)
    assert (len(empty.order), empty.captured, empty.gap) == (0, 0.0, 0.0)
    none_asked: Choice = choose_cameras(make_views([{0}], cell_count=1), np.ones(1), count=0)
    assert (len(none_asked.order), none_asked.upper_bound) == (0, 0.0)


@pytest.mark.parametrize("risk", [[1.0], [1.0, -1.0], [1.0, np.nan]], ids=["too few cells", "negative", "not a number"])
def test_a_risk_that_cannot_be_is_refused(risk: list[float]) -> None:
    with pytest.raises(CoverageError):
        choose_cameras(make_views([{0}], cell_count=2), np.array(risk), count=1)
