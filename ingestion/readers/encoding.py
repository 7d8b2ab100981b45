"""Which encoding a text file is in, decided on the whole file and on evidence, never on the first that decodes.

UTF-8 proves itself. For the rest, the letters that come out are judged: CP949 gives runs of the 2,350 common Hangul
syllables; the Latin "°C" read as CP949 gives a lone rare syllable ("캜") amid ASCII, which Korean text does not.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.errors import FileRefused
from ingestion.mapping import Evidence
from ingestion.readers.source import Source, Stream

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ALIASES = {
    "euc-kr": "cp949", "euckr": "cp949", "ks_c_5601-1987": "cp949", "ms949": "cp949", "uhc": "cp949", "949": "cp949",
    "latin1": "latin-1", "iso-8859-1": "latin-1", "iso8859-1": "latin-1", "windows-1252": "cp1252", "ansi": "cp1252",
    "utf8": "utf-8", "utf-8-sig": "utf-8", "utf16": "utf-16", "ascii": "utf-8", "us-ascii": "utf-8",
}  # fmt: skip
_KNOWN = ("utf-8", "cp949", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_CAREFUL_BLOCKS = 2  # so many blocks are classified line by line; after them whole blocks are tried
_JUDGED_LINES = 2_000
_HANGUL_IN_UTF8 = re.compile(rb"(?:[\xea-\xed][\x80-\xbf]{2}){2}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_HIGH_PAIR = re.compile(rb"[\x80-\xff]+")


@dataclass(frozen=True)
class Decided:
    """`encoding`: as a person knows it; `bom_bytes`: to skip at the front."""

    encoding: str
    evidence: Evidence
    bom_bytes: int = 0


def decide_encoding(source: Source, chosen: str | None = None) -> Decided:
    """The encoding of a text file. Raises `FileRefused` for mixed encodings and for text in none that is known."""
    head = source.head(4)
    for bom, name in _BOMS:
        if head.startswith(bom) and (chosen is None or named(chosen, source).startswith(name[:6])):
            return Decided(name, Evidence("encoding", "encoding_bom", {"value": name.upper()}), len(bom))
    if chosen is not None:
        return Decided(named(chosen, source), Evidence("encoding", "encoding_chosen", {"value": named(chosen, source)}))
    wide = _wide_without_bom(source.head(64 * 1024))
    if wide:
        return Decided(wide, Evidence("encoding", "encoding_zero_bytes", {"value": wide.upper()}))
    return _decided(_scan(source), source)


def decode_head(head: bytes) -> str:
    """The first characters of a text in whatever encoding, good enough to tell what it is."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(name, "ignore")
    return head.decode(_wide_without_bom(head) or "utf-8", "ignore")


def is_wide(head: bytes) -> bool:
    """Whether the text is UTF-16 or UTF-32, in which zeros are no sign of a binary file."""
    return head.startswith(tuple(bom for bom, _ in _BOMS[1:])) or _wide_without_bom(head) is not None


def named(chosen: str, source: Source) -> str:
    """The codec that a person's name for an encoding means. Raises `FileRefused`."""
    plain = chosen.strip().lower().replace(" ", "-")
    plain = _ALIASES.get(plain, plain)
    if plain not in _KNOWN:
        raise FileRefused("unknown_encoding", file=source.file_name, value=chosen[:40], known=", ".join(_KNOWN))
    return plain


