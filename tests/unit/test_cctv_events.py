"""Camera events: what goes round trip, and what is refused with which sentence."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cctv.events import SCHEMA, CameraEvent, from_fields, from_json, to_fields, to_json
from cctv.events_errors import SENTENCES, EventError
from cctv.factors import BY_CODE

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
SEEN = NOW - timedelta(seconds=3, microseconds=7)
FULL = CameraEvent("k-1", "CAM-1", SEEN, "loitering", 0.75, 42.5, (0.1, 0.2, 0.3, 0.9), "t7", 127.01, 37.49, "hog 1", JPEG)


def said(**changes: Any) -> dict[str, Any]:
    return {"camera": "CAM-1", "at": "2026-03-01T11:59:59Z", "factor": "fall", "confidence": 0.9} | changes


def refusal(value: object) -> EventError:
    with pytest.raises(EventError) as caught:
        from_json(value, now=NOW)
    return caught.value


texts = st.text("aZ09 가힣é🚨\"'\\,;|{}%\u00b5", max_size=40)  # no classes of letters: hypothesis counts them for seconds
fractions = st.floats(0, 1)
events = st.builds(
    CameraEvent,
    key=st.text("aZ09._:+@=~-", min_size=1, max_size=80),
    camera=texts.filter(bool),
    at=st.datetimes(datetime(2026, 3, 1, 7), datetime(2026, 3, 1, 12), timezones=st.just(UTC)),  # noqa: DTZ001
    factor=st.sampled_from(sorted(BY_CODE)),
    confidence=fractions,
    value=st.none() | st.floats(-1e9, 1e9),
    box=st.none() | st.tuples(st.just(0.0), st.just(0.0), fractions, fractions),
    track=texts,
    model=texts,
    thumbnail=st.sampled_from([b"", JPEG]),
)


@given(events)
def test_an_event_comes_back_from_the_stream_as_it_went_in(event: CameraEvent):
    assert from_fields(to_fields(event)) == event


@given(events)
def test_an_event_comes_back_from_json_as_it_went_in(event: CameraEvent):
    assert from_json(json.loads(json.dumps(to_json(event))), now=NOW) == event


def test_json_leaves_out_what_is_not_known():
    bare = CameraEvent("k", "C", NOW, "fire", 1.0)
    assert to_json(bare) == {
        "schema": SCHEMA,
        "key": "k",
        "camera": "C",
        "at": "2026-03-01T12:00:00Z",
        "factor": "fire",
        "confidence": 1.0,
    }
    assert to_json(FULL)["thumbnail"] == base64.b64encode(JPEG).decode()


def test_an_event_without_a_key_gets_the_same_one_each_time_it_is_sent():
    first, again, other = (from_json(said(track=track), now=NOW) for track in ("a", "a", "b"))
    assert first.key == again.key != other.key


def test_a_time_with_another_zone_becomes_utc():
    event = from_json(said(at="2026-03-01T20:59:59+09:00"), now=NOW)
    assert event.at == NOW - timedelta(seconds=1)
    assert event.at.tzinfo is UTC


def test_a_clock_nine_hours_ahead_is_told_from_one_that_is_a_little_fast():
    assert from_json(said(at="2026-03-01T12:00:59Z"), now=NOW).at == NOW + timedelta(seconds=59)
    assert refusal(said(at="2026-03-01T12:01:30Z")).code == "in_future"
    ahead = refusal(said(at="2026-03-01T21:00:00Z"))
    assert ahead.code == "clock_ahead"
    assert "9.0 h in the future" in str(ahead)
    assert "+09:00" in str(ahead)


def test_a_clock_nine_hours_behind_is_refused_and_a_queue_of_an_hour_is_not():
    assert from_json(said(at="2026-03-01T11:00:00Z"), now=NOW).at.hour == 11
    behind = refusal(said(at="2026-03-01T03:00:00Z"))
    assert (behind.code, "9.0 h in the past" in str(behind)) == ("clock_behind", True)


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        ([], "not_an_object", None),
        (None, "not_an_object", None),
        ("x" * 500, "not_an_object", None),
        (said(confidance=1), "field_unknown", "confidance"),
        (said(schema=2), "schema_unknown", "schema"),
        (said(schema=True), "schema_unknown", "schema"),
        (said(camera=None), "field_missing", "camera"),
        (said(camera=""), "field_missing", "camera"),
        (said(camera=7), "text_invalid", "camera"),
        (said(camera="a\x00b"), "text_invalid", "camera"),
        (said(camera="c" * 81), "text_invalid", "camera"),
        (said(key="has space"), "key_invalid", "key"),
        (said(key="a/b"), "key_invalid", "key"),
        (said(at=1234567890), "time_unreadable", "at"),
        (said(at="yesterday"), "time_unreadable", "at"),
        (said(at="0001-01-01T00:00:00+14:00"), "time_unreadable", "at"),
        (said(at="2026-03-01T11:59:59"), "time_without_zone", "at"),
        (said(factor="mood"), "factor_unknown", "factor"),
        (said(confidence="high"), "not_a_number", "confidence"),
        (said(confidence=True), "not_a_number", "confidence"),
        (said(confidence=float("nan")), "not_a_number", "confidence"),
        (said(confidence=10**400), "not_a_number", "confidence"),
        (said(confidence=1.01), "out_of_range", "confidence"),
        (said(value=float("inf")), "not_a_number", "value"),
        (said(box=[0, 0, 1]), "box_invalid", "box"),
        (said(box=[0.5, 0, 0.4, 1]), "box_invalid", "box"),
        (said(box=[0, 0, 640, 480]), "box_invalid", "box"),
        (said(box="0,0,1,1"), "box_invalid", "box"),
        (said(lon=127.0), "position_half", "lat"),
        (said(lon=181, lat=0), "out_of_range", "lon"),
        (said(thumbnail="***"), "thumbnail_invalid", "thumbnail"),
        (said(thumbnail=base64.b64encode(b"GIF89a").decode()), "thumbnail_invalid", "thumbnail"),
        (said(thumbnail=base64.b64encode(JPEG * 200).decode()), "thumbnail_too_large", "thumbnail"),
        (said(thumbnail="A" * 10_000_000), "thumbnail_too_large", "thumbnail"),
    ],
)
def test_a_wrong_event_is_refused_with_a_short_sentence_that_names_the_field(value: object, code: str, field: str | None):
    error = refusal(value)
    assert (error.code, error.fields.get("field")) == (code, field)
    assert len(str(error)) < 500
    assert str(error).endswith(".")


names = st.sampled_from(["camera", "at", "factor", "confidence", "box", "key", "lon", "lat", "thumbnail", "schema"])
scalars = st.none() | st.booleans() | st.floats() | st.text("a가\x00\ud800", max_size=5)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner)))
def test_nothing_but_an_event_error_comes_of_any_json(value: object):
    with pytest.raises(EventError):
        from_json(value, now=NOW)


@pytest.mark.parametrize(
    "fields", [{}, {b"1": b"{"}, {b"1": b"[1,2]"}, {b"2": b"[]"}, {b"1": b'["k","c","x","f",1,null,null,"",null,null,""]'}]
)
def test_a_foreign_entry_of_the_stream_is_an_event_error(fields: dict[bytes, bytes]):
    with pytest.raises(EventError, match="cannot be read"):
        from_fields(fields)


def test_every_refusal_has_a_sentence_that_says_how_to_mend_it():
    assert all(sentence.endswith(".") and sentence.count(".") >= 1 for sentence in SENTENCES.values())


def test_a_local_zone_does_not_change_the_moment():
    korean = timezone(timedelta(hours=9))
    event = CameraEvent("k", "C", datetime(2026, 3, 1, 21, 0, tzinfo=korean), "fire", 1.0)
    assert from_fields(to_fields(event)).at == NOW
