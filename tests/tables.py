"""A table as the readers would give it, built from rows in a test."""

from collections.abc import Sequence

from ingestion.readers.chunk import Chunk
from ingestion.readers.table import Table


def table_of(
    header: Sequence[str] | Sequence[Sequence[str]],
    rows: Sequence[Sequence[str]],
    *,
    name: str = "table.csv",
    at_once: int = 1000,
) -> Table:
    """A table with one header row (texts) or several (lists of texts), given in chunks of `at_once` rows."""
    levels: list[tuple[str, ...]] = [tuple(header)] if isinstance(header[0], str) else [tuple(level) for level in header]  # type: ignore[arg-type]
    titles = [" / ".join(dict.fromkeys(parts)) for parts in zip(*levels, strict=True)]
    seen: dict[str, int] = {}
    for place, title in enumerate(titles):
        seen[title] = seen.get(title, 0) + 1
        titles[place] = title if seen[title] == 1 else f"{title} ({seen[title]})"
    first = len(levels) + 1

    def chunks():
        for start in range(0, max(len(rows), 1), at_once):
            part = [list(row) for row in rows[start : start + at_once]]
            lines = list(range(first + start, first + start + len(part)))
            share = min(1.0, (start + at_once) / max(len(rows), 1))
            yield Chunk(rows=part, lines=lines, raw=[",".join(row) for row in part], fraction=share)

    return Table(name=name, format="csv", header=tuple(titles), chunks=chunks, header_levels=tuple(levels))
