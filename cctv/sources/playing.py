"""The sources: a live stream that is opened again for ever, a recording, a folder of images. Each yields `Frame`s."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av
import av.error
from av.container import InputContainer

from cctv.sources.address import Address, Kind, Reach, Resolve, locate, pin
from cctv.sources.clock import LiveClock, Paced
from cctv.sources.errors import SourceError
from cctv.sources.images import Images
from cctv.sources.knock import knock
from cctv.sources.reader import Reader, Shot
from cctv.sources.status import State, Status
from cctv.sources.track import Track, track_beside
from cctv.sources.web import Web
from cctv.vision.model import Frame

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
FIRST_LASTING_WAIT_S = 30.0  # a wrong password tried every second locks an account on many cameras
STEADY_S = 30.0  # a connection that held so long was good: the next wait is short again
SEGMENTED = frozenset({"hls"})

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts,mpeg,h264,hevc,mjpeg,ogg,flv,asf,mxf,gif"
_RTSP = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,tcp,rtp",
    "probesize": "500000",
    "analyzeduration": "1000000",
}
# FFmpeg itself opens nothing (no protocol of its own is allowed); every request passes through `Web`, so no connection is kept.
_HTTP = {
    "protocol_whitelist": "data",
    "format_whitelist": f"hls,mpjpeg,aac,{_FORMATS}",
    "http_persistent": "0",
    "http_multiple": "0",
    "allowed_extensions": "ALL",
    "extension_picky": "0",
}


@dataclass(frozen=True)
class Options:
    """How a source is read.

    `fps`: most pictures handed on a second. `height`: taller pictures are scaled down to it (0: never). `timeout_s`: without an
    answer or a picture for so long a stream counts as silent. `realtime`: a recording plays at its own speed, dated now; else as
    fast as it is read, dated from `start` (epoch seconds of the first picture; default: the first of its track, else 0). `loop`:
    a recording begins again at its end. `image_fps`: how many images of a folder make a second.
    """

    fps: float = 5.0
    height: int = 720
    timeout_s: float = 10.0
    realtime: bool = True
    start: float | None = None
    loop: bool = False
    image_fps: float = 5.0


class Source(Protocol):
    """Yields frames until it ends or is closed. `close` may come from another thread."""

    status: Status

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...

    def position(self, at: float) -> tuple[float, float] | None:
        """Longitude and latitude (WGS84) where the camera was at this time, for cameras that move."""


def open_source(
    address: Address,
    *,
    reach: Reach,
    options: Options | None = None,
    clock: Callable[[], float] = time.time,
    rng: random.Random | None = None,
    resolve: Resolve = socket.getaddrinfo,
) -> Source:
    """The source at an address. Network streams connect when iterated; a file or folder must be there.

    Raises `SourceError` for a file that may not be opened or is not there, and for a track beside it that cannot be read.
    """
    options = options or Options()
    if address.kind in (Kind.RTSP, Kind.HTTP):
        return LiveSource(address, reach, options, clock=clock, rng=rng or random.Random(), resolve=resolve)
    return RecordedSource(locate(address, reach), options, clock)


class LiveSource:
    """A stream of the network, opened again with growing waits whenever it ends, until it is closed."""

    def __init__(
        self,
        address: Address,
        reach: Reach,
        options: Options,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        resolve: Resolve,
    ):
        self.status = Status()
        self._address, self._reach, self._options = address, reach, options
        self._clock, self._rng, self._resolve = clock, rng, resolve
        self._stop = threading.Event()
        self._number = 0

    def __iter__(self) -> Iterator[Frame]:
        failures = 0
        while not self._stop.is_set():
            began, passed = self._clock(), self.status.passed
            try:
                yield from self._connection()
                error = SourceError("ended", f"{self._address.host} ended the stream.", host=self._address.host)
            except SourceError as caught:
                error = caught
            if self._stop.is_set():
                break
            self.status.failed(error, silent=error.code == "silent")
            steady = self.status.passed > passed and self._clock() - began > STEADY_S
            failures = 0 if steady else failures + 1
            self._stop.wait(wait_s(failures, error, self._rng))
        self.status.state = State.OFF

    def close(self) -> None:
        """Ends the iteration at the next picture, or after `timeout_s` where none comes."""
        self._stop.set()

    def position(self, at: float) -> tuple[float, float] | None:
        """Fixed cameras do not move."""
        return None

    def _connection(self) -> Iterator[Frame]:
        """The pictures of one connection."""
        passed = self.status.passed
        with self._opened() as container:
            reader = self._reader(container)
            dated, paced = LiveClock(), Paced() if container.format.name in SEGMENTED else None
            try:
                for shot in reader:
                    if self._stop.is_set():
                        return
                    if paced is not None:
                        # Segments come whole: their pictures are handed on at the speed at which they were taken.
                        self._stop.wait(max(0.0, paced.due(shot.pts_s, self._clock()) - self._clock()))
                        yield self._frame(shot, self._clock())
                    else:
                        yield self._frame(shot, dated.date(shot.pts_s, self._clock()))
                    self.status.clock_offset_s = reader.camera_clock.offset_s
            except av.error.FFmpegError as error:
                raise self._explained(error, got_pictures=self.status.passed > passed) from error

    def _frame(self, shot: Shot, at: float) -> Frame:
        self.status.saw(self._clock(), at)
        self._number += 1
        return Frame(shot.picture, at, shot.number)

    def _reader(self, container: InputContainer) -> Reader:
        return Reader(
            container,
            name=self._address.host,
            fps=self._options.fps,
            height=self._options.height,
            status=self.status,
            clock=self._clock,
            stall_s=3 * self._options.timeout_s,
            stop=self._stop,
            is_live=True,
        )

    @contextmanager
    def _opened(self) -> Iterator[InputContainer]:
        self.status.connects += 1
        timeout_s = self._options.timeout_s
        ip = pin(self._address, self._reach, resolve=self._resolve)
        web: Web | None = None
        try:
            if self._address.kind is Kind.RTSP:
                knock(self._address, ip, timeout_s=timeout_s)
                container = av.open(self._address.url(ip), options=_RTSP, timeout=timeout_s)
            else:
                web = Web(self._address, self._reach, timeout_s=timeout_s, resolve=self._resolve)
                bare = self._address.with_secrets(type(self._address.secrets)(query=self._address.secrets.query))
                container = av.open(bare.url(self._address.host), options=_HTTP, timeout=timeout_s, io_open=web.open)
        except (av.error.FFmpegError, OSError) as error:
            if web is not None and web.failure is not None:
                raise web.failure from error
            raise self._explained(error, got_pictures=False) from error
        with container:
            yield container

    def _explained(self, error: Exception, *, got_pictures: bool) -> SourceError:
        return explained(error, self._address, self._options.timeout_s, got_pictures=got_pictures)


class RecordedSource:
    """A clip or a folder of images, with the camera's track where one lies beside it."""

    def __init__(self, path: Path, options: Options, clock: Callable[[], float]):
        self.status = Status()
        self._path, self._options, self._clock = path, options, clock
        self._stop = threading.Event()
        self._track: Track | None = None if path.is_dir() else track_beside(path)
        self._start = 0.0

    def __iter__(self) -> Iterator[Frame]:
        try:
            while not self._stop.is_set():
                passed = self.status.passed
                yield from self._once()
                if not self._options.loop or self.status.passed == passed:
                    break
        except SourceError as error:
            self.status.failed(error, silent=False)
            self.status.state = State.REFUSED  # a file does not mend by itself
            raise
        self.status.state = State.OFF

    def close(self) -> None:
        """Ends the iteration at the next picture."""
        self._stop.set()

    def position(self, at: float) -> tuple[float, float] | None:
        """Where the camera was, by the track beside the clip."""
        return self._track.at(at - self._start, recorded_at=self._options.start) if self._track is not None else None

    def _once(self) -> Iterator[Frame]:
        self.status.connects += 1
        paced = Paced()
        for shot in self._shots():
            if self._stop.is_set():
                return
            pts_s = shot.pts_s
            if self._options.realtime:
                due = paced.due(pts_s, self._clock())
                self._start = due - pts_s
                self._stop.wait(max(0.0, due - self._clock()))
                at = self._clock()
            else:
                self._start = self._beginning
                at = self._start + pts_s
            self.status.saw(self._clock(), at)
            yield Frame(shot.picture, at, shot.number)

    @property
    def _beginning(self) -> float:
        """Epoch seconds of the first picture of a recording that is not played in real time."""
        if self._options.start is not None:
            return self._options.start
        return (self._track.begins_at if self._track is not None else None) or 0.0

    def _shots(self) -> Iterator[Shot]:
        """The pictures of one play, with times from 0."""
        options, path = self._options, self._path
        if path.is_dir():
            yield from Images(path, fps=options.fps, image_fps=options.image_fps, height=options.height, status=self.status)
            return
        try:
            container = av.open(str(path), options={"protocol_whitelist": "file", "format_whitelist": _FORMATS})
        except (av.error.FFmpegError, OSError) as error:
            raise _unreadable(path) from error
        with container:
            reader = Reader(container, name=path.name, fps=options.fps, height=options.height, status=self.status)
            first_s: float | None = None
            try:
                for shot in reader:
                    first_s = shot.pts_s if first_s is None else first_s
                    yield Shot(shot.picture, shot.pts_s - first_s, shot.number)
            except av.error.FFmpegError as error:
                raise _unreadable(path) from error


