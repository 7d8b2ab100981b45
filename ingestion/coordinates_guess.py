"""Which CRS a file's coordinates are in: every system in use at the place is tried, and the points themselves decide.

Two signs count: whether points fall inside or near the jurisdiction, and whether each falls into the area (gu, dong) that
its own address names. Systems of one country often differ by some hundred metres only; then the second sign alone tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from ingestion.coordinates_crs import box_in, crs_title, in_use_at, to_degrees
from ingestion.mapping import Evidence
from ingestion.places import Boundary

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SAMPLE = 4000
_SAME_M = 5.0
_REACH_M = 30_000.0  # a file of the whole city, uploaded by one of its districts
_M_PER_DEGREE = 111_320.0
_FEWEST_ADDRESSES = 20
_LEAST_OWN_SHARE = 0.97  # less means that addresses or areas are not good enough to judge by: areas may be displaced too
_SURE = 10.8  # McNemar's statistic at one in a thousand


@dataclass(frozen=True)
class CrsCandidate:
    """One way to read the coordinates. Shares are 0–1 of the points judged.

    `inside`: in the jurisdiction; `near`: inside or within 30 km of its box; `in_own_area`: of `judged` rows whose address
    names a known area, those that fall into it, None without addresses. `same_as`: systems that give the same points.
    """

    crs: str
    swapped: bool
    inside: float
    near: float
    in_own_area: float | None = None
    judged: int = 0
    same_as: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return crs_title(self.crs)


@dataclass(frozen=True)
class CrsGuess:
    """What the points say. `candidates`: best first, only those that put points near; `decided`: whether the first stands alone.

    `points`: how many points were judged. With no candidates at all, the file belongs to another place.
    """

    candidates: tuple[CrsCandidate, ...]
    decided: bool
    points: int
    evidence: tuple[Evidence, ...]

    @property
    def best(self) -> CrsCandidate | None:
        return self.candidates[0] if self.candidates else None

    def options(self) -> tuple[tuple[str, Evidence], ...]:
        """What a person may choose from, as `ingestion.mapping.Guess.options` takes it."""
        return tuple((one.crs, _shares(one, self.points)) for one in self.candidates)


@dataclass(eq=False)
class _Trial:
    candidate: CrsCandidate
    longitude: Float64Array
    latitude: Float64Array
    own: BoolArray


def guess_crs(
    x: Float64Array,
    y: Float64Array,
    *,
    boundary: Boundary,
    address_areas: Sequence[str] | None = None,
    areas: Mapping[str, shapely.Geometry] | None = None,
    also: Sequence[str] = (),
) -> CrsGuess:
    """Guess the CRS of points. `x`, `y`: Float64[n] as the file gives them (easting or longitude first), NaN where unreadable.

    `address_areas`: n names of the area that each row's own address names, "" where it names none; `areas`: polygons in WGS84
    by that name. `also`: systems to try beside those in use at the place, such as the one that the file states.
    """
    rows = _sample(x, y)
    x, y = x[rows], y[rows]
    if not rows.size:
        return CrsGuess((), False, 0, (Evidence("crs", "crs_no_points"),))
    names = np.array([address_areas[row] for row in rows.tolist()], dtype=object) if address_areas and areas else None
    near_box = _reach(boundary)
    trials = []
    for crs in dict.fromkeys((*also, *in_use_at(*boundary.centre))):
        for swapped in (False, True):
            trial = _try(crs, swapped, (y, x) if swapped else (x, y), boundary, near_box)
            if trial is not None:
                trials.append(_by_address(trial, names, areas or {}))
    ranked = _merge(sorted(trials, key=_rank))
    return _judge(ranked, len(rows), boundary)


def _sample(x: Float64Array, y: Float64Array) -> NDArray[np.int64]:
    usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & (x != 0) & (y != 0))
    if usable.size > SAMPLE:
        usable = usable[np.linspace(0, usable.size - 1, SAMPLE).astype(np.int64)]
    return usable


def _reach(boundary: Boundary) -> tuple[float, float, float, float]:
    west, south, east, north = boundary.shape.bounds
    up = _REACH_M / _M_PER_DEGREE
    aside = up / max(np.cos(np.radians((south + north) / 2)), 0.05)
    return float(max(west - aside, -180)), float(max(south - up, -90)), float(min(east + aside, 180)), float(min(north + up, 90))


def _try(
    crs: str,
    swapped: bool,
    xy: tuple[Float64Array, Float64Array],
    boundary: Boundary,
    near_box: tuple[float, float, float, float],
) -> _Trial | None:
    left, bottom, right, top = box_in(crs, *near_box)
    x, y = xy
    near = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    if not near.any():
        return None
    longitude, latitude = np.full(len(x), np.nan), np.full(len(x), np.nan)
    longitude[near], latitude[near] = to_degrees(crs, x[near], y[near])
    inside = boundary.holds(latitude, longitude)
    candidate = CrsCandidate(crs, swapped, float(inside.mean()), float(near.mean()))
    return _Trial(candidate, longitude, latitude, np.zeros(len(x), np.bool_))


def _by_address(trial: _Trial, names: NDArray[np.object_] | None, areas: Mapping[str, shapely.Geometry]) -> _Trial:
    """How many points fall where their own address says. A row whose address names no known area agrees outside all of them."""
    if names is None:
        return trial
    known = np.isin(names, list(areas))
    elsewhere = np.flatnonzero(~known & (names != ""))
    trial.own[elsewhere] = True
    for name, area in areas.items():
        rows = np.flatnonzero(names == name)
        trial.own[rows] = shapely.contains_xy(area, trial.longitude[rows], trial.latitude[rows])
        trial.own[elsewhere] &= ~shapely.contains_xy(area, trial.longitude[elsewhere], trial.latitude[elsewhere])
    judged = int(known.sum())
    if judged >= _FEWEST_ADDRESSES:
        trial.candidate = replace(trial.candidate, in_own_area=float(trial.own[known].mean()), judged=judged)
    return trial


def _rank(trial: _Trial) -> tuple[float, float, float]:
    """Sorting is stable, so that among equals the order of `in_use_at` stays."""
    one = trial.candidate
    return -round(one.near, 1), -round(one.in_own_area or 0.0, 3), -round(one.inside, 3)


def _merge(trials: list[_Trial]) -> list[_Trial]:
    """Systems that give the same points to within some metres become one candidate, named by the first in use."""
    kept: list[_Trial] = []
    for trial in trials:
        for known in kept:
            if _same(trial, known):
                known.candidate = replace(known.candidate, same_as=(*known.candidate.same_as, trial.candidate.crs))
                break
        else:
            kept.append(trial)
    return kept


def _same(one: _Trial, other: _Trial) -> bool:
    north_m = np.abs(one.latitude - other.latitude) * _M_PER_DEGREE
    east_m = np.abs(one.longitude - other.longitude) * _M_PER_DEGREE * np.cos(np.radians(other.latitude))
    apart = np.hypot(north_m, east_m)
    return bool(np.isfinite(apart).any() and np.nanmax(apart) <= _SAME_M)


def _judge(ranked: list[_Trial], points: int, boundary: Boundary) -> CrsGuess:
    candidates = tuple(trial.candidate for trial in ranked)
    if not ranked or candidates[0].near < 0.5:
        return CrsGuess(candidates, False, points, (Evidence("crs", "crs_nowhere", {"count": points}),))
    best = candidates[0]
    evidence = [_shares(best, points)]
    if best.swapped:
        evidence.append(Evidence("crs", "crs_swapped", {"crs": best.crs}))
    if best.same_as:
        evidence.append(Evidence("crs", "crs_same", {"crs": best.crs, "others": ", ".join(best.same_as[:6])}))
    rivals = [trial for trial in ranked[1:] if trial.candidate.near >= 0.5 * best.near]
    by_address = best.in_own_area is not None
    if by_address:
        evidence.append(_own_share(best))
    evidence += [_own_share(one.candidate) if by_address else _shares(one.candidate, points) for one in rivals[:3]]
    decided = all(_beats(ranked[0], rival) for rival in rivals)
    if not decided:
        evidence.append(Evidence("crs", "crs_open", {"others": ", ".join(one.candidate.crs for one in rivals[:6])}))
    return CrsGuess(candidates, decided, points, tuple(evidence))


def _beats(best: _Trial, rival: _Trial) -> bool:
    """Whether the addresses tell the two apart: McNemar's test on the rows in which they differ."""
    if best.candidate.in_own_area is None or best.candidate.in_own_area < _LEAST_OWN_SHARE:
        return False
    only_best, only_rival = int((best.own & ~rival.own).sum()), int((rival.own & ~best.own).sum())
    differing = only_best + only_rival
    return differing > 0 and only_best > only_rival and (only_best - only_rival) ** 2 / differing > _SURE


def _shares(one: CrsCandidate, points: int) -> Evidence:
    given = {"crs": one.crs, "title": one.title, "count": points, "inside": _percent(one.inside), "near": _percent(one.near)}
    return Evidence("crs", "crs_shares", given)


def _own_share(one: CrsCandidate) -> Evidence:
    given = {"crs": one.crs, "title": one.title, "count": one.judged, "share": _percent(one.in_own_area or 0.0)}
    return Evidence("crs", "crs_own_area", given)


def _percent(share: float) -> str:
    return f"{share:.1%}"
