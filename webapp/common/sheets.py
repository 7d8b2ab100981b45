"""Tables that leave as CSV: streamed, readable by spreadsheets, and harmless to them."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

_NUMBER = re.compile(r"[+-]?\d[\d.,]*(, [+-]?[\d.]+)?")


class _Echo:
    """A file that hands back what is written to it, so that the CSV can be streamed line by line."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterator[tuple[Any, ...]]) -> Iterator[str]:
    """Rows as lines of CSV text, the first beginning with a byte-order mark, so that Excel reads it as UTF-8.

    The first row is drawn at once: what refuses the table refuses it here, and not in the middle of a download.
    """
    writer: Any = csv.writer(_Echo())
    first = next(rows, ())

    def lines() -> Iterator[str]:
        mark = "\ufeff"
        for row in chain([first], rows):
            yield mark + writer.writerow([harmless(value) for value in row])
            mark = ""

    return lines()


def harmless(value: Any) -> Any:
    """A spreadsheet runs a cell that begins like a formula; an apostrophe keeps it text. Plain numbers stay as they are."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value[:1] in "=+-@\t\r" and value and not _NUMBER.fullmatch(value) else value
