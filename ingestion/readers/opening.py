"""A file of any kind to its tables: look at its content, take off gz and zip, and hand it to the reader of its format."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ingestion.errors import FileRefused
from ingestion.mapping import Choice, Evidence
from ingestion.readers import content
from ingestion.readers.archive import Member, members_of
from ingestion.readers.chunk import sentence_list
from ingestion.readers.delimited import open_delimited
from ingestion.readers.encoding import decode_head, is_wide
from ingestion.readers.features import open_geojson, open_topojson
from ingestion.readers.geopackage import open_geopackage
from ingestion.readers.parquet import open_parquet
from ingestion.readers.shapefile import open_shapefile
from ingestion.readers.source import Source
from ingestion.readers.table import Limits, Table
from ingestion.readers.workbook import open_xls, open_xlsx

HEAD_BYTES = 256 * 1024
_Reader = Callable[[Source, Limits, Choice], list[Table]]


def open_tables(path: Path, *, file_name: str, limits: Limits, choice: Choice | None = None) -> list[Table]:
    """Every table of a file, in the order of the file. `choice` decides what a person decided; the rest is found out.

    `file_name`: how a person knows the file. Raises `FileRefused`, and nothing else, for whatever the bytes are.
    """
    source = Source(path, PurePosixPath(file_name).name or file_name, file_name, limits.max_content_bytes)
    return _open(source, limits, choice or Choice())


def _open(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    kind, words = _look(source)
    if kind == "gz":
        if "gz" in source.wrappers:
            raise FileRefused("archive_nested", file=source.file_name, value=source.name)
        name = source.name[:-3] if source.name.lower().endswith(".gz") else source.name
        return _open(replace(source, name=name, wrappers=(*source.wrappers, "gz")), limits, choice)
    if kind == "archive":
        if source.member is not None:
            raise FileRefused("archive_nested", file=source.file_name, value=source.member)
        return _open_archive(source, limits, choice)
    if kind in ("empty", "password"):
        raise FileRefused(kind, file=source.file_name)
    if kind == "other":
        raise FileRefused("not_a_table", file=source.file_name, value=words)
    return _READERS[kind](source, limits, choice)


def _look(source: Source) -> tuple[str, str]:
    """What the file is: a kind of `content`, and its words where it is no table."""
    head = source.head(HEAD_BYTES)
    kind, words = content.kind_of(head)
    if kind == "zip":
        with source.archive() as archive:
            return content.zip_kind(archive.namelist())
    if kind == "ole":
        return content.ole_kind(source.on_disk())
    if kind == "text":
        _refuse_binary(head, source)
        return content.text_kind(decode_head(head))
    return kind, words


def _refuse_binary(head: bytes, source: Source) -> None:
    """Refuse what has no magic that is known and yet is no text."""
    if is_wide(head):
        return
    head = head[: 64 * 1024]
    places = [place for place, byte in enumerate(head) if byte < 32 and byte not in _TEXT_CONTROLS]
    if len(places) > max(len(head) // 100, 4) or b"\0" in head.split(b"\n", 1)[0]:
        line = head[: places[0]].count(b"\n") + 1
        value = "NUL" if b"\0" in head else "control bytes"
        raise FileRefused("binary", file=source.file_name, line=line, value=value)


def _open_archive(source: Source, limits: Limits, choice: Choice) -> list[Table]:
    """The tables of all members; a member that is no table is passed over where another one is."""
    members = members_of(source, limits)
    if choice.member is not None:
        known = sentence_list(member.name for member in members)
        members = [member for member in members if member.name == choice.member]
        if not members:
            raise FileRefused("no_such_member", file=source.file_name, value=choice.member[:100], known=known)
    tables: list[Table] = []
    refused: list[FileRefused] = []
    for member in members:
        try:
            tables += _open_member(source, member, limits, replace(choice, member=member.name))
        except FileRefused as refusal:
            if refusal.code not in _PASSED_OVER or len(members) == 1:
                raise
            refused.append(refusal)
    if not tables:
        raise refused[0] if refused else FileRefused("archive_empty", file=source.file_name)
    passed = tuple(Evidence("archive", "member_passed_over", {"file": one.fields["file"], "value": one.code}) for one in refused)
    return [replace(table, evidence=(*table.evidence, *passed)) for table in tables]


def _open_member(source: Source, member: Member, limits: Limits, choice: Choice) -> list[Table]:
    name = PurePosixPath(member.name).name
    inner = replace(
        source, name=name, file_name=f"{source.file_name}: {member.name}", member=member.name, wrappers=(*source.wrappers, "zip")
    )
    if member.parts:
        return open_shapefile(inner, dict(member.parts), limits, choice)
    return _open(inner, limits, choice)


def _one(reader: Callable[[Source, Limits, Choice], Table]) -> _Reader:
    return lambda source, limits, choice: [reader(source, limits, choice)]


_TEXT_CONTROLS = (9, 10, 12, 13, 30)
_PASSED_OVER = frozenset({"not_a_table", "empty", "binary", "no_features"})
_READERS: dict[str, _Reader] = {
    "delimited": _one(open_delimited),
    "xlsx": open_xlsx,
    "xls": open_xls,
    "geojson": open_geojson,
    "topojson": open_topojson,
    "geopackage": open_geopackage,
    "parquet": _one(open_parquet),
}
