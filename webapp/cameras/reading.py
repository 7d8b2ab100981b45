"""A camera register as a CSV file, read into records. The format is described in docs/watch.md.

Columns by name, in any order: `source_id`, `name`, `latitude`, `longitude` must be there; `bearing_deg`, `angle_deg`, `range_m`,
`count`, `purpose`, `is_working` may be left out or empty.
"""

import csv
from pathlib import Path

from django.utils.translation import gettext as _

from webapp.cameras.services import CameraError, CameraRecord
from webapp.common.errors import HaechiError

NEEDED = ("source_id", "name", "latitude", "longitude")
DEAD = frozenset({"0", "false", "no", "n", "고장", "아니오"})
WORKING = frozenset({"", "1", "true", "yes", "y", "정상", "예"})


def read_register(path: Path, *, is_simulated: bool = False) -> list[CameraRecord]:
    """All rows of the file. Raises `HaechiError` with a sentence that names line and column of the first thing that is wrong."""
    try:
        # utf-8-sig: spreadsheets put a byte-order mark in front.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CameraError(_("%(file)s is not UTF-8 text. Save it as CSV UTF-8 and try again.") % {"file": path.name}) from None
    except OSError:
        raise HaechiError(_("%(file)s cannot be read. Check the path.") % {"file": str(path)}, code="unreadable") from None
    if "\x00" in text:
        raise CameraError(_("%(file)s is not UTF-8 text. Save it as CSV UTF-8 and try again.") % {"file": path.name})
    rows = csv.DictReader(text.splitlines(keepends=True))
    missing = [column for column in NEEDED if column not in (rows.fieldnames or ())]
    if missing:
        fields = {"file": path.name, "columns": ", ".join(missing)}
        raise CameraError(_("%(file)s has no column %(columns)s. See docs/watch.md for the columns.") % fields, fields=fields)
    return [_record(row, rows.line_num, is_simulated) for row in rows]


def _record(row: dict[str, str | None], line: int, is_simulated: bool) -> CameraRecord:
    return CameraRecord(
        source_id=_text(row, "source_id"),
        name=_text(row, "name"),
        longitude=_number(row, "longitude", line),
        latitude=_number(row, "latitude", line),
        bearing_deg=_number(row, "bearing_deg", line) if _text(row, "bearing_deg") else None,
        angle_deg=_number(row, "angle_deg", line, 360.0),
        range_m=_number(row, "range_m", line, 50.0),
        count=round(_number(row, "count", line, 1.0)),
        purpose=_text(row, "purpose") or CameraRecord.purpose,
        is_working=_flag(row, "is_working", line),
        is_simulated=is_simulated,
    )


def _text(row: dict[str, str | None], column: str) -> str:
    return (row.get(column) or "").strip()


def _number(row: dict[str, str | None], column: str, line: int, default: float | None = None) -> float:
    text = _text(row, column)
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        fields = {"line": line, "column": column, "value": text[:40]}
        message = _("Line %(line)s, column %(column)s: “%(value)s” is not a number. Correct it and register the file again.")
        raise CameraError(message % fields, fields=fields)
    return value


def _flag(row: dict[str, str | None], column: str, line: int) -> bool:
    text = _text(row, column).lower()
    if text not in DEAD | WORKING:
        fields = {"line": line, "column": column, "value": text[:40]}
        message = _(
            "Line %(line)s, column %(column)s: “%(value)s” is neither yes nor no. Correct it and register the file again."
        )
        raise CameraError(message % fields, fields=fields)
    return text in WORKING
