"""GeoPackage: an SQLite file with a table of features a layer; read by rows, its geometry turned into WKT."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import shapely

from ingestion.errors import FileRefused
from ingestion.mapping import Choice, Evidence
from ingestion.readers import content
from ingestion.readers.cells import text_of
from ingestion.readers.chunk import Chunk, sentence_list
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import numbered, tidy_title

CHUNK_ROWS = 2_000
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_LAYERS = """
SELECT contents.table_name, contents.data_type, columns.column_name, systems.organization, systems.organization_coordsys_id,
       systems.definition
FROM gpkg_contents AS contents
LEFT JOIN gpkg_geometry_columns AS columns ON columns.table_name = contents.table_name
LEFT JOIN gpkg_spatial_ref_sys AS systems ON systems.srs_id = columns.srs_id
WHERE contents.data_type IN ('features', 'attributes') ORDER BY contents.rowid
"""


def open_geopackage(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """Every layer of a GeoPackage that holds something. Raises `FileRefused`."""
    with _database(source) as database:
        if not _has_contents(database):
            raise FileRefused("not_a_table", file=source.file_name, value=content.SQLITE)
        layers = database.execute(_LAYERS).fetchall()
        names = [str(layer[0]) for layer in layers]
        wanted = [layer for layer in layers if choice.sheet in (None, layer[0])]
        if not wanted and choice.sheet is not None:
            raise FileRefused("no_such_sheet", file=source.file_name, value=choice.sheet, known=sentence_list(names))
        found = [_layer(database, source, limits, choice, layer) for layer in wanted]
    tables = [replace(table, sheets=tuple(names)) for table in found if table is not None]
    if not tables:
        raise FileRefused("no_features", file=source.file_name)
    return tables


def _has_contents(database: sqlite3.Connection) -> bool:
    found = database.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('gpkg_contents', 'gpkg_spatial_ref_sys')")
    return bool(found.fetchone()[0] == 2)


@contextmanager
def _database(source: Source) -> Iterator[sqlite3.Connection]:
    path = source.on_disk()
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        try:
            database.execute("PRAGMA trusted_schema = OFF")  # nothing that the file defines may run code of its own
            database.text_factory = lambda data: data.decode("utf-8", "replace")
            yield database
        finally:
            database.close()
    except FileRefused:
        raise
    except Exception as error:  # of a damaged file, even the message of the library may not decode
        raise FileRefused("broken_file", file=source.file_name, value="GeoPackage") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _layer(database: sqlite3.Connection, source: Source, limits: Limits, choice: Choice, layer: tuple[Any, ...]) -> Table | None:
    name, _, geometry, organization, code, definition = layer
    columns = [str(row[1]) for row in database.execute(f"PRAGMA table_info({_quoted(str(name))})")]
    count = database.execute(f"SELECT count(*) FROM {_quoted(str(name))}").fetchone()[0] if columns else 0  # noqa: S608
    if not count:
        return None
    if len(columns) > limits.max_columns:
        raise FileRefused("too_many_columns", file=source.file_name, value=len(columns), limit=limits.max_columns)
    plain = [column for column in columns if column != geometry]
    ordered = [*plain, geometry] if geometry in columns else plain
    header = numbered([tidy_title(column) for column in ordered])
    chunks: Callable[[], Iterator[Chunk]] = lambda: _chunks(source, str(name), ordered, geometry, int(count))  # noqa: E731
    return Table(
        name=str(name),
        format="geopackage",
        header=header,
        header_levels=(header,),
        wrappers=source.wrappers,
        geometry_column=header[-1] if geometry in columns else None,
        crs=_crs(organization, code, definition),
        chunks=chunks,
        choice=replace(choice, sheet=str(name)),
        evidence=(Evidence("header", "header_properties", {"columns": len(header), "rows": int(count)}),),
    )


def _crs(organization: Any, code: Any, definition: Any) -> str | None:
    if organization and isinstance(code, int) and code > 0 and str(organization).upper() not in ("NONE", "CUSTOM"):
        return f"{str(organization).upper()}:{code}"
    text = str(definition or "")
    return text if text and text.lower() != "undefined" else None


def _chunks(source: Source, name: str, columns: list[str], geometry: str | None, count: int) -> Iterator[Chunk]:
    has_geometry = bool(columns) and columns[-1] == geometry
    with _database(source) as database:
        rows = database.execute(f"SELECT {', '.join(map(_quoted, columns))} FROM {_quoted(name)}")  # noqa: S608 - quoted
        number = 0
        while batch := rows.fetchmany(CHUNK_ROWS):
            chunk = Chunk()
            outlines = _wkt([row[-1] for row in batch]) if has_geometry else [None] * len(batch)
            for row, outline in zip(batch, outlines, strict=True):
                number += 1
                fields = [text_of(value) for value in (row[:-1] if has_geometry else row)]
                if not has_geometry:
                    chunk.add(fields, number)
                elif outline is None:
                    chunk.add_broken("unreadable_geometry", number, ",".join(fields))
                else:
                    chunk.add([*fields, outline], number)
            chunk.fraction = min(number / max(count, 1), 1.0)
            yield chunk


def _wkt(blobs: list[Any]) -> list[str | None]:
    """WKT of GeoPackage geometry blobs: "" where there is none, None where it cannot be read."""
    plain = [_wkb(blob) for blob in blobs]
    return wkt_of_wkb(plain)


def _wkb(blob: Any) -> bytes | None:
    """The WKB inside a GeoPackage blob; b"" for one that is no such blob."""
    if blob is None:
        return None
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < 8:
        return b""
    envelope = blob[3] >> 1 & 7
    if blob[3] & 0x10:  # flagged as empty
        return None
    return blob[8 + _ENVELOPE_BYTES[envelope] :] if envelope < len(_ENVELOPE_BYTES) else b""


def wkt_of_wkb(blobs: list[bytes | None]) -> list[str | None]:
    """WKT of WKB values: "" for None and for empty geometry, None where a value cannot be read."""
    shapes = shapely.from_wkb(blobs, on_invalid="ignore")
    texts = shapely.to_wkt(shapes, rounding_precision=-1)
    empty = shapely.is_empty(shapes)
    found: list[str | None] = []
    for blob, text, is_empty in zip(blobs, texts, empty, strict=True):
        found.append("" if blob is None or is_empty else text)
    return found
