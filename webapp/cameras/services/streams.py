"""Streams: registered, changed, calibrated, removed by people; their health reported by the camera worker."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg2.extras import execute_values  # type: ignore[import-untyped]

from webapp.accounts.models import Jurisdiction, User
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.cameras.models import Camera, Stream
from webapp.cameras.stream_selectors import camera_still
from webapp.cameras.stream_sentences import stream_sentence
from webapp.common.errors import HaechiError, NotFound
from webapp.common.sealing import seal, unseal

if TYPE_CHECKING:
    from django.http import HttpRequest

    from cctv.sources import Address, Reach

LOWEST_FPS, HIGHEST_FPS = 0.01, 60.0
LOWEST_HEIGHT, HIGHEST_HEIGHT = 120, 4352
SEEN_S = 60
PLAIN = frozenset({"name", "fps", "height", "loop", "detector", "factors", "is_on"})


class StreamError(HaechiError):
    """A stream that cannot be registered or changed. `fields["field"]`: what is wrong."""

    code = "stream_invalid"


# --- People -----------------------------------------------------------------------------------------
@transaction.atomic
def register_stream(
    *,
    jurisdiction: Jurisdiction,
    camera: str,
    address: str,
    by: User | None = None,
    user: str = "",
    password: str = "",
    **values: Any,
) -> Stream:
    """Register a stream of the camera with this `source_id`, or change the one of the same address.

    `user`, `password`: where the address does not hold them. `values`: name, fps, height, loop, detector, factors, is_on.
    Raises `StreamError` with a sentence about address, network, file or value; `NotFound` for an unknown camera.
    """
    _allow(by)
    of_camera = Camera.objects.of(jurisdiction).filter(source_id=camera).first()
    if of_camera is None:
        raise NotFound(_("There is no camera with the number %(camera)s in the register.") % {"camera": camera[:80]})
    read = _checked_address(address, user, password)
    where = {"kind": read.kind.value, "sealed": _sealed(read)}
    stream = Stream.objects.of(jurisdiction).filter(camera=of_camera, address=str(read)).select_for_update().first()
    if stream is None:
        stream = Stream(jurisdiction=jurisdiction, camera=of_camera, address=str(read))
    _store(stream, where | _checked(values), by=by)
    return stream


@transaction.atomic
def change_stream(*, stream: Stream, by: User | None = None, **values: Any) -> Stream:
    """Change some of: address (with user, password), name, fps, height, loop, detector, factors, is_on.

    A new address without user name and password has none: the old ones are not sent to another host.
    """
    _allow(by)
    stream = Stream.objects.of(stream.jurisdiction).select_for_update().get(pk=stream.pk)
    where: dict[str, Any] = {}
    login = {"user": values.pop("user", ""), "password": values.pop("password", "")}
    if "address" in values or any(login.values()):
        read = _checked_address(values.pop("address", stream.address), **login)
        where = {"kind": read.kind.value, "address": str(read), "sealed": _sealed(read)}
        if (
            Stream.objects.of(stream.jurisdiction)
            .filter(camera=stream.camera_id, address=str(read))
            .exclude(pk=stream.pk)
            .exists()
        ):
            raise _wrong("address", _("This camera already has a stream of this address."))
    _store(stream, where | _checked(values), by=by)
    return stream


@transaction.atomic
def set_rules(*, stream: Stream, rules: Mapping[str, Any], by: User | None = None) -> Stream:
    """Store zones, lines, direction and parameters (docs/factors.md). Raises `StreamError`."""
    from cctv.vision.rules import RuleError, read_settings

    _allow(by)
    try:
        read_settings(rules)
    except RuleError as error:
        raise _wrong("rules", str(error)) from error
    stream = Stream.objects.of(stream.jurisdiction).select_for_update().get(pk=stream.pk)
    _store(stream, {"rules": dict(rules)}, by=by)
    return stream


@transaction.atomic
def set_calibration(
    *,
    stream: Stream,
    points: Sequence[Sequence[float]],
    places: Sequence[Sequence[float]],
    by: User | None = None,
) -> Stream:
    """Store where points of the picture (x, y as fractions of it) lie on the ground (longitude, latitude); none: forget it.

    At least four pairs. Raises `StreamError` where they make no ground plane. The error in metres is kept with them.
    """
    from cctv.vision.ground import CalibrationError, Homography

    _allow(by)
    stream = Stream.objects.of(stream.jurisdiction).select_for_update().select_related("camera").get(pk=stream.pk)
    calibration: dict[str, Any] = {}
    if points or places:
        pairs = [[(float(x), float(y)) for x, y in each] for each in (points, places)]
        at = stream.camera.point
        try:
            ground = Homography.from_points(pairs[0], pairs[1], lon=at.x, lat=at.y)
        except CalibrationError as error:
            raise _wrong("calibration", str(error)) from error
        calibration = {"points": pairs[0], "places": pairs[1], "error_m": round(ground.error_m, 3)}
    _store(stream, {"calibration": calibration}, by=by)
    return stream


@transaction.atomic
def change_whole(*, stream: Stream, values: Mapping[str, Any], by: User | None = None) -> None:
    """Change values, rules and calibration in one go, or nothing. `calibration`: {"points", "places"}."""
    plain = {name: value for name, value in values.items() if name not in ("rules", "calibration")}
    if plain:
        change_stream(stream=stream, by=by, **plain)
    if "rules" in values:
        set_rules(stream=stream, rules=values["rules"], by=by)
    if "calibration" in values:
        points, places = (values["calibration"].get(name, ()) for name in ("points", "places"))
        set_calibration(stream=stream, points=points, places=places, by=by)


@transaction.atomic
def remove_stream(*, stream: Stream, by: User | None = None) -> None:
    """Forget a stream with its secrets. The camera and its events stay."""
    _allow(by)
    _audit(stream, by, ["removed"])
    Stream.objects.of(stream.jurisdiction).filter(pk=stream.pk).delete()


def look_at_still(*, camera: Camera, by: User, request: "HttpRequest | None" = None) -> bytes:
    """The last masked still (JPEG). A person's looking is written down, once a minute. Raises `NotFound` where there is none."""
    still = camera_still(camera)
    if still is None:
        raise NotFound(_("There is no still of this camera now. Check the state of its stream."))
    if cache.add(f"still-seen:{by.pk}:{camera.pk}", 1, SEEN_S):
        record(action=AuditEntry.Action.READ_THUMBNAIL, actor=by, target=f"camera:{camera.pk}", request=request)
    return still


