"""GeoJSON geometry to WKT, its numbers kept as they stand; what is no geometry says so."""

import math
import re
from typing import Any

MAX_DEPTH = 20
_ONLY_NUMBERS = re.compile(r"(?:[-.\d]+ [-.\d]+(?:, )?)+")  # others are looked at one by one


class BadGeometry(Exception):
    """`code`: of `ingestion.errors.REASONS`."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


def wkt_of(geometry: Any, depth: int = 0) -> str:
    """WKT of a GeoJSON geometry; "" where it is null or empty. Raises `BadGeometry`."""
    if geometry is None or geometry == {}:
        return ""
    if not isinstance(geometry, dict) or depth > MAX_DEPTH:
        raise BadGeometry("unreadable_geometry")
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        inner = [wkt_of(part, depth + 1) for part in _listed(parts)]
        inner = [one for one in inner if one]
        return f"GEOMETRYCOLLECTION ({', '.join(inner)})" if inner else ""
    writer = _WRITERS.get(str(kind))
    if writer is None:
        raise BadGeometry("unreadable_geometry")
    coordinates = geometry.get("coordinates")
    if not coordinates and isinstance(coordinates, list | None):
        return ""
    body, has_height = writer(coordinates)
    return f"{str(kind).upper()}{' Z' if has_height else ''} {body}" if body else ""


Written = tuple[str, bool]
Position = tuple[str, str, str]


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BadGeometry("unreadable_geometry")
    return value


def _position(value: Any) -> Position:
    numbers = _listed(value)
    if len(numbers) < 2 or any(isinstance(number, bool) for number in numbers[:3]):
        raise BadGeometry("unreadable_geometry")
    try:
        if not all(math.isfinite(float(number)) for number in numbers[:3]):
            raise BadGeometry("unreadable_geometry")
    except (TypeError, ValueError, OverflowError) as error:
        raise BadGeometry("unreadable_geometry") from error
    return str(numbers[0]).strip(), str(numbers[1]).strip(), str(numbers[2]).strip() if len(numbers) > 2 else ""


def _sequence(positions: list[Any]) -> Written:
    """Points as WKT: at once where all are pairs of numbers (most are), one by one otherwise."""
    try:
        text = ", ".join([f"{x} {y}" for x, y in positions])
    except (TypeError, ValueError):
        text = ""
    if _ONLY_NUMBERS.fullmatch(text):
        return f"({text})", False
    found = [_position(one) for one in positions]
    if not found:
        return "", False
    has_height = all(height for _, _, height in found)
    texts = (f"{x} {y} {z}" if has_height else f"{x} {y}" for x, y, z in found)
    return f"({', '.join(texts)})", has_height


def _point(value: Any) -> Written:
    return _sequence([value])


def _line(value: Any) -> Written:
    positions = _listed(value)
    if len(positions) == 1:
        raise BadGeometry("unreadable_geometry")
    return _sequence(positions)


def _ring(value: Any) -> Written:
    positions = _listed(value)
    written = _sequence(positions)
    if positions and (len(positions) < 4 or _place(positions[0]) != _place(positions[-1])):
        raise BadGeometry("unclosed_ring")
    return written


def _place(position: Any) -> tuple[float, float]:
    return float(position[0]), float(position[1])


def _several(value: Any, writer: Any) -> Written:
    """A list of parts; heights are kept only where every part has them."""
    written = [one for one in map(writer, _listed(value)) if one[0]]
    if not written:
        return "", False
    if len({has_height for _, has_height in written}) > 1:
        return _several(_flat(value), writer)
    return f"({', '.join(body for body, _ in written)})", written[0][1]


def _flat(value: Any) -> Any:
    """The same coordinates without heights."""
    if isinstance(value, list) and value and not isinstance(value[0], list):
        return value[:2]
    return [_flat(one) for one in value] if isinstance(value, list) else value


def _polygon(value: Any) -> Written:
    return _several(value, _ring)


_WRITERS: dict[str, Any] = {
    "Point": _point,
    "LineString": _line,
    "Polygon": _polygon,
    "MultiPoint": lambda value: _several(value, _point),
    "MultiLineString": lambda value: _several(value, _line),
    "MultiPolygon": lambda value: _several(value, _polygon),
}
