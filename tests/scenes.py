"""Drawn scenes: people and things on a plain floor, as the rules get them from the tracker.

The picture is 1280 × 720 pixels; 40 pixels a metre, so that a person of 1.7 m is 68 pixels high, here and everywhere.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from cctv.vision.model import OBJECT, PERSON, VEHICLE, Finding, Rule, Scene, Seen

WIDTH, HEIGHT, PIXELS = 1280, 720, 40
GREY = 4  # pixels of the frame per pixel of the small grey picture
SIZE_M = {PERSON: (0.6, 1.7), VEHICLE: (4.0, 1.5), OBJECT: (0.4, 0.4)}
START = 1_700_000_000.0


def stands(
    track: int,
    x: float,
    y: float,
    *,
    kind: str = PERSON,
    ground: bool = False,
    size: tuple[float, float] | None = None,
    score: float = 1.0,
) -> Seen:
    """Somebody at x metres from the left and y metres from the upper edge, foot point."""
    width, height = (side * PIXELS for side in size or SIZE_M.get(kind, (0.4, 0.4)))
    foot = x * PIXELS, y * PIXELS
    box = foot[0] - width / 2, foot[1] - height, foot[0] + width / 2, foot[1]
    return Seen(track, kind, box, score, (x, -y) if ground else None)


def scene(seconds: float, seen: Iterable[Seen] = (), *, blind: str = "", grey: np.ndarray | None = None) -> Scene:
    people = tuple(seen)
    small = np.full((HEIGHT // GREY, WIDTH // GREY), 90, np.uint8) if grey is None else grey
    return Scene(
        at=START + seconds,
        number=round(seconds * 1000),
        size=(WIDTH, HEIGHT),
        seen=people,
        foreground=np.zeros_like(small),
        grey=small,
        scale=1 / GREY,
        calibrated=any(one.ground is not None for one in people),
        blind=blind,
    )


def play(
    rules: Rule | Sequence[Rule],
    cast: Callable[[float], Iterable[Seen]],
    *,
    until_s: float,
    since_s: float = 0.0,
    fps: float = 5.0,
    picture: Callable[[float], np.ndarray] | None = None,
) -> list[Finding]:
    """All findings while `cast(seconds)` says who is in view."""
    found: list[Finding] = []
    for number in range(round(since_s * fps), round(until_s * fps) + 1):
        now = scene(number / fps, cast(number / fps), grey=picture(number / fps) if picture else None)
        for rule in rules if isinstance(rules, Sequence) else (rules,):
            found += rule.look(now)
    return found