def reach() -> "Reach":
    """What may be opened, by the settings."""
    from cctv.sources import Reach

    return Reach.of(settings.STREAM_NETWORKS, Path(settings.STREAM_DIR))


def whole_address(*, address: str, sealed: str) -> "Address":
    """The address with its secrets, for the worker alone. Raises `SealBroken` and `SourceError`."""
    from cctv.sources import Secrets, read_address

    read = read_address(address)
    if not sealed:
        return read
    values = json.loads(unseal(sealed))
    return read.with_secrets(Secrets(values["user"], values["password"], values["query"]))


# --- The camera worker ------------------------------------------------------------------------------
@dataclass(frozen=True)
class StreamReport:
    """How one stream is doing, as the worker saw it. Fields as in `Stream`."""

    stream_id: int
    state: str
    last_frame_at: datetime | None = None
    measured_fps: float = 0.0
    dropped: int = 0
    broken: int = 0
    clock_offset_s: float | None = None
    blind: str = ""
    error_code: str = ""
    error_fields: Mapping[str, Any] = field(default_factory=dict)


# One statement for all streams of a worker. A stream without a picture keeps the time of its last one.
_REPORT = """
UPDATE cameras_stream s SET
    state = v.state, reported_at = v.at, last_frame_at = coalesce(v.last_frame_at, s.last_frame_at),
    measured_fps = v.fps, dropped = v.dropped, broken = v.broken, clock_offset_s = v.clock_offset_s, blind = v.blind,
    error_code = v.error_code, error_fields = v.error_fields
FROM (VALUES %s) AS v (id, state, at, last_frame_at, fps, dropped, broken, clock_offset_s, blind, error_code, error_fields)
WHERE s.id = v.id
"""
_REPORT_ROW = (
    "(%s::bigint, %s, %s::timestamptz, %s::timestamptz, %s::float8, %s::bigint, %s::bigint, %s::float8, %s, %s, %s::jsonb)"
)


def report_health(*, reports: Sequence[StreamReport], now: datetime | None = None) -> None:
    """Write down how these streams are doing, in one statement; streams that are gone are passed over."""
    if not reports:
        return
    at = now or timezone.now()
    rows = [
        (one.stream_id, one.state, at, one.last_frame_at, one.measured_fps, one.dropped, one.broken, one.clock_offset_s,
         one.blind, one.error_code, json.dumps(dict(one.error_fields)))
        for one in reports
    ]  # fmt: skip
    with connection.cursor() as cursor:
        execute_values(cursor, _REPORT, rows, template=_REPORT_ROW, page_size=1000)


