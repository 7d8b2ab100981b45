"""From one masked document to its sections, charged events, facts with their characters, and verdict. Pure and deterministic."""

import re
from collections.abc import Iterator, Sequence

from ingestion.rulings.events import Stretch, find_stretches
from ingestion.rulings.model import Document, Event, Extraction, Fact, Field, Section, SectionKind, Verdict
from ingestion.rulings.moments import Part, band_of, find_moments
from ingestion.rulings.offences import ARTICLES, OFFENCE_BY_CODE, OFFENCES, Offence
from ingestion.rulings.sections import split_sections
from ingestion.rulings.spoken import without_speech
from ingestion.rulings.telling import Judge, judge, only_told, trained
from ingestion.rulings.verdicts import read_verdict
from ingestion.rulings.vocabulary import DRINKING, MEANS, PLACE_KINDS, RELATIONS, RISK_FACTORS, WEAPONS, Entry  # fmt: skip
from ingestion.rulings.where import Place, find_places

_ATTEMPT = re.compile(r"미수에 그쳤|미수에 그치|그 뜻을 이루지 못|미수로 그")
_DONE = re.compile(r"(?<!위와 같이 현금과 귀금속을 )(?:절취|강취|갈취|살해|강간)(?:하고|하였|한 것|하여 )")
_SAME_PLACE = re.compile(
    r"제?\s?\d{0,2}[가-하]?항\s?(?:기재\s?)?(?:일시\s?[·ㆍ및,]?\s?)?(?:의 )?장소|"
    r"일시\s?[·ㆍ,및와]?\s?장소|같은 (?:장소|곳|동)|위 (?:장소|주점|"
    r"식당|집|아파트|매장|가게|건물|공장|사무실|노상)|그 ?곳|동소"
)
_COUNT = re.compile(r"피고인 ?(\d{1,2})(?!\d|세)")
_TOGETHER = re.compile(r"(\d{1,2})명(?:이|은) (?:공모|합동|공동|함께)|피고인들")
_CASE = re.compile(r"(?m)^\s*사\s?건\s*[:：]?\s*(.{2,400})$")
_ARTICLE = re.compile(r"제?\s?(\d{3})조")
_STATUTE = re.compile(r"(?:같은 |[가-힣]*)법(?:률)?(?= |제|\d)")
HEAD_CHARS = 1500
MAX_CHAIN = 12
NIGHT_FROM, NIGHT_TO = "20:00", "05:00"


def extract(document: Document, *, weigh: Judge = judge, threshold: float | None = None) -> Extraction:
    """What a ruling says. Any text gives an extraction; every span lies inside `document.text` and is not empty.

    `weigh` says how surely a sentence tells a charged deed; facts from sentences below `threshold` (0 to 1; None: that of the
    trained model, 0: the rules alone) are left out where the ruling has sentences above it.
    """
    text = document.text
    sections = split_sections(text)
    verdict = read_verdict(text, sections)
    told: list[list[Fact]] = []
    before: Place | None = None
    kind_before: Part | None = None
    for stretch in find_stretches(text, sections):
        alleged = _is_allegation(verdict, stretch.kind)
        facts, before, kind_before = _facts(text, stretch, before, kind_before, alleged)
        told.append(facts)
    told = only_told(text, sections, told, weigh, trained().threshold if threshold is None else threshold)
    told.extend(_by_name(text, sections, told, verdict))
    return Extraction(sections, tuple(Event(index, tuple(facts)) for index, facts in enumerate(told)), verdict)


def _is_allegation(verdict: Verdict, kind: SectionKind) -> bool:
    """Whether the verdict leaves what this section tells unproven."""
    if kind is SectionKind.ACQUITTAL or verdict in (Verdict.ACQUITTED, Verdict.DISMISSED, Verdict.REMANDED):
        return True
    if verdict is Verdict.GUILTY:
        return False
    return kind is not SectionKind.FACTS


