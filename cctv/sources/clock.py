"""When a picture was taken: stream time to UTC.

A stream counts from any zero, jumps when its camera restarts, and its camera's clock may be hours off. So times are ours: a
picture is dated by the clock of this machine, and stream time only smooths what the network made uneven.
"""

from collections import deque
from statistics import median

JUMP_S = 5.0  # stream time and arrival part by more: the stream began anew
CREEP = 0.0005  # how fast the anchor may follow a camera whose clock runs slow: 1.8 s an hour, far above real drift
REPORTS_KEPT = 15
STUCK = 4  # pictures with one and the same time


class StreamTime:
    """The time of each picture within its stream. Some streams tell none, and some the same for ever: then another measure
    counts, which the caller gives.
    """

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._same = 0

    def of(self, pts_s: float | None, otherwise_s: float) -> float:
        """Seconds from any zero of the next picture."""
        self._same = self._same + 1 if pts_s is not None and pts_s == self._last_s else 0
        if self._same < STUCK:
            self._last_s = pts_s
        else:
            self._same = STUCK  # once it stood still it is not believed until it moves
        return otherwise_s if pts_s is None or self._same >= STUCK else pts_s


class LiveClock:
    """Dates the pictures of a live stream.

    Pictures are delayed by the network, never hurried, so the least delay seen is the truest: `at` = stream time + the least
    (arrival - stream time), which slowly forgets. Times never go back.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_pts_s = 0.0
        self._last_at = 0.0
        self.jumps = 0

    def date(self, pts_s: float, arrival: float) -> float:
        """UTC epoch seconds of a picture with this stream time that came in at `arrival`."""
        self._last_at = max(self._from_stream(pts_s, arrival), self._last_at + 1e-4)
        return self._last_at

    def _from_stream(self, pts_s: float, arrival: float) -> float:
        delay_s = arrival - pts_s
        if self._offset_s is None or abs(delay_s - self._offset_s) > JUMP_S:
            self.jumps += self._offset_s is not None
            self._offset_s = delay_s
        else:
            self._offset_s = min(delay_s, self._offset_s + CREEP * max(0.0, pts_s - self._last_pts_s))
        self._last_pts_s = pts_s
        return pts_s + self._offset_s


class CameraClock:
    """The camera's own clock beside ours, from what it tells in its sender reports (RTCP)."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=REPORTS_KEPT)

    def told(self, camera_epoch_s: float, arrival: float) -> None:
        """A picture came in at `arrival` that the camera dates so."""
        self._offsets.append(camera_epoch_s - arrival)

    @property
    def offset_s(self) -> float | None:
        """The camera's clock less ours; None where it never told."""
        return median(self._offsets) if self._offsets else None


class Paced:
    """Plays a recording or a segmented stream at its own speed: when each picture is due on our clock."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._last_pts_s = 0.0

    def due(self, pts_s: float, now: float) -> float:
        """When the picture is due. One that is overdue by more than a jump, or whose time went back, starts anew from now."""
        if self._offset_s is None or not -JUMP_S < pts_s + self._offset_s - now < JUMP_S or pts_s < self._last_pts_s:
            self._offset_s = now - pts_s
        self._last_pts_s = pts_s
        return pts_s + self._offset_s
