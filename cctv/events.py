"""What a camera says: one event, its two written forms, and what is wrong with one that cannot be taken.

`CameraEvent` is what vision makes, the stream carries and fusion reads. `to_json`/`from_json` is the form for other systems
(docs/events.md, docs/event.schema.json); `to_fields`/`from_fields` the compact one of an entry in Redis Streams.
"""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cctv.events_errors import EventError
from cctv.factors import BY_CODE

SCHEMA = 1
MAX_KEY, MAX_CAMERA, MAX_TRACK, MAX_MODEL = 80, 80, 64, 80  # characters
MAX_THUMBNAIL = 20_000  # bytes of JPEG
MAX_VALUE = 1e9
FUTURE_S = 60.0  # a clock may be this far ahead
CLOCK_OFF_S = 6 * 3600.0  # older than this is no queue of a sender, but a wrong clock (UTC taken for Korean time: 9 h)
JPEG = b"\xff\xd8\xff"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = {
    "schema", "key", "camera", "at", "factor", "confidence", "value", "box", "track", "lon", "lat", "model", "thumbnail",
}  # fmt: skip

_KEY = re.compile(r"[A-Za-z0-9._:+@=~-]{1,80}")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ENTRY, _THUMBNAIL = b"1", b"t"  # the entry's field name is the version of its layout


@dataclass(frozen=True)
class CameraEvent:
    """One observation of one camera. `key` is unique in the jurisdiction and the same in every repetition."""

    key: str
    camera: str  # source_id in the camera register
    at: datetime  # aware UTC: when it was seen
    factor: str  # code of cctv.factors
    confidence: float  # 0 to 1
    value: float | None = None  # in the factor's unit
    box: tuple[float, float, float, float] | None = None  # x0, y0, x1, y1 as fractions of the picture
    track: str = ""
    lon: float | None = None  # ground position, WGS84
    lat: float | None = None
    model: str = ""  # detector and version
    thumbnail: bytes = b""  # masked JPEG, at most 20,000 bytes


def to_fields(event: CameraEvent) -> dict[bytes, bytes]:
    """An entry of Redis Streams: one packed field, and the thumbnail beside it where there is one."""
    since = event.at - EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    packed = (event.key, event.camera, micros, event.factor, event.confidence, event.value, event.box, event.track, event.lon,
              event.lat, event.model)  # fmt: skip
    fields = {_ENTRY: _encode(packed).encode()}
    if event.thumbnail:
        fields[_THUMBNAIL] = event.thumbnail
    return fields


def from_fields(fields: Mapping[bytes, bytes]) -> CameraEvent:
    """The event of an entry. Raises `EventError` where the entry is none of ours."""
    try:
        key, camera, micros, factor, confidence, value, box, track, lon, lat, model = json.loads(fields[_ENTRY])
        at = EPOCH + timedelta(microseconds=micros)
        corners = None if box is None else tuple(box)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise EventError("entry_unreadable", value=_short(dict(fields))) from error
    thumbnail = fields.get(_THUMBNAIL, b"")
    return CameraEvent(key, camera, at, factor, confidence, value, corners, track, lon, lat, model, thumbnail)


def to_json(event: CameraEvent) -> dict[str, Any]:
    """The documented form. What is not known is left out."""
    value: dict[str, Any] = {"schema": SCHEMA, "key": event.key, "camera": event.camera}
    value["at"] = event.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    value |= {"factor": event.factor, "confidence": event.confidence}
    box = None if event.box is None else list(event.box)
    rest = {"value": event.value, "box": box, "track": event.track, "lon": event.lon, "lat": event.lat, "model": event.model}
    value |= {name: known for name, known in rest.items() if known is not None and known != ""}
    if event.thumbnail:
        value["thumbnail"] = base64.b64encode(event.thumbnail).decode()
    return value


def from_json(value: object, *, now: datetime, may_be_old: bool = False) -> CameraEvent:
    """The event of a JSON object, checked. `now`: aware, the receiver's clock. `may_be_old`: as in `check`.

    Without a `key`, one is made of what the event says, so that a repetition is still recognised.
    Raises `EventError` with the first thing that is wrong.
    """
    if not isinstance(value, dict):
        raise EventError("not_an_object", value=_short(value))
    unknown = sorted(str(name) for name in value.keys() - FIELDS)
    if unknown:
        raise EventError("field_unknown", field=_short(unknown[0]))
    if value.get("schema", SCHEMA) is not SCHEMA:
        raise EventError("schema_unknown", field="schema", value=_short(value["schema"]))
    for field in ("camera", "at", "factor", "confidence"):
        if value.get(field) is None:
            raise EventError("field_missing", field=field)
    event = CameraEvent(
        key=_text(value, "key", MAX_KEY) or _key_of(value),
        camera=_text(value, "camera", MAX_CAMERA),
        at=_time(value["at"]),
        factor=_text(value, "factor", 20),
        confidence=_number(value["confidence"], "confidence"),
        value=_maybe(value, "value"),
        box=_box(value.get("box")),
        track=_text(value, "track", MAX_TRACK),
        lon=_maybe(value, "lon"),
        lat=_maybe(value, "lat"),
        model=_text(value, "model", MAX_MODEL),
        thumbnail=_thumbnail(value.get("thumbnail")),
    )
    check(event, now=now, may_be_old=may_be_old)
    return event