def _facts(
    text: str, stretch: Stretch, before: Place | None, kind_before: Part | None, alleged: bool
) -> tuple[list[Fact], Place | None, Part | None]:
    """The facts of one event, and the place that a reference in the next one means."""
    spans = [*stretch.carried, (stretch.start, stretch.end)]
    facts = _what(text, stretch)
    facts += _when(text, stretch)
    place, place_facts = _where(text, stretch, before)
    facts += place_facts
    kind, kind_facts = _kind_of_place(text, stretch, kind_before)
    facts += kind_facts
    facts += _every(text, stretch, spans)
    unique = dict.fromkeys(facts)
    return [Fact(one.field, one.value, one.start, one.end, alleged) for one in unique], place or before, kind or kind_before


def _fact(field: Field, value: str, start: int, end: int) -> Fact:
    return Fact(field, value, start, end)


# --- what --------------------------------------------------------------------------------------------------------------
def _what(text: str, stretch: Stretch) -> list[Fact]:
    """Offence and category: by the deed told; the heading above decides between a deed done and one attempted."""
    found = _deed(text, stretch)
    titled = next((named for title in reversed(stretch.titles) if (named := _named(text, *title))), None)
    is_attempt = False
    if titled is not None:
        is_attempt = "미수" in text[titled[1] : titled[2] + 3]
        if found is None or (titled[0].category == found[0].category and titled[0].code not in ("assault", "theft")):
            found = titled if found is None else (titled[0], *found[1:])
    if found is None:
        return []
    offence, start, end = found
    body = text[stretch.start : stretch.end]
    attempt = _ATTEMPT.search(body)
    if not is_attempt and attempt and not _DONE.search(body):
        is_attempt = True
    code = _attempted(offence.code) if is_attempt else offence.code
    return [_fact(Field.CATEGORY, offence.category, start, end), _fact(Field.OFFENCE, code, start, end)]


def _attempted(code: str) -> str:
    return "burglary_attempt" if code.startswith("burglary") else f"{code}_attempt"


def _deed(text: str, stretch: Stretch) -> tuple[Offence, int, int] | None:
    """The gravest category of deed in the stretch; among thefts the first told, elsewhere the gravest."""
    body = without_speech(text[stretch.start : stretch.end])
    hits = [
        (offence, stretch.start + match.start(), stretch.start + match.end())
        for offence in OFFENCES
        if offence.act and (match := offence.act.search(body))
    ]
    if not hits:
        return None
    category = hits[0][0].category
    same = [hit for hit in hits if hit[0].category == category]
    best = min(same, key=lambda hit: hit[1]) if category == "theft" else same[0]
    if best[0].code == "assault" and body[best[1] - stretch.start :].startswith("때"):  # a door is struck as well as a person
        best = next((hit for hit in hits if hit[0].code == "damage"), best)
    return best


def _named(text: str, start: int, end: int) -> tuple[Offence, int, int] | None:
    """The gravest offence whose legal name stands between two characters."""
    for offence in OFFENCES:
        if offence.name and (match := offence.name.search(text, start, end)):
            return offence, match.start(), match.end()
    return None


def _by_name(text: str, sections: Sequence[Section], told: Sequence[Sequence[Fact]], verdict: Verdict) -> Iterator[list[Fact]]:
    """Events of which the ruling tells nothing but the offence: one for each category in the case's name or the law applied."""
    known = {fact.value for facts in told for fact in facts if fact.field is Field.CATEGORY}
    alleged = verdict is not Verdict.GUILTY
    for offence, start, end in (*_in_case_name(text, sections), *_in_law(text, sections)):
        if offence.category in known or offence.category == "other":
            continue
        known.add(offence.category)
        code = _attempted(offence.code) if text.startswith("미수", end) or text[start:end].endswith("미수") else offence.code
        yield [Fact(Field.CATEGORY, offence.category, start, end, alleged), Fact(Field.OFFENCE, code, start, end, alleged)]


def _in_case_name(text: str, sections: Sequence[Section]) -> Iterator[tuple[Offence, int, int]]:
    """The offences that the case's name lists, the gravest first; a word counts for one offence only."""
    case = _CASE.search(text, 0, min(len(text), HEAD_CHARS))
    head = sections[0] if sections and sections[0].kind is SectionKind.HEAD else None
    if case is None or head is None or case.start() >= head.end:
        return
    taken: list[tuple[int, int]] = []
    hits: list[tuple[Offence, int, int]] = []
    for offence in OFFENCES:
        for match in offence.name.finditer(text, *case.span(1)) if offence.name else ():
            if not any(start < match.end() and match.start() < end for start, end in taken):
                taken.append(match.span())
                hits.append((offence, *match.span()))
    only_violence_act = [hit for hit in hits if hit[0].code != "assault" or not text.startswith("폭력행위", hit[1])]
    yield from only_violence_act or hits


