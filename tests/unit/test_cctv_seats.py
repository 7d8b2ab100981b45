"""Dealing the chosen cameras out to operators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cctv.seats import SeatError, deal_seats


def city(seed: int, cameras: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 127 + rng.uniform(0, 0.08, cameras), 37.48 + rng.uniform(0, 0.06, cameras), rng.gamma(0.5, 0.01, cameras)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 20), st.floats(0, 1))
def test_every_camera_gets_one_seat_and_no_seat_too_many(seed: int, seats: int, per_seat: int, filled: float) -> None:
    cameras = round(filled * seats * per_seat)
    dealt = deal_seats(*city(seed, cameras), seats=seats, per_seat=per_seat)
    counts = np.bincount(dealt, minlength=seats + 1)
    assert counts[0] == 0
    assert len(counts) == seats + 1
    assert counts.max(initial=0) <= per_seat
    assert cameras < seats or (counts[1:] > 0).all()  # nobody sits idle while another has two


@given(st.integers(0, 2**32 - 1))
def test_seats_with_room_to_spare_share_the_risk_evenly(seed: int) -> None:
    lon, lat, risk = city(seed, 240)
    dealt = deal_seats(lon, lat, risk, seats=6, per_seat=80)
    shares = np.array([risk[dealt == seat].sum() for seat in range(1, 7)]) / risk.sum()
    assert shares.max() < 0.25
    assert shares.min() > 0.10


def test_each_seat_is_compact() -> None:
    lon, lat, risk = city(4, 300)
    dealt = deal_seats(lon, lat, risk, seats=6, per_seat=50)
    within = np.mean([np.var(lon[dealt == seat]) + np.var(lat[dealt == seat]) for seat in range(1, 7)])
    assert within < 0.3 * (np.var(lon) + np.var(lat))


def test_the_same_cameras_are_dealt_the_same_way() -> None:
    assert (deal_seats(*city(9, 100), seats=5, per_seat=25) == deal_seats(*city(9, 100), seats=5, per_seat=25)).all()


def test_cameras_on_one_pole_are_dealt_out_too() -> None:
    dealt = deal_seats(np.full(10, 127.0), np.full(10, 37.5), np.zeros(10), seats=2, per_seat=5)
    assert np.bincount(dealt).tolist() == [0, 5, 5]


def test_more_cameras_than_the_seats_hold_are_refused() -> None:
    with pytest.raises(SeatError, match="11 cameras do not fit 2 seats of 5"):
        deal_seats(*city(1, 11), seats=2, per_seat=5)
