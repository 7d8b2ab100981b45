"""Reading live sources in tests: open one, wait for frames or for a state."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cctv.sources import Latest, Options, Reach, State, open_source, read_address
from cctv.vision.model import Frame

LOOPBACK = Reach.of(["127.0.0.1/32"])
OPTIONS = Options(fps=5, timeout_s=2)


@contextmanager
def reading(url: str, *, options: Options = OPTIONS, reach: Reach = LOOPBACK) -> Iterator[Latest]:
    """A source read in its own thread; closed, and waited for, at the end."""
    latest = Latest(open_source(read_address(url), reach=reach, options=options), name="test")
    try:
        yield latest
    finally:
        latest.close()
        assert latest.join(10)


def frames_of(latest: Latest, count: int, limit_s: float = 15.0) -> list[Frame]:
    """So many frames, or fewer where they do not come in time."""
    deadline = time.monotonic() + limit_s
    frames: list[Frame] = []
    while len(frames) < count and time.monotonic() < deadline:
        frame = latest.take(0.5)
        if frame is not None:
            frames.append(frame)
    return frames


def state_of(latest: Latest, *states: State, limit_s: float = 15.0) -> State:
    """The state once it is one of these, or whatever it is when the time is up."""
    deadline = time.monotonic() + limit_s
    while latest.source.status.state not in states and time.monotonic() < deadline:
        time.sleep(0.05)
    return latest.source.status.state
