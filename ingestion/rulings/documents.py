"""Rulings out of the files that people have: TXT, PDF, DOCX, HWPX, JSON lines, and gz or zip round them.

`read_documents` is the one way in. It streams: one ruling at a time is in memory. Names and numbers of persons are masked
before a `Document` exists, so nothing behind this door ever sees them.
"""

import gzip
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from ingestion.errors import FileRefused
from ingestion.readers.table import Limits
from ingestion.report import Finding
from ingestion.rulings import office
from ingestion.rulings.masking import mask
from ingestion.rulings.model import Document

MAX_DOCUMENT_BYTES = 64_000_000
MAX_CHARS = 2_000_000  # the longest ruling of the court's public collection has under 300,000
MAX_DEPTH = 3
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEAD_BYTES = 4096

OnBad = Callable[[Finding], None]
_DATE = re.compile(r"((?:19|20)\d\d)\s*[.년-]\s*(\d{1,2})\s*[.월-]\s*(\d{1,2})")
_CASE_NO = re.compile(
    r"(?<![\d가-힣])((?:19|20)?\d{2}\s?(?:고단|고합|고정|고약|노형공|"
    r"노|도|로|감고|감노|감도|전고|전노|재고합|재노|재도|형상)\s?\d{1,6})"
)
_COURT = re.compile(
    r"(대법원|[가-힣]{2,8}(?:고등|지방|가정)?법원(?:\s?[가-힣]{2,6}지원)?|[가-힣]{2,4}(?:지법|고법)(?:\s?[가-힣]{2,6}지원)?)"
)
_CASE_LINE = re.compile(r"(?m)^\s*사\s*건\s*[:：]?\s*(.{4,200})$")
_DECIDED = re.compile(
    r"(?:판\s*결\s*선\s*고|선\s*고\s*일?|변론종결)\s*[:：]?\s*((?:19|20)\d\d\s*[.년]\s*\d{1,2}\s*[.월]\s*\d{1,2})"
)


def read_documents(path: Path, *, file_name: str, limits: Limits, on_bad: OnBad | None = None) -> Iterator[Document]:
    """Every ruling of a file, masked, in order.

    A line or an archive's member that cannot be read goes to `on_bad` as a `Finding`; without it the whole file is refused.
    Raises `FileRefused` for a file that cannot be read at all.
    """
    reader = _Reader(file_name, limits, on_bad)
    with path.open("rb") as stream:
        yield from reader.documents(stream, file_name, 0)
    if not reader.seen:
        raise FileRefused("ruling_none", file=file_name)


class _Counting(io.RawIOBase):
    """Passes bytes on and refuses the file once more than `most` have come out."""

    def __init__(self, inner: IO[bytes], name: str, most: int):
        self.inner, self.name, self.left, self.most = inner, name, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.inner.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise FileRefused("ruling_broken", file=self.name, value="gz") from error
        self.left -= len(data)
        if self.left < 0:
            raise FileRefused("too_large", file=self.name, value=f"{self.most // 1_000_000} MB")
        buffer[: len(data)] = data
        return len(data)


