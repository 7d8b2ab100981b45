"""Events on their way from the threads that watch streams to the one that publishes."""

import threading
from collections import deque
from collections.abc import Sequence

from cctv.events import CameraEvent


class Outbox:
    """Events on their way to the stream, from many threads to one. Bounded: the oldest go first, and are counted."""

    def __init__(self, most: int):
        self._events: deque[tuple[int, CameraEvent]] = deque()
        self._lock = threading.Lock()
        self._most = most
        self.lost = 0

    def put(self, jurisdiction_id: int, events: Sequence[CameraEvent]) -> None:
        """Add events of one jurisdiction."""
        with self._lock:
            self._events.extend((jurisdiction_id, event) for event in events)
            while len(self._events) > self._most:
                self._events.popleft()
                self.lost += 1

    def take(self, most: int) -> dict[int, list[CameraEvent]]:
        """The oldest events by jurisdiction."""
        with self._lock:
            taken = [self._events.popleft() for _ in range(min(most, len(self._events)))]
        found: dict[int, list[CameraEvent]] = {}
        for jurisdiction_id, event in taken:
            found.setdefault(jurisdiction_id, []).append(event)
        return found

    def __len__(self) -> int:
        return len(self._events)
