"""A plain CSV of incidents as a `Table`: the quick way for files in one of the built-in presets, read strictly."""

from collections.abc import Iterator
from pathlib import Path

from ingestion.errors import FileRefused
from ingestion.reader import Chunk, read_chunks
from ingestion.readers.table import Table


def open_csv(path: Path, *, file_name: str, max_content_bytes: int) -> Table:
    """A CSV in UTF-8, plain or compressed with gzip, its first record being the header. Raises `FileRefused`."""

    def chunks() -> Iterator[Chunk]:
        is_first = True
        for chunk in read_chunks(path, file_name=file_name, max_content_bytes=max_content_bytes):
            if is_first and chunk.rows:
                chunk.broken = {row - 1: code for row, code in chunk.broken.items() if row}
                del chunk.rows[0], chunk.lines[0], chunk.raw[0]
                is_first = False
            yield chunk

    header, line = _header(path, file_name, max_content_bytes)
    return Table(name=file_name, format="csv", header=header, chunks=chunks, first_line=line)


def _header(path: Path, file_name: str, max_content_bytes: int) -> tuple[tuple[str, ...], int]:
    for chunk in read_chunks(path, file_name=file_name, max_content_bytes=max_content_bytes):
        if chunk.rows:
            if 0 in chunk.broken:
                raise FileRefused("broken_header", file=file_name, line=1)
            return tuple(chunk.rows[0]), chunk.lines[0]
    raise FileRefused("empty", file=file_name)
