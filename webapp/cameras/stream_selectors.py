"""Reads of streams: health at a glance, what a worker has to run, the last still of a camera."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import F
from django.db.models.functions import Mod
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.cameras.models import Camera, Stream
from webapp.cameras.stream_sentences import clock_words, stream_sentence
from webapp.common.errors import NotFound

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import User

UNREPORTED_S = 20.0  # a worker reports every few seconds; after this nobody looks at the stream
STILL_S = 60  # how long the last still of a camera is kept, in Redis only


@dataclass(frozen=True)
class StreamHealth:
    """One stream at a glance. `age_s`: seconds since its last picture, None where there was none."""

    id: int
    camera_id: int
    camera_name: str
    name: str
    kind: str
    state: str
    state_label: str
    last_frame_at: datetime | None
    age_s: float | None
    fps: float
    budget_fps: float
    dropped: int
    broken: int
    clock_offset_s: float | None
    blind: str
    sentence: str  # the last error or a wrong clock; blank where all is well
    is_calibrated: bool
    is_simulated: bool


@dataclass(frozen=True)
class StreamTask:
    """All that a worker needs of one stream."""

    id: int
    revision: int
    jurisdiction_id: int
    camera: str
    camera_id: int
    lon: float
    lat: float
    kind: str
    address: str
    sealed: str
    fps: float
    height: int
    loop: bool
    detector: str
    factors: tuple[str, ...]
    rules: Mapping[str, Any]
    calibration: Mapping[str, Any]


def streams_health(*, user: "User | AnonymousUser", now: datetime | None = None) -> list[StreamHealth]:
    """All streams of the person's jurisdiction, the ones in trouble first. One query."""
    now = now or timezone.now()
    streams = Stream.objects.visible_to(user).select_related("camera")
    found = [health_of(stream, now) for stream in streams]
    return sorted(found, key=lambda one: (_ORDER.index(one.state), one.camera_name, one.id))


def count_states(streams: Iterable[StreamHealth]) -> dict[str, int]:
    """How many streams are in each state, every state named."""
    counts = dict.fromkeys(Stream.State.values, 0)
    for stream in streams:
        counts[stream.state] += 1
    return counts


def streams_of_camera(*, user: "User | AnonymousUser", camera_id: int) -> list[Stream]:
    """The streams of one camera, in the order in which they were registered."""
    return list(Stream.objects.visible_to(user).filter(camera=camera_id).select_related("camera").order_by("id"))


def stream_for(*, user: "User | AnonymousUser", stream_id: int) -> Stream:
    """One stream. Raises `NotFound`."""
    stream = Stream.objects.visible_to(user).filter(pk=stream_id).select_related("camera", "jurisdiction").first()
    if stream is None:
        raise NotFound(_("There is no such stream."))
    return stream


def health_of(stream: Stream, now: datetime) -> StreamHealth:
    """How a stream is doing; one on which no worker reports is waiting, whatever it was last."""
    state = _believed(stream, now)
    runs = state not in (Stream.State.OFF, Stream.State.WAITING)
    sentence = stream_sentence(stream.error_code, stream.error_fields) if runs else ""
    return StreamHealth(
        id=stream.pk,
        camera_id=stream.camera_id,
        camera_name=stream.camera.name,
        name=stream.name,
        kind=stream.kind,
        state=state,
        state_label=str(Stream.State(state).label),
        last_frame_at=stream.last_frame_at,
        age_s=None if stream.last_frame_at is None else max(0.0, (now - stream.last_frame_at).total_seconds()),
        fps=stream.measured_fps if runs else 0.0,
        budget_fps=stream.fps,
        dropped=stream.dropped,
        broken=stream.broken,
        clock_offset_s=stream.clock_offset_s,
        blind=stream.blind if state == Stream.State.BLIND else "",
        sentence=sentence or (clock_words(stream.clock_offset_s) if runs else ""),
        is_calibrated=bool(stream.calibration),
        is_simulated=stream.camera.is_simulated,
    )


def camera_still(camera: Camera) -> bytes | None:
    """The last masked still of a camera (JPEG), at most a minute old; None where no worker looks at it."""
    still: bytes | None = cache.get(still_key(camera.pk))
    return still


def camera_for(*, user: "User | AnonymousUser", camera_id: int) -> Camera:
    """One camera. Raises `NotFound`."""
    camera = Camera.objects.visible_to(user).filter(pk=camera_id).first()
    if camera is None:
        raise NotFound(_("There is no such camera."))
    return camera


def still_key(camera_id: int) -> str:
    """Where the still of a camera lies in the cache."""
    return f"still:{camera_id}"


def streams_to_run(*, part: int = 0, parts: int = 1, jurisdiction_code: str = "") -> Sequence[StreamTask]:
    """The streams that are on, of all jurisdictions or one: the share of worker `part` of `parts`. For the worker alone."""
    streams = Stream.objects.filter(is_on=True, camera__is_working=True).annotate(share=Mod(F("id"), parts)).filter(share=part)
    if jurisdiction_code:
        streams = streams.filter(jurisdiction__code=jurisdiction_code)
    return [
        StreamTask(
            id=one.pk,
            revision=one.revision,
            jurisdiction_id=one.jurisdiction_id,
            camera=one.camera.source_id,
            camera_id=one.camera_id,
            lon=one.camera.point.x,
            lat=one.camera.point.y,
            kind=one.kind,
            address=one.address,
            sealed=one.sealed,
            fps=one.fps,
            height=one.height,
            loop=one.loop,
            detector=one.detector,
            factors=tuple(one.factors),
            rules=one.rules,
            calibration=one.calibration,
        )
        for one in streams.select_related("camera").order_by("id")
    ]


_ORDER: list[str] = [
    Stream.State.REFUSED,
    Stream.State.SILENT,
    Stream.State.RECONNECTING,
    Stream.State.BLIND,
    Stream.State.WAITING,
    Stream.State.OK,
    Stream.State.OFF,
]


def _believed(stream: Stream, now: datetime) -> str:
    if not stream.is_on:
        return Stream.State.OFF
    if stream.reported_at is None or (now - stream.reported_at).total_seconds() > UNREPORTED_S:
        return Stream.State.WAITING
    return stream.state
