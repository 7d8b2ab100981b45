"""Rows without identifier that repeat another row of their file exactly: counted by a 64-bit mark of their content.

Twelve bytes a row, so that five million rows fit into 60 MB. Two different rows share a mark once in some million files.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingestion.report import LINES_SHOWN
from ingestion.validation import Incidents

UInt64Array = NDArray[np.uint64]
_PARTS, _PART_SHIFT = 16, np.uint64(60)
_ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: Steele et al., SplitMix64 (2014), as are the next two
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(eq=False)
class Repeats:
    """Marks and lines of the rows seen so far, chunk by chunk."""

    marks: list[UInt64Array] = field(default_factory=list)
    lines: list[NDArray[np.int32]] = field(default_factory=list)

    def note(self, incidents: Incidents) -> None:
        """Remember the rows of a chunk that have no identifier."""
        marks, lines = marks_of(incidents), incidents.line.astype(np.int32)
        if incidents.source_id is not None:
            unnamed = np.array([name is None for name in incidents.source_id], np.bool_)
            marks, lines = marks[unnamed], lines[unnamed]
        self.marks.append(marks)
        self.lines.append(lines)

    def count(self) -> tuple[int, list[int]]:
        """How many rows repeat another, and of the first groups of equal rows the last line of each."""
        if not self.marks:
            return 0, []
        count, last_lines = 0, []
        for part in range(_PARTS):  # one part after the other, so that the marks are never held twice
            picked = [marks >> _PART_SHIFT == np.uint64(part) for marks in self.marks]
            marks = np.concatenate([marks[pick] for marks, pick in zip(self.marks, picked, strict=True)])
            lines = np.concatenate([lines[pick] for lines, pick in zip(self.lines, picked, strict=True)])
            order = np.argsort(marks, kind="stable")
            marks, lines = marks[order], lines[order]
            same = marks[1:] == marks[:-1]
            count += int(same.sum())
            ends = same & ~np.append(same[1:], False)
            last_lines.append(lines[1:][ends])
        return count, np.sort(np.concatenate(last_lines))[:LINES_SHOWN].tolist()


def marks_of(incidents: Incidents) -> UInt64Array:
    """UInt64[rows]: equal for rows of equal category, time and point."""
    mark = np.zeros(len(incidents), np.uint64)
    for part in (incidents.category, incidents.start_s, incidents.end_s, incidents.latitude, incidents.longitude):
        mark = _mixed((mark + _ODD) ^ np.ascontiguousarray(part).view(np.uint64))
    return mark


def _mixed(mark: UInt64Array) -> UInt64Array:
    mark = (mark ^ (mark >> np.uint64(30))) * _FIRST
    mark = (mark ^ (mark >> np.uint64(27))) * _SECOND
    return mark ^ (mark >> np.uint64(31))
