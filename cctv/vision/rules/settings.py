"""What a person set for one camera's rules, checked: zones, lines, direction, parameters, kinds of the model.

In: a mapping as it is stored with the stream (JSON). Out: `RuleSettings`. Points are fractions of the picture, 0 to 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cctv.factors import BY_CODE, Kind
from cctv.vision.rules.base import parameters_of
from cctv.vision.rules.catalogue import DETECTED, RULES
from cctv.vision.rules.detected import DetectedKind
from cctv.vision.rules.drawn import Drawn, Line, Zone
from cctv.vision.rules.past import Point

MOST_ZONES, MOST_CORNERS = 20, 50


class RuleError(ValueError):
    """Settings that cannot be used. `code` for a program; the message is a sentence for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class RuleSettings:
    """parameters: factor code to {parameter: number}, only those that differ from the defaults."""

    drawn: Drawn = field(default_factory=Drawn)
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


NO_SETTINGS = RuleSettings()


def read_settings(value: Mapping[str, Any]) -> RuleSettings:
    """{"zones": [{"name", "polygon"}], "lines": [{"name", "from", "to"}], "direction": {"from", "to"} or null,
    "parameters": {code: {name: number}}, "kinds": {kind: code}}; each may be left out. Raises `RuleError`."""
    if not isinstance(value, Mapping):
        raise RuleError("not_an_object", "The settings must be a JSON object. See docs/factors.md for its form.")
    unknown = set(value) - {"zones", "lines", "direction", "parameters", "kinds"}
    if unknown:
        raise RuleError("unknown_setting", f"“{sorted(unknown)[0]}” is no setting. Leave it out, or correct its name.")
    zones = tuple(_zone(one, number) for number, one in enumerate(_list(value, "zones"), 1))
    lines = tuple(_line(one, number) for number, one in enumerate(_list(value, "lines"), 1))
    direction = value.get("direction")
    drawn = Drawn(zones, lines, None if direction is None else _ends(direction, "The direction"), _kinds(value.get("kinds", {})))
    return RuleSettings(drawn, _parameters(value.get("parameters", {})))


def _list(value: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = value.get(name) or []
    if not isinstance(found, list) or len(found) > MOST_ZONES:
        raise RuleError("bad_list", f"“{name}” must be a list of at most {MOST_ZONES}.")
    return found


def _zone(value: Any, number: int) -> Zone:
    corners = value.get("polygon") if isinstance(value, Mapping) else None
    if not isinstance(corners, list) or not 3 <= len(corners) <= MOST_CORNERS:
        raise RuleError("bad_zone", f"Zone {number} needs a “polygon” of 3 to {MOST_CORNERS} points. Draw it again.")
    points = tuple(_point(corner, f"Zone {number}") for corner in corners)
    pairs = zip(points, points[1:] + points[:1], strict=True)
    if abs(sum(one[0] * other[1] - other[0] * one[1] for one, other in pairs)) / 2 < 1e-5:
        raise RuleError("flat_zone", f"Zone {number} has no area. Draw it again with corners that do not lie on one line.")
    return Zone(_name(value, f"{number}"), points)


def _line(value: Any, number: int) -> Line:
    start, end = _ends(value, f"Line {number}")
    return Line(_name(value, f"{number}"), start, end)


def _ends(value: Any, what: str) -> tuple[Point, Point]:
    if not isinstance(value, Mapping) or "from" not in value or "to" not in value:
        raise RuleError("bad_line", f"{what} needs the points “from” and “to”. Draw it again.")
    start, end = _point(value["from"], what), _point(value["to"], what)
    if math.dist(start, end) < 1e-3:
        raise RuleError("short_line", f"{what} begins and ends at one point. Draw it longer.")
    return start, end


def _point(value: Any, what: str) -> Point:
    good = isinstance(value, list | tuple) and len(value) == 2
    if not good or not all(isinstance(one, int | float) and 0 <= one <= 1 for one in value):
        raise RuleError("bad_point", f"{what}: a point is two numbers from 0 to 1, as fractions of the picture.")
    return float(value[0]), float(value[1])


def _name(value: Mapping[str, Any], default: str) -> str:
    return str(value.get("name") or default)[:80]


def _kinds(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise RuleError("bad_kinds", '“kinds” must map each kind of the model to a factor, like {"knife": "weapon"}.')
    for kind, code in value.items():
        if code not in ("weapon", "fire"):
            raise RuleError("bad_kind", f"“{kind}” cannot mean “{code}”: a kind of the model may mean weapon or fire.")
    return {str(kind): str(code) for kind, code in value.items()}


def _parameters(value: Any) -> dict[str, dict[str, float]]:
    if not isinstance(value, Mapping):
        raise RuleError("bad_parameters", '“parameters” must map factors to their numbers, like {"loitering": {"seconds": 120}}.')
    known = {rule.code: parameters_of(rule) for rule in RULES} | {code: parameters_of(DetectedKind) for code in DETECTED}
    for code, numbers in value.items():
        if code not in known or not isinstance(numbers, Mapping):
            kind = "is measured otherwise" if code in BY_CODE and BY_CODE[code].kind is Kind.BLIND else "has no parameters"
            raise RuleError("unknown_factor", f"“{code}” {kind}. Known are: {', '.join(known)}.")
        for name, number in numbers.items():
            _check_number(code, name, number, known[code])
    return {code: {name: float(number) for name, number in numbers.items()} for code, numbers in value.items()}


def _check_number(code: str, name: str, number: Any, known: Mapping[str, Mapping[str, Any]]) -> None:
    if name not in known:
        raise RuleError("unknown_parameter", f"{code} has no parameter “{name}”. Known are: {', '.join(known)}.")
    low, high, unit = known[name]["low"], known[name]["high"], known[name]["unit"]
    if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
        raise RuleError("out_of_range", f"{code}: “{name}” is {number!r}; it must be from {low} to {high} ({unit}).")
