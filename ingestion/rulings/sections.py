"""The parts of a ruling: where the order, the facts, the charge, the judgement and the rest begin and end.

Headings are found by their words, with blanks between letters, numbers and brackets passed over, for many sources have lost
them. A charge that is told inside a sentence ("이 사건 공소사실의 요지는 …") is a section too.
"""

import re

from ingestion.rulings.model import Section, SectionKind

_K = SectionKind
_HEADINGS: tuple[tuple[SectionKind, str], ...] = (
    (_K.ORDER, r"주문"),
    (_K.ISSUES, r"판시사항|판결요지|참조조문|참조판례"),
    (
        _K.APPEAL,
        r"(?:항소|상고|공소)이유의?요지.*|(?:항소|상고)이유|사실오인.{0,8}|양형부당|법리오해.{0,8}|심신(?:미약|상실).{0,6}|피고인.{0,10}주장.{0,12}|변호인의?주장.{0,6}|검사",
    ),
    (_K.FACTS, r"(?:판시)?범죄(?:될)?사실(?:및증거의?요지)?|범죄사실.{0,8}|범행사실|다시쓰는판결이유"),
    (_K.CHARGE, r"(?:이사건|이부분|변경된|주위적|예비적)*공소사실(?:의?요지)?.{0,6}|공소사실의?개요"),
    (_K.EVIDENCE, r"증거의?요지|증거"),
    (_K.LAW, r"법령의?적용|적용법조|적용법령|법률의?적용"),
    (_K.SENTENCING, r"양형의?이유|양형이유|양형의?조건|유리한정상|불리한정상"),
    (_K.ACQUITTAL, r"무죄부분(?:의?판단|에대한판단)?|무죄의?이유|공소기각부분|면소부분|무죄"),
    (_K.CONCLUSION, r"결론|소결론?"),
    (
        _K.JUDGEMENT,
        r"(?:이?법원의?|당심의?|원심의?|당원의?|대법원의?|항소이유에대한|상고이유에대한|직권)?판단|쟁점.{0,8}|인정사실|.{0,24}(?:에관하여|에대하여|주장에대한판단|에대한판단|여부)",
    ),
    (_K.REASONS, r"이유"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _HEADINGS)
_TOLD = re.compile(
    r"(?:(?:이 ?사건|이 ?부분|위|본건|변경된|피고인[^.\n]{0,20}에 대한|검사의) ?)*(?:주위적 |예비적 )?(?:공소 ?사실|범죄 ?사실)(?:의 ?(?:요지|골자|내용))?"
    r"(?:은|는|중|인즉|로서|으로서)?[^.\n]{0,6}?(?:은|는|중[, ]|인즉|에 의하면|을 보면)"
)
_BRACKETED = re.compile(r"^[\s【\[〔<「(]*(.{1,40}?)[\s】\]〕>」):：]*$")
_NUMBERING = re.compile(r"^(?:제?\d{1,2}[.)]|[가-하][.)]|[①-⑳]|[ⅠⅡⅢⅣⅤIVX]{1,4}[.)]|\(\d{1,2}\)|\([가-하]\)|[○◇■□▶*-])\s*")
_INLINE = re.compile(r"^[【\[〔<]\s*([^】\]〕>\n]{2,20}?)\s*[】\]〕>]")
MAX_HEADING = 40


def split_sections(text: str) -> tuple[Section, ...]:
    """The sections in order, each from its heading to the next; they do not overlap and cover the text from its first one on."""
    starts: list[tuple[int, SectionKind]] = [(0, _K.HEAD)]
    at = 0
    for line in text.split("\n"):
        kind = heading(line)
        if kind is not None:
            starts.append((at, kind))
        elif starts[-1][1] not in (_K.HEAD, _K.ISSUES, _K.FACTS, _K.CHARGE, _K.ORDER, _K.EVIDENCE, _K.LAW):
            starts.extend(_told(line, at, starts[-1][1]))
        at += len(line) + 1
    ends = [start for start, _ in starts[1:]] + [len(text)]
    return tuple(Section(kind, start, end) for (start, kind), end in zip(starts, ends, strict=True) if end > start)


def heading(line: str) -> SectionKind | None:
    """The section that a line opens, None where it is an ordinary line."""
    if not line or line.isspace():
        return None
    inline = _INLINE.match(line.lstrip())
    if inline:
        return _kind_of(inline[1])
    if len(line) > MAX_HEADING:
        return None
    bare = _NUMBERING.sub("", line.strip())
    bare = _NUMBERING.sub("", bare)
    if bare.endswith((".", "다", "바", "함")):
        return None
    found = _BRACKETED.match(bare)
    return _kind_of(found[1]) if found else None


def _kind_of(words: str) -> SectionKind | None:
    packed = re.sub(r"[\s·,]|\(.*?\)|\(.*$", "", words)
    for kind, pattern in _COMPILED:
        if pattern.fullmatch(packed):
            return kind
    return None


def _told(line: str, at: int, before: SectionKind) -> list[tuple[int, SectionKind]]:
    """A charge told inside a line: it lasts to the end of the line, after which the section before goes on."""
    found = _TOLD.search(line)
    if found is None or len(line) - found.end() < MAX_HEADING:
        return []
    resume = [(at + len(line) + 1, before)]
    return [(at + found.start(), _K.CHARGE), *resume]
