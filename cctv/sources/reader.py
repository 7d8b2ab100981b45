"""One opened container, read to its end: packets → pictures within a budget, with stream times.

Only video is asked for and decoded: sound never enters (Personal Information Protection Act, article 25 (5)).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags2
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from cctv.sources.budget import Budget, KeyFrames
from cctv.sources.clock import CameraClock, StreamTime
from cctv.sources.errors import SourceError
from cctv.sources.status import Status

LARGEST_PIXELS = 8192 * 4352  # 8K; a stream that claims more is an attack or an accident
MOST_BROKEN = 200  # undecodable packets in a row: some seconds of nothing but damage
MICROSECOND = 1e-6
USUAL_FPS = 25  # of a recording that tells no rate

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Shot:
    """One decoded picture: UInt8[height, width, 3] in BGR, its stream time in seconds and number."""

    picture: Picture
    pts_s: float
    number: int


class Reader:
    """Pictures of one container, at most `fps` a second and `height` pixels high. `is_live`: they come as they are taken."""

    def __init__(
        self,
        container: InputContainer,
        *,
        name: str,
        fps: float,
        height: int,
        status: Status,
        clock: Callable[[], float] = time.time,
        stall_s: float | None = None,
        stop: threading.Event | None = None,
        is_live: bool = False,
    ):
        self._container = container
        self._name = name
        self._height = height
        self._status = status
        self._clock = clock
        self._stall_s = stall_s
        self._stop = stop or threading.Event()
        self._is_live = is_live
        self._time, self._decoded = StreamTime(), 0
        self._budget, self._keys = Budget(fps), KeyFrames(fps)
        self.camera_clock = CameraClock()
        self._stream = self._video()
        self._codec = _opened(self._stream, name, is_live=is_live)
        self._broken = 0
        self._number = -1
        self._began = self._alive = clock()

    def __iter__(self) -> Iterator[Shot]:
        """Until the stream ends or `stop` is set. Raises `SourceError` (corrupt, silent) and FFmpeg's errors of the network."""
        for packet in self._packets():
            if self._stop.is_set():
                return
            yield from self._shots(packet)
            if self._stall_s is not None and self._clock() - self._alive > self._stall_s:
                raise SourceError("silent", f"{self._name} sends data but no pictures.", name=self._name)

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """All packets; damage in the container is skipped as long as something readable follows."""
        failures = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    yield packet
            except av.error.InvalidDataError:
                failures += 1
                self._count_broken()
                if failures > MOST_BROKEN:
                    raise self._corrupt() from None
            else:
                return

    def _shots(self, packet: "Packet[VideoStream]") -> Iterator[Shot]:
        base = packet.time_base
        pts_s = None if packet.pts is None or base is None else float(packet.pts * base)
        if packet.size:
            self._number += 1
            self._status.frames += 1
            self._note(packet, pts_s)
        if self._left_out(packet, pts_s):
            self._alive = self._clock()
            self._status.skipped += 1
            return
        try:
            frames = self._codec.decode(packet)
        except (av.error.InvalidDataError, av.error.ArgumentError, av.error.EOFError):
            self._count_broken()
            return
        for frame in frames:
            # A key frame that came in pieces is marked although it is whole.
            if frame.is_corrupt and not frame.key_frame:
                self._count_broken()
                continue
            self._broken = 0
            self._alive = self._clock()  # also where the budget leaves it out
            yield from self._passed(frame)

    def _note(self, packet: "Packet[VideoStream]", pts_s: float | None) -> None:
        if packet.is_keyframe and pts_s is not None:
            self._keys.saw(pts_s)
        if packet.has_sidedata("prft"):
            told_us = int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little", signed=True)
            self.camera_clock.told(told_us * MICROSECOND, self._clock())

    def _left_out(self, packet: "Packet[VideoStream]", pts_s: float | None) -> bool:
        """Whether a packet need not be decoded. Only key frames stand alone, so others go only where key frames suffice."""
        if packet.is_keyframe:
            self._status.keys_only = self._keys.suffice  # changes at key frames only: a picture needs all since its key frame
        if not self._status.keys_only or not packet.size:
            return False
        if not packet.is_keyframe:
            return True
        return pts_s is not None and not self._budget.takes(pts_s)

    def _passed(self, frame: VideoFrame) -> Iterator[Shot]:
        # Without times of its own a live picture is of now, and a recorded one follows the last at the usual distance.
        otherwise_s = self._clock() - self._began if self._is_live else self._decoded * (self._frame_s or 1 / USUAL_FPS)
        self._decoded += 1
        pts_s = self._time.of(None if frame.time is None else float(frame.time), otherwise_s)
        if not self._status.keys_only and not self._budget.takes(pts_s, self._frame_s):
            self._status.skipped += 1
            return
        if frame.width * frame.height > LARGEST_PIXELS:
            raise _too_large(self._name, frame.width, frame.height)
        picture = bgr(frame, self._height)
        self._status.size = (picture.shape[1], picture.shape[0])
        yield Shot(picture, pts_s, self._number)

    @property
    def _frame_s(self) -> float:
        rate = self._stream.average_rate
        return 1 / float(rate) if rate else 0.0

    def _video(self) -> VideoStream:
        if not self._container.streams.video:
            raise SourceError("no_pictures", f"{self._name} holds no video. Give one that shows pictures.", name=self._name)
        return self._container.streams.video[0]

    def _count_broken(self) -> None:
        self._status.broken += 1
        self._broken += 1
        if self._broken > MOST_BROKEN:
            raise self._corrupt()

    def _corrupt(self) -> SourceError:
        return SourceError("corrupt", f"{self._name} sends pictures that cannot be decoded. Look at the camera.", name=self._name)


def bgr(frame: VideoFrame, height: int) -> Picture:
    """A frame as BGR, scaled down to `height` pixels where it is taller (0: never) and turned upright where it says so."""
    width = frame.width
    if 0 < height < frame.height:
        width = max(2, round(frame.width * height / frame.height / 2) * 2)
    else:
        height = frame.height
    small = frame.reformat(width=width, height=height, format="bgr24", interpolation=Interpolation.FAST_BILINEAR)
    picture = np.asarray(small.to_ndarray(), np.uint8)
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _opened(stream: VideoStream, name: str, *, is_live: bool) -> VideoCodecContext:
    codec: Any = stream.codec_context
    if codec is None:
        raise SourceError("no_pictures", f"{name} is coded in a way that cannot be read. Use H.264, H.265 or MJPEG.", name=name)
    if codec.width * codec.height > LARGEST_PIXELS:
        raise _too_large(name, codec.width, codec.height)
    # One thread: hundreds of streams share the processors, and threads of a decoder would hold pictures back.
    codec.thread_count = 1
    if is_live and codec.name == "h264":
        # Some servers send the parameter sets before every slice, and FFmpeg's parser then cuts a picture in two. The decoder is
        # to put it together again, else each key frame, and all that is built on it, would be half a picture.
        codec.flags2 = int(codec.flags2) | Flags2.chunks
    context: VideoCodecContext = codec
    return context


def _too_large(name: str, width: int, height: int) -> SourceError:
    return SourceError(
        "too_large",
        f"The pictures of {name} are {width} × {height}; the largest that are read have 8192 × 4352 pixels.",
        name=name,
        width=width,
        height=height,
    )