def _in_law(text: str, sections: Sequence[Section]) -> Iterator[tuple[Offence, int, int]]:
    """The offences whose articles the law section applies."""
    for section in sections:
        if section.kind is SectionKind.LAW:
            for match in _ARTICLE.finditer(text, section.start, section.end):
                code = ARTICLES.get(int(match[1]))
                if code is not None and _is_criminal_act(text[max(section.start, match.start() - 80) : match.start()]):
                    yield OFFENCE_BY_CODE[code], *match.span()


def _is_criminal_act(before: str) -> bool:
    """Whether the statute named last is the Criminal Act, or none is named."""
    named = _STATUTE.findall(before)
    return not named or named[-1].endswith(("형법", "같은법", "같은 법", "동법"))


# --- when --------------------------------------------------------------------------------------------------------------
def _when(text: str, stretch: Stretch) -> list[Fact]:
    moment = stretch.moment
    if moment is None:
        return _band(text, stretch)
    facts: list[Fact] = []
    for field, part in (
        (Field.DATE, moment.date),
        (Field.DATE_END, moment.date_end),
        (Field.TIME, moment.time),
        (Field.TIME_END, moment.time_end),
    ):
        if part is not None and not part.value.startswith("?"):
            facts.append(_fact(field, part.value, part.start, part.end))
    if moment.date is not None or moment.precision == "unknown":
        facts.append(_fact(Field.DATE_PRECISION, moment.precision, moment.start, moment.end))
    if moment.time is not None:
        facts.append(_fact(Field.TIME_BAND, band_of(moment.time.value), moment.time.start, moment.time.end))
    elif moment.band is not None:
        facts.append(_fact(Field.TIME_BAND, moment.band.value, moment.band.start, moment.band.end))
    else:
        facts += _band(text, stretch)
    return facts


def _band(text: str, stretch: Stretch) -> list[Fact]:
    """The part of the day where no clock is given: the first that the stretch names."""
    bands = (one.band for one in find_moments(text[stretch.start : stretch.end], stretch.start) if one.band)
    return [_fact(Field.TIME_BAND, band.value, band.start, band.end) for band in list(bands)[:1]]


# --- where -------------------------------------------------------------------------------------------------------------
def _where(text: str, stretch: Stretch, before: Place | None) -> tuple[Place | None, list[Fact]]:
    """The address of the event: its own, that of the words before it, or the one that it refers to."""
    own = _best(find_places(text[stretch.start : stretch.end], stretch.start))
    for start, end in reversed(stretch.carried):
        own = own or _best(find_places(text[start:end], start))
    if own is not None and own.sigungu is None and before is not None and own.dong is not None and own.sido is None:
        own = Place(own.start, own.end, _moved(before.sido, own), _moved(before.sigungu, own), own.dong)
    if own is not None:
        return own, _address(own)
    reference = _SAME_PLACE.search(text, stretch.start, stretch.end)
    if before is None or (reference is None and not stretch.titles and not _refers(stretch)):
        return None, []
    at = (
        reference.span()
        if reference
        else (stretch.moment.start, stretch.moment.end)
        if stretch.moment
        else (stretch.start, stretch.start + 1)
    )
    moved = Place(*at, *(Part(part.value, *at) if part else None for part in (before.sido, before.sigungu, before.dong)))
    return before, _address(moved)


def _refers(stretch: Stretch) -> bool:
    return stretch.moment is not None and bool(stretch.moment.refers)


def _moved(part: Part | None, place: Place) -> Part | None:
    return Part(part.value, place.start, place.end) if part else None


def _best(places: Sequence[Place]) -> Place | None:
    """The first address with a city or district, else the first at all."""
    return next((one for one in places if one.sigungu), places[0] if places else None)


def _address(place: Place) -> list[Fact]:
    named = ((Field.SIDO, place.sido), (Field.SIGUNGU, place.sigungu), (Field.DONG, place.dong))
    return [_fact(field, part.value, part.start, part.end) for field, part in named if part is not None]


