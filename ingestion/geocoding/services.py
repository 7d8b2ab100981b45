"""VWorld, Kakao and Juso: how each is asked and what its answers mean. The network is handed in: `ask` takes a request.

Formats as the providers document them: VWorld "Geocoder API 2.0" (req/address, getCoord), Kakao "Local API" (search/address),
Juso "도로명주소 검색 API" and "좌표제공 API" (addrLinkApi, addrCoordApi; its points are EPSG:5179).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import numpy as np

from ingestion.coordinates_crs import to_degrees
from ingestion.geocoding.address import Address, parse_address
from ingestion.geocoding.hits import GeocoderRefused, Hit, Precision

_RADIUS_M = {Precision.EXACT: 30.0, Precision.LOT: 100.0, Precision.ROAD: None, Precision.DONG: None, Precision.GU: None}
_JUSO_LOOKED_UP = 3


@dataclass(frozen=True)
class Request:
    """One GET request."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """What came back: the HTTP status and the body."""

    status: int
    body: bytes


Ask = Callable[[Request], Response]


class Service(Protocol):
    """One provider. `find` asks it through `ask`, as often as it needs to. Raises `GeocoderRefused`."""

    @property
    def name(self) -> str: ...

    def find(self, text: str, ask: Ask) -> Sequence[Hit]: ...


@dataclass(frozen=True)
class VWorld:
    """VWorld's geocoder: one request for a road-name or a lot address, a second of the other kind if the first finds nothing."""

    key: str
    base_url: str = "https://api.vworld.kr"
    name: str = "vworld"

    def find(self, text: str, ask: Ask) -> Sequence[Hit]:
        wanted = parse_address(text)
        for kind in ("road", "parcel") if wanted.road else ("parcel", "road"):
            query = {
                "service": "address", "request": "getcoord", "version": "2.0", "crs": "epsg:4326", "address": text.strip(),
                "refine": "true", "simple": "false", "format": "json", "type": kind, "key": self.key,
            }  # fmt: skip
            answer = _object(
                _json(ask(Request(f"{self.base_url}/req/address?{urlencode(query)}")), self.name), "response", self.name
            )
            status = answer.get("status")
            if status == "OK":
                return self._hits(answer, wanted, kind)
            if status != "NOT_FOUND":
                code = str((answer.get("error") or {}).get("code", status))
                raise GeocoderRefused(_VWORLD_ERRORS.get(code, "geocoder_down"), self.name, code)
        return ()

    def _hits(self, answer: Mapping[str, Any], wanted: Address, kind: str) -> Sequence[Hit]:
        refined = answer.get("refined") or {}
        matched, structure = str(refined.get("text", "")), refined.get("structure") or {}
        has_number = bool(structure.get("level5"))
        point = _object(_object(answer, "result", self.name), "point", self.name)
        if has_number and not wanted.agrees(parse_address(matched)):
            return ()
        if has_number:
            precision = Precision.EXACT if kind == "road" else Precision.LOT
        else:
            precision = Precision.ROAD if kind == "road" else Precision.DONG if structure.get("level4L") else Precision.GU
        return [_hit(point.get("x"), point.get("y"), precision, matched, self.name)]


_VWORLD_ERRORS = {
    "INVALID_KEY": "geocoder_key", "INCORRECT_KEY": "geocoder_key", "UNAVAILABLE_KEY": "geocoder_key",
    "OVER_REQUEST_LIMIT": "geocoder_quota",
}  # fmt: skip


@dataclass(frozen=True)
class Kakao:
    """Kakao's address search."""

    key: str
    base_url: str = "https://dapi.kakao.com"
    name: str = "kakao"

    def find(self, text: str, ask: Ask) -> Sequence[Hit]:
        query = urlencode({"query": text.strip()[:100], "analyze_type": "exact", "size": 5})
        url = f"{self.base_url}/v2/local/search/address.json?{query}"
        response = ask(Request(url, {"Authorization": f"KakaoAK {self.key}"}))
        if response.status >= 400:
            raise self._refusal(response)
        documents = _json(response, self.name).get("documents")
        if not isinstance(documents, list):
            raise GeocoderRefused("geocoder_unreadable", self.name)
        wanted = parse_address(text)
        hits = [hit for one in documents if isinstance(one, dict) and (hit := self._hit(one, wanted))]
        return sorted(hits, key=lambda hit: -hit.precision)

    def _refusal(self, response: Response) -> GeocoderRefused:
        if response.status in (401, 403):
            return GeocoderRefused("geocoder_key", self.name, str(response.status))
        said = _json(response, self.name) if response.status in (400, 429) else {}
        is_quota = response.status == 429 or said.get("code") in (-10, -11)
        return GeocoderRefused(
            "geocoder_quota" if is_quota else "geocoder_down", self.name, str(said.get("code", response.status))
        )

    def _hit(self, document: Mapping[str, Any], wanted: Address) -> Hit | None:
        kind, matched = document.get("address_type"), str(document.get("address_name", ""))
        precision = _KAKAO_PRECISION.get(str(kind))
        if precision is None or (precision >= Precision.LOT and not self._agrees(document, wanted, matched)):
            return None
        if precision == Precision.DONG and not (document.get("address") or {}).get("region_3depth_name"):
            precision = Precision.GU
        return _hit(document.get("x"), document.get("y"), precision, matched, self.name)

    def _agrees(self, document: Mapping[str, Any], wanted: Address, matched: str) -> bool:
        """A lot address may be answered by its road address and the other way round: one of the two must be what was asked."""
        names = [matched, *(str((document.get(part) or {}).get("address_name", "")) for part in ("address", "road_address"))]
        return any(wanted.agrees(parse_address(name)) for name in names if name)


