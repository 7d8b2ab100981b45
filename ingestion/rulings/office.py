"""Text out of DOCX, HWPX and PDF: paragraphs as lines. Everything is read in memory under a limit; nothing is written to disk."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from ingestion.errors import FileRefused

MAX_XML_BYTES = 64_000_000
MAX_PAGES = 2_000
SCAN_CHARS_PER_PAGE = 20  # a page of a ruling has a thousand; a scan's text layer holds at most a stamp or page number


def read_member(archive: zipfile.ZipFile, name: str, *, file_name: str, most: int = MAX_XML_BYTES) -> bytes:
    """One member, whatever its header says of its size. Raises `FileRefused` (too_large, ruling_locked, ruling_broken)."""
    if archive.getinfo(name).flag_bits & 1:
        raise FileRefused("ruling_locked", file=file_name)
    try:
        with archive.open(name) as stream:
            data = stream.read(most + 1)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, RuntimeError) as error:
        raise FileRefused("ruling_broken", file=file_name, value="zip") from error
    except Exception as error:  # zlib.error, lzma.LZMAError: the decompressors share no base class
        raise FileRefused("ruling_broken", file=file_name, value="zip") from error
    if len(data) > most:
        raise FileRefused("too_large", file=file_name, value=f"{most // 1_000_000} MB")
    return data


def docx_text(archive: zipfile.ZipFile, *, file_name: str) -> str:
    """The paragraphs of a Word document, without headers, footers and deleted text."""
    data = read_member(archive, "word/document.xml", file_name=file_name)
    return "\n".join(_paragraphs(data, text_tags={"t"}, kind="DOCX", file_name=file_name))


def hwpx_text(archive: zipfile.ZipFile, *, file_name: str) -> str:
    """The paragraphs of all sections of a HWPX document (OWPML, KS X 6101)."""
    names = archive.namelist()
    manifest = "META-INF/manifest.xml"
    if manifest in names and b"encryption-data" in read_member(archive, manifest, file_name=file_name):
        raise FileRefused("ruling_locked", file=file_name)
    sections = sorted((name for name in names if _is_section(name)), key=lambda name: (len(name), name))
    lines: list[str] = []
    for name in sections:
        data = read_member(archive, name, file_name=file_name)
        lines.extend(_paragraphs(data, text_tags={"t"}, kind="HWPX", file_name=file_name))
    return "\n".join(lines)


def _is_section(name: str) -> bool:
    return name.startswith("Contents/section") and name.endswith(".xml")


def _paragraphs(data: bytes, *, text_tags: set[str], kind: str, file_name: str) -> Iterator[str]:
    """The text of each paragraph (`p`); both formats name their parts alike but for the namespace."""
    pieces: list[str] = []
    try:
        for _, element in iterparse(io.BytesIO(data), events=("end",)):
            tag = _local(element)
            if tag in text_tags:
                pieces.append("".join(element.itertext()))
            elif tag in ("tab", "br", "lineBreak", "cr"):
                pieces.append(" ")
            elif tag == "p":
                yield "".join(pieces)
                pieces.clear()
                element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise FileRefused("ruling_broken", file=file_name, value=kind) from error
    if pieces:
        yield "".join(pieces)


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def pdf_text(data: bytes, *, file_name: str) -> str:
    """The text of a PDF. Raises `FileRefused` where it is locked, damaged or a scan without text."""
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise FileRefused("ruling_locked", file=file_name)
        pages = [page.extract_text() or "" for _, page in zip(range(MAX_PAGES), reader.pages, strict=False)]
    except FileRefused:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OSError) as error:
        raise FileRefused("ruling_broken", file=file_name, value="PDF") from error
    except Exception as error:  # a damaged stream may fail anywhere inside the library; the file is refused all the same
        raise FileRefused("ruling_broken", file=file_name, value="PDF") from error
    text = "\n".join(pages)
    if len("".join(text.split())) < SCAN_CHARS_PER_PAGE * max(1, len(pages)):
        raise FileRefused("ruling_scan", file=file_name, value=len(pages))
    return unwrap(text)


def unwrap(text: str) -> str:
    """Join the lines that the page's width broke: a line that does not end a sentence goes on in the next."""
    lines = [line.strip() for line in text.split("\n")]
    out: list[str] = []
    for line in lines:
        if out and out[-1] and line and not _ends(out[-1]) and not _begins(line):
            out[-1] += " " + line
        else:
            out.append(line)
    return "\n".join(out)


def _ends(line: str) -> bool:
    return line[-1] in ".:】]」…" or len(line) < 25


def _begins(line: str) -> bool:
    return line[0] in "【[「①②③④⑤⑥⑦⑧⑨○" or (line[:2].rstrip(".)").isdigit() and line[1:2] in ".)") or line[1:2] == "."
