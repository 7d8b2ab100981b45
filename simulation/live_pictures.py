"""Drawn stand-ins for thumbnails: a grey street, coarse blocks where somebody would be, and the word SIMULATED across it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

WIDTH, HEIGHT = 192, 108
KINDS = 4  # pictures of each factor
QUALITY = 45


def drawn_picture(factor: str, number: int) -> bytes:
    """A JPEG of about 3 kB; there are KINDS of them for each factor."""
    return _drawn(factor, number % KINDS)


@cache
def _drawn(factor: str, kind: int) -> bytes:
    rng = np.random.default_rng([sum(factor.encode()), kind])
    picture = np.linspace(70, 130, HEIGHT)[:, None, None] + np.zeros((HEIGHT, WIDTH, 3))
    picture[: HEIGHT // 3] += 40  # sky above the street
    for _person in range(1 + kind):
        x, y = int(rng.integers(8, WIDTH - 32)), int(rng.integers(HEIGHT // 4, HEIGHT - 52))
        blocks = rng.integers(30, 200, size=(6, 3, 3)).repeat(8, axis=0).repeat(8, axis=1)
        picture[y : y + 48, x : x + 24] = blocks
    shown = np.ascontiguousarray(picture.clip(0, 255).astype(np.uint8))
    for text, y in (("SIMULATED", 20), (factor, HEIGHT - 8)):
        cv2.putText(shown, text, (6, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    _done, jpeg = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return jpeg.tobytes()
