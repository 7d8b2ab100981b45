"""Writes of the camera registry: a list (`register_cameras`) or an uploaded register (`take_cameras`).

Loaded when they are asked for: the long-running processes of events and streams live in this room too, and need none of the
120 MB that reading files takes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webapp.cameras.services.registering import CameraError, CameraRecord, register_cameras
    from webapp.cameras.services.taking import take_cameras

__all__ = ["CameraError", "CameraRecord", "register_cameras", "take_cameras"]
_HOMES = dict.fromkeys(("CameraError", "CameraRecord", "register_cameras"), "registering") | {"take_cameras": "taking"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
