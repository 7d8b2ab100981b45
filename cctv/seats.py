"""Who watches what: the chosen cameras dealt out to operators.

In: camera positions and the risk each adds. Out: a seat number for each. Every seat gets one compact part of the map, because an
operator who knows the neighbouring views can follow a person from one to the next, and about its share of the risk.

The set is cut in two again and again (recursive bisection) until each part is one seat. Of six cutting directions the one is
taken that leaves the two sides most compact and their risk most even.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cctv.views import FloatArray, IntArray, metres_from

DIRECTIONS_DEG = (0, 30, 60, 90, 120, 150)


class SeatError(ValueError):
    """There are more cameras than the seats can watch."""


@dataclass(frozen=True, eq=False)
class _Chosen:
    """x, y: Float64[cameras] in metres; risk: Float64[cameras]; seat: Int64[cameras], filled in by `_deal`."""

    x: FloatArray
    y: FloatArray
    risk: FloatArray
    seat: IntArray


def deal_seats(lon: npt.ArrayLike, lat: npt.ArrayLike, risk: npt.ArrayLike, *, seats: int, per_seat: int) -> IntArray:
    """Seat of each camera: Int64[cameras], 1 to `seats`, at most `per_seat` cameras each.

    lon, lat: Float[cameras], degrees WGS84. risk: Float[cameras] ≥ 0. Seats are numbered in the order of the cuts, so
    that neighbouring numbers are mostly neighbours on the map. Raises `SeatError` if the cameras do not fit.
    """
    lon_deg, lat_deg = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    total = len(lon_deg)
    if total > seats * per_seat:
        raise SeatError(f"{total} cameras do not fit {seats} seats of {per_seat}.")
    if total == 0:
        return np.zeros(0, np.int64)
    x, y = metres_from(lon_deg.mean(), lat_deg.mean(), lon_deg, lat_deg)
    chosen = _Chosen(x, y, np.asarray(risk, np.float64), np.zeros(total, np.int64))
    _deal(chosen, np.arange(total), first=1, seats=seats, per_seat=per_seat)
    return chosen.seat


def _deal(chosen: _Chosen, members: IntArray, *, first: int, seats: int, per_seat: int) -> None:
    """Give seats `first` … `first + seats - 1` to these cameras."""
    if seats == 1 or len(members) == 0:
        chosen.seat[members] = first
        return
    left_seats = seats // 2
    # The left part must fit its seats and leave no more than the right ones hold; with enough cameras, no seat is idle.
    least = max(len(members) - (seats - left_seats) * per_seat, min(left_seats, len(members) // 2))
    most = min(left_seats * per_seat, max(least, len(members) - (seats - left_seats)))
    best: tuple[float, IntArray, IntArray] | None = None
    for direction_deg in DIRECTIONS_DEG:
        angle = np.radians(direction_deg)
        along = chosen.x[members] * np.sin(angle) + chosen.y[members] * np.cos(angle)
        ordered = members[np.lexsort((members, along))]
        cut, unevenness = _even_cut(chosen.risk[ordered], share=left_seats / seats, least=least, most=most)
        left, right = ordered[:cut], ordered[cut:]
        score = unevenness + (_scatter(chosen, left) + _scatter(chosen, right)) / max(_scatter(chosen, members), 1e-9)
        if best is None or score < best[0] - 1e-12:
            best = (score, left, right)
    assert best is not None  # noqa: S101  for the type checker: there are six directions
    _deal(chosen, best[1], first=first, seats=left_seats, per_seat=per_seat)
    _deal(chosen, best[2], first=first + left_seats, seats=seats - left_seats, per_seat=per_seat)


def _even_cut(risk: FloatArray, *, share: float, least: int, most: int) -> tuple[int, float]:
    """How many cameras go to the left so that it gets nearest to its share of the risk, and how far off that is (0 to 1)."""
    total = float(risk.sum())
    before = np.concatenate([[0.0], np.cumsum(risk)]) / total if total > 0 else np.arange(len(risk) + 1) / len(risk)
    off = np.abs(before[least : most + 1] - share)
    best = int(np.argmin(off))
    return least + best, float(off[best])


def _scatter(chosen: _Chosen, members: IntArray) -> float:
    """Sum of squared distances to the middle, in m²."""
    if len(members) == 0:
        return 0.0
    return float(
        ((chosen.x[members] - chosen.x[members].mean()) ** 2 + (chosen.y[members] - chosen.y[members].mean()) ** 2).sum()
    )
