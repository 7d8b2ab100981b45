"""Zip archives: which members are tables, and which archives are refused before anything is unpacked."""

import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath

from ingestion.errors import FileRefused
from ingestion.readers.chunk import readable_size
from ingestion.readers.source import BOMB_BYTES, BOMB_RATIO, Source
from ingestion.readers.table import Limits

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BESIDE_SHP = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".shp.xml", ".qpj", ".qmd", ".fbn", ".fbx", ".atx")


@dataclass(frozen=True)
class Member:
    """`name`: path inside the archive; `parts`: for a Shapefile, the paths of all its parts by their suffix."""

    name: str
    parts: tuple[tuple[str, str], ...] = ()


def members_of(source: Source, limits: Limits) -> list[Member]:
    """The files of an archive in its order, the parts of a Shapefile as one. Raises `FileRefused`."""
    with source.archive() as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > limits.max_members:
        raise FileRefused("archive_members", file=source.file_name, value=len(infos), limit=limits.max_members)
    for info in infos:
        _check(info, source)
    total, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if total > BOMB_BYTES and total > BOMB_RATIO * max(packed, 1):
        raise FileRefused("archive_bomb", file=source.file_name, value=str(total // max(packed, 1)))
    if total > limits.max_content_bytes:
        raise FileRefused("too_large", file=source.file_name, value=readable_size(limits.max_content_bytes))
    names = [info.filename for info in infos if not _is_clutter(info.filename)]
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise FileRefused("archive_twice", file=source.file_name, value=twice[:100])
    return _grouped(names)


def _check(info: zipfile.ZipInfo, source: Source) -> None:
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":" or info.orig_filename != info.filename:
        raise FileRefused("archive_path", file=source.file_name, value=info.orig_filename[:100])
    if info.flag_bits & _ENCRYPTED:
        raise FileRefused("archive_encrypted", file=source.file_name, value=info.filename[:100])
    if info.compress_type not in _METHODS:
        raise FileRefused("archive_method", file=source.file_name, value=info.filename[:100])


def _is_clutter(name: str) -> bool:
    last = PurePosixPath(name).name
    return name.startswith("__MACOSX/") or last.startswith("._") or last in (".DS_Store", "Thumbs.db", "desktop.ini")


def _grouped(names: list[str]) -> list[Member]:
    lower = {name.lower(): name for name in names}
    taken: set[str] = set()
    shapes: dict[str, tuple[tuple[str, str], ...]] = {}
    for name in names:
        if name.lower().endswith(".shp"):
            stem = name.lower()[:-4]
            parts = {ending: lower[stem + ending] for ending in _BESIDE_SHP if stem + ending in lower}
            shapes[name] = ((".shp", name), *parts.items())
            taken |= set(parts.values())
    return [Member(name, shapes.get(name, ())) for name in names if name not in taken]