def check(event: CameraEvent, *, now: datetime, may_be_old: bool = False) -> None:
    """Raise `EventError` for values that no event has. `may_be_old`: leave out the check for a clock that is behind."""
    if not _KEY.fullmatch(event.key):
        raise EventError("key_invalid", field="key", value=_short(event.key))
    _check_texts(event)
    if event.factor not in BY_CODE:
        raise EventError("factor_unknown", field="factor", value=_short(event.factor), known=", ".join(BY_CODE))
    if not 0 <= event.confidence <= 1:
        raise EventError("out_of_range", field="confidence", value=_short(event.confidence), low=0, high=1)
    if event.value is not None and not abs(event.value) <= MAX_VALUE:
        raise EventError("out_of_range", field="value", value=_short(event.value), low=-MAX_VALUE, high=MAX_VALUE)
    if event.box is not None and not _fits_picture(event.box):
        raise EventError("box_invalid", field="box", value=_short(event.box))
    if event.lon is not None or event.lat is not None:
        _check_position(event.lon, event.lat)
    if event.thumbnail:
        _check_thumbnail(event.thumbnail)
    _check_time(event.at, now=now, may_be_old=may_be_old)


def _check_texts(event: CameraEvent) -> None:
    for field, longest in (("camera", MAX_CAMERA), ("track", MAX_TRACK), ("model", MAX_MODEL)):
        text = getattr(event, field)
        if len(text) > longest or not text.isprintable():
            raise EventError("text_invalid", field=field, value=_short(text), high=longest)
    if not event.camera:
        raise EventError("field_missing", field="camera")


def _check_position(lon: float | None, lat: float | None) -> None:
    if lon is None or lat is None:
        raise EventError("position_half", field="lon" if lon is None else "lat")
    if not -180 <= lon <= 180:
        raise EventError("out_of_range", field="lon", value=_short(lon), low=-180, high=180)
    if not -90 <= lat <= 90:
        raise EventError("out_of_range", field="lat", value=_short(lat), low=-90, high=90)


def _check_thumbnail(thumbnail: bytes) -> None:
    if len(thumbnail) > MAX_THUMBNAIL:
        raise EventError("thumbnail_too_large", field="thumbnail", value=len(thumbnail), high=MAX_THUMBNAIL)
    if not thumbnail.startswith(JPEG):
        raise EventError("thumbnail_invalid", field="thumbnail")


def _check_time(at: datetime, *, now: datetime, may_be_old: bool) -> None:
    ahead_s = (at - now).total_seconds()
    if ahead_s > FUTURE_S:
        code = "in_future" if ahead_s < 1800 else "clock_ahead"
        raise EventError(code, field="at", value=at.isoformat(), hours=f"{ahead_s / 3600:.1f}", seconds=f"{ahead_s:.0f}")
    if -ahead_s > CLOCK_OFF_S and not may_be_old:
        raise EventError("clock_behind", field="at", value=at.isoformat(), hours=f"{-ahead_s / 3600:.1f}")


def _key_of(value: dict[str, Any]) -> str:
    """The same words make the same key."""
    said = json.dumps({name: value[name] for name in sorted(value) if name != "thumbnail"}, default=str)
    return "c-" + hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _text(value: dict[str, Any], field: str, longest: int) -> str:
    text = value.get(field)
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > longest or not text.isprintable():
        raise EventError("text_invalid", field=field, value=_short(text), high=longest)
    return text


def _maybe(value: dict[str, Any], field: str) -> float | None:
    return None if value.get(field) is None else _number(value[field], field)


def _number(value: object, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_VALUE:
        raise EventError("not_a_number", field=field, value=_short(value))
    return float(value)


def _time(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None:
        raise EventError("time_unreadable", field="at", value=_short(value))
    if at.tzinfo is None:
        raise EventError("time_without_zone", field="at", value=_short(value))
    try:
        return at.astimezone(UTC)
    except OverflowError as error:  # the first and the last day that there are
        raise EventError("time_unreadable", field="at", value=_short(value)) from error


def _box(value: object) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise EventError("box_invalid", field="box", value=_short(value))
    x0, y0, x1, y1 = (_number(corner, "box") for corner in value)
    return x0, y0, x1, y1


def _fits_picture(box: tuple[float, float, float, float]) -> bool:
    x0, y0, x1, y1 = box
    return 0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1


def _thumbnail(value: object) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise EventError("thumbnail_invalid", field="thumbnail")
    if len(value) > MAX_THUMBNAIL * 2:
        raise EventError("thumbnail_too_large", field="thumbnail", value=len(value) * 3 // 4, high=MAX_THUMBNAIL)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EventError("thumbnail_invalid", field="thumbnail") from error


def _short(value: object) -> str:
    """At most 60 characters that every log, page and database can show."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else text[:59] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in text)
