"""Clips that the tests draw: figures that walk over a plain street, coded as H.264."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.video.stream import VideoStream

Picture = npt.NDArray[np.uint8]
GROUND, WALL, FIGURE = (92, 98, 96), (120, 126, 130), (40, 52, 160)


def street(size: tuple[int, int] = (320, 240)) -> Picture:
    """An empty street: a house with windows, paving, a kerb. Structured all over, as real pictures are."""
    width, height = size
    rng = np.random.default_rng(7)
    speckles = rng.integers(-14, 15, (-(-height // 6), -(-width // 6), 1))
    grain = cv2.resize(np.repeat(speckles, 3, axis=2).astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    picture = np.full((height, width, 3), GROUND, np.float32)
    picture[: height // 3] = WALL
    picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    for x in range(0, width, max(8, width // 12)):
        cv2.line(picture, (x, height // 3), (x + width // 6, height), (60, 64, 62), 1)
    for x in range(width // 14, width, width // 5):
        cv2.rectangle(picture, (x, height // 12), (x + width // 9, height // 4), (50, 52, 66), -1)
        cv2.rectangle(picture, (x, height // 12), (x + width // 9, height // 4), (190, 190, 186), 1)
    cv2.line(picture, (0, height // 3), (width, height // 3), (180, 180, 176), max(1, height // 120))
    return picture


def draw_figure(picture: Picture, x: float, foot: float, height: float, phase: float = 0.0) -> None:
    """A person in front of it: head, trunk, arms and legs in stride. `x`, `foot`: where it stands, in pixels."""
    unit = height / 8
    middle = (int(x), int(foot - 5 * unit))
    cv2.circle(picture, (int(x), int(foot - 7.3 * unit)), max(2, int(0.6 * unit)), (120, 150, 190), -1)
    cv2.ellipse(picture, middle, (max(2, int(unit)), max(3, int(1.9 * unit))), 0, 0, 360, FIGURE, -1)
    swing = np.sin(phase) * 1.2 * unit
    for side in (-1, 1):
        foot_at = (int(x + side * swing), int(foot))
        cv2.line(picture, (int(x), int(foot - 3.4 * unit)), foot_at, (50, 40, 40), max(2, int(0.8 * unit)))
        hand = (int(x - side * swing), int(foot - 3.6 * unit))
        cv2.line(picture, (int(x), int(foot - 6.2 * unit)), hand, FIGURE, max(2, int(0.5 * unit)))


def walk(number: int, fps: float, size: tuple[int, int] = (320, 240)) -> Picture:
    """One figure that crosses the street in some seconds and begins again."""
    width, height = size
    picture = street(size)
    x = (number / fps * 0.15 * width) % width
    draw_figure(picture, x, 0.85 * height, 0.45 * height, phase=number / fps * 6)
    return picture


def stroll(number: int, fps: float, size: tuple[int, int] = (480, 360)) -> Picture:
    """Somebody who walks up and down in the middle, and stays in view."""
    width, height = size
    picture = street(size)
    at = number / fps
    draw_figure(picture, width * (0.55 + 0.2 * np.sin(at * 0.7)), 0.88 * height, 0.45 * height, phase=at * 6)
    return picture


def write_clip(
    path: Path,
    *,
    seconds: float = 4,
    fps: int = 10,
    size: tuple[int, int] = (320, 240),
    key_every: int | None = None,
    draw: Callable[[int, float, tuple[int, int]], Picture] = walk,
    codec: str = "libx264",
) -> Path:
    """Draw and code a clip. `key_every`: pictures between key frames (default: one a second)."""
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=fps))
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = key_every or fps
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(draw(number, fps, size), format="bgr24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
