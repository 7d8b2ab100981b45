"""What every reader hands on: some records of a file, as text, with where they stand in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(eq=False)
class Chunk:
    """Some records of the file, in order. `lines[i]`: line of the file where record i begins (the first line is 1); in a
    workbook its row, in a format without lines the number of the feature or row.

    `raw[i]`: the record as it stands in a text file; in every other format its fields as one line of CSV. `broken[i]`: the
    code of a record that cannot be read (its fields are then empty). `blank_lines`: lines passed over. `fraction`: share of
    the file read so far.
    """

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    broken: dict[int, str] = field(default_factory=dict)
    blank_lines: list[int] = field(default_factory=list)
    fraction: float = 0.0

    def add(self, fields: list[str], line: int) -> None:
        """One more record of a format that has no text of its own."""
        self.rows.append(fields)
        self.lines.append(line)
        self.raw.append(csv_line(fields))

    def add_broken(self, code: str, line: int, raw: str) -> None:
        """One more record, which cannot be read."""
        self.broken[len(self.rows)] = code
        self.rows.append([])
        self.lines.append(line)
        self.raw.append(raw)

    def drop_first(self, count: int) -> None:
        """Take the first records away (they were the header)."""
        del self.rows[:count], self.lines[:count], self.raw[:count]
        self.broken = {row - count: code for row, code in self.broken.items() if row >= count}


def csv_line(fields: Sequence[str]) -> str:
    """The fields as one record of CSV, without a line end."""
    line = ",".join(fields)
    if line.count(",") == len(fields) - 1 and not _needs_quotes(line):
        return line or '""'
    return ",".join([_quoted(one) if "," in one or _needs_quotes(one) else one for one in fields])


def _needs_quotes(text: str) -> bool:
    return '"' in text or "\n" in text or "\r" in text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def readable_size(count: int) -> str:
    """Bytes as a person reads them."""
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"


def sentence_list(names: Iterable[str], most: int = 12) -> str:
    """Names as a person reads them, cut where they are too many."""
    listed = list(names)
    return ", ".join(listed[:most]) + (" …" if len(listed) > most else "")
