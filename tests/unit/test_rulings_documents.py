"""Rulings out of every kind of file, and a sentence for each file that cannot be read."""

import contextlib
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import REASONS, REFUSALS, FileRefused
from ingestion.readers.table import Limits
from ingestion.report import Finding
from ingestion.rulings import Document, extract, read_documents
from ingestion.rulings.documents import decode

TEXT = (
    "가람지방법원\n사 건  2021고단5  절도\n주 문\n피고인을 징역 1년에 처한다.\n이 유\n범 죄 사 실\n"
    "피고인은 2021. 3. 5. 02:10경 서울 서초구 서초동에 있는 편의점에서 지갑을 절취하였다."
)
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
HP = "http://www.hancom.co.kr/hwpml/2011/paragraph"
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "rulings"


def read(tmp_path: Path, name: str, data: bytes, bad: list[Finding] | None = None, limit: int = 10_000_000) -> list[Document]:
    path = tmp_path / name
    path.write_bytes(data)
    on_bad = bad.append if bad is not None else None
    return list(read_documents(path, file_name=name, limits=Limits(limit, max_members=50), on_bad=on_bad))


def refused(tmp_path: Path, name: str, data: bytes, limit: int = 10_000_000) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(tmp_path, name, data, limit=limit)
    assert str(caught.value) == REFUSALS[caught.value.code].format(**caught.value.fields)
    return caught.value


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def docx(text: str) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.split("\n"))
    return zipped(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'.encode(),
        }
    )


def hwpx(text: str) -> bytes:
    body = "".join(f"<hp:p><hp:run><hp:t>{line}</hp:t></hp:run></hp:p>" for line in text.split("\n"))
    section = f'<hs:sec xmlns:hs="x" xmlns:hp="{HP}">{body}</hs:sec>'.encode()
    return zipped({"mimetype": b"application/hwp+zip", "Contents/section0.xml": section})


def pdf(text: str) -> bytes:
    """A PDF of one page whose letters are mapped to Unicode, as a word processor writes it."""
    lines = "".join(
        f"1 0 0 1 50 {780 - 20 * n} Tm <{line.encode('utf-16-be').hex()}> Tj\n" for n, line in enumerate(text.split("\n"))
    )
    stream = f"BT /F1 12 Tf\n{lines}ET".encode()
    ranges = "".join(f"<{high:02x}00> <{high:02x}ff> <{high:02x}00>\n" for high in range(0xAC, 0xD8))
    latin = "<0000> <00ff> <0000>\n"
    codes = "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
    cmap = f"/CMapName /x def\n{codes}45 beginbfrange\n{latin}{ranges}endbfrange\n".encode()
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 850]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>",
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap),
    ]
    out, offsets = b"%PDF-1.5\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        out + b"xref\n0 8\n0000000000 65535 f \n%s" % table + b"trailer<</Size 8/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(out)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_a_text_file_is_read_in_each_encoding_people_have(tmp_path, encoding):
    (document,) = read(tmp_path, "ruling.txt", TEXT.encode(encoding))
    assert document.text == TEXT
    assert (document.court, document.case_no, document.case_name) == ("가람지방법원", "2021고단5", "절도")
    assert document.source_id == "가람지방법원 2021고단5"


@pytest.mark.parametrize("make", [docx, hwpx], ids=["docx", "hwpx"])
def test_an_office_document_gives_its_paragraphs_as_lines(tmp_path, make):
    (document,) = read(tmp_path, "ruling.bin", make(TEXT))
    assert document.text == TEXT


def test_a_pdf_with_text_gives_the_same_event_as_the_text(tmp_path):
    (document,) = read(tmp_path, "ruling.pdf", pdf(TEXT))
    (event,) = extract(document).events
    assert [event.value(name) for name in ("category", "date", "time", "sigungu", "dong")] == [
        "theft",
        "2021-03-05",
        "02:10",
        "서초구",
        "서초동",
    ]


def test_a_zip_of_many_kinds_gives_each_of_its_rulings(tmp_path):
    members = {
        "가/1.txt": TEXT.encode("cp949"),
        "2.docx": docx(TEXT),
        "3.hwpx": hwpx(TEXT),
        "4.txt.gz": gzip.compress(TEXT.encode()),
        ".DS_Store": b"x",
    }
    assert [document.text for document in read(tmp_path, "rulings.zip", zipped(members))] == [TEXT] * 4


