"""Sites: the shops, bars, homes, stations and other spots around which the demo city's incidents happen.

Their numbers and where they gather are assumptions; how much crime each kind draws follows the published shares.
Each site has its own lasting multiplier (a gamma draw), which makes the stable hotspots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from simulation.geography import Feature, Geography, points_inside, scatter
from simulation.streets import Streets

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

SPOTS_PER_SITE = 24  # places around a site where an incident may be recorded
HOTSPOT_SHAPE = 0.55  # gamma shape of a site's lasting multiplier: the smaller, the more uneven
CATEGORY_SHAPE = 2.0  # gamma shape of the part of it that differs by category
EDGE_M = 12.0  # no spot this close to the outline, water or deep forest

# Sites of each kind: how many, and how far an incident may be from its site (standard deviation in metres).
SITES: dict[str, tuple[int, float]] = {
    "house": (2400, 18.0),
    "apartment": (420, 55.0),
    "street": (2600, 25.0),
    "mall": (60, 35.0),
    "shop": (1100, 12.0),
    "lodging": (110, 12.0),
    "restaurant": (900, 12.0),
    "bar": (380, 15.0),
    "transit": (300, 40.0),
    "leisure": (170, 15.0),
    "park": (140, 45.0),
    "education": (130, 35.0),
    "public": (180, 30.0),
    "other": (1500, 25.0),
}


@dataclass(frozen=True, eq=False)
class Sites:
    """kind: Int64[sites], position in `kinds`; weight: Float64[sites, categories], share of the site within its kind;
    spots: Float64[spots, 2] in metres, those of one site one after another; first, count: Int64[sites] into `spots`.
    """

    kinds: tuple[str, ...]
    kind: Int64
    weight: Float64
    spots: Float64
    first: Int64
    count: Int64


def lay_sites(
    geography: Geography, streets: Streets, *, kinds: tuple[str, ...], categories: int, rng: np.random.Generator
) -> Sites:
    """Put the sites of every kind on the ground and draw their multipliers."""
    placer = _Placer(geography, streets, rng)
    parts = [placer.place(kind) for kind in kinds]
    where = np.concatenate([points for points, _size in parts])
    size = np.concatenate([sizes for _points, sizes in parts])
    kind = np.repeat(np.arange(len(kinds)), [len(points) for points, _size in parts])
    spread = np.array([SITES[name][1] for name in kinds])[kind]
    spots, first, count = _spots_around(geography, where, spread, rng)
    lasting = rng.gamma(HOTSPOT_SHAPE, 1 / HOTSPOT_SHAPE, size=len(where)) * size
    weight = lasting[:, None] * rng.gamma(CATEGORY_SHAPE, 1 / CATEGORY_SHAPE, size=(len(where), categories))
    weight[count == 0] = 0.0
    for index in range(len(kinds)):
        of_kind = kind == index
        weight[of_kind] /= weight[of_kind].sum(axis=0)
    return Sites(kinds, kind, weight, spots, first, count)


def _spots_around(
    geography: Geography, where: Float64, spread_m: Float64, rng: np.random.Generator
) -> tuple[Float64, Int64, Int64]:
    """Spots Float64[spots, 2] around the sites where incidents may lie, with each site's first spot and number of spots."""
    offsets = rng.normal(size=(len(where), SPOTS_PER_SITE, 2)) * spread_m[:, None, None]
    trial = where[:, None, :] + offsets
    flat = trial.reshape(-1, 2)
    allowed = points_inside(allowed_ground(geography), flat).reshape(len(where), SPOTS_PER_SITE)
    count = allowed.sum(axis=1)
    return trial[allowed], np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64), count.astype(np.int64)


def allowed_ground(geography: Geography) -> shapely.Geometry:
    """Where incidents may lie, in metres: the built ground and the rims of forests where paths begin, never water."""
    forests = shapely.union_all([geography.plane.flat(forest.geometry) for forest in geography.of_kind("forest")])
    rim = shapely.difference(forests, forests.buffer(-120))
    ground = shapely.union_all([geography.plane.flat(geography.buildable), rim])
    return ground.buffer(-EDGE_M)


