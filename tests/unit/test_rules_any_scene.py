"""Whatever comes from the tracker, no rule fails, and what it says is a finding that can be sent on."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cctv.factors import BY_CODE
from cctv.vision.model import OBJECT, PERSON, VEHICLE, Scene, Seen
from cctv.vision.rules import make_rules, read_settings

SETTINGS = read_settings(
    {
        "zones": [{"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
        "lines": [{"from": [0, 0.5], "to": [1, 0.5]}],
        "kinds": {"knife": "weapon", "smoke": "fire"},
        "parameters": {
            "loitering": {"seconds": 2},
            "emptiness": {"seconds": 10},
            "vehicle_stop": {"seconds": 1, "came_m": 0.5},
            "crowding": {"people": 2, "seconds": 0},
            "people": {"every_s": 5},
            "density": {"every_s": 5},
        },
    }
)
SIZE = 640, 360


def scene(rng: np.random.Generator, at: float, number: int, *, calibrated: bool) -> Scene:
    """Up to twelve things anywhere, also outside the picture, without size, or larger than it."""
    seen = []
    for _ in range(int(rng.integers(0, 12))):
        x, y = rng.uniform(-200, 900), rng.uniform(-200, 600)
        width, height = rng.choice([0.0, 1e-9, 30.0, 900.0]), rng.choice([0.0, 1e-9, 70.0, 900.0])
        kind = str(rng.choice([PERSON, VEHICLE, OBJECT, "knife", "smoke", "?"]))
        ground = (float(rng.uniform(-500, 500)), float(rng.uniform(-500, 500))) if calibrated and rng.random() < 0.9 else None
        seen.append(Seen(int(rng.integers(0, 15)), kind, (x, y, x + width, y + height), float(rng.random()), ground))
    shape = (90, 160) if rng.random() < 0.95 else (45, 80)
    grey = rng.integers(0, 255, shape).astype(np.uint8)
    return Scene(at, number, SIZE, seen, grey, grey, shape[1] / SIZE[0], calibrated, str(rng.choice(["", "", "", "too_dark"])))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_any_scene_gives_findings_that_can_be_sent_or_none(seed, calibrated):
    rng = np.random.default_rng(seed)
    rules = make_rules(settings=SETTINGS)
    at = 1_700_000_000.0
    for number in range(120):
        at += float(rng.choice([0.0, 0.2, 0.2, 0.2, 0.5, 4.0, 400.0, -30.0]))
        now = scene(rng, at, number, calibrated=calibrated)
        for rule in rules:
            for found in rule.look(now):
                assert found.factor == rule.code
                assert found.factor in BY_CODE
                assert 0 <= found.confidence <= 1
                assert found.value is None or math.isfinite(found.value)
                assert found.box is None or all(map(math.isfinite, found.box))
                assert all(isinstance(number, float) and math.isfinite(number) for number in found.evidence.values())
