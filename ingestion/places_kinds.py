"""The kinds of places that bear on risk, as a table: code, names, and the words by which a file of them is recognised.

A jurisdiction starts with these and adds its own as rows of its table of kinds; no code knows a kind by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingestion.mapping import Evidence


@dataclass(frozen=True)
class PlaceKindEntry:
    """One kind. `in_name`, `in_header`, `in_rows`: words (without blanks, lower case) that speak for it where they stand."""

    code: str
    name_ko: str
    name_en: str
    in_name: tuple[str, ...] = ()
    in_header: tuple[str, ...] = ()
    in_rows: tuple[str, ...] = ()


_Entry = PlaceKindEntry
_STUDENTS = ("초등학교", "중학교", "고등학교")
DEFAULT_PLACE_KINDS: tuple[PlaceKindEntry, ...] = (
    _Entry("lane_lamp", "보안등", "Lane lamp", ("보안등", "security_light"), ("보안등",), ("보안등",)),
    _Entry("road_lamp", "가로등", "Road lamp", ("가로등", "streetlight", "street_light", "streetlamp"), ("가로등",)),
    _Entry("bell", "안전비상벨", "Emergency bell", ("비상벨", "emergency_bell"), ("비상벨",), ("비상벨",)),
    _Entry("bar", "유흥주점", "Entertainment bar", ("유흥", "yuheung"), (), ("룸살롱", "유흥주점", "카바레", "나이트클럽")),
    _Entry("karaoke_bar", "단란주점", "Karaoke bar", ("단란", "danran"), (), ("단란주점",)),
    _Entry("singing_room", "노래연습장", "Singing room", ("노래", "noraebang", "singing"), (), ("노래연습장", "노래방")),
    _Entry("cafe", "휴게음식점", "Café or snack bar", ("휴게음식", "cafe", "카페"), (), ("휴게음식점", "커피숍")),
    _Entry(
        "child_zone", "어린이보호구역", "Child protection zone", ("어린이보호", "child_protection"), (), ("유치원", "어린이집")
    ),
    _Entry("school", "학교", "School", ("학교", "school"), ("학교명",), _STUDENTS),
    _Entry("subway", "지하철역", "Subway station", ("지하철", "subway", "metro"), ("역이름", "역명", "호선")),
    _Entry("bus_stop", "버스 정류장", "Bus stop", ("버스정류", "bus_stop"), ("정류소명", "정류장명")),
    _Entry("park", "공원", "Park", ("공원", "parks", "park_"), ("공원명",)),
    _Entry("police_box", "지구대·파출소", "Police box", ("police", "경찰"), ("지구대", "경찰서"), ("지구대", "파출소")),
    _Entry("accident_spot", "음주운전 사고 다발지", "Accident spot", ("hotspot", "사고다발"), ("사고다발지", "다발지역")),
)

_WEIGHTS = {"name": 2.0, "header": 3.0, "rows": 2.0}
_ROWS_SHARE = 0.2  # of the sampled rows must hold the word


def kinds_with(own: Mapping[str, tuple[str, str]]) -> tuple[PlaceKindEntry, ...]:
    """The list and, behind it, the kinds that a jurisdiction has added (code: Korean and English name), known by their names."""
    listed = {kind.code for kind in DEFAULT_PLACE_KINDS}
    added = []
    for code, names in own.items():
        words = tuple(name for name in names if name.strip())
        if code not in listed:
            added.append(PlaceKindEntry(code, *names, in_name=words, in_header=words, in_rows=words))
    return (*DEFAULT_PLACE_KINDS, *added)


def guess_place_kind(
    name: str, header: Sequence[str], sample: Sequence[Sequence[str]], kinds: Iterable[PlaceKindEntry] = DEFAULT_PLACE_KINDS
) -> tuple[str, Evidence] | None:
    """The kind that a file's name, titles and first rows speak for, with the word as evidence; None if none or a tie."""
    plain_name = _plain(name)
    titles = {_plain(title) for title in header}
    rows = [_plain(" ".join(row)) for row in sample]
    scores: dict[str, float] = {}
    words: dict[str, tuple[str, str]] = {}
    for kind in kinds:
        for where, word in _hits(kind, plain_name, titles, rows):
            scores[kind.code] = scores.get(kind.code, 0.0) + _WEIGHTS[where]
            words.setdefault(kind.code, (where, word))
    ranked = sorted(scores.items(), key=lambda item: -item[1])[:2]
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    code = ranked[0][0]
    where, word = words[code]
    return code, Evidence("place_kind", f"place_kind_by_{where}", {"value": word, "kind": code})


def _hits(kind: PlaceKindEntry, name: str, titles: set[str], rows: Sequence[str]) -> list[tuple[str, str]]:
    found = [("header", word) for word in kind.in_header if any(_plain(word) in title for title in titles)][:1]
    found += [("name", word) for word in kind.in_name if _plain(word) in name][:1]
    if rows:
        shares = [(sum(_plain(word) in row for row in rows) / len(rows), word) for word in kind.in_rows]
        best = max(shares, default=(0.0, ""))
        found += [("rows", best[1])] if best[0] >= _ROWS_SHARE else []
    return found


def _plain(text: str) -> str:
    return "".join(text.casefold().replace("_", "").split())
