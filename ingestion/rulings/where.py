"""Where a charged event happened: province, city or district, dong, as the text names them."""

import re
from collections import defaultdict
from dataclasses import dataclass

from ingestion.rulings.gazetteer import FULL_NAMES, SIGUNGU
from ingestion.rulings.moments import Part


@dataclass(frozen=True)
class Place:
    """One address of the text. `sigungu`: "서초구", "안양시", "전주시 완산구"; `dong`: "신정동", "내촌면 진목리"."""

    start: int
    end: int
    sido: Part | None
    sigungu: Part | None
    dong: Part | None


def _index() -> tuple[dict[str, list[str]], dict[str, tuple[str, ...]]]:
    provinces: dict[str, list[str]] = defaultdict(list)
    districts: dict[str, tuple[str, ...]] = {}
    for sido, cities in SIGUNGU.items():
        for city, parts in cities.items():
            provinces[city].append(sido)
            districts[city] = districts.get(city, ()) + parts
    return provinces, districts


_PROVINCES, _DISTRICTS = _index()
_SIDO = "|".join(f"(?P<s{number}>{pattern})" for number, pattern in enumerate(FULL_NAMES.values()))
_CODES = tuple(FULL_NAMES)
_CITY = "|".join(sorted((name for name in _PROVINCES), key=len, reverse=True))
_GU = "|".join(sorted({gu for parts in _DISTRICTS.values() for gu in parts}, key=len, reverse=True))
_DONG = (
    r"(?:[가-힣]{1,5}(?:읍|면)(?:\s[가-힣]{1,5}\d?리)?|[가-힣]{1,4}(?:제?\s?\d{1,2}(?:[·.]\d)?)?동(?:\s?\d가)?(?=[\s,]|에|의|"
    r"\[|$|소재)|[가-힣]{1,4}로?\s?\d가(?:동)?)"
)
_ADDRESS = re.compile(
    rf"(?<![가-힣])(?:(?P<sido>{_SIDO})\s?)?(?P<city>{_CITY})(?:\s?(?P<gu>{_GU}))?(?![가-힣]*(?:청|"
    rf"법원|경찰서|검찰청|장(?=[이은의 ])))(?:\s(?P<dong>{_DONG}))?"
    rf"|(?<![가-힣])(?P<only>{_SIDO.replace('?P<s', '?P<o')})(?:\s(?P<dong2>{_DONG}))?(?=\s|에|의)"
)
_BARE_DONG = re.compile(r"(?<![가-힣])(?P<dong>[가-힣]{2,4}(?:\d{1,2})?동)(?=\s?(?:소재|에 있는|에 위치|\[지번\]|\d))")
_NOT_DONG = re.compile(r"^(?:같은|위|행|활|운|노|자|공|합|이|감|출|변|충|작|난|소|아|협|연|거|제|파|발|태|율|인|동|부)동$")
_COURTS = re.compile(r"\s?(?:지방|고등|지|고)?\s?(?:법원|검찰청|경찰서|지검|경찰청|구치소|교도소|지법|고법)")


def find_places(text: str, offset: int = 0) -> list[Place]:
    """The addresses of a text, in order; `offset` is added to every character. Courts and offices are no addresses."""
    found = [place for match in _ADDRESS.finditer(text) if (place := _place(text, match, offset)) is not None]
    covered = [(place.start - offset, place.end - offset) for place in found]
    for match in _BARE_DONG.finditer(text):
        if not any(start <= match.start() < end for start, end in covered) and not _NOT_DONG.search(match["dong"]):
            part = Part(match["dong"], match.start() + offset, match.end() + offset)
            found.append(Place(part.start, part.end, None, None, part))
    return sorted(found, key=lambda place: place.start)


def _place(text: str, match: re.Match[str], offset: int) -> Place | None:
    if _COURTS.match(text, match.end()):
        return None
    if match["only"]:
        code = next(_CODES[number] for number in range(len(_CODES)) if match[f"o{number}"])
        dong = _dong(match, "dong2", offset)
        if dong is None:
            return None
        return Place(
            match.start() + offset,
            match.end() + offset,
            Part(code, match.start("only") + offset, match.end("only") + offset),
            None,
            dong,
        )
    city, gu = match["city"], match["gu"]
    if gu and gu not in _DISTRICTS[city]:
        gu = None
    name = f"{city} {gu}" if gu else city
    end = match.end("gu") if gu else match.end("city")
    sido = _province(match, city, offset)
    if sido is None and len(city) <= 2 and match["dong"] is None:
        return None
    if sido is not None and city not in SIGUNGU[sido.value]:
        known = _PROVINCES[city]
        sido = Part(known[0], sido.start, sido.end) if len(known) == 1 else sido
    sigungu = Part(name, match.start("city") + offset, end + offset)
    return Place(match.start() + offset, match.end() + offset, sido, sigungu, _dong(match, "dong", offset))


def _province(match: re.Match[str], city: str, offset: int) -> Part | None:
    if match["sido"]:
        code = next(_CODES[number] for number in range(len(_CODES)) if match[f"s{number}"])
        return Part(code, match.start("sido") + offset, match.end("sido") + offset)
    if len(_PROVINCES[city]) == 1:  # the city says its province
        return Part(_PROVINCES[city][0], match.start("city") + offset, match.end("city") + offset)
    return None


def _dong(match: re.Match[str], group: str, offset: int) -> Part | None:
    value = match[group]
    if not value or _NOT_DONG.search(value):
        return None
    return Part(" ".join(value.split()), match.start(group) + offset, match.end(group) + offset)
