"""The header: which column of the file holds which field, by a preset's spellings or as a mapping says."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.errors import FileRefused
from ingestion.mapping import ColumnMapping

REQUIRED = ("category", "occurred_from", "latitude", "longitude")
OPTIONAL = ("occurred_to", "incident_id")


@dataclass(frozen=True)
class Columns:
    """Accepted header names by field, the first being the documented one. Case, blanks and underscores do not count."""

    category: tuple[str, ...]
    occurred_from: tuple[str, ...]
    latitude: tuple[str, ...]
    longitude: tuple[str, ...]
    occurred_to: tuple[str, ...] = ()
    incident_id: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """`width`: fields a row must have; `position` and `title`: by field, of the columns that the file has."""

    width: int
    position: dict[str, int]
    title: dict[str, str]


def read_header(header: Sequence[str], *, columns: Columns, file_name: str) -> Layout:
    """Find every field's column. Raises `FileRefused` if a required one is missing or one stands twice."""
    known = [_plain(name) for name in header]
    position: dict[str, int] = {}
    title: dict[str, str] = {}
    for field in REQUIRED + OPTIONAL:
        accepted: tuple[str, ...] = getattr(columns, field)
        wanted = {_plain(name) for name in accepted}
        found = [place for place, name in enumerate(known) if name in wanted]
        if len(found) > 1:
            raise FileRefused("double_column", file=file_name, line=1, column=header[found[1]].strip())
        if found:
            position[field], title[field] = found[0], header[found[0]].strip()
        elif field in REQUIRED:
            _refuse_missing(header, accepted[0], file_name)
    return Layout(width=len(header), position=position, title=title)


def layout_of(header: Sequence[str], mapping: ColumnMapping, *, file_name: str, line: int = 1) -> Layout:
    """Where the columns that a mapping names stand. Raises `FileRefused` for a column that the file does not have."""
    place_of = {title: place for place, title in reversed(list(enumerate(header)))}
    position: dict[str, int] = {}
    for field, title in mapping.columns.items():
        if title not in place_of:
            _refuse(header, title, file_name, line)
        position[field] = place_of[title]
    return Layout(width=len(header), position=position, title=dict(mapping.columns))


def require_incident_fields(layout: Layout, header: Sequence[str], mapping: ColumnMapping, *, file_name: str) -> None:
    """Refuse a mapping that leaves out what an incident cannot do without: a category, a time and a place."""
    has_place = {"geometry", "address"} & set(layout.position) or {"latitude", "longitude"} <= set(layout.position)
    missing = [field for field in ("category", "occurred_from") if field not in layout.position]
    if mapping.options.get("category") and "category" in missing:
        missing.remove("category")
    if not has_place:
        missing += [field for field in ("latitude", "longitude") if field not in layout.position]
    if missing:
        _refuse(header, missing[0], file_name, 1)


def _refuse(header: Sequence[str], column: str, file_name: str, line: int) -> None:
    found = ", ".join(header)
    raise FileRefused("missing_column", file=file_name, line=line, column=column, value=found[:300])


def _refuse_missing(header: Sequence[str], column: str, file_name: str) -> None:
    _refuse([name.strip() for name in header], column, file_name, 1)


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "").replace(" ", "")
