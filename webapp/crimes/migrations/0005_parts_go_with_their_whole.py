"""Let the database itself remove a ruling's facts and a set's figures with it: undoing an upload removes rows by SQL."""

from django.db import migrations

_OWNED = (
    ("crimes_rulingfact", "ruling_id", "crimes_ruling"),
    ("crimes_rulingfact", "superseded_by_id", "crimes_rulingfact"),
    ("crimes_statistic", "dataset_id", "crimes_statisticset"),
)
_RENEW = """
DO $$
DECLARE found text;
BEGIN
    SELECT c.conname INTO STRICT found FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.conrelid = '{table}'::regclass AND c.contype = 'f' AND a.attname = '{column}';
    EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', found);
    EXECUTE format(
        'ALTER TABLE {table} ADD CONSTRAINT %I FOREIGN KEY ({column}) REFERENCES {parent} (id) {act} '
        'DEFERRABLE INITIALLY DEFERRED', found);
END $$
"""


def renew(act: str) -> list[str]:
    """SQL that makes the foreign keys again under their own names, with this act on deletion."""
    return [_RENEW.format(table=table, column=column, parent=parent, act=act) for table, column, parent in _OWNED]


class Migration(migrations.Migration):
    dependencies = [("crimes", "0004_statistics_rulings_and_places")]

    operations = [migrations.RunSQL(renew("ON DELETE CASCADE"), renew(""))]
