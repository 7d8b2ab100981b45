"""Where the upload room meets the core's readers and its guess."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely
from django.utils import timezone
from shapely.geometry.base import BaseGeometry

from ingestion.guessing import GuessContext, guess
from ingestion.kinds import Kind
from ingestion.mapping import Choice, Guess
from ingestion.places import Boundary
from ingestion.readers import open_tables
from ingestion.readers.table import Limits, Table
from webapp.crimes.models import Area, Category, PlaceKind

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from webapp.accounts.models import Jurisdiction

_DOCUMENTS = {".pdf": "pdf", ".docx": "docx", ".hwpx": "hwpx", ".txt": "txt", ".jsonl": "jsonl"}


def documents_of(path: Path, file_name: str) -> dict[str, Any] | None:
    """What is shown of a file of court rulings, or None for a file that is a table."""
    lower = file_name.lower().removesuffix(".gz")
    suffix = Path(lower).suffix
    if suffix not in _DOCUMENTS:
        return None
    return {"format": _DOCUMENTS[suffix]}


def tables_of(path: Path, file_name: str, limits: Limits, choice: Choice) -> list[Table]:
    """The tables of a file. Raises `FileRefused`."""
    return open_tables(path, limits=limits, file_name=file_name, choice=choice)


def guess_of(tables: Sequence[Table], jurisdiction: "Jurisdiction", *, file_name: str, kind: str | None) -> Guess:
    """What the tables hold, decided on evidence."""
    context = GuessContext(
        file_name=file_name,
        boundary=Boundary.around(shapely.from_wkb(bytes(jurisdiction.boundary.wkb))),
        time_zone=jurisdiction.time_zone,
        now=timezone.now(),
        categories=_names(Category.objects.of(jurisdiction)),
        place_kinds=_names(PlaceKind.objects.of(jurisdiction)),
        areas=_areas(jurisdiction),
        kind=Kind(kind) if kind else None,
    )
    return guess(tables, context)


def _names(rows: "QuerySet[Any]") -> dict[str, tuple[str, str]]:
    return {code: (name, name_en) for code, name, name_en in rows.values_list("code", "name", "name_en")}


def _areas(jurisdiction: "Jurisdiction") -> dict[str, BaseGeometry]:
    """Gu and dong by name, in WGS84: what an address names must lie where the coordinates do."""
    rows = Area.objects.of(jurisdiction).filter(kind__in=(Area.Kind.GU, Area.Kind.DONG, Area.Kind.LEGAL_DONG))
    return {name: shapely.from_wkb(bytes(boundary.wkb)) for name, boundary in rows.values_list("name", "boundary")}
