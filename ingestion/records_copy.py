"""Rows in the text format of PostgreSQL's COPY."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any


def copy_lines(rows: Iterable[Sequence[Any]]) -> io.StringIO:
    """One line a row: None as NULL, mappings and lists as JSON, days as ISO, text escaped."""
    return io.StringIO("".join("\t".join(map(_field, row)) + "\n" for row in rows))


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)
    text = str(value).replace("\0", "␀")
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
