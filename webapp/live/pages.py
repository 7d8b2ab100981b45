"""What the live pages show: one camera, its fitting to the ground, all streams at a glance, counts of public places."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, may, require
from webapp.cameras.models import Camera, Stream
from webapp.cameras.place_selectors import PublicHour, PublicPlace, public_places
from webapp.cameras.stream_selectors import StreamHealth, camera_for, health_of, streams_health, streams_of_camera
from webapp.common.errors import NotFound
from webapp.live import keys
from webapp.live.selectors.cells import camera_state, last_at_of
from webapp.live.selectors.picture import LiveAway, arrays_of, jurisdiction_of, kept

if TYPE_CHECKING:
    from webapp.accounts.models import User

NO_STREAM = "none"
NEVER_HEARD = "silent"  # as the fusion says it of a camera that sent no event yet


@dataclass(frozen=True)
class CameraPage:
    """One camera. `start`: what the page's script begins with. `stream`: the first one, which calibration and still mean."""

    camera: Camera
    streams: list[StreamHealth]
    stream: Stream | None
    may_manage: bool
    start: dict[str, Any]

    @property
    def error_m(self) -> float | None:
        """Error of the stream's calibration on the ground; None where it has none."""
        return self.stream.calibration.get("error_m") if self.stream else None


def camera_page(*, user: "User", camera_id: int, stream_id: int | None = None) -> CameraPage:
    """The page of one camera. Raises `NotAllowed`, `NotFound`."""
    require(user, Act.SEE_MAP)
    camera = camera_for(user=user, camera_id=camera_id)
    streams = streams_of_camera(user=user, camera_id=camera_id)
    stream = next((one for one in streams if stream_id is None or one.pk == stream_id), None)
    if stream_id is not None and stream is None:
        raise NotFound(_("There is no such stream."))
    now = timezone.now()
    return CameraPage(
        camera=camera,
        streams=[health_of(one, now) for one in streams],
        stream=stream,
        may_manage=may(user, Act.MANAGE_CAMERAS),
        start=_start(user, camera, stream),
    )


def calibration_page(*, user: "User", camera_id: int, stream_id: int | None = None) -> CameraPage:
    """The page on which a camera's stream is fitted to the ground. Raises `NotAllowed`, `NotFound`."""
    require(user, Act.MANAGE_CAMERAS)
    page = camera_page(user=user, camera_id=camera_id, stream_id=stream_id)
    if page.stream is None:
        raise NotFound(_("This camera has no video stream. Register one first."))
    return page


def _start(user: "User", camera: Camera, stream: Stream | None) -> dict[str, Any]:
    jurisdiction = camera.jurisdiction if user.jurisdiction is None else user.jurisdiction
    start: dict[str, Any] = {
        "time_zone": jurisdiction.time_zone,
        "boundary": json.loads(jurisdiction.boundary.simplify(0.0001).geojson),
        "camera": {
            "id": camera.pk,
            "name": camera.name,
            "longitude": camera.point.x,
            "latitude": camera.point.y,
            "bearing_deg": camera.bearing_deg,
            "angle_deg": camera.angle_deg,
            "range_m": camera.range_m,
        },
    }
    if stream is not None:
        start |= {
            "save": f"/api/v1/cameras/streams/{stream.pk}/",
            "points": stream.calibration.get("points", []),
            "places": stream.calibration.get("places", []),
            "rules": stream.rules,
        }
    return start


# --- All streams ------------------------------------------------------------------------------------
def streams_start(*, user: "User") -> dict[str, Any]:
    """Every camera with the state of its stream, and the states by name in the order in which they matter."""
    require(user, Act.SEE_MAP)
    return {"cameras": cameras_now(user=user), "states": _states()}


def cameras_now(*, user: "User") -> list[dict[str, Any]]:
    """One row a camera, in the order of their names; two queries, whatever their number.

    The state is that of its stream; of a camera that another system watches, what the fusion hears of it.
    """
    require(user, Act.SEE_MAP)
    heard = _heard(user)
    by_camera: dict[int, StreamHealth] = {}
    for health in streams_health(user=user):  # those in trouble come first: a camera shows its worst
        by_camera.setdefault(health.camera_id, health)
    cameras = Camera.objects.visible_to(user).order_by("name", "pk").values_list("pk", "name")
    return [_row(pk, name, by_camera.get(pk), heard.get(pk)) for pk, name in cameras]


def _heard(user: "User") -> dict[int, tuple[str, datetime | None]]:
    """State and last word of every camera that ever sent an event; nothing where the fusion does not run."""
    number = jurisdiction_of(user)
    try:
        frame, levels = kept(keys.frame(number), keys.levels(number))
    except LiveAway:
        return {}
    if frame is None or levels is None:
        return {}
    ids, now = arrays_of(frame)["cameras"].tolist(), arrays_of(levels)
    if now["last"].shape[0] != len(ids):  # the register changed between the two
        return {}
    states = ((camera, camera_state(now, row), last_at_of(now, row)) for row, camera in enumerate(ids))
    return {camera: (state, last_at) for camera, state, last_at in states if state != NEVER_HEARD}


def _row(camera_id: int, name: str, health: StreamHealth | None, heard: tuple[str, datetime | None] | None) -> dict[str, Any]:
    row = {"id": camera_id, "name": name, "state": NO_STREAM, "last_at": None, "fps": 0.0, "budget_fps": 0.0, "dropped": 0}
    if health is None:
        state, last_at = heard or (NO_STREAM, None)
        return row | {"state": state, "last_at": _iso(last_at), "sentence": ""}
    return row | {
        "state": health.state,
        "last_at": _iso(health.last_frame_at),
        "fps": round(health.fps, 2),
        "budget_fps": health.budget_fps,
        "dropped": health.dropped,
        "sentence": health.sentence,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _states() -> list[dict[str, str]]:
    """What states are called here, in the order in which they are offered."""
    streams = {code: str(Stream.State(code).label) for code in ("reconnecting", "silent", "refused", "waiting", "off")}
    labels = {
        "ok": _("in order"),
        "blind": _("cannot see"),
        "stale": _("not heard for long"),
        **streams,
        NO_STREAM: _("no stream here"),
    }
    return [{"code": code, "label": label} for code, label in labels.items()]


# --- Counts of public places ------------------------------------------------------------------------
@dataclass(frozen=True)
class HourBar:
    """One hour and how high its bar stands, 0 to 100."""

    hour: PublicHour
    height: int


@dataclass(frozen=True)
class ShownPlace:
    """A public place: its newest hour that is known, and a bar for each of its hours, oldest first."""

    place: PublicPlace
    newest: PublicHour | None
    bars: list[HourBar]


def places_page(*, now: datetime) -> list[ShownPlace]:
    """All places whose counts everybody may see; for nobody in particular, so nothing is scoped."""
    return [_shown_place(place) for place in public_places(now=now)]


def _shown_place(place: PublicPlace) -> ShownPlace:
    highest = max((hour.people_per_hour or 0.0 for hour in place.hours), default=0.0)
    bars = [HourBar(hour, round(100 * (hour.people_per_hour or 0.0) / highest) if highest > 0 else 0) for hour in place.hours]
    newest = next((hour for hour in place.hours if hour.people_text), None)
    return ShownPlace(place, newest, bars[::-1])
