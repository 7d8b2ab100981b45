"""GeoJSON and TopoJSON to rows: one feature a row, its properties as text, its geometry as WKT.

GeoJSON is read as a stream, one feature at a time, numbers to the digit as they stand. TopoJSON shares its lines between
features and must lie in memory as a whole.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingestion.errors import FileRefused
from ingestion.mapping import Choice, Evidence
from ingestion.readers.chunk import Chunk, readable_size, sentence_list
from ingestion.readers.encoding import Decided, decide_encoding
from ingestion.readers.json_stream import JsonStream
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import numbered, tidy_title
from ingestion.readers.topology import read_topology
from ingestion.readers.wkt import BadGeometry, wkt_of

CHUNK_CHARACTERS = 4 * 1024**2
CHUNK_FEATURES = 5_000
MAX_TOPOLOGY_BYTES = 64 * 1024**2
GEOMETRY = "geometry"
RAW_CHARACTERS = 4_000
_EPSG = re.compile(r"(?:EPSG|epsg)(?::|::|/0/|:[\d.]*:)(\d{4,6})")


@dataclass(frozen=True)
class Feature:
    """`number`: 1 for the first. `text`: as it stands in the file (None where it has no text of its own)."""

    number: int
    value: Any
    size: int
    fraction: float


Features = Callable[[], Iterator[Feature]]


def open_geojson(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """The one table of a GeoJSON file. Raises `FileRefused`."""
    decided = decide_encoding(source, choice.encoding)
    crs: list[str | None] = [None]

    def features() -> Iterator[Feature]:
        return _geojson_features(source, decided, crs)

    table = _table(source, limits, "geojson", features, source.name)
    choice = replace(choice, encoding=decided.encoding)
    return [replace(table, crs=crs[0], choice=choice, evidence=(decided.evidence, *table.evidence))]


def open_topojson(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """One table for each object of a topology. Raises `FileRefused`."""
    decided = decide_encoding(source, choice.encoding)
    data = source.head(MAX_TOPOLOGY_BYTES + 1)
    if len(data) > MAX_TOPOLOGY_BYTES:
        raise FileRefused("too_large", file=source.file_name, value=readable_size(MAX_TOPOLOGY_BYTES))
    layers = read_topology(data[decided.bom_bytes :].decode(decided.encoding), source.file_name)
    wanted = [name for name in layers if choice.sheet in (None, name)]
    if not wanted:
        raise FileRefused("no_such_sheet", file=source.file_name, value=choice.sheet, known=sentence_list(layers))
    tables = []
    for name in wanted:
        values = layers[name]

        def features(values: list[Any] = values) -> Iterator[Feature]:
            for number, value in enumerate(values, 1):
                yield Feature(number, value, 1_000, number / len(values))

        table = _table(source, limits, "topojson", features, name)
        chosen = replace(choice, encoding=decided.encoding, sheet=name)
        tables.append(replace(table, choice=chosen, sheets=tuple(layers), evidence=(decided.evidence, *table.evidence)))
    return tables


def _table(source: Source, limits: Limits, kind: str, features: Features, name: str) -> Table:
    """Goes once through all features for the names of their properties, so that no column is missing."""
    keys: dict[str, None] = {}
    count, has_id = 0, False
    for feature in features():
        count += 1
        if isinstance(feature.value, dict):
            has_id = has_id or feature.value.get("id") is not None
            keys |= dict.fromkeys(_properties(feature.value))
        if len(keys) > limits.max_columns:
            raise FileRefused("too_many_columns", file=source.file_name, value=len(keys), limit=limits.max_columns)
    if not count:
        raise FileRefused("no_features", file=source.file_name)
    with_id = has_id and not any(key.casefold() == "id" for key in keys)
    header = numbered([*(["id"] if with_id else []), *map(tidy_title, keys), GEOMETRY])
    order = tuple(keys)
    return Table(
        name=name,
        format=kind,
        header=header,
        header_levels=(header,),
        wrappers=source.wrappers,
        geometry_column=header[-1],
        chunks=lambda: _chunks(features(), order, with_id),
        evidence=(Evidence("header", "header_properties", {"columns": len(header), "rows": count}),),
    )


def _chunks(features: Iterator[Feature], keys: tuple[str, ...], with_id: bool) -> Iterator[Chunk]:
    chunk, size = Chunk(), 0
    for feature in features:
        _append(chunk, feature, keys, with_id)
        size += feature.size
        chunk.fraction = feature.fraction
        if size >= CHUNK_CHARACTERS or len(chunk.rows) >= CHUNK_FEATURES:
            yield chunk
            chunk, size = Chunk(), 0
    chunk.fraction = 1.0
    yield chunk


def _append(chunk: Chunk, feature: Feature, keys: tuple[str, ...], with_id: bool) -> None:
    value = feature.value
    if not isinstance(value, dict) or value.get("type", "Feature") != "Feature":
        chunk.add_broken("unreadable_feature", feature.number, _raw(value))
        return
    try:
        geometry = wkt_of(value.get("geometry"))
    except BadGeometry as error:
        chunk.add_broken(error.code, feature.number, _raw(value))
        return
    properties = _properties(value)
    fields = [_text(properties.get(key)) for key in keys]
    chunk.add([*([_text(value.get("id"))] if with_id else []), *fields, geometry], feature.number)


def _properties(value: dict[str, Any]) -> dict[str, Any]:
    found = value.get("properties")
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _raw(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:RAW_CHARACTERS]


def crs_name(crs: Any) -> str | None:
    """What a "crs" member says, as an authority code where it has one."""
    if isinstance(crs, dict):
        crs = crs.get("properties", crs)
    name = crs.get("name", crs.get("href")) if isinstance(crs, dict) else crs
    if not isinstance(name, str):
        return None
    found = _EPSG.search(name)
    if found:
        return f"EPSG:{found.group(1)}"
    return "OGC:CRS84" if "CRS84" in name else name[:2000]


def _geojson_features(source: Source, decided: Decided, crs: list[str | None]) -> Iterator[Feature]:
    """The features of a collection, of one feature, of a bare geometry, or of one feature a line."""
    with source.open() as stream:
        reader = JsonStream(stream, decided, source.file_name)
        number = 0
        while reader.peek():
            found = False
            for value, size in _document(reader, crs):
                number += 1
                found = True
                yield Feature(number, value, size, stream.fraction)
            if not found and not reader.peek():
                return


def _document(reader: JsonStream, crs: list[str | None]) -> Iterator[tuple[Any, int]]:
    """One object at the top of the file; its features are handed on as they come."""
    reader.expect("{")
    rest: dict[str, Any] = {}
    had_features = False
    start = reader.consumed
    while reader.peek() != "}":
        key = reader.value()
        reader.expect(":")
        if key == "features" and reader.peek() == "[":
            had_features = True
            yield from reader.items()
        else:
            rest[str(key)] = reader.value()
        if reader.peek() == ",":
            reader.expect(",")
        elif reader.peek() != "}":
            reader.refuse()
    reader.expect("}")
    crs[0] = crs_name(rest.get("crs")) or crs[0]
    if had_features:
        return
    if rest.get("type") == "Feature":
        yield rest, reader.consumed - start
    elif "coordinates" in rest or "geometries" in rest:
        yield {"type": "Feature", "properties": {}, "geometry": rest}, reader.consumed - start
