"""What is unusual now: levels, decay, blind and lying cameras, checkpoints, and the rates that come of it."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.sparse import csr_array

from prediction.errors import PredictionError
from prediction.fusion.excess import Excess
from prediction.fusion.fuse import LIFT_MOST, fuse
from prediction.fusion.packing import UnreadableStateError
from prediction.fusion.usual import UsualLevels
from prediction.fusion.weights import LiveWeights

SEOUL = ZoneInfo("Asia/Seoul")
MONDAY_S = 1_767_538_800.0  # 2026-01-05 00:00 in Seoul, a Monday
HOUR_S = 3_600.0


def pairs_of(cameras, factors=2, *, half_life_s=1_800.0):
    """Cameras 2i and 2i + 1 both see the whole of cell i."""
    rows = np.arange(cameras)
    coverage = csr_array((np.ones(cameras), (rows, rows // 2)), shape=(cameras, (cameras + 1) // 2))
    usual = UsualLevels(cameras, factors, zone=SEOUL)
    return Excess(coverage, usual, half_life_s=np.full(factors, half_life_s), start_s=MONDAY_S)


def live_through(excess, hours, rate, *, rng, start_s=MONDAY_S, lying=None):
    """Poisson events of `rate` [cameras] or [cameras, hours] an hour of factor 0; everyone beats once a quarter of an hour."""
    everyone = np.arange(excess.cameras)
    rates = np.broadcast_to(np.asarray(rate, dtype=float).reshape(excess.cameras, -1), (excess.cameras, hours))
    for hour in range(hours):
        counts = rng.poisson(rates[:, hour])
        if lying is not None:
            counts[lying] = 40
        cameras = np.repeat(everyone, counts)
        seconds = start_s + (hour + rng.uniform(0, 1, cameras.size)) * HOUR_S
        order = np.argsort(seconds)
        quarters = np.digitize(seconds[order], start_s + (hour + np.array([0.25, 0.5, 0.75])) * HOUR_S)
        for quarter in range(4):
            excess.saw(everyone, start_s + (hour + quarter / 4) * HOUR_S + 1)
            part = order[quarters == quarter]
            excess.add(cameras[part], np.zeros(part.size, dtype=int), seconds[part])
            excess.advance(start_s + (hour + (quarter + 1) / 4) * HOUR_S)


def test_a_week_teaches_each_camera_its_own_rhythm():
    rng = np.random.default_rng(1)
    usual = UsualLevels(20, 1, zone=SEOUL)
    night = np.arange(168) % 24 < 6
    truth = np.where(night, 0.5, 4.0) * np.linspace(0.5, 2.0, 20)[:, np.newaxis]
    for hour in range(168 * 6):
        usual.learn(MONDAY_S + hour * HOUR_S, rng.poisson(truth[:, [hour % 168]]).astype(float), np.ones(20))
    learnt = np.stack([usual.rates(hour)[:, 0] for hour in range(168)], axis=1)
    assert np.abs(learnt[:, night].mean(axis=1) / truth[:, night].mean(axis=1) - 1).max() < 0.2
    assert np.abs(learnt[:, ~night].mean(axis=1) / truth[:, ~night].mean(axis=1) - 1).max() < 0.1
    assert usual.dispersion() == pytest.approx(np.ones((20, 1)), abs=0.4)


def test_hours_in_which_a_camera_was_blind_teach_nothing_of_it():
    usual = UsualLevels(2, 1, zone=SEOUL)
    for hour in range(168):
        usual.learn(MONDAY_S + hour * HOUR_S, np.array([[3.0], [0.0]]), np.array([1.0, 0.0]))
    assert usual.rates(10)[0, 0] == pytest.approx(3, rel=0.1)
    assert usual.rates(10)[1, 0] == pytest.approx(3, rel=0.1)  # as all others are, not nothing


def test_hours_of_the_week_follow_the_local_clock_through_summer_time():
    usual = UsualLevels(1, 1, zone=ZoneInfo("America/New_York"))
    assert usual.hour_of_week(1_772_949_600) == 6 * 24 + 1  # Sunday 8 March 2026, 01:00 EST
    assert usual.hour_of_week(1_772_949_600 + 3_600) == 6 * 24 + 3  # an hour later it is 03:00 EDT


def test_the_same_number_of_events_is_unusual_on_a_quiet_street_and_usual_on_a_busy_one():
    excess = pairs_of(4)
    live_through(excess, 168, [0.05, 0.05, 20.0, 20.0], rng=np.random.default_rng(2))
    now = MONDAY_S + 168 * HOUR_S + 60
    everyone = np.arange(4)
    excess.saw(everyone, now)
    before = excess.values(now)
    excess.add(np.repeat(everyone, 3), np.zeros(12, dtype=int), np.full(12, now))
    after = excess.values(now)
    assert after[0, 0] - before[0, 0] > 2
    assert abs(after[0, 1] - before[0, 1]) < 0.6
    assert not after[1].any()


def test_an_excess_fades_and_is_forgotten():
    excess = pairs_of(2)
    start = MONDAY_S + 10
    excess.saw([0, 1], start)
    excess.add([0, 0, 0, 1, 1, 1], np.zeros(6, dtype=int), np.full(6, start))
    levels = []
    for minutes in range(0, 300, 10):
        excess.saw([0, 1], start + minutes * 60)
        levels.append(float(excess.values(start + minutes * 60)[0, 0]))
    assert levels[0] > 2
    assert all(later <= earlier for earlier, later in pairwise(levels))
    assert levels[-1] == 0


def test_no_number_of_events_lifts_a_level_beyond_the_bound():
    excess = pairs_of(2)
    excess.add(np.zeros(100_000, dtype=int), np.zeros(100_000, dtype=int), np.full(100_000, MONDAY_S + 5))
    assert 1.4 < excess.values(MONDAY_S + 6)[0, 0] <= 3.0


def test_events_in_any_order_and_in_any_batches_give_the_same_state():
    rng = np.random.default_rng(3)
    camera, factor, at = rng.integers(0, 6, 300), rng.integers(0, 2, 300), MONDAY_S + rng.uniform(0, 3_000, 300)
    whole, parts = pairs_of(6), pairs_of(6)
    whole.add(camera, factor, at)
    order = np.argsort(at)
    order[150:] = order[150:][::-1]
    for piece in np.array_split(order, 7):
        parts.add(camera[piece], factor[piece], at[piece])
    now = MONDAY_S + 3_000
    assert parts._sum == pytest.approx(whole._sum)
    assert parts._hour_counts == pytest.approx(whole._hour_counts)
    assert parts.values(now).shape == (2, 3)


def test_an_event_of_an_hour_already_closed_is_counted_in_its_hour():
    excess = pairs_of(2)
    excess.saw([0, 1], MONDAY_S + 3_700)
    excess.advance(MONDAY_S + 3_700)
    excess.add([0], [0], [MONDAY_S + 1_800])
    assert excess.late == 1
    assert excess.usual.own[0, 0, 0] == 1
    assert not excess._hour_counts.any()


def test_a_silent_camera_fades_and_is_unknown_not_nothing():
    excess = pairs_of(2)
    live_through(excess, 48, [5.0, 5.0], rng=np.random.default_rng(4))
    end = MONDAY_S + 48 * HOUR_S
    excess.saw([0], end + 3 * HOUR_S)
    excess.saw([0], end + 6 * HOUR_S)
    health = excess.health(end + 6 * HOUR_S)
    assert health.fresh[1] == 0
    assert health.stale.tolist() == [False, True]
    assert excess.of_cell(0, end + 6 * HOUR_S).believed[1] == 0
    hours_before = excess.usual.hours[1].sum()
    excess.advance(end + 9 * HOUR_S)
    assert excess.usual.hours[1].sum() - hours_before < 1.5  # silence teaches no quiet
    assert excess.seen(end + 30 * HOUR_S).max() == 0
    assert not excess.values(end + 30 * HOUR_S).any()


def test_a_blind_camera_counts_for_nothing_while_it_is_blind():
    excess = pairs_of(2)
    now = MONDAY_S + 100
    excess.saw([0, 1], now)
    excess.add([0, 0, 0], [0, 0, 0], [now, now, now])
    assert excess.values(now)[0, 0] > 1
    excess.blind([0], [now], 120.0)
    assert excess.values(now + 1)[0, 0] <= 0
    assert excess.health(now + 1).blind.tolist() == [True, False]
    excess.saw([0, 1], now + 130)
    assert excess.values(now + 130)[0, 0] > 1


def test_a_camera_that_was_never_heard_of_is_not_believed():
    excess = pairs_of(2)
    excess.saw([0], MONDAY_S + 1)
    assert excess.health(MONDAY_S + 2).fresh.tolist() == [1, 0]
    assert not excess.health(MONDAY_S + 2).stale[1]


def test_a_stuck_camera_that_reports_the_same_number_each_hour_is_not_believed():
    excess = pairs_of(4)
    live_through(excess, 72, [6.0, 6.0, 6.0, 6.0], rng=np.random.default_rng(5), lying=[0])
    assert excess.usual.is_clockwork()[:, 0].tolist() == [True, False, False, False]
    assert excess.levels()[0, 0] == 0


def test_a_camera_that_disagrees_with_its_neighbours_loses_trust_and_the_honest_keep_it():
    rng = np.random.default_rng(6)
    cameras, hours = 40, 24 * 14
    street = rng.gamma(0.7, 3.0, (cameras // 2, hours))  # what happens differs from hour to hour; two cameras see it
    rates = np.repeat(street, 2, axis=0)
    liars = np.arange(0, 16, 4)
    rates[liars] = rng.gamma(0.7, 3.0, (liars.size, hours))
    excess = pairs_of(cameras)
    live_through(excess, hours, rates, rng=rng)
    trust = excess.health(MONDAY_S + hours * HOUR_S).trust
    with_honest_neighbour = np.arange(16, cameras)
    assert trust[with_honest_neighbour].min() > 0.9
    assert trust[liars].max() < 0.5


def test_a_camera_that_shouts_for_hours_is_silenced():
    excess = pairs_of(2)
    rng = np.random.default_rng(7)
    live_through(excess, 168, [2.0, 2.0], rng=rng)
    live_through(excess, 10, [2.0, 400.0], rng=rng, start_s=MONDAY_S + 168 * HOUR_S)
    assert excess.health(MONDAY_S + 178 * HOUR_S).trust[1] < 0.5
    assert excess.health(MONDAY_S + 178 * HOUR_S).trust[0] > 0.5


def test_a_checkpoint_goes_on_exactly_where_it_stopped():
    rng = np.random.default_rng(8)
    excess = pairs_of(6)
    live_through(excess, 30, np.full(6, 3.0), rng=rng)
    usual = UsualLevels.from_bytes(excess.usual.to_bytes(), zone=SEOUL)
    again = Excess.from_bytes(excess.to_bytes(), coverage=excess.coverage, usual=usual, half_life_s=excess.half_life_s)
    for one in (excess, again):
        live_through(one, 5, np.full(6, 3.0), rng=np.random.default_rng(9), start_s=MONDAY_S + 30 * HOUR_S)
    now = MONDAY_S + 35 * HOUR_S
    assert np.array_equal(excess.values(now), again.values(now))
    assert excess.to_bytes() == again.to_bytes()
    assert excess.usual.to_bytes() == again.usual.to_bytes()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"x\x9c" + b"0" * 50])
def test_a_damaged_checkpoint_is_refused_with_a_sentence(content):
    with pytest.raises(UnreadableStateError, match="cannot be read"):
        UsualLevels.from_bytes(content, zone=SEOUL)


def test_a_checkpoint_of_other_cameras_is_refused():
    content = pairs_of(4).to_bytes()
    other = pairs_of(6)
    with pytest.raises(UnreadableStateError, match="live state"):
        Excess.from_bytes(content, coverage=other.coverage, usual=other.usual, half_life_s=other.half_life_s)


def test_a_changed_list_of_cameras_keeps_what_each_has_learnt():
    excess = pairs_of(4)
    live_through(excess, 30, [1.0, 2.0, 3.0, 9.0], rng=np.random.default_rng(10))
    other = excess.rearranged(np.array([3, -1, 0]), csr_array(np.ones((3, 1))))
    assert other.usual.own[0] == pytest.approx(excess.usual.own[3])
    assert not other.usual.own[1].any()
    assert other.last_s[2] == excess.last_s[0]
    assert other.last_s[1] == -np.inf


def test_after_days_without_the_service_nothing_old_is_left():
    excess = pairs_of(2)
    excess.add([0, 0, 0], [0, 0, 0], np.full(3, MONDAY_S + 10))
    now = MONDAY_S + 20 * 24 * HOUR_S + 5
    assert not excess.values(now).any()
    assert excess.at_s == now


@pytest.mark.parametrize(
    ("camera", "factor", "at", "weight"),
    [([9], [0], [MONDAY_S], 1.0), ([0], [-1], [MONDAY_S], 1.0), ([0], [0], [np.nan], 1.0), ([0], [0], [MONDAY_S], 1.5)],
)
def test_events_that_cannot_be_are_refused_whole(camera, factor, at, weight):
    excess = pairs_of(2)
    with pytest.raises(PredictionError):
        excess.add(camera, factor, at, weight)
    assert not excess._sum.any()


def weights_of(mean, centre=None):
    mean = np.asarray(mean, dtype=float)
    names = tuple("abc")[: len(mean)], tuple("fghij")[: mean.shape[1]]
    return LiveWeights(*names, mean, np.full(mean.shape, 0.1), np.zeros(len(mean)) if centre is None else np.asarray(centre))


def test_without_the_live_part_the_forecast_comes_back_bit_for_bit():
    rates = np.random.default_rng(11).uniform(0, 1, (2, 50)).astype(np.float32)
    excess = np.random.default_rng(12).normal(0, 1, (3, 50)).astype(np.float32)
    weights = weights_of(np.full((2, 3), 0.3))
    assert np.array_equal(fuse(rates, None, excess).rates, rates)
    assert np.array_equal(fuse(rates, weights, 0 * excess).rates, rates)
    assert np.array_equal(fuse(rates, weights, 0 * excess, np.zeros(50, dtype=np.float32)).rates, rates)


def test_the_contributions_of_the_factors_add_up_to_the_lift():
    excess = np.array([[1.0, 0.0], [0.0, -2.0]], dtype=np.float32)
    rates = np.array([[0.5, 0.5], [0.1, 0.1]], dtype=np.float32)
    fused = fuse(rates, weights_of([[0.2, 0.1], [0.0, 0.4]]), excess)
    assert fused.contributions([0, 1]).sum(axis=1) == pytest.approx(fused.log_lift)
    assert fused.rates[0, 0] == pytest.approx(0.5 * np.exp(0.2))
    assert fused.rates[1, 1] == pytest.approx(0.1 * np.exp(-0.8))
    together = np.log(fused.rates.sum(axis=0) / rates.sum(axis=0))
    assert fused.lift_of_all() == pytest.approx(together, abs=1e-6)


def test_the_lift_is_bounded_both_ways():
    excess = np.array([[3.0, -3.0]], dtype=np.float32)
    fused = fuse(np.ones((1, 2), dtype=np.float32), weights_of([[5.0]]), excess)
    assert fused.rates[0] == pytest.approx([LIFT_MOST, 1 / LIFT_MOST])


def test_the_centre_touches_only_what_is_seen():
    fused = fuse(
        np.ones((1, 3), dtype=np.float32),
        weights_of([[0.5]], [-0.1]),
        np.zeros((1, 3), dtype=np.float32),
        np.array([1.0, 0.5, 0.0], dtype=np.float32),
    )
    assert fused.rates[0] == pytest.approx([np.exp(-0.1), np.exp(-0.05), 1.0])


def test_weights_of_other_lists_are_refused():
    with pytest.raises(PredictionError, match="same lists"):
        fuse(np.ones((2, 3), dtype=np.float32), weights_of([[0.5]]), np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(PredictionError, match="same cells"):
        fuse(np.ones((1, 3), dtype=np.float32), weights_of([[0.5]]), np.zeros((1, 4), dtype=np.float32))
