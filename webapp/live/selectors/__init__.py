"""Reads of the live room: the picture now, one cell, one camera, recent events, health."""

from webapp.live.selectors.cameras import CameraHour, FactorHour, camera_last_hour
from webapp.live.selectors.cells import CameraSays, CellNow, FactorNow, now_of_cell
from webapp.live.selectors.events import ShownEvent, recent_events
from webapp.live.selectors.picture import LiveState, LiveValues, is_live_on, live_health, live_state, live_values

__all__ = [
    "CameraHour",
    "CameraSays",
    "CellNow",
    "FactorHour",
    "FactorNow",
    "LiveState",
    "LiveValues",
    "ShownEvent",
    "camera_last_hour",
    "is_live_on",
    "live_health",
    "live_state",
    "live_values",
    "now_of_cell",
    "recent_events",
]
