"""The header line: which column of the file holds which field."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.errors import FileRefused
from ingestion.presets import Columns

REQUIRED = ("category", "occurred_from", "latitude", "longitude")
OPTIONAL = ("occurred_to", "incident_id")


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


def _refuse_missing(header: Sequence[str], column: str, file_name: str) -> None:
    if len(header) == 1:
        for separator, name in ((";", ";"), ("\t", "Tab"), ("|", "|")):
            if separator in header[0]:
                raise FileRefused("separator", file=file_name, line=1, value=name)
    found = ", ".join(name.strip() for name in header)
    raise FileRefused("missing_column", file=file_name, line=1, column=column, value=found[:300])


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "").replace(" ", "")
