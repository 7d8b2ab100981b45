"""The bytes of one file, whatever is wrapped round it: opened again and again, never more of them than allowed.

A `Source` is a plain file, what a gzip file holds, or one member of a zip archive.
"""

import gzip
import lzma
import os
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from ingestion.errors import FileRefused
from ingestion.readers.chunk import readable_size

BLOCK_BYTES = 2 * 1024**2  # about 35,000 rows of Chicago: few statements, yet small in memory
_BROKEN = {"gz": "broken_gzip", "zip": "broken_zip"}
BOMB_BYTES = 100 * 1024**2
BOMB_RATIO = 300  # tables shrink to a fifth or a twentieth; nothing that people have shrinks further than this
_UNPACKING_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, lzma.LZMAError, NotImplementedError, OSError)


class Stream:
    """Bytes from the front to the end, counted. Raises `FileRefused` where the wrapper is damaged or holds too much."""

    def __init__(self, inner: IO[bytes], packed: Callable[[], int], packed_size: int, source: "Source"):
        self._inner, self._packed, self._packed_size, self._source = inner, packed, max(packed_size, 1), source
        self._total, self._lines = 0, 1
        self._above: list[IO[bytes] | zipfile.ZipFile] = []

    def read(self, count: int = BLOCK_BYTES) -> bytes:
        """At most `count` bytes; nothing at the end."""
        try:
            block = self._inner.read(count)
        except _UNPACKING_ERRORS as error:
            code = _BROKEN[self._source.wrappers[-1]] if self._source.wrappers else "unreadable"
            raise FileRefused(code, file=self._source.file_name, line=self._lines) from error
        self._total += len(block)
        self._lines += block.count(b"\n") if self._source.wrappers else 0
        if self._total > self._source.limit:
            raise FileRefused("too_large", file=self._source.file_name, value=readable_size(self._source.limit))
        if self._source.wrappers and self._total > BOMB_BYTES and self._total > BOMB_RATIO * max(self._packed(), 1):
            raise FileRefused("archive_bomb", file=self._source.file_name, value=f"{self._total // max(self._packed(), 1)}")
        return block

    @property
    def fraction(self) -> float:
        """Share of the file that was read."""
        return min(self._packed() / self._packed_size, 1.0)

    def keep_open(self, *files: "IO[bytes] | zipfile.ZipFile") -> "Stream":
        """Close these too when the stream is closed."""
        self._above.extend(files)
        return self

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._inner.close()
        for one in self._above:
            one.close()


class _Spool:
    """A file unpacked to disk; it goes away with this object."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="haechi-")
        os.close(handle)
        self.path = Path(name)
        weakref.finalize(self, self.path.unlink, missing_ok=True)


class SpoolFolder:
    """A folder for the parts of one file; it goes away with this object."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="haechi-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class Source:
    """`path`: the file on disk. `name`: of what is inside the wrappers. `file_name`: how a person knows it, for refusals.

    `wrappers`: "gz", "zip", outermost first. `member`: of the zip archive. `limit`: bytes that may come out of it.
    """

    path: Path
    name: str
    file_name: str
    limit: int
    wrappers: tuple[str, ...] = ()
    member: str | None = None
    _spools: dict[str, _Spool] = field(default_factory=dict, compare=False, repr=False)

    def open(self) -> Stream:
        """The bytes inside the wrappers, from the front."""
        if self.member is not None:
            return self._open_member()
        raw = open(self.path, "rb")  # noqa: SIM115 - closed with the stream
        size = os.path.getsize(self.path)
        if self.wrappers:
            return Stream(cast(IO[bytes], gzip.GzipFile(fileobj=raw)), raw.tell, size, self).keep_open(raw)
        return Stream(raw, raw.tell, size, self)

    def _open_member(self) -> Stream:
        archive = replace(self, member=None, wrappers=self.wrappers[: self.wrappers.index("zip")]).archive()
        try:
            info = archive.getinfo(self.member or "")
            member = archive.open(info)
        except (KeyError, RuntimeError, *_UNPACKING_ERRORS) as error:
            archive.close()
            raise FileRefused("broken_zip", file=self.file_name, line=1) from error
        if self.wrappers[-1] == "gz":  # a gzip file inside the archive
            return Stream(cast(IO[bytes], gzip.GzipFile(fileobj=member)), member.tell, info.file_size, self).keep_open(
                member, archive
            )
        share = max(info.compress_size, 1) / max(info.file_size, 1)
        return Stream(member, lambda: int(member.tell() * share), info.compress_size, self).keep_open(archive)

    def archive(self) -> zipfile.ZipFile:
        """The zip archive that these bytes are. Raises `FileRefused`."""
        try:
            return zipfile.ZipFile(self.on_disk())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
            raise FileRefused("broken_zip", file=self.file_name, line=1) from error

    def head(self, count: int = 64 * 1024) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            head = b""
            while len(head) < count and (block := stream.read(count - len(head))):
                head += block
        return head

    def on_disk(self) -> Path:
        """A plain file with these bytes: the file itself, or a copy that lives as long as this source."""
        if not self.wrappers and self.member is None:
            return self.path
        key = f"{self.wrappers}{self.member}"
        if key not in self._spools:
            spool = _Spool()
            self.copy_to(spool.path)
            self._spools[key] = spool
        return self._spools[key].path

    def copy_to(self, path: Path) -> None:
        """Unpack into a file on disk. Raises `FileRefused`, also where the disk is full."""
        with self.open() as stream:
            try:
                with open(path, "wb") as copy:
                    while block := stream.read():
                        copy.write(block)
            except OSError as error:
                raise FileRefused("disk_full", file=self.file_name) from error
