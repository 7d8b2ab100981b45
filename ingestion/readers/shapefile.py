"""Shapefiles out of a zip archive, read in batches by GDAL; the encoding of the attribute table is decided like a text's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyogrio
import pyogrio.raw

from ingestion.errors import FileRefused
from ingestion.mapping import Choice, Evidence
from ingestion.readers.cells import text_of
from ingestion.readers.chunk import Chunk, sentence_list
from ingestion.readers.encoding import Decided, decide_encoding
from ingestion.readers.geopackage import wkt_of_wkb
from ingestion.readers.source import Source, SpoolFolder
from ingestion.readers.table import Limits, Table
from ingestion.readers.titles import numbered, tidy_title

BATCH_ROWS = 5_000
GEOMETRY = "geometry"
_NEEDED = (".shx", ".dbf")


def open_shapefile(source: Source, parts: dict[str, str], limits: Limits, choice: Choice) -> list[Table]:
    """The table of one Shapefile. `parts`: member names by suffix. Raises `FileRefused`."""
    missing = [ending for ending in _NEEDED if ending not in parts]
    if missing:
        raise FileRefused("shapefile_incomplete", file=source.file_name, value=sentence_list(missing))
    folder = SpoolFolder()
    for ending, member in parts.items():
        if ending in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            replace(source, member=member).copy_to(folder.path / f"shape{ending}")
    path = folder.path / "shape.shp"
    decided = _encoding(source, folder.path, choice)
    with _refusing(source):
        info = pyogrio.read_info(path, encoding=decided.encoding)
    names = [str(name) for name in info["fields"]]
    if len(names) > limits.max_columns:
        raise FileRefused("too_many_columns", file=source.file_name, value=len(names), limit=limits.max_columns)
    count = int(info["features"])
    if count <= 0:
        raise FileRefused("no_features", file=source.file_name)
    header = numbered([*map(tidy_title, names), GEOMETRY])
    return [
        Table(
            name=source.name,
            format="shapefile",
            header=header,
            header_levels=(header,),
            wrappers=source.wrappers,
            geometry_column=header[-1],
            crs=info["crs"],
            chunks=lambda: _chunks(source, folder, path, decided.encoding, count),
            choice=replace(choice, encoding=decided.encoding),
            evidence=(decided.evidence, Evidence("header", "header_properties", {"columns": len(header), "rows": count})),
        )
    ]


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of a damaged file the library raises whatever it stumbles over
        raise FileRefused("broken_file", file=source.file_name, value="Shapefile") from error


def _encoding(source: Source, folder: Path, choice: Choice) -> Decided:
    """The encoding of the attribute table: by its letters, since .cpg files are often wrong."""
    text = folder / "letters.txt"
    _letters(folder / "shape.dbf", text)
    letters = Source(text, source.name, source.file_name, source.limit)
    return decide_encoding(letters, choice.encoding)


def _letters(table: Path, text: Path, most_bytes: int = 4 * 1024**2) -> None:
    """The records of a dBASE table as lines, so that their letters can be judged."""
    with open(table, "rb") as file, open(text, "wb") as lines:
        start = file.read(32)
        length, width = int.from_bytes(start[8:10], "little"), int.from_bytes(start[10:12], "little")
        names = file.read(max(length - 32, 0))
        for place in range(0, len(names) - 31, 32):
            lines.write(names[place : place + 11].rstrip(b"\0\r\n") + b"\n")
        while width and most_bytes > 0 and (record := file.read(width)):
            lines.write(record.replace(b"\n", b" ").rstrip(b"\x1a") + b"\n")
            most_bytes -= width


def _chunks(source: Source, folder: SpoolFolder, path: Path, encoding: str, count: int) -> Iterator[Chunk]:
    del folder  # named so that the unpacked parts live as long as the table
    number = 0
    while number < count:
        with _refusing(source):
            read = pyogrio.raw.read(path, encoding=encoding, skip_features=number, max_features=BATCH_ROWS)
        _, _, outlines, columns = read
        size = len(outlines) if outlines is not None else len(columns[0]) if columns else 0
        if not size:
            return
        texts = [[text_of(value) for value in column.tolist()] for column in columns]
        wkt = wkt_of_wkb(list(outlines)) if outlines is not None else [""] * size
        chunk = Chunk()
        for place in range(size):
            fields = [column[place] for column in texts]
            outline = wkt[place]
            number += 1
            if outline is None:
                chunk.add_broken("unreadable_geometry", number, ",".join(fields))
            else:
                chunk.add([*fields, outline], number)
        chunk.fraction = min(number / count, 1.0)
        yield chunk