# --- Parts ------------------------------------------------------------------------------------------
def _allow(by: User | None) -> None:
    if by is not None:
        require(by, Act.MANAGE_CAMERAS)


def _checked_address(text: str, user: str, password: str) -> "Address":
    """The address, if it may be opened: its network named, its file there."""
    from cctv.sources import Kind, Secrets, SourceError, locate, pin, read_address

    try:
        read = read_address(text)
        if user or password:
            read = read.with_secrets(Secrets(user, password, read.secrets.query))
        if read.kind in (Kind.RTSP, Kind.HTTP):
            pin(read, reach())
        elif locate(read, reach()).is_dir() and read.kind is Kind.FILE:
            read = read_address(read.path.rstrip("/") + "/")
    except SourceError as error:
        raise StreamError(
            stream_sentence(error.code, error.fields), code=error.code, fields={"field": "address", **error.fields}
        ) from error
    return read


def _sealed(address: "Address") -> str:
    secrets = address.secrets
    values = {"user": secrets.user, "password": secrets.password, "query": secrets.query}
    return seal(json.dumps(values)) if secrets else ""


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """The values as they are stored. Raises `StreamError` for the first that does not fit."""
    from cctv.vision.rules import ALL_CODES

    unknown = set(values) - PLAIN
    if unknown:
        raise _wrong(sorted(unknown)[0], _("A stream has no %(field)s.") % {"field": sorted(unknown)[0]})
    fps, height = values.get("fps", 1.0), values.get("height", LOWEST_HEIGHT)
    if not LOWEST_FPS <= fps <= HIGHEST_FPS:
        raise _wrong("fps", _("Pictures a second must be from 0.01 to 60."))
    if not LOWEST_HEIGHT <= height <= HIGHEST_HEIGHT:
        raise _wrong("height", _("The height must be from 120 to 4352 pixels."))
    if strange := [code for code in values.get("factors", ()) if code not in ALL_CODES]:
        raise _wrong("factors", _("“%(code)s” is no factor that is watched.") % {"code": str(strange[0])[:40]})
    detector = values.get("detector", "")
    if detector and not _descriptor(detector).is_file():
        message = _("There is no model %(name)s. Put its descriptor into the folder of detectors; docs/vision.md tells how.")
        raise _wrong("detector", message % {"name": detector[:80]})
    if len(values.get("name", "")) > 60:
        raise _wrong("name", _("The name may have at most 60 characters."))
    return values


def _descriptor(name: str) -> Path:
    """Where the descriptor of a model lies; the name alone decides, without any path in it."""
    return Path(settings.DETECTOR_DIR) / f"{Path(name).name}.toml"


def _store(stream: Stream, values: dict[str, Any], *, by: User | None) -> None:
    """Write only what differs; a change wakes the worker and leaves a line in the trail."""
    is_new = stream.pk is None
    before = {} if is_new else {name: getattr(stream, name) for name in values}
    changed = sorted(name for name, value in values.items() if is_new or before[name] != value)
    # A sealed value differs each time it is sealed; what counts is what is in it.
    if not is_new and "sealed" in changed and _opened(stream.sealed) == _opened(values["sealed"]):
        changed.remove("sealed")
    if not changed and not is_new:
        return
    for name in values if is_new else changed:
        setattr(stream, name, values[name])
    stream.changed_at = timezone.now()
    if is_new:
        stream.save()
    else:
        stream.revision += 1
        stream.save(update_fields=[*changed, "changed_at", "revision"])
    _audit(stream, by, ["registered"] if is_new else ["password" if name == "sealed" else name for name in changed])


def _opened(sealed: str) -> str:
    try:
        return unseal(sealed) if sealed else ""
    except HaechiError:
        return ""


def _audit(stream: Stream, by: User | None, changed: list[str]) -> None:
    record(
        action=AuditEntry.Action.CHANGE_STREAM,
        actor=by,
        jurisdiction=stream.jurisdiction,
        target=f"camera:{stream.camera_id}",
        detail={"stream": stream.address[:200], "changed": ", ".join(changed)},
        actor_name="" if by else "register_stream",
    )


def _wrong(field_name: str, message: str) -> StreamError:
    return StreamError(message, fields={"field": field_name})
