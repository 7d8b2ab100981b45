"""What a person drew on a camera's picture: zones, lines, a direction. Fractions of the picture, so that any size fits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cctv.vision.rules.past import Point


@dataclass(frozen=True)
class Zone:
    """A polygon that nobody should enter. corners: at least three, in order."""

    name: str
    corners: tuple[Point, ...]

    def holds(self, x: float, y: float) -> bool:
        """Whether the point lies within (ray casting)."""
        inside = False
        x1, y1 = self.corners[-1]
        for x2, y2 in self.corners:
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
            x1, y1 = x2, y2
        return inside


@dataclass(frozen=True)
class Line:
    """A line between two points, such as a fence, a railing or a platform's edge."""

    name: str
    start: Point
    end: Point


@dataclass(frozen=True)
class Drawn:
    """All that was drawn for one camera. direction: the allowed way, from one point to the other; None: learnt by itself.

    kinds: which detector kind means which factor, like {"knife": "weapon", "smoke": "fire"}.
    """

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    direction: tuple[Point, Point] | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)


NOTHING_DRAWN = Drawn()
