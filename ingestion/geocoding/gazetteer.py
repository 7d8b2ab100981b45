"""The offline geocoder: everything the jurisdiction has records of (areas, places, addresses), and nothing from outside."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from ingestion.geocoding.address import Address, parse_address
from ingestion.geocoding.hits import Hit, Precision

SOURCE = "gazetteer"
_M_PER_DEGREE = 111_320.0
_FEWEST_ON_ROAD = 2
_CONFLICT_M = 200.0  # records of one address that lie further apart than this prove nothing
_HITS_SHOWN = 5
_BUILDING_M, _LEARNED_M = 20.0, 200.0  # of 838 lamps of 서초구 90 % lie within 186 m of the café of their address
_SLIVER = 0.03  # outlines of different years never meet exactly
_SHORT_NAME, _LONG_NAME = 3, 5  # letters; "강남" or "수서" alone are names of anything


@dataclass(frozen=True)
class AreaEntry:
    """A gu, 행정동 or 법정동 (`level`: "gu", "dong", "legal_dong") with its outline in WGS84. `gu`: the gu it lies in."""

    level: str
    name: str
    gu: str
    outline: shapely.Geometry


@dataclass(frozen=True)
class PlaceEntry:
    """A known place with its name; its address, where given, is learned too, as a lot."""

    name: str
    longitude: float
    latitude: float
    address: str = ""


@dataclass(frozen=True)
class AddressEntry:
    """One line of a road-name address file: an address, as 도로명 or 지번, and where its building stands."""

    address: str
    longitude: float
    latitude: float


_Point = tuple[float, float]
_Record = tuple[_Point, Precision, str]
_Building = tuple[str, str, tuple[int, int], bool]
_Lot = tuple[str, str, tuple[int, int], bool]


class Gazetteer:
    """Finds addresses and names among its records. Never claims more than they show: a number nobody knows is its road only."""

    def __init__(
        self,
        *,
        areas: Iterable[AreaEntry] = (),
        places: Iterable[PlaceEntry] = (),
        addresses: Iterable[AddressEntry] = (),
        home_sido: str | None = None,
    ):
        self.home_sido = home_sido
        self._buildings: dict[_Building, list[_Record]] = {}
        self._lots: dict[_Lot, list[_Record]] = {}
        self._roads: dict[str, dict[str, list[tuple[int, _Point]]]] = {}
        self._names: dict[str, list[tuple[_Point, str, str]]] = {}
        self._areas: dict[str, list[AreaEntry]] = {}
        self._gu_learned: set[str] = set()
        self._legal: dict[str, list[AreaEntry]] = {}
        self._lot_keys: dict[tuple[str, str], str] = {}
        for area in areas:
            self._areas.setdefault(area.name.replace(" ", ""), []).append(area)
            if area.level == "legal_dong":
                self._legal.setdefault(area.gu, []).append(area)
        for entry in addresses:
            self._learn(entry.address, (entry.longitude, entry.latitude), Precision.EXACT)
        for place in places:
            point = place.longitude, place.latitude
            gu = self._learn(place.address, point, Precision.LOT) if place.address else ""
            if len(key := name_key(place.name)) >= _SHORT_NAME:
                self._names.setdefault(key, []).append((point, place.name, gu))

    def find(self, text: str) -> Sequence[Hit]:
        """Hits, the most precise kind only: of a known number no middle of its dong is offered as well."""
        address = parse_address(text, home_sido=self.home_sido)
        if address.is_blank or (address.sido and self.home_sido and address.sido != self.home_sido):
            return ()  # 부산광역시 중구 is not the 중구 of the records
        for seek in (self._by_number, self._by_name, self._by_road, self._by_area):
            hits = seek(address, text)
            if hits:
                return hits[:_HITS_SHOWN]
        return ()

    def _learn(self, text: str, point: _Point, precision: Precision) -> str:
        address = parse_address(text, home_sido=self.home_sido)
        gu = address.sigungu or ""
        self._gu_learned.add(gu)
        if address.road and address.building:
            self._buildings.setdefault((gu, address.road, address.building, address.under), []).append((point, precision, text))
            self._roads.setdefault(address.road, {}).setdefault(gu, []).append((address.building[0], point))
        elif address.dong and address.lot:
            key = gu, self._lot_key(gu, address.dong), address.lot, address.san
            self._lots.setdefault(key, []).append((point, precision, text))
        return gu

    def _by_number(self, address: Address, text: str) -> list[Hit]:
        """The building or the lot; without a gu in the text, in every gu that has it."""
        hits = []
        for gu in [address.sigungu] if address.sigungu else self._gu_names():
            known: list[_Record] = []
            if address.road and address.building:
                known = self._buildings.get((gu, address.road, address.building, address.under), [])
            elif address.dong and address.lot:
                known = self._lots.get((gu, self._lot_key(gu, address.dong), address.lot, address.san), [])
            hits += _one_place(known) if known else []
        return sorted(hits, key=lambda hit: -hit.precision)

    def _lot_key(self, gu: str, name: str) -> str:
        """The 법정동 by which the lots of a dong are numbered, where its outline says that there is but one.

        양재2동 375 may be lot 375 of 양재동, 원지동 or 신원동: then the name stays, and only records that name it so fit.
        """
        legal_name = lot_dong(name)
        if legal_name == name:
            return name
        if (gu, name) not in self._lot_keys:
            own = next((area for area in self._areas.get(name, []) if area.level == "dong" and area.gu == gu), None)
            inside = [area.name for area in self._legal.get(gu, ()) if own is not None and _overlap(own, area) > _SLIVER]
            self._lot_keys[gu, name] = legal_name if inside == [legal_name] else name
        return self._lot_keys[gu, name]

    def _gu_names(self) -> list[str]:
        named = {area.gu for found in self._areas.values() for area in found}
        return sorted(named | self._gu_learned)

    def _by_name(self, address: Address, text: str) -> list[Hit]:
        """Places of this name; a gu in the text keeps those of other gu out.

        Behind a number nobody knows only a long name counts: a short one may be a word like any other.
        """
        least = _LONG_NAME if address.building or address.lot else _SHORT_NAME
        for key in dict.fromkeys((name_key(address.rest), name_key(text))):
            known = self._names.get(key, []) if len(key) >= least else []
            fitting = [one for one in known if not (address.sigungu and one[2]) or one[2] == address.sigungu]
            spots = {(round(point[0], 4), round(point[1], 4)): (point, name) for point, name, _ in fitting}
            if spots:
                return [Hit(*point, Precision.EXACT, name, SOURCE, 50.0) for point, name in spots.values()]
        return []

    def _by_road(self, address: Address, text: str) -> list[Hit]:
        """The road itself, shown at its nearest known number; how far the asked number lies from it nobody knows."""
        hits = []
        for gu, numbers in self._roads.get(address.road, {}).items() if address.road else ():
            if (address.sigungu and gu != address.sigungu) or len(numbers) < _FEWEST_ON_ROAD:
                continue
            wanted = address.building[0] if address.building else sorted(number for number, _ in numbers)[len(numbers) // 2]
            point = min(numbers, key=lambda one: abs(one[0] - wanted))[1]
            hits.append(Hit(*point, Precision.ROAD, f"{gu} {address.road}".strip(), SOURCE))
        return hits

    def _by_area(self, address: Address, text: str) -> list[Hit]:
        """The middle of the 법정동 or 행정동, else of the gu."""
        if address.dong:
            found = self._areas.get(address.dong.replace(" ", ""), [])
            fitting = [area for area in found if area.level != "gu" and address.sigungu in (None, area.gu)]
            by_gu = {area.gu: area for area in sorted(fitting, key=lambda area: area.level != "legal_dong", reverse=True)}
            if by_gu:
                return [_middle(area, Precision.DONG) for area in by_gu.values()]
        if address.sigungu:
            return [_middle(area, Precision.GU) for area in self._areas.get(address.sigungu, []) if area.level == "gu"]
        return []


def _overlap(own: AreaEntry, other: AreaEntry) -> float:
    """Share of the first area that the second covers. Published outlines cross themselves now and then."""
    one, two = shapely.make_valid(own.outline), shapely.make_valid(other.outline)
    return float(shapely.intersection(one, two).area / one.area) if one.area else 0.0


def lot_dong(name: str) -> str:
    """The 법정동 by which lots are numbered, where a text names the 행정동: 장안2동 → 장안동, 성수1가2동 → 성수동1가."""
    part = re.fullmatch(r"(.+?)(\d+)가\d*동", name)
    if part:
        return f"{part[1]}동{part[2]}가"
    return re.sub(r"(?:제?\d[\d.·]*|본)동$", "동", name)


def name_key(name: str) -> str:
    """A name without blanks, signs and case: "서울역 (1호선)" and "서울역1호선" are one."""
    return re.sub(r"[^\w가-힣]", "", name).casefold()


def _one_place(known: list[_Record]) -> list[Hit]:
    """All records of one address as one hit; nothing where they contradict each other."""
    best = max(precision for _, precision, _ in known)
    records = [one for one in known if one[1] == best]
    middle = float(np.median([one[0][0] for one in records])), float(np.median([one[0][1] for one in records]))
    spread_m = max(_apart_m(middle, one[0]) for one in records)
    if spread_m > _CONFLICT_M:
        return []
    return [Hit(*middle, best, records[0][2], SOURCE, max(spread_m, _BUILDING_M if best == Precision.EXACT else _LEARNED_M))]


def _middle(area: AreaEntry, precision: Precision) -> Hit:
    point = area.outline.centroid
    if not area.outline.contains(point):
        point = area.outline.representative_point()
    west, south, east, north = area.outline.bounds
    corner = max(_apart_m((point.x, point.y), one) for one in ((west, south), (west, north), (east, south), (east, north)))
    name = area.name if precision == Precision.GU else f"{area.gu} {area.name}".strip()
    return Hit(point.x, point.y, precision, name, SOURCE, corner)


def _apart_m(one: _Point, other: _Point) -> float:
    east = (one[0] - other[0]) * math.cos(math.radians(one[1])) * _M_PER_DEGREE
    return math.hypot(east, (one[1] - other[1]) * _M_PER_DEGREE)
