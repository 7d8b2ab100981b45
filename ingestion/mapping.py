"""How one file is to be read and understood: decided on evidence, shown to a person, changed by them, kept for the source.

A `ColumnMapping` goes to and from JSON, so that a preset in the database, the wizard's form and the command line are one thing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ingestion.kinds import Kind

WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class Choice:
    """How the bytes are to be read; None leaves a point to the evidence.

    `member`: file inside a zip archive; `sheet`: sheet of a workbook or layer of a GeoPackage; `header_rows`: 0 where the file
    has no header (its columns are then called `column 1`, `column 2` …).
    """

    member: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_rows: int | None = None


@dataclass(frozen=True)
class ColumnMapping:
    """What a file holds and how its columns become fields.

    `columns`: field of `ingestion.kinds.FIELDS` to the column's title as the reader gives it. `crs`: of the coordinates, as
    authority code or WKT. `swapped`: the columns of latitude and longitude stand for each other throughout. `time_order`:
    "ymd", "mdy" or "dmy" for dates whose order their text leaves open. `time_zone`: of clock times without an offset, None for
    the jurisdiction's. `categories`: value of the file, stripped and case-folded, to a category's code; "" leaves such rows
    out. `place_kind`: code of the kind of place. `mends`: codes of proposed mends that a person accepted.
    `options`: what only one kind needs.
    """

    kind: Kind
    columns: Mapping[str, str] = field(default_factory=dict)
    crs: str = WGS84
    swapped: bool = False
    time_order: str = "ymd"
    time_zone: str | None = None
    categories: Mapping[str, str] = field(default_factory=dict)
    place_kind: str = ""
    mends: frozenset[str] = frozenset()
    reading: Choice = field(default_factory=Choice)
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        plain |= {"kind": str(self.kind), "mends": sorted(self.mends), "reading": asdict(self.reading)}
        return plain | {name: dict(plain[name]) for name in ("columns", "categories", "options")}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "ColumnMapping":
        """The mapping that `to_json` wrote. Raises `ValueError` for an unknown kind, `TypeError` for an unknown name."""
        given = dict(plain)
        kind = Kind(given.pop("kind"))
        mends = frozenset(given.pop("mends", ()))
        reading = Choice(**given.pop("reading", {}))
        return cls(kind=kind, mends=mends, reading=reading, **given)

    def with_mends(self, *codes: str) -> "ColumnMapping":
        """The same mapping with more mends accepted."""
        return replace(self, mends=self.mends | set(codes))


@dataclass(frozen=True)
class Evidence:
    """Why something was decided: `topic` (encoding, header, kind, column, crs, time, category …), a code of
    `ingestion.errors.EVIDENCE`, and the fields that its sentence names."""

    topic: str
    code: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Guess:
    """A mapping decided on evidence. `open_questions`: topics on which the evidence does not suffice; a person must choose.

    `options`: by topic, what a person may choose from, the best first, as (value, evidence).
    """

    mapping: ColumnMapping
    evidence: tuple[Evidence, ...] = ()
    open_questions: tuple[str, ...] = ()
    options: Mapping[str, tuple[tuple[str, Evidence], ...]] = field(default_factory=dict)