def wait_s(failures: int, error: SourceError, rng: random.Random) -> float:
    """How long to wait before the next attempt: doubling, with some chance in it so that a thousand cameras do not come back
    in the same second.
    """
    first = FIRST_LASTING_WAIT_S if error.is_lasting else FIRST_WAIT_S
    longest = 5 * LONGEST_WAIT_S if error.is_lasting else LONGEST_WAIT_S
    return min(longest, first * 2.0 ** min(max(0, failures - 1), 10)) * rng.uniform(0.8, 1.2)


def explained(error: Exception, address: Address, timeout_s: float, *, got_pictures: bool) -> SourceError:
    """What an error of FFmpeg means for a person; FFmpeg's own words may hold the password and are not passed on."""
    host = address.host
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SourceError("unauthorised", f"{host} refuses the user name or password. Correct them.", host=host)
        case av.error.HTTPNotFoundError():
            return SourceError(
                "not_found", f"{host} knows no stream {address.path}. Correct the path.", host=host, path=address.path
            )
        case TimeoutError() | av.error.ExitError():
            code = "timeout" if got_pictures else "silent"
            return SourceError(code, f"{host} has sent no picture for {timeout_s:.0f} s.", name=host, host=host)
        case av.error.InvalidDataError():
            return SourceError("corrupt", f"{host} sends pictures that cannot be decoded. Look at the camera.", name=host)
        case _:
            return SourceError("broken_off", f"The connection to {host} broke off.", host=host)


def _unreadable(path: Path) -> SourceError:
    return SourceError("no_pictures", f"{path.name} is not a video that can be read, or is damaged.", name=path.name)
