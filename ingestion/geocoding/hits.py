"""What every geocoder gives: hits with a precision that is never better than it is, and errors that say what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from ingestion.errors import FileRefused


class Precision(IntEnum):
    """How exactly a hit stands for what was asked; greater is better.

    EXACT: the building or the place itself; LOT: the plot, or the number as another record places it; ROAD: somewhere on the
    road; DONG and GU: the middle of the area, which is no place where anything happened.
    """

    GU = 1
    DONG = 2
    ROAD = 3
    LOT = 4
    EXACT = 5


@dataclass(frozen=True)
class Hit:
    """One answer, in degrees WGS84. `radius_m`: within which the true place very likely lies, None where nothing is known.

    `matched`: what was found, as its source writes it; `source`: "gazetteer", "vworld", "kakao" or "juso".
    """

    longitude: float
    latitude: float
    precision: Precision
    matched: str
    source: str
    radius_m: float | None = None


class Geocoder(Protocol):
    """Finds places by text. Best hit first; several of one precision mean that the text is ambiguous; none: not found."""

    def find(self, text: str) -> Sequence[Hit]: ...


class GeocoderRefused(FileRefused):
    """A service gives no answer. `code`: one of REFUSALS: geocoder_key, geocoder_quota, geocoder_down, geocoder_unreadable."""

    def __init__(self, code: str, source: str, value: str = ""):
        super().__init__(code, source=source, value=value)
        self.source = source


def only_hit(hits: Sequence[Hit], *, least: Precision) -> Hit | None:
    """The hit to take without asking a person: precise enough, and the only one of its precision."""
    if not hits or hits[0].precision < least:
        return None
    rivals = [hit for hit in hits[1:] if hit.precision == hits[0].precision]
    return None if rivals else hits[0]
