"""The picture as the fusion last told it, from Redis: bytes, state, health."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import redis
from django.utils.translation import gettext as _

from webapp.common.channel import redis_client
from webapp.common.errors import HaechiError, NotFound
from webapp.live import keys
from webapp.live.models import LiveSwitch

if TYPE_CHECKING:
    from webapp.accounts.models import User


class NoLive(NotFound):
    """Nothing has been fused for this jurisdiction, or not for a day."""

    code = "no_live"


class LiveAway(HaechiError):
    """Redis cannot be asked just now."""

    code = "live_away"
    status = 503


@dataclass(frozen=True)
class LiveState:
    """What the picture is of. `at`: when it was drawn; `run`, `slot`: of which rates, None before the first forecast."""

    at: datetime
    run: int | None
    slot: int | None
    is_past: bool | None
    is_on: bool
    moves: bool
    counts: Mapping[str, int]


@dataclass(frozen=True)
class LiveValues:
    """One byte a cell on the scale of the run, in the order of its grid."""

    state: LiveState
    values: bytes


def jurisdiction_of(user: "User") -> int:
    """Whose picture this person sees. Raises `NoLive` for nobody's."""
    if user.jurisdiction_id is None:
        raise NoLive(_("There is no live picture yet."))
    return int(user.jurisdiction_id)


def kept(*names: str) -> list[bytes | None]:
    """The values of these keys. Raises `LiveAway`."""
    try:
        found: Any = redis_client().mget(names)
    except redis.RedisError as error:
        raise LiveAway(_("The live picture cannot be read just now. The forecast is still there; try again soon.")) from error
    return list(found)


def arrays_of(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name, as the fusion packed them."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def live_state(*, user: "User") -> LiveState:
    """What the live picture is of. Raises `NoLive`, `LiveAway`."""
    return _state(kept(keys.state(jurisdiction_of(user)))[0])


def live_values(*, user: "User", category: str = "") -> LiveValues:
    """The live picture of one category (blank: all together). Raises `NoLive`, `LiveAway`, `NotFound`."""
    number = jurisdiction_of(user)
    state, values = kept(keys.state(number), keys.values(number, category))
    found = _state(state)
    if values is None:
        if category and kept(keys.values(number, ""))[0] is not None:
            raise NotFound(_("The forecast has no such category."), fields={"category": category})
        raise NoLive(_("There is no live picture yet."))
    return LiveValues(found, values)


def live_health(*, user: "User") -> dict[str, Any]:
    """The last health message, with the state's time and counts. Raises `NoLive`, `LiveAway`."""
    number = jurisdiction_of(user)
    state, health = kept(keys.state(number), keys.health(number))
    if health is None:
        raise NoLive(_("There is no live picture yet."))
    told: dict[str, Any] = json.loads(health)
    found = _state(state) if state is not None else None
    return told | {
        "is_on": is_live_on(user=user),
        "run": found.run if found else None,
        "slot": found.slot if found else None,
        "moves": bool(found and found.moves),
        "counts": dict(found.counts) if found else {},
    }


def is_live_on(*, user: "User") -> bool:
    """Whether the live picture of the person's jurisdiction is switched on."""
    switch = LiveSwitch.objects.visible_to(user).first()
    return switch is None or bool(switch.is_on)


def _state(content: bytes | None) -> LiveState:
    if content is None:
        raise NoLive(_("There is no live picture yet."))
    state = json.loads(content)
    return LiveState(
        at=datetime.fromisoformat(state["at"]),
        run=state["run"],
        slot=state["slot"],
        is_past=state["is_past"],
        is_on=state["is_on"],
        moves=state["moves"],
        counts=state["counts"],
    )
