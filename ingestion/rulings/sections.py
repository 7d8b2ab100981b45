"""The parts of a ruling: where the order, the facts, the charge, the judgement and the rest begin and end.

Headings are found by their words, with blanks between letters, numbers and brackets passed over, for many sources have lost
them. A charge that is told inside a sentence ("이 사건 공소사실의 요지는 …") is a section too.
"""

import re
from collections.abc import Iterator

from ingestion.rulings.model import Section, SectionKind
from ingestion.rulings.offences import DEED

_K = SectionKind
_HEADINGS: tuple[tuple[SectionKind, str], ...] = (
    (_K.ORDER, r"주문"),
    (_K.ISSUES, r"판시사항|판결요지|참조조문|참조판례"),
    (
        _K.APPEAL,
        (
            r"(?:항소|상고|공소)이유의?요지.*|(?:항소|상고)이유|사실오인.{0,8}|"
            r"양형부당|법리오해.{0,8}|심신(?:미약|상실).{0,6}|피고인.{0,10}주장.{0,12}|"
            r"변호인의?주장.{0,6}|검사"
        ),
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
        (
            r"(?:이?법원의?|당심의?|원심의?|당원의?|대법원의?|항소이유에대한|"
            r"상고이유에대한|직권)?판단|쟁점.{0,8}|인정사실|.{0,24}(?:에관하여|"
            r"에대하여|주장에대한판단|에대한판단|여부)"
        ),
    ),
    (_K.REASONS, r"이유"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _HEADINGS)
# "이 사건 공소사실의 요지는 …", "공소사실은 피고인이 …", "공소사실 중 피고인이 …"
_TOLD = re.compile(
    r"(?:(?:이 ?사건|이 ?부분|위|본건|변경된|검사의|주위적|예비적) ?)*"
    r"(?:(?:공소|범죄) ?사실의 ?(?:요지|골자|내용)(?:는|은|인즉)"
    r"|공소 ?사실(?:은|인즉)(?=[^.\n]{0,30}(?:피고인|공소외))"
    r"|공소 ?사실 중 (?=[^.\n]{0,30}피고인[^.\n]{40}))"
)
_NOT_TOLD = re.compile(r"\s?(?:앞서|위에서|원심|별지)[^.\n]{0,12}(?:본|살펴본|기재)")
_TELLS_ON = re.compile(r"(?:다음|아래|별지)(?:과|와)? ?같다\.?$")
_TELLS_NO_MORE = re.compile(
    r"\s*(?:이에 대하여|그러나|그런데|원심은|살피건대|그러므로|따라서|"
    r"먼저|위 공소사실|이 사건 공소사실에|기록에|판단|살펴보|이 법원|"
    r"위 인정|변호인|피고인(?:들)? 및 변호인|피고인(?:들)?은 (?:일관|"
    r"위와 같|이에)|피고인은 (?:경찰|검찰|원심|이 법정))"
)
_JUDGED_ANEW = re.compile(r"다시 (?:다음과 같이 )?(?:판결|판정|판단|심판)(?:하기로 )?(?:한다|함)\.?\s*$")
_LAW_COMES = re.compile(r"\s*(?:법률에 ?비추|법령을 ?적용|법령에 ?비추)")
_AFTER_FACTS = re.compile(
    r"\s*(?:판시 ?사실|법률에 ?비추|법령을 ?적용|증거|피고인(?:들)?의 (?:판시|위) ?(?:각 )?(?:소위|행위)|위 판시)"
)
_BRACKETED = re.compile(r"^[\s【\[〔<「(]*(.{1,40}?)[\s】\]〕>」):：]*$")
_NUMBERING = re.compile(r"^(?:제?\d{1,2}[.)]|[가-하][.)]|[①-⑳]|[ⅠⅡⅢⅣⅤIVX]{1,4}[.)]|\(\d{1,2}\)|\([가-하]\)|[○◇■□▶*-])\s*")
_INLINE = re.compile(r"^[【\[〔<]\s*([^】\]〕>\n]{2,20}?)\s*[】\]〕>]")
MAX_HEADING = 40
MAX_TOLD = 15
_CLOSED = (_K.HEAD, _K.ISSUES, _K.FACTS, _K.CHARGE, _K.ORDER, _K.EVIDENCE, _K.LAW)


def split_sections(text: str) -> tuple[Section, ...]:
    """The sections in order, each from its heading to the next; together they cover the whole text."""
    walk = _Walk()
    for line in text.split("\n"):
        walk.take(line)
    ends = [start for start, _ in walk.starts[1:]] + [len(text)]
    found = [Section(kind, start, end) for (start, kind), end in zip(walk.starts, ends, strict=True) if end > start]
    return tuple(_named_anew(text, found))


class _Walk:
    """Goes through a text line by line and notes where each section starts."""

    def __init__(self) -> None:
        self.starts: list[tuple[int, SectionKind]] = [(0, _K.HEAD)]
        self.at = 0
        self.resume: SectionKind | None = None  # the section that goes on after a charge told inside it
        self.left = 0  # how many more lines the charge may last
        self.told = 0  # sentences of the section so far
        self.is_open = False  # its sentence is not at its end
        self.is_anew = False  # the court has said that it judges again; its facts come next

    def take(self, line: str) -> None:
        """One line."""
        kind = heading(line)
        if kind is not None:
            self._start(kind, self.at)
            self.resume, self.is_anew = None, False
        elif line.strip():
            self._sentence(line)
        self.at += len(line) + 1

    def _start(self, kind: SectionKind, at: int) -> None:
        self.starts.append((at, kind))
        self.told = 0

    def _sentence(self, line: str) -> None:
        if self.resume is not None and (self.left <= 0 or (not self.is_open and _TELLS_NO_MORE.match(line))):
            self._start(self.resume, self.at)
            self.resume = None
        if self.resume is not None:
            self._go_on(line)
            return
        now = self.starts[-1][1]
        if (now is _K.FACTS and _AFTER_FACTS.match(line)) or (now is not _K.LAW and _LAW_COMES.match(line)):
            self._start(_K.LAW, self.at)
        elif now is _K.CHARGE and self.told > 0 and _TELLS_NO_MORE.match(line):
            self._start(_K.JUDGEMENT, self.at)
        elif (
            self.is_anew
            and "공소사실" not in line[:60]
            and line.lstrip().startswith("피고인")
            and len(line) > MAX_HEADING
            and "판시" not in line[:20]
        ):
            self._start(_K.FACTS, self.at)
        elif now not in _CLOSED:
            self._told(line, now)
        self.is_anew = _JUDGED_ANEW.search(line) is not None
        self.told += 1

    def _told(self, line: str, now: SectionKind) -> None:
        """A charge told inside a line lasts to the end of its sentence, after which the section before goes on."""
        found = _TOLD.search(line)
        if found is None or _NOT_TOLD.match(line, found.end()):
            return
        tells_on = _TELLS_ON.search(line) is not None
        if len(line) - found.end() < MAX_HEADING and not tells_on:
            return
        self._start(_K.CHARGE, self.at + found.start())
        self.resume, self.left, self.is_open = now, MAX_TOLD if tells_on else 0, False
        self._go_on(line)
        if tells_on:
            self.left = MAX_TOLD

    def _go_on(self, line: str) -> None:
        self.left -= 1
        self.is_open = not line.rstrip().rstrip("\"'”’").endswith((".", "다"))
        if self.is_open and self.left <= 0:
            self.left = 1


def _named_anew(text: str, found: list[Section]) -> Iterator[Section]:
    """A first court opens its reasons with the facts or the charge; where the heading was lost, what follows tells which."""
    for number, section in enumerate(found):
        after = found[number + 1].kind if number + 1 < len(found) else None
        body = text[section.start : section.end]
        kind = section.kind
        if kind is _K.REASONS and _tells_deed(body):
            if after in (_K.EVIDENCE, _K.LAW):
                kind = _K.FACTS
            elif after in (_K.JUDGEMENT, _K.APPEAL, _K.CONCLUSION):
                kind = _K.CHARGE
        yield Section(kind, section.start, section.end)


def _tells_deed(body: str) -> bool:
    begins = body[:400]
    return (
        "피고인" in begins and DEED.search(body) is not None and re.search(r"원심|원판결|항소|상고|당심|변호인", begins) is None
    )


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
