"""Knox test, near-repeat table and calculator against counting every pair by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from prediction.errors import PredictionError
from prediction.near_repeat import NearRepeats, following, near_repeats

Float64 = npt.NDArray[np.float64]


def by_hand(points: Float64, days: Float64, edges_m: Float64, edges_days: Float64) -> npt.NDArray[np.int64]:
    """Every pair, one after another."""
    table = np.zeros((len(edges_m), len(edges_days)), dtype=np.int64)
    for i in range(len(days)):
        for j in range(i):
            far = np.hypot(*(points[i] - points[j]))
            gap = abs(days[i] - days[j])
            if far <= edges_m[-1] and gap <= edges_days[-1]:
                table[np.searchsorted(edges_m, far), np.searchsorted(edges_days, gap)] += 1
    return table


def infected(rng: np.random.Generator, *, share: float, count: int = 1500) -> tuple[Float64, Float64]:
    """Points over 5 km and days over two years, of which a share happens within 150 m and a week after another one."""
    points, days = rng.random((count, 2)) * 5000, rng.random(count) * 730
    followers = int(count * share)
    parent = rng.integers(followers, count, followers)
    points[:followers] = points[parent] + rng.normal(0, 50, (followers, 2))
    days[:followers] = days[parent] + rng.exponential(3, followers)
    return points, days


def test_pairs_are_counted_as_by_hand_and_an_edge_belongs_to_the_band_below() -> None:
    rng = np.random.default_rng(1)
    points: Float64 = rng.integers(0, 12, (200, 2)).astype(np.float64) * 50  # so that distances fall on edges
    days = rng.integers(0, 60, 200).astype(float)
    edges_m, edges_days = np.array([0.0, 50.0, 150.0]), np.array([7.0, 14.0])
    found = near_repeats(points, days, rng=rng, distance_edges_m=(0, 50, 150), time_edges_days=(7, 14), permutations=1)
    assert (found.observed == by_hand(points, days, edges_m, edges_days)).all()
    assert found.observed[0].sum() > 0


def test_expected_pairs_are_those_of_times_dealt_out_anew() -> None:
    points, days = infected(np.random.default_rng(2), share=0.3)
    found = near_repeats(points, days, rng=np.random.default_rng(3), permutations=99)
    # Under chance the share of pairs in a time band is the same at every distance.
    gaps = np.abs(days[:, None] - days)[np.triu_indices(len(days), 1)]
    shares = np.histogram(gaps, [0, 7, 14, 21, 28])[0] / len(gaps)
    pairs = by_hand(points, np.zeros_like(days), found.distance_edges_m, np.array([1.0])).sum(axis=1)
    assert found.expected == pytest.approx(pairs[:, None] * shares, rel=0.15, abs=0.4)


def test_near_repeats_that_are_there_are_found_and_fade_with_distance_and_time() -> None:
    points, days = infected(np.random.default_rng(4), share=0.2)
    found = near_repeats(points, days, rng=np.random.default_rng(5))
    assert found.p_value[1, 0] == 0.01
    assert found.ratio[1, 0] > 3
    assert found.ratio[1, 0] > found.ratio[2, 0] > found.ratio[5, 0]
    assert found.notable[1, 0]
    assert not found.notable[5, 3]


def test_without_near_repeats_small_p_values_are_as_rare_as_chance_makes_them() -> None:
    low = []
    for seed in range(30):
        points, days = infected(np.random.default_rng(100 + seed), share=0, count=400)
        low.append(near_repeats(points, days, rng=np.random.default_rng(seed)).p_value[3, 0] <= 0.1)
    assert 0 <= np.mean(low) <= 0.27  # 0.10 expected; 99.9 % of such draws lie at 8 of 30 or below


def test_the_same_seed_gives_the_same_table_whatever_the_zero_of_the_clock() -> None:
    points, days = infected(np.random.default_rng(6), share=0.1, count=500)
    first, second = (near_repeats(points, times, rng=np.random.default_rng(7)) for times in (days, days.copy()))
    assert (first.p_value == second.p_value).all()
    assert (first.expected == second.expected).all()
    whole = np.floor(days)
    moved = near_repeats(points, whole + 700_000, rng=np.random.default_rng(7))
    assert (moved.observed == near_repeats(points, whole, rng=np.random.default_rng(7)).observed).all()


def test_a_band_without_any_pair_has_no_ratio_and_no_small_p_value() -> None:
    points = np.array([[0.0, 0.0], [10_000.0, 0.0], [0.0, 10_000.0]])
    found = near_repeats(points, np.array([0.0, 1.0, 2.0]), rng=np.random.default_rng(1))
    assert isinstance(found, NearRepeats)
    assert np.isnan(found.ratio).all()
    assert (found.p_value == 1).all()
    assert not found.notable.any()


def test_originators_and_repeats_are_told_apart() -> None:
    points = np.array([[0.0, 0.0], [50.0, 0.0], [60.0, 0.0], [9000.0, 0.0], [0.0, 1.0]])
    days = np.array([0.0, 3.0, 6.0, 1.0, 0.0])
    found = following(points, days, within_m=100, within_days=4)
    assert (found.incidents, found.originators, found.repeats) == (5, 3, 2)  # the last one: same instant as the first


@pytest.mark.parametrize(
    ("points", "days", "sentence"),
    [
        (np.zeros((3, 2)), np.zeros(2), "one point"),
        (np.zeros((3, 3)), np.zeros(3), "one point"),
        (np.zeros((1, 2)), np.zeros(1), "only 1"),
        (np.zeros((0, 2)), np.zeros(0), "only 0"),
        (np.array([[0.0, np.nan], [1.0, 1.0]]), np.zeros(2), "1 of 2 incidents have no place or no time"),
        (np.zeros((2, 2)), np.array([0.0, np.inf]), "1 of 2 incidents have no place or no time"),
    ],
)
def test_input_that_cannot_be_read_is_refused_with_a_sentence(points: Float64, days: Float64, sentence: str) -> None:
    with pytest.raises(PredictionError, match=sentence):
        near_repeats(points, days, rng=np.random.default_rng(1))


@pytest.mark.parametrize("edges", [(), (100.0, 100.0), (-1.0, 5.0), (1.0, float("nan"))])
def test_bands_that_make_no_sense_are_refused(edges: tuple[float, ...]) -> None:
    points, days = infected(np.random.default_rng(8), share=0, count=10)
    with pytest.raises(PredictionError, match="edges of the distance bands"):
        near_repeats(points, days, rng=np.random.default_rng(1), distance_edges_m=edges)
    with pytest.raises(PredictionError, match="at least one permutation"):
        near_repeats(points, days, rng=np.random.default_rng(1), permutations=0)


def test_more_pairs_than_memory_is_refused_before_they_are_made() -> None:
    points = np.zeros((10_000, 2))
    with pytest.raises(PredictionError, match=r"49,995,000 pairs .* shorter distance"):
        near_repeats(points, np.arange(10_000.0), rng=np.random.default_rng(1))