class _Reader:
    """Finds out what each stream holds. `seen`: whether anything that may be a ruling has come."""

    def __init__(self, file_name: str, limits: Limits, on_bad: OnBad | None):
        self.file_name, self.limits, self.on_bad = file_name, limits, on_bad
        self.seen = False

    def documents(self, stream: IO[bytes], name: str, depth: int) -> Iterator[Document]:
        source = io.BufferedReader(_Counting(stream, name, self.limits.max_content_bytes), HEAD_BYTES)
        head = source.peek(HEAD_BYTES)[:HEAD_BYTES]
        if not head.strip(b"\0 \r\n\t"):
            raise FileRefused("empty", file=name) if not depth else FileRefused("ruling_none", file=name)
        if depth > MAX_DEPTH:
            raise FileRefused("ruling_format", file=name)
        if head.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=source) as inner:
                yield from self.documents(inner, name, depth + 1)  # type: ignore[arg-type]
        elif head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
            yield from self._zip(self._all(source, name), name, depth)
        elif head.startswith(OLE):
            code = "ruling_hwp5" if b"HWP Document File" in self._all(source, name) or _is_hwp(name) else "ruling_word97"
            raise FileRefused(code, file=name)
        elif b"%PDF-" in head[:1024]:
            yield from self._one(office.pdf_text(self._all(source, name), file_name=name), name)
        elif _is_json(head):
            yield from self._json_lines(source, name)
        else:
            yield from self._one(decode(self._all(source, name), file_name=name), name)

    def _all(self, source: IO[bytes], name: str) -> bytes:
        data = source.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            raise FileRefused("too_large", file=name, value=f"{MAX_DOCUMENT_BYTES // 1_000_000} MB")
        return data

    def _zip(self, data: bytes, name: str, depth: int) -> Iterator[Document]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise FileRefused("ruling_broken", file=name, value="zip") from error
        with archive:
            names = set(archive.namelist())
            if "word/document.xml" in names:
                yield from self._one(office.docx_text(archive, file_name=name), name)
            elif any(office._is_section(member) for member in names):
                yield from self._one(office.hwpx_text(archive, file_name=name), name)
            else:
                yield from self._members(archive, name, depth)

    def _members(self, archive: zipfile.ZipFile, name: str, depth: int) -> Iterator[Document]:
        members = [one for one in archive.infolist() if not one.is_dir() and not _is_litter(one.filename)]
        if len(members) > self.limits.max_members:
            raise FileRefused("too_large", file=name, value=f"{self.limits.max_members:,} files")
        for number, member in enumerate(sorted(members, key=lambda one: one.filename), 1):
            # the name of a member is shown, never used as a path
            shown = member.filename.replace("\\", "/").rpartition("/")[2][:120] or "?"
            try:
                if member.flag_bits & 1:
                    raise FileRefused("ruling_locked", file=shown)
                with archive.open(member) as stream:
                    yield from self.documents(stream, shown, depth + 1)
            except (FileRefused, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, zlib.error) as error:
                self.seen = True
                if isinstance(error, FileRefused) and error.code == "too_large":
                    raise
                self._bad(Finding(number, "", "ruling_member", shown, str(error), (), ""), error)

    def _json_lines(self, source: IO[bytes], name: str) -> Iterator[Document]:
        line = 0
        while raw := source.readline(MAX_DOCUMENT_BYTES + 1):
            line += 1
            if not raw.strip():
                continue
            self.seen = True
            if len(raw) > MAX_DOCUMENT_BYTES:
                raise FileRefused("line_too_long", file=name, line=line, value=f"{MAX_DOCUMENT_BYTES // 1_000_000} MB")
            try:
                record = json.loads(raw.decode("utf-8-sig" if line == 1 else "utf-8"))
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                self._bad(
                    Finding(
                        line, "", "ruling_not_json", raw[:80].decode("utf-8", "replace"), raw[:200].decode("utf-8", "replace")
                    )
                )
                continue
            text = record_text(record)
            if text is None:
                self._bad(
                    Finding(line, "reasons", "ruling_no_text", str(record.get("id") or record.get("case_no") or "?")[:80], "")
                )
            elif len(text) > MAX_CHARS:
                self._bad(Finding(line, "text", "ruling_too_long", f"{MAX_CHARS:,}", ""))
            else:
                yield _from_record(record, text, line)

    def _one(self, text: str, name: str) -> Iterator[Document]:
        self.seen = True
        text = even_out(text)
        if not text:
            raise FileRefused("ruling_none", file=name)
        if len(text) > MAX_CHARS:
            self._bad(Finding(1, "", "ruling_too_long", f"{MAX_CHARS:,}", ""))
            return
        yield _from_text(text)

    def _bad(self, finding: Finding, error: Exception | None = None) -> None:
        if self.on_bad is None:
            if isinstance(error, FileRefused):
                raise error
            raise FileRefused("nothing_good", file=self.file_name, rows=1, first=finding.reason) from error
        self.on_bad(finding)


