"""TopoJSON: arcs that neighbours share, put together into GeoJSON geometries."""

import json
import math
from typing import Any

from ingestion.errors import FileRefused

Position = list[float]


def read_topology(text: str, file_name: str) -> dict[str, list[Any]]:
    """The features of each object of the topology, by its name. Raises `FileRefused`."""
    try:
        document = json.loads(text, parse_constant=lambda _: None)
        transform = document.get("transform") or {}
        scale, shift = transform.get("scale", (1.0, 1.0)), transform.get("translate", (0.0, 0.0))
        has_transform = "transform" in document and bool(transform)
        frame = (float(scale[0]), float(scale[1]), float(shift[0]), float(shift[1])) if has_transform else None
        arcs = [_arc(arc, frame) for arc in document["arcs"]]
        return {str(name): _features(one, arcs, frame) for name, one in document["objects"].items()}
    except json.JSONDecodeError as error:
        code = "json_cut_off" if error.pos >= len(text.rstrip()) - 1 else "broken_json"
        raise FileRefused(code, file=file_name, line=error.lineno) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise FileRefused("broken_json", file=file_name, line=1) from error


Frame = tuple[float, float, float, float] | None


def _arc(arc: list[list[float]], frame: Frame) -> list[Position]:
    if frame is None:
        return [[float(point[0]), float(point[1])] for point in arc]
    x = y = 0.0
    points = []
    for point in arc:
        x += float(point[0])
        y += float(point[1])
        points.append([_rounded(x * frame[0] + frame[2]), _rounded(y * frame[1] + frame[3])])
    return points


def _rounded(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return round(value, 9)  # a tenth of a millimetre in degrees: what lies beyond is the arithmetic's own


def _features(one: dict[str, Any], arcs: list[list[Position]], frame: Frame) -> list[Any]:
    members = one.get("geometries", []) if one.get("type") == "GeometryCollection" else [one]
    return [_feature(member, arcs, frame) for member in members]


def _feature(member: Any, arcs: list[list[Position]], frame: Frame) -> Any:
    if not isinstance(member, dict):
        return member
    feature: dict[str, Any] = {"type": "Feature", "geometry": _geometry(member, arcs, frame, 0)}
    properties = member.get("properties")
    feature["properties"] = {key: _plain(value) for key, value in properties.items()} if isinstance(properties, dict) else {}
    if member.get("id") is not None:
        feature["id"] = _plain(member["id"])
    return feature


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _geometry(member: dict[str, Any], arcs: list[list[Position]], frame: Frame, depth: int) -> dict[str, Any] | None:
    kind = member.get("type")
    if kind is None or depth > 20:
        return None
    if kind == "GeometryCollection":
        parts = [_geometry(part, arcs, frame, depth + 1) for part in member.get("geometries", [])]
        return {"type": kind, "geometries": parts}
    if kind in ("Point", "MultiPoint"):
        points = member.get("coordinates", [])
        placed = _placed(points, frame) if kind == "Point" else [_placed(point, frame) for point in points]
        return {"type": kind, "coordinates": placed}
    joined = _joined(member.get("arcs", []), arcs, {"LineString": 0, "Polygon": 1, "MultiLineString": 1}.get(str(kind), 2))
    if kind == "Polygon":
        joined = _with_extent(joined)
    if kind == "MultiPolygon":
        joined = [rings for rings in map(_with_extent, joined) if rings]
    return {"type": kind, "coordinates": joined}


def _with_extent(rings: list[Any]) -> list[Any]:
    """A polygon without the rings that thinning has shrunk to a point or a line (small islands, small holes)."""
    kept = [ring for ring in rings if len(ring) >= 4]
    return kept if rings and len(rings[0]) >= 4 else []


def _placed(point: list[float], frame: Frame) -> list[float]:
    if frame is None or not point:
        return point
    return [_rounded(point[0] * frame[0] + frame[2]), _rounded(point[1] * frame[1] + frame[3])]


def _joined(numbers: list[Any], arcs: list[list[Position]], depth: int) -> list[Any]:
    """Lists of arc numbers (negative: run backwards) to lists of points; the point where two arcs meet is kept once."""
    if depth:
        return [_joined(inner, arcs, depth - 1) for inner in numbers]
    points: list[Position] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += arc[1:] if points else arc
    return points
