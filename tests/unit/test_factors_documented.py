"""docs/factors.md names every factor of the rules and every parameter as it is."""

from pathlib import Path

import pytest

from cctv.vision.rules import RULES, parameters_of
from cctv.vision.rules.detected import DetectedKind

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "factors.md").read_text()


@pytest.mark.parametrize("rule", [*RULES, DetectedKind], ids=lambda rule: rule.code or "weapon, fire")
def test_each_parameter_stands_in_the_table(rule):
    code = rule.code or "weapon, fire"
    for name, known in parameters_of(rule).items():
        low, high, default = (f"{known[key]:g}" for key in ("low", "high", "default"))
        assert f"| {code} | `{name}` | {default} | {known['unit']} | {low}–{high} |" in PAGE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_each_factor_is_described(rule):
    assert f"\n| {rule.code} | " in PAGE