def decode(data: bytes, *, file_name: str) -> str:
    """Text of bytes, decided on evidence: a byte-order mark, UTF-8, else cp949 if what comes out is Korean."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _decoded(data, name, file_name)
    if data[1:200:2].count(0) > 20 or data[0:200:2].count(0) > 20:
        raise FileRefused("encoding", file=file_name, line=1, value="UTF-16")
    if b"\0" in data:
        raise FileRefused("ruling_format", file=file_name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused("encoding", file=file_name, line=line, value="cp949 or UTF-8 with damaged bytes") from error
    foreign = [char for char in text if ord(char) > 127]
    common = sum("가" <= char <= "힣" and char.encode("cp949")[0] >= 0xB0 and char.encode("cp949")[1] >= 0xA1 for char in foreign)
    if not foreign or common < 0.8 * len(foreign):
        raise FileRefused("encoding", file=file_name, line=1, value="latin-1")
    return text


def _decoded(data: bytes, encoding: str, file_name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileRefused("encoding", file=file_name, line=1, value=f"damaged {encoding}") from error


def even_out(text: str) -> str:
    """One kind of line break, no control characters, no trailing blanks, at most one blank line."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").replace("\u3000", " ")
    text = "".join(char for char in text if char in "\n\t" or ord(char) >= 32)
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def record_text(record: dict[str, Any]) -> str | None:
    """The text of a JSON record, headings put in where its keys say what a part is; None where it has no body."""
    if isinstance(record.get("text"), str) and record["text"].strip():
        body = even_out(record["text"])
        return body or None
    order, reasons = _joined(record.get("order")), _joined(record.get("reasons"))
    facts = _joined(record.get("facts"))
    if not (order or reasons or facts):
        return None
    head = f"사건 {_plain(record.get('case_no'))} {_plain(record.get('case_name'))}".rstrip()
    parts = [head]
    if issues := _joined(record.get("issues")):
        parts.append(f"【판시사항】\n{issues}")
    if order:
        parts.append(f"【주 문】\n{order}")
    if reasons:
        parts.append(f"【이 유】\n{reasons}")
    if facts:
        parts.append(f"【{_plain(record.get('section')) or '범죄사실'}】\n{facts}")
    return even_out("\n".join(parts))


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "\n".join(str(one) for one in value if isinstance(one, str) and one.strip())
    return ""


def _plain(value: Any) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _from_record(record: dict[str, Any], text: str, line: int) -> Document:
    masked = mask(text)
    court, case_no = _plain(record.get("court"))[:80], _plain(record.get("case_no"))[:80]
    own = _plain(record.get("id"))
    if "facts" in record and own:  # a part of a ruling: the same case may come twice
        source_id = own
    elif court and case_no:
        source_id = f"{court} {case_no}"
    else:
        source_id = own or _hash(masked.text)
    meta = {key: str(count) for key, count in masked.counts.items()}
    name = mask(_plain(record.get("case_name"))).text[:200]
    return Document(
        masked.text, source_id[:80], court, case_no, name, _iso(record.get("decided_on")), line, MappingProxyType(meta)
    )


def _from_text(text: str) -> Document:
    """A document whose court, number and date stand in its own first lines."""
    masked = mask(text)
    head = masked.text[:1500]
    court = _COURT.search(head)
    case_no = _CASE_NO.search(head)
    case_line = _CASE_LINE.search(head)
    case_name = _CASE_NO.sub("", case_line[1]).strip(" ,·") if case_line else ""
    decided = _DECIDED.search(masked.text) or None
    day = _date(decided[1]) if decided else None
    found_court, found_no = (court[1] if court else ""), (re.sub(r"\s", "", case_no[1]) if case_no else "")
    source_id = f"{found_court} {found_no}" if found_court and found_no else _hash(masked.text)
    meta = {key: str(count) for key, count in masked.counts.items()}
    return Document(masked.text, source_id[:80], found_court, found_no, case_name[:200], day, 1, MappingProxyType(meta))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _iso(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _date(text: str) -> date | None:
    found = _DATE.search(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _is_json(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def _is_hwp(name: str) -> bool:
    return name.lower().endswith(".hwp")


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
