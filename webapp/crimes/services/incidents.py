"""How files of incidents are taken in: the mapping becomes the core's rules, the core reads, checks and writes."""

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import DatabaseError, connection

from ingestion.categories import LEFT_OUT, numbers_of
from ingestion.coordinates import FindPlaces
from ingestion.errors import FileRefused
from ingestion.first_load import NOTHING, put_aside
from ingestion.mapping import ColumnMapping
from ingestion.pipeline import take_in
from ingestion.places import Boundary
from ingestion.presets import PRESETS, mapping_of
from ingestion.readers import Limits, Table, open_tables
from ingestion.report import Report
from ingestion.validation import Rules
from ingestion.writer import IncidentWriter
from webapp.common.intake import Intake, keep_before
from webapp.crimes.geocoding.services import find_places
from webapp.crimes.models import Category
from webapp.crimes.selectors import boundary_shape

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

TABLE = "crimes_incident"
FIRST_LOAD_MAX_BYTES = 64 * 1024**2  # the empty table is locked meanwhile: seconds, not minutes


def take_incidents(intake: Intake) -> Report:
    """Take a file of incidents in. Raises `FileRefused`; the caller holds the transaction."""
    table, mapping = _table(intake)
    rules = _rules(intake, mapping)
    is_small = intake.path.stat().st_size <= FIRST_LOAD_MAX_BYTES
    with connection.cursor() as cursor:
        may_lock = is_small and not intake.is_dry_run
        aside = put_aside(cursor, database_error=DatabaseError) if may_lock else NOTHING
        writer = IncidentWriter(
            cursor,
            jurisdiction_id=intake.jurisdiction.pk,
            upload_id=intake.upload_id,
            keep=lambda ids: keep_before(upload_id=intake.upload_id, table=TABLE, row_ids=ids),
        )
        report = take_in(table, rules, writer, file_name=intake.file_name, progress=intake.progress)
        intake.progress(0.99, "commit")
        aside.restore(cursor)
    return report


def _table(intake: Intake) -> tuple[Table, ColumnMapping]:
    """The table that holds the incidents, and how it is understood; a built-in preset finds its columns by their names."""
    limits = Limits(max_content_bytes=intake.max_content_bytes)
    tables = open_tables(intake.path, file_name=intake.file_name, limits=limits, choice=intake.mapping.reading)
    if not tables:
        raise FileRefused("empty", file=intake.file_name)
    table, name = tables[0], intake.mapping.options.get("preset")
    if not name:
        return table, intake.mapping
    found = mapping_of(PRESETS[name], table.header, file_name=intake.file_name)
    return table, replace(found, mends=intake.mapping.mends)


def _rules(intake: Intake, mapping: ColumnMapping) -> Rules:
    jurisdiction = intake.jurisdiction
    taxonomy = {category.code: category for category in Category.objects.of(jurisdiction)}
    names = {code: (category.name, category.name_en) for code, category in taxonomy.items()}
    keys = {code: category.pk for code, category in taxonomy.items()}
    fixed = mapping.options.get("category")
    if fixed and fixed not in keys:
        raise FileRefused("unknown_fixed_category", file=intake.file_name, value=fixed, known=", ".join(keys))
    return Rules(
        mapping=mapping,
        categories=numbers_of(mapping.categories, names, keys, left_out=LEFT_OUT),
        boundary=_boundary(jurisdiction),
        time_zone=mapping.time_zone or jurisdiction.time_zone,
        week_zone=jurisdiction.time_zone,
        now=intake.now,
        find=_finder(intake, mapping),
    )


def _finder(intake: Intake, mapping: ColumnMapping) -> FindPlaces | None:
    """Places by address, where a row may need them: building the gazetteer takes seconds, which most files need not spend."""
    if "address" not in mapping.columns:
        return None
    has_points = "latitude" in mapping.columns or "geometry" in mapping.columns
    if has_points and not intake.is_dry_run and "geocode" not in mapping.mends:
        return None
    find = find_places(jurisdiction=intake.jurisdiction)
    find(())  # read the database here: the rows are checked in a thread of its own
    return find


def _boundary(jurisdiction: "Jurisdiction") -> Boundary:
    return Boundary.around(boundary_shape(jurisdiction=jurisdiction))