def _kind_of_place(text: str, stretch: Stretch, before: Part | None) -> tuple[Part | None, list[Fact]]:
    """The kind of place: the first that stands with "에서", "앞", "안", "에 있는" after the time, else the first at all."""
    for start, end in ((stretch.start, stretch.end), *reversed(stretch.carried)):
        found = _nearest_kind(text, start, end)
        if found is not None:
            return found, [_fact(Field.PLACE_KIND, found.value, found.start, found.end)]
    if before is not None:
        reference = _SAME_PLACE.search(text, stretch.start, stretch.end)
        if reference:
            return before, [_fact(Field.PLACE_KIND, before.value, *reference.span())]
    return None, []


_AT = re.compile(r"[^.,\n]{0,14}?(?:에서|에 이르러|앞|내에|안에|에 있는|에 들어|에 침입|노상|길|에 주차)")


def _nearest_kind(text: str, start: int, end: int) -> Part | None:
    body = without_speech(text[start:end])
    every = sorted(
        (*match.span(), rank, entry.code) for rank, entry in enumerate(PLACE_KINDS) for match in entry.pattern.finditer(body)
    )
    if not every:
        return None
    best = next((hit for hit in every if _AT.match(body, hit[1])), every[0])
    # "주점 앞 노상", "아파트 엘리베이터": the last word of the chain names the place
    for hit in every[every.index(best) + 1 :]:
        if hit[0] < best[1]:
            continue
        if hit[0] - best[1] > MAX_CHAIN or re.search(r"에서|에 이르러|[.]", body[best[1] : hit[0]]):
            break
        best = hit
    return Part(best[3], start + best[0], start + best[1])


# --- everything else -----------------------------------------------------------------------------------------------------
def _every(text: str, stretch: Stretch, spans: Sequence[tuple[int, int]]) -> list[Fact]:
    start, end = stretch.start, stretch.end
    facts = _entries(text, start, end, Field.MEANS, MEANS) + _entries(text, start, end, Field.WEAPON, WEAPONS)
    if len([one for one in facts if one.field is Field.WEAPON]) > 1:
        facts = [one for one in facts if (one.field, one.value) != (Field.WEAPON, "other")]
    for at, to in spans[::-1]:
        relation = _entries(text, at, to, Field.RELATION, RELATIONS)[:1]
        if relation:
            facts += relation
            break
    if drunk := DRINKING.search(text, start, end):
        facts.append(_fact(Field.DRINKING, "yes", *drunk.span()))
    facts += _offenders(text, start, end)
    facts += _risk(text, stretch)
    return facts


def _entries(text: str, start: int, end: int, field: Field, table: Sequence[Entry]) -> list[Fact]:
    """One fact for each code of a table that the text shows, at its first place."""
    return [_fact(field, entry.code, *match.span()) for entry in table if (match := entry.pattern.search(text, start, end))]


def _offenders(text: str, start: int, end: int) -> list[Fact]:
    together = _TOGETHER.search(text, start, end)
    if together and together[1]:
        return [_fact(Field.OFFENDERS, together[1], *together.span())]
    numbers = {match[1]: match for match in _COUNT.finditer(text, start, end)}
    if len(numbers) > 1:
        last = max(numbers.values(), key=lambda match: int(match[1]))
        return [_fact(Field.OFFENDERS, str(len(numbers)), *last.span())]
    if together:
        return [_fact(Field.OFFENDERS, "2+", *together.span())]
    accused = re.compile("피고인").search(text, start, end)
    return [_fact(Field.OFFENDERS, "1", *accused.span())] if accused else []


def _risk(text: str, stretch: Stretch) -> list[Fact]:
    start = stretch.start if stretch.opens is None else stretch.opens
    seen = without_speech(text[start : stretch.end])  # a threat spoken is no weapon drawn
    facts = [
        _fact(Field.RISK_FACTOR, entry.code, start + match.start(), start + match.end())
        for entry in RISK_FACTORS
        if (match := entry.pattern.search(seen))
    ]
    moment = stretch.moment
    time = moment.time if moment else None
    if time and not any(one.value == "night" for one in facts) and (time.value >= NIGHT_FROM or time.value < NIGHT_TO):
        facts.append(_fact(Field.RISK_FACTOR, "night", time.start, time.end))
    return facts