_KAKAO_PRECISION = {
    "ROAD_ADDR": Precision.EXACT, "REGION_ADDR": Precision.LOT, "ROAD": Precision.ROAD, "REGION": Precision.DONG,
}  # fmt: skip


@dataclass(frozen=True)
class Juso:
    """The Interior Ministry's road-name address service: a search for the address, then its entrance's point, with a key each."""

    key: str
    coordinate_key: str
    base_url: str = "https://business.juso.go.kr"
    name: str = "juso"

    def find(self, text: str, ask: Ask) -> Sequence[Hit]:
        query = {"confmKey": self.key, "currentPage": 1, "countPerPage": 10, "keyword": _searchable(text), "resultType": "json"}
        wanted = parse_address(text)
        found = self._records(ask(Request(f"{self.base_url}/addrlink/addrLinkApi.do?{urlencode(query)}")))
        fitting = [one for one in found if self._agrees(one, wanted)]
        hits = []
        for one in fitting[:_JUSO_LOOKED_UP]:
            parts = {name: one.get(name, "") for name in ("admCd", "rnMgtSn", "udrtYn", "buldMnnm", "buldSlno")}
            query = parts | {"confmKey": self.coordinate_key, "resultType": "json"}
            points = self._records(ask(Request(f"{self.base_url}/addrlink/addrCoordApi.do?{urlencode(query)}")))
            hits += [self._hit(point, str(one.get("roadAddr", ""))) for point in points[:1]]
        return hits

    def _records(self, response: Response) -> list[Mapping[str, Any]]:
        results = _object(_json(response, self.name), "results", self.name)
        code = str(_object(results, "common", self.name).get("errorCode"))
        if code in _JUSO_NOTHING:
            return []
        if code != "0":
            raise GeocoderRefused(_JUSO_ERRORS.get(code, "geocoder_down"), self.name, code)
        return [one for one in results.get("juso") or [] if isinstance(one, dict)]

    def _agrees(self, one: Mapping[str, Any], wanted: Address) -> bool:
        """The search finds by words: only the very building or lot that was asked for counts."""
        names = [str(one.get(name, "")) for name in ("roadAddrPart1", "roadAddr", "jibunAddr")]
        has_number = bool(wanted.building or wanted.lot)
        return has_number and any(wanted.agrees(parse_address(name)) for name in names if name)

    def _hit(self, point: Mapping[str, Any], matched: str) -> Hit:
        x, y = _number(point.get("entX"), self.name), _number(point.get("entY"), self.name)
        longitude, latitude = to_degrees("EPSG:5179", np.array([x]), np.array([y]))
        return _hit(longitude[0], latitude[0], Precision.EXACT, matched, self.name)


# E0001: no such key, E0014: expired. The codes of faulty search words (too short, too wide …) mean that nothing is found.
_JUSO_ERRORS = {"E0001": "geocoder_key", "E0014": "geocoder_key"}
_JUSO_NOTHING = frozenset({"E0005", "E0006", "E0008", "E0009", "E0010", "E0011", "E0012", "E0013", "E0015"})


def _searchable(text: str) -> str:
    """Without the signs and words that the search takes for an attack and refuses."""
    return " ".join("".join(letter if letter.isalnum() or letter in "-·." else " " for letter in text).split())[:80]


def _json(response: Response, source: str) -> dict[str, Any]:
    if response.status in (401, 403):
        raise GeocoderRefused("geocoder_key", source, str(response.status))
    if response.status == 429:
        raise GeocoderRefused("geocoder_quota", source, "429")
    if response.status >= 500:
        raise GeocoderRefused("geocoder_down", source, str(response.status))
    try:
        answer = json.loads(response.body)
    except ValueError:
        raise GeocoderRefused("geocoder_unreadable", source) from None
    if not isinstance(answer, dict):
        raise GeocoderRefused("geocoder_unreadable", source)
    return answer


def _object(answer: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    part = answer.get(name)
    if not isinstance(part, dict):
        raise GeocoderRefused("geocoder_unreadable", source)
    return part


def _number(value: Any, source: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise GeocoderRefused("geocoder_unreadable", source) from None
    if not np.isfinite(number):
        raise GeocoderRefused("geocoder_unreadable", source)
    return number


def _hit(x: Any, y: Any, precision: Precision, matched: str, source: str) -> Hit:
    longitude, latitude = _number(x, source), _number(y, source)
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise GeocoderRefused("geocoder_unreadable", source)
    return Hit(longitude, latitude, precision, matched, source, _RADIUS_M[precision])
