"""Parquet, batch by batch; GeoParquet's geometry (WKB) becomes WKT."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow.parquet as pq

from ingestion.errors import FileRefused
from ingestion.mapping import Choice, Evidence
from ingestion.readers.cells import text_of
from ingestion.readers.chunk import Chunk, readable_size
from ingestion.readers.geopackage import wkt_of_wkb
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import numbered, tidy_title

BATCH_ROWS = 10_000


def open_parquet(source: Source, limits: Limits, choice: Choice) -> Table:
    """The one table of a Parquet file. Raises `FileRefused`."""
    with _file(source) as file:
        names = list(file.schema_arrow.names)
        count, size = file.metadata.num_rows, _unpacked_bytes(file)
        geometry, crs = _geometry_of(file.schema_arrow.metadata or {}, names)
    if len(names) > limits.max_columns:
        raise FileRefused("too_many_columns", file=source.file_name, value=len(names), limit=limits.max_columns)
    if size > limits.max_content_bytes:
        raise FileRefused("too_large", file=source.file_name, value=readable_size(limits.max_content_bytes))
    if not names or not count:
        raise FileRefused("empty", file=source.file_name)
    header = numbered([tidy_title(name) for name in names])
    place = None if geometry is None else names.index(geometry)
    return Table(
        name=source.name,
        format="parquet",
        header=header,
        header_levels=(header,),
        wrappers=source.wrappers,
        geometry_column=None if place is None else header[place],
        crs=crs,
        chunks=lambda: _chunks(source, place, count),
        choice=choice,
        evidence=(Evidence("header", "header_properties", {"columns": len(header), "rows": count}),),
    )


@contextmanager
def _file(source: Source) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(source.on_disk(), pre_buffer=False, buffer_size=2**20) as file:
            yield file
    except FileRefused:
        raise
    except Exception as error:
        raise FileRefused("broken_file", file=source.file_name, value="Parquet") from error


def _unpacked_bytes(file: pq.ParquetFile) -> int:
    groups = file.metadata.num_row_groups
    return sum(file.metadata.row_group(group).total_byte_size for group in range(groups))


def _geometry_of(metadata: dict[bytes, bytes], names: list[str]) -> tuple[str | None, str | None]:
    """The geometry column of a GeoParquet file and its CRS."""
    try:
        geo = json.loads(metadata.get(b"geo", b"null"))
        column = geo["primary_column"]
        about = geo["columns"][column]
    except (ValueError, KeyError, TypeError):
        return None, None
    if column not in names or about.get("encoding") != "WKB":
        return None, None
    if "crs" not in about:
        return column, "OGC:CRS84"  # what the format says where nothing is said
    identity = (about["crs"] or {}).get("id") if isinstance(about["crs"], dict | None) else None
    if isinstance(identity, dict) and "authority" in identity and "code" in identity:
        return column, f"{identity['authority']}:{identity['code']}"
    return column, json.dumps(about["crs"]) if about["crs"] else None


def _chunks(source: Source, geometry: int | None, count: int) -> Iterator[Chunk]:
    number = 0
    with _file(source) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            chunk = Chunk()
            columns: list[list[str | None]] = []
            for place, column in enumerate(batch.columns):
                values = column.to_pylist()
                columns.append(_outlines(values) if place == geometry else [text_of(value) for value in values])
            for fields in zip(*columns, strict=True):
                number += 1
                if None in fields:
                    chunk.add_broken("unreadable_geometry", number, ",".join(one or "" for one in fields))
                else:
                    chunk.add([one or "" for one in fields], number)
            chunk.fraction = min(number / max(count, 1), 1.0)
            yield chunk


def _outlines(values: list[Any]) -> list[str | None]:
    return wkt_of_wkb([value if isinstance(value, bytes) or value is None else b"" for value in values])
