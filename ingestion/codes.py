"""Korea's area codes: three systems for the same gu, 행정동 against 법정동, and the gu that an address names.

The statistics office (통계청) and the administration (행정안전부) number the gu of Seoul differently within the same range:
11110 is 종로구 in one and 노원구 in the other. So a column's system is recognised over all its codes, with the evidence.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ingestion.mapping import Evidence

SEOUL = "서울특별시"


class CodeSystem(StrEnum):
    """Who numbers the areas: 통계청, 행정안전부 (also the first five digits of 법정동 codes), or the licence registers."""

    STATISTICS = "statistics"
    ADMINISTRATIVE = "administrative"
    LICENCE = "licence"


class CodeLevel(StrEnum):
    """What a code stands for."""

    GU = "gu"
    DONG = "dong"
    LEGAL_DONG = "legal_dong"


@dataclass(frozen=True)
class Gu:
    """One gu of Seoul and its code in each system (licence: 개방자치단체코드)."""

    name: str
    statistics: str
    administrative: str
    licence: str

    def code(self, system: CodeSystem) -> str:
        return str(getattr(self, system))


# In the order of the statistics office, which the licence registers follow: 11010 and 3000000 upward.
_ADMINISTRATIVE = {
    "종로구": "11110", "중구": "11140", "용산구": "11170", "성동구": "11200", "광진구": "11215", "동대문구": "11230",
    "중랑구": "11260", "성북구": "11290", "강북구": "11305", "도봉구": "11320", "노원구": "11350", "은평구": "11380",
    "서대문구": "11410", "마포구": "11440", "양천구": "11470", "강서구": "11500", "구로구": "11530", "금천구": "11545",
    "영등포구": "11560", "동작구": "11590", "관악구": "11620", "서초구": "11650", "강남구": "11680", "송파구": "11710",
    "강동구": "11740",
}  # fmt: skip
SEOUL_GU: tuple[Gu, ...] = tuple(
    Gu(name, f"11{place:02d}0", code, f"3{place - 1:02d}0000") for place, (name, code) in enumerate(_ADMINISTRATIVE.items(), 1)
)
_BY_NAME = {gu.name: gu for gu in SEOUL_GU}
_BY_CODE: Mapping[CodeSystem, Mapping[str, Gu]] = MappingProxyType(
    {system: {gu.code(system): gu for gu in SEOUL_GU} for system in CodeSystem}
)


def gu_of_code(code: str, system: CodeSystem) -> Gu | None:
    """The gu of Seoul that a code of any level belongs to."""
    bare = clean_code(code)
    return _BY_CODE[system].get(bare if system is CodeSystem.LICENCE else bare[:5])


def gu_of_name(name: str) -> Gu | None:
    """The gu of Seoul of this name; blanks round it do not matter."""
    return _BY_NAME.get(name.strip())


def clean_code(text: str) -> str:
    """A code without the blanks, quotes, commas and ".0" that spreadsheets add."""
    return re.sub(r"\.0+$", "", text.strip().strip("'\"").replace(",", ""))


@dataclass(frozen=True)
class CodeGuess:
    """What the codes of a column are. `matched` of `judged` distinct codes fit; `decided`: no other reading fits as well."""

    system: CodeSystem | None
    level: CodeLevel | None
    matched: int
    judged: int
    decided: bool
    evidence: tuple[Evidence, ...] = ()


def recognise_codes(codes: Sequence[str], names: Sequence[str] | None = None) -> CodeGuess:
    """The system and level of a column of codes. `names`: the gu of each row, where another column says so; it settles doubts."""
    pairs = set(zip(map(clean_code, codes), (name.strip() for name in names), strict=True)) if names else None
    distinct = {one for one in map(clean_code, codes) if one}
    digits = {one for one in distinct if one.isdecimal()}
    if not digits:
        return CodeGuess(None, None, 0, len(distinct), decided=False)
    fits = {system: _fitting(digits, pairs, system) for system in CodeSystem}
    ranked = sorted(CodeSystem, key=lambda system: -len(fits[system]))
    best, second = ranked[0], ranked[1]
    if not fits[best]:
        return CodeGuess(None, None, 0, len(distinct), decided=False)
    level = _level(fits[best], best)
    decided = len(fits[best]) > len(fits[second]) and len(fits[best]) >= 0.9 * len(distinct)
    example = min(fits[best] - fits[second] or fits[best])
    evidence = Evidence("code", f"codes_{best}", {"count": len(fits[best]), "judged": len(distinct), "example": example})
    return CodeGuess(best, level, len(fits[best]), len(distinct), decided, (evidence,))


def _fitting(digits: set[str], pairs: set[tuple[str, str]] | None, system: CodeSystem) -> set[str]:
    """Codes that are valid in the system and, where names are given, belong to the gu that stands beside them."""
    lengths = {CodeSystem.STATISTICS: (5, 7, 8), CodeSystem.ADMINISTRATIVE: (5, 8, 10), CodeSystem.LICENCE: (7,)}[system]
    valid = {code for code in digits if len(code) in lengths and gu_of_code(code, system)}
    if pairs is None:
        return valid
    named = {(code, gu.name) for code in valid if (gu := gu_of_code(code, system))}
    wrong = {code for code, name in pairs if name in _BY_NAME and (code, name) not in named}
    return valid - wrong


def _level(codes: Iterable[str], system: CodeSystem) -> CodeLevel:
    return Counter(level_of_code(code, system) for code in codes).most_common(1)[0][0]


def level_of_code(code: str, system: CodeSystem) -> CodeLevel:
    """What one code stands for.

    행정동: 7 digits (statistics), 8 or 10 (administrative), the third group from 500. 법정동: 8 or 10, from 101.

    >>> [str(level_of_code(code, CodeSystem.ADMINISTRATIVE)) for code in ("11680", "11680660", "1168010300")]
    ['gu', 'dong', 'legal_dong']
    """
    bare = clean_code(code)
    if system is CodeSystem.LICENCE or len(bare) == 5:
        return CodeLevel.GU
    if system is CodeSystem.STATISTICS:
        return CodeLevel.DONG
    third = bare[5:8]
    if third == "000":
        return CodeLevel.GU
    return CodeLevel.DONG if third >= "500" else CodeLevel.LEGAL_DONG


# --- addresses -------------------------------------------------------------------------------------------------------

_SIDO = {
    "서울": SEOUL, "부산": "부산광역시", "대구": "대구광역시", "인천": "인천광역시", "광주": "광주광역시", "대전": "대전광역시",
    "울산": "울산광역시", "세종": "세종특별자치시", "경기": "경기도", "강원": "강원특별자치도", "충북": "충청북도",
    "충남": "충청남도", "전북": "전북특별자치도", "전남": "전라남도", "경북": "경상북도", "경남": "경상남도",
    "제주": "제주특별자치도",
}  # fmt: skip
_SIDO_LONG = {
    "충청북": "충북", "충청남": "충남", "전라북": "전북", "전라남": "전남", "경상북": "경북", "경상남": "경남",
}  # fmt: skip
_SIDO_START = re.compile(
    rf"^\s*({'|'.join([*_SIDO_LONG, *_SIDO])})(특별시|광역시|특별자치시|특별자치도|직할시|도|시)?(?=\s|[가-힣]+[시군구]|$)"
)
# Names that more than one 시도 has; without it they are ambiguous.
SHARED_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "중구": ("서울", "부산", "대구", "인천", "대전", "울산"),
        "동구": ("부산", "대구", "인천", "광주", "대전", "울산"),
        "서구": ("부산", "대구", "인천", "광주", "대전"),
        "남구": ("부산", "대구", "인천", "광주", "울산"),
        "북구": ("부산", "대구", "광주", "울산"),
        "강서구": ("서울", "부산"),
        "고성군": ("강원", "경남"),
    }
)
_SIGUNGU = re.compile(r"^\s*([가-힣]{1,5}(?:시|군))?\s*([가-힣]{1,4}구)?(?=\s|$|[,(])")


@dataclass(frozen=True)
class AddressGu:
    """The 시군구 of an address. `sido`: full name, None where the text leaves it open; `sigungu`: "서초구", "수원시 팔달구" …

    `could_be`: 시도 that all have a 시군구 of this name, where the text does not say which.
    """

    sido: str | None
    sigungu: str | None
    could_be: tuple[str, ...] = ()
    rest: str = ""

    @property
    def is_ambiguous(self) -> bool:
        return bool(self.could_be)


def gu_of_address(text: str, *, home_sido: str | None = None) -> AddressGu:
    """The 시군구 that an address names. `home_sido`: of the jurisdiction; settles names that several 시도 share.

    >>> gu_of_address("강동구 강동구 명일로 248").sigungu
    '강동구'
    >>> gu_of_address("중구 을지로 234").could_be[0]
    '서울특별시'
    """
    rest = re.sub(r"[\s ]+", " ", text).strip()
    sido, rest = _take_sido(rest)
    sigungu, rest = _take_sigungu(rest, sido)
    if sigungu is None:
        return AddressGu(sido, None, rest=rest)
    while rest.startswith(f"{sigungu} "):  # registers that put the gu before the address write it twice
        rest = rest[len(sigungu) :].lstrip()
    if sido is not None:
        return AddressGu(sido, sigungu, rest=rest)
    if sigungu in SHARED_NAMES:
        names = tuple(_SIDO[short] for short in SHARED_NAMES[sigungu])
        if home_sido in names:
            return AddressGu(home_sido, sigungu, rest=rest)
        return AddressGu(None, sigungu, names, rest)
    return AddressGu(SEOUL if sigungu in _BY_NAME else None, sigungu, rest=rest)


def seoul_gu(text: str) -> str:
    """Name of the gu of Seoul that an address names, blank where it names none or leaves it open."""
    found = gu_of_address(text)
    return found.sigungu if found.sido == SEOUL and found.sigungu else ""


def _take_sido(text: str) -> tuple[str | None, str]:
    start = _SIDO_START.match(text)
    if start is None:
        return None, text
    short = _SIDO_LONG.get(start[1], start[1])
    if short == "광주" and start[2] == "시":  # a city of 경기도
        return None, text
    return _SIDO[short], text[start.end() :].lstrip()


def _take_sigungu(text: str, sido: str | None) -> tuple[str | None, str]:
    found = _SIGUNGU.match(text)
    parts = [part for part in found.groups() if part] if found else []
    if found and parts:
        return " ".join(parts), text[found.end() :].lstrip(" ,")
    for name in _BY_NAME if sido in (None, SEOUL) else ():  # 서울특별시서초구서초동: nothing between
        if text.startswith(name) and len(name) > 2:
            return name, text[len(name) :].lstrip()
    return None, text


# --- dong ------------------------------------------------------------------------------------------------------------


def dong_stem(name: str) -> str:
    """The name without what numbers its parts: 행정동 cut a 법정동 into several, or 가 of a road into one.

    >>> [dong_stem(name) for name in ("역삼1동", "역삼동", "성수1가2동", "성수동1가", "면목3.8동", "방배본동", "종로1.2.3.4가동")]
    ['역삼', '역삼', '성수', '성수', '면목', '방배', '종로']
    """
    bare = re.sub(r"\s", "", name)
    bare = re.sub(r"제?\d+([.·,ㆍ・]?제?\d+)*", "#", bare)
    stem = re.sub(r"(#|동|가|본동)+$", "", bare.replace("동#가", "#가"))
    return stem.replace("#", "") or bare.replace("#", "")


def same_dong(one: str, other: str) -> bool:
    """Whether two names of one gu can mean the same ground, such as 행정동 "역삼1동" and 법정동 "역삼동".

    Never proof: 개포2동 is partly 일원동. Of the 730 pairs in Seoul's table 451 are told by their names; `DongLinks` knows all.
    """
    first, second = sorted((dong_stem(one), dong_stem(other)), key=len)
    if first == second:
        return True
    return len(first) >= 2 and len(second) >= 2 * len(first) and (second.startswith(first) or second.endswith(first))


@dataclass(frozen=True)
class DongLinks:
    """Which 법정동 lie in which 행정동, from a table of both (`seoul_hdong_bdong_codes.csv` has this form)."""

    legal_of: Mapping[tuple[str, str], tuple[str, ...]]
    dong_of: Mapping[tuple[str, str], tuple[str, ...]]

    @classmethod
    def from_records(cls, records: Iterable[tuple[str, str, str]]) -> "DongLinks":
        """Of (gu, 행정동, 법정동) by name."""
        legal: dict[tuple[str, str], dict[str, None]] = {}
        dong: dict[tuple[str, str], dict[str, None]] = {}
        for gu, name, legal_name in records:
            legal.setdefault((gu, name), {})[legal_name] = None
            dong.setdefault((gu, legal_name), {})[name] = None
        return cls({key: tuple(found) for key, found in legal.items()}, {key: tuple(found) for key, found in dong.items()})