class _Placer:
    """Finds positions and sizes for the sites of one kind after another."""

    def __init__(self, geography: Geography, streets: Streets, rng: np.random.Generator):
        self.geography, self.streets, self.rng = geography, streets, rng
        self.plane = geography.plane
        self.street_points = streets.points
        self.near_street = cKDTree(self.street_points)
        population = np.array([dong.population for dong in geography.dongs], dtype=float)
        lanes_in_dong = np.bincount(streets.lane_dong, minlength=len(population))
        self.lane_weight = (population / np.maximum(lanes_in_dong, 1))[streets.lane_dong]

    def place(self, kind: str) -> tuple[Float64, Float64]:
        """Positions Float64[n, 2] in metres and relative sizes Float64[n] of the sites of a kind."""
        count = SITES[kind][0]
        special = getattr(self, f"_{kind}", None)
        points, sizes = special(count) if special else (self._mixed(count), np.ones(count))
        return points, sizes

    def _house(self, count: int) -> tuple[Float64, Float64]:
        return self._on_lanes(count) + self.rng.normal(scale=10, size=(count, 2)), np.ones(count)

    def _apartment(self, count: int) -> tuple[Float64, Float64]:
        return self._on_lanes(count) + self.rng.normal(scale=30, size=(count, 2)), np.ones(count)

    def _street(self, count: int) -> tuple[Float64, Float64]:
        busy = count // 2
        return np.concatenate([self._mixed(busy), self._on_lanes(count - busy)]), np.ones(count)

    def _mall(self, count: int) -> tuple[Float64, Float64]:
        points, sizes = self._features("mall")
        markets = count - len(points)
        return np.concatenate([points, self._around(("station",), markets, 250)]), np.concatenate([sizes, np.full(markets, 0.35)])

    def _lodging(self, count: int) -> tuple[Float64, Float64]:
        return self._around(("bar_street", "bus_terminal"), count, 200), np.ones(count)

    def _bar(self, count: int) -> tuple[Float64, Float64]:
        streets = int(count * 0.8)
        return np.concatenate(
            [self._around(("bar_street",), streets, 110), self._around(("station",), count - streets, 250)]
        ), np.ones(count)

    def _transit(self, count: int) -> tuple[Float64, Float64]:
        points, sizes = self._features("station", "bus_terminal")
        stops = count - len(points)
        chosen = self.rng.choice(len(self.streets.road_points), size=stops, replace=False)
        return np.concatenate([points, self.streets.road_points[chosen]]), np.concatenate([sizes * 2.0, np.full(stops, 0.25)])

    def _park(self, count: int) -> tuple[Float64, Float64]:
        parks = shapely.union_all([self.plane.flat(park.geometry) for park in self.geography.of_kind("park")])
        forests = [self.plane.flat(forest.geometry) for forest in self.geography.of_kind("forest")]
        rims = shapely.union_all([shapely.difference(forest.buffer(-15), forest.buffer(-90)) for forest in forests])
        in_parks, on_rims = count // 3, count // 3
        lots = self._on_lanes(count - in_parks - on_rims)  # pocket parks and empty lots
        points = np.concatenate([scatter(parks, in_parks, self.rng), scatter(rims, on_rims, self.rng), lots])
        return points, np.repeat([2.0, 0.4, 1.0], [in_parks, on_rims, len(lots)])

    def _education(self, count: int) -> tuple[Float64, Float64]:
        points, sizes = self._features("school")
        academies = count - len(points)
        return np.concatenate([points, self._around(("station",), academies, 300)]), np.concatenate([sizes, np.ones(academies)])

    def _public(self, count: int) -> tuple[Float64, Float64]:
        points, sizes = self._features("office", "hospital")
        banks = count - len(points)
        return np.concatenate([points, self._around(("station",), banks, 300)]), np.concatenate([sizes, np.full(banks, 0.5)])

    def _mixed(self, count: int) -> Float64:
        """Shops and the like: most near stations and lively streets, some along main roads, some in the lanes."""
        lively, along = int(count * 0.55), int(count * 0.2)
        chosen = self.rng.choice(len(self.streets.road_points), size=along)
        near = self._around(("station", "bar_street", "mall", "bus_terminal"), lively, 220)
        return np.concatenate([near, self.streets.road_points[chosen], self._on_lanes(count - lively - along)])

    def _on_lanes(self, count: int) -> Float64:
        """Points on lanes, as many to a dong as its people demand."""
        share = self.lane_weight / self.lane_weight.sum()
        return self.streets.lane_points[self.rng.choice(len(share), size=count, p=share)]

    def _around(self, kinds: tuple[str, ...], count: int, spread_m: float) -> Float64:
        """Street points around features of some kinds, drawn by their size."""
        points, sizes = self._features(*kinds)
        chosen = self.rng.choice(len(points), size=count, p=sizes / sizes.sum())
        wanted = points[chosen] + self.rng.normal(scale=spread_m, size=(count, 2))
        _distance, nearest = self.near_street.query(wanted)
        return np.asarray(self.street_points[nearest])

    def _features(self, *kinds: str) -> tuple[Float64, Float64]:
        found: list[Feature] = self.geography.of_kind(*kinds)
        degrees = shapely.get_coordinates([feature.geometry.centroid for feature in found])
        return self.plane.to_metres(degrees), np.array([feature.size for feature in found])
