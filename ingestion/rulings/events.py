"""Where in a ruling the charged events are told, and how the text falls into them.

A stretch of text with a time of its own and a deed in it is an event; a stretch with a time but no deed gives its time and
place on to the next. Without any time, a numbered item (or the whole charge) with a deed in it is one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ingestion.rulings.model import Section, SectionKind
from ingestion.rulings.moments import Moment, find_moments, follow
from ingestion.rulings.offences import DEED
from ingestion.rulings.sections import heading
from ingestion.rulings.spoken import spoken, without_speech

_K = SectionKind
_BY_VICTIM = re.compile(r"\s*(?:위 )?피해자(?: [^\s은는]{1,6})*(?:은|는)(?![^\n]*피고인(?: ?\d)?(?:들)?(?:은|이|가))")
_RECORD = re.compile(r"선고받|선고 받|확정되|집행을 (?:종료|마)|집행유예|누범|출소|전과|석방|가석방|처벌받")
_ITEM = re.compile(
    r"(?m)^(?:[ \t]*(?:제?\d{1,2}[.)](?!\s?\d{1,2}[.])|[가-하][.)]|\(\d{1,2}\)|[①-⑳]|[「『\[]\d{4}고[가-힣]\d+[」』\]])\s*)"
)
_UNTIL = re.compile(r"(?:그 ?때|그 시경|그 무렵|그 ?날|이 때|그 일시경)(?:경)?부터\s*$|부터\s*$")
_ALLEGED = re.compile(r"공소 ?사실|범죄 ?사실|기소|피고인[^.\n]{0,80}(?:것이다|것인바|사실을 인정|는 점)|판시")
_CHARGED = re.compile(
    r"(?:이 ?사건|위|본건) ?[^.\\n]{0,20}(?:공소 ?사실|범죄 ?사실|범행|"
    r"행위)|(?:한|하였다는|인정한) ?(?:범죄)?사실|원심(?:판결)?[^.\\n]{0,30}(?:인정|"
    r"의하면)"
)
MIN_CHARGE = 30
NEAR = 40  # characters before a moment that may tie it to the one before
MAX_CARRIED = 8  # stretches without a deed whose place an event may take over
MAX_TOLD = 4
MIN_GAP = 3  # two moments closer than this are one
MAX_TITLE = 40


@dataclass
class Stretch:
    """The text of one event: `start` to `end`, its moment, the section it stands in, the titles above it, and the
    stretches before it whose place it shares."""

    start: int
    end: int
    kind: SectionKind
    moment: Moment | None = None
    titles: tuple[tuple[int, int], ...] = ()
    item: int = 0
    carried: list[tuple[int, int]] = field(default_factory=list)
    opens: int | None = None  # where its item begins, if nothing else happens in it

    @property
    def moment_end(self) -> int:
        return self.moment.end if self.moment else self.start


def find_stretches(text: str, sections: Sequence[Section]) -> list[Stretch]:
    """The events of a ruling in the order of the text: out of the facts found, else the charge, else what is told elsewhere."""
    for kinds in ((_K.FACTS,), (_K.CHARGE, _K.ACQUITTAL)):
        found = [one for section in sections if section.kind in kinds for one in _of_section(text, section)]
        if kinds == (_K.FACTS,) and found:
            found += [one for section in sections if section.kind is _K.ACQUITTAL for one in _of_section(text, section)]
        if found:
            return found
    timed = [one for section in _told_elsewhere(text, sections, timed=True) for one in _of_section(text, section)]
    return timed or [one for section in _told_elsewhere(text, sections, timed=False) for one in _of_section(text, section)]


def _told_elsewhere(text: str, sections: Sequence[Section], *, timed: bool) -> Iterator[Section]:
    """Lines of the reasons that tell a deed of the accused: with its time, or else with the court's word for a charge."""
    told = 0
    for section in sections:
        if section.kind not in (_K.REASONS, _K.HEAD, _K.JUDGEMENT, _K.APPEAL):
            continue
        at = section.start
        for line in text[section.start : section.end].split("\n"):
            if told < (MAX_TOLD if timed else 1) and len(line) >= MIN_CHARGE and DEED.search(line) and _is_charge(line, timed):
                told += 1
                yield Section(_K.CHARGE, at, at + len(line))
            at += len(line) + 1


