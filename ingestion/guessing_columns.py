"""What the columns of a table look like, by title and by value, and which field each may hold.

Decided on a sample of rows spread over the first chunk.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ingestion.categories import known_share
from ingestion.coordinates import points_of, read_numbers
from ingestion.guessing_words import RUNNING_NUMBERS, TITLES
from ingestion.kinds import Kind
from ingestion.readers import Table
from ingestion.times_guess import guess_times, readable_share

SAMPLE_ROWS = 4000
ADDRESS_LENGTH = 80
_SIGNS = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\s*[-+−]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?\s*")
_ADDRESS = re.compile(
    r"\S+(?:시|도)\s+\S+[구군시]\s|\S+[구군]\s+\S+[동로길가읍면]|\d+XX?\s+[NSEW]\s|\d+\s+\w+.*\b(?:st|ave|rd|blvd|dr)\b", re.I
)


def plain_title(title: str) -> str:
    """A title without case, blanks and punctuation."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", title).casefold())


@dataclass(eq=False)
class Column:
    """One column: its title and the sampled values."""

    place: int
    title: str
    values: list[str]

    @cached_property
    def plain(self) -> str:
        return plain_title(self.title)

    @cached_property
    def given(self) -> list[str]:
        """Values that say something."""
        return [value for value in self.values if value.strip()]

    @cached_property
    def numeric_share(self) -> float:
        """Share of the given values that are numbers, up to 500 looked at."""
        shown = self.given[:500]
        return sum(bool(_NUMBER.fullmatch(value)) for value in shown) / len(shown) if shown else 0.0

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        return np.asarray(read_numbers(self.values, is_degrees=False)[0], np.float64)

    @cached_property
    def time_shares(self) -> tuple[float, float]:
        """Of the given values the share that reads as a time; of those the share with a time of day. Short numbers are none."""
        shown = self.given[:500]
        if self.numeric_share > 0.9 and not all(len(value.strip()) >= 6 for value in shown):
            return 0.0, 0.0
        return readable_share(shown, order=guess_times(self.given).order)

    @cached_property
    def offence_share(self) -> float:
        """Share of the different values that spell an offence."""
        return known_share(set(self.given)) if self.numeric_share < 0.5 else 0.0

    @cached_property
    def address_share(self) -> float:
        shown = [value[:ADDRESS_LENGTH] for value in self.given[:500]]
        return sum(bool(_ADDRESS.search(value + " ")) for value in shown) / len(shown) if shown else 0.0

    @cached_property
    def distinct(self) -> int:
        return len(set(self.given))

    @property
    def is_running_number(self) -> bool:
        """A number of the row in this issue of the file, not of the thing."""
        return self.plain in RUNNING_NUMBERS or self.plain.endswith(("fid", "일련번호")) or not self.plain


class Sheet:
    """The sampled columns of a table."""

    def __init__(self, table: Table, rows: Sequence[Sequence[str]]):
        self.table = table
        width = len(table.header)
        self.rows = [list(row) for row in rows if len(row) == width]
        columns = list(zip(*self.rows, strict=True)) if self.rows else [()] * width
        self.columns = [Column(place, title, list(columns[place])) for place, title in enumerate(table.header)]

    def find(self, kind: Kind, field: str, taken: Sequence[str] = ()) -> Column | None:
        """The column whose title stands first among those that the dictionary knows for a field, and whose values may be it."""
        for word in TITLES[kind][field].split():
            for column in self.columns:
                if _fits(column.plain, word) and column.title not in taken and _may_be(field, column):
                    return column
        return None

    def pair(self, kind: Kind) -> tuple[Column, Column] | None:
        """The columns of latitude and longitude, or of y and x."""
        north, east = self.find(kind, "latitude"), self.find(kind, "longitude")
        return (north, east) if north is not None and east is not None else None

    @cached_property
    def geometry(self) -> Column | None:
        """The column that holds geometry as text, by its values."""
        for column in self.columns:
            if column.title == self.table.geometry_column:
                return column
        for column in self.columns:
            shown = column.given[:50]
            if shown and column.numeric_share == 0 and any(value.lstrip()[:1] in "PMLGCS{0" for value in shown[:3]):
                x, _, _ = points_of(shown)
                if np.isfinite(x).mean() > 0.8 or _looks_like_shape(shown):
                    return column
        return None

    @cached_property
    def has_outlines(self) -> bool:
        """Whether the geometry is of areas."""
        column = self.geometry
        return column is not None and _looks_like_shape(column.given[:50])


def _fits(title: str, word: str) -> bool:
    if word.endswith("*"):
        return title.startswith(word[:-1])
    return title.endswith(word[1:]) if word.startswith("*") else title == word


def sample_of(table: Table) -> list[list[str]]:
    """Rows spread over the first chunk that has any."""
    for chunk in table.chunks():
        rows = [row for number, row in enumerate(chunk.rows) if number not in chunk.broken]
        if rows:
            step = max(len(rows) // SAMPLE_ROWS, 1)
            return rows[::step][:SAMPLE_ROWS]
    return []


def _looks_like_shape(values: Sequence[str]) -> bool:
    shapes = [value for value in values if "POLYGON" in value[:60].upper()]
    return bool(values) and len(shapes) > 0.5 * len(values)


_NUMBERS = frozenset(("latitude", "longitude", "megapixels", "retention_days", "bearing_deg", "angle_deg", "range_m", "count"))
_TIMES = frozenset(("occurred_from", "occurred_to", "reported_at"))
_TEXTS = frozenset(("address", "lot_address", "geometry"))


def _may_be(field: str, column: Column) -> bool:
    """Whether the values could be the field; an empty column may be anything but what says what happened and when."""
    if not column.given:
        return field not in ("category", "occurred_from")
    checks: dict[str, Callable[[], bool]] = {
        "category": lambda: column.offence_share > 0 or (column.distinct <= 300 and column.numeric_share < 0.5),
        "code": lambda: column.distinct >= 0.99 * len(column.values),
        "source_id": lambda: not column.is_running_number and column.distinct >= 0.5 * len(column.given),
    }
    checks |= dict.fromkeys(_NUMBERS, lambda: column.numeric_share >= 0.5)
    checks |= dict.fromkeys(_TIMES, lambda: column.time_shares[0] >= 0.5)
    checks |= dict.fromkeys(_TEXTS, lambda: column.numeric_share < 0.9)
    return checks[field]() if field in checks else True
