"""Where the upload room meets the core's readers and its guess."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely
from django.utils import timezone
from shapely.geometry.base import BaseGeometry

from ingestion.errors import FileRefused
from ingestion.guessing import GuessContext, guess
from ingestion.kinds import Kind
from ingestion.mapping import Choice, Guess
from ingestion.places import Boundary
from ingestion.readers import open_tables
from ingestion.readers.table import Limits, Table
from ingestion.report import Finding
from ingestion.rulings import read_documents
from webapp.crimes.models import Area, Category, PlaceKind
from webapp.crimes.selectors import boundary_shape
from webapp.crimes.services.place_kinds import ensure_place_kinds

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from webapp.accounts.models import Jurisdiction

_DOCUMENTS = {".pdf": "pdf", ".docx": "docx", ".hwpx": "hwpx", ".txt": "txt", ".jsonl": "jsonl"}
EXCERPT_SHOWN = 900
TEXT_CODES = frozenset({"not_a_table", "binary", "empty"})


def documents_of(path: Path, file_name: str, limits: Limits, *, kind: str | None) -> dict[str, Any] | None:
    """What is shown of a file of court rulings (the first one, masked), or None for a file that is a table.

    Raises `FileRefused` for a document that cannot be read.
    """
    form = _document_form(path, file_name)
    if form is None or (form == "txt" and kind is None and _is_table(path, file_name, limits)):
        return None
    bad: list[Finding] = []
    first = next(iter(read_documents(path, file_name=file_name, limits=limits, on_bad=bad.append)), None)
    if first is None:
        return {"format": form, "facts": {}, "excerpt": ""}
    decided = first.decided_on.isoformat() if first.decided_on else ""
    facts = {"court": first.court, "case_no": first.case_no, "case_name": first.case_name, "decided_on": decided}
    return {
        "format": form,
        "facts": {name: value for name, value in facts.items() if value},
        "excerpt": first.text[:EXCERPT_SHOWN],
    }


def _document_form(path: Path, file_name: str) -> str | None:
    """The form of a document by its name, also inside an archive; None where it is none."""
    lower = file_name.lower().removesuffix(".gz")
    if not lower.endswith(".zip"):
        return _DOCUMENTS.get(Path(lower).suffix)
    try:
        with zipfile.ZipFile(path) as archive:
            suffixes = {Path(name.lower()).suffix for name in archive.namelist()[:1000] if not name.endswith("/")}
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return None
    return "zip" if suffixes and suffixes <= set(_DOCUMENTS) else None


def _is_table(path: Path, file_name: str, limits: Limits) -> bool:
    """Whether a text is a table with more than one column, or at least no running text."""
    try:
        return any(len(table.header) > 1 for table in open_tables(path, limits=limits, file_name=file_name))
    except FileRefused as error:
        return error.code not in TEXT_CODES


def tables_of(path: Path, file_name: str, limits: Limits, choice: Choice) -> list[Table]:
    """The tables of a file. Raises `FileRefused`."""
    return open_tables(path, limits=limits, file_name=file_name, choice=choice)


def guess_of(tables: Sequence[Table], jurisdiction: "Jurisdiction", *, file_name: str, kind: str | None) -> Guess:
    """What the tables hold, decided on evidence."""
    ensure_place_kinds(jurisdiction=jurisdiction)
    context = GuessContext(
        file_name=file_name,
        boundary=Boundary.around(boundary_shape(jurisdiction=jurisdiction)),
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
    areas = {name: shapely.from_wkb(bytes(boundary.wkb)) for name, boundary in rows.values_list("name", "boundary")}
    if not jurisdiction.is_simulated:  # whose outline is a drawing
        areas.setdefault(jurisdiction.name.split()[-1], boundary_shape(jurisdiction=jurisdiction))
    return areas
