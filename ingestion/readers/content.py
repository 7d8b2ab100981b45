"""What a file is, by its content and never by its name."""

import re
from pathlib import Path

from ingestion.errors import gettext_noop

TABLE_KINDS = ("delimited", "xlsx", "xls", "geojson", "topojson", "geopackage", "parquet", "archive")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gz"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\0", "geopackage"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
)
_NAMED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", gettext_noop("a PDF document")),
    (b"\x89PNG", gettext_noop("a PNG picture")),
    (b"\xff\xd8\xff", gettext_noop("a JPEG picture")),
    (b"GIF8", gettext_noop("a GIF picture")),
    (b"II*\0", gettext_noop("a TIFF picture")),
    (b"MM\0*", gettext_noop("a TIFF picture")),
    (b"OggS", gettext_noop("an Ogg sound file")),
    (b"fLaC", gettext_noop("a FLAC sound file")),
    (b"ID3", gettext_noop("an MP3 sound file")),
    (b"\xff\xfb", gettext_noop("an MP3 sound file")),
    (b"\x1aE\xdf\xa3", gettext_noop("a Matroska video")),
    (b"\x93NUMPY", gettext_noop("a NumPy array")),
    (b"\x89HDF", gettext_noop("an HDF5 file")),
    (b"\x7fELF", gettext_noop("a program")),
    (b"MZ", gettext_noop("a program")),
    (b"Rar!", gettext_noop("a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", gettext_noop("a 7-Zip archive")),
    (b"BZh", gettext_noop("a bzip2 archive")),
    (b"\xfd7zXZ", gettext_noop("an xz archive")),
    (b"\x28\xb5\x2f\xfd", gettext_noop("a Zstandard archive")),
    (b"\x80\x02", gettext_noop("a Python pickle")),
    (b"\x80\x03", gettext_noop("a Python pickle")),
    (b"\x80\x04", gettext_noop("a Python pickle")),
    (b"\x80\x05", gettext_noop("a Python pickle")),
    (b"\x00\x00\x27\x0a", gettext_noop("a Shapefile without its other parts")),
    (b"ORC", gettext_noop("an ORC file")),
    (b"Obj\x01", gettext_noop("an Avro file")),
    (b"ARROW1", gettext_noop("an Arrow file")),
    (b"\x17\x00\x00\x00HWP", gettext_noop("a Hangul document")),
    (b"{\\rtf", gettext_noop("an RTF document")),
)
_TEXT_MAGIC = (b"%PDF", b"{\\rtf")
_RIFF = {
    b"AVI ": gettext_noop("an AVI video"),
    b"WAVE": gettext_noop("a WAV sound file"),
    b"WEBP": gettext_noop("a WebP picture"),
}
MP4 = gettext_noop("an MP4 video")
JSON_LINES = gettext_noop("a list of JSON objects, one a line")
JSON = gettext_noop("a JSON document without features")
WEB_PAGE = gettext_noop("a web page (HTML), even if its name says workbook; open it in Excel and save it as .xlsx")
XML = gettext_noop("an XML document")
PROSE = gettext_noop("running text")
SETTINGS = gettext_noop("a file of settings")
EXECUTABLE_TEXT = gettext_noop("a program")
NUMPY_ARCHIVE = gettext_noop("a NumPy archive")
WORD = gettext_noop("a Word document")
HANGUL = gettext_noop("a Hangul document")
SLIDES = gettext_noop("a PowerPoint presentation")
OPEN_DOCUMENT = gettext_noop("an OpenDocument file; save it as .xlsx")
BINARY_WORKBOOK = gettext_noop("a binary workbook (.xlsb); save it as .xlsx")
KMZ = gettext_noop("a KMZ file; export it as GeoJSON")
OLE = gettext_noop("an old Office document")
SQLITE = gettext_noop("an SQLite database that is no GeoPackage")

_OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("WordDocument", WORD),
    ("HwpSummaryInformation", HANGUL),
    ("PowerPoint Document", SLIDES),
)
_OLE_SIGNS = {name: f"{name}\0".encode("utf-16-le") for name in ("EncryptedPackage", *(stream for stream, _ in _OLE_STREAMS))}
_HEADING = re.compile(r"\s*(#{1,6} \S|={4,}\s*$|-{4,}\s*$)")
_RULE = re.compile(r"\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)+\|?")  # under the head of a table in Markdown
_SECTION = re.compile(r"\s*\[[^\]\r\n,;\t]+\]\s*")
_SETTING = re.compile(r"\s*([\w.-]+\s*[=:]\s?.*|[#;].*|\[[^\]]+\]\s*)?")


def kind_of(head: bytes) -> tuple[str, str]:
    """(kind, what it is in words): kind is "gz", "zip", "ole", one of `TABLE_KINDS`, "text", "empty" or "other"."""
    if not head.strip(b" \t\r\n\xef\xbb\xbf"):
        return "empty", ""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind, ""
    words = _words(head)
    return ("other", words) if words else ("text", "")


