"""The first load of an empty table: its indexes are put aside and built once at the end, all in one transaction.

Building an index over all rows at once costs a fraction of doing it row by row. Only for an empty table: it is locked
against everybody meanwhile, and there is nothing in it that anybody could read. Foreign keys stay: dropping them would
lock the tables that they name as well, which every page reads.
"""

from dataclasses import dataclass
from typing import Any

from ingestion.writer import Cursor

TABLE = "crimes_incident"

# Unique indexes stay: they find duplicates during the load. `pg_get_indexdef` gives back exactly what was there.
_PARTS = """
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = %(table)s::regclass AND NOT indisunique
"""


@dataclass(frozen=True)
class PutAside:
    """Statements that build again what was put aside."""

    statements: tuple[str, ...]

    def restore(self, cursor: Cursor) -> None:
        """Build the indexes again."""
        cursor.execute("SET LOCAL maintenance_work_mem = '128MB'")
        for statement in self.statements:
            cursor.execute(statement)


NOTHING = PutAside(())


def put_aside(cursor: Cursor, *, database_error: type[Exception]) -> PutAside:
    """Put the table's plain indexes aside if it is empty and free; else leave all as it is.

    `database_error`: the driver's error class; a table in use, or one that belongs to somebody else, is no failure here.
    """
    if not _is_empty(cursor):
        return NOTHING
    cursor.execute("SAVEPOINT first_load")
    try:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks still to come cannot be altered
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE NOWAIT")
        if not _is_empty(cursor):  # somebody was quicker
            cursor.execute("ROLLBACK TO SAVEPOINT first_load")
            return NOTHING
        cursor.execute(_PARTS, {"table": TABLE})
        parts: list[Any] = cursor.fetchall()
        for drop, _ in parts:
            cursor.execute(drop)
    except database_error:
        cursor.execute("ROLLBACK TO SAVEPOINT first_load")
        return NOTHING
    return PutAside(tuple(build for _, build in parts))


def _is_empty(cursor: Cursor) -> bool:
    cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {TABLE})")  # noqa: S608  (a constant)
    return not cursor.fetchall()[0][0]
