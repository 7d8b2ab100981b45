"""Writes of the camera registry: a list (`register_cameras`) or an uploaded register (`take_cameras`)."""

from webapp.cameras.services.registering import CameraError, CameraRecord, register_cameras
from webapp.cameras.services.taking import take_cameras

__all__ = ["CameraError", "CameraRecord", "register_cameras", "take_cameras"]