def _wide_without_bom(head: bytes) -> str | None:
    """UTF-16 without a byte-order mark: the commas and line ends stand in every second byte, beside zeros."""
    for name, marks in (("utf-16-le", (b",\0", b"\n\0", b"\t\0", b";\0")), ("utf-16-be", (b"\0,", b"\0\n", b"\0\t", b"\0;"))):
        even = head[: len(head) // 2 * 2]
        pairs = [even[i : i + 2] for i in range(0, min(len(even), 8192), 2)]
        found = sum(pair in marks for pair in pairs)
        zeros = sum(b"\0" in pair for pair in pairs)
        if len(pairs) >= 8 and found >= max(len(pairs) // 60, 2) and zeros >= len(pairs) // 5:
            try:
                text = even.decode(name, "ignore")
            except UnicodeDecodeError:
                continue
            if text.count("\0") * 50 < len(text):
                return name
    return None


@dataclass(eq=False)
class _Scan:
    """What the bytes of the whole file show."""

    ascii_only: bool = True
    utf8_lines: int = 0
    first_utf8: int = 0
    other_lines: int = 0
    first_other: int = 0
    judged: list[bytes] = field(default_factory=list)
    not_cp949: int = 0
    first_not_cp949: int = 0


def _scan(source: Source) -> _Scan:
    scan, line, careful = _Scan(), 1, 0
    with source.open() as stream:
        for block in _whole_lines(stream):
            if not block.isascii():
                scan.ascii_only = False
                if not _is(block, "utf-8"):
                    careful += 1
                    _classify(block, line, scan, by_line=careful <= _CAREFUL_BLOCKS)
                else:
                    scan.utf8_lines += 1
                    scan.first_utf8 = scan.first_utf8 or line + _line_of_high(block)
            line += block.count(b"\n")
    return scan


def _whole_lines(stream: Stream) -> Iterator[bytes]:
    rest = b""
    while block := stream.read():
        cut = block.rfind(b"\n") + 1 or _after_ascii(block)
        yield rest + block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def _after_ascii(block: bytes) -> int:
    """Where a block without line ends can be cut without cutting a letter: behind its last byte below 128."""
    for place in range(len(block), max(len(block) - 1_000, 0), -1):
        if block[place - 1] < 0x80:
            return place
    return len(block)


def _line_of_high(block: bytes) -> int:
    found = _HIGH_PAIR.search(block)
    return block.count(b"\n", 0, found.start()) if found else 0


def _is(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _classify(block: bytes, line: int, scan: _Scan, *, by_line: bool) -> None:
    """Tell the lines in UTF-8 from the others in a block that is not UTF-8 throughout."""
    if not by_line and not _HANGUL_IN_UTF8.search(block) and _is(block, "cp949"):
        scan.other_lines += 1
        return
    for offset, one in enumerate(block.split(b"\n")):
        if one.isascii():
            continue
        try:
            wide = max(one.decode("utf-8")) >= "\u0800"  # two bytes prove little: CP949 has such pairs too
        except UnicodeDecodeError:
            wide = False
        if wide:
            scan.utf8_lines += 1
            scan.first_utf8 = scan.first_utf8 or line + offset
            continue
        scan.other_lines += 1
        scan.first_other = scan.first_other or line + offset
        if len(scan.judged) < _JUDGED_LINES:
            scan.judged.append(one)
        if not _is(one, "cp949"):
            scan.not_cp949 += 1
            scan.first_not_cp949 = scan.first_not_cp949 or line + offset


def _decided(scan: _Scan, source: Source) -> Decided:
    if scan.ascii_only:
        return Decided("utf-8", Evidence("encoding", "encoding_ascii", {"value": "ASCII"}))
    if not scan.other_lines:
        return Decided("utf-8", Evidence("encoding", "encoding_utf8", {"value": "UTF-8"}))
    korean, latin = _judge(scan)
    other = "CP949" if korean <= latin else "Windows-1252"
    if scan.utf8_lines:
        at = scan.first_other if scan.utf8_lines >= scan.other_lines else scan.first_utf8
        raise FileRefused("mixed_encodings", file=source.file_name, line=at, value=f"UTF-8, {other}")
    if korean <= latin and korean < 0.5:
        if scan.not_cp949:
            raise FileRefused("encoding", file=source.file_name, line=scan.first_not_cp949, value="CP949")
        syllables = _hangul_sample(scan.judged)
        return Decided("cp949", Evidence("encoding", "encoding_cp949", {"value": "CP949", "example": syllables}))
    high = {byte for one in scan.judged for byte in one if byte >= 0x80}
    if latin >= 0.5 or high & {0x81, 0x8D, 0x8F, 0x90, 0x9D}:
        raise FileRefused("encoding", file=source.file_name, line=scan.first_other, value="?")
    name = "cp1252" if any(byte < 0xA0 for byte in high) else "latin-1"
    example = _latin_sample(scan.judged)
    return Decided(name, Evidence("encoding", "encoding_latin", {"value": name, "example": example}))


def _judge(scan: _Scan) -> tuple[float, float]:
    """How implausible the text is as CP949 and as Windows-1252: 0 (nothing odd) to 1 (odd throughout)."""
    good, bad = 0.0, 0.0
    for one in scan.judged:
        text = one.decode("cp949", "replace")
        for run in _NOT_ASCII.finditer(text):
            before, after = text[max(run.start() - 1, 0) : run.start()], text[run.end() : run.end() + 1]
            odd = sum(map(_is_odd_korean, run.group()))
            touches_letters = before.isalpha() and after.isalpha()
            bad += len(run.group()) if len(run.group()) == 1 and touches_letters else odd
            good += 0 if len(run.group()) == 1 and touches_letters else len(run.group()) - odd
    pairs, singles = 0, 0
    for one in scan.judged:
        for run_bytes in _HIGH_PAIR.findall(one):
            lower = all(byte >= 0xE0 for byte in run_bytes)  # "çã", "éé": small letters side by side
            pairs += 0 if lower or len(run_bytes) == 1 else len(run_bytes)
            singles += len(run_bytes) if lower or len(run_bytes) == 1 else 0
    return bad / max(good + bad, 1e-9), pairs / max(pairs + singles, 1)


def _is_odd_korean(letter: str) -> bool:
    """A letter that Korean tables hardly hold: outside KS X 1001, Hanja, or one that did not decode."""
    if letter == "\ufffd":
        return True
    try:
        code = letter.encode("euc_kr")
    except UnicodeEncodeError:
        return True
    return len(code) != 2 or code[0] >= 0xCA or (0xA4 < code[0] < 0xB0 and code[0] not in (0xA5, 0xA6, 0xA7, 0xA8, 0xA9))


def _hangul_sample(lines: list[bytes]) -> str:
    text = " ".join(line.decode("cp949", "ignore") for line in lines[:20])
    return " ".join(re.findall(r"[가-힣]{2,}", text)[:3])[:40]


def _latin_sample(lines: list[bytes]) -> str:
    text = " ".join(line.decode("latin-1") for line in lines[:20])
    return " ".join(dict.fromkeys(re.findall(r"\w*[\xa0-\xff]+\w*", text)))[:40]
