"""The risk factors: one small rule each, and the catalogue that makes them for a camera.

In: `RuleSettings` (what was drawn, and parameters that differ from the defaults). Out: `make_rules`, a list of rules that share
one memory of the camera's past; feed every scene in order to each. Definitions, units and measured quality: docs/factors.md.
"""

from collections.abc import Iterable

from cctv.vision.model import Rule
from cctv.vision.rules.base import parameters_of
from cctv.vision.rules.catalogue import ALL_CODES, DETECTED, RULES
from cctv.vision.rules.detected import DetectedKind
from cctv.vision.rules.drawn import NOTHING_DRAWN, Drawn, Line, Zone
from cctv.vision.rules.past import Past
from cctv.vision.rules.settings import NO_SETTINGS, RuleError, RuleSettings, read_settings

__all__ = [
    "ALL_CODES",
    "DETECTED",
    "NOTHING_DRAWN",
    "NO_SETTINGS",
    "RULES",
    "Drawn",
    "Line",
    "RuleError",
    "RuleSettings",
    "Zone",
    "make_rules",
    "parameters_of",
    "read_settings",
]


def make_rules(codes: Iterable[str] | None = None, *, settings: RuleSettings = NO_SETTINGS) -> list[Rule]:
    """Rules for one camera; all of them where no codes are given. Raises `RuleError` for a code that no rule watches.

    Rules that have nothing to watch (no zone, no line, no kind drawn) are left out.
    """
    wanted = list(dict.fromkeys(ALL_CODES if codes is None else codes))
    past, drawn = Past(), settings.drawn
    known = {rule.code: rule for rule in RULES}
    needs = {"intrusion": bool(drawn.zones), "approach": bool(drawn.lines)}
    needs |= {code: code in drawn.kinds.values() for code in DETECTED}
    rules: list[Rule] = []
    for code in wanted:
        if code not in ALL_CODES:
            raise RuleError("unknown_factor", f"No rule watches “{code}”. Known are: {', '.join(ALL_CODES)}.")
        if not needs.get(code, True):
            continue
        numbers = settings.parameters.get(code, {})
        rule = known.get(code)
        rules.append(rule(past, drawn, **numbers) if rule else DetectedKind(past, drawn, factor=code, **numbers))
    return rules
