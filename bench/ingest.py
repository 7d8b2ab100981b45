"""How fast incidents come in: the real upload path beside a bare COPY and the ORM, on the same rows in the same run.

    ./run bench ingest [--quick] [--big]

Makes a file of 500,000 rows out of Chicago 2016–2017 (322k rows, from ../shared/data; the same rows again four years
later for the rest), or generates one of the same form where that is absent, and uses a database of its own that is made
and dropped here (the server of DATABASE_URL). The upload path is everything from the file on disk to committed incidents:
hash, decompression, parsing, the guess of columns, dates and categories, validation, cells, duplicates, comparison with what
is stored, live indexes, foreign keys, audit. `--big` takes 5,000,000 rows in besides, for the peak memory.
"""

# ruff: noqa: PLC0415  (Django is set up inside, on a database that is made first)

import argparse
import contextlib
import csv
import gzip
import io
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
from psycopg2 import sql

from bench._report import cpu_s, finish, peak_rss_mb, print_table
from bench._shared_data import shared_data

ROOT = Path(__file__).resolve().parents[1]
ROWS = 500_000
QUICK_ROWS = 60_000
BIG_ROWS = 5_000_000
ORM_ROWS = 10_000
TURNS = 3  # the median counts: the machine does other things too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows, one turn")
    parser.add_argument("--big", action="store_true", help=f"{BIG_ROWS:,} rows besides, for the peak memory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder, own_database():
        results = measure(Path(folder), given.quick)
        finish(results | (big(Path(folder)) if given.big else {}))


# --- what is measured on --------------------------------------------------------------------------
def incidents_file(folder: Path, rows: int, *, name: str, first_year: int) -> tuple[Path, str]:
    """A file of so many rows from `first_year` on, and where it comes from.

    The real rows of two years are written again and again, each time four years later (so that 29 February exists), and no row
    is there twice.
    """
    real = shared_data() / "chicago-2016-2017" / "chicago_2016_2017.csv.gz"
    path = folder / f"{name}.csv.gz"
    if not real.exists():
        return generated_file(path, rows, first_year), "generated in the form of Chicago's (the real file is absent)"
    written = passes = 0
    with gzip.open(path, "wt", compresslevel=1) as target:
        while written < rows:
            years = {str(year): str(year - 2016 + first_year + 4 * passes) for year in (2016, 2017)}
            with gzip.open(real, "rt") as source:
                header = next(source)
                target.write("" if passes else header)
                for line in islice(source, rows - written):
                    target.write(f"{line[:6]}{years[line[6:10]]}{line[10:]}")
                    written += 1
            passes += 1
    return path, f"Chicago 2016–2017, {'its first rows' if passes == 1 else f'written {passes} times with other years'}"


def generated_file(path: Path, rows: int, first_year: int) -> Path:
    rng = random.Random(first_year)
    first_s = int(time.mktime((first_year, 1, 1, 0, 0, 0, 0, 0, 0)))
    with gzip.open(path, "wt", compresslevel=1, newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["Date", "Primary Type", "Latitude", "Longitude"])
        for _ in range(rows):
            moment = time.gmtime(first_s + rng.randrange(2 * 365 * 86_400))
            kind = rng.choice(["THEFT", "BATTERY", "CRIMINAL DAMAGE", "ASSAULT"])
            place = f"{rng.uniform(41.65, 42.02):.9f}", f"{rng.uniform(-87.8, -87.53):.9f}"
            writer.writerow([time.strftime("%m/%d/%Y %I:%M:00 %p", moment), kind, *place])
    return path


@contextlib.contextmanager
def own_database() -> Iterator[None]:
    """A fresh database beside the one of DATABASE_URL, migrated, with one jurisdiction; dropped at the end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    os.environ.setdefault("HAECHI_SECRET_KEY", "bench")
    os.environ["HAECHI_LOG_LEVEL"] = "WARNING"
    from django.conf import settings

    base = dict(settings.DATABASES["default"])
    name = f"haechi_bench_ingest_{os.getpid()}"
    server = psycopg2.connect(**_connection(base, base["NAME"]))
    server.autocommit = True
    server.cursor().execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    settings.DATABASES["default"]["NAME"] = name
    try:
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        yield
        connections.close_all()
    finally:
        server.cursor().execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.close()


def _connection(base: dict[str, Any], name: str) -> dict[str, Any]:
    given = {"host": base["HOST"], "port": base["PORT"], "user": base["USER"], "password": base["PASSWORD"]}
    return {key: value for key, value in given.items() if value} | {"dbname": name}


# --- the measurement ------------------------------------------------------------------------------
def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Every way in turn, so that what else the machine does hits all alike; the median of the turns counts."""
    from django.db import connection

    jurisdiction = chicago()
    turns, rows = (1, QUICK_ROWS) if quick else (TURNS, ROWS)
    path, origin = incidents_file(folder, rows, name="first", first_year=2016)
    later, _ = incidents_file(folder, rows, name="live", first_year=2004)
    upload_rate(jurisdiction, path, empty=True)  # warms the server's cache and the imports
    cpu_before = cpu_s()
    rates: dict[str, list[float]] = {name: [] for name in ("first", "live", "bare_empty", "bare_filled", "bare_keys")}
    cpu_per_upload = rss_mb = 0.0
    for turn in range(turns):
        rates["first"].append(upload_rate(jurisdiction, path, empty=True))
        rates["live"].append(upload_rate(jurisdiction, later, empty=False))
        if turn == 0:
            cpu_per_upload, rss_mb = (cpu_s() - cpu_before) / 2, peak_rss_mb()
        prepared = exported_rows(folder)
        rates["bare_empty"].append(max(copy_rate(prepared[form], form) for form in prepared))
        rates["bare_filled"].append(copy_rate(prepared["binary"], "binary", filled=True))
        rates["bare_keys"].append(copy_rate(prepared["binary"], "binary", filled=True, keys=True))
    middle = {name: sorted(values)[len(values) // 2] for name, values in rates.items()}
    orm_rows = min(ORM_ROWS, rows)
    orm = bulk_create_rate(jurisdiction, orm_rows)
    ogr, ogr_note = ogr2ogr_rate(path, folder, connection.settings_dict)
    show(middle, orm, ogr, f"Ingest: {rows:,} rows, {origin}; median of {turns}", orm_rows)
    print(f"  peak memory {rss_mb:.0f} MB, {cpu_per_upload:.1f} CPU s of our process an upload")
    return {
        "first_load_rows_per_s": round(middle["first"]),
        "live_rows_per_s": round(middle["live"]),
        "copy_rows_per_s": round(middle["bare_empty"]),
        "copy_live_rows_per_s": round(middle["bare_filled"]),
        "copy_live_foreign_keys_rows_per_s": round(middle["bare_keys"]),
        "ogr2ogr_rows_per_s": round(ogr) if ogr else None,
        "ogr2ogr_note": ogr_note,
        "bulk_create_rows_per_s": round(orm),
        "peak_rss_mb": round(rss_mb, 1),
        "rows": rows,
        "data": origin,
        "quick": quick,
    }


def big(folder: Path) -> dict[str, Any]:
    """Ten times the rows: the peak memory must not grow with the file."""
    jurisdiction = chicago()
    path, origin = incidents_file(folder, BIG_ROWS, name="big", first_year=1956)
    rate = upload_rate(jurisdiction, path, empty=True)
    rss_mb = peak_rss_mb()
    print(f"  {BIG_ROWS:,} rows ({origin}): {rate:,.0f} rows/s, peak memory {rss_mb:.0f} MB (aim: under 500)")
    return {
        "big_rows": BIG_ROWS,
        "big_rows_per_s": round(rate),
        "big_peak_rss_mb": round(rss_mb, 1),
        "peak_rss_mb": round(rss_mb, 1),
    }


def show(middle: dict[str, float], orm: float, ogr: float | None, title: str, orm_rows: int) -> None:
    empty, filled = middle["bare_empty"], middle["bare_filled"]
    print_table(
        title,
        ["way", "rows/s", "of the bare COPY into such a table", "aim"],
        [
            ["into an empty table: Haechi, first load", middle["first"], middle["first"] / empty, "≥ 50,000; ≥ 0.5"],
            ["  bare COPY, indexes live, no foreign keys", empty, 1.0, ""],
            ["into a filled table: Haechi, live", middle["live"], middle["live"] / filled, "≥ 30,000; ≥ 0.5"],
            ["  bare COPY, indexes live, no foreign keys", filled, 1.0, ""],
            ["  bare COPY, indexes live, foreign keys", middle["bare_keys"], middle["bare_keys"] / filled, ""],
            ["ogr2ogr (point and its index only)", ogr, ogr / empty if ogr else None, ""],
            [f"Django bulk_create, {orm_rows:,} rows", orm, orm / empty, ""],
        ],
    )


def chicago() -> Any:
    import shapely

    from ingestion.presets import PRESETS
    from webapp.crimes.services import set_up_jurisdiction

    preset = PRESETS["chicago"]
    assert preset.extent is not None
    return set_up_jurisdiction(
        code="chicago",
        name="시카고",
        name_en="Chicago",
        boundary=shapely.box(*preset.extent),
        taxonomy=[(entry.code, entry.name_ko, entry.name_en) for entry in preset.taxonomy],
        time_zone=str(preset.time_zone),
        h3_resolution=8,
    )


def upload_rate(jurisdiction: Any, path: Path, *, empty: bool) -> float:
    """Rows per second of one upload; `empty` begins with an empty table, else the earlier rows stay."""
    from django.db import connection

    from webapp.imports.models import Upload
    from webapp.imports.services import commit_file, open_file

    with connection.cursor() as cursor:
        if empty:
            cursor.execute("TRUNCATE crimes_incident, imports_rejectedrow, imports_upload CASCADE")
        cursor.execute("CHECKPOINT")
    started = time.perf_counter()
    upload = open_file(jurisdiction=jurisdiction, path=path)  # hash and guess
    assert not upload.already_there
    assert not upload.guess["open_questions"]
    upload = commit_file(upload=upload, path=path)
    seconds = time.perf_counter() - started
    assert upload.state == Upload.State.COMMITTED
    assert upload.rows_accepted == upload.rows_read > 0
    return float(upload.rows_read / seconds)


_COLUMNS = (
    "occurred_from, occurred_to, local_hour_of_week, point, cell, cell_parent, source_line, source_id, "
    "category_id, jurisdiction_id, upload_id"
)


def exported_rows(folder: Path) -> dict[str, Path]:
    """The rows of the latest upload, ready for COPY, in text and in binary form."""
    from django.db import connection

    paths = {}
    with connection.cursor() as cursor:
        for form in ("text", "binary"):
            paths[form] = folder / f"prepared.{form}"
            rows = f"SELECT {_COLUMNS} FROM crimes_incident WHERE {_LATEST} ORDER BY source_line"  # noqa: S608
            query = f"COPY ({rows}) TO STDOUT (FORMAT {form})"
            with paths[form].open("wb") as target:
                cursor.copy_expert(query, target)
    return paths


_LATEST = "upload_id = (SELECT max(id) FROM imports_upload)"
_FOREIGN_KEYS = """
SELECT 'ALTER TABLE peer ADD CONSTRAINT peer_' || oid || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = 'crimes_incident'::regclass AND contype = 'f'
"""


def copy_rate(prepared: Path, form: str, *, filled: bool = False, keys: bool = False) -> float:
    """Rows per second of a bare COPY into a table with the same indexes and checks.

    `filled`: the rows of the uploads before stand in it already; `keys`: with the same foreign keys.
    """
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS peer")
        cursor.execute("CREATE TABLE peer (LIKE crimes_incident INCLUDING ALL)")
        if keys:
            cursor.execute(_FOREIGN_KEYS)
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)
        if filled:
            cursor.execute(f"INSERT INTO peer ({_COLUMNS}) SELECT {_COLUMNS} FROM crimes_incident WHERE NOT {_LATEST}")  # noqa: S608
        cursor.execute("SELECT count(*) FROM peer")
        before = cursor.fetchone()[0]
        cursor.execute("CHECKPOINT")
        started = time.perf_counter()
        with transaction.atomic(), prepared.open("rb") as source:
            cursor.copy_expert(f"COPY peer ({_COLUMNS}) FROM STDIN (FORMAT {form})", source, 1 << 18)
        seconds = time.perf_counter() - started
        cursor.execute("SELECT count(*) FROM peer")
        return float((cursor.fetchone()[0] - before) / seconds)


def bulk_create_rate(jurisdiction: Any, count: int) -> float:
    """Rows per second of Django's bulk_create for already made objects."""
    from django.db import transaction

    from webapp.crimes.models import Incident

    sample = list(Incident.objects.of(jurisdiction).order_by("pk")[:count])
    Incident.objects.of(jurisdiction).delete()
    for incident in sample:
        incident.pk = None
    started = time.perf_counter()
    with transaction.atomic():
        Incident.objects.bulk_create(sample, batch_size=2000)
    return count / (time.perf_counter() - started)


def ogr2ogr_rate(path: Path, folder: Path, database: dict[str, Any]) -> tuple[float | None, str]:
    """Rows per second of GDAL's own loader (points with a spatial index, no validation), or why there is no figure."""
    program = shutil.which("ogr2ogr")
    if program is None:
        return None, "ogr2ogr is not installed"
    plain = folder / "plain.csv"
    with gzip.open(path, "rb") as source, plain.open("wb") as target:
        shutil.copyfileobj(source, target)
    rows = sum(1 for _ in io.open(plain, "rb")) - 1  # noqa: SIM115, UP020
    target_name = " ".join(f"{key}='{value}'" for key, value in _connection(database, database["NAME"]).items())
    options = ["-oo", "X_POSSIBLE_NAMES=Longitude", "-oo", "Y_POSSIBLE_NAMES=Latitude", "-a_srs", "EPSG:4326", "-nln", "ogr_peer"]
    started = time.perf_counter()
    command = [program, "-f", "PostgreSQL", f"PG:{target_name}", str(plain), *options, "--config", "PG_USE_COPY", "YES"]
    done = subprocess.run(command, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    return (rows / seconds, "") if done.returncode == 0 else (None, done.stderr.decode(errors="replace")[:200])


if __name__ == "__main__":
    main()
