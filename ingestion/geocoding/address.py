"""Korean addresses, as offices write them, to their parts: 도로명 and 지번, 산, 번지 and 호, blanks, brackets, floors."""

import re
import unicodedata
from dataclasses import dataclass, replace

from ingestion.codes import gu_of_address
from ingestion.coordinates_text import NOTHING

_BRACKETS = re.compile(r"[(\[（]([^)\]）]*)[)\]）]?")
_DONG_HINT = re.compile(r"^\s*([가-힣]+[\d.·]*(?:동|가|리))(?:\s*,|\s*$|\s)")
_ROAD = re.compile(
    r"(?P<road>[가-힣][가-힣A-Za-z0-9.·]*?(?:대로|로|길)(?:\s?\d+[가-힣]?(?:번)?(?:가)?길)?)\s*"
    r"(?P<under>지하)?\s*(?P<main>\d{1,5})(?:\s*-\s*(?P<sub>\d{1,5}))?(?!\d|\s*(?:가(?![가-힣])|길|번길|동(?![가-힣])|번지))"
)
_ROAD_ONLY = re.compile(r"(?P<road>[가-힣][가-힣A-Za-z0-9.·]*?(?:대로|로|길)(?:\s?\d+[가-힣]?(?:번)?길)?)(?=\s|,|$)")
_AS_DATE = re.compile(r"(?<=[동가리] )(\d{1,2})월 ?(\d{1,2})일")  # what a spreadsheet makes of lot 9-13
_LOT = re.compile(
    r"(?P<dong>[가-힣]+[\d.·]*(?:동|가|읍|면|리)(?:\s?[가-힣]+리)?)\s*(?P<san>산)?\s*(?P<main>\d{1,5})"
    r"(?:\s*-\s*(?P<sub>\d{1,5})|\s*번지\s*(?P<ho>\d{1,5})\s*호)?"
)
_DONG = re.compile(r"(?P<dong>[가-힣]+[\d.·]*(?:동|가|읍|면|리))(?=\s|,|$)")


@dataclass(frozen=True)
class Address:
    """Parts of an address; what the text does not say is None or blank.

    `dong`: as written, 법정동 or 행정동. `lot` and `building`: (main, sub) numbers, sub 0 where there is none. `san`: a lot in
    the hills; `under`: a building below the road. `rest`: what follows, such as the name of a place.
    """

    sido: str | None = None
    sigungu: str | None = None
    dong: str = ""
    road: str = ""
    building: tuple[int, int] | None = None
    under: bool = False
    lot: tuple[int, int] | None = None
    san: bool = False
    rest: str = ""

    @property
    def is_blank(self) -> bool:
        return not (self.sigungu or self.dong or self.road or self.rest)

    def agrees(self, other: "Address") -> bool:
        """Whether the two name the same building or the same lot: for a service's answer, which may be something near."""
        if self.building and self.road:
            same_road = (self.road, self.building, self.under) == (other.road, other.building, other.under)
            return same_road and _same_or_open(self.sigungu, other.sigungu)
        if self.lot and self.dong:
            return (self.lot, self.san) == (other.lot, other.san) and _same_or_open(self.sigungu, other.sigungu)
        return True


def _same_or_open(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def parse_address(text: str, *, home_sido: str | None = None) -> Address:
    """Take an address apart. `home_sido`: of the jurisdiction, for names like 중구 that several cities have.

    >>> one = parse_address("서울특별시 서초구 방배동  777번지 20호  ")
    >>> one.dong, one.lot
    ('방배동', (777, 20))
    >>> two = parse_address("서울특별시 강남구 언주로 548, 지하1층 (역삼동)")
    >>> two.road, two.building, two.dong
    ('언주로', (548, 0), '역삼동')
    """
    bare = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).replace("–", "-").replace("~", "-")).strip()
    if bare.casefold() in NOTHING:
        return Address()
    bare = _AS_DATE.sub(lambda found: f"{int(found[1])}-{int(found[2])}", bare)
    inside = _BRACKETS.findall(bare)
    hint = next((found[1] for one in inside if (found := _DONG_HINT.match(one))), "")
    named = next((one.strip() for one in inside if not _DONG_HINT.match(one)), "")
    address = _parse_plain(_BRACKETS.sub(" ", bare).strip(), hint, home_sido)
    return replace(address, rest=address.rest or named)


def _parse_plain(bare: str, hint: str, home_sido: str | None) -> Address:
    """Of an address without brackets. `hint`: the dong that stood in them."""
    gu = gu_of_address(bare, home_sido=home_sido)
    sido = gu.sido or (home_sido if gu.sigungu is None else None)
    rest = gu.rest.strip(" ,")
    lead = ""
    leading = _DONG.match(rest)  # "서초동 서초대로 1": the dong before the road
    if leading and _ROAD.match(rest[leading.end() :].strip(" ,")):
        lead, rest = leading["dong"], rest[leading.end() :].strip(" ,")
    road = _ROAD.match(rest)
    if road:
        name = re.sub(r"\s", "", road["road"])
        number = int(road["main"]), int(road["sub"] or 0)
        tail = rest[road.end() :].strip(" ,")
        return Address(sido, gu.sigungu, lead or hint, name, number, bool(road["under"]), rest=tail)
    lot = _LOT.match(rest)
    if lot:
        number = int(lot["main"]), int(lot["sub"] or lot["ho"] or 0)
        tail = re.sub(r"^번지", "", rest[lot.end() :].strip(" ,")).strip(" ,")
        return Address(sido, gu.sigungu, lot["dong"], lot=number, san=bool(lot["san"]), rest=tail)
    for pattern in (_DONG, _ROAD_ONLY):
        found = pattern.match(rest)
        if found:
            part = {"dong": found["dong"]} if pattern is _DONG else {"road": re.sub(r"\s", "", found["road"]), "dong": hint}
            return Address(sido, gu.sigungu, rest=rest[found.end() :].strip(" ,"), **part)
    return Address(sido, gu.sigungu, hint, rest=rest)