def _is_charge(line: str, timed: bool) -> bool:
    if timed:
        return _ALLEGED.search(line) is not None and any(one.time or one.date for one in find_moments(line[:1500]))
    return _CHARGED.search(line) is not None and "피고인" in line


@dataclass(frozen=True)
class _Item:
    """A numbered or titled item of a section: its body, and the titles above it, the nearest last."""

    start: int
    end: int
    titles: tuple[tuple[int, int], ...]
    is_opened: bool


def _of_section(text: str, section: Section) -> list[Stretch]:
    """The events told in one section."""
    out: list[Stretch] = []
    last: Moment | None = None
    for number, item in enumerate(_items(text, section)):
        for title in item.titles:
            last = _latest(find_moments(text[title[0] : title[1]], title[0]), last)
        found, last = _of_item(text, item, section.kind, last)
        for one in found:
            one.item, one.titles = number, item.titles
        if out and not item.is_opened and found and found[0].moment is None:
            out[-1].end = max(out[-1].end, found[0].end)  # goes on with the event before
            found = found[1:]
        out.extend(found)
    return out


def _latest(moments: Sequence[Moment], last: Moment | None) -> Moment | None:
    for moment in moments:
        resolved = follow(moment, last)
        last = resolved if resolved.date else last
    return last


def _items(text: str, section: Section) -> Iterator[_Item]:
    """The items of a section: a number or a title opens one, every other line goes on with the one before."""
    titles: dict[int, tuple[int, int]] = {}
    begun: int | None = None
    end = section.start
    is_opened = False
    for start, stop, line in _lines(text, section):
        opening = _ITEM.match(line)
        is_title = (
            len(line) <= MAX_TITLE
            and not DEED.search(line)
            and not line.rstrip().endswith(("다.", "고", "고,", "며", "다", "바"))
        )
        if (opening or is_title) and begun is not None:
            yield _Item(begun, end, tuple(titles[level] for level in sorted(titles)), is_opened)
            begun = None
        if opening or is_title:
            level = _level(line)
            titles = {one: span for one, span in titles.items() if one < level}
            is_opened = True
        if is_title:
            titles[_level(line)] = (start, stop)
        elif begun is None:
            begun = start + (opening.end() if opening else 0)
        end = stop
    if begun is not None:
        yield _Item(begun, end, tuple(titles[level] for level in sorted(titles)), is_opened)


def _lines(text: str, section: Section) -> Iterator[tuple[int, int, str]]:
    """The lines of a section that say something, its heading left out. A heading in front of a sentence is cut off."""
    at = section.start
    for line in text[section.start : section.end].split("\n"):
        start, at = at, at + len(line) + 1
        if start == section.start and heading(line) is not None:
            bracket = max(line.find(mark) for mark in "】]〕") + 1
            if len(line) - bracket <= MAX_TITLE or not bracket:
                continue
            yield start + bracket, start + len(line), line[bracket:]
        elif line.strip():
            yield start, start + len(line), line


def _level(line: str) -> int:
    """How deep a number stands: a case number 0, "1." 1, "가." 2, "(1)" 3; a title without a number 1."""
    mark = line.strip()[:1]
    if mark in "「『[":
        return 0
    if mark and "가" <= mark <= "힣" and re.match(r"\s*[가-하][.)]", line):
        return 2
    return 3 if mark == "(" or (mark and mark in "①②③④⑤⑥⑦⑧⑨") else 1


