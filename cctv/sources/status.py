"""How a source is doing: what a person reads at a glance, and what the worker reports."""

from dataclasses import dataclass, field
from enum import StrEnum

from cctv.sources.errors import SourceError

CLOCK_TOLERANCE_S = 5.0  # two clocks kept by NTP differ by less; a person setting a clock by hand by more


class State(StrEnum):
    """What a stream is doing just now."""

    OK = "ok"
    STARTING = "starting"
    RECONNECTING = "reconnecting"
    SILENT = "silent"  # it answers, but no picture comes
    BLIND = "blind"  # pictures come, but nothing can be seen on them; said by vision, not by the source
    REFUSED = "refused"  # it will not work before somebody changes something
    OFF = "off"


@dataclass
class Status:
    """Counts and state of one source; written by the thread that reads it, read by any other.

    `frames`: pictures that came; `passed`: that were handed on; `skipped`: left out to keep to the budget; `overtaken`: left out
    because a newer one came before they were looked at; `broken`: could not be decoded. `clock_offset_s`: the camera's clock less
    ours, where it tells its clock. `last_at`: epoch seconds of the last picture.
    """

    state: State = State.STARTING
    last_at: float | None = None
    frames: int = 0
    passed: int = 0
    skipped: int = 0
    overtaken: int = 0
    broken: int = 0
    connects: int = 0
    fps: float = 0.0
    size: tuple[int, int] = (0, 0)
    keys_only: bool = False
    clock_offset_s: float | None = None
    error: SourceError | None = None
    _seen: list[float] = field(default_factory=list, repr=False)

    def saw(self, now: float, at: float) -> None:
        """A picture was handed on."""
        self.state, self.error = State.OK, None
        self.last_at = at
        self.passed += 1
        self._seen = [*self._seen[-31:], now]
        span = now - self._seen[0]
        self.fps = (len(self._seen) - 1) / span if span > 0 else 0.0

    def failed(self, error: SourceError, *, silent: bool) -> None:
        """Reading ended."""
        self.error = error
        self.fps = 0.0
        self._seen = []
        if error.is_lasting:
            self.state = State.REFUSED
        else:
            self.state = State.SILENT if silent else State.RECONNECTING


def clock_sentence(offset_s: float | None) -> str:
    """What a person is told of a camera's clock; empty where it goes right or is unknown."""
    if offset_s is None or abs(offset_s) <= CLOCK_TOLERANCE_S:
        return ""
    minutes = round(abs(offset_s) / 60)
    much = f"{minutes // 60} h {minutes % 60} min" if minutes else f"{abs(offset_s):.0f} s"
    ahead = "ahead" if offset_s > 0 else "behind"
    zone = " It looks like a time zone." if minutes and minutes % 30 == 0 and minutes <= 14 * 60 else ""
    return f"The camera's clock is {much} {ahead}.{zone} Set it by NTP; until then our own clock is used."
