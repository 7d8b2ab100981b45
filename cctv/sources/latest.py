"""A source read in a thread of its own, of which only the newest frame is kept.

Whoever looks at the frames may be slow: the camera's connection is read on all the same, memory stays at one picture, and what
was overtaken is counted. A stalled camera holds only its own thread.
"""

import logging
import threading

from cctv.sources.errors import SourceError
from cctv.sources.playing import Source
from cctv.vision.model import Frame

logger = logging.getLogger(__name__)


class Latest:
    """`take` gives the newest frame that was not yet taken."""

    def __init__(self, source: Source, *, name: str):
        self.source = source
        self._frame: Frame | None = None
        self._fresh = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, name=f"source {name}", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """No frame will come any more."""
        return self._ended and self._frame is None

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame, waiting for one at most so long; None where none came."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._frame is not None or self._ended, timeout_s)
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Ask the source to end; `join` waits for it."""
        self.source.close()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread has ended within that time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _read(self) -> None:
        try:
            for frame in self.source:
                with self._fresh:
                    self.source.status.overtaken += self._frame is not None
                    self._frame = frame
                    self._fresh.notify()
        except SourceError as error:
            logger.warning("%s: %s", self._thread.name, error.sentence)
        except Exception:
            logger.exception("%s stopped on an unexpected error", self._thread.name)
        finally:
            with self._fresh:
                self._ended = True
                self._fresh.notify()
