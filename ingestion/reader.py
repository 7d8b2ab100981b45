"""The plainest way to read a file: CSV in UTF-8, comma by comma, its header the first record of the first chunk.

Everything else comes through `ingestion.readers.open_tables`.
"""

from collections.abc import Iterator
from pathlib import Path

from ingestion.errors import FileRefused
from ingestion.readers.chunk import Chunk, readable_size
from ingestion.readers.records import Layout, read_records
from ingestion.readers.source import BLOCK_BYTES, Source

__all__ = ["Chunk", "read_chunks", "readable_size"]


def read_chunks(path: Path, *, file_name: str, max_content_bytes: int, block_bytes: int = BLOCK_BYTES) -> Iterator[Chunk]:
    """Yield the records of a plain or gzip-compressed file, chunk by chunk, the header among them.

    `max_content_bytes` bounds the text after decompression. Raises `FileRefused`.
    """
    source = Source(path, path.name, file_name, max_content_bytes)
    if source.head(2) == b"\x1f\x8b":
        source = Source(path, path.name, file_name, max_content_bytes, wrappers=("gz",))
    head = source.head(64 * 1024)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileRefused("empty", file=file_name)
    bom_bytes = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    yield from read_records(source, Layout(bom_bytes=bom_bytes), block_bytes=block_bytes)
