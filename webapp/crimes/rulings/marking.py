"""Cuts a ruling's text at its sections and at the ends of its facts, so that a page can mark words without markup in it.

Positions count characters (code points), as Python does; the page's script counts the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """The evidence of one fact: characters `start` to `end` (exclusive). `label`: shown before the words, `title` in full."""

    fact: int
    start: int
    end: int
    group: str
    label: str
    title: str
    is_allegation: bool = False


@dataclass(frozen=True)
class Piece:
    """A run of characters under the same facts. `opens`: facts whose evidence begins here, of which the labels are shown."""

    start: int
    text: str
    spans: tuple[Span, ...] = ()
    opens: tuple[Span, ...] = ()

    @property
    def facts(self) -> str:
        """The numbers of its facts, for the page's script."""
        return " ".join(str(span.fact) for span in self.spans)

    @property
    def group(self) -> str:
        """How it is coloured: as the shortest evidence, which says most about these words."""
        return min(self.spans, key=lambda span: (span.end - span.start, span.fact)).group if self.spans else ""

    @property
    def groups(self) -> tuple[str, ...]:
        """All the kinds of facts that these words say, the one that colours them first."""
        return tuple(dict.fromkeys((self.group, *(span.group for span in self.spans))))

    @property
    def label(self) -> str:
        return " · ".join(dict.fromkeys(span.label for span in self.opens if span.label))

    @property
    def title(self) -> str:
        return "\n".join(span.title for span in self.spans)

    @property
    def is_allegation(self) -> bool:
        return bool(self.spans) and all(span.is_allegation for span in self.spans)


@dataclass(frozen=True)
class Block:
    """One section of the ruling, or what stands between two: its kind (blank for none) and its pieces in order."""

    kind: str
    start: int
    pieces: tuple[Piece, ...]


def blocks(text: str, sections: Sequence[Sequence[object]], spans: Sequence[Span]) -> list[Block]:
    """The whole text, every character once and in order, by section; evidence that reaches beyond the text is cut off there."""
    kept = [span for span in spans if 0 <= span.start < min(span.end, len(text))]
    ends = sorted({0, len(text), *(min(span.end, len(text)) for span in kept), *(span.start for span in kept)})
    made: list[Block] = []
    for kind, start, end in _whole(len(text), sections):
        cuts = [start, *(cut for cut in ends if start < cut < end), end]
        made.append(Block(kind, start, _pieces(text, cuts, kept)))
    return made


def _pieces(text: str, cuts: list[int], spans: Sequence[Span]) -> tuple[Piece, ...]:
    here = [span for span in spans if span.start < cuts[-1] and span.end > cuts[0]]
    made = []
    for start, end in pairwise(cuts):
        over = tuple(span for span in here if span.start < end and span.end > start)
        made.append(Piece(start, text[start:end], over, tuple(span for span in over if span.start == start)))
    return tuple(made)


def _whole(length: int, sections: Sequence[Sequence[object]]) -> list[tuple[str, int, int]]:
    """The sections in order with what stands between them, each character in exactly one."""
    made, reached = [], 0
    for kind, first, last in sorted(sections, key=lambda section: int(str(section[1]))):
        start, end = max(int(str(first)), reached), min(int(str(last)), length)
        if start >= end:
            continue
        if start > reached:
            made.append(("", reached, start))
        made.append((str(kind), start, end))
        reached = end
    if reached < length:
        made.append(("", reached, length))
    return made