def test_json_lines_keep_their_line_and_put_headings_in(tmp_path):
    record = {
        "court": "가람지법",
        "case_no": "2020고단1",
        "case_name": "절도",
        "decided_on": "2020-05-04",
        "order": ["벌금 10만 원"],
        "reasons": ["범죄사실", "훔쳤다."],
    }
    data = b"\n" + json.dumps(record, ensure_ascii=False).encode()
    (document,) = read(tmp_path, "rulings.jsonl.gz", gzip.compress(data))
    assert document.text == "사건 2020고단1 절도\n【주 문】\n벌금 10만 원\n【이 유】\n범죄사실\n훔쳤다."
    assert (document.line, str(document.decided_on)) == (2, "2020-05-04")


def test_a_bad_line_is_left_out_and_said(tmp_path):
    bad: list[Finding] = []
    documents = read(tmp_path, "stripped.jsonl", (FIXTURES / "stripped.jsonl").read_bytes(), bad)
    assert [document.line for document in documents] == [1, 4]
    assert [(finding.line, finding.reason) for finding in bad] == [(2, "ruling_no_text"), (3, "ruling_not_json")]
    assert (
        REASONS["ruling_no_text"].format(line=2, value=bad[0].value)
        == "Line 2: the ruling a2 has no text. Leave it out or add “reasons” or “text”."
    )


def test_a_bad_member_of_an_archive_is_left_out_and_said(tmp_path):
    bad: list[Finding] = []
    documents = read(tmp_path, "rulings.zip", zipped({"1.txt": TEXT.encode(), "2.pdf": b"%PDF-1.4 broken"}), bad)
    assert len(documents) == 1
    assert [(finding.reason, finding.value) for finding in bad] == [("ruling_member", "2.pdf")]


def test_names_of_members_are_never_used_as_paths(tmp_path):
    (document,) = read(tmp_path, "rulings.zip", zipped({"../../escape.txt": TEXT.encode()}))
    assert document.text == TEXT
    assert not (tmp_path.parent / "escape.txt").exists()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40 + b"HWP Document File", "ruling_hwp5"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40, "ruling_word97"),
        ("a.pdf", pdf(""), "ruling_scan"),
        ("a.pdf", b"%PDF-1.4\nnothing here", "ruling_broken"),
        ("a.docx", zipped({"word/document.xml": b"<w:document"}), "ruling_broken"),
        (
            "a.docx",
            zipped({"word/document.xml": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'}),
            "ruling_broken",
        ),
        ("a.hwpx", zipped({"Contents/section0.xml": b"<a/>", "META-INF/manifest.xml": b"<encryption-data/>"}), "ruling_locked"),
        ("a.zip", zipped({"a.txt": TEXT.encode()})[:60], "ruling_broken"),
        ("a.zip", zipped({}), "ruling_none"),
        ("a.txt.gz", gzip.compress(TEXT.encode() * 50)[:-20], "ruling_broken"),
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\n", "empty"),
        ("a.txt", b"\x89PNG\r\n\0\0\0\0", "ruling_format"),
        ("a.txt", "Temp 5°C, café, naïve".encode("latin-1"), "encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(tmp_path, name, data, code):
    assert refused(tmp_path, name, data).code == code


def test_the_refusal_of_a_scan_says_what_to_do(tmp_path):
    assert str(refused(tmp_path, "a.pdf", pdf(""))) == (
        "a.pdf: the PDF has 1 pages but no text; it is a scan. Run text recognition on it, or upload the HWPX or DOCX."
    )


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path):
    bomb = gzip.compress(b"a" * 5_000_000)
    assert refused(tmp_path, "a.txt.gz", bomb, limit=1_000_000).code == "too_large"
    assert refused(tmp_path, "a.zip", zipped({"a.txt": b"a" * 5_000_000}), limit=1_000_000).code == "too_large"


def test_too_many_members_are_refused(tmp_path):
    assert refused(tmp_path, "a.zip", zipped({f"{n}.txt": b"x" for n in range(51)})).code == "too_large"


def test_korean_in_cp949_is_told_from_latin_letters():
    assert decode("피고인은 무죄".encode("cp949"), file_name="x") == "피고인은 무죄"
    with pytest.raises(FileRefused):
        decode("23°C 24°C 25°C".encode("latin-1"), file_name="x")


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b", b"%PDF-1.4\n", b"{", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, data, start):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(start + data)
    with contextlib.suppress(FileRefused):
        for document in read_documents(path, file_name="x", limits=Limits(10_000)):
            extract(document)
