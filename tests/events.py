"""Camera events for tests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from cctv.events import CameraEvent
from webapp.accounts.models import Jurisdiction
from webapp.cameras.camera_ids import forget_camera_ids
from webapp.cameras.models import Camera
from webapp.cameras.pressure import forget_pressure
from webapp.cameras.stream import client

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
_numbers = iter(range(10**12))


def make_event(camera: Camera | str, **changes: Any) -> CameraEvent:
    """A fall just now, seen by this camera; each with a key of its own."""
    values: dict[str, Any] = {
        "key": f"test-{next(_numbers)}",
        "camera": camera if isinstance(camera, str) else camera.source_id,
        "at": timezone.now() - timedelta(seconds=1),
        "factor": "fall",
        "confidence": 0.8,
        "model": "test 1",
    }
    return CameraEvent(**(values | changes))


def make_events(cameras: list[Camera], n: int, *, at: datetime | None = None, **changes: Any) -> list[CameraEvent]:
    extra = {"at": at} if at else {}
    return [make_event(cameras[i % len(cameras)], **(changes | extra)) for i in range(n)]


def fresh_stream(*jurisdictions: Jurisdiction) -> Iterator[None]:
    """Nothing in the streams of these, and nothing remembered of them, before and after."""
    redis_ = client()  # the site's, though a test points the settings elsewhere

    def forget() -> None:
        forget_camera_ids()
        forget_pressure()
        for jurisdiction in jurisdictions:
            for key in redis_.scan_iter(f"events:{jurisdiction.pk}*"):
                redis_.delete(key)

    forget()
    yield
    forget()
