"""How a file of any kind enters: each room that owns tables registers how it takes its kind in; `imports` runs it.

The rooms beside `imports` (cameras) are not imported by it: this register is where they meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from ingestion.mapping import ColumnMapping
    from ingestion.report import Report
    from webapp.accounts.models import Jurisdiction
    from webapp.common.services import Progress


@dataclass(frozen=True)
class Intake:
    """One upload to be taken in. Runs inside the caller's transaction, which a dry run rolls back.

    `upload_id` exists in the database; `now`: aware. `put_aside`: whether indexes of an empty table may be put aside.
    """

    jurisdiction: "Jurisdiction"
    upload_id: int
    path: Path
    file_name: str
    mapping: "ColumnMapping"
    max_content_bytes: int
    now: datetime
    progress: "Progress"
    is_dry_run: bool = False


@dataclass(frozen=True)
class Taker:
    """How one kind is taken in. `tables`: in the order in which their rows are removed again; each has `upload_id` and `id`.

    `before_undo`: raises `Conflict` while something that undoing would lose rests on the upload's rows.
    """

    take: Callable[[Intake], "Report"]
    tables: Sequence[str]
    before_undo: Callable[[int], None] | None = None


@dataclass(frozen=True)
class _Registered:
    """A taker as its room named it; see `register_taker`."""

    take: str | Callable[[Intake], "Report"]
    tables: Sequence[str]
    before_undo: str | Callable[[int], None] | None


_TAKERS: dict[str, _Registered] = {}


def register_taker(
    kind: str,
    take: str | Callable[[Intake], "Report"],
    *,
    tables: Sequence[str],
    before_undo: str | Callable[[int], None] | None = None,
) -> None:
    """Called by a room's `AppConfig.ready`, with dotted names: the readers and the analyser are loaded with the first file."""
    _TAKERS[kind] = _Registered(take, tuple(tables), before_undo)


def taker_of(kind: str) -> Taker:
    """The taker of a kind. Raises `KeyError` where no room has registered one."""
    known = _TAKERS[kind]
    return Taker(_loaded(known.take), known.tables, _loaded(known.before_undo))


def _loaded(named: Any) -> Any:
    return import_string(named) if isinstance(named, str) else named


def kinds_taken() -> frozenset[str]:
    """The kinds for which a room has registered a taker."""
    return frozenset(_TAKERS)


# One statement a table: the server sends nothing back, however many rows there are.
_KEEP = """
INSERT INTO common_displacedrow (upload_id, "table", row_id, before)
SELECT %(upload)s, %(table)s, t.id, to_jsonb(t) FROM {table} t WHERE t.id = ANY(%(ids)s)
ON CONFLICT (upload_id, "table", row_id) DO NOTHING
"""


def keep_before(*, upload_id: int, table: str, row_ids: Sequence[int]) -> None:
    """Keep rows as they are now, before this upload changes or removes them."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(table=table), {"upload": upload_id, "table": table, "ids": list(row_ids)})


_BLOCKERS = """
SELECT DISTINCT upload_id FROM common_displacedrow WHERE "table" = %(table)s AND (before->>'upload_id')::bigint = %(upload)s
"""


def later_uploads(*, upload_id: int, tables: Sequence[str]) -> list[int]:
    """Uploads that have changed or removed rows of this one since: they must be undone first."""
    found: set[int] = set()
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(_BLOCKERS, {"table": table, "upload": upload_id})
            found |= {row[0] for row in cursor.fetchall()}
    return sorted(found)


_RESTORE = """
WITH gone AS (
    DELETE FROM common_displacedrow WHERE upload_id = %(upload)s AND "table" = %(table)s RETURNING before
)
INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, before)).* FROM gone
"""
_CLEAR = """
DELETE FROM {table} t USING common_displacedrow d
WHERE d.upload_id = %(upload)s AND d."table" = %(table)s AND d.row_id = t.id
"""


def undo_rows(*, upload_id: int, tables: Sequence[str]) -> dict[str, int]:
    """Remove an upload's rows and bring back what it had displaced, exactly; rows removed, by table.

    The caller holds the transaction and has made sure that `later_uploads` is empty.
    """
    removed: dict[str, int] = {}
    names: dict[str, Any] = {"upload": upload_id}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DELETE FROM {table} WHERE upload_id = %(upload)s", names)  # noqa: S608  (names of our own tables)
            removed[table] = cursor.rowcount
            cursor.execute(_CLEAR.format(table=table), names | {"table": table})
        for table in reversed(tables):
            cursor.execute(_RESTORE.format(table=table), names | {"table": table})
    return removed