def _words(head: bytes) -> str:
    """What a file is that is neither text nor a table; "" for text."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], _RIFF[b"AVI "])
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return MP4
    found = next(((magic, words) for magic, words in _NAMED if head.startswith(magic)), None)
    if found is None or (found[0] not in _TEXT_MAGIC and _reads_as_text(head)):
        return ""
    return found[1]


def _reads_as_text(head: bytes) -> bool:
    """Whether bytes that begin like a binary file (“MZ”, “ID3”) are letters all the same."""
    sample = head[:512]
    return sum(byte < 9 or 13 < byte < 32 for byte in sample) == 0 and sample[:1] < b"\x80"


def ole_kind(path: Path) -> tuple[str, str]:
    """What an OLE document is: ("xls", ""), ("password", "") or ("other", words). Its directory may lie anywhere in it."""
    found: set[str] = set()
    with open(path, "rb") as file:
        rest = b""
        while block := file.read(2**20):
            data = rest + block
            found |= {name for name, sign in _OLE_SIGNS.items() if sign in data}
            rest = block[-64:]
    if "EncryptedPackage" in found:
        return "password", ""
    for stream, kind in _OLE_STREAMS:
        if stream in found:
            return ("xls", "") if kind == "xls" else ("other", kind)
    return "other", OLE


def zip_kind(names: list[str]) -> tuple[str, str]:
    """What a zip file is by its members: ("xlsx", ""), ("archive", "") or ("other", words)."""
    known = set(names)
    if "xl/workbook.xml" in known and "[Content_Types].xml" in known:
        return "xlsx", ""
    for has, words in (
        ("[Content_Types].xml" in known, _office_words(names)),
        ("mimetype" in known and any(name.startswith("Contents/") for name in names), HANGUL),
        ("mimetype" in known and "content.xml" in known, OPEN_DOCUMENT),
        (bool(names) and all(name.endswith(".npy") for name in names), NUMPY_ARCHIVE),
        ("doc.kml" in known, KMZ),
    ):
        if has:
            return "other", words
    return "archive", ""


def _office_words(names: list[str]) -> str:
    for start, words in (("xl/workbook.bin", BINARY_WORKBOOK), ("word/", WORD), ("ppt/", SLIDES)):
        if any(name.startswith(start) for name in names):
            return words
    return OLE


def text_kind(text: str) -> tuple[str, str]:
    """What a text is by its first characters: "geojson", "topojson", "delimited" or ("other", words)."""
    start = text.lstrip("\ufeff\x1e \t\r\n")
    if start.startswith(("{", "[")) and re.match(r"[\[{]\s*[\"{\[\]}\d-]", start):
        return _json_kind(start)
    if re.match(r"(?i)<(!doctype html|html|head|body|table|meta|script)", start):
        return "other", WEB_PAGE
    if start.startswith(("<?xml", "<kml", "<gml", "<ogr", "<osm", "<gpx")):
        return "other", WEB_PAGE if re.search(r"(?i)<html|urn:schemas-microsoft-com:office:spreadsheet", text) else XML
    if start.startswith("#!"):
        return "other", EXECUTABLE_TEXT
    return "delimited", ""


def _json_kind(text: str) -> tuple[str, str]:
    if re.search(r'"type"\s*:\s*"Topology"', text[:100_000]):
        return "topojson", ""
    if re.search(r'"features"\s*:\s*\[|"type"\s*:\s*"(Feature|FeatureCollection|GeometryCollection)"', text):
        return "geojson", ""
    if re.search(r'"type"\s*:\s*"(Multi)?(Point|LineString|Polygon)"', text) and '"coordinates"' in text:
        return "geojson", ""
    if (text.startswith("{") and re.search(r"\}\s*\n\s*\{", text)) or re.match(r"\{[^\n]*\}\s*\n?\s*$", text):
        return "other", JSON_LINES
    return ("other", JSON_LINES) if re.match(r'\{"\w+":[^\n]{2000}', text) else ("other", JSON)


def prose_kind(lines: list[str], share: float) -> str:
    """What text is that is no table, in words; "" where it may be one.

    `share`: of the lines that the best delimiter cuts alike, 0 to 1.
    """
    filled = [line.strip() for line in lines if line.strip()]
    if not filled:
        return ""
    settings = sum(bool(_SETTING.fullmatch(line)) for line in filled)
    if _SECTION.fullmatch(filled[0]) and settings >= 0.8 * len(filled):
        return SETTINGS
    if any(_RULE.fullmatch(line) for line in filled) or (_HEADING.match(filled[0]) and (share < 0.8 or len(filled) < 4)):
        return PROSE
    wordy = sum(line.count(" ") >= 6 for line in filled)
    return PROSE if share < 0.5 and wordy * 3 >= len(filled) else ""
