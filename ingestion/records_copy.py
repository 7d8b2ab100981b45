"""Rows in the text format of PostgreSQL's COPY."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any


def copy_lines(rows: Iterable[Sequence[Any]]) -> io.BytesIO:
    """One line a row: None as NULL, mappings and lists as JSON, days as ISO, text escaped; half letters become "?"."""
    text = "".join("\t".join(map(_field, row)) + "\n" for row in rows)
    return io.BytesIO(text.encode("utf-8", "replace"))


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
        value = json.dumps(_without_nul(value), ensure_ascii=False)
    text = str(value).replace("\0", "␀")
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _without_nul(value: Any) -> Any:
    """The same JSON value with a sign for the NUL that no text of the database can hold."""
    if isinstance(value, str):
        return value.replace("\0", "␀")
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    return [_without_nul(one) for one in value] if isinstance(value, list | tuple) else value
