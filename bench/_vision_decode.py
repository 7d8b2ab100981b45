"""Decode alone: frames a second of one core by stage, for 480p and full HD. The limit for whatever vision does afterwards.

Clips are drawn and coded when the bench runs (H.264, 25 frames/s, a key frame every two seconds, about 1 and 4 Mbit/s), so that
the figures need no data set. CPU seconds of the process, not wall time: the machine may be shared.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from cctv.sources import Options, Reach, Source, open_source, read_address
from cctv.sources.reader import bgr

SIZES = {"480p": (854, 480, 1_000_000), "fhd": (1920, 1080, 4_000_000)}
FPS, KEY_EVERY = 25, 50
BUDGETS = (2, 5, 10)
ANALYSED_HEIGHT = 480  # what vision is given of a full HD picture


def measure(quick: bool) -> dict[str, Any]:
    """{"480p" | "fhd": {stage: frames of the stream a CPU second}}, and the cameras a core that follow for decode alone.

    Stages: packets (demultiplexing alone), decode (every picture), decode_bgr (and each as BGR at full size), decode_480 (as BGR
    at 480 pixels high), budget_2/5/10 (as the camera worker reads: all decoded, so many a second handed on), keys (a budget below
    the key frames: only those are decoded).
    """
    cv2.setNumThreads(1)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (width, height, bits) in SIZES.items():
            clip = Path(folder) / f"{name}.mp4"
            _write(clip, width, height, bits, seconds=12 if quick else 24)
            rates = {stage: _rate(run, clip, 1 if quick else 3) for stage, run in _stages(height)} | {"keys": _keys_rate(clip)}
            cameras = {stage: round(rate / FPS, 1) for stage, rate in rates.items() if stage.startswith(("budget", "keys"))}
            found[name] = {
                "frames_per_cpu_s": {stage: round(rate, 1) for stage, rate in rates.items()},
                "cameras_per_core": cameras,
                "mbit_per_s": round(clip.stat().st_size * 8 / 1e6 / (12 if quick else 24), 2),
            }
    return found


def _stages(height: int) -> Iterator[tuple[str, Callable[[Path], int]]]:
    yield "packets", lambda clip: sum(packet.size > 0 for packet in _packets(clip))
    yield "decode", lambda clip: sum(1 for _ in _frames(clip))
    yield "decode_bgr", lambda clip: sum(bgr(frame, 0).size > 0 for frame in _frames(clip))
    if height > ANALYSED_HEIGHT:
        yield "decode_480", lambda clip: sum(bgr(frame, ANALYSED_HEIGHT).size > 0 for frame in _frames(clip))
    for fps in BUDGETS:
        yield f"budget_{fps}", partial(_read, fps=fps)


def _rate(run: Callable[[Path], int], clip: Path, times: int) -> float:
    """Frames of the stream a CPU second: the median of some runs."""
    rates = []
    for _ in range(times):
        began = time.process_time()
        frames = run(clip)
        rates.append(frames / max(time.process_time() - began, 1e-6))
    return statistics.median(rates)


def _keys_rate(clip: Path) -> float:
    """Once the distance of the key frames is known; before that every picture is decoded."""
    source = _source(clip, 0.4)
    began = frames = 0.0
    for _ in source:
        if source.status.keys_only and not began:
            began, frames = time.process_time(), source.status.frames
    return (source.status.frames - frames) / max(time.process_time() - began, 1e-6) if began else float("nan")


def _read(clip: Path, fps: float) -> int:
    """As the worker reads; the number of the stream's frames, not of those handed on."""
    source = _source(clip, fps)
    for _ in source:
        pass
    return source.status.frames


def _source(clip: Path, fps: float) -> Source:
    options = Options(fps=fps, height=ANALYSED_HEIGHT, realtime=False)
    return open_source(read_address(clip.name), reach=Reach.of([], clip.parent), options=options)


def _packets(clip: Path) -> Iterator[Any]:
    with av.open(str(clip)) as container:
        yield from container.demux(container.streams.video[0])


def _frames(clip: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(clip)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        yield from container.decode(container.streams.video[0])


def _write(path: Path, width: int, height: int, bits: int, *, seconds: int) -> None:
    """A textured street under sensor noise with figures that cross it, so that coding it is about as hard as a real one."""
    rng = np.random.default_rng(1)
    ground = cv2.resize(rng.integers(60, 160, (height // 8, width // 8, 3), np.uint8), (width, height))
    noise = [rng.integers(0, 6, (height, width, 3), np.uint8) for _ in range(4)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", bits
        stream.gop_size = KEY_EVERY
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "profile": "main", "x264-params": "scenecut=0"}
        for number in range(seconds * FPS):
            picture = ground + noise[number % len(noise)]
            for figure in range(8):
                x = int((figure * width / 8 + number * (2 + figure) * width / 1920) % width)
                y = int(height * (0.4 + 0.07 * figure))
                cv2.rectangle(picture, (x, y - height // 6), (x + width // 24, y), (40 + 20 * figure, 50, 150), -1)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
