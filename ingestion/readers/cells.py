"""Typed values of workbooks and databases as the text that a person would type."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


def text_of(value: Any) -> str:
    """12 and not 12.0, dates and times as ISO 8601, true and false; "" for none and for no number."""
    if value is None:
        return ""
    writer = _WRITERS.get(type(value))
    return writer(value) if writer is not None else json.dumps(value, ensure_ascii=False, default=str)


def moment_text(value: datetime, *, has_clock: bool) -> str:
    """ISO 8601; a workbook counts days in fractions, so what is a hair beside a full second is that second."""
    rounded = (value + timedelta(microseconds=500)).replace(microsecond=0)
    moment = rounded if abs((value - rounded).total_seconds()) < 0.002 else value
    return moment.isoformat(" ") if has_clock or moment.time() != time() else moment.date().isoformat()


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _duration(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = "-" if seconds < 0 else "", abs(seconds)
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _float,
    Decimal: str,
    datetime: lambda value: moment_text(value, has_clock=True),
    date: date.isoformat,
    time: lambda value: value.replace(microsecond=0).isoformat(),
    timedelta: _duration,
    bytes: bytes.hex,
}
