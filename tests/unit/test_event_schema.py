"""The documented schema of events says what the code does."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cctv import events
from cctv.events import FIELDS, CameraEvent, from_json, to_json
from cctv.events_errors import SENTENCES, EventError
from cctv.factors import FACTORS

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA: dict[str, Any] = json.loads((DOCS / "event.schema.json").read_text())
PAGE = (DOCS / "events.md").read_text()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 19_996
SAID = {"camera": "C", "at": "2026-03-01T11:59:59Z", "factor": "fall", "confidence": 0.9}
REST = {"schema": 1, "key": "k", "value": 2, "box": [0, 0, 1, 1], "track": "t", "lon": 127.0, "lat": 37.5, "model": "m"}
# What no event may hold there.
NOT_SAID: tuple[Any, ...] = (None, [], {}, "")
NOT_REST: tuple[Any, ...] = ({}, True, [1])


def fits_schema(value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(value))


def fits_code(value: object) -> bool:
    try:
        from_json(value, now=NOW)
    except EventError:
        return False
    return True


def test_fields_limits_and_factors_are_those_of_the_code():
    fields = SCHEMA["properties"]
    assert set(fields) == FIELDS
    assert fields["factor"]["enum"] == [factor.code for factor in FACTORS]
    assert fields["schema"]["const"] == events.SCHEMA
    assert fields["key"]["pattern"] == f"^{events._KEY.pattern}$"
    limits = {name: fields[name]["maxLength"] for name in ("camera", "track", "model")}
    assert limits == {"camera": events.MAX_CAMERA, "track": events.MAX_TRACK, "model": events.MAX_MODEL}
    assert fields["thumbnail"]["maxLength"] == len(base64.b64encode(b"x" * events.MAX_THUMBNAIL))
    assert fields["value"]["maximum"] == events.MAX_VALUE


@pytest.mark.parametrize(
    "value",
    [
        SAID,
        SAID | REST,
        SAID | dict.fromkeys(("key", "value", "box", "track", "lon", "lat", "model", "thumbnail")) | {"key": "k"},
        to_json(CameraEvent("k", "C", NOW - timedelta(seconds=1), "fire", 1.0, thumbnail=JPEG)),
    ],
)
def test_what_the_schema_allows_the_code_takes(value: dict[str, Any]):
    assert (fits_schema(value), fits_code(value)) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        *({name: value} for name in SAID for value in NOT_SAID),
        *({name: value} for name in REST for value in NOT_REST),
        {"other": 1},
        {"confidence": 1.1},
        {"confidence": -0.1},
        {"key": ""},
        {"key": "a b"},
        {"lon": 181},
        {"lat": -91},
        {"lon": 127},
        {"box": [0, 0, 1]},
        {"box": [0, 0, 1, 2]},
        {"value": 1e10},
        {"schema": 2},
        {"track": "t" * 65},
        {"thumbnail": "A" * 40_000},
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_code_refuses(change: dict[str, Any]):
    value = SAID | change
    expected = change == {"key": ""}  # the code makes a key where it is empty
    assert fits_schema(value) is (change == {"at": ""})  # a format is not checked by the schema
    assert fits_code(value) is expected


def test_the_page_names_every_reason_field_and_factor():
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(SENTENCES) - {"entry_unreadable"} <= named
    assert named >= FIELDS
    for factor in FACTORS:
        assert f"| `{factor.code}` | {factor.label} | {factor.kind.value} | {factor.unit or '–'} |" in PAGE