def _of_item(text: str, item: _Item, kind: SectionKind, last: Moment | None) -> tuple[list[Stretch], Moment | None]:
    """The events of one item, and the moment that "the same day" of the next refers to."""
    start, end = item.start, item.end
    quoted = [(start + begin, start + stop) for begin, stop in spoken(text[start:end])]
    moments = [one for one in find_moments(text[start:end], start) if _is_anchor(text, one, quoted)]
    out: list[Stretch] = []
    carried: list[tuple[int, int]] = [(start, moments[0].start)] if moments and moments[0].start > start else []
    pending: Moment | None = None
    for number, moment in enumerate(moments):
        to = moments[number + 1].start if number + 1 < len(moments) else end
        resolved = follow(moment, pending if pending and pending.date else last)
        if out and (
            _UNTIL.search(text[max(start, moment.start - NEAR) : moment.start]) or moment.start < out[-1].moment_end + MIN_GAP
        ):
            out[-1].end, out[-1].moment = to, _until(out[-1].moment, resolved)
        elif _has_deed(text[moment.start : to]):
            out.append(Stretch(moment.start, to, kind, _merged(resolved, pending), carried=carried))
            last = out[-1].moment if out[-1].moment and out[-1].moment.date else last
            carried, pending = [(moment.start, to)], None
        elif _RECORD.search(text, moment.start, to):
            if out:
                out[-1].end = max(out[-1].end, to)
        else:
            carried = [*carried[-MAX_CARRIED:], (moment.start, to)]
            last = resolved if resolved.date else last
            pending = _merged(resolved, pending)
    if not out and _has_deed(text[start:end]):
        out.append(Stretch(start, end, kind, pending))
    if len(out) == 1 and not _RECORD.search(text, start, out[0].start):
        out[0].opens = start
    return out, last


def _has_deed(stretch: str) -> bool:
    """Whether a deed is done here by somebody but the victim, not only meant or spoken of."""
    stretch = without_speech(stretch)
    return any(not _is_meant(stretch, found) and not _is_victims(stretch, found) for found in DEED.finditer(stretch))


def _is_meant(stretch: str, found: re.Match[str]) -> bool:
    return re.match(r"[가-힣]{0,4}기로 (?:마음|결의|공모|모의|결심)", stretch[found.end() : found.end() + 16]) is not None


def _is_victims(stretch: str, found: re.Match[str]) -> bool:
    """Whether the sentence has the victim as its subject: "피해자는 … 피고인들을 폭행하고"."""
    begun = max(stretch.rfind("다.", 0, found.start()) + 2, stretch.rfind("\n", 0, found.start()) + 1, 0)
    return _BY_VICTIM.match(stretch[begun : found.start()]) is not None


def _is_anchor(text: str, moment: Moment, quoted: Sequence[tuple[int, int]]) -> bool:
    """Whether an event may begin here: not inside a quotation, not at a bare part of the day or the date of a judgment."""
    if any(start <= moment.start < end for start, end in quoted):
        return False
    if moment.date and not moment.time and re.search(r"(?<![가-힣])위\s?$", text[max(0, moment.start - 3) : moment.start]):
        return False
    if not (moment.date or moment.refers or moment.time or moment.precision == "unknown"):
        return False
    after = text[moment.end : moment.end + 60]
    if re.match(r"\s?(?:자 |선고|법률|판결|제정|개정|시행)", after) or re.match(
        r"[^.\n]{0,40}(?:법원|지원)에서 [^\n]{0,50}(?:선고|징역|벌금)", after
    ):
        return False
    return not re.match(r"\s?(?:까지)", after) or moment.date is not None or bool(moment.refers)


def _merged(moment: Moment, pending: Moment | None) -> Moment:
    """The moment with the date that a stretch without a deed gave, where it has none of its own."""
    if pending is None or moment.date is not None or pending.date is None:
        return moment
    return replace(moment, date=pending.date, precision=pending.precision)


def _until(moment: Moment | None, end: Moment) -> Moment | None:
    """The moment as an interval that ends with `end`."""
    if moment is None or end.date is None or moment.date is None:
        return moment
    return replace(moment, date_end=end.date)
