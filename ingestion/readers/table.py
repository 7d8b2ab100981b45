"""What every reader gives: a table with its header, how it was read and why, and its rows chunk by chunk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ingestion.mapping import Choice, Evidence
from ingestion.readers.chunk import Chunk


@dataclass(frozen=True)
class Limits:
    """How much a reader takes before it refuses: text after decompression, fields of a record, members of an archive."""

    max_content_bytes: int
    max_columns: int = 2_000
    max_members: int = 1_000


@dataclass(frozen=True, eq=False)
class Table:
    """One table of a file.

    `header`: one title a column, stripped, inner white space evened out, several header rows joined by " / ", a repeated
    title numbered " (2)". `header_levels`: the same before joining, one tuple a header row, blanks filled from the left.
    `first_line`: line (or row) of the file where the header begins. `geometry_column`: title of the column that holds WKT,
    for formats with geometry; `crs`: what the file itself says of its coordinates, else None. `choice`: how it was read,
    with every point decided. `format`: csv, xlsx, xls, geojson, topojson, shapefile, geopackage, parquet. `wrappers`: gz,
    zip, outermost first. `chunks`: the rows under the header; may be called again.
    """

    name: str
    format: str
    header: tuple[str, ...]
    chunks: Callable[[], Iterator[Chunk]]
    header_levels: tuple[tuple[str, ...], ...] = ()
    first_line: int = 1
    wrappers: tuple[str, ...] = ()
    geometry_column: str | None = None
    crs: str | None = None
    choice: Choice = field(default_factory=Choice)
    sheets: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = field(default_factory=tuple)
